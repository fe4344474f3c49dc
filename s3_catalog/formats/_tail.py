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


def read_tail(file: ObjectFile, head: Head, limits: ReadLimits) -> tuple[Head, Tail | None]:
    """Read the end of a file where the limits ask for it: a head that is now whole, or the head as it was and the tail.

    Raises:
        StoreError: the object could not be read.
    """
    if not limits.tail_of_text or head.whole or head.compression is not None:
        return head, None
    start = max(len(head.data), file.size - limits.tail_bytes)
    data = file.read_at(start, file.size - start)
    if start == len(head.data):
        return replace(head, data=head.data + data, whole=True), None
    return head, Tail(data, start)


def whole_lines(tail: Tail, encoding: str) -> tuple[str, int] | None:
    """The text after the first line end of a tail, and where it begins in the file; None when it has no line, or is not of the encoding."""
    for mark in ("\n", "\r"):
        begin = _after(tail, mark.encode(encoding))
        if begin is None or begin == len(tail.data):
            continue
        try:
            return tail.data[begin:].decode(encoding), tail.start + begin
        except UnicodeDecodeError:
            return None
    return None


def _after(tail: Tail, mark: bytes) -> int | None:
    """Where the first line ends; characters of several bytes each begin at multiples of their width in the file."""
    found = tail.data.find(mark)
    while found >= 0 and (tail.start + found) % len(mark):
        found = tail.data.find(mark, found + 1)
    return found + len(mark) if found >= 0 else None
