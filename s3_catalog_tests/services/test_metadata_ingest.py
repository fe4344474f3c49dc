"""The real `metadata ingest` runs S3Source on a lake on MinIO and writes to the double of OpenMetadata: one story in few runs.

Each run starts a program of ten seconds, so a run proves many things; the tests below stand in their order.
"""

from __future__ import annotations

import io
import os
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from s3_catalog.errors import StoreUnreachableError
from s3_catalog.openmetadata_source.lakes import count_top
from s3_catalog.openmetadata_source.options import read_options
from s3_catalog_tests.openmetadata.rules import Body
from s3_catalog_tests.openmetadata.server import BOT_TOKEN, Double
from s3_catalog_tests.openmetadata_source.ingesting import MISSING, Run, find_metadata, ingest, workflow
from s3_catalog_tests.servers import SECRET_KEY, S3Server
from s3_catalog_tests.services.test_store_minio import assume_role, policy

pytestmark = pytest.mark.timeout(900)

EMAILS = [f"someone{number}@example.org" for number in range(20)]


def parquet(rows: int) -> bytes:
    address = pa.struct([("city", pa.string()), ("lines", pa.list_(pa.string()))])
    table = pa.table(
        {
            "id": pa.array(range(rows), pa.int64()),
            "amount": pa.array([Decimal("1.50")] * rows, pa.decimal128(10, 2)),
            "address": pa.array([{"city": "Ulm", "lines": ["a"]}] * rows, address),
        }
    )
    written = io.BytesIO()
    pq.write_table(table, written)
    return written.getvalue()


OBJECTS = {
    "sales/orders/year=2024/month=01/a.parquet": parquet(3),
    "sales/orders/year=2024/month=02/b.parquet": parquet(4),
    "people/customers.csv": b"id,email\n" + "".join(f"{n},{email}\n" for n, email in enumerate(EMAILS)).encode(),
    "web/events.jsonl": b'{"id": 1, "kind": "a"}\n{"id": 2, "kind": "b"}\n',
    "finance/rates.csv": b"day,rate\n2024-01-01,1.5\n2024-01-02,1.6\n",
    "finance/prices.csv": b"sku::code,price\na,1.50\nb,2.50\n",
    "secret/plans.csv": b"id,plan\n1,x\n2,y\n",
}


@dataclass
class Story:
    """The lake, the server, and what each run did."""

    command: str
    store: S3Server
    bucket: str
    server: Double
    folder: Path
    requests: dict[str, Counter[str]] = field(default_factory=dict)
    runs: dict[str, Run] = field(default_factory=dict)
    after: dict[str, dict[str, float]] = field(default_factory=dict)

    def options(self, **changes: str) -> dict[str, str]:
        keys = {"awsAccessKeyId": self.store.access_key, "awsSecretAccessKey": self.store.secret_key, "awsRegion": "us-east-1"}
        return {**keys, "endPointURL": self.store.endpoint_url, "bucketName": self.bucket, **changes}

    def run(self, name: str, options: Mapping[str, str], **settings: Any) -> Run:
        with self.server.counting() as counted:
            self.runs[name] = ingest(self.command, self.folder, workflow(self.server, options, **settings))
        self.requests[name], self.after[name] = counted, self.tables()
        return self.runs[name]

    def table(self, name: str, service: str = "lake") -> Body:
        return self.server.table(f"{service}.{self.bucket}.{name}")

    def tables(self, service: str = "lake", include: str = "non-deleted") -> dict[str, float]:
        """Versions by what of the qualified name follows the bucket."""
        prefix = f"{service}.{self.bucket}."
        found = self.server.entities.list("tables", include=include, within=service)
        return {table["fullyQualifiedName"].removeprefix(prefix): table["version"] for table in found}

    def sample(self, name: str, service: str = "lake") -> Body:
        found: Body = self.server.entities.get_sample(self.table(name, service)["id"]).get("sampleData", {})
        return found


