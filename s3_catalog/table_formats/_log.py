"""The log of one table, as it was listed: files by name, read through the store within a bound.

A library that wants a folder gets a copy in a temporary one; only names that its format knows are written there.
"""

from __future__ import annotations

import logging
import tempfile
import threading
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import pyarrow as pa

from s3_catalog.errors import S3CatalogError, UnreadableLogError
from s3_catalog.storage import ObjectStore, printable

logger = logging.getLogger(__name__)

_READERS = 8
_MAX_SEGMENT = 255


@dataclass(frozen=True, slots=True, kw_only=True)
class LogLimits:
    """How much of one table's log may be read, in bytes, and how many data files of one table are looked up in it.

    `max_history_files` and `max_history_bytes` are for what is read to tell which version brought a column, and for nothing else.
    """

    max_log_bytes: int = 256 * 1024 * 1024
    max_files: int = 500_000
    max_history_files: int = 64
    max_history_bytes: int = 16 * 1024 * 1024


class TableLog:
    """The log of the table below `root`.

    Args:
        root: key prefix of the table ("" or ending in `/`).
        folder: where the log lies below it.
        objects: the listed objects of the log (`MANIFEST_SCHEMA`).
        data: the listed data files of the table (`MANIFEST_SCHEMA`).
    """

    def __init__(
        self, store: ObjectStore, root: str, table_format: str, folder: str, objects: pa.Table, data: pa.Table, limits: LogLimits
    ) -> None:
        self.store_url, self.root, self.table_format, self.folder = store.location.store_url, root, table_format, folder
        self.data, self.limits = data, limits
        self._store, self._objects = store, objects
        self._read = 0
        self._lock = threading.Lock()

    @cached_property
    def files(self) -> Mapping[str, tuple[int, str | None]]:
        """Name below the root -> size and ETag, by name."""
        names = (key.removeprefix(self.root) for key in self._objects.column("key").to_pylist())
        facts = zip(self._objects.column("size").to_pylist(), self._objects.column("etag").to_pylist(), strict=True)
        return dict(sorted(zip(names, facts, strict=True)))

    def names(self) -> list[str]:
        """The names of the log's files below its folder, in order."""
        return [name.removeprefix(self.folder) for name in self.files]

    def newest_of(self, names: Iterable[str]) -> str:
        """That of some files (below the log's folder) which was written last."""
        wanted = {self.root + self.folder + name for name in names}
        times = zip(self._objects.column("key").to_pylist(), self._objects.column("last_modified").to_pylist(), strict=True)
        newest: str = max((time, key) for key, time in times if key in wanted)[1]
        return newest.removeprefix(self.root + self.folder)

    def read(self, name: str) -> bytes:
        """Read one file, by its name below the table's root.

        Raises:
            UnreadableLogError: it is not there, or more would be read than the limit allows.
            StoreError: it could not be read or has changed.
        """
        if name not in self.files:
            raise self.unreadable(name, "it is missing")
        size, etag = self.files[name]
        with self._lock:
            self._read += size
            if self._read > self.limits.max_log_bytes:
                raise self.unreadable(name, f"the log is larger than the {self.limits.max_log_bytes:,} bytes that may be read of one")
        return self._store.read_range(self.root + name, 0, size, etag=etag) if size else b""

    def read_all(self, names: Iterable[str]) -> Iterator[bytes]:
        """Read several files side by side, in the order of their names given."""
        with ThreadPoolExecutor(max_workers=_READERS, thread_name_prefix="log") as pool:
            yield from pool.map(self.read, names)

    @contextmanager
    def temporary_root(self) -> Iterator[Path]:
        """A temporary folder to stand for the table's root; gone at the end."""
        with tempfile.TemporaryDirectory(prefix="s3-catalog-", ignore_cleanup_errors=True) as folder:
            yield Path(folder)

    def copy(self, names: Iterable[str], root: Path) -> None:
        """Copy files (by their names below the table's root) to the same place below a folder.

        Raises:
            UnreadableLogError: see `read`; or the disk is full.
            StoreError: one could not be read or has changed.
        """
        names = list(names)
        for name, data in zip(names, self.read_all(names), strict=True):
            with self._writing(name):
                (root / name).parent.mkdir(parents=True, exist_ok=True)
                (root / name).write_bytes(data)

    def place(self, files: Iterable[tuple[str, int]], root: Path) -> None:
        """Make files of these names and sizes (bytes) that hold nothing and need no space; names that no folder can have are left out."""
        for name, size in files:
            if not _is_plain_path(name):
                continue
            with self._writing(name):
                (root / name).parent.mkdir(parents=True, exist_ok=True)
                with (root / name).open("wb") as file:
                    file.truncate(size)

    @contextmanager
    def _writing(self, name: str) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise self.unreadable(name, f"no copy of it can be made in the temporary folder: {error.strerror}") from error

    def unreadable(self, name: str, reason: str) -> UnreadableLogError:
        """The error for one file of the log, by its name below the table's root."""
        return UnreadableLogError(printable(self.root + name), self.table_format, reason)

    @contextmanager
    def blaming(self, name: str, reason: str) -> Iterator[None]:
        """Turn whatever a library raises on hostile bytes into the error for one file.

        The library's own words are not shown: they may quote values from the log.
        """
        try:
            yield
        except (S3CatalogError, MemoryError):
            raise
        except BaseException as error:
            # a panic of a Rust library is no Exception
            if not isinstance(error, Exception) and type(error).__module__ != "pyo3_runtime":
                raise
            logger.info("log refused format=%s key=%s error=%s", self.table_format, printable(self.root + name), type(error).__name__)
            raise self.unreadable(name, reason) from error


def _is_plain_path(name: str) -> bool:
    """Whether a name is a path that stays below the folder it is put in."""
    segments = name.split("/")
    plain = all(segment not in ("", ".", "..") and "\0" not in segment for segment in segments)
    return plain and all(len(segment.encode("utf-8", "surrogatepass")) <= _MAX_SEGMENT for segment in segments) and name.isprintable()
