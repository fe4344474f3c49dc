"""Arrow IPC, as file (also called Feather version 2) and as stream; and Feather version 1, which shares its endings.

The schema stands in a file's footer, and at the start of a stream. Each record batch tells its rows, nulls and sizes for itself.
"""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from s3_catalog.errors import UnreadableFileError
from s3_catalog.formats import FileSchema, ReadLimits, Row
from s3_catalog.formats._columnar_sample import read_columnar, small_tail
from s3_catalog.formats._footer import BytesFile, cost_of_end, open_footer, refuse_many_columns
from s3_catalog.formats._head import Head, read_head, read_longer_head
from s3_catalog.formats._magic import describe_bytes
from s3_catalog.formats._sample_budget import sample_within
from s3_catalog.storage.files import ObjectFile

if TYPE_CHECKING:
    from s3_catalog.formats._arrow_batches import Batches

_MAGIC, _FEATHER_V1 = b"ARROW1", b"FEA1"
_CONTINUATION = b"\xff\xff\xff\xff"


class ArrowIpcFormat:
    """Arrow IPC. Rows are counted where a dozen small requests reach every record batch, else estimated."""

    name = "arrow_ipc"
    suffixes = frozenset({".arrow", ".arrows", ".feather", ".ipc"})
    counts_cheaply = False

    def matches(self, head: bytes) -> bool:
        return head.startswith((_MAGIC, _FEATHER_V1)) or _is_stream(head)

    def read_schema(self, file: ObjectFile, compression: str | None, limits: ReadLimits) -> FileSchema:
        source = open_footer(file, self.name, compression, limits, is_plain=lambda tail: tail.endswith((_MAGIC, _FEATHER_V1)))
        tail = source.file.tail(limits.tail_bytes)
        if tail.endswith(_MAGIC):
            schema = _read_file(source.file, limits)
        elif tail.endswith(_FEATHER_V1):
            schema = _read_feather_v1(source.file, limits)
        else:
            schema = _read_stream(source.file, limits)
        return replace(schema, warnings=(*source.warnings, *schema.warnings))

    def read_sample(self, file: ObjectFile, compression: str | None, limits: ReadLimits, rows: int) -> Mapping[str, Sequence[Row]]:
        return sample_within(file, small_tail(limits), rows, lambda file, limits: {"": _read_rows(file, compression, limits, rows)})


def _read_rows(file: ObjectFile, compression: str | None, limits: ReadLimits, rows: int) -> Sequence[Row]:
    from s3_catalog.formats._flatbuffers import CorruptMessageError

    plain = open_footer(file, "arrow_ipc", compression, limits, is_plain=lambda tail: tail.endswith((_MAGIC, _FEATHER_V1))).file
    tail = plain.tail(limits.tail_bytes)
    try:
        if tail.endswith(_MAGIC):
            return _read_file_rows(plain, limits, rows)
        if tail.endswith(_FEATHER_V1):
            return read_columnar(plain, "arrow_ipc", {"kind": "feather"}, limits, rows) if _fits(plain, limits) else ()
        return _read_stream_rows(plain, limits, rows)
    except CorruptMessageError as error:
        raise UnreadableFileError(file.key, "arrow_ipc", str(error)) from error


def _fits(file: ObjectFile, limits: ReadLimits) -> bool:
    """Whether all of a file may be read; if so, it is fetched, with what is known of its end."""
    if file.size + limits.tail_bytes > limits.max_sample_bytes and file.size > limits.tail_bytes:
        return False
    file.head(file.size)
    return True


def _read_file_rows(file: ObjectFile, limits: ReadLimits, rows: int) -> Sequence[Row]:
    import pyarrow as pa
    import pyarrow.ipc

    from s3_catalog.formats._arrow_messages import read_footer
    from s3_catalog.formats._arrow_rows import plan_file_rows

    data = _read_footer(file, 10, limits)
    footer = read_footer(data)
    try:
        schema = pa.ipc.open_file(pa.PythonFile(file, mode="r")).schema
    except (pa.ArrowException, OSError, ValueError, KeyError) as error:
        raise UnreadableFileError(file.key, "arrow_ipc", "the footer is corrupt") from error
    left = limits.max_sample_bytes - cost_of_end(file, len(data) + 10, limits)
    options = plan_file_rows(file, footer, schema, left, rows)
    return () if options is None else read_columnar(file, "arrow_ipc", options, limits, rows)


def _read_stream_rows(file: ObjectFile, limits: ReadLimits, rows: int) -> Sequence[Row]:
    from s3_catalog.formats._arrow_rows import read_stream_start

    head = _read_schema_head(file, limits).data
    data, batches = read_stream_start(file, head, limits, rows)
    return read_columnar(BytesFile(file.key, data), "arrow_ipc", {"kind": "stream", "batches": batches}, limits, rows) if batches else ()


