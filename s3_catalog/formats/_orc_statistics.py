"""Figures of the columns from an ORC footer: null counts, lowest and highest values, sizes.

Writers have had their mistakes; what one is known to get wrong, or does not say, is unknown here. The names are the specification's.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from s3_catalog.formats._orc_footer import OrcFooter
from s3_catalog.model.statistics import ColumnFigures

_INTEGERS, _FLOATS, _TEXTS = {1, 2, 3, 4}, {5, 6}, {7, 16, 17}
_TIMESTAMPS, _DECIMAL, _DATE, _STRUCT = {9, 18}, 14, 15, 12
_JAVA, _CPP = 0, 1
_HIVE_8732 = 1
"""The version of the Java writer that no longer mixes up the statistics of stripes, except those of numbers."""
_ORC_517 = 7
"""The version of the Java writer that gets the bounds of short decimals right."""
_NANOSECONDS = b"2."
"""The version of the C++ library that surely knows of nanoseconds in statistics."""
_DECIMAL_TEXT = re.compile(rb"-?\d{1,76}(\.\d{1,76})?")


@dataclass(frozen=True, slots=True)
class _Bounds:
    low: Any
    high: Any
    exact: bool = True


def read_figures(footer: OrcFooter, schema: pa.Schema) -> dict[str, ColumnFigures]:
    """Figures by column name, as values of the types in `schema`; columns whose name stands twice have none."""
    message = footer.message
    root = message.types[0]
    told = len(message.statistics) == len(message.types) and not message.HasField("encryption")
    # Without row indexes the Java writer counts nothing, not even rows.
    if root.kind != _STRUCT or not told or message.statistics[0].numberOfValues != message.numberOfRows:
        return {}
    if len(schema) != len(root.subtypes):
        return {}
    names = Counter(schema.names)
    return {
        field.name: _column_figures(footer, column, field.type)
        for field, column in zip(schema, root.subtypes, strict=True)
        if names[field.name] == 1
    }


def _column_figures(footer: OrcFooter, column: int, arrow_type: pa.DataType) -> ColumnFigures:
    found = footer.message.statistics[column]
    bounds = _read_bounds(footer, found, footer.message.types[column].kind)
    low, high = _as_scalars(bounds, arrow_type)
    return ColumnFigures(
        null_count=_count_nulls(found, footer.message.numberOfRows),
        min=low,
        max=high,
        size_bytes=_add_sizes(footer.message, column),
        exact=bounds is None or low is None or bounds.exact,
    )


def _count_nulls(found: Any, rows: int) -> int | None:
    """Rows without a value; unknown where the two ways to tell it contradict each other."""
    if not found.HasField("numberOfValues") or found.numberOfValues > rows:
        return None
    nulls: int = rows - found.numberOfValues
    return None if found.HasField("hasNull") and found.hasNull != (nulls > 0) else nulls


def _add_sizes(message: Any, column: int) -> int | None:
    """The bytes of a column with all columns inside it: each tells its own streams only."""
    size, columns = 0, [column]
    while columns:
        current = columns.pop()
        if not message.statistics[current].HasField("bytesOnDisk"):
            return None
        size += message.statistics[current].bytesOnDisk
        columns.extend(message.types[current].subtypes)
    return size


def _as_scalars(bounds: _Bounds | None, arrow_type: pa.DataType) -> tuple[pa.Scalar | None, pa.Scalar | None]:
    if bounds is None:
        return None, None
    try:
        low, high = pa.scalar(bounds.low, arrow_type), pa.scalar(bounds.high, arrow_type)
        in_order = pc.less_equal(low, high).as_py()
    except (pa.ArrowException, OverflowError, ValueError, TypeError):  # not a value of the column's type
        return None, None
    return (low, high) if in_order else (None, None)


def _read_bounds(footer: OrcFooter, found: Any, kind: int) -> _Bounds | None:
    writer, version = footer.message.writer, footer.writer_version
    if kind in _INTEGERS:
        return _plain_bounds(found.intStatistics)
    if kind in _FLOATS:
        return _float_bounds(found.doubleStatistics, writer)
    if writer == _JAVA and version < _HIVE_8732:
        return None
    if kind in _TEXTS:
        return _text_bounds(found.stringStatistics)
    if kind == _DATE:
        return _plain_bounds(found.dateStatistics)
    if kind == _DECIMAL and not (writer == _JAVA and version < _ORC_517):
        return _decimal_bounds(found.decimalStatistics)
    if kind in _TIMESTAMPS:
        return _timestamp_bounds(found.timestampStatistics, full=writer == _CPP and footer.message.softwareVersion.startswith(_NANOSECONDS))
    return None


def _plain_bounds(told: Any) -> _Bounds | None:
    return _Bounds(told.minimum, told.maximum) if told.HasField("minimum") and told.HasField("maximum") else None


def _float_bounds(told: Any, writer: int) -> _Bounds | None:
    """A NaN spoils the bounds of these two writers, even where they are no NaN; their sum tells that there was one."""
    spoiled = math.isnan(told.sum) if told.HasField("sum") else writer in (_JAVA, _CPP)
    return None if spoiled else _plain_bounds(told)


def _text_bounds(told: Any) -> _Bounds | None:
    """Long values are cut, and then named otherwise. The C++ writer compares no further than a zero byte."""
    exact = told.HasField("minimum") and told.HasField("maximum")
    low = told.minimum if told.HasField("minimum") else told.lowerBound
    high = told.maximum if told.HasField("maximum") else told.upperBound
    known = exact or (
        (told.HasField("minimum") or told.HasField("lowerBound")) and (told.HasField("maximum") or told.HasField("upperBound"))
    )
    if not known or b"\0" in low or b"\0" in high:
        return None
    try:
        return _Bounds(low.decode(), high.decode(), exact)
    except UnicodeDecodeError:
        return None


def _decimal_bounds(told: Any) -> _Bounds | None:
    if not _DECIMAL_TEXT.fullmatch(told.minimum) or not _DECIMAL_TEXT.fullmatch(told.maximum):
        return None
    return _Bounds(Decimal(told.minimum.decode()), Decimal(told.maximum.decode()))


def _timestamp_bounds(told: Any, *, full: bool) -> _Bounds | None:
    """Nanoseconds since 1970, of the time on the writer's clock: what Arrow reads. The older fields count from the writer's zone: unknown.

    Bounds are milliseconds, and the nanoseconds below them plus one, left out where they are 0 of the least or 999,999 of the greatest,
    or where the writer knows of no nanoseconds.

    Args:
        full: the writer does know, so that what is left out is exact.
    """
    if not told.HasField("minimumUtc") or not told.HasField("maximumUtc"):
        return None
    has_low, has_high = told.HasField("minimumNanos"), told.HasField("maximumNanos")
    # Before 1970 the C++ writer cuts milliseconds towards zero, so that what it left out may lie below.
    low = told.minimumNanos - 1 if has_low else 0 if full else -999_999
    high = told.maximumNanos - 1 if has_high else 999_999
    exact = full or (has_low and has_high)
    return _Bounds(told.minimumUtc * 1_000_000 + low, told.maximumUtc * 1_000_000 + high, exact)
