"""`s3-catalog scan`: which personal data lies where, and which of it no tag of the catalog covers. Nothing is written.

In: settings, locations or tables of the catalog. Out: findings without a value.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.compute as pc

from s3_catalog import pipeline
from s3_catalog.describing.findings import TableFindings, scan_tables
from s3_catalog.discovery.grouping import Grouping
from s3_catalog.discovery.scopes import scope_of_location
from s3_catalog.explaining import find_table
from s3_catalog.model.description import Tag
from s3_catalog.model.tables import MEMBER_MARK, Table
from s3_catalog.storage import open_store, parse_location
from s3_catalog.tagging import Detection

if TYPE_CHECKING:
    from s3_catalog.catalogs.sql import SqlCatalog
    from s3_catalog.config import Settings
    from s3_catalog.pipeline import GroupedObjects, Observer

_MANY_RUNS = 1000
_WAYS_IN = ".[{"


@dataclass(frozen=True, slots=True, kw_only=True)
class ScannedTable:
    """What is found in one table, and the part of it that no tag of the catalog covers."""

    findings: TableFindings
    uncovered: tuple[Detection, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ScanReport:
    """All tables that were looked at; `unread` are (table or prefix, reason) of what could not be."""

    tables: tuple[ScannedTable, ...] = ()
    unread: tuple[tuple[str, str], ...] = ()

    @property
    def has_uncovered(self) -> bool:
        """Whether there is personal data without a tag, or a column that a failed detector left unknown."""
        return any(scanned.uncovered or scanned.findings.detections.failures for scanned in self.tables)


def scan(settings: Settings, catalog: SqlCatalog | None, subjects: Sequence[str] = (), *, observer: Observer | None = None) -> ScanReport:
    """Look for personal data: in all tables of a location as a crawl would find them now, and in published tables.

    Args:
        catalog: None where there is none yet.
        subjects: names of tables, URLs and folders; without any the location of the settings.

    Raises:
        UnknownNameError: a subject is neither a table nor a location.
        StoreError: a location cannot be listed at all.
    """
    published = {table.name: table for table in catalog.list_tables()} if catalog else {}
    work: dict[str, list[Table] | None] = {} if subjects else {settings.location: None}
    for subject in dict.fromkeys(subjects):
        if subject not in published and _is_location(subject):
            work[subject] = None
            continue
        table = published.get(subject) or find_table(catalog, subject)
        tables = work.setdefault(find_location(catalog, table), [])
        if tables is not None:
            tables.append(table)
    reports = [
        _scan(settings.model_copy(update={"location": location}), catalog, tables=tables, observer=observer)
        for location, tables in work.items()
    ]
    return ScanReport(
        tables=tuple(scanned for report in reports for scanned in report.tables),
        unread=tuple(unread for report in reports for unread in report.unread),
    )


def find_location(catalog: SqlCatalog | None, table: Table) -> str:
    """The location by whose crawl a table was found."""
    store_url, uri = table.layout.store_url, table.layout.uri
    runs = (run for run in catalog.list_runs(_MANY_RUNS) if run.store_url == store_url) if catalog else iter(())
    return next((run.location for run in runs if uri.startswith(run.location)), store_url)


def _is_location(subject: str) -> bool:
    return "://" in subject or "/" in subject or Path(subject).is_dir()


def _scan(settings: Settings, catalog: SqlCatalog | None, *, tables: Sequence[Table] | None, observer: Observer | None) -> ScanReport:
    """Scan all tables of the settings' location, or some of them."""
    store = open_store(settings.location, settings.store_options())
    known = catalog.known_tables(store.location.store_url) if catalog else {}
    manifest = pipeline.read_manifest(store, settings, scopes=_scopes(settings, tables), observer=observer)
    grouped = pipeline.group_manifest(store, settings, manifest, catalog.names() if catalog else {})
    if tables is not None:
        grouped = replace(grouped, grouping=_only(grouped.grouping, tables))
    removed = partial(pipeline.removed_keys, catalog, store) if catalog else None
    results = pipeline.infer_schemas(store, settings, grouped, known, removed=removed, observer=observer)
    progress = observer.described if observer else None
    found = scan_tables(store, grouped.grouping, results, pipeline.describe_rules(settings), progress=progress)
    if tables is not None:
        wanted = {table.layout.identity for table in tables}
        found = [findings for findings in found if findings.table.layout.identity in wanted]
    unread = [(result.layout.name, result.error or "no table was found in it") for result in results if not result.tables]
    return ScanReport(
        tables=tuple(ScannedTable(findings=one, uncovered=find_uncovered(one, known)) for one in found),
        unread=(*unread, *((failed.prefix, failed.error) for failed in grouped.failed), *_gone(tables or (), grouped, found)),
    )


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


def _gone(tables: Iterable[Table], grouped: GroupedObjects, findings: Iterable[TableFindings]) -> list[tuple[str, str]]:
    """Published tables that are not there any more."""
    seen = {layout.identity for layout in grouped.grouping.layouts} | {one.table.layout.identity for one in findings}
    return [(table.name, "none of its files was found") for table in tables if not _identities(table) & seen]


def find_uncovered(findings: TableFindings, published: Mapping[str, Table]) -> tuple[Detection, ...]:
    """What is found where the catalog has no tag of that kind on the column, on one around it, or on the table as a whole."""
    table = published.get(findings.table.layout.identity)
    tags = table.description.tags if table is not None and table.description is not None else ()
    return tuple(found for found in findings.detections.found if not any(_covers(tag, found) for tag in tags))


def _covers(tag: Tag, found: Detection) -> bool:
    if tag.name not in found.tags:
        return False
    if tag.column is None or found.column == tag.column:
        return True
    return found.column.startswith(tag.column) and found.column[len(tag.column)] in _WAYS_IN
