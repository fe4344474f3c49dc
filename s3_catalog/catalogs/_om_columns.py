"""Columns as OpenMetadata describes them, and back to Arrow.

Nested types become children: a struct's fields, a map's `key` and `value`, an array's `element` where its items are not structs. The
canonical type text is in `dataTypeDisplay`; the server lowers its case, so names of fields are read from the children.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa
import pyarrow.types as pt

from s3_catalog.catalogs._om_names import MAX_FQN, UnnameableError, decode_name, encode_name, join_fqn
from s3_catalog.model.tables import Column, PartitionColumn, Table
from s3_catalog.model.types import read_type, type_text

Body = dict[str, Any]
UNNAMED = "-"
"""OpenMetadata's name for a field without one."""
ELEMENT = "element"

_SCALARS = {
    "boolean": "BOOLEAN",
    "tinyint": "TINYINT",
    "smallint": "SMALLINT",
    "int": "INT",
    "bigint": "BIGINT",
    "float": "FLOAT",
    "double": "DOUBLE",
    "string": "STRING",
    "date": "DATE",
    "time": "TIME",
    "timestamp": "TIMESTAMP",
    "timestamptz": "TIMESTAMPZ",
    "binary": "BYTES",
}
_SIZED_TEXT = re.compile(r"(?i)\s*(varchar|char|nvarchar|character varying)\s*\((\d{1,9})\)\s*")


@dataclass(frozen=True, slots=True)
class MappedColumns:
    """Columns as request bodies. `paths`: our way of naming a nested column (`contact.email`, `orders[].id`) -> its path (`join_fqn`).

    `tops` are the stored names of the top columns by their own names.
    """

    bodies: list[Body]
    paths: dict[str, str] = field(default_factory=dict)
    tops: dict[str, str] = field(default_factory=dict)


def map_columns(table: Table) -> MappedColumns:
    """Map all columns of a table, partition columns last (one that the files hold too is not repeated).

    Raises:
        UnnameableError: a column's name cannot be kept.
    """
    mapped = MappedColumns([])
    in_files = {column.name for column in table.columns}
    columns: list[Column | PartitionColumn] = [*table.columns, *(c for c in table.layout.partition_columns if c.name not in in_files)]
    for position, (name, column) in enumerate(zip(_unique_names([c.name for c in columns]), columns, strict=True), start=1):
        body = _map_type(column.type, getattr(column, "source_type", None), mapped, (name,), column.name)
        body |= {"name": name, "ordinalPosition": position}
        if not getattr(column, "nullable", True):
            body["constraint"] = "NOT_NULL"
        if decode_name(name) != column.name:
            body["displayName"] = column.name or UNNAMED
        mapped.tops.setdefault(column.name, name)
        mapped.bodies.append(body)
    return mapped


def _unique_names(names: Sequence[str]) -> list[str]:
    """Stored names, all different: a repeated one is numbered, as people see it elsewhere (`amount#2`)."""
    taken: set[str] = set()
    unique = []
    for name in names:
        stored = encode_name(name) or UNNAMED
        candidate, number = stored, 1
        while candidate in taken:
            number += 1
            candidate = f"{stored}#{number}"
        taken.add(candidate)
        unique.append(candidate)
    return unique


def _map_type(arrow_type: pa.DataType, source_type: str | None, mapped: MappedColumns, path: tuple[str, ...], label: str) -> Body:
    """The type's part of a column's body. `label` is our name of the column, with the way to it."""
    mapped.paths.setdefault(label, join_fqn(path))
    plain = _plain(arrow_type)
    text = type_text(plain)
    body: Body = {"dataTypeDisplay": text}
    if pt.is_struct(plain):
        children = _map_fields(plain, mapped, path, label)
        return body | ({"dataType": "STRUCT", "children": children} if children else {"dataType": "JSON"})
    if pt.is_map(plain):
        parts = (("key", plain.key_type, "{key}"), ("value", plain.item_type, "{}"))
        children = [_map_type(kind, None, mapped, (*path, name), label + mark) | {"name": name} for name, kind, mark in parts]
        return body | {"dataType": "MAP", "children": children}
    if text.startswith("array<"):
        return body | _map_array(plain.value_type, mapped, path, label)
    sized = _SIZED_TEXT.fullmatch(source_type or "")
    if text == "string" and sized:
        kind = "CHAR" if sized[1].lower() == "char" else "VARCHAR"
        return {"dataType": kind, "dataLength": int(sized[2]), "dataTypeDisplay": f"{kind.lower()}({sized[2]})"}
    return body | _scalar(plain, text)


def _map_fields(struct: pa.DataType, mapped: MappedColumns, path: tuple[str, ...], label: str) -> list[Body]:
    names = _unique_names([child.name for child in struct])
    return [
        _map_type(child.type, None, mapped, (*path, name), f"{label}.{child.name}") | {"name": name}
        for name, child in zip(names, struct, strict=True)
    ]


