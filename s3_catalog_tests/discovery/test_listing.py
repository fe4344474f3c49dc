"""Listings are complete, exact and cheap, or they say which prefix is not."""

from __future__ import annotations

import bisect
import itertools
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pyarrow as pa
import pytest

from s3_catalog.discovery.listing import filter_manifest, list_objects, list_prefixes
from s3_catalog.errors import (
    AccessDeniedError,
    AuthenticationError,
    BucketNotFoundError,
    ConfigError,
)
from s3_catalog.model.ledger import SkipReason
from s3_catalog.model.manifest import MANIFEST_SCHEMA
from s3_catalog.storage import ListPage, Location, open_store
from s3_catalog.storage.receipt import Receipt
from s3_catalog_tests.servers import Fault, FaultyProxy, S3Server

Proxies = Callable[..., FaultyProxy]


def keys_of(manifest: pa.Table) -> list[str]:
    keys: list[str] = manifest.column("key").to_pylist()
    return keys


class SimulatedBucket:
    """A bucket of any size that answers like S3: 1,000 keys a page, `start_after`, `delimiter`. Holds keys, no bytes."""

    def __init__(self, keys: list[str], *, in_order: bool = True, denied: str | None = None) -> None:
        self.location, self.receipt = Location("s3", "lake", ""), Receipt()
        self.keys, self.in_order, self.denied = sorted(keys), in_order, denied

    def list_pages(self, prefix: str, *, delimiter: str = "", start_after: str = "") -> Iterator[ListPage]:
        entries = self._entries(prefix, delimiter, start_after)
        for first in itertools.count():
            chunk = list(itertools.islice(entries, 1000))
            if not chunk and first:
                return
            self.receipt.count_list(0)
            if self.denied is not None and prefix.startswith(self.denied):
                raise AccessDeniedError(prefix, "permission denied")
            yield self._page(chunk)
            if len(chunk) < 1000:
                return

    def read_range(self, key: str, start: int, length: int, *, etag: str | None = None) -> bytes:
        raise NotImplementedError

    def _entries(self, prefix: str, delimiter: str, start_after: str) -> Iterator[str]:
        if not self.in_order:
            matching = [key for key in self.keys if key.startswith(prefix) and key > start_after]
            yield from dict.fromkeys(self._entry(key, prefix, delimiter) for key in sorted(matching, key=lambda key: key[::-1]))
            return
        at = max(bisect.bisect_left(self.keys, prefix), bisect.bisect_right(self.keys, start_after))
        while at < len(self.keys) and self.keys[at].startswith(prefix):
            entry = self._entry(self.keys[at], prefix, delimiter)
            yield entry
            at = bisect.bisect_left(self.keys, entry[:-1] + "0") if delimiter and entry.endswith("/") else at + 1

    @staticmethod
    def _entry(key: str, prefix: str, delimiter: str) -> str:
        return prefix + "".join(key[len(prefix) :].partition("/")[:2]) if delimiter else key

    def _page(self, chunk: list[str]) -> ListPage:
        keys = [entry for entry in chunk if not entry.endswith("/")]
        now = [datetime(2026, 1, 1, tzinfo=UTC)] * len(keys)
        columns = [pa.array(keys, pa.string()), pa.array([1] * len(keys)), pa.array(now, pa.timestamp("us", tz="UTC"))]
        columns += [pa.array(["e"] * len(keys), pa.string()), pa.nulls(len(keys), pa.string())]
        folders = tuple(entry for entry in chunk if entry.endswith("/"))
        return ListPage(pa.RecordBatch.from_arrays(columns, schema=MANIFEST_SCHEMA), folders)


def test_every_object_is_listed_once_in_key_order(s3_server: S3Server) -> None:
    names = ["root.csv", "a/1", "a/b/2", "a-b/3", "a", "z/é 😀/4", "z//5", "/lead/6", "../7", "a b+c%2Fd/8", "a/"]
    bucket = s3_server.make_bucket(dict.fromkeys(names, b"x"))
    listing = list_objects(open_store(f"s3://{bucket}", s3_server.options()))
    assert keys_of(listing.manifest) == sorted(names)
    assert listing.manifest.schema == MANIFEST_SCHEMA
    assert listing.failed == ()


