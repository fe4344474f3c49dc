"""Tables of a pickle that was taken apart: frames and series of pandas, arrays of numpy, lists and dicts."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import pyarrow as pa

from s3_catalog.formats import FileSchema, ReadLimits, Row
from s3_catalog.formats._header import name_columns
from s3_catalog.formats._pickle_sample import FirstValues
from s3_catalog.formats._pickle_symbols import Call, Items, Opaque, Pairs, PickleRefusedError
from s3_catalog.formats._pickle_values import Found, Types, Values, arrow_strings, is_range, numbers, numpy_array
from s3_catalog.formats._row_estimate import Stretch, estimate_rows
from s3_catalog.model.statistics import RowEstimate
from s3_catalog.model.tables import Column, TypeConflict
from s3_catalog.model.types import merge_types, type_text

_FRAMES = ("DataFrame", "Series")
_MAX_LEVELS = 32
_MAX_CELLS = 500_000
"""Of the rows of one table."""


@dataclass(frozen=True, slots=True)
class PickledTable:
    """A table of a pickle, and how to get the first values of each column."""

    schema: FileSchema
    values: Mapping[str, Values | None]

    def read_rows(self, rows: int) -> Iterator[Row]:
        """The first rows. A column whose values were not kept is in no row."""
        rows = min(rows, max(1, _MAX_CELLS // max(1, len(self.values))))
        read = {name: values(rows) for name, values in self.values.items() if values is not None}
        known = {name: found for name, found in read.items() if found is not None}
        for i in range(min((len(found) for found in known.values()), default=0)):
            yield {name: found[i] for name, found in known.items()}


class Tables:
    """Builds the tables of one pickle. `key` is named in conflicts; `part`: bytes read and in all, where only the start was read."""

    def __init__(self, key: str, limits: ReadLimits, *, part: tuple[int, int] | None = None) -> None:
        self._key, self._limits, self._part = key, limits, part
        self._types = Types(limits.max_depth)
        self._first = FirstValues()

    def read(self, value: Any) -> dict[str, PickledTable]:
        """All tables, by name; one table has the name ""."""
        members = self._frames_of_dict(value)
        return members if members else {"": self._read_one(value)}

    def _frames_of_dict(self, value: Any) -> dict[str, PickledTable]:
        pairs = _as_pairs(value)
        if pairs is None or not pairs.kept or not all(isinstance(v, Call) and v.function.name in _FRAMES for _, v in pairs.kept):
            return {}
        return {_name(key) or f"member{i}": self._read_one(frame) for i, (key, frame) in enumerate(pairs.kept)}

    def _read_one(self, value: Any) -> PickledTable:
        if isinstance(value, Call) and value.function.name in _FRAMES:
            return self._read_frame(value)
        pairs = _as_pairs(value)
        if pairs is not None:
            return self._read_dict(pairs)
        if isinstance(value, Items | tuple):
            return self._read_list(value)
        found = self._types.of_array(value)
        if found is None:
            kind = self._types.of_value(value, self._limits.max_depth)
            return self._schema([("value", Found(kind, 1, values=partial(self._first.only, value)))], 1, "one value")
        return self._read_array(value, found)

    def _read_frame(self, call: Call) -> PickledTable:
        state = call.state
        manager = state.get("_mgr") or state.get("_data") if isinstance(state, Pairs) else None
        axes, blocks = _read_manager(manager)
        if not axes:
            raise PickleRefusedError(f"the layout of this pandas {call.function.name} is not known")
        rows = self._types.of_array(axes[-1])
        index, is_named = self._index_columns(axes[-1])
        if call.function.name == "Series" and isinstance(state, Pairs):
            found = self._types.of_array(blocks[0][0]) if blocks else None
            found = replace(found or Found(pa.string(), None), values=partial(self._first.first_values, blocks[0][0] if blocks else None))
            columns = [(_name(state.get("_name") or state.get("name")) or "value", found)]
        else:
            columns = self._frame_columns(axes[0], blocks)
        length = rows.length if rows and rows.length is not None else next((f.length for _, f in columns if f.length is not None), None)
        details = {"index": ", ".join(name for name, _ in index)} if is_named else {}
        return self._schema([*index, *columns], length, f"pandas {call.function.name}", details)

    def _frame_columns(self, axis: Any, blocks: list[tuple[Any, Any]]) -> list[tuple[str, Found]]:
        placed: dict[int, Found] = {}
        for values, placement in blocks:
            found = self._types.of_array(values) or Found(pa.string(), None)
            positions = _positions(placement, self._limits.max_columns)
            self._refuse_many(len(placed) + len(positions))
            for row, position in enumerate(positions):
                typed = self._types.of_block_row(values, row) or Found(
                    found.type, found.shape[-1] if found.shape else found.length, found.source_type, found.conflict
                )
                placed[position] = replace(typed, values=partial(self._first.block_values, values, row))
        names = _index_names(axis)
        width = max([len(names or ()), *(position + 1 for position in placed)], default=0)
        self._refuse_many(width)
        names = names or []
        labels = [names[i] if i < len(names) else "" for i in range(width)]
        return [(label, placed.get(i, Found(pa.string(), None))) for i, label in enumerate(labels)]

    def _index_columns(self, index: Any) -> tuple[list[tuple[str, Found]], bool]:
        """The columns of an index that does more than count rows, as `reset_index` names them."""
        state = index.args[1] if isinstance(index, Call) and len(index.args) > 1 else None
        if not isinstance(state, Pairs):
            return [], False
        levels, names = state.get("levels"), state.get("names")
        if isinstance(levels, Items):
            given = names.kept if isinstance(names, Items) else []
            labels = [_name(given[i] if i < len(given) else None) or f"level_{i}" for i in range(len(levels.kept))]
            codes = state.get("codes") or state.get("labels")
            numbered = codes.kept if isinstance(codes, Items) and len(codes.kept) == len(labels) else [None] * len(labels)
            return [
                (
                    label,
                    replace(self._types.of_array(level) or Found(pa.string(), None), values=partial(self._first.coded_values, level, own)),
                )
                for label, level, own in zip(labels, levels.kept, numbered, strict=True)
            ], True
        name = _name(state.get("name"))
        if is_range(index) and not name:
            return [], False
        found = self._types.of_array(index) or Found(pa.string(), None)
        return [(name or "index", replace(found, values=partial(self._first.first_values, index)))], True

    def _read_dict(self, pairs: Pairs) -> PickledTable:
        """A dict of columns of one length; any other dict is one document."""
        arrays = [(_name(key), self._types.of_array(_series_values(value))) for key, value in pairs.kept]
        lengths = {found.length for _, found in arrays if found is not None}
        if arrays and len(lengths) == 1 and all(found is not None and len(found.shape) < 2 for _, found in arrays):
            symbols = [_series_values(value) for _, value in pairs.kept]
            columns = [
                (name, replace(found, values=partial(self._first.first_values, symbol)))
                for (name, found), symbol in zip(arrays, symbols, strict=True)
                if found
            ]
            return self._schema(columns, lengths.pop(), "dict of columns")
        depth = self._limits.max_depth
        fields = [
            (_name(key), Found(self._types.of_value(value, depth), None, values=partial(self._first.only, value)))
            for key, value in pairs.kept
        ]
        return self._schema(fields, 1, "one dict")

    def _read_list(self, items: Items | tuple[Any, ...]) -> PickledTable:
        kept, count = (items.kept, items.count) if isinstance(items, Items) else (list(items), len(items))
        rows = [row for row in (_as_row(value) for value in kept) if row is not None]
        if not kept or len(rows) < len(kept):
            found = replace(self._types.of_items(items, self._limits.max_depth), values=partial(self._first.first_values, items))
            return self._schema([("value", found)], count, "list of values")
        columns: dict[str, Found] = {}
        for row in rows:
            for name, value in row.items():
                kind = self._types.of_value(value, self._limits.max_depth)
                before = columns.get(name)
                columns[name] = Found(kind, None) if before is None else _merge(before, kind)
            self._refuse_many(len(columns))
        warnings = (f"types of the first {len(kept):,} of {count:,} rows",) if count > len(kept) else ()
        named = [(name, replace(found, values=partial(self._first.of_field, rows, name))) for name, found in columns.items()]
        return self._schema(named, count, "list of rows", warnings=warnings)

    def _read_array(self, value: Any, found: Found) -> PickledTable:
        layout = "numpy array" if numpy_array(value) else "one array"
        if found.fields is not None:
            return self._schema([(name, Found(kind, None)) for name, kind in found.fields], found.length, layout)
        if len(found.shape) == 2:
            self._refuse_many(found.shape[1])
            parts = [("", replace(found, values=partial(self._first.item_values, value, i))) for i in range(found.shape[1])]
            return self._schema(parts, found.length, layout)
        kind = found.type
        for _ in found.shape[1:]:
            kind = pa.list_(kind)
        column = Found(kind, None, found.source_type, found.conflict, values=partial(self._first.first_values, value))
        return self._schema([("value", column)], found.length, layout)

    def _schema(
        self,
        found: list[tuple[str, Found]],
        rows: int | None,
        layout: str,
        details: Mapping[str, str] | None = None,
        *,
        warnings: tuple[str, ...] = (),
    ) -> PickledTable:
        self._refuse_many(len(found))
        names, renamed = name_columns([name for name, _ in found], len(found))
        if self._part:
            warnings = (*warnings, "only the start of the pickle was read: later rows and columns are missing")
        schema = FileSchema(
            columns=tuple(Column(name=name, type=f.type, source_type=f.source_type) for name, (_, f) in zip(names, found, strict=True)),
            row_count=None if self._part else rows,
            row_estimate=_estimate_rest(rows, *self._part) if self._part and rows else None,
            conflicts=tuple(
                TypeConflict(column=name, expected=f.conflict[0], found=f.conflict[1], resolved=type_text(f.type), key=self._key)
                for name, (_, f) in zip(names, found, strict=True)
                if f.conflict
            ),
            warnings=(*warnings, *renamed),
            details={"layout": layout, **(details or {})},
        )
        return PickledTable(schema, {name: f.values for name, (_, f) in zip(names, found, strict=True)})

    def _refuse_many(self, count: int) -> None:
        if count > self._limits.max_columns:
            raise PickleRefusedError(f"{count:,} columns, more than the limit of {self._limits.max_columns:,}")


def _estimate_rest(rows: int, seen_bytes: int, size: int) -> RowEstimate | None:
    """The rows of a pickle of which those at the start were read."""
    return estimate_rows(Stretch([seen_bytes * row / rows for row in range(rows + 1)]), size)


def _merge(before: Found, kind: pa.DataType) -> Found:
    if before.type.equals(kind):
        return before
    result = merge_types(before.type, kind)
    conflict = before.conflict if result.lossless or before.conflict else (type_text(before.type), type_text(kind))
    return Found(result.type, None, conflict=conflict)


def _as_pairs(value: Any) -> Pairs | None:
    if isinstance(value, Call) and value.function.name in ("OrderedDict", "defaultdict"):
        return value.pairs or Pairs()
    return value if isinstance(value, Pairs) else None


def _as_row(value: Any) -> dict[str, Any] | None:
    """A row by column name; None for what is no row. Rows without names count their columns."""
    pairs = _as_pairs(value)
    if pairs is not None:
        return {_name(key): inner for key, inner in pairs.kept}
    if isinstance(value, tuple | Items):
        return {f"column{i}": inner for i, inner in enumerate(value.kept if isinstance(value, Items) else value)}
    return None


def _read_manager(manager: Any) -> tuple[list[Any], list[tuple[Any, Any]]]:
    """Axes (columns, then rows; of a series rows alone) and blocks (values, their positions) of pandas' storage, whatever its version."""
    if not isinstance(manager, Call):
        return [], []
    match manager.args, manager.state:
        case (tuple() as blocks, Items() as axes), _:
            return axes.kept, [(b.args[0], b.args[1]) for b in blocks if isinstance(b, Call) and len(b.args) > 1]
        case (Call() as block, (Call() as axis)), _:
            return [axis], [(block.args[0], None)] if block.args else []
        case _, (Items() as axes, *_, Pairs() as extra):  # pandas before 1.3: (axes, values, items, {version: {axes, blocks}})
            newest = next((inner for _, inner in extra.kept if isinstance(inner, Pairs)), Pairs())
            blocks_before = newest.get("blocks")
            kept = blocks_before.kept if isinstance(blocks_before, Items) else []
            return axes.kept, [(b.get("values"), b.get("mgr_locs")) for b in kept if isinstance(b, Pairs)]
    return [], []


