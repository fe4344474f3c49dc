"""Compressed files: which codec a name or the bytes tell, and the plain bytes of a head that may be cut short.

Nothing here trusts the data: output is bounded, a head may end anywhere, and corrupt data is an `UnreadableFileError`.
"""

from __future__ import annotations

import bz2
import io
import lzma
import zlib
from collections.abc import Callable
from dataclasses import dataclass, replace
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
_PIECE_BYTES = 1024
"""Input given to the other codecs at a time, so that it is known which input the output came of."""
_FEED_BYTES = 256
"""Input given to zstd at a time: its densest blocks make 128 KiB from 4 bytes, so that one step stays below 8 MiB."""


@dataclass(frozen=True, slots=True)
class Decompressed:
    """Plain bytes from the start of a file. `complete`: the data ended where the codec says it ends, and all of it is here.

    `marks` are pairs of (bytes of input, bytes of output that came of them), rising, few.
    """

    data: bytes
    complete: bool
    marks: tuple[tuple[int, int], ...] = ()


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


class _Output:
    """Plain bytes as they come, with marks of the input they came of."""

    def __init__(self, size: int) -> None:
        self.data = bytearray()
        self._marks: list[tuple[int, int]] = []
        self._step = size // 64

    def add(self, plain: bytes, position: int) -> None:
        """Append what came of the input up to a position."""
        if not plain:
            return
        self.data += plain
        if len(self._marks) > 1 and position - self._marks[-2][0] < self._step:
            self._marks.pop()
        self._marks.append((position, len(self.data)))

    def end(self, *, complete: bool, limit: int) -> Decompressed:
        # Where output broke off at the limit, more than it came of the last input.
        marks = self._marks[:-1] if len(self.data) >= limit and not complete and len(self._marks) > 1 else self._marks
        return Decompressed(bytes(self.data[:limit]), complete=complete and len(self.data) <= limit, marks=tuple(marks))


def _decompress_members(data: bytes, limit: int, open_stream: Callable[[], _Stream]) -> Decompressed:
    """Decompress concatenated members. Padding, or anything else that is no member, after a complete one is not read, as gzip(1) does."""
    output, position = _Output(len(data)), 0
    stream, members_end = open_stream(), 0
    while position < len(data) and len(output.data) < limit:
        piece = data[position : position + _PIECE_BYTES]
        try:
            plain = stream.decompress(piece, limit - len(output.data))
        except _CORRUPT:
            if members_end:
                return replace(output.end(complete=True, limit=limit), data=bytes(output.data[:members_end]), complete=True)
            raise
        position += len(piece) - (len(stream.unused_data) if stream.eof else 0)
        output.add(plain, position)
        if stream.eof:
            if not data[position : position + 1].strip(b"\x00"):
                return output.end(complete=True, limit=limit)
            stream, members_end = open_stream(), len(output.data)
    return output.end(complete=False, limit=limit)


def _gunzip(data: bytes, limit: int) -> Decompressed:
    return _decompress_members(data, limit, lambda: zlib.decompressobj(wbits=31))


def _bunzip2(data: bytes, limit: int) -> Decompressed:
    return _decompress_members(data, limit, bz2.BZ2Decompressor)


def _unxz(data: bytes, limit: int) -> Decompressed:
    return _decompress_members(data, limit, lambda: lzma.LZMADecompressor(memlimit=_XZ_MEMORY))


def _unzstd(data: bytes, limit: int) -> Decompressed:
    import zstandard

    output, position = _Output(len(data)), 0
    stream = _open_zstd()
    while position < len(data) and len(output.data) < limit:
        piece = data[position : position + _FEED_BYTES]
        try:
            plain = stream.decompress(piece)
        except zstandard.ZstdError as error:
            raise _CorruptDataError(str(error)) from error
        position += len(piece) - (len(stream.unused_data) if stream.eof else 0)
        output.add(plain, position)
        if stream.eof:
            if position == len(data):
                return output.end(complete=True, limit=limit)
            stream = _open_zstd()
    return output.end(complete=False, limit=limit)


def _open_zstd() -> Any:
    import zstandard

    return zstandard.ZstdDecompressor(max_window_size=_ZSTD_WINDOW).decompressobj()


def _unlz4(data: bytes, limit: int) -> Decompressed:
    if not data.startswith(b"\x04\x22\x4d\x18"):
        return _decompress_hadoop(data, limit, _lz4_block)
    import pyarrow as pa

    output, pieces = _Output(len(data)), _Pieces(data)
    stream = pa.CompressedInputStream(pa.PythonFile(pieces, "r"), "lz4")
    try:
        while len(output.data) < limit:
            block = stream.read(64 * 1024)
            if not block:
                return output.end(complete=True, limit=limit)
            output.add(block, pieces.tell())
    except OSError as error:
        if "Truncated compressed stream" not in str(error):
            raise
    return output.end(complete=False, limit=limit)


class _Pieces(io.BytesIO):
    """Bytes that are read little by little, however many are asked for."""

    def read(self, size: int | None = -1, /) -> bytes:
        return super().read(_PIECE_BYTES if size is None or size < 0 else min(size, _PIECE_BYTES))


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
    return Decompressed(output[:limit], complete=end == len(data) and len(output) <= limit, marks=((end, len(output)),))


def _decompress_hadoop(data: bytes, limit: int, decompress: Callable[[bytes, int], bytes]) -> Decompressed:
    """Walk Hadoop's BlockCompressorStream: per block its plain length, then chunks of (length, data), all lengths 4 bytes big-endian."""
    output, position = _Output(len(data)), 0
    while position + 4 <= len(data) and len(output.data) < limit:
        remaining = int.from_bytes(data[position : position + 4], "big")
        position += 4
        while remaining:
            size = int.from_bytes(data[position : position + 4], "big")
            chunk = data[position + 4 : position + 4 + size]
            if position + 4 > len(data) or len(chunk) < size:
                return output.end(complete=False, limit=limit)
            # A chunk cannot hold more than its block, nor a block more than codecs reach (snappy 22:1, lz4 255:1).
            if not size or remaining > 64 * 1024 * 1024:
                raise _CorruptDataError("impossible block length")
            plain = decompress(chunk, remaining)
            if not 0 < len(plain) <= remaining:
                raise _CorruptDataError("a chunk does not fit its block")
            remaining -= len(plain)
            position += 4 + size
            output.add(plain, position)
            if len(output.data) >= limit:
                break
    return output.end(complete=position == len(data), limit=limit)


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
