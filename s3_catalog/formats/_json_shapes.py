"""What JSON values look like: a tree of the kinds seen at each place, and the one Arrow type that holds them all.

Values are seen one event at a time and not kept; the result does not depend on the order of the records.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

import pyarrow as pa

from s3_catalog.formats._json_columns import ColumnValues, ColumnWatch
from s3_catalog.model.tables import TypeConflict
from s3_catalog.model.types import merge_types, type_text

_MAX_SHAPES = 100_000
"""Places kept apart in one file; keys that are new after so many are seen as keys of a map."""

_MAP_KEYS = 1000
"""An object with more keys than this is a map: its keys are data."""

_SCALARS = {
    "boolean": pa.bool_(),
    "integer": pa.int64(),
    "integer20": pa.decimal128(20, 0),
    "integer38": pa.decimal128(38, 0),
    "double": pa.float64(),
    "huge": pa.string(),
    "string": pa.string(),
}
_INT64 = range(-(2**63), 2**63)


@dataclass(slots=True, eq=False)
class Shape:
    """The kinds of value seen at one place: scalars by name, `struct` with fields, `array` with items, `deep` below the depth limit.

    `repeats`: an array here had several items. `values`: of a place that may become a column.
    """

    kinds: set[str] = field(default_factory=set)
    fields: dict[str, Shape] | None = None
    items: Shape | None = None
    rest: Shape | None = None
    """Values of keys beyond the number that is kept apart."""
    repeats: bool = False
    values: ColumnValues | None = None

    def child(self, key: str, limit: int) -> Shape:
        """The shape below a key; keys past the limit share one."""
        if self.fields is None:
            self.fields = {}
        found = self.fields.get(key)
        if found is None:
            if len(self.fields) >= limit:
                self.rest = self.rest or Shape()
                return self.rest
            found = self.fields[key] = Shape()
        return found

    def element(self) -> Shape:
        """The shape shared by all items of the arrays seen here."""
        if self.items is None:
            self.items = Shape()
        return self.items


@dataclass(slots=True, eq=False)
class _Open:
    """An object or array that has begun: the keys it has so far (None for an array), the number of its items."""

    shape: Shape
    keys: set[str] | None
    items: int = 0


class ShapeReader:
    """Takes the events of `ijson.basic_parse` into a shape, and counts the values at the top."""

    def __init__(self, *, max_depth: int, max_fields: int, watch: ColumnWatch) -> None:
        self.top = Shape(values=watch.open("value"))
        self._watch = watch
        self.objects = self.arrays = self.scalars = self.elements = 0
        self.repeated_keys: set[str] = set()
        self._max_depth, self._max_fields = max_depth, max_fields
        self._stack: list[_Open] = []
        self._next: Shape | None = None
        self._skipping = 0
        self._places = 0

    @property
    def values(self) -> int:
        """How many values began at the top."""
        return self.objects + self.arrays + self.scalars

    def feed(self, events: Iterable[tuple[str, object]]) -> None:
        """Take events until they end or the parser raises; what came before an error is kept. They begin before a value."""
        self._stack.clear()
        self._skipping = 0
        for event, value in events:
            if self._skipping:
                self._skipping += event.startswith("start") - event.startswith("end")
            elif event == "map_key":
                self._take_key(str(value))
            elif event in ("end_map", "end_array"):
                self._stack.pop()
            else:
                self._take_value(event, value)

    def _take_key(self, key: str) -> None:
        shape, seen = self._stack[-1].shape, self._stack[-1].keys
        key = key.encode("utf-8", "replace").decode()
        if seen is not None:
            if key in seen:
                self.repeated_keys.add(key)
            seen.add(key)
        known = shape.fields is not None and key in shape.fields
        self._places += not known
        nested_limit = _MAP_KEYS if self._places <= _MAX_SHAPES else 0
        is_column = len(self._stack) <= 2  # of a document, of a line, or of an array's element
        self._next = shape.child(key, self._max_fields if is_column else nested_limit)
        if is_column and not known and self._next is not shape.rest and (len(self._stack) == 1 or self._stack[0].keys is None):
            self._next.values = self._watch.open(key)

    def _take_value(self, event: str, value: object) -> None:
        target = self._count_top(event) if not self._stack else self._target()
        if target.values is not None:
            target.values.take(event, value)
        if event in ("start_map", "start_array"):
            if len(self._stack) >= self._max_depth:
                target.kinds.add("deep")
                self._skipping = 1
                return
            target.kinds.add("struct" if event == "start_map" else "array")
            self._stack.append(_Open(target, set() if event == "start_map" else None))
        elif event == "number":
            target.kinds.add(_number_kind(value))
        elif event != "null":
            target.kinds.add(event)

    def _count_top(self, event: str) -> Shape:
        self.objects += event == "start_map"
        self.arrays += event == "start_array"
        self.scalars += not event.startswith("start")
        return self.top

    def _target(self) -> Shape:
        parent = self._stack[-1]
        if parent.keys is not None and self._next is not None:
            return self._next
        parent.items += 1
        parent.shape.repeats = parent.shape.repeats or parent.items > 1
        element = parent.shape.element()
        if len(self._stack) == 1:
            self.elements += 1
            if parent.items == 1 and element.values is None:
                element.values = self._watch.open("value")
        return element


def _number_kind(value: object) -> str:
    if not isinstance(value, int):
        return "double"
    if value in _INT64:
        return "integer"
    digits = len(str(abs(value)))
    return "integer20" if digits <= 20 else "integer38" if digits <= 38 else "huge"


class TypeBuilder:
    """Makes Arrow types of shapes; what did not fit into one type is in `conflicts` and `warnings`, by the column's path."""

    def __init__(self, key: str) -> None:
        self._key = key
        self.conflicts: list[TypeConflict] = []
        self.warnings: list[str] = []

    def build(self, shape: Shape, path: str) -> pa.DataType:
        """The type of one shape. Nothing but nulls (or empty objects) is `null`, which gives way to any type of another file."""
        types = [_SCALARS[kind] for kind in sorted(shape.kinds & _SCALARS.keys())]
        if "huge" in shape.kinds:
            self.warnings.append(f"{path}: integers of more than 38 digits are text")
        if "deep" in shape.kinds:
            self.warnings.append(f"{path}: nested too deep, kept as text")
            return pa.string()
        if "struct" in shape.kinds and (shape.fields or shape.rest):
            types.append(self._build_object(shape, path))
        if "array" in shape.kinds:
            types.append(pa.list_(self.build(shape.items or Shape(), f"{path}[]")))
        return self._merge(types, path)

    def _build_object(self, shape: Shape, path: str) -> pa.DataType:
        fields = shape.fields or {}
        if shape.rest is None and len(fields) <= _MAP_KEYS:
            return pa.struct([pa.field(name, self.build(child, f"{path}.{name}")) for name, child in fields.items()])
        self.warnings.append(f"{path}: too many different keys for a struct, taken for a map")
        below = TypeBuilder(self._key)
        children = [*fields.values(), *([] if shape.rest is None else [shape.rest])]
        types = list(dict.fromkeys(below.build(child, path) for child in children))
        return pa.map_(pa.string(), self._merge(types, f"{path}{{}}"))

    def _merge(self, types: list[pa.DataType], path: str) -> pa.DataType:
        merged = types[0] if types else pa.null()
        for found in types[1:]:
            result = merge_types(merged, found)
            if not result.lossless:
                expected, other = type_text(merged), type_text(found)
                resolved = type_text(result.type)
                self.conflicts.append(TypeConflict(column=path, expected=expected, found=other, resolved=resolved, key=self._key))
            merged = result.type
        return merged
