"""Rows of tables with a log, under the table's names and without what the log deleted; against the rows that other readers give."""

from __future__ import annotations

import datetime as dt
import json
import shutil
import zipfile
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from deltalake import DeltaTable, write_deltalake
from pyiceberg.catalog.sql import SqlCatalog
from pyiceberg.partitioning import PartitionField, PartitionSpec
from pyiceberg.schema import Schema
from pyiceberg.transforms import IdentityTransform
from pyiceberg.types import IntegerType, ListType, LongType, NestedField, StringType, StructType

from s3_catalog.describing.rows import RawRows, read_rows
from s3_catalog.discovery.listing import list_objects
from s3_catalog.formats import ReadLimits
from s3_catalog.inference.files import TableFiles
from s3_catalog.storage import open_store
from s3_catalog_tests.table_formats.tables import look_at


def sample(lake: Path, rows: int = 1000) -> RawRows:
    """The rows of the only table of a lake, which are the same whether the log is at hand or read again."""
    (result,) = look_at(lake).results
    store = open_store(str(lake))
    files = TableFiles(list_objects(store).manifest, ())
    told, read_again = (
        read_rows(store, result.layout, files, ReadLimits(), count=50, rows=rows, logged=logged) for logged in (result.logged, None)
    )
    assert told == read_again
    return told


def rows_of(lake: Path) -> list[dict[str, Any]]:
    raw = sample(lake)
    assert raw.problems == ()
    return in_order(dict(row) for row in raw.members.get("", ()))


def in_order(rows: Any) -> list[dict[str, Any]]:
    return sorted(rows, key=lambda row: (row.get("id") or 0, str(row)))


def unpack(lake: Path, archive: str, name: str) -> Path:
    with zipfile.ZipFile(Path(__file__).with_name(archive)) as found:
        found.extractall(lake, [member for member in found.namelist() if member.startswith(f"{name}/")])
    return lake


@pytest.fixture
def lake(tmp_path: Path) -> Path:
    (tmp_path / "lake").mkdir()
    return tmp_path / "lake"


@pytest.fixture
def catalog(tmp_path: Path, lake: Path) -> Iterator[SqlCatalog]:
    catalog = SqlCatalog("tests", uri=f"sqlite:///{tmp_path / 'catalog.db'}", warehouse=f"file://{lake}")
    catalog.create_namespace("shop")
    yield catalog
    catalog.close()


def test_delta_rows_are_those_of_the_live_files_with_their_partitions(lake: Path) -> None:
    rows = pa.table({"id": pa.array([1, 2, 3], pa.int64()), "site": ["north", "a b", None], "size": pa.array([7, 8, 9], pa.int32())})
    write_deltalake(lake / "t", rows, partition_by=["site", "size"])
    write_deltalake(lake / "t", rows, mode="overwrite")
    write_deltalake(lake / "t", rows.slice(0, 1).append_column("price", pa.array([Decimal("1.50")])), mode="append", schema_mode="merge")

    own = in_order(DeltaTable(lake / "t").to_pyarrow_table().to_pylist())
    assert [{"price": None} | row for row in rows_of(lake)] == [{name: row[name] for name in row} for row in own]


def test_mapped_columns_of_delta_have_the_tables_names(lake: Path) -> None:
    """`a` was renamed to `b`, and `gone` dropped, though its values still stand in a file."""
    assert in_order(rows_of(unpack(lake, "spark_tables.zip", "delta_mapped"))) == in_order(
        [{"b": 1}, {"b": 500_000, "later": "y"}],
    )