def _map_array(item: pa.DataType, mapped: MappedColumns, path: tuple[str, ...], label: str) -> Body:
    inner = _plain(item)
    mapped.paths.setdefault(f"{label}[]", join_fqn(path))
    if pt.is_struct(inner) and inner.num_fields:
        return {"dataType": "ARRAY", "arrayDataType": "STRUCT", "children": _map_fields(inner, mapped, path, f"{label}[]")}
    if pt.is_nested(inner):
        child = _map_type(inner, None, mapped, (*path, ELEMENT), f"{label}[]") | {"name": ELEMENT}
        return {"dataType": "ARRAY", "arrayDataType": child["dataType"], "children": [child]}
    return {"dataType": "ARRAY", "arrayDataType": _scalar(inner, type_text(inner))["dataType"]}


def _scalar(arrow_type: pa.DataType, text: str) -> Body:
    if pt.is_fixed_size_binary(arrow_type):
        return {"dataType": "BINARY", "dataLength": arrow_type.byte_width}
    if text.startswith("decimal("):
        kept = read_type(text) if not pt.is_decimal(arrow_type) else arrow_type
        return {"dataType": "DECIMAL", "precision": kept.precision, "scale": kept.scale}
    return {"dataType": _SCALARS[text]}


def _plain(arrow_type: pa.DataType) -> pa.DataType:
    """A type without what is only a way to store."""
    if isinstance(arrow_type, pa.BaseExtensionType):
        return _plain(arrow_type.storage_type)
    if pt.is_dictionary(arrow_type) or pt.is_run_end_encoded(arrow_type):
        return _plain(arrow_type.value_type)
    return arrow_type


def flatten(columns: Iterable[Body], above: str = "") -> Iterator[tuple[str, Body]]:
    """All columns and their children, each with its path (as `join_fqn` of the stored names)."""
    for column in columns:
        path = extend_path(above, column["name"])
        yield path, column
        if children := column.get("children"):
            yield from flatten(children, path)


def extend_path(above: str, name: str) -> str:
    """The path of a column below another one; "" is the table."""
    part = f'"{name}"' if "." in name else name
    return f"{above}.{part}" if above else part


def check_length(table: str, columns: Iterable[Body]) -> None:
    """Refuse columns whose qualified name, below that of their table, is too long.

    Raises:
        UnnameableError: one is.
    """
    for path, _ in flatten(columns):
        if len(table) + 1 + len(path) > MAX_FQN:
            raise UnnameableError(f"the fully qualified name of the column {path[:60]}… has more than {MAX_FQN} characters")


def shape(column: Body) -> str:
    """A column's type as canonical text, from what the server holds; sized texts as `varchar(20)`."""
    text: str = column.get("dataTypeDisplay") or column["dataType"]
    children: list[Body] = column.get("children") or []
    fields = ",".join(f"{child['name']}:{shape(child)}" for child in children)
    nested = {"STRUCT": f"struct<{fields}>", "ARRAY": f"array<struct<{fields}>>"}
    kind = column["dataType"]
    if kind == "MAP" and len(children) == 2:
        return f"map<{shape(children[0])},{shape(children[1])}>"
    if kind == "ARRAY" and [child["name"] for child in children] == [ELEMENT]:
        return f"array<{shape(children[0])}>"
    return nested[kind] if children and kind in nested else text.lower()


def read_arrow_type(column: Body) -> pa.DataType:
    """The Arrow type of a column that we wrote; text where it says nothing that we know."""
    children: list[Body] = column.get("children") or []
    kind = column["dataType"]
    if kind == "STRUCT" and children:
        return _read_struct(children)
    if kind == "MAP" and len(children) == 2:
        return pa.map_(read_arrow_type(children[0]), read_arrow_type(children[1]))
    if kind == "ARRAY" and children:
        is_element = [child["name"] for child in children] == [ELEMENT] and column.get("arrayDataType") != "STRUCT"
        return pa.list_(read_arrow_type(children[0]) if is_element else _read_struct(children))
    text = (column.get("dataTypeDisplay") or kind).lower()
    if kind == "ARRAY":
        return pa.list_(_read_scalar(text.removeprefix("array<").removesuffix(">")))
    return pa.binary(column["dataLength"]) if kind == "BINARY" and column.get("dataLength") else _read_scalar(text)


def _read_struct(children: Iterable[Body]) -> pa.DataType:
    return pa.struct([pa.field(decode_name(child["name"]), read_arrow_type(child)) for child in children])


def _read_scalar(text: str) -> pa.DataType:
    try:
        return read_type(text)
    except ValueError:
        return pa.string()
