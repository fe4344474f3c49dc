"""`crawl`: the shape of its JSON, what people see, what its options do, its exit codes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from s3_catalog_tests.cli.commands import Answer, run

Fill = Callable[[dict[str, bytes]], Path]

TABLE_KEYS = ["name", "location", "format", "columns", "partition_columns", "object_count", "size_bytes", "row_count", "row_estimate"]
TABLE_KEYS += ["tags", "sample_rows"]
ORDERS = b"id,amount\n1,2.5\n2,3.5\n"


def only(answer: Answer) -> Any:
    assert answer.exit_code == 0, answer
    (table,) = answer.json["tables"]
    return table


def test_json_has_the_promised_shape(sample_crawl: tuple[str, Answer]) -> None:
    answer = sample_crawl[1].json
    assert list(answer) == ["tables", "ledger", "receipt", "objects"]
    assert all(list(table) == TABLE_KEYS for table in answer["tables"])
    assert all(list(column) == ["name", "type", "nullable"] for table in answer["tables"] for column in table["columns"])
    assert all(list(column) == ["name", "type"] for table in answer["tables"] for column in table["partition_columns"])
    assert list(answer["ledger"]) == ["listed", "in_tables", "skipped", "failed"]
    assert list(answer["receipt"]) == ["list_requests", "get_requests", "bytes_read", "seconds"]
    assert all(list(one) == ["key", "table", "reason"] for one in answer["objects"])


def test_json_is_all_that_standard_output_gets(sample_crawl: tuple[str, Answer]) -> None:
    assert sample_crawl[1].stdout.startswith('{"tables": [')
    assert sample_crawl[1].stdout.endswith("}\n")
    assert sample_crawl[1].stderr == ""


def test_tables_in_json_are_as_published(sample_crawl: tuple[str, Answer], sample_lake: Path) -> None:
    tables = {table["name"]: table for table in sample_crawl[1].json["tables"]}
    orders = tables["sales_orders"]
    assert orders["location"] == f"{sample_lake.as_uri()}/sales/orders/"
    assert (orders["format"], orders["object_count"], orders["row_count"]) == ("parquet", 12, 4800)
    assert orders["size_bytes"] == sum(path.stat().st_size for path in (sample_lake / "sales/orders").rglob("*.parquet"))
    assert orders["columns"][:4] == [
        {"name": "order_id", "type": "bigint", "nullable": True},
        {"name": "customer_id", "type": "bigint", "nullable": True},
        {"name": "ordered_at", "type": "timestamptz", "nullable": True},
        {"name": "amount", "type": "decimal(10,2)", "nullable": True},
    ]
    assert orders["partition_columns"] == [{"name": "year", "type": "int"}, {"name": "month", "type": "int"}]
    assert "sales_returns" not in tables, "a table that could not be read is not published"


def test_the_ledger_in_json_accounts_for_every_object(sample_crawl: tuple[str, Answer], sample_lake: Path) -> None:
    answer = sample_crawl[1].json
    ledger, objects, tables = answer["ledger"], answer["objects"], answer["tables"]
    assert [one["key"] for one in objects] == sorted(p.relative_to(sample_lake).as_posix() for p in sample_lake.rglob("*") if p.is_file())
    assert ledger["listed"] == len(objects) == ledger["in_tables"] + sum(ledger["skipped"].values()) + len(ledger["failed"])
    assert all((one["table"] is None) != (one["reason"] is None) for one in objects)
    assert Counter(one["table"] for one in objects if one["table"]) == {table["name"]: table["object_count"] for table in tables}
    assert [failed["key"] for failed in ledger["failed"]] == ["sales/returns/returns.parquet"]
    assert len({table["name"] for table in tables}) == len(tables)


def test_without_objects_json_has_none(fill_folder: Fill, own_folder: Path) -> None:
    answer = run("crawl", fill_folder({"orders.csv": ORDERS}), "--json")
    assert list(answer.json) == ["tables", "ledger", "receipt"]
    assert run("crawl", own_folder, "--objects").error.startswith("--objects goes with --json")


def test_failures_in_the_ledger_are_exit_code_1_and_are_named(sample_crawl: tuple[str, Answer], sample_lake: Path) -> None:
    assert sample_crawl[1].exit_code == 1
    seen = run("crawl", sample_lake, "--catalog", "sqlite:///other.db")
    assert seen.exit_code == 1
    assert "failed sales/returns/returns.parquet: not readable as parquet: truncated" in seen.stdout
    assert "100 listed: 81 in tables, 18 skipped, 1 failed" in seen.stdout


def test_people_see_what_is_new_and_what_changed(fill_folder: Fill) -> None:
    folder = fill_folder({"orders/orders.csv": ORDERS, "customers/c.csv": ORDERS})
    assert "2 new" in run("crawl", folder).stdout
    assert "2 unchanged" in run("crawl", folder).stdout
    (folder / "orders/orders.csv").write_bytes(b"id,amount,note\n1,2.5,x\n")
    assert "1 changed, 1 unchanged" in run("crawl", folder).stdout


def test_without_a_url_the_configuration_says_what_to_crawl(fill_folder: Fill, own_folder: Path) -> None:
    folder = fill_folder({"a/a.csv": ORDERS, "b/b.old.csv": ORDERS})
    (own_folder / "s3_catalog.yaml").write_text(f"location: {folder}\nexclude: ['**/*.old.csv']\n")
    assert only(run("crawl", "--json"))["name"] == "a"
    (own_folder / "other.yaml").write_text(f"location: {folder}\ninclude: 'b/**'\n")
    assert only(run("crawl", "--json", "--config", "other.yaml", "--catalog", "sqlite:///b.db"))["location"].endswith("/b/b.old.csv")


def test_patterns_and_sizes_set_objects_aside(fill_folder: Fill) -> None:
    folder = fill_folder({"a/a.csv": ORDERS, "b/b.csv": ORDERS, "c/c.csv": ORDERS * 100})
    arguments = ["--include", "a/*", "--include", "c/*", "--max-object-size", "1 kB", "--exclude", "*.bak", "--json"]
    answer = run("crawl", folder, *arguments)
    assert only(answer)["name"] == "a"
    assert answer.json["ledger"]["skipped"] == {"larger than the maximum object size": 1, "matches no include pattern": 1}


def test_a_scope_is_one_folder_and_leaves_the_others_alone(fill_folder: Fill) -> None:
    folder = fill_folder({"a/a.csv": ORDERS, "b/b.csv": ORDERS})
    run("crawl", folder)
    (folder / "b/b.csv").unlink()
    assert only(run("crawl", folder, "--scope", "a", "--json"))["name"] == "a"
    assert [table["name"] for table in run("tables", "--json").json] == ["a", "b"]
    assert "is not a scope: write (root) or the prefix of a folder, 1 deep" in run("crawl", folder, "--scope", "a/deep/").error


def test_a_bulk_retirement_is_withheld_with_a_warning_until_it_is_allowed(fill_folder: Fill) -> None:
    folder = fill_folder({"a/a.csv": ORDERS, "b/b.csv": ORDERS})
    run("crawl", folder)
    (folder / "b/b.csv").unlink()
    withheld = run("crawl", folder)
    assert withheld.exit_code == 0
    assert withheld.stderr.startswith("warning: 1 table stays although it is gone: ")
    assert [table["name"] for table in run("tables", "--json").json] == ["a", "b"]
    allowed = run("crawl", folder, "--allow-retire")
    assert (allowed.exit_code, allowed.stderr) == (0, "")
    assert [table["name"] for table in run("tables", "--json").json] == ["a"]


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (["ftp://x/"], "unknown scheme ftp://"),
        (["nowhere"], "the folder does not exist"),
        ([".", "--catalog", "catalog.db"], "not a URL"),
        ([".", "--catalog", "mysql://user:s3cret@host/db"], "unknown catalog 'mysql'"),
        ([".", "--config", "missing.yaml"], "missing.yaml: No such file or directory"),
        ([".", "--max-object-size", "big"], "max_object_size"),
        ([".", "--include", "{a,b}" * 20], "is not a glob"),
        ([".", "--endpoint-url", "https://user:s3cret@host"], "credentials do not belong in a URL"),
        ([".", "--ca-bundle", "missing.pem"], "ca_bundle"),
        ([".", "--profile", "none", "--anonymous"], "anonymous excludes"),
    ],
)
def test_wrong_use_is_one_line(arguments: list[str], reason: str) -> None:
    error = run("crawl", *arguments).error
    assert reason in error
    assert "s3cret" not in error


def test_a_wrong_configuration_is_one_line_per_problem(own_folder: Path) -> None:
    (own_folder / "s3_catalog.yaml").write_text("location: ftp://x\nlocatoin: y\n")
    answer = run("crawl")
    assert answer.exit_code == 2
    assert [line.split(": ")[:2] for line in answer.stderr.splitlines()] == [
        ["error", "s3_catalog.yaml:1"],
        ["error", "s3_catalog.yaml:2"],
    ]
