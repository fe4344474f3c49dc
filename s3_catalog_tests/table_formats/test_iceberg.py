"""Iceberg tables, written by pyiceberg through a catalog in SQLite; only the files it leaves behind are looked at."""

from __future__ import annotations

import datetime as dt
import gzip
import os
import shutil
from pathlib import Path

import pyarrow as pa
import pytest
from pyiceberg.catalog.sql import SqlCatalog
from pyiceberg.partitioning import PartitionField, PartitionSpec
from pyiceberg.schema import Schema
from pyiceberg.table import Table as IcebergTable
from pyiceberg.transforms import BucketTransform, DayTransform, IdentityTransform
from pyiceberg.types import (
    DateType,
    DecimalType,
    DoubleType,
    FixedType,
    ListType,
    LongType,
    NestedField,
    StringType,
    TimestamptzType,
    UUIDType,
)

from s3_catalog.inference import InferenceRules
from s3_catalog.model.ledger import SkipReason
from s3_catalog.storage import open_store
from s3_catalog.table_formats import LogLimits
from s3_catalog_tests.servers import S3Server
from s3_catalog_tests.table_formats.tables import adds_up, columns_of, look_at, partition_columns_of, partitions_of

SCHEMA = Schema(
    NestedField(1, "id", LongType(), required=True),
    NestedField(2, "region", StringType()),
    NestedField(3, "at", TimestamptzType()),
    NestedField(4, "price", DecimalType(12, 2)),
    NestedField(5, "day", DateType()),
    NestedField(6, "tags", ListType(7, StringType(), element_required=False)),
)
SPEC = PartitionSpec(
    PartitionField(2, 1000, IdentityTransform(), "area"),
    PartitionField(3, 1001, DayTransform(), "at_day"),
    PartitionField(5, 1002, IdentityTransform(), "day"),
)


def rows(table: IcebergTable, count: int = 3, **more: object) -> pa.Table:
    noon = dt.datetime(2024, 1, 31, 12, tzinfo=dt.UTC)
    regions = ["a b", "x/y", None]
    columns = {
        "id": range(count), "region": [regions[i % 3] for i in range(count)], "at": [noon] * count, "price": [None] * count,
        "day": [noon.date()] * count, "tags": [["t"]] * count, **more,
    }  # fmt: skip
    schema = table.schema().as_arrow()
    return pa.table({name: pa.array(values, schema.field(name).type) for name, values in columns.items()}, schema=schema)


@pytest.fixture
def sales(catalog: SqlCatalog) -> IcebergTable:
    """A table with two appends, a delete that drops files, and an evolved schema."""
    table = catalog.create_table("shop.sales", schema=SCHEMA, partition_spec=SPEC)
    table.append(rows(table))
    table.append(rows(table))
    table.delete("id = 0")
    with table.update_schema() as update:
        update.add_column("discount", DoubleType())
        update.rename_column("price", "amount")
        update.move_first("discount")
    return table


def live_files(table: IcebergTable, lake: Path) -> set[str]:
    return {task.file.file_path.removeprefix(f"file://{lake}/") for task in table.scan().plan_files()}


def newest_metadata(lake: Path) -> Path:
    return max(lake.rglob("*.metadata.json"))


def test_only_live_files_are_the_table(lake: Path, sales: IcebergTable) -> None:
    found = look_at(lake)
    files = {path.relative_to(lake).as_posix() for path in lake.rglob("*.parquet")}

    assert found.keys() == live_files(sales, lake)
    assert found.keys(SkipReason.TABLE_REMOVED) == files - found.keys()
    assert adds_up(found)


def test_schema_is_the_current_one_by_id(lake: Path, sales: IcebergTable) -> None:
    table = look_at(lake).table

    assert columns_of(table) == {
        "discount": "double",
        "id": "bigint",
        "at": "timestamptz",
        "amount": "decimal(12,2)",
        "tags": "array<string>",
    }
    assert {c.name: c.nullable for c in table.columns} == {"discount": True, "id": False, "at": True, "amount": True, "tags": True}
    assert table.row_count == sales.scan().to_arrow().num_rows == 4


def test_identity_transforms_make_partition_columns_and_others_are_told(lake: Path, sales: IcebergTable) -> None:
    table = look_at(lake).table
    details = dict(table.details)

    assert partition_columns_of(table) == {"region": "string", "day": "date"}
    assert partitions_of(table) == {("x/y", "2024-01-31"): 2, (None, "2024-01-31"): 2}
    assert details["partition_spec"] == "region, day(at) as at_day, day"
    assert details["snapshot_id"] == str(sales.current_snapshot().snapshot_id)  # type: ignore[union-attr]
    assert details["snapshots"] == "3"
    assert details["format_version"] == "2"


def test_files_of_an_older_spec_have_null_for_a_later_partition_column(catalog: SqlCatalog, lake: Path) -> None:
    table = catalog.create_table("shop.t", schema=SCHEMA)
    table.append(rows(table, 1))
    with table.update_spec() as update:
        update.add_identity("region")
        update.add_field("id", BucketTransform(4), "bucket")
    table.append(rows(table, 1))
    found = look_at(lake).table
    assert partitions_of(found) == {("a b",): 1, (None,): 1}
    assert {p.values: p.row_count for p in found.partitions} == {("a b",): 1, (None,): 1}


def test_only_the_log_is_read(lake: Path, sales: IcebergTable) -> None:
    found = look_at(lake)
    manifests = sales.current_snapshot().manifests(sales.io)  # type: ignore[union-attr]

    assert found.store.receipt.get_requests == 2 + len(manifests)
    assert found.table.sampled_keys == (newest_metadata(lake).relative_to(lake).as_posix(),)


