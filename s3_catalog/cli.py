"""The command line `s3-catalog`.

Results go to standard output, everything else to standard error. Exit codes: 0 done; 1 done, with failures in the ledger or tables that
the catalog refused; 2 wrong use, bad configuration, something unreachable or an unexpected error; 130 interrupted. A retirement that was
withheld is a warning, not a failure. Errors are one line (a wrong configuration: one per problem).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, ParamSpec

import typer

from s3_catalog.errors import ConfigError
from s3_catalog.shell import DONE, FAILURES, ending_in_one_line, prepare_process, say, write_output

if TYPE_CHECKING:
    import pyarrow as pa

    from s3_catalog.catalogs.sql import SqlCatalog
    from s3_catalog.config import Settings
    from s3_catalog.pipeline import CrawlReport
    from s3_catalog.reporting import LedgerFilter

P = ParamSpec("P")

app = typer.Typer(
    name="s3-catalog",
    help="Turn an object store into a catalog people can trust.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)

_MANY_RUNS = 1000
_STORE = "How S3 is reached"
Catalog = Annotated[str | None, typer.Option(metavar="URL", help="Where tables are published: sqlite:///file.db or postgresql://...")]
Config = Annotated[Path | None, typer.Option(metavar="FILE", help="The configuration; by default ./s3_catalog.yaml, if there is one.")]
Location = Annotated[str | None, typer.Option(metavar="URL", help="Only what lies below this location.")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]


def command(function: Callable[P, None]) -> Callable[P, None]:
    """Register a command whose errors are one line and an exit code."""
    return app.command()(ending_in_one_line(function))


def _print_version(asked: bool) -> None:
    if asked:
        from importlib.metadata import version

        typer.echo(f"s3-catalog {version('s3-catalog')}")
        raise typer.Exit


@app.callback()
def main(
    context: typer.Context,
    version: Annotated[bool, typer.Option("--version", is_eager=True, help="Print the version.", callback=_print_version)] = False,
    debug: Annotated[bool, typer.Option("--debug", help="Log every step, and show where an error arose.")] = False,
) -> None:
    """Turn an object store into a catalog people can trust."""
    context.with_resource(prepare_process(debug=debug))


@command
def crawl(
    url: Annotated[str | None, typer.Argument(metavar="[URL]", help="s3://bucket/prefix/, gs://, az:// or a folder.")] = None,
    catalog: Catalog = None,
    include: Annotated[list[str] | None, typer.Option(metavar="GLOB", help="Only keys that match; may be repeated.")] = None,
    exclude: Annotated[list[str] | None, typer.Option(metavar="GLOB", help="No keys that match; may be repeated.")] = None,
    max_object_size: Annotated[str | None, typer.Option(metavar="SIZE", help="Skip larger objects: 5GiB, 500MB.")] = None,
    scope: Annotated[str | None, typer.Option(metavar="PREFIX", help="Only this folder of the location, as Dagster's partitions.")] = None,
    allow_retire: Annotated[bool, typer.Option("--allow-retire", help="Retire any number of tables that are gone.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
    objects: Annotated[bool, typer.Option("--objects", help="With --json: every listed object too.")] = False,
    config: Config = None,
    endpoint_url: Annotated[str | None, typer.Option(metavar="URL", help="A server other than AWS.", rich_help_panel=_STORE)] = None,
    region: Annotated[str | None, typer.Option(metavar="NAME", help="Where the bucket is.", rich_help_panel=_STORE)] = None,
    profile: Annotated[str | None, typer.Option(metavar="NAME", help="A profile of the AWS configuration.", rich_help_panel=_STORE)] = None,
    ca_bundle: Annotated[Path | None, typer.Option(metavar="FILE", help="Certificates to trust.", rich_help_panel=_STORE)] = None,
    no_verify_tls: Annotated[bool, typer.Option("--no-verify-tls", help="Trust any certificate.", rich_help_panel=_STORE)] = False,
    path_style: Annotated[bool, typer.Option("--path-style", help="The bucket in the path.", rich_help_panel=_STORE)] = False,
    anonymous: Annotated[bool, typer.Option("--anonymous", help="Send unsigned requests.", rich_help_panel=_STORE)] = False,
) -> None:
    """Find the tables of a location and publish them in the catalog."""
    from s3_catalog import pipeline
    from s3_catalog.progress import open_progress
    from s3_catalog.reporting import encode_crawl
    from s3_catalog.terminal import show_crawl

    if objects and not as_json:
        raise ConfigError("--objects goes with --json; for people there is `s3-catalog objects`")
    asked = {
        "location": url,
        "catalog": catalog,
        "include": include or None,
        "exclude": exclude or None,
        "max_object_size": max_object_size,
    }
    given: dict[str, object] = {"endpoint_url": endpoint_url, "region": region, "profile": profile, "ca_bundle": ca_bundle}
    given |= {"verify_tls": False if no_verify_tls else None, "path_style": path_style or None, "anonymous": anonymous or None}
    settings = _read_settings(config, asked, {name: value for name, value in given.items() if value is not None})
    with open_progress() as observer:
        report = pipeline.crawl(settings, scope=_check_scope(scope, settings), observer=observer, allow_retire=allow_retire)
    if as_json:
        write_output(encode_crawl(report, with_objects=objects))
    else:
        show_crawl(report)
    _warn_of(report)
    raise typer.Exit(FAILURES if report.has_failures else DONE)


@command
def tables(location: Location = None, as_json: Json = False, catalog: Catalog = None, config: Config = None) -> None:
    """List the tables of the catalog."""
    from s3_catalog.reporting import describe_table, encode_list
    from s3_catalog.terminal import show_tables

    with _open_catalog(_read_settings(config, {"catalog": catalog, "location": location})) as opened:
        found = opened.list_tables() if opened else []
    if location is not None:
        found = [table for table in found if table.layout.uri.startswith(_base_url(location))]
    if as_json:
        write_output(encode_list(describe_table(table) for table in found))
    else:
        show_tables(found)


@command
def show(
    table: Annotated[str, typer.Argument(metavar="TABLE")],
    profile: Annotated[bool, typer.Option("--profile", help="All figures of each column, and what they come from.")] = False,
    sample: Annotated[bool, typer.Option("--sample", help="The sample, every row and column of it.")] = False,
    blame: Annotated[bool, typer.Option("--blame", help="Which files brought, changed and dropped each column.")] = False,
    rows: Annotated[int | None, typer.Option("--rows", metavar="N", min=0, help="So many rows of the sample at most.")] = None,
    as_json: Json = False,
    catalog: Catalog = None,
    config: Config = None,
) -> None:
    """Show one table: tags, columns and their figures, some rows, partitions, history. Personal data is masked."""
    from s3_catalog.explaining import find_table
    from s3_catalog.reporting import describe_blame, describe_table_in_full, encode
    from s3_catalog.terminal import show_blame
    from s3_catalog.terminal_description import SAMPLE_ROWS, show_profile, show_sample
    from s3_catalog.terminal_table import show_table

    if profile + sample + blame > 1:
        raise ConfigError("choose one of --profile, --sample and --blame")
    with _open_catalog(_read_settings(config, {"catalog": catalog})) as opened:
        found = find_table(opened, table)
        history = opened.history(table) if opened else []
    if as_json:
        write_output([encode(describe_blame(found) if blame else describe_table_in_full(found, history))])
    elif blame:
        show_blame(found)
    elif profile:
        show_profile(found)
    elif sample:
        show_sample(found, rows)
    else:
        show_table(found, history, rows=SAMPLE_ROWS if rows is None else rows)


@command
def explain(
    subject: Annotated[str, typer.Argument(metavar="KEY_OR_TABLE", help="A table, a key, or an object's URL or path.")],
    catalog: Catalog = None,
    config: Config = None,
) -> None:
    """Say why an object is in its table, or in none.

    What no crawl has listed is wrong use: exit code 2.
    """
    from s3_catalog.explaining import explain as find_explanations
    from s3_catalog.terminal import show_explanation

    settings = _read_settings(config, {"catalog": catalog})
    with _open_catalog(settings) as opened:
        for explanation in find_explanations(opened, subject):
            show_explanation(explanation)


@command
def objects(
    location: Annotated[str | None, typer.Option(metavar="URL", help="Which location; by default the one crawled last.")] = None,
    table: Annotated[str | None, typer.Option(metavar="TABLE", help="Only the objects of this table.")] = None,
    prefix: Annotated[str, typer.Option(metavar="PREFIX", help="Only keys that begin so.")] = "",
    skipped: Annotated[bool, typer.Option("--skipped", help="Only what was skipped.")] = False,
    failed: Annotated[bool, typer.Option("--failed", help="Only what failed.")] = False,
    as_json: Json = False,
    catalog: Catalog = None,
    config: Config = None,
) -> None:
    """List every object of the last crawl, and what became of it."""
    from s3_catalog.explaining import find_table
    from s3_catalog.reporting import LedgerFilter, describe_objects, encode_list
    from s3_catalog.terminal import show_objects

    filters = LedgerFilter(prefix=prefix, table=table, skipped=skipped, failed=failed)
    with _open_catalog(_read_settings(config, {"catalog": catalog, "location": location})) as opened:
        if table is not None:
            find_table(opened, table)
        ledgers = _read_ledgers(opened, location, filters)
        if as_json:
            write_output(encode_list(row for ledger in ledgers for row in describe_objects(ledger)))
        else:
            show_objects(ledgers)


@command
def runs(
    limit: Annotated[int, typer.Option(metavar="N", min=1, help="How many.")] = 20,
    as_json: Json = False,
    catalog: Catalog = None,
    config: Config = None,
) -> None:
    """List the last crawls, newest first."""
    from s3_catalog.reporting import describe_run, encode_list
    from s3_catalog.terminal import show_runs

    with _open_catalog(_read_settings(config, {"catalog": catalog})) as opened:
        found = opened.list_runs(limit) if opened else []
    if as_json:
        write_output(encode_list(describe_run(run) for run in found))
    else:
        show_runs(found)


@command
def init(
    path: Annotated[Path, typer.Argument(metavar="[PATH]", help="Where to write it.")] = Path("s3_catalog.yaml"),
    force: Annotated[bool, typer.Option("--force", help="Replace the file if there is one.")] = False,
) -> None:
    """Write a configuration with every setting explained."""
    from s3_catalog.config import example_settings

    try:
        with path.open("w" if force else "x", encoding="utf-8") as file:
            file.write(example_settings())
    except FileExistsError:
        raise ConfigError(f"{path} is there already: --force replaces it") from None
    except OSError as error:
        raise ConfigError(f"{path}: {error.strerror}") from error
    typer.echo(f"wrote {path}")


def _read_settings(config: Path | None, asked: Mapping[str, object], s3: Mapping[str, object] | None = None) -> Settings:
    """Read the settings with what the command line says; S3 options go into the file's section, in place of what they exclude."""
    from s3_catalog.config import load_settings

    settings = load_settings(config, overrides=asked)
    if not s3:
        return settings
    excluded = {name for option in s3 for name in _EXCLUDED_BY.get(option, ())}
    section = settings.s3.model_dump(exclude_unset=True, exclude=excluded)
    return load_settings(config, overrides={**asked, "s3": section | dict(s3)})


