"""Rows of the formats that DuckDB does not read, as record batches: ORC, Arrow IPC and Avro, some thousand rows at a time."""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Any

import pyarrow as pa

from s3_catalog.errors import MissingExtraError, UnreadableFileError
from s3_catalog.model.tables import Column
from s3_catalog.profiling.columns import Kind, kind_of
from s3_catalog.storage.files import ObjectFile

BATCH_ROWS = 4096
_BUFFER_BYTES = 1024 * 1024
_AVRO, _ARROW = b"Obj\x01", b"ARROW1"
_CONTINUATION = b"\xff\xff\xff\xff"


def open_batches(file: ObjectFile, file_format: str, columns: Sequence[Column]) -> tuple[pa.Schema, Iterator[pa.RecordBatch]]:
    """Open a file of a format that has typed rows.

    Raises:
        UnreadableFileError: it is compressed as a whole, or of Feather version 1.
        StoreError: the object could not be read or has changed.
    """
    if file_format == "orc":
        return _open_orc(file)
    return _open_avro(file, columns) if file_format == "avro" else _open_arrow(file)


def _open_orc(file: ObjectFile) -> tuple[pa.Schema, Iterator[pa.RecordBatch]]:
    import pyarrow.dataset as ds

    if file.tail(4)[:3] != b"ORC":
        raise UnreadableFileError(file.key, "orc", "it is compressed as a whole")
    fragment = ds.OrcFileFormat().make_fragment(pa.PythonFile(file, mode="r"))
    found = fragment.to_batches(batch_size=BATCH_ROWS, use_threads=False, batch_readahead=0, fragment_readahead=0)
    return fragment.physical_schema, found


def _open_arrow(file: ObjectFile) -> tuple[pa.Schema, Iterator[pa.RecordBatch]]:
    from pyarrow import ipc

    source = pa.PythonFile(file, mode="r")
    if file.tail(len(_ARROW)) == _ARROW:
        reader = ipc.open_file(source)
        return reader.schema, _slices(reader.get_batch(number) for number in range(reader.num_record_batches))
    if file.head(4) != _CONTINUATION:
        raise UnreadableFileError(file.key, "arrow_ipc", "it is compressed as a whole, or of Feather version 1")
    stream = ipc.open_stream(source)
    return stream.schema, _slices(stream)


def _slices(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    for batch in batches:
        batch.validate(full=True)  # offsets of a hostile file may point anywhere
        for start in range(0, batch.num_rows, BATCH_ROWS):
            yield batch.slice(start, BATCH_ROWS)


def _open_avro(file: ObjectFile, columns: Sequence[Column]) -> tuple[pa.Schema, Iterator[pa.RecordBatch]]:
    try:
        import fastavro
    except ImportError as error:
        raise MissingExtraError("reading Avro", "avro") from error
    if file.head(len(_AVRO)) != _AVRO:
        raise UnreadableFileError(file.key, "avro", "it is compressed as a whole")
    file.seek(0)
    rows = fastavro.reader(io.BufferedReader(file, _BUFFER_BYTES))
    # Of nested values it only matters whether they are there.
    schema = pa.schema([(c.name, pa.bool_() if kind_of(c.type) is Kind.NESTED else c.type) for c in columns])
    return schema, _avro_batches(rows, schema)


def _avro_batches(rows: Iterator[Any], schema: pa.Schema) -> Iterator[pa.RecordBatch]:
    while block := list(islice(rows, BATCH_ROWS)):
        yield pa.record_batch([_values(block, field) for field in schema], schema=schema)


def _values(rows: Sequence[Any], field: pa.Field) -> pa.Array:
    found = [row.get(field.name) if isinstance(row, dict) else row for row in rows]
    if pa.types.is_boolean(field.type):
        found = [None if value is None else bool(value) for value in found]
    elif pa.types.is_string(field.type):
        found = [None if value is None else str(value) for value in found]
    return pa.array(found, field.type)
