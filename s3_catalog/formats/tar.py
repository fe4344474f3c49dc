"""Tar archives, plain or compressed as a whole. Members are tables of their own.

There is no list of members: a plain archive is walked from header to header by byte ranges, a compressed one as far as its head goes.
"""

from __future__ import annotations

import io
import struct
import tarfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import BinaryIO, cast

from s3_catalog.errors import UnreadableFileError
from s3_catalog.formats import FileSchema, ReadLimits, Row
from s3_catalog.formats._compression import detect_compression
from s3_catalog.formats._footer import BytesFile
from s3_catalog.formats._head import GROWTH, read_head
from s3_catalog.formats._magic import describe_bytes
from s3_catalog.formats._members import Member, OpenArchive, RangeFile, read_first_member, read_members, sample_members
from s3_catalog.formats._sample_budget import sample_within
from s3_catalog.storage.files import ObjectFile

_MAGIC, _MAGIC_AT = b"ustar", 257
_PACKED = (".tgz", ".tbz", ".tbz2", ".txz", ".tzst")
_MAX_HEADERS = 10_000
_MAX_REMOTE_HEADERS = 64
"""Members looked at where each costs a GET."""
_MAX_HEADER_BYTES = 1024 * 1024
_BROKEN = (tarfile.TarError, EOFError, OSError, ValueError, LookupError, OverflowError, struct.error)


class TarFormat:
    """Tar, also as `.tar.gz` and its like. Each member is read by its own format; links and devices are nothing but names."""

    name = "tar"
    suffixes = frozenset({".tar", *_PACKED})
    counts_cheaply = False

    def matches(self, head: bytes) -> bool:
        return head[_MAGIC_AT : _MAGIC_AT + len(_MAGIC)] == _MAGIC

    def read_schema(self, file: ObjectFile, compression: str | None, limits: ReadLimits) -> FileSchema:
        return read_first_member(self.read_members(file, compression, limits))

    def read_members(self, file: ObjectFile, compression: str | None, limits: ReadLimits) -> Mapping[str, FileSchema]:
        return read_members(file, self.name, _open(file, compression, limits), limits)

    def read_sample(self, file: ObjectFile, compression: str | None, limits: ReadLimits, rows: int) -> Mapping[str, Sequence[Row]]:
        def read(file: ObjectFile, limits: ReadLimits) -> dict[str, Sequence[Row]]:
            return sample_members(file, self.name, _open(file, compression, limits), limits, rows)

        return sample_within(file, limits, rows, read)


@dataclass(slots=True)
class _Walk:
    """Goes from header to header. `whole`: `source` is the archive, and no prefix of it."""

    key: str
    source: ObjectFile
    whole: bool
    max_headers: int
    limits: ReadLimits
    headers: int = 0
    ended: bool = False

    def members(self) -> Iterator[Member]:
        try:
            archive = tarfile.open(fileobj=cast("BinaryIO", _Window(self.source, self.limits)), mode="r:")  # noqa: SIM115 - closed below
        except _BROKEN as error:
            reason = f"no tar archive, or corrupt: the bytes are {describe_bytes(self.source.head(min(512, self.source.size)))}"
            raise UnreadableFileError(self.key, "tar", reason) from error
        with archive:
            while self.headers < self.max_headers:
                info = self._next(archive)
                if info is None:
                    return
                self.headers += 1
                if info.isreg() and not info.issparse():
                    reach = self.source.size - info.offset_data
                    yield Member(name=info.name, file=RangeFile(self.source, info.name, info.offset_data, info.size, reach))

    def _next(self, archive: tarfile.TarFile) -> tarfile.TarInfo | None:
        try:
            found = archive.next()
        except _BROKEN:
            return None
        # tarfile takes a damaged header for the end, which is a block of zeros, or nothing at all
        self.ended = found is None and not self.source.read_at(archive.offset, tarfile.BLOCKSIZE).strip(b"\0")
        return found

    def describe_rest(self) -> str | None:
        if self.ended and self.whole:
            return None
        if self.headers >= self.max_headers:
            return f"members after the first {self.headers} are not looked at"
        if self.whole:
            return f"the archive is cut or corrupt after {self.headers} members"
        return f"members after the first {self.source.size:,} plain bytes are not looked at"


class _Window(io.BufferedReader):
    """A file for tarfile: small reads are served from one GET, and no header is larger than a bound."""

    def __init__(self, file: ObjectFile, limits: ReadLimits) -> None:
        super().__init__(file, buffer_size=limits.head_bytes)

    def read(self, size: int | None = -1, /) -> bytes:
        if size is None or not 0 <= size <= _MAX_HEADER_BYTES:
            raise tarfile.ReadError
        return super().read(size)


def _open(file: ObjectFile, compression: str | None, limits: ReadLimits) -> OpenArchive:
    longer = replace(limits, head_bytes=limits.head_bytes * GROWTH)
    packed = compression is not None or file.key.lower().endswith(_PACKED)
    if compression is None and file.size:
        compression = detect_compression(file.head((longer if packed else limits).head_bytes))
    head = read_head(file, "tar", compression, longer if compression else limits)
    if head.compression is None:
        remote = file.size > limits.head_bytes
        walk = _Walk(file.key, file, True, _MAX_REMOTE_HEADERS if remote else _MAX_HEADERS, limits)
    else:
        walk = _Walk(file.key, BytesFile(file.key, head.data), head.whole, _MAX_HEADERS, limits)
    return OpenArchive(walk.members(), walk.describe_rest)


FORMAT = TarFormat()
