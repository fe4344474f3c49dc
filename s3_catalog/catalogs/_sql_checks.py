"""What `doctor` tells of a database that keeps a catalog: does it open, is it ours, may we write, is there room, who holds it.

In: the URL of an SQLite file or a PostgreSQL database. Out: one `Check` per thing looked at. Nothing is made, upgraded or written: the one
write is rolled back.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import sqlalchemy as sa

from s3_catalog.catalogs import Check, CheckStatus
from s3_catalog.catalogs._sql_database import Database, is_busy, locate_sqlite_file
from s3_catalog.catalogs._sql_lock import find_holder
from s3_catalog.catalogs._sql_migrate import describe_newer, is_known, read_revision
from s3_catalog.catalogs._sql_schema import HEAD_REVISION, assets, catalog_state
from s3_catalog.errors import CatalogError, S3CatalogError

_LITTLE_SPACE = 100_000_000
"""Bytes: a commit needs room for its journal, and the ledger of a large crawl."""
_SECONDS = 2
_ADVICE_BY_KIND = {
    True: "see whether the database runs and can be reached from here, and whether there is room on its disk; then try again",
    False: "let `catalog` (or --catalog) lead to a database that this user may read and write",
}


@dataclass(slots=True)
class DatabaseLook:
    """What was seen. `is_current`: its tables are those of this version. `formats` are the formats of all tables in it."""

    checks: list[Check] = field(default_factory=list)
    is_current: bool = False
    formats: frozenset[str] = frozenset()

    def add(self, name: str, status: CheckStatus, found: str, advice: str | None = None) -> None:
        self.checks.append(Check(name=name, status=status, found=found, advice=advice))


def look_at_database(url: str, targets: Iterable[str] = ()) -> DatabaseLook:
    """Look at a database; raises nothing.

    Args:
        targets: names of the catalogs that are published to from it, each with a lock of its own.
    """
    look = DatabaseLook()
    try:
        file = locate_sqlite_file(url)
        if file is not None and not file.exists():
            _look_at_missing_file(look, file)
            return look
        database = Database(url)
    except S3CatalogError as error:
        look.add("opens", CheckStatus.FAILURE, str(error), _ADVICE_BY_KIND[False])
        return look
    try:
        if _look_inside(look, database):
            _look_for_writing(look, database)
            for target in ("", *targets):
                _look_for_holder(look, database, target)
        if database.is_sqlite:
            _look_for_space(look, database.path)
    finally:
        database.close()
    return look


def _look_at_missing_file(look: DatabaseLook, file: Path) -> None:
    folder = next(parent for parent in file.absolute().parents if parent.exists())
    if not folder.is_dir() or not os.access(folder, os.W_OK | os.X_OK):
        look.add("opens", CheckStatus.FAILURE, f"{file} is not there, and cannot be made in {folder}", _ADVICE_BY_KIND[False])
        return
    look.add("opens", CheckStatus.OK, f"{file} is not there yet: the first crawl makes it")
    _look_for_space(look, folder)


def _look_inside(look: DatabaseLook, database: Database) -> bool:
    """Whether it opens and holds our tables."""
    revision = None
    with _telling(look, "opens"):
        with database.reading() as connection:
            revision = read_revision(connection)
            has_foreign_tables = revision is None and sa.inspect(connection).has_table("assets")
        look.add("opens", CheckStatus.OK, database.label)
        if has_foreign_tables:
            found = "a table 'assets' of another application is in it"
            look.add("version", CheckStatus.FAILURE, found, "give the catalog a database of its own")
        elif revision is None:
            look.add("version", CheckStatus.OK, "it is empty: the first crawl makes its tables")
        else:
            _look_at_version(look, database, revision)
    return revision is not None


def _look_at_version(look: DatabaseLook, database: Database, revision: str) -> None:
    if not is_known(revision):
        advice = "upgrade this s3-catalog to the version of those that share the database"
        look.add("version", CheckStatus.FAILURE, describe_newer(revision), advice)
    elif revision != HEAD_REVISION:
        found = f"its tables are at step {revision}: the next command that opens it brings them to {HEAD_REVISION}"
        look.add("version", CheckStatus.WARNING, found, "copy the database first, if older versions are to read it again")
    else:
        with database.reading() as connection:
            look.formats = frozenset(connection.scalars(sa.select(assets.c.format).distinct()))
            tables = connection.scalar(sa.select(sa.func.count()).where(assets.c.retired_at.is_(None)))
        look.is_current = True
        look.add("version", CheckStatus.OK, f"step {revision}, the newest; tables: {tables:,}")


def _look_for_writing(look: DatabaseLook, database: Database) -> None:
    with _telling(look, "writable"):
        try:
            with database.trying_to_write(_SECONDS) as connection:
                connection.execute(sa.update(catalog_state).values(revision=catalog_state.c.revision))
        except CatalogError as error:
            if not is_busy(error):
                raise
            look.add("writable", CheckStatus.OK, "not seen: another process writes to it now")
            return
        look.add("writable", CheckStatus.OK, "yes (a change was rolled back)")


def _look_for_space(look: DatabaseLook, path: Path) -> None:
    try:
        free, size = shutil.disk_usage(path).free, path.stat().st_size if path.is_file() else 0
    except OSError as error:
        look.add("free space", CheckStatus.WARNING, f"not seen: {error.strerror}", "see whether its disk is there")
        return
    found = f"{free / 1e9:,.1f} GB where it lies"
    if free < max(_LITTLE_SPACE, size):
        advice = "make room: a crawl that finds none writes nothing, and fails"
        look.add("free space", CheckStatus.WARNING, f"{found}, for a file of {size / 1e9:,.1f} GB", advice)
    else:
        look.add("free space", CheckStatus.OK, found)


def _look_for_holder(look: DatabaseLook, database: Database, target: str) -> None:
    name = f"lock of {target}" if target else "lock"
    with _telling(look, name):
        holder = find_holder(database, target)
        if holder is None:
            look.add(name, CheckStatus.OK, "nobody holds it")
        else:
            advice = "wait until it has published; if it hangs, end that process: nothing is left half written"
            look.add(name, CheckStatus.WARNING, f"held by {holder}", advice)


@contextmanager
def _telling(look: DatabaseLook, name: str) -> Iterator[None]:
    """Make a failed check of an error."""
    try:
        yield
    except CatalogError as error:
        look.add(name, CheckStatus.FAILURE, str(error), _ADVICE_BY_KIND[error.retryable])
