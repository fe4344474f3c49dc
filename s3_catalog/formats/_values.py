"""The type of a column of text values: what delimited files hold.

Text stays text unless every value says otherwise: `00123`, `+49 30 1234` and `1_000` are strings; `2,5` is a number only where the
delimiter is no comma, `1,234` only beside values that tell a thousand from a fraction. Nothing is guessed silently: a date order that the
values leave open is a string and a warning, and every type says how sure it is and why.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Iterable
from dataclasses import dataclass, replace
from datetime import date
from itertools import islice

import pyarrow as pa

NULL_MARKERS = frozenset(
    {"", "NULL", "Null", "null", "(null)", "<null>", "\\N", "NA", "N/A", "n/a", "#N/A", "<NA>", "NaT", "None", "none", "nil", "-", "--"}
)
"""Values that stand for no value in a column that is otherwise of one type."""

_WORDS = tuple(frozenset(pair.split("/")) for pair in ("yes/no", "y/n", "on/off", "t/f", "ja/nein", "oui/non", "si/no", "sí/no"))
"""Booleans in words: a column is one when it holds both words of a pair, and nothing else."""
BOOLEAN_WORDS = frozenset[str]().union(*_WORDS)

_INT64 = range(-(2**63), 2**63)
_YEAR, _MONTH, _DAY = r"\d{4}", r"(?:0[1-9]|1[0-2])", r"(?:0[1-9]|[12]\d|3[01])"
_CLOCK = r"(?:[01]?\d|2[0-3]):[0-5]\d(?::(?:[0-5]\d|60)(?P<{0}>[.,]\d{{1,9}})?)?"
_KINDS = re.compile(
    rf"(?P<integer>-?(?:0|[1-9]\d*))"
    rf"|(?P<double>[+-]?(?:(?:0|[1-9]\d*)?\.\d+|(?:0|[1-9]\d*)\.)(?:[eE][+-]?\d{{1,3}})?|[+-]?\d[eE][+-]?\d{{1,3}})"
    rf"|(?P<either_comma>-?[1-9]\d{{0,2}},\d{{3}})"
    rf"|(?P<grouped>-?[1-9]\d{{0,2}}(?:,\d{{3}}){{2,}})"
    rf"|(?P<grouped_fraction>-?[1-9]\d{{0,2}}(?:,\d{{3}})+\.\d+)"
    rf"|(?P<dot_grouped>(?!(?:\d+\.){{3}}\d+\Z)-?[1-9]\d{{0,2}}(?:\.\d{{3}}){{2,}})"
    rf"|(?P<comma>[+-]?(?:0|[1-9]\d*|[1-9]\d{{0,2}}(?:\.\d{{3}})+),\d+)"
    rf"|(?P<boolean>(?i:true|false))"
    rf"|(?P<date>{_YEAR}-{_MONTH}-{_DAY}|{_YEAR}/{_MONTH}/{_DAY})"
    rf"|(?P<timestamp>{_YEAR}[-/]{_MONTH}[-/]{_DAY}[T ]{_CLOCK.format('fraction')}(?P<zone> ?(?:Z|UTC|[+-][01]\d(?::?[0-5]\d)?))?)"
    rf"|(?P<day_month>\d{{1,2}}(?P<mark>[./-])\d{{1,2}}(?P=mark){_YEAR}(?P<clock>[T ]{_CLOCK.format('part')})?)"
    rf"|(?P<time>{_CLOCK.format('second')})"
    rf"|(?P<special>(?i:[+-]?inf(?:inity)?|nan))"
)
_TEMPORAL = frozenset({"date", "timestamp", "timestamptz"})
_NUMBERS = frozenset({"integer", "double", "special"})
_MARKED_NUMBERS = frozenset({"integer", "double", "either_comma", "grouped", "grouped_fraction", "dot_grouped", "comma"})
_THREE_AFTER_DOT = re.compile(r"-?[1-9]\d{0,2}\.\d{3}")
_CODE = re.compile(r"-?0\d+")
_MIXED_ORDERS = "dates in mixed orders: kept as text"
_ENOUGH = 2000
_MAX_SPELLINGS = 8
_PLURALS = {
    "integer": "integers",
    "double": "fractions",
    "special": "infinite or no numbers",
    "either_comma": "numbers with a comma",
    "grouped": "numbers with commas between thousands",
    "grouped_fraction": "fractions with commas between thousands",
    "dot_grouped": "numbers with dots between thousands",
    "comma": "fractions with a decimal comma",
    "boolean": "true or false",
    "date": "dates",
    "timestamp": "timestamps",
    "timestamptz": "timestamps with a zone",
    "day_month": "dates with the year last",
    "time": "times of day",
    "text": "texts",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class ValueType:
    """What the values of one column are, how sure that is (0 to 1) and why.

    `decimal_comma`: fractions are written `2,5`. `thousands`: the mark between thousands. `date_order`: `day first` or `month first`.
    `words`: the two words of a boolean. `nulls`: the markers that stood for no value.
    """

    type: pa.DataType
    decimal_comma: bool = False
    thousands: str | None = None
    date_order: str | None = None
    words: str | None = None
    nulls: tuple[str, ...] = ()
    warning: str | None = None
    certainty: float = 0.0
    reason: str = "no values"


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


def infer_value_type(
    values: Iterable[str], *, comma_is_decimal: bool, decimal: str | None = None, nulls: Collection[str] = NULL_MARKERS
) -> ValueType:
    """Find the type that all values of a column have; `pa.null()` when there are none but null markers.

    Args:
        comma_is_decimal: whether `2,5` may be a fraction (the file's delimiter is no comma).
        decimal: the decimal mark, where people say which; the other mark counts thousands then.
        nulls: the texts that stand for no value, the empty one among them.

    >>> infer_value_type(["1", "", "99999999999999999999"], comma_is_decimal=False).type
    Decimal128Type(decimal128(20, 0))
    """
    counts = Counter(value.strip() for value in values)
    present = {value: count for value, count in counts.items() if value not in nulls}
    if not present:
        return ValueType(type=pa.null() if counts.keys() <= {""} else pa.string())
    examples = _classify_all(present)
    found = _boolean_words(present) or (STRING if "text" in examples else _join_kinds(examples, comma_is_decimal, decimal))
    markers = () if pa.types.is_string(found.type) else tuple(sorted(counts.keys() & set(nulls) - {""}))
    certainty, reason = _judge(found, {kind: sum(present[v] for v in members) for kind, members in examples.items()}, examples)
    return replace(found, nulls=markers, certainty=certainty, reason=reason)


def _classify_all(values: Iterable[str]) -> dict[str, list[str]]:
    """Values by kind; once one is text, enough of the others to say what they are."""
    examples: dict[str, list[str]] = {}
    for number, value in enumerate(values):
        if "text" in examples and number > _ENOUGH:
            break
        examples.setdefault(classify(value), []).append(value)
    return examples


def _judge(found: ValueType, counts: dict[str, int], examples: dict[str, list[str]]) -> tuple[float, str]:
    """How sure a type is: the chance that one more value is of it too, by Laplace's rule of succession."""
    total = sum(counts.values())
    if not pa.types.is_string(found.type):
        return (total + 1) / (total + 2), f"all {total} values are {found.words or _PLURALS[max(counts, key=lambda k: counts[k])]}"
    text = counts.get("text", 0)
    if text == total:
        return (total + 1) / (total + 2), f"all {total} values are texts{_codes(examples)}"
    shares = ", ".join(f"{count} {_PLURALS[kind]}" for kind, count in sorted(counts.items(), key=lambda item: -item[1]))
    return (text + 1) / (total + 2), f"of {total} values {shares}{_codes(examples)}"


def _codes(examples: dict[str, list[str]]) -> str:
    """Tell numbers that are text because a zero stands before them."""
    return " (with leading zeros)" if any(_CODE.fullmatch(value) for value in examples.get("text", ())) else ""


def _boolean_words(present: Iterable[str]) -> ValueType | None:
    words = {value.lower() for value in islice(present, _MAX_SPELLINGS)}
    pair = next((pair for pair in _WORDS if pair == words), None)
    return ValueType(type=pa.bool_(), words=" or ".join(sorted(pair, reverse=True))) if pair else None


def mostly_typed(values: Iterable[str], nulls: Collection[str] = NULL_MARKERS) -> str | None:
    """Name the kind that nearly all values share while a few are text, if there is one: a conflict worth telling."""
    present = Counter(classify(v) for v in (value.strip() for value in values) if v not in nulls)
    if present["text"] == 0 or present.total() < 20:
        return None
    kind, count = present.most_common(1)[0]
    return kind if kind != "text" and count >= 0.9 * present.total() else None


def _join_kinds(examples: dict[str, list[str]], comma_is_decimal: bool, decimal: str | None) -> ValueType:
    kinds = frozenset(examples)
    if decimal is not None and kinds <= _MARKED_NUMBERS | {"special"} and kinds - {"integer", "special"}:
        return _told_number(kinds, examples, decimal)
    if kinds == {"integer"}:
        return ValueType(type=_integer_type(examples["integer"]))
    if kinds <= _NUMBERS:
        return ValueType(type=pa.float64()) if kinds != {"special"} else STRING
    if kinds <= _MARKED_NUMBERS:
        return _marked_number(kinds, examples, comma_is_decimal)
    if kinds == {"boolean"}:
        return ValueType(type=pa.bool_())
    if kinds == {"time"}:
        return ValueType(type=pa.time64("us"))
    if kinds == {"day_month"}:
        return _day_month(examples["day_month"])
    if kinds <= _TEMPORAL:
        return _temporal(kinds, examples)
    if kinds <= _TEMPORAL | {"day_month"}:
        return ValueType(type=pa.string(), warning=_MIXED_ORDERS)
    return STRING


def _integer_type(values: list[str]) -> pa.DataType:
    longest = max(len(value.lstrip("-")) for value in values)
    if longest < 19 or (longest == 19 and all(int(value) in _INT64 for value in values)):
        return pa.int64()
    if longest <= 20:
        return pa.decimal128(20, 0)
    return pa.decimal128(38, 0) if longest <= 38 else pa.string()


def _marked_number(kinds: frozenset[str], examples: dict[str, list[str]], comma_is_decimal: bool) -> ValueType:
    """Numbers with commas, or with several dots: which mark is of thousands and which of fractions, if the values tell."""
    dots_group = all(_THREE_AFTER_DOT.fullmatch(value) for value in examples.get("double", ()))
    if kinds <= {"integer", "double", "either_comma", "grouped", "grouped_fraction"} and kinds & {"double", "grouped", "grouped_fraction"}:
        whole = not kinds & {"double", "grouped_fraction"}
        return ValueType(type=pa.int64() if whole else pa.float64(), thousands=",")
    if "dot_grouped" in kinds and kinds <= {"integer", "double", "dot_grouped"} and dots_group:
        return ValueType(type=pa.int64(), thousands=".")
    if comma_is_decimal and "comma" in kinds and kinds <= {"integer", "comma", "either_comma", "dot_grouped"}:
        thousands = "." if any("." in value for kind in kinds for value in examples[kind]) else None
        return ValueType(type=pa.float64(), decimal_comma=True, thousands=thousands)
    if kinds <= {"integer", "either_comma"}:
        return ValueType(type=pa.string(), warning="a comma before three digits may mark thousands or a fraction: kept as text")
    return STRING


def _told_number(kinds: frozenset[str], examples: dict[str, list[str]], decimal: str) -> ValueType:
    """Numbers with marks, where the decimal mark is known: the other one stands between thousands, or the values are no numbers."""
    if decimal == ".":
        if not kinds <= {"integer", "double", "special", "either_comma", "grouped", "grouped_fraction"}:
            return STRING
        whole = kinds <= {"integer", "either_comma", "grouped"}
        thousands = "," if kinds & {"either_comma", "grouped", "grouped_fraction"} else None
        return ValueType(type=pa.int64() if whole else pa.float64(), thousands=thousands)
    dots = [value for kind in kinds - {"special"} for value in examples[kind] if "." in value]
    ungrouped = any(not _THREE_AFTER_DOT.fullmatch(value) for value in examples.get("double", ()))
    if ungrouped or not kinds <= {"integer", "double", "special", "either_comma", "comma", "dot_grouped"}:
        return STRING
    whole = kinds <= {"integer", "double", "dot_grouped"}
    return ValueType(type=pa.int64() if whole else pa.float64(), decimal_comma=not whole, thousands="." if dots else None)


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
    parts = [tuple(int(part) for part in re.split(r"[./-]", re.split("[T ]", value)[0])) for value in values]
    timed = any(":" in value for value in values)
    day_first = all(_is_date(year, month, day) for day, month, year in parts)
    month_first = all(_is_date(year, month, day) for month, day, year in parts)
    if day_first and month_first:
        return ValueType(type=pa.string(), warning="dates whose day and month cannot be told apart: kept as text")
    if day_first or month_first:
        order = "day first" if day_first else "month first"
        return ValueType(type=pa.timestamp("us") if timed else pa.date32(), date_order=order)
    mixed = all(_is_date(y, b, a) or _is_date(y, a, b) for a, b, y in parts)
    return ValueType(type=pa.string(), warning=_MIXED_ORDERS) if mixed else STRING


def _is_day(text: str) -> bool:
    return _is_date(int(text[:4]), int(text[5:7]), int(text[8:10]))


def _is_date(year: int, month: int, day: int) -> bool:
    try:
        date(year, month, day)
    except ValueError:
        return False
    return True
