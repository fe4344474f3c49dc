"""`tables`, `show`, `runs`: what the catalog holds, for people and for programs."""

from __future__ import annotations

from pathlib import Path

from s3_catalog_tests.cli.commands import Answer, run


def test_tables_are_the_same_objects_as_in_the_crawl(sample_crawl: tuple[str, Answer]) -> None:
    catalog, crawl = sample_crawl
    answer = run("tables", "--json", "--catalog", catalog)
    assert answer.exit_code == 0
    assert answer.json == crawl.json["tables"]


def test_tables_for_people_name_every_table(sample_crawl: tuple[str, Answer]) -> None:
    catalog, crawl = sample_crawl
    lines = run("tables", "--catalog", catalog).stdout.splitlines()
    assert [line.split()[0] for line in lines[2:]] == [table["name"] for table in crawl.json["tables"]]
    (orders,) = (line.split() for line in lines if line.startswith("sales_orders"))
    assert orders == ["sales_orders", "parquet", "year,", "month", "7", "4,800", "12", "139.5", "kB"]


def test_tables_of_one_location(sample_catalog: str, sample_lake: Path) -> None:
    here = run("tables", "--json", "--catalog", sample_catalog, "--location", sample_lake).json
    assert here == run("tables", "--json", "--catalog", sample_catalog).json
    assert run("tables", "--json", "--catalog", sample_catalog, "--location", "s3://elsewhere/").json == []


def test_before_the_first_crawl_there_are_no_tables_and_no_catalog_is_made(own_folder: Path) -> None:
    assert (run("tables", "--json").json, run("tables").exit_code) == ([], 0)
    assert run("runs", "--json").json == run("objects", "--json").json == []
    assert list(own_folder.iterdir()) == []


def test_show_in_json_adds_partitions_evidence_and_history(sample_catalog: str) -> None:
    table = run("show", "sales_orders", "--json", "--catalog", sample_catalog).json
    assert table["partitions"][0]["values"] == ["2024", "01"]
    assert sum(partition["object_count"] for partition in table["partitions"]) == table["object_count"]
    assert table["evidence"]["rule"] == "hive partitions"
    assert table["evidence"]["runner_up"]
    assert [event["change"] for event in table["history"]] == ["added"]
    assert len(table["sampled_keys"]) == 12
    assert table["warnings"] == table["conflicts"] == []


def test_show_for_people_has_columns_partitions_and_reasons(sample_catalog: str) -> None:
    seen = run("show", "sales_orders", "--catalog", sample_catalog)
    assert seen.exit_code == 0
    for text in ("decimal(10,2)", "from the path", "hive partitions: ", "one table per directory", "2024", "4,800", "added"):
        assert text in seen.stdout


def test_show_names_the_file_behind_a_conflict(own_folder: Path) -> None:
    folder = own_folder / "lake/events"
    folder.mkdir(parents=True)
    (folder / "part-0.jsonl").write_text('{"id": 1, "at": {"x": 1}}\n')
    (folder / "part-1.jsonl").write_text('{"id": 2, "at": [1]}\n')
    run("crawl", own_folder / "lake")
    (conflict,) = run("show", "events", "--json").json["conflicts"]
    assert conflict["column"] == "at"
    assert conflict["resolved"] == "string"
    assert conflict["key"] in ("events/part-0.jsonl", "events/part-1.jsonl")
    assert f"by {conflict['key']}" in run("show", "events").stdout


def test_an_unknown_table_is_told_its_neighbours(sample_catalog: str) -> None:
    assert run("show", "sales_order", "--catalog", sample_catalog).error.startswith(
        "there is no table 'sales_order'; near it are sales_order"
    )
    assert run("show", "x").error == "there is no table 'x'; the catalog is empty"


def test_a_retired_table_is_said_to_be_retired(own_folder: Path) -> None:
    for name in ("a", "b"):
        (own_folder / "lake" / name).mkdir(parents=True)
        (own_folder / "lake" / name / f"{name}.csv").write_text("id\n1\n")
    run("crawl", own_folder / "lake")
    (own_folder / "lake/b/b.csv").unlink()
    run("crawl", own_folder / "lake", "--allow-retire")
    assert run("show", "b").error.startswith("the table 'b' was retired at 20")


def test_runs_tell_what_every_crawl_saw(own_folder: Path) -> None:
    (own_folder / "lake").mkdir()
    (own_folder / "lake/orders.csv").write_text("id\n1\n")
    for _ in range(2):
        run("crawl", "lake")
    newest, oldest = run("runs", "--json").json
    assert newest["counts"]["unchanged"] == oldest["counts"]["create"] == 1
    assert newest["receipt"]["get_requests"] == 0
    assert newest["status"] == "done"
    assert len(run("runs", "--limit", "1").stdout.splitlines()) == 3
