"""Write a plan into the SQL tables, in bulk, inside the caller's transaction."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from itertools import islice
from typing import Any

import sqlalchemy as sa

from s3_catalog.catalogs import Action, Outcome, Plan, PlannedChange
from s3_catalog.catalogs._sql_rows import (
    Row,
    digest_table,
    encode_arrow_schema,
    encode_asset,
    encode_description,
    encode_fields,
    encode_partitions,
    encode_tags,
)
from s3_catalog.catalogs._sql_schema import (
    asset_descriptions,
    asset_fields,
    asset_partitions,
    asset_snapshots,
    asset_tags,
    assets,
    catalog_state,
)
from s3_catalog.errors import CatalogError
from s3_catalog.model.snapshots import Change, Snapshot, compare_snapshots, take_snapshot
from s3_catalog.model.tables import Table

_BATCH = 500
"""Rows per `IN (...)`: every database takes this many parameters."""

_INSERT_ROWS = 20_000
"""Rows that are in memory at once: a table may have a million partitions."""

_CHILDREN = (
    (asset_fields, encode_fields),
    (asset_partitions, encode_partitions),
    (asset_descriptions, encode_description),
    (asset_tags, encode_tags),
)
"""What belongs to an asset, and how a table becomes its rows."""


def read_catalog_revision(connection: sa.Connection, *, lock: bool = False) -> str:
    """The state of the catalog's tables as one text: two equal ones mean that nothing changed between.

    `lock` holds off every other writer until the transaction ends (PostgreSQL; SQLite admits one writer anyway).
    """
    query = sa.select(catalog_state.c.catalog_id, catalog_state.c.revision)
    row = connection.execute(query.with_for_update() if lock else query).one()
    return f"{row.catalog_id}:{row.revision}"


def advance_revision(connection: sa.Connection) -> None:
    """Make all plans stale: the tables changed."""
    connection.execute(sa.update(catalog_state).values(revision=catalog_state.c.revision + 1))


def write_plan(connection: sa.Connection, plan: Plan, *, run_id: str | None, now: datetime) -> Outcome:
    """Write exactly the plan.

    Raises:
        CatalogError: the tables changed since the plan was made.
    """
    if read_catalog_revision(connection, lock=True) != plan.revision:
        raise CatalogError("the catalog changed since this plan was made: make a new plan")
    by_action = {action: [change for change in plan.changes if change.action is action] for action in Action}
    changed = [change for action in (Action.UPDATE, Action.RESTORE, Action.RETIRE, Action.CREATE) for change in by_action[action]]
    if changed:
        ids = _find_ids(connection, [change.identity for change in changed])
        before: dict[int, Snapshot] = {}
        for batch in batches(list(ids.values())):
            before |= read_snapshots(connection, asset_snapshots.c.asset_id.in_(batch))
        _retire(connection, by_action[Action.RETIRE], ids, now)
        _update(connection, [*by_action[Action.UPDATE], *by_action[Action.RESTORE]], ids, now)
        ids |= _create(connection, by_action[Action.CREATE], now)
        _write_snapshots(connection, changed, ids, before, run_id=run_id, now=now)
        advance_revision(connection)
    return Outcome(
        counts={action: len(changes) for action, changes in by_action.items()},
        writes=len(changed),
        failed=tuple((change.name, change.reason or "conflict") for change in by_action[Action.CONFLICT]),
    )


def batches(items: Sequence[Any]) -> Iterator[Sequence[Any]]:
    """Cut a sequence into parts that fit one statement."""
    return (items[start : start + _BATCH] for start in range(0, len(items), _BATCH))


def _find_ids(connection: sa.Connection, identities: Sequence[str]) -> dict[str, int]:
    found: dict[str, int] = {}
    for batch in batches(identities):
        query = sa.select(assets.c.identity, assets.c.id).where(assets.c.identity.in_(batch))
        found.update((row.identity, row.id) for row in connection.execute(query))
    return found


def _retire(connection: sa.Connection, changes: Sequence[PlannedChange], ids: dict[str, int], now: datetime) -> None:
    for batch in batches([ids[change.identity] for change in changes]):
        connection.execute(sa.update(assets).where(assets.c.id.in_(batch)).values(retired_at=now))


def _create(connection: sa.Connection, changes: Sequence[PlannedChange], now: datetime) -> dict[str, int]:
    tables = [_table_of(change) for change in changes]
    if not tables:
        return {}
    connection.execute(sa.insert(assets), [_asset_row(table, now) | {"created_at": now} for table in tables])
    ids = _find_ids(connection, [table.layout.identity for table in tables])
    _insert_children(connection, [(ids[table.layout.identity], table) for table in tables])
    return ids


def _update(connection: sa.Connection, changes: Sequence[PlannedChange], ids: dict[str, int], now: datetime) -> None:
    if not changes:
        return
    tables = [(ids[change.identity], _table_of(change)) for change in changes]
    where = assets.c.id == sa.bindparam("asset_id")
    renamed = [{"asset_id": ids[c.identity]} for c in changes if any(field == "name" for field, _, _ in c.fields)]
    if renamed:
        # Names may be exchanged: free them all first, or the first of two collides with the second.
        free = sa.literal("\x1arenamed ", sa.Text) + sa.cast(assets.c.id, sa.Text)
        connection.execute(sa.update(assets).where(where).values(name=free), renamed)
    rows = [_asset_row(table, now) | {"asset_id": asset_id} for asset_id, table in tables]
    names = [name for name in rows[0] if name != "asset_id"]
    connection.execute(sa.update(assets).where(where).values({name: sa.bindparam(name) for name in names}), rows)
    for batch in batches([asset_id for asset_id, _ in tables]):
        for child, _ in _CHILDREN:
            connection.execute(sa.delete(child).where(child.c.asset_id.in_(batch)))
    _insert_children(connection, tables)


def _table_of(change: PlannedChange) -> Table:
    if change.table is None:
        raise ValueError(f"the plan holds no table for {change.name}")
    return change.table


def _asset_row(table: Table, now: datetime) -> Row:
    written = {"arrow_schema": encode_arrow_schema(table), "digest": digest_table(table), "updated_at": now, "retired_at": None}
    return encode_asset(table) | written


def _insert_children(connection: sa.Connection, tables: Sequence[tuple[int, Table]]) -> None:
    for child, encode in _CHILDREN:
        rows = (row | {"asset_id": asset_id} for asset_id, table in tables for row in encode(table))
        while batch := list(islice(rows, _INSERT_ROWS)):
            connection.execute(sa.insert(child), batch)


def read_snapshots(connection: sa.Connection, among: sa.ColumnElement[bool]) -> dict[int, Snapshot]:
    """The newest snapshot of each asset, by asset id, among the snapshots that meet a condition."""
    last = sa.select(sa.func.max(asset_snapshots.c.id)).where(among).group_by(asset_snapshots.c.asset_id)
    rows = connection.execute(sa.select(asset_snapshots).where(asset_snapshots.c.id.in_(last)))
    return {row.asset_id: Snapshot(content=row.content, schema=row.schema, metadata=row.metadata) for row in rows}


def _write_snapshots(
    connection: sa.Connection,
    changes: Sequence[PlannedChange],
    ids: dict[str, int],
    before: dict[int, Snapshot],
    *,
    run_id: str | None,
    now: datetime,
) -> None:
    rows = []
    for change in changes:
        asset_id = ids[change.identity]
        kind, snapshot = _snapshot_of(change, before.get(asset_id))
        if kind != Change.NONE:
            digests = {"content": snapshot.content, "schema": snapshot.schema, "metadata": snapshot.metadata}
            rows.append({"asset_id": asset_id, "run_id": run_id, "taken_at": now, "change": kind, **digests})
    if rows:
        connection.execute(sa.insert(asset_snapshots), rows)


def _snapshot_of(change: PlannedChange, before: Snapshot | None) -> tuple[str, Snapshot]:
    if change.action is Action.RETIRE:
        if before is None:
            raise CatalogError(f"{change.name} has no snapshot: the catalog is damaged")
        return "retired", before
    snapshot = take_snapshot(_table_of(change))
    return ("restored" if change.action is Action.RESTORE else str(compare_snapshots(before, snapshot))), snapshot
