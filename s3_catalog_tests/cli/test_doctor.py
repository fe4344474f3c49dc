"""`doctor`: for each thing that can be wrong, the status and what to do; nothing is written, and no secret is shown."""

from __future__ import annotations

import fcntl
import json
import os
import re
import socket
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from s3_catalog.catalogs.sql import SqlCatalog
from s3_catalog_tests.catalogs.databases import catalog_url, postgresql_server, postgresql_url
from s3_catalog_tests.cli.commands import Answer, run
from s3_catalog_tests.cli.several_catalogs import Lake
from s3_catalog_tests.cli.test_process import on_a_terminal
from s3_catalog_tests.openmetadata.conftest import double, token
from s3_catalog_tests.openmetadata.server import PERSON_TOKEN, Double
from s3_catalog_tests.servers import ACCESS_KEY, SECRET_KEY, S3Server

__all__ = ["catalog_url", "double", "postgresql_server", "postgresql_url", "token"]

CSV = b"id,x\n1,2\n"
KEYS = {"AWS_ACCESS_KEY_ID": ACCESS_KEY, "AWS_SECRET_ACCESS_KEY": SECRET_KEY}
Check = dict[str, Any]


def look(*arguments: str, env: dict[str, str | None] | None = None) -> tuple[Answer, dict[tuple[str, str], Check]]:
    """Run `doctor --json`; the checks by subject and name. Asserts what holds of every answer."""
    answer = run("doctor", *arguments, "--json", env={**KEYS, **(env or {})})
    assert SECRET_KEY not in answer.stdout + answer.stderr
    checks = {(check["subject"], check["name"]): check for check in answer.json["checks"]}
    assert all(check["advice"] for check in checks.values() if check["status"] != "ok")
    failures = [check for check in checks.values() if check["status"] == "failure"]
    assert answer.exit_code == (1 if failures else 0)
    return answer, checks


def wrong(checks: dict[tuple[str, str], Check], status: str = "failure") -> dict[tuple[str, str], Check]:
    return {key: check for key, check in checks.items() if check["status"] == status}


def configure(location: str, *publish_to: str, **settings: Any) -> None:
    targets = [{"url": url} for url in publish_to]
    Path("s3_catalog.yaml").write_text(json.dumps({"location": location, "publish_to": targets, **settings}), encoding="utf-8")


@pytest.fixture
def lake(own_folder: Path) -> Path:
    folder = own_folder / "lake"
    (folder / "raw").mkdir(parents=True)
    (folder / "raw/a.csv").write_bytes(CSV)
    return folder


@pytest.fixture
def published(s3_server: S3Server, double: Double, own_folder: Path, monkeypatch: pytest.MonkeyPatch) -> Lake:
    """A bucket, OpenMetadata and Glue, all well; nothing is published yet."""
    for name, value in KEYS.items():
        monkeypatch.setenv(name, value)
    made = Lake(s3_server, double, own_folder, bucket=s3_server.make_bucket({"raw/a.csv": CSV}))
    made.configure()
    return made


def test_all_well_is_exit_code_0_and_says_who_where_and_what(published: Lake) -> None:
    answer, checks = look()
    assert (answer.exit_code, answer.stderr, wrong(checks), wrong(checks, "warning")) == (0, "", {}, {})
    found = {key: check["found"] for key, check in checks.items()}
    assert "Python 3." in found["program", "versions"]
    assert {"s3-catalog", "dagster", "pyarrow", "duckdb"} <= set(found["program", "versions"].replace(",", "").split())
    assert found["settings", "publish_to"] == "om, athena"
    assert found["store", "credentials"] == "arn:aws:sts::123456789012:user/moto, an access key that ends in -key (from AWS_* variables)"
    assert found["store", "endpoint"] == f"{published.server.endpoint_url.removeprefix('http://')}, region us-east-1"
    assert found["store", "reading"] == "the first bytes of raw/a.csv can be read"
    assert found["catalog", "opens"].endswith("state.db is not there yet: the first crawl makes it")
    assert found["om", "version"] == "2.0.6 (1.6 or newer is needed)"
    assert found["athena", "identity"] == "arn:aws:sts::123456789012:user/moto"
    assert found["athena", "database"] == f"{published.database} is not there yet: the first publication makes it"
    assert "cannot be seen without a write" in found["athena", "may write"]


