"""S3Store: exact keys, exact bytes, patience, and one honest line when it gives up."""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from s3_catalog.errors import (
    AccessDeniedError,
    AuthenticationError,
    BucketNotFoundError,
    ConfigError,
    ObjectChangedError,
    ObjectNotFoundError,
    StoreError,
    StoreUnavailableError,
    StoreUnreachableError,
    UnnameableKeyError,
)
from s3_catalog.storage import ObjectStore, StoreOptions, open_store
from s3_catalog.storage.s3 import S3Store
from s3_catalog.storage.s3_endpoint import open_session, resolve_endpoint
from s3_catalog.storage.s3_listing import MalformedListingError, parse_listing
from s3_catalog_tests.servers import SECRET_KEY, Fault, FaultyProxy, S3Server, write_certificates

Proxies = Callable[..., FaultyProxy]

KEY_ZOO = [
    "plain.csv", "with space.csv", "a+b.csv", "a%2Fb.csv", "%00", "100%.csv", "~tilde", "back\\slash", "tab\t.csv", "bell\x07.csv",
    "a/../b.csv", "../up.csv", "..", "./dot.csv", "a//b.csv", "/lead.csv", "//lead2.csv", "trailing/",
    "a;b=c?d#e&f.csv", "quote'\".csv", "<&>.csv", "ünï/çödé.csv", "e\u0301 and \u00e9", "😀/🎉.csv", "x" * 1024, "\u65e5" * 341,
]  # fmt: skip


def list_keys(store: ObjectStore, prefix: str = "") -> list[str]:
    return [key for page in store.list_pages(prefix) for key in page.objects.column("key").to_pylist()]


def etags(store: ObjectStore) -> dict[str, str]:
    return {row["key"]: row["etag"] for page in store.list_pages("") for row in page.objects.to_pylist()}


def test_strange_keys_are_listed_and_read_exactly(s3_server: S3Server) -> None:
    bucket = s3_server.make_bucket({key: key.encode() for key in KEY_ZOO})
    store = open_store(f"s3://{bucket}", s3_server.options())
    found = etags(store)
    assert sorted(found) == sorted(KEY_ZOO)
    assert {key: store.read_range(key, 0, 5000, etag=etag) for key, etag in found.items()} == {key: key.encode() for key in KEY_ZOO}


def test_newline_in_a_key_survives_the_listing() -> None:
    body = b"<ListBucketResult><EncodingType>url</EncodingType><Contents><Key>a%0Ab+c%2Bd</Key><Size>1</Size></Contents></ListBucketResult>"
    assert parse_listing(body).page.objects.column("key").to_pylist() == ["a\nb c+d"]


def test_a_key_that_is_not_utf8_is_named() -> None:
    body = b"<ListBucketResult><EncodingType>url</EncodingType><Contents><Key>a%FFb</Key><Size>1</Size></Contents></ListBucketResult>"
    with pytest.raises(UnnameableKeyError, match="a%FFb"):
        parse_listing(body)


def test_a_second_implementation_gives_the_same_keys_and_bytes(rclone_server: S3Server) -> None:
    keys = ["plain.csv", "with space.csv", "a+b.csv", "a%2Fb.csv", "dir/ünï 😀.csv", "semi;colon&amp.csv"]
    bucket = rclone_server.make_bucket({key: key.encode() for key in keys})
    store = open_store(f"s3://{bucket}", rclone_server.options())
    found = etags(store)
    assert sorted(found) == sorted(keys)
    assert {key: store.read_range(key, 1, 3, etag=etag) for key, etag in found.items()} == {key: key.encode()[1:4] for key in keys}


segments = st.text(st.characters(exclude_categories=("Cs", "Cc", "Zl", "Zp")), min_size=0, max_size=12)
keys_strategy = st.lists(segments, min_size=1, max_size=4).map("/".join).filter(lambda key: 0 < len(key.encode()) <= 1024)


