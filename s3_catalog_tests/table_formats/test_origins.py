"""Tables that were made from others: what their logs name, and what is never shown of it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from deltalake import DeltaTable, write_deltalake
from pyiceberg.catalog.sql import SqlCatalog

from s3_catalog.model.origins import CLONED_FROM, FILES_FROM, read_origins
from s3_catalog.model.tables import Table
from s3_catalog.table_formats._origins import describe_files, find_cloned
from s3_catalog_tests.table_formats.tables import look_at

ROWS = pa.table({"id": pa.array([1, 2, 3], pa.int64()), "site": ["north", "a b", None]})


def cloned(source: object, operation: str = "CLONE") -> dict[str, Any]:
    return {"commitInfo": {"operation": operation, "operationParameters": {"source": source, "sourceVersion": 0}}}


def write_shallow_clone(source: Path, clone: Path) -> None:
    """A clone's log as Spark writes it: the source's schema, and its files by their whole paths."""
    actions = [json.loads(line) for line in (source / f"_delta_log/{0:020}.json").read_text().splitlines()]
    for action in actions:
        if "add" in action:
            action["add"]["path"] = f"file://{source}/{action['add']['path']}"
    kept = [action for action in actions if "commitInfo" not in action]
    log = clone / f"_delta_log/{0:020}.json"
    log.parent.mkdir(parents=True)
    log.write_text("".join(json.dumps(action) + "\n" for action in (cloned(f"delta.`file:{source}`"), *kept)))


def tables_of(lake: Path) -> dict[str, Table]:
    return {result.layout.location: result.table for result in look_at(lake).results if result.table is not None}


def test_a_shallow_clone_of_delta_names_its_source_and_its_files(tmp_path: Path) -> None:
    write_deltalake(tmp_path / "lake/source", ROWS, partition_by=["site"])
    write_shallow_clone(tmp_path / "lake/source", tmp_path / "lake/clone")
    tables = tables_of(tmp_path / "lake")
    details = dict(tables["clone/"].details)
    assert details[CLONED_FROM] == tables["source/"].layout.uri
    assert json.loads(details[FILES_FROM]) == [tables["source/"].layout.uri]
    assert read_origins(dict(tables["source/"].details)) == []


def test_an_iceberg_table_made_over_files_of_another_names_their_folders(tmp_path: Path) -> None:
    for day in ("2024-01-31", "2024-02-01"):
        (tmp_path / f"lake/raw/day={day}").mkdir(parents=True)
        pq.write_table(ROWS, tmp_path / f"lake/raw/day={day}/a.parquet")
    catalog = SqlCatalog("c", uri=f"sqlite:///{tmp_path}/c.db", warehouse=f"file://{tmp_path}/lake")
    catalog.create_namespace("shop")
    table = catalog.create_table("shop.t", schema=ROWS.schema)
    table.add_files([f"file://{path}" for path in sorted((tmp_path / "lake/raw").rglob("*.parquet"))])
    table.append(ROWS)
    tables = tables_of(tmp_path / "lake")
    (iceberg,) = (found for found in tables.values() if found.layout.format == "iceberg")
    assert [uri.removeprefix(iceberg.layout.store_url) for uri in read_origins(dict(iceberg.details))] == ["raw/"]


def test_a_clone_that_goes_on_by_itself_still_names_its_source(tmp_path: Path) -> None:
    write_deltalake(tmp_path / "lake/source", ROWS)
    write_shallow_clone(tmp_path / "lake/source", tmp_path / "lake/clone")
    write_deltalake(tmp_path / "lake/clone", ROWS, mode="overwrite")
    assert DeltaTable(tmp_path / "lake/clone").version() == 1
    details = dict(tables_of(tmp_path / "lake")["clone/"].details)
    assert (CLONED_FROM in details, FILES_FROM in details) == (True, False)


@pytest.mark.parametrize(
    ("source", "url"),
    [
        ("delta.`s3a://lake/a%20b/`", "s3://lake/a b/"),
        ("parquet.`s3://lake/raw`", "s3://lake/raw/"),
        ('"delta.`gs://lake/t`"', "gs://lake/t/"),
        ("spark_catalog.shop.orders", None),
        ("delta.`s3a://KEY:SECRET@lake/t`", None),
        (None, None),
        (7, None),
    ],
)
def test_a_source_is_told_where_it_is_a_path_without_credentials(tmp_path: Path, source: object, url: str | None) -> None:
    (tmp_path / "commit").write_text(json.dumps(cloned(source)) + '\n{"add": {"path": "x"}}\n')
    assert find_cloned([tmp_path / "commit"]) == url


def test_another_operation_is_no_clone_and_the_last_clone_counts(tmp_path: Path) -> None:
    steps = [cloned("delta.`s3://b/one`"), cloned("delta.`s3://b/two`"), cloned("delta.`s3://b/three`", 'CREATE "CLONE"')]
    for number, step in enumerate(steps):
        (tmp_path / str(number)).write_text(json.dumps(step))
    assert find_cloned(tmp_path / str(number) for number in range(3)) == "s3://b/two/"


def test_folders_are_cut_to_what_people_can_read() -> None:
    keys = [f"other/{n:02}/day=1/h=2/x.parquet" for n in range(30)] + ["own/x.parquet", None]
    (text,) = describe_files("s3://b/", "own/", pa.table({"key": keys})).values()
    assert json.loads(text) == [f"s3://b/other/{n:02}/" for n in range(20)]
    assert describe_files("s3://b/", "own/", pa.table({"key": ["own/a", "own/b/c"]})) == {}
    assert describe_files("s3://b/", "own/", None) == {}
