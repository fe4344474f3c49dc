"""What a full profile reads of a store: counted, held to a budget, and stopped from another thread."""

from __future__ import annotations

from collections.abc import Iterator

from s3_catalog.storage import ListPage, ObjectStore


class ReadingStoppedError(Exception):
    """No more is read: the budget is spent, or somebody stopped the reading."""


class MeteredStore:
    """An `ObjectStore` that counts what is read of another, and reads no more past `limit` bytes, or once it is stopped.

    Attributes:
        bytes_read: of all files, in all readings of the table.
        spent: whether a read was refused for the limit.
    """

    def __init__(self, store: ObjectStore, *, limit: int, table_bytes: int) -> None:
        self._store = store
        self.location, self.receipt = store.location, store.receipt
        self.limit: int | None = limit
        self.bytes_read = 0
        self.spent = self.stopped = False
        self._table_bytes = table_bytes
        self._readings = self._of_files = self._of_file = 0

    @property
    def bytes_done(self) -> int:
        """Of all readings. What a reading of some columns passes over counts as done with its file."""
        return max(0, self._readings - 1) * self._table_bytes + min(self._table_bytes, self._of_files + self._of_file)

    @property
    def halted(self) -> bool:
        """Whether nothing more is read, for either reason."""
        return self.spent or self.stopped

    def lift_limit(self) -> None:
        """Read without a limit from now on: what follows reads what was read before."""
        self.limit, self.spent = None, False

    def begin_reading(self) -> None:
        """The table is read from its first file on."""
        self._readings += 1
        self._of_files = self._of_file = 0

    def end_file(self, size: int) -> None:
        """A file of so many bytes is done with."""
        self._of_file = 0
        self._of_files += size

    def list_pages(self, prefix: str, *, delimiter: str = "", start_after: str = "") -> Iterator[ListPage]:
        return self._store.list_pages(prefix, delimiter=delimiter, start_after=start_after)

    def read_range(self, key: str, start: int, length: int, *, etag: str | None = None) -> bytes:
        """Read as the store does.

        Raises:
            ReadingStoppedError: it was stopped, or the bytes would exceed the limit.
        """
        if self.limit is not None and self.bytes_read + length > self.limit:
            self.spent = True
        if self.halted:
            raise ReadingStoppedError
        data = self._store.read_range(key, start, length, etag=etag)
        self.bytes_read += len(data)
        self._of_file += len(data)
        return data
