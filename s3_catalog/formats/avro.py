"""Avro object container files: the schema stands in the header, and each block says how many rows it has and where the next one is.

So the rows are counted without their data, as long as that takes few requests: a file has one block per 16 KB to 64 KB or more.
"""

from __future__ import annotations

import io
from types import ModuleType
from typing import Any

from s3_catalog.errors import MissingExtraError, UnreadableFileError
from s3_catalog.formats import FileSchema, ReadLimits
from s3_catalog.formats._footer import BytesFile, refuse_many_columns
from s3_catalog.formats._head import Head, read_head, read_longer_head
from s3_catalog.formats._magic import describe_bytes
from s3_catalog.storage.files import ObjectFile

_MAGIC = b"Obj\x01"
_SYNC_BYTES = 16
_BLOCK_HEAD_BYTES = 20
"""A block begins with two numbers of at most ten bytes each."""
_MAX_REQUESTS = 12


class AvroFormat:
    """Apache Avro. Needs the extra `avro`."""

    name = "avro"
    suffixes = frozenset({".avro"})
    counts_cheaply = False

    def matches(self, head: bytes) -> bool:
        return head.startswith(_MAGIC)

    def read_schema(self, file: ObjectFile, compression: str | None, limits: ReadLimits) -> FileSchema:
        from s3_catalog.formats._avro_types import AvroTypes

        fastavro = _import_fastavro()
        head = self._read_head(file, compression, limits)
        header, end = _read_header(fastavro, head.data)
        if header is None and not head.whole:
            head = read_longer_head(file, self.name, head.compression, limits)
            header, end = _read_header(fastavro, head.data)
        if header is None:
            raise UnreadableFileError(file.key, self.name, "the header is corrupt or cut")
        types = AvroTypes(limits.max_depth)
        try:
            columns = types.columns(header.writer_schema)
        except (ValueError, KeyError, TypeError, RecursionError) as error:
            raise UnreadableFileError(file.key, self.name, "the header's schema cannot be read") from error
        refuse_many_columns(file, self.name, len(columns), limits)
        return FileSchema(
            columns=columns,
            row_count=self._count_rows(file, head, end),
            warnings=(*head.warnings, *types.warnings),
            details={"codec": str(header.codec)},
        )

    def _read_head(self, file: ObjectFile, compression: str | None, limits: ReadLimits) -> Head:
        # Hadoop appends its codec's name to files that have the codec inside.
        named = None if file.size and file.head(limits.head_bytes).startswith(_MAGIC) else compression
        head = read_head(file, self.name, named, limits)
        if not head.data.startswith(_MAGIC):
            raise UnreadableFileError(file.key, self.name, f"the bytes are {describe_bytes(head.data)}")
        return head

    def _count_rows(self, file: ObjectFile, head: Head, start: int) -> int | None:
        """Count by the blocks' heads; None where that would take too many requests, or where a block far from the head is damaged."""
        if not head.whole:
            return None if head.compression else _add_blocks(file, start, len(head.data))
        rows = _add_blocks(BytesFile(file.key, head.data), start, len(head.data))
        if rows is None:
            raise UnreadableFileError(file.key, self.name, "a block is corrupt or cut")
        return rows


def _add_blocks(file: ObjectFile, start: int, head_bytes: int) -> int | None:
    """Add up the rows of all blocks without decompressing one: each is a count, a size, the bytes, and the header's last 16 bytes.

    What lies beyond the head costs one small request per block; when the blocks so far let expect too many, the answer is None.
    """
    sync = file.read_at(start - _SYNC_BYTES, _SYNC_BYTES)
    position, rows, blocks, requests = start, 0, 0, 0
    while position < file.size:
        if position + _BLOCK_HEAD_BYTES > head_bytes:
            expected = (file.size - position) * blocks / max(1, position - start)
            if requests + expected > _MAX_REQUESTS:
                return None
            requests += 1
        block = _read_block(file, position, sync)
        if block is None:
            return None
        rows, position, blocks = rows + block[0], block[1], blocks + 1
    return rows if file.size > head_bytes or file.tail(_SYNC_BYTES) == sync else None


def _read_block(file: ObjectFile, start: int, sync: bytes) -> tuple[int, int] | None:
    """The rows of a block, and where the next begins; None when it does not follow the mark, is corrupt or ends beyond the file."""
    from fastavro.io.binary_decoder import BinaryDecoder

    stream = io.BytesIO(file.read_at(start - _SYNC_BYTES, _SYNC_BYTES + _BLOCK_HEAD_BYTES))
    if stream.read(_SYNC_BYTES) != sync:
        return None
    decoder: Any = BinaryDecoder(stream)  # type: ignore[no-untyped-call]
    try:
        rows, size = decoder.read_long(), decoder.read_long()
    except EOFError:
        return None
    end = start - _SYNC_BYTES + stream.tell() + size + _SYNC_BYTES
    return (rows, end) if rows >= 0 and size >= 0 and end <= file.size else None


def _import_fastavro() -> ModuleType:
    try:
        import fastavro
        import fastavro.read
    except ImportError as error:
        raise MissingExtraError("reading Avro", "avro") from error
    return fastavro


def _read_header(fastavro: ModuleType, data: bytes) -> tuple[Any | None, int]:
    """Open a reader over the header, and say where the header ends; None when the bytes are no header, or not all of it."""
    stream = io.BytesIO(data)
    try:
        return fastavro.block_reader(stream), stream.tell()
    except Exception:  # noqa: BLE001 - a hostile header makes fastavro raise anything from KeyError to its own classes
        return None, 0


FORMAT = AvroFormat()
