"""Rows of Parquet, ORC, Avro and Arrow files: those that the format's own reader gives, as plain Python, for few requests and bytes."""

from __future__ import annotations

import datetime as dt
import struct
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.feather
import pyarrow.ipc
import pyarrow.orc
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from s3_catalog.errors import UnreadableFileError
from s3_catalog.formats._sample_budget import MAX_VALUE_LENGTH
from s3_catalog_tests.formats.columnar import MEGABYTE, arrow, avro, local, orc, parquet, stream, take

NOON_UTC = dt.datetime(2024, 1, 31, 12, 0, 0, 123456, dt.UTC)
NOON = NOON_UTC.replace(tzinfo=None)


WRITERS: dict[str, tuple[str, Callable[..., bytes]]] = {
    "parquet": ("parquet", parquet),
    "orc": ("orc", orc),
    "arrow file": ("arrow_ipc", arrow),
    "arrow stream": ("arrow_ipc", stream),
}

PLAIN = pa.table(
    {
        "id": pa.array([1, 2, None], pa.int64()),
        "amount": pa.array([Decimal("1.50"), None, Decimal("-99999999.99")], pa.decimal128(10, 2)),
        "text": ["00123", "", None],
        "bytes": pa.array([b"\x00\xff", b"", None], pa.binary()),
        "flag": [True, False, None],
        "ratio": [0.1, None, float("inf")],
        "day": pa.array([dt.date(1, 1, 1), dt.date(9999, 12, 31), None], pa.date32()),
        "at": pa.array([NOON, None, local(1969, 12, 31, 23, 59, 59, 999_999)], pa.timestamp("us")),
        "moment": pa.array([NOON_UTC, None, NOON_UTC], pa.timestamp("us", "UTC")),
        "tags": [["a", None], [], None],
        "person": [{"name": "n", "homes": [{"street": "s"}]}, {"name": None, "homes": []}, None],
        "pairs": pa.array([[("k", 1)], [], None], pa.map_(pa.string(), pa.int64())),
    }
)
PLAIN_ROWS = [row | {"pairs": None if row["pairs"] is None else dict(row["pairs"])} for row in PLAIN.to_pylist()]
ARROW_ONLY = pa.table(
    {
        "day": pa.array([NOON.date(), None], pa.date64()),
        "time": pa.array([dt.time(1, 2, 3, 4), None], pa.time64("ns")),
        "took": pa.array([dt.timedelta(days=-1, microseconds=5), None], pa.duration("us")),
        "word": pa.array(["a", None]).dictionary_encode(),
        "view": pa.array(["a view that is longer than twelve", None], pa.string_view()),
        "large": pa.array(["a", None], pa.large_string()),
        "fixed": pa.array([b"abc", None], pa.binary(3)),
        "list": pa.array([[1, 2], None], pa.list_(pa.int8(), 2)),
        "lists": pa.array([[1, 2], None], pa.list_view(pa.int8())),
        "half": pa.array([np.float16(1.5), None], pa.float16()),
        "big": pa.array([2**64 - 1, None], pa.uint64()),
        "wide": pa.array([Decimal("1e-40"), None], pa.decimal256(76, 40)),
        "nothing": pa.nulls(2),
        "numbered": pa.array([[(1, "x")], None], pa.map_(pa.int32(), pa.string())),
        "zoned": pa.array([NOON_UTC, None], pa.timestamp("ns", "Asia/Kolkata")),
    }
)
ARROW_ROWS = [
    {
        "day": NOON.date(), "time": dt.time(1, 2, 3, 4), "took": dt.timedelta(days=-1, microseconds=5), "word": "a",
        "view": "a view that is longer than twelve", "large": "a", "fixed": b"abc", "list": [1, 2], "lists": [1, 2], "half": 1.5,
        "big": 2**64 - 1, "wide": Decimal("1e-40"), "nothing": None, "numbered": [[1, "x"]], "zoned": NOON_UTC,
    },
    dict.fromkeys(ARROW_ONLY.column_names),
]  # fmt: skip


@pytest.mark.parametrize("name", WRITERS)
def test_rows_are_those_of_the_formats_own_reader(name: str) -> None:
    file_format, write = WRITERS[name]
    rows, receipt = take(file_format, write(PLAIN))
    assert rows == PLAIN_ROWS
    assert [type(value) for value in rows[0].values()] == [type(value) for value in PLAIN_ROWS[0].values()]
    assert receipt.get_requests <= 2


@pytest.mark.parametrize("compression", [None, "lz4", "zstd"])
@pytest.mark.parametrize("write", [arrow, stream])
def test_every_type_of_arrow_becomes_plain_python(write: Callable[..., bytes], compression: str | None) -> None:
    assert take("arrow_ipc", write(ARROW_ONLY, compression=compression))[0] == ARROW_ROWS


