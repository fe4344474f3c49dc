"""Arrow IPC, as file (also called Feather version 2) and as stream."""

from __future__ import annotations

import io
from typing import Any

from s3_catalog.errors import UnreadableFileError
from s3_catalog.formats import FileSchema, ReadLimits
from s3_catalog.formats._footer import open_footer, refuse_many_columns
from s3_catalog.formats._head import read_head
from s3_catalog.formats._magic import describe_bytes
from s3_catalog.model.tables import Column
from s3_catalog.storage.files import ObjectFile

_MAGIC = b"ARROW1"
_CONTINUATION = b"\xff\xff\xff\xff"
_COUNTED_BATCHES = 2
"""The footer does not count rows; each record batch costs a read of its own, so only so many are asked."""


class ArrowIpcFormat:
    """Arrow IPC. The row count is exact for small files and for files of at most two record batches."""

    name = "arrow_ipc"
    suffixes = frozenset({".arrow", ".arrows", ".feather", ".ipc"})
    counts_cheaply = False

    def matches(self, head: bytes) -> bool:
        return head.startswith(_MAGIC) or _is_stream(head)

    def read_schema(self, file: ObjectFile, compression: str | None, limits: ReadLimits) -> FileSchema:
        source = open_footer(file, self.name, compression, limits, is_plain=lambda tail: tail.endswith(_MAGIC))
        if source.file.tail(limits.tail_bytes).endswith(_MAGIC):
            schema, rows = _read_file(source.file, limits)
        else:
            schema, rows = _read_stream(source.file, limits)
        refuse_many_columns(file, self.name, len(schema), limits)
        columns = tuple(Column(name=f.name, type=f.type, nullable=f.nullable) for f in schema)
        return FileSchema(columns=columns, row_count=rows, warnings=source.warnings)


def _is_stream(head: bytes) -> bool:
    """A stream begins with a continuation mark and the length of its schema message (4 bytes, little-endian)."""
    return head.startswith(_CONTINUATION) and len(head) >= 16 and 16 <= int.from_bytes(head[4:8], "little") <= 1 << 24


def _read_file(file: ObjectFile, limits: ReadLimits) -> tuple[Any, int | None]:
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
        return reader.schema, _count_rows(file, reader, limits)
    except (pa.ArrowException, OSError, ValueError, KeyError) as error:
        raise UnreadableFileError(file.key, "arrow_ipc", "the footer or a message is corrupt") from error


def _count_rows(file: ObjectFile, reader: Any, limits: ReadLimits) -> int | None:
    import pyarrow as pa
    import pyarrow.dataset

    if file.size > limits.tail_bytes and reader.num_record_batches > _COUNTED_BATCHES:
        return None
    file.seek(0)
    fragment = pa.dataset.IpcFileFormat().make_fragment(pa.PythonFile(file, mode="r"))
    return int(fragment.count_rows())


def _read_stream(file: ObjectFile, limits: ReadLimits) -> tuple[Any, int | None]:
    import pyarrow as pa
    import pyarrow.ipc

    head = read_head(file, "arrow_ipc", None, limits)
    if not _is_stream(head.data):
        truncated = "truncated: it begins as Arrow IPC and has no footer at its end"
        reason = truncated if head.data.startswith(_MAGIC) else f"the bytes are {describe_bytes(head.data)}"
        raise UnreadableFileError(file.key, "arrow_ipc", reason)
    try:
        reader = pa.ipc.open_stream(pa.PythonFile(io.BytesIO(head.data), mode="r"))
        return reader.schema, sum(batch.num_rows for batch in reader) if head.whole else None
    except (pa.ArrowException, OSError, ValueError, KeyError, EOFError) as error:
        raise UnreadableFileError(file.key, "arrow_ipc", "a message of the stream is corrupt or cut") from error


FORMAT = ArrowIpcFormat()
