"""What a Parquet footer tells of its columns' values, summed over row groups.

In: the footer as pyarrow parsed it. Out: `Figures` for each column of the top level. Statistics are taken as the file stores them
(`min_raw`, `max_raw`): pyarrow's own `min` and `max` are Python objects, which have no nanoseconds. Knows only the standard library and
pyarrow, for it runs in the sandbox.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
import pyarrow.types as pt

_CUT_BYTES = 28
"""A text this long may be the rest of a longer one: writers cut at 32 bytes and more, and up to 3 bytes earlier to keep characters whole.
pyarrow does not pass on the marks `is_min_value_exact` and `is_max_value_exact` of the file."""

_NEVER_CUTS = "parquet-cpp"
"""How the names of writers begin that leave a long statistic out."""

_MAX_CHARACTERS = 128
"""Of longer texts, no more than this stands in a figure."""

_MAX_DECIMAL_BYTES = 32
_LAST_CHARACTER, _BEFORE_SURROGATES = "\U0010ffff", "\ud7ff"


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """Figures of one column in one file. None where the file does not tell.

    `low` and `high` are its minimum and maximum: numbers for numbers, the unscaled one for a decimal, text, and for all times what Parquet
    stores: days, or units of the column's type since midnight or 1970.
    """

    nulls: int | None = None
    size_bytes: int | None = None
    low: bool | int | float | str | None = None
    high: bool | int | float | str | None = None
    exact: bool = True


def read_figures(metadata: Any, schema: pa.Schema, max_cells: int) -> list[Figures]:
    """Sum up the row groups for every column of the schema.

    Nulls, minimum and maximum are told of columns that are no list, struct or map, where every row group tells them. NaN is no value:
    minimum and maximum are of the others.

    Args:
        metadata: a `pyarrow.parquet.FileMetaData`.
        max_cells: how many column chunks (row groups x leaf columns) are looked at; the columns beyond have no figures.
    """
    leaves = [count_leaves(field.type) for field in schema]
    groups = [metadata.row_group(i) for i in range(metadata.num_row_groups)]
    if {sum(leaves), *(group.num_columns for group in groups)} != {metadata.num_columns}:
        return [Figures()] * len(schema)
    never_cuts = str(metadata.created_by).startswith(_NEVER_CUTS)
    figures, first = list[Figures](), 0
    for field, count in zip(schema, leaves, strict=True):
        known = (first + count) * len(groups) <= max_cells
        figures.append(_read_column(field.type, groups, metadata.schema, range(first, first + count), never_cuts) if known else Figures())
        first += count
    return figures


def count_leaves(arrow_type: pa.DataType) -> int:
    """How many columns a type takes in a Parquet file."""
    if isinstance(arrow_type, pa.BaseExtensionType):
        return count_leaves(arrow_type.storage_type)
    if not arrow_type.num_fields:
        return 1
    return sum(count_leaves(arrow_type.field(i).type) for i in range(arrow_type.num_fields))


def _read_column(arrow_type: pa.DataType, groups: Sequence[Any], schema: Any, leaves: range, never_cuts: bool) -> Figures:
    sizes = [group.column(leaf).total_compressed_size for group in groups for leaf in leaves]
    size_bytes = sum(sizes) if min(sizes, default=0) >= 0 else None
    if len(leaves) != 1 or arrow_type.num_fields:
        return Figures(size_bytes=size_bytes)
    leaf = schema.column(leaves[0])
    tally = _Tally(_key_of(arrow_type, leaf.physical_type), required=leaf.max_definition_level == 0)
    for group in groups:
        tally.add(group.column(leaves[0]))
    low, high, exact = _make_bounds(tally.low, tally.high, never_cuts)
    return Figures(nulls=tally.nulls, size_bytes=size_bytes, low=low, high=high, exact=exact)


class _Tally:
    """One column over its row groups. `key_of` makes of a stored value one that can be compared; None where values have no order."""

    def __init__(self, key_of: Callable[[Any], Any] | None, *, required: bool) -> None:
        self.nulls: int | None = 0
        self.low: Any = None
        self.high: Any = None
        self._key_of = key_of
        self._required = required

    def add(self, chunk: Any) -> None:
        statistics = chunk.statistics
        nulls = self._count_nulls(chunk.num_values, statistics)
        self.nulls = None if nulls is None or self.nulls is None else self.nulls + nulls
        if self._key_of is None or nulls == chunk.num_values:
            return
        if statistics is None or not statistics.has_min_max:
            self._key_of = self.low = self.high = None
            return
        try:
            low, high = self._key_of(statistics.min_raw), self._key_of(statistics.max_raw)
        except (ValueError, struct.error):  # bytes of another length than the type has
            low = high = math.nan
        if not low <= high:  # NaN, or a writer that compared in another order
            self._key_of = self.low = self.high = None
            return
        self.low = low if self.low is None else min(self.low, low)
        self.high = high if self.high is None else max(self.high, high)

    def _count_nulls(self, values: int, statistics: Any) -> int | None:
        if self._required or values == 0:
            return 0
        if statistics is None or not statistics.has_null_count or not 0 <= statistics.null_count <= values:
            return None
        return int(statistics.null_count)


def _key_of(arrow_type: pa.DataType, physical: str) -> Callable[[Any], Any] | None:
    """How to make a stored value comparable; None for types without an order that people would know."""
    if pt.is_dictionary(arrow_type):
        arrow_type = arrow_type.value_type
    if physical == "INT96" or isinstance(arrow_type, pa.BaseExtensionType):
        return None
    if _is_text(arrow_type):
        return bytes
    if pt.is_decimal(arrow_type):
        return _signed_number
    if pt.is_unsigned_integer(arrow_type):
        mask = 0xFFFF_FFFF if physical == "INT32" else 0xFFFF_FFFF_FFFF_FFFF
        return lambda stored: stored & mask
    if pt.is_float16(arrow_type):
        return lambda stored: struct.unpack("<e", stored)[0] + 0.0
    if pt.is_floating(arrow_type):
        return lambda stored: stored + 0.0  # a minimum of zero is stored as -0.0, as it might be either
    if pt.is_integer(arrow_type) or pt.is_boolean(arrow_type) or pt.is_temporal(arrow_type):
        return lambda stored: stored
    return None


def _signed_number(stored: int | bytes) -> int:
    if isinstance(stored, int):
        return stored
    if len(stored) > _MAX_DECIMAL_BYTES:
        raise ValueError("longer than any decimal")
    return int.from_bytes(stored, "big", signed=True)


def _is_text(arrow_type: pa.DataType) -> bool:
    return bool(pt.is_string(arrow_type) or pt.is_large_string(arrow_type) or pt.is_string_view(arrow_type))


def _make_bounds(low: Any, high: Any, never_cuts: bool) -> tuple[Any, Any, bool]:
    """Minimum and maximum as JSON can carry them, and whether both occur in the file."""
    if not isinstance(low, bytes):
        return low, high, True
    try:
        whole = low.decode("utf-8"), high.decode("utf-8")
        cut = whole[0][:_MAX_CHARACTERS], _cut_above(whole[1])
    except ValueError:  # not UTF-8, as when cut within a character, or nothing comes after it
        return None, None, True
    return *cut, cut == whole and (never_cuts or max(len(low), len(high)) < _CUT_BYTES)


def _cut_above(text: str) -> str:
    """The text, or where it is longer than `_MAX_CHARACTERS` a shorter one that comes after it.

    >>> _cut_above("b" * 200) == "b" * 127 + "c"
    True

    Raises:
        ValueError: there is none.
    """
    if len(text) <= _MAX_CHARACTERS:
        return text
    kept = text[:_MAX_CHARACTERS].rstrip(_LAST_CHARACTER)
    if not kept:
        raise ValueError("no text of this length comes after it")
    following = "\ue000" if kept[-1] == _BEFORE_SURROGATES else chr(ord(kept[-1]) + 1)
    return kept[:-1] + following
