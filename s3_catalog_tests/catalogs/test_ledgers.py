from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pyarrow as pa
import pytest

from s3_catalog.catalogs import RunStatus
from s3_catalog.catalogs._ledger_chunks import CHUNK_ROWS, digest_manifest
from s3_catalog.catalogs.sql import SqlCatalog
from s3_catalog.model.ledger import LEDGER_SCHEMA
from s3_catalog.model.manifest import MANIFEST_SCHEMA
from s3_catalog_tests.catalogs.samples import LAKE, NOON, POLICY, make_ledger, make_run, make_table, see

HOSTILE_KEYS = ("/a", "a\x00b", "a//../b", "a b\n", "é", "💥", "z" * 1024)


def test_a_run_comes_back_equal_and_can_be_brought_up_to_date(catalog: SqlCatalog) -> None:
    running = make_run(finished=None, status=RunStatus.RUNNING)
    catalog.record_run(running)
    assert catalog.list_runs() == [running]
    catalog.record_run(make_run())
    assert catalog.list_runs() == [make_run()]


def test_runs_are_listed_newest_first(catalog: SqlCatalog) -> None:
    for day in range(3):
        catalog.record_run(make_run(f"run-{day}", started=NOON + timedelta(days=day)))
    assert [run.id for run in catalog.list_runs(2)] == ["run-2", "run-1"]


def test_a_ledger_comes_back_in_key_order(catalog: SqlCatalog) -> None:
    catalog.record_run(make_run(), {"a/": make_ledger(*HOSTILE_KEYS[::-1])})
    (part,) = catalog.latest_ledger(LAKE)
    assert part.schema.equals(LEDGER_SCHEMA)
    assert part.equals(make_ledger(*sorted(HOSTILE_KEYS)))


@pytest.mark.parametrize("key", HOSTILE_KEYS)
def test_any_object_can_be_found(catalog: SqlCatalog, key: str) -> None:
    catalog.record_run(make_run(), {"a/": make_ledger("other"), "b/": make_ledger(*HOSTILE_KEYS, table="t")})
    found = catalog.find_object(LAKE, key)
    assert found == make_ledger(key, table="t").to_pylist()[0]
    assert catalog.find_object(LAKE, key + "x") is None
    assert catalog.find_object("s3://other/", key) is None


def test_every_prefix_shows_its_newest_ledger(catalog: SqlCatalog) -> None:
    catalog.record_run(make_run("1"), {"a/": make_ledger("a/1"), "b/": make_ledger("b/1")})
    catalog.record_run(make_run("2"), {"a/": make_ledger("a/2")})
    assert pa.concat_tables(catalog.latest_ledger(LAKE)).column("key").to_pylist() == ["a/2", "b/1"]
    assert pa.concat_tables(catalog.latest_ledger(LAKE, "b/")).column("key").to_pylist() == ["b/1"]
    assert catalog.find_object(LAKE, "a/1") is None


def test_a_prefix_whose_objects_vanished_is_empty(catalog: SqlCatalog) -> None:
    catalog.record_run(make_run("1"), {"a/": make_ledger("a/1"), "b/": make_ledger("b/1")})
    catalog.record_run(make_run("2"), {"a/": make_ledger()})
    assert catalog.ledger_prefixes(LAKE) == ("b/",)
    assert list(catalog.latest_ledger(LAKE, "a/")) == []
    assert catalog.find_object(LAKE, "a/1") is None


def test_a_run_that_records_a_prefix_again_replaces_it(catalog: SqlCatalog) -> None:
    catalog.record_run(make_run(), {"a/": make_ledger("a/1")})
    catalog.record_run(make_run(), {"a/": make_ledger("a/2")})
    assert catalog.latest_manifest(LAKE).column("key").to_pylist() == ["a/2"]


def test_a_manifest_is_its_ledger_without_verdicts(catalog: SqlCatalog) -> None:
    catalog.record_run(make_run(), {"a/": make_ledger("a/1", "a/2")})
    assert catalog.latest_manifest(LAKE, "a/").equals(make_ledger("a/1", "a/2").select(MANIFEST_SCHEMA.names))
    assert catalog.latest_manifest(LAKE, "unknown/").equals(MANIFEST_SCHEMA.empty_table())


