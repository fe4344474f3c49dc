"""Values of Arrow arrays as plain Python, whatever the bytes behind them are; runs in the sandbox, and knows only pyarrow.

`as_py` gives up on text that is not UTF-8, on nanoseconds, on years beyond 9999 and on zones that have to be looked up in files. Here each
value is read from its stored form: text is decoded with replacements, what is smaller than a microsecond is cut, times with a zone are in
UTC, and a moment that Python cannot hold is the text of its number.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator
from typing import Any

import pyarrow as pa
import pyarrow.types as pt

_EPOCH = dt.datetime(1970, 1, 1)  # noqa: DTZ001 - what has no zone in the file gets none
_EPOCH_UTC = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
_PER_SECOND = {"s": 1, "ms": 1_000, "us": 1_000_000, "ns": 1_000_000_000}
_SCALAR_COST = 8

Read = Callable[[Any], object]


class TooDeepError(ValueError):
    """A type nested deeper than the limit."""


class PlainValues:
    """Reads the values of arrays of one type.

    Args:
        max_length: texts and bytes are cut to so many bytes, lists and maps to so many items. A nested value as a whole takes about four
            times as much; what is beyond is left out.

    Raises:
        TooDeepError: the type has more levels of lists, maps and structs than `max_depth`.
    """

    def __init__(self, arrow_type: pa.DataType, *, max_length: int, max_depth: int) -> None:
        self._max_length = max_length
        self._left = 0
        self._read = self._reader(arrow_type, max_depth)

    def read(self, array: pa.Array) -> Iterator[object]:
        """The values of an array one by one."""
        for scalar in array:
            self._left = 4 * self._max_length
            yield self._read(scalar)

    def _reader(self, arrow_type: pa.DataType, depth: int) -> Read:
        """How a scalar of this type is read; None for a null."""
        read = self._valid_reader(arrow_type, depth)

        def read_any(scalar: Any) -> object:
            self._left -= _SCALAR_COST
            return read(scalar) if scalar.is_valid else None

        return read_any

    def _valid_reader(self, kind: pa.DataType, depth: int) -> Read:
        if pt.is_dictionary(kind):
            return self._inside(kind.value_type, depth)
        if isinstance(kind, pa.BaseExtensionType):
            return self._inside(kind.storage_type, depth)
        if pt.is_run_end_encoded(kind):
            return self._inside(kind.value_type, depth)
        if pt.is_nested(kind):
            return self._nested(kind, depth)
        if pt.is_string(kind) or pt.is_large_string(kind) or pt.is_string_view(kind):
            return lambda scalar: self._cut(scalar).decode("utf-8", "replace")
        if pt.is_binary(kind) or pt.is_large_binary(kind) or pt.is_binary_view(kind) or pt.is_fixed_size_binary(kind):
            return self._cut
        if pt.is_temporal(kind):
            return _temporal(kind)
        return _as_python

    def _inside(self, kind: pa.DataType, depth: int) -> Read:
        read = self._reader(kind, depth)
        return lambda scalar: read(scalar.value)

    def _cut(self, scalar: Any) -> bytes:
        length = max(0, min(self._max_length, self._left))
        found = bytes(memoryview(scalar.as_buffer())[:length])
        self._left -= len(found)
        return found

    def _nested(self, kind: pa.DataType, depth: int) -> Read:
        if depth == 0:
            raise TooDeepError
        if pt.is_struct(kind):
            return self._struct(kind, depth)
        if pt.is_map(kind):
            return self._map(kind, depth)
        if pt.is_union(kind):
            readers = {code: self._reader(kind.field(i).type, depth - 1) for i, code in enumerate(kind.type_codes)}
            return lambda scalar: readers[scalar.type_code](scalar.value)
        read = self._reader(kind.value_type, depth - 1)
        return lambda scalar: [read(item) for item in self._items(scalar.values)]

    def _struct(self, kind: pa.DataType, depth: int) -> Read:
        fields = [(i, kind.field(i).name, self._reader(kind.field(i).type, depth - 1)) for i in range(kind.num_fields)]
        return lambda scalar: {name: read(scalar[i]) for i, name, read in fields}

    def _map(self, kind: pa.DataType, depth: int) -> Read:
        read_key, read_item = self._reader(kind.key_type, depth - 1), self._reader(kind.item_type, depth - 1)

        def read(scalar: Any) -> object:
            entries = [(read_key(entry[0]), read_item(entry[1])) for entry in self._items(scalar.values)]
            named = {key: item for key, item in entries if isinstance(key, str)}
            return named if len(named) == len(entries) else [[key, item] for key, item in entries]

        return read

    def _items(self, values: pa.Array) -> Iterator[Any]:
        for item in values.slice(0, self._max_length):
            if self._left <= 0:
                return
            yield item


def _as_python(scalar: Any) -> object:
    return scalar.as_py()


def _temporal(kind: pa.DataType) -> Read:
    """Dates, times, moments, durations and intervals, from the number that is stored."""
    if pt.is_interval(kind):
        return lambda scalar: dict(zip(("months", "days", "nanoseconds"), scalar.as_py(), strict=True))
    if pt.is_date32(kind):
        return _guarded(lambda number: _EPOCH.date() + dt.timedelta(days=number), "days since 1970")
    if pt.is_date64(kind):
        return _guarded(lambda number: _EPOCH.date() + dt.timedelta(milliseconds=number), "ms since 1970")
    per_second = _PER_SECOND[kind.unit]
    if pt.is_time(kind):
        return _guarded(lambda number: (_EPOCH + _delta(number % (86400 * per_second), per_second)).time(), f"{kind.unit} since midnight")
    if pt.is_duration(kind):
        return _guarded(lambda number: _delta(number, per_second), kind.unit)
    epoch = _EPOCH if kind.tz is None else _EPOCH_UTC
    return _guarded(lambda number: epoch + _delta(number, per_second), f"{kind.unit} since 1970")


def _delta(number: int, per_second: int) -> dt.timedelta:
    seconds, rest = divmod(number, per_second)
    return dt.timedelta(seconds=seconds, microseconds=rest * 1_000_000 // per_second)


def _guarded(make: Callable[[int], object], unit: str) -> Read:
    def read(scalar: Any) -> object:
        try:
            return make(scalar.value)
        except OverflowError:
            return f"{scalar.value} {unit}"

    return read
