"""Rows of a sample: as a relation that DuckDB profiles, and as masked JSON that people see."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import pyarrow as pa

from s3_catalog.formats import Row
from s3_catalog.model.tables import Column, PartitionColumn
from s3_catalog.model.types import type_text
from s3_catalog.profiling.columns import Kind, Mask, ProfiledColumn, kind_of, quote_name, typed_expression

_SQL_TYPES = {
    "tinyint": "TINYINT",
    "smallint": "SMALLINT",
    "int": "INTEGER",
    "bigint": "BIGINT",
    "float": "FLOAT",
    "double": "DOUBLE",
    "boolean": "BOOLEAN",
    "date": "DATE",
    "time": "TIME",
    "timestamp": "TIMESTAMP",
    "timestamptz": "TIMESTAMPTZ",
}


def sql_type(arrow_type: pa.DataType) -> str:
    """DuckDB's name of a type that is not nested; VARCHAR for all that is text to us.

    >>> sql_type(pa.decimal128(10, 2)), sql_type(pa.uint8()), sql_type(pa.duration("s"))
    ('DECIMAL(10,2)', 'SMALLINT', 'BIGINT')
    """
    text = type_text(arrow_type)
    if pa.types.is_decimal256(arrow_type):
        return "DOUBLE"
    return text.upper() if text.startswith("decimal") else _SQL_TYPES.get(text, "VARCHAR")


def arrow_rows(
    rows: Sequence[Row], columns: Sequence[Column], details: Mapping[str, str], labels: Mapping[str, str]
) -> tuple[pa.Table, list[ProfiledColumn]]:
    """Put rows into columns that DuckDB can read, named by number, and say how each is profiled.

    Args:
        details: of the table, for the texts of text formats.
        labels: column -> kind of personal data that it holds as a whole.
    """
    arrays: dict[str, pa.Array] = {}
    profiled = []
    for index, column in enumerate(columns):
        stored = quote_name(str(index))
        values = [row.get(column.name) for row in rows]
        array = _typed_array(values, column.type)
        expression = stored
        if array is None:
            array = pa.array([_as_text(value) for value in values], pa.string())
            is_bytes = kind_of(column.type) is Kind.BYTES
            expression = f"encode({stored})" if is_bytes else typed_expression(column, stored, sql_type(column.type), details)
        arrays[str(index)] = array
        profiled.append(
            ProfiledColumn(name=column.name, type=column.type, expression=expression, stored=stored, label=labels.get(column.name))
        )
    return pa.table(arrays), profiled


def json_rows(rows: Iterable[Row], columns: Sequence[Column | PartitionColumn], mask: Mask) -> tuple[str, ...]:
    """Write rows as JSON objects in ASCII, masked, with the columns in their order; a value that a row lacks is null."""
    return tuple(json.dumps({c.name: mask(c.name, row.get(c.name)) for c in columns}, ensure_ascii=True) for row in rows)


def _typed_array(values: Sequence[object], arrow_type: pa.DataType) -> pa.Array | None:
    """The values in their column's type; None where they are texts of another type, or do not fit."""
    kind = kind_of(arrow_type)
    if kind is Kind.NESTED:
        return pa.array([None if value is None else True for value in values], pa.bool_())
    if kind is not Kind.TEXT and any(isinstance(value, str) for value in values):
        return None
    target: Any = {Kind.TEXT: pa.string(), Kind.BYTES: pa.binary()}.get(kind, arrow_type)
    if pa.types.is_decimal256(target):  # DuckDB has no such type
        return None
    if pa.types.is_timestamp(target):  # Python's datetimes have microseconds
        target = pa.timestamp("us", tz="UTC" if target.tz else None)
    try:
        return pa.array(values, target)
    except (pa.ArrowException, OverflowError, TypeError, ValueError, UnicodeError):
        return None


def _as_text(value: object) -> str | None:
    if value is None:
        return None
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    return str(value).encode("utf-8", "replace").decode()
