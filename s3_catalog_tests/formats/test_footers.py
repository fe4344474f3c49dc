from __future__ import annotations

import io
import sys
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import duckdb
import fastavro
import numpy as np
import pyarrow as pa
import pyarrow.feather
import pyarrow.ipc
import pyarrow.orc
import pyarrow.parquet as pq
import pytest

from s3_catalog.errors import MissingExtraError, UnreadableFileError
from s3_catalog.formats import ReadLimits, file_formats
from s3_catalog_tests.formats.readers import read, types
from s3_catalog_tests.formats.stores import open_bytes

NESTED = pa.struct([pa.field("tags", pa.list_(pa.string())), pa.field("props", pa.map_(pa.string(), pa.float64()))])
FIDELITY = pa.schema(
    [
        pa.field("i8", pa.int8()),
        pa.field("u32", pa.uint32()),
        pa.field("u64", pa.uint64()),
        pa.field("i64", pa.int64(), nullable=False),
        pa.field("f32", pa.float32()),
        pa.field("dec", pa.decimal128(18, 4)),
        pa.field("wide", pa.decimal256(60, 10)),
        pa.field("s", pa.string()),
        pa.field("ls", pa.large_string()),
        pa.field("b", pa.binary()),
        pa.field("fixed", pa.binary(16)),
        pa.field("d", pa.date32()),
        pa.field("t", pa.time64("us")),
        pa.field("ts_s", pa.timestamp("s")),
        pa.field("ts_ns", pa.timestamp("ns")),
        pa.field("tz", pa.timestamp("us", tz="Europe/Berlin")),
        pa.field("dict", pa.dictionary(pa.int32(), pa.string())),
        pa.field("nested", NESTED),
        pa.field("uuid", pa.uuid()),
    ]
)


def parquet(table: pa.Table, **options: Any) -> bytes:
    sink = io.BytesIO()
    pq.write_table(table, sink, **options)
    return sink.getvalue()


def orc(table: pa.Table, **options: Any) -> bytes:
    sink = io.BytesIO()
    pa.orc.write_table(table, sink, **options)
    return sink.getvalue()


def ipc_file(table: pa.Table, **options: Any) -> bytes:
    sink = io.BytesIO()
    with pa.ipc.new_file(sink, table.schema) as writer:
        writer.write_table(table, **options)
    return sink.getvalue()


def ipc_stream(table: pa.Table) -> bytes:
    sink = io.BytesIO()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    return sink.getvalue()


def feather(table: pa.Table) -> bytes:
    sink = io.BytesIO()
    pa.feather.write_feather(table, sink, compression="zstd")
    return sink.getvalue()


def numbers(rows: int) -> pa.Table:
    return pa.table({"id": np.arange(rows), "noise": np.random.default_rng(1).random(rows)})


WRITERS: dict[str, tuple[str, Callable[[pa.Table], bytes]]] = {
    "parquet": ("parquet", parquet),
    "orc": ("orc", orc),
    "arrow file": ("arrow_ipc", ipc_file),
    "arrow stream": ("arrow_ipc", ipc_stream),
    "feather": ("arrow_ipc", feather),
}


@pytest.mark.parametrize("writer", WRITERS)
def test_small_file_costs_one_get(writer: str) -> None:
    name, write = WRITERS[writer]
    file, receipt = open_bytes(write(numbers(100)))
    schema = file_formats()[name].read_schema(file, None, ReadLimits())
    assert (types(schema), schema.row_count) == ({"id": "bigint", "noise": "double"}, 100)
    assert (receipt.get_requests, receipt.bytes_read) == (1, file.size)


@pytest.mark.parametrize("writer", ["parquet", "orc"])
def test_large_file_costs_one_or_two_gets_of_its_end(writer: str) -> None:
    name, write = WRITERS[writer]
    file, receipt = open_bytes(write(numbers(1_000_000)))
    schema = file_formats()[name].read_schema(file, None, ReadLimits())
    assert (types(schema), schema.row_count) == ({"id": "bigint", "noise": "double"}, 1_000_000)
    assert receipt.get_requests <= 2
    assert receipt.bytes_read <= 128 * 1024


def test_long_parquet_footer_costs_a_second_get() -> None:
    table = pa.table({f"a_long_column_name_{i:05}": [1] for i in range(1500)})
    file, receipt = open_bytes(parquet(table, compression="none"))
    schema = file_formats()["parquet"].read_schema(file, None, ReadLimits(tail_bytes=8192))
    assert len(schema.columns) == 1500
    assert receipt.get_requests == 2


