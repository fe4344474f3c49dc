"""Delimited text: what CSV and TSV share. In: a file's rows, and what people say of them. Out: its columns."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import pyarrow as pa

from s3_catalog.errors import HintError
from s3_catalog.formats import FileSchema, ReadLimits, Row
from s3_catalog.formats._column_types import infer_column, null_texts, pin_column
from s3_catalog.formats._delimited_rows import SampledRows, sample_rows, usual_width
from s3_catalog.formats._dialect import is_regular, sniff_dialect
from s3_catalog.formats._footer import refuse_many_columns
from s3_catalog.formats._header import has_header, name_columns
from s3_catalog.formats._hints import ReadHints
from s3_catalog.formats._json_text import looks_like_json
from s3_catalog.formats._log_layouts import find_layout
from s3_catalog.formats._magic import is_markup
from s3_catalog.formats._tail import with_short_tail
from s3_catalog.formats._text import NotTextError, decode_text
from s3_catalog.formats._type_hints import describe_misfit
from s3_catalog.formats._values import ValueType, mostly_typed
from s3_catalog.model.tables import Column, TypeConflict
from s3_catalog.model.types import type_text
from s3_catalog.storage.files import ObjectFile

_MAX_CERTAINTIES = 500
"""Of wider tables, columns that say how sure their type is."""

_HINT_NAMES = (
    "delimiter", "quote", "escape", "encoding", "header", "skip_lines", "decimal", "date_format", "timestamp_format", "null_markers",
)  # fmt: skip
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


@dataclass(frozen=True, slots=True)
class _Cells:
    """The values of one column: of the first rows, and of the last ones where those were read."""

    first: list[str]
    last: list[str]

    @property
    def all(self) -> list[str]:
        return [*self.first, *self.last]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Layout:
    """What the first rows of a file are: `header` and `body`; `names` of the columns, with `warnings` about them."""

    header: bool
    body: Sequence[Sequence[str]]
    names: Sequence[str]
    warnings: Sequence[str]


@dataclass(frozen=True, slots=True)
class _TypedColumn:
    """A column, its type and how it came by it, and the conflict between its rows if there is one."""

    name: str
    found: ValueType
    conflict: TypeConflict | None


def read_delimited(file: ObjectFile, file_format: str, compression: str | None, limits: ReadLimits, *, preferred: str) -> FileSchema:
    """Read the columns of a delimited file from its first rows, and its last ones where the limits ask for them.

    Args:
        preferred: the delimiter that wins a tie.

    Raises:
        UnreadableFileError: not text, no rows, a first line without end, or more columns than the limit.
        HintError: what people say of the file does not fit it.
    """
    sample = sample_rows(file, file_format, compression, limits, preferred=preferred)
    table = _lay_out(file, file_format, sample, limits)
    header, body, names, warnings = table.header, table.body, table.names, list(table.warnings)
    ragged = sum(len(row) != len(names) for row in body)
    if ragged:
        warnings.append(f"{ragged} of the first {len(body)} rows do not have {len(names)} values")
    hints = limits.hints
    columns = _type_columns(file, file_format, sample, table, hints)
    warnings += [f"{column.name}: {column.found.warning}" for column in columns if column.found.warning]
    return FileSchema(
        columns=tuple(Column(name=column.name, type=column.found.type) for column in columns),
        row_count=None if sample.row_count is None else sample.row_count - header,
        row_estimate=sample.estimate_rows(file.size, header=header),
        conflicts=tuple(column.conflict for column in columns if column.conflict is not None),
        warnings=(*sample.head.warnings, *sample.text.warnings, *sample.warnings, *warnings),
        details=_details(sample, header, columns, hints),
    )


def read_delimited_rows(
    file: ObjectFile, file_format: str, compression: str | None, limits: ReadLimits, rows: int, *, preferred: str
) -> Iterator[Row]:
    """Read the first rows of a delimited file: texts by column, None where there is no value or a null marker of the column.

    Values beyond the last column are left out. One request of an ordinary file.

    Raises: as `read_delimited`.
    """
    # The tail tells types; the rows, and the names of the columns, are of the head.
    limits = replace(with_short_tail(file, limits), tail_of_text=False)
    sample = sample_rows(file, file_format, compression, limits, preferred=preferred)
    table = _lay_out(file, file_format, sample, limits)
    columns = _type_columns(file, file_format, sample, table, limits.hints)
    nulls = [frozenset({"", *column.found.nulls, *(limits.hints.null_markers or ())}) for column in columns]
    for row in table.body[:rows]:
        cells = (*row, *[""] * (len(columns) - len(row)))
        values = zip(table.names, cells, nulls, strict=False)
        yield {name: None if cell.strip() in markers else cell for name, cell, markers in values}


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


def _lay_out(file: ObjectFile, file_format: str, sample: SampledRows, limits: ReadLimits) -> _Layout:
    """Tell the header from the rows, and name the columns."""
    hints = limits.hints
    header = hints.header if hints.header is not None else has_header(sample.rows)
    body = sample.rows[1:] if header else sample.rows
    width = max(len(sample.rows[0]) if header else 0, usual_width(body)) or len(sample.rows[0])
    refuse_many_columns(file, file_format, width, limits)
    names, warnings = name_columns(sample.rows[0], width) if header else ([f"column{i}" for i in range(width)], [])
    return _Layout(header=header, body=body, names=names, warnings=warnings)


def _type_columns(file: ObjectFile, file_format: str, sample: SampledRows, table: _Layout, hints: ReadHints) -> list[_TypedColumn]:
    cells = (_cells(sample, table.body, i) for i in range(len(table.names)))
    return [_type_column(file, file_format, name, found, sample, hints) for name, found in zip(table.names, cells, strict=True)]


def _cells(sample: SampledRows, body: Sequence[Sequence[str]], index: int) -> _Cells:
    return _Cells([row[index] for row in body if index < len(row)], [row[index] for row in sample.last_rows if index < len(row)])


def _type_column(file: ObjectFile, file_format: str, name: str, cells: _Cells, sample: SampledRows, hints: ReadHints) -> _TypedColumn:
    comma_is_decimal = sample.dialect.delimiter not in ("", ",")
    found = infer_column(cells.all, hints, comma_is_decimal=comma_is_decimal)
    wanted = hints.types.get(name)
    if wanted is None:
        return _TypedColumn(name, found, _find_conflict(file.key, name, found, cells, hints, comma_is_decimal))
    pinned = pin_column(found, cells.all, wanted, hints)
    if isinstance(pinned, str):
        place = f"row {cells.first.index(pinned) + 1}" if pinned in cells.first else "one of the last rows"
        raise HintError(file.key, file_format, describe_misfit(name, wanted, pinned, place), shows=(name, pinned))
    return _TypedColumn(name, pinned, None)


def _find_conflict(key: str, name: str, found: ValueType, cells: _Cells, hints: ReadHints, comma_is_decimal: bool) -> TypeConflict | None:
    """Tell of a column that is text only because of its last values, or because of a few."""
    if not pa.types.is_string(found.type):
        return None
    if cells.last:
        before = infer_column(cells.first, hints, comma_is_decimal=comma_is_decimal).type
        if not (pa.types.is_string(before) or pa.types.is_null(before)):
            after = infer_column(cells.last, hints, comma_is_decimal=comma_is_decimal).type
            late = "string" if after.equals(before) else type_text(after)
            return TypeConflict(column=name, expected=type_text(before), found=late, resolved="string", key=key)
    kind = mostly_typed(cells.first[:500], null_texts(hints))
    if kind not in _KIND_TYPES:
        return None
    return TypeConflict(column=name, expected=type_text(_KIND_TYPES[kind]), found="string", resolved="string", key=key)


def _details(sample: SampledRows, header: bool, columns: Sequence[_TypedColumn], hints: ReadHints) -> dict[str, str]:
    facts = {
        "delimiter": sample.dialect.delimiter,
        "header": "true" if header else "false",
        "encoding": sample.text.encoding,
    }
    optional = {
        "quote": sample.dialect.quote,
        "escape": sample.dialect.escape,
        "byte_order_mark": "true" if sample.text.marked else None,
        "skipped_lines": str(sample.dialect.skipped) if sample.dialect.skipped else None,
        "decimal": hints.decimal or ("," if any(column.found.decimal_comma for column in columns) else None),
        "hints": ", ".join(_given(hints, columns)),
    }
    facts.update({name: value for name, value in optional.items() if value})
    for column in columns:
        facts.update(_column_details(column))
    return {**facts, **_certainties(columns)}


def _given(hints: ReadHints, columns: Sequence[_TypedColumn]) -> list[str]:
    """What people said of this file, by the names of the hints."""
    given = [name for name in _HINT_NAMES if getattr(hints, name) is not None]
    return [*given, *(["types"] if any(column.name in hints.types for column in columns) else [])]


def _column_details(column: _TypedColumn) -> dict[str, str]:
    """What a reader needs to know of one column beside its type."""
    facts = {
        "date_order": column.found.date_order,
        "thousands": column.found.thousands,
        "words": column.found.words,
        "nulls": " ".join(column.found.nulls),
    }
    return {f"{fact}.{column.name}": value for fact, value in facts.items() if value}


def _certainties(columns: Sequence[_TypedColumn]) -> dict[str, str]:
    """How sure each type is, and why; of very wide tables for the least sure columns, and the rest in a word."""
    by_doubt = sorted(columns, key=lambda column: column.found.certainty)
    told = {f"certainty.{c.name}": f"{c.found.certainty:.2f}: {c.found.reason}" for c in by_doubt[:_MAX_CERTAINTIES]}
    rest = by_doubt[_MAX_CERTAINTIES:]
    return {**told, "certainty": f"{rest[0].found.certainty:.2f} or more for {len(rest):,} other columns"} if rest else told
