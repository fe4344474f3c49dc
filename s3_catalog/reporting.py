"""What the commands answer, as plain objects and as JSON text that is written while it is made.

In: reports, tables and ledgers. Out: dicts in the shape that programs rely on, and chunks of JSON. It knows neither terminal nor network.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.compute as pc

from s3_catalog.catalogs import Action
from s3_catalog.model.description import ColumnProfile, Description, Tag
from s3_catalog.model.tables import Column, Table
from s3_catalog.model.types import type_text
from s3_catalog.reporting_plans import describe_report

if TYPE_CHECKING:
    from s3_catalog.catalogs import RunRecord
    from s3_catalog.pipeline import CrawlReport
    from s3_catalog.scanning import ScannedTable, ScanReport

History = Sequence[tuple[datetime, str, "str | None"]]
"""(when, change, id of the run), oldest first."""

CERTAINTY = "certainty."
"""Begins the details that say how sure a column's type is; the column's name follows."""
_PERSONAL = ("PII", "Security")
"""Classifications whose tags name data that is not everybody's."""
_UNSPECIFIC = "Sensitive"
_ROWS_AT_A_TIME = 4096


def describe_table(table: Table) -> dict[str, Any]:
    """One table as `crawl --json` and `tables --json` print it. `columns` are those in the files; types are canonical text."""
    layout = table.layout
    return {
        "name": table.name,
        "location": layout.uri,
        "format": table.format,
        "columns": [{"name": c.name, "type": type_text(c.type), "nullable": c.nullable} for c in table.columns],
        "partition_columns": [{"name": c.name, "type": type_text(c.type)} for c in layout.partition_columns],
        "object_count": layout.object_count,
        "size_bytes": layout.size_bytes,
        "row_count": table.row_count,
        "row_estimate": {**asdict(table.row_estimate), "estimated": True} if table.row_estimate else None,
        "tags": [{"tag": tag.name, "column": tag.column, "why": tag.why} for tag in described(table).tags],
        "sample_rows": [json.loads(row) for row in described(table).sample.rows],
    }


def describe_table_in_full(table: Table, history: History = ()) -> dict[str, Any]:
    """One table as `show --json` prints it: all of `describe_table`, then what is known per column, evidence, warnings and the rest."""
    layout, evidence = table.layout, table.layout.evidence
    return {
        **describe_table(table),
        **describe_description(described(table)),
        "column_details": describe_columns(table),
        "hints": dict(layout.options),
        "newest": _time(layout.newest),
        "details": dict(table.details),
        "evidence": {"rule": evidence.rule, "reason": evidence.reason, "runner_up": evidence.runner_up},
        "warnings": [*layout.warnings, *table.warnings],
        "conflicts": [
            {"column": c.column, "expected": c.expected, "found": c.found, "resolved": c.resolved, "key": c.key} for c in table.conflicts
        ],
        "sampled_keys": list(table.sampled_keys),
        "partitions": [
            {
                "values": list(p.values),
                "object_count": p.object_count,
                "size_bytes": p.size_bytes,
                "row_count": p.row_count,
                "newest": _time(p.newest),
            }
            for p in table.partitions
        ],
        "history": [{"at": _time(when), "change": change, "run": run} for when, change, run in history],
    }


def described(table: Table) -> Description:
    """The description of a table; an empty one where it has none yet."""
    return table.description or Description()


def personal_tags(table: Table) -> list[str]:
    """The kinds of personal data and secrets that tags name, without classification: `Email` of `PII.Email`."""
    names = dict.fromkeys(tag.name for tag in described(table).tags)
    kinds = [name.partition(".")[2] for name in names if name.partition(".")[0] in _PERSONAL]
    return [kind for kind in kinds if kind != _UNSPECIFIC] or kinds


def describe_description(description: Description) -> dict[str, Any]:
    """What people and rules say of a table, and its figures, as `show --json` prints them.

    In `profile` the figures come from `basis`, null count and bounds from `bounds_basis`.
    """
    return {
        "tags": [describe_tag(tag) for tag in description.tags],
        "profile": [_describe_profile(profile) for profile in description.columns],
        "sample": {"masked": list(description.sample.masked), "withheld": description.sample.withheld},
        "files": asdict(description.files) if description.files else None,
        "owners": list(description.owners),
        "description": description.text,
        "column_descriptions": dict(description.column_texts),
        "description_warnings": list(description.warnings),
    }


def describe_tag(tag: Tag) -> dict[str, Any]:
    """One tag with all that speaks for it."""
    return {"tag": tag.name, "column": tag.column, "rule": tag.rule, "why": tag.why, "confidence": tag.confidence}


def _describe_profile(profile: ColumnProfile) -> dict[str, Any]:
    pairs = {
        "quantiles": [{"share": share, "value": value} for share, value in profile.quantiles],
        "top_values": [{"value": value, "count": count} for value, count in profile.top_values],
    }
    return {**asdict(profile), **pairs}


def describe_columns(table: Table) -> list[dict[str, Any]]:
    """What is known of each column in the files beside its type; None where nothing is."""
    return [
        {
            "name": column.name,
            "source_type": column.source_type,
            "certainty": column_certainty(table, column),
            "statistics": asdict(column.statistics) if column.statistics else None,
            "blame": asdict(column.blame) if column.blame else None,
        }
        for column in table.columns
    ]


