"""The footer of an ORC file, before the native reader sees it: what its types are called, and whether reading them is safe.

The native reader walks the types by recursion and believes their references, so a small footer that nests 30,000 types crashes it, and one
whose types share their children unfolds without end. Here the footer is unpacked within a bound, and its types must be a shallow tree.
Names and numbers are those of `orc_proto.proto` (orc.apache.org/specification/ORCv1).
"""

from __future__ import annotations

import zlib
from functools import cache
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


def read_source_types(file: ObjectFile, tail: bytes, limits: ReadLimits) -> dict[str, str]:
    """Check the footer of a file, and name the columns whose ORC type says more than Arrow's: `varchar(20)`, `char(2)`.

    Raises:
        OrcFooterError: corrupt, too long, or its types are no shallow tree.
    """
    from google.protobuf.message import DecodeError

    messages = _messages()
    try:
        postscript = messages["PostScript"].FromString(tail[-1 - tail[-1] : -1])
        start = file.size - 1 - tail[-1] - postscript.footerLength
        if start < 0 or postscript.footerLength > limits.max_footer_bytes or postscript.compressionBlockSize > _MAX_BLOCK_BYTES:
            raise OrcFooterError("the footer claims to be longer than the file or the limit")
        packed = file.read_at(start, postscript.footerLength)
        footer = messages["Footer"].FromString(_unpack(packed, postscript.compression))
    except DecodeError as error:
        raise OrcFooterError("the footer is corrupt") from error
    _check_tree(footer.types)
    return _telling_types(footer.types)


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


@cache
def _messages() -> dict[str, Any]:
    """The parts of ORC's messages that are used here; fields that are not named are skipped."""
    from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

    uint64, uint32, int32, string, message = 4, 13, 5, 9, 11
    fields = {
        "PostScript": [("footerLength", 1, uint64, False), ("compression", 2, int32, False), ("compressionBlockSize", 3, uint64, False)],
        "Footer": [("types", 4, message, True), ("numberOfRows", 6, uint64, False)],
        "Type": [
            ("kind", 1, int32, False),
            ("subtypes", 2, uint32, True),
            ("fieldNames", 3, string, True),
            ("maximumLength", 4, uint32, False),
        ],
    }
    file = descriptor_pb2.FileDescriptorProto(name="s3_catalog/orc.proto", package="s3_catalog.orc", syntax="proto2")
    for name, members in fields.items():
        described = file.message_type.add(name=name)
        for field, number, kind, repeated in members:
            described.field.add(name=field, number=number, type=kind, label=3 if repeated else 1)
            if kind == message:
                described.field[-1].type_name = ".s3_catalog.orc.Type"
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return {name: message_factory.GetMessageClass(pool.FindMessageTypeByName(f"s3_catalog.orc.{name}")) for name in fields}
