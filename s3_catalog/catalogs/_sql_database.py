"""The database below the embedded catalog: from a URL to transactions, with every driver's error turned into ours.

SQLite keeps its rollback journal and does not use WAL. One crawl publishes at a time (`SqlCatalog.exclusive`), so WAL's gain, reading while
another writes, is small; its price is a shared-memory file that does not work on network folders, and a catalog of three files where
people copy one. A reader waits for the few seconds of a commit (`BUSY_SECONDS`).
"""

from __future__ import annotations

import importlib.util
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from s3_catalog.errors import CatalogError, CatalogUnavailableError, MissingExtraError

BUSY_SECONDS = 30
"""How long a transaction waits for another one to end."""

_WRITING = "s3_catalog_writing"
_UNREADABLE_URL = (
    "the catalog URL is not readable: write sqlite:///folder/catalog.db or postgresql://user:password@host:port/database, "
    "with special characters of the password percent-encoded (@ as %40)"
)
_SQLITE_REASONS: dict[str, tuple[type[CatalogError], str]] = {
    "SQLITE_FULL": (CatalogUnavailableError, "disk full, nothing was written"),
    # What a quota or a file-size limit looks like: the write fails without ENOSPC.
    "SQLITE_IOERR_WRITE": (CatalogUnavailableError, "disk full or a quota reached, nothing was written"),
    "SQLITE_IOERR": (CatalogUnavailableError, "disk I/O error, nothing was written"),
    "SQLITE_BUSY": (CatalogUnavailableError, f"another process has been writing to it for more than {BUSY_SECONDS} seconds"),
    "SQLITE_LOCKED": (CatalogUnavailableError, "another connection is using it"),
    "SQLITE_CANTOPEN": (CatalogError, "cannot be opened or created there (missing folder or no permission)"),
    "SQLITE_READONLY": (CatalogError, "cannot be written (read-only file or folder)"),
    "SQLITE_PERM": (CatalogError, "no permission"),
    "SQLITE_NOTADB": (CatalogError, "this file is not an SQLite database"),
    "SQLITE_CORRUPT": (CatalogError, "the database file is damaged"),
}
_POSTGRESQL_UNAVAILABLE = ("08", "40", "53", "55P03", "57", "58")
"""SQLSTATE classes of what can pass: connection, deadlock, resources, lock time-out, shutdown, system error."""
_POSTGRESQL_REFUSALS = (
    "password authentication failed",
    "no password supplied",
    "does not exist",
    "permission denied",
    "no pg_hba.conf entry",
)


class Database:
    """One SQLite file or PostgreSQL database. `label` names it in messages and holds no secret.

    Raises:
        CatalogError: the URL is wrong.
        MissingExtraError: PostgreSQL without its driver.
    """

    def __init__(self, url: str) -> None:
        self.url = _parse_url(url)
        self.is_sqlite = self.url.get_backend_name() == "sqlite"
        self.label = _label(self.url)
        self._engine = _build_sqlite_engine(self.url) if self.is_sqlite else _build_postgresql_engine(self.url)

    @property
    def path(self) -> Path:
        """The file of an SQLite database."""
        return Path(self.url.database or "")

    @contextmanager
    def reading(self) -> Iterator[sa.Connection]:
        """A transaction that sees one state of the database and writes nothing."""
        with self._translated(), self._engine.connect() as connection:
            if not self.is_sqlite:
                connection.execution_options(isolation_level="REPEATABLE READ")
            with connection.begin():
                yield connection

    @contextmanager
    def writing(self) -> Iterator[sa.Connection]:
        """A transaction that is written as a whole, or not at all when an error (or `kill -9`) ends it."""
        with self._translated(), self._engine.connect() as connection:
            connection.execution_options(**{_WRITING: True})
            with connection.begin():
                yield connection

    @contextmanager
    def trying_to_write(self, wait_seconds: int) -> Iterator[sa.Connection]:
        """A transaction that waits no longer than this for others, and is rolled back whatever is done in it."""
        with self._translated(), self._engine.connect() as connection:
            connection.execution_options(**{_WRITING: True})
            driver: Any = connection.connection.driver_connection
            driver.execute(
                f"PRAGMA busy_timeout = {wait_seconds * 1000}" if self.is_sqlite else f"SET lock_timeout = {wait_seconds * 1000}"
            )
            if not self.is_sqlite:
                driver.commit()
                connection.detach()  # what was set goes with the connection
            transaction = connection.begin()
            try:
                yield connection
            finally:
                transaction.rollback()

    @contextmanager
    def session(self) -> Iterator[sa.Connection]:
        """A connection of its own, outside any transaction, closed at the end with all that it holds (advisory locks)."""
        with self._translated(), self._engine.connect() as connection:
            connection.execution_options(isolation_level="AUTOCOMMIT")
            connection.detach()
            yield connection

    def close(self) -> None:
        self._engine.dispose()

    @contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except sa.exc.DBAPIError as error:
            kind, reason = explain_error(error.orig)
            raise kind(f"{self.label}: {reason}") from error
        except sa.exc.TimeoutError as error:
            raise CatalogUnavailableError(f"{self.label}: all connections are in use") from error


