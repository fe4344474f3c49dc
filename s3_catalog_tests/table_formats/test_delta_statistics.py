"""Column statistics from Delta logs, each compared with the data; what deltalake does not write stands here as actions of the log."""

from __future__ import annotations

import datetime as dt
import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
from deltalake import DeltaTable, write_deltalake

from s3_catalog.model.statistics import ColumnStatistics, value_text
from s3_catalog.model.tables import Table
from s3_catalog_tests.table_formats.tables import look_at
from s3_catalog_tests.table_formats.test_delta import commit, mapped_table

MOMENT = dt.datetime.fromisoformat("2024-01-31T10:00:00.123456")
ROWS = pa.table({
    "flag": pa.array([True, None, False]),
    "tiny": pa.array([1, -128, None], pa.int8()),
    "big": pa.array([2**60 + 1, None, -(2**63)], pa.int64()),
    "single": pa.array([1.1, float("nan"), -2.5], pa.float32()),
    "double": pa.array([0.1, None, 1e300], pa.float64()),
    "price": pa.array([Decimal("-1.23"), Decimal("4.50"), None], pa.decimal128(12, 2)),
    "day": pa.array([dt.date(1696, 3, 18), dt.date(2024, 1, 31), None]),
    "text": ["b", "a", None],
    "empty": pa.nulls(3, pa.string()),
})  # fmt: skip


def statistics_of(table: Table) -> dict[str, ColumnStatistics | None]:
    return {column.name: column.statistics for column in table.columns}


def measure(column: pa.ChunkedArray) -> ColumnStatistics:
    """The figures by the data itself."""
    return ColumnStatistics(null_count=column.null_count, min=value_text(pc.min(column)), max=value_text(pc.max(column)))


def more_rows() -> pa.Table:
    """Rows whose values are the lowest of some columns and the highest of others."""
    changed = {"tiny": pa.array([127], pa.int8()), "text": ["zz"], "price": pa.array([Decimal("-99.00")], pa.decimal128(12, 2))}
    columns = {field.name: changed.get(field.name, pa.nulls(1, field.type)) for field in ROWS.schema}
    return pa.table(columns, schema=ROWS.schema)


@pytest.mark.parametrize("checkpoint", [False, True])
def test_figures_are_those_of_the_data(tmp_path: Path, checkpoint: bool) -> None:
    write_deltalake(tmp_path / "t", ROWS)
    write_deltalake(tmp_path / "t", more_rows(), mode="append")
    if checkpoint:
        DeltaTable(tmp_path / "t").create_checkpoint()
        for path in tmp_path.rglob("*.json"):
            path.unlink()
    data = DeltaTable(tmp_path / "t").to_pyarrow_table()

    assert statistics_of(look_at(tmp_path).table) == {name: measure(data.column(name)) for name in data.column_names}


def test_statistics_that_a_checkpoint_holds_in_columns_are_read(tmp_path: Path) -> None:
    write_deltalake(tmp_path / "t", pa.table({"a": [1, None], "s": ["x", "y"]}))
    DeltaTable(tmp_path / "t").create_checkpoint()
    expected = look_at(tmp_path).table
    (checkpoint,) = tmp_path.rglob("*.checkpoint.parquet")
    put_statistics_in_columns(checkpoint)
    for path in [*tmp_path.rglob("*.json"), *tmp_path.rglob("_last_checkpoint")]:
        path.unlink()
    found = look_at(tmp_path).table

    assert statistics_of(found) == statistics_of(expected)
    assert (found.row_count, found.columns[0].statistics) == (2, ColumnStatistics(null_count=1, min="1", max="1"))


def put_statistics_in_columns(checkpoint: Path) -> None:
    """Write a checkpoint as Databricks does: `stats_parsed` for `stats`."""
    actions = pq.ParquetFile(checkpoint).read()
    add = actions.column("add").combine_chunks()
    texts = pc.struct_field(add, "stats").to_pylist()
    parsed = pa.array([None if text is None else json.loads(text) for text in texts])
    kept = [field.with_nullable(True) for field in add.type if field.name != "stats"]
    columns = [*(pc.struct_field(add, field.name) for field in kept), parsed]
    struct = pa.StructArray.from_arrays(columns, fields=[*kept, pa.field("stats_parsed", parsed.type)], mask=pc.is_null(add))
    pq.write_table(actions.set_column(actions.schema.get_field_index("add"), "add", struct), checkpoint)


