"""The last bytes of a file of text: what rows look like far from the start, for one request more.

Only of files that are not compressed. Whether lines there are records is for the caller to judge: a tail may begin within a quoted value.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from s3_catalog.formats import ReadLimits
from s3_catalog.formats._head import Head
from s3_catalog.storage.files import ObjectFile


@dataclass(frozen=True, slots=True)
class Tail:
    """The last bytes of a file, and where they begin."""

    data: bytes
    start: int


def with_short_tail(file: ObjectFile, limits: ReadLimits) -> ReadLimits:
    """The limits with a head as long as the file, where head and tail would meet."""
    if limits.tail_of_text and file.size <= limits.head_bytes + limits.tail_bytes:
        return replace(limits, head_bytes=max(limits.head_bytes, file.size))
    return limits


def read_tail(file: ObjectFile, head: Head, limits: ReadLimits) -> Tail | None:
    """Read the end of a file where the limits ask for it; None of a compressed file, and of one whose head is whole.

    Raises:
        StoreError: the object could not be read.
    """
    if not limits.tail_of_text or head.whole or head.compression is not None:
        return None
    start = max(len(head.data), file.size - limits.tail_bytes)
    return Tail(file.read_at(start, file.size - start), start)


def whole_lines(tail: Tail, encoding: str) -> tuple[str, int] | None:
    """The text after the first line end of a tail, and where it begins in the file; None without a line, or in another encoding."""
    begin = _first_line(tail, encoding)
    if begin is None:
        return None
    try:
        return tail.data[begin:].decode(encoding), tail.start + begin
    except UnicodeDecodeError:
        return None


def find_undecodable(tail: Tail, encoding: str) -> int | None:
    """The place in the file of the first bytes of a tail that are not of an encoding."""
    begin = _first_line(tail, encoding)
    try:
        tail.data[begin or 0 :].decode(encoding)
    except UnicodeDecodeError as error:
        return None if begin is None else tail.start + begin + error.start
    return None


def _first_line(tail: Tail, encoding: str) -> int | None:
    begins = (_after(tail, mark.encode(encoding)) for mark in ("\n", "\r"))
    return next((begin for begin in begins if begin is not None and begin < len(tail.data)), None)


def _after(tail: Tail, mark: bytes) -> int | None:
    """Where the first line ends; characters of several bytes each begin at multiples of their width in the file."""
    found = tail.data.find(mark)
    while found >= 0 and (tail.start + found) % len(mark):
        found = tail.data.find(mark, found + 1)
    return found + len(mark) if found >= 0 else None
