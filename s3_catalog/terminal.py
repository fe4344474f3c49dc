"""What people read: tables, ledgers, explanations, on a rich console.

In: reports, tables and ledger rows. Out: text. Keys and names come from strangers, so they are escaped (`printable`) and never read as
markup. Where output is no terminal nothing is cut short or wrapped.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.filesize import decimal
from rich.table import Table as Grid
from rich.text import Text

from s3_catalog.catalogs import Action
from s3_catalog.model.blame import FileRef
from s3_catalog.model.statistics import ColumnStatistics
from s3_catalog.model.tables import Column, Table, TableLayout
from s3_catalog.model.types import type_text
from s3_catalog.reporting import CERTAINTY, History, actions_by_name, column_certainty, published_tables
from s3_catalog.storage import parse_location, printable

if TYPE_CHECKING:
    import pyarrow as pa

    from s3_catalog.catalogs import RunRecord
    from s3_catalog.explaining import Explanation
    from s3_catalog.pipeline import CrawlReport

_MOST_TABLES = 60
_MOST_FAILURES = 10
_MOST_PARTITIONS = 12
_MOST_KEYS = 3
_UNLIMITED = 100_000
_ACTIONS = {
    Action.CREATE: ("new", "green"),
    Action.UPDATE: ("changed", "yellow"),
    Action.RESTORE: ("back", "green"),
    Action.UNCHANGED: ("", "dim"),
}
_CHANGES = {
    Action.CREATE: "new",
    Action.UPDATE: "changed",
    Action.RESTORE: "back",
    Action.RETIRE: "retired",
    Action.UNCHANGED: "unchanged",
}
_NO_FRACTION = re.compile(r"\.0+(?=Z?\Z)")
_NEVER_FOLDED = (">nulls", ">size")
_LEAST_WIDTHS, _LEAST_WIDTH = {"column": 18, "type": 13}, 10
"""What a narrow terminal leaves of columns that are folded."""
_WIDE = 100
"""From this width on a list of tables has room for what people can do without."""
_OWN_LINES = ("format", "schema_rules", "hints", "writer_schema")
"""Details of a table that are shown elsewhere, or mean nothing to people."""


def open_console(*, stderr: bool = False) -> Console:
    """A console as wide as the terminal; where there is none, as wide as the text."""
    console = Console(stderr=stderr, highlight=False, markup=False, emoji=False)
    if not console.is_terminal:
        console.width = _UNLIMITED
    return console


def shown(text: object, style: str = "") -> Text:
    """Foreign text, harmless: control characters escaped, brackets taken as they are."""
    return Text(printable(str(text)), style, overflow="fold")


def show_crawl(report: CrawlReport) -> None:
    """The tables of a crawl with what happened to them, then its ledger, changes and costs."""
    console = open_console()
    tables, actions = published_tables(report), actions_by_name(report)
    if tables:
        console.print(_tables_grid(console, tables[:_MOST_TABLES], actions), "", sep="\n")
    if len(tables) > _MOST_TABLES:
        console.print(Text(f"and {len(tables) - _MOST_TABLES:,} more tables: s3-catalog tables\n", "dim"))
    _print_facts(console, _crawl_facts(report))
    failed = report.summary.failed
    for key, error in failed[:_MOST_FAILURES]:
        console.print(Text.assemble(("  failed ", "red"), shown(key), (f": {printable(error)}", "dim")), soft_wrap=True)
    if len(failed) > _MOST_FAILURES:
        console.print(Text(f"  and {len(failed) - _MOST_FAILURES:,} more: s3-catalog objects --failed", "dim"))


def show_tables(tables: Sequence[Table]) -> None:
    """The tables of a catalog."""
    console = open_console()
    console.print(_tables_grid(console, tables) if tables else "no tables: `s3-catalog crawl` finds some")


def show_table(table: Table, history: History) -> None:
    """All that is known of one table."""
    console, layout = open_console(), table.layout
    console.print(shown(table.name, "bold"))
    details = [
        (name.replace("_", " "), value) for name, value in table.details if name not in _OWN_LINES and not name.startswith(CERTAINTY)
    ]
    _print_facts(
        console,
        [
            ("location", layout.uri),
            ("format", table.format),
            *details,
            ("objects", f"{layout.object_count:,} of {_size(layout.size_bytes)}, the newest of {_time(layout.newest)}"),
            ("rows", _rows(table)),
            *_evidence_facts(table),
            *(("hint", f"{name} {value}") for name, value in layout.options),
            *(("warning", warning) for warning in [*layout.warnings, *table.warnings]),
            *(("conflict", f"{c.column}: {c.expected} and {c.found} became {c.resolved}, by {c.key}") for c in table.conflicts),
            *(("read from", key) for key in _some(table.sampled_keys)),
            *(("history", f"{_time(when)} {change}") for when, change, _ in history),
        ],
    )
    if table.columns or layout.partition_columns:
        console.print("", _columns_grid(table), sep="\n")
        if any(column.statistics and not column.statistics.complete for column in table.columns):
            console.print(Text(f"figures are of {_number(len(table.sampled_keys), 'file')} of {layout.object_count:,}", "dim"))
    if table.layout.partition_columns:
        console.print("", _partitions_grid(table), sep="\n")
    if len(table.partitions) > _MOST_PARTITIONS:
        console.print(Text(f"and {len(table.partitions) - _MOST_PARTITIONS:,} more partitions: show --json", "dim"))


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
        facts.append(("object", f"{_size(row['size'])}, last modified {_time(row['last_modified'])}"))
    if table is not None:
        facts.append(("table", f"{table.format}, {_number(table.layout.object_count, 'object')} at {table.layout.uri}"))
        facts += [*_evidence_facts(table), *(("warning", warning) for warning in table.layout.warnings)]
        facts.append(("not so?", "a path under `tables:` in the configuration pins another verdict"))
    console.print(shown(explanation.subject, "bold"))
    _print_facts(console, facts)


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
    grid = _grid("started", "location", "status", ">listed", ">in tables", ">failed", ">seconds")
    for run in runs:
        counts = run.counts
        numbers = [f"{counts[name]:,}" if name in counts else "" for name in ("listed", "in_tables", "failed")]
        seconds = run.receipt.get("seconds")
        grid.add_row(
            _time(run.started),
            shown(run.store_url + parse_location(run.location).prefix),
            str(run.status),
            *numbers,
            "" if seconds is None else f"{seconds:,.1f}",
        )
    open_console().print(grid if runs else "no crawls yet")


def _tables_grid(console: Console, tables: Sequence[Table], actions: Mapping[str, Action] | None = None) -> Grid:
    is_wide = console.width >= _WIDE
    headers = ["table", "format", *(["partitioned by"] if is_wide else []), ">cols", ">rows", ">objects", ">size"]
    grid = _grid(*headers, *([""] if actions else []))
    for table in tables:
        layout = table.layout
        row = [shown(table.name, "bold"), shown(table.format)]
        row += [shown(", ".join(column.name for column in layout.partition_columns))] if is_wide else []
        counts = [f"{len(table.columns):,}", _short_rows(table), f"{layout.object_count:,}", _size(layout.size_bytes)]
        row += [Text(count) for count in counts]
        row += [Text(*_ACTIONS[actions[table.name]])] if actions else []
        grid.add_row(*row)
    return grid


def _crawl_facts(report: CrawlReport) -> list[tuple[str, object]]:
    summary, receipt, plan = report.summary, report.run.receipt, report.plan
    changes = [f"{plan.count(action):,} {word}" for action, word in _CHANGES.items() if plan.count(action)]
    skipped = [f"{count:,} {reason}" for reason, count in sorted(summary.skipped.items(), key=lambda item: (-item[1], item[0]))]
    reads = _number(int(receipt["get_requests"]), "read")
    lists = _number(int(receipt["list_requests"]), "list request")
    fates = f"{summary.in_tables:,} in tables, {sum(summary.skipped.values()):,} skipped, {len(summary.failed):,} failed"
    return [
        ("tables", ", ".join(changes) or "none"),
        ("objects", f"{summary.listed:,} listed: {fates}"),
        *([("skipped", ", ".join(skipped))] if skipped else []),
        ("receipt", f"{lists}, {reads} of {_size(int(receipt['bytes_read']))}, {receipt['seconds']:,.1f} s"),
    ]


def _evidence_facts(table: Table) -> list[tuple[str, object]]:
    evidence = table.layout.evidence
    return [("grouped by", f"{evidence.rule}: {evidence.reason}"), ("otherwise", evidence.runner_up)]


def _columns_grid(table: Table) -> Grid:
    """The columns with their figures, as far as any column has them."""
    rows = [_column_cells(table, column) for column in table.columns]
    for part in table.layout.partition_columns:
        remark = "from the path" if part.declared else "from the path, named by its shape"
        rows.append({"column": shown(part.name), "type": shown(type_text(part.type), "cyan"), "": Text(remark, "dim")})
    headers = [
        name for name in ("column", "type", ">nulls", ">min", ">max", ">size", "certainty", "") if any(row.get(name) for row in rows)
    ]
    grid = _grid(*headers)
    for row in rows:
        grid.add_row(*(row.get(name, "") for name in headers))
    for name, drawn in zip(headers, grid.columns, strict=True):
        drawn.no_wrap = name in _NEVER_FOLDED
        longest = max((row[name].cell_len for row in rows if row.get(name)), default=0)
        drawn.min_width = min(longest, _LEAST_WIDTHS.get(name, _LEAST_WIDTH))
    return grid


def _column_cells(table: Table, column: Column) -> dict[str, Text]:
    figures = column.statistics or ColumnStatistics()
    source = f"{column.source_type} in the file" if column.source_type else ""
    remarks = ", ".join(remark for remark in ("" if column.nullable else "not null", source) if remark)
    low, high = ("", "") if figures.exact else ("≥ ", "≤ ")  # bounds that no value need reach
    return {
        "column": shown(column.name),
        "type": shown(type_text(column.type), "cyan"),
        ">nulls": Text(_count(figures.null_count)),
        ">min": shown("" if figures.min is None else low + _without_zeros(figures.min, column.type)),
        ">max": shown("" if figures.max is None else high + _without_zeros(figures.max, column.type)),
        ">size": Text("" if figures.size_bytes is None else _size(figures.size_bytes)),
        "certainty": shown(column_certainty(table, column) or "", "dim"),
        "": shown(remarks, "dim"),
    }


def _without_zeros(text: str, arrow_type: pa.DataType) -> str:
    """A time of whole seconds without their fraction; all else as it is."""
    return _NO_FRACTION.sub("", text) if type_text(arrow_type).startswith("time") else text


def _file_text(file: FileRef, layout: TableLayout) -> Text:
    """A file by its key below the table's location, and its partition."""
    folder = layout.location.partition("*")[0]
    names = [column.name for column in layout.partition_columns]
    pairs = [f"{name}={'null' if value is None else value}" for name, value in zip(names, file.partition, strict=False)]
    key = file.key.removeprefix(folder[: folder.rfind("/") + 1])
    return Text.assemble(shown(key), shown(f" ({', '.join(pairs)})" if pairs else "", "dim"))


