"""Files read from their end: Parquet, ORC, Arrow IPC. Small files are one GET, large ones one GET of the tail."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from s3_catalog.errors import UnreadableFileError
from s3_catalog.formats import ReadLimits
from s3_catalog.formats._head import read_head
from s3_catalog.formats._magic import describe_bytes
from s3_catalog.storage.files import ObjectFile


class BytesFile(ObjectFile):
    """Bytes already in memory, as the file they were read from: a small file that was compressed as a whole."""

    def __init__(self, key: str, data: bytes) -> None:
        self._data = data
        self.key, self.size, self.etag = key, len(data), None
        self._position = 0

    def read_at(self, start: int, length: int) -> bytes:
        return self._data[start : start + max(0, length)]


@dataclass(frozen=True, slots=True)
class FooterFile:
    """A file whose plain end can be read, and what was odd on the way there."""

    file: ObjectFile
    warnings: tuple[str, ...] = ()


def open_footer(
    file: ObjectFile, file_format: str, compression: str | None, limits: ReadLimits, *, is_plain: Callable[[bytes], bool]
) -> FooterFile:
    """Fetch the end of a file, once; a small file that is compressed as a whole is decompressed in memory.

    Args:
        is_plain: whether a tail is that of an uncompressed file. Some writers append a codec's name to a file that has it inside.

    Raises:
        UnreadableFileError: no bytes, or compressed as a whole and larger than a head.
    """
    if file.size == 0:
        raise UnreadableFileError(file.key, file_format, "the file is empty (0 bytes)")
    if is_plain(file.tail(limits.tail_bytes)) or (compression is None and not _is_small(file, limits)):
        return FooterFile(file)
    if not _is_small(file, limits):
        what = describe_bytes(file.head(512))
        reason = f"compressed as a whole ({compression}) and too large to read without its byte ranges; the bytes are {what}"
        raise UnreadableFileError(file.key, file_format, reason)
    head = read_head(file, file_format, compression, replace(limits, head_bytes=limits.tail_bytes))
    if head.compression is None:
        return FooterFile(file, head.warnings)
    if not head.whole:
        raise UnreadableFileError(file.key, file_format, f"compressed as a whole and larger than {limits.max_decompressed_bytes:,} bytes")
    return FooterFile(BytesFile(file.key, head.data), head.warnings)


def cost_of_end(file: ObjectFile, length: int, limits: ReadLimits) -> int:
    """How many bytes were fetched once the last `length` bytes of a file are known: its tail, and a longer end on top of it."""
    tail = min(limits.tail_bytes, file.size)
    return tail + length if length > tail else tail


def _is_small(file: ObjectFile, limits: ReadLimits) -> bool:
    return file.size <= limits.tail_bytes


def refuse_many_columns(file: ObjectFile, file_format: str, count: int, limits: ReadLimits) -> None:
    """Raise `UnreadableFileError` when a file has more columns than `ReadLimits.max_columns`."""
    if count > limits.max_columns:
        raise UnreadableFileError(file.key, file_format, f"{count:,} columns, more than the limit of {limits.max_columns:,}")
