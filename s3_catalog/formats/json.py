"""JSON: an array of records, or one document."""

from __future__ import annotations

from s3_catalog.formats import FileSchema, ReadLimits
from s3_catalog.formats._json_schema import matches_json, read_json
from s3_catalog.storage.files import ObjectFile


class JsonFormat:
    """JSON documents. A file of one value per line is read as well, and named `jsonl` in the answer."""

    name = "json"
    suffixes = frozenset({".json", ".geojson"})
    counts_cheaply = False

    def matches(self, head: bytes) -> bool:
        return matches_json(head) in ("array", "document")

    def read_schema(self, file: ObjectFile, compression: str | None, limits: ReadLimits) -> FileSchema:
        return read_json(file, self.name, compression, limits)


FORMAT = JsonFormat()
