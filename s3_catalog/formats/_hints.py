"""What people say of a table's files, where the bytes leave it open or are misleading: hints for the readers.

A hint is believed over the bytes, and checked against them: one that does not fit is a `HintError`. Hints travel with a table as
its layout's `options`, pairs of text.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields
from typing import Any

import pyarrow as pa

from s3_catalog.model.types import read_type, type_text

_TYPE = "type."


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadHints:
    """Hints for reading the files of one table; None where nothing is said.

    Attributes:
        delimiter: of delimited text, one character.
        quote: the character around values, "" for none.
        escape: the character before a quote that belongs to a value.
        encoding: of text, by a name that Python knows.
        header: whether the first row holds names.
        skip_lines: lines before the header, or before the first row where there is none.
        decimal: the decimal mark of numbers, `.` or `,`.
        date_format: how dates are written, as for `datetime.strptime`.
        timestamp_format: how timestamps are written, likewise.
        null_markers: texts that stand for no value, besides the empty one.
        rows: where the rows are in a document: field names joined by dots for JSON (`data.items`), element names joined by slashes for
            XML (`catalog/book`); "" is the document itself.
        sheet: the one sheet of a workbook that is the table, by name.
        types: the types of columns, by name.
    """

    delimiter: str | None = None
    quote: str | None = None
    escape: str | None = None
    encoding: str | None = None
    header: bool | None = None
    skip_lines: int | None = None
    decimal: str | None = None
    date_format: str | None = None
    timestamp_format: str | None = None
    null_markers: tuple[str, ...] | None = None
    rows: str | None = None
    sheet: str | None = None
    types: Mapping[str, pa.DataType] = field(default_factory=dict)

    def write_options(self) -> tuple[tuple[str, str], ...]:
        """The hints as pairs of text, sorted: `delimiter`, `header` (JSON where it is no text), `type.<column>` as canonical text."""
        given = {name: getattr(self, name) for name in _NAMES}
        pairs = {name: value if isinstance(value, str) else json.dumps(value) for name, value in given.items() if value is not None}
        return tuple(sorted({**pairs, **{_TYPE + name: type_text(arrow_type) for name, arrow_type in self.types.items()}}.items()))


_NAMES = tuple(f.name for f in fields(ReadHints) if f.name != "types")
_JSON_NAMES = ("header", "skip_lines", "null_markers")


def read_options(options: Iterable[tuple[str, str]]) -> ReadHints:
    """Read the pairs of `ReadHints.write_options` back.

    Raises:
        ValueError: a type that is none of `read_type`.
    """
    given = dict(options)
    values: dict[str, Any] = {name: json.loads(text) if name in _JSON_NAMES else text for name, text in given.items() if name in _NAMES}
    if "null_markers" in values:
        values["null_markers"] = tuple(values["null_markers"])
    types = {name.removeprefix(_TYPE): read_type(text) for name, text in given.items() if name.startswith(_TYPE)}
    return ReadHints(**values, types=types)
