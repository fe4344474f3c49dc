"""Arrow IPC, as file (also called Feather version 2) and as stream."""

from __future__ import annotations

import io
from dataclasses import replace
from typing import Any

from s3_catalog.errors import UnreadableFileError
from s3_catalog.formats import FileSchema, ReadLimits
from s3_catalog.formats._footer import open_footer, refuse_many_columns
from s3_catalog.formats._head import read_head
from s3_catalog.formats._magic import describe_bytes
from s3_catalog.storage.files import ObjectFile

_MAGIC = b"ARROW1"
_CONTINUATION = b"\xff\xff\xff\xff"
_COMPRESSED_BUFFERS = (b"\x28\xb5\x2f\xfd", b"\x04\x22\x4d\x18")
"""Signatures of the codecs that Arrow allows within a record batch."""


class ArrowIpcFormat:
    """Arrow IPC. Rows are counted in small files only: the footer does not tell, each record batch does for itself."""

    name = "arrow_ipc"
    suffixes = frozenset({".arrow", ".arrows", ".feather", ".ipc"})
    counts_cheaply = False

    def matches(self, head: bytes) -> bool:
        return head.startswith(_MAGIC) or _is_stream(head)

    def read_schema(self, file: ObjectFile, compression: str | None, limits: ReadLimits) -> FileSchema:
        source = open_footer(file, self.name, compression, limits, is_plain=lambda tail: tail.endswith(_MAGIC))
        if source.file.tail(limits.tail_bytes).endswith(_MAGIC):
            schema = _read_file(source.file, limits)
        else:
            schema = _read_stream(source.file, limits)
        return replace(schema, warnings=(*source.warnings, *schema.warnings))


def _is_stream(head: bytes) -> bool:
    """A stream begins with a continuation mark and the length of its schema message (4 bytes, little-endian)."""
    return head.startswith(_CONTINUATION) and len(head) >= 16 and 16 <= int.from_bytes(head[4:8], "little") <= 1 << 24


def _read_file(file: ObjectFile, limits: ReadLimits) -> FileSchema:
    """The footer's length (4 bytes, little-endian) stands before the closing signature."""
    import pyarrow as pa
    import pyarrow.ipc

    length = int.from_bytes(file.tail(10)[:4], "little") + 10
    if length > min(file.size, limits.max_footer_bytes):
        raise UnreadableFileError(file.key, "arrow_ipc", "the footer claims to be longer than the file or the limit")
    if length > limits.tail_bytes:
        file.tail(length)
    try:
        reader = pa.ipc.open_file(pa.PythonFile(file, mode="r"))
        return _build_schema(file, reader.schema, _count_rows(file, limits), limits)
    except (pa.ArrowException, OSError, ValueError, KeyError) as error:
        raise UnreadableFileError(file.key, "arrow_ipc", "the footer or a message is corrupt") from error


def _build_schema(file: ObjectFile, schema: Any, rows: int | None, limits: ReadLimits) -> FileSchema:
    from s3_catalog.formats._arrow_schema import read_columns

    refuse_many_columns(file, "arrow_ipc", len(schema), limits)
    columns, warnings = read_columns(schema, limits.max_depth)
    return FileSchema(columns=columns, row_count=rows, warnings=warnings)


def _count_rows(file: ObjectFile, limits: ReadLimits) -> int | None:
    import pyarrow as pa
    import pyarrow.dataset

    if file.size > limits.tail_bytes:
        return None
    file.seek(0)
    fragment = pa.dataset.IpcFileFormat().make_fragment(pa.PythonFile(file, mode="r"))
    return int(fragment.count_rows())


def _read_stream(file: ObjectFile, limits: ReadLimits) -> FileSchema:
    import pyarrow as pa
    import pyarrow.ipc

    head = read_head(file, "arrow_ipc", None, limits)
    if not _is_stream(head.data):
        truncated = "truncated: it begins as Arrow IPC and has no footer at its end"
        reason = truncated if head.data.startswith(_MAGIC) else f"the bytes are {describe_bytes(head.data)}"
        raise UnreadableFileError(file.key, "arrow_ipc", reason)
    try:
        reader = pa.ipc.open_stream(pa.PythonFile(io.BytesIO(head.data), mode="r"))
        # Reading a compressed batch could need any amount of memory; its rows are not counted.
        countable = head.whole and not any(signature in head.data for signature in _COMPRESSED_BUFFERS)
        rows = sum(batch.num_rows for batch in reader) if countable else None
        return _build_schema(file, reader.schema, rows, limits)
    except (pa.ArrowException, OSError, ValueError, KeyError, EOFError) as error:
        raise UnreadableFileError(file.key, "arrow_ipc", "a message of the stream is corrupt or cut") from error


FORMAT = ArrowIpcFormat()
