"""Symbols of a pickle that was taken apart, as plain Python values. Nothing is imported or called for it.

Knows only the standard library. Dates, decimals and their like are made from the bytes and texts in the pickle; what is not understood is
None.
"""

from __future__ import annotations

import datetime as dt
import struct
import uuid
from collections.abc import Sequence
from decimal import Decimal
from itertools import islice
from typing import Any

from s3_catalog.formats._pickle_symbols import Call, Items, Opaque, Pairs

CUT_MARK = "…"
_MAX_ITEMS = 10_000
_CONTAINERS = frozenset({"set", "frozenset", "list", "tuple", "int", "float", "str", "bool"})
_EPOCH = dt.datetime(1970, 1, 1)  # noqa: DTZ001 - moments without a zone
_NOT_A_TIME = -(2**63)
_PER_SECOND = {"s": 1, "ms": 10**3, "us": 10**6, "ns": 10**9}
_SECONDS = {"W": 604_800, "D": 86_400, "h": 3600, "m": 60}
_RESOLUTIONS = {7: "s", 8: "ms", 9: "us", 10: "ns"}
"""numpy's numbers of units, in which pandas keeps moments."""
_NUMBERS = {
    "b1": "?", "?": "?", "i1": "b", "i2": "h", "i4": "i", "i8": "q", "u1": "B", "u2": "H", "u4": "I", "u8": "Q",
    "f2": "e", "f4": "f", "f8": "d",
}  # fmt: skip


class PlainReader:
    """Makes values of symbols; `work` is how many it makes: symbols that are shared can nest into exponentially many."""

    def __init__(self, work: int = 2_000_000) -> None:
        self._work = work

    def value(self, symbol: Any, depth: int = 16) -> object:
        """A symbol as a value; a mark where it is too long to have been kept, nested too deep, or one too many."""
        self._work -= 1
        if symbol is None or isinstance(symbol, bool | int | float | str):
            return symbol
        if isinstance(symbol, Opaque):
            return symbol.data if symbol.kind == "bytes" and symbol.data is not None else CUT_MARK
        if depth <= 0 or self._work <= 0:
            return CUT_MARK
        if isinstance(symbol, Call):
            return self._object(symbol, depth)
        if isinstance(symbol, Pairs):
            return self._dict(symbol, depth)
        if isinstance(symbol, Items | tuple):
            items = symbol.kept if isinstance(symbol, Items) else symbol
            return [self.value(item, depth - 1) for item in islice(items, _MAX_ITEMS)]
        return None

    def _dict(self, pairs: Pairs, depth: int) -> dict[object, object]:
        found: dict[object, object] = {}
        for key, value in islice(pairs.kept, _MAX_ITEMS):
            plain = self.value(key, depth - 1)
            found[plain if isinstance(plain, str) else str(plain)] = self.value(value, depth - 1)
        return found

    def _object(self, call: Call, depth: int) -> object:
        module, name, args = call.function.module, call.function.name, call.args
        try:
            if module == "collections":
                return self._dict(call.pairs or Pairs(), depth) if call.items is None else self.value(call.items, depth - 1)
            if module in ("builtins", "__builtin__") and name in _CONTAINERS and args:
                return self.value(args[0], depth - 1)
            return _of_library(module, name, call)
        except (ValueError, TypeError, LookupError, ArithmeticError, AttributeError, struct.error):
            return None


def moment(count: int, unit: str, *, aware: bool = False) -> dt.datetime | None:
    """The moment that is so many units after 1970; None for no time, and beyond what Python can say."""
    length = duration(count, unit)
    try:
        found = None if length is None else _EPOCH + length
    except OverflowError:
        return None
    return found.replace(tzinfo=dt.UTC) if found is not None and aware else found


