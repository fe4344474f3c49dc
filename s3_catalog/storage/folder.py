"""A local folder as a store: `file://` and plain paths. Every file name is a key, exactly.

Symbolic links are not followed: neither a listing nor a read leaves the folder. Empty folders are no objects.
"""

from __future__ import annotations

import errno
import logging
import os
import stat
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import pyarrow as pa

from s3_catalog.errors import (
    AccessDeniedError,
    BucketNotFoundError,
    ObjectChangedError,
    ObjectNotFoundError,
    StoreError,
    UnnameableKeyError,
)
from s3_catalog.model.manifest import MANIFEST_SCHEMA
from s3_catalog.storage import ListPage, Location, printable
from s3_catalog.storage.receipt import Receipt

logger = logging.getLogger(__name__)

_PAGE_SIZE = 1000
# a link is not followed, a pipe is not waited for, and Windows changes no line ends
_READ_ONLY = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)

_Entry = tuple[str, os.stat_result | None]
"""A key and its file's status; None for a folder, whose key ends in `/`."""


class FolderStore:
    """The files below a folder. Keys are paths relative to it, with `/` between segments.

    Raises:
        BucketNotFoundError: there is no such folder.
    """

    def __init__(self, location: Location, receipt: Receipt | None = None) -> None:
        self.location, self.receipt = location, receipt or Receipt()
        self._root = Path(location.bucket or "/").resolve()
        if not self._root.is_dir():
            reason = "not a folder" if self._root.exists() else "the folder does not exist"
            raise BucketNotFoundError(printable(location.store_url), reason)

    def list_pages(self, prefix: str, *, delimiter: str = "", start_after: str = "") -> Iterator[ListPage]:
        """Page through the keys below a prefix; see `ObjectStore`.

        Raises:
            UnnameableKeyError: a file name is not UTF-8.
        """
        folder, _, _ = prefix.rpartition("/")
        if folder and self._path(folder) is None:
            entries: Iterator[_Entry] = iter(())
        else:
            entries = self._walk(folder + "/" if folder else "", prefix, start_after, deep=not delimiter)
        first = True
        while chunk := list(islice(entries, _PAGE_SIZE)):
            first = False
            yield self._page(chunk)
        if first:
            yield self._page([])

    def read_range(self, key: str, start: int, length: int, *, etag: str | None = None) -> bytes:
        """Read bytes of one file; see `ObjectStore`."""
        subject = printable(self.location.store_url + key)
        path = self._path(key)
        if path is None:
            raise ObjectNotFoundError(subject, "the file is gone")
        try:
            descriptor = os.open(path, _READ_ONLY)
        except OSError as error:
            raise self._error(error, subject) from error
        try:
            data = _read_at(descriptor, start, max(0, length))
            status = os.fstat(descriptor)
        except OSError as error:
            raise self._error(error, subject) from error
        finally:
            os.close(descriptor)
        self.receipt.count_get(len(data))
        # looked at after the read: a file rewritten meanwhile has a new time
        if etag and _etag(status) != etag:
            raise ObjectChangedError(subject, "the file was replaced after it was listed")
        return data

    def _path(self, key: str) -> Path | None:
        """The path of a key; None when no file inside the folder can have it."""
        segments = key.split("/")
        if any(segment in ("", ".", "..") or "\0" in segment for segment in segments):
            return None
        try:
            path = self._root.joinpath(*segments)
            return path if path.parent.resolve() == path.parent else None
        except UnicodeEncodeError:
            return None

    def _walk(self, folder: str, prefix: str, start_after: str, *, deep: bool) -> Iterator[_Entry]:
        """Yield entries below `folder` ("" or ending in `/`) in key order, without the subtrees that cannot hold a wanted key."""
        for key, status in self._read_folder(folder):
            if not (key.startswith(prefix) or (status is None and prefix.startswith(key))):
                continue
            if status is not None or not deep:
                if key.encode() > start_after.encode():
                    yield key, status
            elif key.encode() > start_after.encode() or start_after.startswith(key):
                yield from self._walk(key, prefix, start_after, deep=True)

    def _read_folder(self, folder: str) -> list[_Entry]:
        self.receipt.count_list(0)
        subject = printable(self.location.store_url + folder)
        entries: list[_Entry] = []
        try:
            with os.scandir(self._root / folder) as found:
                for entry in found:
                    if entry.is_symlink():
                        logger.warning("symbolic link is not followed folder=%s name=%s", subject, printable(entry.name))
                    elif entry.is_dir():
                        entries.append((folder + _exact(entry.name, subject) + "/", None))
                    elif entry.is_file():
                        entries.append((folder + _exact(entry.name, subject), entry.stat(follow_symlinks=False)))
        except FileNotFoundError:
            return []
        except OSError as error:
            raise self._error(error, subject) from error
        return sorted(entries, key=lambda entry: entry[0].encode())

    def _page(self, entries: list[_Entry]) -> ListPage:
        files = [(key, status) for key, status in entries if status is not None]
        columns = [
            pa.array([key for key, _ in files], pa.string()),
            pa.array([status.st_size for _, status in files], pa.int64()),
            pa.array([status.st_mtime_ns // 1000 for _, status in files], pa.int64()).cast(pa.timestamp("us", tz="UTC")),
            pa.array([_etag(status) for _, status in files], pa.string()),
            pa.nulls(len(files), pa.string()),
        ]
        folders = tuple(key for key, status in entries if status is None)
        return ListPage(pa.RecordBatch.from_arrays(columns, schema=MANIFEST_SCHEMA), folders)

    def _error(self, error: OSError, subject: str) -> StoreError:
        if isinstance(error, PermissionError):
            return AccessDeniedError(subject, "permission denied")
        if isinstance(error, FileNotFoundError | NotADirectoryError) or error.errno == errno.ELOOP:
            return ObjectNotFoundError(subject, "the file is gone")
        return StoreError(subject, error.strerror or type(error).__name__)


def _exact(name: str, subject: str) -> str:
    try:
        name.encode()
    except UnicodeEncodeError as error:
        raise UnnameableKeyError(subject + printable(name), "the file name is not UTF-8") from error
    return name


def _etag(status: os.stat_result) -> str:
    return f"{status.st_ino:x}-{status.st_mtime_ns:x}-{status.st_size:x}"


def _read_at(descriptor: int, start: int, length: int) -> bytes:
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        raise FileNotFoundError
    with os.fdopen(os.dup(descriptor), "rb") as file:
        file.seek(start)
        return file.read(length)
