"""JSON text to shapes: an array, one document, lines, or values one after the other; whole, or cut anywhere."""

from __future__ import annotations

import io
import re
from dataclasses import dataclass

from s3_catalog.formats._json_shapes import ShapeReader

_START = re.compile(r"\s*(?:\{\s*\"|\{\s*\}|\[\s*[\[{]\s*[\"\]}])")
_PARTIAL_LITERAL = re.compile(rb"[A-Za-z0-9+.\-]+\Z")
# Python writes these, and JSON has no words for them. Inside a string the change is harmless: a string stays one.
_NON_NUMBERS = re.compile(rb"(?<=[\s:,\[])(?:-?Infinity|NaN)(?=[\s,}\]]|\Z)")
# Python refuses to read an integer of more than 4,300 digits; 100 tell as well that no type holds it.
_LONG_DIGITS = re.compile(rb"(\d{100})\d+")
_BAD_LINE_SHARE = 0.1


class NotJsonError(ValueError):
    """Text that is not JSON, or breaks off although it is the whole file."""


@dataclass(frozen=True, slots=True, kw_only=True)
class JsonValues:
    """What was read. `complete`: all values of the file were read to their end. `bad_lines` of `lines` were left out."""

    shapes: ShapeReader
    complete: bool
    bad_lines: int = 0
    lines: int = 0


def looks_like_json(text: str) -> bool:
    """Whether text begins as a JSON object, or as an array of objects or arrays."""
    return _START.match(text) is not None


def read_values(text: str, *, whole: bool, max_depth: int, max_fields: int) -> JsonValues:
    """Read the shapes of all values in a text.

    Args:
        whole: the text is the whole file; else it may end anywhere.

    Raises:
        NotJsonError: not JSON, or a whole file that breaks off.
    """
    data = _LONG_DIGITS.sub(rb"\1", _NON_NUMBERS.sub(b"0.5", text.encode()))
    if not whole:
        data = data[:-64] + _PARTIAL_LITERAL.sub(b"", data[-64:])
    shapes = ShapeReader(max_depth=max_depth, max_fields=max_fields)
    problem = _parse(data, shapes)
    if problem is None:
        return JsonValues(shapes=shapes, complete=whole)
    if problem == "cut" and not whole and shapes.values:
        return JsonValues(shapes=shapes, complete=False)
    lines = [line for line in data.split(b"\n") if line.strip()]
    if len(lines) < 2:
        raise NotJsonError("truncated: it ends within a value" if problem == "cut" else "the text is not JSON")
    return _read_lines(lines if whole else lines[:-1], whole, ShapeReader(max_depth=max_depth, max_fields=max_fields))


def _parse(data: bytes, shapes: ShapeReader) -> str | None:
    """Feed a reader; say whether the data was `cut` or `broken`, None when neither."""
    import ijson

    try:
        shapes.feed(ijson.basic_parse(io.BytesIO(data), multiple_values=True))
    except ijson.JSONError as error:
        return "cut" if "premature EOF" in str(error) else "broken"
    return None


def _read_lines(lines: list[bytes], whole: bool, shapes: ShapeReader) -> JsonValues:
    """Read a file of one value per line in which some lines are none: a few are a warning, many an error."""
    good = [line for line in lines if _is_json(line)]
    bad = len(lines) - len(good)
    if whole and bad == 1 and not _is_json(lines[-1]):
        raise NotJsonError("truncated: the last line ends within a value")
    if bad > _BAD_LINE_SHARE * len(lines):
        raise NotJsonError("the text is not JSON" if not good else f"{bad} of {len(lines)} lines are not JSON")
    _parse(b"\n".join(good), shapes)
    return JsonValues(shapes=shapes, complete=whole, bad_lines=bad, lines=len(lines))


def _is_json(line: bytes) -> bool:
    import orjson

    try:
        orjson.loads(line)
    except orjson.JSONDecodeError:
        return False
    return True
