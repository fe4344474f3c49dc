"""TSV: text delimited by tabs, or by what the head shows where the name is wrong."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from s3_catalog.formats import FileSchema, ReadLimits, Row
from s3_catalog.formats._delimited import is_delimited, read_delimited, read_delimited_rows
from s3_catalog.formats._sample_budget import sample_within
from s3_catalog.storage.files import ObjectFile


class TsvFormat:
    """Tab-delimited text."""

    name = "tsv"
    suffixes = frozenset({".tsv", ".tab"})
    counts_cheaply = False

    def matches(self, head: bytes) -> bool:
        return is_delimited(head) == "\t"

    def read_schema(self, file: ObjectFile, compression: str | None, limits: ReadLimits) -> FileSchema:
        return read_delimited(file, self.name, compression, limits, preferred="\t")

    def read_sample(self, file: ObjectFile, compression: str | None, limits: ReadLimits, rows: int) -> Mapping[str, Sequence[Row]]:
        return sample_within(
            file, limits, rows, lambda file, limits: {"": read_delimited_rows(file, self.name, compression, limits, rows, preferred="\t")}
        )


FORMAT = TsvFormat()