def duration(count: int, unit: str) -> dt.timedelta | None:
    """A length of time; None for no time, and beyond what Python can say."""
    if count == _NOT_A_TIME:
        return None
    try:
        if unit in _SECONDS:
            return dt.timedelta(seconds=count * _SECONDS[unit])
        return dt.timedelta(microseconds=count * 10**6 // _PER_SECOND[unit]) if unit in _PER_SECOND else None
    except OverflowError:
        return None


def decode_array(dtype: Any, data: bytes, places: Sequence[int]) -> list[object] | None:
    """The values of a numpy array at some places of its buffer; None for a type that is not read."""
    if not isinstance(dtype, Call) or not dtype.args or not isinstance(dtype.args[0], str):
        return None
    code, state = dtype.args[0], dtype.state if isinstance(dtype.state, tuple) else ()
    order = ">" if len(state) > 1 and state[1] == ">" else "<"
    kind, size = code[:1], int(code[1:]) if code[1:].isdigit() else 1
    if code in _NUMBERS:
        return _unpack(f"{order}{_NUMBERS[code]}", data, places)
    if kind in ("M", "m"):
        counts, unit = _unpack(f"{order}q", data, places), _unit(state)
        return [moment(count, unit) if kind == "M" else duration(count, unit) for count in counts]
    if kind == "U":
        texts = _unpack(f"{4 * size}s", data, places)
        return [text.decode("utf-32-be" if order == ">" else "utf-32-le", "replace").rstrip("\0") for text in texts]
    if kind != "S":
        return None
    return [text.rstrip(b"\0") for text in _unpack(f"{size}s", data, places)]


def _unpack(form: str, data: bytes, places: Sequence[int]) -> list[Any]:
    size = struct.calcsize(form)
    return [struct.unpack_from(form, data, place * size)[0] for place in places if place >= 0 and (place + 1) * size <= len(data)]


def _unit(state: tuple[Any, ...]) -> str:
    """The unit of numpy's moments: the dtype's state ends in (metadata, (unit, count, ...))."""
    match state[-1:]:
        case ((_, (Opaque(data=bytes() as unit), *_)),):
            return unit.decode("ascii", "replace")
        case ((_, (str() as text, *_)),):
            return text
    return ""


def _of_library(module: str, name: str, call: Call) -> object:
    args = call.args
    if module == "datetime":
        return _of_datetime(name, args)
    if module == "decimal":
        return Decimal(args[0])
    if module == "uuid":
        number = call.state.get("int") if isinstance(call.state, Pairs) else None
        return str(uuid.UUID(int=number)) if isinstance(number, int) else None
    if module in ("builtins", "__builtin__"):
        return {"real": args[0], "imag": args[1]} if name == "complex" else None
    return _of_numpy(name, args) if module.partition(".")[0] == "numpy" else _of_pandas(name, args)


def _of_datetime(name: str, args: tuple[Any, ...]) -> object:
    if name == "timedelta":
        return dt.timedelta(*args)
    state = args[0].data
    if name == "time":
        return dt.time(state[0] & 127, state[1], state[2], int.from_bytes(state[3:6], "big"))
    year = int.from_bytes(state[:2], "big")
    if name == "date":
        return dt.date(year, state[2], state[3])
    if name != "datetime":
        return None
    day, hour, minute, second = state[3:7]
    # The zone is an object of its own, so that the time of the day is told without it.
    return dt.datetime(year, state[2] & 127, day, hour, minute, second, int.from_bytes(state[7:10], "big"))  # noqa: DTZ001


def _of_numpy(name: str, args: tuple[Any, ...]) -> object:
    """A scalar of numpy: its type, and its bytes."""
    if name != "scalar" or not isinstance(args[1], Opaque) or args[1].data is None:
        return None
    values = decode_array(args[0], args[1].data, [0])
    return values[0] if values else None


def _of_pandas(name: str, args: tuple[Any, ...]) -> object:
    if "timestamp" in name.lower() and isinstance(args[0], int):
        resolution = args[3] if len(args) > 3 else 10
        return moment(args[0], _RESOLUTIONS.get(resolution, "ns"), aware=len(args) > 2 and args[2] is not None)
    if "timedelta" in name.lower() and isinstance(args[0], int):
        return duration(args[0], _RESOLUTIONS.get(args[1] if len(args) > 1 else 10, "ns"))
    return None
