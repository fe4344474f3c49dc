"""Delta tables, written by deltalake; what it cannot write stands here as the actions of its log."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from deltalake import DeltaTable, write_deltalake

from s3_catalog.inference import InferenceRules
from s3_catalog.model.ledger import SkipReason
from s3_catalog.model.types import type_text
from s3_catalog.storage import open_store
from s3_catalog.storage.obstore_store import memory_store
from s3_catalog.table_formats import LogLimits
from s3_catalog_tests.servers import S3Server
from s3_catalog_tests.table_formats.tables import adds_up, columns_of, look_at, partition_columns_of, partitions_of

ROWS = pa.table({"id": pa.array([1, 2, 3], pa.int64()), "site": ["north", "a b", None]})


def commit(root: Path, version: int, *actions: dict[str, Any]) -> None:
    path = root / f"_delta_log/{version:020}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(action, ensure_ascii=False) + "\n" for action in actions))


def live_files(root: Path) -> set[str]:
    return {Path(uri).relative_to(root.parent).as_posix() for uri in DeltaTable(str(root)).file_uris()}


@pytest.fixture
def history(tmp_path: Path) -> Path:
    """A lake of one table with appends, an overwrite, a new column and a delete."""
    root = tmp_path / "lake/sales.delta"
    for _ in range(3):
        write_deltalake(root, ROWS, mode="append", partition_by=["site"])
    write_deltalake(root, ROWS, mode="overwrite")
    write_deltalake(root, ROWS.append_column("price", pa.array([1, 2, 3], pa.decimal128(12, 2))), mode="append", schema_mode="merge")
    DeltaTable(root).delete("id = 1")
    return root.parent


def test_only_live_files_are_the_table(history: Path) -> None:
    found = look_at(history)
    files = {path.relative_to(history).as_posix() for path in history.rglob("*.parquet")}

    assert found.keys() == live_files(history / "sales.delta")
    assert found.keys(SkipReason.TABLE_REMOVED) == files - found.keys()
    assert adds_up(found)


def test_schema_partitions_version_and_row_count_are_deltalakes_own(history: Path) -> None:
    table = look_at(history).table
    own = DeltaTable(history / "sales.delta")

    assert {c.name: c.type for c in table.columns} == {f.name: f.type for f in pa.schema(own.schema().to_arrow()) if f.name != "site"}
    assert partition_columns_of(table) == {"site": "string"}
    assert partitions_of(table) == {("a b",): 2, (None,): 2}
    assert sum(p.row_count or 0 for p in table.partitions) == table.row_count
    assert table.row_count == own.to_pyarrow_table().num_rows
    assert dict(table.details)["version"] == "5"
    assert table.sampled_keys == ("sales.delta/_delta_log/00000000000000000005.json",)
    assert table.warnings == ()


def test_no_data_file_is_read(history: Path) -> None:
    found = look_at(history)
    log = [path.stat().st_size for path in history.rglob("_delta_log/*.json")]
    assert (found.store.receipt.get_requests, found.store.receipt.bytes_read) == (len(log), sum(log))


def test_after_a_checkpoint_only_it_and_later_commits_are_read(history: Path) -> None:
    root = history / "sales.delta"
    before = look_at(history)
    DeltaTable(root).create_checkpoint()
    write_deltalake(root, ROWS.append_column("price", pa.nulls(3, pa.decimal128(12, 2))), mode="append")
    after = look_at(history, InferenceRules(log_limits=LogLimits(max_history_files=0)))

    assert after.store.receipt.get_requests == 2
    assert after.table.row_count == (before.table.row_count or 0) + 3
    assert after.keys() == live_files(root)


def test_a_table_whose_old_commits_are_gone_stands_on_its_checkpoint(history: Path) -> None:
    root = history / "sales.delta"
    DeltaTable(root).create_checkpoint()
    expected = look_at(history)
    for path in root.glob("_delta_log/*.json"):
        path.unlink()
    (root / "_delta_log/_last_checkpoint").unlink()
    found = look_at(history)

    assert columns_of(found.table) == columns_of(expected.table)
    assert (found.table.row_count, found.keys()) == (expected.table.row_count, expected.keys())


def test_compacted_commits_change_nothing(history: Path) -> None:
    expected = look_at(history)
    DeltaTable(history / "sales.delta").compact_logs(1, 3)
    assert list(history.rglob("*.compacted.json"))
    assert look_at(history).keys() == expected.keys()


def test_a_checkpoint_with_sidecars_is_read(history: Path) -> None:
    root = history / "sales.delta"
    expected = look_at(history)
    DeltaTable(root).create_checkpoint()
    spread_checkpoint(root / "_delta_log", version=5)
    found = look_at(history)

    assert (found.table.row_count, found.keys()) == (expected.table.row_count, expected.keys())


def spread_checkpoint(log: Path, *, version: int) -> None:
    """Make a classic checkpoint one of the second kind: JSON, with its files in a sidecar; the commits before it go."""
    classic = log / f"{version:020}.checkpoint.parquet"
    actions = pq.ParquetFile(classic).read()
    is_add = [row["add"] is not None for row in actions.to_pylist()]
    (log / "_sidecars").mkdir()
    pq.write_table(actions.filter(pa.array(is_add)).select(["add"]), log / "_sidecars/016ae953.parquet")
    feature = {"minReaderVersion": 3, "minWriterVersion": 7, "readerFeatures": ["v2Checkpoint"], "writerFeatures": ["v2Checkpoint"]}
    (metadata,) = [row["metaData"] for row in actions.to_pylist() if row["metaData"]]
    metadata = metadata | {"configuration": {}, "format": {"provider": "parquet", "options": {}}}
    size = (log / "_sidecars/016ae953.parquet").stat().st_size
    sidecar = {"path": "016ae953.parquet", "sizeInBytes": size, "modificationTime": 1}
    lines = [{"checkpointMetadata": {"version": version}}, {"protocol": feature}, {"metaData": metadata}, {"sidecar": sidecar}]
    classic.with_name(f"{version:020}.checkpoint.80a083e8-7026-4e79-81be-64bd76c43a11.json").write_text("\n".join(map(json.dumps, lines)))
    for path in [classic, *log.glob("*0.json"), *log.glob("*00?.json"), log / "_last_checkpoint"]:
        path.unlink(missing_ok=True)


def field(name: str, kind: Any, number: int, *, nullable: bool = True) -> dict[str, Any]:
    metadata = {"delta.columnMapping.id": number, "delta.columnMapping.physicalName": f"col-{number}"}
    return {"name": name, "type": kind, "nullable": nullable, "metadata": metadata}


def mapped_table(root: Path) -> None:
    """A table with column mapping and deletion vectors, as Databricks writes it."""
    inner = {"type": "struct", "fields": [field("x", "decimal(20,3)", 4, nullable=False)]}
    fields = [field("id", "long", 1), field("day of sale", "date", 2), field("more", inner, 3)]
    fields[0]["metadata"]["__CHAR_VARCHAR_TYPE_STRING"] = "varchar(20)"
    features = ["columnMapping", "deletionVectors"]
    vector = {"storageType": "u", "pathOrInlineDv": "ab^-aqEH.-t@S}K{vb[*k^", "offset": 1, "sizeInBytes": 36, "cardinality": 2}
    metadata = {
        "id": "a", "format": {"provider": "parquet", "options": {}}, "partitionColumns": ["day of sale"], "createdTime": 1,
        "schemaString": json.dumps({"type": "struct", "fields": fields}),
        "configuration": {"delta.columnMapping.mode": "name", "delta.enableDeletionVectors": "true"},
    }  # fmt: skip
    adds = [
        {"path": f"{folder}/part-{rows}.parquet", "partitionValues": {"col-2": day}, "size": 4, "modificationTime": 1, "dataChange": True,
         "stats": json.dumps({"numRecords": rows})}
        for folder, rows, day in (("aB", 5, "2024-01-02"), ("Cd", 7, None))
    ]  # fmt: skip
    commit(
        root, 0,
        {"protocol": {"minReaderVersion": 3, "minWriterVersion": 7, "readerFeatures": features, "writerFeatures": features}},
        {"metaData": metadata}, {"add": adds[0]}, {"add": adds[1]},
    )  # fmt: skip
    commit(root, 1, {"remove": {"path": adds[0]["path"], "dataChange": True}}, {"add": adds[0] | {"deletionVector": vector}})
    for folder in ("aB/part-5", "Cd/part-7"):
        path = root / f"{folder}.parquet"
        path.parent.mkdir()
        path.write_bytes(b"PAR1")


def test_mapped_columns_have_their_logical_names_and_vectors_are_subtracted(tmp_path: Path) -> None:
    mapped_table(tmp_path / "t")
    table = look_at(tmp_path).table

    assert columns_of(table) == {"id": "bigint", "more": "struct<x:decimal(20,3)>"}
    assert table.columns[0].source_type == "varchar(20)"
    assert partition_columns_of(table) == {"day of sale": "date"}
    assert partitions_of(table) == {("2024-01-02",): 1, (None,): 1}
    assert [p.row_count is None for p in table.partitions] == [True, False]  # the first has deleted rows
    assert table.row_count == 5 + 7 - 2
    assert dict(table.details).items() >= {"column_mapping": "name", "deleted_rows": "2"}.items()


def test_deletion_vectors_in_a_checkpoint_are_subtracted(tmp_path: Path) -> None:
    mapped_table(tmp_path / "t")
    DeltaTable(tmp_path / "t").create_checkpoint()
    for path in tmp_path.rglob("*.json"):
        path.unlink()
    assert look_at(tmp_path).table.row_count == 10


def test_types_are_exact(tmp_path: Path) -> None:
    rows = pa.table({
        "b": pa.array([True]), "i8": pa.array([1], pa.int8()), "i16": pa.array([1], pa.int16()), "i32": pa.array([1], pa.int32()),
        "f": pa.array([1], pa.float32()), "dec": pa.array([None], pa.decimal128(38, 10)), "day": pa.array([0], pa.date32()),
        "ntz": pa.array([0], pa.timestamp("us")), "tz": pa.array([0], pa.timestamp("us", tz="UTC")), "bin": pa.array([b""]),
        "deep": pa.array([[{"m": [("k", 1)]}]], pa.list_(pa.struct([("m", pa.map_(pa.string(), pa.int32()))]))),
    })  # fmt: skip
    write_deltalake(tmp_path / "t", rows)
    assert columns_of(look_at(tmp_path).table) == {f.name: type_text(f.type) for f in rows.schema}


def test_a_moved_table_is_read_where_it_is_now(history: Path) -> None:
    expected = look_at(history).table
    shutil.move(history / "sales.delta", history / "sales moved")
    assert look_at(history).table.row_count == expected.row_count


def test_a_file_without_statistics_leaves_the_row_count_open(history: Path) -> None:
    root = history / "sales.delta"
    shutil.copy(next(root.rglob("*.parquet")), root / "extra.parquet")
    size = (root / "extra.parquet").stat().st_size
    add = {"path": "extra.parquet", "partitionValues": {"site": "x"}, "size": size, "modificationTime": 1, "dataChange": True}
    commit(root, 6, {"add": add})
    assert look_at(history).table.row_count is None


def test_files_that_are_gone_or_differ_in_size_are_warned_of(history: Path) -> None:
    gone, other = sorted(live_files(history / "sales.delta"))[:2]
    (history / gone).unlink()
    (history / other).write_bytes(b"PAR1")
    found = look_at(history)

    assert found.table.warnings == (
        f"1 files that the log names are not in the listing, as {gone}",
        f"1 files have another size than the log says, as {other}",
    )
    assert adds_up(found)


def test_a_path_that_leads_out_of_the_table_reaches_nothing(tmp_path: Path) -> None:
    write_deltalake(tmp_path / "lake/t", ROWS)
    (tmp_path / "secret.parquet").write_bytes(b"PAR1")
    hostile = ("../../secret.parquet", "%2e%2e/secret.parquet", "file:///etc/passwd", "s3://other/secret.parquet")
    add = {"partitionValues": {}, "size": 4, "modificationTime": 1, "dataChange": True}
    commit(tmp_path / "lake/t", 1, *({"add": add | {"path": path}} for path in hostile))
    found = look_at(tmp_path / "lake")

    assert all(key.startswith("t/part-") for key in sorted(found.keys()))
    assert "2 files of the table lie outside the bucket" in found.table.warnings
    assert adds_up(found)


def test_an_empty_version_leaves_a_table_without_files(history: Path) -> None:
    DeltaTable(history / "sales.delta").delete()
    found = look_at(history)

    assert (found.table.row_count, found.table.layout.object_count, found.table.layout.size_bytes) == (0, 0, 0)
    assert found.keys() == set()
    assert adds_up(found)


@pytest.mark.parametrize(
    ("file", "content", "reason"),
    [
        ("00000000000000000002.json", None, "00000000000000000002.json: it is missing"),
        ("00000000000000000000.json", None, "00000000000000000000.json: it is missing"),
        ("00000000000000000003.json", b'{"add": {"pa', "00000000000000000003.json: line 1 is not JSON, or cut short"),
        ("00000000000000000003.json", b"", "00000000000000000003.json: it is empty"),
        ("00000000000000000000.json", b"[1]\n", "00000000000000000000.json: line 1 is no action of a log"),
        ("00000000000000000005.checkpoint.parquet", b"PAR1 cut short", "00000000000000000005.checkpoint.parquet: it is not a checkpoint"),
    ],
)
def test_a_broken_log_is_named_and_its_files_are_no_tables(history: Path, file: str, content: bytes | None, reason: str) -> None:
    path = history / "sales.delta/_delta_log" / file
    path.unlink(missing_ok=True)
    if content is not None:
        path.write_bytes(content)
    found = look_at(history)

    assert found.error == f"the delta log cannot be read: sales.delta/_delta_log/{reason}"
    assert set(found.failed()) == {path.relative_to(history).as_posix() for path in history.rglob("*.parquet")} - {
        f"sales.delta/_delta_log/{file}"
    }
    assert set(found.failed().values()) == {found.error}
    assert found.keys() == set()


def test_an_unknown_feature_is_told(tmp_path: Path) -> None:
    mapped_table(tmp_path / "t")
    features = {"minReaderVersion": 3, "minWriterVersion": 7, "readerFeatures": ["teleport"], "writerFeatures": ["teleport"]}
    commit(tmp_path / "t", 2, {"protocol": features})
    assert "_delta_log/00000000000000000002.json" in look_at(tmp_path).error


def test_a_log_beyond_the_limit_is_not_read(history: Path) -> None:
    found = look_at(history, InferenceRules(log_limits=LogLimits(max_log_bytes=2000)))
    assert "larger than the 2,000 bytes that may be read of one" in found.error
    assert found.store.receipt.bytes_read <= 2000


def test_a_table_in_a_bucket_is_the_same_as_on_disk(history: Path, s3_server: S3Server) -> None:
    objects = {path.relative_to(history).as_posix(): path.read_bytes() for path in history.rglob("*") if path.is_file()}
    bucket = s3_server.make_bucket(objects)
    found, expected = look_at(open_store(f"s3://{bucket}", s3_server.options())), look_at(history)

    assert found.table.columns == expected.table.columns
    assert (found.table.row_count, partitions_of(found.table)) == (expected.table.row_count, partitions_of(expected.table))
    assert (found.keys(), found.keys(SkipReason.TABLE_REMOVED)) == (expected.keys(), expected.keys(SkipReason.TABLE_REMOVED))


def test_a_table_in_memory_is_the_same_as_on_disk(history: Path) -> None:
    store = memory_store("delta-in-memory")
    for path in history.rglob("*"):
        if path.is_file():
            store.put(path.relative_to(history).as_posix().replace("%20", " "), path.read_bytes())
    assert look_at("memory://delta-in-memory").table.row_count == look_at(history).table.row_count
