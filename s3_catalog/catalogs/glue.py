"""AWS Glue: tables that Athena, Trino and Spark can query.

In: plans. Out: tables of one Glue database, with partitions, so that engines read what we found. Only tables that we published are ever
touched; what people and other tools wrote into those stays. What no engine can read is not published, and the plan says why.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any, Self

from s3_catalog.catalogs import Action, Check, Outcome, Plan, PlannedChange, RetirePolicy, Scope
from s3_catalog.catalogs._authority import LastWritten, MemoryLastWritten, WrittenTable
from s3_catalog.catalogs._glue_apply import TableWriter, is_settled, remember
from s3_catalog.catalogs._glue_client import OUR_DESCRIPTION, GlueDatabase, connect
from s3_catalog.catalogs._glue_diff import merge_fields, show_changes
from s3_catalog.catalogs._glue_lake_formation import LakeFormation
from s3_catalog.catalogs._glue_names import ORIGINAL, glue_name
from s3_catalog.catalogs._glue_options import GlueOptions, read_url
from s3_catalog.catalogs._glue_tables import (
    IDENTITY,
    LOCATION,
    RETIRED,
    STORE,
    GlueTable,
    build_table,
    is_ours,
    read_fields,
    read_table,
)
from s3_catalog.catalogs._planning import Published, Retirement, choose_retirements, find_name_conflicts
from s3_catalog.engines import Readability, Verdict, check_tables
from s3_catalog.errors import CatalogError, CatalogUnavailableError
from s3_catalog.model.snapshots import digest_texts
from s3_catalog.model.tables import Table

logger = logging.getLogger(__name__)

_NAMED = 3
_WRITTEN = (Action.CREATE, Action.UPDATE, Action.RESTORE)
_MOVED = "the catalog changed since this plan was made: make a new plan"


@dataclass(frozen=True, slots=True, kw_only=True)
class _State:
    """What Glue holds: all tables of the database (`place`) by name, ours by identity, and what was remembered of them."""

    place: str
    tables: Mapping[str, Mapping[str, Any]]
    ours: Mapping[str, Mapping[str, Any]]
    written: Mapping[str, WrittenTable]

    def revision(self, names: Iterable[str]) -> str:
        """The state of our tables here, and of those that have one of these names, as one text."""
        watched = {name for name, table in self.tables.items() if is_ours(table)} | (set(names) & self.tables.keys())
        return digest_texts([self.place, *(f"{name}={sorted(_stable(self.tables[name]).items())!r}" for name in sorted(watched))])


def _stable(table: Mapping[str, Any]) -> dict[str, Any]:
    moving = ("UpdateTime", "LastAccessTime", "LastAnalyzedTime")
    return {name: value for name, value in table.items() if name not in moving}


class GlueCatalog:
    """Tables in one Glue database, which is made when the first table is written.

    Args:
        database: its name in Glue.
        last_written: remembers between runs what was written, so that people's changes are known as theirs; else `options.state` says
            where, else nothing is remembered.
        strangers: tells how many foreign objects an engine would read with each table (`engines.folders.count_strangers`).
        now: the time, aware.

    Raises (every call):
        CatalogError: Glue refuses (no permission, wrong account).
        CatalogUnavailableError: Glue cannot be reached, or goes on failing after all retries.
    """

    def __init__(
        self,
        database: str,
        options: GlueOptions | None = None,
        *,
        last_written: LastWritten | None = None,
        strangers: Mapping[str, int] | None = None,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._options = options = options or GlueOptions()
        self._now = now
        self._closing = ExitStack()
        self._last_written = last_written or self._open_memory(database)
        self.strangers: Mapping[str, int] = strangers or {}
        client = connect("glue", options.connection)
        self._database = GlueDatabase(client, database, options.catalog_id)
        # A database of this name may be in every region, with tables of its own.
        self._key = f"glue://{options.catalog_id + '@' if options.catalog_id else ''}{database}?region={client.meta.region_name}"

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close what remembers the last writes."""
        self._closing.close()

    def _open_memory(self, database: str) -> LastWritten:
        if self._options.state is None:
            logger.warning("no state: what is written is not remembered catalog=glue://%s", database)
            return MemoryLastWritten()
        from s3_catalog.catalogs.sql import SqlCatalog

        return self._closing.enter_context(SqlCatalog(self._options.state)).last_written()

    def plan(self, tables: Sequence[Table], scope: Scope, policy: RetirePolicy) -> Plan:
        """Compare tables with Glue; reads the list of tables alone, writes nothing.

        A table that none of the engines can read is planned as `Action.SKIP`, with the reasons; one whose name is taken as `CONFLICT`.
        """
        state = self._read()
        conflicts = self._find_conflicts(tables, state)
        verdicts = check_tables(tables, self.strangers)
        changes = [self._plan_table(table, state, verdicts[table.layout.identity], conflicts) for table in tables]
        retirement = self._choose_retirements(state, tables, scope, policy)
        at_once = "is deleted at once" if self._options.delete_after == timedelta(0) else None
        retired = retirement.retire
        changes += [PlannedChange(action=Action.RETIRE, identity=gone.identity, name=gone.name, reason=at_once) for gone in retired]
        changes += self._plan_deletions(state, tables, scope)
        return Plan(
            changes=tuple(changes),
            revision=state.revision(_names(changes)),
            scope=scope,
            withheld=retirement.withheld,
            withheld_reason=retirement.reason,
        )

    def verdicts(self, tables: Sequence[Table]) -> dict[str, tuple[Verdict, ...]]:
        """What each engine can do with each table, by identity."""
        return check_tables(tables, self.strangers)

    def apply(self, plan: Plan) -> Outcome:
        """Write exactly the plan. A table that fails is reported and the rest is written.

        Raises:
            CatalogError: the catalog moved since the plan was made.
            CatalogUnavailableError: it cannot be read now; nothing of the plan was written.
        """
        state = self._read()
        if state.revision(_names(plan.changes)) != plan.revision:
            raise CatalogError(_MOVED)
        self._check_same(plan.changes, state)
        run = _Run(self._database, self._writer(), state, self._options)
        failed = [(change.name, change.reason or "conflict") for change in plan.changes if change.action is Action.CONFLICT]
        changes = [change for change in plan.changes if change.action not in (Action.UNCHANGED, Action.SKIP, Action.CONFLICT)]
        run.remembered += self._agreed(plan.changes, state)
        if any(change.action is not Action.RETIRE for change in changes):
            self._database.ensure()
        try:
            failed += run.write(changes)
        finally:
            self._last_written.write(self._key, run.remembered)
            if run.forgotten:
                self._last_written.forget(self._key, run.forgotten)
        counts = {action: plan.count(action) - run.undone[action] for action in Action}
        logger.info("published database=%s tables=%d failed=%d", self._database.name, len(changes), len(failed))
        return Outcome(counts=counts, writes=run.written, failed=tuple(failed))

    def _agreed(self, changes: Sequence[PlannedChange], state: _State) -> list[WrittenTable]:
        """Unchanged tables of which Glue and we say the same by now, whoever said it first: that is remembered, and nothing sent."""
        agreed = []
        for change in changes:
            wanted = None if change.table is None or change.action is not Action.UNCHANGED else _build(change.table, self._options)
            if change.table is not None and wanted is not None:
                written = state.written.get(change.identity)
                fields = merge_fields(read_fields(state.ours[change.identity]), wanted.fields, written).remembered
                before = written.fields if written else {}
                if {**before, **fields} != before:
                    agreed.append(remember(change.table, wanted.name, {**before, **fields}))
        return agreed

    def _check_same(self, changes: Sequence[PlannedChange], state: _State) -> None:
        """Refuse a plan that would not be made again: what was remembered changed, the options are others, or a change was deleted from
        it that was to free a name.
        """
        written = [(change, change.table) for change in changes if change.table is not None and change.action in _WRITTEN]
        if taken := self._find_conflicts([table for _, table in written], state):
            identity, holder = next(iter(taken.items()))
            raise CatalogError(f"{identity} cannot have its name, which belongs to {holder}: make a new plan")
        for change, table in written:
            wanted = _build(table, self._options)
            again = None if wanted is None else _compare(change, wanted, state)
            if again is None or (again.action, again.fields) != (change.action, change.fields):
                raise CatalogError(_MOVED)

    def list_tables(self, store_url: str | None = None) -> list[Table]:
        """The published tables that are not retired, by name, as far as Glue keeps them: no samples, no evidence but the rule's."""
        tables = [read_table(found) for found in self._read().ours.values() if RETIRED not in found["Parameters"]]
        return sorted((t for t in tables if store_url in (None, t.layout.store_url)), key=lambda table: table.name)

    def list_retired(self) -> list[Published]:
        """Our tables that are retired and not deleted."""
        return [table for table in map(_published, self._read().ours.values()) if table.retired]

    def remove(self, names: Sequence[str]) -> int:
        """Delete tables of ours for good, retired ones too; returns how many there were."""
        wanted, gone, removed = set(names), [], 0
        try:
            for identity, found in self._read().ours.items():
                if found["Parameters"].get(ORIGINAL, found["Name"]) in wanted:
                    removed += self._database.delete(found["Name"])
                    gone.append(identity)
        finally:
            self._last_written.forget(self._key, gone)
        return removed

    def check(self) -> list[Check]:
        """Look at keys, database and permissions; writes nothing, and what is wrong is an answer, not an error."""
        from s3_catalog.catalogs._glue_checks import check_glue

        return check_glue(self._options, self._database.name)

    @property
    def service(self) -> str:
        """Name of the database that holds the tables."""
        return self._database.name

    def remove_service(self) -> tuple[list[str], str | None]:
        """Delete the database for good, if we made it and no table is in it; returns its name, or why it stays."""
        database = self._database.describe()
        if database is None:
            return [], None
        left = sorted(table["Name"] for table in self._database.tables())
        if left:
            return [], f"tables are in it: {', '.join(left[:_NAMED])}{', ...' if len(left) > _NAMED else ''}"
        if database.get("Description") != OUR_DESCRIPTION:
            return [], "s3-catalog did not make it: delete it by hand, if nobody needs it"
        self._database.drop()
        return [self._database.name], None

    def _read(self) -> _State:
        tables = {table["Name"]: table for table in self._database.tables()}
        written = self._last_written.read(self._key)
        ours = {table["Parameters"][IDENTITY]: table for table in tables.values() if is_ours(table) and not _is_copy(table, written)}
        return _State(place=self._key, tables=tables, ours=ours, written=written)

    def _writer(self) -> TableWriter:
        options = self._options
        lake_formation = None
        if options.lake_formation_tags:
            lake_formation = LakeFormation(connect("lakeformation", options.connection), self._database.name, options.catalog_id)
        return TableWriter(database=self._database, now=self._now, lake_formation=lake_formation)

    def _find_conflicts(self, tables: Sequence[Table], state: _State) -> dict[str, str]:
        """Identity -> who has its name."""
        held = {identity: found["Name"] for identity, found in state.ours.items()}
        held |= {f"a table that s3-catalog did not publish ({name})": name for name in state.tables.keys() - set(held.values())}
        renamed = [replace(table, layout=replace(table.layout, name=glue_name(table.name))) for table in tables]
        return find_name_conflicts(renamed, held)

    def _plan_table(self, table: Table, state: _State, verdicts: Sequence[Verdict], conflicts: Mapping[str, str]) -> PlannedChange:
        identity = table.layout.identity
        wanted = _build(table, self._options)
        change = PlannedChange(action=Action.UNCHANGED, identity=identity, name=table.name, table=table)
        reason = _why_not(wanted, [verdict for verdict in verdicts if verdict.engine in self._options.engines])
        if wanted is None or reason is not None:
            return replace(change, action=Action.SKIP, reason=reason)
        if identity in conflicts:
            return replace(change, action=Action.CONFLICT, reason=f"the name {table.name!r} belongs to {conflicts[identity]}")
        return _compare(change, wanted, state)

    def _choose_retirements(self, state: _State, tables: Sequence[Table], scope: Scope, policy: RetirePolicy) -> Retirement:
        return choose_retirements(map(_published, state.ours.values()), {table.layout.identity for table in tables}, scope, policy)

    def _plan_deletions(self, state: _State, tables: Sequence[Table], scope: Scope) -> list[PlannedChange]:
        """Tables that were retired long enough ago, and that a complete listing still does not show."""
        after = self._options.delete_after
        if after is None or scope.listed == 0:
            return []
        retired = [replace(one, retired=False) for one in map(_published, state.ours.values()) if one.retired]
        # The share was kept when they were retired.
        now = replace(scope, gone=(), only_gone=False)
        unseen = choose_retirements(retired, {table.layout.identity for table in tables}, now, RetirePolicy(allow=True)).retire
        gone = [one for one in unseen if not scope.only_gone or one.identity in scope.gone]
        old = [(one, _retired_at(state.ours[one.identity])) for one in gone]
        return [
            PlannedChange(action=Action.RETIRE, identity=one.identity, name=one.name, reason=f"retired on {at:%Y-%m-%d}: is deleted")
            for one, at in old
            if at + after <= self._now()
        ]


