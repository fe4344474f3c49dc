"""One object as a seekable file that fetches only the byte ranges asked for.

Ranges once fetched are kept (up to a bound), so a format that looks twice at a footer or a head pays once.
"""

from __future__ import annotations

import io
import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from typing_extensions import Buffer  # collections.abc has it from Python 3.12

    from s3_catalog.storage import ObjectStore

_KEPT_BYTES = 8 * 1024 * 1024
_SHARED_BYTES = 32 * 1024 * 1024


class ObjectFile(io.RawIOBase):
    """A read-only view of one object. `read_at` is the one place that reads; all of io's calls come down to it.

    Raises (all reads): `ObjectChangedError` when the object is no longer the one that was listed.
    """

    def __init__(self, store: ObjectStore, key: str, size: int, etag: str | None = None) -> None:
        self._store, self.key, self.size, self.etag = store, key, size, etag
        self._position = 0
        self._kept: list[tuple[int, bytes]] = []

    def read_at(self, start: int, length: int) -> bytes:
        """Read `length` bytes from `start` (fewer at the end)."""
        length = max(0, min(length, self.size - start))
        if length == 0:
            return b""
        for kept_start, kept in self._kept:
            if kept_start <= start and start + length <= kept_start + len(kept):
                return kept[start - kept_start : start - kept_start + length]
        data = self._store.read_range(self.key, start, length, etag=self.etag)
        if self.kept_bytes + len(data) <= _KEPT_BYTES:
            self._kept.append((start, data))
        return data

    @property
    def kept_bytes(self) -> int:
        """How much of the object is in memory."""
        return sum(len(kept) for _, kept in self._kept)

    def head(self, length: int) -> bytes:
        """The first `length` bytes."""
        return self.read_at(0, length)

    def tail(self, length: int) -> bytes:
        """The last `length` bytes."""
        length = min(length, self.size)
        return self.read_at(self.size - length, length)

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._position

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._position, io.SEEK_END: self.size}[whence]
        self._position = max(0, base + offset)
        return self._position

    def readinto(self, buffer: Buffer, /) -> int:
        view = memoryview(buffer).cast("B")
        data = self.read_at(self._position, len(view))
        view[: len(data)] = data
        self._position += len(data)
        return len(data)


class OpenedFiles:
    """Files that one hop hands to the next with the ranges they keep, so that no range is fetched twice.

    Holds so many bytes at most; what comes when it is full is fetched again. Calls may come from any thread.
    """

    def __init__(self, max_bytes: int = _SHARED_BYTES) -> None:
        self._left = max_bytes
        self._files: dict[str, tuple[ObjectFile, int]] = {}
        self._lock = threading.Lock()

    def add(self, file: ObjectFile) -> None:
        """Keep a file for whoever opens it next."""
        with self._lock:
            size = file.kept_bytes
            if file.key not in self._files and size <= self._left:
                self._left -= size
                self._files[file.key] = file, size

    def take(self, store: ObjectStore, key: str, size: int, etag: str | None) -> ObjectFile:
        """The file that was kept, which is given away, or one that has fetched nothing."""
        with self._lock:
            file, kept = self._files.pop(key, (None, 0))
            self._left += kept
        return file or ObjectFile(store, key, size, etag)