def column_certainty(table: Table, column: Column) -> str | None:
    """How sure a column's type is, from 0 to 1, and why: `0.99: all 98 values are integers`; None where the format itself says the type."""
    return dict(table.details).get(f"{CERTAINTY}{column.name}")


def describe_blame(table: Table) -> dict[str, Any]:
    """One table as `show --blame --json` prints it. A file's partition is its values in the order of the partition columns."""
    return {
        "name": table.name,
        "location": table.layout.uri,
        "format": table.format,
        "partition_columns": [column.name for column in table.layout.partition_columns],
        "columns": [{"name": c.name, "type": type_text(c.type), "blame": asdict(c.blame) if c.blame else None} for c in table.columns],
    }


def describe_run(run: RunRecord) -> dict[str, Any]:
    """One crawl as `runs --json` prints it."""
    return {
        "id": run.id,
        "location": run.location,
        "started": _time(run.started),
        "finished": _time(run.finished),
        "status": str(run.status),
        "counts": dict(run.counts),
        "receipt": dict(run.receipt),
        "failed_prefixes": [{"prefix": failed.prefix, "error": failed.error} for failed in run.failed_prefixes],
    }


def published_tables(report: CrawlReport) -> list[Table]:
    """The tables of a crawl that are in the catalog now, by name."""
    refused = {change.identity for change in report.plan.changes if change.action is Action.CONFLICT}
    tables = [table for result in report.tables for table in result.tables if table.layout.identity not in refused]
    return sorted(tables, key=lambda table: table.name)


def actions_by_name(report: CrawlReport) -> Mapping[str, Action]:
    """What the crawl did to each published table."""
    return {change.name: change.action for change in report.plan.changes if change.action is not Action.CONFLICT}


@dataclass(frozen=True, slots=True, kw_only=True)
class LedgerFilter:
    """Which rows of a ledger are asked for. `skipped` and `failed` together mean either."""

    prefix: str = ""
    table: str | None = None
    skipped: bool = False
    failed: bool = False

    def apply(self, ledger: pa.Table, *, base: str = "") -> pa.Table:
        """The rows asked for, below the key prefix `base`."""
        key = ledger.column("key")
        wanted = pc.and_(pc.starts_with(key, base), pc.starts_with(key, self.prefix))
        if self.table is not None:
            wanted = pc.and_(wanted, pc.equal(ledger.column("table"), self.table))
        fates = [ledger.column(name) for name, asked in (("skipped", self.skipped), ("error", self.failed)) if asked]
        if fates:
            wanted = pc.and_(wanted, pc.is_valid(pc.coalesce(*fates)))
        return ledger.filter(wanted)


def describe_objects(ledger: pa.Table) -> Iterator[dict[str, Any]]:
    """Each object of a ledger with its table, or the reason why it is in none; made row by row, so that a large ledger costs nothing."""
    reasons = pc.coalesce(ledger.column("skipped"), ledger.column("error"))
    rows = pa.table({"key": ledger.column("key"), "table": ledger.column("table"), "reason": reasons})
    for batch in rows.to_batches(max_chunksize=_ROWS_AT_A_TIME):
        yield from batch.to_pylist()


def encode_crawl(report: CrawlReport, *, with_objects: bool = False) -> Iterator[str]:
    """Write a crawl as one JSON object, in chunks."""
    summary = report.summary
    counts = {"listed": summary.listed, "in_tables": summary.in_tables, "skipped": summary.skipped}
    yield '{"tables": '
    yield from encode_list(describe_table(table) for table in published_tables(report))
    yield f',\n"ledger": {encode(counts)[:-1]}, "failed": '
    yield from encode_list({"key": key, "error": error} for key, error in summary.failed)
    yield f'}},\n"receipt": {encode(dict(report.run.receipt))}'
    if report.targets:
        yield f',\n"catalogs": {encode([describe_report(target) for target in report.targets])}'
    if with_objects:
        yield ',\n"objects": '
        yield from encode_list(describe_objects(report.ledger))
    yield "}"


def describe_scan(report: ScanReport) -> dict[str, Any]:
    """A scan as `scan --json` prints it. `covered`: the catalog has a tag for it."""
    return {
        "tables": [_describe_scanned(scanned) for scanned in report.tables],
        "unread": [{"name": name, "error": error} for name, error in report.unread],
    }


def _describe_scanned(scanned: ScannedTable) -> dict[str, Any]:
    findings = scanned.findings
    return {
        "name": findings.table.name,
        "location": findings.table.layout.uri,
        "rows": findings.rows,
        "found": [
            {
                "column": found.column,
                "kind": found.label,
                "detector": found.detector,
                "tags": list(found.tags),
                "share": found.share,
                "values_seen": found.values_seen,
                "confidence": found.confidence,
                "inside": found.inside,
                "why": found.evidence,
                "covered": found not in scanned.uncovered,
            }
            for found in findings.detections.found
        ],
        "failures": [asdict(failure) for failure in findings.detections.failures],
        "problems": list(findings.problems),
    }


def encode_list(items: Iterable[object]) -> Iterator[str]:
    """Write a JSON array, one item per chunk and line."""
    separator = "["
    for item in items:
        yield separator + encode(item)
        separator = ",\n"
    yield "[]" if separator == "[" else "]"


def encode(value: object) -> str:
    """Write JSON in ASCII: no key can disturb a terminal, and none is beyond what the output's encoding can hold."""
    return json.dumps(value, ensure_ascii=True)


def _time(when: datetime | None) -> str | None:
    return None if when is None else when.isoformat()