def test_figures_are_of_live_files_only(tmp_path: Path) -> None:
    write_deltalake(tmp_path / "t", ROWS.select(["big"]))
    write_deltalake(tmp_path / "t", pa.table({"big": [7]}), mode="overwrite")
    write_deltalake(tmp_path / "t", pa.table({"big": [5, 6]}), mode="append")
    DeltaTable(tmp_path / "t").delete("big = 5")
    assert statistics_of(look_at(tmp_path).table) == {"big": ColumnStatistics(null_count=0, min="6", max="7")}


@pytest.mark.parametrize(
    ("texts", "exact"),
    [(["a" * 31, "b" * 31], True), (["a" * 80, "b"], False), (["a", "b" * 80], False), (["é" * 40, "é" * 50], False)],
)
def test_texts_that_may_have_been_cut_are_bounds(tmp_path: Path, texts: list[str], exact: bool) -> None:
    write_deltalake(tmp_path / "t", pa.table({"s": texts}))
    found = statistics_of(look_at(tmp_path).table)["s"]

    assert found is not None
    assert found.exact is exact
    assert found.min is not None
    assert found.max is not None
    assert found.min.removesuffix("…") <= min(texts)
    assert found.max >= max(texts)


@pytest.mark.parametrize("zone", [None, "UTC"])
def test_times_cut_to_milliseconds_are_bounds_around_the_data(tmp_path: Path, zone: str | None) -> None:
    times = pa.array([MOMENT, MOMENT + dt.timedelta(microseconds=5)], pa.timestamp("us", tz=zone))
    write_deltalake(tmp_path / "t", pa.table({"at": times}))
    found = statistics_of(look_at(tmp_path).table)["at"]
    suffix = "Z" if zone else ""

    assert found == ColumnStatistics(
        null_count=0, min=f"2024-01-31 10:00:00.123000{suffix}", max=f"2024-01-31 10:00:00.123999{suffix}", exact=False
    )


def spark_table(root: Path, kinds: dict[str, str], *files: dict[str, Any] | str | None) -> None:
    """A table as Spark writes its log, with the statistics of each file."""
    fields = [{"name": name, "type": kind, "nullable": True, "metadata": {}} for name, kind in kinds.items()]
    metadata = {
        "id": "a", "format": {"provider": "parquet", "options": {}}, "partitionColumns": [], "createdTime": 1, "configuration": {},
        "schemaString": json.dumps({"type": "struct", "fields": fields}),
    }  # fmt: skip
    adds = []
    for number, stats in enumerate(files):
        name = f"part-{number}.parquet"
        add = {"path": name, "partitionValues": {}, "size": 4, "modificationTime": 1, "dataChange": True}
        text = json.dumps(stats, ensure_ascii=False) if isinstance(stats, dict) else stats
        adds.append({"add": add if text is None else add | {"stats": text}})
        root.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(b"PAR1")
    commit(root, 0, {"protocol": {"minReaderVersion": 1, "minWriterVersion": 2}}, {"metaData": metadata}, *adds)


def stats(low: Any, high: Any, nulls: int | None = 0, rows: int = 3) -> dict[str, Any]:
    counts = {} if nulls is None else {"nullCount": {"c": nulls}}
    return {"numRecords": rows, "minValues": {"c": low}, "maxValues": {"c": high}, **counts}


@pytest.mark.parametrize("mark", ["\x7f", "\ufffd", "\U0010ffff"])
def test_texts_that_spark_cut_are_bounds(tmp_path: Path, mark: str) -> None:
    spark_table(tmp_path / "t", {"c": "string"}, stats("a" * 32, "b" * 32 + mark))
    expected = ColumnStatistics(null_count=0, min="a" * 32, max="b" * 32 + "…", exact=False)
    assert statistics_of(look_at(tmp_path).table)["c"] == expected


def test_times_in_microseconds_are_exact(tmp_path: Path) -> None:
    spark_table(tmp_path / "t", {"c": "timestamp"}, stats("2024-01-31T10:00:00.000001Z", "2024-01-31T03:00:00.500001-07:00"))
    assert statistics_of(look_at(tmp_path).table)["c"] == ColumnStatistics(
        null_count=0, min="2024-01-31 10:00:00.000001Z", max="2024-01-31 10:00:00.500001Z"
    )


@pytest.mark.parametrize(
    ("low", "shown"),
    [
        ("12345678901234567890123456.0123456789", "12345678901234567890123456.0123456789"),
        ("-1.5", "-1.5000000000"),
        ("1234567890.1234567", None),  # as many digits as a floating-point number has: it may be one, rounded
    ],
)
def test_decimals_are_exact_or_unknown(tmp_path: Path, low: str, shown: str | None) -> None:
    text = '{"numRecords":1,"minValues":{"c":%s},"maxValues":{"c":99999999999999999999999999.5555555555},"nullCount":{"c":0}}'
    spark_table(tmp_path / "t", {"c": "decimal(38,10)"}, text % low)
    assert statistics_of(look_at(tmp_path).table)["c"] == ColumnStatistics(
        null_count=0, min=shown, max="99999999999999999999999999.5555555555"
    )


