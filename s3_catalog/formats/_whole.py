"""Files that are read here and there: workbooks, HDF5, pickles. Plain ones stay where they are; packed ones are unpacked in memory."""

from __future__ import annotations

from dataclasses import replace

from s3_catalog.errors import UnreadableFileError
from s3_catalog.formats import FileSchema, ReadLimits
from s3_catalog.formats._compression import detect_compression
from s3_catalog.formats._footer import BytesFile, FooterFile
from s3_catalog.formats._head import read_head
from s3_catalog.storage.files import ObjectFile


def open_plain(file: ObjectFile, file_format: str, compression: str | None, limits: ReadLimits, *, first_bytes: int) -> FooterFile:
    """Open a file for reading at any place; a file that is compressed as a whole is decompressed in memory.

    Args:
        first_bytes: how much the format will ask for first; fetched here, once.

    Raises:
        UnreadableFileError: no bytes, corrupt compressed data, or decompressed larger than `max_whole_file_bytes`.
    """
    if file.size == 0:
        raise UnreadableFileError(file.key, file_format, "the file is empty (0 bytes)")
    if compression is None and detect_compression(file.head(first_bytes)) is None:
        return FooterFile(file)
    limit = limits.max_whole_file_bytes
    head = read_head(file, file_format, compression, replace(limits, head_bytes=max(limit, first_bytes), max_decompressed_bytes=limit))
    if head.compression is None:
        return FooterFile(file, head.warnings)
    if not head.whole:
        raise UnreadableFileError(file.key, file_format, f"compressed as a whole, and larger than {limit:,} bytes without it")
    return FooterFile(BytesFile(file.key, head.data), head.warnings)


def add_warnings(schema: FileSchema, warnings: tuple[str, ...]) -> FileSchema:
    """Put what was odd about the file before what was odd about one of its tables."""
    return replace(schema, warnings=(*warnings, *schema.warnings)) if warnings else schema
