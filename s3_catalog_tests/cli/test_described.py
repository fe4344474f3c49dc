"""Tags, samples and profiles in `crawl`, `tables` and `show`: complete for programs, harmless and readable for people."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from s3_catalog_tests.cli.commands import Answer, run
from s3_catalog_tests.cli.described import PEOPLE, write_csv, write_hostile, write_people
from s3_catalog_tests.cli.test_process import on_a_terminal
from s3_catalog_tests.lakes import write_parquet

FIGURES = ["basis", "bounds_basis", "rows", "null_count", "distinct", "distinct_method", "min", "max", "mean", "quantiles"]
FIGURES += ["min_length", "max_length", "mean_length", "top_values", "histogram"]
CONTROL = re.compile(r"[\x00-\x09\x0b-\x1f\x7f\u202a-\u202e]")


@pytest.fixture
def lake(own_folder: Path) -> Path:
    root = own_folder / "lake"
    write_people(root)
    return root


def crawl(lake: Path) -> Answer:
    answer = run("crawl", lake, "--json")
    assert answer.exit_code == 0, answer
    return answer


def plain(text: str) -> str:
    """What a terminal shows, without its colours."""
    return re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", text).replace("\r", "")


def test_crawl_in_json_has_tags_and_rows_of_every_table(lake: Path) -> None:
    (table,) = crawl(lake).json["tables"]
    assert {"tag", "column", "why"} == set().union(*table["tags"])
    assert {(tag["tag"], tag["column"]) for tag in table["tags"]} >= {("PII.Email", "email"), ("PII.Email", "note")}
    assert all(tag["why"] for tag in table["tags"])
    assert [list(row) for row in table["sample_rows"]] == [["id", "email", "score", "note"]] * 40
    assert table["sample_rows"][5]["email"] == "<email>"
    assert table["sample_rows"][5]["note"] == "please write to <email> about 5"


def test_a_table_without_rows_has_none_in_json(sample_crawl: tuple[str, Answer]) -> None:
    tables = {table["name"]: table for table in sample_crawl[1].json["tables"]}
    assert tables["media_files"]["sample_rows"] == tables["media_files"]["tags"] == []


def test_show_in_json_has_all_that_is_known(lake: Path) -> None:
    crawl(lake)
    table = run("show", "crm_people", "--json").json
    profile = {figures["column"]: figures for figures in table["profile"]}
    assert [list(figures) for figures in table["profile"]] == [["column", *FIGURES]] * 4
    assert (profile["id"]["basis"], profile["id"]["rows"], profile["id"]["distinct"], profile["id"]["mean"]) == ("sample", 40, 40, 19.5)
    assert profile["id"]["quantiles"][2] == {"share": 0.5, "value": "19"}
    assert profile["note"]["top_values"][0] == {"value": "nothing", "count": 32}
    assert profile["email"]["top_values"] == [{"value": "<email>", "count": 40}]
    assert (profile["email"]["min"], profile["email"]["max"]) == (None, None)
    (email,) = (tag for tag in table["tags"] if (tag["tag"], tag["column"]) == ("PII.Email", "email"))
    assert (email["rule"], email["confidence"] > 0.9) == ("email", True)
    assert table["sample"] == {"masked": ["email", "note"], "withheld": None}
    assert table["files"]["largest"] == table["size_bytes"]
    assert (table["owners"], table["description"], table["column_descriptions"], table["description_warnings"]) == ([], None, {}, [])


def test_no_value_that_is_masked_is_in_any_output(lake: Path) -> None:
    shown = crawl(lake).stdout + run("tables", "--json").stdout + on_a_terminal("show", "crm_people", columns=200)
    for options in ([], ["--json"], ["--profile"], ["--sample"], ["--blame"]):
        shown += run("show", "crm_people", *options).stdout
    assert shown.count("<email>") > 100
    assert [address for address in PEOPLE if address.partition("@")[0] in shown] == []


def test_show_for_people_has_tags_figures_and_rows(lake: Path) -> None:
    crawl(lake)
    facts, columns, sample, more = run("show", "crm_people").stdout.split("\n\n")
    assert re.search(r"tagged +PII\.\w+, PII\.\w+ on email \(email: the column's name and 40 of 40 distinct values: email\)", facts)
    assert columns.splitlines()[0].split() == ["column", "type", "nulls", "distinct", "min", "max", "mean", "length", "certainty"]
    assert columns.splitlines()[2].split()[:7] == ["id", "bigint", "0%", "40", "0", "39", "19.5"]
    assert columns.splitlines()[-1] == "figures are of 40 sampled rows"
    assert sample.splitlines()[0].split() == ["id", "email", "score", "note"]
    assert sample.splitlines()[2].split() == ["0", "<email>", "0.0", "please", "write", "to", "<email>", "about", "0"]
    assert sample.splitlines()[-1] == "and 32 more rows of the sample: show --sample"
    assert more.startswith("more: --profile for ")


def test_people_choose_how_many_rows_they_see(lake: Path) -> None:
    crawl(lake)
    assert "and 38 more rows" in run("show", "crm_people", "--rows", "2").stdout
    assert "more row" not in run("show", "crm_people", "--rows", "0").stdout
    assert run("show", "crm_people", "--sample", "--rows", "0").stdout == "crm_people\nno row was asked for\n"
    whole = run("show", "crm_people", "--sample").stdout
    assert (whole.count("<email>"), "more row" in whole) == (48, False)
    assert "and 37 more rows" in run("show", "crm_people", "--sample", "--rows", "3").stdout
    assert run("show", "crm_people", "--sample", "--blame").error == "choose one of --profile, --sample and --blame"


def test_a_profile_names_every_figure_and_what_it_comes_from(lake: Path) -> None:
    write_parquet(lake / "t/a.parquet", n=list(range(100)), word=["a", "b"] * 50)
    crawl(lake)
    blocks = {block.split()[0]: block for block in run("show", "t_a", "--profile").stdout.split("\n\n")[1:]}
    assert re.search(r"nulls +0  by footers or the log", blocks["n"])
    assert re.search(r"range +0 to 99  by footers or the log", blocks["n"])
    assert re.search(r"mean +49\.5  of 100 sampled rows", blocks["n"])
    assert re.search(r"quantiles +5% \d+, 25% \d+, 50% \d+, 75% \d+, 95% \d+  of 100 sampled rows", blocks["n"])
    assert re.search(r"histogram +█{10}  0 to 99 ", blocks["n"])
    assert re.search(r"distinct +2  exact, of 100 sampled rows", blocks["word"])
    assert re.search(r"frequent +50  a\n +50  b", blocks["word"])


def test_a_wide_sample_says_what_does_not_fit_and_shows_it_when_asked(own_folder: Path) -> None:
    names = [f"column_{n:02}" for n in range(30)]
    write_csv(own_folder / "lake/wide/wide.csv", names, [[f"value {n} of {row}" for n in range(30)] for row in range(3)])
    crawl(own_folder / "lake")
    seen = plain(on_a_terminal("show", "wide", "--rows", "3"))
    assert max(map(len, seen.splitlines())) <= 80
    assert re.search(r"and 2\d more columns, column_", seen)
    whole = plain(on_a_terminal("show", "wide", "--sample"))
    assert all(f"value {n} of {row}" in whole for n in range(30) for row in range(3))
    assert max(map(len, whole.splitlines())) <= 80
    piped = run("show", "wide").stdout
    assert all(f"value {n} of {row}" in piped for n in range(30) for row in range(3))


def test_hostile_values_are_shown_harmlessly(own_folder: Path) -> None:
    write_hostile(own_folder / "lake")
    write_parquet(
        own_folder / "lake/real/a.parquet", real=[1.5, float("nan"), float("inf"), -float("inf")], blob=[b"\xff\x00", b"", None, b"a"]
    )
    shown = {"crawl": crawl(own_folder / "lake").stdout}
    for table in ("odd_values", "long_lines", "real_a"):
        for options in ([], ["--json"], ["--profile"], ["--sample"]):
            shown[f"{table} {options}"] = run("show", table, *options).stdout
    assert {what: CONTROL.findall(text) for what, text in shown.items() if CONTROL.search(text)} == {}
    assert max(map(len, shown.values())) < 200_000
    assert "[red]markup[/red]" in shown["odd_values ['--sample']"]
    assert r"\x1b[2J\x1b[31mred" in shown["odd_values ['--sample']"]
    for what in ("crawl", "odd_values ['--json']", "long_lines ['--json']", "real_a ['--json']"):
        json.loads(shown[what], parse_constant=lambda name: pytest.fail(f"{name} is no JSON"))
    on_screen = on_a_terminal("show", "odd_values", "--sample")
    assert "\x1b[2J" not in on_screen
    assert "\u202e" not in on_screen


def test_tables_with_personal_data_are_marked(lake: Path) -> None:
    write_csv(lake / "plain/plain.csv", ["id", "kind"], [[n, "ab"[n % 2]] for n in range(10)])
    crawl(lake)
    for lines in (run("tables").stdout.splitlines(), plain(on_a_terminal("tables", columns=120)).splitlines()):
        assert "personal data" in lines[0]
        assert [line.split()[0] for line in lines if "Email" in line] == ["crm_people"]
    narrow = plain(on_a_terminal("tables")).splitlines()
    assert [line.split()[0] for line in narrow if line.rstrip().endswith("PII")] == ["crm_people"]
    assert "personal  1 table with personal data" in run("crawl", lake).stdout


def test_a_sample_that_is_withheld_says_why(lake: Path) -> None:
    (lake.parent / "s3_catalog.yaml").write_text('samples: {withhold: {paths: ["crm/**"]}}')
    table = crawl(lake).json["tables"][0]
    assert table["sample_rows"] == []
    assert table["tags"]
    found = run("show", "crm_people", "--json").json
    assert "crm/**" in found["sample"]["withheld"]
    for options in ([], ["--sample"]):
        assert "withheld: samples are off for the path 'crm/**'" in run("show", "crm_people", *options).stdout


def test_what_people_wrote_of_a_table_is_shown(lake: Path) -> None:
    said = {"description": "All our people.\n\x1b[31mTwo lines.", "owners": ["crm@example.org"], "columns": {"score": "From 0 to 100."}}
    (lake / "crm/_catalog.yaml").write_text(json.dumps(said))
    crawl(lake)
    table = run("show", "crm_people", "--json").json
    assert (table["owners"], table["column_descriptions"]) == (["crm@example.org"], {"score": "From 0 to 100."})
    seen = run("show", "crm_people").stdout
    assert re.search(r"about +All our people\.\n", seen)
    assert re.search(r"owner +crm@example\.org\n", seen)
    assert "score  From 0 to 100." in seen
    assert "\x1b" not in seen