def test_a_large_ledger_is_kept_in_chunks(catalog: SqlCatalog) -> None:
    keys = [f"a/{number:07d}" for number in range(2 * CHUNK_ROWS + 1)]
    catalog.record_run(make_run(), {"a/": make_ledger(*keys)})
    assert [part.num_rows for part in catalog.latest_ledger(LAKE)] == [CHUNK_ROWS, CHUNK_ROWS, 1]
    for key in (keys[0], keys[CHUNK_ROWS - 1], keys[CHUNK_ROWS], keys[-1]):
        assert (catalog.find_object(LAKE, key) or {})["key"] == key


def test_only_the_last_ledgers_are_kept_of_each_prefix(catalog_url: str) -> None:
    with SqlCatalog(catalog_url, keep_runs=2) as catalog:
        catalog.record_run(make_run("first"), {"quiet/": make_ledger("quiet/1")})
        readers = []
        for number in range(4):
            catalog.record_run(make_run(str(number)), {"a/": make_ledger(f"a/{number}")})
            reader = catalog.latest_ledger(LAKE, "a/")
            readers.append(reader)
        assert catalog.latest_manifest(LAKE).column("key").to_pylist() == ["a/3", "quiet/1"]
        assert len(catalog.list_runs()) == 5


def test_unchanged_ledgers_share_their_rows(tmp_path: object) -> None:
    path = f"{tmp_path}/catalog.db"
    ledger = make_ledger(*(f"a/{number * 7919 % 10_007}" for number in range(10_000)))
    with SqlCatalog(f"sqlite:///{path}") as catalog:
        catalog.record_run(make_run("1"), {"a/": ledger})
        once = _size(path)
        for number in range(2, 6):
            catalog.record_run(make_run(str(number)), {"a/": ledger})
        assert _size(path) < 1.2 * once


def _size(path: str) -> int:
    from pathlib import Path

    return Path(path).stat().st_size


def test_manifest_digests_tell_whether_something_was_put_removed_or_replaced(catalog: SqlCatalog) -> None:
    catalog.record_run(make_run(), {"a/": make_ledger("a/1", "a/2")})
    stored = catalog.manifest_digest(LAKE, "a/")
    manifest = make_ledger("a/2", "a/1", table="other").select(MANIFEST_SCHEMA.names)
    assert stored == digest_manifest(manifest)
    assert catalog.manifest_digest(LAKE, "never/listed/") is None
    for other in (make_ledger("a/1"), make_ledger("a/1", "a/3"), make_ledger("a/1", "a/2", etag="f"), make_ledger("a/1", "a/2", size=2)):
        assert digest_manifest(other) != stored


def test_without_etags_the_time_of_modification_tells() -> None:
    before = make_ledger("a", etag=None)
    later = pa.array([NOON + timedelta(seconds=1)], LEDGER_SCHEMA.field("last_modified").type)
    after = before.set_column(2, LEDGER_SCHEMA.field("last_modified"), later)
    assert digest_manifest(before) != digest_manifest(after)


def test_what_is_no_ledger_is_refused_and_nothing_stored(catalog: SqlCatalog) -> None:
    with pytest.raises(ValueError, match="not a ledger"):
        catalog.record_run(make_run(), {"a/": make_ledger("a").drop_columns("etag").append_column("etag", pa.array(["e"]))})
    assert catalog.list_runs() == []


def test_a_stale_plan_takes_its_run_and_ledger_with_it(catalog: SqlCatalog) -> None:
    stale = catalog.plan([make_table("a")], see(), POLICY)
    catalog.apply(catalog.plan([make_table("b")], see(), POLICY))
    with pytest.raises(Exception, match="changed since"):
        catalog.apply(replace(stale), make_run(), {"a/": make_ledger("a/1")})
    assert catalog.list_runs() == []
    assert list(catalog.latest_ledger(LAKE)) == []
