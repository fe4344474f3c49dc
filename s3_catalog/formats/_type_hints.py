"""Whether texts are values of the type that people say a column has. The text formats ask; typed formats compare types instead.

A type that people name is read more kindly than one that is found: `00123` may be a number then, `1,234` one of thousands, `yes` true.
What stays open even so is refused: `03/04/2024` is a date only by a `date_format`.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable
from datetime import datetime
from decimal import Context, Decimal

import pyarrow as pa
import pyarrow.types as pt

from s3_catalog.formats._hints import ReadHints
from s3_catalog.formats._values import BOOLEAN_WORDS, classify
from s3_catalog.model.types import type_text

SHOWN_CHARACTERS = 40
_GROUPED = re.compile(r"[+-]?\d{1,3}(?:(?P<mark>[,.' \u00a0\u202f’])\d{3})(?:(?P=mark)\d{3})*(?P<fraction>[.,]\d*)?")
_NUMBER = re.compile(r"[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d{1,3})?")
_SPECIAL = re.compile(r"[+-]?inf(?:inity)?|nan", re.IGNORECASE)
_BOOLEANS = BOOLEAN_WORDS | {"true", "false", "0", "1"}
_LONGEST_NUMBER = 400
_EXACT = Context(prec=1500)


def find_misfit(values: Iterable[str], wanted: pa.DataType, hints: ReadHints, *, nulls: Collection[str] = ("",)) -> str | None:
    """The first text that is no value of a type; None when all are. Texts in `nulls` stand for no value.

    >>> find_misfit(["1", "", "1.234", "x"], pa.int64(), ReadHints(decimal=","))
    'x'
    """
    if pt.is_string(wanted) or pt.is_binary(wanted):
        return None
    texts = dict.fromkeys(values)
    return next((text for text in texts if text.strip() not in nulls and not _is_value(text.strip(), wanted, hints)), None)


def describe_misfit(column: str, wanted: pa.DataType, value: str, place: str = "") -> str:
    """Say for a `HintError` which value, and in which place (`row 3`), is none of the type."""
    return f"column {column!r} is said to be {type_text(wanted)}, and {cut(value)!r}{place and f' in {place}'} is none"


def cut(text: str) -> str:
    """The first characters of a text that an error shows."""
    return text if len(text) <= SHOWN_CHARACTERS else f"{text[:SHOWN_CHARACTERS]}…"


def is_written_as(text: str, layout: str) -> bool:
    """Whether a text is a date as `datetime.strptime` reads the layout; of digits alone, there must be as many as it writes.

    >>> is_written_as("1.2.2024", "%d.%m.%Y"), is_written_as("2024111", "%Y%m%d")
    (True, False)
    """
    try:
        found = datetime.strptime(text, layout)  # noqa: DTZ007 - only whether it can be read is asked
        return not text.isdigit() or found.strftime(layout) == text
    except (ValueError, re.error):  # a layout that names a part twice is an error of the pattern made of it
        return False


def _is_value(text: str, wanted: pa.DataType, hints: ReadHints) -> bool:
    if pt.is_boolean(wanted):
        return text.lower() in _BOOLEANS
    if pt.is_date(wanted):
        return is_written_as(text, hints.date_format) if hints.date_format else classify(text) == "date"
    if pt.is_timestamp(wanted):
        return _is_timestamp(text, wanted, hints)
    if pt.is_time(wanted):
        return classify(text) == "time"
    if pt.is_floating(wanted) and _SPECIAL.fullmatch(text):
        return True
    number = _plain_number(text, hints.decimal) if len(text) <= _LONGEST_NUMBER else None
    return number is not None and _holds(wanted, number)


def _is_timestamp(text: str, wanted: pa.DataType, hints: ReadHints) -> bool:
    if hints.timestamp_format:
        return is_written_as(text, hints.timestamp_format)
    if hints.date_format and wanted.tz is None and is_written_as(text, hints.date_format):
        return True
    return classify(text) in ({"timestamptz"} if wanted.tz else {"timestamp", "date"})


def _plain_number(text: str, decimal: str | None) -> Decimal | None:
    """A number written in any common way, as the decimal mark allows; None for all else.

    Where no mark is named it is the dot, and a comma counts thousands; dots count them where there are several.
    """
    mark = decimal or "."
    grouped = _GROUPED.fullmatch(text)
    if grouped and grouped["mark"] != mark and (grouped["fraction"] or mark)[0] == mark:
        text = text.replace(grouped["mark"], "")
    elif grouped and decimal is None and grouped["mark"] == "." and text.count(".") > 1 and not grouped["fraction"]:
        text = text.replace(".", "")
    elif mark == "," and "." in text:
        return None
    text = text.replace(",", ".") if mark == "," else text
    return Decimal(text) if _NUMBER.fullmatch(text) else None


def _holds(wanted: pa.DataType, number: Decimal) -> bool:
    if pt.is_decimal(wanted):
        return number == number.quantize(Decimal(1).scaleb(-wanted.scale), context=_EXACT) and abs(number) < 10 ** (
            wanted.precision - wanted.scale
        )
    if pt.is_integer(wanted):
        lowest, bits = (-1, wanted.bit_width - 1) if pt.is_signed_integer(wanted) else (0, wanted.bit_width)
        return number.as_tuple().exponent == 0 and lowest * 2**bits <= number < 2**bits
    return bool(pt.is_floating(wanted))
