"""The type of a column of text values: what delimited files hold.

Text stays text unless every value says otherwise: `00123`, `+49 30 1234` and `1_000` are strings; `2,5` is a number only where the
delimiter is no comma. Nothing is guessed silently: a date order that the values leave open is a string and a warning.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date

import pyarrow as pa

NULL_MARKERS = frozenset({"", "NULL", "Null", "null", "\\N", "NA", "N/A", "n/a", "#N/A", "None", "none", "nil"})
"""Values that stand for no value in a column that is otherwise of one type."""

_INT64 = range(-(2**63), 2**63)
_YEAR, _MONTH, _DAY = r"\d{4}", r"(?:0[1-9]|1[0-2])", r"(?:0[1-9]|[12]\d|3[01])"
_CLOCK = r"(?:[01]?\d|2[0-3]):[0-5]\d(?::(?:[0-5]\d|60)(?P<{0}>[.,]\d{{1,9}})?)?"
_KINDS = re.compile(
    rf"(?P<integer>-?(?:0|[1-9]\d*))"
    rf"|(?P<double>[+-]?(?:(?:0|[1-9]\d*)?\.\d+|(?:0|[1-9]\d*)\.)(?:[eE][+-]?\d{{1,3}})?|[+-]?\d[eE][+-]?\d{{1,3}})"
    rf"|(?P<comma_thousands>-?[1-9]\d{{0,2}}(?:,\d{{3}})+)"
    rf"|(?P<comma>[+-]?(?:0|[1-9]\d*|[1-9]\d{{0,2}}(?:\.\d{{3}})+),\d+)"
    rf"|(?P<boolean>(?i:true|false))"
    rf"|(?P<date>{_YEAR}-{_MONTH}-{_DAY}|{_YEAR}/{_MONTH}/{_DAY})"
    rf"|(?P<timestamp>{_YEAR}[-/]{_MONTH}[-/]{_DAY}[T ]{_CLOCK.format('fraction')}(?P<zone> ?(?:Z|UTC|[+-][01]\d(?::?[0-5]\d)?))?)"
    rf"|(?P<day_month>\d{{1,2}}(?P<mark>[./-])\d{{1,2}}(?P=mark){_YEAR})"
    rf"|(?P<time>{_CLOCK.format('second')})"
    rf"|(?P<special>(?i:[+-]?inf(?:inity)?|nan))"
)
_TEMPORAL = frozenset({"date", "timestamp", "timestamptz"})
_NUMBERS = frozenset({"integer", "double", "special"})


@dataclass(frozen=True, slots=True, kw_only=True)
class ValueType:
    """What the values of one column are. `decimal_comma`: fractions are written `2,5`; `date_order`: `day first` or `month first`."""

    type: pa.DataType
    decimal_comma: bool = False
    date_order: str | None = None
    warning: str | None = None


STRING = ValueType(type=pa.string())


def classify(value: str) -> str:
    """Name the kind of one value; `text` when it is none of the kinds known here.

    >>> [classify(v) for v in ("12", "012", "2,5", "2024-02-30", "2024-02-29 10:00Z")]
    ['integer', 'text', 'comma', 'text', 'timestamptz']
    """
    match = _KINDS.fullmatch(value)
    if match is None:
        return "text"
    kind = next(name for name, text in match.groupdict().items() if text is not None)
    if kind in ("date", "timestamp") and not _is_day(value[:10]):
        return "text"
    return "timestamptz" if kind == "timestamp" and match["zone"] else kind


def infer_value_type(values: Iterable[str], *, comma_is_decimal: bool) -> ValueType:
    """Find the type that all values of a column have; `pa.null()` when there are none but null markers.

    Args:
        comma_is_decimal: whether `2,5` may be a fraction (the file's delimiter is no comma).

    >>> infer_value_type(["1", "", "99999999999999999999"], comma_is_decimal=False).type
    Decimal128Type(decimal128(20, 0))
    """
    distinct = {value.strip() for value in values}
    present = distinct - NULL_MARKERS
    if not present:
        return ValueType(type=pa.null() if distinct <= {""} else pa.string())
    examples: dict[str, list[str]] = {}
    for value in present:
        kind = classify(value)
        if kind == "text" or (kind.startswith("comma") and not comma_is_decimal):
            return STRING
        examples.setdefault(kind, []).append(value)
    return _join_kinds(examples)


def mostly_typed(values: Iterable[str]) -> str | None:
    """Name the kind that nearly all values share while a few are text, if there is one: a conflict worth telling."""
    present = Counter(classify(v) for v in (value.strip() for value in values) if v not in NULL_MARKERS)
    if present["text"] == 0 or present.total() < 20:
        return None
    kind, count = present.most_common(1)[0]
    return kind if kind != "text" and count >= 0.9 * present.total() else None


def _join_kinds(examples: dict[str, list[str]]) -> ValueType:
    kinds = frozenset(examples)
    if kinds == {"integer"}:
        return ValueType(type=_integer_type(examples["integer"]))
    if kinds <= _NUMBERS:
        return ValueType(type=pa.float64()) if kinds != {"special"} else STRING
    if kinds <= {"integer", "comma", "comma_thousands"}:
        return _comma_number("comma" in kinds)
    if kinds == {"boolean"}:
        return ValueType(type=pa.bool_())
    if kinds == {"time"}:
        return ValueType(type=pa.time64("us"))
    if kinds == {"day_month"}:
        return _day_month(examples["day_month"])
    if kinds <= _TEMPORAL:
        return _temporal(kinds, examples)
    return STRING


def _integer_type(values: list[str]) -> pa.DataType:
    longest = max(len(value.lstrip("-")) for value in values)
    if longest < 19 or (longest == 19 and all(int(value) in _INT64 for value in values)):
        return pa.int64()
    if longest <= 20:
        return pa.decimal128(20, 0)
    return pa.decimal128(38, 0) if longest <= 38 else pa.string()


def _comma_number(unambiguous: bool) -> ValueType:
    if unambiguous:
        return ValueType(type=pa.float64(), decimal_comma=True)
    return ValueType(type=pa.string(), warning="a comma before three digits may mark thousands or a fraction: kept as text")


def _temporal(kinds: frozenset[str], examples: dict[str, list[str]]) -> ValueType:
    if kinds == {"date"}:
        return ValueType(type=pa.date32())
    if "timestamptz" in kinds and "timestamp" in kinds:
        return ValueType(type=pa.string(), warning="timestamps with and without a time zone: kept as text")
    stamps = [value for kind in kinds - {"date"} for value in examples[kind]]
    unit = "ns" if any(len(_fraction(value)) > 6 for value in stamps) else "us"
    return ValueType(type=pa.timestamp(unit, tz="UTC" if "timestamptz" in kinds else None))


def _fraction(value: str) -> str:
    match = _KINDS.fullmatch(value)
    return (match["fraction"] or "")[1:] if match else ""


def _day_month(values: list[str]) -> ValueType:
    parts = [tuple(int(part) for part in re.split(r"[./-]", value)) for value in values]
    day_first = all(_is_date(year, month, day) for day, month, year in parts)
    month_first = all(_is_date(year, month, day) for month, day, year in parts)
    if day_first and month_first:
        return ValueType(type=pa.string(), warning="dates whose day and month cannot be told apart: kept as text")
    if day_first or month_first:
        return ValueType(type=pa.date32(), date_order="day first" if day_first else "month first")
    mixed = all(_is_date(y, b, a) or _is_date(y, a, b) for a, b, y in parts)
    return ValueType(type=pa.string(), warning="dates in mixed orders: kept as text") if mixed else STRING


def _is_day(text: str) -> bool:
    return _is_date(int(text[:4]), int(text[5:7]), int(text[8:10]))


def _is_date(year: int, month: int, day: int) -> bool:
    try:
        date(year, month, day)
    except ValueError:
        return False
    return True
