"""A table's partitions as a small chart and a short list.

The chart is over time where the values are times, over numbers where they count, else of the largest. However many partitions there are,
what comes out has at most `MAX_BARS` bars and `_MOST_LISTED` rows.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

import pyarrow.types as pt

from s3_catalog.model.tables import Partition, PartitionColumn
from s3_catalog.report._texts import MAX_NAME, MAX_VALUE, cut, known, number, time_text

MAX_BARS = 180
_MOST_LISTED = 50
_MOST_LARGEST = 12
_BINS = 60
_YEARS = range(1900, 2101)
"""Years that are drawn: placeholders like 0001-01-01 and 9999-12-31 would leave no room for the others."""
_PARTS = {
    "y": 0,
    "yr": 0,
    "yyyy": 0,
    "year": 0,
    "m": 1,
    "mm": 1,
    "mon": 1,
    "month": 1,
    "d": 2,
    "dd": 2,
    "day": 2,
    "h": 3,
    "hh": 3,
    "hr": 3,
    "hour": 3,
}
_PART_NAMES = ("year", "month", "day", "hour")
_MOMENT = re.compile(r"(\d{4})-?(\d\d)(?:-?(\d\d)(?:[T _-]?(\d\d)(?::?\d\d){0,2}(?:\.\d+)?(?:Z|[+-]\d\d:?\d\d)?)?)?")
_INTEGER = re.compile(r"-?\d{1,30}")


@dataclass(frozen=True, slots=True)
class _Unit:
    """A step of time: how a moment is numbered in steps, and what a step is called."""

    name: str
    index: Callable[[datetime], int]
    label: Callable[[int], str]


def _month_label(index: int) -> str:
    return f"{index // 12:04}-{index % 12 + 1:02}"


_UNITS = (
    _Unit("hour", lambda t: t.toordinal() * 24 + t.hour, lambda i: f"{date.fromordinal(i // 24)} {i % 24:02}:00"),
    _Unit("day", lambda t: t.toordinal(), lambda i: str(date.fromordinal(i))),
    _Unit(
        "week",
        lambda t: (t.toordinal() - 1) // 7,
        lambda i: f"{date.fromordinal(i * 7 + 1)} to {date.fromordinal(i * 7 + 1) + timedelta(6)}",
    ),
    _Unit("month", lambda t: t.year * 12 + t.month - 1, _month_label),
    _Unit("year", lambda t: t.year, lambda i: f"{i:04}"),
    _Unit("decade", lambda t: t.year // 10, lambda i: f"{i}0s"),
)
_FINEST = {"hour": 0, "day": 1, "month": 3, "year": 4}
"""The finest step that shows nothing but what partitions tell: a table by month has no weeks."""


def describe_partitions(columns: Sequence[PartitionColumn], partitions: Sequence[Partition]) -> dict[str, Any] | None:
    """The chart, the list (newest or largest first) and how many there are; None without partition columns."""
    if not columns or not partitions:
        return None
    chart, order = _draw(columns, partitions)
    listed = sorted(zip(order, partitions, strict=True), key=lambda pair: pair[0], reverse=True)[:_MOST_LISTED]
    return {
        "names": [cut(column.name, MAX_NAME) for column in columns],
        "count": len(partitions),
        "chart": chart,
        "list": [
            [
                [_shown(value) for value in p.values],
                number(p.object_count),
                number(p.size_bytes),
                time_text(p.newest),
                None if p.row_count is None else number(p.row_count),
            ]
            for _, p in listed
        ],
    }


def _draw(columns: Sequence[PartitionColumn], partitions: Sequence[Partition]) -> tuple[dict[str, Any], Sequence[Any]]:
    """The chart, and what orders the partitions (those without a value before all others)."""
    moments = _read_moments(columns, partitions)
    if moments is not None:
        return _draw_times(moments, partitions), [(moment is not None, str(moment)) for moment in moments.values]
    numbers = _read_numbers(columns, partitions)
    if numbers is not None:
        return _draw_numbers(numbers, partitions), [(value is not None, value or 0) for value in numbers.values]
    return _draw_largest(partitions), [partition.size_bytes for partition in partitions]


@dataclass(frozen=True, slots=True)
class _Moments:
    """A moment for each partition (None where there is none), what tells it, and how fine it is."""

    by: str
    finest: str
    values: Sequence[datetime | None]


@dataclass(frozen=True, slots=True)
class _Numbers:
    by: str
    values: Sequence[int | None]


def _read_moments(columns: Sequence[PartitionColumn], partitions: Sequence[Partition]) -> _Moments | None:
    """Read times from a column of dates, or from columns for year, month, day and hour."""
    parts = {_PARTS[column.name.lower()]: index for index, column in reversed(list(enumerate(columns))) if column.name.lower() in _PARTS}
    if 0 in parts:
        depth = next((part for part in range(4) if part not in parts), 4)
        indexes = [parts[part] for part in range(depth)]
        moments = [_moment_of(tuple(partition.values[index] for index in indexes)) for partition in partitions]
        if _all_tell(moments, partitions, indexes):
            return _Moments(", ".join(columns[index].name for index in indexes), _PART_NAMES[depth - 1], moments)
    for index, column in enumerate(columns):
        found = [_match_moment(partition.values[index]) for partition in partitions]
        moments = [_moment_of(match.groups()) if match else None for match in found]
        if _all_tell(moments, partitions, [index]):
            depth = max(sum(part is not None for part in match.groups()) for match in found if match)
            return _Moments(column.name, _PART_NAMES[depth - 1], moments)
    return None


def _match_moment(text: str | None) -> re.Match[str] | None:
    """A date in ISO 8601, with or without a time and hyphens. Without hyphens it is one only where its year is likely."""
    match = _MOMENT.fullmatch(text) if text is not None else None
    return match if match and ("-" in match[0] or int(match[1]) in _YEARS) else None


def _moment_of(parts: tuple[str | None, ...]) -> datetime | None:
    try:
        year, month, day, hour = (
            int(part) if part is not None else low for part, low in zip((*parts, None, None, None), (1, 1, 1, 0), strict=False)
        )
        return datetime(year, month, day, hour)  # noqa: DTZ001  a path tells no zone
    except (ValueError, OverflowError):
        return None


def _all_tell(moments: Sequence[datetime | None], partitions: Sequence[Partition], indexes: Sequence[int]) -> bool:
    """Whether all partitions have a moment but those without a value."""
    has_value = [all(partition.values[index] is not None for index in indexes) for partition in partitions]
    return any(has_value) and all(moment is not None for moment, has in zip(moments, has_value, strict=True) if has)


def _read_numbers(columns: Sequence[PartitionColumn], partitions: Sequence[Partition]) -> _Numbers | None:
    """Read the first column of integers."""
    for index, column in enumerate(columns):
        texts = [partition.values[index] for partition in partitions]
        whole = all(text is None or _INTEGER.fullmatch(text) for text in texts)
        if pt.is_integer(column.type) and whole and any(text is not None for text in texts):
            return _Numbers(column.name, [None if text is None else int(text) for text in texts])
    return None


class _Bars:
    """Sums of objects and bytes by position. Positions without any are left out: the page draws the gaps."""

    def __init__(self) -> None:
        self._sums: dict[int, list[int]] = {}

    def add(self, position: int, partition: Partition) -> None:
        sums = self._sums.setdefault(position, [0, 0])
        sums[0] += partition.object_count
        sums[1] += partition.size_bytes

    def write(self, label: Callable[[int], str]) -> list[list[Any]]:
        return [[position, label(position), number(objects), number(size)] for position, (objects, size) in sorted(self._sums.items())]


def _draw_times(moments: _Moments, partitions: Sequence[Partition]) -> dict[str, Any]:
    drawn = [(m, p) for m, p in zip(moments.values, partitions, strict=True) if m is not None and m.year in _YEARS]
    if not drawn:
        return _draw_largest(partitions)
    first, last = min(m for m, _ in drawn), max(m for m, _ in drawn)
    units = _UNITS[_FINEST[moments.finest] :]
    unit = next(u for u in units if u.index(last) - u.index(first) < MAX_BARS)
    start, bars = unit.index(first), _Bars()
    for moment, partition in drawn:
        bars.add(unit.index(moment) - start, partition)
    return known(
        {
            "kind": "time",
            "by": cut(moments.by, MAX_NAME),
            "unit": unit.name,
            "length": unit.index(last) - start + 1,
            "bars": bars.write(lambda position: unit.label(position + start)),
            "left": len(partitions) - len(drawn),
        }
    )


def _draw_numbers(numbers: _Numbers, partitions: Sequence[Partition]) -> dict[str, Any]:
    drawn = [(value, p) for value, p in zip(numbers.values, partitions, strict=True) if value is not None]
    first, last = min(value for value, _ in drawn), max(value for value, _ in drawn)
    span = last - first + 1
    step = 1 if span <= MAX_BARS else -(-span // _BINS)
    bars = _Bars()
    for value, partition in drawn:
        bars.add((value - first) // step, partition)

    def label(position: int) -> str:
        low = first + position * step
        return str(low) if step == 1 else f"{low} to {min(low + step - 1, last)}"

    by, left = cut(numbers.by, MAX_NAME), len(partitions) - len(drawn)
    return known({"kind": "number", "by": by, "length": -(-span // step), "bars": bars.write(label), "left": left})


def _draw_largest(partitions: Sequence[Partition]) -> dict[str, Any]:
    largest = sorted(partitions, key=lambda p: (p.size_bytes, p.object_count), reverse=True)[:_MOST_LARGEST]
    bars = [
        [position, cut(" / ".join("null" if v is None else v for v in p.values), MAX_VALUE), number(p.object_count), number(p.size_bytes)]
        for position, p in enumerate(largest)
    ]
    return known({"kind": "largest", "length": len(bars), "bars": bars, "left": len(partitions) - len(largest)})


def _shown(value: str | None) -> str | None:
    return None if value is None else cut(value, MAX_VALUE)
