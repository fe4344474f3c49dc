"""Plain text: logs of fixed layout, whose lines have columns, and other files that are lines and no more."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import islice
from math import ceil

import pyarrow as pa

from s3_catalog.formats import FileSchema, ReadLimits, Row
from s3_catalog.formats._delimited import read_delimited, read_delimited_rows
from s3_catalog.formats._head import Head, read_head, read_longer_head
from s3_catalog.formats._json_schema import matches_json, read_json, read_json_rows
from s3_catalog.formats._log_layouts import FoundLayout, find_layout
from s3_catalog.formats._row_estimate import Stretch, estimate_rows, head_stretch
from s3_catalog.formats._sample_budget import sample_within
from s3_catalog.formats._tail import Tail, read_tail, whole_lines, with_short_tail
from s3_catalog.formats._text import NotTextError, Text, decode_head, decode_text
from s3_catalog.model.statistics import RowEstimate
from s3_catalog.model.tables import Column
from s3_catalog.storage.files import ObjectFile


class TextFormat:
    """One row per line. Known logs are named in the answer (`alb_log`) and have columns; all other text has one, `line`."""

    name = "text"
    suffixes = frozenset({".log"})
    counts_cheaply = False

    def matches(self, head: bytes) -> bool:
        """Only logs of a known layout: any other text may be more than lines."""
        try:
            return find_layout(decode_text(head, whole=False).text) is not None
        except NotTextError:
            return False

    def read_schema(self, file: ObjectFile, compression: str | None, limits: ReadLimits) -> FileSchema:
        if limits.hints.delimiter is not None:
            return replace(read_delimited(file, "csv", compression, limits, preferred=limits.hints.delimiter), format="csv")
        limits = with_short_tail(file, limits)
        head = read_head(file, self.name, compression, limits)
        if matches_json(head.data) == "lines":
            return replace(read_json(file, "jsonl", compression, limits), format="jsonl")
        text = decode_head(file.key, self.name, head.data, whole=head.whole, hints=limits.hints)
        layout = find_layout(text.text)
        tail = read_tail(file, head, limits)
        if layout is None:
            return _plain_schema(head, text, _estimate_lines(file, head, text, tail, is_row=bool))
        return _log_schema(head, text, layout, _estimate_lines(file, head, text, tail, is_row=_is_entry, headed=layout.headed))

    def read_sample(self, file: ObjectFile, compression: str | None, limits: ReadLimits, rows: int) -> Mapping[str, Sequence[Row]]:
        return sample_within(file, limits, rows, lambda file, limits: {"": _read_rows(file, compression, limits, rows)})


def _read_rows(file: ObjectFile, compression: str | None, limits: ReadLimits, rows: int) -> Iterable[Row]:
    """The first whole lines as rows: the fields of a log's, else the lines themselves."""
    mark = limits.hints.delimiter
    if mark is not None:
        return read_delimited_rows(file, "csv", compression, limits, rows, preferred=mark)
    limits = with_short_tail(file, limits)
    head = read_head(file, "text", compression, limits)
    if matches_json(head.data) == "lines":
        return read_json_rows(file, "jsonl", compression, limits)
    text = decode_head(file.key, "text", head.data, whole=head.whole, hints=limits.hints)
    layout = find_layout(text.text)
    if layout is None and not head.whole and "\n" not in text.text:
        head = read_longer_head(file, "text", head.compression, limits)
        text = decode_head(file.key, "text", head.data, whole=head.whole, hints=limits.hints)
    lines = (line.rstrip("\r\n") for line in io.StringIO(text.text) if head.whole or line.endswith("\n"))
    return ({"line": line} for line in lines) if layout is None else _log_rows(layout, lines)


def _log_rows(layout: FoundLayout, lines: Iterable[str]) -> Iterator[Row]:
    names = [column.name for column in layout.columns]
    entries = (line for line in lines if _is_entry(line))
    for line in islice(entries, int(layout.headed), None):
        values = layout.read(line)
        if values is not None:
            yield dict(zip(names, values, strict=False))


def _is_entry(line: str) -> bool:
    """Whether a line of a log is a row: neither blank nor a directive."""
    return bool(line.strip()) and not line.startswith("#")


def _plain_schema(head: Head, text: Text, estimate: RowEstimate | None) -> FileSchema:
    return FileSchema(
        columns=(Column(name="line", type=pa.string(), nullable=False),),
        row_count=text.text.count("\n") + (not text.text.endswith("\n")) if head.whole else None,
        row_estimate=estimate,
        warnings=(*head.warnings, *text.warnings),
        details={"encoding": text.encoding},
    )


def _log_schema(head: Head, text: Text, layout: FoundLayout, estimate: RowEstimate | None) -> FileSchema:
    strange = (f"{layout.strange_lines} of the first {layout.lines} lines are not of the layout {layout.name}",)
    row_count = None
    if head.whole:
        entries = sum(1 for line in text.text.splitlines() if _is_entry(line)) - layout.headed
        # The first lines alone were looked at, and whether a strange one is a row is anybody's guess.
        others = ceil(entries * layout.strange_lines / layout.lines)
        row_count = None if others else entries
        estimate = RowEstimate(entries - others, max(0, entries - 2 * others), entries) if others else None
    return FileSchema(
        columns=layout.columns,
        row_count=row_count,
        row_estimate=estimate,
        format=layout.name,
        warnings=(*head.warnings, *text.warnings, *(strange if layout.strange_lines else ())),
        details={"encoding": text.encoding},
    )


def _estimate_lines(
    file: ObjectFile, head: Head, text: Text, tail: Tail | None, *, is_row: Callable[[str], bool], headed: bool = False
) -> RowEstimate | None:
    """Estimate the lines that are rows; None where the file was read whole."""
    if head.whole:
        return None
    edges = _row_edges(text.text, text.encoding, text.start, is_row)[headed:]
    lines = whole_lines(tail, text.encoding) if tail is not None else None
    last = _row_edges(lines[0], text.encoding, lines[1], is_row, to_end=True) if lines is not None else []
    return estimate_rows(head_stretch(head, edges), file.size, Stretch(last))


def _row_edges(text: str, encoding: str, start: int, is_row: Callable[[str], bool], *, to_end: bool = False) -> list[int]:
    """Where the first line that is a row begins, and where each ends, in bytes; one without a line end counts at the file's end only."""
    edges, position = list[int](), start
    for line in io.StringIO(text):
        begin, position = position, position + len(line.encode(encoding))
        if is_row(line) and (to_end or line.endswith("\n")):
            edges = edges or [begin]
            edges.append(position)
    return edges


FORMAT = TextFormat()
