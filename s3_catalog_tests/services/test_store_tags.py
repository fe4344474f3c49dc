"""Tags of objects and buckets, as two implementations of S3 give them."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest

from s3_catalog.errors import AccessDeniedError, BucketNotFoundError, StoreError
from s3_catalog.storage import TaggedStore, open_store
from s3_catalog_tests.servers import Fault, FaultyProxy, S3Server
from s3_catalog_tests.services.test_store_minio import assume_role

TAGS = {"team": "sales", "cost center": "4711 + x/y=z:@_.-"}


def tag_set(tags: dict[str, str]) -> dict[str, list[dict[str, str]]]:
    return {"TagSet": [{"Key": key, "Value": value} for key, value in tags.items()]}


def opened(server: S3Server, bucket: str, **options: str) -> TaggedStore:
    store = open_store(f"s3://{bucket}", server.options(**options))
    assert isinstance(store, TaggedStore)
    return store


@pytest.fixture(params=["s3_server", "minio_server"])
def server(request: pytest.FixtureRequest) -> S3Server:
    found: S3Server = request.getfixturevalue(request.param)
    return found


def test_tags_of_objects_and_buckets_come_back_as_they_were_set(server: S3Server) -> None:
    keys = ["plain.csv", "ünï 😀/a+b%2F&c.csv"]
    bucket = server.make_bucket(dict.fromkeys(keys, b"x"))
    for key in keys:
        server.client().put_object_tagging(Bucket=bucket, Key=key, Tagging=tag_set(TAGS))
    server.client().put_bucket_tagging(Bucket=bucket, Tagging=tag_set({"owner": "data platform"}))
    store = opened(server, bucket)
    assert {key: store.read_tags(key) for key in keys} == dict.fromkeys(keys, TAGS)
    assert store.read_tags() == {"owner": "data platform"}
    assert store.receipt.get_requests == 3


def test_what_has_no_tags_has_none(server: S3Server) -> None:
    store = opened(server, server.make_bucket({"plain.csv": b"x"}))
    assert [store.read_tags(), store.read_tags("plain.csv"), store.read_tags("gone.csv")] == [{}, {}, {}]


def test_a_bucket_that_is_not_there_is_an_error(s3_server: S3Server) -> None:
    with pytest.raises(BucketNotFoundError):
        opened(s3_server, "no-such-bucket-0123").read_tags()


def test_tags_survive_a_store_that_is_busy_and_are_no_error_document(s3_server: S3Server, faulty: Callable[..., FaultyProxy]) -> None:
    bucket = s3_server.make_bucket({"plain.csv": b"x"})
    s3_server.client().put_object_tagging(Bucket=bucket, Key="plain.csv", Tagging=tag_set(TAGS))
    proxy = faulty(s3_server.endpoint_url, Fault(kind="status", times=2), Fault(kind="error_body", match="other"))
    store = opened(s3_server, bucket, endpoint_url=proxy.endpoint_url)
    assert store.read_tags("plain.csv") == TAGS
    assert (store.receipt.get_requests, store.receipt.retries) == (3, 2)
    with pytest.raises(StoreError, match="holds no tags"):
        store.read_tags("other")


def test_tags_need_permissions_of_their_own(minio_server: S3Server) -> None:
    bucket = minio_server.make_bucket({"plain.csv": b"x"})
    everything = [f"arn:aws:s3:::{bucket}", f"arn:aws:s3:::{bucket}/*"]
    allowed = {"Effect": "Allow", "Action": ["s3:ListBucket", "s3:GetObject"], "Resource": everything}
    session = assume_role(minio_server, json.dumps({"Version": "2012-10-17", "Statement": [allowed]}))
    store = opened(minio_server, bucket, **session)
    assert store.read_range("plain.csv", 0, 1) == b"x"
    for key in (None, "plain.csv"):
        with pytest.raises(AccessDeniedError):
            store.read_tags(key)


def test_a_server_without_tags_says_so(rclone_server: S3Server) -> None:
    store = opened(rclone_server, rclone_server.make_bucket({"plain.csv": b"x"}))
    with pytest.raises(StoreError):
        store.read_tags()
