"""Compressed files: which codec a name or the bytes tell, and the plain bytes of a head that may be cut short.

Nothing here trusts the data: output is bounded, a head may end anywhere, and corrupt data is an `UnreadableFileError`.
"""

from __future__ import annotations

import bz2
import lzma
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

from s3_catalog.errors import UnreadableFileError

COMPRESSIONS: dict[str, tuple[str, ...]] = {
    "gzip": (".gz", ".gzip"),
    "zstd": (".zst", ".zstd"),
    "bz2": (".bz2",),
    "xz": (".xz",),
    "lz4": (".lz4",),
    "snappy": (".snappy", ".sz"),
}
"""Name of a compression -> its file-name endings, lower case."""

_SUFFIXES = {suffix: name for name, suffixes in COMPRESSIONS.items() for suffix in suffixes}
_SNAPPY_MAGIC = b"\xff\x06\x00\x00sNaPpY"
_MAGIC = {
    b"\x1f\x8b\x08": "gzip",
    b"\x28\xb5\x2f\xfd": "zstd",
    b"\xfd7zXZ\x00": "xz",
    b"\x04\x22\x4d\x18": "lz4",
    _SNAPPY_MAGIC: "snappy",
}
_BZ2_BLOCK, _BZ2_END = b"1AY&SY", b"\x17rE8P\x90"
_XZ_MEMORY = 128 * 1024 * 1024
_ZSTD_WINDOW = 128 * 1024 * 1024
_FEED_BYTES = 256
"""Input given to zstd at a time: its densest blocks make 128 KiB from 4 bytes, so that one step stays below 8 MiB."""


@dataclass(frozen=True, slots=True)
class Decompressed:
    """Plain bytes from the start of a file. `complete`: the data ended where the codec says it ends, and all of it is here."""

    data: bytes
    complete: bool


def split_compression(name: str) -> tuple[str, str | None]:
    """Take a compression's ending off a file name.

    >>> split_compression("orders.CSV.gz")
    ('orders.CSV', 'gzip')
    >>> split_compression("part-0.snappy.parquet")
    ('part-0.snappy.parquet', None)
    """
    stem, dot, ending = name.rpartition(".")
    compression = _SUFFIXES.get(dot + ending.lower())
    return (stem, compression) if stem and compression else (name, None)


def detect_compression(head: bytes) -> str | None:
    """Name the compression by the first bytes. Hadoop's snappy and lz4 blocks have no signature and are not seen."""
    for magic, name in _MAGIC.items():
        if head.startswith(magic):
            return name
    if head[:3] == b"BZh" and head[3:4] in b"123456789" and head[4:10] in (_BZ2_BLOCK, _BZ2_END):
        return "bz2"
    return None


def decompress_head(data: bytes, compression: str, limit: int, *, whole: bool = False) -> Decompressed:
    """Decompress the first bytes of a file, at most `limit` bytes of output.

    Args:
        compression: a name of `COMPRESSIONS`.
        whole: `data` is the whole file, so an end in mid-stream is an error.

    Raises:
        UnreadableFileError: corrupt data, another format's, or a whole file that ends too early.
    """
    try:
        result = _CODECS[compression](data, limit)
    except _CORRUPT as error:
        raise UnreadableFileError("", compression, f"the {compression} data is corrupt") from error
    if whole and not result.complete and len(result.data) < limit:
        raise UnreadableFileError("", compression, f"the {compression} data is truncated")
    return result


class _CorruptDataError(ValueError):
    """Bytes that the codec's framing forbids."""


_CORRUPT = (zlib.error, OSError, EOFError, lzma.LZMAError, ValueError, MemoryError)


class _Stream(Protocol):
    @property
    def eof(self) -> bool: ...

    @property
    def unused_data(self) -> bytes: ...

    def decompress(self, data: bytes, max_length: int, /) -> bytes: ...


def _decompress_members(data: bytes, limit: int, open_stream: Callable[[], _Stream]) -> Decompressed:
    """Decompress concatenated members. Padding, or anything else that is no member, after a complete one is not read, as gzip(1) does."""
    output, rest = bytearray(), data
    while True:
        stream = open_stream()
        try:
            output += stream.decompress(rest, limit - len(output))
        except _CORRUPT:
            if output and rest is not data:
                return Decompressed(bytes(output), complete=True)
            raise
        if not stream.eof:
            return Decompressed(bytes(output), complete=False)
        rest = stream.unused_data
        if not rest.strip(b"\x00"):
            return Decompressed(bytes(output), complete=True)
        if len(output) >= limit:
            return Decompressed(bytes(output), complete=False)


def _gunzip(data: bytes, limit: int) -> Decompressed:
    return _decompress_members(data, limit, lambda: zlib.decompressobj(wbits=31))


def _bunzip2(data: bytes, limit: int) -> Decompressed:
    return _decompress_members(data, limit, bz2.BZ2Decompressor)