def is_busy(error: CatalogError) -> bool:
    """Whether a transaction had to wait too long for another one."""
    driver = getattr(error.__cause__, "orig", None)
    return getattr(driver, "sqlite_errorname", "").startswith("SQLITE_BUSY") or getattr(driver, "sqlstate", None) == "55P03"


def locate_sqlite_file(url: str) -> Path | None:
    """The file of an SQLite URL, None for another database; nothing is opened or made.

    Raises:
        CatalogError: the URL is wrong.
    """
    parsed = _parse_url(url)
    return Path(parsed.database or "") if parsed.get_backend_name() == "sqlite" else None


def explain_error(error: BaseException | None) -> tuple[type[CatalogError], str]:
    """Name the class and the reason of a driver's error. The text of the statement and its parameters are left out."""
    if isinstance(error, sqlite3.Error):
        name = getattr(error, "sqlite_errorname", "")
        for prefix, known in _SQLITE_REASONS.items():
            if name.startswith(prefix):
                return known
        return CatalogError, str(error)
    state = getattr(error, "sqlstate", None)
    reason = getattr(getattr(error, "diag", None), "message_primary", None) or " ".join(str(error).split())
    if state == "53100":
        return CatalogUnavailableError, f"disk full, nothing was written ({reason})"
    if state is None:
        refused = any(text in reason for text in _POSTGRESQL_REFUSALS)
        return (CatalogError if refused else CatalogUnavailableError), reason
    return (CatalogUnavailableError if state.startswith(_POSTGRESQL_UNAVAILABLE) else CatalogError), reason


def _parse_url(url: str) -> sa.URL:
    try:
        parsed = sa.make_url(url)
    except (sa.exc.ArgumentError, ValueError):
        raise CatalogError(_UNREADABLE_URL) from None  # the cause would show the URL, and with it the password
    if parsed.host and "@" in parsed.host:
        raise CatalogError(_UNREADABLE_URL)
    if parsed.get_backend_name() != "sqlite":
        return parsed.set(drivername="postgresql+psycopg")
    if parsed.host or not parsed.database or parsed.database == ":memory:":
        raise CatalogError("an SQLite catalog is a file: write sqlite:///relative/path.db or sqlite:////absolute/path.db")
    return parsed


def _label(url: sa.URL) -> str:
    if url.get_backend_name() == "sqlite":
        return str(url.database)
    user = f"{url.username}@" if url.username else ""
    port = f":{url.port}" if url.port else ""
    return f"postgresql://{user}{url.host or ''}{port}/{url.database or ''}"


def _build_sqlite_engine(url: sa.URL) -> sa.Engine:
    folder = Path(url.database or "").parent
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise CatalogError(f"{url.database}: the folder cannot be made: {error.strerror}") from error
    # A connection per transaction: nothing is held between two, in no thread and after no fork.
    engine = sa.create_engine(url, poolclass=sa.pool.NullPool, connect_args={"timeout": BUSY_SECONDS}, hide_parameters=True)

    @sa.event.listens_for(engine, "connect")
    def set_up(connection: sqlite3.Connection, _record: Any) -> None:
        connection.isolation_level = None  # transactions begin below, not where the driver thinks they should
        connection.execute("PRAGMA foreign_keys = ON")

    @sa.event.listens_for(engine, "begin")
    def begin(connection: sa.Connection) -> None:
        # IMMEDIATE: take the write lock at once, where waiting works; a reader that turns writer could only fail.
        writing = connection.get_execution_options().get(_WRITING)
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writing else "BEGIN")

    return engine


def _build_postgresql_engine(url: sa.URL) -> sa.Engine:
    if importlib.util.find_spec("psycopg") is None:
        raise MissingExtraError("the PostgreSQL catalog", "postgresql")
    defaults = {"connect_timeout": 10, "application_name": "s3_catalog"}
    options = {name: value for name, value in defaults.items() if name not in url.query}
    engine = sa.create_engine(url, pool_size=2, pool_pre_ping=True, connect_args=options, hide_parameters=True)

    @sa.event.listens_for(engine, "connect")
    def set_up(connection: Any, _record: Any) -> None:
        connection.execute("SET TIME ZONE 'UTC'")  # else a date of year 1 or 9999 can leave Python's range on the way back
        connection.commit()

    return engine
