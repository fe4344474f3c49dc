"""The first values of arrays and indexes in a pickle that was taken apart, as far as they were kept. None where they are not known."""

from __future__ import annotations

import datetime as dt
import struct
from collections.abc import Mapping, Sequence
from typing import Any

from s3_catalog.formats._pickle_plain import PlainReader, decode_array
from s3_catalog.formats._pickle_symbols import Call, Global, Items, Opaque, Pairs
from s3_catalog.formats._pickle_values import is_column_major, is_range, numpy_array

_MAX_DEPTH = 8
_MAX_LABELS = 100_000
_ARROW_NUMBERS = {
    "int8": "b", "int16": "h", "int32": "i", "int64": "q", "uint8": "B", "uint16": "H", "uint32": "I", "uint64": "Q",
    "float": "f", "double": "d",
}  # fmt: skip


class FirstValues:
    """Reads values of the arrays of one pickle."""

    def __init__(self) -> None:
        self._plain = PlainReader()

    def only(self, symbol: Any, _: int) -> list[object]:
        """The value of a table of one row."""
        return [self._plain.value(symbol)]

    def of_field(self, rows: Sequence[Mapping[str, Any]], name: str, count: int) -> list[object]:
        """The first values of one field of rows."""
        return [self._plain.value(row.get(name)) for row in rows[:count]]

    def first_values(self, value: Any, count: int, depth: int = _MAX_DEPTH) -> Sequence[object] | None:
        """The first values of a list, a numpy array, or an array or index of pandas."""
        if depth <= 0:
            return None
        if isinstance(value, Items | tuple):
            return self._of_list(value, count)
        array = numpy_array(value)
        if array is not None:
            dtype, shape, data = array
            return self._of_numpy(dtype, data, range(min(count, shape[0]))) if len(shape) == 1 else None
        if not isinstance(value, Call):
            return None
        state = value.state
        if value.function.name.startswith("__pyx_unpickle_NDArrayBacked") and isinstance(state, tuple) and len(state) > 1:
            dtype, backing = (state[1], state[0]) if numpy_array(state[0]) else (state[0], state[1])
            return self._of_backed(dtype, _flat(backing), count, depth)
        if value.function.name in ("_new_Index", "_new_DatetimeIndex"):
            return self._of_index(value, count, depth)
        return self._of_extension(state, count, depth) if isinstance(state, Pairs) else None

    def block_values(self, values: Any, row: int, count: int) -> Sequence[object] | None:
        """The first values of one row of a block, which is a column of a pandas frame."""
        return self._part(values, row, count, rows_first=True) if _is_matrix(values) else self.first_values(values, count)

    def item_values(self, values: Any, column: int, count: int) -> Sequence[object] | None:
        """The first values of one column of a numpy matrix."""
        return self._part(values, column, count, rows_first=False)

    def coded_values(self, labels: Any, codes: Any, count: int) -> Sequence[object] | None:
        """The first values of a level of an index: labels, by their numbers."""
        numbers = self.first_values(codes, count)
        if numbers is None:
            return None
        places = [number if isinstance(number, int) else -1 for number in numbers]
        highest = max(places, default=-1)
        known = self.first_values(labels, highest + 1) if highest < _MAX_LABELS else None
        return None if known is None else [known[place] if 0 <= place < len(known) else None for place in places]

    def _of_list(self, items: Items | tuple[Any, ...], count: int) -> list[object]:
        return [self._plain.value(item) for item in (items.kept if isinstance(items, Items) else items)[:count]]

    def _of_numpy(self, dtype: Any, data: Any, places: Sequence[int]) -> Sequence[object] | None:
        if isinstance(data, Items):
            return [self._plain.value(data.kept[place]) for place in places if place < len(data.kept)]
        return decode_array(dtype, data.data, places) if isinstance(data, Opaque) and data.data is not None else None

    def _part(self, values: Any, number: int, count: int, *, rows_first: bool) -> Sequence[object] | None:
        """The first values of a row of a matrix, or of a column."""
        array = numpy_array(values)
        if array is None or len(array[1]) != 2:
            return None
        dtype, (height, width), data = array
        step, start = (1, number * width) if rows_first else (width, number)
        if is_column_major(values):
            step, start = (height, number) if rows_first else (1, number * height)
        return self._of_numpy(dtype, data, [start + i * step for i in range(min(count, width if rows_first else height))])

    def _of_backed(self, dtype: Any, backing: Any, count: int, depth: int) -> Sequence[object] | None:
        name = dtype.function.name if isinstance(dtype, Call) else ""
        if name == "CategoricalDtype" and isinstance(dtype.state, Pairs):
            return self.coded_values(dtype.state.get("categories"), backing, count)
        if name == "PeriodDtype":
            return None
        values = self.first_values(backing, count, depth - 1)
        if values is not None and name == "DatetimeTZDtype":
            return [value.replace(tzinfo=dt.UTC) if isinstance(value, dt.datetime) else value for value in values]
        return values

    def _of_index(self, call: Call, count: int, depth: int) -> Sequence[object] | None:
        state = call.args[1] if len(call.args) > 1 else None
        if not isinstance(state, Pairs):
            return None
        if is_range(call):
            bounds = [state.get(part) for part in ("start", "stop", "step")]
            return list(range(*bounds)[:count]) if all(isinstance(bound, int) for bound in bounds) and bounds[2] else None
        return self.first_values(state.get("data"), count, depth - 1)

    def _of_extension(self, state: Pairs, count: int, depth: int) -> Sequence[object] | None:
        """Arrays that pandas keeps in Arrow, or as values beside a mask."""
        arrow = state.get("_pa_array")
        if arrow is not None:
            return _of_arrow(arrow, count)
        values, mask = self.first_values(state.get("_data"), count, depth - 1), state.get("_mask")
        if values is None or mask is None:
            return values
        missing = self.first_values(mask, count, depth - 1)
        return None if missing is None else [None if gone else value for value, gone in zip(values, missing, strict=False)]


