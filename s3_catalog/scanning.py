"""`s3-catalog scan`: which personal data lies where, and which of it no tag of the catalog covers. Nothing is written.

In: settings, locations or tables of the catalog. Out: findings without a value.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from s3_catalog import pipeline
from s3_catalog.describing.findings import TableFindings, scan_tables
from s3_catalog.explaining import find_table
from s3_catalog.model.description import Tag
from s3_catalog.model.tables import Table
from s3_catalog.revisiting import find_location, revisit
from s3_catalog.tagging import Detection

if TYPE_CHECKING:
    from s3_catalog.catalogs.sql import SqlCatalog
    from s3_catalog.config import Settings
    from s3_catalog.pipeline import Observer

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
    work: dict[str, list[Table] | None] = {} if subjects else {settings.location: None}
    for subject in dict.fromkeys(subjects):
        table = catalog.find_table(subject) if catalog else None
        if table is None and _is_location(subject):
            work[subject] = None
            continue
        table = table or find_table(catalog, subject)
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


def _is_location(subject: str) -> bool:
    return "://" in subject or "/" in subject or Path(subject).is_dir()


def _scan(settings: Settings, catalog: SqlCatalog | None, *, tables: Sequence[Table] | None, observer: Observer | None) -> ScanReport:
    """Scan all tables of the settings' location, or some of them."""
    visit = revisit(settings, catalog, tables=tables, observer=observer)
    progress = observer.described if observer else None
    rules = pipeline.describe_rules(settings)
    found = scan_tables(visit.store, visit.grouped.grouping, visit.results, rules, opened=visit.grouped.opened, progress=progress)
    if tables is not None:
        wanted = {table.layout.identity for table in tables}
        found = [findings for findings in found if findings.table.layout.identity in wanted]
    known = catalog.known_tables(visit.store.location.store_url) if catalog else {}
    return ScanReport(tables=tuple(ScannedTable(findings=one, uncovered=find_uncovered(one, known)) for one in found), unread=visit.unread)


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
