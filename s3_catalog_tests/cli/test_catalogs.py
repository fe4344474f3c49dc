"""Several catalogs through the real command: plan, apply, publish, compare, and what a crawl does when one of them is down."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pyarrow as pa
import pytest

from s3_catalog.catalogs.sql import SqlCatalog
from s3_catalog_tests.cli.commands import Answer, run
from s3_catalog_tests.lakes import write_parquet
from s3_catalog_tests.openmetadata.conftest import double, token
from s3_catalog_tests.openmetadata.server import BOT_TOKEN, Double
from s3_catalog_tests.servers import S3Server

__all__ = ["double", "token"]

NAMES = [f"raw_t{number}" for number in range(4)]
OTHER = "sqlite:///other.db"
DESCRIPTION = {"op": "add", "path": "/description", "value": "By hand."}


@pytest.fixture
def lake(own_folder: Path) -> Path:
    for name in NAMES:
        write_table(own_folder / "lake", name)
    return own_folder / "lake"


@pytest.fixture
def configured(lake: Path, double: Double) -> Double:
    """A lake whose catalog, a second database and an OpenMetadata server are in the configuration."""
    publish_to = [{"url": OTHER, "name": "other"}, {"url": double.url()}]
    settings = {"location": str(lake), "catalog": "sqlite:///catalog.db", "publish_to": publish_to}
    Path("s3_catalog.yaml").write_text(json.dumps(settings), encoding="utf-8")
    return double


def write_table(lake: Path, name: str, *columns: str) -> None:
    write_parquet(lake / name.replace("_", "/", 1) / "part-0.parquet", id=pa.array([1, 2]), **{column: ["x", "y"] for column in columns})


def key(double: Double, name: str) -> str:
    (found,) = (one for one in double.entities.list("tables", include="all", within=None) if one["name"] == name)
    return str(found["fullyQualifiedName"])


def published(url: str = OTHER) -> list[str]:
    with SqlCatalog(url) as catalog:
        return [table.name for table in catalog.list_tables()]


def counts(answer: Answer, catalog: str) -> dict[str, int]:
    found = answer.json if isinstance(answer.json, list) else answer.json["catalogs"]
    (one,) = (one for one in found if one["name"] == catalog)
    return dict(one["counts"])


def changes(answer: Answer, catalog: str) -> dict[str, Any]:
    (one,) = (one for one in answer.json["catalogs"] if one["name"] == catalog)
    return {change["name"]: change for change in one["changes"]}


def test_one_crawl_publishes_to_every_catalog(configured: Double) -> None:
    answer = run("crawl", "--json")
    assert (answer.exit_code, answer.stderr) == (0, "")
    assert counts(answer, "other") == counts(answer, "openmetadata") == {"create": 4}
    assert published() == NAMES
    again = run("crawl", "--json")
    assert counts(again, "other") == counts(again, "openmetadata") == {"unchanged": 4}


def test_people_read_a_line_per_catalog(configured: Double) -> None:
    lines = run("crawl").stdout.splitlines()
    assert [" ".join(line.split()) for line in lines if line.startswith(("other", "openmetadata"))] == ["other 4 new", "openmetadata 4 new"]


def test_a_catalog_that_is_down_stops_no_other_and_the_next_run_repairs_it(configured: Double, lake: Path) -> None:
    fault = configured.fail("status", status=503, times=1000)
    answer = run("crawl", "--json")
    assert answer.exit_code == 1
    assert "openmetadata was not published" in answer.stderr
    assert (counts(answer, "other"), published()) == ({"create": 4}, NAMES)
    shutil.rmtree(lake)
    configured.faults.remove(fault)

    repaired = run("publish", "--json")

    assert (repaired.exit_code, repaired.stderr) == (0, "")
    assert (counts(repaired, "openmetadata"), counts(repaired, "other")) == ({"create": 4}, {"unchanged": 4})


def test_what_was_retired_while_a_catalog_was_down_is_retired_there_by_the_next_run(configured: Double, lake: Path) -> None:
    run("crawl")
    fault = configured.fail("status", status=503, times=1000)
    shutil.rmtree(lake / "raw/t0")
    assert run("crawl").exit_code == 1
    assert published() == NAMES[1:]
    configured.faults.remove(fault)
    assert counts(run("publish", "--json"), "openmetadata") == {"retire": 1, "unchanged": 3}
    assert configured.table(key(configured, "raw_t0"))["deleted"]


def test_a_crawl_of_one_scope_publishes_what_the_others_hold_as_well(configured: Double, lake: Path) -> None:
    write_table(lake, "web_a")
    fault = configured.fail("status", status=503, times=1000)
    run("crawl")
    configured.faults.remove(fault)
    answer = run("crawl", "--scope", "web", "--json")
    assert answer.exit_code == 0
    assert counts(answer, "openmetadata") == {"create": 5}


def test_a_plan_shows_every_catalog_and_writes_none(configured: Double) -> None:
    answer = run("plan")
    assert (answer.exit_code, answer.stderr) == (0, "")
    lines = answer.stdout.splitlines()
    assert [line for line in lines if not line.startswith(" ")] == ["catalog  4 create", "other  4 create", "openmetadata  4 create"]
    assert lines[1:3] == ["  + create raw_t0", "      id bigint"]
    assert (published(), published("sqlite:///catalog.db"), configured.writes()) == ([], [], 0)


def test_a_plan_says_field_by_field_what_changes(configured: Double, lake: Path) -> None:
    run("crawl")
    write_table(lake, "raw_t0", "note")
    shutil.rmtree(lake / "raw/t1")
    answer = run("plan", "--json")
    for catalog in ("catalog", "other", "openmetadata"):
        assert {name: change["action"] for name, change in changes(answer, catalog).items()} == {"raw_t0": "update", "raw_t1": "retire"}
        assert ["columns.note", None, "string"] in changes(answer, catalog)["raw_t0"]["fields"]
    text = run("plan").stdout
    assert "  ~ update raw_t0\n" in text
    assert "      columns.note: string\n" in text
    assert "  - retire raw_t1\n" in text


def test_a_plan_is_applied_exactly_and_only_once(configured: Double, lake: Path) -> None:
    planned = run("plan", "--out", "plan.yaml")
    assert (planned.exit_code, planned.stderr) == (0, "wrote: plan.yaml\n")
    write_table(lake, "raw_later")
    done = run("apply", "plan.yaml", "--json")
    assert (done.exit_code, done.stderr) == (0, "")
    assert [counts(done, name) for name in ("catalog", "other", "openmetadata")] == [{"create": 4}] * 3
    assert published() == published("sqlite:///catalog.db") == NAMES
    (newest,) = run("runs", "--json").json
    assert newest["counts"]["listed"] == 4
    assert len(run("objects", "--json").json) == 4

    again = run("apply", "plan.yaml")

    assert (again.exit_code, again.stderr) == (2, "error: the catalog changed since this plan was made: make a new plan\n")


def test_a_change_that_is_deleted_from_the_file_is_not_made(configured: Double) -> None:
    run("crawl")
    configured.by_hand(key(configured, "raw_t0"), DESCRIPTION)
    Path("other.db").unlink()
    run("plan", "--stored", "--to", "other", "--out", "plan.yaml")
    text = Path("plan.yaml").read_text(encoding="utf-8")
    start = text.index("  - action: create\n    name: raw_t2")
    end = text.index("  - action: create\n    name: raw_t3")
    Path("plan.yaml").write_text(text[:start] + text[end:], encoding="utf-8")
    assert counts(run("apply", "plan.yaml", "--json"), "other") == {"create": 3}
    assert published() == [name for name in NAMES if name != "raw_t2"]


def test_a_catalog_that_moved_refuses_its_plan_and_the_others_take_theirs(configured: Double, lake: Path) -> None:
    run("crawl")
    write_table(lake, "raw_t0", "note")
    run("plan", "--out", "plan.yaml")
    configured.by_hand(key(configured, "raw_t0"), DESCRIPTION)
    before = configured.writes()
    answer = run("apply", "plan.yaml", "--json")
    assert answer.exit_code == 1
    assert answer.stderr == ("warning: openmetadata was not published: OpenMetadata changed since this plan was made: make a new plan\n")
    assert counts(answer, "catalog") == counts(answer, "other") == {"update": 1, "unchanged": 3}
    assert configured.writes() == before


def test_a_plan_for_a_catalog_that_is_not_configured_is_refused_before_anything_is_written(configured: Double) -> None:
    run("plan", "--out", "plan.yaml")
    text = Path("plan.yaml").read_text(encoding="utf-8")
    Path("plan.yaml").write_text(text.replace("name: other\n", "name: another\n"), encoding="utf-8")
    answer = run("apply", "plan.yaml")
    assert answer.exit_code == 2
    assert answer.stderr == "error: unknown catalog of publish_to 'another': choose one of openmetadata, other\n"
    assert published("sqlite:///catalog.db") == []


def test_what_a_person_wrote_is_in_the_plan_and_in_the_comparison(configured: Double, lake: Path) -> None:
    (lake / "raw/t0/_catalog.yaml").write_text("description: Ours.\n", encoding="utf-8")
    run("crawl")
    configured.by_hand(key(configured, "raw_t0"), DESCRIPTION)
    answer = run("plan", "--stored", "--json")
    assert changes(answer, "openmetadata")["raw_t0"]["kept"] == [["description", "By hand.", "Ours."]]
    assert "      description: written by hand: By hand. (stays)\n" in run("plan", "--stored").stdout
    comparison = run("compare")
    assert (comparison.exit_code, comparison.stderr) == (0, "")
    assert comparison.stdout.splitlines()[2].split() == ["raw_t0", "same", "by", "hand"]
    assert run("publish", "--to", "openmetadata").stdout == "openmetadata  4 unchanged, 1 field left as people wrote them\n"
    assert run("publish", "--to", "openmetadata", "--json").json[0]["kept"] == [{"name": "raw_t0", "fields": ["description"]}]


def test_a_comparison_names_what_is_missing_changed_and_left_over(configured: Double, lake: Path) -> None:
    run("crawl")
    assert run("compare").stdout == "4 tables the same in the embedded catalog and other and openmetadata\n"
    fault = configured.fail("status", status=503, times=1000)
    shutil.rmtree(lake / "raw/t1")
    write_table(lake, "raw_t0", "note")
    write_table(lake, "raw_new")
    run("crawl")
    configured.faults.remove(fault)
    answer = run("compare", "--json")
    assert answer.exit_code == 1
    found = {one["name"]: {table["name"]: table["standing"] for table in one["tables"]} for one in answer.json["catalogs"]}
    assert found == {"other": {}, "openmetadata": {"raw_t0": "differs", "raw_t1": "left over", "raw_new": "missing"}}
    lines = run("compare", "openmetadata").stdout.splitlines()
    assert [line.split() for line in lines[2:5]] == [["raw_new", "missing"], ["raw_t0", "differs"], ["raw_t1", "left", "over"]]
    assert lines[-1] == "2 tables the same in the embedded catalog and openmetadata"
    run("publish")
    assert run("compare").exit_code == 0


def test_a_catalog_that_cannot_be_read_is_named_in_a_plan_and_a_comparison(configured: Double) -> None:
    run("crawl")
    configured.fail("status", status=503, times=1000)
    for command, word in (("plan", "planned"), ("compare", "compared")):
        answer = run(command)
        assert answer.exit_code == 1
        assert f"openmetadata could not be {word}: " in answer.stderr
        assert BOT_TOKEN not in answer.stderr + answer.stdout


@pytest.mark.parametrize("command", [("publish",), ("compare",), ("plan", "--stored")])
def test_without_other_catalogs_the_command_says_where_to_name_them(own_folder: Path, command: tuple[str, ...]) -> None:
    answer = run(*command)
    assert answer.exit_code == 2
    assert answer.stderr == "error: no other catalogs: name some under publish_to in the configuration\n"


@pytest.mark.parametrize(
    ("targets", "message"),
    [
        ([{"url": "glue"}], "publish_to[0].url: not a URL: write openmetadata://host:8585/service or glue://database?region=eu-west-1"),
        ([{"url": "glue://a"}, {"url": "glue://b"}], "publish_to: two catalogs are called glue: give each a name"),
        ([{"url": "glue://a", "name": "a/b"}], "publish_to[0].name: String should match pattern"),
        ([{"uri": "glue://a"}], "publish_to[0].uri: unknown key, did you mean url?"),
    ],
)
def test_a_wrong_target_is_refused_with_its_line(own_folder: Path, targets: list[dict[str, str]], message: str) -> None:
    Path("s3_catalog.yaml").write_text(json.dumps({"publish_to": targets}), encoding="utf-8")
    answer = run("publish")
    assert answer.exit_code == 2
    assert message in answer.stderr


def test_an_unknown_scheme_is_an_error_of_that_catalog_alone(lake: Path) -> None:
    publish_to = [{"url": "openmetadat://host/service"}, {"url": OTHER}]
    Path("s3_catalog.yaml").write_text(json.dumps({"location": str(lake), "publish_to": publish_to}), encoding="utf-8")
    answer = run("crawl")
    assert answer.exit_code == 1
    assert "openmetadat was not published: unknown catalog 'openmetadat': choose one of glue, openmetadata" in answer.stderr
    assert published() == NAMES


def test_glue_gets_what_engines_can_read_and_names_the_rest(lake: Path, request: pytest.FixtureRequest, monkeypatch) -> None:
    server = request.getfixturevalue("s3_server")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", server.access_key)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", server.secret_key)
    bucket = server.make_bucket({f"raw/{name}/part-0.parquet": (lake / "raw/t0/part-0.parquet").read_bytes() for name in ("a", "b")})
    server.client().put_object(Bucket=bucket, Key="docs/list.json", Body=b'[{"a": 1}, {"a": 2}]')
    url = f"glue://test_{bucket.replace('-', '_')}?region=us-east-1&column_statistics=false&endpoint_url={quote(server.endpoint_url)}"
    settings = {
        "location": f"s3://{bucket}/",
        "s3": {"endpoint_url": server.endpoint_url, "region": "us-east-1", "path_style": True},
        "publish_to": [{"url": url}],
    }
    Path("s3_catalog.yaml").write_text(json.dumps(settings), encoding="utf-8")
    answer = run("crawl", "--json")
    assert (answer.exit_code, answer.stderr) == (0, "")
    assert counts(answer, "glue") == {"create": 2, "skip": 1}
    assert counts(run("publish", "--json"), "glue") == {"unchanged": 2, "skip": 1}
    assert "its JSON documents do not stand one per line" in run("compare").stdout


@pytest.mark.parametrize("command", [("publish", "--allow-retire"), ("crawl", "--scope", "(root)", "--allow-retire")])
def test_with_a_new_embedded_catalog_nothing_is_retired_elsewhere(configured: Double, lake: Path, command: tuple[str, ...]) -> None:
    write_parquet(lake / "top.parquet", id=pa.array([1]))
    run("crawl")
    Path("catalog.db").unlink()
    answer = run(*command, "--json")
    assert answer.exit_code == 0
    assert "retire" not in counts(answer, "other") | counts(answer, "openmetadata")
    assert published() == [*NAMES, "top"]


def test_what_another_configuration_leaves_out_stays_where_both_publish(configured: Double) -> None:
    run("crawl")
    settings = json.loads(Path("s3_catalog.yaml").read_text(encoding="utf-8"))
    settings |= {"catalog": "sqlite:///second.db", "exclude": ["raw/t0/**"]}
    Path("second.yaml").write_text(json.dumps(settings), encoding="utf-8")
    second = ("--config", "second.yaml", "--json", "--allow-retire")
    assert [change for change in changes(run("plan", *second), "other").values() if change["action"] == "retire"] == []
    answer = run("crawl", *second)
    assert answer.exit_code == 0
    assert "retire" not in counts(answer, "other") | counts(answer, "openmetadata")
    assert published() == NAMES
    (left,) = run("compare", "other", "--config", "second.yaml", "--json").json["catalogs"][0]["tables"]
    assert (left["name"], left["standing"], left["reason"]) == ("raw_t0", "left over", "the embedded catalog never had it")


def test_two_locations_of_one_bucket_leave_each_others_tables_alone(lake: Path, s3_server: S3Server, monkeypatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", s3_server.access_key)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", s3_server.secret_key)
    part = (lake / "raw/t0/part-0.parquet").read_bytes()
    bucket = s3_server.make_bucket({f"{name}/part-0.parquet": part for name in ("raw/a", "raw/b", "web/c")})
    configure_at(s3_server, f"s3://{bucket}/raw/", "raw")
    configure_at(s3_server, f"s3://{bucket}/web/", "web")
    for name, created in (("raw", 2), ("web", 1)):
        answer = run("crawl", "--config", f"{name}.yaml", "--json")
        assert (answer.stderr, counts(answer, "other")) == ("", {"create": created})
    for name, tables in (("raw", "2 tables"), ("web", "1 table")):
        comparison = run("compare", "--config", f"{name}.yaml")
        assert (comparison.exit_code, comparison.stdout) == (0, f"{tables} the same in the embedded catalog and other\n")
    s3_server.client().delete_object(Bucket=bucket, Key="raw/a/part-0.parquet")
    assert counts(run("crawl", "--config", "raw.yaml", "--allow-retire", "--json"), "other") == {"retire": 1, "unchanged": 1}
    assert published() == ["b", "c"]


def configure_at(server: S3Server, location: str, name: str) -> None:
    settings = {
        "location": location,
        "catalog": f"sqlite:///{name}.db",
        "s3": {"endpoint_url": server.endpoint_url, "region": "us-east-1", "path_style": True},
        "publish_to": [{"url": OTHER, "name": "other"}],
    }
    Path(f"{name}.yaml").write_text(json.dumps(settings), encoding="utf-8")
