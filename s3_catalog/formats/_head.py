"""The first bytes of a file, plain: what every format that is read from its start begins with.

One GET of `ReadLimits.head_bytes` in the ordinary case; a few times more only where a codec gives nothing for so little
(a bz2 block is 900 KB of text), or where a format asks for a longer head.
"""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import dataclass, replace

from s3_catalog.errors import UnreadableFileError
from s3_catalog.formats import ReadLimits
from s3_catalog.formats._compression import Decompressed, decompress_head, detect_compression
from s3_catalog.formats._magic import describe_bytes
from s3_catalog.storage.files import ObjectFile

GROWTH = 16
"""A head grows at most this many times."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Head:
    """Plain bytes from the start of a file. `whole`: they are all there are. `warnings`: where the name lied about compression.

    `marks` of a compressed file are pairs of (compressed bytes, plain bytes that came of them), rising.
    """

    data: bytes
    whole: bool
    compression: str | None = None
    warnings: tuple[str, ...] = ()
    marks: tuple[tuple[int, int], ...] = ()

    def stored_at(self, position: int) -> float:
        """Where in the file, as stored, the plain byte at a position stands; between two marks by rule of three."""
        if self.compression is None:
            return position
        after = bisect_left(self.marks, position, key=lambda mark: mark[1])
        right = self.marks[min(after, len(self.marks) - 1)]
        left = self.marks[after - 1] if 0 < after < len(self.marks) else (0, 0)
        return left[0] + (position - left[1]) * (right[0] - left[0]) / max(1, right[1] - left[1])


def read_head(file: ObjectFile, file_format: str, compression: str | None, limits: ReadLimits) -> Head:
    """Read and decompress the first bytes of a file.

    Raises:
        UnreadableFileError: no bytes, corrupt or truncated compressed data, or not compressed as the name says.
        StoreError: the object could not be read.
    """
    if file.size == 0:
        raise UnreadableFileError(file.key, file_format, "the file is empty (0 bytes)")
    return _plain_head(file, file_format, compression, limits, file.head(limits.head_bytes))


def read_longer_head(file: ObjectFile, file_format: str, compression: str | None, limits: ReadLimits) -> Head:
    """Read a head `GROWTH` times as long, for a first record that does not end within the ordinary one; what is known is not read again."""
    first = file.head(limits.head_bytes)
    longer = replace(limits, head_bytes=limits.head_bytes * GROWTH)
    return _plain_head(file, file_format, compression, longer, first + file.read_at(len(first), longer.head_bytes - len(first)))


def _plain_head(file: ObjectFile, file_format: str, compression: str | None, limits: ReadLimits, raw: bytes) -> Head:
    actual, warnings = _actual_compression(raw, compression, file, file_format)
    if actual is None:
        return Head(data=raw, whole=len(raw) >= file.size, warnings=warnings)
    plain = _decompress(raw, actual, file, file_format, limits)
    if not plain.data and not plain.complete and len(raw) < file.size:
        raw += file.read_at(len(raw), limits.head_bytes * (GROWTH - 1))
        plain = _decompress(raw, actual, file, file_format, limits)
    if not plain.data:
        reason = f"the {actual} data is empty" if plain.complete else f"no {actual} block ends within the first {len(raw):,} bytes"
        raise UnreadableFileError(file.key, file_format, reason)
    whole = plain.complete and len(raw) >= file.size
    return Head(data=plain.data, whole=whole, compression=actual, warnings=warnings, marks=plain.marks)


def _decompress(raw: bytes, compression: str, file: ObjectFile, file_format: str, limits: ReadLimits) -> Decompressed:
    try:
        return decompress_head(raw, compression, limits.max_decompressed_bytes, whole=len(raw) >= file.size)
    except UnreadableFileError as error:
        raise UnreadableFileError(file.key, file_format, f"{error.reason} (the bytes are {describe_bytes(raw)})") from error


def _actual_compression(raw: bytes, named: str | None, file: ObjectFile, file_format: str) -> tuple[str | None, tuple[str, ...]]:
    """Compare what the name says with what the bytes say; the bytes win where they can be read."""
    seen = detect_compression(raw)
    if seen == named:
        return named, ()
    if seen is not None:
        return seen, (f"the bytes are {seen} although the name {'says ' + named if named else 'does not say so'}",)
    what = describe_bytes(raw)
    if what in ("text", "XML or HTML"):
        return None, (f"the bytes are plain text although the name says {named}",)
    if named in ("snappy", "lz4"):  # Hadoop's blocks have no signature: let the codec tell
        return named, ()
    raise UnreadableFileError(file.key, file_format, f"not {named} data: the bytes are {what}")
