"""JSON text to shapes: an array, one document, lines, or values one after the other; whole, or cut anywhere."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Literal

from s3_catalog.formats._json_rows import RowSelector
from s3_catalog.formats._json_shapes import Shape, ShapeReader

_START = re.compile(r"\s*(?:\{\s*\"|\{\s*\}|\[\s*[\[{]\s*[\"\]}])")
_LITERAL = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+.-"
_MAYBE_SURROGATE = re.compile(rb"\\u[dD][89a-fA-F]")
# An escape is taken as a whole, so that an escaped backslash before `ud800` is none of one.
_ESCAPES = re.compile(
    rb"\\(?:u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|(?P<lone>u[dD][89a-fA-F][0-9a-fA-F]{2})|.)", re.DOTALL
)
# Python writes these, and JSON has no words for them. Inside a string the change is harmless: a string stays one.
_NON_NUMBERS = re.compile(rb"(?<=[\s:,\[])(?:-?Infinity|NaN)(?=[\s,}\]]|\Z)")
# Python refuses to read an integer of more than 4,300 digits; 100 tell as well that no type holds it.
_LONG_DIGITS = re.compile(rb"(\d{100})\d+")
_BAD_LINE_SHARE = 0.1
_PLACES = 8192
"""So many places of a text are known by the records that begin there."""

Layout = Literal["lines", "array", "document"]


class NotJsonError(ValueError):
    """Text that is not JSON, or breaks off although it is the whole file."""


@dataclass(slots=True)
class JsonReader:
    """What takes the values of one text, or only its rows. `places`: bytes of the text, and values and elements that began before."""

    shapes: ShapeReader
    rows: RowSelector | None = None
    places: list[tuple[int, int, int]] = field(default_factory=list)

    @property
    def layout(self) -> Layout:
        """How the values stand in the file."""
        documents, arrays = (self.shapes.values, self.shapes.arrays) if self.rows is None else (self.rows.documents, self.rows.arrays)
        return "lines" if documents > 1 else "array" if arrays else "document"

    @property
    def record(self) -> tuple[Shape, int]:
        """The shape of one record, and how many began."""
        shapes = self.shapes
        if self.rows is None and self.layout == "array":
            return shapes.top.items or Shape(), shapes.elements
        return shapes.top, shapes.values

    def parse(self, data: bytes) -> str | None:
        """Take values; say whether the data was `cut` or `broken`, None when neither."""
        import ijson

        self.places.clear()
        source = _PacedReader(data, self._note)
        events = ijson.basic_parse(source, multiple_values=True, buf_size=source.pace)
        try:
            self.shapes.feed(events if self.rows is None else self.rows.select(events))
        except ijson.JSONError as error:
            return "cut" if "premature EOF" in str(error) else "broken"
        return None

    def edges(self) -> list[float]:
        """Where in the text the records begin, as far as `places` tell."""
        found = list[float]()
        before = (0, 0)
        in_array = self.rows is None and self.layout == "array"
        for position, values, elements in self.places:
            count = elements if in_array else values
            step = (position - before[0]) / max(1, count - before[1])
            found += [before[0] + step * n for n in range(count - before[1])]
            before = (position, count)
        return found

    def _note(self, position: int) -> None:
        self.places.append((position, self.shapes.values, self.shapes.elements))


class _PacedReader:
    """Hands out bytes in small pieces, and tells before each how many went before; the parser has taken in all of those."""

    def __init__(self, data: bytes, note: Callable[[int], None]) -> None:
        self.pace = max(16, len(data) // _PLACES)
        self._data, self._position, self._note_place = data, 0, note

    def read(self, size: int) -> bytes:
        self._note_place(self._position)
        piece = self._data[self._position : self._position + size]
        self._position += len(piece)
        return piece


@dataclass(frozen=True, slots=True, kw_only=True)
class JsonValues:
    """What was read. `complete`: all values of the file were read to their end. `bad_lines` of `lines` were left out.

    `edges`: where records begin in the text, as bytes of UTF-8, and `lines_are_rows` where each line is one.
    """

    reader: JsonReader
    complete: bool
    edges: Sequence[float] = ()
    lines_are_rows: bool = False
    bad_lines: int = 0
    lines: int = 0


def looks_like_json(text: str) -> bool:
    """Whether text begins as a JSON object, or as an array of objects or arrays."""
    return _START.match(text) is not None


def read_values(text: str, new_reader: Callable[[], JsonReader], *, whole: bool) -> JsonValues:
    """Read the shapes of all values in a text.

    Args:
        whole: the text is the whole file; else it may end anywhere.

    Raises:
        NotJsonError: not JSON, or a whole file that breaks off.
    """
    data = _clean(text.encode())
    if not whole:
        data = trim_cut(data)
    reader = new_reader()
    problem = reader.parse(data)
    began = reader.shapes.values if reader.rows is None else reader.rows.documents
    if problem is None or (problem == "cut" and not whole and began):
        return _place_records(data, reader, complete=whole and problem is None)
    lines = [line for line in data.split(b"\n") if line.strip()]
    if len(lines) < 2:
        raise NotJsonError("truncated: it ends within a value" if problem == "cut" else "the text is not JSON")
    return _read_lines(lines if whole else lines[:-1], whole, new_reader())


def trim_cut(data: bytes) -> bytes:
    """Drop a last number, word or escape, which may go on beyond the head."""
    return data.rstrip(_LITERAL).rstrip(b"\\")


def mend_surrogates(data: bytes) -> bytes:
    """Put a mark in the place of escapes that are half a character, of which the parser would make bytes that are no text."""
    if _MAYBE_SURROGATE.search(data) is None:
        return data
    return _ESCAPES.sub(lambda escape: rb"\ufffd" if escape["lone"] else escape[0], data)


def whole_json_lines(data: bytes, *, whole: bool) -> list[bytes]:
    """The lines of a text that are JSON; a last one that may be cut is none."""
    lines = [line for line in data.split(b"\n") if line.strip()]
    return [line for line in (lines if whole else lines[:-1]) if _is_json(_clean(line))]


def read_late_lines(lines: Sequence[bytes], reader: JsonReader) -> int:
    """Take lines from the end of a file as well; gives the number of those that are no JSON and were left out."""
    good = [line for line in map(_clean, lines) if _is_json(line)]
    reader.parse(b"\n".join(good))
    return len(lines) - len(good)


def _clean(data: bytes) -> bytes:
    return _LONG_DIGITS.sub(rb"\1", _NON_NUMBERS.sub(b"0.5", mend_surrogates(data)))


def _place_records(data: bytes, reader: JsonReader, *, complete: bool) -> JsonValues:
    """Where records begin: exactly where each is a line."""
    if complete:
        return JsonValues(reader=reader, complete=True)
    ends = _line_ends(data.split(b"\n")[:-1])
    if reader.layout == "lines" and 0 <= reader.record[1] - (len(ends) - 1) <= 1:
        return JsonValues(reader=reader, complete=False, edges=ends, lines_are_rows=True)
    return JsonValues(reader=reader, complete=False, edges=reader.edges())


def _line_ends(lines: Sequence[bytes]) -> list[float]:
    ends, position = [0.0], 0
    for line in lines:
        position += len(line) + 1
        if line.strip():
            ends.append(position)
    return ends


def _read_lines(lines: list[bytes], whole: bool, reader: JsonReader) -> JsonValues:
    """Read a file of one value per line in which some lines are none: a few are a warning, many an error."""
    good = [line for line in lines if _is_json(line)]
    bad = len(lines) - len(good)
    if whole and bad == 1 and not _is_json(lines[-1]):
        raise NotJsonError("truncated: the last line ends within a value")
    if bad > _BAD_LINE_SHARE * len(lines):
        raise NotJsonError("the text is not JSON" if not good else f"{bad} of {len(lines)} lines are not JSON")
    reader.parse(b"\n".join(good))
    are_rows = reader.record[1] == len(good)
    return JsonValues(
        reader=reader,
        complete=whole,
        edges=_line_ends(good) if are_rows else reader.edges(),
        lines_are_rows=are_rows,
        bad_lines=bad,
        lines=len(lines),
    )


def _is_json(line: bytes) -> bool:
    import orjson

    try:
        orjson.loads(line)
    except orjson.JSONDecodeError:
        return False
    return True