def _exactness(exact: bool) -> str:
    return ", exact" if exact else ", between files read"


def _rows(table: Table) -> str:
    """The row count, or the estimate with its range."""
    if table.row_count is None and (estimate := table.row_estimate) is not None:
        return f"about {estimate.rows:,} (estimated, {estimate.low:,} to {estimate.high:,})"
    return _count(table.row_count) or "not counted"


def _partitions_grid(table: Table) -> Grid:
    names = [column.name for column in table.layout.partition_columns]
    grid = _grid(*names, ">objects", ">size", "newest")
    for partition in table.partitions[:_MOST_PARTITIONS]:
        values = [Text("null", "dim") if value is None else shown(value) for value in partition.values]
        grid.add_row(*values, f"{partition.object_count:,}", _size(partition.size_bytes), _time(partition.newest))
    return grid


def _object_line(row: Mapping[str, Any]) -> Text:
    if row["table"] is not None:
        fate = shown(row["table"], "green")
    elif row["skipped"] is not None:
        fate = shown(row["skipped"], "dim")
    else:
        fate = shown(row["error"], "red")
    return Text.assemble((f"{_size(row['size']):>9}  ", "dim"), shown(row["key"]), "  ", fate)


def _grid(*headers: str) -> Grid:
    """A grid whose numbers (`>name`) stand to the right."""
    grid = Grid(box=SIMPLE_HEAD, padding=(0, 1, 0, 0), pad_edge=False, header_style="dim", show_edge=False)
    for number, header in enumerate(headers):
        right = header.startswith(">")
        grid.add_column(shown(header.removeprefix(">")), justify="right" if right else "left", no_wrap=number > 0)
    return grid


