"""`LastWritten` in the embedded catalog's database: field authority survives the process, on SQLite and PostgreSQL."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

import sqlalchemy as sa

from s3_catalog.catalogs._authority import WrittenTable
from s3_catalog.catalogs._sql_apply import batches
from s3_catalog.catalogs._sql_database import Database
from s3_catalog.catalogs._sql_schema import last_written


class SqlLastWritten:
    """What we last wrote to other catalogs, kept beside the tables themselves. Every call is a transaction of its own."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def read(self, catalog: str) -> dict[str, WrittenTable]:
        query = sa.select(last_written).where(last_written.c.catalog == catalog)
        with self._database.reading() as connection:
            return {
                row.identity: WrittenTable(
                    identity=row.identity,
                    name=row.name,
                    store_url=row.store_url,
                    location=row.location,
                    key=row.key,
                    retired=row.retired,
                    fields=json.loads(row.fields),
                )
                for row in connection.execute(query)
            }

    def write(self, catalog: str, tables: Iterable[WrittenTable]) -> None:
        rows: list[dict[str, Any]] = [
            {
                "catalog": catalog,
                "identity": table.identity,
                "name": table.name,
                "store_url": table.store_url,
                "location": table.location,
                "key": table.key,
                "retired": table.retired,
                "fields": json.dumps(dict(table.fields), sort_keys=True),
            }
            for table in tables
        ]
        with self._database.writing() as connection:
            self._delete(connection, catalog, [row["identity"] for row in rows])
            for batch in batches(rows):
                connection.execute(sa.insert(last_written), batch)

    def forget(self, catalog: str, identities: Iterable[str]) -> None:
        with self._database.writing() as connection:
            self._delete(connection, catalog, list(identities))

    def _delete(self, connection: sa.Connection, catalog: str, identities: list[str]) -> None:
        for batch in batches(identities):
            condition = (last_written.c.catalog == catalog) & last_written.c.identity.in_(batch)
            connection.execute(sa.delete(last_written).where(condition))
