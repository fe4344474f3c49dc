"""Hops 3 to 7 on one screen: list, group, infer, describe, publish. Without Dagster; the command line, tests and assets call it.

Each hop takes what the one before returned, so that it can run alone and be stored between steps.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING, Protocol

import pyarrow as pa
import pyarrow.compute as pc

from s3_catalog.catalogs import Outcome, Plan, RunRecord
from s3_catalog.describing import DescribeRules, describe_tables
from s3_catalog.discovery.accounting import incomplete_layouts, with_verdicts
from s3_catalog.discovery.grouping import Grouping, GroupingRules, group_objects
from s3_catalog.discovery.hints import TableHint, find_partition_misfits, was_listed
from s3_catalog.discovery.listing import Listing, filter_manifest, list_objects, list_prefixes
from s3_catalog.discovery.peeking import Peeker, read_manifest_pins
from s3_catalog.discovery.pins import Pin, read_path_template
from s3_catalog.discovery.scopes import ROOT_SCOPE, scope_column, scope_of_key
from s3_catalog.errors import StoreError, UnknownPluginError
from s3_catalog.inference import TableResult, infer_tables
from s3_catalog.model.ledger import FailedPrefix, LedgerSummary, SkipReason
from s3_catalog.model.manifest import MANIFEST_SCHEMA
from s3_catalog.model.tables import Table
from s3_catalog.publishing import plan_crawl
from s3_catalog.storage import ObjectStore, open_store, printable
from s3_catalog.storage.files import OpenedFiles
from s3_catalog.table_formats import table_formats
from s3_catalog.targets import TargetReport, publish_to_targets

if TYPE_CHECKING:
    from s3_catalog.catalogs.sql import SqlCatalog
    from s3_catalog.config import Settings

logger = logging.getLogger(__name__)


class Observer(Protocol):
    """Hears how far a crawl is. Calls may come from any thread, one at a time."""

    def listed(self, objects: int, prefix: str) -> None:
        """So many objects are listed; the last were below this prefix."""

    def inferred(self, done: int, total: int, table: str) -> None:
        """So many tables of all are inferred; this was the last."""

    def described(self, done: int, total: int, table: str) -> None:
        """So many tables of all are described; this was the last."""


class Clock:
    """When a crawl began, and how long it has been going in seconds."""

    def __init__(self) -> None:
        self.started = datetime.now(UTC)
        self._begin = time.monotonic()

    @property
    def seconds(self) -> float:
        return time.monotonic() - self._begin


@dataclass(frozen=True, slots=True, kw_only=True)
class ObjectManifest:
    """What a listing found.

    `objects` to catalog (`MANIFEST_SCHEMA`), `skipped` by the patterns (with a column `reason`), `failed` prefixes.
    `scopes` are those that were listed; None means the whole location.
    """

    objects: pa.Table
    skipped: pa.Table
    failed: tuple[FailedPrefix, ...] = ()
    scopes: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupedObjects:
    """Layouts, and the fate of every listed object so far; `opened` are files that were looked at, for the next hop."""

    grouping: Grouping
    failed: tuple[FailedPrefix, ...] = ()
    scopes: tuple[str, ...] | None = None
    opened: OpenedFiles = field(default_factory=OpenedFiles, repr=False, compare=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class CrawlReport:
    """The outcome of one crawl. `tables` are the results per layout, those that failed included; `ledger` is `LEDGER_SCHEMA` by key.

    `plan` and `outcome` are the embedded catalog's, `targets` those of the catalogs that are published to besides.
    """

    run: RunRecord
    tables: tuple[TableResult, ...]
    ledger: pa.Table
    summary: LedgerSummary
    plan: Plan
    outcome: Outcome
    targets: tuple[TargetReport, ...] = ()

    @property
    def has_failures(self) -> bool:
        own = self.summary.failed or self.summary.failed_prefixes or self.outcome.failed
        return bool(own) or any(target.has_failures for target in self.targets)


def crawl(
    settings: Settings,
    *,
    store: ObjectStore | None = None,
    scope: str | None = None,
    observer: Observer | None = None,
    allow_retire: bool = False,
) -> CrawlReport:
    """Catalog a location, or one scope of it (`discovery.scopes`): the whole flow, into all catalogs of the settings.

    Raises:
        StoreError: the location cannot be listed at all; the catalogs are untouched.
        CatalogError: the embedded catalog cannot be read or written; all are as they were before.
    """
    clock = Clock()
    store = store or open_store(settings.location, settings.store_options())
    with open_state(settings) as catalog:
        grouped, results = find_tables(catalog, settings, store, scope=scope, observer=observer)
        report = publish_tables(catalog, settings, store, grouped, results, clock=clock, allow_retire=allow_retire)
        return replace(report, targets=publish_to_targets(settings, catalog, report.plan.scope, allow_retire=allow_retire))


def find_tables(
    catalog: SqlCatalog, settings: Settings, store: ObjectStore, *, scope: str | None = None, observer: Observer | None = None
) -> tuple[GroupedObjects, list[TableResult]]:
    """Hops 3 to 6: all that is found in a location, or in one scope of it; writes nothing.

    Raises:
        StoreError: the location cannot be listed at all.
        CatalogError: the catalog cannot be read.
    """
    manifest = read_manifest(store, settings, scopes=None if scope is None else (scope,), observer=observer)
    grouped = group_manifest(store, settings, manifest, catalog.names())
    known = catalog.known_tables(store.location.store_url)
    results = infer_schemas(store, settings, grouped, known, removed=partial(removed_keys, catalog, store), observer=observer)
    return grouped, describe_schemas(store, settings, grouped, results, observer=observer)


def read_manifest(
    store: ObjectStore, settings: Settings, *, scopes: Sequence[str] | None = None, observer: Observer | None = None
) -> ObjectManifest:
    """Hop 3: list every object of the location, or of some scopes, and set aside what the patterns exclude.

    Raises:
        StoreError: nothing can be listed at all.
    """
    progress = observer.listed if observer else None
    base, depth, workers = store.location.prefix, settings.partition_depth, settings.listing.workers
    listing = list_objects(store, workers=workers, progress=progress) if scopes is None else _list_scopes(store, scopes, workers, progress)
    manifest = listing.manifest
    if scopes is not None:
        found = scope_column(manifest.column("key"), base=base, depth=depth)
        manifest = manifest.filter(pc.is_in(found, value_set=pa.array(scopes, pa.string())))
    kept, skipped = filter_manifest(manifest, include=settings.include, exclude=settings.exclude, max_object_size=settings.max_object_size)
    logger.info(
        "listed location=%s scopes=%s objects=%d failed_prefixes=%d",
        settings.location,
        _scopes_text(scopes),
        len(manifest),
        len(listing.failed),
    )
    return ObjectManifest(objects=kept, skipped=skipped, failed=listing.failed, scopes=None if scopes is None else tuple(scopes))


def _scopes_text(scopes: Sequence[str] | None) -> str:
    return "all" if scopes is None else printable(scopes[0]) if len(scopes) == 1 else str(len(scopes))


def _list_scopes(store: ObjectStore, scopes: Sequence[str], workers: int, progress: Callable[[int, str], None] | None) -> Listing:
    named = [scope for scope in scopes if scope != ROOT_SCOPE]
    found = [list_objects(store, prefixes=named, workers=workers, progress=progress)]
    if ROOT_SCOPE in scopes:
        try:
            found.append(_list_root_scope(store, workers, progress))
        except StoreError as error:
            if not named:
                raise
            found.append(Listing(MANIFEST_SCHEMA.empty_table(), (FailedPrefix(store.location.prefix, str(error)),)))
    manifest = pa.concat_tables([listing.manifest for listing in found]).sort_by("key")
    return Listing(manifest, tuple(failed for listing in found for failed in listing.failed))


def _list_root_scope(store: ObjectStore, workers: int, progress: Callable[[int, str], None] | None) -> Listing:
    """Objects at the top, and below the top prefixes that are partition values rather than names."""
    top = list_prefixes(store)
    varying = [prefix for prefix in top.prefixes if scope_of_key(prefix, base=store.location.prefix) == ROOT_SCOPE]
    below = list_objects(store, prefixes=varying, workers=workers, progress=progress)
    return Listing(pa.concat_tables([top.objects, below.manifest]).sort_by("key"), below.failed)


def group_manifest(store: ObjectStore, settings: Settings, manifest: ObjectManifest, known_names: Mapping[str, str]) -> GroupedObjects:
    """Hop 4: group the objects into table layouts.

    Args:
        known_names: table identity -> name of all tables in the catalog.
    """
    peeker = Peeker(store, manifest.objects, settings.inference.head_bytes)
    pins, manifest_error = read_manifest_pins(store, manifest.objects, always=manifest.scopes is not None)
    base, store_url, depth = store.location.prefix, store.location.store_url, settings.partition_depth
    rules = GroupingRules(base=base, store_url=store_url, pins=(*_configured_pins(settings), *pins), hints=_configured_hints(settings))
    grouping = group_objects(manifest.objects, rules, known_names=known_names, sniff=peeker)
    objects = with_verdicts(grouping.objects, manifest.skipped, dict([manifest_error] if manifest_error else []))
    unused = tuple(path for path in grouping.unused_hints if was_listed(path, manifest.scopes, manifest.failed, base=base, depth=depth))
    grouping = replace(grouping, objects=objects, unused_hints=unused)
    for path in unused:
        logger.warning("hint meets no table: no object of a table matches path=%s", printable(path))
    logger.info("grouped location=%s scopes=%s tables=%d", settings.location, _scopes_text(manifest.scopes), len(grouping.layouts))
    return GroupedObjects(grouping=grouping, failed=manifest.failed, scopes=manifest.scopes, opened=peeker.opened)


def _configured_pins(settings: Settings) -> list[Pin]:
    return [
        read_path_template(table.path, name=table.name, file_format=table.format, options=table.read_hints().write_options())
        for table in settings.tables
    ]


def _configured_hints(settings: Settings) -> tuple[TableHint, ...]:
    return tuple(TableHint(path=hint.path, options=hint.read_hints().write_options()) for hint in settings.hints)


def infer_schemas(
    store: ObjectStore,
    settings: Settings,
    grouped: GroupedObjects,
    known: Mapping[str, Table],
    *,
    removed: Callable[[], pa.Array] | None = None,
    observer: Observer | None = None,
) -> list[TableResult]:
    """Hop 5: one schema per table; `known` tables (by identity) that have not changed are taken over.

    Args:
        removed: tells what the logs of the known tables had removed (`removed_keys`).
    """
    grouping = grouped.grouping
    by_path = (pair for pair in zip(grouping.layouts, grouping.partitions, strict=True) if pair[0].format not in table_formats())
    results = infer_tables(
        store,
        grouping,
        settings.inference.rules(),
        known=known,
        removed=removed,
        incomplete={**find_partition_misfits(by_path), **incomplete_layouts(grouping, grouped.failed)},
        opened=grouped.opened,
        progress=observer.inferred if observer else None,
    )
    # The log of a table tells its partition columns and their values only now.
    logged = ((r.table.layout, r.table.partitions) for r in results if r.table and r.layout.format in table_formats())
    misfits = find_partition_misfits(logged)
    return [TableResult(layout=r.layout, error=misfits[r.layout.identity]) if r.layout.identity in misfits else r for r in results]


def describe_schemas(
    store: ObjectStore, settings: Settings, grouped: GroupedObjects, results: Sequence[TableResult], *, observer: Observer | None = None
) -> list[TableResult]:
    """Hop 6: samples, profiles and tags of every table, masked; a table that has not changed keeps its own."""
    progress = observer.described if observer else None
    scoped = grouped.scopes is not None
    rules = describe_rules(settings)
    return describe_tables(store, grouped.grouping, results, rules, look_at_top=scoped, opened=grouped.opened, progress=progress)


def describe_rules(settings: Settings) -> DescribeRules:
    """How the settings want tables described."""
    return settings.samples.rules(settings.tags.rules(), settings.inference.rules().limits)


def removed_keys(catalog: SqlCatalog, store: ObjectStore) -> pa.Array:
    """The keys that the last ledger of this location holds as removed by their tables' logs."""
    parts = [pa.array([], pa.string())]
    for ledger in catalog.latest_ledger(store.location.url):
        parts += ledger.filter(pc.equal(ledger.column("skipped"), SkipReason.TABLE_REMOVED)).column("key").chunks
    return pa.concat_arrays(parts)