def test_parquet_types_are_those_of_its_own_reader() -> None:
    data = parquet(FIDELITY.empty_table())
    schema = read("parquet", data)
    own = pq.read_schema(io.BytesIO(data))
    assert [(c.name, c.type, c.nullable) for c in schema.columns] == [(f.name, f.type, f.nullable) for f in own]
    assert types(schema) == {
        "i8": "tinyint",
        "u32": "bigint",
        "u64": "decimal(20,0)",
        "i64": "bigint",
        "f32": "float",
        "dec": "decimal(18,4)",
        "wide": "decimal(60,10)",
        "s": "string",
        "ls": "string",
        "b": "binary",
        "fixed": "binary",
        "d": "date",
        "t": "time",
        "ts_s": "timestamp",
        "ts_ns": "timestamp",
        "tz": "timestamptz",
        "dict": "string",
        "nested": "struct<tags:array<string>,props:map<string,double>>",
        "uuid": "binary",
    }
    assert {c.name: c.source_type for c in schema.columns if c.source_type} == {"uuid": "UUID", "u64": "UINT_64"}


def test_parquet_of_duckdb_reads_back(tmp_path: Any) -> None:
    path = tmp_path / "out.parquet"
    duckdb.sql(
        "COPY (SELECT 1::BIGINT AS id, 1.25::DECIMAL(10,2) AS price, TIMESTAMP '2024-01-01' AS at, [1, 2] AS items, "
        f"MAP {{'a': 1}} AS m, uuid() AS key) TO '{path}' (FORMAT parquet)"
    )
    schema = read("parquet", path.read_bytes())
    expected = {"id": "bigint", "price": "decimal(10,2)", "at": "timestamp", "items": "array<int>", "m": "map<string,int>", "key": "binary"}
    assert (types(schema), schema.row_count) == (expected, 1)


def test_int96_timestamps_are_named() -> None:
    data = parquet(pa.table({"at": pa.array([0], pa.timestamp("ns"))}), use_deprecated_int96_timestamps=True)
    assert [(c.source_type) for c in read("parquet", data).columns] == ["INT96"]


def test_orc_types_are_those_of_its_own_reader() -> None:
    kept = [f for f in FIDELITY if f.name not in ("u32", "u64", "wide", "fixed", "t", "dict", "uuid")]
    data = orc(pa.schema(kept).empty_table())
    own = pa.orc.ORCFile(io.BytesIO(data)).schema
    assert [(c.name, c.type) for c in read("orc", data).columns] == [(f.name, f.type) for f in own]


@pytest.mark.parametrize("write", [ipc_file, ipc_stream])
def test_arrow_types_are_the_writers(write: Callable[[pa.Table], bytes]) -> None:
    data = write(FIDELITY.empty_table())
    assert [(c.name, c.type, c.nullable) for c in read("arrow_ipc", data).columns] == [(f.name, f.type, f.nullable) for f in FIDELITY]


@pytest.mark.parametrize("write", [ipc_file, ipc_stream])
def test_large_arrow_file_costs_two_gets_and_is_counted(write: Callable[[pa.Table], bytes]) -> None:
    file, receipt = open_bytes(write(numbers(1_000_000)))
    schema = file_formats()["arrow_ipc"].read_schema(file, None, ReadLimits())
    assert (types(schema), schema.row_count) == ({"id": "bigint", "noise": "double"}, 1_000_000)
    assert receipt.get_requests <= 2
    assert receipt.bytes_read <= 128 * 1024


@pytest.mark.parametrize("kind", ["file", "stream"])
def test_small_arrow_data_that_decompresses_to_gigabytes_is_not_decompressed(kind: str) -> None:
    table = pa.table({"zeros": np.zeros(50_000_000, dtype="i1")})
    sink = io.BytesIO()
    new = pa.ipc.new_file if kind == "file" else pa.ipc.new_stream
    with new(sink, table.schema, options=pa.ipc.IpcWriteOptions(compression="zstd")) as writer:
        writer.write_table(table)
    before = pa.total_allocated_bytes()
    schema = read("arrow_ipc", sink.getvalue())
    assert schema.row_count == 50_000_000
    assert pa.total_allocated_bytes() - before < 1_000_000


@pytest.mark.parametrize("file_format", ["parquet", "orc", "arrow_ipc"])
@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "0 bytes"),
        (b"id,name\n1,a\n", "text"),
        (b"%PDF-1.4" + bytes(99), "PDF"),
        (b'{"a": 1}' * 20_000, "text"),
        (bytes(100_000), "zero bytes"),
    ],
)
def test_other_content_is_named(file_format: str, data: bytes, reason: str) -> None:
    with pytest.raises(UnreadableFileError, match=reason):
        read(file_format, data)


@pytest.mark.parametrize("writer", ["parquet", "orc", "arrow file"])
def test_a_file_without_its_end_is_called_truncated(writer: str) -> None:
    name, write = WRITERS[writer]
    with pytest.raises(UnreadableFileError, match="truncated"):
        read(name, write(numbers(1000))[:-1000])


def test_a_codecs_name_after_a_plain_parquet_file_is_ignored() -> None:
    assert read("parquet", parquet(numbers(10)), "snappy").row_count == 10


