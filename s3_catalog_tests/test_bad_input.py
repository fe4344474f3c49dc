"""Every line of "Bad input gets", end to end: what `s3-catalog crawl` does when the world does not cooperate.

What needs users and sessions on the server is in `services/test_crawl_minio.py`.
"""

from __future__ import annotations

import gzip
import io
import json
import os
import random
import resource
import signal
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from s3_catalog_tests.cli.commands import Answer, command, run, without_progress
from s3_catalog_tests.servers import SECRET_KEY, Fault, FaultyProxy, S3Server, write_certificates

Proxies = Callable[..., FaultyProxy]
Fill = Callable[[dict[str, bytes]], Path]

TOKEN = "s3cret-session-token"


def parquet(rows: int = 3) -> bytes:
    sink = io.BytesIO()
    pq.write_table(pa.table({"id": pa.array(range(rows), pa.int64()), "name": ["x"] * rows}), sink)
    return sink.getvalue()


LAKE = {
    **{f"sales/orders/year=2024/month={month:02}/part-0.parquet": parquet(month) for month in range(1, 5)},
    "sales/_SUCCESS": b"",
    **{f"events/2024/01/{day:02}/e.jsonl.gz": gzip.compress(b'{"id": 1, "at": "2024-01-01T00:00:00Z"}\n', mtime=0) for day in range(1, 4)},
    "people/people.csv": b"id,name\n1,Ada\n2,Bob\n",
    "suppliers.csv": b"id,city\n1,Oslo\n",
}
TABLES = ["events", "people", "sales_orders", "suppliers"]


