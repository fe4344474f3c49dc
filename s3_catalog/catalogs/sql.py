"""The embedded catalog: SQLite by default, PostgreSQL by URL. It is the state store as well.

In: plans, runs and ledgers. Out: the same, exactly as they went in. Every write is one transaction: `kill -9` at any moment leaves the
state before it or the state after it. Who may write when two crawls meet is `exclusive`; a plan made on an older state is refused.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack
from datetime import UTC, datetime
from typing import Any, Self

import pyarrow as pa
import sqlalchemy as sa

from s3_catalog.catalogs import Action, Outcome, Plan, PlannedChange, RetirePolicy, RunRecord, Scope
from s3_catalog.catalogs import _sql_runs as runs
from s3_catalog.catalogs._authority import LastWritten
from s3_catalog.catalogs._planning import Published, choose_retirements, diff_tables, find_name_conflicts
from s3_catalog.catalogs._sql_apply import advance_revision, batches, read_catalog_revision, read_snapshots, write_plan
from s3_catalog.catalogs._sql_database import Database
from s3_catalog.catalogs._sql_last_written import SqlLastWritten
from s3_catalog.catalogs._sql_lock import hold_publisher_lock
from s3_catalog.catalogs._sql_migrate import upgrade
from s3_catalog.catalogs._sql_rows import AnyRow, digest_table, load_tables
from s3_catalog.catalogs._sql_schema import asset_snapshots, assets
from s3_catalog.errors import CatalogError
from s3_catalog.model.manifest import MANIFEST_SCHEMA
from s3_catalog.model.snapshots import Snapshot
from s3_catalog.model.tables import Table

KEPT_RUNS = 10

_PLANNED_ON: sa.Select[Any] = sa.select(
    *(assets.c[name] for name in ("id", "identity", "name", "store_url", "location", "digest", "retired_at"))
)
"""All that a plan needs of a table that did not change."""


class SqlCatalog:
    """Tables, snapshots, runs and ledgers in one SQL database, created or upgraded when it is opened.

    Args:
        url: `sqlite:///relative/path.db`, `sqlite:////absolute/path.db` or `postgresql://user:password@host:port/database`.
        keep_runs: how many ledgers are kept per prefix.

    Raises (every call):
        CatalogError: the URL is wrong, the file is no database, no permission, written by a newer version.
        CatalogUnavailableError: unreachable, busy for too long, disk full; nothing was written.
        MissingExtraError: PostgreSQL without its driver.
    """

    def __init__(self, url: str, *, keep_runs: int = KEPT_RUNS) -> None:
        self._database = Database(url)
        self._keep_runs = keep_runs
        with ExitStack() as on_failure:
            on_failure.callback(self._database.close)
            upgrade(self._database)
            on_failure.pop_all()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close all connections."""
        self._database.close()

    def exclusive(self, timeout_seconds: float, target: str = "") -> AbstractContextManager[None]:
        """Be the only publisher, across processes: wait for another one to end.

        Args:
            target: the name of another catalog that is published to from here; "" is this one.

        Raises:
            CatalogUnavailableError: another crawl held the catalog for the whole time.
        """
        return hold_publisher_lock(self._database, timeout_seconds, target)

    def plan(self, tables: Sequence[Table], scope: Scope, policy: RetirePolicy) -> Plan:
        """Compare tables with the catalog; writes nothing.

        A table whose name belongs to another one is planned as `Action.CONFLICT`, with the reason.
        """
        with self._database.reading() as connection:
            rows = connection.execute(_PLANNED_ON).all()
            known = {row.identity: row for row in rows}
            conflicts = find_name_conflicts(tables, {row.identity: row.name for row in rows})
            touched = [known[t.layout.identity].id for t in tables if _is_touched(t, known.get(t.layout.identity))]
            old: dict[int, Table] = {}
            for batch in batches(touched):
                old |= load_tables(connection, assets.c.id.in_(batch))
            revision = read_catalog_revision(connection)
        changes = [_plan_change(table, known.get(table.layout.identity), old, conflicts) for table in tables]
        retirement = choose_retirements(map(_published, rows), (table.layout.identity for table in tables), scope, policy)
        changes += [PlannedChange(action=Action.RETIRE, identity=gone.identity, name=gone.name) for gone in retirement.retire]
        return Plan(changes=tuple(changes), revision=revision, scope=scope, withheld=retirement.withheld, withheld_reason=retirement.reason)

    def apply(self, plan: Plan, run: RunRecord | None = None, ledgers: Mapping[str, pa.Table] | None = None) -> Outcome:
        """Write exactly the plan and, in the same transaction, the run it came from with its ledgers (`LEDGER_SCHEMA`) by key prefix.

        `Outcome.writes` counts tables created, updated, restored or retired.

        Raises:
            CatalogError: the catalog moved since the plan was made.
            CatalogUnavailableError: it cannot be written now; nothing of the plan was written.
        """
        if ledgers and run is None:
            raise ValueError("ledgers belong to a run")
        with self._database.writing() as connection:
            read_catalog_revision(connection, lock=True)
            if run is not None:
                runs.write_run(connection, run)
            outcome = write_plan(connection, plan, run_id=run.id if run else None, now=datetime.now(UTC))
            if run is not None:
                runs.write_ledgers(connection, run, ledgers or {}, keep_runs=self._keep_runs)
        return outcome

    def list_tables(self, store_url: str | None = None) -> list[Table]:
        """The published tables that are not retired, by name."""
        published = assets.c.retired_at.is_(None)
        condition = published if store_url is None else published & (assets.c.store_url == store_url)
        with self._database.reading() as connection:
            return list(load_tables(connection, condition).values())

    def find_table(self, name: str) -> Table | None:
        """The published table of a name; None where there is none, or it is retired."""
        with self._database.reading() as connection:
            return next(iter(load_tables(connection, assets.c.retired_at.is_(None) & (assets.c.name == name)).values()), None)

    def remove(self, names: Sequence[str]) -> int:
        """Delete tables for good, with their history; returns how many there were."""
        with self._database.writing() as connection:
            read_catalog_revision(connection, lock=True)
            removed = sum(connection.execute(sa.delete(assets).where(assets.c.name.in_(batch))).rowcount for batch in batches(list(names)))
            if removed:
                advance_revision(connection)
        return removed

    def last_written(self) -> SqlLastWritten:
        """What was last written to other catalogs; usable until this one is closed."""
        return SqlLastWritten(self._database)

    def names(self) -> dict[str, str]:
        """Identity -> name of every table of every store, retired ones too: a name is never given twice."""
        with self._database.reading() as connection:
            return {row.identity: row.name for row in connection.execute(sa.select(assets.c.identity, assets.c.name))}

    def known_tables(self, store_url: str) -> dict[str, Table]:
        """Identity -> published table of one store, equal to the table that was applied."""
        return {table.layout.identity: table for table in self.list_tables(store_url)}

    def retired_tables(self, store_url: str) -> dict[str, str]:
        """Identity -> location of the tables of one store that a complete listing showed gone."""
        gone = assets.c.retired_at.is_not(None) & (assets.c.store_url == store_url)
        with self._database.reading() as connection:
            return {row.identity: row.location for row in connection.execute(sa.select(assets.c.identity, assets.c.location).where(gone))}

    def list_retired(self) -> list[Published]:
        """The tables of every store that a complete listing showed gone."""
        with self._database.reading() as connection:
            return [_published(row) for row in connection.execute(_PLANNED_ON.where(assets.c.retired_at.is_not(None)))]

    def latest_snapshots(self, store_url: str) -> dict[str, Snapshot]:
        """Identity -> last snapshot of every table of one store, retired ones too."""
        owners = sa.select(assets.c.id).where(assets.c.store_url == store_url)
        with self._database.reading() as connection:
            snapshots = read_snapshots(connection, asset_snapshots.c.asset_id.in_(owners))
            rows = connection.execute(sa.select(assets.c.id, assets.c.identity).where(assets.c.store_url == store_url)).all()
        return {row.identity: snapshots[row.id] for row in rows if row.id in snapshots}

    def history(self, name: str) -> list[tuple[datetime, str, str | None]]:
        """What happened to a table, oldest first: (when, change, id of the run)."""
        query = sa.select(asset_snapshots).join(assets).where(assets.c.name == name).order_by(asset_snapshots.c.id)
        with self._database.reading() as connection:
            return [(row.taken_at, row.change, row.run_id) for row in connection.execute(query)]

    def record_run(self, run: RunRecord, ledgers: Mapping[str, pa.Table] | None = None) -> None:
        """Store a run, or bring it up to date, with its ledgers by key prefix. A prefix whose objects all vanished gets an empty ledger.

        Prefixes are whatever the caller splits a store by, as long as no key is in two of them.
        """
        with self._database.writing() as connection:
            read_catalog_revision(connection, lock=True)
            runs.write_run(connection, run)
            runs.write_ledgers(connection, run, ledgers or {}, keep_runs=self._keep_runs)

    def list_runs(self, limit: int = 20) -> list[RunRecord]:
        """The last runs, newest first."""
        with self._database.reading() as connection:
            return runs.read_runs(connection, limit)

    def ledger_prefixes(self, location: str) -> tuple[str, ...]:
        """The prefixes that held objects when they were last listed."""
        with self._database.reading() as connection:
            return runs.read_prefixes(connection, location)

    def latest_ledger(self, location: str, prefix: str | None = None) -> Iterator[pa.Table]:
        """The newest ledger of every prefix (or of one), in parts of bounded size, by prefix and key.

        Raises:
            CatalogError: newer runs pruned the ledger while it was read.
        """
        with self._database.reading() as connection:
            chunks = runs.find_newest_chunks(connection, location, prefix)
        for digest in chunks:
            with self._database.reading() as connection:  # one short transaction each: the reader may take its time
                part = runs.read_stored_chunk(connection, digest)
            if part is None:
                raise CatalogError(f"{self._database.label}: the ledger of {location} was replaced while it was read: read it again")
            yield part

    def latest_manifest(self, location: str, prefix: str | None = None) -> pa.Table:
        """What was listed last (`MANIFEST_SCHEMA`), by prefix and key; empty when nothing is known."""
        parts = [part.select(MANIFEST_SCHEMA.names) for part in self.latest_ledger(location, prefix)]
        return pa.concat_tables([MANIFEST_SCHEMA.empty_table(), *parts])

    def find_object(self, store_url: str, key: str) -> dict[str, Any] | None:
        """The newest ledger's row of one key (`LEDGER_SCHEMA` as a dict), or None when it was not listed."""
        with self._database.reading() as connection:
            return runs.find_ledger_row(connection, store_url, key)

    def manifest_digest(self, location: str, prefix: str) -> str | None:
        """`digest_manifest` of what was listed last below a prefix; None when it was never listed."""
        return self.manifest_digests(location).get(prefix)

    def manifest_digests(self, location: str) -> dict[str, str]:
        """`manifest_digest` of every prefix."""
        with self._database.reading() as connection:
            return runs.read_manifest_digests(connection, location)


