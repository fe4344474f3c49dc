"""Rows on their way out of the sandbox: JSON that gives back the very values.

What JSON has stands for itself; each other value is an object of one member, named after its type. Knows only the standard library.
"""

from __future__ import annotations

import base64
import datetime as dt
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from decimal import Decimal
from itertools import islice
from typing import Any

_MAX_BYTES = 16 * 1024 * 1024
"""Of all values of an answer together."""


class OutgoingRows:
    """Takes columns, and keeps as many of the first rows as an answer has room for."""

    def __init__(self, rows: int) -> None:
        self._sizes = [0] * rows
        self._columns: dict[str, list[Any]] = {}

    def add(self, name: str, values: Iterable[object]) -> None:
        """Take a column; one of a name that is there already is left out."""
        if name in self._columns:
            return
        taken, total = list[Any](), 0
        for value in islice(values, len(self._sizes)):
            coded = encode(value)
            total += self._sizes[len(taken)] + len(json.dumps(coded))
            if total > _MAX_BYTES:
                break
            taken.append(coded)
        sizes = zip(self._sizes, taken, strict=False)
        self._sizes = [size + len(json.dumps(coded)) for size, coded in sizes]
        self._columns[name] = taken

    def sort(self, names: Sequence[str]) -> None:
        """Put the columns into the order of these names."""
        self._columns = {name: self._columns[name] for name in names if name in self._columns}

    def answer(self) -> dict[str, Any]:
        """What `read_rows` takes."""
        return {"columns": [[name, values[: len(self._sizes)]] for name, values in self._columns.items()]}


def read_rows(answer: Mapping[str, Any]) -> list[dict[str, object]]:
    """The rows of an answer; all have the same columns."""
    names = [name for name, _ in answer["columns"]]
    columns = [[decode(value) for value in values] for _, values in answer["columns"]]
    return [dict(zip(names, values, strict=True)) for values in zip(*columns, strict=False)]


def encode(value: object) -> Any:
    """A value as JSON.

    >>> encode({"at": [Decimal("1.50"), None]})
    {'dict': [['at', [{'decimal': '1.50'}, None]]]}
    """
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if isinstance(value, list | tuple):
        return [encode(item) for item in value]
    if isinstance(value, Mapping):
        return {"dict": [[str(key), encode(item)] for key, item in value.items()]}
    for name, (kind, write, _) in _KINDS.items():
        if isinstance(value, kind):
            return {name: write(value)}
    return str(value)


def decode(coded: Any) -> object:
    """The value that `encode` was given."""
    if isinstance(coded, list):
        return [decode(item) for item in coded]
    if not isinstance(coded, dict):
        return coded
    ((name, inner),) = coded.items()
    if name == "dict":
        return {key: decode(item) for key, item in inner}
    return _KINDS[name][2](inner)


def _write_delta(value: dt.timedelta) -> list[int]:
    return [value.days, value.seconds, value.microseconds]


_KINDS: dict[str, tuple[Any, Callable[[Any], Any], Callable[[Any], object]]] = {
    "bytes": (bytes, lambda value: base64.b64encode(value).decode("ascii"), base64.b64decode),
    "decimal": (Decimal, str, Decimal),
    "datetime": (dt.datetime, dt.datetime.isoformat, dt.datetime.fromisoformat),  # before dates, which it is one of
    "date": (dt.date, dt.date.isoformat, dt.date.fromisoformat),
    "time": (dt.time, dt.time.isoformat, dt.time.fromisoformat),
    "timedelta": (dt.timedelta, _write_delta, lambda parts: dt.timedelta(*parts)),
}