def publish_tables(
    catalog: SqlCatalog,
    settings: Settings,
    store: ObjectStore,
    grouped: GroupedObjects,
    results: Sequence[TableResult],
    *,
    clock: Clock,
    run_id: str | None = None,
    allow_retire: bool = False,
) -> CrawlReport:
    """Hop 7: plan and apply, with the ledger and the run in the same transaction; one publisher at a time.

    Raises:
        CatalogError: the catalog refused, or is held by another crawl for too long; nothing was written.
    """
    with catalog.exclusive(settings.lock_timeout):
        planned = plan_crawl(catalog, settings, store, grouped, results, clock=clock, run_id=run_id, allow_retire=allow_retire)
        outcome = catalog.apply(planned.plan, planned.run, planned.ledgers)
    logger.info("published location=%s scopes=%s writes=%d", settings.location, _scopes_text(grouped.scopes), outcome.writes)
    return CrawlReport(
        run=planned.run, tables=planned.tables, ledger=planned.ledger, summary=planned.summary, plan=planned.plan, outcome=outcome
    )


def open_state(settings: Settings) -> SqlCatalog:
    """Open the embedded catalog, which is the state store as well; a context manager.

    Raises:
        UnknownPluginError: the URL is of no database that it can be in.
        CatalogError: see `SqlCatalog`.
    """
    from s3_catalog.catalogs.sql import CATALOG, SqlCatalog

    scheme = settings.catalog.partition("://")[0]
    if scheme not in CATALOG.schemes:
        raise UnknownPluginError("catalog", scheme, CATALOG.schemes)
    return SqlCatalog(settings.catalog, keep_runs=settings.keep_runs)


def discover_scopes(store: ObjectStore, settings: Settings) -> dict[str, tuple[str, ...]]:
    """Find the scopes of a location by listing its upper levels only.

    Returns: scope -> the key prefixes that must be listed for it, in order.
    """
    base, depth = store.location.prefix, settings.partition_depth
    scopes: dict[str, list[str]] = {}
    pending = [(base, 0)]
    while pending:
        folder, level = pending.pop()
        top = list_prefixes(store, folder)
        if top.objects.num_rows:
            scopes.setdefault(scope_of_key(folder, base=base, depth=depth), [])
        for prefix in top.prefixes:
            scope = scope_of_key(prefix, base=base, depth=depth)
            if scope == prefix and level + 1 < depth:
                pending.append((prefix, level + 1))
            else:
                scopes.setdefault(scope, []).append(prefix)
    return {scope: tuple(sorted(scopes[scope])) for scope in sorted(scopes)}