def test_run_ends_unions_intervals_and_extensions_are_read() -> None:
    union = pa.UnionArray.from_dense(pa.array([0, 1], pa.int8()), pa.array([0, 0], pa.int32()), [pa.array([7]), pa.array(["x"])])
    table = pa.table(
        {
            "runs": pa.RunEndEncodedArray.from_arrays([2], ["a"]),
            "union": union,
            "interval": pa.array([pa.MonthDayNano([1, 2, 3]), None]),
            "uuid": pa.ExtensionArray.from_storage(pa.uuid(), pa.array([b"0123456789abcdef", None], pa.binary(16))),
        }
    )
    assert take("arrow_ipc", arrow(table))[0] == [
        {"runs": "a", "union": 7, "interval": {"months": 1, "days": 2, "nanoseconds": 3}, "uuid": b"0123456789abcdef"},
        {"runs": "a", "union": "x", "interval": None, "uuid": None},
    ]


def test_moments_that_python_cannot_hold_are_texts_and_nanoseconds_are_cut() -> None:
    table = pa.table({"at": pa.array([2**62, 1_999], pa.timestamp("s")), "fine": pa.array([-1, 1_999], pa.timestamp("ns"))})
    assert take("arrow_ipc", arrow(table))[0] == [
        {"at": f"{2**62} s since 1970", "fine": local(1969, 12, 31, 23, 59, 59, 999_999)},
        {"at": local(1970, 1, 1, 0, 33, 19), "fine": local(1970, 1, 1, 0, 0, 0, 1)},
    ]


def test_old_timestamps_of_parquet_reach_beyond_nanoseconds() -> None:
    table = pa.table({"at": pa.array([local(9999, 12, 31), local(1, 1, 1)], pa.timestamp("us"))})
    rows, _ = take("parquet", parquet(table, use_deprecated_int96_timestamps=True, store_schema=False))
    assert rows == table.to_pylist()


@pytest.mark.parametrize("name", WRITERS)
def test_text_that_is_not_utf8_is_replaced(name: str) -> None:
    file_format, write = WRITERS[name]
    bad = pa.Array.from_buffers(pa.string(), 1, [None, pa.py_buffer(struct.pack("<ii", 0, 3)), pa.py_buffer(b"a\xffb")])
    assert take(file_format, write(pa.table({"t": bad})))[0] == [{"t": "a�b"}]


@pytest.mark.parametrize("name", WRITERS)
def test_long_values_are_cut(name: str) -> None:
    file_format, write = WRITERS[name]
    table = pa.table({"text": ["é" * MEGABYTE, "b"], "bytes": [b"x" * MEGABYTE, b"b"], "list": [list(range(200_000)), [1]]})
    first, second = take(file_format, write(table))[0]
    assert all(1000 < len(value) <= MAX_VALUE_LENGTH for value in first.values())  # type: ignore[arg-type]
    assert second == {"text": "b", "bytes": b"b", "list": [1]}


@pytest.mark.parametrize("name", WRITERS)
def test_no_more_rows_than_asked_for_come_in_files_of_any_size(name: str) -> None:
    file_format, write = WRITERS[name]
    table = pa.table({"id": range(10_000), "text": [f"name {i}" for i in range(10_000)]})
    rows, _ = take(file_format, write(table), rows=7)
    assert rows == table.slice(0, 7).to_pylist()
    assert take(file_format, write(table), rows=0)[0] == []
    assert take(file_format, write(table.slice(0, 0)))[0] == []


AVRO = {
    "type": "record",
    "name": "row",
    "fields": [
        {"name": "id", "type": "long"},
        {"name": "text", "type": ["null", "string"]},
        {"name": "either", "type": ["null", "int", "string"]},
        {"name": "widened", "type": ["int", "double"]},
        {"name": "amount", "type": {"type": "bytes", "logicalType": "decimal", "precision": 10, "scale": 2}},
        {"name": "at", "type": {"type": "long", "logicalType": "timestamp-micros"}},
        {"name": "nanos", "type": {"type": "long", "logicalType": "timestamp-nanos"}},
        {"name": "key", "type": {"type": "string", "logicalType": "uuid"}},
        {"name": "inner", "type": {"type": "record", "name": "inner", "fields": [{"name": "a", "type": "double"}]}},
        {"name": "more", "type": {"type": "map", "values": "inner"}},
        {"name": "kind", "type": {"type": "enum", "name": "kind", "symbols": ["A", "B"]}},
    ],
}


def avro_row(number: int) -> dict[str, Any]:
    return {
        "id": number, "text": None, "either": "x" if number % 2 else 5, "widened": 0.5, "amount": Decimal("1.50"), "at": NOON_UTC,
        "nanos": 1_000_000_001_999, "key": "0" * 32, "inner": {"a": 1.5}, "more": {"k": {"a": 2.5}}, "kind": "B",
    }  # fmt: skip


