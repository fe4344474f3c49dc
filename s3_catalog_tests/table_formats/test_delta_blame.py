"""Which commit brought a column: Delta tables written by deltalake, and logs of types that it does not widen."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from deltalake import DeltaTable, write_deltalake

from s3_catalog.inference import InferenceRules
from s3_catalog.model.blame import ColumnBlame, FileRef, TypeChange
from s3_catalog.table_formats import LogLimits
from s3_catalog_tests.table_formats.tables import Found, look_at
from s3_catalog_tests.table_formats.test_delta import commit, field

A, AB = pa.table({"a": [1]}), pa.table({"a": [1], "b": ["x"]})


def at(version: int) -> FileRef:
    return FileRef(f"t/_delta_log/{version:020}.json")


def blame_of(found: Found) -> dict[str, ColumnBlame | None]:
    return {column.name: column.blame for column in found.table.columns}


def limited(**limits: int) -> InferenceRules:
    return InferenceRules(log_limits=LogLimits(**limits))


def append(root: Path, *tables: pa.Table) -> None:
    for table in tables:
        write_deltalake(root, table, mode="append", schema_mode="merge")


def test_a_column_came_with_the_commit_that_brought_it(tmp_path: Path) -> None:
    append(tmp_path / "t", A, A, AB, A)
    assert blame_of(look_at(tmp_path)) == {
        "a": ColumnBlame(first=at(0), last=at(3)),
        "b": ColumnBlame(first=at(2), last=at(3), added=True),
    }


def test_a_changed_type_is_told_with_its_commit_and_a_dropped_column_is_none(tmp_path: Path) -> None:
    append(tmp_path / "t", AB)
    write_deltalake(tmp_path / "t", pa.table({"a": ["text"]}), mode="overwrite", schema_mode="overwrite")
    change = TypeChange(file=at(1), before="bigint", after="string")
    assert blame_of(look_at(tmp_path)) == {"a": ColumnBlame(first=at(0), last=at(1), changes=(change,))}


def test_older_commits_below_a_checkpoint_are_read_for_it(tmp_path: Path) -> None:
    append(tmp_path / "t", A, A, AB, A)
    expected = blame_of(look_at(tmp_path))
    DeltaTable(tmp_path / "t").create_checkpoint()
    assert blame_of(look_at(tmp_path)) == expected


def test_where_the_first_schema_is_still_the_schema_one_commit_is_read(tmp_path: Path) -> None:
    append(tmp_path / "t", *[A] * 6)
    DeltaTable(tmp_path / "t").create_checkpoint()
    found = look_at(tmp_path)

    assert blame_of(found) == {"a": ColumnBlame(first=at(0), last=at(5))}
    assert found.store.receipt.get_requests == 2


@pytest.mark.parametrize("limit", [{"max_history_files": 0}, {"max_history_bytes": 10}])
def test_beyond_the_limit_the_answer_is_not_exact(tmp_path: Path, limit: dict[str, int]) -> None:
    append(tmp_path / "t", A, AB, A)
    DeltaTable(tmp_path / "t").create_checkpoint()
    found = look_at(tmp_path, limited(**limit))

    assert found.store.receipt.get_requests == 1
    assert blame_of(found) == {name: ColumnBlame(first=at(2), last=at(2), exact=False) for name in ("a", "b")}


def test_a_limit_in_the_middle_narrows_the_answer(tmp_path: Path) -> None:
    append(tmp_path / "t", A, A, AB, AB, AB)
    DeltaTable(tmp_path / "t").create_checkpoint()
    found = look_at(tmp_path, limited(max_history_files=2))

    assert blame_of(found) == {
        "a": ColumnBlame(first=at(0), last=at(4)),
        "b": ColumnBlame(first=at(3), last=at(4), added=True, exact=False),
    }


def test_a_log_that_no_longer_reaches_back_is_not_exact(tmp_path: Path) -> None:
    append(tmp_path / "t", A, A)
    DeltaTable(tmp_path / "t").create_checkpoint()
    append(tmp_path / "t", AB)
    for version in (0, 1):
        (tmp_path / at(version).key).unlink()
    assert blame_of(look_at(tmp_path)) == {
        "a": ColumnBlame(first=FileRef("t/_delta_log/00000000000000000001.checkpoint.parquet"), last=at(2), exact=False),
        "b": ColumnBlame(first=at(2), last=at(2), added=True),
    }


def test_an_old_commit_that_is_broken_leaves_the_table_whole(tmp_path: Path) -> None:
    append(tmp_path / "t", A, AB)
    DeltaTable(tmp_path / "t").create_checkpoint()
    (tmp_path / at(0).key).write_bytes(b'{"metaData": {')
    blame = blame_of(look_at(tmp_path))
    assert blame == {name: ColumnBlame(first=at(1), last=at(1), exact=False) for name in ("a", "b")}


def metadata(*fields: dict[str, Any], **configuration: str) -> dict[str, Any]:
    return {"metaData": {
        "id": "a", "format": {"provider": "parquet", "options": {}}, "partitionColumns": [], "createdTime": 1,
        "schemaString": json.dumps({"type": "struct", "fields": fields}), "configuration": configuration,
    }}  # fmt: skip


def test_a_renamed_column_is_the_same_one(tmp_path: Path) -> None:
    mapping = {"delta.columnMapping.mode": "name"}
    before, after = field("old", "integer", 1), field("new", "long", 1)
    commit(tmp_path / "t", 0, {"protocol": {"minReaderVersion": 2, "minWriterVersion": 5}}, metadata(before, **mapping))
    commit(tmp_path / "t", 1, metadata(before | {"name": "new"}, **mapping))
    commit(tmp_path / "t", 2, metadata(after, field("more", "string", 2), **mapping))
    assert blame_of(look_at(tmp_path)) == {
        "new": ColumnBlame(first=at(0), last=at(2), changes=(TypeChange(file=at(2), before="int", after="bigint"),)),
        "more": ColumnBlame(first=at(2), last=at(2), added=True),
    }


def test_in_a_log_of_a_thousand_commits_few_files_are_read(tmp_path: Path) -> None:
    """With a checkpoint at every hundredth commit: these are halved, then the commits between two of them are read."""
    log = tmp_path / "t/_delta_log"
    append(tmp_path / "t", A)
    for version in range(1, 1001):
        columns = [{"name": name, "type": "long", "nullable": True, "metadata": {}} for name in (["a", "b"] if version >= 437 else ["a"])]
        commit(tmp_path / "t", version, {"commitInfo": {"operation": "WRITE"}}, *([metadata(*columns)] if version in (437, 900) else []))
        if version % 100 == 0:
            DeltaTable(tmp_path / "t").create_checkpoint()
    found = look_at(tmp_path, limited(max_history_files=200))
    newest = look_at(tmp_path, limited(max_history_files=0))

    assert len(list(log.glob("*.checkpoint.parquet"))) == 10
    assert newest.store.receipt.get_requests == 1
    assert blame_of(found)["b"] == ColumnBlame(first=at(437), last=at(1000), added=True)
    assert found.store.receipt.get_requests <= 1 + 1 + 4 + 100
