"""What people read of plans: a coloured diff per catalog, what was done, and where catalogs differ."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from rich.console import Console
from rich.text import Text

from s3_catalog.catalogs import Action, Outcome, Plan, PlannedChange
from s3_catalog.catalogs._authority import FieldChange
from s3_catalog.comparing import Comparison, Standing
from s3_catalog.console import build_grid, number_text, open_console, shown
from s3_catalog.model.tables import Table
from s3_catalog.model.types import type_text

if TYPE_CHECKING:
    from s3_catalog.planning import Plans
    from s3_catalog.targets import TargetReport

_MARKS = {
    Action.CREATE: ("+", "green"),
    Action.RESTORE: ("+", "green"),
    Action.UPDATE: ("~", "yellow"),
    Action.RETIRE: ("-", "red"),
    Action.REMOVE: ("-", "red"),
    Action.CONFLICT: ("!", "red"),
    Action.SKIP: (".", "dim"),
    Action.UNCHANGED: ("=", "dim"),
}
_DONE = {
    Action.CREATE: "new",
    Action.UPDATE: "changed",
    Action.RESTORE: "back",
    Action.RETIRE: "retired",
    Action.REMOVE: "removed",
    Action.UNCHANGED: "unchanged",
    Action.SKIP: "skipped",
}
_STYLES = {Standing.SAME: "dim", Standing.BY_HAND: "cyan", Standing.UNFIT: "dim", Standing.DIFFERS: "yellow"}
_MOST_COLUMNS = 12
_MOST_LENGTH = 160


def show_plans(plans: Plans) -> None:
    """Every plan as a diff; a catalog that could not be planned is named where errors are."""
    console = open_console()
    for name, plan in plans.named():
        show_plan(name, plan, console=console)


def show_plan(name: str, plan: Plan, *, console: Console | None = None) -> None:
    """One plan as a diff: a line per table that changes, below it what changes of it, from what to what."""
    console = console or open_console()
    console.print(Text.assemble(shown(name, "bold"), f"  {counts_text(plan)}"), soft_wrap=True)
    for change in sorted(plan.changes, key=lambda change: change.name):
        if change.action is not Action.UNCHANGED or change.kept:
            _show_change(console, change)
    if plan.withheld:
        gone = ", ".join(plan.withheld[:_MOST_COLUMNS]) + (", ..." if len(plan.withheld) > _MOST_COLUMNS else "")
        console.print(Text.assemble("  stays although gone: ", shown(gone, "yellow")), soft_wrap=True)


def counts_text(plan: Plan, outcome: Outcome | None = None) -> str:
    """How many tables a plan creates, changes and so on, or how many an outcome did."""
    counts = outcome.counts if outcome else {action: plan.count(action) for action in Action}
    words = _DONE if outcome else {action: str(action) for action in _MARKS}
    told = [f"{counts[action]:,} {word}" for action, word in words.items() if counts.get(action)]
    return ", ".join(told) or "none"


def show_reports(reports: Iterable[TargetReport]) -> None:
    """What each catalog got, a line each; what failed is told where errors are."""
    console = open_console()
    for report in reports:
        console.print(Text.assemble(shown(report.name, "bold"), "  ", _report_text(report)), soft_wrap=True)


def report_text(report: TargetReport) -> str:
    """What one catalog got, on one line."""
    return str(_report_text(report))


def _report_text(report: TargetReport) -> Text:
    if report.error is not None or report.plan is None:
        return Text("not published", "red")
    failed = len(report.outcome.failed) if report.outcome else 0
    kept = sum(len(change.kept) for change in report.plan.changes)
    return Text.assemble(
        counts_text(report.plan, report.outcome),
        (f", {number_text(kept, 'field')} left as people wrote them" if kept else "", "cyan"),
        (f", {failed:,} failed" if failed else "", "red"),
    )


def show_comparison(comparison: Comparison) -> None:
    """A line per table that is not the same everywhere, a column per catalog; below it which fields differ."""
    console = open_console()
    names = list(comparison.catalogs)
    grid = build_grid("table", *names)
    differing = [name for name in comparison.tables() if any(_of(comparison, c, name) is not Standing.SAME for c in names)]
    for table in differing:
        states = [comparison.catalogs[name].get(table) for name in names]
        told = [Text("") if one is None else Text(str(one.standing), _STYLES.get(one.standing, "red")) for one in states]
        grid.add_row(shown(table, "bold"), *told)
    if differing:
        console.print(grid, "", sep="\n")
        for table in differing:
            _show_differences(console, comparison, table)
    same = len(comparison.tables()) - len(differing)
    console.print(f"{number_text(same, 'table')} the same in {' and '.join(['the embedded catalog', *names])}", soft_wrap=True)


def _of(comparison: Comparison, catalog: str, table: str) -> Standing | None:
    found = comparison.catalogs[catalog].get(table)
    return found.standing if found else None


def _show_differences(console: Console, comparison: Comparison, table: str) -> None:
    for catalog, tables in comparison.catalogs.items():
        one = tables.get(table)
        if one is None or not (one.fields or one.by_hand or one.reason):
            continue
        console.print(Text.assemble(shown(table, "bold"), " in ", shown(catalog, "bold"), shown(f": {one.reason}" if one.reason else "")))
        _show_fields(console, one.fields)
        _show_kept(console, one.by_hand)


def _show_change(console: Console, change: PlannedChange) -> None:
    mark, style = _MARKS[change.action]
    reason = f": {change.reason}" if change.reason else ""
    line = Text.assemble((f"  {mark} ", style), (f"{change.action} ", style), shown(change.name, "bold"), shown(reason))
    console.print(line, soft_wrap=True)
    if change.action is Action.CREATE and change.table is not None and change.table.columns:
        console.print(Text.assemble("      ", shown(_columns_text(change.table), "dim")), soft_wrap=True)
    _show_fields(console, change.fields)
    _show_kept(console, change.kept)


def _show_fields(console: Console, fields: Sequence[FieldChange]) -> None:
    for field, before, after in fields:
        parts: list[Text | str] = ["      ", shown(field), ": "]
        if before is not None:
            parts += [shown(_cut(before), "red"), " -> " if after is not None else " is dropped"]
        parts += [] if after is None else [shown(_cut(after), "green")]
        console.print(Text.assemble(*parts), soft_wrap=True)


def _show_kept(console: Console, kept: Sequence[FieldChange]) -> None:
    for field, theirs, _ in kept:
        what = "deleted by hand" if theirs is None else f"written by hand: {_cut(theirs)}"
        console.print(Text.assemble("      ", shown(field), ": ", shown(what, "cyan"), " (stays)"), soft_wrap=True)


def _columns_text(table: Table) -> str:
    columns = [(column.name, column.type) for column in table.layout.partition_columns]
    columns += [(column.name, column.type) for column in table.columns]
    told = [f"{name} {type_text(arrow_type)}" for name, arrow_type in columns[:_MOST_COLUMNS]]
    left = len(columns) - len(told)
    return ", ".join([*told, *([f"and {left:,} more columns"] if left else [])])


def _cut(text: str) -> str:
    return text if len(text) <= _MOST_LENGTH else f"{text[:_MOST_LENGTH]}... ({len(text):,} characters)"
