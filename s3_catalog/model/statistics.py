"""Figures of a table that cost no data: what footers, block headers and logs tell of its columns, and row counts that are estimates.

`ColumnFigures` are typed and of one file; `ColumnStatistics` are text and of a table. `merge_figures` makes the second of the first.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc

MAX_VALUE_LENGTH = 64
"""Characters kept of a minimum or maximum; of a longer text these are kept, and the mark `…`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ColumnFigures:
    """What one file tells of one of its columns; None where it does not tell.

    `null_count` is exact. `min` and `max` are scalars of the column's type; all values lie between them, and both occur where `exact`.
    `size_bytes` is what the column takes in the file, compressed.
    """

    null_count: int | None = None
    min: pa.Scalar | None = None
    max: pa.Scalar | None = None
    size_bytes: int | None = None
    exact: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class ColumnStatistics:
    """Figures of one column of a table; None where they are not known.

    `min` and `max` are text (ISO 8601 for times). All values lie between them, and both occur where `exact`; a text that was cut ends in
    `…`. `complete`: the figures are of all files of the table, else of its `sampled_keys` alone.
    """

    null_count: int | None = None
    min: str | None = None
    max: str | None = None
    size_bytes: int | None = None
    exact: bool = True
    complete: bool = True


@dataclass(frozen=True, slots=True)
class RowEstimate:
    """A row count that was not counted: the likely number, and the range that the rows seen speak for."""

    rows: int
    low: int
    high: int

    def __str__(self) -> str:
        return f"{self.rows} ({self.low} to {self.high})"


@dataclass(frozen=True, slots=True)
class FileFigures:
    """One column in one file. `figures` is None where the file does not tell; `present` is False where the file lacks the column."""

    figures: ColumnFigures | None
    rows: int | None
    present: bool = True


def merge_figures(files: Sequence[FileFigures], arrow_type: pa.DataType, *, complete: bool) -> ColumnStatistics | None:
    """Join the figures of a column over files, as values of the column's merged type; None where nothing is known.

    A file that lacks the column has nulls in all its rows. One file that does not tell a figure leaves that figure unknown.
    """
    own = [file.figures for file in files if file.present]
    if all(figures is None for figures in own):
        return None
    nulls = [(file.figures.null_count if file.figures else None) if file.present else file.rows for file in files]
    sizes = [(file.figures.size_bytes if file.figures else None) if file.present else 0 for file in files]
    lowest, highest = _merge_bounds([file for file in files if file.present], arrow_type)
    low_text, high_text = value_text(lowest), value_text(highest)
    cut = any(text is not None and text.endswith("…") for text in (low_text, high_text))
    merged = ColumnStatistics(
        null_count=None if None in nulls else sum(count for count in nulls if count is not None),
        min=low_text,
        max=high_text,
        size_bytes=None if None in sizes else sum(size for size in sizes if size is not None),
        exact=not cut and all(figures.exact for figures in own if figures is not None),
        complete=complete,
    )
    known = (merged.null_count, merged.min, merged.max, merged.size_bytes)
    return merged if any(figure is not None for figure in known) else None


def _merge_bounds(files: Sequence[FileFigures], arrow_type: pa.DataType) -> tuple[pa.Scalar | None, pa.Scalar | None]:
    lows, highs = list[pa.Scalar](), list[pa.Scalar]()
    for file in files:
        if _holds_no_value(file):
            continue
        low, high = (None, None) if file.figures is None else (file.figures.min, file.figures.max)
        if low is None or high is None:
            return None, None
        lows.append(low)
        highs.append(high)
    if not lows:
        return None, None
    ordered = _comparable_type(arrow_type)
    try:
        low_values = pa.array([low.cast(ordered) for low in lows], ordered)
        high_values = pa.array([high.cast(ordered) for high in highs], ordered)
        return pc.min(low_values), pc.max(high_values)
    except pa.ArrowException:  # a type without an order, or a value that the merged type cannot hold
        return None, None


def _comparable_type(arrow_type: pa.DataType) -> pa.DataType:
    """A type of the same values for which Arrow has a minimum."""
    if pa.types.is_dictionary(arrow_type):
        return _comparable_type(arrow_type.value_type)
    if pa.types.is_string_view(arrow_type):
        return pa.string()
    if pa.types.is_float16(arrow_type):
        return pa.float32()
    if pa.types.is_decimal(arrow_type) and arrow_type.bit_width < 128:
        return pa.decimal128(arrow_type.precision, arrow_type.scale)
    return arrow_type


def _holds_no_value(file: FileFigures) -> bool:
    return file.rows == 0 or (file.figures is not None and file.rows is not None and file.figures.null_count == file.rows)


def value_text(value: pa.Scalar | None) -> str | None:
    """A value as people read it, cut at `MAX_VALUE_LENGTH`; None for bytes, nested values and what Arrow cannot write.

    >>> value_text(pa.scalar(1.5)), value_text(pa.scalar(True)), value_text(pa.scalar(b"x"))
    ('1.5', 'true', None)
    """
    if value is None or not value.is_valid or pa.types.is_nested(value.type) or _is_bytes(value.type):
        return None
    try:
        text: str | None = value.cast(pa.string()).as_py()
    except (pa.ArrowException, UnicodeDecodeError):
        return None
    if text is None or len(text) <= MAX_VALUE_LENGTH:
        return text
    return f"{text[:MAX_VALUE_LENGTH]}…"


def _is_bytes(arrow_type: pa.DataType) -> bool:
    return bool(pa.types.is_binary(arrow_type) or pa.types.is_large_binary(arrow_type) or pa.types.is_fixed_size_binary(arrow_type))


def add_estimates(estimates: Sequence[RowEstimate]) -> RowEstimate:
    """The rows of several files together."""
    return RowEstimate(sum(e.rows for e in estimates), sum(e.low for e in estimates), sum(e.high for e in estimates))


def scale_estimates(estimates: Sequence[tuple[RowEstimate, int]], size_bytes: int) -> RowEstimate | None:
    """Estimate the rows of `size_bytes` from some files' (rows, size in bytes), at their mean rows per byte.

    The range spans from the file with the fewest rows per byte to the one with the most.
    """
    sized = [(estimate, size) for estimate, size in estimates if size > 0]
    if not sized:
        return None
    total = sum(size for _, size in sized)
    return RowEstimate(
        round(size_bytes * sum(e.rows for e, _ in sized) / total),
        int(size_bytes * min(e.low / size for e, size in sized)),
        round(size_bytes * max(e.high / size for e, size in sized)),
    )