def test_a_small_gzipped_parquet_file_is_read() -> None:
    import gzip

    assert read("parquet", gzip.compress(parquet(numbers(10))), "gzip").row_count == 10
    assert read("parquet", gzip.compress(parquet(numbers(10)))).warnings != ()


def test_a_large_gzipped_parquet_file_says_why_not() -> None:
    import gzip

    with pytest.raises(UnreadableFileError, match="compressed as a whole"):
        read("parquet", gzip.compress(parquet(numbers(100_000))), "gzip")


def test_an_encrypted_footer_is_named() -> None:
    with pytest.raises(UnreadableFileError, match="encrypted"):
        read("parquet", b"PARE" + bytes(100) + b"\x10\x00\x00\x00PARE")


def test_too_many_parquet_columns_are_refused() -> None:
    with pytest.raises(UnreadableFileError, match="columns"):
        read("parquet", parquet(pa.table({f"c{i}": [1] for i in range(50)})), limits=ReadLimits(max_columns=49))


AVRO = {
    "type": "record",
    "name": "Row",
    "namespace": "shop",
    "fields": [
        {"name": "id", "type": "long"},
        {"name": "price", "type": {"type": "bytes", "logicalType": "decimal", "precision": 18, "scale": 4}},
        {"name": "at", "type": ["null", {"type": "long", "logicalType": "timestamp-micros"}]},
        {"name": "either", "type": ["null", "int", "string"]},
        {"name": "wide", "type": ["int", "long"]},
        {"name": "next", "type": ["null", "Row"]},
        {"name": "colour", "type": {"type": "enum", "name": "Colour", "symbols": ["RED"]}},
        {"name": "second", "type": "Colour"},
        {"name": "lists", "type": {"type": "map", "values": {"type": "array", "items": "float"}}},
        {"name": "raw", "type": {"type": "fixed", "name": "Raw", "size": 4}},
    ],
}
ROW = {
    "id": 1,
    "price": Decimal("1.5"),
    "at": None,
    "either": "x",
    "wide": 2,
    "next": None,
    "colour": "RED",
    "second": "RED",
    "lists": {},
    "raw": b"abcd",
}


def avro(rows: int, codec: str = "deflate") -> bytes:
    sink = io.BytesIO()
    fastavro.writer(sink, fastavro.parse_schema(AVRO), [ROW] * rows, codec=codec)
    return sink.getvalue()


@pytest.mark.parametrize("codec", ["null", "deflate", "bzip2", "xz", "snappy"])
def test_avro_schema_comes_from_its_header(codec: str) -> None:
    schema = read("avro", avro(50, codec))
    assert (schema.row_count, schema.details["codec"]) == (50, codec)
    assert types(schema) == {
        "id": "bigint",
        "price": "decimal(18,4)",
        "at": "timestamptz",
        "either": "struct<member0:int,member1:string>",
        "wide": "bigint",
        "next": "string",
        "colour": "string",
        "second": "string",
        "lists": "map<string,array<float>>",
        "raw": "binary",
    }
    assert [c.name for c in schema.columns if c.nullable] == ["at", "either", "next"]


def test_large_avro_costs_one_get_of_its_head() -> None:
    file, receipt = open_bytes(avro(20_000, "null"))
    schema = file_formats()["avro"].read_schema(file, None, ReadLimits())
    assert (len(schema.columns), schema.row_count, receipt.get_requests, receipt.bytes_read) == (10, None, 1, 65536)


def test_large_avro_of_few_blocks_is_counted_by_their_heads() -> None:
    sink = io.BytesIO()
    rows = [ROW | {"raw": i.to_bytes(4, "big")} for i in range(40_000)]
    fastavro.writer(sink, fastavro.parse_schema(AVRO), rows, codec="null", sync_interval=300_000)
    file, receipt = open_bytes(sink.getvalue())
    schema = file_formats()["avro"].read_schema(file, None, ReadLimits())
    assert (schema.row_count, file.size > 500_000) == (40_000, True)
    assert (receipt.get_requests <= 14, receipt.bytes_read < 70_000) == (True, True)


def test_large_avro_with_a_damaged_block_is_not_counted() -> None:
    sink = io.BytesIO()
    fastavro.writer(sink, fastavro.parse_schema(AVRO), [ROW] * 40_000, codec="null", sync_interval=300_000)
    assert read("avro", sink.getvalue()[:-1000]).row_count is None


def test_avro_that_unfolds_without_end_is_bounded() -> None:
    inner: Any = "int"
    for i in range(40):
        inner = {
            "type": "record",
            "name": f"R{i}",
            "fields": [{"name": "a", "type": inner}, {"name": "b", "type": f"R{i - 1}" if i else "int"}],
        }
    sink = io.BytesIO()
    fastavro.writer(sink, inner, [])
    with pytest.raises(UnreadableFileError, match="schema cannot be read"):
        read("avro", sink.getvalue())


def test_avro_without_its_package_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "fastavro", None)
    with pytest.raises(MissingExtraError, match=r"s3-catalog\[avro\]"):
        read("avro", avro(1))
