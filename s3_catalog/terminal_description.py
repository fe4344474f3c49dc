"""Samples, profiles and tags for people.

In: tables with their descriptions. Out: text. On a terminal a wide sample shows what fits and says what does not, or row after row when
all of it is asked for; elsewhere nothing is left out.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from rich.console import Console
from rich.table import Table as Grid
from rich.text import Text

from s3_catalog.console import build_grid, count_text, grid_width, number_text, open_console, print_facts, shown, size_text
from s3_catalog.model.description import Basis, ColumnProfile, Description, FileProfile, Tag
from s3_catalog.model.tables import Table
from s3_catalog.model.types import type_text
from s3_catalog.reporting import described

SAMPLE_ROWS = 8
"""Rows of a sample that `show` prints beside all else."""
_CELL_WIDTH = 25
_WHOLE_CELL_WIDTH = 40
_BARS = "▁▂▃▄▅▆▇█"
_SKEWED = 1.5
"""Partitions that differ by less are even."""
_NOT_A_LABEL = re.compile(r"<(?:not shown|binary, \d+ bytes|number of \d+ bits)>")

Row = Mapping[str, Any]


def show_sample(table: Table, most: int | None = None) -> None:
    """The sample of a table, whole: as a grid where it fits, else row after row."""
    console = open_console()
    console.print(shown(table.name, "bold"))
    rows, absent = _read_rows(described(table), most), _why_no_sample(table)
    if absent is not None or not rows:
        console.print(shown(absent or "no row was asked for"))
        return
    cells = _cells(rows, described(table).tags)
    widths = _widths(cells)
    if console.is_terminal:
        widths = {name: min(width, _WHOLE_CELL_WIDTH) for name, width in widths.items()}
    if grid_width(widths.values()) <= console.width:
        console.print("", _sample_grid(cells, widths, fold=True), sep="\n")
    else:
        for number, row in enumerate(cells, 1):
            console.print("", Text(f"row {number:,}", "dim"), sep="\n")
            print_facts(console, row.items())
    _print_left_over(console, described(table), len(rows), "show --sample --rows N")


def print_sample(console: Console, table: Table, most: int) -> None:
    """Some rows of a sample, as many columns as fit."""
    absent = _why_no_sample(table)
    if absent is not None:
        console.print("", Text.assemble(("sample  ", "dim"), shown(absent)), sep="\n", soft_wrap=True)
        return
    rows = _read_rows(described(table), most)
    if not rows:
        return
    cells = _cells(rows, described(table).tags)
    widths = _widths(cells)
    if console.is_terminal:
        widths = _fitting({name: min(width, _CELL_WIDTH) for name, width in widths.items()}, console.width)
    console.print("", _sample_grid(cells, widths, fold=not console.is_terminal), sep="\n")
    if hidden := [name for name in cells[0] if name not in widths]:
        console.print(Text(f"and {number_text(len(hidden), 'more column')}, ", "dim").append(shown(", ".join(hidden), "dim")))
    _print_left_over(console, described(table), len(rows), "show --sample")


def _why_no_sample(table: Table) -> str | None:
    """Why there are no rows to show; None where there are some, or "" where nobody expects any."""
    description = table.description
    if description is not None and description.sample.rows:
        return None
    if description is not None and description.sample.withheld:
        return f"withheld: {description.sample.withheld}"
    return "not described yet: the next crawl does" if description is None else "none of its files gave rows"


def _read_rows(description: Description, most: int | None) -> list[Row]:
    """At most so many rows, evenly over the sample: its rows lie file by file."""
    rows = description.sample.rows
    if most is not None and most < len(rows):
        rows = tuple(rows[index * len(rows) // most] for index in range(most))
    return [json.loads(row) for row in rows]


def _print_left_over(console: Console, description: Description, printed: int, command: str) -> None:
    left = len(description.sample.rows) - printed
    if left > 0:
        console.print(Text(f"and {number_text(left, 'more row')} of the sample: {command}", "dim"))


def _cells(rows: Sequence[Row], tags: Iterable[Tag]) -> list[dict[str, Text]]:
    """Rows as texts, masked values dimmed, every row with every column."""
    names = list(dict.fromkeys(name for row in rows for name in row))
    masked = _masked_pattern(tags) if any("<" in str(value) for row in rows for value in row.values()) else None
    return [{name: _cell(row.get(name), masked) for name in names} for row in rows]


def _masked_pattern(tags: Iterable[Tag]) -> re.Pattern[str]:
    """What stands in place of values that are not shown: a detector's kind, or the tag that people gave a column."""
    from s3_catalog.tagging import detectors

    labels = [*(detector.label for detector in detectors().values()), *(tag.name for tag in tags if tag.column)]
    return re.compile(rf"<(?:{'|'.join(map(re.escape, labels))})>|{_NOT_A_LABEL.pattern}")


def _cell(value: object, masked: re.Pattern[str] | None) -> Text:
    if value is None:
        return Text("null", "dim italic")
    text = shown(value if isinstance(value, str) else json.dumps(value, ensure_ascii=False))
    if masked is not None:
        text.highlight_regex(masked, style="dim")
    return text


def _widths(cells: Sequence[Mapping[str, Text]]) -> dict[str, int]:
    return {name: max(shown(name).cell_len, *(row[name].cell_len for row in cells)) for name in cells[0]}


def _fitting(widths: Mapping[str, int], width: int) -> dict[str, int]:
    """The first columns that fit, one at least."""
    fitting: dict[str, int] = {}
    for name, own in widths.items():
        if fitting and grid_width([*fitting.values(), own]) > width:
            break
        fitting[name] = own
    return fitting


