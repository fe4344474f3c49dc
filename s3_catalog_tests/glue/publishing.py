"""A lake in a bucket, crawled and published to Glue as a crawl does it."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from s3_catalog.catalogs import Action, Outcome, Plan, RetirePolicy, Scope
from s3_catalog.catalogs._glue_client import GlueConnection
from s3_catalog.catalogs._glue_options import GlueOptions
from s3_catalog.catalogs.glue import GlueCatalog
from s3_catalog.engines.folders import count_strangers
from s3_catalog.model.tables import Table
from s3_catalog.storage import open_store
from s3_catalog_tests.servers import S3Server
from s3_catalog_tests.table_formats.tables import look_at


@dataclass(frozen=True)
class Published:
    """One database in Glue with what was published to it: tables by name, and what the plan said of each."""

    database: str
    tables: Mapping[str, Table]
    plan: Plan
    outcome: Outcome

    def names(self, action: Action) -> set[str]:
        return {change.name for change in self.plan.changes if change.action is action}


def connection(server: S3Server, **changes: Any) -> GlueConnection:
    """How to reach a server as Glue."""
    settings: dict[str, Any] = {
        "endpoint_url": server.endpoint_url,
        "region": server.region,
        "access_key_id": server.access_key,
        "secret_access_key": server.secret_key,
    }
    return GlueConnection(**(settings | changes))


def upload(server: S3Server, folder: Path, bucket: str) -> None:
    """Put all files of a folder into a bucket."""
    client = server.client()
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        client.put_object(Bucket=bucket, Key=path.relative_to(folder).as_posix(), Body=path.read_bytes())


def publish_bucket(store: S3Server, glue: S3Server, bucket: str, **options: Any) -> Published:
    """Crawl a bucket and publish it to a new database."""
    found = look_at(open_store(f"s3://{bucket}/", store.options()))
    tables = [table for result in found.results for table in result.tables]
    database = f"lake_{secrets.token_hex(6)}"
    given: dict[str, Any] = {"connection": connection(glue), "column_statistics": False, **options}
    catalog = GlueCatalog(database, GlueOptions(**given), strangers=count_strangers(found.ledger, tables))
    plan = catalog.plan(tables, Scope(store_url=f"s3://{bucket}/", prefixes=("",), listed=found.ledger.num_rows), RetirePolicy())
    return Published(database, {table.name: table for table in tables}, plan, catalog.apply(plan))