def test_types_that_say_more_than_arrow_are_kept(catalog: SqlCatalog, lake: Path) -> None:
    schema = Schema(NestedField(1, "u", UUIDType()), NestedField(2, "f", FixedType(4)))
    table = catalog.create_table("shop.t", schema=schema)
    table.append(pa.table({"u": pa.array([b"0" * 16], pa.binary(16)), "f": pa.array([b"0000"], pa.binary(4))}))
    assert {c.name: c.source_type for c in look_at(lake).table.columns} == {"u": "uuid", "f": "fixed[4]"}


@pytest.mark.parametrize("version", ["1", "2"])
def test_both_versions_of_the_format_are_read(catalog: SqlCatalog, lake: Path, version: str) -> None:
    table = catalog.create_table("shop.t", schema=SCHEMA, properties={"format-version": version})
    table.append(rows(table))
    found = look_at(lake).table
    assert (found.row_count, dict(found.details)["format_version"]) == (3, version)


@pytest.mark.parametrize("name", ["00009-b.metadata.json.gz", "v9.gz.metadata.json"])
def test_compressed_metadata_is_read(lake: Path, sales: IcebergTable, name: str) -> None:
    path = newest_metadata(lake)
    path.with_name(name).write_bytes(gzip.compress(path.read_bytes()))
    path.unlink()
    assert look_at(lake).table.row_count == 4


def test_the_hint_decides_between_metadata_files_of_one_version(lake: Path, sales: IcebergTable) -> None:
    path = newest_metadata(lake)
    number = path.name.partition("-")[0]
    lost = path.with_name(f"{number}-lost.metadata.json")
    shutil.copy(sorted(path.parent.glob("*.metadata.json"))[1], lost)
    os.utime(lost, (2e9, 2e9))
    without = look_at(lake).table
    (path.parent / "version-hint.text").write_text(path.name.removesuffix(".metadata.json"))
    hinted = look_at(lake).table

    assert (without.row_count, without.warnings) == (3, ("2 metadata files of the same version: the newest was taken",))
    assert (hinted.row_count, hinted.warnings) == (4, ())


def test_a_moved_table_is_read_where_it_is_now(lake: Path, sales: IcebergTable) -> None:
    expected = partitions_of(look_at(lake).table)
    shutil.move(lake / "shop", lake / "elsewhere")
    assert partitions_of(look_at(lake).table) == expected


def test_a_table_without_a_snapshot_has_no_rows(catalog: SqlCatalog, lake: Path) -> None:
    table = catalog.create_table("shop.t", schema=SCHEMA)
    (lake / "shop/t/data").mkdir()
    (lake / "shop/t/data/orphan.parquet").write_bytes(b"PAR1")
    found = look_at(lake)

    assert table.current_snapshot() is None
    assert (found.table.row_count, found.table.layout.object_count) == (0, 0)
    assert found.keys(SkipReason.TABLE_REMOVED) == {"shop/t/data/orphan.parquet"}


def test_manifests_beyond_the_limit_leave_the_count_and_all_files(lake: Path, sales: IcebergTable) -> None:
    found = look_at(lake, InferenceRules(log_limits=LogLimits(max_files=1)))

    assert found.table.row_count == 4
    assert found.table.layout.object_count == 6
    assert "not looked up" in dict(found.table.details)["live_files"]
    assert adds_up(found)


@pytest.mark.parametrize(
    ("pattern", "content", "reason"),
    [
        ("*.metadata.json", b'{"format-version"', "it is not JSON, or cut short"),
        ("*.metadata.json", b"", "it is empty"),
        ("*.metadata.json", b"{}", "pyiceberg cannot read it"),
        ("snap-*.avro", None, "it is missing"),
        ("snap-*.avro", b"Obj\x01 cut short", "pyiceberg cannot read it"),
        ("*-m?.avro", None, "it is missing"),
        ("*-m?.avro", b"no avro", "pyiceberg cannot read it"),
    ],
)
def test_a_broken_log_is_named_and_its_files_are_no_tables(
    lake: Path, sales: IcebergTable, pattern: str, content: bytes | None, reason: str
) -> None:
    for path in [newest_metadata(lake)] if "json" in pattern else lake.rglob(pattern):
        path.unlink() if content is None else path.write_bytes(content)
    found = look_at(lake)

    assert found.error.startswith("the iceberg log cannot be read: shop/sales/metadata/")
    assert found.error.endswith(reason)
    assert set(found.failed()) == {path.relative_to(lake).as_posix() for path in lake.rglob("*.parquet")}
    assert found.keys() == set()


def test_a_bomb_of_metadata_is_not_unpacked(lake: Path, sales: IcebergTable) -> None:
    path = newest_metadata(lake)
    path.write_bytes(gzip.compress(b" " * 10_000_000))
    found = look_at(lake, InferenceRules(log_limits=LogLimits(max_log_bytes=1_000_000)))
    assert "unpacks to more than 1,000,000 bytes" in found.error


def test_a_table_in_a_bucket_is_the_same_as_on_disk(lake: Path, sales: IcebergTable, s3_server: S3Server) -> None:
    objects = {path.relative_to(lake).as_posix(): path.read_bytes() for path in lake.rglob("*") if path.is_file()}
    bucket = s3_server.make_bucket(objects)
    found, expected = look_at(open_store(f"s3://{bucket}", s3_server.options())), look_at(lake)

    assert found.table.columns == expected.table.columns
    assert (found.table.row_count, partitions_of(found.table)) == (4, partitions_of(expected.table))
    assert (found.keys(), found.keys(SkipReason.TABLE_REMOVED)) == (expected.keys(), expected.keys(SkipReason.TABLE_REMOVED))
