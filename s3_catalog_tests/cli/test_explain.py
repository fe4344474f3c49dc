"""`explain` and `objects`: what became of every key, and why."""

from __future__ import annotations

from pathlib import Path

import pytest

from s3_catalog.explaining import MEANINGS
from s3_catalog.model.ledger import SkipReason
from s3_catalog_tests.cli.commands import Answer, run

PART = "sales/orders/year=2024/month=01/part-00000.parquet"


def facts(answer: Answer) -> dict[str, str]:
    """What `explain` says, by the names on the left."""
    assert answer.exit_code == 0, answer
    return {name.strip(): text.strip() for name, _, text in (line.partition("  ") for line in answer.stdout.splitlines()[1:])}


def test_every_reason_to_skip_has_a_meaning() -> None:
    assert set(MEANINGS) == set(SkipReason)


def test_an_object_is_explained_by_its_table(sample_catalog: str) -> None:
    said = facts(run("explain", PART, "--catalog", sample_catalog))
    assert said["is"] == "in the table sales_orders"
    assert said["grouped by"].startswith("hive partitions: ")
    assert said["otherwise"] == "one table per directory"
    assert "tables:" in said["not so?"]


def test_a_key_a_url_and_a_path_name_the_same_object(sample_catalog: str, sample_lake: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    by_key = run("explain", PART, "--catalog", sample_catalog).stdout
    assert run("explain", f"{sample_lake.as_uri()}/{PART}", "--catalog", sample_catalog).stdout == by_key
    monkeypatch.chdir(sample_lake.parent)
    assert run("explain", f"lake/{PART}", "--catalog", sample_catalog).stdout == by_key


def test_a_skipped_object_is_explained_in_words(sample_catalog: str) -> None:
    said = facts(run("explain", "sales/order_items/_SUCCESS", "--catalog", sample_catalog))
    assert said["is"] == "in no table: job marker"
    assert said["because"] == MEANINGS[SkipReason.MARKER]


def test_a_failed_object_is_explained_by_its_error(sample_catalog: str) -> None:
    said = facts(run("explain", "sales/returns/returns.parquet", "--catalog", sample_catalog))
    assert said["is"] == "in no table: failed"
    assert said["because"].startswith("not readable as parquet: truncated")


def test_a_table_is_explained_by_name_and_by_url(sample_catalog: str, sample_lake: Path) -> None:
    by_name = run("explain", "web_events", "--catalog", sample_catalog)
    assert facts(by_name)["grouped by"].startswith("date folders: ")
    assert run("explain", f"{sample_lake.as_uri()}/web/events/", "--catalog", sample_catalog).stdout == by_name.stdout


def test_what_was_never_listed_is_an_error(sample_catalog: str, sample_lake: Path) -> None:
    said = run("explain", "sales/nothing.parquet", "--catalog", sample_catalog).error
    assert said == f"'sales/nothing.parquet' is no table, and no crawl has listed such an object in {sample_lake.as_uri()}/"
    assert "near it are sales_orders" in run("explain", "sales_order", "--catalog", sample_catalog).error
    assert "the catalog is empty" in run("explain", "anything").error


def test_one_key_in_two_stores_is_explained_in_both(own_folder: Path) -> None:
    for name in ("one", "two"):
        (own_folder / name).mkdir()
        (own_folder / name / "orders.csv").write_text("id\n1\n")
        run("crawl", name)
    headings = [line for line in run("explain", "orders.csv").stdout.splitlines() if line.startswith("file://")]
    assert sorted(headings) == [f"{(own_folder / name).as_uri()}/orders.csv" for name in ("one", "two")]


def test_objects_are_the_same_as_in_the_crawl(sample_crawl: tuple[str, Answer]) -> None:
    catalog, crawl = sample_crawl
    objects = run("objects", "--json", "--catalog", catalog).json
    assert sorted(objects, key=lambda one: one["key"]) == crawl.json["objects"]


def test_objects_by_fate(sample_catalog: str) -> None:
    def keys(*options: str) -> list[str]:
        return [one["key"] for one in run("objects", "--json", "--catalog", sample_catalog, *options).json]

    assert keys("--failed") == ["sales/returns/returns.parquet"]
    assert len(keys("--skipped")) == 18
    assert len(keys("--skipped", "--failed")) == 19
    assert keys("--table", "suppliers") == ["suppliers.csv"]
    assert len(keys("--prefix", "sales/orders/year=2024/month=0")) == 12
    assert keys("--table", "sales_orders", "--prefix", PART) == [PART]
    assert keys("--location", "s3://elsewhere/") == []
    assert "near it are suppliers" in run("objects", "--table", "supplier", "--catalog", sample_catalog).error


def test_objects_off_a_terminal_are_lines_of_fields(sample_catalog: str) -> None:
    (line,) = run("objects", "--table", "suppliers", "--catalog", sample_catalog).stdout.splitlines()
    assert line.split("\t") == ["614", "suppliers.csv", "table", "suppliers"]


def test_objects_are_of_the_location_crawled_last_wherever_one_stands(own_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("one", "two"):
        (own_folder / name).mkdir()
        (own_folder / name / f"{name}.csv").write_text("id\n1\n")
        run("crawl", name, "--catalog", f"sqlite:///{own_folder}/c.db")
    monkeypatch.chdir("/")
    assert [one["key"] for one in run("objects", "--json", "--catalog", f"sqlite:///{own_folder}/c.db").json] == ["two.csv"]
