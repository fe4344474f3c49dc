"""The job `catalog_bucket` in this process: all prefixes, each with its own status, whatever one of them meets."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from s3_catalog.pipeline import crawl, open_state
from s3_catalog_tests.defs.conftest import Deploy
from s3_catalog_tests.defs.harness import ASSETS, Deployment, failure_texts
from s3_catalog_tests.servers import Fault, S3Server

CSV = b"id,name\n1,one\n2,two\n"
DENIED = Fault(kind="status", status=403, code="AccessDenied", match="prefix=secret")


@pytest.fixture
def bucket(s3_server: S3Server) -> str:
    return s3_server.make_bucket({f"{folder}/orders/part-0000{part}.csv": CSV for folder in ("alpha", "secret", "zeta") for part in (0, 1)})


def test_the_job_publishes_what_the_command_line_does(deploy: Deploy, sample_lake: Path, tmp_path: Path) -> None:
    deployment = deploy(sample_lake)
    assert deployment.run().success
    settings = deployment.settings.model_copy(update={"catalog": f"sqlite:///{tmp_path / 'other.db'}"})
    report = crawl(settings)
    assert len(report.tables) > 10
    with open_state(settings) as other:
        assert deployment.tables() == other.list_tables()
        ledger = list(other.latest_ledger(report.run.store_url))
    with open_state(deployment.settings) as state:
        assert list(state.latest_ledger(report.run.store_url)) == ledger


def test_each_prefix_is_a_partition_with_its_own_status(deploy: Deploy, sample_lake: Path) -> None:
    deployment = deploy(sample_lake)
    deployment.run()
    folders = {f"{path.name}/" for path in sample_lake.iterdir() if path.is_dir()}
    assert set(deployment.keys) == {"(root)", *folders}
    for asset in ASSETS:
        assert deployment.statuses(asset) == dict.fromkeys(deployment.keys, "MATERIALIZED")


def test_a_corrupt_file_fails_a_check_and_not_the_job(deploy: Deploy, sample_lake: Path) -> None:
    deployment = deploy(sample_lake)
    assert deployment.run().success
    checks = deployment.checks()
    assert {partition for (check, partition), passed in checks.items() if check == "no_failed_objects" and not passed} == {"sales/"}
    assert all(passed for (check, _), passed in checks.items() if check == "listing_complete")


def test_a_second_job_writes_nothing(deploy: Deploy, sample_lake: Path) -> None:
    deployment = deploy(sample_lake)
    deployment.run()
    before = deployment.tables()
    assert deployment.run().success
    told = deployment.metadata("published_tables", "sales/")
    assert told["tables: unchanged"] > 0
    assert not [name for name in told if name in ("tables: create", "tables: update")]
    assert deployment.tables() == before


def test_nested_runs_name_the_run_that_started_them(deploy: Deploy, fill_folder: Callable[..., Path]) -> None:
    deployment = deploy(fill_folder({"a/t.csv": CSV}))
    outer = deployment.run()
    parents = {run.job_name: run.tags.get("dagster/parent_run_id") for run in deployment.instance.get_runs()}
    assert parents == {"catalog_bucket": None, "discover_prefixes": outer.run_id, "catalog_prefixes": outer.run_id}


def test_an_empty_location_is_done_without_a_table(deploy: Deploy, fill_folder: Callable[..., Path]) -> None:
    deployment = deploy(fill_folder({}))
    assert deployment.run().success
    assert deployment.keys == []
    assert deployment.tables() == []


def test_a_location_that_cannot_be_listed_fails_in_one_line_and_leaves_the_catalog(
    deploy: Deploy, fill_folder: Callable[..., Path]
) -> None:
    folder = fill_folder({"a/t.csv": CSV})
    deployment = deploy(folder)
    deployment.run()
    before = deployment.tables()
    shutil.rmtree(folder)
    result = deployment.run()
    assert not result.success
    assert [text.count("\n") for text in failure_texts(result)] == [0]
    assert "does not exist" in failure_texts(result)[0]
    assert deployment.tables() == before
    assert deployment.keys == ["a/"]


def test_wrong_settings_fail_in_one_line(deploy: Deploy, fill_folder: Callable[..., Path]) -> None:
    deployment = deploy(fill_folder({"a/t.csv": CSV}))
    deployment.configure(partition_depth="deep")
    result = deployment.run()
    assert not result.success
    assert "partition_depth" in failure_texts(result)[0]


def test_tables_of_a_vanished_prefix_are_retired_and_its_partition_goes(deploy: Deploy, fill_folder: Callable[..., Path]) -> None:
    folder = fill_folder({f"{name}/t.csv": CSV for name in ("a", "b", "c", "d", "e")})
    deployment = deploy(folder)
    deployment.run()
    shutil.rmtree(folder / "b")
    assert deployment.run().success
    assert {table.layout.location for table in deployment.tables()} == {"a/t.csv", "c/t.csv", "d/t.csv", "e/t.csv"}
    assert "b/" in deployment.keys
    deployment.run("discover_prefixes")
    assert deployment.keys == ["a/", "c/", "d/", "e/"]


def test_one_run_retires_no_more_than_its_share_over_all_prefixes(deploy: Deploy, fill_folder: Callable[..., Path]) -> None:
    folder = fill_folder({f"{name}/t.csv": CSV for name in "abcdefgh"})
    deployment = deploy(folder, retire={"max_share": 0.25})
    deployment.run()
    for name in "abc":
        shutil.rmtree(folder / name)
    assert deployment.run().success
    assert len(deployment.tables()) == 8
    assert "more than the share" in deployment.metadata("published_tables", "h/")["not retired"]


def failing(deploy_bucket: Callable[..., Deployment], faulty: Callable[..., object], server: S3Server, bucket: str) -> Deployment:
    proxy = faulty(server.endpoint_url, DENIED)
    return deploy_bucket(server, bucket, endpoint_url=proxy.endpoint_url)  # type: ignore[attr-defined]


def test_a_prefix_that_cannot_be_listed_fails_alone(
    deploy_bucket: Callable[..., Deployment], faulty: Callable[..., object], s3_server: S3Server, bucket: str
) -> None:
    deployment = failing(deploy_bucket, faulty, s3_server, bucket)
    result = deployment.run()
    assert not result.success
    (text,) = failure_texts(result)
    assert text.startswith("1 prefix could not be listed: ")
    assert "secret/" in text
    assert {table.layout.location for table in deployment.tables()} == {"alpha/orders/", "zeta/orders/"}
    for asset in ASSETS:
        assert deployment.statuses(asset) == {"alpha/": "MATERIALIZED", "secret/": "FAILED", "zeta/": "MATERIALIZED"}


def test_a_prefix_that_cannot_be_listed_fails_its_check_and_stands_in_the_ledger(
    deploy_bucket: Callable[..., Deployment], faulty: Callable[..., object], s3_server: S3Server, bucket: str
) -> None:
    deployment = failing(deploy_bucket, faulty, s3_server, bucket)
    deployment.run()
    checks = deployment.checks()
    assert {partition: passed for (check, partition), passed in checks.items() if check == "listing_complete"} == {
        "alpha/": True,
        "secret/": False,
        "zeta/": True,
    }
    with open_state(deployment.settings) as state:
        row = state.find_object(f"s3://{bucket}/", "secret/")
    assert row is not None
    assert "secret/" in row["error"]


def test_nothing_under_a_failed_prefix_is_retired_and_the_next_run_heals_it(
    deploy_bucket: Callable[..., Deployment], faulty: Callable[..., object], s3_server: S3Server, bucket: str
) -> None:
    fine = deploy_bucket(s3_server, bucket)
    assert fine.run().success
    before = fine.tables()
    proxy = faulty(s3_server.endpoint_url, DENIED)
    fine.configure(s3=fine.values["s3"] | {"endpoint_url": proxy.endpoint_url})  # type: ignore[attr-defined]
    assert not fine.run().success
    assert fine.statuses("published_tables")["secret/"] == "FAILED"
    assert fine.tables() == before
    fine.configure(s3=fine.values["s3"] | {"endpoint_url": s3_server.endpoint_url})
    assert fine.run().success
    assert set(fine.statuses("object_manifest").values()) == {"MATERIALIZED"}


def test_a_failure_that_passes_is_made_good_in_the_same_job(
    deploy_bucket: Callable[..., Deployment], faulty: Callable[..., object], s3_server: S3Server, bucket: str
) -> None:
    once = Fault(kind="status", status=403, code="AccessDenied", match="prefix=secret", times=1)
    proxy = faulty(s3_server.endpoint_url, once)
    deployment = deploy_bucket(s3_server, bucket, endpoint_url=proxy.endpoint_url)  # type: ignore[attr-defined]
    assert deployment.run().success
    assert len(deployment.tables()) == 3
    assert set(deployment.statuses("published_tables").values()) == {"MATERIALIZED"}
