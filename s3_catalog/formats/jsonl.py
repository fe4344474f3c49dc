"""JSONL (NDJSON): one JSON value per line, or one after the other without line ends."""

from __future__ import annotations

from s3_catalog.formats import FileSchema, ReadLimits
from s3_catalog.formats._json_schema import matches_json, read_json
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


FORMAT = JsonlFormat()
