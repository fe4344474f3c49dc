"""The first values of HDF5 datasets, as rows. Runs in the sandboxed process; pickled values are taken apart on symbols, never loaded."""

from __future__ import annotations

import datetime as dt
import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from s3_catalog.formats._hdf5_types import Kind
from s3_catalog.formats._pickle_machine import take_bytes_apart
from s3_catalog.formats._pickle_plain import PlainReader, duration, moment
from s3_catalog.formats._pickle_symbols import Call, Items, PickleLimits, PickleRefusedError
from s3_catalog.formats._row_wire import OutgoingRows

BROKEN = (OSError, RuntimeError, ValueError, KeyError, TypeError, AttributeError, UnicodeError, IndexError, OverflowError, RecursionError)
"""What h5py raises on structures that are damaged, or of a kind it does not know."""
_MAX_PART_BYTES = 4 * 1024 * 1024
_MAX_CHUNK_BYTES = 32 * 1024 * 1024
_MAX_ANSWER_CHARACTERS = 24 * 1024 * 1024
_MAX_LABELS = 100_000
_PICKLED = PickleLimits(read_bytes=8 * 1024 * 1024, seconds=5.0, steps=2_000_000)


@dataclass(frozen=True, slots=True, kw_only=True)
class Cells:
    """Where the values of a column stand: in a dataset, or a field or a column of it.

    `missing` is the text that stands for no value. Where there are `labels`, the values are the places of these.
    """

    dataset: Any
    field: str | None = None
    column: int | None = None
    missing: str | None = None
    labels: Cells | None = None


class RowReader:
    """Reads up to `rows` rows of tables, texts and bytes up to `max_length`, as long as there is room in the answer."""

    def __init__(self, rows: int, max_length: int) -> None:
        self._rows, self._max_length = rows, max_length
        self._left = _MAX_ANSWER_CHARACTERS
        self._plain = PlainReader()
        self._parts: dict[tuple[str, int], Any] = {}

    def read(self, columns: Sequence[tuple[Kind, Cells | None]]) -> dict[str, Any]:
        """The rows of a table as `_row_wire` writes them, columns by their place; those whose values cannot be read are left out."""
        self._parts.clear()
        found = OutgoingRows(self._rows)
        for place, (kind, cells) in enumerate(columns if self._left > 0 else ()):
            if cells is None:
                continue
            try:
                found.add(str(place), self._values(kind, cells, self._rows))
            except (*BROKEN, MemoryError, PickleRefusedError):
                continue
        answer = found.answer()
        self._left -= len(json.dumps(answer))
        return answer if self._left > 0 else OutgoingRows(0).answer()

    def _values(self, kind: Kind, cells: Cells, count: int) -> list[object]:
        if cells.labels is not None:
            return self._labelled(kind, cells, cells.labels, count)
        if _is_pickled(cells.dataset):
            return self._pickled(cells, count)
        raw = self._part(cells.dataset, count)
        if cells.field is not None:
            raw = raw[cells.field]
        if cells.column is not None and raw.ndim > 1:
            raw = raw[:, cells.column]
        values = [self._value(value, kind) for value in raw]
        return values if cells.missing is None else [None if value == cells.missing else value for value in values]

    def _labelled(self, kind: Kind, cells: Cells, labels: Cells, count: int) -> list[object]:
        raw = self._part(cells.dataset, count)
        codes = raw if cells.field is None else raw[cells.field]
        places = [int(code) for code in codes.reshape(-1)]
        highest = max(places, default=-1)
        if highest >= _MAX_LABELS:
            raise ValueError("too many labels")
        known = self._values(kind, labels, highest + 1)
        return [known[place] if 0 <= place < len(known) else None for place in places]

    def _part(self, dataset: Any, count: int) -> Any:
        """The first rows of a dataset, as many as fit into a bound; of a single value, that one."""
        key = (dataset.name, count)
        if key not in self._parts:
            self._parts[key] = dataset[: _affordable(dataset, count)] if dataset.shape else dataset[()].reshape(1)
        return self._parts[key]

    def _pickled(self, cells: Cells, count: int) -> list[object]:
        """Values of a numpy array of Python objects that PyTables keeps as one pickle."""
        array = take_bytes_apart(bytes(cells.dataset[0]), _PICKLED)
        match array:
            case Call(state=(_, tuple() as shape, _, bool() as column_major, Items() as items)) if len(shape) in (1, 2):
                pass
            case _:
                raise ValueError("no array of objects")
        height, width = (*shape, 1)[:2]
        step, start = (1, (cells.column or 0) * height) if column_major else (width, cells.column or 0)
        places = [start + row * step for row in range(min(count, height, _MAX_LABELS))]
        values = [self._plain.value(items.kept[place]) for place in places if place < len(items.kept)]
        return [None if isinstance(value, float) and math.isnan(value) and cells.missing is not None else value for value in values]

    def _value(self, raw: Any, kind: Kind) -> object:
        match kind:
            case ["list", inner]:
                return [self._value(item, inner) for item in raw]
            case ["struct", fields]:
                if hasattr(raw, "real") and hasattr(raw, "imag"):
                    return {"real": float(raw.real), "imag": float(raw.imag)}
                return {name: self._value(raw[name], inner) for name, inner in fields}
            case ["timestamp", unit, zone]:
                return moment(_whole(raw), unit, aware=zone is not None)
            case ["duration", unit]:
                return duration(_whole(raw), unit)
            case "date":
                return dt.date.fromordinal(int(raw))
            case "bool":
                return bool(raw)
            case "string":
                return self._text(raw)
            case "binary":
                return bytes(raw.tobytes() if hasattr(raw, "tobytes") else raw)[: self._max_length]
        return float(raw) if str(kind).startswith("float") else int(raw)

    def _text(self, raw: Any) -> str | None:
        if isinstance(raw, bytes):
            raw = raw[: 4 * self._max_length].decode("utf-8", "replace")
        if isinstance(raw, str):
            return raw[: self._max_length + 1]
        # A reference is an address in the file, and says nothing.
        return None if type(raw).__name__ in ("Reference", "RegionReference") else str(raw)[: self._max_length + 1]


def _whole(raw: Any) -> int:
    is_moment = getattr(raw, "dtype", None) is not None and raw.dtype.kind in "Mm"
    whole: int = int(raw.view("i8") if is_moment else raw)
    return whole


def _is_pickled(dataset: Any) -> bool:
    return dataset.dtype.kind == "O" and bytes(dataset.attrs.get("PSEUDOATOM", b"")) == b"object"


def _affordable(dataset: Any, count: int) -> int:
    """So many of the first rows can be read without much memory.

    Raises:
        ValueError: not even one.
    """
    row_bytes = math.prod(dataset.shape[1:]) * dataset.dtype.itemsize
    if row_bytes > _MAX_PART_BYTES:
        raise ValueError("a row is too long")
    affordable: int = min(count, dataset.shape[0], _MAX_PART_BYTES // max(1, row_bytes))
    if not dataset.chunks:
        return affordable
    chunk_bytes = math.prod(dataset.chunks) * dataset.dtype.itemsize
    across = math.prod(-(-size // chunk) for size, chunk in zip(dataset.shape[1:], dataset.chunks[1:], strict=True))
    deep: int = _MAX_CHUNK_BYTES // max(1, chunk_bytes * across)
    if not deep:
        raise ValueError("a chunk is too long")
    return min(affordable, deep * int(dataset.chunks[0]))
