"""Trino reads what we publish to Glue: moto holds the catalog, MinIO the objects."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from examples.make_lake import make_lake
from s3_catalog.catalogs import Action
from s3_catalog_tests.glue.lakes import Expected, make_formats_lake, write_iceberg
from s3_catalog_tests.glue.publishing import Published, publish_bucket, upload
from s3_catalog_tests.glue.trino import Result, Trino, missing_parts, run_trino
from s3_catalog_tests.servers import S3Server

pytestmark = pytest.mark.timeout(400)

AS_TEXT = ("dt = DATE '2026-01-31'", "dt = '20260131'")
"""A projected date that is not written as SQL does is text."""
CONNECTORS = {"delta": "delta", "iceberg": "iceberg", "hudi": "hudi"}
SAMPLE_TYPES = {
    "sales_customers": {
        "customer_id": "bigint", "name": "varchar", "email": "varchar", "phone": "varchar", "birth_date": "date", "city": "varchar",
        "country": "varchar", "newsletter": "boolean",
    },
    "sales_order_items": {
        "order_id": "bigint", "sku": "varchar", "quantity": "smallint", "price": "decimal(8, 2)",
        "discounts": "array(row(code varchar, share double))",
    },
    "sales_orders": {
        "order_id": "bigint", "customer_id": "bigint", "ordered_at": "timestamp(6)", "amount": "decimal(10, 2)", "currency": "varchar",
        "status": "varchar", "channel": "varchar", "year": "integer", "month": "integer",
    },
    "warehouse_inventory": {"sku": "varchar", "on_hand": "integer", "site": "varchar", "counted_at": "timestamp(3) with time zone"},
    "warehouse_shipments": {"shipment_id": "bigint", "weight_kg": "double", "sent_on": "date"},
    "web_events": {
        "id": "varchar", "at": "varchar", "device": "row(os varchar, version varchar)", "kind": "varchar", "ip": "varchar",
        "terms": "array(varchar)", "amount": "double", "year": "integer", "month": "integer", "day": "integer",
    },
    "web_topics_clicks": {"user": "bigint", "page": "varchar", "ms": "bigint", "partition": "integer"},
}  # fmt: skip


@pytest.fixture(scope="session")
def trino(s3_server: S3Server, minio_server: S3Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Trino]:
    missing = missing_parts()
    if missing is not None:
        if os.environ.get("S3_CATALOG_REQUIRE_SERVICES") == "1":
            pytest.fail(missing)
        pytest.skip(missing)
    with run_trino(tmp_path_factory.mktemp("trino"), glue=s3_server, store=minio_server) as server:
        yield server


@pytest.fixture(scope="session")
def sample(s3_server: S3Server, minio_server: S3Server, tmp_path_factory: pytest.TempPathFactory) -> Published:
    folder = tmp_path_factory.mktemp("sample") / "lake"
    make_lake(folder)
    bucket = minio_server.make_bucket()
    upload(minio_server, folder, bucket)
    return publish_bucket(minio_server, s3_server, bucket)


@pytest.fixture(scope="session")
def formats_bucket(minio_server: S3Server, tmp_path_factory: pytest.TempPathFactory) -> tuple[str, dict[str, Expected]]:
    folder = tmp_path_factory.mktemp("formats")
    expected = make_formats_lake(folder / "lake")
    bucket = minio_server.make_bucket()
    upload(minio_server, folder / "lake", bucket)
    return bucket, expected | write_iceberg(minio_server, bucket, folder)


def test_trino_reads_every_table_of_the_sample_lake(trino: Trino, sample: Published) -> None:
    assert sample.outcome.failed == ()
    assert sample.names(Action.CREATE) == SAMPLE_TYPES.keys()
    found: dict[str, Result] = {}
    for name in SAMPLE_TYPES:
        found[name] = trino.query(f'SELECT * FROM "{sample.database}"."{name}"', catalog=CONNECTORS.get(sample.tables[name].format, "hive"))
    assert {name: result.types for name, result in found.items()} == SAMPLE_TYPES
    assert {name: len(result.rows) for name, result in found.items()} == {name: sample.tables[name].row_count for name in found}


def test_what_no_engine_reads_is_not_published_and_told(sample: Published) -> None:
    reasons = {change.name: change.reason or "" for change in sample.plan.changes if change.action is Action.SKIP}
    assert {name: reason.rpartition(": ")[2][:60] for name, reason in reasons.items()} == {
        "suppliers": "finance_exchange_rates, finance_daily_invoices, finance_dail",
        "finance_exchange_rates": "finance_daily_invoices, finance_daily_payments, finance_pric",
        "finance_daily_invoices": "finance_daily_payments",
        "finance_daily_payments": "finance_daily_invoices",
        "finance_price_list_preisliste": "letters outside ASCII come out broken"[:60],
        "reference_countries": "its JSON documents do not stand one per line",
        "media_files": "no engine table can be made of unstructured files",
    }


@pytest.mark.parametrize(
    ("table", "condition", "rows"),
    [
        ("sales_orders", "year = 2024 AND month = 3", 800),
        ("sales_orders", "month IN (1, 6)", 1600),
        ("sales_orders", "year < 2024", 0),
        ("web_events", "month = 2", 360),
        ("web_topics_clicks", "partition = 2 AND ms >= 0", 300),
    ],
)
def test_filters_by_partition_find_their_rows(trino: Trino, sample: Published, table: str, condition: str, rows: int) -> None:
    assert trino.query(f'SELECT count(*) FROM "{sample.database}"."{table}" WHERE {condition}').rows == [[rows]]


def test_trino_knows_the_partitions_by_their_values(trino: Trino, sample: Published) -> None:
    found = trino.query(f'SELECT * FROM "{sample.database}"."sales_orders$partitions" ORDER BY month')
    assert found.rows == [[2024, month] for month in range(1, 7)]


def test_trino_reads_every_format(
    trino: Trino, s3_server: S3Server, minio_server: S3Server, formats_bucket: tuple[str, dict[str, Expected]]
) -> None:
    bucket, expected = formats_bucket
    published = publish_bucket(minio_server, s3_server, bucket)
    assert published.names(Action.CREATE) == expected.keys()
    assert published.outcome.failed == ()
    for name, wanted in expected.items():
        place = f'"{published.database}"."{name}"'
        found = trino.query(f"SELECT * FROM {place} ORDER BY {wanted.order}", catalog=wanted.connector)
        assert (name, len(found.rows), found.types) == (name, wanted.rows, wanted.types)
        assert wanted.first is None or found.rows[0] == wanted.first, name
        counted = {
            condition: trino.query(f"SELECT count(*) FROM {place} WHERE {condition}", catalog=wanted.connector).rows[0][0]
            for condition in wanted.filters
        }
        assert (name, counted) == (name, wanted.filters)


def test_partition_projection_answers_as_registered_partitions_do(
    trino: Trino, s3_server: S3Server, minio_server: S3Server, formats_bucket: tuple[str, dict[str, Expected]]
) -> None:
    bucket, expected = formats_bucket
    published = publish_bucket(minio_server, s3_server, bucket, partition_projection=True)
    glue = s3_server.client("glue")
    as_text = {"dt > DATE '2026-02-01'": "dt > '20260201'"}
    for name in ("parquet_partitioned", "csv_plain", "json_events", "orc_typed"):
        assert glue.get_partitions(DatabaseName=published.database, TableName=name)["Partitions"] == []
        place = f'"{published.database}"."{name}"'
        assert trino.query(f"SELECT count(*) FROM {place}").rows == [[expected[name].rows]], name
        for condition, rows in expected[name].filters.items():
            asked = as_text.get(condition, condition.replace(*AS_TEXT))
            assert trino.query(f"SELECT count(*) FROM {place} WHERE {asked}").rows == [[rows]], (name, asked)
