"""Avro object container files: the schema stands in the header, and each block says how many rows it has and where the next one is.

So the rows are counted without their data, as long as that takes few requests: a file has one block per 16 KB to 64 KB or more. Where it
would take many, they are estimated from the blocks at the start.
"""

from __future__ import annotations

import io
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from types import ModuleType
from typing import Any

from s3_catalog.errors import MissingExtraError, UnreadableFileError
from s3_catalog.formats import FileSchema, ReadLimits, Row
from s3_catalog.formats._block_rows import MOST_ROWS, estimate_rows
from s3_catalog.formats._columnar_sample import read_in_sandbox
from s3_catalog.formats._footer import BytesFile, refuse_many_columns
from s3_catalog.formats._head import Head, read_head, read_longer_head
from s3_catalog.formats._magic import describe_bytes
from s3_catalog.formats._sample_budget import sample_within
from s3_catalog.formats._sandbox import Sandbox
from s3_catalog.model.statistics import RowEstimate
from s3_catalog.storage.files import ObjectFile

_MAGIC = b"Obj\x01"
_SYNC_BYTES = 16
_BLOCK_HEAD_BYTES = 20
"""A block begins with two numbers of at most ten bytes each."""
_MAX_REQUESTS = 12
_MAX_TOLD_SCHEMA = 32_768
"""Characters of a writer's schema that are kept."""
_SANDBOX = Sandbox(reader="_avro_rows", block_bytes=0, memory_bytes=192 * 1024 * 1024)


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
        blocks = self._read_blocks(file, head, end)
        return FileSchema(
            columns=columns,
            row_count=blocks.rows if blocks.complete else None,
            row_estimate=None if blocks.complete else _estimate(file, head, blocks),
            warnings=(*head.warnings, *types.warnings, *blocks.warnings),
            details={"codec": str(header.codec), **_told_schema(header.writer_schema)},
        )

    def read_sample(self, file: ObjectFile, compression: str | None, limits: ReadLimits, rows: int) -> Mapping[str, Sequence[Row]]:
        return sample_within(file, limits, rows, lambda file, limits: {"": self._read_rows(file, compression, limits, rows)})

    def _read_rows(self, file: ObjectFile, compression: str | None, limits: ReadLimits, rows: int) -> Sequence[Row]:
        fastavro = _import_fastavro()
        head = self._read_head(file, compression, limits)
        if _read_header(fastavro, head.data)[0] is None and not head.whole:
            head = read_longer_head(file, self.name, head.compression, limits)
        header, start = _read_header(fastavro, head.data)
        if header is None:
            raise UnreadableFileError(file.key, self.name, "the header is corrupt or cut")
        plain = file if head.compression is None else BytesFile(file.key, head.data)
        end = _end_of_blocks(plain, start, rows, limits.max_sample_bytes if head.compression is None else plain.size)
        if end == start:
            if head.compression is None and start < file.size and _read_block(file, start, head.data[start - _SYNC_BYTES : start]) is None:
                raise UnreadableFileError(file.key, self.name, "a block is corrupt or cut")
            return ()
        known = len(head.data)
        data = head.data[:end] + (plain.read_at(known, end - known) if end > known else b"")
        return read_in_sandbox(_SANDBOX, BytesFile(file.key, data), self.name, {}, limits, rows)

    def _read_head(self, file: ObjectFile, compression: str | None, limits: ReadLimits) -> Head:
        # Hadoop appends its codec's name to files that have the codec inside.
        named = None if file.size and file.head(limits.head_bytes).startswith(_MAGIC) else compression
        head = read_head(file, self.name, named, limits)
        if not head.data.startswith(_MAGIC):
            raise UnreadableFileError(file.key, self.name, f"the bytes are {describe_bytes(head.data)}")
        return head

    def _read_blocks(self, file: ObjectFile, head: Head, start: int) -> _Blocks:
        if not head.compression and not head.whole:
            return _walk_blocks(file, start, len(head.data))
        blocks = _walk_blocks(BytesFile(file.key, head.data), start, len(head.data))
        if head.whole and not blocks.complete:
            raise UnreadableFileError(file.key, self.name, "a block is corrupt or cut")
        # Of a file that is compressed as a whole, the start ends in mid-block, or by chance between two.
        return blocks if head.whole else _Blocks(blocks.edges, blocks.counts)