OPTIONS = {
    "enable_caching": "true",
    "batch_size": "3",
    "max_sample_rows": "5",
    "max_workers": "4",
    "chunk_size": "128 KiB",
    "tag_mapping": "customers:PII.Sensitive",
    "default_tags": "Source.S3",
    "path_classification": '{"finance/": "Department.Finance"}',
}
CHANGED = OPTIONS | {"tag_mapping": "customers:PII.NonSensitive", "max_sample_rows": "0"}


@pytest.fixture(scope="module")
def stories(minio_server: S3Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[], Story]]:
    """Makes stories about one lake, each with a server of its own."""
    command = find_metadata()
    if command is None:
        if os.environ.get("S3_CATALOG_REQUIRE_SERVICES") == "1":
            pytest.fail(MISSING)
        pytest.skip(MISSING)
    bucket = minio_server.make_bucket(OBJECTS)
    with ExitStack() as opened:

        def make() -> Story:
            server = Double()
            opened.callback(server.close)
            return Story(command, minio_server, bucket, server, tmp_path_factory.mktemp("ingest"))

        yield make


@pytest.fixture(scope="module")
def beside(stories: Callable[[], Story]) -> Iterator[dict[str, Future[Story]]]:
    """Runs that need no other, begun at once: most of a run is the start of the program."""
    with ThreadPoolExecutor(2) as pool:
        yield {"chosen": pool.submit(run_chosen, stories()), "wrong": pool.submit(run_wrong, stories())}


def run_chosen(story: Story) -> Story:
    """Options that choose, and the patterns of the workflow."""
    choosing = {
        "bucketName": ",".join(f"{story.bucket}/{folder}" for folder in ("sales/", "people", "web", "finance")),
        "file_formats": "parquet,csv",
        "enable_partition_parsing": "false",
        "exclude_patterns": "finance/**",
        "max_sample_rows": "0",
        "max_file_size_mb": "1",
    }
    config = {"includeTags": False, "tableFilterPattern": {"excludes": ["^customers$"]}}
    story.run("chosen", story.options(**choosing), service="chosen.few", config=config)
    return story


def run_wrong(story: Story) -> Story:
    """Options that nobody knows."""
    story.run("wrong", story.options(file_formats="docx", buckets="x"), service="wrong")
    return story


@pytest.fixture(scope="module")
def first(stories: Callable[[], Story], beside: dict[str, Future[Story]]) -> Story:
    """A first run with every option that shapes what is published."""
    story = stories()
    answer = story.run("first", story.options(**OPTIONS))
    assert answer.exit_code == 0, answer.output
    return story


@pytest.fixture(scope="module")
def edited(first: Story) -> Story:
    """People write a description and take a tag away."""
    first.server.by_hand(f"lake.{first.bucket}.sales.sales_orders", {"op": "add", "path": "/description", "value": "by hand"})
    tags = first.table("people.people_customers")["tags"]
    kept = [tag for tag in tags if tag["tagFQN"] != "Source.S3"]
    first.server.by_hand(f"lake.{first.bucket}.people.people_customers", {"op": "replace", "path": "/tags", "value": kept})
    return first


@pytest.fixture(scope="module")
def denied(edited: Story) -> Story:
    """A folder is gone, and the run may not list another one; a second bucket does not exist."""
    edited.store.client().delete_object(Bucket=edited.bucket, Key="finance/rates.csv")
    limited = assume_role(edited.store, policy(edited.bucket, denied_prefix="secret/"))
    names = {"access_key_id": "awsAccessKeyId", "secret_access_key": "awsSecretAccessKey", "session_token": "awsSessionToken"}
    keys = {names[name]: value for name, value in limited.items()}
    edited.run("denied", edited.options(**CHANGED) | keys | {"bucketName": f"missing-{edited.bucket}, {edited.bucket}"})
    return edited


@pytest.fixture(scope="module")
def complete(denied: Story) -> Story:
    """The same with all rights."""
    answer = denied.run("complete", denied.options(**CHANGED))
    assert answer.exit_code == 0, answer.output
    return denied


