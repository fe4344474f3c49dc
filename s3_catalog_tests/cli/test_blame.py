"""`show --blame` and the figures of `show`: which file brought, changed and dropped a column, what its values lie between."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from s3_catalog_tests.cli.commands import Answer, run
from s3_catalog_tests.cli.test_process import on_a_terminal
from s3_catalog_tests.lakes import write_parquet, write_text

HOSTILE = "\x1b[31m[red]evil\n"


def write_months(lake: Path, months: int) -> None:
    """One file a month: `note` is gone from the third on, `discount` comes with it, and `amount` becomes wider."""
    for month in range(1, months + 1):
        late = month >= 3
        columns: dict[str, Any] = {"id": [month], "amount": pa.array([month], pa.int64() if late else pa.int32())}
        columns["discount" if late else "note"] = [float("nan")] if late else ["x"]
        path = lake / f"sales/orders/month={month:02}/part-0.parquet"
        write_parquet(path, **columns)
        os.utime(path, (1_700_000_000 + month,) * 2)


@pytest.fixture
def lake(own_folder: Path) -> Path:
    root = own_folder / "lake"
    write_months(root, 4)
    return root


def crawl(lake: Path, **settings: Any) -> Answer:
    (lake.parent / "s3_catalog.yaml").write_text(json.dumps(settings), encoding="utf-8")
    answer = run("crawl", lake, "--json")
    assert answer.exit_code == 0, answer
    return answer


def column_lines(shown: str) -> dict[str, list[str]]:
    """Column -> the lines below its name."""
    blocks = [block.splitlines() for block in shown.split("\n\n")[1:]]
    return {lines[0]: [line.strip() for line in lines[1:]] for lines in blocks}


def test_blame_names_file_and_partition_of_every_change(lake: Path) -> None:
    crawl(lake)
    lines = column_lines(run("show", "sales_orders", "--blame").stdout)
    first, last = "month=01/part-0.parquet (month=01)", "month=04/part-0.parquet (month=04)"
    assert lines["id  bigint"] == [f"first in       {first}", f"last in        {last}"]
    assert lines["amount  bigint"] == [
        f"first in       {first}",
        "changed in     month=03/part-0.parquet (month=03): int to bigint, exact",
        f"last in        {last}",
    ]
    assert lines["discount  double"] == ["added in       month=03/part-0.parquet (month=03), exact", f"last in        {last}"]
    assert lines["note  string"] == [f"first in       {first}", "dropped after  month=02/part-0.parquet (month=02), exact"]


def test_blame_in_json_is_the_blame_alone(lake: Path) -> None:
    crawl(lake)
    found = run("show", "sales_orders", "--blame", "--json").json
    assert (found["name"], found["partition_columns"]) == ("sales_orders", ["month"])
    blame = {column["name"]: column["blame"] for column in found["columns"]}
    key = "sales/orders/month={}/part-0.parquet"
    assert blame["note"] == {
        "first": {"key": key.format("01"), "partition": ["01"]},
        "last": {"key": key.format("02"), "partition": ["02"]},
        "added": False,
        "dropped": True,
        "exact": True,
        "changes": [],
    }
    assert [(c["file"]["key"], c["before"], c["after"], c["exact"]) for c in blame["amount"]["changes"]] == [
        (key.format("03"), "int", "bigint", True)
    ]
    whole = run("show", "sales_orders", "--json").json
    assert {column["name"]: column["blame"] for column in whole["column_details"]} == blame


def test_blame_says_where_unread_files_leave_it_open(lake: Path) -> None:
    write_months(lake, 30)
    crawl(lake, inference={"blame_files": 0})
    open_lines = column_lines(run("show", "sales_orders", "--blame").stdout)["discount  double"]
    assert open_lines[0].endswith(", between files read")
    crawl(lake, inference={"blame_files": 8})
    assert column_lines(run("show", "sales_orders", "--blame").stdout)["discount  double"][0] == (
        "added in       month=03/part-0.parquet (month=03), exact"
    )


def test_blame_fits_a_terminal_of_80_columns(lake: Path) -> None:
    crawl(lake)
    assert all(
        len(line.rstrip("\r")) <= 80 + len("\x1b[1m\x1b[0m") * 4 for line in on_a_terminal("show", "sales_orders", "--blame").split("\n")
    )


def test_a_table_without_columns_has_no_blame(own_folder: Path) -> None:
    write_text(own_folder / "lake/docs/a.pdf", "%PDF")
    crawl(own_folder / "lake")
    assert run("show", "docs_files", "--blame").stdout.splitlines()[1:] == ["where its columns come from is not known"]
    assert run("show", "docs_files", "--blame", "--json").json["columns"] == []


def test_show_has_figures_per_column(lake: Path) -> None:
    write_parquet(lake / "t/a.parquet", n=[1, None, 3], word=["b", "a", None], ratio=[0.5, float("nan"), None])
    crawl(lake)
    figures = {one["name"]: one["statistics"] for one in run("show", "t_a", "--json").json["column_details"]}
    known = ("null_count", "min", "max", "exact", "complete")
    assert {name: figures["n"][name] for name in known} == {"null_count": 1, "min": "1", "max": "3", "exact": True, "complete": True}
    assert (figures["word"]["min"], figures["word"]["max"], figures["ratio"]["null_count"]) == ("a", "b", 1)
    header, _, n, word, *_ = run("show", "t_a").stdout.split("\n\n")[1].splitlines()
    assert header.split() == ["column", "type", "nulls", "distinct", "min", "max", "mean", "length", "size"]
    assert n.split()[:7] == ["n", "bigint", "1", "2", "1", "3", "2"]
    assert word.split()[:7] == ["word", "string", "1", "2", "a", "b", "1"]


def test_show_says_of_which_files_figures_are(lake: Path) -> None:
    write_months(lake, 30)
    crawl(lake, inference={"blame_files": 0})
    assert "figures are of 3 files of 30" in run("show", "sales_orders").stdout


def test_a_text_file_says_how_sure_its_types_are(lake: Path) -> None:
    write_text(lake / "c/zips.csv", "zip,n\n00123,1\n45678,2\n")
    crawl(lake)
    certainty = {one["name"]: one["certainty"] for one in run("show", "c_zips", "--json").json["column_details"]}
    assert certainty["n"] == "0.75: all 2 values are integers"
    seen = run("show", "c_zips").stdout
    assert "certainty" in seen.split("\n\n")[1]
    assert "certainty.n" not in seen


def test_rows_are_estimated_where_not_all_files_are_counted(lake: Path) -> None:
    write_months(lake, 30)
    answer = crawl(lake)
    (table,) = answer.json["tables"]
    estimate = table["row_estimate"]
    assert table["row_count"] is None
    assert estimate["estimated"] is True
    assert estimate["low"] <= estimate["rows"] <= estimate["high"]
    assert run("tables", "--json").json == answer.json["tables"]
    assert run("show", "sales_orders", "--json").json["row_estimate"] == estimate
    assert f"about {estimate['rows']} (estimated, {estimate['low']} to {estimate['high']})" in run("show", "sales_orders").stdout
    assert f" ~{estimate['rows']} " in run("tables").stdout


def test_rows_that_are_counted_have_no_estimate(lake: Path) -> None:
    (table,) = crawl(lake).json["tables"]
    assert (table["row_count"], table["row_estimate"]) == (4, None)


def test_hostile_names_and_values_cannot_reach_the_terminal(lake: Path) -> None:
    write_parquet(lake / "t/a.parquet", **{HOSTILE: [HOSTILE]})
    crawl(lake)
    for options in ([], ["--blame"], ["--json"], ["--blame", "--json"]):
        seen = run("show", "t_a", *options).stdout
        assert "\x1b" not in seen
        assert "[red]evil" in seen
