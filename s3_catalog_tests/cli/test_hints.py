"""Hints of the configuration, through the real command: believed where the bytes leave it open, checked, never silent."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from s3_catalog_tests.cli.commands import Answer, run
from s3_catalog_tests.lakes import write_parquet, write_text

VALUE = "4711-secret"


@pytest.fixture
def lake(own_folder: Path) -> Path:
    root = own_folder / "lake"
    write_text(root / "odd/x.csv", "a~b,c~d\n1~x,y~4\n5~z,w~8\n")
    write_text(root / "plain/y.csv", "id,zip\n1,2\n")
    write_parquet(root / "sales/orders/region=01/part-0.parquet", id=pa.array([1, 2], pa.int32()), code=[f"{VALUE}", "b"])
    return root


def crawl(lake: Path, **settings: Any) -> Answer:
    """Crawl with settings from a file, as people have them."""
    (lake.parent / "s3_catalog.yaml").write_text(json.dumps(settings), encoding="utf-8")
    return run("crawl", lake, "--json")


def types(answer: Answer, table: str) -> dict[str, str]:
    (found,) = (one for one in answer.json["tables"] if one["name"] == table)
    return {column["name"]: column["type"] for column in [*found["columns"], *found["partition_columns"]]}


def test_a_hint_is_believed_where_the_bytes_would_tell_another(lake: Path) -> None:
    answer = crawl(lake, hints=[{"path": "odd/*.csv", "csv": {"delimiter": "~"}}])
    assert (answer.exit_code, answer.stderr) == (0, "")
    assert types(answer, "odd_x") == {"a": "bigint", "b,c": "string", "d": "bigint"}
    assert run("show", "odd_x", "--json").json["hints"] == {"delimiter": "~"}
    assert "delimiter ~" in run("show", "odd_x").stdout


def test_types_of_columns_and_of_partition_columns_are_pinned(lake: Path) -> None:
    hint = {"path": "sales/**", "columns": {"id": "decimal(12,0)", "region": "string"}}
    assert types(crawl(lake), "sales_orders") == {"id": "int", "code": "string", "region": "string"}
    assert types(crawl(lake, hints=[hint]), "sales_orders") == {"id": "decimal(12,0)", "code": "string", "region": "string"}
    hint["columns"] = {"region": "int"}
    assert types(crawl(lake, hints=[hint]), "sales_orders") == {"id": "int", "code": "string", "region": "int"}


def test_a_pinned_table_brings_its_own_hints_which_win(lake: Path) -> None:
    pinned = {"path": "odd/*.csv", "name": "strange", "csv": {"delimiter": "~"}}
    answer = crawl(lake, tables=[pinned], hints=[{"path": "*.csv", "csv": {"delimiter": ","}}])
    assert types(answer, "strange") == {"a": "bigint", "b,c": "string", "d": "bigint"}


def test_changing_a_hint_reads_its_table_again_and_nothing_else(lake: Path) -> None:
    hint = {"path": "odd/*.csv", "csv": {"delimiter": "~"}}
    first, same = crawl(lake, hints=[hint]), crawl(lake, hints=[hint])
    changed = crawl(lake, hints=[{**hint, "csv": {"delimiter": ","}}])
    again = crawl(lake, hints=[{**hint, "csv": {"delimiter": ","}}])
    assert [answer.json["receipt"]["get_requests"] for answer in (first, same, changed, again)] == [3, 0, 1, 0]
    (newest, *_) = run("runs", "--json").json
    assert (newest["counts"]["unchanged"], newest["counts"]["update"]) == (3, 0)


@pytest.mark.parametrize(
    ("columns", "reason"),
    [
        ({"code": "bigint"}, "column 'code' is said to be bigint, and the files hold string"),
        ({"nothing": "int"}, "no file has a column 'nothing'; the columns are id, code"),
        ({"region": "date"}, "partition column 'region' is said to be date, and '01' is none"),
    ],
)
def test_a_hint_that_does_not_fit_fails_its_table_and_no_other(lake: Path, columns: dict[str, str], reason: str) -> None:
    answer = crawl(lake, hints=[{"path": "sales/**", "columns": columns}])
    assert answer.exit_code == 1
    key = "sales/orders/region=01/part-0.parquet"
    assert answer.json["ledger"]["failed"] == [{"key": key, "error": f"the hint does not fit: {reason}"}]
    assert [table["name"] for table in answer.json["tables"]] == ["odd_x", "plain_y"]
    assert reason in run("objects", "--failed").stdout
    assert reason in run("explain", key).stdout


@pytest.mark.parametrize(
    ("name", "text", "hint"),
    [
        ("t.csv", f"id,amount\n1,2\n2,{VALUE}\n", {"columns": {"amount": "bigint"}}),
        ("t.csv", f"id,amount\n1,01.02.2024\n2,{VALUE}\n", {"columns": {"amount": "date"}, "csv": {"date_format": "%d.%m.%Y"}}),
        ("t.jsonl", f'{{"amount": 1}}\n{{"amount": "{VALUE}"}}\n', {"columns": {"amount": "bigint"}}),
        ("t.xml", f"<r><x><amount>1</amount></x><x><amount>{VALUE}</amount></x></r>", {"rows": "r/x", "columns": {"amount": "double"}}),
    ],
)
def test_the_value_that_does_not_fit_is_shown_by_the_ledger_and_by_no_log(
    own_folder: Path, name: str, text: str, hint: dict[str, Any]
) -> None:
    write_text(own_folder / f"lake/{name}", text)
    (own_folder / "s3_catalog.yaml").write_text(json.dumps({"hints": [{"path": "t.*", **hint}]}))
    answer = run("--debug", "crawl", "lake", "--json")
    assert answer.exit_code == 1
    (failed,) = answer.json["ledger"]["failed"]
    assert failed["error"].startswith("the hint does not fit: column 'amount' is said to be ")
    assert VALUE in failed["error"]
    assert VALUE not in answer.stderr
    assert VALUE in run("objects", "--failed").stdout
    assert VALUE not in run("runs", "--json").stdout


def test_a_row_path_and_a_dialect_make_the_table(own_folder: Path) -> None:
    write_text(own_folder / "lake/api/page.json", '{"page": 1, "data": {"items": [{"id": 1}, {"id": 2}]}}')
    write_text(own_folder / "lake/old/y.csv", "made by hand\n;\n1;2,5\n3;NULL\n")
    csv = {"skip_lines": 2, "header": False, "delimiter": ";", "decimal": ",", "null_markers": ["NULL"]}
    answer = crawl(own_folder / "lake", hints=[{"path": "api/**", "rows": "data.items"}, {"path": "old/**", "csv": csv}])
    assert answer.json["ledger"]["failed"] == []
    assert types(answer, "api") == {"id": "bigint"}
    assert types(answer, "old_y") == {"column0": "bigint", "column1": "double"}


def test_the_log_of_a_table_is_believed_over_a_hint_for_its_partition_column(sample_lake: Path, own_folder: Path) -> None:
    for wanted, exit_code in (("int", 1), ("string", 0)):
        hints = [{"path": "*.parquet", "columns": {"site": wanted}}]
        (own_folder / "s3_catalog.yaml").write_text(json.dumps({"hints": hints}))
        answer = run("crawl", sample_lake / "warehouse/inventory", "--json")
        assert answer.exit_code == exit_code
        errors = {failed["error"] for failed in answer.json["ledger"]["failed"]}
        assert errors == (
            {"the hint does not fit: partition column 'site' is said to be int, and the log says string"} if exit_code else set()
        )


def test_a_hint_that_does_not_fit_leaves_the_published_table_as_it_was(lake: Path) -> None:
    crawl(lake)
    before = run("show", "sales_orders", "--json").json
    assert crawl(lake, hints=[{"path": "sales/**", "columns": {"code": "bigint"}}]).exit_code == 1
    assert run("show", "sales_orders", "--json").json == before
    assert crawl(lake).json["receipt"]["get_requests"] == 0


def test_a_hint_that_meets_no_table_is_a_warning(lake: Path) -> None:
    answer = crawl(lake, hints=[{"path": "exprots/**/*.csv", "csv": {"header": False}}])
    assert answer.exit_code == 0
    assert answer.stderr == "warning: hint meets no table: no object of a table matches path=exprots/**/*.csv\n"


def test_a_crawl_of_one_scope_says_nothing_of_hints_for_others(lake: Path) -> None:
    (lake.parent / "s3_catalog.yaml").write_text(
        json.dumps({"hints": [{"path": "odd/**", "sheet": "x"}, {"path": "plain/z*", "sheet": "x"}]})
    )
    answer = run("crawl", lake, "--json", "--scope", "plain")
    assert answer.stderr == "warning: hint meets no table: no object of a table matches path=plain/z*\n"


def test_wrong_hints_stop_the_crawl_before_it_begins(lake: Path) -> None:
    (lake.parent / "s3_catalog.yaml").write_text(
        "hints:\n  - path: 'x/*'\n    columns:\n      a: integer\n    csv:\n      delimiter: ';;'\n"
    )
    answer = run("crawl", lake)
    assert answer.exit_code == 2
    first, second = answer.stderr.splitlines()
    assert first.startswith("error: s3_catalog.yaml:4: hints[0].columns.a: unknown type; choose one of boolean, tinyint, ")
    assert second.startswith("error: s3_catalog.yaml:6: hints[0].csv.delimiter: not a delimiter: ")
