"""Column statistics of an Iceberg table, from the figures that its manifests have of each file.

By field id, so a column that was renamed or widened keeps its figures. A file that has none of a column tells that all its rows are null,
if the snapshot that added it knew no such column. Writers cut texts at 16 characters, unless the table's properties say another length.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from s3_catalog.model.statistics import ColumnStatistics
from s3_catalog.table_formats._figures import is_whole_text, state_figures

if TYPE_CHECKING:
    from pyiceberg.manifest import DataFile
    from pyiceberg.table.metadata import TableMetadata
    from pyiceberg.types import IcebergType, NestedField

_CUT_CHARACTERS = 16
_METRICS = "write.metadata.metrics."
_DAY = {"us": 86_400_000_000, "ns": 86_400_000_000_000}
_DATE_BYTES = 4

_FLOATS = {4: "<f", 8: "<d"}

Decode = Callable[[bytes], Any]
Rank = Callable[[bytes], Any]


class StatisticsCollector:
    """Takes the data files of a table one by one.

    Args:
        types: top-level field id -> Arrow type, of the columns wanted.
    """

    def __init__(self, metadata: TableMetadata, types: Mapping[int, pa.DataType]) -> None:
        fields = [found for found in metadata.schema().fields if found.field_id in types]
        self._columns = [_start_column(found, types[found.field_id]) for found in fields]
        self._schemas = {schema.schema_id: {f.field_id for f in schema.fields} for schema in metadata.schemas}
        self._snapshots = {s.snapshot_id: self._schemas.get(s.schema_id) for s in metadata.snapshots if s.schema_id is not None}
        self._texts_are_cut_as_usual = not any(name.startswith(_METRICS) for name in metadata.properties)

    def add(self, file: DataFile, snapshot_id: int | None) -> None:
        """Take a data file, and the snapshot that added it."""
        known = None if snapshot_id is None else self._snapshots.get(snapshot_id)
        figures = _FileFigures(
            rows=file.record_count,
            nulls=file.null_value_counts or {},
            nans=file.nan_value_counts or {},
            lows=file.lower_bounds or {},
            highs=file.upper_bounds or {},
            sizes=file.column_sizes or {},
        )
        for column in self._columns:
            column.add(figures, is_lacking=known is not None and column.field_id not in known and not column.defaults)

    def state(self, *, loose: bool) -> dict[int, ColumnStatistics]:
        """The figures by field id; `loose`: there are delete files, so the figures count rows that are deleted."""
        found = {column.field_id: column.state(loose=loose, whole_texts=self._texts_are_cut_as_usual) for column in self._columns}
        return {field_id: statistics for field_id, statistics in found.items() if statistics is not None}


@dataclass(frozen=True, slots=True, kw_only=True)
class _FileFigures:
    rows: int
    nulls: Mapping[int, int]
    nans: Mapping[int, int]
    lows: Mapping[int, bytes]
    highs: Mapping[int, bytes]
    sizes: Mapping[int, int]


@dataclass(slots=True)
class _Extreme:
    """The lowest or highest bound so far; it becomes unknown for good with the first file that does not tell it."""

    is_lowest: bool
    is_known: bool = True
    bound: bytes | None = None
    _rank: Any = None

    def add(self, bound: bytes | None, rank: Rank | None) -> None:
        if not self.is_known or (bound is not None and bound == self.bound):
            return
        place = None if bound is None or rank is None else rank(bound)
        if place is None:
            self.is_known, self.bound = False, None
        elif self.bound is None or (place < self._rank if self.is_lowest else place > self._rank):
            self.bound, self._rank = bound, place


@dataclass(slots=True, kw_only=True)
class _ColumnFigures:
    """Sums over files, each None as soon as one file does not tell it."""

    field_id: int
    type: pa.DataType
    leaves: tuple[int, ...]
    decode: Decode | None
    rank: Rank | None
    defaults: bool
    files: int = 0
    null_count: int | None = 0
    size_bytes: int | None = 0
    low: _Extreme = field(default_factory=lambda: _Extreme(is_lowest=True))
    high: _Extreme = field(default_factory=lambda: _Extreme(is_lowest=False))

    def add(self, file: _FileFigures, *, is_lacking: bool) -> None:
        self.files += 1
        nulls = file.nulls.get(self.field_id)
        sizes = [file.sizes.get(leaf) for leaf in self.leaves] if self.size_bytes is not None else []
        if is_lacking and nulls is None and not any(sizes):
            nulls, sizes = file.rows, []
        self.null_count = None if nulls is None or self.null_count is None else self.null_count + nulls
        for size in sizes:
            self.size_bytes = None if size is None or self.size_bytes is None else self.size_bytes + size
        if file.rows == 0 or (nulls is not None and nulls + file.nans.get(self.field_id, 0) == file.rows):
            return
        self.low.add(file.lows.get(self.field_id), self.rank)
        self.high.add(file.highs.get(self.field_id), self.rank)

    def state(self, *, loose: bool, whole_texts: bool) -> ColumnStatistics | None:
        if not self.files:
            return None
        low, high = (_as_arrow(found.bound, self.decode, self.type) for found in (self.low, self.high))
        cut_at = _CUT_CHARACTERS if whole_texts else 0
        whole = all(is_whole_text(bound, characters=cut_at, size=4 * _CUT_CHARACTERS) for bound in (low, high))
        return state_figures(
            null_count=None if loose and self.null_count else self.null_count,  # some of them may be deleted
            low=low,
            high=high,
            size_bytes=self.size_bytes,
            exact=whole and not loose,
        )


def _start_column(found: NestedField, arrow_type: pa.DataType) -> _ColumnFigures:
    decode = _decoder(found.field_type, arrow_type)
    return _ColumnFigures(
        field_id=found.field_id,
        type=arrow_type,
        leaves=tuple(_leaves(found.field_id, found.field_type)),
        decode=decode,
        rank=_ranker(arrow_type) if decode else None,
        defaults=found.initial_default is not None,
    )


def _leaves(field_id: int, kind: IcebergType) -> Iterator[int]:
    """The field ids of what a column is stored as."""
    from pyiceberg.types import ListType, MapType, StructType

    children: list[tuple[int, IcebergType]] = []
    if isinstance(kind, StructType):
        children = [(child.field_id, child.field_type) for child in kind.fields]
    elif isinstance(kind, ListType):
        children = [(kind.element_id, kind.element_type)]
    elif isinstance(kind, MapType):
        children = [(kind.key_id, kind.key_type), (kind.value_id, kind.value_type)]
    else:
        yield field_id
    for child_id, child in children:
        yield from _leaves(child_id, child)


def _decoder(kind: IcebergType, arrow_type: pa.DataType) -> Decode | None:
    """How a bound of this type is read; None for types without an order that people know."""
    from pyiceberg.conversions import from_bytes
    from pyiceberg.types import BinaryType, FixedType, GeographyType, GeometryType, PrimitiveType, UnknownType, UUIDType

    if not isinstance(kind, PrimitiveType) or isinstance(
        kind, BinaryType | FixedType | UUIDType | UnknownType | GeometryType | GeographyType
    ):
        return None
    decode: Decode = partial(from_bytes, kind)
    return partial(_decode_promoted, decode, _DAY[arrow_type.unit]) if pa.types.is_timestamp(arrow_type) else decode


def _decode_promoted(decode: Decode, day: int, bound: bytes) -> Any:
    """A time, or the date of a file from before the column became one."""
    return struct.unpack("<i", bound)[0] * day if len(bound) == _DATE_BYTES else decode(bound)


def _ranker(arrow_type: pa.DataType) -> Rank:
    """How bounds of a type compare without being decoded, for there may be millions."""
    if pa.types.is_string(arrow_type) or pa.types.is_large_string(arrow_type):
        return bytes  # the order of UTF-8 is that of its characters
    if pa.types.is_floating(arrow_type):
        return _rank_float
    if pa.types.is_decimal(arrow_type):
        return partial(int.from_bytes, byteorder="big", signed=True)
    rank: Rank = partial(int.from_bytes, byteorder="little", signed=True)
    return partial(_decode_promoted, rank, _DAY[arrow_type.unit]) if pa.types.is_timestamp(arrow_type) else rank


def _rank_float(bound: bytes) -> float | None:
    """The number, of four bytes in files from before the column became a double; None for NaN, which has no place in an order."""
    kind = _FLOATS.get(len(bound))
    number: float = math.nan if kind is None else struct.unpack(kind, bound)[0]
    return None if math.isnan(number) else number


def _as_arrow(bound: bytes | None, decode: Decode | None, arrow_type: pa.DataType) -> pa.Scalar | None:
    """The value; None where it is none, for a manifest may hold any bytes."""
    if bound is None or decode is None:
        return None
    try:
        return pa.scalar(decode(bound), arrow_type)
    except (struct.error, ValueError, ArithmeticError, pa.ArrowException):
        return None
