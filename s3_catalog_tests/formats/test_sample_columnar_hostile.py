"""Columnar files that are damaged, or unpack to more than there is memory for: rows or a reason, never a crash."""

from __future__ import annotations

import random
from collections.abc import Callable

import pyarrow as pa
import pyarrow.feather
import pyarrow.ipc
import pyarrow.orc
import pytest

from s3_catalog.errors import S3CatalogError, UnreadableFileError
from s3_catalog_tests.formats.columnar import MEGABYTE, arrow, avro, feather_v1, orc, parquet, stream, take
from s3_catalog_tests.formats.test_sample_columnar import ARROW_ONLY, AVRO, PLAIN, avro_row


def long_text(kind: pa.DataType) -> pa.Table:
    """A value that is longer than the memory of a reader."""
    return pa.table({"long": pa.array([b"x" * (210 * MEGABYTE)], pa.large_binary()).cast(kind), "id": [1]})


BOMBS: dict[str, Callable[[], tuple[str, bytes]]] = {
    "a long text in Parquet": lambda: (
        "parquet",
        parquet(long_text(pa.large_string()), compression="zstd", use_dictionary=False, write_statistics=False),
    ),
    "a long dictionary": lambda: ("parquet", parquet(long_text(pa.large_string()), compression="zstd", write_statistics=False)),
    "a long text in Arrow": lambda: ("arrow_ipc", arrow(long_text(pa.large_string()), compression="zstd")),
    "long bytes in ORC": lambda: ("orc", orc(long_text(pa.binary()), compression="lz4")),
    "a long text in Avro": lambda: ("avro", avro({"type": "string"}, ["x" * 210 * MEGABYTE], codec="deflate")),
    "nulls without end": lambda: ("avro", endless_nulls()),
}


def endless_nulls() -> bytes:
    """One row, an array that claims 2^40 nulls, which take no bytes."""
    data = avro({"type": "array", "items": "null"}, [[None] * 5])
    return data.replace(b"\x0a\x00", b"\x80\x80\x80\x80\x80\x40\x00").replace(b"\x02\x04", b"\x02\x0e")


@pytest.mark.parametrize("bomb", BOMBS)
def test_a_bomb_gives_a_reason_or_no_value_of_it(bomb: str) -> None:
    file_format, data = BOMBS[bomb]()
    assert len(data) < 2 * MEGABYTE
    try:
        rows, _ = take(file_format, data)
    except UnreadableFileError as error:
        assert error.reason.startswith("reading it takes more than")  # noqa: PT017 - or else there are rows
    else:
        assert rows == [{"id": 1}]


DAMAGED: dict[str, tuple[str, Callable[[], bytes]]] = {
    "parquet": ("parquet", lambda: parquet(PLAIN, compression="snappy")),
    "parquet in the plain": ("parquet", lambda: parquet(PLAIN, compression="none", use_dictionary=False, data_page_version="2.0")),
    "orc": ("orc", lambda: orc(PLAIN, compression="zlib")),
    "orc in the plain": ("orc", lambda: orc(PLAIN)),
    "arrow file": ("arrow_ipc", lambda: arrow(PLAIN)),
    "arrow stream": ("arrow_ipc", lambda: stream(ARROW_ONLY)),
    "feather 1": ("arrow_ipc", lambda: feather_v1(pa.table({"id": [1, None], "word": pa.array(["a", "b"]).dictionary_encode()}))),
    "avro": ("avro", lambda: avro(AVRO, [avro_row(i) for i in range(20)])),
}


@pytest.mark.filterwarnings("ignore:Feather V1")
@pytest.mark.parametrize("name", DAMAGED)
def test_damaged_and_truncated_files_are_read_or_refused(name: str) -> None:
    file_format, make = DAMAGED[name]
    data, noise = make(), random.Random(7)
    refused = 0
    for attempt in range(100):
        damaged = bytearray(data)
        if attempt % 4 == 0:
            del damaged[noise.randrange(len(data)) :]
        for _ in range(noise.randint(0 if attempt % 4 == 0 else 1, 4)):
            if damaged:
                damaged[noise.randrange(len(damaged))] = noise.randrange(256)
        try:
            take(file_format, bytes(damaged))
        except S3CatalogError:
            refused += 1
    assert refused
