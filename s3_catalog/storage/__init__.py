"""Object stores behind one contract: `open_store(url, options)`.

`s3://` is `S3Store` (requests signed by botocore, every key exact); `gs:// az:// file:// memory://` are `ObstoreStore`.
Keys are relative to the bucket (for `file://` and `memory://`: to the folder of the URL), exactly as stored.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

import pyarrow as pa

from s3_catalog.storage.receipt import Receipt


@dataclass(frozen=True, slots=True)
class Location:
    """Where a store begins: `s3://bucket/prefix/` is scheme, bucket and prefix ("" or ending in `/`)."""

    scheme: str
    bucket: str
    prefix: str

    @property
    def store_url(self) -> str:
        """The bucket, without the prefix: what keys are relative to. Always ends in `/`."""
        return f"{self.scheme}://{self.bucket}/"


@dataclass(frozen=True, slots=True)
class ListPage:
    """One answer of a listing: objects (`MANIFEST_SCHEMA`, in key order) and, with a delimiter, the prefixes one level down."""

    objects: pa.RecordBatch
    prefixes: tuple[str, ...] = ()


class ObjectStore(Protocol):
    """A bucket. Errors are `StoreError`s; transient failures were already retried."""

    location: Location
    receipt: Receipt

    def list_pages(self, prefix: str, *, delimiter: str = "", start_after: str = "") -> Iterator[ListPage]:
        """Page through the keys below a prefix, in order; with delimiter "/" only one level."""

    def read_range(self, key: str, start: int, length: int, *, etag: str | None = None) -> bytes:
        """Read `length` bytes from `start` (fewer at the end of the object).

        Raises:
            ObjectChangedError: the object's ETag is no longer `etag`.
        """