def test_nothing_is_written_anywhere(published: Lake, own_folder: Path) -> None:
    with published.double.counting() as counted:
        look()
    assert {request.partition(" ")[0] for request in counted} == {"GET"}
    assert [path.name for path in own_folder.iterdir()] == ["s3_catalog.yaml"]
    assert not published.has_service("athena")
    run("crawl")
    before = {path.name: path.read_bytes() for path in own_folder.iterdir() if path.is_file()}
    look()
    assert {path.name: path.read_bytes() for path in own_folder.iterdir() if path.is_file()} == before


def test_people_read_a_line_per_check_and_what_to_do(lake: Path) -> None:
    answer = run("doctor", str(lake / "nowhere"))
    lines = answer.stdout.splitlines()
    at = lines.index("store")
    assert lines[at + 1].split() == ["failure", "location", f"file://{lake}/nowhere/:", "the", "folder", "does", "not", "exist"]
    assert lines[at + 2].strip().startswith("-> correct `location`, or make what it names")
    assert (answer.exit_code, lines[-1]) == (1, "7 checks: 1 failure")
    assert run("doctor", str(lake)).stdout.splitlines()[-1] == "8 checks: all fine"


def test_a_terminal_gets_colours_and_lines_that_fit(lake: Path) -> None:
    screen = on_a_terminal("doctor", lake / "nowhere")
    assert re.search(r"\x1b\[1;31m *failure", screen)
    assert re.search(r"\x1b\[32m *ok", screen)
    lines = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", screen).splitlines()
    assert max(map(len, lines)) <= 80


def test_a_wrong_configuration_is_exit_code_2(lake: Path) -> None:
    configure(str(lake), publish_too=[])
    assert "publish_too: unknown key" in run("doctor").error
    Path("s3_catalog.yaml").unlink()
    assert "unknown catalog 'mysql'" in run("doctor", "--catalog", "mysql://host/db").error


def test_a_bucket_that_is_missing(s3_server: S3Server, own_folder: Path) -> None:
    _, checks = look("s3://no-such-bucket-here/", "--endpoint-url", s3_server.endpoint_url)
    (check,) = wrong(checks).values()
    assert (check["subject"], check["name"], check["found"]) == (
        "store",
        "listing",
        "s3://no-such-bucket-here/: the bucket does not exist",
    )
    assert "correct `location`" in check["advice"]


def test_no_credentials(s3_server: S3Server, own_folder: Path) -> None:
    bucket = s3_server.make_bucket()
    none: dict[str, str | None] = dict.fromkeys(KEYS)
    _, checks = look(f"s3://{bucket}/", "--endpoint-url", s3_server.endpoint_url, env=none)
    (check,) = wrong(checks).values()
    assert (check["name"], "AWS_* variables, a profile" in check["advice"]) == ("credentials", True)


def test_a_secret_that_is_wrong(rclone_server: S3Server, own_folder: Path) -> None:
    bucket = rclone_server.make_bucket({"a.csv": CSV})
    bad = "wrong-secret-0123456789"
    answer, checks = look(
        f"s3://{bucket}/", "--endpoint-url", rclone_server.endpoint_url, "--path-style", env={"AWS_SECRET_ACCESS_KEY": bad}
    )
    (check,) = wrong(checks).values()
    assert (check["name"], check["found"]) == ("listing", f"s3://{bucket}/: the secret key does not fit the access key")
    assert check["advice"].startswith("give keys that are valid")
    assert bad not in answer.stdout + answer.stderr


