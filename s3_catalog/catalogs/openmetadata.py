"""OpenMetadata through its REST API: tables with their columns, tags, owners, figures and samples; what people write there is theirs.

`openmetadata://host:8585/service?schema=raw&tls=on`; docs/decisions/openmetadata.md has all options and the rules. What was last written is
remembered in the embedded catalog (`state=sqlite:///catalog.db`): with nothing remembered, all that differs is taken for a person's.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack
from typing import TYPE_CHECKING, Self

from s3_catalog.catalogs import Action, Check, Outcome, Plan, PlannedChange, RetirePolicy, Scope
from s3_catalog.catalogs._authority import LastWritten, MemoryLastWritten, WrittenTable
from s3_catalog.catalogs._om_url import SCHEME, Settings, parse_url
from s3_catalog.catalogs._planning import Published
from s3_catalog.errors import CatalogError
from s3_catalog.model.tables import Table

if TYPE_CHECKING:
    from s3_catalog.catalogs._om_columns import Body
    from s3_catalog.catalogs._om_plan import Draft, Planner
    from s3_catalog.catalogs._om_remote import Remote

logger = logging.getLogger(__name__)

_WRITTEN = (Action.CREATE, Action.UPDATE, Action.RESTORE)
_MOVED = "OpenMetadata changed since this plan was made: make a new plan"


class OpenMetadataCatalog:
    """Tables in one database service of an OpenMetadata server.

    Args:
        last_written: remembers what was written, between runs; else the URL's `state` says where, else nothing is remembered.

    Raises (every call):
        CatalogError: the server refuses the token or a call, or is no OpenMetadata.
        CatalogUnavailableError: it cannot be reached, or goes on failing.
    """

    def __init__(self, settings: Settings, last_written: LastWritten | None = None) -> None:
        from s3_catalog.catalogs._om_client import Client
        from s3_catalog.catalogs._om_places import Places
        from s3_catalog.catalogs._om_remote import OwnerBook

        self._settings = settings
        with ExitStack() as opened:
            self._memory = last_written or _open_memory(settings, opened)
            self._client = opened.enter_context(Client(settings.address, settings.label))
            self._closing = opened.pop_all()
        self._places = Places(self._client, settings)
        self._owners = OwnerBook(self._client)
        self._version: str | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close all connections."""
        self._closing.close()

    def plan(self, tables: Sequence[Table], scope: Scope, policy: RetirePolicy) -> Plan:
        """Compare tables with the server; writes nothing.

        A table that cannot have its name there is `Action.CONFLICT`, with the reason. `PlannedChange.kept` names what people wrote.
        """
        planner, _ = self._look([scope.store_url, *(table.layout.store_url for table in tables)])
        return planner.plan(tables, scope, policy)

    def apply(self, plan: Plan) -> Outcome:
        """Write exactly the plan, table by table: one that fails is in `Outcome.failed`, and the next plan repairs it.

        `Outcome.counts` and `writes` count tables that were written.

        Raises:
            CatalogError: the tables changed since the plan was made, or a place or tag cannot be made; no table was written.
        """
        from s3_catalog.catalogs._om_apply import Writer

        conflicts = [(c.name, c.reason or "conflict") for c in plan.changes if c.action is Action.CONFLICT]
        counts = {action: plan.count(action) for action in Action}
        work = [change for change in plan.changes if change.action not in (Action.UNCHANGED, Action.CONFLICT)]
        if not work and not any(change.unremembered for change in plan.changes):
            return Outcome(counts=counts, writes=0, failed=tuple(conflicts))
        tables = [change.table for change in plan.changes if change.table is not None]
        planner, remote = self._look([plan.scope.store_url, *(table.layout.store_url for table in tables)])
        if remote.revision != plan.revision:
            raise CatalogError(_MOVED)
        drafts = planner.draft(tables)
        _check_same(drafts, plan.changes)
        writer = Writer(self._client, self._settings, self._places, self._memory, self._owners)
        writer.adopt(drafts)
        writer.write(drafts)
        writer.retire(self._leaving(planner, plan))
        for change in work:
            counts[change.action] -= change.identity in writer.failed
        logger.info("published catalog=%s tables=%d failed=%d", self._settings.label, len(work), len(writer.failed))
        writes = sum(counts[action] for action in (*_WRITTEN, Action.RETIRE))
        return Outcome(counts=counts, writes=writes, failed=(*conflicts, *writer.failed.values()))

    def list_tables(self, store_url: str | None = None) -> list[Table]:
        """The published tables that are not retired, by name, with what OpenMetadata keeps of them."""
        from s3_catalog.catalogs._om_entities import database_name

        databases = self._databases() if store_url is None else [database_name(store_url)]
        found = (table for entity, table, _ in self._published(databases) if not entity.get("deleted"))
        return sorted(found, key=lambda table: table.name)

    def list_retired(self) -> list[Published]:
        """Our tables that are soft-deleted, whoever did it, by name."""
        gone = (table.layout for entity, table, _ in self._published(self._databases()) if entity.get("deleted"))
        found = (
            Published(identity=one.identity, name=one.name, store_url=one.store_url, location=one.location, retired=True) for one in gone
        )
        return sorted(found, key=lambda table: table.name)

    def remove(self, names: Sequence[str]) -> int:
        """Delete tables for good, retired ones too; returns how many there were."""
        removed = 0
        for entity, table, written in self._published(self._databases()):
            if table.name in names:
                removed += self._client.delete(f"/tables/{entity['id']}", recursive="true", hardDelete="true")
                self._memory.forget(self._settings.label, [written.identity] if written else [])
        return removed

    def check(self) -> list[Check]:
        """Look at the server, the token's permissions and the service; writes nothing, and what is wrong is an answer, not an error."""
        from s3_catalog.catalogs._om_checks import check_server

        return check_server(self._settings, {table.key for table in self._memory.read(self._settings.label).values()})

    @property
    def service(self) -> str:
        """Name of the database service that holds the tables."""
        return self._settings.service

    def remove_service(self) -> tuple[list[str], str | None]:
        """Delete for good what is empty of the service; returns the qualified names, and why anything is left (whose tables are there)."""
        from s3_catalog.catalogs._om_removal import ServiceRemover

        self._check()
        remover = ServiceRemover(self._client, self._settings)
        reason = remover.remove()
        return remover.deleted, reason

    def _published(self, databases: Iterable[str]) -> Iterator[tuple[Body, Table, WrittenTable | None]]:
        """Our tables, retired ones too, as entities and as tables, with what we remember of them."""
        from s3_catalog.catalogs._om_entities import is_ours
        from s3_catalog.catalogs._om_read import read_published

        by_key = {table.key: table for table in self._memory.read(self._settings.label).values()}
        for key, entity in self._read(databases).tables.items():
            if key in by_key or is_ours(entity, self._settings.link):
                yield entity, read_published(entity, by_key.get(key)), by_key.get(key)

    def _look(self, store_urls: Iterable[str]) -> tuple[Planner, Remote]:
        """Read what the server holds of some stores."""
        from s3_catalog.catalogs._om_entities import database_name
        from s3_catalog.catalogs._om_plan import Planner

        remote = self._read(database_name(url) for url in store_urls)
        return Planner(self._settings, remote, self._memory.read(self._settings.label), self._owners), remote

    def _read(self, databases: Iterable[str]) -> Remote:
        from s3_catalog.catalogs._om_remote import read_remote

        self._check()
        return read_remote(self._client, self._settings, databases)

    def _databases(self) -> list[str]:
        from s3_catalog.catalogs._om_remote import list_databases

        self._check()
        return list(list_databases(self._client, self._settings))

    def _check(self) -> None:
        self._client.start_anew()
        if self._version is None:
            self._version = self._client.check_version()

    def _leaving(self, planner: Planner, plan: Plan) -> list[tuple[WrittenTable, Body]]:
        """The tables that the plan retires, with their entities."""
        published = planner.published(
            plan.scope.store_url, {*plan.scope.present, *plan.scope.gone, *(change.identity for change in plan.changes)}
        )
        leaving = []
        for change in plan.changes:
            if change.action is Action.RETIRE:
                if change.identity not in published:
                    raise CatalogError(_MOVED)
                table, entity = published[change.identity]
                leaving.append((planner.recall(table, entity), entity))
        return leaving


def _check_same(drafts: Sequence[Draft], changes: Sequence[PlannedChange]) -> None:
    """Refuse a plan that would not be made again: what was remembered changed, or another version of this program made it."""
    planned = {change.identity: (change.action, change.fields) for change in changes}
    if any(planned[draft.change.identity] != (draft.change.action, draft.change.fields) for draft in drafts):
        raise CatalogError(_MOVED)


def _open_memory(settings: Settings, opened: ExitStack) -> LastWritten:
    if settings.state is None:
        logger.warning("no state: what is written is not remembered catalog=%s", settings.label)
        return MemoryLastWritten()
    from s3_catalog.catalogs.sql import SqlCatalog

    return opened.enter_context(SqlCatalog(settings.state)).last_written()


class OpenMetadataCatalogs:
    """How OpenMetadata is found by URL."""

    schemes = frozenset({SCHEME})

    def open(self, url: str, last_written: LastWritten | None = None) -> OpenMetadataCatalog:
        """Open it; see `OpenMetadataCatalog`."""
        return OpenMetadataCatalog(parse_url(url), last_written)


CATALOG = OpenMetadataCatalogs()
