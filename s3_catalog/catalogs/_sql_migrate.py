"""Bring a catalog's database to the tables this version of the code knows."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import TYPE_CHECKING

import sqlalchemy as sa

from s3_catalog.catalogs._sql_database import Database
from s3_catalog.catalogs._sql_schema import HEAD_REVISION, VERSION_TABLE
from s3_catalog.errors import CatalogError

if TYPE_CHECKING:
    from alembic.config import Config

MIGRATIONS = Path(__file__).parent / "migrations"

_MIGRATION_LOCK = 5_325_001  # an advisory lock of PostgreSQL: any number that we alone use
_alembic_is_global = threading.Lock()  # alembic.context is one per process


def upgrade(database: Database) -> None:
    """Create or upgrade the tables in one transaction. Processes that open one database at once wait for each other.

    Raises:
        CatalogError: the database was written by a newer version, or its tables belong to another application.
    """
    with database.reading() as connection:
        if read_revision(connection) == HEAD_REVISION:
            return
    with database.writing() as connection:
        if not database.is_sqlite:
            connection.execute(sa.select(sa.func.pg_advisory_xact_lock(_MIGRATION_LOCK)))
        revision = read_revision(connection)
        if revision != HEAD_REVISION:
            _refuse_foreign_tables(connection, database.label, revision)
            _run_alembic(connection, database.label, revision)


def read_revision(connection: sa.Connection) -> str | None:
    """The step a database is at; None when it holds no catalog yet."""
    if not sa.inspect(connection).has_table(VERSION_TABLE):
        return None
    version = sa.table(VERSION_TABLE, sa.column("version_num", sa.String))
    return connection.scalar(sa.select(version.c.version_num))


def is_known(revision: str) -> bool:
    """Whether this version of the code knows a step."""
    from alembic.script import ScriptDirectory

    return revision in {step.revision for step in ScriptDirectory.from_config(_read_config()).walk_revisions()}


def describe_newer(revision: str) -> str:
    """What is to be said of a database whose step is not known."""
    return f"written by a newer version of s3-catalog (its tables are at step {revision}, this version knows {HEAD_REVISION})"


def _read_config() -> Config:
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    return config


def _refuse_foreign_tables(connection: sa.Connection, label: str, revision: str | None) -> None:
    if revision is None and sa.inspect(connection).has_table("assets"):
        raise CatalogError(f"{label}: holds a table 'assets' of another application; give the catalog a database of its own")


def _run_alembic(connection: sa.Connection, label: str, revision: str | None) -> None:
    from alembic import command

    config = _read_config()
    config.attributes["connection"] = connection
    if revision is not None and not is_known(revision):
        raise CatalogError(f"{label}: {describe_newer(revision)}")
    with _alembic_is_global:
        command.upgrade(config, HEAD_REVISION)
