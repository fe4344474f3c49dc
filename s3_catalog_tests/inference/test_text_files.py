"""What the files of one table of text say together."""

from __future__ import annotations

from pathlib import Path

import pytest

from s3_catalog.discovery.grouping import GroupingRules, group_objects
from s3_catalog.discovery.listing import list_objects
from s3_catalog.inference import InferenceRules, infer_tables
from s3_catalog.model.tables import Table
from s3_catalog.model.types import type_text
from s3_catalog.storage import open_store
from s3_catalog.storage.receipt import Receipt
from s3_catalog_tests.lakes import write_text


def infer(folder: Path) -> tuple[Table, Receipt]:
    store = open_store(str(folder))
    grouping = group_objects(list_objects(store).manifest, GroupingRules(store_url=store.location.store_url))
    (result,) = infer_tables(store, grouping, InferenceRules())
    assert result.table is not None
    return result.table, store.receipt


@pytest.mark.parametrize(
    ("one", "other", "warning"),
    [
        ("31/12/2024", "12/31/2024", "column 'v': dates are 'day first' in some files and 'month first' in others"),
        ("1,234,567", "1.234.567", "column 'v': thousands are marked ',' in some files and '.' in others"),
    ],
)
def test_files_that_write_values_in_other_ways_are_told(tmp_path: Path, one: str, other: str, warning: str) -> None:
    write_text(tmp_path / "t/part-1.csv", f"id;v\n1;{one}\n")
    write_text(tmp_path / "t/part-2.csv", f"id;v\n2;{other}\n")
    table, _ = infer(tmp_path)
    assert table.warnings == (warning,)


def test_a_table_is_as_sure_of_a_type_as_its_least_sure_file_that_has_values(tmp_path: Path) -> None:
    write_text(tmp_path / "t/part-1.csv", "id,v\n" + "1,2\n" * 50)
    write_text(tmp_path / "t/part-2.csv", "id,v\n1,2\n")
    write_text(tmp_path / "t/part-3.csv", "id,v\n1,\n")
    table, _ = infer(tmp_path)
    assert dict(table.details)["certainty.v"] == "0.67: all 1 values are integers"


def test_a_long_file_alone_costs_two_requests_and_its_last_row_counts(tmp_path: Path) -> None:
    write_text(tmp_path / "t/only.csv", "id,v\n" + "".join(f"{i},{i % 97}\n" for i in range(100_000)) + "1,n/k\n")
    table, receipt = infer(tmp_path)
    assert {column.name: type_text(column.type) for column in table.columns} == {"id": "bigint", "v": "string"}
    assert [(conflict.column, conflict.key) for conflict in table.conflicts] == [("v", "t/only.csv")]
    assert receipt.get_requests == 2
    assert table.row_count is None
    assert table.row_estimate is not None
    assert table.row_estimate.low <= 100_001 <= table.row_estimate.high
