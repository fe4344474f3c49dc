"""Delta and Iceberg tables that Spark wrote (`make_spark.py`): each figure against what Spark says of the rows themselves."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from s3_catalog.model.statistics import ColumnStatistics
from s3_catalog.model.tables import Column, Table
from s3_catalog_tests.table_formats.tables import Found, adds_up, columns_of, look_at

ARCHIVE = Path(__file__).with_name("spark_tables.zip")
WHOLE = ["delta_plain", "delta_sidecars"]
WITH_DELETES = ["delta_vectors", "iceberg_v2", "iceberg_v3"]
CUT_COLUMNS = {"delta": {"at", "local", "long_text"}, "iceberg": {"long_text"}}


@pytest.fixture
def lake(tmp_path: Path) -> Path:
    return tmp_path


def unpack(lake: Path, name: str) -> Found:
    """Look at a lake of one of the tables."""
    with zipfile.ZipFile(ARCHIVE) as archive:
        archive.extractall(lake, [member for member in archive.namelist() if member.startswith(f"{name}/")])
    return look_at(lake)


def expected(name: str) -> dict[str, Any]:
    with zipfile.ZipFile(ARCHIVE) as archive:
        figures: dict[str, Any] = json.loads(archive.read("expected.json"))[name]
    return figures


def statistics(table: Table) -> dict[str, ColumnStatistics]:
    return {column.name: column.statistics for column in table.columns if column.statistics}


def as_value(text: str, kind: pa.DataType) -> Any:
    """A figure as a value that has an order; a cut text without its mark."""
    if pa.types.is_string(kind) or pa.types.is_large_string(kind):
        return text.removesuffix("…")
    if pa.types.is_timestamp(kind):
        kind, text = pa.timestamp("us"), text.removesuffix("Z")
    return pa.scalar(text).cast(kind).as_py()


def lies_within(column: Column, spark: dict[str, Any]) -> bool:
    found = column.statistics
    assert found is not None
    assert found.min is not None
    assert found.max is not None
    low, high, least, most = (as_value(text, column.type) for text in (found.min, found.max, spark["min"], spark["max"]))
    return bool(low <= least and (most[: len(high)] if found.max.endswith("…") else most) <= high)


@pytest.mark.parametrize("name", WHOLE)
def test_figures_are_those_of_the_rows_or_bounds_around_them(lake: Path, name: str) -> None:
    table, spark = unpack(lake, name).table, expected(name)
    kinds = {column.name: column.type for column in table.columns}

    assert table.row_count == spark["rows"]
    assert {column: found.null_count for column, found in statistics(table).items()} == {c: f["nulls"] for c, f in spark["columns"].items()}
    assert {column for column, found in statistics(table).items() if not found.exact} == CUT_COLUMNS[name.partition("_")[0]]
    for column, found in statistics(table).items():
        if found.exact and found.min and found.max:
            texts = spark["columns"][column]
            figures, values = ((low, high) for low, high in ((found.min, found.max), (texts["min"], texts["max"])))
            assert [as_value(t, kinds[column]) for t in figures] == [as_value(t, kinds[column]) for t in values]


@pytest.mark.parametrize("name", [*WHOLE, *WITH_DELETES])
def test_no_value_lies_outside_its_figures(lake: Path, name: str) -> None:
    table, spark = unpack(lake, name).table, expected(name)["columns"]
    known = [column for column in table.columns if column.name in spark and column.statistics and column.statistics.min]

    assert len(known) >= 10
    assert [column.name for column in known if not lies_within(column, spark[column.name])] == []


@pytest.mark.parametrize("name", WITH_DELETES)
def test_where_rows_are_deleted_nulls_are_unknown_and_extremes_are_bounds(lake: Path, name: str) -> None:
    found = {name: figures for name, figures in statistics(unpack(lake, name).table).items() if figures.min}

    assert {name for name, figures in found.items() if figures.null_count is not None} == {"id"}
    assert {figures.exact for figures in found.values()} == {False}


def test_without_statistics_in_the_checkpoint_nothing_is_known(lake: Path) -> None:
    table = unpack(lake, "delta_untold").table
    assert (table.row_count, statistics(table)) == (None, {})


def test_a_mapped_table_tells_renames_and_widened_types(lake: Path) -> None:
    table = unpack(lake, "delta_mapped").table
    (renamed, later) = (column.blame for column in table.columns)

    assert columns_of(table) == {"b": "int", "later": "string"}
    assert table.columns[0].statistics == ColumnStatistics(null_count=0, min="1", max="500000")
    assert renamed is not None
    assert later is not None
    assert (renamed.added, later.added) == (False, True)
    assert [(change.before, change.after, change.exact) for change in renamed.changes] == [("smallint", "int", True)]


def test_the_third_version_of_iceberg_is_read_with_its_deletion_vectors(lake: Path) -> None:
    found = unpack(lake, "iceberg_v3")
    table = found.table
    blame = {column.name: column.blame for column in table.columns if column.blame}

    assert dict(table.details).items() >= {"format_version": "3", "deleted_rows": "1"}.items()
    assert table.row_count == expected("iceberg_v3")["rows"]
    assert any(key.endswith(".puffin") for key in found.keys())  # noqa: SIM118 - no dict
    assert table.warnings == ()
    assert adds_up(found)
    assert {name for name, origin in blame.items() if origin.added} == {"later"}
    assert [(change.before, change.after) for change in blame["small"].changes] == [("int", "bigint")]
    assert blame["renamed"].first == blame["id"].first
