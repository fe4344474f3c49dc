"""Column statistics from Iceberg manifests, each compared with the data."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
from pyiceberg.catalog.sql import SqlCatalog
from pyiceberg.table import Table as IcebergTable
from pyiceberg.types import DecimalType, DoubleType, LongType, StringType

from s3_catalog.model.statistics import ColumnStatistics, value_text
from s3_catalog.model.tables import Table
from s3_catalog_tests.table_formats.tables import look_at

NOON = dt.datetime(2024, 1, 31, 12, 0, 0, 123456, tzinfo=dt.UTC)
ROWS = pa.table({
    "flag": pa.array([True, None, False]),
    "number": pa.array([1, None, -(2**31)], pa.int32()),
    "big": pa.array([2**60 + 1, None, -(2**63)], pa.int64()),
    "single": pa.array([1.1, float("nan"), -2.5], pa.float32()),
    "double": pa.array([0.1, None, 1e300], pa.float64()),
    "price": pa.array([Decimal("-1.23"), Decimal("4.50"), None], pa.decimal128(38, 2)),
    "day": pa.array([dt.date(1696, 3, 18), dt.date(2024, 1, 31), None]),
    "noon": pa.array([dt.time(12, 0, 0, 5), None, dt.time(1)], pa.time64("us")),
    "local": pa.array([NOON.replace(tzinfo=None), None, NOON.replace(tzinfo=None, year=1950)], pa.timestamp("us")),
    "zoned": pa.array([NOON, None, NOON], pa.timestamp("us", tz="UTC")),
    "text": ["b", "é" * 15, None],
    "empty": pa.nulls(3, pa.string()),
})  # fmt: skip


def make(catalog: SqlCatalog, *appended: pa.Table, **properties: str) -> IcebergTable:
    table = catalog.create_table("shop.t", schema=appended[0].schema, properties=properties)
    for rows in appended:
        table.append(rows)
    return table


def statistics_of(table: Table) -> dict[str, ColumnStatistics | None]:
    return {column.name: column.statistics for column in table.columns}


def of(lake: Path, name: str) -> ColumnStatistics:
    """The figures of one column but its size."""
    found = statistics_of(look_at(lake).table)[name]
    assert found is not None
    return ColumnStatistics(null_count=found.null_count, min=found.min, max=found.max, exact=found.exact)


def measure(column: pa.ChunkedArray) -> ColumnStatistics:
    """The figures by the data itself."""
    return ColumnStatistics(null_count=column.null_count, min=value_text(pc.min(column)), max=value_text(pc.max(column)))


def stored_sizes(lake: Path) -> dict[str, int]:
    """Compressed bytes per top-level column, by the footers of all data files."""
    sizes: dict[str, int] = {}
    for path in lake.rglob("*.parquet"):
        groups = pq.read_metadata(path)
        for group in range(groups.num_row_groups):
            for number in range(groups.num_columns):
                chunk = groups.row_group(group).column(number)
                name = chunk.path_in_schema.partition(".")[0]
                sizes[name] = sizes.get(name, 0) + chunk.total_compressed_size
    return sizes


def test_figures_are_those_of_the_data(catalog: SqlCatalog, lake: Path) -> None:
    later = pa.table({f.name: pa.nulls(1, f.type) for f in ROWS.schema} | {"text": ["zz"], "double": [-5.5]}, schema=ROWS.schema)
    data = make(catalog, ROWS, later).scan().to_arrow()
    assert {name: of(lake, name) for name in data.column_names} == {name: measure(data.column(name)) for name in data.column_names}


def test_sizes_are_those_of_the_footers_also_of_nested_columns(catalog: SqlCatalog, lake: Path) -> None:
    nested = pa.table({"s": pa.array([{"x": 1, "l": ["a"]}]), "m": pa.array([[("k", 1)]], pa.map_(pa.string(), pa.int32())), "i": [1]})
    make(catalog, nested, nested)
    found = statistics_of(look_at(lake).table)

    assert {name: figures.size_bytes for name, figures in found.items() if figures} == stored_sizes(lake)
    assert (found["s"], found["m"]) == tuple(ColumnStatistics(size_bytes=stored_sizes(lake)[name]) for name in ("s", "m"))


@pytest.mark.parametrize(
    ("texts", "exact"),
    [(["a" * 15, "b"], True), (["a" * 16, "b"], False), (["a", "b" * 40], False), (["a", "\N{GRINNING FACE}" * 20], False)],
)
def test_texts_that_may_have_been_cut_are_bounds(catalog: SqlCatalog, lake: Path, texts: list[str], exact: bool) -> None:
    make(catalog, pa.table({"s": texts}))
    found = of(lake, "s")

    assert found.exact is exact
    assert found.min is not None
    assert found.max is not None
    assert found.min <= min(texts)
    assert found.max >= max(texts)


def test_where_the_length_is_a_property_no_text_is_sure_to_be_whole(catalog: SqlCatalog, lake: Path) -> None:
    make(catalog, pa.table({"s": ["abcdef"]}), **{"write.metadata.metrics.default": "truncate(3)"})
    assert of(lake, "s") == ColumnStatistics(null_count=0, min="abc", max="abd", exact=False)


@pytest.mark.parametrize(("mode", "expected"), [("none", ColumnStatistics()), ("counts", ColumnStatistics(null_count=0))])
def test_what_the_writer_did_not_count_is_unknown(catalog: SqlCatalog, lake: Path, mode: str, expected: ColumnStatistics) -> None:
    make(catalog, pa.table({"n": [1, 2]}), **{"write.metadata.metrics.default": mode})
    assert of(lake, "n") == expected


def test_one_file_without_figures_leaves_them_unknown(catalog: SqlCatalog, lake: Path) -> None:
    table = make(catalog, pa.table({"n": [1, 2]}))
    with table.transaction() as transaction:
        transaction.set_properties({"write.metadata.metrics.default": "counts"})
    table.append(pa.table({"n": [3]}))
    assert of(lake, "n") == ColumnStatistics(null_count=0)


def test_a_widened_column_reads_the_bounds_of_older_files(catalog: SqlCatalog, lake: Path) -> None:
    before = {"i": pa.array([7], pa.int32()), "f": pa.array([1.5], pa.float32()), "d": pa.array([Decimal("1.25")], pa.decimal128(5, 2))}
    table = make(catalog, pa.table(before))
    with table.update_schema() as update:
        update.update_column("i", LongType())
        update.update_column("f", DoubleType())
        update.update_column("d", DecimalType(30, 2))
    after = {"i": [2**40], "f": [1e300], "d": pa.array([Decimal("-9999999999.00")], pa.decimal128(30, 2))}
    table.append(pa.table(after))
    data = table.scan().to_arrow()

    assert {name: of(lake, name) for name in data.column_names} == {name: measure(data.column(name)) for name in data.column_names}
    assert of(lake, "i") == ColumnStatistics(null_count=0, min="7", max=str(2**40))


def test_a_column_that_older_files_lack_is_null_in_them(catalog: SqlCatalog, lake: Path) -> None:
    table = make(catalog, pa.table({"a": [1, 2]}))
    with table.update_schema() as update:
        update.add_column("b", StringType())
    assert of(lake, "b") == ColumnStatistics(null_count=2)
    table.append(pa.table({"a": [3], "b": ["x"]}))
    assert of(lake, "b") == measure(table.scan().to_arrow().column("b")) == ColumnStatistics(null_count=2, min="x", max="x")


def test_a_renamed_column_keeps_its_figures_and_a_new_one_of_its_name_has_its_own(catalog: SqlCatalog, lake: Path) -> None:
    table = make(catalog, pa.table({"a": [1, 2]}))
    with table.update_schema() as update:
        update.rename_column("a", "b")
    with table.update_schema() as update:
        update.add_column("a", LongType())
    table.append(pa.table({"b": [3], "a": [9]}))
    assert (of(lake, "b"), of(lake, "a")) == (
        ColumnStatistics(null_count=0, min="1", max="3"),
        ColumnStatistics(null_count=2, min="9", max="9"),
    )


def test_figures_are_of_live_files_only(catalog: SqlCatalog, lake: Path) -> None:
    table = make(catalog, pa.table({"n": [1, 2, None]}), pa.table({"n": [5]}))
    table.delete("n = 1")
    assert of(lake, "n") == measure(table.scan().to_arrow().column("n")) == ColumnStatistics(null_count=1, min="2", max="5")


def test_a_table_without_files_has_no_figures(catalog: SqlCatalog, lake: Path) -> None:
    table = make(catalog, pa.table({"n": [1]}))
    table.delete("n = 1")
    assert statistics_of(look_at(lake).table) == {"n": None}