@settings(max_examples=10, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(keys=st.sets(keys_strategy, min_size=1, max_size=5))
def test_any_key_comes_back_as_it_was_put(s3_server: S3Server, keys: set[str]) -> None:
    bucket = s3_server.make_bucket({key: key.encode() for key in keys})
    store = open_store(f"s3://{bucket}", s3_server.options())
    assert list_keys(store) == sorted(keys)
    assert all(store.read_range(key, 0, 2000) == key.encode() for key in keys)


def test_delimiter_and_prefix_see_one_level(s3_server: S3Server) -> None:
    bucket = s3_server.make_bucket(dict.fromkeys(["a b/1", "a b/c+d/2", "a b/é/3", "z"], b""))
    page = next(open_store(f"s3://{bucket}", s3_server.options()).list_pages("a b/", delimiter="/"))
    assert page.prefixes == ("a b/c+d/", "a b/é/")
    assert page.objects.column("key").to_pylist() == ["a b/1"]


def test_start_after_is_exclusive(s3_server: S3Server) -> None:
    bucket = s3_server.make_bucket(dict.fromkeys(["a", "b", "c d", "e"], b""))
    pages = open_store(f"s3://{bucket}", s3_server.options()).list_pages("", start_after="b")
    assert [key for page in pages for key in page.objects.column("key").to_pylist()] == ["c d", "e"]


@pytest.mark.parametrize(
    ("start", "length", "data"), [(0, 4, b"0123"), (6, 4, b"6789"), (8, 100, b"89"), (10, 5, b""), (99, 5, b""), (3, 0, b"")]
)
def test_ranges_end_with_the_object(s3_server: S3Server, start: int, length: int, data: bytes) -> None:
    bucket = s3_server.make_bucket({"ten": b"0123456789"})
    assert open_store(f"s3://{bucket}", s3_server.options()).read_range("ten", start, length) == data


def test_an_empty_object_reads_as_nothing(s3_server: S3Server) -> None:
    bucket = s3_server.make_bucket({"empty": b""})
    assert open_store(f"s3://{bucket}", s3_server.options()).read_range("empty", 0, 10) == b""


@pytest.mark.parametrize("server", ["s3_server", "rclone_server"])
def test_a_replaced_object_is_noticed(server: str, request: pytest.FixtureRequest) -> None:
    s3: S3Server = request.getfixturevalue(server)
    bucket = s3.make_bucket({"a/b.csv": b"first"})
    store = open_store(f"s3://{bucket}", s3.options())
    etag = etags(store)["a/b.csv"]
    assert store.read_range("a/b.csv", 0, 5, etag=etag) == b"first"
    s3.client().put_object(Bucket=bucket, Key="a/b.csv", Body=b"other")
    with pytest.raises(ObjectChangedError, match="replaced"):
        store.read_range("a/b.csv", 0, 5, etag=etag)


def test_a_server_without_preconditions_is_checked_by_its_etag(s3_server: S3Server, faulty: Proxies) -> None:
    bucket = s3_server.make_bucket({"a": b"first"})
    proxy = faulty(s3_server.endpoint_url, drop_headers=("if-match",))
    with pytest.raises(ObjectChangedError):
        open_store(f"s3://{bucket}", s3_server.options(endpoint_url=proxy.endpoint_url)).read_range("a", 0, 5, etag="0" * 32)


def test_a_server_that_ignores_ranges_is_not_believed(s3_server: S3Server, faulty: Proxies) -> None:
    bucket = s3_server.make_bucket({"a": b"0123456789"})
    proxy = faulty(s3_server.endpoint_url, drop_headers=("range",))
    store = open_store(f"s3://{bucket}", s3_server.options(endpoint_url=proxy.endpoint_url))
    assert store.read_range("a", 0, 4) == b"0123"
    with pytest.raises(StoreError, match="ignores byte ranges"):
        store.read_range("a", 4, 4)


def test_a_deleted_object_is_gone_not_changed(s3_server: S3Server) -> None:
    bucket = s3_server.make_bucket()
    with pytest.raises(ObjectNotFoundError, match=r"^s3://.*/line\\nbreak: the object is gone$"):
        open_store(f"s3://{bucket}", s3_server.options()).read_range("line\nbreak", 0, 5)


def test_reads_survive_a_store_that_fails_half_the_time(s3_server: S3Server, faulty: Proxies) -> None:
    objects = {f"{n}.bin": bytes([n]) * 5000 for n in range(15)}
    bucket = s3_server.make_bucket(objects)
    faults = Fault(kind="status", share=0.3), Fault(kind="reset", share=0.14), Fault(kind="cut", share=0.16)
    proxy = faulty(s3_server.endpoint_url, *faults, seed=3)
    store = open_store(f"s3://{bucket}", s3_server.options(endpoint_url=proxy.endpoint_url))
    assert {key: store.read_range(key, 0, 9999) for key in objects} == objects
    assert store.receipt.get_requests == len(proxy.targets) == len(objects) + sum(fault.hits for fault in faults)
    assert store.receipt.bytes_read >= 15 * 5000


@pytest.mark.parametrize("kind", ["status", "reset", "cut", "stall"])
def test_each_passing_failure_is_tried_again(s3_server: S3Server, faulty: Proxies, kind: str) -> None:
    bucket = s3_server.make_bucket({"a": b"0123456789"})
    proxy = faulty(s3_server.endpoint_url, Fault(kind=kind, times=2))
    store = open_store(f"s3://{bucket}", s3_server.options(endpoint_url=proxy.endpoint_url, read_timeout=0.5))
    assert store.read_range("a", 0, 10) == b"0123456789"
    assert len(proxy.targets) == 3
    assert store.receipt.retries == 2


@pytest.mark.parametrize("kind", ["cut", "error_body", "stall", "reset"])
def test_a_broken_listing_page_is_fetched_again(s3_server: S3Server, faulty: Proxies, kind: str) -> None:
    bucket = s3_server.make_bucket({"a": b"x", "b": b"x"})
    proxy = faulty(s3_server.endpoint_url, Fault(kind=kind, times=1))
    store = open_store(f"s3://{bucket}", s3_server.options(endpoint_url=proxy.endpoint_url, read_timeout=0.5))
    assert list_keys(store) == ["a", "b"]
    assert store.receipt.list_requests == len(proxy.targets) == 2


@pytest.mark.parametrize(("status", "code"), [(403, "AccessDenied"), (404, "NoSuchBucket"), (400, "ExpiredToken"), (501, "NotImplemented")])
def test_a_refusal_is_not_tried_again(s3_server: S3Server, faulty: Proxies, status: int, code: str) -> None:
    proxy = faulty(s3_server.endpoint_url, Fault(kind="status", status=status, code=code))
    with pytest.raises(StoreError):
        list_keys(open_store("s3://lake", s3_server.options(endpoint_url=proxy.endpoint_url)))
    assert len(proxy.targets) == 1


def test_tries_are_bounded_in_number_and_time(s3_server: S3Server, faulty: Proxies) -> None:
    proxy = faulty(s3_server.endpoint_url, Fault(kind="status", status=500, code="InternalError"))
    store = open_store("s3://lake", s3_server.options(endpoint_url=proxy.endpoint_url, max_attempts=4))
    with pytest.raises(StoreUnavailableError, match="went on answering HTTP 500 InternalError"):
        list_keys(store)
    assert len(proxy.targets) == 4
    with pytest.raises(StoreUnavailableError):
        list_keys(open_store("s3://lake", s3_server.options(endpoint_url=proxy.endpoint_url, deadline=0.01)))
    assert len(proxy.targets) <= 6


def test_no_url_carries_a_signature(s3_server: S3Server, faulty: Proxies) -> None:
    bucket = s3_server.make_bucket({"a": b"x"})
    proxy = faulty(s3_server.endpoint_url)
    store = open_store(f"s3://{bucket}", s3_server.options(endpoint_url=proxy.endpoint_url, session_token="token", requester_pays=True))
    list_keys(store)
    store.read_range("a", 0, 1)
    assert not [target for target in proxy.targets if "amz" in target.lower() or "signature" in target.lower()]
    assert all(headers["x-amz-request-payer"] == "requester" and "Signature=" in headers["Authorization"] for headers in proxy.headers)


def test_anonymous_requests_are_not_signed(s3_server: S3Server, faulty: Proxies) -> None:
    bucket = s3_server.make_bucket({"a": b"x"})
    s3_server.client().put_bucket_acl(Bucket=bucket, ACL="public-read")
    proxy = faulty(s3_server.endpoint_url)
    store = open_store(f"s3://{bucket}", StoreOptions(endpoint_url=proxy.endpoint_url, anonymous=True))
    assert list_keys(store) == ["a"]
    assert "Authorization" not in proxy.headers[0]


KEYS = {"access_key_id": "AKIDEXAMPLE", "secret_access_key": SECRET_KEY, "session_token": "session-token-0123456789"}


@pytest.mark.parametrize(
    ("settings_", "error", "text"),
    [
        ({"endpoint_url": "{moto}"}, BucketNotFoundError, "s3://no-such-bucket/: the bucket does not exist"),
        ({"endpoint_url": "{refused}"}, StoreUnreachableError, "the connection was refused"),
        ({"endpoint_url": "http://no-such-host.invalid"}, StoreUnreachableError, "no-such-host.invalid: the host name does not resolve"),
        ({"endpoint_url": "{moto_as_https}"}, StoreUnreachableError, "the TLS handshake failed"),
        ({"endpoint_url": "{tls}"}, StoreUnreachableError, "the TLS certificate is not trusted: unable to get local issuer certificate"),
        ({"endpoint_url": "{rclone}"}, AuthenticationError, "the access key is not known to the store"),
        ({"endpoint_url": "{rclone}", "access_key_id": "test-access-key", "secret_access_key": "wrong-secret", "session_token": None},
         AuthenticationError, "the secret key does not fit the access key"),
        ({"endpoint_url": "{expired}"}, AuthenticationError, "the session token has expired"),
        ({"endpoint_url": "{denied}"}, AccessDeniedError, "s3://no-such-bucket/: permission denied"),
        ({"endpoint_url": "{moto}", **dict.fromkeys(KEYS)}, AuthenticationError, "no credentials found"),
        ({"endpoint_url": "{moto}", "profile": "nobody"}, AuthenticationError, "profile nobody: the AWS configuration has no such profile"),
        ({"endpoint_url": "{moto}", "secret_access_key": None}, ConfigError, "access_key_id and secret_access_key go together"),
        ({"endpoint_url": "not a url"}, ConfigError, "the endpoint URL not a url is not valid"),
        ({"endpoint_url": "{moto}", "ca_bundle": "no/such.pem"}, ConfigError, "the CA bundle no/such.pem does not exist"),
    ],
)  # fmt: skip
def test_one_line_says_what_is_wrong_and_holds_no_secret(
    s3_server: S3Server, rclone_server: S3Server, faulty: Proxies, tmp_path: Path, caplog: pytest.LogCaptureFixture,
    settings_: dict[str, Any], error: type[Exception], text: str,
) -> None:  # fmt: skip
    caplog.set_level(logging.DEBUG)
    options = StoreOptions(**(KEYS | {"region": "us-east-1"} | settings_ | {"endpoint_url": settings_["endpoint_url"].format(
        moto=s3_server.endpoint_url,
        moto_as_https=s3_server.endpoint_url.replace("http:", "https:"),
        refused="http://127.0.0.1:1",
        tls=faulty(s3_server.endpoint_url, certificates=make_certificates(tmp_path)).endpoint_url,
        rclone=rclone_server.endpoint_url,
        expired=faulty(s3_server.endpoint_url, Fault(kind="status", status=400, code="ExpiredToken")).endpoint_url,
        denied=faulty(s3_server.endpoint_url, Fault(kind="status", status=403, code="AccessDenied")).endpoint_url,
    )}))  # fmt: skip
    with pytest.raises(error) as caught:
        list_keys(open_store("s3://no-such-bucket", options))
    message = str(caught.value)
    assert text in message
    assert len(message.splitlines()) == 1
    for secret in (SECRET_KEY, "wrong-secret", "session-token-0123456789", "Signature="):
        assert secret not in message + caplog.text + repr(options)


def make_certificates(folder: Path) -> Path:
    certificates = folder / "certificates"
    certificates.mkdir()
    write_certificates(certificates)
    return certificates


def test_a_ca_bundle_makes_a_self_signed_server_trusted(
    s3_server: S3Server, faulty: Proxies, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bucket = s3_server.make_bucket({"a": b"x"})
    proxy = faulty(s3_server.endpoint_url, certificates=make_certificates(tmp_path))
    bundle = str(tmp_path / "ca.pem")
    assert list_keys(open_store(f"s3://{bucket}", s3_server.options(endpoint_url=proxy.endpoint_url, ca_bundle=bundle))) == ["a"]
    assert list_keys(open_store(f"s3://{bucket}", s3_server.options(endpoint_url=proxy.endpoint_url, verify_tls=False))) == ["a"]
    monkeypatch.setenv("AWS_CA_BUNDLE", bundle)
    assert list_keys(open_store(f"s3://{bucket}", s3_server.options(endpoint_url=proxy.endpoint_url))) == ["a"]


def test_aws_variables_work_as_everywhere_else(s3_server: S3Server, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    bucket = s3_server.make_bucket({"a": b"x"})
    config = tmp_path / "config"
    lines = ["[profile lake]", "region = eu-west-3", "aws_access_key_id = a", "aws_secret_access_key = b"]
    config.write_text("\n".join([*lines, f"endpoint_url = {s3_server.endpoint_url}", ""]))
    monkeypatch.setenv("AWS_CONFIG_FILE", str(config))
    monkeypatch.setenv("AWS_PROFILE", "lake")
    store = open_store(f"s3://{bucket}")
    assert isinstance(store, S3Store)
    assert list_keys(store) == ["a"]
    assert store._endpoint.region == "eu-west-3"
    monkeypatch.delenv("AWS_PROFILE")
    for name, value in {"ACCESS_KEY_ID": "a", "SECRET_ACCESS_KEY": "b", "ENDPOINT_URL_S3": s3_server.endpoint_url}.items():
        monkeypatch.setenv(f"AWS_{name}", value)
    assert list_keys(open_store(f"s3a://{bucket}")) == ["a"]


def test_a_role_is_assumed_and_nothing_of_it_is_logged(s3_server: S3Server, faulty: Proxies, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    bucket = s3_server.make_bucket({"a": b"x"})
    proxy = faulty(s3_server.endpoint_url)
    role = {"role_arn": "arn:aws:iam::123456789012:role/reader", "external_id": "shared-external-id", "role_session_name": "catalog"}
    store = open_store(f"s3://{bucket}", s3_server.options(endpoint_url=proxy.endpoint_url, **role))
    assert list_keys(store) == ["a"]
    token = proxy.headers[-1]["X-Amz-Security-Token"]
    assert token
    for secret in (token, SECRET_KEY, "shared-external-id", "Signature="):
        assert secret not in caplog.text


def test_a_role_that_is_refused_says_so(s3_server: S3Server, faulty: Proxies) -> None:
    proxy = faulty(s3_server.endpoint_url, Fault(kind="status", status=403, code="AccessDenied"))
    options = s3_server.options(endpoint_url=proxy.endpoint_url, role_arn="arn:aws:iam::123456789012:role/reader")
    with pytest.raises(AuthenticationError, match="AssumeRole was refused"):
        list_keys(open_store("s3://lake", options))


@pytest.mark.parametrize(
    ("bucket", "options", "base_url"),
    [
        ("lake", {"region": "eu-west-1"}, "https://lake.s3.eu-west-1.amazonaws.com"),
        ("lake", {"region": "eu-west-1", "path_style": True}, "https://s3.eu-west-1.amazonaws.com/lake"),
        ("la.ke", {"region": "eu-west-1"}, "https://s3.eu-west-1.amazonaws.com/la.ke"),
        ("lake", {"region": "cn-north-1"}, "https://lake.s3.cn-north-1.amazonaws.com.cn"),
        ("lake", {"endpoint_url": "http://127.0.0.1:9000"}, "http://127.0.0.1:9000/lake"),
        ("lake", {"endpoint_url": "http://minio.test:9000", "path_style": False}, "http://lake.minio.test:9000"),
        ("arn:aws:s3:eu-west-1:123456789012:accesspoint/pt", {}, "https://pt-123456789012.s3-accesspoint.eu-west-1.amazonaws.com"),
    ],
)
def test_endpoints_follow_botocores_rules(bucket: str, options: dict[str, Any], base_url: str) -> None:
    full = StoreOptions(access_key_id="a", secret_access_key="b", **({"region": "eu-west-1"} | options))
    assert resolve_endpoint(open_session(full), bucket, full).base_url == base_url


def test_a_name_no_bucket_can_have_is_not_found() -> None:
    with pytest.raises(BucketNotFoundError, match="no bucket can have this name"):
        open_store("s3://no bucket!", StoreOptions(access_key_id="a", secret_access_key="b"))


@pytest.mark.parametrize(("body", "cut"), [(b"<ListBucketResult><Contents>", True), (b"", True), (b"<html></html>", False)])
def test_what_is_no_listing_is_refused(body: bytes, cut: bool) -> None:
    with pytest.raises(MalformedListingError) as caught:
        parse_listing(body)
    assert caught.value.cut is cut
