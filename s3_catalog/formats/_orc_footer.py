"""The footer of an ORC file, before the native reader sees it: what its types are called, and whether reading them is safe.

The native reader walks the types by recursion and believes their references, so a small footer that nests 30,000 types crashes it, and one
whose types share their children unfolds without end. Here the footer is unpacked within a bound, and its types must be a shallow tree.
"""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from typing import Any

from s3_catalog.formats import ReadLimits
from s3_catalog.storage.files import ObjectFile

_MAX_DEPTH = 1000
_MAX_TYPES = 200_000
_MAX_PLAIN_BYTES = 16 * 1024 * 1024
_MAX_BLOCK_BYTES = 16 * 1024 * 1024
_STRUCT, _VARCHAR, _CHAR = 12, 16, 17
_NONE, _ZLIB, _SNAPPY, _LZ4, _ZSTD = 0, 1, 2, 4, 5


class OrcFooterError(ValueError):
    """A footer that is corrupt, or that the native reader must not see."""


@dataclass(frozen=True, slots=True)
class OrcFooter:
    """A footer that was checked: ORC's own message, and its columns whose ORC type says more than Arrow's (`varchar(20)`, `char(2)`).

    `writer_version` counts the mistakes that the writer had overcome. `compression` is ORC's number of the codec.
    """

    message: Any
    writer_version: int
    compression: int
    source_types: dict[str, str]


def read_footer(file: ObjectFile, tail: bytes, limits: ReadLimits) -> OrcFooter:
    """Read and check the footer of a file.

    Raises:
        OrcFooterError: corrupt, too long, or its types are no shallow tree.
    """
    from google.protobuf.message import DecodeError

    from s3_catalog.formats._orc_messages import messages

    try:
        postscript = messages()["PostScript"].FromString(tail[-1 - tail[-1] : -1])
        start = file.size - 1 - tail[-1] - postscript.footerLength
        if start < 0 or postscript.footerLength > limits.max_footer_bytes or postscript.compressionBlockSize > _MAX_BLOCK_BYTES:
            raise OrcFooterError("the footer claims to be longer than the file or the limit")
        packed = file.read_at(start, postscript.footerLength)
        footer = messages()["Footer"].FromString(_unpack(packed, postscript.compression))
    except DecodeError as error:
        raise OrcFooterError("the footer is corrupt") from error
    _check_tree(footer.types)
    return OrcFooter(footer, postscript.writerVersion, postscript.compression, _telling_types(footer.types))


def read_stripe_footer(packed: bytes, compression: int) -> Any:
    """Read the footer of a stripe: where its streams are.

    Raises:
        OrcFooterError: corrupt or too long.
    """
    from google.protobuf.message import DecodeError

    from s3_catalog.formats._orc_messages import messages

    try:
        return messages()["StripeFooter"].FromString(_unpack(packed, compression))
    except DecodeError as error:
        raise OrcFooterError("the footer of a stripe is corrupt") from error


def _check_tree(types: Any) -> None:
    """Every type has one parent, which stands before it; the first has none."""
    if not types or len(types) > _MAX_TYPES:
        raise OrcFooterError("the footer has no types, or too many")
    depth = [0] + [-1] * (len(types) - 1)
    for parent, found in enumerate(types):
        for child in found.subtypes:
            if not parent < child < len(types) or depth[child] >= 0 or depth[parent] < 0:
                raise OrcFooterError("the types of the footer are no tree")
            depth[child] = depth[parent] + 1
            if depth[child] > _MAX_DEPTH:
                raise OrcFooterError(f"its types are nested more than {_MAX_DEPTH:,} deep")


def _telling_types(types: Any) -> dict[str, str]:
    root = types[0]
    if root.kind != _STRUCT:
        return {}
    names = {_VARCHAR: "varchar", _CHAR: "char"}
    columns = zip(root.fieldNames, (types[child] for child in root.subtypes), strict=False)
    return {name: f"{names[found.kind]}({found.maximumLength})" for name, found in columns if found.kind in names}


def _unpack(packed: bytes, compression: int) -> bytes:
    """Undo ORC's framing: chunks with a 3-byte little-endian head, twice the length plus one where the chunk is stored plain."""
    if compression == _NONE:
        if len(packed) > _MAX_PLAIN_BYTES:
            raise OrcFooterError("the footer is too long")
        return packed
    plain, position = bytearray(), 0
    while position + 3 <= len(packed):
        head = int.from_bytes(packed[position : position + 3], "little")
        chunk = packed[position + 3 : position + 3 + (head >> 1)]
        plain += chunk if head & 1 else _decompress(chunk, compression, _MAX_PLAIN_BYTES - len(plain))
        if len(plain) >= _MAX_PLAIN_BYTES:
            raise OrcFooterError("the footer is too long")
        position += 3 + (head >> 1)
    return bytes(plain)


def _decompress(chunk: bytes, compression: int, limit: int) -> bytes:
    import cramjam
    import zstandard

    try:
        if compression == _ZLIB:
            return zlib.decompressobj(-15).decompress(chunk, limit)
        if compression == _ZSTD:
            return zstandard.ZstdDecompressor(max_window_size=_MAX_BLOCK_BYTES).stream_reader(chunk).read(limit)
        if compression == _SNAPPY and cramjam.snappy.decompress_raw_len(chunk) <= limit:
            return bytes(cramjam.snappy.decompress_raw(chunk))
        if compression == _LZ4:
            buffer = bytearray(min(limit, 255 * len(chunk) + 64))
            return bytes(buffer[: cramjam.lz4.decompress_block_into(chunk, buffer)])
    except (zlib.error, zstandard.ZstdError, cramjam.DecompressionError) as error:
        raise OrcFooterError("the footer is corrupt") from error
    raise OrcFooterError("the footer is compressed by a method that is not read, or corrupt")
