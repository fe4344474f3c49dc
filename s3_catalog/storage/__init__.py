"""Object stores behind one contract: `open_store(url, options)`.

`s3://` is `S3Store` (requests signed by botocore, every key exact); `gs:// az:// memory://` are `ObstoreStore`; `file://` and
plain paths are `FolderStore` (every file name exact). Keys are relative to the bucket (for `file://`: to the folder of the URL),
exactly as stored.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, runtime_checkable
from urllib.parse import unquote

import pyarrow as pa

from s3_catalog.errors import ConfigError
from s3_catalog.storage.options import StoreOptions
from s3_catalog.storage.receipt import Receipt

__all__ = ["ListPage", "Location", "ObjectStore", "StoreOptions", "TaggedStore", "open_store", "parse_location", "printable"]

_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*)://(.*)", re.DOTALL)
_BUCKET_SCHEMES = {"s3": "s3", "s3a": "s3", "s3n": "s3", "gs": "gs", "gcs": "gs", "az": "az", "memory": "memory"}
_CHOICES = "s3://bucket/prefix, gs://bucket/prefix, az://container/prefix, file:///folder, memory://name/prefix or a local folder"


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

    @property
    def url(self) -> str:
        """The bucket with the prefix: what is crawled. Always ends in `/`."""
        return self.store_url + self.prefix


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


@runtime_checkable
class TaggedStore(ObjectStore, Protocol):
    """A store whose objects and buckets have tags."""

    def read_tags(self, key: str | None = None) -> Mapping[str, str]:
        """Read the tags of an object, or of the bucket: one request each. An object that is gone has none.

        Raises:
            AccessDeniedError: tags may not be read.
            StoreError: the store has no tags, or its answer is none.
        """


def parse_location(url: str) -> Location:
    """Read where a store begins. Keys in a URL are taken as they stand, not percent-decoded; `file://` URLs are decoded.

    >>> parse_location("s3a://lake/raw")
    Location(scheme='s3', bucket='lake', prefix='raw/')

    Raises:
        ConfigError: the URL has another scheme, or no bucket.
    """
    match = _SCHEME.fullmatch(url)
    if match is None:
        if not url or "\0" in url:
            raise ConfigError(f"a location is needed: {_CHOICES}")
        return _folder_location(Path(url).expanduser())
    scheme, rest = match[1].lower(), match[2]
    if scheme == "file":
        host, slash, path = rest.partition("/")
        if host not in ("", "localhost") or not slash:
            raise ConfigError(f"{printable(url)}: a file URL has an absolute path, as in file:///data/lake")
        return _folder_location(Path(unquote("/" + path)))
    if scheme not in _BUCKET_SCHEMES:
        raise ConfigError(f"unknown scheme {scheme}:// in a location: choose one of {_CHOICES}")
    bucket, prefix = _split_bucket(rest)
    if not bucket and scheme != "memory":
        raise ConfigError(f"{printable(url)} names no bucket, as in {scheme}://bucket/prefix")
    if "@" in bucket or "?" in bucket:
        raise ConfigError(f"a {scheme}:// location holds a bucket and a prefix only; credentials and options are set apart from it")
    return Location(_BUCKET_SCHEMES[scheme], bucket, prefix if not prefix or prefix.endswith("/") else prefix + "/")


def open_store(url: str, options: StoreOptions | None = None) -> ObjectStore:
    """Open the store that a URL names. Only a local folder is touched; the first request shows whether a bucket is there.

    Raises:
        ConfigError: the URL or the options make no sense.
        AuthenticationError: no credentials, or an unknown profile.
        BucketNotFoundError: the local folder does not exist.
    """
    location, options = parse_location(url), options or StoreOptions()
    if location.scheme == "s3":
        from s3_catalog.storage.s3 import S3Store

        return S3Store(location, options)
    if location.scheme == "file":
        from s3_catalog.storage.folder import FolderStore

        return FolderStore(location)
    from s3_catalog.storage.obstore_store import ObstoreStore

    return ObstoreStore(location, options)


def printable(text: str) -> str:
    r"""Write a key or URL on one line: control characters, line separators and lone surrogates are escaped.

    >>> printable("a\nb")
    'a\\nb'
    """
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in text)


def _split_bucket(rest: str) -> tuple[str, str]:
    if rest.startswith("arn:"):  # an access point's ARN holds slashes: arn:aws:s3:region:account:accesspoint/name
        kind, _, after = rest.partition("/")
        name, _, prefix = after.partition("/")
        return f"{kind}/{name}", prefix
    bucket, _, prefix = rest.partition("/")
    return bucket, prefix


def _folder_location(path: Path) -> Location:
    # as_posix() of "/" is "/", whose store_url would end in two slashes
    return Location("file", path.absolute().as_posix().rstrip("/"), "")
