"""Frames and series that pandas (through PyTables) keeps in HDF5: their columns, and where the values are. Runs in the sandboxed process.

Attributes of PyTables are pickles: they are taken apart on symbols (`_pickle_machine`), never loaded.
"""

from __future__ import annotations

import re
from typing import Any

from s3_catalog.formats._hdf5_rows import Cells
from s3_catalog.formats._hdf5_types import Kind, Types, describe_class, moment
from s3_catalog.formats._pickle_machine import take_bytes_apart
from s3_catalog.formats._pickle_symbols import Call, Items, Pairs, PickleLimits, PickleRefusedError

_ATTRIBUTE = PickleLimits(read_bytes=1024 * 1024, seconds=2.0, steps=200_000)
_NO_TEXT = "nan"
"""What pandas writes for a text that is missing, unless it is told otherwise."""
_ZONE = re.compile(r"[A-Za-z_]+(/[\w+-]+)*")
Column = list[Any]
"""Name, type, source type, cells (None where nobody knows them)."""


class PandasStores:
    """Reads the groups that have the attribute `pandas_type`."""

    def __init__(self, max_columns: int) -> None:
        self._max_columns = max_columns
        self._types = Types(4)

    def read(self, group: Any) -> dict[str, Any] | None:
        """Columns and rows of a store; None for a kind of store that is not known."""
        kind = _text(group.attrs.get("pandas_type"))
        if kind == "frame":
            return self._read_fixed_frame(group)
        if kind == "series":
            return self._read_fixed_series(group)
        if kind in ("frame_table", "series_table") and "table" in group:
            return self._read_table(group, kind)
        return None

    def _read_fixed_frame(self, group: Any) -> dict[str, Any]:
        placed: dict[str, list[Any]] = {}
        for number in range(min(int(group.attrs.get("nblocks", 0)), self._max_columns)):
            values = group[f"block{number}_values"]
            kind, source = self._describe_values(values)
            for place, name in enumerate(self._names(group, f"block{number}_items")):
                placed[name] = [kind, source, Cells(dataset=values, column=place, missing=_missing(values))]
        names = self._names(group, "axis0")
        index = self._index(group, "axis1")
        columns = [[name, *placed.get(name, ("string", None, None))] for name in names]
        return _store([*index, *columns], self._axis_length(group, "axis1"), "pandas frame (fixed)")

    def _read_fixed_series(self, group: Any) -> dict[str, Any]:
        name = _text(_plain(group.attrs.get("name"))) or "value"
        values = group["values"]
        column = [name, *self._describe_values(values), Cells(dataset=values, missing=_missing(values))]
        return _store([*self._index(group, "index"), column], self._axis_length(group, "index"), "pandas series (fixed)")

    def _names(self, group: Any, axis: str) -> list[str]:
        """The labels of an axis of columns; labels of several levels are joined."""
        if _text(group.attrs.get(f"{axis}_variety")) == "multi":
            levels = range(int(group.attrs.get(f"{axis}_nlevels", 0)))
            labels = [[_text(v) for v in self._values(group[f"{axis}_level{i}"])] for i in levels]
            codes = [[int(v) for v in self._values(group[f"{axis}_label{i}"])] for i in levels]
            return ["_".join(labels[level][code] for level, code in enumerate(row) if code >= 0) for row in zip(*codes, strict=True)]
        return [_text(value) for value in self._values(group[axis])]

    def _values(self, dataset: Any) -> list[Any]:
        if dataset.shape is None or dataset.dtype.kind == "O" or len(dataset.shape) != 1 or dataset.shape[0] > self._max_columns:
            raise ValueError("no labels that can be read")
        return list(dataset[:])

    def _axis_length(self, group: Any, axis: str) -> int | None:
        name = f"{axis}_label0" if _text(group.attrs.get(f"{axis}_variety")) == "multi" else axis
        dataset = group[name]
        if "shape" in dataset.attrs:  # pandas keeps an empty array as one value, and its shape beside it
            return 0
        return int(dataset.shape[0]) if dataset.shape and dataset.dtype.kind != "O" else None

    def _index(self, group: Any, axis: str) -> list[Column]:
        """The columns of an index; one that is unnamed and of integers only counts rows."""
        if _text(group.attrs.get(f"{axis}_variety")) == "multi":
            levels = range(min(int(group.attrs.get(f"{axis}_nlevels", 0)), 32))
            names = [_text(_plain(group.attrs.get(f"{axis}_name{i}"))) or f"level_{i}" for i in levels]
            labels = [group[f"{axis}_level{i}"] for i in levels]
            codes = [Cells(dataset=group[f"{axis}_label{i}"], labels=_index_cells(labels[i])) for i in levels]
            return [[name, *self._describe_index(labels[i]), codes[i]] for i, name in zip(levels, names, strict=True)]
        dataset = group[axis]
        name = _text(_plain(dataset.attrs.get("name")))
        if not name and _text(dataset.attrs.get("kind")) in ("integer", ""):
            return []
        return [[name or "index", *self._describe_index(dataset), _index_cells(dataset)]]

    def _describe_index(self, dataset: Any) -> tuple[Kind, str | None]:
        kind = _text(dataset.attrs.get("kind"))
        if kind == "string":
            return "string", None
        if kind == "date":
            return "date", None
        if kind.startswith(("datetime64", "timedelta64")):
            return moment(kind, _zone(dataset.attrs.get("tz"))), None
        return self._describe_values(dataset)

    def _describe_values(self, dataset: Any) -> tuple[Kind, str | None]:
        kind = _text(dataset.attrs.get("value_type"))
        if kind.startswith(("datetime64", "timedelta64")):
            return moment(kind, _zone(dataset.attrs.get("tz"))), None
        if dataset.dtype.kind == "O":
            return "string", None if kind in ("str", "string") else "pickled objects"
        if kind == "category":
            return "string", "category"
        return ("bool", None) if describe_class(dataset) else self._types.describe(dataset.dtype)

    def _read_table(self, group: Any, kind: str) -> dict[str, Any]:
        """An appendable table: one compound dataset, whose attributes say which columns each field holds."""
        dataset = group["table"]
        info = _taken_apart(group.attrs.get("info"))
        described: dict[str, list[Any]] = {}
        for field in dataset.dtype.names[: self._max_columns]:
            if field != "index":
                found = self._describe_field(group, dataset, field, _zone_of_info(info, field))
                names = _taken_apart(dataset.attrs.get(f"{field}_kind"))
                for place, name in enumerate([_text(name) for name in names.kept] if isinstance(names, Items) else [field]):
                    described[name] = [*found, self._field_cells(group, dataset, field, place)]
        ordered = [name for name in self._table_order(group) if name in described]
        columns = [[name, *described[name]] for name in dict.fromkeys([*ordered, *described])]
        if kind == "series_table":
            columns = [["value" if name == "values" else name, *rest] for name, *rest in columns]
        return _store([*self._table_index(dataset, info), *columns], int(dataset.shape[0]), f"pandas {kind.partition('_')[0]} (table)")

    def _table_index(self, dataset: Any, info: Any) -> list[Column]:
        if "index" not in dataset.dtype.names:
            return []
        kind = _text(dataset.attrs.get("index_kind"))
        rows = info.kept if isinstance(info, Pairs) else []
        about = next((value for key, value in rows if key == "index" and isinstance(value, Pairs)), Pairs())
        name = _text(about.get("index_name"))
        if not name and kind in ("integer", ""):
            return []
        if kind.startswith(("datetime64", "timedelta64")):
            return [[name or "index", moment(kind, _zone(about.get("tz"))), None, Cells(dataset=dataset, field="index")]]
        found = ("string", None) if kind == "string" else self._types.describe(dataset.dtype.fields["index"][0])
        missing = _NO_TEXT if kind == "string" else None
        return [[name or "index", *found, Cells(dataset=dataset, field="index", missing=missing)]]

    def _describe_field(self, group: Any, dataset: Any, field: str, zone: str | None) -> tuple[Kind, str | None]:
        kind, meta = _text(dataset.attrs.get(f"{field}_dtype")), _text(_plain(dataset.attrs.get(f"{field}_meta")))
        if meta == "category":
            return self._describe_categories(group, field), "category"
        if kind.startswith(("datetime64", "timedelta64")):
            return moment(kind, zone), None
        if kind in ("bool", "date"):
            return kind, None
        if kind.startswith(("bytes", "string", "str")):
            return "string", None
        base = dataset.dtype.fields[field][0]
        return self._types.describe(base.subdtype[0] if base.subdtype else base)

    def _field_cells(self, group: Any, dataset: Any, field: str, place: int) -> Cells | None:
        if _text(_plain(dataset.attrs.get(f"{field}_meta"))) != "category":
            return Cells(dataset=dataset, field=field, column=place, missing=_text(dataset.attrs.get(f"{field}_nan_rep")) or None)
        values = group.get(f"meta/{field}/meta/table")
        if values is None or "values" not in (values.dtype.names or ()):
            return None
        return Cells(dataset=dataset, field=field, labels=Cells(dataset=values, field="values", column=0))

    def _describe_categories(self, group: Any, field: str) -> Kind:
        values = group.get(f"meta/{field}/meta/table")
        if values is None or "values" not in (values.dtype.names or ()):
            return "string"
        return self._types.describe(values.dtype.fields["values"][0])[0]

    def _table_order(self, group: Any) -> list[str]:
        axes = _taken_apart(group.attrs.get("non_index_axes"))
        for axis in axes.kept if isinstance(axes, Items) else ():
            if isinstance(axis, tuple) and len(axis) > 1 and isinstance(axis[1], Items):
                return [_text(name) for name in axis[1].kept]
        return []