def test_a_good_store_of_another_maker_shows_the_key_it_is_used_with(rclone_server: S3Server, own_folder: Path) -> None:
    bucket = rclone_server.make_bucket({"a.csv": CSV})
    _, checks = look(f"s3://{bucket}/", "--endpoint-url", rclone_server.endpoint_url, "--path-style")
    assert wrong(checks) == {}
    assert checks["store", "credentials"]["found"] == "an access key that ends in -key (from AWS_* variables)"
    assert checks["store", "clock"]["found"] == "as the store's"


def test_a_server_that_is_not_there_and_the_rest_goes_on(own_folder: Path, double: Double) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{free.getsockname()[1]}"
    configure("s3://lake/", double.url(), s3={"endpoint_url": url, "region": "us-east-1"})
    _, checks = look()
    (check,) = wrong(checks).values()
    assert (check["name"], check["found"].endswith("the connection was refused")) == ("listing", True)
    assert "s3.endpoint_url" in check["advice"]
    assert checks["openmetadata", "server"]["status"] == "ok"


def test_an_empty_location_is_a_warning(s3_server: S3Server, own_folder: Path) -> None:
    bucket = s3_server.make_bucket({"raw/a.csv": CSV})
    _, checks = look(f"s3://{bucket}/row/", "--endpoint-url", s3_server.endpoint_url)
    ((key, check),) = wrong(checks, "warning").items()
    assert (key, check["found"]) == (("store", "listing"), f"s3://{bucket}/row/ holds no object")
    assert "correct the prefix" in check["advice"]


def test_unsigned_requests_say_so(s3_server: S3Server, own_folder: Path) -> None:
    bucket = s3_server.make_bucket({"raw/a.csv": CSV})
    _, checks = look(f"s3://{bucket}/", "--endpoint-url", s3_server.endpoint_url, "--anonymous")
    assert checks["store", "credentials"]["found"] == "none: requests are not signed (s3.anonymous)"


@pytest.mark.parametrize("setting", ["object_tags", "bucket_tags"])
def test_tags_are_looked_at_only_where_they_are_wanted(s3_server: S3Server, own_folder: Path, setting: str, lake: Path) -> None:
    bucket = s3_server.make_bucket({"raw/a.csv": CSV})
    place = {"endpoint_url": s3_server.endpoint_url, "region": "us-east-1"}
    name = setting.replace("_", " ")
    configure(f"s3://{bucket}/", s3=place)
    assert ("store", name) not in look()[1]
    configure(f"s3://{bucket}/", s3=place, tags={setting: {"team": "Team"}})
    assert look()[1]["store", name]["found"] == "they can be read"
    configure(str(lake), tags={setting: {"team": "Team"}})
    check = look()[1]["store", name]
    assert (check["status"], check["advice"]) == ("warning", f"leave out tags.{setting}")


def test_a_listing_or_a_read_that_is_denied_names_the_permission(s3_server: S3Server, own_folder: Path, faulty: Callable[..., Any]) -> None:
    from s3_catalog_tests.servers import Fault

    bucket = s3_server.make_bucket({"raw/a.csv": CSV})
    for match, name, permission in (("list-type", "listing", "s3:ListBucket"), ("/raw/a.csv", "reading", "s3:GetObject")):
        proxy = faulty(s3_server.endpoint_url, Fault(kind="status", match=match, status=403, code="AccessDenied"))
        _, checks = look(f"s3://{bucket}/", "--endpoint-url", proxy.endpoint_url, "--path-style")
        ((key, check),) = wrong(checks).items()
        assert (key, check["found"].endswith("permission denied")) == (("store", name), True)
        assert permission in check["advice"]


@pytest.mark.parametrize(("seconds", "status"), [(0, "ok"), (-300, "warning"), (300, "warning"), (-4000, "failure"), (4000, "failure")])
def test_clocks_that_differ(own_folder: Path, seconds: int, status: str) -> None:
    from s3_catalog_tests.cli.odd_servers import run_s3_of_another_time

    with run_s3_of_another_time(seconds) as url:
        _, checks = look("s3://lake/", "--endpoint-url", url, "--path-style")
    check = checks["store", "clock"]
    assert check["status"] == status
    if status != "ok":
        assert f"s {'behind' if seconds > 0 else 'ahead of'} the store's" in check["found"]
        assert "NTP" in check["advice"]


