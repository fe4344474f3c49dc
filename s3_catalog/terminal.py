"""What people read: lists of tables and runs, ledgers, explanations, on a rich console.

In: reports, tables and ledger rows. Out: text. One table is `terminal_table`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.table import Table as Grid
from rich.text import Text

from s3_catalog.catalogs import Action
from s3_catalog.console import WIDE, build_grid, count_text, number_text, open_console, print_facts, shown, size_text, time_text
from s3_catalog.model.blame import FileRef
from s3_catalog.model.tables import Table, TableLayout
from s3_catalog.model.types import type_text
from s3_catalog.reporting import actions_by_name, personal_tags, published_tables
from s3_catalog.storage import parse_location, printable
from s3_catalog.terminal_plan import counts_text, report_text
from s3_catalog.terminal_table import evidence_facts

if TYPE_CHECKING:
    import pyarrow as pa

    from s3_catalog.catalogs import RunRecord
    from s3_catalog.explaining import Explanation
    from s3_catalog.pipeline import CrawlReport

_MOST_TABLES = 60
_MOST_FAILURES = 10
_MOST_KINDS = 3
"""Kinds of personal data that a list of tables names."""
_ACTIONS = {
    Action.CREATE: ("new", "green"),
    Action.UPDATE: ("changed", "yellow"),
    Action.RESTORE: ("back", "green"),
    Action.UNCHANGED: ("", "dim"),
}


def show_crawl(report: CrawlReport) -> None:
    """The tables of a crawl with what happened to them, then its ledger, changes and costs."""
    console = open_console()
    tables, actions = published_tables(report), actions_by_name(report)
    if tables:
        console.print(_tables_grid(console, tables[:_MOST_TABLES], actions), "", sep="\n")
    if len(tables) > _MOST_TABLES:
        console.print(Text(f"and {len(tables) - _MOST_TABLES:,} more tables: s3-catalog tables\n", "dim"))
    print_facts(console, _crawl_facts(report))
    failed = report.summary.failed
    for key, error in failed[:_MOST_FAILURES]:
        console.print(Text.assemble(("  failed ", "red"), shown(key), (f": {printable(error)}", "dim")), soft_wrap=True)
    if len(failed) > _MOST_FAILURES:
        console.print(Text(f"  and {len(failed) - _MOST_FAILURES:,} more: s3-catalog objects --failed", "dim"))


def show_tables(tables: Sequence[Table]) -> None:
    """The tables of a catalog."""
    console = open_console()
    console.print(_tables_grid(console, tables) if tables else "no tables: `s3-catalog crawl` finds some")


def show_blame(table: Table) -> None:
    """For each column the files between which it stands, and those that changed its type; keys are below the table's location."""
    console, layout = open_console(), table.layout
    console.print(Text.assemble(shown(table.name, "bold"), "  ", shown(layout.uri)), soft_wrap=True)
    known = [(column, column.blame) for column in table.columns if column.blame is not None]
    for column, blame in known:
        console.print("", Text.assemble(shown(column.name, "bold"), "  ", shown(type_text(column.type), "cyan")), sep="\n", soft_wrap=True)
        how = _exactness(blame.exact)
        lines = [
            ("added in", "green", blame.first, how) if blame.added else ("first in", "dim", blame.first, ""),
            *(("changed in", "yellow", c.file, f": {c.before} to {c.after}{_exactness(c.exact)}") for c in blame.changes),
            ("dropped after", "red", blame.last, how) if blame.dropped else ("last in", "dim", blame.last, ""),
        ]
        for label, style, file, rest in lines:
            console.print(Text.assemble((f"  {label:<13}  ", style), _file_text(file, layout), shown(rest)), soft_wrap=True)
    if not known:
        console.print("where its columns come from is not known")


def show_explanation(explanation: Explanation) -> None:
    """Why an object is in its table, or in none; or why a table is one."""
    console, table, row = open_console(), explanation.table, explanation.row
    facts: list[tuple[str, object]] = [("is", explanation.verdict)]
    if explanation.meaning:
        facts.append(("because", explanation.meaning))
    if row is not None:
        facts.append(("object", f"{size_text(row['size'])}, last modified {time_text(row['last_modified'])}"))
    if table is not None:
        facts.append(("table", f"{table.format}, {number_text(table.layout.object_count, 'object')} at {table.layout.uri}"))
        facts += [*evidence_facts(table), *(("warning", warning) for warning in table.layout.warnings)]
        facts.append(("not so?", "a path under `tables:` in the configuration pins another verdict"))
    console.print(shown(explanation.subject, "bold"))
    print_facts(console, facts)


