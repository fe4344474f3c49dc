"""Column statistics of a Delta table, from the figures that its log has of each file.

Columns, not loops, over files. What the protocol and its writers do to a figure on its way into the log is undone, or said:
- A text is cut at 32 characters, and to a maximum a mark is added (Spark); or it is cut at 64 bytes and the last character of a maximum
  is raised (parquet's own statistics, which delta-rs copies).
- A time is cut to milliseconds, a maximum too: values may lie up to 999 µs above it.
- delta-rs writes decimals as floating-point numbers, so more digits than these keep may be wrong.
- Where a deletion vector hides rows the figures are of all rows, hidden ones too.
"""

from __future__ import annotations

from collections.abc import Mapping

import pyarrow as pa
import pyarrow.compute as pc

from s3_catalog.model.statistics import ColumnStatistics
from s3_catalog.table_formats._figures import is_whole_text, state_figures

_CUT_CHARACTERS = 32
_SPARK_MARKS = "\x7f\ufffd\U0010ffff"
"""The last character of ASCII or of Unicode; older versions add another."""
_CUT_BYTES = 60
"""64, less what rounding down to a whole character may take."""
_SAFE_UNSCALED = 10**15
_FLOAT_DIGITS = 17


def state_statistics(actions: pa.Table, columns: Mapping[str, str], *, loose: bool) -> dict[str, ColumnStatistics]:
    """Join the files' figures, by column.

    Args:
        actions: one row per live file, as `DeltaTable.get_add_actions` gives them.
        columns: name of a column -> its name in the files.
        loose: rows are hidden that the figures count.
    """
    found = {name: _join_figures(actions, physical, loose=loose) for name, physical in columns.items()}
    return {name: statistics for name, statistics in found.items() if statistics is not None}


def _join_figures(actions: pa.Table, name: str, *, loose: bool) -> ColumnStatistics | None:
    nulls = _figure(actions, "null_count", name)
    null_count = None
    if nulls is not None and pa.types.is_integer(nulls.type) and nulls.null_count == 0 and len(nulls):
        null_count = pc.sum(nulls).as_py()
    lows, highs = (_bounds(actions, kind, name, nulls) for kind in ("min", "max"))
    low, low_exact = _lowest(lows)
    high, high_exact = _highest(highs)
    return state_figures(
        null_count=None if loose and null_count else null_count,  # some of them may be hidden
        low=low,
        high=high,
        exact=low_exact and high_exact and not loose,
    )


def _figure(actions: pa.Table, kind: str, name: str) -> pa.Array | None:
    """One figure of one column, by file; None where no file has it."""
    if kind not in actions.column_names:
        return None
    index = actions.schema.field(kind).type.get_field_index(name)
    return None if index < 0 else pc.struct_field(actions.column(kind).combine_chunks(), [index])


def _bounds(actions: pa.Table, kind: str, name: str, nulls: pa.Array | None) -> pa.Array | None:
    """One bound of each file that holds a value; None where one of these does not tell, or the type has no order to show."""
    bounds = _figure(actions, kind, name)
    if bounds is None or pa.types.is_nested(bounds.type) or "num_records" not in actions.column_names:
        return None
    rows = actions.column("num_records").combine_chunks()
    is_empty = pc.equal(rows, 0)
    if nulls is not None and pa.types.is_integer(nulls.type):
        is_empty = pc.or_kleene(is_empty, pc.equal(rows, nulls))
    bounds = bounds.filter(pc.invert(pc.fill_null(is_empty, fill_value=False)))
    if bounds.null_count or not len(bounds):
        return None
    # Spark orders NaN above all numbers; what the other values are is not told then
    if pa.types.is_floating(bounds.type) and pc.any(pc.is_nan(bounds)).as_py():
        return None
    return bounds


def _lowest(lows: pa.Array | None) -> tuple[pa.Scalar | None, bool]:
    if lows is None:
        return None, True
    return _judge(pc.min(lows), is_cut=pa.types.is_timestamp(lows.type) and _may_be_cut(pc.min(lows)))


def _highest(highs: pa.Array | None) -> tuple[pa.Scalar | None, bool]:
    if highs is None:
        return None, True
    if not pa.types.is_timestamp(highs.type) or highs.type.unit != "us":
        return _judge(pc.max(highs), is_cut=False)
    ticks = highs.cast(pa.int64())
    whole = pc.equal(pc.subtract(ticks, pc.multiply(pc.divide(ticks, 1000), 1000)), 0)
    reach = pc.add(ticks, pc.if_else(whole, 999, 0))
    return pc.max(reach).cast(highs.type), not pc.any(pc.and_(whole, pc.equal(reach, pc.max(reach)))).as_py()


def _may_be_cut(value: pa.Scalar) -> bool:
    return bool(value.type.unit != "us" or value.cast(pa.int64()).as_py() % 1000 == 0)


def _judge(value: pa.Scalar, *, is_cut: bool) -> tuple[pa.Scalar | None, bool]:
    """A bound, and whether it occurs; None where it may have been rounded to the wrong side."""
    if pa.types.is_decimal(value.type):
        return (value, True) if _is_certain(value) else (None, True)
    if pa.types.is_string(value.type):
        value = _without_mark(value)
    return value, not is_cut and is_whole_text(value, characters=_CUT_CHARACTERS, size=_CUT_BYTES)


def _without_mark(value: pa.Scalar) -> pa.Scalar:
    """A maximum that Spark cut, as people read it: what is left of it, and the mark of a cut text."""
    text: str = value.as_py()
    marked = len(text) > _CUT_CHARACTERS and not text[_CUT_CHARACTERS:].strip(_SPARK_MARKS)
    return pa.scalar(text[:_CUT_CHARACTERS] + "…") if marked else value


def _is_certain(value: pa.Scalar) -> bool:
    """Whether a decimal is the same when it was written as a floating-point number, or cannot have been."""
    digits = "".join(str(digit) for digit in value.as_py().as_tuple().digits)
    return int(digits) < _SAFE_UNSCALED or len(digits.strip("0")) > _FLOAT_DIGITS
