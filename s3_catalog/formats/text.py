"""Plain text: logs of fixed layout, whose lines have columns, and other files that are lines and no more."""

from __future__ import annotations

from dataclasses import replace

import pyarrow as pa

from s3_catalog.errors import UnreadableFileError
from s3_catalog.formats import FileSchema, ReadLimits
from s3_catalog.formats._head import Head, read_head
from s3_catalog.formats._json_schema import matches_json, read_json
from s3_catalog.formats._log_layouts import FoundLayout, find_layout
from s3_catalog.formats._text import NotTextError, Text, decode_text
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
        head = read_head(file, self.name, compression, limits)
        if matches_json(head.data) == "lines":
            return replace(read_json(file, "jsonl", compression, limits), format="jsonl")
        try:
            text = decode_text(head.data, whole=head.whole)
        except NotTextError as error:
            raise UnreadableFileError(file.key, self.name, str(error)) from error
        layout = find_layout(text.text)
        return _plain_schema(head, text) if layout is None else _log_schema(head, text, layout)


def _plain_schema(head: Head, text: Text) -> FileSchema:
    return FileSchema(
        columns=(Column(name="line", type=pa.string(), nullable=False),),
        row_count=text.text.count("\n") + (not text.text.endswith("\n")) if head.whole else None,
        warnings=(*head.warnings, *text.warnings),
        details={"encoding": text.encoding},
    )


def _log_schema(head: Head, text: Text, layout: FoundLayout) -> FileSchema:
    strange = (f"{layout.strange_lines} of the first {layout.lines} lines are not of the layout {layout.name}",)
    countable = head.whole and not layout.strange_lines
    lines = sum(1 for line in text.text.splitlines() if line.strip() and not line.startswith("#")) if countable else 0
    return FileSchema(
        columns=layout.columns,
        row_count=lines - layout.headed if countable else None,
        format=layout.name,
        warnings=(*head.warnings, *text.warnings, *(strange if layout.strange_lines else ())),
        details={"encoding": text.encoding},
    )


FORMAT = TextFormat()
