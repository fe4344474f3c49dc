"""Values inside values: fields, items, maps, and text that is JSON; and how each looks as text.

In: a plain Python value, as Arrow or a JSON parser gives it. Out: what lies in it, each with its path (`ColumnName.path`).
"""

from __future__ import annotations

import datetime as dt
import json
import math
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from itertools import islice

MAX_DEPTH = 16
MAX_ITEMS = 100
"""Items of one list that are looked at, and shown."""
MAX_ENTRIES = 1000
"""Entries of one struct or map that are looked at."""
MAX_JSON_TEXT = 256 * 1024
_MAX_FIELDS = 200
MAX_INT_BITS = 4096

_FIELD_NAME = re.compile(r"[^\W\d][\w$-]{0,63}")
_SPACED_NAME = re.compile(r"[^\W\d][\w$ -]{0,63}")
_NAMING_WORD = re.compile(r"(?i)\b(?:name|number|no|date|address|mail|email|e-mail|phone|id|code|type|of|value|status|count|day|time)\b")
_LONG_NUMBER = re.compile(r"\d{5}")
_INVISIBLE = re.compile("[\u00ad\u200b-\u200f\u202a-\u202e\u2060-\u2064\ufeff]")
_NULLS = frozenset(
    ("", "-", "--", "?", "n/a", "na", "null", "none", "nil", "nan", "unknown", "undefined", "(null)", "\\n", "#n/a", "inf", "-inf")
)
_OBJECTS = re.compile(r"""\s{0,64}(?:\[\s{0,64})*\{\s{0,64}["']""")
_WRAPPED = {'"': '"', "'": "'", "<": ">"}


@dataclass(frozen=True, slots=True)
class Place:
    """Where a value stands: its path, and the names on the way there."""

    path: str
    trail: tuple[str, ...]

    def field(self, name: str) -> Place:
        return Place(f"{self.path}.{name}", (*self.trail, name))

    def inner(self, mark: str) -> Place:
        return Place(self.path + mark, self.trail)


@dataclass(frozen=True, slots=True)
class Record:
    """A struct, an object or a map. `is_map`: keys are values. `is_text`: it was text that is JSON."""

    entries: Iterable[tuple[object, object]]
    is_map: bool
    is_text: bool


@dataclass(frozen=True, slots=True)
class Items:
    """A list. `is_text`: it was text that is JSON."""

    items: Iterable[object]
    is_text: bool


IsFieldName = Callable[[str], bool]


def unfold(value: object) -> Record | Items | None:
    """Open a value that holds others; None for all that does not. Arrow gives a map as a list of pairs."""
    if isinstance(value, Mapping):
        return Record(value.items(), is_map=len(value) > _MAX_FIELDS, is_text=False)
    if isinstance(value, list | tuple | set | frozenset):
        if isinstance(value, list) and value and all(isinstance(item, tuple) and len(item) == 2 for item in value):
            return Record(value, is_map=True, is_text=False)
        return Items(value, is_text=False)
    parsed = _parse_json(value) if isinstance(value, str) else None
    if isinstance(parsed, dict):
        return Record(parsed.items(), is_map=len(parsed) > _MAX_FIELDS, is_text=True)
    return Items(parsed, is_text=True) if isinstance(parsed, list) else None


def place_of_entry(place: Place, record: Record, key: object, is_field_name: IsFieldName) -> Place:
    """Where an entry's value stands. A key that may be a value itself never becomes part of a path."""
    if not record.is_map and isinstance(key, str) and is_field_name(key):
        return place.field(key)
    return place.inner("{}")


def iter_leaves(value: object, place: Place, is_field_name: IsFieldName, depth: int = 0) -> Iterator[tuple[Place, object]]:
    """All values that hold no others, each with its place; keys of maps too."""
    opened = unfold(value) if depth < MAX_DEPTH else None
    if isinstance(opened, Items):
        for item in islice(opened.items, MAX_ITEMS):
            yield from iter_leaves(item, place.inner("[]"), is_field_name, depth + 1)
    elif isinstance(opened, Record):
        for key, inner in islice(opened.entries, MAX_ENTRIES):
            at = place_of_entry(place, opened, key, is_field_name)
            if at.trail == place.trail:
                yield place.inner("{key}"), key
            yield from iter_leaves(inner, at, is_field_name, depth + 1)
    else:
        yield place, value


def may_be_field_name(key: str) -> bool:
    """Whether a key looks like a name people give to a field, not like a name people have."""
    if _LONG_NUMBER.search(key):
        return False
    return _FIELD_NAME.fullmatch(key) is not None or (_SPACED_NAME.fullmatch(key) is not None and _NAMING_WORD.search(key) is not None)


def text_of(value: object) -> str | None:
    """A value as text; None for nulls, booleans and bytes that are no text. A large whole float has no decimals."""
    if value is None or isinstance(value, bool):
        return None
    if isinstance(value, str):
        return value
    if isinstance(value, bytes | bytearray | memoryview):
        try:
            return bytes(value).decode("utf-8")
        except UnicodeDecodeError:
            return None
    if isinstance(value, int):
        return str(value) if value.bit_length() <= MAX_INT_BITS else None
    if isinstance(value, float):
        return None if not math.isfinite(value) else str(int(value)) if value.is_integer() and abs(value) >= 1e6 else repr(value)
    if isinstance(value, Decimal):
        return _decimal_text(value)
    return value.isoformat() if isinstance(value, dt.date | dt.time) else str(value)


def for_detectors(value: object, max_text: int) -> str | None:
    """A value as detectors see it: visible characters, trimmed, without quotes around it; None where there is nothing to see."""
    text = text_of(value)
    if text is None:
        return None
    text = visible(text[:max_text]).strip()
    while len(text) > 1 and _WRAPPED.get(text[0]) == text[-1]:
        text = text[1:-1].strip()
    return None if text.lower() in _NULLS else text


def visible(text: str) -> str:
    """Take out characters that nobody sees and that would hide a value from every pattern."""
    return text if text.isascii() else _INVISIBLE.sub("", text).replace("\u00a0", " ")


def begins_as_object(text: str) -> bool:
    """Whether text begins as an object with named fields does, in JSON or as Python prints it."""
    return _OBJECTS.match(text, 0, 256) is not None


def _parse_json(text: str) -> object:
    if len(text) > MAX_JSON_TEXT or text[:64].lstrip()[:1] not in ("{", "["):
        return None
    try:
        parsed: object = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return parsed


def _decimal_text(value: Decimal) -> str | None:
    if not value.is_finite() or abs(value.adjusted()) > 100:
        return None
    return format(value.quantize(Decimal(1)) if value == value.to_integral_value() and len(value.as_tuple().digits) < 28 else value, "f")
