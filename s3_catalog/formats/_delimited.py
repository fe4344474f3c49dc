"""Delimited text: what CSV and TSV share. In: the head of a file. Out: its columns."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from dataclasses import dataclass

import pyarrow as pa

from s3_catalog.errors import UnreadableFileError
from s3_catalog.formats import FileSchema, ReadLimits
from s3_catalog.formats._dialect import DELIMITERS, Dialect, is_regular, read_rows, sniff_dialect
from s3_catalog.formats._footer import refuse_many_columns
from s3_catalog.formats._head import Head, read_head, read_longer_head
from s3_catalog.formats._header import has_header, name_columns
from s3_catalog.formats._json_text import looks_like_json
from s3_catalog.formats._log_layouts import find_layout
from s3_catalog.formats._magic import is_markup
from s3_catalog.formats._text import NotTextError, Text, decode_text
from s3_catalog.formats._values import ValueType, infer_value_type, mostly_typed
from s3_catalog.model.tables import Column, TypeConflict
from s3_catalog.model.types import type_text
from s3_catalog.storage.files import ObjectFile

_CELL_CHARACTERS = 512 * 1024
"""So much of a head is cut into cells: what decompresses to megabytes of two-character rows must not fill the memory."""

_MAX_CERTAINTIES = 500
"""Of wider tables nobody reads how sure each type is."""

_KIND_TYPES = {
    "integer": pa.int64(),
    "double": pa.float64(),
    "comma": pa.float64(),
    "date": pa.date32(),
    "timestamp": pa.timestamp("us"),
    "timestamptz": pa.timestamp("us", tz="UTC"),
    "time": pa.time64("us"),
    "boolean": pa.bool_(),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Sample:
    """A decoded head, cut into rows; a last row that may go on is left out. `row_count` counts the rows of a whole file, its header too."""

    head: Head
    text: Text
    dialect: Dialect
    rows: list[list[str]]
    row_count: int | None


def read_delimited(file: ObjectFile, file_format: str, compression: str | None, limits: ReadLimits, *, preferred: str) -> FileSchema:
    """Read the columns of a delimited file from its head.

    Args:
        preferred: the delimiter that wins a tie.

    Raises:
        UnreadableFileError: not text, no rows, a first line without end, or more columns than the limit.
    """
    head = read_head(file, file_format, compression, limits)
    sample = _cut(file, file_format, head, limits, preferred)
    if len(sample.rows) < 2 and not head.whole:
        sample = _cut(file, file_format, read_longer_head(file, file_format, compression, limits), limits, preferred)
    if not sample.rows:
        reason = "no rows" if sample.head.whole else f"the first line does not end within {len(sample.head.data):,} bytes"
        raise UnreadableFileError(file.key, file_format, reason)
    return _build_schema(file, file_format, sample, limits)


def is_delimited(head: bytes) -> str | None:
    """Name the delimiter of bytes that are delimited text beyond doubt; None for all others."""
    try:
        text = decode_text(head, whole=False).text
    except NotTextError:
        return None
    if not text.strip() or is_markup(text[:512].encode()) or looks_like_json(text) or not is_regular(text):
        return None
    if find_layout(text) is not None:
        return None
    return sniff_dialect(text).delimiter


def _cut(file: ObjectFile, file_format: str, head: Head, limits: ReadLimits, preferred: str) -> _Sample:
    try:
        text = decode_text(head.data, whole=head.whole)
    except NotTextError as error:
        raise UnreadableFileError(file.key, file_format, str(error)) from error
    _refuse_other_text(file, file_format, text.text)
    first_line = text.text.lstrip("\r\n").split("\n", 1)[0]
    refuse_many_columns(file, file_format, 1 + max(first_line.count(d) for d in DELIMITERS), limits)
    dialect = sniff_dialect(text.text, preferred, declared=limits.hints.delimiter)
    cut = not head.whole or len(text.text) > _CELL_CHARACTERS
    try:
        rows = list(read_rows(text.text[:_CELL_CHARACTERS], dialect))
        row_count = sum(1 for _ in read_rows(text.text, dialect)) if head.whole else None
    except csv.Error as error:
        raise UnreadableFileError(file.key, file_format, "one value is longer than 128 KiB, or a quote is never closed") from error
    return _Sample(head=head, text=text, dialect=dialect, rows=rows[:-1] if cut else rows, row_count=row_count)


def _refuse_other_text(file: ObjectFile, file_format: str, text: str) -> None:
    if not text.strip():
        raise UnreadableFileError(file.key, file_format, "the file holds only white space")
    if is_markup(text[:512].encode()):
        raise UnreadableFileError(file.key, file_format, "the bytes are XML or HTML")
    if looks_like_json(text):
        raise UnreadableFileError(file.key, file_format, "the bytes are JSON")


def _build_schema(file: ObjectFile, file_format: str, sample: _Sample, limits: ReadLimits) -> FileSchema:
    header = has_header(sample.rows)
    body = sample.rows[1:] if header else sample.rows
    width = max(len(sample.rows[0]) if header else 0, _usual_width(body)) or len(sample.rows[0])
    refuse_many_columns(file, file_format, width, limits)
    names, warnings = name_columns(sample.rows[0], width) if header else ([f"column{i}" for i in range(width)], [])
    ragged = sum(len(row) != width for row in body)
    if ragged:
        warnings.append(f"{ragged} of the first {len(body)} rows do not have {width} values")
    cells = [[row[i] for row in body if i < len(row)] for i in range(width)]
    comma_is_decimal = sample.dialect.delimiter not in ("", ",")
    types = [infer_value_type(column, comma_is_decimal=comma_is_decimal) for column in cells]
    warnings += [f"{name}: {found.warning}" for name, found in zip(names, types, strict=True) if found.warning]
    return FileSchema(
        columns=tuple(Column(name=name, type=found.type) for name, found in zip(names, types, strict=True)),
        row_count=None if sample.row_count is None else sample.row_count - header,
        conflicts=_late_text(file.key, names, types, cells),
        warnings=(*sample.head.warnings, *sample.text.warnings, *warnings),
        details=_details(sample, header, names, types),
    )


def _usual_width(rows: Sequence[Sequence[str]]) -> int:
    """How many values most rows have; the larger number where two are as common."""
    counts: dict[int, int] = {}
    for row in rows:
        counts[len(row)] = counts.get(len(row), 0) + 1
    return max(counts, key=lambda width: (counts[width], width), default=0)


def _late_text(key: str, names: list[str], types: list[ValueType], cells: list[list[str]]) -> tuple[TypeConflict, ...]:
    """Columns that are text only because of a few values."""
    found = []
    for name, value_type, column in zip(names, types, cells, strict=True):
        kind = mostly_typed(column[:500]) if pa.types.is_string(value_type.type) else None
        if kind in _KIND_TYPES:
            found.append(TypeConflict(column=name, expected=type_text(_KIND_TYPES[kind]), found="string", resolved="string", key=key))
    return tuple(found)


def _details(sample: _Sample, header: bool, names: list[str], types: list[ValueType]) -> dict[str, str]:
    details = {"delimiter": sample.dialect.delimiter, "header": "true" if header else "false", "encoding": sample.text.encoding}
    if sample.dialect.quote:
        details["quote"] = sample.dialect.quote
    if sample.dialect.escape:
        details["escape"] = sample.dialect.escape
    if sample.text.marked:
        details["byte_order_mark"] = "true"
    if sample.dialect.skipped:
        details["skipped_lines"] = str(sample.dialect.skipped)
    if any(found.decimal_comma for found in types):
        details["decimal"] = ","
    for name, found in zip(names, types, strict=True):
        details.update(_column_details(name, found, len(names)))
    return details


def _column_details(name: str, found: ValueType, width: int) -> dict[str, str]:
    """What a reader needs to know of one column beside its type, and how sure the type is."""
    facts = {
        "certainty": f"{found.certainty:.2f}: {found.reason}" if width <= _MAX_CERTAINTIES else None,
        "date_order": found.date_order,
        "thousands": found.thousands,
        "words": found.words,
        "nulls": " ".join(found.nulls),
    }
    return {f"{fact}.{name}": value for fact, value in facts.items() if value}
