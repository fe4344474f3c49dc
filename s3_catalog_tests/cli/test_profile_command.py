"""`profile`: every row of some tables, written into the catalog and kept there until the table changes."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from s3_catalog_tests.cli.commands import command, run, without_progress
from s3_catalog_tests.cli.described import PEOPLE, write_csv, write_people
from s3_catalog_tests.lakes import write_parquet, write_text
from s3_catalog_tests.servers import Fault, FaultyProxy, S3Server

ROWS = 3000


def write_numbers(lake: Path, rows: int = ROWS) -> None:
    write_csv(lake / "numbers/numbers.csv", ["n", "kind"], [[n, "ab"[n % 2]] for n in range(rows)])


@pytest.fixture
def lake(own_folder: Path) -> Path:
    root = own_folder / "lake"
    write_numbers(root)
    write_people(root)
    assert run("crawl", root).exit_code == 0
    return root


def figures(name: str) -> dict[str, Any]:
    return {profile["column"]: profile for profile in run("show", name, "--json").json["profile"]}


def test_a_full_profile_is_of_all_rows_and_stays_through_crawls(lake: Path) -> None:
    assert (figures("numbers")["n"]["basis"], figures("numbers")["n"]["max"] != "2999") == ("sample", True)
    answer = run("profile", "numbers", "--json")
    assert (answer.exit_code, answer.stderr) == (0, "")
    (table,) = answer.json
    assert table == run("show", "numbers", "--json").json
    n = figures("numbers")["n"]
    assert (n["basis"], n["rows"], n["min"], n["max"], n["mean"]) == ("full", ROWS, "0", "2999", 1499.5)
    assert "1 unchanged" not in run("crawl", lake).stdout
    assert figures("numbers")["n"] == n


def test_the_history_and_the_rest_of_the_table_stay_as_they_were(lake: Path) -> None:
    before = run("show", "numbers", "--json").json
    run("profile", "numbers")
    after = run("show", "numbers", "--json").json
    assert {name for name in before if before[name] != after[name]} == {"profile"}
    crawled = run("crawl", lake).stdout
    assert "2 unchanged" in crawled


def test_a_changed_table_is_described_anew(lake: Path) -> None:
    run("profile", "numbers")
    write_numbers(lake, ROWS + 1)
    refused = run("profile", "numbers")
    assert (refused.exit_code, refused.stderr) == (
        1,
        "warning: numbers was not profiled: it has changed since it was published: crawl first\n",
    )
    run("crawl", lake)
    assert figures("numbers")["n"]["basis"] == "sample"


def test_personal_data_stays_masked(lake: Path) -> None:
    shown = run("profile", "crm_people").stdout + run("profile", "crm_people", "--json").stdout
    assert figures("crm_people")["email"]["top_values"] == [{"value": "<email>", "count": 40}]
    assert (figures("crm_people")["email"]["min"], figures("crm_people")["score"]["basis"]) == (None, "full")
    assert [address for address in PEOPLE if address.partition("@")[0] in shown] == []


def test_what_has_no_full_profile_says_why_and_others_get_theirs(lake: Path) -> None:
    write_text(lake / "docs/a.pdf", "%PDF")
    run("crawl", lake)
    answer = run("profile", "docs_files", "numbers")
    assert answer.exit_code == 1
    assert answer.stderr.startswith("warning: docs_files was not profiled: tables of the format unstructured are not profiled in full; ")
    assert figures("numbers")["n"]["basis"] == "full"
    assert run("profile", "nubers").error.startswith("there is no table 'nubers'; near it are numbers")


def test_a_budget_that_is_too_small_changes_nothing(lake: Path) -> None:
    before = run("show", "numbers", "--json").json
    answer = run("profile", "numbers", "--max-bytes", "1kB")
    assert answer.exit_code == 1
    assert "more than the 1,000 that are allowed" in answer.stderr
    assert run("show", "numbers", "--json").json == before
    assert run("profile", "numbers", "--max-bytes", "much").error.startswith("--max-bytes: not a size")


def test_without_samples_no_row_is_read(lake: Path) -> None:
    (lake.parent / "s3_catalog.yaml").write_text(json.dumps({"samples": {"enabled": False}}))
    assert run("profile", "numbers").stderr == "warning: numbers was not profiled: samples are off, so no row is read\n"


def test_the_configuration_names_tables_that_every_crawl_profiles_in_full(lake: Path) -> None:
    config = lake.parent / "s3_catalog.yaml"
    config.write_text(json.dumps({"samples": {"full_profile": {"tables": "num*"}}}))
    run("crawl", lake)
    assert (figures("numbers")["n"]["basis"], figures("crm_people")["id"]["basis"]) == ("full", "sample")
    assert "2 unchanged" in run("crawl", lake).stdout
    config.write_text(json.dumps({"samples": {"full_profile": {"tables": "num*", "max_bytes": "1kB"}}}))
    run("crawl", lake)
    assert figures("numbers")["n"]["basis"] == "sample"
    (warning,) = run("show", "numbers", "--json").json["description_warnings"]
    assert warning.startswith("no full profile: reading it takes ")


def test_partitioned_tables_are_read_whole(own_folder: Path) -> None:
    for day in range(1, 4):
        write_parquet(own_folder / f"lake/t/day=2024-01-0{day}/a.parquet", n=[day, None, day * 10])
    run("crawl", "lake")
    run("profile", "t")
    n = figures("t")["n"]
    assert (n["basis"], n["rows"], n["null_count"], n["min"], n["max"]) == ("full", 9, 3, "1", "30")


def test_interrupted_it_leaves_the_catalog_as_it_was(s3_server: S3Server, faulty: Callable[..., FaultyProxy], own_folder: Path) -> None:
    bucket = s3_server.make_bucket({"a/orders.csv": b"id,amount\n1,2.5\n"})
    proxy = faulty(s3_server.endpoint_url)
    environment = {**os.environ, "AWS_ACCESS_KEY_ID": "a", "AWS_SECRET_ACCESS_KEY": "b", "AWS_ENDPOINT_URL": proxy.endpoint_url}
    subprocess.run(command("crawl", f"s3://{bucket}/"), env=environment, capture_output=True, check=True, timeout=60)
    before = run("show", "a_orders", "--json").json
    stalling = faulty(s3_server.endpoint_url, Fault(kind="stall", match="orders.csv", seconds=30))
    environment["AWS_ENDPOINT_URL"] = stalling.endpoint_url
    with subprocess.Popen(command("profile", "a_orders"), stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment) as process:
        deadline = time.monotonic() + 30
        while not stalling.faults[0].hits and time.monotonic() < deadline:
            time.sleep(0.02)
        process.send_signal(signal.SIGINT)
        output, errors = process.communicate(timeout=20)
    assert (process.returncode, output, without_progress(errors.decode())) == (130, b"", "interrupted\n")
    assert run("show", "a_orders", "--json").json == before
