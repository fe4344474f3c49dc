"""What every table format promises, checked on a table of each."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pytest
from deltalake import DeltaTable, write_deltalake
from pyiceberg.catalog.sql import SqlCatalog

from s3_catalog.catalogs import Action
from s3_catalog.model.ledger import SkipReason
from s3_catalog.model.tables import Table
from s3_catalog.pipeline import crawl
from s3_catalog.storage import open_store
from s3_catalog.table_formats import table_formats
from s3_catalog_tests.lakes import lake_settings
from s3_catalog_tests.table_formats.tables import adds_up, look_at
from s3_catalog_tests.table_formats.test_hudi import unpack

ROWS = pa.table({"id": pa.array([1, 2, 3], pa.int64()), "site": ["a", "b", "c"]})


def write_delta(lake: Path) -> None:
    write_deltalake(lake / "t", ROWS, partition_by=["site"])
    DeltaTable(lake / "t").create_checkpoint()
    write_deltalake(lake / "t", ROWS, mode="append")
    DeltaTable(lake / "t").delete("id = 1")


def write_iceberg(lake: Path) -> None:
    catalog = SqlCatalog("tests", uri=f"sqlite:///{lake.parent / 'iceberg.db'}", warehouse=f"file://{lake}")
    catalog.create_namespace("shop")
    table = catalog.create_table("shop.t", schema=ROWS.schema)
    table.append(ROWS)
    table.overwrite(ROWS)
    catalog.close()


WRITERS: dict[str, Callable[[Path], object]] = {
    "delta": write_delta,
    "hudi": lambda lake: unpack(lake, "cow_v6"),
    "iceberg": write_iceberg,
}
FORMATS = sorted(table_formats())


@pytest.fixture(params=FORMATS)
def lake(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """A lake of one table of each format, with removed files."""
    lake = tmp_path / "lake"
    lake.mkdir()
    WRITERS[request.param](lake)
    return lake


def log_files(lake: Path) -> list[Path]:
    return [lake / key for key in sorted(look_at(lake).keys(SkipReason.TABLE_LOG))]


def test_every_format_is_here() -> None:
    assert sorted(WRITERS) == FORMATS


def test_every_object_has_one_fate_and_removed_files_are_in_no_table(lake: Path) -> None:
    found = look_at(lake)
    assert adds_up(found)
    assert found.keys(SkipReason.TABLE_REMOVED)
    assert found.table.row_count is not None


def test_a_second_crawl_of_an_unchanged_table_reads_nothing_and_changes_nothing(lake: Path, tmp_path: Path) -> None:
    settings = lake_settings(lake, tmp_path)
    first = crawl(settings)
    store = open_store(str(lake))
    second = crawl(settings, store=store)

    assert store.receipt.bytes_read == 0
    assert second.outcome.writes == 0
    assert second.ledger.equals(first.ledger)
    assert second.summary.skipped[SkipReason.TABLE_REMOVED] > 0


def test_a_table_without_a_data_file_is_a_table(tmp_path: Path) -> None:
    write_deltalake(tmp_path / "lake/warehouse/t", ROWS.slice(0, 0))
    (tmp_path / "lake/empty/_delta_log").mkdir(parents=True)
    settings = lake_settings(tmp_path / "lake", tmp_path)
    report = crawl(settings)
    (result,) = report.tables

    assert result.table is not None
    assert (result.table.name, result.table.row_count, result.table.layout.object_count) == ("warehouse_t", 0, 0)
    assert [column.name for column in result.table.columns] == ["id", "site"]
    assert crawl(settings).outcome.writes == 0


def test_a_table_that_was_emptied_stays(lake: Path, tmp_path: Path) -> None:
    settings = lake_settings(lake, tmp_path)
    crawl(settings)
    for path in lake.rglob("*.parquet"):
        if "_delta_log" not in path.parts:
            path.unlink()
    assert crawl(settings).plan.count(Action.RETIRE) == 0


def test_a_broken_log_without_data_files_is_a_failure_that_is_seen(tmp_path: Path) -> None:
    (tmp_path / "lake/t/_delta_log").mkdir(parents=True)
    (tmp_path / "lake/t/_delta_log/00000000000000000000.json").write_text("{")
    report = crawl(lake_settings(tmp_path / "lake", tmp_path))

    ((key, error),) = report.summary.failed
    assert (key, "line 1 is not JSON" in error) == ("t/_delta_log/00000000000000000000.json", True)
    assert report.summary.listed == 1


def test_without_the_ledger_of_before_the_log_is_read_again(lake: Path, tmp_path: Path) -> None:
    first = crawl(lake_settings(lake, tmp_path))
    settings = lake_settings(lake.parent, tmp_path, include=["lake/**"])
    assert crawl(settings).summary.skipped[SkipReason.TABLE_REMOVED] == first.summary.skipped[SkipReason.TABLE_REMOVED]


def test_any_change_of_the_log_is_seen(lake: Path, tmp_path: Path) -> None:
    settings = lake_settings(lake, tmp_path)
    before = crawl(settings)
    log_files(lake)[-1].touch()
    after = crawl(settings)

    assert contents(before.tables[0].table) != contents(after.tables[0].table)
    assert after.plan.count(Action.UPDATE) == 1


def contents(table: Table | None) -> str:
    assert table is not None
    return table.layout.content_digest


def test_a_commit_without_data_changes_the_table(tmp_path: Path) -> None:
    write_delta(tmp_path / "lake")
    settings = lake_settings(tmp_path / "lake", tmp_path)
    crawl(settings)
    DeltaTable(tmp_path / "lake/t").alter.set_table_description("counted by hand")
    (result,) = crawl(settings).tables
    assert result.table is not None
    assert dict(result.table.details)["description"] == "counted by hand"


@pytest.mark.parametrize("seed", range(12))
def test_a_damaged_log_is_an_error_or_a_table_and_nothing_else(lake: Path, seed: int) -> None:
    chance = random.Random(seed)
    for path in chance.sample(log_files(lake), k=2):
        data = bytearray(path.read_bytes())
        if chance.random() < 0.5:
            data = data[: chance.randrange(len(data) + 1)]
        else:
            for _ in range(chance.randrange(1, 20)):
                data[chance.randrange(len(data) or 1) : 0] = chance.randbytes(chance.randrange(1, 9))
        path.write_bytes(data)
    found = look_at(lake)

    assert adds_up(found)
    assert [result.error is None for result in found.results] == [result.table is not None for result in found.results]
    assert "reader failed" not in str([result.error for result in found.results])


def test_reading_leaves_nothing_in_the_temporary_folder(lake: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(temporary))
    look_at(lake)
    assert list(temporary.iterdir()) == []


def test_what_a_table_says_is_plain_text(lake: Path) -> None:
    table = look_at(lake).table
    assert json.loads(json.dumps(table.details))
    assert all(value and name.isidentifier() for name, value in table.details)