def test_manifest_carries_size_time_etag_and_storage_class(s3_server: S3Server) -> None:
    bucket = s3_server.make_bucket({"a/1": b"12345"})
    row = list_objects(open_store(f"s3://{bucket}", s3_server.options())).manifest.to_pylist()[0]
    head = s3_server.client().head_object(Bucket=bucket, Key="a/1")
    assert row["size"] == 5
    assert row["etag"] == head["ETag"].strip('"')
    assert abs(row["last_modified"] - head["LastModified"]).total_seconds() < 2
    assert row["storage_class"] == "STANDARD"


def test_a_location_with_a_prefix_lists_only_below_it(s3_server: S3Server) -> None:
    bucket = s3_server.make_bucket(dict.fromkeys(["raw/a/1", "raw/2", "rawer/3", "4"], b"x"))
    store = open_store(f"s3://{bucket}/raw", s3_server.options())
    assert keys_of(list_objects(store).manifest) == ["raw/2", "raw/a/1"]
    assert list_prefixes(store).prefixes == ("raw/a/",)
    assert keys_of(list_prefixes(store).objects) == ["raw/2"]


def test_an_empty_bucket_is_an_empty_manifest(s3_server: S3Server) -> None:
    listing = list_objects(open_store(f"s3://{s3_server.make_bucket()}", s3_server.options()))
    assert listing.manifest.num_rows == 0
    assert listing.manifest.schema == MANIFEST_SCHEMA
    assert listing.failed == ()


def test_given_prefixes_alone_are_listed_and_overlaps_once(s3_server: S3Server) -> None:
    bucket = s3_server.make_bucket(dict.fromkeys(["a/1", "a/b/2", "c/3", "4"], b"x"))
    store = open_store(f"s3://{bucket}", s3_server.options())
    assert keys_of(list_objects(store, prefixes=["a/b/", "a/"]).manifest) == ["a/1", "a/b/2"]
    with pytest.raises(ValueError, match='ends in "/"'):
        list_objects(store, prefixes=["a"])


def test_progress_counts_every_object(s3_server: S3Server) -> None:
    bucket = s3_server.make_bucket({f"{letter}/{n}": b"x" for letter in "abc" for n in range(3)})
    seen: list[tuple[int, str]] = []
    list_objects(open_store(f"s3://{bucket}", s3_server.options()), progress=lambda count, prefix: seen.append((count, prefix)))
    assert sorted(count for count, _ in seen) == [3, 6, 9]
    assert {prefix for _, prefix in seen} == {"a/", "b/", "c/"}


def test_a_page_that_fails_for_good_fails_its_prefix_alone(s3_server: S3Server, faulty: Proxies) -> None:
    bucket = s3_server.make_bucket(dict.fromkeys(["good/1", "bad/2", "bad/3/4", "root"], b"x"))
    proxy = faulty(s3_server.endpoint_url, Fault(kind="status", match="prefix=bad%2F"))
    listing = list_objects(open_store(f"s3://{bucket}", s3_server.options(endpoint_url=proxy.endpoint_url, max_attempts=3)))
    assert keys_of(listing.manifest) == ["good/1", "root"]
    assert [failed.prefix for failed in listing.failed] == ["bad/"]
    assert listing.failed[0].error == f"s3://{bucket}/bad/: the store went on answering HTTP 503 SlowDown"


def test_a_later_page_that_fails_drops_the_whole_prefix(rclone_server: S3Server, faulty: Proxies) -> None:
    bucket = rclone_server.make_bucket_of_files(f"big/{n:05}" for n in range(1500))
    fault = Fault(kind="status", status=403, code="AccessDenied", match="continuation-token=")
    proxy = faulty(rclone_server.endpoint_url, fault)
    listing = list_objects(open_store(f"s3://{bucket}", rclone_server.options(endpoint_url=proxy.endpoint_url)))
    assert listing.manifest.num_rows == 0
    assert [failed.prefix for failed in listing.failed] == ["big/"]
    assert fault.hits == 1