def test_nested_mapped_columns_of_delta_have_the_tables_names(lake: Path) -> None:
    root = lake / "t"
    root.mkdir()
    rows = [{"c-1": 1, "c-2": {"c-3": "x", "c-4": 5}, "c-5": [{"c-6": 1}], "c-7": [("k", {"c-8": 2})]}]
    inner = pa.struct([("c-3", pa.string()), ("c-4", pa.int64())])
    items, values = pa.list_(pa.struct([("c-6", pa.int64())])), pa.map_(pa.string(), pa.struct([("c-8", pa.int64())]))
    pq.write_table(
        pa.Table.from_pylist(rows, pa.schema({"c-1": pa.int64(), "c-2": inner, "c-5": items, "c-7": values})), root / "f.parquet"
    )

    def field(name: str, kind: Any, number: int) -> dict[str, Any]:
        metadata = {"delta.columnMapping.id": number, "delta.columnMapping.physicalName": f"c-{number}"}
        return {"name": name, "type": kind, "nullable": True, "metadata": metadata}

    def struct(*fields: dict[str, Any]) -> dict[str, Any]:
        return {"type": "struct", "fields": list(fields)}

    schema = struct(
        field("id", "long", 1),
        field("person", struct(field("name", "string", 3)), 2),
        field("list", {"type": "array", "elementType": struct(field("n", "long", 6)), "containsNull": True}, 5),
        field("map", {"type": "map", "keyType": "string", "valueType": struct(field("m", "long", 8)), "valueContainsNull": True}, 7),
    )
    metadata = {"id": "m", "format": {"provider": "parquet", "options": {}}, "schemaString": json.dumps(schema), "partitionColumns": []}
    configuration = {"delta.columnMapping.mode": "name", "delta.columnMapping.maxColumnId": "9"}
    actions = [
        {"protocol": {"minReaderVersion": 2, "minWriterVersion": 5}},
        {"metaData": metadata | {"configuration": configuration}},
        {"add": {"path": "f.parquet", "partitionValues": {}, "size": (root / "f.parquet").stat().st_size, "modificationTime": 0,
                 "dataChange": True}},
    ]  # fmt: skip
    (root / "_delta_log").mkdir()
    (root / "_delta_log/00000000000000000000.json").write_text("\n".join(map(json.dumps, actions)))

    assert rows_of(lake) == [{"id": 1, "person": {"name": "x"}, "list": [{"n": 1}], "map": {"k": {"m": 2}}}]


@pytest.mark.parametrize("name", ["delta_vectors", "iceberg_v2", "iceberg_v3"])
def test_rows_that_were_deleted_do_not_come_back(lake: Path, name: str) -> None:
    """Row 1 was deleted by a vector or a delete file; of the files whose rows are all there, some are shown."""
    raw = sample(unpack(lake, "spark_tables.zip", name))

    assert {row["id"] for row in raw.members[""]} <= {2, 3, 4, 5, 6}
    assert {row["id"] for row in raw.members[""]} >= ({6} if name == "iceberg_v3" else {4, 5})


def test_a_table_whose_files_all_have_deleted_rows_says_why_there_are_none(lake: Path) -> None:
    root = unpack(lake, "spark_tables.zip", "delta_vectors") / "delta_vectors"
    log = sorted((root / "_delta_log").glob("*.json"))
    remove = [json.loads(line) for line in log[-2].read_text().splitlines()]
    path = next(action["add"]["path"] for action in remove if "add" in action)
    with log[-1].open("a") as file:
        file.write("\n" + json.dumps({"remove": {"path": path, "dataChange": True, "deletionTimestamp": 0}}))

    raw = sample(lake)

    assert (raw.members, raw.problems) == ({}, ("no rows: files of the table hide rows of every data file",))


