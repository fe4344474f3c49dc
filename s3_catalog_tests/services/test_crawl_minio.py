"""Whole crawls where the server knows users: wrong keys, denied prefixes, no permission at all, TLS, keys that only MinIO can hold."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from s3_catalog_tests.cli.commands import run
from s3_catalog_tests.servers import SECRET_KEY, S3Server
from s3_catalog_tests.services.test_store_minio import assume_role, policy

ROWS = b"id,name\n1,a\n2,b\n"
LAKE = {"open/open.csv": ROWS, "secret/secret.csv": ROWS, "root.csv": ROWS}


@pytest.fixture(autouse=True)
def own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith("S3_CATALOG_")]:
        monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)


def variables(server: S3Server, **changes: str) -> dict[str, str]:
    """The AWS_* variables that reach a server; `changes` are named as store options."""
    values = {"access_key_id": server.access_key, "secret_access_key": server.secret_key, "region": "us-east-1", **changes}
    return {"AWS_ENDPOINT_URL": server.endpoint_url, **{f"AWS_{name.upper()}": value for name, value in values.items()}}


def names() -> list[str]:
    return [table["name"] for table in run("tables", "--json").json]


def test_a_denied_prefix_is_named_and_nothing_under_it_is_retired(minio_server: S3Server) -> None:
    bucket = minio_server.make_bucket(LAKE)
    assert run("crawl", f"s3://{bucket}/", env=variables(minio_server)).exit_code == 0
    minio_server.client().put_object(Bucket=bucket, Key="new/new.csv", Body=ROWS)
    limited = assume_role(minio_server, policy(bucket, denied_prefix="secret/"))
    answer = run("crawl", f"s3://{bucket}/", "--json", env=variables(minio_server, **limited))
    assert answer.exit_code == 1
    assert answer.json["ledger"]["failed"] == [{"key": "secret/", "error": f"s3://{bucket}/secret/: permission denied"}]
    assert names() == ["new", "open", "root", "secret"]


def test_no_permission_to_list_is_one_line_and_leaves_the_catalog(minio_server: S3Server) -> None:
    bucket = minio_server.make_bucket(LAKE)
    assert run("crawl", f"s3://{bucket}/", env=variables(minio_server)).exit_code == 0
    limited = assume_role(minio_server, policy("another-bucket", denied_prefix="x/"))
    refused = run("crawl", f"s3://{bucket}/", env=variables(minio_server, **limited))
    assert refused.error == f"s3://{bucket}/: permission denied"
    assert names() == ["open", "root", "secret"]


@pytest.mark.parametrize(
    ("wrong", "reason"),
    [
        ({"access_key_id": "nobody"}, "the access key is not known to the store"),
        ({"secret_access_key": "not-the-secret"}, "the secret key does not fit the access key"),
        ({"session_token": "not-a-token"}, "the session token is not valid"),
    ],
)
def test_wrong_keys_are_one_line_without_a_secret(minio_server: S3Server, wrong: dict[str, str], reason: str) -> None:
    bucket = minio_server.make_bucket(LAKE)
    error = run("crawl", f"s3://{bucket}/", env=variables(minio_server, **wrong)).error
    assert error == f"s3://{bucket}/: {reason}"
    assert SECRET_KEY not in error


def test_a_server_with_a_certificate_of_its_own(minio_tls_server: S3Server) -> None:
    bucket, url = minio_tls_server.make_bucket(LAKE), minio_tls_server.endpoint_url
    assert "the TLS certificate is not trusted" in run("crawl", f"s3://{bucket}/", env=variables(minio_tls_server)).error
    arguments = ["--endpoint-url", url, "--ca-bundle", str(minio_tls_server.ca_bundle), "--path-style"]
    assert run("crawl", f"s3://{bucket}/", *arguments, env=variables(minio_tls_server)).exit_code == 0
    assert names() == ["open", "root", "secret"]


def test_keys_with_line_breaks_are_catalogued_from_s3(minio_server: S3Server) -> None:
    keys = ["new\nline/x\n.csv", "tab\t/x.csv", "ünï 😀/+%2F.csv", "a b/c d.csv"]
    bucket = minio_server.make_bucket(dict.fromkeys(keys, ROWS))
    answer = run("crawl", f"s3://{bucket}/", "--json", "--objects", env=variables(minio_server))
    assert answer.exit_code == 0
    assert sorted(one["key"] for one in answer.json["objects"]) == sorted(keys)
    assert answer.json["ledger"]["in_tables"] == len(keys)
    assert "in the table" in run("explain", f"s3://{bucket}/new\nline/x\n.csv").stdout