def test_decimals_that_delta_rs_rounded_are_unknown(tmp_path: Path) -> None:
    values = pa.array([Decimal("12345678901234567890123456.0123456789")], pa.decimal128(38, 10))
    write_deltalake(tmp_path / "t", pa.table({"c": values}))
    assert statistics_of(look_at(tmp_path).table)["c"] == ColumnStatistics(null_count=0)


def test_a_maximum_that_is_no_number_is_unknown(tmp_path: Path) -> None:
    spark_table(tmp_path / "t", {"c": "double"}, stats(1.5, "NaN"), stats(0.5, 2.5))
    assert statistics_of(look_at(tmp_path).table)["c"] == ColumnStatistics(null_count=0, min="0.5")


@pytest.mark.parametrize(
    ("other", "expected"),
    [
        (stats(5, 9, nulls=None), ColumnStatistics(min="1", max="9")),
        ({"numRecords": 3, "nullCount": {"c": 1}}, ColumnStatistics(null_count=1)),
        ({"numRecords": 3, "nullCount": {"c": 3}}, ColumnStatistics(null_count=3, min="1", max="2")),
        ({"numRecords": 3}, None),
        (None, None),
        ("no statistics", None),
    ],
)
def test_what_one_live_file_does_not_tell_is_unknown(tmp_path: Path, other: Any, expected: ColumnStatistics | None) -> None:
    spark_table(tmp_path / "t", {"c": "long"}, stats(1, 2), other)
    assert statistics_of(look_at(tmp_path).table)["c"] == expected


def test_a_column_that_older_files_lack_is_unknown(tmp_path: Path) -> None:
    write_deltalake(tmp_path / "t", pa.table({"a": [1]}))
    write_deltalake(tmp_path / "t", pa.table({"a": [2], "b": [3]}), mode="append", schema_mode="merge")
    assert statistics_of(look_at(tmp_path).table) == {"a": ColumnStatistics(null_count=0, min="1", max="2"), "b": None}


def test_nested_columns_tell_nothing_of_their_own(tmp_path: Path) -> None:
    write_deltalake(tmp_path / "t", pa.table({"s": pa.array([{"x": 1}, None]), "l": [[1], None]}))
    assert statistics_of(look_at(tmp_path).table) == {"s": None, "l": None}


VECTOR = {"storageType": "u", "pathOrInlineDv": "ab^-aqEH.-t@S}K{vb[*k^", "offset": 1, "sizeInBytes": 36, "cardinality": 2}


@pytest.mark.parametrize(
    ("tight", "vector", "nulls", "expected"),
    [
        ({}, {}, 2, ColumnStatistics(null_count=2, min="1", max="9")),
        ({"tightBounds": False}, {}, 2, ColumnStatistics(min="1", max="9", exact=False)),
        ({}, {"deletionVector": VECTOR}, 2, ColumnStatistics(min="1", max="9", exact=False)),
        ({}, {"deletionVector": VECTOR}, 0, ColumnStatistics(null_count=0, min="1", max="9", exact=False)),
    ],
)
@pytest.mark.parametrize("checkpoint", [False, True])
def test_where_vectors_hide_rows_the_extremes_are_bounds(
    tmp_path: Path, tight: dict[str, Any], vector: dict[str, Any], nulls: int, expected: ColumnStatistics, checkpoint: bool
) -> None:
    mapped_table(tmp_path / "t")
    (was,) = [line["add"] for line in map(json.loads, (tmp_path / f"t/_delta_log/{1:020}.json").read_text().splitlines()) if "add" in line]
    gone = {"remove": {"path": was["path"], "dataChange": True, "deletionVector": was["deletionVector"]}}
    commit(tmp_path / "t", 2, gone, {"remove": {"path": "Cd/part-7.parquet", "dataChange": True}})
    figures = {"numRecords": 5, "minValues": {"col-1": 1}, "maxValues": {"col-1": 9}, "nullCount": {"col-1": nulls}, **tight}
    commit(tmp_path / "t", 3, {"add": {k: v for k, v in was.items() if k != "deletionVector"} | {"stats": json.dumps(figures)} | vector})
    if checkpoint:
        DeltaTable(tmp_path / "t").create_checkpoint()

    assert statistics_of(look_at(tmp_path).table) == {"id": expected, "more": None}