@dataclass(slots=True)
class _Run:
    """One apply: writes change after change and keeps what is to be remembered."""

    database: GlueDatabase
    writer: TableWriter
    state: _State
    options: GlueOptions
    remembered: list[WrittenTable] = field(default_factory=list)
    forgotten: list[str] = field(default_factory=list)
    left: dict[str, str] = field(default_factory=dict)
    """Names in Glue that tables have left, with the table; they are deleted last."""
    written: int = 0
    undone: Counter[Action] = field(default_factory=Counter)
    """How many changes failed, by action."""

    def write(self, changes: Sequence[PlannedChange]) -> list[tuple[str, str]]:
        """Write changes; returns (table, error) of those that failed. Where Glue is down, nothing more is tried."""
        failed: list[tuple[str, str]] = []
        for number, change in enumerate(changes):
            try:
                self._write_one(change)
                self.written += 1
            except CatalogUnavailableError as error:
                self.undone.update(one.action for one in changes[number:])
                return failed + [(one.name, str(error)) for one in changes[number:]]
            except CatalogError as error:
                self.undone[change.action] += 1
                failed.append((change.name, str(error)))
        for name, table in sorted(self.left.items()):
            try:
                self.database.delete(name)
            except CatalogError as error:
                failed.append((table, f"its old name {name} stays: {error}"))
        return failed

    def _write_one(self, change: PlannedChange) -> None:
        found, written = self.state.ours.get(change.identity), self.state.written.get(change.identity)
        if change.action is Action.RETIRE:
            self._retire(change, found, written)
            return
        wanted = None if change.table is None else _build(change.table, self.options)
        if change.table is None or wanted is None:
            raise ValueError(f"the plan holds no table for {change.name}")
        # Names may be exchanged: a table is written over the one that leaves the name in this run.
        self.remembered.append(self.writer.publish(change.table, wanted, found, self.state.tables.get(wanted.name), written))
        self.left.pop(wanted.name, None)
        old = wanted.name if found is None else found["Name"]
        if old != wanted.name and old not in {table.key for table in self.remembered}:
            self.left[old] = change.name

    def _retire(self, change: PlannedChange, found: Mapping[str, Any] | None, written: WrittenTable | None) -> None:
        if found is None:
            raise CatalogError("the table is gone from the catalog")
        if change.reason is not None:  # what the plan says counts, whatever the options are now
            self.database.delete(found["Name"])
            self.forgotten.append(change.identity)
        else:
            self.remembered.append(self.writer.retire(found, written))


