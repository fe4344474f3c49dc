"""`gs://`, `az://` and `memory://` through obstore.

obstore cannot name every key (`//`, `.` and `..` segments, control characters): such a key is an error that names it.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from s3_catalog.errors import (
    AccessDeniedError,
    AuthenticationError,
    BucketNotFoundError,
    ConfigError,
    ObjectChangedError,
    ObjectNotFoundError,
    StoreError,
    StoreUnavailableError,
    StoreUnreachableError,
    UnnameableKeyError,
)
from s3_catalog.model.manifest import MANIFEST_SCHEMA
from s3_catalog.storage import ListPage, Location, printable
from s3_catalog.storage.options import StoreOptions
from s3_catalog.storage.receipt import Receipt

if TYPE_CHECKING:
    from obstore import ObjectMeta
    from obstore.store import MemoryStore

_PAGE_SIZE = 1000

# Words of the errors of obstore's HTTP client. Its whole text is never shown: it can hold a signed URL.
_UNREACHABLE = {
    "dns error": "the host name does not resolve",
    "failed to lookup": "the host name does not resolve",
    "connection refused": "the connection was refused",
    "certificate": "the TLS certificate is not trusted",
    "tcp connect error": "the host cannot be reached",
}
_NO_CREDENTIALS = ("credential", "authenticat", "metadata.google.internal", "169.254.169.254", "service account", "token")


@functools.cache
def memory_store(bucket: str) -> MemoryStore:
    """The store behind `memory://bucket/`: one per name and process, so that what is put in is there when the URL is opened."""
    from obstore.store import MemoryStore

    return MemoryStore()


class ObstoreStore:
    """A bucket or container that obstore speaks to. Retries are obstore's own, bounded by the options."""

    def __init__(self, location: Location, options: StoreOptions, receipt: Receipt | None = None) -> None:
        self.location, self.receipt = location, receipt or Receipt()
        self._store = _open(location, options)

    def list_pages(self, prefix: str, *, delimiter: str = "", start_after: str = "") -> Iterator[ListPage]:
        """Page through the keys below a prefix; see `ObjectStore`.

        Raises:
            UnnameableKeyError: obstore cannot name a key below the prefix, or the prefix.
        """
        subject = printable(self.location.store_url + prefix)
        if delimiter:
            yield self._list_one_level(prefix, start_after, subject)
            return
        empty = True
        try:
            for chunk in self._store.list(prefix.rstrip("/") or None, offset=start_after or None, chunk_size=_PAGE_SIZE):
                empty = False
                self.receipt.count_list(0)
                yield ListPage(_objects(list(chunk)))
        except Exception as error:
            raise self._error(error, subject, is_object=False) from error
        if empty:
            self.receipt.count_list(0)
            yield ListPage(_objects([]))

    def read_range(self, key: str, start: int, length: int, *, etag: str | None = None) -> bytes:
        """Read bytes of one object; see `ObjectStore`."""
        subject = printable(self.location.store_url + key)
        if length <= 0:
            return b""
        if key.startswith("/") or key.endswith("/"):
            raise UnnameableKeyError(subject, "obstore drops the slash at this key's end")
        try:
            result = self._store.get(key, options={"range": (start, start + length)})
            changed = etag is not None and (result.meta["e_tag"] or "").strip('"') != etag
            data = b"" if changed else bytes(result.bytes())
        except Exception as error:
            if _is_past_the_end(error):
                return b""
            raise self._error(error, subject, is_object=True) from error
        self.receipt.count_get(len(data))
        if changed:
            raise ObjectChangedError(subject, "the object was replaced after it was listed")
        return data

    def _error(self, error: Exception, subject: str, *, is_object: bool) -> StoreError:
        return _store_error(error, self.location, subject, is_object=is_object)

    def _list_one_level(self, prefix: str, start_after: str, subject: str) -> ListPage:
        try:
            found = self._store.list_with_delimiter(prefix.rstrip("/") or None)
        except Exception as error:
            raise self._error(error, subject, is_object=False) from error
        self.receipt.count_list(0)
        objects = [meta for meta in found["objects"] if meta["path"] > start_after]
        prefixes = sorted(path.rstrip("/") + "/" for path in found["common_prefixes"])
        return ListPage(_objects(objects), tuple(path for path in prefixes if path > start_after))


