"""A folder is a store whose keys are its files' names, and it ends at its own edge."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from s3_catalog.discovery.listing import list_objects
from s3_catalog.errors import AccessDeniedError, BucketNotFoundError, ObjectChangedError, ObjectNotFoundError, UnnameableKeyError
from s3_catalog.storage import open_store

Fill = Callable[[dict[str, bytes]], Path]

NAMES = [
    "plain.csv", "with space.csv", "100%.csv", "a%2Fb.csv", "a+b.csv", "new\nline.csv", "tab\t.csv", "ünï/çödé.csv", "😀/🎉.csv", "part#1",
    "back\\slash", ".hidden/x", "a-b/1", "a/1", "a.b/1", "a/b/c/d",
]  # fmt: skip


def keys_below(url: str, prefix: str = "", start_after: str = "") -> list[str]:
    pages = open_store(url).list_pages(prefix, start_after=start_after)
    return [key for page in pages for key in page.objects.column("key").to_pylist()]


def test_every_name_is_listed_in_key_order_and_read_exactly(fill_folder: Fill) -> None:
    store = open_store(str(fill_folder({name: name.encode() for name in NAMES})))
    rows = [row for page in store.list_pages("") for row in page.objects.to_pylist()]
    assert [row["key"] for row in rows] == sorted(NAMES)
    assert all(store.read_range(row["key"], 0, 100, etag=row["etag"]) == row["key"].encode() for row in rows)


def test_file_urls_are_percent_decoded(fill_folder: Fill) -> None:
    folder = fill_folder({"my lake/a.csv": b"x"})
    assert keys_below(f"file://{folder}/my%20lake") == ["a.csv"]


def test_prefix_delimiter_and_start_after_work_as_in_s3(fill_folder: Fill) -> None:
    url = str(fill_folder(dict.fromkeys(["a/1", "a/b/2", "a/c", "ab/3", "z"], b"")))
    assert keys_below(url, "a/") == ["a/1", "a/b/2", "a/c"]
    assert keys_below(url, start_after="a/b/2") == ["a/c", "ab/3", "z"]
    assert keys_below(url, "none/") == []
    page = next(open_store(url).list_pages("a/", delimiter="/"))
    assert page.prefixes == ("a/b/",)
    assert page.objects.column("key").to_pylist() == ["a/1", "a/c"]


def test_ranges_end_with_the_file(fill_folder: Fill) -> None:
    store = open_store(str(fill_folder({"ten": b"0123456789"})))
    assert store.read_range("ten", 6, 100) == b"6789"
    assert store.read_range("ten", 20, 5) == b""
    assert (store.receipt.get_requests, store.receipt.bytes_read) == (2, 4)


def test_a_replaced_or_removed_file_is_noticed(fill_folder: Fill) -> None:
    folder = fill_folder({"a": b"first"})
    store = open_store(str(folder))
    etag = next(store.list_pages("")).objects.column("etag")[0].as_py()
    (folder / "b").write_bytes(b"other")
    (folder / "b").replace(folder / "a")
    with pytest.raises(ObjectChangedError):
        store.read_range("a", 0, 5, etag=etag)
    (folder / "a").unlink()
    with pytest.raises(ObjectNotFoundError):
        store.read_range("a", 0, 5, etag=etag)


def test_links_lead_nowhere(fill_folder: Fill, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    folder = fill_folder({"a/real": b"x"})
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside" / "secret").write_bytes(b"secret")
    (folder / "file-link").symlink_to(tmp_path / "outside" / "secret")
    (folder / "folder-link").symlink_to(tmp_path / "outside")
    (folder / "loop").symlink_to(folder)
    store = open_store(str(folder))
    assert keys_below(str(folder)) == ["a/real"]
    assert "symbolic link is not followed" in caplog.text
    for key in ("file-link", "folder-link/secret", "loop/a/real"):
        with pytest.raises(ObjectNotFoundError):
            store.read_range(key, 0, 10)


@pytest.mark.parametrize("key", ["../outside", "a/../../outside", "/etc/hostname", "a//real", "./a/real", "", "a/", "a", "nul\0", "\udcff"])
def test_no_key_leads_out_of_the_folder(fill_folder: Fill, tmp_path: Path, key: str) -> None:
    (tmp_path / "outside").write_bytes(b"secret")
    with pytest.raises(ObjectNotFoundError, match="gone") as caught:
        open_store(str(fill_folder({"a/real": b"x"}))).read_range(key, 0, 10)
    assert len(str(caught.value).splitlines()) == 1


@pytest.mark.parametrize("prefix", ["../", "a/../../", "/", "//"])
def test_no_prefix_leads_out_of_the_folder(fill_folder: Fill, tmp_path: Path, prefix: str) -> None:
    (tmp_path / "outside").write_bytes(b"secret")
    assert keys_below(str(fill_folder({"a/real": b"x"})), prefix) == []


def test_a_missing_folder_and_a_file_are_no_store(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(BucketNotFoundError, match="the folder does not exist"):
        open_store(str(tmp_path / "none"))
    with pytest.raises(BucketNotFoundError, match="not a folder"):
        open_store(f"file://{tmp_path}/file")


def test_a_name_that_is_not_utf8_is_named(fill_folder: Fill) -> None:
    folder = fill_folder({"good/x": b"", "bad/y": b""})
    Path(os.fsdecode(os.fsencode(folder / "bad") + b"/\xff.csv")).write_bytes(b"")
    with pytest.raises(UnnameableKeyError, match=r"bad/\\udcff.csv: the file name is not UTF-8"):
        keys_below(str(folder))
    listing = list_objects(open_store(str(folder)))
    assert listing.manifest.column("key").to_pylist() == ["good/x"]
    assert [failed.prefix for failed in listing.failed] == ["bad/"]


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_closed_folder_fails_its_prefix(fill_folder: Fill) -> None:
    folder = fill_folder({"good/x": b"", "closed/y": b""})
    (folder / "closed").chmod(0)
    try:
        listing = list_objects(open_store(str(folder)))
        with pytest.raises(AccessDeniedError):
            keys_below(str(folder), "closed/")
    finally:
        (folder / "closed").chmod(0o700)
    assert [failed.prefix for failed in listing.failed] == ["closed/"]


def test_many_files_come_in_pages(fill_folder: Fill) -> None:
    store = open_store(str(fill_folder({f"{n:05}": b"" for n in range(2500)})))
    assert [page.objects.num_rows for page in store.list_pages("")] == [1000, 1000, 500]