@dataclass(frozen=True, slots=True)
class _Blocks:
    """Blocks from the first on: `edges` are where the first begins, then where each ends, `counts` their rows."""

    edges: tuple[int, ...]
    counts: tuple[int, ...]
    complete: bool = False
    warnings: tuple[str, ...] = ()

    @property
    def rows(self) -> int:
        return sum(self.counts)


def _end_of_blocks(file: ObjectFile, start: int, rows: int, max_bytes: int) -> int:
    """Where the blocks end that hold enough rows, or that end before so many bytes of the file."""
    sync, found, end, requests = file.read_at(start - _SYNC_BYTES, _SYNC_BYTES), 0, start, 0
    while found < rows and requests < _MAX_REQUESTS:
        # The head of the next block lies beyond what is known more often than not: some bytes each, which count.
        if end + _BLOCK_HEAD_BYTES > max_bytes - _MAX_REQUESTS * (_SYNC_BYTES + _BLOCK_HEAD_BYTES):
            break
        block = _read_block(file, end, sync)
        requests += 1
        if block is None or block[1] > max_bytes - _MAX_REQUESTS * (_SYNC_BYTES + _BLOCK_HEAD_BYTES):
            break
        found, end = found + block[0], block[1]
    return end


def _estimate(file: ObjectFile, head: Head, blocks: _Blocks) -> RowEstimate | None:
    edges = [head.stored_at(edge) for edge in blocks.edges]
    sizes = [end - start for start, end in pairwise(edges)]
    return estimate_rows(blocks.rows, list(zip(blocks.counts, sizes, strict=True)), max(0.0, file.size - edges[-1]))


def _walk_blocks(file: ObjectFile, start: int, head_bytes: int) -> _Blocks:
    """Go from block to block without decompressing one: each is a count, a size, the bytes, and the header's last 16 bytes.

    What lies beyond the head costs one small request per block; when the blocks so far let expect too many, the walk ends.
    """
    sync = file.read_at(start - _SYNC_BYTES, _SYNC_BYTES)
    edges, counts, rows, requests = [start], list[int](), 0, 0
    while edges[-1] < file.size:
        if edges[-1] + _BLOCK_HEAD_BYTES > head_bytes:
            expected = (file.size - edges[-1]) * len(counts) / max(1, edges[-1] - start)
            if requests + expected > _MAX_REQUESTS:
                return _Blocks(tuple(edges), tuple(counts))
            requests += 1
        block = _read_block(file, edges[-1], sync)
        if block is None or rows + block[0] > MOST_ROWS:
            return _Blocks(tuple(edges), tuple(counts), warnings=(f"the block at byte {edges[-1]:,} is corrupt or cut",))
        rows += block[0]
        counts.append(block[0])
        edges.append(block[1])
    complete = file.size > head_bytes or file.tail(_SYNC_BYTES) == sync
    return _Blocks(tuple(edges), tuple(counts), complete)


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


def _told_schema(schema: Any) -> dict[str, str]:
    """The writer's schema as JSON, where it is of a bearable length: engines need it to the letter."""
    try:
        text = json.dumps(schema, separators=(",", ":"))
    except (ValueError, TypeError, RecursionError):  # nested as deep as a hostile header likes
        return {}
    return {"writer_schema": text} if len(text) <= _MAX_TOLD_SCHEMA else {}


def _read_header(fastavro: ModuleType, data: bytes) -> tuple[Any | None, int]:
    """Open a reader over the header, and say where the header ends; None when the bytes are no header, or not all of it."""
    stream = io.BytesIO(data)
    try:
        return fastavro.block_reader(stream), stream.tell()
    except Exception:  # noqa: BLE001 - a hostile header makes fastavro raise anything from KeyError to its own classes
        return None, 0


FORMAT = AvroFormat()