def _published(row: AnyRow) -> Published:
    return Published(
        identity=row.identity, name=row.name, store_url=row.store_url, location=row.location, retired=row.retired_at is not None
    )


def _is_touched(table: Table, row: AnyRow | None) -> bool:
    return row is not None and (row.retired_at is not None or row.digest != digest_table(table))


def _plan_change(table: Table, row: AnyRow | None, old: Mapping[int, Table], conflicts: Mapping[str, str]) -> PlannedChange:
    identity = table.layout.identity
    holder = conflicts.get(identity)
    if holder is not None:
        reason = f"the name {table.name!r} belongs to {holder}"
        return PlannedChange(action=Action.CONFLICT, identity=identity, name=table.name, table=table, reason=reason)
    if row is None:
        return PlannedChange(action=Action.CREATE, identity=identity, name=table.name, table=table)
    if row.id not in old:
        return PlannedChange(action=Action.UNCHANGED, identity=identity, name=table.name, table=table)
    action = Action.UPDATE if row.retired_at is None else Action.RESTORE
    return PlannedChange(action=action, identity=identity, name=table.name, fields=diff_tables(old[row.id], table), table=table)


class SqlCatalogs:
    """How the embedded catalog is found by URL."""

    schemes = frozenset({"sqlite", "postgresql", "postgres", "postgresql+psycopg"})

    def open(self, url: str, last_written: LastWritten | None = None) -> SqlCatalog:
        return SqlCatalog(url)


CATALOG = SqlCatalogs()
