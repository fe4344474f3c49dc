"""Every error this package raises on purpose.

A message names the thing, the reason and, where known, the choices. No message holds a secret, a signed
request or a value sampled from a file (`HintError` alone shows the value that a hint does not fit).
`retryable` says whether the same call can succeed later.
"""

from __future__ import annotations

import traceback
from collections.abc import Iterable
from pathlib import PurePath
from typing import ClassVar


class S3CatalogError(Exception):
    """Base of all errors of this package."""

    retryable: ClassVar[bool] = False


class ConfigError(S3CatalogError):
    """The configuration is wrong: the message names the file, the line and the choices."""


class MissingExtraError(S3CatalogError):
    """An optional package is needed and not installed."""

    def __init__(self, what: str, extra: str) -> None:
        self.what, self.extra = what, extra
        super().__init__(f"{what} needs an optional package: pip install 's3-catalog[{extra}]'")


class UnknownPluginError(S3CatalogError):
    """A name was given that no plug-in of this kind carries."""

    def __init__(self, kind: str, name: str, choices: Iterable[str]) -> None:
        self.kind, self.name, self.choices = kind, name, tuple(sorted(choices))
        super().__init__(f"unknown {kind} {name!r}: choose one of {', '.join(self.choices)}")


class UnknownNameError(S3CatalogError):
    """A name that is no table of the catalog, and no key that was ever listed."""


class StoreError(S3CatalogError):
    """The object store refused or failed a call. `subject` is a bucket, prefix or key, never a request."""

    def __init__(self, subject: str, reason: str) -> None:
        self.subject, self.reason = subject, reason
        super().__init__(f"{subject}: {reason}")


class BucketNotFoundError(StoreError):
    """The bucket, container or folder does not exist."""


class AuthenticationError(StoreError):
    """No credentials, wrong ones, or an expired token."""


class AccessDeniedError(StoreError):
    """Known credentials without the permission."""


class StoreUnreachableError(StoreError):
    """A name that does not resolve, a refused connection, a TLS failure."""

    retryable = True


class StoreUnavailableError(StoreError):
    """The store went on failing after all retries (5xx, SlowDown, time-outs, resets)."""

    retryable = True


class ObjectNotFoundError(StoreError):
    """The object is gone."""


class ObjectChangedError(StoreError):
    """The object was replaced between listing and reading (its ETag differs)."""

    retryable = True


class UnnameableKeyError(StoreError):
    """A key that this store's client cannot address exactly."""


class UnreadableFileError(S3CatalogError):
    """One file's bytes are not what its format asks for."""

    def __init__(self, key: str, file_format: str, reason: str) -> None:
        self.key, self.file_format, self.reason = key, file_format, reason
        super().__init__(f"not readable as {file_format}: {reason}")


class HintError(UnreadableFileError):
    """What people said of a file does not fit it. `reason` names the hint, and shows the first value that it does not fit.

    `shows` are the column and the whole of that value, so that what is personal of it can be masked before anybody sees it.
    """

    def __init__(self, key: str, file_format: str, reason: str, *, shows: tuple[str, str] | None = None) -> None:
        super().__init__(key, file_format, reason)
        self.shows = shows
        self.args = (f"the hint does not fit: {reason}",)


class UnreadableLogError(S3CatalogError):
    """The log of a Delta, Iceberg or Hudi table cannot be read: nobody knows which files are the table. `key` is the file at fault."""

    def __init__(self, key: str, table_format: str, reason: str) -> None:
        self.key, self.table_format, self.reason = key, table_format, reason
        super().__init__(f"the {table_format} log cannot be read: {key}: {reason}")


class CatalogError(S3CatalogError):
    """A catalog refused or failed a call."""


class CatalogUnavailableError(CatalogError):
    """The catalog cannot be reached or written now (down, locked for too long, disk full)."""

    retryable = True


def describe_unknown(error: BaseException) -> str:
    """Name the class of an error that is none of ours, and where it arose: `KeyError in header.py:120`. Its text may hold anything.

    >>> describe_unknown(KeyError("secret"))
    'KeyError'
    """
    frames = traceback.extract_tb(error.__traceback__)
    where = f" in {PurePath(frames[-1].filename).name}:{frames[-1].lineno}" if frames else ""
    return f"{type(error).__name__}{where}"