def _is_stream(head: bytes) -> bool:
    """A stream begins with a continuation mark and the length of its schema message (4 bytes, little-endian)."""
    return head.startswith(_CONTINUATION) and len(head) >= 16 and 16 <= int.from_bytes(head[4:8], "little") <= 1 << 24


def _read_footer(file: ObjectFile, end: int, limits: ReadLimits) -> bytes:
    """The footer, whose length (4 bytes, little-endian) stands before the closing signature; both take `end` bytes."""
    length = int.from_bytes(file.tail(end)[:4], "little") + end
    if length > min(file.size, limits.max_footer_bytes):
        raise UnreadableFileError(file.key, "arrow_ipc", "the footer claims to be longer than the file or the limit")
    return file.tail(length)[:-end]


def _read_file(file: ObjectFile, limits: ReadLimits) -> FileSchema:
    import pyarrow as pa
    import pyarrow.ipc

    from s3_catalog.formats._arrow_batches import read_file_batches
    from s3_catalog.formats._arrow_messages import read_footer
    from s3_catalog.formats._flatbuffers import CorruptMessageError

    data = _read_footer(file, 10, limits)
    try:
        footer = read_footer(data)
        reader = pa.ipc.open_file(pa.PythonFile(file, mode="r"))
        batches = read_file_batches(file, footer, file.size - max(len(data) + 10, limits.tail_bytes))
        return _build_schema(file, reader.schema, batches, limits)
    except CorruptMessageError as error:
        raise UnreadableFileError(file.key, "arrow_ipc", str(error)) from error
    except (pa.ArrowException, OSError, ValueError, KeyError) as error:
        raise UnreadableFileError(file.key, "arrow_ipc", "the footer or a message is corrupt") from error


def _read_feather_v1(file: ObjectFile, limits: ReadLimits) -> FileSchema:
    from s3_catalog.formats._arrow_schema import read_columns
    from s3_catalog.formats._feather_v1 import read_footer

    try:
        schema, rows, figures = read_footer(_read_footer(file, 8, limits))
        refuse_many_columns(file, "arrow_ipc", len(schema), limits)
        columns, warnings = read_columns(schema, limits.max_depth)
    except ValueError as error:
        raise UnreadableFileError(file.key, "arrow_ipc", "the footer of Feather version 1 is corrupt") from error
    return FileSchema(columns=columns, row_count=rows, figures=figures, warnings=warnings, details={"version": "Feather 1"})


def _build_schema(file: ObjectFile, schema: Any, batches: Batches, limits: ReadLimits) -> FileSchema:
    from s3_catalog.formats._arrow_figures import read_figures
    from s3_catalog.formats._arrow_schema import read_columns

    refuse_many_columns(file, "arrow_ipc", len(schema), limits)
    columns, warnings = read_columns(schema, limits.max_depth)
    return FileSchema(
        columns=columns,
        row_count=batches.rows,
        row_estimate=batches.estimate,
        figures={} if batches.rows is None else read_figures(schema, batches.uses, batches.found),
        warnings=(*warnings, *batches.warnings),
    )


def _read_stream(file: ObjectFile, limits: ReadLimits) -> FileSchema:
    import pyarrow as pa
    import pyarrow.ipc

    from s3_catalog.formats._arrow_batches import read_stream_batches
    from s3_catalog.formats._flatbuffers import CorruptMessageError

    head = _read_schema_head(file, limits)
    try:
        batches = read_stream_batches(BytesFile(file.key, head.data) if head.whole else file, len(head.data))
        reader = pa.ipc.open_stream(pa.PythonFile(io.BytesIO(head.data), mode="r"))
        return _build_schema(file, reader.schema, batches, limits)
    except CorruptMessageError as error:
        raise UnreadableFileError(file.key, "arrow_ipc", str(error)) from error
    except (pa.ArrowException, OSError, ValueError, KeyError, EOFError) as error:
        raise UnreadableFileError(file.key, "arrow_ipc", "a message of the stream is corrupt or cut") from error


def _read_schema_head(file: ObjectFile, limits: ReadLimits) -> Head:
    """Read the start of a stream, so much of it that the schema is whole."""
    head = read_head(file, "arrow_ipc", None, limits)
    if not _is_stream(head.data):
        truncated = "truncated: it begins as Arrow IPC and has no footer at its end"
        reason = truncated if head.data.startswith(_MAGIC) else f"the bytes are {describe_bytes(head.data)}"
        raise UnreadableFileError(file.key, "arrow_ipc", reason)
    if not head.whole and 8 + int.from_bytes(head.data[4:8], "little") > len(head.data):
        return read_longer_head(file, "arrow_ipc", None, limits)
    return head


FORMAT = ArrowIpcFormat()