@pytest.fixture(autouse=True)
def own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty current folder, in which a crawl finds S3 settings that give up soon."""
    for name in [name for name in os.environ if name.startswith("S3_CATALOG_")]:
        monkeypatch.delenv(name)
    folder = tmp_path / "here"
    folder.mkdir()
    monkeypatch.chdir(folder)
    (folder / "s3_catalog.yaml").write_text("s3: {read_timeout: 0.6, connect_timeout: 2}\n")
    return folder


@pytest.fixture(scope="module")
def bucket(s3_server: S3Server) -> str:
    """A bucket that tests only read."""
    return s3_server.make_bucket(LAKE)


@pytest.fixture
def reach(monkeypatch: pytest.MonkeyPatch, s3_server: S3Server) -> Callable[..., None]:
    """Set the AWS_* variables: by default to the server, each replaced or removed (None) by keyword."""

    def set_variables(**changes: str | None) -> None:
        variables = {"endpoint_url": s3_server.endpoint_url, "access_key_id": "AK", "secret_access_key": SECRET_KEY, "region": "us-east-1"}
        for name, value in {**variables, **changes}.items():
            if value is None:
                monkeypatch.delenv(f"AWS_{name.upper()}", raising=False)
            else:
                monkeypatch.setenv(f"AWS_{name.upper()}", value)

    set_variables()
    return set_variables


def published() -> Any:
    return run("tables", "--json").json


def names(tables: Any) -> list[str]:
    return [table["name"] for table in tables]


def without_receipt(answer: Answer) -> dict[str, Any]:
    return {name: value for name, value in answer.json.items() if name != "receipt"}


def refuse(status: int, code: str) -> Fault:
    return Fault(kind="status", status=status, code=code)


@pytest.mark.parametrize(
    ("faults", "changes", "reason"),
    [
        ((), {"bucket": "no-such-bucket"}, "s3://no-such-bucket/: the bucket does not exist"),
        ((), {"bucket": "Not_A_Bucket!"}, "no bucket can have this name"),
        ((), {"endpoint_url": "http://no-such-host.invalid"}, "no-such-host.invalid: the host name does not resolve"),
        ((), {"endpoint_url": "http://127.0.0.1:1"}, "127.0.0.1:1: the connection was refused"),
        ((), {"endpoint_url": "https://{server}"}, "the TLS handshake failed"),
        ((refuse(403, "InvalidAccessKeyId"),), {}, "the access key is not known to the store"),
        ((refuse(403, "SignatureDoesNotMatch"),), {}, "the secret key does not fit the access key"),
        ((refuse(400, "ExpiredToken"),), {"session_token": TOKEN}, "expired"),
        ((refuse(403, "AccessDenied"),), {}, "permission denied"),
        ((), {"access_key_id": None, "secret_access_key": None}, "no credentials found"),
        ((), {"profile": "nobody"}, "no such profile"),
    ],
)
def test_what_cannot_be_reached_is_one_line_and_leaves_the_catalog(
    faults: tuple[Fault, ...],
    changes: dict[str, str],
    reason: str,
    bucket: str,
    reach: Callable[..., None],
    s3_server: S3Server,
    faulty: Proxies,
    own_folder: Path,
) -> None:
    assert run("crawl", f"s3://{bucket}/").exit_code == 0
    before, content = published(), (own_folder / ".s3_catalog/s3_catalog.db").read_bytes()
    name = changes.pop("bucket", bucket)
    proxy = faulty(s3_server.endpoint_url, *faults)
    endpoint = changes.pop("endpoint_url", proxy.endpoint_url).replace("{server}", proxy.endpoint_url.partition("//")[2])
    reach(endpoint_url=endpoint, **changes)
    error = run("crawl", f"s3://{name}/", "--json").error
    assert reason in error
    assert not any(secret in error for secret in (SECRET_KEY, TOKEN, "Signature", "X-Amz", "Traceback"))
    assert (published(), (own_folder / ".s3_catalog/s3_catalog.db").read_bytes()) == (before, content)


def test_an_untrusted_certificate_is_told_apart_and_can_be_trusted(
    bucket: str, reach: Callable[..., None], s3_server: S3Server, faulty: Proxies, tmp_path: Path
) -> None:
    certificates = tmp_path / "certificates"
    certificates.mkdir()
    bundle = write_certificates(certificates)
    reach(endpoint_url=faulty(s3_server.endpoint_url, certificates=certificates).endpoint_url)
    assert "the TLS certificate is not trusted" in run("crawl", f"s3://{bucket}/").error
    assert names(run("crawl", f"s3://{bucket}/", "--json", "--ca-bundle", bundle).json["tables"]) == TABLES
    assert run("crawl", f"s3://{bucket}/", "--json", "--no-verify-tls").exit_code == 0


def test_the_secret_is_really_checked(rclone_server: S3Server, reach: Callable[..., None]) -> None:
    bucket = rclone_server.make_bucket_of_files(["a/a.csv"])
    reach(endpoint_url=rclone_server.endpoint_url, access_key_id=rclone_server.access_key, secret_access_key="wrong")
    assert f"s3://{bucket}/: " in run("crawl", f"s3://{bucket}/").error
    reach(endpoint_url=rclone_server.endpoint_url, access_key_id=rclone_server.access_key, secret_access_key=rclone_server.secret_key)
    assert run("crawl", f"s3://{bucket}/").exit_code == 0


def test_a_denied_prefix_is_named_and_nothing_under_it_is_retired(s3_server: S3Server, reach: Callable[..., None], faulty: Proxies) -> None:
    bucket = s3_server.make_bucket(LAKE)
    url = f"s3://{bucket}/"
    assert run("crawl", url).exit_code == 0
    before = {table["name"]: table for table in published()}
    s3_server.client().put_object(Bucket=bucket, Key="new/new.csv", Body=b"id\n1\n")
    s3_server.client().delete_object(Bucket=bucket, Key="people/people.csv")
    reach(endpoint_url=faulty(s3_server.endpoint_url, Fault(kind="status", status=403, code="AccessDenied", match="sales%2F")).endpoint_url)

    answer = run("crawl", url, "--json", "--objects")
    assert answer.exit_code == 1
    assert answer.stderr == f"warning: sales/ could not be listed: {url}sales/: permission denied\n"
    assert answer.json["ledger"]["failed"] == [{"key": "sales/", "error": f"{url}sales/: permission denied"}]
    assert names(answer.json["tables"]) == ["events", "new", "suppliers"]
    after = {table["name"]: table for table in published()}
    assert sorted(after) == ["events", "new", "sales_orders", "suppliers"], "what is gone elsewhere is retired, what cannot be seen stays"
    assert after["sales_orders"] == before["sales_orders"]
    assert "not known: sales/ could not be listed" in run("explain", f"{url}sales/orders/year=2024/month=09/p.parquet").stdout


def test_a_page_that_fails_for_good_fails_its_prefix_only(
    rclone_server: S3Server, reach: Callable[..., None], faulty: Proxies, own_folder: Path
) -> None:
    # a thousand keys are a page
    bucket = rclone_server.make_bucket_of_files([*(f"many/{number:04}.bin" for number in range(1010)), "few/a.bin"])
    (own_folder / "s3_catalog.yaml").write_text("s3: {max_attempts: 2}\n")
    reach(endpoint_url=rclone_server.endpoint_url, access_key_id=rclone_server.access_key, secret_access_key=rclone_server.secret_key)
    assert run("crawl", f"s3://{bucket}/").exit_code == 0
    before = published()
    proxy = faulty(rclone_server.endpoint_url, Fault(kind="status", match="continuation-token"), Fault(kind="status", match="start-after"))
    reach(endpoint_url=proxy.endpoint_url, access_key_id=rclone_server.access_key, secret_access_key=rclone_server.secret_key)
    answer = run("crawl", f"s3://{bucket}/", "--json")
    assert answer.exit_code == 1
    assert [failed["key"] for failed in answer.json["ledger"]["failed"]] == ["many/"]
    assert "went on answering HTTP 503" in answer.json["ledger"]["failed"][0]["error"]
    assert answer.json["ledger"]["listed"] == 2
    assert published() == before


def test_calls_that_fail_in_part_lead_to_the_same_catalog(
    bucket: str, reach: Callable[..., None], s3_server: S3Server, faulty: Proxies
) -> None:
    calm = run("crawl", f"s3://{bucket}/", "--json", "--objects", "--catalog", "sqlite:///calm.db")
    faults = [
        Fault(kind="stall", match="part-0.parquet", times=1, seconds=60),
        Fault(kind="stall", match="prefix=events", times=1, seconds=60),
        Fault(kind="status", share=0.15, status=503, code="SlowDown"),
        Fault(kind="error_body", share=0.15, match="list-type"),
        Fault(kind="status", share=0.15, status=500, code="InternalError"),
        Fault(kind="reset", share=0.1),
        Fault(kind="cut", share=0.1),
    ]
    proxy = faulty(s3_server.endpoint_url, *faults, seed=7)
    reach(endpoint_url=proxy.endpoint_url)
    rough = run("crawl", f"s3://{bucket}/", "--json", "--objects", "--catalog", "sqlite:///rough.db")
    assert sum(fault.hits for fault in proxy.faults) > 5
    assert rough.exit_code == calm.exit_code == 0
    assert without_receipt(rough) == without_receipt(calm)
    tables = [run("tables", "--json", "--catalog", f"sqlite:///{name}.db").json for name in ("calm", "rough")]
    assert tables[0] == tables[1]


@dataclass(kw_only=True)
class Replacement(Fault):
    """No fault of the server: the first time an object is read, somebody has just replaced it."""

    replace: Callable[[], None]

    def strikes(self, target: str, chance: random.Random) -> bool:
        if self.match in target and "list-type" not in target and not self.hits:
            self.hits = 1
            self.replace()
        return False


def test_an_object_replaced_between_listing_and_reading_is_noticed(
    s3_server: S3Server, reach: Callable[..., None], faulty: Proxies
) -> None:
    bucket = s3_server.make_bucket(LAKE)

    def replace() -> None:
        s3_server.client().put_object(Bucket=bucket, Key="people/people.csv", Body=b"quite;another\n1;2\n")

    replacement = Replacement(kind="", match="people.csv", replace=replace)
    reach(endpoint_url=faulty(s3_server.endpoint_url, replacement).endpoint_url)
    answer = run("crawl", f"s3://{bucket}/", "--json")
    assert answer.exit_code == 1
    (failed,) = answer.json["ledger"]["failed"]
    assert failed["key"] == "people/people.csv"
    assert "replaced after it was listed" in failed["error"]
    assert names(published()) == ["events", "sales_orders", "suppliers"]
    assert run("crawl", f"s3://{bucket}/").exit_code == 0
    people = run("show", "people", "--json").json
    assert [column["name"] for column in people["columns"]] == ["quite", "another"]


def start(*arguments: str | Path, **settings: Any) -> subprocess.Popen[bytes]:
    return subprocess.Popen(command(*arguments), stdout=subprocess.PIPE, stderr=subprocess.PIPE, **settings)


def wait_until(is_so: Callable[[], bool], process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + 30
    while not is_so() and process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.001)


def test_killed_at_any_moment_a_clean_run_gives_the_same_catalog(
    bucket: str, reach: Callable[..., None], s3_server: S3Server, faulty: Proxies, own_folder: Path
) -> None:
    url = f"s3://{bucket}/"
    run("crawl", url, "--catalog", "sqlite:///undisturbed.db")
    undisturbed = run("tables", "--json", "--catalog", "sqlite:///undisturbed.db").json
    proxy = faulty(s3_server.endpoint_url)
    reach(endpoint_url=proxy.endpoint_url)
    catalog = own_folder / ".s3_catalog/s3_catalog.db"
    moments: Mapping[str, Callable[[], bool]] = {
        "listing": lambda: len(proxy.targets) >= 2,
        "making the catalog": catalog.exists,
        "reading": lambda: sum("list-type" not in target for target in proxy.targets) >= 2,
        "publishing": lambda: catalog.with_name("s3_catalog.db.lock").exists(),
        "writing": lambda: catalog.with_name("s3_catalog.db-journal").exists() and catalog.with_name("s3_catalog.db.lock").exists(),
    }
    for moment in moments.values():
        proxy.targets.clear()
        with start("crawl", url) as process:
            wait_until(moment, process)
            process.send_signal(signal.SIGKILL)
        assert published() in ([], undisturbed)
    assert run("crawl", url).exit_code == 0
    assert published() == undisturbed
    assert run("objects", "--json").json == run("objects", "--json", "--catalog", "sqlite:///undisturbed.db").json


def test_two_crawls_at_once_into_one_catalog_both_succeed(bucket: str, reach: Callable[..., None]) -> None:
    url = f"s3://{bucket}/"
    alone = run("crawl", url, "--json", "--catalog", "sqlite:///alone.db")
    answers = []
    for process in [start("crawl", url, "--json") for _ in range(2)]:
        output, errors = process.communicate(timeout=60)
        assert (process.returncode, without_progress(errors.decode())) == (0, "")
        answers.append(json.loads(output)["tables"])
    assert answers == [alone.json["tables"]] * 2
    assert published() == alone.json["tables"]
    runs = run("runs", "--json").json
    assert sorted(one["counts"]["create"] for one in runs) == [0, len(TABLES)]


def test_a_catalog_that_is_held_for_too_long_is_one_line(bucket: str, reach: Callable[..., None], own_folder: Path) -> None:
    from filelock import FileLock

    assert run("crawl", f"s3://{bucket}/").exit_code == 0
    (own_folder / "s3_catalog.yaml").write_text("lock_timeout: 0.1\n")
    with FileLock(own_folder / ".s3_catalog/s3_catalog.db.lock"):
        assert "another crawl holds this catalog" in run("crawl", f"s3://{bucket}/").error


def test_a_full_disk_is_one_line_and_leaves_the_catalog(fill_folder: Fill, own_folder: Path) -> None:
    folder = fill_folder({"a/a.csv": b"id\n1\n"})
    assert run("crawl", folder).exit_code == 0
    before, size = published(), (own_folder / ".s3_catalog/s3_catalog.db").stat().st_size
    fill_folder({f"t{number}/{'long-name-' * 20}{number}.csv": b"id\n1\n" for number in range(100)})

    def limit() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (size + 4096, size + 4096))

    with start("crawl", folder, "--json", preexec_fn=limit) as process:
        output, errors = process.communicate(timeout=60)
    assert (process.returncode, output, len(without_progress(errors.decode()).splitlines())) == (2, b"", 1)
    assert b"disk full" in errors
    assert published() == before
    assert run("crawl", folder).exit_code == 0
    assert len(published()) == 101


@pytest.mark.parametrize("prefix", ["", "nothing/here/"])
def test_an_empty_bucket_or_prefix_is_done_and_removes_nothing(prefix: str, s3_server: S3Server, reach: Callable[..., None]) -> None:
    bucket = s3_server.make_bucket({f"{prefix}a/a.csv": b"id\n1\n"})
    url = f"s3://{bucket}/{prefix}"
    assert run("crawl", url).exit_code == 0
    before = published()
    s3_server.client().delete_object(Bucket=bucket, Key=f"{prefix}a/a.csv")
    answer = run("crawl", url, "--json", "--objects", "--allow-retire")
    assert answer.exit_code == 0
    assert {name: answer.json[name] for name in ("tables", "objects")} == {"tables": [], "objects": []}
    assert answer.json["ledger"] == {"listed": 0, "in_tables": 0, "skipped": {}, "failed": []}
    assert published() == before


CORRUPT = bytearray(parquet(50))
CORRUPT[-200:-8] = bytes(random.Random(1).randbytes(192))
BAD_FILES = {
    "truncated/t.parquet": (parquet()[:-100], "truncated"),
    "corrupt/c.parquet": (bytes(CORRUPT), "not readable as parquet"),
    "encrypted/e.parquet": (b"PARE" + b"\x08" * 200 + (150).to_bytes(4, "little") + b"PARE", "encrypted"),
    "lying/l.parquet": (b"id,name\n1,a\n2,b\n", "not readable as parquet"),
    "also_lying/l.csv": (parquet(), "not readable as csv"),
    "cut_gzip/g.csv.gz": (gzip.compress(random.Random(2).randbytes(5000))[:11], "not readable as csv"),
    "half_json/h.json": (b'{"id": 1, "name": "x', "not readable as json"),
    "short/s.parquet": (b"PAR1", "not readable as parquet"),
}


def test_unreadable_files_are_in_the_ledger_with_the_reason_and_the_rest_is_catalogued(fill_folder: Fill) -> None:
    folder = fill_folder({**LAKE, **{key: data for key, (data, _) in BAD_FILES.items()}, "empty/e.csv": b"", "empty/e.parquet": b""})
    answer = run("crawl", folder, "--json", "--objects")
    assert answer.exit_code == 1
    assert names(answer.json["tables"]) == TABLES
    assert without_receipt(answer)["ledger"]["skipped"]["empty object"] == 2
    reasons = {failed["key"]: failed["error"] for failed in answer.json["ledger"]["failed"]}
    assert sorted(reasons) == sorted(BAD_FILES)
    assert {key: reason for key, (_, reason) in BAD_FILES.items() if reason not in reasons[key].lower()} == {}, reasons


def test_one_bad_file_does_not_cost_its_table(fill_folder: Fill) -> None:
    parts = {f"orders/part-{number}.parquet": parquet() for number in range(4)}
    folder = fill_folder({**parts, "orders/part-2.parquet": parquet()[:-100]})
    answer = run("crawl", folder, "--json")
    assert answer.exit_code == 1
    assert names(answer.json["tables"]) == ["orders"]
    assert [failed["key"] for failed in answer.json["ledger"]["failed"]] == ["orders/part-2.parquet"]


KEY_ZOO = [
    "with space/a b.csv", "up/../b.csv", "../../escape.csv", "double//slash.csv", "/leading.csv", "emoji 😀/🎉.csv",
    "percent%2Fsigns/100%.csv", "quotes'\"/`x`.csv", "back\\slash/x.csv", "tab\t/x.csv", "esc\x1b[31m/x.csv", "ünï/çödé.csv", "a/./dot.csv",
    "a=b/=c/x.csv", "$(touch pwned)/x.csv", "long/" + "x" * 1015 + ".csv", "\u65e5" * 340 + ".csv",
]  # fmt: skip


def files_below(folder: Path) -> Iterator[str]:
    return (path.relative_to(folder).as_posix() for path in sorted(folder.rglob("*")))


def test_strange_keys_are_catalogued_and_no_path_leaves_its_folder(
    s3_server: S3Server, reach: Callable[..., None], own_folder: Path
) -> None:
    assert len(KEY_ZOO[-2].encode()) == len(KEY_ZOO[-1].encode()) == 1024
    bucket = s3_server.make_bucket(dict.fromkeys(KEY_ZOO, b"id,name\n1,a\n2,b\n"))
    beside = list(files_below(own_folder.parent))
    answer = run("crawl", f"s3://{bucket}/", "--json", "--objects")
    assert answer.exit_code == 0, answer.json["ledger"]
    found = {one["key"]: one["table"] for one in answer.json["objects"]}
    assert sorted(found) == sorted(KEY_ZOO)
    assert None not in found.values()
    assert answer.json["ledger"]["in_tables"] == len(KEY_ZOO)
    assert all([column["name"] for column in table["columns"]] == ["id", "name"] for table in answer.json["tables"])
    assert published() == answer.json["tables"]
    for key in KEY_ZOO:
        assert f"in the table {found[key]}" in run("explain", f"s3://{bucket}/{key}").stdout
    made = [path for path in files_below(own_folder.parent) if path not in beside]
    assert made == ["here/.s3_catalog", "here/.s3_catalog/s3_catalog.db", "here/.s3_catalog/s3_catalog.db.lock"]


def test_keys_with_line_breaks_and_escapes_are_catalogued(fill_folder: Fill) -> None:
    # here and not above: the S3 server of these tests knows no such key
    keys = ["new\nline/x\n.csv", "\r\n/x.csv", "esc\x1b[2J/x.csv", "bidi\u202e/vsc.csv", " /x.csv"]
    answer = run("crawl", fill_folder(dict.fromkeys(keys, b"id,name\n1,a\n2,b\n")), "--json", "--objects")
    assert answer.exit_code == 0
    assert sorted(one["key"] for one in answer.json["objects"]) == sorted(keys)
    assert answer.json["ledger"]["in_tables"] == len(keys)
    assert published() == answer.json["tables"]