@pytest.mark.parametrize("codec", ["null", "deflate", "snappy", "bzip2", "xz", "zstandard"])
def test_rows_of_avro_have_the_types_of_its_columns(codec: str) -> None:
    data = avro(AVRO, [avro_row(i) for i in range(30_000)], codec=codec)
    rows, receipt = take("avro", data, rows=300)
    assert rows == [
        avro_row(i)
        | {"either": {"member0": None, "member1": "x"} if i % 2 else {"member0": 5, "member1": None}}
        | {"nanos": dt.datetime(1970, 1, 1, 0, 16, 40, 1, dt.UTC), "key": "00000000-0000-0000-0000-000000000000"}
        for i in range(300)
    ]
    assert receipt.get_requests <= 2


def test_a_block_of_avro_longer_than_the_head_is_fetched_whole_or_not_at_all() -> None:
    data = avro({"type": "string"}, ["x" * 100] * 20_000, sync_interval=1 << 30)
    rows, receipt = take("avro", data, rows=3)
    assert (rows, receipt.get_requests) == ([{"value": "x" * 100}] * 3, 2)
    assert take("avro", data, rows=3, max_sample_bytes=MEGABYTE)[0] == []


SCALARS: dict[str, tuple[pa.DataType, st.SearchStrategy[Any]]] = {
    "int": (pa.int64(), st.integers(-(2**63), 2**63 - 1)),
    "float": (pa.float64(), st.floats(allow_nan=False)),
    "text": (pa.string(), st.text()),
    "bytes": (pa.binary(), st.binary()),
    "bool": (pa.bool_(), st.booleans()),
    "day": (pa.date32(), st.dates()),
    "at": (pa.timestamp("us"), st.datetimes()),
    "moment": (pa.timestamp("us", "UTC"), st.datetimes(timezones=st.just(dt.UTC))),
    "time": (pa.time64("us"), st.times()),
    "amount": (pa.decimal128(20, 4), st.decimals("-1e15", "1e15", places=4)),
    "word": (pa.dictionary(pa.int32(), pa.string()), st.text(max_size=2)),
}


def typed(kind: tuple[pa.DataType, st.SearchStrategy[Any]]) -> tuple[pa.DataType, st.SearchStrategy[Any]]:
    return kind[0], st.none() | kind[1]


KINDS = st.recursive(
    st.sampled_from(list(SCALARS.values())).map(typed),
    lambda inner: st.one_of(
        inner.map(lambda kind: (pa.list_(kind[0]), st.none() | st.lists(kind[1], max_size=3))),
        inner.map(lambda kind: (pa.struct([("a b", kind[0])]), st.none() | st.fixed_dictionaries({"a b": kind[1]}))),
    ),
    max_leaves=3,
)


@st.composite
def tables(draw: st.DrawFn) -> tuple[pa.Table, list[dict[str, Any]]]:
    kinds = draw(st.lists(KINDS, min_size=1, max_size=3))
    count = draw(st.integers(0, 5))
    columns = {f"c.{i}": draw(st.lists(values, min_size=count, max_size=count)) for i, (_, values) in enumerate(kinds)}
    table = pa.table({name: pa.array(values, kind) for (name, values), (kind, _) in zip(columns.items(), kinds, strict=True)})
    return table, [dict(zip(columns, values, strict=True)) for values in zip(*columns.values(), strict=True)]


@given(tables())
@settings(max_examples=50, deadline=None)
def test_values_of_any_type_come_back_as_they_were_written(made: tuple[pa.Table, list[dict[str, Any]]]) -> None:
    table, rows = made
    assert list(take("parquet", parquet(table))[0]) == rows
    assert list(take("arrow_ipc", arrow(table))[0]) == rows
    assert list(take("arrow_ipc", stream(table))[0]) == rows


def test_other_bytes_are_refused_as_they_are_for_the_schema() -> None:
    for file_format in ("parquet", "orc", "arrow_ipc", "avro"):
        for data in (b"", b"id,name\n1,a\n" * 20):
            with pytest.raises(UnreadableFileError):
                take(file_format, data)


def test_a_small_file_that_is_compressed_as_a_whole_is_read() -> None:
    import gzip

    assert take("parquet", gzip.compress(parquet(PLAIN)), compression="gzip")[0] == PLAIN_ROWS
    data = gzip.compress(avro(AVRO, [avro_row(i) for i in range(2000)]))
    assert len(take("avro", data, rows=50, compression="gzip")[0]) == 50


@pytest.mark.parametrize("zone", [b"EST", b"UCT"])
def test_timestamps_of_orc_are_read_whatever_the_zone_of_their_writer(zone: bytes) -> None:
    data = orc(pa.table({"at": pa.array([local(2024, 1, 31)], pa.timestamp("us"))}), compression="uncompressed")
    assert take("orc", data.replace(b"\x1a\x03GMT", b"\x1a\x03" + zone))[0] == [{"at": local(2024, 1, 31)}]


def test_types_nested_too_deep_are_left_out() -> None:
    deep: Any = 1
    for _ in range(40):
        deep = [deep]
    assert take("parquet", parquet(pa.table({"deep": [deep], "id": [1]})))[0] == [{"id": 1}]
