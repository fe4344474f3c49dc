"""CSV: comma, semicolon, pipe or another delimiter, found from the head of the file."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from s3_catalog.formats import FileSchema, ReadLimits, Row
from s3_catalog.formats._delimited import is_delimited, read_delimited, read_delimited_rows
from s3_catalog.formats._sample_budget import sample_within
from s3_catalog.storage.files import ObjectFile


class CsvFormat:
    """Delimited text. Types come from all rows of the head, and of the tail where it is read; a file read whole has its exact row count."""

    name = "csv"
    suffixes = frozenset({".csv", ".psv", ".ssv"})
    counts_cheaply = False

    def matches(self, head: bytes) -> bool:
        return is_delimited(head) not in (None, "\t")

    def read_schema(self, file: ObjectFile, compression: str | None, limits: ReadLimits) -> FileSchema:
        return read_delimited(file, self.name, compression, limits, preferred=_preferred(file))

    def read_sample(self, file: ObjectFile, compression: str | None, limits: ReadLimits, rows: int) -> Mapping[str, Sequence[Row]]:
        return sample_within(
            file,
            limits,
            rows,
            lambda file, limits: {"": read_delimited_rows(file, self.name, compression, limits, rows, preferred=_preferred(file))},
        )


def _preferred(file: ObjectFile) -> str:
    return "|" if ".psv" in file.key.lower() else ","


FORMAT = CsvFormat()
