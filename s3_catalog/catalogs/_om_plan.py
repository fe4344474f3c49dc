"""From tables and what the server holds to a plan: which entity is which table, and what would change.

In: tables, a `Remote`, what we last wrote. Out: `Draft`s, one per table, and the tables to retire. Owners alone are looked up.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from s3_catalog.catalogs import Action, Plan, PlannedChange, RetirePolicy, Scope
from s3_catalog.catalogs._authority import FieldChange, WrittenTable
from s3_catalog.catalogs._om_columns import Body, check_length
from s3_catalog.catalogs._om_entities import Wanted, database_name, figure_changes, is_ours, want_table
from s3_catalog.catalogs._om_lineage import describe_sources, find_sources
from s3_catalog.catalogs._om_merge import Merged, merge_table
from s3_catalog.catalogs._om_names import UnnameableError, decode_name
from s3_catalog.catalogs._om_remote import OwnerBook, Remote
from s3_catalog.catalogs._om_url import Settings
from s3_catalog.catalogs._planning import Published, choose_retirements, find_name_conflicts
from s3_catalog.model.tables import Table

_FIGURES = ("row_count", "row_estimate", "object_count", "size_bytes", "profile", "sample", "lineage")


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """One table of a plan with all that is needed to write it. Without `wanted` and `merged` it cannot be published (a conflict)."""

    change: PlannedChange
    table: Table
    key: str = ""
    wanted: Wanted | None = None
    merged: Merged | None = None
    entity: Body | None = None
    written: WrittenTable | None = None

    def parts(self) -> tuple[Merged, Wanted]:
        """What is needed of a table that can be published."""
        if self.merged is None or self.wanted is None:
            raise ValueError(f"{self.change.name} cannot be published: {self.change.reason}")
        return self.merged, self.wanted

    def to_remember(self, key: str) -> WrittenTable:
        """What we will have written last once the entity is as it should be; of figures those that we know to have sent."""
        figures = {name: value for name, value in (self.written.fields if self.written else {}).items() if name in _FIGURES}
        return written_table(self.table, key, {**figures, **self.parts()[0].fields})


def written_table(table: Table, key: str, fields: Mapping[str, Any]) -> WrittenTable:
    """What is to be remembered of a table that was published."""
    layout = table.layout
    return WrittenTable(
        identity=layout.identity, name=table.name, store_url=layout.store_url, location=layout.location, key=key, fields=fields
    )


class Planner:
    """Compares tables with one state of the server.

    Args:
        written: what we last wrote, by identity, of every store.
    """

    def __init__(self, settings: Settings, remote: Remote, written: Mapping[str, WrittenTable], owners: OwnerBook) -> None:
        self._settings, self._remote, self._written, self._owners = settings, remote, written, owners
        claimed = {table.key for table in written.values()}
        self._unclaimed = {k: entity for k, entity in remote.tables.items() if k not in claimed and is_ours(entity, settings.link)}
        self._at: dict[str, list[Body]] = {}
        for entity in self._unclaimed.values():
            self._at.setdefault(entity["locationPath"], []).append(entity)
        self._by_key = {table.key: identity for identity, table in written.items()}

    def plan(self, tables: Sequence[Table], scope: Scope, policy: RetirePolicy) -> Plan:
        """Plan all tables, and the retirement of those that are gone."""
        drafts = self.draft(tables)
        seen = [table.layout.identity for table in tables]
        published = self.published(scope.store_url, {*seen, *scope.present, *scope.gone})
        retirement = choose_retirements((table for table, _ in published.values()), seen, scope, policy)
        retired = [PlannedChange(action=Action.RETIRE, identity=gone.identity, name=gone.name) for gone in retirement.retire]
        return Plan(
            changes=(*(draft.change for draft in drafts), *retired),
            revision=self._remote.revision,
            scope=scope,
            withheld=retirement.withheld,
            withheld_reason=retirement.reason,
        )

    def published(self, store_url: str, identities: Collection[str]) -> dict[str, tuple[Published, Body]]:
        """Tables of a store that the server has and that are ours, with their entities, by identity.

        Args:
            identities: those of tables that are known; a table that we do not remember is known by its location alone.
        """
        found: dict[str, tuple[Published, Body]] = {}
        for identity, table in self._written.items():
            entity = self._remote.tables.get(table.key)
            if entity is not None and table.store_url == store_url:
                found[identity] = (_published(identity, table.name, store_url, table.location, entity), entity)
        known = {identity.partition(":")[2]: identity for identity in identities if identity not in self._written}
        for entity in self._unclaimed.values():
            uri: str = entity["locationPath"]
            if uri.startswith(store_url):
                identity = known.get(uri, f"{entity.get('fileFormat') or 'unknown'}:{uri}")
                name = entity.get("displayName") or decode_name(entity["name"])
                found[identity] = (_published(identity, name, store_url, uri.removeprefix(store_url), entity), entity)
        return found

    def recall(self, table: Published, entity: Body) -> WrittenTable:
        """What we remember of a published table; what can be told of it where nothing is remembered."""
        fresh = WrittenTable(
            identity=table.identity, name=table.name, store_url=table.store_url, location=table.location, key=entity["fullyQualifiedName"]
        )
        return self._written.get(table.identity, fresh)

    def draft(self, tables: Sequence[Table]) -> list[Draft]:
        """Say of each table what would change."""
        conflicts = find_name_conflicts(tables, {i: table.name for i, table in self._written.items() if self._is_there(table)})
        sources = find_sources(tables) if self._settings.lineage else {}
        drafts: list[Draft] = []
        keys: dict[str, str] = {}
        for table in tables:
            holder = conflicts.get(table.layout.identity)
            draft = self._draft_one(table, sources) if holder is None else _refuse(table, f"the name {table.name!r} belongs to {holder}")
            if draft.key and keys.setdefault(draft.key, table.layout.identity) != table.layout.identity:
                draft = _refuse(table, f"OpenMetadata would call it {draft.key}, and {keys[draft.key]} too")
            drafts.append(_mark(draft))
        return drafts

    def _is_there(self, table: WrittenTable) -> bool:
        """Whether the server has a table that we wrote, as far as was looked."""
        return table.key in self._remote.tables or database_name(table.store_url) not in self._remote.databases

    def _draft_one(self, table: Table, sources: Mapping[str, Sequence[str]]) -> Draft:
        try:
            wanted = want_table(table, self._settings, self._owners.look_up)
            if self._settings.lineage:
                wanted = replace(wanted, figures={**wanted.figures, "lineage": describe_sources(table, sources)})
            computed = wanted.key(self._settings.service)
            check_length(computed, wanted.structure["columns"])
        except UnnameableError as error:
            return _refuse(table, str(error))
        identity = table.layout.identity
        written = self._written.get(identity)
        entity = self._remote.tables.get(written.key) if written else self._adopt(table, computed)
        if entity is None:
            written = None  # deleted for good: nothing of what we wrote is there any more
            if computed in self._remote.tables:
                holder = self._by_key.get(computed, "a table that s3-catalog did not make")
                return _refuse(table, f"OpenMetadata's {computed} belongs to {holder}")
        else:
            display_name = None if entity["name"] == table.name else table.name
            wanted = replace(wanted, said={**wanted.said, "display_name": display_name})
        base = written.fields if written else {}
        merged = merge_table(wanted, entity, base, self._owners.references)
        change = _plan_change(table, entity, written, merged, figure_changes(base, wanted.figures))
        key = entity["fullyQualifiedName"] if entity else computed
        return Draft(change=change, table=table, key=key, wanted=wanted, merged=merged, entity=entity, written=written)

    def _adopt(self, table: Table, computed: str) -> Body | None:
        """The entity of a table that we do not remember: the one that says to be at its location."""
        there = self._at.get(table.layout.uri, [])
        at_home = [entity for entity in there if entity["fullyQualifiedName"] == computed]
        same = at_home or [entity for entity in there if entity.get("fileFormat") in (None, table.format)]
        return same[0] if len(same) == 1 else None


def _published(identity: str, name: str, store_url: str, location: str, entity: Body) -> Published:
    return Published(identity=identity, name=name, store_url=store_url, location=location, retired=bool(entity.get("deleted")))


def _refuse(table: Table, reason: str) -> Draft:
    change = PlannedChange(action=Action.CONFLICT, identity=table.layout.identity, name=table.name, table=table, reason=reason)
    return Draft(change=change, table=table)


def _mark(draft: Draft) -> Draft:
    """Say of a table that is as it should be whether it is remembered so."""
    settled = draft.change.action is Action.UNCHANGED and draft.change.reason is None and draft.entity is not None
    if not settled or draft.to_remember(draft.key) == draft.written:
        return draft
    return replace(draft, change=replace(draft.change, unremembered=True))


def _plan_change(
    table: Table, entity: Body | None, written: WrittenTable | None, merged: Merged, figures: Sequence[FieldChange]
) -> PlannedChange:
    bare = PlannedChange(action=Action.UNCHANGED, identity=table.layout.identity, name=table.name, table=table, kept=merged.kept)
    if entity is None:
        return replace(bare, action=Action.CREATE)
    if entity.get("deleted") and written is not None and not written.retired:
        return replace(bare, kept=(("table", None, "published"),), reason="deleted by hand in OpenMetadata")
    renamed = [("name", written.name, table.name)] if written and written.name != table.name else []
    changes = (*renamed, *merged.changes, *figures)
    if entity.get("deleted"):
        return replace(bare, action=Action.RESTORE, fields=changes)
    return replace(bare, action=Action.UPDATE, fields=changes) if changes else bare
