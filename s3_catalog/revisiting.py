"""Look again at a location, or at tables of the catalog where they lie, without publishing: list, group, infer.

In: settings, the catalog, which tables. Out: a `Visit`, as far as the describing hop.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.compute as pc

from s3_catalog import pipeline
from s3_catalog.discovery.grouping import Grouping
from s3_catalog.discovery.scopes import scope_of_location
from s3_catalog.inference import TableResult
from s3_catalog.model.tables import MEMBER_MARK, Table
from s3_catalog.pipeline import GroupedObjects
from s3_catalog.storage import ObjectStore, open_store, parse_location

if TYPE_CHECKING:
    from s3_catalog.catalogs.sql import SqlCatalog
    from s3_catalog.config import Settings
    from s3_catalog.pipeline import Observer

_MANY_RUNS = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class Visit:
    """What is there now. `known` are published tables by identity; `unread` are (table or prefix, reason) of what could not be read, or is
    gone.
    """

    store: ObjectStore
    known: Mapping[str, Table]
    grouped: GroupedObjects
    results: tuple[TableResult, ...]
    unread: tuple[tuple[str, str], ...] = ()


def find_location(catalog: SqlCatalog | None, table: Table) -> str:
    """The location by whose crawl a table was found."""
    store_url, uri = table.layout.store_url, table.layout.uri
    runs = (run for run in catalog.list_runs(_MANY_RUNS) if run.store_url == store_url) if catalog else iter(())
    return next((run.location for run in runs if uri.startswith(run.location)), store_url)


def revisit(
    settings: Settings, catalog: SqlCatalog | None, *, tables: Sequence[Table] | None = None, observer: Observer | None = None
) -> Visit:
    """Look at all tables of the settings' location, or at some of them; what has not changed is taken over from the catalog.

    Args:
        tables: published tables below the location; only the folders they lie in are listed.

    Raises:
        StoreError: nothing can be listed at all.
    """
    store = open_store(settings.location, settings.store_options())
    if tables is not None:
        known = {table.layout.identity: table for table in tables}
    else:
        known = catalog.known_tables(store.location.store_url) if catalog else {}
    manifest = pipeline.read_manifest(store, settings, scopes=_scopes(settings, tables), observer=observer)
    grouped = pipeline.group_manifest(store, settings, manifest, catalog.names() if catalog else {})
    if tables is not None:
        grouped = replace(grouped, grouping=_only(grouped.grouping, tables))
    removed = partial(pipeline.removed_keys, catalog, store) if catalog else None
    results = pipeline.infer_schemas(store, settings, grouped, known, removed=removed, observer=observer)
    unread = [(result.layout.name, result.error or "no table was found in it") for result in results if not result.tables]
    failed = ((failed.prefix, failed.error) for failed in grouped.failed)
    gone = _gone(tables or (), results)
    return Visit(store=store, known=known, grouped=grouped, results=tuple(results), unread=(*unread, *failed, *gone))


def _scopes(settings: Settings, tables: Sequence[Table] | None) -> tuple[str, ...] | None:
    """The scopes that the tables lie in; None for the whole location."""
    if tables is None:
        return None
    base, depth = parse_location(settings.location).prefix, settings.partition_depth
    return tuple(sorted({scope_of_location(table.layout.location, base=base, depth=depth) for table in tables}))


def _only(grouping: Grouping, tables: Iterable[Table]) -> Grouping:
    """A grouping without the layouts of other tables; their objects belong to nothing."""
    wanted = {identity for table in tables for identity in _identities(table)}
    kept = [index for index, layout in enumerate(grouping.layouts) if layout.identity in wanted]
    places = pc.index_in(grouping.objects.column("layout"), value_set=pa.array(kept, pa.int32()))
    at = grouping.objects.column_names.index("layout")
    return replace(
        grouping,
        layouts=tuple(grouping.layouts[index] for index in kept),
        partitions=tuple(grouping.partitions[index] for index in kept),
        objects=grouping.objects.set_column(at, "layout", places),
    )


def _identities(table: Table) -> set[str]:
    """The identity of a table, and that of the files it is in: a sheet of a workbook has its name in its own."""
    identity = table.layout.identity
    return {identity, identity.rpartition(MEMBER_MARK)[0]} if MEMBER_MARK in identity else {identity}


def _gone(tables: Iterable[Table], results: Iterable[TableResult]) -> list[tuple[str, str]]:
    """Published tables that are not there any more."""
    seen = {identity for result in results for identity in (result.layout.identity, *result.identities)}
    return [(table.name, "none of its files was found") for table in tables if not _identities(table) & seen]