def _positions(placement: Any, limit: int) -> list[int]:
    match placement:
        case Call(args=(int() as start, int() as stop, int() | None as step)):
            return list(range(start, stop, step or 1)[: limit + 1]) if start >= 0 and 0 <= stop <= 10 * limit and step != 0 else []
    return [position for position in numbers(placement) or () if 0 <= position <= limit]


def _index_names(index: Any) -> list[str] | None:
    """What an index of columns calls them; None when the names were not kept."""
    state = index.args[1] if isinstance(index, Call) and len(index.args) > 1 else None
    if not isinstance(state, Pairs):
        return None
    if is_range(index):
        bounds = [state.get(part) for part in ("start", "stop", "step")]
        if all(isinstance(bound, int) for bound in bounds) and bounds[2]:
            return [str(number) for number in range(*bounds)[:100_000]]
        return None
    levels, codes = state.get("levels"), state.get("codes") or state.get("labels")
    if isinstance(levels, Items) and isinstance(codes, Items):
        return _joined_names([_index_names(level) for level in levels.kept], [numbers(code) for code in codes.kept])
    return _array_names(state.get("data"))


def _array_names(data: Any) -> list[str] | None:
    array = numpy_array(data)
    if array is not None and isinstance(array[2], Items):
        return [_name(value) for value in array[2].kept]
    if array is not None:
        known = numbers(data)
        return [str(number) for number in known] if known is not None else None
    if isinstance(data, Call) and isinstance(data.state, Pairs):
        return arrow_strings(data.state.get("_pa_array") or data.state.get("_data")) or _array_names(data.state.get("_ndarray"))
    if isinstance(data, Call) and isinstance(data.state, tuple):  # strings of pandas kept in Python objects
        return next((names for names in (_array_names(part) for part in data.state if numpy_array(part)) if names is not None), None)
    return None


def _joined_names(levels: list[list[str] | None], codes: list[list[int] | None]) -> list[str] | None:
    columns = [
        [level[code] if 0 <= code < len(level) else "" for code in numbered]
        for level, numbered in zip(levels, codes, strict=False)
        if level is not None and numbered is not None
    ]
    return ["_".join(part for part in parts if part) for parts in zip(*columns, strict=False)] if columns else None


def _series_values(value: Any) -> Any:
    """The array of a series; everything else as it is."""
    if isinstance(value, Call) and value.function.name == "Series" and isinstance(value.state, Pairs):
        _, blocks = _read_manager(value.state.get("_mgr"))
        return blocks[0][0] if blocks else value
    return value


def _name(value: Any) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, tuple):
        return "_".join(str(part) for part in value[:_MAX_LEVELS] if isinstance(part, str | int | float))
    if isinstance(value, Opaque) and value.data is not None:
        return value.data.decode("utf-8", "replace")
    return str(value) if isinstance(value, int | float) else ""
