"""The program `s3-catalog`: what all of its commands are registered with."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import ParamSpec

import typer

from s3_catalog.shell import ending_in_one_line, say

P = ParamSpec("P")

app = typer.Typer(
    name="s3-catalog",
    help="Turn an object store into a catalog people can trust.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)


def command(function: Callable[P, None]) -> Callable[P, None]:
    """Register a command whose errors are one line and an exit code."""
    return app.command()(ending_in_one_line(function))


def warn(what: str, problems: Iterable[tuple[str, str]]) -> None:
    """Say of each name what happened to it, and why."""
    from s3_catalog.storage import printable

    for name, reason in problems:
        say("warning", f"{printable(name)} {what}: {printable(reason)}")
