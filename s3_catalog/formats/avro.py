"""Avro object container files: the schema stands in the header, block counts tell the rows of a small file."""

from __future__ import annotations

import io
from types import ModuleType
from typing import Any

from s3_catalog.errors import MissingExtraError, UnreadableFileError
from s3_catalog.formats import FileSchema, ReadLimits
from s3_catalog.formats._footer import refuse_many_columns
from s3_catalog.formats._head import Head, read_head, read_longer_head
from s3_catalog.formats._magic import describe_bytes
from s3_catalog.storage.files import ObjectFile

_MAGIC = b"Obj\x01"


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
            row_count=_count_rows(file, head.data, end) if head.whole else None,
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


def _count_rows(file: ObjectFile, data: bytes, start: int) -> int:
    """Add up the blocks' counts without decompressing: each is a count, a size, the bytes, and the header's last 16 bytes again."""
    from fastavro.io.binary_decoder import BinaryDecoder

    stream, sync = io.BytesIO(data), data[start - 16 : start]
    stream.seek(start)
    decoder: Any = BinaryDecoder(stream)  # type: ignore[no-untyped-call]
    rows = 0
    try:
        while stream.tell() < len(data):
            count, size = decoder.read_long(), decoder.read_long()
            stream.seek(stream.tell() + max(0, size))
            if count < 0 or size < 0 or stream.read(16) != sync:
                raise UnreadableFileError(file.key, "avro", "a block is corrupt or cut")
            rows += count
    except EOFError as error:
        raise UnreadableFileError(file.key, "avro", "a block is corrupt or cut") from error
    return rows


FORMAT = AvroFormat()