def test_renamed_and_added_again_columns_of_iceberg_go_by_their_numbers(catalog: SqlCatalog, lake: Path) -> None:
    inside = StructType(NestedField(5, "street", StringType()), NestedField(6, "old", StringType()))
    schema = Schema(
        NestedField(1, "id", LongType()),
        NestedField(2, "mail", StringType()),
        NestedField(3, "note", StringType()),
        NestedField(4, "homes", ListType(7, inside, element_required=False)),
    )
    table = catalog.create_table("shop.t", schema=schema)
    first = {"id": 1, "mail": "m", "note": "secret", "homes": [{"street": "s", "old": "o"}]}
    table.append(pa.Table.from_pylist([first], table.schema().as_arrow()))
    with table.update_schema() as update:
        update.rename_column("mail", "email")
        update.rename_column("homes.street", "road")
        update.delete_column("note")
        update.delete_column("homes.element.old")
    with table.update_schema() as update:
        update.add_column("note", LongType())
        update.add_column("mail", IntegerType())
    second = {"id": 2, "email": "e", "homes": [], "note": 5, "mail": 6}
    table.append(pa.Table.from_pylist([second], table.schema().as_arrow()))

    assert [{"note": None, "mail": None} | row for row in rows_of(lake)] == in_order(table.scan().to_arrow().to_pylist())


def test_partition_values_that_stand_in_the_files_keep_their_types(catalog: SqlCatalog, lake: Path) -> None:
    schema = Schema(NestedField(1, "id", LongType()), NestedField(2, "size", IntegerType()), NestedField(3, "site", StringType()))
    spec = PartitionSpec(PartitionField(2, 1000, IdentityTransform(), "size"), PartitionField(3, 1001, IdentityTransform(), "place"))
    table = catalog.create_table("shop.t", schema=schema, partition_spec=spec)
    table.append(pa.table({"id": [1, 2], "size": pa.array([5, None], pa.int32()), "site": ["a b", "x/y"]}))

    assert rows_of(lake) == in_order(table.scan().to_arrow().to_pylist())


def test_a_file_without_numbers_in_a_renamed_table_gives_no_rows(catalog: SqlCatalog, lake: Path) -> None:
    table = catalog.create_table("shop.t", schema=Schema(NestedField(1, "id", LongType()), NestedField(2, "mail", StringType())))
    table.append(pa.table({"id": [1], "mail": ["m"]}))
    (path,) = lake.rglob("*.parquet")
    pq.write_table(pa.table({"id": [1], "mail": ["m"]}), path)
    assert rows_of(lake) == [{"id": 1, "mail": "m"}]

    with table.update_schema() as update:
        update.rename_column("mail", "email")

    raw = sample(lake)
    assert raw.members == {}
    assert raw.problems == (f"no rows from {path.relative_to(lake).as_posix()}: UnreadableFileError",)


@pytest.mark.parametrize("name", ["cow", "cow_v6", "mor"])
def test_rows_of_hudi_are_those_of_base_files_without_logs(lake: Path, name: str) -> None:
    found = look_at(unpack(lake, "hudi_tables.zip", name))
    assert found.results[0].logged is not None
    keys = [file.ref.key for file in found.results[0].logged.files]
    expected = [row for key in keys for row in pq.read_table(lake / key, partitioning=None).to_pylist()]

    assert not any(".log." in key for key in keys)
    assert {row["site"] for row in rows_of(lake)} == {"north", "south"}
    own = [{k: v for k, v in row.items() if not k.startswith("_hoodie")} for row in expected]
    assert rows_of(lake) == in_order(own)


def test_a_log_that_cannot_be_read_again_is_a_reason(lake: Path) -> None:
    write_deltalake(lake / "t", pa.table({"id": [1]}))
    (result,) = look_at(lake).results
    store = open_store(str(lake))
    files = TableFiles(list_objects(store).manifest, ())
    shutil.rmtree(lake / "t/_delta_log")

    raw = read_rows(store, result.layout, files, ReadLimits(), count=3, rows=10)

    assert (raw.members, raw.problems) == ({}, ("no rows, for the log cannot be read: UnreadableLogError",))


def test_dates_of_partitions_that_stand_in_the_log_alone_are_their_texts(lake: Path) -> None:
    write_deltalake(lake / "t", pa.table({"id": [1], "day": [dt.date(2024, 1, 31)]}), partition_by=["day"])
    assert rows_of(lake) == [{"id": 1, "day": "2024-01-31"}]
