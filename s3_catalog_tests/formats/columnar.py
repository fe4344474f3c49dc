"""Parquet, ORC, Avro and Arrow files of real writers, and the rows that are read of them."""

from __future__ import annotations

import datetime as dt
import io
from collections.abc import Sequence
from typing import Any

import fastavro
import numpy as np
import pyarrow as pa
import pyarrow.feather
import pyarrow.ipc
import pyarrow.orc
import pyarrow.parquet as pq

from s3_catalog.formats import ReadLimits, Row, SampleFormat, file_formats
from s3_catalog.storage.receipt import Receipt
from s3_catalog_tests.formats.stores import open_bytes

MEGABYTE = 1024 * 1024


def local(*parts: int) -> dt.datetime:
    """A moment without a zone."""
    return dt.datetime(*parts)  # type: ignore[arg-type]  # noqa: DTZ001


def take(file_format: str, data: bytes, rows: int = 1000, compression: str | None = None, **limits: Any) -> tuple[Sequence[Row], Receipt]:
    """The rows of a file's only table, and what they cost."""
    file, receipt = open_bytes(data)
    reader = file_formats()[file_format]
    assert isinstance(reader, SampleFormat)
    found = reader.read_sample(file, compression, ReadLimits(**limits), rows)
    assert set(found) <= {""}
    return found.get("", ()), receipt


def parquet(table: pa.Table, **options: Any) -> bytes:
    sink = io.BytesIO()
    pq.write_table(table, sink, **options)
    return sink.getvalue()


def orc(table: pa.Table, **options: Any) -> bytes:
    sink = io.BytesIO()
    pa.orc.write_table(table, sink, **options)
    return sink.getvalue()


def arrow(table: pa.Table, chunk: int | None = None, **options: Any) -> bytes:
    sink = io.BytesIO()
    with pa.ipc.new_file(sink, table.schema, options=pa.ipc.IpcWriteOptions(**options)) as writer:
        writer.write_table(table, max_chunksize=chunk)
    return sink.getvalue()


def stream(table: pa.Table, chunk: int | None = None, **options: Any) -> bytes:
    sink = io.BytesIO()
    with pa.ipc.new_stream(sink, table.schema, options=pa.ipc.IpcWriteOptions(**options)) as writer:
        writer.write_table(table, max_chunksize=chunk)
    return sink.getvalue()


def avro(schema: Any, rows: Sequence[Any], **options: Any) -> bytes:
    sink = io.BytesIO()
    fastavro.writer(sink, schema, rows, **options)
    return sink.getvalue()


def feather_v1(table: pa.Table) -> bytes:
    sink = io.BytesIO()
    pa.feather.write_feather(table, sink, version=1)
    return sink.getvalue()


def numbers(count: int, columns: int, *, seed: int = 1) -> dict[str, Any]:
    """Columns that no encoding makes small."""
    rng = np.random.default_rng(seed)
    return {f"c{i}": rng.integers(0, 1 << 60, count) for i in range(columns)}
