"""Commands that look after catalogs: what is wrong with them, and what can go for good."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from s3_catalog.cli_app import command, warn
from s3_catalog.cli_catalogs import write_plans
from s3_catalog.cli_options import (
    Catalog,
    Config,
    Json,
    S3Options,
    read_settings,
    with_store_options,
)
from s3_catalog.errors import ConfigError
from s3_catalog.shell import DONE, FAILURES, say, write_output

if TYPE_CHECKING:
    from s3_catalog.config import Settings
    from s3_catalog.pruning import Pruning


@with_store_options
def doctor(
    url: Annotated[str | None, typer.Argument(metavar="[URL]", help="A location other than the configuration's.")] = None,
    as_json: Json = False,
    catalog: Catalog = None,
    config: Config = None,
    *,
    s3: S3Options,
) -> None:
    """Look at store, catalogs, versions and permissions, and say what to do where something is wrong. Nothing is written.

    Exit code 1: something would make a crawl or a publication fail.
    """
    from s3_catalog.catalogs import CheckStatus
    from s3_catalog.doctor import examine, worst_status
    from s3_catalog.reporting import encode
    from s3_catalog.terminal_checks import describe_checks, show_checks

    examined = examine(read_settings(config, {"location": url, "catalog": catalog}, s3))
    if as_json:
        write_output([encode(describe_checks(examined))])
    else:
        show_checks(examined)
    raise typer.Exit(FAILURES if worst_status(examined) is CheckStatus.FAILURE else DONE)


def prune(
    service: Annotated[
        str,
        typer.Option(metavar="NAME", help="A catalog of publish_to, or the service or database it writes to; catalog: the embedded one."),
    ],
    tables: Annotated[list[str] | None, typer.Option(metavar="GLOB", help="Only tables of such names; may be repeated.")] = None,
    retired: Annotated[bool, typer.Option("--retired", help="Only tables that are retired.")] = False,
    out: Annotated[Path | None, typer.Option(metavar="FILE", help="Write the plan, for `s3-catalog apply FILE`.")] = None,
    yes: Annotated[bool, typer.Option("--yes", help="Delete what is shown.")] = False,
    as_json: Json = False,
    catalog: Catalog = None,
    config: Config = None,
) -> None:
    """Delete tables that s3-catalog published, for good, and the service that is empty then. Without --yes they are only shown.

    Tables of others stay, and so does a service that holds some. Of the embedded catalog only retired tables go, with their history.
    Exit code 1: tables could not be deleted.
    """
    from s3_catalog.pipeline import open_state
    from s3_catalog.planning import EMBEDDED
    from s3_catalog.pruning import plan_pruning
    from s3_catalog.pruning import prune as delete
    from s3_catalog.reporting import encode
    from s3_catalog.terminal_checks import describe_pruning, show_pruning, show_removal

    if out is not None and yes:
        raise ConfigError("choose one of --out and --yes")
    settings = read_settings(config, {"catalog": catalog})
    with open_state(settings) as state:
        pruning = plan_pruning(settings, state, service, globs=tables or (), only_retired=retired)
        if out is not None and pruning.name == EMBEDDED:
            raise ConfigError("--out is for catalogs of publish_to; of the embedded one --yes deletes what is shown")
        if not as_json:
            show_pruning(pruning)
        removal = delete(settings, state, pruning) if yes else None
    if as_json:
        write_output([encode(describe_pruning(pruning, removal))])
    elif removal is not None:
        show_removal(removal)
    if removal is None:
        _say_how_to_go_on(settings, pruning, out)
        raise typer.Exit(DONE)
    warn("was not deleted", removal.outcome.failed)
    if removal.left is not None:
        warn("stays", [(pruning.service or pruning.name, removal.left)])
    raise typer.Exit(FAILURES if removal.outcome.failed else DONE)


def _say_how_to_go_on(settings: Settings, pruning: Pruning, out: Path | None) -> None:
    if out is not None and pruning.plan.changes:
        write_plans(pruning.as_plans(settings), out)
    elif pruning.plan.changes or pruning.service:
        say("note", "nothing was deleted; --yes deletes it")


def add_commands() -> None:
    """Register them, in the order in which `--help` shows them."""
    for function in (doctor, prune):
        command(function)