def _is_matrix(values: Any) -> bool:
    array = numpy_array(values)
    return array is not None and len(array[1]) == 2


def _flat(backing: Any) -> Any:
    """A matrix of one row, as blocks of pandas' own types have, as that row."""
    array = numpy_array(backing)
    if array is None or len(array[1]) != 2 or array[1][0] != 1 or not isinstance(backing, Call):
        return backing
    dtype, (_, width), data = array
    return Call(Global("numpy", "_frombuffer"), (data, dtype, (width,)))


def _of_arrow(value: Any, count: int) -> Sequence[object] | None:
    match value:
        case Call(Global(_, "chunked_array" | "ChunkedArray"), (Items(kept=[first, *_]), *_)):
            return _of_arrow(first, count)
        case Call(Global(_, "_restore_array"), ((Call(_, (str() as alias,)), int() as length, _, 0, Items() as buffers, *_),)):
            return _of_buffers(alias, min(count, length), [_buffer(buffer) for buffer in buffers.kept])
    return None


def _buffer(value: Any) -> bytes | None:
    return value.args[0].data if isinstance(value, Call) and value.args and isinstance(value.args[0], Opaque) else None


def _of_buffers(alias: str, count: int, buffers: Sequence[bytes | None]) -> Sequence[object] | None:
    validity, *rest = buffers or [None]
    found: Sequence[object]
    if alias in ("string", "large_string") and len(rest) == 2 and rest[0] is not None and rest[1] is not None:
        offsets, texts = struct.unpack_from(f"<{count + 1}{'i' if alias == 'string' else 'q'}", rest[0]), rest[1]
        found = [texts[max(0, offsets[i]) : max(0, offsets[i + 1])].decode("utf-8", "replace") for i in range(count)]
    elif alias in _ARROW_NUMBERS and len(rest) == 1 and rest[0] is not None:
        found = struct.unpack_from(f"<{count}{_ARROW_NUMBERS[alias]}", rest[0])
    else:
        return None
    return [value if validity is None or validity[i // 8] >> i % 8 & 1 else None for i, value in enumerate(found)]
