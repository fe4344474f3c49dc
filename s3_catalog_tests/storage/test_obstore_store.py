"""memory://, gs:// and az:// through obstore, with the errors of the other stores."""

from __future__ import annotations

import secrets
from typing import Any

import pytest

from s3_catalog.discovery.listing import list_objects
from s3_catalog.errors import (
    AuthenticationError,
    ConfigError,
    ObjectChangedError,
    ObjectNotFoundError,
    StoreUnreachableError,
    UnnameableKeyError,
)
from s3_catalog.storage import ObjectStore, StoreOptions, open_store
from s3_catalog.storage.obstore_store import memory_store


def filled(objects: dict[str, bytes]) -> tuple[str, ObjectStore]:
    name = f"lake-{secrets.token_hex(4)}"
    for key, body in objects.items():
        memory_store(name).put(key, body)
    return name, open_store(f"memory://{name}")


def test_memory_lists_and_reads_what_was_put() -> None:
    _, store = filled({"a b/é 😀.csv": b"0123456789", "a/1": b"x", "a-b/2": b"y", "root+%2F": b"z"})
    listing = list_objects(store)
    assert listing.manifest.column("key").to_pylist() == ["a b/é 😀.csv", "a-b/2", "a/1", "root+%2F"]
    assert listing.manifest.column("size").to_pylist() == [10, 1, 1, 1]
    assert store.read_range("a b/é 😀.csv", 3, 4) == b"3456"
    assert store.read_range("a b/é 😀.csv", 8, 40) == b"89"
    assert store.read_range("a b/é 😀.csv", 40, 4) == b""


def test_delimiter_prefix_and_start_after() -> None:
    _, store = filled(dict.fromkeys(["a/1", "a/b/2", "ab/3", "z"], b""))
    page = next(store.list_pages("", delimiter="/"))
    assert (page.prefixes, page.objects.column("key").to_pylist()) == (("a/", "ab/"), ["z"])
    pages = store.list_pages("a/", start_after="a/1")
    assert [key for page in pages for key in page.objects.column("key").to_pylist()] == ["a/b/2"]


def test_a_replaced_object_is_noticed() -> None:
    name, store = filled({"a": b"first"})
    etag = next(store.list_pages("")).objects.column("etag")[0].as_py()
    assert store.read_range("a", 0, 9, etag=etag) == b"first"
    memory_store(name).put("a", b"other")
    with pytest.raises(ObjectChangedError):
        store.read_range("a", 0, 9, etag=etag)
    with pytest.raises(ObjectNotFoundError):
        store.read_range("b", 0, 9)


@pytest.mark.parametrize("key", ["a//b", "a/../b", "./a", "/lead", "trail/", "a\nb"])
def test_a_key_that_cannot_be_named_is_an_error_that_names_it(key: str) -> None:
    name, store = filled({"a": b"x"})
    with pytest.raises(UnnameableKeyError) as caught:
        store.read_range(key, 0, 1)
    assert str(caught.value).startswith(f"memory://{name}/{key}".replace("\n", "\\n"))
    assert len(str(caught.value).splitlines()) == 1


def test_a_prefix_that_cannot_be_named_is_an_error_that_names_it() -> None:
    name, store = filled({"a": b"x"})
    with pytest.raises(UnnameableKeyError, match=f"memory://{name}/a//b"):
        list(store.list_pages("a//b/"))


AZURE = {"account_name": "lake", "account_key": "c2VjcmV0LWFjY291bnQta2V5"}
BRIEF: dict[str, Any] = {"client_options": AZURE, "max_attempts": 2, "deadline": 1}


@pytest.mark.parametrize(
    ("url", "options", "error"),
    [
        (
            "az://lake",
            StoreOptions(endpoint_url="http://127.0.0.1:1", **BRIEF),
            StoreUnreachableError,
        ),
        (
            "az://lake",
            StoreOptions(endpoint_url="http://no.such.invalid", **BRIEF),
            StoreUnreachableError,
        ),
        ("gs://lake", StoreOptions(client_options={"service_account": "no-such-file.json"}), AuthenticationError),
        ("az://lake", StoreOptions(client_options={"no_such_setting": "1"}), ConfigError),
    ],
)
def test_one_line_says_what_is_wrong_and_holds_no_secret(url: str, options: StoreOptions, error: type[Exception]) -> None:
    with pytest.raises(error) as caught:
        list(open_store(url, options).list_pages(""))
    assert len(str(caught.value).splitlines()) == 1
    assert AZURE["account_key"] not in str(caught.value) + repr(options)
    assert "sig=" not in str(caught.value)
