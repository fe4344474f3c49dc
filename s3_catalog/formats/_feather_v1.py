"""Feather version 1, which pandas and R wrote until 2020: its footer has the schema, the row count, and nulls and sizes of the columns.

Arrow's own reader does not check the footer before it follows it, and is to be removed; so the footer is read here. It is a flatbuffer:
tables and slots are those of `feather.fbs` in the Arrow repository.
"""

from __future__ import annotations

from collections import Counter
from typing import Any

import pyarrow as pa

from s3_catalog.formats._block_rows import MOST_ROWS
from s3_catalog.formats._flatbuffers import CorruptMessageError, byte, child, children, number, refusing, root, text
from s3_catalog.model.statistics import ColumnFigures

_ROWS, _COLUMNS = 6, 8
_NAME, _VALUES, _KIND, _DETAILS = 4, 6, 8, 10
_TYPE, _LENGTH, _NULLS, _SIZE = 4, 10, 12, 14
_CATEGORY, _TIMESTAMP, _DATE, _TIME = 1, 2, 3, 4
_LEVELS, _ORDERED, _UNIT, _ZONE = 4, 6, 4, 6
_UNITS = ("s", "ms", "us", "ns")
_INTEGERS = ("int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64")
_TYPES = ("bool_", *_INTEGERS, "float32", "float64", "string", "binary", "", "", "", "", "large_string", "large_binary")
"""Arrow's names in the order of the format's types; the empty ones are told by a column's kind."""


def read_footer(data: bytes) -> tuple[pa.Schema, int, dict[str, ColumnFigures]]:
    """Read the schema, the row count and the columns' figures; columns whose name stands twice have none.

    Args:
        data: the footer, without the length and signature after it.

    Raises:
        CorruptMessageError: corrupt, or of a type that the format does not have.
    """
    with refusing():
        table = root(data)
        rows, columns = number(table, _ROWS), children(table, _COLUMNS)
        schema = pa.schema([pa.field(text(column, _NAME), _read_type(column)) for column in columns])
        figures = [_read_figures(column, rows) for column in columns]
    if rows > MOST_ROWS:
        raise CorruptMessageError("the footer claims an impossible row count")
    once = Counter(schema.names)
    return schema, rows, {name: own for name, own in zip(schema.names, figures, strict=True) if once[name] == 1}


def _read_type(column: Any) -> pa.DataType:
    stored, kind = _stored_type(child(column, _VALUES)), byte(column, _KIND)
    if kind == 0:
        return stored
    details = child(column, _DETAILS)
    if kind == _CATEGORY:
        if not pa.types.is_integer(stored):
            raise CorruptMessageError("a category is no number")
        return pa.dictionary(stored, _stored_type(child(details, _LEVELS)), ordered=bool(byte(details, _ORDERED)))
    if kind == _DATE:
        return pa.date32()
    unit = _UNITS[byte(details, _UNIT)]
    if kind == _TIMESTAMP:
        return pa.timestamp(unit, text(details, _ZONE) or None)
    if kind == _TIME:
        return pa.time32(unit) if unit in ("s", "ms") else pa.time64(unit)
    raise CorruptMessageError("a column is of an unknown kind")


def _stored_type(values: Any) -> pa.DataType:
    name = _TYPES[byte(values, _TYPE)]
    if not name:
        raise CorruptMessageError("a column is of an unknown type")
    return getattr(pa, name)()


def _read_figures(column: Any, rows: int) -> ColumnFigures:
    values = child(column, _VALUES)
    nulls, size = number(values, _NULLS), number(values, _SIZE)
    if number(values, _LENGTH) != rows or nulls > rows:
        raise CorruptMessageError("a column and the file disagree on the row count")
    levels = number(child(child(column, _DETAILS), _LEVELS), _SIZE) if byte(column, _KIND) == _CATEGORY else 0
    return ColumnFigures(null_count=nulls, size_bytes=size + levels)
