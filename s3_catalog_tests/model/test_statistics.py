"""Figures of files become figures of a table."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from s3_catalog.model.statistics import (
    MAX_VALUE_LENGTH,
    ColumnFigures,
    ColumnStatistics,
    FileFigures,
    RowEstimate,
    merge_figures,
    scale_estimates,
    value_text,
)


def merge(files: list[FileFigures], arrow_type: pa.DataType, *, complete: bool = True) -> ColumnStatistics:
    """The figures of files that tell something."""
    merged = merge_figures(files, arrow_type, complete=complete)
    assert merged is not None
    return merged


def figures(values: list[Any], arrow_type: pa.DataType, **changes: Any) -> FileFigures:
    """What a file with these values tells, as a writer would."""
    column = pa.array(values, arrow_type)
    own = [value for value in values if value is not None]
    low, high = (pa.scalar(min(own), arrow_type), pa.scalar(max(own), arrow_type)) if own else (None, None)
    told = {"null_count": column.null_count, "min": low, "max": high, "size_bytes": column.nbytes, **changes}
    return FileFigures(ColumnFigures(**told), len(values))


@given(st.lists(st.lists(st.none() | st.integers(-(2**31), 2**31 - 1), min_size=1, max_size=5), min_size=1, max_size=5))
def test_merged_figures_are_those_of_all_values_together(files):
    everything = [value for values in files for value in values]
    own = [value for value in everything if value is not None]
    merged = merge([figures(values, pa.int32()) for values in files], pa.int64())

    assert merged.null_count == everything.count(None)
    assert (merged.min, merged.max) == ((str(min(own)), str(max(own))) if own else (None, None))
    assert merged.exact
    assert merged.complete


def test_a_file_without_the_column_has_nulls_in_all_its_rows():
    merged = merge([figures([1, 2], pa.int64()), FileFigures(None, 5, present=False)], pa.int64())

    assert (merged.null_count, merged.min, merged.max) == (5, "1", "2")


def test_one_file_that_does_not_tell_leaves_a_figure_unknown():
    silent = FileFigures(ColumnFigures(size_bytes=10), 3)
    merged = merge([figures([1], pa.int64(), size_bytes=20), silent], pa.int64())

    assert (merged.null_count, merged.min, merged.max, merged.size_bytes) == (None, None, None, 30)


def test_a_file_of_nulls_alone_needs_no_bounds():
    merged = merge([figures([None, None], pa.int64()), figures([3], pa.int64())], pa.int64())

    assert (merged.null_count, merged.min, merged.max) == (2, "3", "3")


def test_nothing_known_is_no_statistics():
    assert merge_figures([FileFigures(None, 3), FileFigures(ColumnFigures(), 3)], pa.int64(), complete=True) is None


def test_bounds_compare_as_values_of_the_merged_type():
    small, large = figures([9], pa.int32()), figures([Decimal("10.50")], pa.decimal128(12, 2))
    merged = merge([small, large], pa.decimal128(12, 2))

    assert (merged.min, merged.max) == ("9.00", "10.50")


def test_bounds_of_files_that_tell_bounds_only_are_not_exact():
    assert merge([figures(["a"], pa.string()), figures(["b"], pa.string(), exact=False)], pa.string()).exact is False


def test_a_long_text_is_cut_with_a_mark_and_is_no_longer_exact():
    merged = merge([figures(["x" * 1000], pa.string())], pa.string(), complete=False)

    assert merged.min == "x" * MAX_VALUE_LENGTH + "…"
    assert (merged.exact, merged.complete) == (False, False)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (pa.scalar(2**63 - 1), "9223372036854775807"),
        (pa.scalar(date(1, 1, 1)), "0001-01-01"),
        (pa.scalar(datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC), pa.timestamp("us", tz="UTC")), "9999-12-31 23:59:59.000000Z"),
        (pa.scalar(1_700_000_000_123_456_789, pa.timestamp("ns")), "2023-11-14 22:13:20.123456789"),
        (pa.scalar(float("nan")), "nan"),
        (pa.scalar(b"\xff"), None),
        (pa.scalar([1]), None),
        (pa.scalar(None, pa.int32()), None),
    ],
)
def test_a_value_is_written_exactly_or_not_at_all(value, text):
    assert value_text(value) == text


def test_an_estimate_scales_by_size_and_spans_what_the_files_showed():
    estimate = scale_estimates([(RowEstimate(100, 100, 100), 1000), (RowEstimate(300, 290, 310), 1000)], 10_000)

    assert estimate == RowEstimate(2000, 1000, 3100)


def test_files_without_bytes_estimate_nothing():
    assert scale_estimates([(RowEstimate(0, 0, 0), 0)], 10) is None
