"""What people and programs read of `doctor`: a line per check, coloured by how it went, below it what to do."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from rich.text import Text

from s3_catalog.catalogs import CheckStatus
from s3_catalog.console import number_text, open_console, shown

if TYPE_CHECKING:
    from s3_catalog.doctor import Examined

_STYLES = {CheckStatus.OK: "green", CheckStatus.WARNING: "yellow", CheckStatus.FAILURE: "bold red"}
_WIDTH = max(map(len, CheckStatus))


def show_checks(examined: Sequence[Examined]) -> None:
    """All checks, by subject, and how many went wrong."""
    console = open_console()
    names = max((len(check.name) for one in examined for check in one.checks), default=0)
    for one in examined:
        console.print(shown(one.subject, "bold"), soft_wrap=True)
        for check in one.checks:
            status = (f"  {check.status:<{_WIDTH}}  ", _STYLES[check.status])
            console.print(Text.assemble(status, shown(f"{check.name:<{names}}  ", "dim"), shown(check.found)), soft_wrap=True)
            if check.advice is not None and check.status is not CheckStatus.OK:
                console.print(Text.assemble(" " * (_WIDTH + names + 6), "-> ", shown(check.advice, "cyan")), soft_wrap=True)
    console.print(_summarize(examined), soft_wrap=True)


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
