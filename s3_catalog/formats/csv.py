"""CSV: comma, semicolon, pipe or another delimiter, found from the head of the file."""

from __future__ import annotations

from s3_catalog.formats import FileSchema, ReadLimits
from s3_catalog.formats._delimited import is_delimited, read_delimited
from s3_catalog.storage.files import ObjectFile


class CsvFormat:
    """Delimited text. Types come from all rows of the head, and of the tail where it is read; a file read whole has its exact row count."""

    name = "csv"
    suffixes = frozenset({".csv", ".psv", ".ssv"})
    counts_cheaply = False

    def matches(self, head: bytes) -> bool:
        return is_delimited(head) not in (None, "\t")

    def read_schema(self, file: ObjectFile, compression: str | None, limits: ReadLimits) -> FileSchema:
        return read_delimited(file, self.name, compression, limits, preferred="|" if ".psv" in file.key.lower() else ",")


FORMAT = CsvFormat()
