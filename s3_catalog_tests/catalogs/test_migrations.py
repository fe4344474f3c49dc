from __future__ import annotations

import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory

from s3_catalog.catalogs._sql_database import Database
from s3_catalog.catalogs._sql_migrate import MIGRATIONS
from s3_catalog.catalogs._sql_schema import HEAD_REVISION, VERSION_TABLE, metadata
from s3_catalog.catalogs.sql import SqlCatalog


def test_migrations_lead_to_the_tables_of_the_code(catalog_url: str) -> None:
    SqlCatalog(catalog_url).close()
    database = Database(catalog_url)
    with database.reading() as connection:
        options = {"version_table": VERSION_TABLE, "compare_type": True}
        assert compare_metadata(MigrationContext.configure(connection, opts=options), metadata) == []
    database.close()


def test_the_code_names_the_last_step() -> None:
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    assert ScriptDirectory.from_config(config).get_heads() == [HEAD_REVISION]


def test_the_tables_people_query_have_the_documented_names(catalog_url: str) -> None:
    SqlCatalog(catalog_url).close()
    database = Database(catalog_url)
    with database.reading() as connection:
        assert {"assets", "asset_fields", "connector_runs", "asset_snapshots", "ledgers"} <= set(sa.inspect(connection).get_table_names())
    database.close()
