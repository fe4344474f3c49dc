"""No planted value is left anywhere by a run over a lake that has them in every format.

Values in object keys and partition folders are names and out of scope, and so is what only a column's name could tell (names of people,
addresses, days of birth, coordinates) where the column's name says nothing.
"""

from __future__ import annotations

import json
import sqlite3
from pathlib import Path
from typing import Any

from s3_catalog.formats import SampleFormat, file_formats
from s3_catalog_tests.cli.commands import run
from s3_catalog_tests.privacy.search import Search


def tables_of(home: Path) -> list[dict[str, Any]]:
    return list(json.loads((home / "stdout.txt").read_text())["tables"])


def test_a_crawl_leaves_no_value(crawled: Path, search: Search) -> None:
    assert search.in_folder(crawled) == set()


def test_a_crawl_leaves_no_temporary_file(crawled: Path) -> None:
    assert list((crawled / "tmp").iterdir()) == []


def test_rows_of_every_format_were_looked_at_and_tagged(crawled: Path) -> None:
    """What is not read cannot leak: here it was read."""
    tables = tables_of(crawled)
    people = {table["name"]: {tag["tag"] for tag in table["tags"]} for table in tables if "people" in table["name"]}
    wanted = {"PII.Email", "PII.SSN", "PII.Financial", "PII.Phone"}
    readable = {name for name, found in file_formats().items() if isinstance(found, SampleFormat)}
    sampled = {table["format"] for table in tables if table["sample_rows"]}
    assert {name: tags for name, tags in people.items() if not tags >= wanted} == {}
    assert sampled >= ({table["format"] for table in tables} & readable) | {"delta", "iceberg", "hudi"}


def test_no_command_prints_a_value(in_crawled: Path, search: Search) -> None:
    """Of one table of every format, and of all where a command is about all; `tables --json` has what `show` has of every table."""
    tables = run("tables", "--json").json
    assert len(tables) > 100
    one_of_each = list(
        {table["format"]: table["name"] for table in tables if "texts" in table["name"] or "nested" in table["name"]}.values()
    )
    asked = [
        ("tables",),
        ("tables", "--json"),
        ("objects", "--failed"),
        ("objects", "--json"),
        ("runs",),
        ("runs", "--json"),
        ("scan", "--json"),
    ]
    asked += [(*command, name) for name in one_of_each for command in (("show",), ("show", "--json"))]
    asked += [(*command, one_of_each[0]) for command in (("show", "--blame"), ("explain",))]
    answers = {arguments: run("--debug", *arguments) for arguments in asked}
    assert {arguments: answer.stderr for arguments, answer in answers.items() if answer.exit_code not in (0, 1)} == {}
    printed = "\n".join(answer.stdout + answer.stderr for answer in answers.values())
    assert "<email>" in printed
    assert search.in_text(printed, "what commands print") == set()


def test_the_page_shows_no_value(in_crawled: Path, tmp_path: Path, search: Search) -> None:
    answer = run("report", tmp_path / "page.html")
    assert answer.exit_code == 0, answer.stderr
    assert search.in_text((tmp_path / "page.html").read_text(), "page") | search.in_text(answer.stdout + answer.stderr, "output") == set()


def test_a_job_of_dagster_leaves_no_value(run_by_dagster: Path, search: Search) -> None:
    assert search.in_folder(run_by_dagster) == set()


def test_a_job_of_dagster_leaves_all_that_is_searched(run_by_dagster: Path) -> None:
    """Event log, run storage, compute logs and handed-on tables are where the search looks for them."""
    storage = run_by_dagster / ".dagster" / "storage"
    assert list(storage.rglob("table_descriptions/*.parquet"))
    assert [path for path in storage.rglob("*.err") if path.stat().st_size]
    with sqlite3.connect(storage / "history" / "runs" / "index.db") as log:
        assert log.execute("SELECT count(*) FROM event_logs").fetchone()[0] > 100
