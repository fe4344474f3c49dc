"""What people and programs read of `doctor`: a line per check, coloured by how it went, below it what to do."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from rich.padding import Padding
from rich.table import Table as Grid
from rich.text import Text

from s3_catalog.catalogs import Check, CheckStatus
from s3_catalog.console import number_text, open_console, shown

if TYPE_CHECKING:
    from s3_catalog.catalogs._removal import Removal
    from s3_catalog.doctor import Examined
    from s3_catalog.pruning import Pruning

_STYLES = {CheckStatus.OK: "green", CheckStatus.WARNING: "yellow", CheckStatus.FAILURE: "bold red"}
_WIDTH = max(map(len, CheckStatus))


def show_checks(examined: Sequence[Examined]) -> None:
    """All checks, by subject, and how many went wrong."""
    console = open_console()
    names = max((len(check.name) for one in examined for check in one.checks), default=0)
    for one in examined:
        console.print(shown(one.subject, "bold"), soft_wrap=True)
        rows = [row for check in one.checks for row in _check_rows(check)]
        if console.is_terminal:
            grid = Grid.grid(padding=(0, 2, 0, 0))
            for width in (_WIDTH, names, None):
                grid.add_column(width=width)
            for row in rows:
                grid.add_row(*row)
            console.print(Padding(grid, (0, 0, 0, 2)))
        else:
            for status, name, found in rows:
                console.print(f"  {status.plain:<{_WIDTH}}  {name.plain:<{names}}  {found.plain}", soft_wrap=True)
    console.print(_summarize(examined), soft_wrap=True)


def _check_rows(check: Check) -> Iterator[tuple[Text, Text, Text]]:
    """Status, name and what was found; where something is wrong, what to do below it."""
    yield Text(check.status, _STYLES[check.status]), shown(check.name, "dim"), shown(check.found)
    if check.advice is not None and check.status is not CheckStatus.OK:
        yield Text(""), Text(""), Text.assemble("-> ", shown(check.advice, "cyan"), overflow="fold")


def describe_checks(examined: Sequence[Examined]) -> dict[str, Any]:
    """The same for programs, as `doctor --json` prints it."""
    return {
        "counts": {str(status): count for status, count in _count(examined).items()},
        "checks": [
            {"subject": one.subject, "name": c.name, "status": str(c.status), "found": c.found, "advice": c.advice}
            for one in examined
            for c in one.checks
        ],
    }


def show_pruning(pruning: Pruning) -> None:
    """The tables that would be deleted, and what goes with them."""
    from s3_catalog.terminal_plan import show_plan

    show_plan(pruning.name, pruning.plan)
    if pruning.service is not None:
        then = f"then what is empty of {pruning.service}, and itself, unless others have tables in it"
        open_console().print(Text.assemble(("  - ", "red"), shown(then)), soft_wrap=True)


def show_removal(removal: Removal) -> None:
    """What is gone."""
    gone = ", ".join([number_text(removal.outcome.writes, "table"), *removal.service])
    open_console().print(shown(f"deleted {gone}", "red"), soft_wrap=True)


def describe_pruning(pruning: Pruning, removal: Removal | None) -> dict[str, Any]:
    """What would go and, once it is done, what went, as `prune --json` prints it."""
    from s3_catalog.reporting_plans import describe_plan

    done = None
    if removal is not None:
        failed = [{"name": name, "error": error} for name, error in removal.outcome.failed]
        done = {"tables": removal.outcome.writes, "service": list(removal.service), "left": removal.left, "failed": failed}
    return {"name": pruning.name, "service": pruning.service, **describe_plan(pruning.plan), "deleted": done}


def _count(examined: Sequence[Examined]) -> Counter[CheckStatus]:
    counts = Counter(dict.fromkeys(CheckStatus, 0))
    counts.update(check.status for one in examined for check in one.checks)
    return counts


def _summarize(examined: Sequence[Examined]) -> Text:
    counts = _count(examined)
    told = [
        (number_text(counts[status], str(status)), _STYLES[status])
        for status in (CheckStatus.FAILURE, CheckStatus.WARNING)
        if counts[status]
    ]
    parts: list[Any] = [f"{number_text(counts.total(), 'check')}: "]
    for number, part in enumerate(told):
        parts += [", " if number else "", part]
    return Text.assemble(*parts, *([] if told else [("all fine", "green")]))
