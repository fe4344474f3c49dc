"""Avro schemas as Arrow types.

Unions: `null` makes a field nullable, numbers widen, anything else is a struct of the branches as Spark reads it (`member0`, `member1`).
Recursive records and whatever lies deeper than the limit become text, with a warning.
"""

from __future__ import annotations

from typing import Any

import pyarrow as pa

from s3_catalog.model.tables import Column
from s3_catalog.model.types import merge_types

_PRIMITIVES = {
    "null": pa.null(),
    "boolean": pa.bool_(),
    "int": pa.int32(),
    "long": pa.int64(),
    "float": pa.float32(),
    "double": pa.float64(),
    "bytes": pa.binary(),
    "string": pa.string(),
}
_LOGICAL = {
    "date": pa.date32(),
    "time-millis": pa.time32("ms"),
    "time-micros": pa.time64("us"),
    "timestamp-millis": pa.timestamp("ms", tz="UTC"),
    "timestamp-micros": pa.timestamp("us", tz="UTC"),
    "timestamp-nanos": pa.timestamp("ns", tz="UTC"),
    "local-timestamp-millis": pa.timestamp("ms"),
    "local-timestamp-micros": pa.timestamp("us"),
    "local-timestamp-nanos": pa.timestamp("ns"),
    "uuid": pa.string(),
}
_MAX_PRECISION = 76
_MAX_TYPES = 100_000
"""Named types may use each other, so that a short schema can unfold without end."""


class AvroTypes:
    """Reads one writer's schema; `warnings` tell what became text."""

    def __init__(self, max_depth: int) -> None:
        self.warnings: list[str] = []
        self._max_depth = max_depth
        self._named: dict[str, Any] = {}
        self._open: list[str] = []
        self._built = 0

    def columns(self, schema: Any) -> tuple[Column, ...]:
        """The fields of a record; any other top-level type is one column `value`.

        Raises:
            ValueError: not an Avro schema.
        """
        if not (isinstance(schema, dict) and schema.get("type") in ("record", "error")):
            return (self._column("value", schema),)
        self._remember(schema)
        self._open.append(_full_name(schema))
        return tuple(self._column(field["name"], field["type"]) for field in schema["fields"])

    def _column(self, name: str, schema: Any) -> Column:
        nullable = schema == "null" or (isinstance(schema, list) and "null" in schema)
        return Column(name=name, type=self._type(schema, name, 1), nullable=nullable, source_type=_telling_type(schema))

    def _type(self, schema: Any, path: str, depth: int) -> pa.DataType:
        self._built += 1
        if self._built > _MAX_TYPES:
            raise ValueError("the schema unfolds into too many types")
        if depth > self._max_depth:
            self.warnings.append(f"{path}: nested too deep, kept as text")
            return pa.string()
        if isinstance(schema, list):
            return self._union([branch for branch in schema if branch != "null"], path, depth)
        if isinstance(schema, str):
            return self._by_name(schema, path, depth)
        if not isinstance(schema, dict):
            raise ValueError("a schema is neither a name, a union nor an object")
        self._remember(schema)
        logical = self._logical(schema)
        return logical if logical is not None else self._complex(schema, path, depth)

    def _by_name(self, name: str, path: str, depth: int) -> pa.DataType:
        if name in _PRIMITIVES:
            return _PRIMITIVES[name]
        if name in self._open:
            self.warnings.append(f"{path}: a record that contains itself, kept as text")
            return pa.string()
        if name not in self._named:
            raise ValueError("a named type is not defined")
        return self._type(self._named[name], path, depth)

    def _remember(self, schema: dict[str, Any]) -> None:
        if "name" in schema:
            self._named.setdefault(_full_name(schema), schema)

    def _logical(self, schema: dict[str, Any]) -> pa.DataType | None:
        logical = schema.get("logicalType")
        if logical == "decimal":
            precision, scale = int(schema.get("precision", 0)), int(schema.get("scale", 0))
            if not 0 < precision <= _MAX_PRECISION or not 0 <= scale <= precision:
                return None  # the specification: an invalid logical type is ignored
            return pa.decimal128(precision, scale) if precision <= 38 else pa.decimal256(precision, scale)
        return _LOGICAL.get(str(logical))

    def _complex(self, schema: dict[str, Any], path: str, depth: int) -> pa.DataType:
        kind = schema["type"]
        if kind in ("record", "error"):
            return self._record(schema, path, depth)
        if kind == "array":
            return pa.list_(self._type(schema["items"], f"{path}[]", depth + 1))
        if kind == "map":
            return pa.map_(pa.string(), self._type(schema["values"], f"{path}{{}}", depth + 1))
        if kind == "fixed":
            return pa.binary(int(schema["size"]))
        return pa.string() if kind == "enum" else self._type(kind, path, depth + 1)

    def _record(self, schema: dict[str, Any], path: str, depth: int) -> pa.DataType:
        name = _full_name(schema)
        self._open.append(name)
        fields = [pa.field(f["name"], self._type(f["type"], f"{path}.{f['name']}", depth + 1)) for f in schema["fields"]]
        self._open.remove(name)
        return pa.struct(fields)

    def _union(self, branches: list[Any], path: str, depth: int) -> pa.DataType:
        types = [self._type(branch, path, depth + 1) for branch in branches]
        if not types:
            return pa.null()
        merged = types[0]
        for branch in types[1:]:
            both_plain = not (pa.types.is_nested(merged) or pa.types.is_nested(branch))
            result = merge_types(merged, branch)
            if not (both_plain and result.lossless):
                return pa.struct([pa.field(f"member{i}", t) for i, t in enumerate(types)])
            merged = result.type
        return merged


def _full_name(schema: dict[str, Any]) -> str:
    """Name a type in full; fastavro's parsed schemas carry full names already."""
    name, namespace = str(schema["name"]), schema.get("namespace")
    return f"{namespace}.{name}" if namespace and "." not in name else name


def _telling_type(schema: Any) -> str | None:
    """Avro types of which the Arrow type keeps less than their name says."""
    if isinstance(schema, list):
        branches = [branch for branch in schema if branch != "null"]
        return _telling_type(branches[0]) if len(branches) == 1 else "union"
    if not isinstance(schema, dict):
        return None
    if schema.get("logicalType") in ("uuid", "duration"):
        return str(schema["logicalType"])
    return "enum" if schema.get("type") == "enum" else None
