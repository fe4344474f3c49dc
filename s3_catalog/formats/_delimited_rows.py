"""The rows of delimited text that its columns are judged by: those of its head, and where that is safe those of its end."""

from __future__ import annotations

import csv
from array import array
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import accumulate, pairwise

from s3_catalog.errors import HintError, UnreadableFileError
from s3_catalog.formats import ReadLimits
from s3_catalog.formats._dialect import DELIMITERS, Dialect, UnfitHintError, read_rows_with_ends, sniff_dialect
from s3_catalog.formats._footer import refuse_many_columns
from s3_catalog.formats._head import Head, read_head, read_longer_head
from s3_catalog.formats._json_text import looks_like_json
from s3_catalog.formats._magic import is_markup
from s3_catalog.formats._row_estimate import Stretch, block_places, estimate_rows, head_stretch
from s3_catalog.formats._tail import find_undecodable, read_tail, whole_lines, with_short_tail
from s3_catalog.formats._text import Text, decode_head
from s3_catalog.model.statistics import RowEstimate
from s3_catalog.storage.files import ObjectFile

_CELL_CHARACTERS = 512 * 1024
"""So much of a head is cut into cells: what decompresses to megabytes of two-character rows must not fill the memory."""

_REGULAR_END = 0.95
"""Share of the last lines that must have as many values as the first rows, or they are not taken for rows."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SampledRows:
    """A decoded head, cut into rows; a last row that may go on is left out.

    `edges` are where the first row begins and where each of the head ends, in characters; of a long head not all rows are kept. `row_count`
    counts the rows of a whole file, its header too. `last_rows` are of the end of the file, and `last` all lines there; none where they
    were not read or not safe.
    """

    head: Head
    text: Text
    dialect: Dialect
    rows: list[list[str]]
    edges: Sequence[int]
    row_count: int | None
    last_rows: list[list[str]]
    last: Stretch
    warnings: tuple[str, ...] = ()

    def estimate_rows(self, file_size: int, *, header: bool) -> RowEstimate | None:
        """Estimate the rows of a file that was not read whole, without its header."""
        if self.row_count is not None:
            return None
        edges, counts = _byte_edges(self.text.text, self.edges[header:], self.text.encoding, self.text.start)
        return estimate_rows(head_stretch(self.head, edges, counts), file_size, self.last)


def sample_rows(file: ObjectFile, file_format: str, compression: str | None, limits: ReadLimits, *, preferred: str) -> SampledRows:
    """Read rows from the start of a file, and near its end where the limits ask for it: at most two requests of an ordinary file.

    Raises:
        UnreadableFileError: not text, no rows, a first line without end, or more columns than the limit.
        HintError: an encoding, a delimiter or a number of lines that does not fit.
    """
    limits = with_short_tail(file, limits)
    found = _cut_head(file, file_format, read_head(file, file_format, compression, limits), limits, preferred)
    if len(found.rows) < 2 and not found.head.whole:
        found = _cut_head(file, file_format, read_longer_head(file, file_format, compression, limits), limits, preferred)
    elif _is_read_by_line(found.rows):
        found = _add_end(file, file_format, found, limits)
    if not found.rows:
        raise _no_rows(file, file_format, found, limits)
    return found


def usual_width(rows: Sequence[Sequence[str]]) -> int:
    """How many values most rows have; the larger number where two are as common."""
    counts: dict[int, int] = {}
    for row in rows:
        counts[len(row)] = counts.get(len(row), 0) + 1
    return max(counts, key=lambda width: (counts[width], width), default=0)


def _no_rows(file: ObjectFile, file_format: str, found: SampledRows, limits: ReadLimits) -> UnreadableFileError:
    where = "the file" if found.head.whole else f"its first {len(found.head.data):,} bytes"
    if limits.hints.skip_lines:
        lines = len(found.text.text.splitlines())
        return HintError(file.key, file_format, f"{limits.hints.skip_lines:,} lines are to be skipped, and {where} has {lines:,}")
    reason = "no rows" if found.head.whole else f"the first line does not end within {len(found.head.data):,} bytes"
    return UnreadableFileError(file.key, file_format, reason)


def _cut_head(file: ObjectFile, file_format: str, head: Head, limits: ReadLimits, preferred: str) -> SampledRows:
    hints = limits.hints
    text = decode_head(file.key, file_format, head.data, whole=head.whole, hints=hints)
    _refuse_other_text(file, file_format, text.text, told=hints.delimiter is not None)
    first_line = text.text.lstrip("\r\n").split("\n", 1)[0]
    marks = (hints.delimiter,) if hints.delimiter else DELIMITERS
    refuse_many_columns(file, file_format, 1 + max(first_line.count(mark) for mark in marks), limits)
    try:
        dialect = sniff_dialect(text.text, preferred, hints)
        rows, edges = _cut_rows(text.text, dialect)
    except UnfitHintError as error:
        raise HintError(file.key, file_format, str(error)) from error
    except csv.Error as error:
        raise UnreadableFileError(file.key, file_format, "one value is longer than 128 KiB, or a quote is never closed") from error
    if not head.whole:
        rows, edges = rows[: len(edges) - 2], edges[:-1]
    row_count = len(edges) - 1 if head.whole else None
    return SampledRows(head=head, text=text, dialect=dialect, rows=rows, edges=edges, row_count=row_count, last_rows=[], last=Stretch([0]))


def _cut_rows(text: str, dialect: Dialect) -> tuple[list[list[str]], Sequence[int]]:
    """The first rows of a text, and where all its rows end, after where the first begins.

    Raises:
        csv.Error: a cell longer than the standard library's limit among the first rows.
    """
    rows, edges = list[list[str]](), array("q", [dialect.start])
    try:
        for row, end in read_rows_with_ends(text, dialect):
            edges.append(end)
            if end <= _CELL_CHARACTERS or not rows:
                rows.append(row)
    except csv.Error:
        if edges[-1] <= _CELL_CHARACTERS:
            raise
    return rows, edges


def _refuse_other_text(file: ObjectFile, file_format: str, text: str, *, told: bool) -> None:
    if not text.strip():
        raise UnreadableFileError(file.key, file_format, "the file holds only white space")
    if is_markup(text[:512].encode()) and not told:
        raise UnreadableFileError(file.key, file_format, "the bytes are XML or HTML")
    if looks_like_json(text) and not told:
        raise UnreadableFileError(file.key, file_format, "the bytes are JSON")


def _byte_edges(text: str, edges: Sequence[int], encoding: str, start: int) -> tuple[list[int], list[int]]:
    """Some of the places where rows end, as places in the bytes of which the text is all from `start` on, and the rows up to each."""
    counts = block_places(len(edges) - 1)
    places = [0, *(edges[count] for count in counts)]
    sizes = (len(text[a:b].encode(encoding)) for a, b in pairwise(places))
    return [start + end for end in accumulate(sizes)], counts


def _is_read_by_line(rows: Sequence[Sequence[str]]) -> bool:
    """Whether no value runs over a line end, so that a row may be thought to begin after any line end."""
    return not any("\n" in cell or "\r" in cell for row in rows for cell in row)


def _add_end(file: ObjectFile, file_format: str, found: SampledRows, limits: ReadLimits) -> SampledRows:
    """Add the last rows, where they look like the first ones; else what stands near the end is left alone."""
    tail = read_tail(file, found.head, limits)
    if tail is None:
        return found
    encoding = found.text.encoding
    lines = whole_lines(tail, encoding)
    if lines is None:
        return _warn_of_other_bytes(file, file_format, found, find_undecodable(tail, encoding), limits)
    text, start = lines
    try:
        rows, edges = _cut_rows(text, replace(found.dialect, start=0))
    except csv.Error:
        return found
    width = usual_width(found.rows[1:])
    usual = [row for row in rows if len(row) == width]
    if not usual or len(usual) < _REGULAR_END * len(rows) or not _is_read_by_line(usual):
        return found
    return replace(found, last_rows=usual, last=Stretch(*_byte_edges(text, edges, encoding, start)))


def _warn_of_other_bytes(file: ObjectFile, file_format: str, found: SampledRows, place: int | None, limits: ReadLimits) -> SampledRows:
    """Tell of last bytes that are not of the encoding: an error where people named it."""
    if place is None:
        return found
    if limits.hints.encoding is not None:
        raise HintError(file.key, file_format, f"the bytes at {place:,} are not {limits.hints.encoding}")
    return replace(found, warnings=(f"bytes near the end of the file are not {found.text.encoding}",))