def show_objects(ledgers: Iterable[pa.Table]) -> None:
    """A ledger, one line per object: size, key, and its table or the reason why it is in none. Off a terminal, separated by tabs."""
    console = open_console()
    for ledger in ledgers:
        for batch in ledger.select(["key", "size", "table", "skipped", "error"]).to_batches(max_chunksize=4096):
            for row in batch.to_pylist():
                if console.is_terminal:
                    console.print(_object_line(row), soft_wrap=True)
                else:
                    fate = row["table"] or row["skipped"] or row["error"] or ""
                    state = next((name for name in ("table", "skipped", "error") if row[name] is not None), "")
                    console.file.write(f"{row['size']}\t{printable(row['key'])}\t{state}\t{printable(fate)}\n")


def show_runs(runs: Sequence[RunRecord]) -> None:
    """The last crawls, newest first."""
    grid = build_grid("started", "location", "status", ">listed", ">in tables", ">failed", ">seconds")
    for run in runs:
        counts = run.counts
        numbers = [f"{counts[name]:,}" if name in counts else "" for name in ("listed", "in_tables", "failed")]
        seconds = run.receipt.get("seconds")
        grid.add_row(
            time_text(run.started),
            shown(run.store_url + parse_location(run.location).prefix),
            str(run.status),
            *numbers,
            "" if seconds is None else f"{seconds:,.1f}",
        )
    open_console().print(grid if runs else "no crawls yet")


def _tables_grid(console: Console, tables: Sequence[Table], actions: Mapping[str, Action] | None = None) -> Grid:
    is_wide = console.width >= WIDE
    marks = [_personal_mark(table, short=not is_wide, whole=not console.is_terminal) for table in tables]
    headers = ["table", "format", *(["partitioned by"] if is_wide else []), ">cols", ">rows", ">objects", ">size"]
    headers += ["personal data" if is_wide else ""] if any(marks) else []
    grid = build_grid(*headers, *([""] if actions else []))
    for table, mark in zip(tables, marks, strict=True):
        layout = table.layout
        row = [shown(table.name, "bold"), shown(table.format)]
        row += [shown(", ".join(column.name for column in layout.partition_columns))] if is_wide else []
        counts = [f"{len(table.columns):,}", _short_rows(table), f"{layout.object_count:,}", size_text(layout.size_bytes)]
        row += [Text(count) for count in counts]
        row += [shown(mark, "yellow")] if any(marks) else []
        row += [Text(*_ACTIONS[actions[table.name]])] if actions else []
        grid.add_row(*row)
    return grid


def _personal_mark(table: Table, *, short: bool, whole: bool) -> str:
    """Which personal data a table holds, in a few words."""
    kinds = personal_tags(table)
    if short:
        return "PII" if kinds else ""
    left = 0 if whole else len(kinds) - _MOST_KINDS
    return ", ".join([*kinds[: len(kinds) if whole else _MOST_KINDS], *([f"+{left}"] if left > 0 else [])])


def _crawl_facts(report: CrawlReport) -> list[tuple[str, object]]:
    summary, receipt, plan = report.summary, report.run.receipt, report.plan
    skipped = [f"{count:,} {reason}" for reason, count in sorted(summary.skipped.items(), key=lambda item: (-item[1], item[0]))]
    reads = number_text(int(receipt["get_requests"]), "read")
    lists = number_text(int(receipt["list_requests"]), "list request")
    personal = [table for table in published_tables(report) if personal_tags(table)]
    fates = f"{summary.in_tables:,} in tables, {sum(summary.skipped.values()):,} skipped, {len(summary.failed):,} failed"
    return [
        ("tables", counts_text(plan, report.outcome)),
        ("objects", f"{summary.listed:,} listed: {fates}"),
        *([("skipped", ", ".join(skipped))] if skipped else []),
        *([("personal", f"{number_text(len(personal), 'table')} with personal data")] if personal else []),
        *((target.name, report_text(target)) for target in report.targets),
        ("receipt", f"{lists}, {reads} of {size_text(int(receipt['bytes_read']))}, {receipt['seconds']:,.1f} s"),
    ]


def _file_text(file: FileRef, layout: TableLayout) -> Text:
    """A file by its key below the table's location, and its partition."""
    folder = layout.location.partition("*")[0]
    names = [column.name for column in layout.partition_columns]
    pairs = [f"{name}={'null' if value is None else value}" for name, value in zip(names, file.partition, strict=False)]
    key = file.key.removeprefix(folder[: folder.rfind("/") + 1])
    return Text.assemble(shown(key), shown(f" ({', '.join(pairs)})" if pairs else "", "dim"))


def _exactness(exact: bool) -> str:
    return ", exact" if exact else ", between files read"


def _object_line(row: Mapping[str, Any]) -> Text:
    if row["table"] is not None:
        fate = shown(row["table"], "green")
    elif row["skipped"] is not None:
        fate = shown(row["skipped"], "dim")
    else:
        fate = shown(row["error"], "red")
    return Text.assemble((f"{size_text(row['size']):>9}  ", "dim"), shown(row["key"]), "  ", fate)


def _short_rows(table: Table) -> str:
    estimate = table.row_estimate
    return f"~{estimate.rows:,}" if table.row_count is None and estimate is not None else count_text(table.row_count)
