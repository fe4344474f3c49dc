"""What the rows of one file may cost: bytes of the file, and the length of each value."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from itertools import islice

from s3_catalog.errors import UnreadableFileError
from s3_catalog.formats import ReadLimits, Row
from s3_catalog.storage.files import ObjectFile

MAX_VALUE_LENGTH = 64 * 1024
"""Of one value: characters of text, bytes, or items of a list; what is longer is cut."""
CUT_MARK = "…"
"""Ends a text that was cut, and stands for what is nested too deep."""
_MAX_DEPTH = 64

ReadRows = Callable[[ObjectFile, ReadLimits], Mapping[str, Iterable[Row]]]
"""How a format reads rows by member, from a file whose reads are counted."""


class TooExpensiveError(UnreadableFileError):
    """The rows of a file lie beyond the bytes that they may cost."""


class CountedFile(ObjectFile):
    """A file of which so many bytes may be read, those read twice fetched and counted once.

    Raises (all reads): `TooExpensiveError` before a read that would go beyond them, besides what the file itself raises.
    """

    def __init__(self, file: ObjectFile, max_bytes: int) -> None:
        self.key, self.size, self.etag = file.key, file.size, file.etag
        self._file, self._max_bytes, self._position = file, max_bytes, 0
        self._read: list[tuple[int, bytes]] = []

    def read_at(self, start: int, length: int) -> bytes:
        end = start + max(0, min(length, self.size - start))
        for begin, data in self._read:
            if begin <= start and end <= begin + len(data):
                return data[start - begin : end - begin]
        if sum(len(data) for _, data in self._read) + end - start > self._max_bytes:
            raise TooExpensiveError(self.key, "rows", f"they lie beyond the {self._max_bytes:,} bytes that a sample may cost")
        self._read.append((start, self._file.read_at(start, length)))
        return self._read[-1][1]


def sample_within(file: ObjectFile, limits: ReadLimits, rows: int, read: ReadRows) -> dict[str, Sequence[Row]]:
    """Take up to `rows` rows of each member within `ReadLimits.max_sample_bytes`, long values cut; none where so much does not do.

    Raises: what `read` raises.
    """
    counted = CountedFile(file, limits.max_sample_bytes)
    limits = replace(limits, head_bytes=min(limits.head_bytes, limits.max_sample_bytes))
    try:
        members = read(counted, limits)
        return {name: [_cut_row(row) for row in islice(found, rows)] for name, found in members.items()}
    except TooExpensiveError:
        return {}


def cut_value(value: object, depth: int = _MAX_DEPTH) -> object:
    """Cut what is too long in a value, on every level; text becomes text that can be encoded.

    >>> cut_value(["a" * 70_000, b"b"])[0][-2:]
    'a…'
    """
    if isinstance(value, str):
        return _cut_text(value)
    if isinstance(value, bytes):
        return value[:MAX_VALUE_LENGTH]
    if isinstance(value, dict | list | tuple) and depth == 0:
        return CUT_MARK
    if isinstance(value, dict):
        return {cut_value(key): cut_value(inner, depth - 1) for key, inner in islice(value.items(), MAX_VALUE_LENGTH)}
    if isinstance(value, list | tuple):
        cut = (cut_value(inner, depth - 1) for inner in value[:MAX_VALUE_LENGTH])
        return tuple(cut) if isinstance(value, tuple) else list(cut)
    return value


def _cut_row(row: Row) -> Row:
    return {name: cut_value(value) for name, value in row.items()}


def _cut_text(text: str) -> str:
    if len(text) > MAX_VALUE_LENGTH:
        text = text[: MAX_VALUE_LENGTH - 1] + CUT_MARK
    return text if text.isascii() else text.encode("utf-8", "replace").decode()
