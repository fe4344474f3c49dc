"""Commands about the catalogs that tables are published to: plan, apply, publish, compare."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from s3_catalog.cli_app import command, warn
from s3_catalog.cli_options import (
    Catalog,
    Config,
    Json,
    S3Options,
    check_scope,
    read_settings,
    with_store_options,
)
from s3_catalog.errors import ConfigError
from s3_catalog.shell import DONE, FAILURES, say, write_output

if TYPE_CHECKING:
    from s3_catalog.catalogs import Plan
    from s3_catalog.config import Settings
    from s3_catalog.planning import Plans
    from s3_catalog.targets import TargetReport

To = Annotated[list[str] | None, typer.Option("--to", metavar="NAME", help="Only this catalog of publish_to; may be repeated.")]
AllowRetire = Annotated[bool, typer.Option("--allow-retire", help="Retire any number of tables that are gone.")]


@with_store_options
def plan(
    url: Annotated[str | None, typer.Argument(metavar="[URL]", help="s3://bucket/prefix/, gs://, az:// or a folder.")] = None,
    stored: Annotated[bool, typer.Option("--stored", help="List nothing: what would make other catalogs match the embedded one.")] = False,
    out: Annotated[Path | None, typer.Option(metavar="FILE", help="Write the plan as YAML, for `s3-catalog apply`.")] = None,
    to: To = None,
    scope: Annotated[str | None, typer.Option(metavar="PREFIX", help="Only this folder of the location.")] = None,
    allow_retire: AllowRetire = False,
    as_json: Json = False,
    catalog: Catalog = None,
    config: Config = None,
    *,
    s3: S3Options,
) -> None:
    """Show what a crawl would create, change and retire in every catalog. No catalog is written.

    Exit code 1: an object or prefix failed, a name is taken, or a catalog could not be read.
    """
    from s3_catalog.planning import plan_location, plan_stored
    from s3_catalog.progress import open_progress

    if stored and (url or scope):
        raise ConfigError("--stored lists nothing, so it takes no URL and no --scope")
    settings = read_settings(config, {"location": url, "catalog": catalog}, s3)
    if stored:
        plans = plan_stored(_with_targets(settings), names=to or (), allow_retire=allow_retire)
    else:
        with open_progress() as observer:
            plans = plan_location(
                settings, names=to or (), scope=check_scope(scope, settings), observer=observer, allow_retire=allow_retire
            )
    _show(plans, as_json=as_json)
    if out is not None:
        write_plans(plans, out)
    _warn_of_plans(plans)
    raise typer.Exit(FAILURES if plans.has_failures else DONE)


def apply(
    file: Annotated[Path, typer.Argument(metavar="PLAN", help="What `s3-catalog plan --out` wrote; - is standard input.")],
    as_json: Json = False,
    catalog: Catalog = None,
    config: Config = None,
) -> None:
    """Write exactly what a plan says. A catalog that changed since the plan was made refuses it.

    Exit code 1: a catalog refused the plan, or tables of it failed.
    """
    from s3_catalog.plan_file import read_plan_file
    from s3_catalog.planning import apply_plans

    settings = read_settings(config, {"catalog": catalog})
    plans = read_plan_file(_read_text(file), str(file))
    _tell(apply_plans(settings, plans), as_json=as_json)


def publish(
    to: To = None,
    allow_retire: AllowRetire = False,
    as_json: Json = False,
    catalog: Catalog = None,
    config: Config = None,
) -> None:
    """Make the catalogs of publish_to match the embedded one. Nothing is listed: it repairs a catalog that was down.

    Exit code 1: a catalog could not be published, or tables of it failed.
    """
    from s3_catalog.pipeline import open_state
    from s3_catalog.targets import publish_to_targets

    settings = _with_targets(read_settings(config, {"catalog": catalog}))
    with open_state(settings) as state:
        reports = publish_to_targets(settings, state, names=to or (), allow_retire=allow_retire)
    _tell(reports, as_json=as_json)


def compare(
    names: Annotated[list[str] | None, typer.Argument(metavar="[NAME]...", help="Catalogs of publish_to; by default all.")] = None,
    as_json: Json = False,
    catalog: Catalog = None,
    config: Config = None,
) -> None:
    """Show where the catalogs of publish_to differ from the embedded one. Nothing is written.

    Exit code 1: a publication would change something, something is left over, or a catalog could not be read.
    """
    from s3_catalog.comparing import compare_catalogs
    from s3_catalog.reporting import encode
    from s3_catalog.reporting_plans import describe_comparison
    from s3_catalog.terminal_plan import show_comparison

    comparison = compare_catalogs(_with_targets(read_settings(config, {"catalog": catalog})), names or ())
    if as_json:
        write_output([encode(describe_comparison(comparison))])
    else:
        show_comparison(comparison)
    warn("could not be compared", comparison.errors)
    raise typer.Exit(FAILURES if comparison.differs or comparison.errors else DONE)


def add_commands() -> None:
    """Register them, in the order in which `--help` shows them."""
    for function in (plan, apply, publish, compare):
        command(function)


def warn_of_reports(reports: Iterable[TargetReport]) -> None:
    """Say what failed in each catalog, and what stays although it is gone."""
    for report in reports:
        if report.error is not None:
            warn("was not published", [(report.name, report.error)])
        if report.outcome is not None:
            warn("was not published", ((f"{report.name}: {name}", error) for name, error in report.outcome.failed))
        if report.plan is not None:
            warn_of_withheld(report.plan, report.name)


def warn_of_withheld(plan: Plan, name: str = "") -> None:
    """Say how many tables stay in a catalog although they are gone, and why."""
    if plan.withheld:
        count = len(plan.withheld)
        stay = "1 table stays although it is" if count == 1 else f"{count:,} tables stay although they are"
        say("warning", f"{name}{': ' if name else ''}{stay} gone: {plan.withheld_reason}")


def _with_targets(settings: Settings) -> Settings:
    if not settings.publish_to:
        raise ConfigError("no other catalogs: name some under publish_to in the configuration")
    return settings


def _show(plans: Plans, *, as_json: bool) -> None:
    from s3_catalog.reporting import encode
    from s3_catalog.reporting_plans import describe_plans
    from s3_catalog.terminal_plan import show_plans

    if as_json:
        write_output([encode(describe_plans(plans))])
    else:
        show_plans(plans)


def _warn_of_plans(plans: Plans) -> None:
    from s3_catalog.planning import EMBEDDED

    if plans.crawl is not None:
        warn("could not be listed", ((failed.prefix, failed.error) for failed in plans.crawl.summary.failed_prefixes))
        warn("was not read", plans.crawl.summary.failed)
    warn("could not be planned", ((target.name, target.error) for target in plans.targets if target.error is not None))
    for name, one in plans.named():
        warn_of_withheld(one, "" if name == EMBEDDED else name)


def _tell(reports: Iterable[TargetReport], *, as_json: bool) -> None:
    from s3_catalog.reporting import encode_list
    from s3_catalog.reporting_plans import describe_report
    from s3_catalog.terminal_plan import show_reports

    reports = list(reports)
    if as_json:
        write_output(encode_list(map(describe_report, reports)))
    else:
        show_reports(reports)
    warn_of_reports(reports)
    raise typer.Exit(FAILURES if any(report.has_failures for report in reports) else DONE)


def write_plans(plans: Plans, out: Path) -> None:
    """Write plans into a file.

    Raises:
        ConfigError: it cannot be written.
    """
    from s3_catalog.plan_file import write_plan_file

    try:
        out.write_text(write_plan_file(plans), encoding="utf-8")
    except OSError as error:
        raise ConfigError(f"{out}: {error.strerror}") from error
    say("wrote", str(out))


def _read_text(file: Path) -> str:
    try:
        return sys.stdin.read() if str(file) == "-" else file.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        raise ConfigError(f"{file}: not UTF-8 text") from None
    except OSError as error:
        raise ConfigError(f"{file}: {error.strerror}") from error
