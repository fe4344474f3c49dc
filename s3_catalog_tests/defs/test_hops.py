"""What is stored between assets comes back as it was: any keys, types, names and failures."""

from __future__ import annotations

import io
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from s3_catalog.defs import hops
from s3_catalog.defs.hops import ScopeRule, StaleInputError
from s3_catalog.defs.partitions import write_partition_key
from s3_catalog.discovery.grouping import Grouping, GroupingRules, group_objects
from s3_catalog.discovery.scopes import scope_of_key
from s3_catalog.inference import TableResult
from s3_catalog.model.ledger import FailedPrefix, SkipReason
from s3_catalog.model.manifest import MANIFEST_SCHEMA
from s3_catalog.model.records import read_layout, read_table, write_layout, write_table
from s3_catalog.model.tables import Evidence, Table, TableLayout
from s3_catalog.pipeline import GroupedObjects, ObjectManifest
from s3_catalog_tests.strategies import layouts, tables

RULE = ScopeRule("", 1)
NAMES = st.text(max_size=8)
"""Any text, lone surrogates too."""
KEY_TEXT = st.text(st.characters(codec="utf-8"), max_size=6)
KEYS = st.lists(KEY_TEXT | st.sampled_from(["a", "..", "dt=1", "2024", "50%", "a...b"]), min_size=1, max_size=3).map("/".join).filter(bool)
TYPES = st.recursive(
    st.sampled_from([pa.int64(), pa.decimal128(20, 3), pa.timestamp("ns", "Europe/Berlin"), pa.uint64(), pa.string(), pa.null()]),
    lambda inner: (
        inner.map(pa.list_) | st.lists(st.tuples(KEY_TEXT, inner), max_size=3).map(pa.struct) | inner.map(lambda t: pa.map_(pa.string(), t))
    ),
    max_leaves=4,
)
LAYOUTS = layouts(NAMES, TYPES, store_url="s3://lake/", locations=KEYS)
TABLES = tables(LAYOUTS, NAMES, TYPES, values=KEY_TEXT)


def stored(parts: Mapping[str, pa.Table]) -> dict[str, pa.Table]:
    """What Parquet makes of the parts."""
    found = {}
    for key, rows in parts.items():
        sink = io.BytesIO()
        pq.write_table(rows, sink)
        found[key] = pq.read_table(io.BytesIO(sink.getvalue()))
    return found


def manifest_of(sizes: Mapping[str, int]) -> pa.Table:
    rows: list[dict[str, Any]] = [
        {"key": key, "size": size, "last_modified": datetime(2024, 1, 1, tzinfo=UTC) + timedelta(microseconds=size), "etag": f"e{size}"}
        for key, size in sorted(sizes.items(), key=lambda item: item[0].encode())
    ]
    return pa.Table.from_pylist(rows, MANIFEST_SCHEMA)


def scopes_of(manifest: pa.Table, *more: str) -> tuple[str, ...]:
    return tuple(sorted({*map(scope_of_key, manifest.column("key").to_pylist()), *more}))


@given(LAYOUTS)
def test_a_layout_comes_back(layout: TableLayout) -> None:
    assert read_layout(*write_layout(layout)) == layout


@given(TABLES)
def test_a_table_comes_back(table: Table) -> None:
    assert read_table(*write_table(table), table.layout, table.partitions) == table


@settings(max_examples=30)
@given(st.dictionaries(KEYS, st.integers(0, 2**40), max_size=8), st.sets(KEYS, max_size=3))
def test_a_manifest_comes_back(sizes: dict[str, int], skipped: set[str]) -> None:
    kept, others = manifest_of(sizes), manifest_of(dict.fromkeys(skipped - sizes.keys(), 1))
    reasons = pa.array([SkipReason.EXCLUDED.value] * len(others), pa.string())
    scopes = tuple(sorted({*scopes_of(kept), *scopes_of(others), "failed/", "empty/"}))
    failed = (FailedPrefix("failed/", "permission denied"),)
    manifest = ObjectManifest(objects=kept, skipped=others.append_column("reason", reasons), failed=failed, scopes=scopes)
    again = hops.read_manifest(stored(hops.write_manifest(manifest, RULE)))
    assert set(again.scopes or ()) == set(scopes)
    assert again.failed == failed
    for before, after in ((manifest.objects, again.objects), (manifest.skipped, again.skipped)):
        assert after.equals(before.sort_by("key"))


