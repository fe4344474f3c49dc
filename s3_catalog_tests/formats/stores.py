"""A store of a few objects in memory that counts what reading them costs."""

from __future__ import annotations

from collections.abc import Iterator

from s3_catalog.storage import ListPage, Location
from s3_catalog.storage.files import ObjectFile
from s3_catalog.storage.receipt import Receipt


class CountingStore:
    """An `ObjectStore` over a dict."""

    def __init__(self, objects: dict[str, bytes]) -> None:
        self.location = Location("memory", "test", "")
        self.receipt = Receipt()
        self._objects = objects

    def list_pages(self, prefix: str, *, delimiter: str = "", start_after: str = "") -> Iterator[ListPage]:
        raise NotImplementedError

    def read_range(self, key: str, start: int, length: int, *, etag: str | None = None) -> bytes:
        data = self._objects[key][start : start + length]
        self.receipt.count_get(len(data))
        return data


def open_bytes(data: bytes, key: str = "data") -> tuple[ObjectFile, Receipt]:
    """One object's file, and the receipt of its store."""
    store = CountingStore({key: data})
    return ObjectFile(store, key, len(data)), store.receipt
