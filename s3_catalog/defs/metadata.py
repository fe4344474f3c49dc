"""What the UI shows of a partition: counts, Markdown tables, column schemas. Texts from a bucket are escaped: they are no markup."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import dagster as dg
import pyarrow as pa
import pyarrow.compute as pc

from s3_catalog.catalogs import Action, Outcome, Plan
from s3_catalog.defs.hops import ScopeRule, part_by_home
from s3_catalog.defs.partitions import read_partition_key
from s3_catalog.errors import HintError
from s3_catalog.inference import TableResult
from s3_catalog.model.ledger import LedgerSummary, summarize_ledger
from s3_catalog.model.tables import Table, TableLayout
from s3_catalog.model.types import type_text
from s3_catalog.pipeline import CrawlReport, ObjectManifest
from s3_catalog.storage import Location, printable

Metadata = dict[str, Any]

_MAX_ROWS = 100
_MAX_COLUMNS = 2_000
_HINT_ERROR = str(HintError("", "", ""))
"""What the text of every such error begins with."""
_WRITING = (Action.CREATE, Action.UPDATE, Action.RESTORE, Action.RETIRE)
_MARKUP = re.compile(r"([\\`*_{}\[\]<>()#+!|~&$])")


def describe_place(location: Location, prefix: str) -> Metadata:
    """Where something lies, and in which kind of store."""
    return {"dagster/uri": printable(location.store_url + prefix), "dagster/storage_kind": location.scheme}


def describe_scopes(found: Mapping[str, Sequence[str]], vanished: int) -> Metadata:
    """The prefixes found, and how many are still registered without being there."""
    rows = [(scope, len(below)) for scope, below in found.items()]
    return {"prefixes": len(found), "vanished prefixes": vanished, "found": write_markdown(("prefix", "folders"), rows)}


def describe_manifest(manifest: ObjectManifest) -> Metadata:
    """Counts of one listing."""
    size = pc.sum(manifest.objects.column("size")).as_py() or 0
    return {
        "objects": manifest.objects.num_rows,
        "bytes": size,
        "excluded objects": manifest.skipped.num_rows,
        "failed prefixes": len(manifest.failed),
    }


def describe_layouts(layouts: Sequence[TableLayout], objects: pa.Table) -> Metadata:
    """The tables that grouping found, and why."""
    rows = [
        (layout.name, layout.format, layout.location, layout.object_count, layout.evidence.reason, layout.evidence.runner_up)
        for layout in layouts
    ]
    return {
        "tables": len(layouts),
        "objects": objects.num_rows,
        "objects in tables": objects.num_rows - objects.column("layout").null_count,
        "grouping": write_markdown(("table", "format", "location", "objects", "why together", "second choice"), rows),
    }


def describe_unused_hints(paths: Sequence[str]) -> Metadata:
    """The hints of the configuration that meet no table, although all that they could meet was listed by this run."""
    return {"hints that meet no table": ", ".join(map(printable, paths))} if paths else {}


def describe_results(results: Sequence[TableResult]) -> Metadata:
    """The tables with their columns."""
    tables = [table for result in results for table in result.tables]
    unread = [(result.layout.name, _without_value(result.error)) for result in results if result.error is not None]
    return {
        "tables": len(tables),
        "columns": sum(len(table.columns) for table in tables),
        "schema conflicts": sum(len(table.conflicts) for table in tables),
        "unreadable files": sum(len(result.failed) for result in results),
        **({"unreadable tables": write_markdown(("table", "reason"), unread)} if unread else {}),
        **describe_tables(tables),
    }


def describe_descriptions(results: Sequence[TableResult]) -> Metadata:
    """Which tags the tables have and why, how many rows are shown of them, and what went wrong; no row and no value."""
    described = [(table.name, table.description) for result in results for table in result.tables if table.description is not None]
    tags = [(name, t.column or "", t.name, t.why, f"{t.confidence:.2f}") for name, found in described for t in found.tags]
    withheld = [(name, found.sample.withheld) for name, found in described if found.sample.withheld]
    problems = [(name, warning) for name, found in described for warning in found.warnings]
    return {
        "described tables": len(described),
        "sample rows": sum(len(found.sample.rows) for _, found in described),
        "masked columns": sum(len(found.sample.masked) for _, found in described),
        **({"tags": write_markdown(("table", "column", "tag", "why", "confidence"), tags)} if tags else {}),
        **({"samples withheld": write_markdown(("table", "reason"), withheld)} if withheld else {}),
        **({"problems": write_markdown(("table", "what"), problems)} if problems else {}),
    }


def describe_tables(tables: Sequence[Table]) -> Metadata:
    """The tables of one partition: a Markdown table, the columns of all, and the row count where every table's is known."""
    rows = [(t.name, t.format, t.layout.location, len(t.columns), t.layout.object_count, t.layout.size_bytes, _row_text(t)) for t in tables]
    found: Metadata = {"found tables": write_markdown(("table", "format", "location", "columns", "objects", "bytes", "rows"), rows)}
    if tables:
        found["dagster/column_schema"] = column_schema(tables)
    if len(tables) == 1:
        found["dagster/table_name"] = tables[0].name
    counts = [table.row_count for table in tables if table.columns]
    if counts and None not in counts:
        found["dagster/partition_row_count"] = sum(count or 0 for count in counts)
    return found


def column_schema(tables: Iterable[Table]) -> dg.TableSchema:
    """The columns of several tables in one schema, each named `table.column`: a partition holds as many tables as its prefix does."""
    columns = []
    for table in tables:
        for column in table.columns:
            constraints = dg.TableColumnConstraints(nullable=column.nullable)
            columns.append(dg.TableColumn(_qualified(table, column.name), type_text(column.type), constraints=constraints))
        columns += [
            dg.TableColumn(_qualified(table, column.name), type_text(column.type), description="partition column")
            for column in table.layout.partition_columns
        ]
    return dg.TableSchema(columns[:_MAX_COLUMNS])


