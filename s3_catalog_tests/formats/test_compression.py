from __future__ import annotations

import bz2
import gzip
import lzma
import struct
from collections.abc import Callable

import cramjam
import pyarrow as pa
import pytest
import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st

from s3_catalog.errors import UnreadableFileError
from s3_catalog.formats._compression import COMPRESSIONS, decompress_head, detect_compression, split_compression
from s3_catalog_tests.formats.readers import read, types
from s3_catalog_tests.formats.stores import open_bytes

CSV = "id,name\n" + "".join(f"{i},name {i * 7919 % 1000}\n" for i in range(30_000))
PLAIN = CSV.encode()
LARGE = PLAIN + PLAIN.partition(b"\n")[2] * 2


def hadoop_blocks(data: bytes, compress: Callable[[bytes], bytes], block: int = 100_000, chunk: int = 60_000) -> bytes:
    """Write what Hadoop's BlockCompressorStream writes."""
    output = b""
    for start in range(0, len(data), block):
        part = data[start : start + block]
        output += struct.pack(">I", len(part))
        for at in range(0, len(part), chunk):
            packed = compress(part[at : at + chunk])
            output += struct.pack(">I", len(packed)) + packed
    return output


def arrow_compress(codec: str, data: bytes) -> bytes:
    return bytes(pa.Codec(codec).compress(data, asbytes=True))


WRITERS: dict[str, tuple[str, Callable[[bytes], bytes]]] = {
    "gzip": ("gzip", gzip.compress),
    "gzip of several members": ("gzip", lambda data: b"".join(gzip.compress(data[i : i + 10_000]) for i in range(0, len(data), 10_000))),
    "zstd": ("zstd", zstandard.ZstdCompressor().compress),
    "zstd of several frames": (
        "zstd",
        lambda data: b"".join(zstandard.compress(data[i : i + 50_000]) for i in range(0, len(data), 50_000)),
    ),
    "bz2": ("bz2", bz2.compress),
    "bz2 of several streams": ("bz2", lambda data: b"".join(bz2.compress(data[i : i + 50_000]) for i in range(0, len(data), 50_000))),
    "xz": ("xz", lzma.compress),
    "lz4": ("lz4", lambda data: arrow_compress("lz4", data)),
    "lz4 of Hadoop": ("lz4", lambda data: hadoop_blocks(data, lambda part: bytes(cramjam.lz4.compress_block(part, store_size=False)))),
    "snappy": ("snappy", lambda data: bytes(cramjam.snappy.compress(data))),
    "snappy of Hadoop": ("snappy", lambda data: hadoop_blocks(data, lambda part: bytes(cramjam.snappy.compress_raw(part)))),
}


@pytest.mark.parametrize("writer", WRITERS)
def test_whole_data_comes_back_complete(writer: str) -> None:
    compression, compress = WRITERS[writer]
    result = decompress_head(compress(PLAIN), compression, 10_000_000, whole=True)
    assert (result.data, result.complete) == (PLAIN, True)


@pytest.mark.parametrize("writer", WRITERS)
@pytest.mark.parametrize("share", [0.1, 0.5, 0.9, 0.999])
def test_a_cut_head_gives_a_prefix(writer: str, share: float) -> None:
    compression, compress = WRITERS[writer]
    packed = compress(PLAIN)
    result = decompress_head(packed[: int(len(packed) * share)], compression, 10_000_000)
    assert PLAIN.startswith(result.data)
    assert not result.complete or len(result.data) < len(PLAIN)


@pytest.mark.parametrize("writer", WRITERS)
def test_a_whole_file_that_is_cut_is_an_error(writer: str) -> None:
    compression, compress = WRITERS[writer]
    with pytest.raises(UnreadableFileError, match=r"truncated|corrupt"):
        decompress_head(compress(PLAIN)[:-7], compression, 10_000_000, whole=True)


@pytest.mark.parametrize("writer", WRITERS)
def test_output_is_bounded(writer: str) -> None:
    compression, compress = WRITERS[writer]
    result = decompress_head(compress(bytes(20_000_000)), compression, 100_000)
    assert (len(result.data), result.complete) == (100_000, False)


@pytest.mark.parametrize("writer", WRITERS)
@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_damaged_data_is_refused_or_read(writer: str, data: st.DataObject) -> None:
    compression, compress = WRITERS[writer]
    packed = bytearray(compress(PLAIN[:20_000]))
    for position in data.draw(st.lists(st.integers(0, len(packed) - 1), min_size=1, max_size=4)):
        packed[position] = data.draw(st.integers(0, 255))
    try:
        result = decompress_head(bytes(packed), compression, 100_000, whole=True)
    except UnreadableFileError:
        return
    assert len(result.data) <= 100_000


@pytest.mark.parametrize("writer", [name for name in WRITERS if "Hadoop" not in name])
def test_signature_is_recognised(writer: str) -> None:
    compression, compress = WRITERS[writer]
    assert detect_compression(compress(PLAIN)) == compression


@pytest.mark.parametrize("suffix", [(s, name) for name, suffixes in COMPRESSIONS.items() for s in suffixes])
def test_suffix_is_taken_off(suffix: tuple[str, str]) -> None:
    ending, compression = suffix
    assert split_compression(f"a.b/Data.CSV{ending.upper()}") == ("a.b/Data.CSV", compression)


@pytest.mark.parametrize("name", ["data.csv", "part.snappy.parquet", ".gz", "gz", "data.gz.csv"])
def test_other_names_are_plain(name: str) -> None:
    assert split_compression(name) == (name, None)


@pytest.mark.parametrize("writer", WRITERS)
def test_large_compressed_csv_is_read_from_its_head(writer: str) -> None:
    compression, compress = WRITERS[writer]
    file, receipt = open_bytes(compress(LARGE))
    from s3_catalog.formats import ReadLimits, file_formats

    schema = file_formats()["csv"].read_schema(file, compression, ReadLimits())
    assert types(schema) == {"id": "bigint", "name": "string"}
    assert receipt.get_requests <= 2


@pytest.mark.parametrize("writer", WRITERS)
def test_small_compressed_csv_gives_its_row_count(writer: str) -> None:
    compression, compress = WRITERS[writer]
    assert read("csv", compress(b"id,name\n1,a\n2,b\n"), compression).row_count == 2


def test_compression_that_the_name_hides_is_a_warning() -> None:
    schema = read("csv", gzip.compress(b"id,name\n1,a\n"))
    assert (types(schema), schema.row_count) == ({"id": "bigint", "name": "string"}, 1)
    assert schema.warnings == ("the bytes are gzip although the name does not say so",)


def test_a_compressed_name_over_plain_bytes_is_a_warning() -> None:
    schema = read("csv", b"id,name\n1,a\n", "gzip")
    assert (schema.row_count, len(schema.warnings)) == (1, 1)


def test_a_name_of_another_compression_is_a_warning() -> None:
    assert len(read("csv", bz2.compress(b"id,name\n1,a\n"), "gzip").warnings) == 1


def test_noise_under_a_compressed_name_is_refused() -> None:
    with pytest.raises(UnreadableFileError, match="not gzip data"):
        read("csv", bytes(range(256)) * 10, "gzip")


def test_xz_that_asks_for_gigabytes_is_refused() -> None:
    packed = lzma.compress(PLAIN, filters=[{"id": lzma.FILTER_LZMA2, "preset": 0, "dict_size": 1 << 20}])
    assert decompress_head(packed, "xz", 100).data == PLAIN[:100]
