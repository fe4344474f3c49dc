"""Rows of Avro files: counted by the heads of their blocks, or estimated from the blocks at the start."""

from __future__ import annotations

import bz2
import gzip
import io
from collections.abc import Callable, Iterator
from typing import Any

import fastavro
import pytest
import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st

from s3_catalog.errors import UnreadableFileError
from s3_catalog.formats import ReadLimits, file_formats
from s3_catalog.formats._block_rows import MOST_ROWS
from s3_catalog_tests.formats.hostile import _varint
from s3_catalog_tests.formats.readers import read
from s3_catalog_tests.formats.stores import open_bytes

SCHEMA = {"type": "record", "name": "Row", "fields": [{"name": "id", "type": "long"}, {"name": "text", "type": "string"}]}


def rows(count: int) -> Iterator[dict[str, Any]]:
    return ({"id": i, "text": f"{i * 2654435761 % 2**32:x}" * (1 + i % 5)} for i in range(count))


def avro(count: int, *, codec: str = "null", sync_interval: int = 16_000) -> bytes:
    sink = io.BytesIO()
    fastavro.writer(sink, fastavro.parse_schema(SCHEMA), rows(count), codec=codec, sync_interval=sync_interval)
    return sink.getvalue()


@pytest.mark.parametrize("codec", ["null", "deflate", "snappy"])
@pytest.mark.parametrize("sync_interval", [4_000, 16_000, 60_000])
def test_the_rows_of_a_large_file_lie_in_the_estimate(codec: str, sync_interval: int) -> None:
    file, receipt = open_bytes(avro(60_000, codec=codec, sync_interval=sync_interval))
    schema = file_formats()["avro"].read_schema(file, None, ReadLimits())
    assert (schema.row_count, receipt.get_requests) == (None, 1)
    assert schema.row_estimate is not None
    assert schema.row_estimate.low <= 60_000 <= schema.row_estimate.high
    assert 0.8 < schema.row_estimate.rows / 60_000 < 1.25


def test_a_count_is_no_estimate() -> None:
    schema = read("avro", avro(60_000, sync_interval=500_000))
    assert (schema.row_count, schema.row_estimate) == (60_000, None)


@pytest.mark.parametrize("compress", [gzip.compress, bz2.compress, zstandard.compress], ids=["gzip", "bz2", "zstd"])
def test_the_rows_of_a_file_compressed_as_a_whole_lie_in_the_estimate(compress: Callable[[bytes], bytes]) -> None:
    schema = read("avro", compress(avro(200_000)))
    assert schema.row_count is None
    assert schema.row_estimate is not None
    assert schema.row_estimate.low <= 200_000 <= schema.row_estimate.high


def test_a_small_file_compressed_as_a_whole_is_counted() -> None:
    assert read("avro", gzip.compress(avro(500)), "gzip").row_count == 500


def test_a_damaged_block_far_away_is_told() -> None:
    data = avro(60_000, sync_interval=300_000)
    schema = read("avro", data[:-1000])
    assert schema.row_count is None
    assert schema.row_estimate is not None
    assert [warning for warning in schema.warnings if "corrupt or cut" in warning] != []


def with_blocks(*counts: int, size: int = 40_000) -> bytes:
    """A file whose blocks claim so many rows, zigzag-encoded as Avro's numbers are."""
    sync = bytes(range(16))
    header = avro(0)[:-16] + sync
    return header + b"".join(_varint(count << 1) + _varint(size << 1) + bytes(size) + sync for count in counts)


def test_impossible_counts_are_no_count() -> None:
    assert read("avro", with_blocks(MOST_ROWS, 5)).row_count is None
    with pytest.raises(UnreadableFileError, match="corrupt"):
        read("avro", with_blocks(MOST_ROWS, 5, size=10))
    estimate = read("avro", with_blocks(*[MOST_ROWS // 40] * 39, size=20_000)).row_estimate
    assert estimate is not None
    assert estimate.rows <= estimate.high <= MOST_ROWS


SMALL, LARGE = avro(300, sync_interval=500), avro(20_000, sync_interval=8_000)


@settings(max_examples=150)
@given(st.data())
def test_changed_files_are_read_or_refused(data: st.DataObject) -> None:
    intact = data.draw(st.sampled_from([SMALL, LARGE]))
    position = data.draw(st.integers(0, min(len(intact), 70_000) - 1))
    harmed = intact[:position] + data.draw(st.binary(max_size=3)) + intact[position + 1 :]
    try:
        schema = read("avro", harmed[: data.draw(st.integers(position, len(harmed)))])
    except UnreadableFileError:
        return
    if schema.row_estimate is not None:
        assert 0 <= schema.row_estimate.low <= schema.row_estimate.rows <= schema.row_estimate.high