def describe_publication(report: CrawlReport, homes: Sequence[str], rule: ScopeRule, keys: Iterable[str]) -> dict[str, Metadata]:
    """What a publication did, by partition key; `homes` are the scopes of the report's tables."""
    scopes = rule.of_column(report.ledger.column("key"))
    actions = {change.identity: change.action for change in report.plan.changes}
    told = {}
    for key, here in part_by_home(report.tables, homes, keys).items():
        scope = read_partition_key(key)
        tables = [table for result in here for table in result.tables]
        counts = Counter(str(actions[table.layout.identity]) for table in tables)
        told[key] = {
            "tables": len(tables),
            "unreadable tables": sum(not result.tables for result in here),
            **describe_tables(tables),
            **{f"tables: {action}": count for action, count in sorted(counts.items())},
            **describe_summary(summarize_ledger(report.ledger.filter(pc.equal(scopes, scope)))),
            **describe_run(report),
        }
    return told


def describe_run(report: CrawlReport) -> Metadata:
    """What concerns all partitions of a run: retirements, and the receipt."""
    plan, refused = report.plan, report.outcome.failed
    return {
        "retired in this run": plan.count(Action.RETIRE),
        **describe_withheld(plan),
        **({"refused": write_markdown(("table", "error"), refused)} if refused else {}),
        **{f"run: {name.replace('_', ' ')}": number for name, number in report.run.receipt.items()},
    }


def describe_target(plan: Plan, outcome: Outcome) -> Metadata:
    """What became of another catalog: counts, which tables changed in what, what people keep, what is not there and why. No value."""
    changed = [(c.action, c.name, ", ".join(name for name, _, _ in c.fields)) for c in plan.changes if c.action in _WRITING]
    kept: dict[str, list[str]] = {}
    for change in plan.changes:
        for name, _, _ in change.kept:
            kept.setdefault(name, []).append(change.name)
    listed: dict[str, tuple[Sequence[str], Sequence[Sequence[object]]]] = {
        "changes": (("change", "table", "fields"), changed),
        "kept as people have it": (("field", "tables", "of"), [(name, len(of), _some(of)) for name, of in sorted(kept.items())]),
        "skipped": (("table", "reason"), _reasons(plan, Action.SKIP)),
        "conflicts": (("table", "reason"), _reasons(plan, Action.CONFLICT)),
        "refused": (("table", "error"), outcome.failed),
    }
    return {
        **{f"tables: {action}": count for action, count in sorted(outcome.counts.items()) if count},
        "tables that failed": len(outcome.failed),
        "fields kept": sum(map(len, kept.values())),
        "writes": outcome.writes,
        **describe_withheld(plan),
        **{title: write_markdown(header, rows) for title, (header, rows) in listed.items() if rows},
    }


def describe_withheld(plan: Plan) -> Metadata:
    """The tables that are gone and stay all the same, with the reason."""
    return {"not retired": f"{_some(plan.withheld)}: {plan.withheld_reason}"} if plan.withheld else {}


def describe_summary(summary: LedgerSummary) -> Metadata:
    """The sums of a ledger."""
    failed = [(key, _without_value(error)) for key, error in summary.failed]
    return {
        "listed objects": summary.listed,
        "objects in tables": summary.in_tables,
        "skipped objects": sum(summary.skipped.values()),
        "failed objects": len(summary.failed),
        **({"skipped": write_markdown(("reason", "objects"), summary.skipped.items())} if summary.skipped else {}),
        **({"failed": write_markdown(("key", "error"), failed)} if failed else {}),
    }


def write_markdown(header: Sequence[str], rows: Iterable[Sequence[object]]) -> dg.MarkdownMetadataValue:
    """Write rows as a Markdown table, at most 100 of them."""
    every = list(rows)
    lines = [_row(header), _row(["---"] * len(header)), *(_row([escape(str(cell)) for cell in row]) for row in every[:_MAX_ROWS])]
    rest = f"\n\nand {len(every) - _MAX_ROWS} more" if len(every) > _MAX_ROWS else ""
    return dg.MetadataValue.md("\n".join(lines) + rest)


def escape(text: str) -> str:
    r"""Write a text so that Markdown shows it as it is, on one line.

    >>> print(escape("a|b <i>"))
    a\|b \<i\>
    """
    return _MARKUP.sub(r"\\\1", printable(text))


def _row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _reasons(plan: Plan, action: Action) -> list[tuple[str, str]]:
    return [(change.name, change.reason or "") for change in plan.changes if change.action is action]


def _some(names: Sequence[str]) -> str:
    rest = f" and {len(names) - _MAX_ROWS} more" if len(names) > _MAX_ROWS else ""
    return ", ".join(map(printable, names[:_MAX_ROWS])) + rest


def _qualified(table: Table, column: str) -> str:
    return f"{table.name}.{printable(column)}"


def _row_text(table: Table) -> str:
    if table.row_count is None and (estimate := table.row_estimate) is not None:
        return f"about {estimate.rows} (estimated, {estimate.low} to {estimate.high})"
    return "unknown" if table.row_count is None else str(table.row_count)


def _without_value(error: str) -> str:
    """An error without the value that a hint does not fit: values belong into the ledger and the check that shows it."""
    before, mark, _ = error.partition(_HINT_ERROR)
    return f"{before}a hint does not fit: the check no_failed_objects shows the value" if mark else error
