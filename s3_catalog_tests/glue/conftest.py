from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import pytest

from s3_catalog.catalogs import Outcome, Plan, RetirePolicy, Scope
from s3_catalog.catalogs._authority import LastWritten, MemoryLastWritten
from s3_catalog.catalogs._glue_options import GlueOptions
from s3_catalog.catalogs.glue import GlueCatalog
from s3_catalog.model.tables import Table
from s3_catalog_tests.catalogs.samples import POLICY, see
from s3_catalog_tests.glue.proxy import GlueProxy
from s3_catalog_tests.glue.publishing import connection
from s3_catalog_tests.servers import Fault, S3Server


@dataclass
class Glue:
    """A new database in Glue: our catalog over it, and a client as people have one."""

    server: S3Server
    proxy: GlueProxy
    database: str
    memory: LastWritten | None = field(default_factory=MemoryLastWritten)
    clock: Any = None

    def catalog(self, **options: Any) -> GlueCatalog:
        """The catalog, through the proxy unless `direct`; `options` are those of `GlueOptions`; two are the connection's."""
        place = self.server.endpoint_url if options.pop("direct", False) else self.proxy.endpoint_url
        reach = connection(
            self.server, endpoint_url=place, max_attempts=options.pop("max_attempts", 3), read_timeout=options.pop("read_timeout", 30.0)
        )
        extra = {} if self.clock is None else {"now": self.clock}
        return GlueCatalog(self.database, GlueOptions(connection=reach, **options), last_written=self.memory, **extra)

    def publish(self, *tables: Table, scope: Scope | None = None, policy: RetirePolicy = POLICY, **options: Any) -> tuple[Plan, Outcome]:
        with self.catalog(**options) as catalog:
            plan = catalog.plan(tables, scope or see(), policy)
            return plan, catalog.apply(plan)

    @cached_property
    def people(self) -> Any:
        """A client of its own, past the proxy."""
        return self.server.client("glue")

    def table(self, name: str) -> dict[str, Any]:
        found: dict[str, Any] = self.people.get_table(DatabaseName=self.database, Name=name)["Table"]
        return found

    def edit(self, name: str, change: Callable[[dict[str, Any]], None]) -> None:
        """Change a table as a person or another tool does."""
        read_only = ("DatabaseName", "CreateTime", "UpdateTime", "VersionId", "CatalogId")
        body = {key: value for key, value in self.table(name).items() if key not in read_only}
        change(body)
        self.people.update_table(DatabaseName=self.database, TableInput=body)

    def partitions(self, name: str) -> dict[tuple[str, ...], dict[str, Any]]:
        found = self.people.get_partitions(DatabaseName=self.database, TableName=name)["Partitions"]
        return {tuple(one["Values"]): one for one in found}


@pytest.fixture
def failing(s3_server: S3Server) -> Iterator[Callable[..., Glue]]:
    """Make a database behind a proxy with faults."""
    proxies: list[GlueProxy] = []

    def make(*faults: Fault) -> Glue:
        proxies.append(GlueProxy(s3_server.endpoint_url, *faults))
        return Glue(s3_server, proxies[-1], f"test_{secrets.token_hex(6)}")

    yield make
    for proxy in proxies:
        proxy.stop()


@pytest.fixture
def glue(failing: Callable[..., Glue]) -> Glue:
    return failing()
