"""Values on their way into the page's data: cut, exact and JSON's own.

Nothing is escaped here: the data hold what is so, the page shows it harmlessly (`page/dom.js`).
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from itertools import islice
from typing import Any, TypeVar

MAX_NAME = 1_100
"""Characters of a name, a key or a location; a key has at most 1,024 bytes."""
MAX_TEXT = 4_000
"""Characters of what people wrote, of a type, of an error."""
MAX_VALUE = 500
"""Characters of one value."""
_SAFE_INTEGER = 2**53 - 1

T = TypeVar("T")


def cut(text: str, most: int = MAX_TEXT) -> str:
    """Keep the first characters of a text, and say how many there were.

    >>> cut("abcdef", 3)
    'abc… (6 characters)'
    """
    return text if len(text) <= most else f"{text[:most]}… ({len(text):,} characters)"


def some(items: Iterable[T], most: int) -> list[T]:
    """The first items."""
    return list(islice(items, most))


def number(value: float | None) -> int | float | str | None:
    """A number that JavaScript reads as what it is: others are text.

    >>> number(2**53 + 1), number(float("nan")), number(1.5)
    ('9007199254740993', 'nan', 1.5)
    """
    if isinstance(value, int):
        return int(value) if abs(value) <= _SAFE_INTEGER else str(value)
    if value is None or math.isfinite(value):
        return value
    return str(value)


def time_text(when: datetime | None) -> str | None:
    """A time in UTC, to the minute.

    >>> from datetime import timezone, timedelta
    >>> time_text(datetime(2024, 1, 31, 1, 30, tzinfo=timezone(timedelta(hours=2))))
    '2024-01-30 23:30 UTC'
    """
    if when is None:
        return None
    try:
        return f"{when.astimezone(UTC).replace(tzinfo=None).isoformat(' ', 'minutes')} UTC"
    except OverflowError:  # in UTC it is before year 1 or after year 9999
        return when.isoformat(" ", "minutes")


def cell(value: object) -> object:
    """One value of a sample: text as it is shown, None for null, `{"json": text}` for what is nested.

    >>> cell(9007199254740993), cell(True), cell([1, "a"])
    ('9007199254740993', 'true', {'json': '[1, "a"]'})
    """
    if value is None or isinstance(value, str):
        return None if value is None else cut(value, MAX_VALUE)
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, dict | list):
        return {"json": cut(json.dumps(value, ensure_ascii=False), MAX_VALUE)}
    return cut(str(value), MAX_VALUE)


def known(fields: Mapping[str, Any]) -> dict[str, Any]:
    """What is known of something: without None, False and what is empty. Most fields of most columns are, and a page has many columns."""
    return {name: value for name, value in fields.items() if value is not None and value is not False and value not in ("", [], {}, ())}
