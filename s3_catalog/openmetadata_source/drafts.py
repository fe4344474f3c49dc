"""What the source publishes of one bucket, compared with what the server holds: requests as dictionaries, in the order they must be sent.

The same plan as that of the OpenMetadata catalog (`catalogs.openmetadata`), so that both ways publish the same. Writes nothing itself.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from s3_catalog.catalogs import Action, RetirePolicy
from s3_catalog.catalogs._authority import LastWritten, WrittenTable
from s3_catalog.catalogs._om_client import Client
from s3_catalog.catalogs._om_columns import Body
from s3_catalog.catalogs._om_entities import Wanted, database_name, tags_of
from s3_catalog.catalogs._om_merge import Merged, merge_table, patch_operations, read_said
from s3_catalog.catalogs._om_names import join_fqn, quote_path
from s3_catalog.catalogs._om_places import Places
from s3_catalog.catalogs._om_plan import Draft, Planner, written_table
from s3_catalog.catalogs._om_remote import OwnerBook, Remote, read_remote
from s3_catalog.catalogs._om_url import Settings
from s3_catalog.catalogs._planning import Retirement, choose_retirements
from s3_catalog.model.tables import Table
from s3_catalog.openmetadata_source.lakes import Lake

_NOT_COMPLETE = "some of it could not be listed or read, and only a complete reading shows what is gone"


@dataclass(frozen=True, slots=True, kw_only=True)
class Publication:
    """One table to publish. `key` is its fully qualified name; `entity` what the server holds of it, `known` what we last wrote."""

    table: Table
    key: str
    wanted: Wanted
    merged: Merged
    entity: Body | None = None
    known: Mapping[str, Any] = field(default_factory=dict)

    @property
    def needs_put(self) -> bool:
        """A PUT creates, restores and updates; what a PATCH must do anyway it does alone."""
        there = self.entity is not None and not self.entity.get("deleted")
        return not there or (bool(self.merged.changes) and not self.merged.needs_patch)

    def request(self, service: str) -> Body:
        """The body of a CreateTableRequest."""
        if self.entity is not None:
            return {"name": self.entity["name"], "databaseSchema": self.entity["databaseSchema"]["fullyQualifiedName"], **self.merged.put}
        return {
            "name": self.wanted.name,
            "databaseSchema": join_fqn((service, self.wanted.database, self.wanted.schema)),
            **self.merged.put,
        }

    def patch(self, entity: Body, references: Mapping[str, Body]) -> list[Body]:
        """What is still to be said after the PUT, to the entity as it is now."""
        return patch_operations(entity, merge_table(self.wanted, entity, self.known, references).after)

    def moved_figures(self) -> set[str]:
        """Names of the figures that differ from those last written."""
        return {name for name, value in self.wanted.figures.items() if self.known.get(name) != value}

    def is_done(self, entity: Body | None, references: Mapping[str, Body]) -> bool:
        """Whether the server now holds the table as it should be: nothing of ours is left to be said."""
        there = entity is not None and not entity.get("deleted")
        return there and not merge_table(self.wanted, entity, self.known, references).changes


class BucketPlan:
    """What to send for one bucket.

    Args:
        override: what we say replaces what people wrote, as `overrideMetadata` asks.

    Raises:
        CatalogError: the server cannot be read.
    """

    def __init__(self, client: Client, settings: Settings, memory: LastWritten, lake: Lake, *, override: bool) -> None:
        self._client, self._settings, self._memory, self._lake = client, settings, memory, lake
        self.database = database_name(lake.store_url)
        self._owners = OwnerBook(client)
        self.remote = self.read()
        self._planner = Planner(settings, self.remote, memory.read(settings.label), self._owners)
        self.refused: list[tuple[str, str]] = []
        self.publications = list(self._plan(lake.tables, override=override))

    def read(self) -> Remote:
        """Read what the server holds of the bucket now."""
        return read_remote(self._client, self._settings, [self.database])

    @property
    def references(self) -> Mapping[str, Body]:
        """Owners by their text."""
        return self._owners.references

    def _plan(self, tables: Sequence[Table], *, override: bool) -> Iterator[Publication]:
        for draft in self._planner.draft(tables):
            if draft.change.action is Action.CONFLICT:
                self.refused.append((draft.change.name, draft.change.reason or "its name is taken"))
            elif draft.wanted is None or draft.merged is None or draft.change.reason:
                continue  # a person deleted it
            else:
                yield self._publication(draft, draft.wanted, draft.merged, override=override)

    def _publication(self, draft: Draft, wanted: Wanted, merged: Merged, *, override: bool) -> Publication:
        known = dict(draft.written.fields) if draft.written else {}
        if override and draft.entity is not None:
            # What we say something about counts as ours, whoever wrote it.
            known |= {name: value for name, value in read_said(draft.entity).items() if wanted.said.get(name)}
            merged = merge_table(wanted, draft.entity, known, self._owners.references)
        return Publication(table=draft.table, key=draft.key, wanted=wanted, merged=merged, entity=draft.entity, known=known)

    def missing_places(self, publications: Sequence[Publication]) -> Iterator[tuple[str, list[Body]]]:
        """Database and schemas that are not there, as (kind, bodies); each kind is needed by the next."""
        new = [publication for publication in publications if publication.entity is None or publication.entity.get("deleted")]
        service = join_fqn((self._settings.service,))
        database = join_fqn((self._settings.service, self.database))
        if not new:
            return
        there = self._client.find(f"/databases/name/{quote_path(database)}") is not None
        if not there:
            yield "database", [{"name": self.database, "service": service, "sourceUrl": self._lake.store_url}]
        found = self._client.pages("/databaseSchemas", limit=self._settings.page, database=database) if there else ()
        schemas = {schema["name"] for schema in found}
        missing = [name for name in dict.fromkeys(publication.wanted.schema for publication in new) if name not in schemas]
        if missing:
            yield "schema", [{"name": name, "database": database} for name in missing]

    def make_tags(self, publications: Sequence[Publication]) -> None:
        """Make the tags that are missing: the sink would write their classifications anew, which may be people's.

        Raises:
            CatalogError: the token may not make one of them.
        """
        Places(self._client, self._settings).make_tags(tags_of([publication.wanted for publication in publications]))

    def remember(self, done: Sequence[Publication], figures: Mapping[str, Mapping[str, Any]]) -> None:
        """Remember the tables that are done, and the figures that were sent, by key."""
        written = [written_table(p.table, p.key, {**p.merged.fields, **_figures(p), **figures.get(p.key, {})}) for p in done]
        self._memory.write(self._settings.label, written)

    def gone(self, max_share: float) -> tuple[list[tuple[WrittenTable, Body]], Retirement]:
        """Tables to retire with their entities; and those that stay, with the reason."""
        seen = [table.layout.identity for table in self._lake.tables]
        published = self._planner.published(self._lake.store_url, {*seen, *self._lake.present})
        scope = self._lake.scope(table for table, _ in published.values())
        found = choose_retirements((table for table, _ in published.values()), seen, scope, RetirePolicy(max_share=max_share))
        if found.retire and not self._lake.complete:
            found = Retirement(withheld=tuple(table.name for table in found.retire), reason=_NOT_COMPLETE)
        entities = {identity: entity for identity, (_, entity) in published.items()}
        return [(self._planner.recall(table, entities[table.identity]), entities[table.identity]) for table in found.retire], found

    def remember_retired(self, written: WrittenTable) -> None:
        """Remember, before it is sent, that it is us who retire a table: else a person deleted it."""
        self._memory.write(self._settings.label, [replace(written, retired=True)])


def _figures(publication: Publication) -> dict[str, Any]:
    return {name: publication.known[name] for name in publication.wanted.figures if name in publication.known}
