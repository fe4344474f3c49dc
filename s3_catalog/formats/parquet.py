"""Parquet: everything stands in the footer, one range from the end of the file."""

from __future__ import annotations

import base64
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from decimal import Context, Decimal
from typing import Any

import pyarrow as pa

from s3_catalog.errors import UnreadableFileError
from s3_catalog.formats import FileSchema, ReadLimits, Row
from s3_catalog.formats._arrow_schema import read_columns
from s3_catalog.formats._columnar_sample import fetch_planned, read_columnar, small_tail
from s3_catalog.formats._footer import BytesFile, cost_of_end, open_footer
from s3_catalog.formats._magic import describe_bytes
from s3_catalog.formats._sample_budget import sample_within
from s3_catalog.formats._sandbox import OutOfMemoryError, Sandbox, read_sandboxed
from s3_catalog.model.statistics import ColumnFigures
from s3_catalog.storage.files import ObjectFile

_MAGIC, _ENCRYPTED = b"PAR1", b"PARE"
_EXACT = Context(prec=100)
_SANDBOX = Sandbox(reader="_parquet_footer", block_bytes=1024 * 1024, memory_bytes=192 * 1024 * 1024)


class ParquetFormat:
    """Apache Parquet. Compression is inside the file; a file compressed as a whole is read only when it is small.

    Figures come from the statistics of row groups; of more than 250,000 column chunks, those of the first columns. Footers are read in a
    process of their own, and refused when that takes more than 192 MiB: an honest one of 30 MB does not.
    """

    name = "parquet"
    suffixes = frozenset({".parquet", ".pq", ".parq", ".pqt"})
    counts_cheaply = True

    def matches(self, head: bytes) -> bool:
        return head.startswith((_MAGIC, _ENCRYPTED))

    def read_schema(self, file: ObjectFile, compression: str | None, limits: ReadLimits) -> FileSchema:
        source = open_footer(file, self.name, compression, limits, is_plain=lambda tail: tail[-4:] in (_MAGIC, _ENCRYPTED))
        answer, warnings = _read_footer(_load_footer(source.file, limits), limits)
        schema = _read_answer(file.key, answer, limits)
        return replace(schema, warnings=(*source.warnings, *warnings, *schema.warnings))

    def read_sample(self, file: ObjectFile, compression: str | None, limits: ReadLimits, rows: int) -> Mapping[str, Sequence[Row]]:
        return sample_within(file, small_tail(limits), rows, lambda file, limits: {"": _read_rows(file, compression, limits, rows)})

    def read_field_ids(self, file: ObjectFile, limits: ReadLimits) -> pa.Schema:
        options = {"max_columns": limits.max_columns, "figures": False, "field_ids": True}
        answer = read_sandboxed(_SANDBOX, _load_footer(file, limits), self.name, options, limits)
        return _read_schema(file.key, answer)


def _read_rows(file: ObjectFile, compression: str | None, limits: ReadLimits, rows: int) -> Sequence[Row]:
    source = open_footer(file, "parquet", compression, limits, is_plain=lambda tail: tail[-4:] in (_MAGIC, _ENCRYPTED)).file
    footer = _load_footer(source, limits)
    # The sandbox fetches the footer as well, from what is here.
    left = limits.max_sample_bytes - cost_of_end(source, footer.size, limits) + footer.size
    options = {"kind": "parquet", "footer_start": source.size - footer.size, "max_bytes": left}
    if rows > 0:
        fetch_planned(source, "parquet", {**options, "kind": "parquet plan"}, limits, rows)
    return read_columnar(source, "parquet", options, limits, rows)


