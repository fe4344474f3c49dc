"""The catalogs of `publish_to` as assets, on an OpenMetadata double and moto's Glue: who gets what, when, and what a failure stops."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

import dagster as dg
import pytest
import yaml

from s3_catalog.pipeline import crawl
from s3_catalog_tests.defs.harness import Deployment, failure_texts
from s3_catalog_tests.openmetadata.conftest import double, token
from s3_catalog_tests.openmetadata.server import BOT_TOKEN, Double
from s3_catalog_tests.servers import ACCESS_KEY, SECRET_KEY, Fault, S3Server

__all__ = ["double", "token"]

PROJECT = Path(__file__).parents[2]
CSV = b"id,name\n1,one\n2,two\n"
METADATA, GLUE = "catalogs/openmetadata", "catalogs/athena"


@dataclass(frozen=True)
class Lake:
    """A bucket, and the catalogs that its tables are published to."""

    deployment: Deployment
    server: S3Server
    double: Double
    bucket: str

    @property
    def glue_tables(self) -> list[str]:
        found = self.server.client("glue").get_tables(DatabaseName=self.bucket.replace("-", "_"))["TableList"]
        return sorted(table["Name"] for table in found)

    @property
    def metadata_tables(self) -> list[str]:
        answer = self.double.connect(BOT_TOKEN).get("/tables", params={"limit": "100"}).json()
        return sorted(table["name"] for table in answer["data"])

    def told(self, asset: str) -> dict[str, Any]:
        return self.deployment.metadata(asset)

    def runs(self, job: str) -> int:
        return sum(run.job_name == job for run in self.deployment.instance.get_runs())


def targets_of(server: S3Server, double: Double, bucket: str) -> list[dict[str, str]]:
    glue = f"glue://{bucket.replace('-', '_')}?region=us-east-1&endpoint_url={quote(server.endpoint_url)}"
    return [{"url": double.url(retries="0")}, {"name": "athena", "url": glue}]


@pytest.fixture
def aws_credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", ACCESS_KEY)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", SECRET_KEY)


@pytest.fixture
def lake(aws_credentials: None, deploy_bucket: Callable[..., Deployment], s3_server: S3Server, double: Double) -> Lake:
    bucket = s3_server.make_bucket({f"{folder}/orders.csv": CSV for folder in ("alpha", "beta", "gamma")})
    deployment = deploy_bucket(s3_server, bucket, publish_to=targets_of(s3_server, double, bucket))
    return Lake(deployment, s3_server, double, bucket)


def test_catalogs_stand_behind_the_published_tables(lake: Lake) -> None:
    graph = lake.deployment.definitions.resolve_asset_graph()
    for key, kinds in ((METADATA, {"openmetadata"}), (GLUE, {"glue"})):
        node = graph.get(dg.AssetKey.from_user_string(key))
        assert {parent.to_user_string() for parent in node.parent_keys} == {"published_tables"}
        assert (node.kinds, node.group_name, node.owners) == (kinds, "catalogs", ["team:data-platform"])
        assert not node.is_partitioned
        assert "dagster/code_references" in node.metadata
        assert {check.name for check in node.check_keys} == {"no_failed_tables"}


def test_jobs_of_prefixes_do_not_hold_the_catalogs_and_their_own_holds_nothing_else(lake: Lake) -> None:
    keys = {
        job: lake.deployment.definitions.resolve_job_def(job).asset_layer.selected_asset_keys
        for job in ("catalog_prefixes", "publish_catalogs")
    }
    assert {key.to_user_string() for key in keys["publish_catalogs"]} == {METADATA, GLUE}
    assert not keys["catalog_prefixes"] & keys["publish_catalogs"]


def test_the_whole_job_publishes_once_to_all_catalogs(lake: Lake) -> None:
    assert lake.deployment.run().success
    assert lake.metadata_tables == lake.glue_tables == [table.name for table in lake.deployment.tables()]
    assert lake.runs("publish_catalogs") == 1
    assert lake.told(GLUE)["tables: create"] == lake.told(METADATA)["tables: create"] == 3
    assert lake.deployment.checks()["no_failed_tables", "None"]


def test_an_unchanged_catalog_gets_no_write_and_keeps_its_data_version(lake: Lake) -> None:
    def versions() -> list[str]:
        found = [lake.deployment.instance.get_latest_materialization_event(dg.AssetKey.from_user_string(key)) for key in (METADATA, GLUE)]
        made = [event.asset_materialization for event in found if event]
        return [one.tags["dagster/data_version"] for one in made if one and one.tags]

    crawl(lake.deployment.settings.model_copy(update={"publish_to": ()}))
    assert lake.deployment.run("publish_catalogs").success
    first, written = versions(), lake.double.writes()
    assert lake.deployment.run("publish_catalogs").success
    assert (versions(), lake.double.writes()) == (first, written)
    for asset in (METADATA, GLUE):
        assert (lake.told(asset)["writes"], lake.told(asset)["tables: unchanged"]) == (0, 3)
    lake.server.client().put_object(Bucket=lake.bucket, Key="beta/orders.csv", Body=CSV + b"3,three\n")
    crawl(lake.deployment.settings)
    lake.deployment.run("publish_catalogs")
    assert not set(versions()) & set(first)


def test_a_catalog_that_is_down_fails_alone_and_is_repaired_without_a_listing(lake: Lake) -> None:
    lake.double.fail("status", status=503, times=10_000)
    result = lake.deployment.run()
    assert not result.success
    (text,) = failure_texts(result)
    assert text.startswith("not published to openmetadata: ")
    assert "\n" not in text
    assert (lake.double.writes(), len(lake.glue_tables)) == (0, 3)
    lake.double.faults.clear()
    lake.deployment.configure(location=f"s3://{lake.bucket}/", s3=lake.deployment.values["s3"] | {"endpoint_url": "http://127.0.0.1:9"})
    key = dg.AssetKey.from_user_string(METADATA)
    assert lake.deployment.run("publish_catalogs", asset_selection=[key]).success
    assert len(lake.metadata_tables) == 3


def test_a_prefix_that_fails_does_not_keep_the_others_from_the_catalogs(
    aws_credentials: None, deploy_bucket: Callable[..., Deployment], faulty: Callable[..., Any], s3_server: S3Server, double: Double
) -> None:
    bucket = s3_server.make_bucket({f"{folder}/orders.csv": CSV for folder in ("alpha", "secret", "zeta")})
    proxy = faulty(s3_server.endpoint_url, Fault(kind="status", status=403, code="AccessDenied", match="prefix=secret"))
    targets = targets_of(s3_server, double, bucket)
    lake = Lake(deploy_bucket(s3_server, bucket, endpoint_url=proxy.endpoint_url, publish_to=targets), s3_server, double, bucket)
    double.fail("status", path="databaseServices", status=401, times=10_000)
    result = lake.deployment.run()
    (text,) = failure_texts(result)
    assert text.startswith("1 prefix could not be listed: ")
    assert "; not published to openmetadata: " in text
    assert len(lake.glue_tables) == 2


def test_a_table_that_a_catalog_refuses_fails_a_check_and_not_the_job(lake: Lake) -> None:
    crawl(lake.deployment.settings)
    lake.server.client("glue").delete_table(DatabaseName=lake.bucket.replace("-", "_"), Name="beta_orders")
    theirs = {"Name": "beta_orders", "StorageDescriptor": {"Columns": [{"Name": "n", "Type": "int"}]}}
    lake.server.client("glue").create_table(DatabaseName=lake.bucket.replace("-", "_"), TableInput=theirs)
    assert lake.deployment.run("publish_catalogs").success
    told = lake.told(GLUE)
    assert told["tables that failed"] == 1
    assert "beta\\_orders" in told["conflicts"]
    evaluations = checks_of(lake, GLUE)
    assert [(one.passed, one.severity) for one in evaluations][-1] == (False, dg.AssetCheckSeverity.ERROR)
    assert "beta\\_orders" in str(evaluations[-1].metadata["what"].value)


def checks_of(lake: Lake, asset: str) -> list[dg.AssetCheckEvaluation]:
    instance, found = lake.deployment.instance, []
    for run in reversed(instance.get_runs()):
        for entry in instance.all_logs(run.run_id, of_type=dg.DagsterEventType.ASSET_CHECK_EVALUATION):
            evaluation = entry.get_dagster_event().asset_check_evaluation_data
            found += [evaluation] if evaluation.asset_key.to_user_string() == asset else []
    return found


def test_what_people_keep_is_named_and_no_value_is_shown(lake: Lake) -> None:
    lake.server.client().put_object(Bucket=lake.bucket, Key="beta/orders.csv", Body=b"id,email\n1,ann@example.com\n2,bob@example.com\n")
    crawl(lake.deployment.settings)
    fqn = f"lake_service.{lake.bucket}.beta.beta_orders"
    lake.double.by_hand(fqn, {"op": "remove", "path": "/columns/1/tags"})
    assert lake.deployment.run("publish_catalogs").success
    told = lake.told(METADATA)
    assert told["fields kept"] == 1
    assert "| columns.email.tags | 1 | beta\\_orders |" in told["kept as people have it"]
    assert "PII" not in str(told)
    assert "tags" not in lake.double.table(fqn)["columns"][1]


def test_what_no_engine_reads_is_skipped_with_its_reason(lake: Lake) -> None:
    lake.server.client().put_object(Bucket=lake.bucket, Key="delta/things.json", Body=b'[{"a": 1}, {"a": 2}]')
    crawl(lake.deployment.settings)
    assert lake.deployment.run("publish_catalogs").success
    told = lake.told(GLUE)
    assert told["tables: skip"] == 1
    assert "delta\\_things" in told["skipped"]
    assert checks_of(lake, GLUE)[-1].passed


def test_tables_withheld_from_retirement_are_named(lake: Lake) -> None:
    lake.deployment.configure(retire={"max_share": 1})
    crawl(lake.deployment.settings)
    for folder in ("alpha", "beta"):
        lake.server.client().delete_object(Bucket=lake.bucket, Key=f"{folder}/orders.csv")
    crawl(lake.deployment.settings.model_copy(update={"publish_to": ()}))
    lake.deployment.configure(retire={"max_share": 0.25})
    assert lake.deployment.run("publish_catalogs").success
    assert lake.told(GLUE)["not retired"].startswith("alpha_orders, beta_orders: 2 of 3 published tables")
    assert len(lake.glue_tables) == 3


def test_the_page_of_a_catalog_is_linked(lake: Lake) -> None:
    lake.deployment.run("publish_catalogs")
    assert lake.told(METADATA)["catalog"] == f"http://127.0.0.1:{lake.double.port}/service/databaseServices/lake_service"
    assert "catalog" not in lake.told(GLUE)  # an endpoint of one's own has no console


def test_a_catalog_that_left_the_settings_says_so(lake: Lake) -> None:
    crawl(lake.deployment.settings)
    lake.deployment.configure(publish_to=lake.deployment.values["publish_to"][1:])
    result = lake.deployment.run("publish_catalogs")
    assert failure_texts(result) == ["unknown catalog of publish_to 'openmetadata': choose one of athena"]
    assert lake.told(GLUE)["tables: unchanged"] == 3


def test_without_other_catalogs_there_is_nothing_of_this(deploy: Callable[..., Deployment], tmp_path: Path) -> None:
    repository = deploy(tmp_path).definitions.get_repository_def()
    assert not repository.has_job("publish_catalogs")
    assert {node.name for node in repository.get_job("catalog_bucket").nodes} == {"discover", "catalog", "conclude"}
    assert {sensor.name for sensor in repository.sensor_defs} == {"object_events", "changed_listings"}


def test_loading_definitions_with_catalogs_reaches_for_nothing(tmp_path: Path) -> None:
    code = (
        "import sys\n"
        "def audit(event, args):\n"
        "    if event in ('socket.connect', 'socket.getaddrinfo'): raise SystemExit(event)\n"
        "sys.addaudithook(audit)\n"
        "from s3_catalog.definitions import defs\n"
        "assert defs().get_repository_def().has_job('publish_catalogs')\n"
        "print(*sorted({'boto3', 'botocore', 'httpx', 'sqlalchemy', 'alembic'} & set(sys.modules)))\n"
    )
    path = tmp_path / "s3_catalog.yaml"
    urls = [{"url": "openmetadata://127.0.0.1:9/service"}, {"url": "glue://lake?region=eu-west-1"}]
    path.write_text(yaml.safe_dump({"location": "s3://lake/", "publish_to": urls}), encoding="utf-8")
    environ = os.environ | {"S3_CATALOG_CONFIG": str(path)}
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code], capture_output=True, text=True, cwd=PROJECT, env=environ, check=False
    )
    assert (done.returncode, done.stdout.split()) == (0, []), done.stderr


@pytest.fixture
def execute(
    tmp_path: Path, lake: Lake, run_dagster: Callable[..., subprocess.CompletedProcess[str]]
) -> Callable[[], subprocess.CompletedProcess[str]]:
    """Run the whole job by the command line, with the lake's settings."""
    settings = lake.deployment.folder / "s3_catalog.yaml"

    def run() -> subprocess.CompletedProcess[str]:
        return run_dagster("job", "execute", "-m", "s3_catalog.definitions", "-j", "catalog_bucket", S3_CATALOG_CONFIG=str(settings))

    return run


def test_the_command_publishes_to_the_catalog_that_is_up_and_repairs_the_other_next_time(
    lake: Lake, execute: Callable[[], subprocess.CompletedProcess[str]]
) -> None:
    lake.double.fail("status", status=503, times=10_000)
    done = execute()
    assert done.returncode != 0
    assert "not published to openmetadata: " in done.stderr
    assert BOT_TOKEN not in done.stderr
    assert (len(lake.glue_tables), lake.double.writes()) == (3, 0)
    lake.double.faults.clear()
    done = execute()
    assert done.returncode == 0, done.stderr
    assert lake.metadata_tables == lake.glue_tables
