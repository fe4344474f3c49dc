"""JSON text to rows: the values that `_json_text` saw the shapes of, as plain Python values. Only whole ones, one at a time."""

from __future__ import annotations

import io
import math
import re
from collections.abc import Iterable, Iterator, Sequence
from decimal import Decimal

from s3_catalog.formats._json_rows import Event, RowSelector
from s3_catalog.formats._json_text import mend_surrogates, trim_cut, whole_json_lines
from s3_catalog.formats._sample_budget import CUT_MARK

_ODD_NUMBERS = re.compile(rb"NaN|Infinity|\d{4001}")
# A string is taken as a whole, so that nothing is changed within one. Python reads no integer of more than 4,300 digits.
_TOKENS = re.compile(
    rb'"[^"\\]*+(?:\\.[^"\\]*+)*+(?:"|\\?\Z)|(?<=[\s:,\[])(?P<word>-?Infinity|NaN)(?=[\s,}\]]|\Z)|(?P<digits>\d{4000})\d+', re.DOTALL
)
_STAND_INS = {b"NaN": b"1e999999", b"Infinity": b"2e999999", b"-Infinity": b"-2e999999"}
"""Numbers that stand for what JSON has no words for, on their way through the parser."""
_STOOD_FOR = {
    Decimal("1e999999"): math.nan,
    Decimal("2e999999"): math.inf,
    Decimal("-2e999999"): -math.inf,
}
_MAX_DIGITS = 38
"""Integers of more digits are text, as in the schema."""


def parse_rows(text: str, selector: RowSelector | None, *, whole: bool, by_line: bool, in_array: bool, max_depth: int) -> Iterator[object]:
    """Give the rows of a text one after the other, as far as they are whole.

    Args:
        selector: where the rows are; None for the values at the top.
        by_line: some lines are no JSON, and left out.
        in_array: the items of the one array at the top are the rows.
        max_depth: what is nested deeper becomes a mark.
    """
    data = text.encode()
    if by_line:
        pieces: Sequence[bytes] = whole_json_lines(data, whole=whole)
    else:
        pieces = [data if whole else trim_cut(data)]
    for piece in pieces:
        events = _read_events(piece)
        yield from _build_values(_bound(events if selector is None else selector.select(events), max_depth), in_array=in_array)


def _read_events(data: bytes) -> Iterator[Event]:
    """The parser's events, until the data end or are no JSON any more; which of both was judged before."""
    import ijson

    data = mend_surrogates(data)
    if _ODD_NUMBERS.search(data):
        data = _TOKENS.sub(_replace_token, data)
    try:
        yield from ijson.basic_parse(io.BytesIO(data), multiple_values=True)
    except ijson.JSONError:
        return


def _replace_token(match: re.Match[bytes]) -> bytes:
    return _STAND_INS[match["word"]] if match["word"] else match["digits"] or match[0]


def _bound(events: Iterable[Event], max_depth: int) -> Iterator[Event]:
    """Put a mark in the place of containers that are nested too deep, and make values of Python's own types of numbers."""
    depth = skipping = 0
    for event, value in events:
        deeper = event.startswith("start") - event.startswith("end")
        if skipping:
            skipping += deeper
        elif deeper > 0 and depth >= max_depth:
            skipping = 1
            yield "string", CUT_MARK
        else:
            depth += deeper
            yield event, _number(value) if event == "number" else value


def _number(value: object) -> object:
    if isinstance(value, Decimal):
        if value in _STOOD_FOR:
            return _STOOD_FOR[value]
        number = float(value)
        return number if math.isfinite(number) else value
    if isinstance(value, int) and abs(value) >= 10**_MAX_DIGITS:
        return str(value)
    return value


def _build_values(events: Iterable[Event], *, in_array: bool) -> Iterator[object]:
    """Build each value at the top, or each item of the array at the top, once it has ended."""
    from ijson import ObjectBuilder

    floor, depth, builder = int(in_array), 0, None
    for event, value in events:
        deeper = event.startswith("start") - event.startswith("end")
        depth += deeper
        if in_array and (depth < floor or (depth == floor and deeper > 0 and builder is None)):
            continue  # the array's own start and end
        builder = builder or ObjectBuilder()
        builder.event(event, value)
        if depth == floor:
            yield builder.value
            builder = None
