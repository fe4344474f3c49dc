"""Short ways to read one file in a test."""

from __future__ import annotations

from s3_catalog.formats import FileSchema, ReadLimits, file_formats
from s3_catalog.model.types import type_text
from s3_catalog_tests.formats.stores import open_bytes

LIMITS = ReadLimits()


def read(
    file_format: str, data: bytes | str, compression: str | None = None, *, limits: ReadLimits = LIMITS, key: str = "data"
) -> FileSchema:
    """Read the schema of bytes (text is UTF-8)."""
    file, _ = open_bytes(data.encode() if isinstance(data, str) else data, key)
    return file_formats()[file_format].read_schema(file, compression, limits)


def types(schema: FileSchema) -> dict[str, str]:
    """Columns and their canonical types."""
    return {column.name: type_text(column.type) for column in schema.columns}
