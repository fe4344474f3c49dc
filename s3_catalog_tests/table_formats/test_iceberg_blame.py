"""Which snapshot brought a column: Iceberg tables written by pyiceberg."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pytest
from pyiceberg.catalog.sql import SqlCatalog
from pyiceberg.table import Table as IcebergTable
from pyiceberg.types import LongType, StringType

from s3_catalog.model.blame import ColumnBlame, FileRef, TypeChange
from s3_catalog_tests.table_formats.tables import look_at

ROWS = pa.table({"a": pa.array([1], pa.int32())})


@pytest.fixture
def table(catalog: SqlCatalog) -> IcebergTable:
    """A table with one snapshot of one column."""
    table = catalog.create_table("shop.t", schema=ROWS.schema)
    table.append(ROWS)
    return table


def add_column(table: IcebergTable, name: str) -> None:
    with table.update_schema() as update:
        update.add_column(name, StringType())


def snapshot(table: IcebergTable, lake: Path, number: int) -> FileRef:
    """The manifest list of one of its snapshots."""
    return FileRef(table.snapshots()[number].manifest_list.removeprefix(f"file://{lake}/"))


def newest(lake: Path) -> FileRef:
    return FileRef(max(lake.rglob("*.metadata.json")).relative_to(lake).as_posix())


def blame_of(lake: Path) -> dict[str, ColumnBlame | None]:
    return {column.name: column.blame for column in look_at(lake).table.columns}


def test_a_column_came_with_the_first_snapshot_that_has_it(table: IcebergTable, lake: Path) -> None:
    table.append(ROWS)
    add_column(table, "b")
    for _ in range(3):
        table.append(ROWS)
    assert blame_of(lake) == {
        "a": ColumnBlame(first=snapshot(table, lake, 0), last=newest(lake)),
        "b": ColumnBlame(first=snapshot(table, lake, 2), last=newest(lake), added=True),
    }


def test_a_widened_type_is_told_with_its_snapshot(table: IcebergTable, lake: Path) -> None:
    with table.update_schema() as update:
        update.update_column("a", LongType())
    table.append(pa.table({"a": [2]}))
    change = TypeChange(file=snapshot(table, lake, 1), before="int", after="bigint")
    assert blame_of(lake) == {"a": ColumnBlame(first=snapshot(table, lake, 0), last=newest(lake), changes=(change,))}


def test_a_renamed_column_is_the_same_one_and_a_dropped_one_is_none(table: IcebergTable, lake: Path) -> None:
    add_column(table, "gone")
    with table.update_schema() as update:
        update.rename_column("a", "b")
        update.delete_column("gone")
    assert blame_of(lake) == {"b": ColumnBlame(first=snapshot(table, lake, 0), last=newest(lake))}


def test_a_change_after_the_newest_snapshot_is_that_of_the_metadata_file(table: IcebergTable, lake: Path) -> None:
    add_column(table, "b")
    assert blame_of(lake)["b"] == ColumnBlame(first=newest(lake), last=newest(lake), added=True)
    add_column(table, "c")
    brought = ColumnBlame(first=newest(lake), last=newest(lake), added=True, exact=False)
    assert {name: blame for name, blame in blame_of(lake).items() if name != "a"} == {"b": brought, "c": brought}


def test_where_old_snapshots_are_expired_the_answer_is_not_exact(table: IcebergTable, lake: Path) -> None:
    add_column(table, "b")
    table.append(ROWS)
    table.append(ROWS)
    kept = snapshot(table, lake, 2)
    first, second, _ = table.snapshots()
    table.maintenance.expire_snapshots().by_ids([first.snapshot_id, second.snapshot_id]).commit()

    assert blame_of(lake) == {
        "a": ColumnBlame(first=kept, last=newest(lake), exact=False),
        "b": ColumnBlame(first=kept, last=newest(lake), added=True, exact=False),
    }


def test_a_table_without_a_snapshot_has_its_columns_from_its_metadata(catalog: SqlCatalog, lake: Path) -> None:
    catalog.create_table("shop.t", schema=ROWS.schema)
    assert blame_of(lake) == {"a": ColumnBlame(first=newest(lake), last=newest(lake))}


def test_blame_costs_no_request(table: IcebergTable, lake: Path) -> None:
    add_column(table, "b")
    table.append(ROWS)
    manifests = table.current_snapshot().manifests(table.io)  # type: ignore[union-attr]
    assert look_at(lake).store.receipt.get_requests == 2 + len(manifests)
