"""`scan`: the detectors alone, over locations or tables: what they find, what no tag covers, and nothing written."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from s3_catalog_tests.cli.commands import run
from s3_catalog_tests.cli.described import PEOPLE, write_csv, write_people
from s3_catalog_tests.cli.test_process import on_a_terminal
from s3_catalog_tests.lakes import write_parquet, write_text


@pytest.fixture
def lake(own_folder: Path) -> Path:
    root = own_folder / "lake"
    write_people(root)
    write_csv(root / "plain/plain.csv", ["id", "kind"], [[n, "ab"[n % 2]] for n in range(10)])
    return root


def test_personal_data_without_a_tag_is_exit_code_1_until_a_crawl_tags_it(lake: Path) -> None:
    before = run("scan", lake)
    assert before.exit_code == 1
    assert "not covered by a tag of the catalog" in before.stdout
    run("crawl", lake)
    after = run("scan", lake)
    assert after.exit_code == 0
    assert "2 finds in 1 table, all covered by tags; 2 tables, 50 rows looked at" in after.stdout


def test_nothing_is_written(lake: Path, own_folder: Path) -> None:
    run("scan", lake)
    assert sorted(path.name for path in own_folder.iterdir()) == ["lake"]
    run("crawl", lake)
    database = own_folder / ".s3_catalog/s3_catalog.db"
    before = (database.read_bytes(), run("runs", "--json").stdout)
    run("scan", lake)
    run("scan", "crm_people")
    assert (database.read_bytes(), run("runs", "--json").stdout) == before


def test_people_see_kind_share_confidence_and_evidence(lake: Path) -> None:
    name, header, _, email, note, *_ = run("scan", lake).stdout.splitlines()
    assert name == "crm_people"
    assert header.split() == ["column", "holds", "share", "sure", "tag", "evidence"]
    assert re.match(r"email +email +100% +\d\.\d\d +missing +the column's name and 40 of 40 distinct values: email", email)
    assert re.match(r"note +email, inside +\d+% +\d\.\d\d +missing +8 of 9 distinct values hold one: email", note)


def test_json_has_every_find_and_no_value(lake: Path) -> None:
    answer = run("scan", lake, "--json")
    people, plain = answer.json["tables"]
    assert (people["name"], people["rows"], plain["found"], answer.json["unread"]) == ("crm_people", 40, [], [])
    email, note = people["found"]
    assert (email["column"], email["kind"], email["share"], email["values_seen"]) == ("email", "email", 1.0, 40)
    assert (email["inside"], note["inside"], email["covered"]) == (False, True, False)
    assert "PII.Email" in email["tags"]
    shown = answer.stdout + run("scan", lake).stdout + on_a_terminal("scan", lake)
    assert [address for address in PEOPLE if address.partition("@")[0] in shown] == []


def test_tables_of_the_catalog_are_read_afresh(lake: Path) -> None:
    run("crawl", lake)
    assert run("scan", "plain").exit_code == 0
    write_csv(lake / "plain/plain.csv", ["id", "contact"], [[n, PEOPLE[n % 4]] for n in range(10)])
    found = run("scan", "plain", "--json")
    assert found.exit_code == 1
    assert [(table["name"], [one["column"] for one in table["found"]]) for table in found.json["tables"]] == [("plain", ["contact"])]


def test_several_subjects_are_scanned_together_and_unknown_ones_are_wrong_use(lake: Path) -> None:
    run("crawl", lake)
    names = [table["name"] for table in run("scan", "crm_people", "plain", "--json").json["tables"]]
    assert names == ["crm_people", "plain"]
    assert run("scan", "crm_people", "peple").error.startswith("there is no table 'peple'")
    assert run("scan", "no/such/folder").exit_code == 2
    assert run("scan", "ftp://x/").exit_code == 2


def test_without_a_subject_the_location_of_the_configuration_is_scanned(lake: Path) -> None:
    (lake.parent / "s3_catalog.yaml").write_text(f"location: {lake}\n")
    assert [table["name"] for table in run("scan", "--json").json["tables"]] == ["crm_people", "plain"]


def test_a_tag_of_another_kind_covers_nothing_and_one_of_the_table_covers_its_kind(lake: Path) -> None:
    config = lake.parent / "s3_catalog.yaml"
    config.write_text(json.dumps({"samples": {"detectors_off": ["email"]}, "tags": {"paths": "crm:PII.Phone"}}))
    run("crawl", lake)
    config.write_text("{}")
    assert run("scan", "crm_people").exit_code == 1
    config.write_text(json.dumps({"samples": {"detectors_off": ["email"]}, "tags": {"paths": "crm:PII.Email"}}))
    run("crawl", lake)
    config.write_text("{}")
    assert run("scan", "crm_people").exit_code == 0


def test_what_could_not_be_looked_at_is_named_and_what_is_gone_too(lake: Path) -> None:
    write_text(lake / "broken/broken.parquet", "PAR1 but not really")
    answer = run("scan", lake, "--json")
    assert answer.json["unread"][0]["name"] == "broken"
    assert answer.stderr.startswith("warning: broken was not looked at: not readable as parquet")
    run("crawl", lake)
    (lake / "plain/plain.csv").unlink()
    gone = run("scan", "plain")
    assert (gone.exit_code, gone.stderr) == (0, "warning: plain was not looked at: none of its files was found\n")


def test_nested_and_partitioned_data_are_looked_into(own_folder: Path) -> None:
    people = [{"contact": {"mail": PEOPLE[n % 4].replace("@", f"{n}@")}} for n in range(20)]
    write_parquet(own_folder / "lake/t/day=2024-01-01/a.parquet", who=people, n=list(range(20)))
    (found,) = run("scan", "lake", "--json").json["tables"][0]["found"]
    assert (found["column"], found["kind"]) == ("who.contact.mail", "email")


def test_a_terminal_sees_how_far_it_is(lake: Path) -> None:
    assert "scanning tables" in on_a_terminal("scan", lake)
    assert run("scan", lake).stderr == ""


def test_the_help_tells_the_exit_code() -> None:
    assert "Exit code 1: personal data was found that no tag of the catalog covers yet" in " ".join(run("scan", "--help").stdout.split())