def columns(table: Body) -> dict[str, Body]:
    return {column["name"]: column for column in table["columns"]}


def test_every_table_is_published_with_its_columns(first: Story) -> None:
    assert set(first.tables()) == {
        "sales.sales_orders",
        "people.people_customers",
        "web.web_events",
        "finance.finance_rates",
        "finance.finance_prices",
        "secret.secret_plans",
    }
    orders = first.table("sales.sales_orders")
    found = columns(orders)
    assert list(found) == ["id", "amount", "address", "year", "month"]
    assert (found["amount"]["dataType"], found["amount"]["precision"], found["amount"]["scale"]) == ("DECIMAL", 10, 2)
    assert [child["name"] for child in found["address"]["children"]] == ["city", "lines"]
    assert found["address"]["children"][1]["arrayDataType"] == "STRING"
    assert [part["columnName"] for part in orders["tablePartition"]["columns"]] == ["year", "month"]
    assert (orders["tableType"], orders["fileFormat"], orders["locationPath"]) == (
        "Partitioned",
        "parquet",
        f"s3://{first.bucket}/sales/orders/",
    )
    profile = first.server.entities.latest_profile(orders["fullyQualifiedName"])["profile"]
    assert profile["rowCount"] == 7


def test_roles_and_certificates_reach_the_store(minio_server: S3Server, minio_tls_server: S3Server) -> None:
    def look(server: S3Server, **options: str) -> tuple[int, int]:
        bucket = server.make_bucket({"a/x.csv": b"id\n1\n", "y.csv": b"id\n1\n"})
        keys = {"awsAccessKeyId": server.access_key, "awsSecretAccessKey": server.secret_key, "endPointURL": server.endpoint_url}
        return count_top(read_options({"bucketName": bucket, **keys, **options}), f"s3://{bucket}")

    assert look(minio_server, roleArn="arn:aws:iam::123456789012:role/any") == (1, 1)
    assert look(minio_tls_server, sslCertPath=str(minio_tls_server.ca_bundle)) == (1, 1)
    assert look(minio_tls_server, verifySSL="false") == (1, 1)
    with pytest.raises(StoreUnreachableError, match="certificate"):
        look(minio_tls_server)


def test_tags_come_from_values_paths_folders_and_for_all(first: Story) -> None:
    def tags(holder: Body) -> set[str]:
        return {tag["tagFQN"] for tag in holder.get("tags", ())}

    customers = first.table("people.people_customers")
    assert "PII.Sensitive" in tags(customers)
    assert tags(columns(customers)["email"])
    assert tags(first.table("finance.finance_prices")) == {"Department.Finance", "Source.S3"}
    assert tags(first.table("web.web_events")) == {"Source.S3"}


def test_samples_are_masked_and_as_many_as_asked(first: Story) -> None:
    sample = first.sample("people.people_customers")
    assert (sample["columns"], len(sample["rows"])) == (["id", "email"], 5)
    assert not any(email in str(sample) for email in EMAILS)
    assert len(first.sample("sales.sales_orders")["rows"]) == 5


def test_names_that_openmetadata_reserves_are_written_its_way(first: Story) -> None:
    names = ["sku__reserved__colon__code", "price"]
    prices = first.table("finance.finance_prices")
    profiled = first.server.entities.latest_profile(prices["fullyQualifiedName"])["columns"]
    assert (list(columns(prices)), first.sample("finance.finance_prices")["columns"]) == (names, names)
    assert [column["name"] for column in profiled if "profile" in column] == names


def test_tables_are_handed_over_in_batches(first: Story) -> None:
    assert first.requests["first"]["PUT /tables/bulk"] == 2


def test_no_secret_is_said_or_sent(first: Story) -> None:
    service = first.server.entities.get_by_name("services/databaseServices", "lake")
    options = service["connection"]["config"]["connectionOptions"]
    assert options["bucketName"] == first.bucket
    assert SECRET_KEY not in str(service)
    unsaid = (SECRET_KEY, BOT_TOKEN, *EMAILS)
    assert not [word for run in first.runs.values() for word in unsaid if word in run.output]