def _store(columns: list[Column], rows: int | None, layout: str) -> dict[str, Any]:
    return {"columns": columns, "rows": rows, "details": {"layout": layout}}


def _index_cells(dataset: Any) -> Cells:
    return Cells(dataset=dataset, missing=_text(dataset.attrs.get("nan_rep")) or None)


def _missing(dataset: Any) -> str | None:
    """What stands for no value among pickled texts: not a number, as in an array of texts there is none."""
    return _NO_TEXT if _text(dataset.attrs.get("value_type")) in ("str", "string") else None


def _zone_of_info(info: Any, field: str) -> str | None:
    about = next((value for key, value in info.kept if key == field), None) if isinstance(info, Pairs) else None
    return _zone(about.get("tz")) if isinstance(about, Pairs) else None


def _zone(value: Any) -> str | None:
    """The name of a time zone, from an attribute or from a part of one; UTC for one without a name."""
    value = _plain(value)
    if value is None:
        return None
    if isinstance(value, Call):
        return next((arg for arg in value.args if isinstance(arg, str) and _ZONE.fullmatch(arg)), "UTC")
    text = _text(value)
    return text if _ZONE.fullmatch(text) else "UTC"


def _plain(value: Any) -> Any:
    """An attribute's value; a pickled one as symbols."""
    data = bytes(value) if isinstance(value, bytes) else None
    if data is not None and data.endswith(b".") and data[:1] in b"(]}cNVIX\x80lS":
        return _taken_apart(data)
    return value


def _taken_apart(value: Any) -> Any:
    if not isinstance(value, bytes):
        return value
    try:
        return take_bytes_apart(bytes(value), _ATTRIBUTE)
    except PickleRefusedError:
        return None


def _text(value: Any) -> str:
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    return "" if value is None or type(value).__name__ == "Empty" else str(value)