def test_a_state_that_is_well(lake: Path, catalog_url: str) -> None:
    SqlCatalog(catalog_url).close()
    _, checks = look(str(lake), "--catalog", catalog_url)
    assert wrong(checks) == wrong(checks, "warning") == {}
    found = {key[1]: check["found"] for key, check in checks.items() if key[0] == "catalog"}
    assert found["version"].endswith(", the newest; tables: 0")
    assert found["writable"] == "yes (a change was rolled back)"
    assert found["lock"] == "nobody holds it"
    assert ("free space" in found) == catalog_url.startswith("sqlite")


def test_a_state_of_a_newer_version(lake: Path, catalog_url: str) -> None:
    set_step(catalog_url, "9999")
    _, checks = look(str(lake), "--catalog", catalog_url)
    ((key, check),) = wrong(checks).items()
    assert (key, "written by a newer version of s3-catalog" in check["found"]) == (("catalog", "version"), True)
    assert "upgrade this s3-catalog" in check["advice"]


def test_a_state_of_an_older_version_is_a_warning_and_is_not_upgraded(lake: Path, catalog_url: str) -> None:
    set_step(catalog_url, "0003")
    _, checks = look(str(lake), "--catalog", catalog_url)
    ((key, check),) = wrong(checks, "warning").items()
    assert (key, "brings them to" in check["found"], "copy the database" in check["advice"]) == (("catalog", "version"), True, True)
    with engine(catalog_url).begin() as connection:
        assert connection.scalar(sa.text("SELECT version_num FROM s3_catalog_version")) == "0003"


def test_tables_of_another_application(lake: Path, catalog_url: str) -> None:
    with engine(catalog_url).begin() as connection:
        connection.execute(sa.text("CREATE TABLE assets (id INTEGER)"))
    ((key, check),) = wrong(look(str(lake), "--catalog", catalog_url)[1]).items()
    assert (key, check["advice"]) == (("catalog", "version"), "give the catalog a database of its own")


def test_who_holds_the_lock_is_named(lake: Path, catalog_url: str) -> None:
    with SqlCatalog(catalog_url) as holder, holder.exclusive(1):
        _, checks = look(str(lake), "--catalog", catalog_url)
    ((key, check),) = wrong(checks, "warning").items()
    assert key == ("catalog", "lock")
    expected = f"held by process {os.getpid()}" if catalog_url.startswith("sqlite") else "held by s3_catalog (process "
    assert check["found"].startswith(expected)
    assert "wait until it has published" in check["advice"]


def test_the_lock_of_a_catalog_of_publish_to_is_named(lake: Path, catalog_url: str, double: Double) -> None:
    configure(str(lake), double.url(), catalog=catalog_url)
    with SqlCatalog(catalog_url) as holder, holder.exclusive(1, "openmetadata"):
        ((key, _),) = wrong(look()[1], "warning").items()
    assert key == ("catalog", "lock of openmetadata")


def test_a_database_that_somebody_writes_to_is_no_fault(lake: Path, catalog_url: str) -> None:
    SqlCatalog(catalog_url).close()
    with engine(catalog_url).connect() as connection:
        connection.exec_driver_sql("BEGIN IMMEDIATE" if catalog_url.startswith("sqlite") else "SELECT * FROM catalog_state FOR UPDATE")
        _, checks = look(str(lake), "--catalog", catalog_url)
        connection.rollback()
    assert checks["catalog", "writable"]["found"] == "not seen: another process writes to it now"
    assert checks["catalog", "writable"]["status"] == "ok"