_KEY_PAIR = ("access_key_id", "secret_access_key", "session_token")
_ROLE = ("role_arn", "external_id", "role_session_name")
_EXCLUDED_BY: dict[str, tuple[str, ...]] = {
    "profile": (*_KEY_PAIR, *_ROLE, "anonymous"),
    "anonymous": (*_KEY_PAIR, *_ROLE, "profile"),
    "verify_tls": ("ca_bundle",),
    "ca_bundle": ("verify_tls",),
}
"""Settings of a file that an option on the command line leaves no sense to."""


def _check_scope(scope: str | None, settings: Settings) -> str | None:
    from s3_catalog.discovery.scopes import ROOT_SCOPE, scope_of_key
    from s3_catalog.storage import parse_location, printable

    if scope is None or scope == ROOT_SCOPE:
        return scope
    prefix, base = scope.rstrip("/") + "/", parse_location(settings.location).prefix
    if not prefix.startswith(base) or scope_of_key(prefix, base=base, depth=settings.partition_depth) != prefix:
        raise ConfigError(
            f"{printable(scope)} is not a scope: write {ROOT_SCOPE} or the prefix of a folder, {settings.partition_depth} deep "
            f"below {printable(settings.location)}"
        )
    return prefix


@contextmanager
def _open_catalog(settings: Settings) -> Iterator[SqlCatalog | None]:
    """Open the catalog to read; None where it is a file that no crawl has made yet."""
    from s3_catalog.pipeline import open_state

    file = settings.catalog.partition("?")[0].removeprefix("sqlite:///")
    if file != settings.catalog.partition("?")[0] and not Path(file).exists():
        yield None
        return
    with open_state(settings) as catalog:
        yield catalog


