"""The schema by which engines read Avro files: the writer's own, wide enough for files that lack some of its fields.

Pure. Avro resolves fields by their exact names and types; what a Hive type tells (no case, no enumerations, no sizes) is not enough.
Columns that only other files have are added from their types, as far as those leave no choice.
"""

from __future__ import annotations

import json
import re
from typing import Any

import pyarrow as pa
import pyarrow.types as pt

from s3_catalog.catalogs._glue_types import hive_type
from s3_catalog.model.tables import Column, Table

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_UNTOLD = frozenset({"enum", "union", "duration"})
"""Types that a column's own type does not tell to the letter."""
_PLAIN = {
    "boolean": "boolean", "int": "int", "bigint": "long", "float": "float", "double": "double", "string": "string", "binary": "bytes",
}  # fmt: skip


def avro_schema(table: Table) -> str | None:
    """The schema as JSON; None where no column can be written."""
    fields = [*_written_fields(table)]
    known = {field["name"] for field in fields}
    fields += [found for column in table.columns if column.name not in known and (found := _added_field(column)) is not None]
    return json.dumps({"type": "record", "name": "row", "fields": fields}, separators=(",", ":")) if fields else None


def is_shown_in_avro(table: Table, column: Column) -> bool:
    """Whether the engines can be told how a column is written."""
    return column.name in {field["name"] for field in _written_fields(table)} or _added_field(column) is not None


def _written_fields(table: Table) -> list[dict[str, Any]]:
    """The fields of the writer's schema, each open to be missing."""
    told = dict(table.details).get("writer_schema")
    schema = json.loads(told) if told else None
    if not isinstance(schema, dict) or schema.get("type") != "record":
        return []
    columns = {column.name for column in table.columns}
    return [
        {"name": field["name"], "type": _with_null(field["type"]), "default": None}
        for field in schema.get("fields", ())
        if field.get("name") in columns
    ]


def _with_null(schema: Any) -> list[Any]:
    branches = schema if isinstance(schema, list) else [schema]
    return ["null", *(branch for branch in branches if branch != "null")]


def _added_field(column: Column) -> dict[str, Any] | None:
    try:
        if column.source_type in _UNTOLD:
            return None
        return _field(column.name, column.type, f"added_{column.name}")
    except ValueError:
        return None


def _field(name: str, arrow_type: pa.DataType, path: str) -> dict[str, Any]:
    if not _NAME.fullmatch(name):
        raise ValueError(name)
    return {"name": name, "type": ["null", _type(arrow_type, path)], "default": None}


def _type(arrow_type: pa.DataType, path: str) -> Any:
    """One type as Avro writes it. `path` makes names of nested records unique.

    Raises:
        ValueError: Avro has no such type, or several.
    """
    if pt.is_struct(arrow_type):
        return {"type": "record", "name": path, "fields": [_field(inner.name, inner.type, f"{path}_{inner.name}") for inner in arrow_type]}
    if pt.is_map(arrow_type):
        return {"type": "map", "values": ["null", _type(arrow_type.item_type, f"{path}_v")]}
    if pt.is_list(arrow_type):
        return {"type": "array", "items": ["null", _type(arrow_type.value_type, f"{path}_i")]}
    if pt.is_timestamp(arrow_type):
        return {"type": "long", "logicalType": "timestamp-millis" if arrow_type.unit == "ms" else "timestamp-micros"}
    if pt.is_date(arrow_type):
        return {"type": "int", "logicalType": "date"}
    plain = None if pt.is_fixed_size_binary(arrow_type) or pt.is_decimal(arrow_type) else _PLAIN.get(hive_type(arrow_type) or "")
    if plain is None:
        raise ValueError(str(arrow_type))
    return plain
