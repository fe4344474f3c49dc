"""Parquet: everything stands in the footer, one range from the end of the file."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from s3_catalog.errors import UnreadableFileError
from s3_catalog.formats import FileSchema, ReadLimits
from s3_catalog.formats._footer import open_footer, refuse_many_columns
from s3_catalog.formats._magic import describe_bytes
from s3_catalog.storage.files import ObjectFile

_MAGIC, _ENCRYPTED = b"PAR1", b"PARE"
_MAX_LIST = 65_536
"""Elements of one list in a footer (columns, row groups): the native reader makes room for as many as the footer claims."""
_TELLING_TYPES = frozenset({"JSON", "BSON", "UUID", "ENUM", "INTERVAL"})
"""Logical types of which the Arrow type keeps less than their name says."""


class ParquetFormat:
    """Apache Parquet. Compression is inside the file; a file compressed as a whole is read only when it is small."""

    name = "parquet"
    suffixes = frozenset({".parquet", ".pq", ".parq", ".pqt"})
    counts_cheaply = True

    def matches(self, head: bytes) -> bool:
        return head.startswith((_MAGIC, _ENCRYPTED))

    def read_schema(self, file: ObjectFile, compression: str | None, limits: ReadLimits) -> FileSchema:
        source = open_footer(file, self.name, compression, limits, is_plain=lambda tail: tail[-4:] in (_MAGIC, _ENCRYPTED))
        _load_footer(source.file, limits)
        schema = _read_footer(source.file, limits)
        return replace(schema, warnings=(*source.warnings, *schema.warnings))


def _load_footer(file: ObjectFile, limits: ReadLimits) -> None:
    """Check the file's frame and fetch the rest of a footer that is longer than the tail.

    The last 8 bytes are the footer's length (4 bytes, little-endian) and the signature.
    """
    tail = file.tail(limits.tail_bytes)
    if tail[-4:] == _ENCRYPTED:
        raise UnreadableFileError(file.key, "parquet", "the footer is encrypted")
    if tail[-4:] != _MAGIC or file.size < 12:
        raise UnreadableFileError(file.key, "parquet", _describe_frame(file))
    length = int.from_bytes(tail[-8:-4], "little") + 8
    if length > file.size - len(_MAGIC):
        raise UnreadableFileError(file.key, "parquet", "the footer claims to be longer than the file")
    if length > limits.max_footer_bytes:
        raise UnreadableFileError(file.key, "parquet", f"the footer has {length:,} bytes, more than {limits.max_footer_bytes:,}")
    if length > len(tail):
        file.tail(length)


def _describe_frame(file: ObjectFile) -> str:
    head = file.head(16) if file.size > 16 else file.head(file.size)
    if head.startswith(_MAGIC):
        return "truncated: it begins as Parquet and has no footer at its end"
    return f"the bytes are {describe_bytes(file.head(512))}"


def _read_footer(file: ObjectFile, limits: ReadLimits) -> FileSchema:
    import pyarrow as pa
    import pyarrow.parquet as pq

    from s3_catalog.formats._arrow_schema import read_columns

    try:
        own = pq.ParquetFile(pa.PythonFile(file, mode="r"), thrift_container_size_limit=_MAX_LIST)
        metadata = own.metadata
        refuse_many_columns(file, "parquet", metadata.num_columns, limits)
        columns, warnings = read_columns(own.schema_arrow, limits.max_depth, _source_types(metadata.schema))
        created_by = metadata.created_by
    except (pa.ArrowException, OSError, ValueError) as error:
        raise UnreadableFileError(file.key, "parquet", "the footer is corrupt") from error
    groups = [metadata.row_group(i) for i in range(metadata.num_row_groups)]
    rows = sum(group.num_rows for group in groups)
    if rows != metadata.num_rows or rows < 0 or any(_has_fewer_values(group) for group in groups):
        raise UnreadableFileError(file.key, "parquet", "the footer contradicts itself: its row groups do not add up to its row count")
    return FileSchema(columns=columns, row_count=rows, warnings=warnings, details={"created_by": created_by} if created_by else {})


def _has_fewer_values(group: Any) -> bool:
    """Whether a row group claims more rows than its first column has values (nulls are values; a list has one or more per row)."""
    import pyarrow as pa

    try:
        return bool(group.num_columns and group.column(0).num_values < group.num_rows)
    except (pa.ArrowException, OSError):  # a column that is encrypted by a key of its own does not tell
        return False


def _source_types(schema: Any) -> dict[str, str]:
    """Top-level columns whose Parquet type says more than Arrow's."""
    found: dict[str, str] = {}
    for i in range(len(schema)):
        column = schema.column(i)
        if "." in column.path:
            continue
        if column.physical_type == "INT96":
            found[column.name] = "INT96"
        else:
            # Older writers, and INTERVAL to this day, have the converted type only.
            telling = _TELLING_TYPES & {column.logical_type.type, column.converted_type}
            found.update((column.name, name) for name in telling)
    return found


FORMAT = ParquetFormat()
