"""`doctor` where the server knows users: what may be listed and read, and who we are."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from s3_catalog_tests.cli.commands import run
from s3_catalog_tests.servers import SECRET_KEY, S3Server
from s3_catalog_tests.services.test_crawl_minio import variables
from s3_catalog_tests.services.test_store_minio import assume_role, policy

CSV = b"id,x\n1,2\n"


@pytest.fixture(autouse=True)
def own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith("S3_CATALOG_")]:
        monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)


def store_checks(bucket: str, env: dict[str, str]) -> dict[str, tuple[str, str, str | None]]:
    answer = run("doctor", f"s3://{bucket}/", "--json", env=env)
    assert SECRET_KEY not in answer.stdout + answer.stderr
    found = [check for check in answer.json["checks"] if check["subject"] == "store"]
    assert answer.exit_code == (1 if any(check["status"] == "failure" for check in found) else 0)
    return {check["name"]: (check["status"], check["found"], check["advice"]) for check in found}


def test_a_user_who_may_all(minio_server: S3Server) -> None:
    bucket = minio_server.make_bucket({"a.csv": CSV})
    checks = store_checks(bucket, variables(minio_server))
    assert {status for status, _, _ in checks.values()} == {"ok"}
    assert checks["credentials"][1] == "an access key that ends in -key (from AWS_* variables)"


@pytest.mark.parametrize(
    ("actions", "name", "permission"),
    [(["s3:GetObject"], "listing", "s3:ListBucket"), (["s3:ListBucket"], "reading", "s3:GetObject")],
)
def test_a_permission_that_is_missing_is_named(minio_server: S3Server, actions: list[str], name: str, permission: str) -> None:
    bucket = minio_server.make_bucket({"a.csv": CSV})
    statement = {"Effect": "Allow", "Action": actions, "Resource": [f"arn:aws:s3:::{bucket}", f"arn:aws:s3:::{bucket}/*"]}
    limited = assume_role(minio_server, json.dumps({"Version": "2012-10-17", "Statement": [statement]}))
    checks = store_checks(bucket, variables(minio_server, **limited))
    failed = {one: check for one, check in checks.items() if check[0] == "failure"}
    assert failed.keys() == {name}
    assert failed[name][1].endswith("permission denied")
    assert permission in str(failed[name][2])


@pytest.mark.parametrize(
    ("wrong", "reason"),
    [
        ({"access_key_id": "nobody"}, "the access key is not known to the store"),
        ({"session_token": "not-a-token"}, "the session token is not valid"),
    ],
)
def test_keys_that_are_wrong(minio_server: S3Server, wrong: dict[str, str], reason: str) -> None:
    bucket = minio_server.make_bucket({"a.csv": CSV})
    limited = assume_role(minio_server, policy(bucket, denied_prefix="x/"))
    status, found, advice = store_checks(bucket, variables(minio_server, **{**limited, **wrong}))["listing"]
    assert (status, found.endswith(reason), str(advice).startswith("give keys that are valid")) == ("failure", True, True)
