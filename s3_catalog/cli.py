"""The command line `s3-catalog`.

Results go to standard output, everything else to standard error. Exit codes: 0 done; 1 done, with failures in the ledger or tables that
the catalog refused; 2 wrong use, bad configuration, something unreachable or an unexpected error; 130 interrupted. A retirement that was
withheld is a warning, not a failure. Errors are one line (a wrong configuration: one per problem).
"""

from __future__ import annotations

from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from s3_catalog import cli_catalogs, cli_checks
from s3_catalog.cli_app import app, command, warn
from s3_catalog.cli_options import (
    Catalog,
    Config,
    Json,
    Location,
    S3Options,
    base_url,
    check_scope,
    open_catalog,
    read_ledgers,
    read_settings,
    read_size,
    summarize_newest,
    with_store_options,
)
from s3_catalog.errors import ConfigError
from s3_catalog.shell import DONE, FAILURES, open_binary_output, prepare_process, write_output

if TYPE_CHECKING:
    from s3_catalog.pipeline import CrawlReport
    from s3_catalog.scanning import ScanReport


__all__ = ["app"]


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
@with_store_options
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
    *,
    s3: S3Options,
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
    settings = read_settings(config, asked, s3)
    with open_progress() as observer:
        report = pipeline.crawl(settings, scope=check_scope(scope, settings), observer=observer, allow_retire=allow_retire)
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

    with open_catalog(read_settings(config, {"catalog": catalog, "location": location})) as opened:
        found = opened.list_tables() if opened else []
    if location is not None:
        found = [table for table in found if table.layout.uri.startswith(base_url(location))]
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
    with open_catalog(read_settings(config, {"catalog": catalog})) as opened:
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
@with_store_options
def scan(
    subjects: Annotated[list[str] | None, typer.Argument(metavar="[URL|TABLE]...", help="Locations, or tables of the catalog.")] = None,
    as_json: Json = False,
    catalog: Catalog = None,
    config: Config = None,
    *,
    s3: S3Options,
) -> None:
    """Look for personal data in some rows of every table, read afresh. Nothing is written, and no value is shown.

    Exit code 1: personal data was found that no tag of the catalog covers yet, or a detector failed.
    """
    from s3_catalog.progress import open_progress
    from s3_catalog.reporting import describe_scan, encode
    from s3_catalog.scanning import scan as look
    from s3_catalog.terminal_scan import show_scan

    settings = read_settings(config, {"catalog": catalog}, s3)
    with open_catalog(settings) as opened, open_progress(last_step=("scanning", "scanned")) as observer:
        report = look(settings, opened, subjects or (), observer=observer)
    if as_json:
        write_output([encode(describe_scan(report))])
    else:
        show_scan(report)
    _warn_of_scan(report)
    raise typer.Exit(FAILURES if report.has_uncovered else DONE)


@command
@with_store_options
def profile(
    names: Annotated[list[str], typer.Argument(metavar="TABLE...", help="Tables of the catalog.")],
    max_bytes: Annotated[str | None, typer.Option(metavar="SIZE", help="What may be read of each table: 5GiB, 500MB.")] = None,
    as_json: Json = False,
    catalog: Catalog = None,
    config: Config = None,
    *,
    s3: S3Options,
) -> None:
    """Read every row of some tables for their profile, and write it into the catalog. It stays until the table changes.

    Exit code 1: a table was left as it was; the reason is named.
    """
    from s3_catalog.full_profiles import profile_published
    from s3_catalog.progress import open_byte_progress
    from s3_catalog.reporting import describe_table_in_full, encode_list
    from s3_catalog.terminal_description import show_profile

    settings = read_settings(config, {"catalog": catalog}, s3)
    budget = read_size("--max-bytes", max_bytes)
    with open_catalog(settings) as opened:
        with open_byte_progress() as progress:
            done = profile_published(settings, opened, names, max_bytes=budget, progress=progress)
        histories = [opened.history(table.name) if opened else [] for table in done.tables]
    if as_json:
        write_output(encode_list(map(describe_table_in_full, done.tables, histories)))
    else:
        for table in done.tables:
            show_profile(table)
    warn("was not profiled", done.refused)
    raise typer.Exit(FAILURES if done.refused else DONE)


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

    settings = read_settings(config, {"catalog": catalog})
    with open_catalog(settings) as opened:
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
    with open_catalog(read_settings(config, {"catalog": catalog, "location": location})) as opened:
        if table is not None:
            find_table(opened, table)
        ledgers = read_ledgers(opened, location, filters)
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

    with open_catalog(read_settings(config, {"catalog": catalog})) as opened:
        found = opened.list_runs(limit) if opened else []
    if as_json:
        write_output(encode_list(describe_run(run) for run in found))
    else:
        show_runs(found)


@command
def report(
    target: Annotated[str, typer.Argument(metavar="[FILE]", help="Where to write it; - is standard output.")] = "s3_catalog.html",
    title: Annotated[str | None, typer.Option(metavar="TEXT", help="The page's name; by default the location crawled last.")] = None,
    rows: Annotated[int | None, typer.Option("--rows", metavar="N", min=0, help="Rows of each sample.")] = None,
    catalog: Catalog = None,
    config: Config = None,
) -> None:
    """Write the catalog as one HTML page that needs nothing else: tables, columns, tags, masked samples, the ledger, the receipt."""
    from datetime import UTC, datetime

    from s3_catalog.report import SAMPLE_ROWS, write_report

    with open_catalog(read_settings(config, {"catalog": catalog})) as opened:
        run = next(iter(opened.list_runs(1)), None) if opened else None
        found = opened.list_tables() if opened else []
        ledger = summarize_newest(opened, run) if opened and run else None
    now, most = datetime.now(UTC), SAMPLE_ROWS if rows is None else rows
    with open_binary_output() if target == "-" else nullcontext(target) as file:
        written = write_report(file, found, run=run, ledger=ledger, now=now, title=title, sample_rows=most)
    if target != "-":
        from s3_catalog.console import number_text, size_text

        typer.echo(f"wrote {target}: {number_text(written.tables, 'table')}, {size_text(written.size_bytes)}")


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


def _warn_of(report: CrawlReport) -> None:
    warn("could not be listed", ((failed.prefix, failed.error) for failed in report.summary.failed_prefixes))
    warn("was not published", report.outcome.failed)
    cli_catalogs.warn_of_withheld(report.plan)
    cli_catalogs.warn_of_reports(report.targets)


def _warn_of_scan(report: ScanReport) -> None:
    warn("was not looked at", report.unread)
    for findings in (scanned.findings for scanned in report.tables):
        failures = (
            f"detector {failure.detector} failed on column {failure.column}: {failure.error}" for failure in findings.detections.failures
        )
        warn("was looked at in part", ((findings.table.name, problem) for problem in (*findings.problems, *failures)))


cli_catalogs.add_commands()
cli_checks.add_commands()

if __name__ == "__main__":
    app()
