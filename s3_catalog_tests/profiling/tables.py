"""Tables of all formats that are profiled in full, as a crawl would know them."""

from __future__ import annotations

import gzip
import io
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import fastavro
import pyarrow as pa
import pyarrow.csv
import pyarrow.orc
import pyarrow.parquet as pq
import zstandard

from s3_catalog.formats import ReadLimits, file_formats
from s3_catalog.model.description import ColumnProfile
from s3_catalog.model.schemas import FileColumns, merge_schemas
from s3_catalog.model.tables import Column, Table
from s3_catalog.profiling.full import FullProfile, profile_fully
from s3_catalog.storage import ObjectStore
from s3_catalog.storage.files import ObjectFile

PLENTY = 10**9
ROWS = 6000
SECRET = "4111-1111-1111-1111"


@dataclass(frozen=True, slots=True)
class Lake:
    """A table of some files in a folder, as the crawl would know it: its schema from all files that can be read."""

    store: ObjectStore
    table: Table
    files: pa.Table

    def profile(self, *, labels: Mapping[str, str] | None = None, max_bytes: int = PLENTY, **options: Any) -> FullProfile:
        return profile_fully(self.store, self.table, self.files, labels or {}, lambda _, value: value, max_bytes=max_bytes, **options)


def infer(store: ObjectStore, file_format: str, objects: pa.Table) -> tuple[tuple[Column, ...], dict[str, str]]:
    columns, details = [], dict[str, str]()
    for found in objects.to_pylist():
        try:
            schema = file_formats()[file_format].read_schema(ObjectFile(store, found["key"], found["size"]), None, ReadLimits())
        except Exception:  # noqa: BLE001 - what is wrong with the file is for the profile to say
            continue
        columns.append(FileColumns(key=found["key"], age=(0.0, found["key"]), columns=schema.columns, conflicts=()))
        details = {**schema.details, **details}
    return merge_schemas(columns, ()).columns, details


def rows_of(start: int = 0, count: int = ROWS) -> pa.Table:
    return pa.table(
        {
            "id": pa.array(range(start, start + count), pa.int64()),
            "city": pa.array([None if i % 11 == 0 else f"city {i % 5 if i % 3 else 0}" for i in range(count)], pa.string()),
            "price": pa.array([None if i % 7 == 0 else (i * 37 % 1000) / 8 for i in range(count)], pa.float64()),
        }
    )


def as_csv(table: pa.Table, delimiter: str = ",") -> bytes:
    out = io.BytesIO()
    pyarrow.csv.write_csv(table, out, pyarrow.csv.WriteOptions(delimiter=delimiter))
    return out.getvalue()


def as_parquet(table: pa.Table) -> bytes:
    pq.write_table(table, out := io.BytesIO(), row_group_size=1000)
    return out.getvalue()


def as_orc(table: pa.Table) -> bytes:
    pyarrow.orc.write_table(table, out := io.BytesIO())
    return out.getvalue()


def as_arrow(table: pa.Table) -> bytes:
    with pa.ipc.new_file(out := io.BytesIO(), table.schema) as writer:
        writer.write_table(table, max_chunksize=1000)
    return out.getvalue()


def as_arrow_stream(table: pa.Table) -> bytes:
    with pa.ipc.new_stream(out := io.BytesIO(), table.schema) as writer:
        writer.write_table(table, max_chunksize=1000)
    return out.getvalue()


def as_avro(table: pa.Table) -> bytes:
    types = {"id": "long", "city": "string", "price": "double"}
    fields = [{"name": name, "type": ["null", kind]} for name, kind in types.items()]
    fastavro.writer(out := io.BytesIO(), {"type": "record", "name": "r", "fields": fields}, table.to_pylist())
    return out.getvalue()


def as_lines(table: pa.Table) -> bytes:
    return "".join(json.dumps(row) + "\n" for row in table.to_pylist()).encode()


WRITERS: dict[str, tuple[str, Callable[[pa.Table], bytes]]] = {
    "parquet": ("parquet", as_parquet),
    "csv": ("csv", as_csv),
    "csv;": ("csv", lambda table: as_csv(table, ";")),
    "csv.gz": ("csv", lambda table: gzip.compress(as_csv(table))),
    "csv.zst": ("csv", lambda table: zstandard.compress(as_csv(table))),
    "csv utf-16": ("csv", lambda table: as_csv(table).decode().encode("utf-16")),
    "csv latin-1": ("csv", lambda table: as_csv(table).replace(b"city", "Ort ä".encode("latin-1"))),
    "tsv": ("tsv", lambda table: as_csv(table, "\t")),
    "jsonl": ("jsonl", as_lines),
    "jsonl.gz": ("jsonl", lambda table: gzip.compress(as_lines(table))),
    "json": ("json", lambda table: json.dumps(table.to_pylist()).encode()),
    "orc": ("orc", as_orc),
    "arrow": ("arrow_ipc", as_arrow),
    "arrow stream": ("arrow_ipc", as_arrow_stream),
    "avro": ("avro", as_avro),
}


def by_name(profile: FullProfile) -> dict[str, ColumnProfile]:
    assert profile.reason is None
    return {column.column: column for column in profile.columns}


BROKEN = {
    "parquet": as_parquet(rows_of())[:-10],
    "csv": gzip.compress(as_csv(rows_of()))[:-100],
    "jsonl": b'{"id": 1, "city": "' + SECRET.encode() + b'"' + b"\n{" * 30,
    "json": b'[{"id": 1}, {"id": "' + SECRET.encode() * 10_000 + b'"}',
    "orc": as_orc(rows_of())[:-10],
    "arrow_ipc": as_arrow(rows_of())[:-10],
    "avro": as_avro(rows_of())[:-10],
}