def test_a_location_that_cannot_be_listed_is_an_error(s3_server: S3Server, faulty: Proxies) -> None:
    bucket = s3_server.make_bucket({"a/1": b"x"})
    proxy = faulty(s3_server.endpoint_url, Fault(kind="status", status=403, code="AccessDenied"))
    with pytest.raises(AccessDeniedError, match="permission denied"):
        list_objects(open_store(f"s3://{bucket}", s3_server.options(endpoint_url=proxy.endpoint_url)))
    with pytest.raises(BucketNotFoundError):
        list_objects(open_store("s3://no-such-bucket-here", s3_server.options()))


@pytest.mark.parametrize(("code", "error"), [("ExpiredToken", AuthenticationError), ("NoSuchBucket", BucketNotFoundError)])
def test_given_prefixes_that_all_fail_for_want_of_the_store_are_an_error(
    s3_server: S3Server, faulty: Proxies, code: str, error: type[Exception]
) -> None:
    proxy = faulty(s3_server.endpoint_url, Fault(kind="status", status=400, code=code))
    with pytest.raises(error):
        list_objects(open_store("s3://lake", s3_server.options(endpoint_url=proxy.endpoint_url)), prefixes=["a/", "b/"])


def test_given_prefixes_that_are_denied_are_named(s3_server: S3Server, faulty: Proxies) -> None:
    proxy = faulty(s3_server.endpoint_url, Fault(kind="status", status=403, code="AccessDenied"))
    listing = list_objects(open_store("s3://lake", s3_server.options(endpoint_url=proxy.endpoint_url)), prefixes=["a/", "b/"])
    assert [failed.prefix for failed in listing.failed] == ["a/", "b/"]


def test_a_store_that_fails_half_the_time_gives_the_same_manifest(s3_server: S3Server, faulty: Proxies) -> None:
    bucket = s3_server.make_bucket({f"t{table}/{n}": b"x" for table in range(20) for n in range(3)})
    calm = list_objects(open_store(f"s3://{bucket}", s3_server.options()))
    faults = Fault(kind="status", share=0.3), Fault(kind="reset", share=0.14), Fault(kind="cut", share=0.16)
    proxy = faulty(s3_server.endpoint_url, *faults, seed=7)
    store = open_store(f"s3://{bucket}", s3_server.options(endpoint_url=proxy.endpoint_url))
    stormy = list_objects(store, workers=8)
    assert stormy.failed == ()
    assert stormy.manifest.equals(calm.manifest)
    assert store.receipt.list_requests == len(proxy.targets)
    assert store.receipt.retries == sum(fault.hits for fault in faults) > 0


def table_keys(tables: int, files: int, root: str = "") -> list[str]:
    return [f"{root}t{table:04}/day={n // 50:03}/part-{n:05}.parquet" for table in range(tables) for n in range(files)]


@pytest.mark.parametrize(
    ("keys", "most_requests"),
    [
        pytest.param(table_keys(200, 500), 201, id="200 top-level prefixes"),
        pytest.param(table_keys(200, 500, "lake/"), 160, id="one top-level prefix with 200 below it"),
        pytest.param(table_keys(200, 500, "org/dept/lake/"), 160, id="one deep prefix with 200 below it"),
        pytest.param([f"big/{n:06}" for n in range(30_000)], 40, id="one flat prefix"),
        pytest.param(table_keys(1, 40_000) + table_keys(50, 20, "small/"), 80, id="one big table and many small ones"),
        pytest.param([f"p{p}/x{n:04}/f" for p in range(3) for n in range(1200)], 15, id="prefixes a little over one page"),
    ],
)
@pytest.mark.parametrize("workers", [1, 16])
def test_requests_stay_near_the_number_of_pages_and_keys_stay_exact(keys: list[str], most_requests: int, workers: int) -> None:
    store = SimulatedBucket(keys)
    listing = list_objects(store, workers=workers)
    assert keys_of(listing.manifest) == sorted(keys)
    assert store.receipt.list_requests <= most_requests


def test_a_big_prefix_is_listed_in_ranges_while_workers_are_idle(rclone_server: S3Server, faulty: Proxies) -> None:
    keys = table_keys(40, 300, "lake/")
    bucket = rclone_server.make_bucket_of_files(keys)
    proxy = faulty(rclone_server.endpoint_url)
    listing = list_objects(open_store(f"s3://{bucket}", rclone_server.options(endpoint_url=proxy.endpoint_url)), workers=4)
    assert keys_of(listing.manifest) == sorted(keys)
    assert any("start-after=" in target and "delimiter" not in target for target in proxy.targets)
    assert all("prefix=lake%2F" in target for target in proxy.targets[1:])
    assert len(proxy.targets) <= 20


