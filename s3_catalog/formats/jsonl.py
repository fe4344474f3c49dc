"""JSONL (NDJSON): one JSON value per line, or one after the other without line ends."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from s3_catalog.formats import FileSchema, ReadLimits, Row
from s3_catalog.formats._json_schema import matches_json, read_json, read_json_rows
from s3_catalog.formats._sample_budget import sample_within
from s3_catalog.storage.files import ObjectFile


class JsonlFormat:
    """JSON values in sequence. A file that is one array is read as well, and named `json` in the answer."""

    name = "jsonl"
    suffixes = frozenset({".jsonl", ".ndjson", ".jsonlines", ".ldjson"})
    counts_cheaply = False

    def matches(self, head: bytes) -> bool:
        return matches_json(head) == "lines"

    def read_schema(self, file: ObjectFile, compression: str | None, limits: ReadLimits) -> FileSchema:
        return read_json(file, self.name, compression, limits)

    def read_sample(self, file: ObjectFile, compression: str | None, limits: ReadLimits, rows: int) -> Mapping[str, Sequence[Row]]:
        return sample_within(file, limits, rows, lambda file, limits: {"": read_json_rows(file, self.name, compression, limits)})


FORMAT = JsonlFormat()
