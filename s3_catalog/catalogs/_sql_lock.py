"""One publisher at a time, across processes. Both locks belong to the process: `kill -9` releases them."""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from contextlib import contextmanager

import sqlalchemy as sa

from s3_catalog.catalogs._sql_database import Database
from s3_catalog.errors import CatalogError, CatalogUnavailableError

_PUBLISHER_LOCK = 5_325_002  # an advisory lock of PostgreSQL: any number that we alone use
_SIGNED = 1 << 31
_LOCK_NOT_AVAILABLE = "55P03"


@contextmanager
def hold_publisher_lock(database: Database, timeout_seconds: float, target: str = "") -> Iterator[None]:
    """Wait for the lock of this catalog, or of another one that is published to from here, then hold it.

    Raises:
        CatalogUnavailableError: another crawl held it for the whole time.
        CatalogError: the lock file cannot be written.
    """
    held = _hold_file_lock if database.is_sqlite else _hold_advisory_lock
    with held(database, timeout_seconds, target):
        yield


def _busy(database: Database, timeout_seconds: float, target: str) -> CatalogUnavailableError:
    return CatalogUnavailableError(f"{target or database.label}: another crawl holds this catalog (waited {timeout_seconds:g} seconds)")


@contextmanager
def _hold_file_lock(database: Database, timeout_seconds: float, target: str) -> Iterator[None]:
    from filelock import FileLock, Timeout

    path = f"{database.path}.{_number(target)}.lock" if target else f"{database.path}.lock"
    # No soft lock where the folder cannot lock: it would outlive a killed process.
    lock = FileLock(path, timeout=timeout_seconds, fallback_to_soft=False)
    try:
        lock.acquire()
    except Timeout as error:
        raise _busy(database, timeout_seconds, target) from error
    except OSError as error:
        raise CatalogError(f"{path}: the lock file cannot be used: {error.strerror or error}") from error
    try:
        yield
    finally:
        lock.release()


@contextmanager
def _hold_advisory_lock(database: Database, timeout_seconds: float, target: str) -> Iterator[None]:
    with database.session() as connection:
        key = (_PUBLISHER_LOCK, _number(target) - _SIGNED) if target else (_PUBLISHER_LOCK,)
        milliseconds = max(1, round(timeout_seconds * 1000))  # 0 would mean: wait for ever
        connection.exec_driver_sql(f"SET lock_timeout = {milliseconds}")
        try:
            connection.execute(sa.select(sa.func.pg_advisory_lock(*key)))
        except sa.exc.DBAPIError as error:
            if getattr(error.orig, "sqlstate", None) == _LOCK_NOT_AVAILABLE:
                raise _busy(database, timeout_seconds, target) from error
            raise
        try:
            yield
        finally:
            connection.execute(sa.select(sa.func.pg_advisory_unlock(*key)))


def _number(target: str) -> int:
    """A target's name as a number of 32 bits; two that share one wait for each other."""
    return zlib.crc32(target.encode())
