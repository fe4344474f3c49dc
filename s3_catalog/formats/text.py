"""Plain text: logs of fixed layout and other files that are lines and no more."""

from __future__ import annotations

import pyarrow as pa

from s3_catalog.errors import UnreadableFileError
from s3_catalog.formats import FileSchema, ReadLimits
from s3_catalog.formats._head import read_head
from s3_catalog.formats._text import NotTextError, decode_text
from s3_catalog.model.tables import Column
from s3_catalog.storage.files import ObjectFile


class TextFormat:
    """One row per line, one column `line`."""

    name = "text"
    suffixes = frozenset({".log"})
    counts_cheaply = False

    def matches(self, head: bytes) -> bool:
        """Never beyond doubt: any text may be more than lines."""
        return False

    def read_schema(self, file: ObjectFile, compression: str | None, limits: ReadLimits) -> FileSchema:
        head = read_head(file, self.name, compression, limits)
        try:
            text = decode_text(head.data, whole=head.whole)
        except NotTextError as error:
            raise UnreadableFileError(file.key, self.name, str(error)) from error
        return FileSchema(
            columns=(Column(name="line", type=pa.string(), nullable=False),),
            row_count=_count_lines(text.text) if head.whole else None,
            warnings=(*head.warnings, *text.warnings),
            details={"encoding": text.encoding},
        )


def _count_lines(text: str) -> int:
    return text.count("\n") + (not text.endswith("\n"))


FORMAT = TextFormat()