def _load_footer(file: ObjectFile, limits: ReadLimits) -> BytesFile:
    """Check the file's frame and fetch its footer; what comes back is the file's end, from where the footer begins.

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
    # Four bytes more: the smallest file that pyarrow looks at has 12.
    return BytesFile(file.key, tail[-length - 4 :] if length + 4 <= len(tail) else file.tail(length + 4))


def _describe_frame(file: ObjectFile) -> str:
    head = file.head(16) if file.size > 16 else file.head(file.size)
    if head.startswith(_MAGIC):
        return "truncated: it begins as Parquet and has no footer at its end"
    return f"the bytes are {describe_bytes(file.head(512))}"


def _read_footer(footer: BytesFile, limits: ReadLimits) -> tuple[Mapping[str, Any], tuple[str, ...]]:
    """The JSON of `_parquet_footer.read`, and warnings.

    pyarrow ends its process when the facts of one column chunk are damaged or encrypted by a key of their own; the second reading does
    without those facts.
    """
    options = {"max_columns": limits.max_columns, "figures": True}
    try:
        return read_sandboxed(_SANDBOX, footer, "parquet", options, limits), ()
    except OutOfMemoryError:
        answer = read_sandboxed(_SANDBOX, footer, "parquet", options | {"figures": False}, limits)
        return answer, ("the statistics of its columns cannot be read: damaged, encrypted, or too many",)


def _read_answer(key: str, answer: Mapping[str, Any], limits: ReadLimits) -> FileSchema:
    schema = _read_schema(key, answer)
    try:
        columns, warnings = read_columns(schema, limits.max_depth, answer["source_types"])
        figures = _read_figures(schema, answer)
    except (pa.ArrowException, OSError, ValueError) as error:
        raise UnreadableFileError(key, "parquet", "the footer is corrupt") from error
    details = {"created_by": answer["created_by"]} if answer["created_by"] else {}
    if answer["codecs"]:
        details["codec"] = ", ".join(answer["codecs"]).lower()
    return FileSchema(columns=columns, row_count=answer["rows"], figures=figures, warnings=warnings, details=details)


def _read_schema(key: str, answer: Mapping[str, Any]) -> pa.Schema:
    try:
        return pa.ipc.read_schema(pa.py_buffer(base64.b64decode(answer["schema"])))
    except (pa.ArrowException, OSError, ValueError) as error:
        raise UnreadableFileError(key, "parquet", "the footer is corrupt") from error


def _read_figures(schema: pa.Schema, answer: Mapping[str, Any]) -> dict[str, ColumnFigures]:
    """Figures by name, of the columns whose name stands once."""
    standing, found = Counter(schema.names), {}
    told = zip(schema, answer["nulls"], answer["sizes"], answer["lows"], answer["highs"], answer["exact"], strict=True)
    for column, nulls, size_bytes, lowest, highest, exact in told:
        low, high = _make_scalar(column.type, lowest), _make_scalar(column.type, highest)
        if low is None or high is None:
            low = high = None
        figures = ColumnFigures(null_count=nulls, min=low, max=high, size_bytes=size_bytes, exact=exact)
        if standing[column.name] == 1 and figures != ColumnFigures():
            found[column.name] = figures
    return found


def _make_scalar(arrow_type: pa.DataType, stored: Any) -> pa.Scalar | None:
    """Make a value of the column's type of one in `_parquet_figures.Figures`; None where the type cannot hold it."""
    if stored is None:
        return None
    try:
        if pa.types.is_dictionary(arrow_type):
            value = _make_scalar(arrow_type.value_type, stored)
            return None if value is None else value.cast(arrow_type)
        if pa.types.is_decimal(arrow_type):
            return pa.scalar(Decimal(stored).scaleb(-arrow_type.scale, _EXACT), arrow_type)
        if pa.types.is_date64(arrow_type):
            return pa.scalar(stored, pa.int32()).cast(pa.date32()).cast(arrow_type)
        if pa.types.is_temporal(arrow_type):
            return pa.scalar(stored, pa.int32() if arrow_type.bit_width == 32 else pa.int64()).cast(arrow_type)
        return pa.scalar(stored, arrow_type)
    except (pa.ArrowException, ValueError, OverflowError):
        return None


FORMAT = ParquetFormat()
