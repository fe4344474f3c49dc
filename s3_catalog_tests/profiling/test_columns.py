"""Figures of columns, from a sample and from all rows."""

from __future__ import annotations

import datetime as dt
import json
import statistics
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

import duckdb
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from s3_catalog.model.description import Basis, ColumnProfile
from s3_catalog.model.tables import Column
from s3_catalog.profiling.columns import BARS, TOP_VALUES, profile_columns
from s3_catalog.profiling.rows import arrow_rows, json_rows

UTC = dt.UTC


def profile(
    values: Sequence[object],
    arrow_type: pa.DataType,
    *,
    basis: Basis = Basis.SAMPLE,
    details: Mapping[str, str] | None = None,
    label: str | None = None,
) -> ColumnProfile:
    """Profile one column, values shown as they are."""
    columns = [Column(name="c", type=arrow_type)]
    relation, profiled = arrow_rows([{"c": value} for value in values], columns, details or {}, {"c": label} if label else {})
    with duckdb.connect() as connection:
        connection.register("sampled", relation)
        (found,) = profile_columns(connection, "sampled", profiled, lambda _, value: value, basis=basis)
    return found


@given(st.lists(st.none() | st.integers(-(2**62), 2**62), min_size=1, max_size=50))
@settings(max_examples=30, deadline=None)
def test_figures_of_numbers_are_those_of_python(values):
    own = [value for value in values if value is not None]
    found = profile(values, pa.int64())

    assert (found.rows, found.null_count, found.distinct) == (len(values), len(values) - len(own), len(set(own)))
    assert (found.min, found.max) == ((str(min(own)), str(max(own))) if own else (None, None))
    if own:
        assert found.mean == pytest.approx(statistics.fmean(own), rel=1e-9, abs=1e-3)
        assert sum(bar.count for bar in found.histogram) in (0, len(own))


@pytest.mark.parametrize("basis", [Basis.SAMPLE, Basis.FULL])
@pytest.mark.parametrize(
    ("values", "arrow_type", "low", "high"),
    [
        ([Decimal("0.10"), Decimal("99999999999999999999.99")], pa.decimal128(38, 2), "0.10", "99999999999999999999.99"),
        ([dt.date(1, 1, 1), dt.date(9999, 12, 31)], pa.date32(), "0001-01-01", "9999-12-31"),
        (
            [dt.datetime(2024, 1, 1, 12, tzinfo=UTC), dt.datetime(2024, 1, 2, tzinfo=UTC)],
            pa.timestamp("ns", tz="Europe/Zurich"),
            "2024-01-01 12:00:00+00",
            "2024-01-02 00:00:00+00",
        ),
        ([dt.time(1, 2, 3), dt.time(4, 5, 6)], pa.time64("us"), "01:02:03", "04:05:06"),
        ([True, False], pa.bool_(), "false", "true"),
        (["b", "a"], pa.large_string(), "a", "b"),
        ([1.5, float("nan"), float("inf"), float("-inf"), 2.5], pa.float64(), "1.5", "2.5"),
        ([2**64 - 1, 0], pa.uint64(), "0", "18446744073709551615"),
    ],
    ids=lambda value: str(value) if isinstance(value, pa.DataType) else None,
)
def test_bounds_are_exact_text(values, arrow_type, low, high, basis):
    found = profile(values, arrow_type, basis=basis)

    assert (found.min, found.max, found.basis) == (low, high, basis)


def test_texts_of_a_text_format_are_read_as_the_columns_type():
    assert profile(["1,50", "10,25", "x", None], pa.decimal128(10, 2), details={"decimal": ","}).max == "10.25"
    assert profile(["1.234,50"], pa.float64(), details={"decimal": ","}).max == "1234.5"
    assert profile(["31/12/2023", "01/02/2024"], pa.date32(), details={"date_order.c": "day first"}).max == "2024-02-01"
    assert profile(["1,234", "5"], pa.int64(), details={"thousands.c": ","}).max == "1234"


def test_a_text_that_is_no_value_of_the_type_is_not_counted_as_null():
    found = profile(["1", "x", None], pa.int64())

    assert (found.rows, found.null_count, found.distinct) == (3, 1, 1)


def test_a_column_of_personal_data_shows_counts_and_its_kind_alone():
    found = profile(["a@x.org", "b@x.org", None], pa.string(), label="email")

    assert (found.null_count, found.distinct, found.top_values) == (1, 2, (("<email>", 2),))
    assert (found.min, found.max, found.quantiles, found.histogram) == (None, None, (), ())
    assert "x.org" not in repr(found)


@pytest.mark.parametrize("basis", [Basis.SAMPLE, Basis.FULL])
def test_the_most_frequent_values_are_counted_and_single_ones_left_out(basis):
    found = profile([*"aaabbc", *map(str, range(5))], pa.string(), basis=basis)

    assert found.top_values[:2] == (("a", 3), ("b", 2))
    assert len(found.top_values) == 2 <= TOP_VALUES


def test_the_histogram_covers_all_values_in_bars_of_one_width():
    found = profile(list(range(100)), pa.int32())

    assert [bar.count for bar in found.histogram] == [10] * BARS
    assert (found.histogram[0].low, found.histogram[-1].high) == ("0", "99")


def test_lengths_are_of_characters_for_text_and_of_bytes_for_bytes():
    assert (profile(["ä", "abc"], pa.string()).min_length, profile([b"\xff\xfe"], pa.binary()).max_length) == (1, 2)


@pytest.mark.parametrize(
    "arrow_type", [pa.null(), pa.struct([("a", pa.int32())]), pa.list_(pa.int8()), pa.map_(pa.string(), pa.int8()), pa.duration("s")]
)
def test_columns_without_an_order_have_their_nulls_counted(arrow_type):
    assert profile([None, None], arrow_type).null_count == 2


@pytest.mark.parametrize(
    "value", ["x" * 10_000_000, "\x00\ud800", "=1+1", "<script>", "\x1b[2J", "'; DROP TABLE sampled; --", '"quoted"'], ids=lambda v: v[:9]
)
@pytest.mark.parametrize("basis", [Basis.SAMPLE, Basis.FULL])
def test_hostile_texts_are_profiled_and_cut(value, basis):
    found = profile([value, value, "y"], pa.string(), basis=basis)

    assert found.rows == 3
    assert len(repr(found)) < 20_000


def test_hostile_names_of_columns_are_names_alone():
    columns = [Column(name=name, type=pa.int64()) for name in ('a"b', "select", "", "x; --", "é\n")]
    relation, profiled = arrow_rows([{c.name: 1 for c in columns}], columns, {}, {})
    with duckdb.connect() as connection:
        connection.register("sampled", relation)
        found = profile_columns(connection, "sampled", profiled, lambda _, value: value, basis=Basis.SAMPLE)

    assert [p.column for p in found] == [c.name for c in columns]
    assert {p.max for p in found} == {"1"}


@given(st.lists(st.dictionaries(st.sampled_from("ab"), st.none() | st.text() | st.integers() | st.floats(allow_nan=False)), max_size=5))
def test_sample_rows_are_json_objects_with_every_column_in_order(rows: list[dict[str, Any]]):
    columns = [Column(name=name, type=pa.string()) for name in "abc"]
    written = json_rows(rows, columns, lambda _, value: value)

    assert [list(json.loads(row)) for row in written] == [["a", "b", "c"]] * len(rows)
    assert all(row.isascii() for row in written)