def _compare(change: PlannedChange, wanted: GlueTable, state: _State) -> PlannedChange:
    """Plan a table that can be published, and has its name."""
    found = state.ours.get(change.identity)
    if found is None:
        return replace(change, action=Action.CREATE, fields=(), kept=())
    merged = merge_fields(read_fields(found), wanted.fields, state.written.get(change.identity))
    if is_settled(merged, found, wanted):
        return replace(change, action=Action.UNCHANGED, fields=(), kept=merged.kept)
    action = Action.RESTORE if RETIRED in found["Parameters"] else Action.UPDATE
    return replace(change, action=action, fields=show_changes(merged), kept=merged.kept)


def _build(table: Table, options: GlueOptions) -> GlueTable | None:
    return build_table(
        table,
        projection=options.partition_projection,
        statistics=options.column_statistics,
        indexes=options.partition_indexes,
        tags=options.lake_formation_tags,
    )


def _why_not(wanted: GlueTable | None, verdicts: Sequence[Verdict]) -> str | None:
    """Why a table is not published: none of the engines reads it."""
    if any(verdict.readability is not Readability.UNREADABLE for verdict in verdicts):
        return None if wanted is None or wanted.order else "none of its columns can be shown"
    return f"not readable by {', '.join(verdict.engine for verdict in verdicts)}: {verdicts[0].reasons[0]}"