def test_a_store_that_lists_out_of_order_is_not_cut() -> None:
    keys = table_keys(20, 300, "lake/")
    store = SimulatedBucket(keys, in_order=False)
    assert keys_of(list_objects(store).manifest) == sorted(keys)


def test_a_prefix_denied_while_it_is_cut_fails_once() -> None:
    store = SimulatedBucket([*table_keys(10, 300, "lake/"), "open/1"], denied="lake/")
    listing = list_objects(store)
    assert keys_of(listing.manifest) == ["open/1"]
    assert [failed.prefix for failed in listing.failed] == ["lake/"]


def test_a_folder_lists_like_a_bucket(fill_folder: Callable[[dict[str, bytes]], Path]) -> None:
    names = ["a.csv", "a/1", "a-b/2", "b/c/3", "b.d/4"]
    listing = list_objects(open_store(str(fill_folder(dict.fromkeys(names, b"x")))))
    assert keys_of(listing.manifest) == sorted(names)


def manifest_of(sizes: dict[str, int]) -> pa.Table:
    rows = [{"key": key, "size": size, "last_modified": None, "etag": None, "storage_class": None} for key, size in sizes.items()]
    return pa.Table.from_pylist(rows, schema=MANIFEST_SCHEMA)


ZOO = dict.fromkeys(["a.csv", "raw/b.csv", "raw/x/c.parquet", "raw/.hidden/d.csv", "tmp/e.csv", "a/../f.csv", "g\nh.csv", "raw//i.csv"], 1)


@pytest.mark.parametrize(
    ("include", "exclude", "kept"),
    [
        ([], [], set(ZOO)),
        (["*.csv"], [], set(ZOO) - {"raw/x/c.parquet"}),
        (["raw/"], [], {"raw/b.csv", "raw/x/c.parquet", "raw/.hidden/d.csv", "raw//i.csv"}),
        (["raw/*.csv"], [], {"raw/b.csv", "raw//i.csv"}),
        (["**/*.{parquet,orc}"], [], {"raw/x/c.parquet"}),
        ([], ["tmp/", "**/.hidden/**"], set(ZOO) - {"tmp/e.csv", "raw/.hidden/d.csv"}),
        (["*.csv"], ["raw/"], {"a.csv", "tmp/e.csv", "a/../f.csv", "g\nh.csv"}),
        (["a/../*"], [], {"a/../f.csv"}),
        (["?.csv"], [], {"a.csv", "raw/b.csv", "raw/.hidden/d.csv", "tmp/e.csv", "a/../f.csv", "raw//i.csv"}),
    ],
)
def test_globs_choose_objects(include: list[str], exclude: list[str], kept: set[str]) -> None:
    chosen, skipped = filter_manifest(manifest_of(ZOO), include=include, exclude=exclude)
    assert set(keys_of(chosen)) == kept
    assert set(keys_of(skipped)) == set(ZOO) - kept


def test_skipped_objects_say_why_and_exclusion_is_said_first() -> None:
    manifest = manifest_of({"a.csv": 10, "b.csv": 11, "c.txt": 99, "tmp/d.csv": 99})
    chosen, skipped = filter_manifest(manifest, include=["*.csv"], exclude=["tmp/"], max_object_size=10)
    assert keys_of(chosen) == ["a.csv"]
    assert chosen.schema == MANIFEST_SCHEMA
    reasons = dict(zip(keys_of(skipped), skipped.column("reason").to_pylist(), strict=True))
    assert reasons == {"b.csv": SkipReason.TOO_LARGE, "c.txt": SkipReason.NOT_INCLUDED, "tmp/d.csv": SkipReason.EXCLUDED}


def test_a_pattern_that_is_no_glob_is_named() -> None:
    with pytest.raises(ConfigError, match="is not a glob"):
        filter_manifest(manifest_of(ZOO), include=["{1..100000}"])
