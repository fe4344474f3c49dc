"""One table for people: facts, tags, columns with their figures, some rows, partitions. Made for one screen; it says what more there is."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from rich.console import Console
from rich.table import Table as Grid
from rich.text import Text

from s3_catalog.console import WIDE, build_grid, count_text, grid_width, number_text, open_console, print_facts, shown, size_text, time_text
from s3_catalog.model.description import Basis, ColumnProfile
from s3_catalog.model.statistics import ColumnStatistics
from s3_catalog.model.tables import UNSTRUCTURED, Column, Table
from s3_catalog.model.types import type_text
from s3_catalog.reporting import CERTAINTY, History, column_certainty, described
from s3_catalog.terminal_description import SAMPLE_ROWS, file_sizes, print_sample, profile_cells, tag_facts

if TYPE_CHECKING:
    import pyarrow as pa

_MOST_PARTITIONS = 8
_MOST_KEYS = 3
_NO_FRACTION = re.compile(r"\.0+(?=Z?\Z)")
_CERTAINTY, _SURE = "certainty", "sure"
"""How sure a type is, with the reason; where there is little room, the figure alone."""
_HEADERS = ("column", "type", ">nulls", ">distinct", ">min", ">max", ">mean", ">length", ">size", _CERTAINTY, "")
_ROOM_NEEDED = (">mean", ">length", ">size", _CERTAINTY)
"""What a narrow terminal leaves out, in this order, until the rest fits; `--profile` has it."""
_NEVER_FOLDED = (">nulls", ">distinct", ">mean", ">length", ">size")
_LEAST_WIDTHS, _LEAST_WIDTH = {"column": 18, "type": 13}, 10
"""What a narrow terminal leaves of columns that are folded."""
_OWN_LINES = ("format", "schema_rules", "hints", "writer_schema")
"""Details of a table that are shown elsewhere, or mean nothing to people."""


def show_table(table: Table, history: History, *, rows: int = SAMPLE_ROWS) -> None:
    """All that is known of one table, on one screen; `rows` of its sample at most."""
    console = open_console()
    console.print(shown(table.name, "bold"))
    print_facts(console, _facts(table, history))
    if table.columns or table.layout.partition_columns:
        console.print("", _columns_grid(console, table), sep="\n")
        _print_basis(console, table)
    if texts := described(table).column_texts:
        console.print()
        print_facts(console, texts)
    if table.layout.format != UNSTRUCTURED and table.columns:
        print_sample(console, table, rows)
    if table.layout.partition_columns:
        console.print("", _partitions_grid(table), sep="\n")
    if len(table.partitions) > _MOST_PARTITIONS:
        console.print(Text(f"and {len(table.partitions) - _MOST_PARTITIONS:,} more partitions: show --json", "dim"))
    _print_more(console, table)


def evidence_facts(table: Table) -> list[tuple[str, object]]:
    """Why a table's files were put together."""
    evidence = table.layout.evidence
    return [("grouped by", f"{evidence.rule}: {evidence.reason}"), ("otherwise", evidence.runner_up)]


def _facts(table: Table, history: History) -> list[tuple[str, object]]:
    layout, description = table.layout, described(table)
    warnings = [*layout.warnings, *table.warnings, *description.warnings]
    details = [
        (name.replace("_", " "), value) for name, value in table.details if name not in _OWN_LINES and not name.startswith(CERTAINTY)
    ]
    objects = f"{layout.object_count:,} of {size_text(layout.size_bytes)}, the newest of {time_text(layout.newest)}"
    return [
        *(("about", line) for line in (description.text or "").splitlines() if line.strip()),
        *(("owner", owner) for owner in description.owners),
        ("location", layout.uri),
        ("format", table.format),
        *details,
        ("objects", objects),
        *([("sizes", file_sizes(description.files))] if description.files and layout.object_count > 1 else []),
        ("rows", _rows(table)),
        *tag_facts(description.tags),
        *evidence_facts(table),
        *(("hint", f"{name} {value}") for name, value in layout.options),
        *(("warning", warning) for warning in warnings),
        *(("conflict", f"{c.column}: {c.expected} and {c.found} became {c.resolved}, by {c.key}") for c in table.conflicts),
        *(("read from", key) for key in _some(table.sampled_keys)),
        *(("history", f"{time_text(when)} {change}") for when, change, _ in history),
    ]


def _columns_grid(console: Console, table: Table) -> Grid:
    """The columns with their figures, as far as any column has them and the terminal is wide enough."""
    profiles = {profile.column: profile for profile in described(table).columns}
    rows = [_column_cells(table, column, profiles.get(column.name)) for column in table.columns]
    for part in table.layout.partition_columns:
        remark = "from the path" if part.declared else "from the path, named by its shape"
        rows.append({"column": shown(part.name), "type": shown(type_text(part.type), "cyan"), "": Text(remark, "dim")})
    if console.width < WIDE:
        for row in rows:
            row[_CERTAINTY] = shown(str(row.get(_CERTAINTY, "")).partition(":")[0], "dim")
    widths = _fitting_widths(rows, console.width)
    grid = build_grid(*(_SURE if name == _CERTAINTY and console.width < WIDE else name for name in widths))
    for row in rows:
        grid.add_row(*(row.get(name, "") for name in widths))
    for name, drawn in zip(widths, grid.columns, strict=True):
        drawn.no_wrap, drawn.min_width = name in _NEVER_FOLDED, widths[name]
    return grid


