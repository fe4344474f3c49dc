"""One publisher at a time, across processes. Both locks belong to the process: `kill -9` releases them."""

from __future__ import annotations

import os
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

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

    path = _lock_path(database, target)
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
        key = _lock_key(target)
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


def find_holder(database: Database, target: str = "") -> str | None:
    """Who holds the lock of this catalog, or of another one that is published to from here, as text; None: nobody does.

    Raises:
        CatalogError: it cannot be seen.
    """
    return _find_file_holder(_lock_path(database, target)) if database.is_sqlite else _find_advisory_holder(database, target)


def _find_file_holder(path: str) -> str | None:
    import fcntl  # as filelock does; not on Windows

    try:
        descriptor = os.open(path, os.O_RDONLY)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise CatalogError(f"{path}: the lock file cannot be read: {error.strerror}") from error
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return _name_process(os.fstat(descriptor))
    except OSError as error:
        raise CatalogError(f"{path}: the lock file cannot be used: {error.strerror}") from error
    finally:
        os.close(descriptor)
    return None


def _name_process(file: os.stat_result) -> str:
    """Which process holds a file's lock, where Linux tells: `1: FLOCK ADVISORY WRITE <pid> <major>:<minor>:<inode> 0 EOF`."""
    place = f"{os.major(file.st_dev):02x}:{os.minor(file.st_dev):02x}:{file.st_ino}"
    try:
        locks = Path("/proc/locks").read_text(encoding="ascii").splitlines()
    except OSError:
        locks = []
    holders = [parts[4] for line in locks if len(parts := line.split()) > 5 and parts[1] == "FLOCK" and parts[5] == place]
    return f"process {holders[0]}" if holders else "another process"


def _find_advisory_holder(database: Database, target: str) -> str | None:
    key = _lock_key(target)
    first, second, kind = (key[0], key[1] % (2 * _SIGNED), 2) if target else (0, key[0], 1)
    query = sa.text(
        "SELECT lock.pid, session.application_name, host(session.client_addr) AS host FROM pg_locks AS lock "
        "LEFT JOIN pg_stat_activity AS session ON session.pid = lock.pid WHERE lock.locktype = 'advisory' AND lock.granted "
        "AND lock.database = (SELECT oid FROM pg_database WHERE datname = current_database()) "
        "AND lock.classid = :first AND lock.objid = :second AND lock.objsubid = :kind"
    )
    with database.reading() as connection:
        row = connection.execute(query, {"first": first, "second": second, "kind": kind}).first()
    if row is None:
        return None
    return f"{row.application_name or 'a session'}{f' on {row.host}' if row.host else ''} (process {row.pid} of the server)"


def _lock_path(database: Database, target: str) -> str:
    return f"{database.path}.{_number(target)}.lock" if target else f"{database.path}.lock"


def _lock_key(target: str) -> tuple[int, ...]:
    """PostgreSQL's advisory lock: one number of 64 bits, or two of 32."""
    return (_PUBLISHER_LOCK, _number(target) - _SIGNED) if target else (_PUBLISHER_LOCK,)


def _number(target: str) -> int:
    """A target's name as a number of 32 bits; two that share one wait for each other."""
    return zlib.crc32(target.encode())