def _read_ledgers(catalog: SqlCatalog | None, location: str | None, filters: LedgerFilter) -> Iterator[pa.Table]:
    """The newest ledgers of a location (or of one crawled above it), by default of the one crawled last, without the rows not asked for."""
    runs = catalog.list_runs(_MANY_RUNS) if catalog else []
    wanted = _base_url(location) if location is not None else runs[0].location if runs else ""
    crawled = max((run for run in runs if wanted.startswith(run.location)), key=lambda run: len(run.location), default=None)
    if catalog is None or crawled is None:
        return
    base = wanted.removeprefix(crawled.store_url)
    for ledger in catalog.latest_ledger(crawled.location):
        yield filters.apply(ledger, base=base)


def _base_url(location: str) -> str:
    from s3_catalog.storage import parse_location

    return parse_location(location).url


def _warn_of(report: CrawlReport) -> None:
    from s3_catalog.storage import printable

    for failed in report.summary.failed_prefixes:
        say("warning", f"{printable(failed.prefix)} could not be listed: {printable(failed.error)}")
    for name, error in report.outcome.failed:
        say("warning", f"{printable(name)} was not published: {printable(error)}")
    if report.plan.withheld:
        count = len(report.plan.withheld)
        stay = "1 table stays although it is" if count == 1 else f"{count:,} tables stay although they are"
        say("warning", f"{stay} gone: {report.plan.withheld_reason}")


if __name__ == "__main__":
    app()