@settings(max_examples=20)
@given(st.dictionaries(KEYS, st.integers(0, 2**40), max_size=12))
def test_a_grouping_comes_back(sizes: dict[str, int]) -> None:
    manifest = manifest_of(sizes)
    grouping = group_objects(manifest, GroupingRules(store_url="s3://lake/"))
    grouped = GroupedObjects(grouping=grouping, failed=(FailedPrefix("failed/", "no"),), scopes=scopes_of(manifest, "failed/", "empty/"))
    parts = stored(hops.write_grouped(grouped, RULE))
    again = hops.read_grouped(parts)
    assert again.failed == grouped.failed
    assert fates(again.grouping) == fates(grouping)
    assert hops.read_grouped(stored(hops.write_grouped(again, RULE))).grouping.objects.equals(again.grouping.objects)


def fates(grouping: Grouping) -> dict[str, Any]:
    """Per object its layout with partitions, or what else became of it."""
    return {
        row["key"]: (
            None if row["layout"] is None else (grouping.layouts[row["layout"]], grouping.partitions[row["layout"]]),
            {name: value for name, value in row.items() if name != "layout"},
        )
        for row in grouping.objects.to_pylist()
    }


@settings(max_examples=30)
@given(st.lists(TABLES, max_size=4, unique_by=lambda table: table.layout.identity), st.data())
def test_results_come_back(tables: list[Table], data: st.DataObject) -> None:
    failures = st.lists(st.tuples(NAMES, NAMES), max_size=2).map(tuple)
    dead = st.lists(KEY_TEXT, max_size=2).map(lambda keys: pa.array(keys, pa.string()))
    results = [
        TableResult(layout=table.layout, tables=(table,), failed=data.draw(failures), dead=data.draw(dead))
        if data.draw(st.booleans())
        else TableResult(layout=table.layout, failed=data.draw(failures), error=data.draw(NAMES))
        for table in tables
    ]
    grouped = grouped_of(tables)
    homes = [RULE.of_location(table.layout.location) for table in tables]
    keys = [write_partition_key(scope) for scope in {*homes, "empty/"}]
    again = hops.read_results(stored(hops.write_results(hops.part_by_home(results, homes, keys))), grouped, "table_schemas")
    assert again == results


def grouped_of(tables: list[Table]) -> GroupedObjects:
    objects = MANIFEST_SCHEMA.empty_table()
    grouping = Grouping(layouts=tuple(t.layout for t in tables), partitions=tuple(t.partitions for t in tables), objects=objects)
    return GroupedObjects(grouping=grouping, scopes=())


@settings(max_examples=5)
@given(TABLES)
def test_results_of_other_objects_are_refused(table: Table) -> None:
    parts = hops.write_results({"a/": [TableResult(layout=table.layout, tables=(table,))]})
    changed = replace(table, layout=replace(table.layout, content_digest=table.layout.content_digest + "x"))
    with pytest.raises(StaleInputError, match="materialize table_schemas again"):
        hops.read_results(parts, grouped_of([changed]), "table_schemas")
    with pytest.raises(StaleInputError):
        hops.read_results(parts, grouped_of([]), "table_schemas")


def test_a_pinned_table_that_spans_scopes_stays_in_one_part() -> None:
    manifest = manifest_of({"eu/orders/1.csv": 1, "us/orders/2.csv": 2})
    layout = TableLayout(
        name="orders",
        store_url="s3://lake/",
        location="*/orders/",
        format="csv",
        object_count=2,
        size_bytes=3,
        newest=None,
        evidence=Evidence(rule="pinned", reason="", runner_up=""),
    )
    none = pa.nulls(2, pa.int32())
    columns = {
        "layout": pa.array([0, 0], pa.int32()),
        "partition": none,
        "skipped": pa.nulls(2, pa.string()),
        "error": pa.nulls(2, pa.string()),
    }
    for name, column in columns.items():
        manifest = manifest.append_column(name, column)
    grouping = Grouping(layouts=(layout,), partitions=((),), objects=manifest)
    parts = hops.write_grouped(GroupedObjects(grouping=grouping, scopes=("eu/", "us/")), RULE)
    assert {key: hops.read_grouped({key: rows}).grouping.layouts for key, rows in parts.items()} == {"eu/": (layout,), "us/": ()}
    assert hops.read_grouped(parts).grouping.objects.equals(manifest)
