"""Zip archives: the list of members stands at the end of the file, and each member is a byte range. Members are tables of their own."""

from __future__ import annotations

import io
import struct
import zipfile
import zlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import BinaryIO, cast

from s3_catalog.errors import UnreadableFileError
from s3_catalog.formats import FileSchema, ReadLimits, Row
from s3_catalog.formats._footer import open_footer
from s3_catalog.formats._magic import describe_bytes
from s3_catalog.formats._members import Member, OpenArchive, RangeFile, StreamFile, read_first_member, read_members, sample_members
from s3_catalog.formats._sample_budget import sample_within
from s3_catalog.storage.files import ObjectFile

_MAGIC, _END_OF_DIRECTORY = b"PK\x03\x04", b"PK\x05\x06"
_OTHERS = (b"[Content_Types].xml", b"_rels/", b"docProps/", b"xl/", b"word/", b"mimetype", b"META-INF/", b"AndroidManifest.xml")
"""First members of what is a zip archive by its bytes alone: office documents, e-books, Java and Android packages."""
_MAX_DIRECTORY_BYTES = 4 * 1024 * 1024
_ENCRYPTED = 0x1
_METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2)
_BROKEN = (zipfile.BadZipFile, zlib.error, EOFError, OSError, ValueError, LookupError, NotImplementedError, RuntimeError, struct.error)


class ZipFormat:
    """Zip. Each member is read by its own format; nested archives are not opened, encrypted members are refused by name."""

    name = "zip"
    suffixes = frozenset({".zip"})
    counts_cheaply = False

    def matches(self, head: bytes) -> bool:
        """By the signature and the first member's name, which starts at byte 30."""
        return head.startswith(_MAGIC) and len(head) > 30 and not head[30:].startswith(_OTHERS)

    def read_schema(self, file: ObjectFile, compression: str | None, limits: ReadLimits) -> FileSchema:
        return read_first_member(self.read_members(file, compression, limits))

    def read_members(self, file: ObjectFile, compression: str | None, limits: ReadLimits) -> Mapping[str, FileSchema]:
        with _open(file, compression, limits) as members:
            return read_members(file, self.name, OpenArchive(members), limits)

    def read_sample(self, file: ObjectFile, compression: str | None, limits: ReadLimits, rows: int) -> Mapping[str, Sequence[Row]]:
        def read(file: ObjectFile, limits: ReadLimits) -> dict[str, Sequence[Row]]:
            with _open(file, compression, limits) as members:
                return sample_members(file, self.name, OpenArchive(members), limits, rows)

        return sample_within(file, limits, rows, read)


@contextmanager
def _open(file: ObjectFile, compression: str | None, limits: ReadLimits) -> Iterator[Iterator[Member]]:
    source = open_footer(file, "zip", compression, limits, is_plain=lambda tail: _END_OF_DIRECTORY in tail)
    window = _Window(source.file, limits)
    try:
        archive = zipfile.ZipFile(cast("BinaryIO", window))
    except _BROKEN as error:
        raise UnreadableFileError(file.key, "zip", _describe_failure(source.file, window)) from error
    with archive:
        yield _members(archive, source.file, limits)


class _Window(io.BufferedReader):
    """A file for zipfile: small reads are served from one GET, and no read is larger than a list of members may be."""

    def __init__(self, file: ObjectFile, limits: ReadLimits) -> None:
        super().__init__(file, buffer_size=limits.head_bytes + 1024)  # a member's own header stands before it
        self._size = file.size
        self.refused = False

    def read(self, size: int | None = -1, /) -> bytes:
        wanted = self._size - self.tell() if size is None or size < 0 else size
        if wanted > _MAX_DIRECTORY_BYTES:
            self.refused = True
            raise zipfile.BadZipFile
        return super().read(wanted)


def _describe_failure(file: ObjectFile, window: _Window) -> str:
    if window.refused:
        return f"the list of its members is longer than {_MAX_DIRECTORY_BYTES:,} bytes"
    head = file.head(min(512, file.size))
    if head.startswith(_MAGIC):
        return "truncated or corrupt: it begins as a zip archive and has no list of members at its end"
    return f"the bytes are {describe_bytes(head)}"


def _members(archive: zipfile.ZipFile, file: ObjectFile, limits: ReadLimits) -> Iterator[Member]:
    for info in archive.infolist():
        if not info.filename.endswith("/"):
            yield Member(name=info.filename, file=_open_member(archive, file, info, limits), refusal=_refusal(info))


def _refusal(info: zipfile.ZipInfo) -> str | None:
    if info.flag_bits & _ENCRYPTED:
        return "it is encrypted"
    if info.compress_type not in _METHODS:
        return "it is compressed by a method that is not read"
    return None


def _open_member(archive: zipfile.ZipFile, file: ObjectFile, info: zipfile.ZipInfo, limits: ReadLimits) -> ObjectFile:
    """A member that is stored as it is, and is too large to be read from its start alone, is a byte range of the archive."""
    reach = limits.max_decompressed_bytes
    if info.compress_type != zipfile.ZIP_STORED or info.file_size <= reach:
        return StreamFile(info.filename, info.file_size, reach, lambda: cast("BinaryIO", archive.open(info)), _BROKEN)
    # The member's own header: 30 bytes, of which the last four are the lengths of the name and of the extra field after it.
    name, extra = struct.unpack("<HH", file.read_at(info.header_offset, 30)[26:].ljust(4, b"\0"))
    start = info.header_offset + 30 + name + extra
    return RangeFile(file, info.filename, start, info.file_size, file.size - start)


FORMAT = ZipFormat()