def _fitting_widths(rows: Sequence[Mapping[str, Text]], width: int) -> dict[str, int]:
    """The headers that any row has something for, with the least width of each, those left out that do not fit."""
    least = {}
    for name in _HEADERS:
        longest = max((row[name].cell_len for row in rows if row.get(name)), default=0)
        if longest:
            bound = longest if name in _NEVER_FOLDED else _LEAST_WIDTHS.get(name, _LEAST_WIDTH)
            least[name] = max(min(longest, bound), len(name.removeprefix(">")) if name != _CERTAINTY else len(_SURE))
    for name in _ROOM_NEEDED:
        if grid_width(least.values()) > width:
            least.pop(name, None)
    return least


def _column_cells(table: Table, column: Column, profile: ColumnProfile | None) -> dict[str, Text]:
    figures = column.statistics or ColumnStatistics()
    source = f"{column.source_type} in the file" if column.source_type else ""
    remarks = ", ".join(filter(None, ("" if column.nullable else "not null", source)))
    return {
        "column": shown(column.name),
        "type": shown(type_text(column.type), "cyan"),
        ">nulls": _nulls(figures, profile),
        **_bounds(column, figures, profile),
        **profile_cells(profile),
        ">size": Text("" if figures.size_bytes is None else size_text(figures.size_bytes)),
        _CERTAINTY: shown(column_certainty(table, column) or "", "dim"),
        "": shown(remarks, "dim"),
    }


def _nulls(figures: ColumnStatistics, profile: ColumnProfile | None) -> Text:
    """The number of nulls, of a sample their share."""
    if profile is not None and profile.bounds_basis is not Basis.SAMPLE and profile.null_count is not None:
        return Text(f"{profile.null_count:,}")
    if figures.null_count is not None or profile is None or profile.null_count is None:
        return Text(count_text(figures.null_count))
    return Text(f"{100 * profile.null_count / profile.rows:.2g}%" if profile.rows else "", "dim")


def _bounds(column: Column, figures: ColumnStatistics, profile: ColumnProfile | None) -> dict[str, Text]:
    """What all values lie between, else what those of a sample do (dim)."""
    low: str | None
    high: str | None
    if profile is not None and (profile.bounds_basis is not Basis.SAMPLE or figures.min is None) and profile.min is not None:
        low, high, style = profile.min, profile.max, "dim" if profile.bounds_basis is Basis.SAMPLE else ""
    else:
        around = ("", "") if figures.exact else ("≥ ", "≤ ")  # bounds that no value need reach
        low, high = (None if value is None else mark + value for mark, value in zip(around, (figures.min, figures.max), strict=True))
        style = ""
    texts = ("" if value is None else _without_zeros(value, column.type) for value in (low, high))
    return {name: shown(text, style) for name, text in zip((">min", ">max"), texts, strict=True)}


def _print_basis(console: Console, table: Table) -> None:
    """Say which figures are not of all rows."""
    if any(column.statistics and not column.statistics.complete for column in table.columns):
        files = f"{number_text(len(table.sampled_keys), 'file')} of {table.layout.object_count:,}"
        console.print(Text(f"figures are of {files}", "dim"))
    sampled = {profile.rows for profile in described(table).columns if profile.basis is Basis.SAMPLE}
    if sampled:
        what = "figures that no footer or log tells are" if _is_told(table) else "figures are"
        console.print(Text(f"{what} of {number_text(max(sampled), 'sampled row')}", "dim"))


def _is_told(table: Table) -> bool:
    return any(profile.bounds_basis is Basis.FOOTERS for profile in described(table).columns)


def _print_more(console: Console, table: Table) -> None:
    more = [
        *(["--profile for quantiles and frequent values"] if described(table).columns else []),
        *(["--sample for all of it"] if described(table).sample.rows else []),
        *(["--blame for where columns come from"] if any(column.blame for column in table.columns) else []),
    ]
    if more:
        console.print("", Text(f"more: {', '.join(more)}", "dim"), sep="\n", soft_wrap=not console.is_terminal)


def _without_zeros(text: str, arrow_type: pa.DataType) -> str:
    """A time of whole seconds without their fraction; all else as it is."""
    return _NO_FRACTION.sub("", text) if type_text(arrow_type).startswith("time") else text


def _rows(table: Table) -> str:
    """The row count, or the estimate with its range."""
    if table.row_count is None and (estimate := table.row_estimate) is not None:
        return f"about {estimate.rows:,} (estimated, {estimate.low:,} to {estimate.high:,})"
    return count_text(table.row_count) or "not counted"


def _partitions_grid(table: Table) -> Grid:
    names = [column.name for column in table.layout.partition_columns]
    counted = any(partition.row_count is not None for partition in table.partitions[:_MOST_PARTITIONS])
    grid = build_grid(*names, *([">rows"] if counted else []), ">objects", ">size", "newest")
    for partition in table.partitions[:_MOST_PARTITIONS]:
        values = [Text("null", "dim") if value is None else shown(value) for value in partition.values]
        values += [Text(count_text(partition.row_count))] if counted else []
        grid.add_row(*values, f"{partition.object_count:,}", size_text(partition.size_bytes), time_text(partition.newest))
    return grid


def _some(keys: Sequence[str]) -> list[str]:
    """The first keys, and how many follow."""
    left = len(keys) - _MOST_KEYS
    return [*keys[:_MOST_KEYS], *([f"and {left:,} more"] if left > 0 else [])]
