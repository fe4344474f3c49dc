"""Bring a catalog's database to the tables this version of the code knows."""

from __future__ import annotations

import threading
from pathlib import Path

import sqlalchemy as sa

from s3_catalog.catalogs._sql_database import Database
from s3_catalog.catalogs._sql_schema import HEAD_REVISION, VERSION_TABLE
from s3_catalog.errors import CatalogError

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


def _refuse_foreign_tables(connection: sa.Connection, label: str, revision: str | None) -> None:
    if revision is None and sa.inspect(connection).has_table("assets"):
        raise CatalogError(f"{label}: holds a table 'assets' of another application; give the catalog a database of its own")


def _run_alembic(connection: sa.Connection, label: str, revision: str | None) -> None:
    from alembic import command
    from alembic.config import Config
    from alembic.script import ScriptDirectory

    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    config.attributes["connection"] = connection
    known = {step.revision for step in ScriptDirectory.from_config(config).walk_revisions()}
    if revision is not None and revision not in known:
        raise CatalogError(
            f"{label}: written by a newer version of s3-catalog (its tables are at step {revision}, this version knows {HEAD_REVISION})"
        )
    with _alembic_is_global:
        command.upgrade(config, HEAD_REVISION)