def test_a_state_file_that_is_none_or_cannot_be_made(lake: Path) -> None:
    Path("text.db").write_bytes(CSV * 200)
    for url, found in (
        ("sqlite:///text.db", "text.db: this file is not an SQLite database"),
        ("sqlite:///text.db/below/state.db", "text.db/below/state.db is not there, and cannot be made in"),
    ):
        ((key, check),) = wrong(look(str(lake), "--catalog", url)[1]).items()
        assert (key, found in check["found"]) == (("catalog", "opens"), True)
        assert "may read and write" in check["advice"]


AS_NOBODY = """
import contextlib, io, os, sys
from s3_catalog.cli import app
with contextlib.redirect_stdout(io.StringIO()):
    app(sys.argv[1:], standalone_mode=False)  # loads all modules, as nobody could not
if os.getuid() == 0:
    os.setuid(65534)
app()
"""


def test_a_state_file_that_may_only_be_read() -> None:
    # Not in tmp_path: pytest keeps its folders closed to the user that the program becomes.
    with tempfile.TemporaryDirectory() as parent:
        Path(parent).chmod(0o755)
        (lake := Path(parent, "lake")).mkdir()
        (lake / "a.csv").write_bytes(CSV)
        state = Path(parent, "state.db")
        SqlCatalog(f"sqlite:///{state}").close()
        state.chmod(0o444)
        environment = os.environ | {"PYTHONPATH": str(Path(__file__).parents[2])}
        command = [sys.executable, "-c", AS_NOBODY, "doctor", str(lake), "--catalog", f"sqlite:///{state}", "--json"]
        done = subprocess.run(command, capture_output=True, text=True, env=environment, cwd=parent, check=False)
    assert (done.returncode, done.stderr) == (1, "")
    (check,) = (check for check in json.loads(done.stdout)["checks"] if check["status"] == "failure")
    assert (check["name"], "cannot be written (read-only file or folder)" in check["found"]) == ("writable", True)
    assert "may read and write" in check["advice"]


def test_a_database_server_that_is_down_or_refuses(lake: Path, postgresql_url: str) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    url = f"postgresql://me:s3cr3t-word@127.0.0.1:{port}/db"
    answer, checks = look(str(lake), "--catalog", url)
    ((key, check),) = wrong(checks).items()
    assert (key, "whether the database runs" in check["advice"]) == (("catalog", "opens"), True)
    assert "s3cr3t-word" not in answer.stdout + answer.stderr
    elsewhere = sa.make_url(postgresql_url).set(database="no_such_database").render_as_string(hide_password=False)
    ((key, check),) = wrong(look(str(lake), "--catalog", elsewhere)[1]).items()
    assert (key, "may read and write" in check["advice"]) == (("catalog", "opens"), True)


def test_settings_that_invite_trouble_are_warnings(own_folder: Path, s3_server: S3Server) -> None:
    bucket = s3_server.make_bucket({"a.csv": CSV})
    same = "sqlite:///other.db"
    targets = [{"url": same, "name": "one"}, {"url": f"{same}?timeout=1", "name": "two"}]
    s3 = {"endpoint_url": s3_server.endpoint_url, "verify_tls": False}
    configure(f"s3://{bucket}/", s3=s3, retire={"max_share": 1}, publish_to=targets)
    _, checks = look()
    assert {name for subject, name in wrong(checks, "warning") if subject == "settings"} == {
        "verify_tls", "retire.max_share", "publish_to",
    }  # fmt: skip
    configure(f"s3://{bucket}/", s3=s3, publish_to=targets[:1], catalog=same)
    assert wrong(look()[1]).keys() == {("settings", "publish_to")}


def test_a_missing_package_that_tables_need_is_named_with_its_extra(lake: Path) -> None:
    configure(str(lake), tables=[{"path": "books/*.xlsx", "name": "books", "format": "excel"}])
    code = "import sys\nfor name in ('openpyxl', 'python_calamine', 'fastavro'): sys.modules[name] = None\n"
    code += "from s3_catalog.cli import app; app()"
    (lake / "b.avro").write_bytes(b"Obj\x01" + b"\0" * 40)
    subprocess.run([sys.executable, "-c", code, "crawl"], capture_output=True, check=False)
    done = subprocess.run([sys.executable, "-c", code, "doctor", "--json"], capture_output=True, text=True, check=False)
    assert done.returncode == 1, done.stderr
    failures = [check for check in json.loads(done.stdout)["checks"] if check["status"] == "failure"]
    assert [check["advice"] for check in failures] == ["pip install 's3-catalog[avro]'", "pip install 's3-catalog[excel]'"]


