"""What only a server with users and sessions can show: denied prefixes, roles, expired tokens, TLS, another region."""

from __future__ import annotations

import json
import logging
from pathlib import Path
from typing import Any

import pytest

from s3_catalog.discovery.listing import list_objects
from s3_catalog.errors import AccessDeniedError, AuthenticationError, StoreUnreachableError
from s3_catalog.storage import StoreOptions, open_store
from s3_catalog_tests.servers import SECRET_KEY, S3Server, run_minio

KEYS = ["root.csv", "open/1", "open/line\nbreak", "open/ünï 😀+%2F", "open/tab\t", "open/marker/", "secret/2", "secret/deep/3"]


def policy(bucket: str, *, denied_prefix: str) -> str:
    """Everything in a bucket may be listed and read, except one prefix."""
    everything = [f"arn:aws:s3:::{bucket}", f"arn:aws:s3:::{bucket}/*"]
    listed = {"Effect": "Allow", "Action": ["s3:ListBucket", "s3:GetObject"], "Resource": everything}
    condition = {"StringLike": {"s3:prefix": [f"{denied_prefix}*"]}}
    unlisted = {"Effect": "Deny", "Action": ["s3:ListBucket"], "Resource": [f"arn:aws:s3:::{bucket}"], "Condition": condition}
    unread = {"Effect": "Deny", "Action": ["s3:GetObject"], "Resource": [f"arn:aws:s3:::{bucket}/{denied_prefix}*"]}
    return json.dumps({"Version": "2012-10-17", "Statement": [listed, unlisted, unread]})


def assume_role(server: S3Server, session_policy: str, seconds: int = 900) -> dict[str, str]:
    """Temporary keys that may do what the policy allows, as store options."""
    answer = server.client("sts").assume_role(
        RoleArn="arn:aws:iam::123456789012:role/any", RoleSessionName="test", Policy=session_policy, DurationSeconds=seconds
    )["Credentials"]
    return {"access_key_id": answer["AccessKeyId"], "secret_access_key": answer["SecretAccessKey"], "session_token": answer["SessionToken"]}


def keys_of(store_url: str, options: StoreOptions) -> list[str]:
    keys: list[str] = list_objects(open_store(store_url, options)).manifest.column("key").to_pylist()
    return keys


def test_strange_keys_are_listed_and_read_exactly(minio_server: S3Server) -> None:
    bucket = minio_server.make_bucket({key: key.encode() for key in KEYS if not key.endswith("/")} | {"open/marker/": b""})
    store = open_store(f"s3://{bucket}", minio_server.options())
    manifest = list_objects(store).manifest.to_pylist()
    assert [row["key"] for row in manifest] == sorted(KEYS)
    read = {row["key"]: store.read_range(row["key"], 0, 99, etag=row["etag"]) for row in manifest if row["size"]}
    assert read == {key: key.encode() for key in KEYS if not key.endswith("/")}


def test_a_denied_prefix_is_named_and_the_others_are_listed(minio_server: S3Server) -> None:
    bucket = minio_server.make_bucket(dict.fromkeys(KEYS, b"x"))
    options = minio_server.options(**assume_role(minio_server, policy(bucket, denied_prefix="secret/")))
    store = open_store(f"s3://{bucket}", options)
    listing = list_objects(store)
    assert listing.manifest.column("key").to_pylist() == sorted(key for key in KEYS if not key.startswith("secret/"))
    assert [(failed.prefix, failed.error) for failed in listing.failed] == [("secret/", f"s3://{bucket}/secret/: permission denied")]
    with pytest.raises(AccessDeniedError, match=f"^s3://{bucket}/secret/2: permission denied$"):
        store.read_range("secret/2", 0, 1)


def test_no_permission_to_list_at_all_is_an_error(minio_server: S3Server) -> None:
    bucket = minio_server.make_bucket(dict.fromkeys(KEYS, b"x"))
    options = minio_server.options(**assume_role(minio_server, policy("another-bucket", denied_prefix="x/")))
    with pytest.raises(AccessDeniedError, match=f"^s3://{bucket}/: permission denied$"):
        list_objects(open_store(f"s3://{bucket}", options))


def test_a_role_is_assumed_where_the_bucket_is(minio_server: S3Server, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    bucket = minio_server.make_bucket(dict.fromkeys(KEYS, b"x"))
    options = minio_server.options(role_arn="arn:aws:iam::123456789012:role/any", role_session_name="catalog")
    assert keys_of(f"s3://{bucket}", options) == sorted(KEYS)
    assert SECRET_KEY not in caplog.text
    assert "Signature=" not in caplog.text


@pytest.mark.parametrize(
    ("wrong", "text"),
    [
        ({"access_key_id": "nobody"}, "the access key is not known to the store"),
        ({"secret_access_key": "not-the-secret"}, "the secret key does not fit the access key"),
        ({"session_token": "not-a-token"}, "the session token is not valid"),
    ],
)
def test_wrong_keys_are_told_apart(minio_server: S3Server, wrong: dict[str, Any], text: str) -> None:
    bucket = minio_server.make_bucket(dict.fromkeys(KEYS, b"x"))
    with pytest.raises(AuthenticationError) as caught:
        list_objects(open_store(f"s3://{bucket}", minio_server.options(**wrong)))
    assert str(caught.value) == f"s3://{bucket}/: {text}"


def test_tls_needs_the_ca_bundle(minio_tls_server: S3Server) -> None:
    bucket = minio_tls_server.make_bucket(dict.fromkeys(KEYS, b"x"))
    assert keys_of(f"s3://{bucket}", minio_tls_server.options()) == sorted(KEYS)
    assert keys_of(f"s3://{bucket}", minio_tls_server.options(ca_bundle=None, verify_tls=False)) == sorted(KEYS)
    with pytest.raises(StoreUnreachableError, match="the TLS certificate is not trusted"):
        keys_of(f"s3://{bucket}", minio_tls_server.options(ca_bundle=None))


def test_a_bucket_in_another_region_is_found(minio_server: S3Server, tmp_path: Path) -> None:
    with run_minio(tmp_path / "elsewhere", region="eu-central-1") as server:
        bucket = server.make_bucket({"a/1": b"x"})
        assert keys_of(f"s3://{bucket}", server.options(region="us-east-1")) == ["a/1"]
        assert keys_of(f"s3://{bucket}", server.options(region="eu-central-1")) == ["a/1"]


def test_key_ranges_of_a_prefix_meet_exactly(minio_server: S3Server) -> None:
    keys = ["lake/a", "lake/t1/", "lake/t1/x", "lake/t1/y/z", "lake/t1-2/x", "lake/t2.csv", "lake/t2/x", "lake/u"]
    store = open_store(f"s3://{minio_server.make_bucket(dict.fromkeys(keys, b''))}", minio_server.options())
    for bound in ("lake/t1/", "lake/t1/x", "lake/t2/", "lake/t1-2/"):
        pages = store.list_pages("lake/", start_after=bound)
        assert [key for page in pages for key in page.objects.column("key").to_pylist()] == [key for key in sorted(keys) if key > bound]
