"""What a scan found, for people: kinds, shares and evidence, never a value."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.console import Console
from rich.text import Text

from s3_catalog.console import build_grid, number_text, open_console, shown

if TYPE_CHECKING:
    from s3_catalog.scanning import ScannedTable, ScanReport


def show_scan(report: ScanReport) -> None:
    """Per table and column what was found, how much of it, why, and whether a tag of the catalog covers it; then the sums."""
    console = open_console()
    holding = [scanned for scanned in report.tables if scanned.findings.detections.found]
    for scanned in holding:
        _print_table(console, scanned)
    found = sum(len(scanned.findings.detections.found) for scanned in holding)
    uncovered = sum(len(scanned.uncovered) for scanned in holding)
    rows = sum(scanned.findings.rows for scanned in report.tables)
    looked = f"{number_text(len(report.tables), 'table')}, {number_text(rows, 'row')} looked at"
    if not holding:
        console.print(f"no personal data found; {looked}")
        return
    tagged = "all covered by tags" if not uncovered else f"{uncovered:,} not covered by a tag of the catalog"
    console.print(Text(f"{number_text(found, 'find')} in {number_text(len(holding), 'table')}, {tagged}; {looked}"), soft_wrap=True)


def _print_table(console: Console, scanned: ScannedTable) -> None:
    console.print(shown(scanned.findings.table.name, "bold"))
    grid = build_grid("column", "holds", ">share", ">sure", "tag", "evidence")
    grid.columns[-1].no_wrap = False
    for name in ("column", "evidence"):
        drawn = grid.columns[0 if name == "column" else -1]
        drawn.overflow, drawn.min_width = "fold", 16
    for found in scanned.findings.detections.found:
        covered = Text("yes", "dim") if found not in scanned.uncovered else Text("missing", "yellow")
        kind = f"{found.label}, inside" if found.inside else found.label
        grid.add_row(
            shown(found.column), shown(kind), f"{found.share:.0%}", f"{found.confidence:.2f}", covered, shown(found.evidence, "dim")
        )
    console.print(grid, "", sep="\n")
