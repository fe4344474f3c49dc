"""What fails while a table is described costs its description, never the table; and no value comes out with the failure."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import pytest

from s3_catalog.catalogs import Action
from s3_catalog.describing import tables
from s3_catalog.describing.review import find_untagged
from s3_catalog.pipeline import crawl
from s3_catalog_tests.lakes import lake_settings, write_parquet

SECRET = "mara.bodekilu@example.org"


@pytest.fixture
def lake(tmp_path: Path) -> Path:
    write_parquet(tmp_path / "lake" / "people" / "part.parquet", c=[SECRET, "b@example.org"], n=[1, 2])
    return tmp_path / "lake"


def fail(*_: Any, **__: Any) -> None:
    raise ValueError(f"Conversion Error: could not convert {SECRET!r}")


def test_a_table_whose_description_fails_is_published_without_a_value(
    lake: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    with monkeypatch.context() as patch:
        # no input is known that makes a library fail here; what it would say is
        patch.setattr(tables, "profile_columns", fail)
        report = crawl(lake_settings(lake, tmp_path))
    table = report.tables[0].table
    assert table is not None
    assert table.description is not None
    assert report.plan.count(Action.CREATE) == 1
    assert table.description.sample.rows == ()
    assert table.description.warnings[0].startswith("the description failed: ValueError in ")
    assert [column.statistics and (column.statistics.min, column.statistics.max) for column in table.columns] == [(None, None)] * 2
    assert find_untagged(table) == [("people", table.description.warnings[0])]
    assert SECRET not in repr(report) + caplog.text


def test_it_is_described_again_by_the_next_run(lake: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(tables, "profile_columns", fail)
        crawl(lake_settings(lake, tmp_path))
    table = crawl(lake_settings(lake, tmp_path)).tables[0].table
    assert table is not None
    assert table.description is not None
    assert table.description.warnings == ()
    assert len(table.description.sample.rows) == 2
