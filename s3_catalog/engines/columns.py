"""Columns: names and types that some engines cannot show, and files that disagree about a column.

Pure.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from itertools import pairwise

import pyarrow as pa
import pyarrow.types as pt

from s3_catalog.engines import ALL_ENGINES, GLUE_ENGINES, Engine, Finding
from s3_catalog.model.tables import Column, Table
from s3_catalog.model.types import type_text

_HIVE = frozenset({Engine.ATHENA, Engine.TRINO})
FIELD_NAME = re.compile(r"[A-Za-z0-9_.$][A-Za-z0-9_.$ ]*")
"""Names that a field of a struct may have in the text of a Hive type."""
UNSIGNED = "UINT_64"
"""What Parquet calls a type that neither Athena nor Trino has."""
MAX_NAME = 255
"""Characters of a name, by Glue's own bound."""
_SHOWN = 40
_INTEGERS = ("tinyint", "smallint", "int", "bigint")


def is_column_name(name: str) -> bool:
    """Whether a column can be shown under its own name (in lower case), as formats that are read by name need it."""
    return 0 < len(name) <= MAX_NAME and name.isprintable() and name.strip() == name


def check_columns(table: Table) -> Iterator[Finding]:
    """Judge the columns and partition columns of a table."""
    yield from _check_names(table)
    for column in table.columns:
        yield from _check_type(column, table.format)
    yield from _check_agreement(table)


def _check_names(table: Table) -> Iterator[Finding]:
    partitions = {column.name.lower() for column in table.layout.partition_columns}
    names = Counter(column.name.lower() for column in table.columns)
    if unusual := [column.name for column in table.columns if not is_column_name(column.name)]:
        longest = f"{max(unusual, key=len)[:_SHOWN]!r}"
        yield Finding(GLUE_ENGINES, f"{len(unusual)} columns have names that cannot be shown ({longest}): they are renamed or left out")
    clashes = sorted(name for name, count in names.items() if count > 1)
    if clashes:
        yield Finding(
            ALL_ENGINES, f"columns differ in case alone: {', '.join(clashes)}; only the first of each is shown or the rest renamed"
        )
    if twice := sorted(partitions & names.keys()):
        yield Finding(GLUE_ENGINES, f"columns stand in the path and in the files: {', '.join(twice)}; those of the files are not shown")
    in_path = {column.name.lower(): type_text(column.type) for column in table.layout.partition_columns}
    for column in table.columns:
        told, found = in_path.get(column.name.lower()), type_text(column.type)
        if told is not None and told != found:
            yield Finding(
                GLUE_ENGINES, f"partition column {column.name!r} is {told} in the path and {found} in the files: it is shown as {told}"
            )
    if len(partitions) < len(table.layout.partition_columns):
        yield Finding(GLUE_ENGINES, "two partition columns have one name", blocks=True)


def _check_type(column: Column, file_format: str) -> Iterator[Finding]:
    for part in _parts(column.type):
        if pt.is_struct(part):
            if any(not FIELD_NAME.fullmatch(field.name) for field in part):
                yield Finding(GLUE_ENGINES, f"column {column.name!r}: a name inside it cannot be written in a Hive type; it is not shown")
            if len({field.name.lower() for field in part}) < part.num_fields:
                yield Finding(GLUE_ENGINES, f"column {column.name!r}: names inside it differ in case alone; it is not shown")
        elif pt.is_decimal(part) and part.precision > 38:
            yield Finding(GLUE_ENGINES, f"column {column.name!r}: {type_text(part)} has more than 38 digits; it is not shown")
        elif pt.is_time(part) and file_format in ("parquet", "avro"):
            yield Finding(GLUE_ENGINES, f"column {column.name!r}: a time of day is shown as a number ({_unit(part)} since midnight)")
        elif pt.is_timestamp(part) and part.unit == "ns" and file_format != "iceberg":
            yield Finding(_HIVE, f"column {column.name!r}: nanoseconds are cut off")
        elif column.source_type == UNSIGNED and not fits_bigint(column):
            yield Finding(GLUE_ENGINES, f"column {column.name!r}: no engine has unsigned 64-bit numbers; it is not shown")
        elif pt.is_float16(part):
            yield Finding(GLUE_ENGINES, f"column {column.name!r}: the engines have no half-precision numbers; it is not shown")


def fits_bigint(column: Column) -> bool:
    """Whether all values of an unsigned column are known to be no more than a signed one holds."""
    known = column.statistics
    return known is not None and known.complete and known.max is not None and known.max.isdigit() and int(known.max) < 2**63


def _unit(arrow_type: pa.DataType) -> str:
    return {"s": "milliseconds", "ms": "milliseconds", "us": "microseconds", "ns": "nanoseconds"}[arrow_type.unit]


def _parts(arrow_type: pa.DataType) -> Iterator[pa.DataType]:
    yield arrow_type
    if isinstance(arrow_type, pa.BaseExtensionType):
        yield from _parts(arrow_type.storage_type)
    elif pt.is_nested(arrow_type):
        for number in range(arrow_type.num_fields):
            yield from _parts(arrow_type.field(number).type)


def _check_agreement(table: Table) -> Iterator[Finding]:
    for conflict in table.conflicts:
        yield Finding(
            ALL_ENGINES,
            f"column {conflict.column!r} is {conflict.expected} in some files and {conflict.found} in others; reading those fails",
        )
    if table.format in ("parquet", "orc", "avro"):
        for column in table.columns:
            for change in column.blame.changes if column.blame else ():
                if not _widens(change.before, change.after):
                    yield Finding(_HIVE, f"column {column.name!r} was {change.before} in older files and is {change.after} now")
    if table.format == "orc" and _grew_inside(table.columns):
        yield Finding(_HIVE, "columns came in between others, and ORC is read by position: needs orc_use_column_names (Trino)")


def _widens(before: str, after: str) -> bool:
    if before in _INTEGERS and after in _INTEGERS:
        return _INTEGERS.index(before) <= _INTEGERS.index(after)
    return before == after or (before, after) == ("float", "double")


def _grew_inside(columns: tuple[Column, ...]) -> bool:
    added = [column.blame is not None and column.blame.added for column in columns]
    return any(early and not late for early, late in pairwise(added))