def _open(location: Location, options: StoreOptions) -> Any:
    from obstore.store import AzureStore, GCSStore

    if location.scheme == "memory":
        return memory_store(location.bucket)
    retries: Any = {"max_retries": options.max_attempts - 1, "retry_timeout": timedelta(seconds=options.deadline)}
    client: Any = {
        "connect_timeout": timedelta(seconds=options.connect_timeout),
        "timeout": timedelta(seconds=options.deadline),
        "allow_invalid_certificates": not options.verify_tls,
        "allow_http": True,
    }
    config: Any = dict(options.client_options) | ({"skip_signature": "true"} if options.anonymous else {})
    if options.endpoint_url and location.scheme == "az":
        config["endpoint"] = options.endpoint_url
    store = {"gs": GCSStore, "az": AzureStore}[location.scheme]
    subject = printable(location.store_url)
    try:
        return store(location.bucket, config=config, client_options=client, retry_config=retries)
    except Exception as error:
        if "configuration key" in str(error) or "Config" in type(error).__name__:
            raise ConfigError(f"{subject}: client_options hold a key that is not known for {location.scheme}://") from error
        raise _store_error(error, location, subject, is_object=False) from error


def _objects(found: list[ObjectMeta]) -> pa.RecordBatch:
    found.sort(key=lambda meta: meta["path"])
    columns = [
        pa.array([meta["path"] for meta in found], pa.string()),
        pa.array([meta["size"] for meta in found], pa.int64()),
        pa.array([meta["last_modified"] for meta in found], pa.timestamp("us", tz="UTC")),
        pa.array([(meta["e_tag"] or "").strip('"') or None for meta in found], pa.string()),
        pa.nulls(len(found), pa.string()),
    ]
    return pa.RecordBatch.from_arrays(columns, schema=MANIFEST_SCHEMA)


def _store_error(error: Exception, location: Location, subject: str, *, is_object: bool) -> StoreError:
    """Our error for one of obstore's. An exception that is not obstore's is raised as it is."""
    from obstore.exceptions import BaseError, PermissionDeniedError, PreconditionError, UnauthenticatedError

    text = str(error).lower()
    if isinstance(error, FileNotFoundError):
        return ObjectNotFoundError(subject, "the object is gone") if is_object else BucketNotFoundError(subject, "it does not exist")
    if isinstance(error, PermissionDeniedError):
        return AccessDeniedError(subject, "permission denied")
    if isinstance(error, UnauthenticatedError):
        return AuthenticationError(subject, "the credentials were refused")
    if isinstance(error, PreconditionError):
        return ObjectChangedError(subject, "the object was replaced after it was listed")
    if "path" in text and ("parse" in text or "illegal character" in text or "empty path segment" in text):
        named = _named_path(str(error))
        return UnnameableKeyError(printable(location.store_url + named) if named else subject, "obstore cannot name this key")
    if not isinstance(error, BaseError):
        raise error
    for words, reason in _UNREACHABLE.items():
        if words in text:
            return StoreUnreachableError(subject, reason)
    if any(word in text for word in _NO_CREDENTIALS):
        return AuthenticationError(subject, "no usable credentials were found")
    return StoreUnavailableError(subject, "the store went on failing")


def _is_past_the_end(error: Exception) -> bool:
    text = str(error).lower()
    return "invalid range" in text or "invalidrange" in text or " 416 " in text


def _named_path(text: str) -> str:
    """The key in obstore's `Path "..."` error."""
    _, _, rest = text.partition('Path "')
    return rest.partition('"')[0]