def _print_facts(console: Console, facts: Iterable[tuple[str, object]]) -> None:
    """Names and values; a name that repeats is written once. Off a terminal, without the spaces that fill a grid."""
    rows = [(printable(name), shown(value)) for name, value in facts]
    names = [name if number == 0 or name != rows[number - 1][0] else "" for number, (name, _) in enumerate(rows)]
    if not console.is_terminal:
        width = max(map(len, names))
        for name, (_, value) in zip(names, rows, strict=True):
            console.print(Text.assemble(f"{name:<{width}}  ", value), soft_wrap=True)
        return
    grid = Grid.grid(padding=(0, 2, 0, 0))
    grid.add_column(style="dim", no_wrap=True)
    grid.add_column(overflow="fold")
    for name, (_, value) in zip(names, rows, strict=True):
        grid.add_row(Text(name), value)
    console.print(grid)


def _size(nbytes: int) -> str:
    return decimal(nbytes).replace(" bytes", " B").replace(" byte", " B")


def _number(count: int, noun: str) -> str:
    return f"{count:,} {noun}" + ("" if count == 1 else "s")


def _some(keys: Sequence[str]) -> list[str]:
    """The first keys, and how many follow."""
    left = len(keys) - _MOST_KEYS
    return [*keys[:_MOST_KEYS], *([f"and {left:,} more"] if left > 0 else [])]


def _count(rows: int | None) -> str:
    return "" if rows is None else f"{rows:,}"


def _short_rows(table: Table) -> str:
    estimate = table.row_estimate
    return f"~{estimate.rows:,}" if table.row_count is None and estimate is not None else _count(table.row_count)


def _time(when: datetime | None) -> str:
    return "unknown" if when is None else f"{when:%Y-%m-%d %H:%M}"