def set_step(url: str, step: str) -> None:
    SqlCatalog(url).close()
    with engine(url).begin() as connection:
        connection.execute(sa.text("UPDATE s3_catalog_version SET version_num = :step"), {"step": step})


def engine(url: str) -> sa.Engine:
    return sa.create_engine(url.replace("postgresql:", "postgresql+psycopg:"), poolclass=sa.NullPool)


def test_a_lock_file_of_a_dead_process_holds_nothing(lake: Path) -> None:
    SqlCatalog("sqlite:///state.db").close()
    with Path("state.db.lock").open("w", encoding="ascii") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
    _, checks = look(str(lake), "--catalog", "sqlite:///state.db")
    assert checks["catalog", "lock"]["found"] == "nobody holds it"


@pytest.mark.parametrize(
    ("fault", "name", "advice"),
    [
        ({"kind": "status", "status": 503}, "server", "see whether the server runs"),
        ({"kind": "status", "status": 401}, "token", "make a token for a bot"),
        ({"kind": "html"}, "server", "past any log-in page"),
        ({"kind": "status", "status": 403, "path": "databaseServices"}, "service", "ask who runs the server"),
    ],
)
def test_what_is_wrong_with_openmetadata_is_told_and_the_rest_goes_on(
    lake: Path, double: Double, fault: dict[str, Any], name: str, advice: str
) -> None:
    configure(str(lake), double.url())
    double.fail(times=100, **fault)
    _, checks = look()
    ((key, check),) = wrong(checks).items()
    assert (key, advice in check["advice"]) == (("openmetadata", name), True)
    assert checks["store", "reading"]["status"] == "ok"


def test_a_token_that_is_missing_or_a_persons(lake: Path, double: Double) -> None:
    configure(str(lake), double.url())
    answer, checks = look(env={"OPENMETADATA_JWT_TOKEN": PERSON_TOKEN})
    assert wrong(checks, "warning").keys() == {("openmetadata", "token")}
    assert PERSON_TOKEN not in answer.stdout + answer.stderr
    ((key, check),) = wrong(look(env={"OPENMETADATA_JWT_TOKEN": None})[1]).items()
    assert (key, "OPENMETADATA_JWT_TOKEN" in check["found"], bool(check["advice"])) == (("openmetadata", "opens"), True, True)


def test_an_openmetadata_that_is_too_old(lake: Path, token: str) -> None:
    old = Double(version="1.5.9")
    try:
        configure(str(lake), old.url())
        ((key, check),) = wrong(look()[1]).items()
    finally:
        old.close()
    assert (key, check["advice"]) == (("openmetadata", "version"), "upgrade OpenMetadata to 1.6 or newer")


def test_a_catalog_of_an_unknown_kind_or_option_is_told(lake: Path) -> None:
    configure(str(lake), "unity://host/catalog", "glue://lake?regoin=eu-west-1", "sqlite:///lake/raw/a.csv")
    found = wrong(look()[1])
    assert found.keys() == {("unity", "opens"), ("glue", "opens"), ("sqlite", "opens")}
    assert found["unity", "opens"]["found"].startswith("unknown catalog 'unity': choose one of")
    assert "regoin" in found["glue", "opens"]["found"]


def test_glue_without_a_region_is_told(lake: Path) -> None:
    configure(str(lake), "glue://lake?endpoint_url=http://127.0.0.1:9")
    ((key, check),) = wrong(look()[1]).items()
    assert (key, "AWS_REGION" in check["found"]) == (("glue", "opens"), True)
