"""The types of a sheet's columns: what people say, checked against the cells that were kept, else what all cells are. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

import pyarrow as pa
import pyarrow.types as pt

from s3_catalog.errors import HintError
from s3_catalog.formats._column_types import null_texts
from s3_catalog.formats._excel_header import Cell
from s3_catalog.formats._hints import ReadHints
from s3_catalog.formats._type_hints import describe_misfit, find_misfit
from s3_catalog.model.tables import Column, TypeConflict
from s3_catalog.model.types import merge_types, type_text

_KIND_TYPES = {
    "integer": pa.int64(),
    "large": pa.float64(),
    "double": pa.float64(),
    "boolean": pa.bool_(),
    "string": pa.string(),
    "date": pa.date32(),
    "timestamp": pa.timestamp("us"),
    "time": pa.time64("us"),
    "duration": pa.duration("us"),
}
_NUMBERS = ("integer", "large", "double")


@dataclass(frozen=True, slots=True, kw_only=True)
class SheetColumn:
    """A column: the kinds of all its cells, and those cells that were kept, in their order: the first, then one of each kind below."""

    name: str
    kinds: Counter[str]
    cells: Sequence[Cell]


def type_columns(key: str, columns: Iterable[SheetColumn], hints: ReadHints) -> tuple[tuple[Column, ...], tuple[TypeConflict, ...]]:
    """Give every column a type; what did not fit into one type is a conflict.

    Raises:
        HintError: a cell that is none of the type that people say its column has.
    """
    typed, conflicts = list[Column](), list[TypeConflict]()
    for column in columns:
        wanted = hints.types.get(column.name)
        if wanted is None:
            typed.append(_join_kinds(key, column, conflicts))
        else:
            _refuse_misfit(key, column, wanted, hints)
            typed.append(Column(name=column.name, type=wanted))
    return tuple(typed), tuple(conflicts)


def _join_kinds(key: str, column: SheetColumn, conflicts: list[TypeConflict]) -> Column:
    arrow_type: pa.DataType = pa.null()
    for kind, _ in column.kinds.most_common():
        merge = merge_types(arrow_type, _KIND_TYPES[kind])
        if not merge.lossless:
            expected, found, resolved = type_text(arrow_type), type_text(_KIND_TYPES[kind]), type_text(merge.type)
            conflicts.append(TypeConflict(column=column.name, expected=expected, found=found, resolved=resolved, key=key))
        arrow_type = merge.type
    return Column(name=column.name, type=arrow_type, source_type="duration" if pa.types.is_duration(arrow_type) else None)


def _refuse_misfit(key: str, column: SheetColumn, wanted: pa.DataType, hints: ReadHints) -> None:
    if pt.is_string(wanted) or pt.is_binary(wanted):
        return
    for kind, text in column.cells:
        if kind and not _fits(kind, text, wanted, hints):
            shown = text.lower() if kind == "boolean" else text
            raise HintError(key, "excel", describe_misfit(column.name, wanted, shown), shows=(column.name, shown))


def _fits(kind: str, text: str, wanted: pa.DataType, hints: ReadHints) -> bool:
    if kind == "string":
        return find_misfit([text], wanted, hints, nulls=null_texts(hints)) is None
    if kind in _NUMBERS:
        # A cell has 15 digits; those after them come of fractions that are not exact in binary.
        number = text if kind == "integer" else f"{float(text):.15g}"
        return find_misfit([number], wanted, replace(hints, decimal=None)) is None
    if kind in ("date", "timestamp") and pt.is_timestamp(wanted):
        return True  # cells know no zones: the hint says which
    return type_text(_KIND_TYPES[kind]) == type_text(wanted)
