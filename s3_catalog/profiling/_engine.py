"""DuckDB as a full profile uses it: bounded memory, no file of this machine, no network, and objects of a store as its files."""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import duckdb
import fsspec

from s3_catalog.storage.files import ObjectFile

if TYPE_CHECKING:
    from typing_extensions import Buffer  # collections.abc has it from Python 3.12

PROTOCOL = "catalog"
_CONFIG: dict[str, str | bool | int | float | list[str]] = {
    # What does not fit into memory is an error: values never stand in a file of this machine.
    "temp_directory": "",
    "autoinstall_known_extensions": "false",
    "autoload_known_extensions": "false",
    "python_enable_replacements": "false",
    # It makes a join of `IN`, for which DuckDB keeps all rows in memory.
    "disabled_optimizers": "in_clause",
}


@contextmanager
def open_duckdb(memory_bytes: int, *, threads: int) -> Iterator[duckdb.DuckDBPyConnection]:
    """A database in memory that takes at most so many bytes and can open no file."""
    config = {**_CONFIG, "memory_limit": f"{memory_bytes}B", "threads": str(threads)}
    with duckdb.connect(config=config) as connection:
        connection.execute("SET enable_progress_bar = false")
        connection.execute("SET enable_external_access = false")
        yield connection


@contextmanager
def open_reader(memory_bytes: int, files: StoreFiles) -> Iterator[duckdb.DuckDBPyConnection]:
    """A database whose only files are `catalog://<number>`. It has one thread: the rows come in their order, at every reading."""
    config = {**_CONFIG, "memory_limit": f"{memory_bytes}B", "threads": "1"}
    with duckdb.connect(config=config) as connection:
        connection.register_filesystem(files)
        try:
            connection.execute("SET enable_progress_bar = false")
            connection.execute(f"SET allowed_directories = ['{PROTOCOL}://']")
            connection.execute("SET enable_external_access = false")
            connection.execute("SET lock_configuration = true")
            yield connection
        finally:
            connection.unregister_filesystem(PROTOCOL)


class StoreFiles(fsspec.AbstractFileSystem):  # type: ignore[misc]
    """Objects of a store by number, so that no key is ever part of a path: the little that DuckDB asks of a file system."""

    protocol = PROTOCOL
    cachable = False

    def __init__(self) -> None:
        super().__init__()
        self._files: dict[str, ObjectFile] = {}
        self._head_bytes = 0

    def put(self, number: int, file: ObjectFile, head_bytes: int) -> str:
        """Make a file readable, and all others not; gives its path. So much of its head was read already."""
        self._files, self._head_bytes = {str(number): file}, head_bytes
        return f"{PROTOCOL}://{number}"

    def open(self, path: str, mode: str = "rb", **_: Any) -> _OpenFile:
        if "r" not in mode:
            raise PermissionError(path)
        return _OpenFile(self._find(path), self._head_bytes)

    def info(self, path: str, **_: Any) -> dict[str, Any]:
        return {"name": path, "size": self._find(path).size, "type": "file"}

    def modified(self, path: str) -> datetime:
        """Always the same: a file that changes is told by its ETag."""
        return datetime.fromtimestamp(0, UTC)

    def exists(self, path: str, **_: Any) -> bool:
        return path.rpartition("/")[2] in self._files

    def _find(self, path: str) -> ObjectFile:
        try:
            return self._files[path.rpartition("/")[2]]
        except KeyError:
            raise FileNotFoundError(path) from None


class _OpenFile(io.RawIOBase):
    """One opening of a file: a place in it. Ranges that the file keeps serve all its openings."""

    def __init__(self, file: ObjectFile, head_bytes: int) -> None:
        self._file, self._head_bytes, self._position = file, head_bytes, 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._position

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        self._position = offset + {io.SEEK_SET: 0, io.SEEK_CUR: self._position, io.SEEK_END: self._file.size}[whence]
        return self._position

    def read(self, size: int = -1, /) -> bytes:
        size = self._file.size if size < 0 else size
        data = self._file.head(self._head_bytes) if self._position == 0 and size > self._head_bytes else b""
        data += self._file.read_at(self._position + len(data), size - len(data))
        self._position += len(data)
        return data

    def readinto(self, buffer: Buffer, /) -> int:
        view = memoryview(buffer).cast("B")
        data = self.read(len(view))
        view[: len(data)] = data
        return len(data)
