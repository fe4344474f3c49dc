"""From drafts to what the server holds: bulk calls first, then what they cannot do, then figures. What was written is known at any time.

In: drafts of one plan. A table whose write fails is reported and the rest is written; what was written is remembered batch by batch, and
not before the server said so. Nothing is sent for a table that the plan leaves unchanged.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

from s3_catalog.catalogs import Action
from s3_catalog.catalogs._authority import LastWritten, WrittenTable
from s3_catalog.catalogs._om_client import ApiError, Client
from s3_catalog.catalogs._om_columns import Body
from s3_catalog.catalogs._om_entities import tags_of
from s3_catalog.catalogs._om_figures import date_profile
from s3_catalog.catalogs._om_lineage import LineageWriter
from s3_catalog.catalogs._om_merge import diff_structures, merge_table, patch_operations
from s3_catalog.catalogs._om_names import join_fqn
from s3_catalog.catalogs._om_places import Places
from s3_catalog.catalogs._om_plan import Draft
from s3_catalog.catalogs._om_remote import OwnerBook, read_remote, read_table
from s3_catalog.catalogs._om_url import Settings
from s3_catalog.errors import CatalogError, CatalogUnavailableError

logger = logging.getLogger(__name__)

_PATCH_TRIES = 3
_MIN_BULK = 4
"""Fewer are sent singly: what a bulk call wrote must be read back."""


class Writer:
    """Writes the drafts of one plan. `failed` are errors by table; `done` are identities whose entity is as planned."""

    def __init__(self, client: Client, settings: Settings, places: Places, memory: LastWritten, owners: OwnerBook) -> None:
        self._client, self._settings, self._places, self._memory, self._owners = client, settings, places, memory, owners
        self._known_ids: dict[str, str] = {}
        self.failed: dict[str, tuple[str, str]] = {}
        self.done: dict[str, Body] = {}
        self._remembered: dict[str, WrittenTable] = {}

    def adopt(self, drafts: Sequence[Draft]) -> None:
        """Remember tables that are as they should be and were remembered otherwise.

        A run that died wrote them, or a person brought them back after we retired them.
        """
        self._memory.write(self._settings.label, [draft.to_remember(draft.key) for draft in drafts if draft.change.unremembered])

    def write(self, all_drafts: Sequence[Draft]) -> None:
        """Create, restore and update what is planned so, of all tables of the plan."""
        self._known_ids = {draft.change.identity: draft.entity["id"] for draft in all_drafts if draft.entity}
        drafts = [draft for draft in all_drafts if draft.change.action in (Action.CREATE, Action.UPDATE, Action.RESTORE)]
        if not drafts:
            return
        drafts = self._prepare(drafts)
        self._put_all([draft for draft in drafts if _needs_put(draft)])
        for start in range(0, len(drafts), self._settings.batch):
            batch = drafts[start : start + self._settings.batch]
            for draft in batch:
                if draft.change.identity not in self.failed:
                    self._attempt(draft, self._finish)
            self._remember(batch)
        done = [draft for draft in drafts if draft.change.identity in self.done]
        self._write_figures(done)
        self._write_lineage([draft for draft in done if "lineage" in self._moved_figures(draft)])

    def _prepare(self, drafts: Sequence[Draft]) -> list[Draft]:
        """Make what must be there before; returns the tables that can be written."""
        moving = [draft.parts() for draft in drafts if _moves(draft)]
        if moving:
            stores = {draft.parts()[1].database: draft.table.layout.store_url for draft in drafts}
            self._places.make_places([wanted for _, wanted in moving], stores)
        tagged = [d for d in drafts if _moves(d) or any(field.rpartition(".")[2] == "tags" for field, *_ in d.change.fields)]
        wanted_tags = {draft.change.identity: tags_of([draft.parts()[1]]) for draft in tagged}
        refused = self._places.make_tags(list(dict.fromkeys(tag for tags in wanted_tags.values() for tag in tags)))
        for draft in tagged if refused else ():
            if error := next((refused[tag] for tag in wanted_tags[draft.change.identity] if tag in refused), None):
                self._fail([draft], error)
        return [draft for draft in drafts if draft.change.identity not in self.failed]

    def retire(self, tables: Iterable[tuple[WrittenTable, Body]]) -> None:
        """Soft-delete tables, given as what we remember of them and their entities."""
        for written, entity in tables:
            # Remembered before: a table found deleted that we did not mean to delete was deleted by a person.
            self._memory.write(self._settings.label, [replace(written, retired=True)])
            try:
                self._client.delete(f"/tables/{entity['id']}", recursive="true", hardDelete="false")
            except CatalogError as error:
                self.failed[written.identity] = (written.name, str(error))
                if isinstance(error, ApiError):  # else nobody knows whether it is deleted
                    self._memory.write(self._settings.label, [written])

    def _put_all(self, drafts: Sequence[Draft]) -> None:
        sent_in_bulk: list[Draft] = []
        singles: list[Draft] = []
        for start in range(0, len(drafts), self._settings.batch):
            batch = drafts[start : start + self._settings.batch]
            try:
                bulk = len(drafts) >= _MIN_BULK and self._put_batch(batch)
            except CatalogError as error:  # one row may be what the server stumbles over; when it is gone, single calls fail at once
                logger.info("a bulk call failed and is sent singly tables=%d reason=%s", len(batch), error)
                bulk = False
            (sent_in_bulk if bulk else singles).extend(batch)
        singles += self._verify(sent_in_bulk)
        for draft in singles:
            self._attempt(draft, self._put_one)

    def _put_batch(self, drafts: Sequence[Draft]) -> bool:
        """Whether the server has bulk calls; which of the rows failed is found out by `_verify`."""
        return self._places.put_all("/tables", [self._request(draft) for draft in drafts]) is not None

    def _request(self, draft: Draft) -> Body:
        merged, wanted = draft.parts()
        if draft.entity is not None:
            schema, name = draft.entity["databaseSchema"]["fullyQualifiedName"], draft.entity["name"]
        else:
            schema, name = join_fqn((self._settings.service, wanted.database, wanted.schema)), wanted.name
        return {"name": name, "databaseSchema": schema, **merged.put}

    def _put_one(self, draft: Draft) -> None:
        answer = self._client.put("/tables", self._request(draft))
        self.done[draft.change.identity] = read_table(self._client, answer["id"])

    def _verify(self, drafts: Sequence[Draft]) -> list[Draft]:
        """Read back what bulk calls wrote; returns the tables that are not as they should be."""
        if not drafts:
            return []
        try:
            remote = read_remote(self._client, self._settings, (d.wanted.database for d in drafts if d.wanted))
        except CatalogError as error:
            self._fail(drafts, error)
            return []
        missing = []
        for draft in drafts:
            entity = remote.tables.get(draft.key)
            if entity is None or entity.get("deleted") or diff_structures(entity, draft.parts()[0].put):
                missing.append(draft)
            else:
                self.done[draft.change.identity] = entity
        return missing

    def _finish(self, draft: Draft) -> None:
        """Do what a PUT cannot: replace and clear texts, take tags away.

        Each PATCH says which version it is made for. When another writer was faster, it is made anew from what is there now, as long as
        that still leads to the planned changes.
        """
        _, wanted = draft.parts()
        entity = self.done.get(draft.change.identity) or draft.entity or {}
        planned: set[str] | None = None
        for _ in range(_PATCH_TRIES):
            merged = merge_table(wanted, entity, draft.written.fields if draft.written else {}, self._owners.references)
            names = {field for field, *_ in merged.changes}
            planned = names if planned is None else planned
            if not names <= planned or {field for field, *_ in merged.kept} & planned:
                raise CatalogError(f"{draft.key} was changed by a person meanwhile: make a new plan")
            operations = patch_operations(entity, merged.after)
            if not merged.changes or not operations:
                self.done[draft.change.identity] = entity
                return
            try:
                self.done[draft.change.identity] = self._client.patch(f"/tables/{entity['id']}", operations, entity["version"])
            except ApiError as error:
                if error.status != 412:
                    raise
                entity = read_table(self._client, entity["id"])
            else:
                return
        raise CatalogError(f"{draft.key} changes faster than it can be written: others write it too")

    def _attempt(self, draft: Draft, call: Callable[[Draft], None]) -> None:
        try:
            call(draft)
        except CatalogError as error:
            self.done.pop(draft.change.identity, None)
            self._fail([draft], error)

    def _fail(self, drafts: Iterable[Draft], error: CatalogError) -> None:
        for draft in drafts:
            self.failed.setdefault(draft.change.identity, (draft.change.name, str(error)))

    def _remember(self, drafts: Sequence[Draft]) -> None:
        """Remember what the entities now hold; figures are remembered when they are there."""
        done = [draft for draft in drafts if draft.change.identity in self.done]
        for draft in done:
            key = self.done[draft.change.identity]["fullyQualifiedName"]
            self._remembered[draft.change.identity] = draft.to_remember(key)
        self._memory.write(self._settings.label, [self._remembered[draft.change.identity] for draft in done])

    def _write_figures(self, drafts: Sequence[Draft]) -> None:
        now = time.time_ns() // 1_000_000
        work = [(draft, names) for draft in drafts if (names := self._moved_figures(draft) - {"lineage"})]
        if not work:
            return
        with ThreadPoolExecutor(self._settings.workers) as pool:
            results = list(pool.map(lambda item: self._write_figures_of(item[0], item[1], now), work))
        for (draft, _), (figures, error) in zip(work, results, strict=True):
            self._remember_figures(draft, figures)
            if error is not None:
                self._fail([draft], error)
        self._memory.write(self._settings.label, (self._remembered[draft.change.identity] for draft, _ in work))

    def _remember_figures(self, draft: Draft, figures: Mapping[str, Any]) -> None:
        remembered = self._remembered[draft.change.identity]
        self._remembered[draft.change.identity] = replace(remembered, fields={**remembered.fields, **figures})

    def _write_lineage(self, drafts: Sequence[Draft]) -> None:
        if not drafts:
            return
        ids = {**self._known_ids, **{identity: entity["id"] for identity, entity in self.done.items()}}
        lineage = LineageWriter(self._client, self._settings, self._places, ids)
        try:
            lineage.prepare(draft.parts()[1].figures["lineage"] for draft in drafts)
        except CatalogError as error:
            self._fail(drafts, error)
            return
        for draft in drafts:
            sources = draft.parts()[1].figures["lineage"]
            try:
                lineage.write(draft.table, sources)
            except CatalogError as error:
                self._fail([draft], error)
            else:
                self._remember_figures(draft, {"lineage": sources})
        self._memory.write(self._settings.label, (self._remembered[draft.change.identity] for draft in drafts))

    def _moved_figures(self, draft: Draft) -> set[str]:
        _, wanted = draft.parts()
        before = self._remembered[draft.change.identity].fields
        return {name for name, value in wanted.figures.items() if before.get(name) != value}

    def _write_figures_of(self, draft: Draft, names: set[str], now: int) -> tuple[dict[str, Any], CatalogError | None]:
        """Write sample and profile of one table; returns the figures that are there now, and what went wrong."""
        _, wanted = draft.parts()
        table, there = f"/tables/{self.done[draft.change.identity]['id']}", dict[str, Any]()
        error: CatalogError | None = None
        for part, covered in (("sampleData", names & {"sample"}), ("tableProfile", names - {"sample", "lineage"})):
            if not covered:
                continue
            body = wanted.sample() if part == "sampleData" else date_profile(wanted.profile, now)
            try:
                if body is not None:
                    self._client.put(f"{table}/{part}", body)
                else:
                    self._client.delete(f"{table}/{part}")
            except CatalogUnavailableError as unavailable:
                return there, unavailable
            except CatalogError as refused:  # the server's message may repeat a value
                status = f" ({refused.status})" if isinstance(refused, ApiError) else ""
                error = CatalogError(f"{part} of {draft.key} was refused{status}")
            else:
                there |= {name: wanted.figures[name] for name in covered}
        return there, error


def _moves(draft: Draft) -> bool:
    """Whether a table comes, or comes back."""
    return draft.change.action in (Action.CREATE, Action.RESTORE)


def _needs_put(draft: Draft) -> bool:
    """A PATCH alone does for updates that need one; a PUT restores, creates, and changes many tables in one call."""
    merged, _ = draft.parts()
    return _moves(draft) or (bool(merged.changes) and not merged.needs_patch)