def test_the_connection_is_tested_by_listing(first: Story) -> None:
    assert f"connection test passed location=s3://{first.bucket} folders=5 objects=0" in first.runs["first"].output


def test_an_incomplete_listing_deletes_nothing_and_says_so(denied: Story) -> None:
    answer = denied.runs["denied"]
    assert answer.exit_code == 1
    assert f"s3://{denied.bucket}/secret/: permission denied" in answer.output
    assert "not retired: finance_rates" in answer.output
    assert denied.after["denied"].keys() == denied.after["first"].keys()
    assert "DELETE /tables/{id}" not in denied.requests["denied"]


def test_a_bucket_that_is_not_there_stops_no_other(denied: Story) -> None:
    output = denied.runs["denied"].output
    assert f"connection test failed location=s3://missing-{denied.bucket}" in output
    assert f"connection test passed location=s3://{denied.bucket}" in output


def test_what_is_no_longer_wanted_is_taken_back(denied: Story) -> None:
    tags = {tag["tagFQN"] for tag in denied.table("people.people_customers")["tags"]}
    assert ("PII.Sensitive" in tags, "PII.NonSensitive" in tags, "Source.S3" in tags) == (False, True, False)
    assert denied.requests["denied"]["PATCH /tables/{id}"] == 1
    assert denied.requests["denied"]["DELETE /tables/{id}/sampleData"] == 4
    assert denied.sample("people.people_customers") == {}


def test_a_complete_listing_retires_what_is_gone(complete: Story) -> None:
    assert complete.requests["complete"]["DELETE /tables/{id}"] == 1
    assert complete.table("finance.finance_rates")["deleted"]
    assert "finance.finance_rates" not in complete.tables()


def test_an_unchanged_lake_changes_no_version_and_sends_no_table(complete: Story) -> None:
    human = {"sales.sales_orders": 0.2, "people.people_customers": 0.3}
    assert complete.tables() == {name: human.get(name, 0.1) for name in complete.tables()}
    writes = {request: count for request, count in complete.requests["complete"].items() if not request.startswith("GET")}
    # the one gone, and the figures of the folder that could not be listed when samples were switched off
    assert writes == {"DELETE /tables/{id}": 1, "DELETE /tables/{id}/sampleData": 1, "PUT /tables/{id}/tableProfile": 1}


def test_what_people_wrote_and_took_away_stays(complete: Story) -> None:
    assert complete.table("sales.sales_orders")["description"] == "by hand"
    assert "Source.S3" not in {tag["tagFQN"] for tag in complete.table("people.people_customers")["tags"]}


def test_options_choose_what_is_published(beside: dict[str, Future[Story]]) -> None:
    chosen = beside["chosen"].result()
    assert chosen.runs["chosen"].exit_code == 0, chosen.runs["chosen"].output
    service = '"chosen.few"'
    assert set(chosen.tables(service)) == {"sales.orders"}
    assert "left out by tableFilterPattern" in chosen.runs["chosen"].output
    orders = chosen.table("sales.orders", service)
    assert list(columns(orders)) == ["id", "amount", "address"]
    assert ("tablePartition" in orders, orders["tableType"], "tags" in orders) == (False, "External", False)
    assert chosen.requests["chosen"]["PUT /tables/{id}/sampleData"] == 0


def test_a_wrong_option_ends_the_run_before_anything_is_written(beside: dict[str, Future[Story]]) -> None:
    story = beside["wrong"].result()
    answer = story.runs["wrong"]
    assert answer.exit_code == 1
    assert "connectionOptions.buckets: unknown option" in answer.output
    assert "connectionOptions.file_formats: unknown format; choose of arrow_ipc, avro, csv" in answer.output
    assert SECRET_KEY not in answer.output
    assert story.server.writes() == 0
