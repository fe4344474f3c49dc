"""`prune`: what it shows is what goes, nothing of others goes, and what went is made anew."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
import yaml

from s3_catalog.catalogs.sql import SqlCatalog
from s3_catalog_tests.catalogs.databases import catalog_url, postgresql_server, postgresql_url
from s3_catalog_tests.cli.commands import Answer, run
from s3_catalog_tests.cli.several_catalogs import STATE, Lake
from s3_catalog_tests.openmetadata.conftest import double, token
from s3_catalog_tests.openmetadata.server import Double
from s3_catalog_tests.servers import ACCESS_KEY, SECRET_KEY, S3Server

__all__ = ["catalog_url", "double", "postgresql_server", "postgresql_url", "token"]

NAMES = ["raw_a", "raw_b", "raw_c"]
BOTH = pytest.mark.parametrize("catalog", ["om", "athena"])


@pytest.fixture(autouse=True)
def credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", ACCESS_KEY)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", SECRET_KEY)


@pytest.fixture
def lake(s3_server: S3Server, double: Double, own_folder: Path) -> Lake:
    """Three tables in a bucket of their own, not crawled yet."""
    made = Lake(s3_server, double, own_folder)
    made.put("a", "b", "c")
    made.configure()
    return made


@pytest.fixture(scope="module")
def crawled(s3_server: S3Server, tmp_path_factory: pytest.TempPathFactory) -> tuple[str, Path]:
    """A bucket that no test changes, and the embedded catalog of it, not published anywhere."""
    folder = tmp_path_factory.mktemp("crawled")
    bucket = s3_server.make_bucket({f"raw/{name}/part-0.csv": b"id,x\n1,2\n2,3\n" for name in "abc"})
    state = folder / "state.db"
    keys = {"AWS_ACCESS_KEY_ID": ACCESS_KEY, "AWS_SECRET_ACCESS_KEY": SECRET_KEY, "AWS_EC2_METADATA_DISABLED": "true"}
    place = ["--endpoint-url", s3_server.endpoint_url, "--region", "us-east-1"]
    answer = run("crawl", f"s3://{bucket}/", "--catalog", f"sqlite:///{state}", *place, env=keys)
    assert answer.exit_code == 0, answer
    return bucket, state


@pytest.fixture
def published(crawled: tuple[str, Path], s3_server: S3Server, double: Double, own_folder: Path, request: pytest.FixtureRequest) -> Lake:
    """Three tables, published to the catalog that the test is about, by default OpenMetadata."""
    bucket, state = crawled
    shutil.copy(state, own_folder / "state.db")
    made = Lake(s3_server, double, own_folder, bucket=bucket)
    made.configure()
    callspec = getattr(request.node, "callspec", None)
    publish(made, callspec.params.get("catalog", "om") if callspec else "om")
    return made


def publish(lake: Lake, catalog: str) -> None:
    answer = run("publish", "--to", catalog)
    assert (answer.exit_code, answer.stderr) == (0, ""), answer
    assert lake.tables(catalog) == NAMES


def crawl() -> None:
    answer = run("crawl", "--allow-retire")
    assert (answer.exit_code, answer.stderr) == (0, ""), answer


def removed(answer: Answer) -> list[str]:
    return [change["name"] for change in answer.json["changes"] if change["action"] == "remove"]


@BOTH
def test_without_yes_it_shows_what_would_go_and_writes_nothing(published: Lake, catalog: str) -> None:
    with published.double.counting() as counted:
        answer = run("prune", "--service", catalog)
    assert (answer.exit_code, answer.stderr) == (0, "note: nothing was deleted; --yes deletes it\n")
    service = "lake_service" if catalog == "om" else published.database
    place = f"s3://{published.bucket}/raw"
    assert answer.stdout.splitlines() == [
        f"{catalog}  3 remove",
        *(f"  - remove raw_{name}: {place}/{name}/" for name in "abc"),
        f"  - then what is empty of {service}, and itself, unless others have tables in it",
    ]
    assert {request.partition(" ")[0] for request in counted} <= {"GET"}
    assert published.tables(catalog) == NAMES


@BOTH
def test_yes_deletes_the_tables_and_the_service_they_leave_empty_and_no_other_catalog(published: Lake, catalog: str) -> None:
    other = "athena" if catalog == "om" else "om"
    publish(published, other)
    answer = run("prune", "--service", catalog, "--yes")
    assert (answer.exit_code, answer.stderr) == (0, "")
    gone = "lake_service" if catalog == "om" else published.database
    last = answer.stdout.splitlines()[-1]
    assert last.startswith("deleted 3 tables, ")
    assert last.endswith(gone)
    assert (published.tables(catalog), published.has_service(catalog)) == ([], False)
    assert (published.tables(other), published.has_service(other)) == (NAMES, True)
    assert [table["name"] for table in run("tables", "--json").json] == NAMES


@BOTH
def test_what_went_is_forgotten_and_made_anew(published: Lake, catalog: str) -> None:
    published.edit_by_hand(catalog, "raw_a")
    run("prune", "--service", catalog, "--yes")
    with SqlCatalog(STATE) as state:
        label = (
            f"openmetadata://127.0.0.1:{published.double.port}/lake_service"
            if catalog == "om"
            else f"glue://{published.database}?region=us-east-1"
        )
        assert state.last_written().read(label) == {}
    again = run("publish", "--to", catalog, "--json")
    assert (again.exit_code, again.json[0]["counts"]) == (0, {"create": 3})
    assert published.tables(catalog) == NAMES


@BOTH
def test_a_catalog_is_found_by_the_service_or_database_it_writes_to(published: Lake, catalog: str) -> None:
    name = "lake_service" if catalog == "om" else published.database
    answer = run("prune", "--service", name, "--json")
    assert (answer.json["name"], answer.json["service"], removed(answer)) == (catalog, name, NAMES)


def test_an_unknown_name_lists_the_choices(published: Lake) -> None:
    expected = f"unknown service 'nobody': choose one of athena ({published.database}), catalog, om (lake_service)"
    assert run("prune", "--service", "nobody").error == expected


@BOTH
def test_globs_choose_tables_and_the_service_stays_for_the_rest(published: Lake, catalog: str) -> None:
    answer = run("prune", "--service", catalog, "--tables", "*_a", "--tables", "raw_[c-z]", "--yes", "--json")
    assert removed(answer) == ["raw_a", "raw_c"]
    assert (answer.json["service"], answer.json["deleted"]) == (None, {"tables": 2, "service": [], "left": None, "failed": []})
    assert (published.tables(catalog), published.has_service(catalog)) == (["raw_b"], True)


@BOTH
def test_retired_tables_go_too_or_alone(lake: Lake, catalog: str) -> None:
    lake.configure({"url": lake.double.url() if catalog == "om" else lake.glue_url, "name": catalog})
    crawl()
    lake.drop("b")
    crawl()
    assert removed(run("prune", "--service", catalog, "--json")) == NAMES
    alone = run("prune", "--service", catalog, "--retired", "--yes", "--json")
    assert removed(alone) == ["raw_b"]
    assert alone.json["changes"][0]["reason"] == f"s3://{lake.bucket}/raw/b/, retired"
    assert lake.tables(catalog) == ["raw_a", "raw_c"]


@BOTH
def test_tables_of_others_stay_and_so_does_what_holds_them(published: Lake, catalog: str) -> None:
    published.put_foreign_table(catalog)
    answer = run("prune", "--service", catalog, "--yes")
    assert answer.exit_code == 0
    assert answer.stderr.startswith(f"warning: {'lake_service' if catalog == 'om' else published.database} stays: tables are in it: ")
    assert "foreign" in answer.stderr
    assert (published.tables(catalog), published.has_service(catalog)) == (["foreign"], True)


def test_a_glue_database_that_somebody_else_made_stays(lake: Lake) -> None:
    lake.server.client("glue").create_database(DatabaseInput={"Name": lake.database, "Description": "Made by Terraform."})
    crawl()
    answer = run("prune", "--service", "athena", "--yes")
    assert answer.stderr == f"warning: {lake.database} stays: s3-catalog did not make it: delete it by hand, if nobody needs it\n"
    assert (lake.tables("athena"), lake.has_service("athena")) == ([], True)


@BOTH
def test_a_plan_file_is_shortened_by_people_and_applied(published: Lake, catalog: str) -> None:
    written = run("prune", "--service", catalog, "--out", "prune.yaml")
    assert (written.exit_code, written.stderr) == (0, "wrote: prune.yaml\n")
    document = yaml.safe_load(Path("prune.yaml").read_text(encoding="utf-8"))
    changes = document["catalogs"][0]["changes"]
    assert [(change["action"], change["name"]) for change in changes] == [("remove", name) for name in NAMES]
    del changes[1]
    Path("prune.yaml").write_text(yaml.safe_dump(document), encoding="utf-8")
    applied = run("apply", "prune.yaml", "--json")
    assert (applied.exit_code, applied.json[0]["counts"], applied.json[0]["writes"]) == (0, {"remove": 2}, 2)
    assert published.tables(catalog) == ["raw_b"]


@BOTH
def test_a_plan_of_all_tables_takes_the_service_along(published: Lake, catalog: str) -> None:
    run("prune", "--service", catalog, "--out", "prune.yaml")
    assert run("apply", "prune.yaml").exit_code == 0
    assert (published.tables(catalog), published.has_service(catalog)) == ([], False)


@BOTH
def test_a_catalog_that_moved_since_is_left_alone(published: Lake, catalog: str) -> None:
    run("prune", "--service", catalog, "--out", "prune.yaml")
    published.edit_by_hand(catalog, "raw_b")
    applied = run("apply", "prune.yaml", "--json")
    assert applied.exit_code == 1
    assert applied.json[0]["error"] == "the catalog changed since this plan was made: make a new plan"
    assert published.tables(catalog) == NAMES


@pytest.mark.parametrize("revision", ["", "[1]", "{", "null", "7"])
def test_a_damaged_plan_deletes_nothing(published: Lake, revision: str) -> None:
    run("prune", "--service", "om", "--out", "prune.yaml")
    document = yaml.safe_load(Path("prune.yaml").read_text(encoding="utf-8"))
    document["catalogs"][0]["revision"] = revision
    Path("prune.yaml").write_text(yaml.safe_dump(document), encoding="utf-8")
    assert run("apply", "prune.yaml").exit_code == 1
    assert published.tables("om") == NAMES


def test_what_could_not_be_deleted_is_named_and_the_next_run_goes_on(published: Lake) -> None:
    published.double.fail("status", method="DELETE", path="^/tables/", after=1, status=403, times=1)
    answer = run("prune", "--service", "om", "--yes")
    assert answer.exit_code == 1
    left = published.tables("om")
    assert len(left) == 2
    lines = answer.stderr.splitlines()
    assert [line.partition(":")[2].split()[0] for line in lines] == left
    assert all("was not deleted: " in line and "the token may not do this" in line for line in lines)
    assert answer.stdout.splitlines()[-1] == "deleted 1 table"
    assert run("prune", "--service", "om", "--yes").exit_code == 0
    assert (published.tables("om"), published.has_service("om")) == ([], False)


def test_a_catalog_that_is_down_is_one_line(published: Lake) -> None:
    published.double.fail("status", status=503, times=1000)
    assert "503" in run("prune", "--service", "om", "--yes").error


def test_nothing_to_delete_is_no_failure(lake: Lake) -> None:
    answer = run("prune", "--service", "athena", "--yes")
    assert (answer.exit_code, answer.stderr) == (0, "")
    assert answer.stdout.splitlines()[-1] == "deleted 0 tables"


def test_of_the_embedded_catalog_only_retired_tables_go_with_their_history(lake: Lake, catalog_url: str) -> None:
    lake.catalog = catalog_url
    lake.configure({"url": "sqlite:///other.db", "name": "other"})
    crawl()
    lake.drop("a")
    lake.drop("b")
    crawl()
    shown = run("prune", "--service", "catalog", "--json")
    assert (removed(shown), shown.json["deleted"]) == (["raw_a", "raw_b"], None)
    assert run("prune", "--service", "catalog", "--tables", "*_a", "--yes").exit_code == 0
    with SqlCatalog(catalog_url) as state:
        assert sorted(state.names().values()) == ["raw_b", "raw_c"]
        assert state.history("raw_a") == []
    assert "for catalogs of publish_to" in run("prune", "--service", "catalog", "--out", "plan.yaml").error
    assert not Path("plan.yaml").exists()


def test_another_database_that_is_published_to_is_emptied(lake: Lake) -> None:
    lake.configure({"url": "sqlite:///other.db", "name": "other"})
    crawl()
    lake.drop("a")
    crawl()
    assert removed(run("prune", "--service", "other", "--yes", "--json")) == NAMES
    with SqlCatalog("sqlite:///other.db") as other:
        assert other.names() == {}
    with SqlCatalog(STATE) as state:
        assert len(state.list_tables()) == 2


def test_out_and_yes_exclude_each_other(published: Lake) -> None:
    assert run("prune", "--service", "om", "--out", "x.yaml", "--yes").error == "choose one of --out and --yes"
    assert published.tables("om") == NAMES


def test_no_other_catalog_is_called_as_the_embedded_one(lake: Lake) -> None:
    lake.configure({"url": lake.double.url(), "name": "catalog"})
    assert "catalog is how commands call the embedded one" in run("prune", "--service", "catalog", "--yes").error


def test_two_catalogs_that_write_to_one_service_are_asked_apart(lake: Lake) -> None:
    lake.configure({"url": lake.double.url(), "name": "one"}, {"url": lake.double.url(schema="flat"), "name": "two"})
    assert run("prune", "--service", "lake_service").error.endswith("choose one of one, two")