def _sample_grid(cells: Sequence[Mapping[str, Text]], widths: Mapping[str, int], *, fold: bool) -> Grid:
    grid = build_grid(*widths)
    for (name, width), drawn in zip(widths.items(), grid.columns, strict=True):
        drawn.header = shown(name)
        drawn.no_wrap, drawn.overflow = not fold, "fold" if fold else "ellipsis"
        drawn.max_width = width
    for row in cells:
        texts = [row[name] for name in widths]
        for text in texts:
            text.overflow = "fold" if fold else "ellipsis"
        grid.add_row(*texts)
    return grid


def tag_facts(tags: Iterable[Tag]) -> list[tuple[str, object]]:
    """Tags with their reasons; those of one column for one reason together."""
    reasons: dict[tuple[str | None, str, str, float], list[str]] = {}
    for tag in tags:
        reasons.setdefault((tag.column, tag.rule, tag.why, tag.confidence), []).append(tag.name)
    facts: list[tuple[str, object]] = []
    for (column, rule, why, confidence), names in sorted(reasons.items(), key=lambda item: item[0][0] is not None):
        on = Text.assemble(" on ", shown(column, "bold")) if column is not None else Text()
        sure = "" if confidence == 1 else f", {confidence:.2f}"
        reason = shown(f" ({rule}{sure}: {why})", "dim")
        facts.append(("tagged", Text.assemble(shown(", ".join(names), "yellow"), on, reason, overflow="fold")))
    return facts


def file_sizes(files: FileProfile) -> str:
    """How a table's bytes lie in its files."""
    sizes = f"{size_text(files.smallest)} to {size_text(files.largest)}, half of them up to {size_text(files.median)}"
    small = f"; {files.small_files:,} below {size_text(files.small_bytes)}" if files.small_files else ""
    skewed = files.partition_skew is not None and files.partition_skew >= _SKEWED
    skew = f"; the largest partition has {files.partition_skew:,.1f} times the mean" if skewed else ""
    return sizes + small + skew


def show_profile(table: Table) -> None:
    """All figures of each column, and what they come from."""
    console, description = open_console(), described(table)
    console.print(shown(table.name, "bold"))
    if description.files is not None:
        print_facts(console, [("file sizes", file_sizes(description.files))])
    types = {column.name: column for column in table.columns}
    for profile in description.columns:
        column = types.get(profile.column)
        kind = type_text(column.type) if column else ""
        console.print("", Text.assemble(shown(profile.column, "bold"), "  ", shown(kind, "cyan")), sep="\n", soft_wrap=True)
        print_facts(console, _profile_facts(profile), indent=2)
    if not description.columns:
        console.print("no column has a profile" if table.description else "not described yet: the next crawl does")


def _profile_facts(profile: ColumnProfile) -> Iterator[tuple[str, object]]:
    own, bounds = _basis_text(profile.basis, profile.rows), _basis_text(profile.bounds_basis, profile.rows)
    if profile.null_count is not None:
        yield "nulls", _with_basis(f"{profile.null_count:,}", bounds)
    if profile.min is not None and profile.max is not None:
        yield "range", _with_basis(f"{profile.min} to {profile.max}", bounds)
    if profile.distinct is not None:
        about = "about " if profile.distinct_method not in (None, "exact") else ""
        method = f"{profile.distinct_method}, " if profile.distinct_method else ""
        yield "distinct", _with_basis(f"{about}{profile.distinct:,}", method + own)
    if profile.mean is not None:
        yield "mean", _with_basis(f"{profile.mean:,.6g}", own)
    if profile.quantiles:
        yield "quantiles", _with_basis(", ".join(f"{share:.0%} {value}" for share, value in profile.quantiles), own)
    if profile.min_length is not None:
        mean = "" if profile.mean_length is None else f", mean {profile.mean_length:,.1f}"
        yield "length", _with_basis(f"{profile.min_length:,} to {count_text(profile.max_length)}{mean}", own)
    if profile.histogram:
        most = max(bar.count for bar in profile.histogram) or 1
        bars = "".join(_BARS[-(-bar.count * (len(_BARS) - 1) // most)] for bar in profile.histogram)
        yield "histogram", _with_basis(f"{bars}  {profile.histogram[0].low} to {profile.histogram[-1].high}", own)
    for value, count in profile.top_values:
        yield "frequent", Text.assemble(f"{count:>7,}  ", shown(value))


def _basis_text(basis: Basis, rows: int) -> str:
    if basis is Basis.FOOTERS:
        return "by footers or the log"
    return f"of {number_text(rows, 'sampled row')}" if basis is Basis.SAMPLE else f"of all {number_text(rows, 'row')}"


def _with_basis(figure: str, basis: str) -> Text:
    return Text.assemble(shown(figure), shown(f"  {basis}", "dim"), overflow="fold")


def profile_cells(profile: ColumnProfile | None) -> dict[str, Text]:
    """What a list of columns shows of a profile."""
    if profile is None:
        return {}
    about = "~" if profile.distinct_method not in (None, "exact") else ""
    lengths = (profile.min_length, profile.max_length)
    return {
        ">distinct": Text("" if profile.distinct is None else f"{about}{profile.distinct:,}"),
        ">mean": Text("" if profile.mean is None else f"{profile.mean:,.6g}"),
        ">length": Text("" if None in lengths else f"{lengths[0]:,}" if lengths[0] == lengths[1] else f"{lengths[0]:,}–{lengths[1]:,}"),
    }
