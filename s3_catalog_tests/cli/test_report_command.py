"""`report`: the page from the command line, written whole or not at all."""

from __future__ import annotations

from pathlib import Path

import pytest

from s3_catalog_tests.cli.commands import run, run_apart
from s3_catalog_tests.cli.described import PEOPLE, write_hostile, write_people


@pytest.fixture
def catalog(own_folder: Path) -> Path:
    write_people(own_folder / "lake")
    assert run("crawl", "lake").exit_code == 0
    return own_folder


def test_the_page_is_written_into_the_current_folder(catalog: Path) -> None:
    answer = run("report")
    page = (catalog / "s3_catalog.html").read_text(encoding="utf-8")
    assert answer.exit_code == 0
    assert answer.stdout.startswith("wrote s3_catalog.html: 1 table, ")
    assert page.startswith("<!doctype html>")
    assert "crm_people" in page
    assert [address for address in PEOPLE if address.partition("@")[0] in page] == []


def test_a_dash_is_standard_output(catalog: Path) -> None:
    answer = run_apart("report", "-", "--title", "Our lake")
    assert (answer.exit_code, answer.stderr) == (0, "")
    assert answer.stdout.startswith("<!doctype html>")
    assert "Our lake" in answer.stdout
    assert not (catalog / "s3_catalog.html").exists()


def test_hostile_values_stay_data(own_folder: Path) -> None:
    write_hostile(own_folder / "lake")
    run("crawl", "lake")
    assert run("report").exit_code == 0
    page = (own_folder / "s3_catalog.html").read_text(encoding="utf-8")
    assert "<script>alert(1)" not in page
    assert "\x1b" not in page
    assert len(page) < 1_000_000


def test_the_ledger_of_all_scopes_is_summed(own_folder: Path) -> None:
    for name in ("a", "b"):
        (own_folder / "lake" / name).mkdir(parents=True)
        (own_folder / "lake" / name / f"{name}.csv").write_text("id\n1\n")
        (own_folder / "lake" / name / "_SUCCESS").write_text("")
    run("crawl", "lake")
    run("crawl", "lake", "--scope", "a")
    assert run("report").exit_code == 0
    page = (own_folder / "s3_catalog.html").read_text(encoding="utf-8")
    assert '"listed":4' in page.replace(" ", "")


def test_without_a_catalog_the_page_has_no_tables(own_folder: Path) -> None:
    assert run("report", "empty.html").stdout.startswith("wrote empty.html: 0 tables, ")
    assert [path.name for path in own_folder.iterdir()] == ["empty.html"]


def test_a_page_that_cannot_be_written_is_one_line_and_leaves_the_old_one(catalog: Path) -> None:
    assert run("report", "no/such/page.html").error == "the report cannot be written to no/such/page.html: No such file or directory"
    assert run("report", catalog).error.endswith("Is a directory")
    with Path("/dev/full").open("wb") as full:
        answer = run_apart("report", "-", stdout=full)
    assert (answer.exit_code, answer.stderr) == (2, "error: standard output: No space left on device\n")