def _unxz(data: bytes, limit: int) -> Decompressed:
    return _decompress_members(data, limit, lambda: lzma.LZMADecompressor(memlimit=_XZ_MEMORY))


def _unzstd(data: bytes, limit: int) -> Decompressed:
    import zstandard

    output, position = bytearray(), 0
    stream = _open_zstd()
    while position < len(data) and len(output) < limit:
        piece = data[position : position + _FEED_BYTES]
        position += len(piece)
        try:
            output += stream.decompress(piece)
        except zstandard.ZstdError as error:
            raise _CorruptDataError(str(error)) from error
        if stream.eof:
            position -= len(stream.unused_data)
            if position == len(data):
                return Decompressed(bytes(output[:limit]), complete=len(output) <= limit)
            stream = _open_zstd()
    return Decompressed(bytes(output[:limit]), complete=False)


def _open_zstd() -> Any:
    import zstandard

    return zstandard.ZstdDecompressor(max_window_size=_ZSTD_WINDOW).decompressobj()


def _unlz4(data: bytes, limit: int) -> Decompressed:
    if not data.startswith(b"\x04\x22\x4d\x18"):
        return _decompress_hadoop(data, limit, _lz4_block)
    import pyarrow as pa

    output = bytearray()
    stream = pa.CompressedInputStream(pa.BufferReader(data), "lz4")
    try:
        while len(output) < limit:
            block = stream.read(64 * 1024)
            if not block:
                return Decompressed(bytes(output), complete=True)
            output += block
    except OSError as error:
        if "Truncated compressed stream" not in str(error):
            raise
    return Decompressed(bytes(output[:limit]), complete=False)


def _unsnappy(data: bytes, limit: int) -> Decompressed:
    if data.startswith(_SNAPPY_MAGIC):
        return _unsnap_frames(data, limit)
    return _decompress_hadoop(data, limit, _snappy_block)


def _unsnap_frames(data: bytes, limit: int) -> Decompressed:
    """Give the library the frames that are whole: a type byte and a 3-byte little-endian length each, at most 64 KiB of output."""
    import cramjam

    end = produced = 0
    while end + 4 <= len(data) and produced < limit + 65536:
        following = end + 4 + int.from_bytes(data[end + 1 : end + 4], "little")
        if following > len(data):
            break
        end, produced = following, produced + 65536
    try:
        output = bytes(cramjam.snappy.decompress(data[:end])) if end else b""
    except cramjam.DecompressionError as error:
        raise _CorruptDataError(str(error)) from error
    return Decompressed(output[:limit], complete=end == len(data) and len(output) <= limit)


def _decompress_hadoop(data: bytes, limit: int, decompress: Callable[[bytes, int], bytes]) -> Decompressed:
    """Walk Hadoop's BlockCompressorStream: per block its plain length, then chunks of (length, data), all lengths 4 bytes big-endian."""
    output, position = bytearray(), 0
    while position + 4 <= len(data) and len(output) < limit:
        remaining = int.from_bytes(data[position : position + 4], "big")
        position += 4
        while remaining:
            size = int.from_bytes(data[position : position + 4], "big")
            chunk = data[position + 4 : position + 4 + size]
            if position + 4 > len(data) or len(chunk) < size:
                return Decompressed(bytes(output[:limit]), complete=False)
            # A chunk cannot hold more than its block, nor a block more than codecs reach (snappy 22:1, lz4 255:1).
            if not size or remaining > 64 * 1024 * 1024:
                raise _CorruptDataError("impossible block length")
            plain = decompress(chunk, remaining)
            if not 0 < len(plain) <= remaining:
                raise _CorruptDataError("a chunk does not fit its block")
            output += plain
            remaining -= len(plain)
            position += 4 + size
            if len(output) >= limit:
                break
    return Decompressed(bytes(output[:limit]), complete=position == len(data) and len(output) <= limit)


def _snappy_block(chunk: bytes, expected: int) -> bytes:
    import cramjam

    try:
        if cramjam.snappy.decompress_raw_len(chunk) > expected:
            raise _CorruptDataError("a chunk does not fit its block")
        return bytes(cramjam.snappy.decompress_raw(chunk))
    except cramjam.DecompressionError as error:
        raise _CorruptDataError(str(error)) from error


def _lz4_block(chunk: bytes, expected: int) -> bytes:
    import cramjam

    buffer = bytearray(min(expected, 255 * len(chunk) + 64))
    try:
        return bytes(buffer[: cramjam.lz4.decompress_block_into(chunk, buffer)])
    except cramjam.DecompressionError as error:
        raise _CorruptDataError(str(error)) from error


_CODECS: dict[str, Callable[[bytes, int], Decompressed]] = {
    "gzip": _gunzip,
    "zstd": _unzstd,
    "bz2": _bunzip2,
    "xz": _unxz,
    "lz4": _unlz4,
    "snappy": _unsnappy,
}