def _names(changes: Iterable[PlannedChange]) -> set[str]:
    return {glue_name(change.table.name) for change in changes if change.table is not None and change.action in _WRITTEN}


def _published(found: Mapping[str, Any]) -> Published:
    parameters = found["Parameters"]
    return Published(
        identity=parameters[IDENTITY],
        name=parameters.get(ORIGINAL, found["Name"]),
        store_url=parameters.get(STORE, ""),
        location=parameters.get(LOCATION, ""),
        retired=RETIRED in parameters,
    )


def _is_copy(found: Mapping[str, Any], written: Mapping[str, WrittenTable]) -> bool:
    """Whether somebody made a table of one of ours: it bears our parameters under another name than we gave it."""
    name, known = found["Name"], written.get(found["Parameters"][IDENTITY])
    return name != glue_name(_published(found).name) and (known is None or known.key != name)


def _retired_at(found: Mapping[str, Any]) -> datetime:
    return datetime.fromisoformat(found["Parameters"][RETIRED])


class GlueCatalogs:
    """How Glue is found by URL: `glue://database?region=eu-west-1`, of another account `glue://123456789012@database`.

    Its parameters are those of `read_url`.
    """

    schemes = frozenset({"glue"})

    def open(self, url: str, last_written: LastWritten | None = None) -> GlueCatalog:
        """Open it; see `GlueCatalog`."""
        return GlueCatalog(*read_url(url), last_written=last_written)


CATALOG = GlueCatalogs()
