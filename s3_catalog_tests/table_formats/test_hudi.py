"""Hudi tables that Spark wrote (`make_hudi.py`)."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from s3_catalog.inference import InferenceRules
from s3_catalog.model.blame import ColumnBlame, FileRef, TypeChange
from s3_catalog.model.ledger import SkipReason
from s3_catalog.storage import open_store
from s3_catalog.table_formats import LogLimits
from s3_catalog_tests.servers import S3Server
from s3_catalog_tests.table_formats.tables import Found, adds_up, columns_of, look_at, partition_columns_of, partitions_of

COLUMNS = {"id": "bigint", "name": "string", "version": "int", "price": "decimal(12,2)", "seen": "timestamptz"}


def unpack(folder: Path, name: str) -> Path:
    """A lake of one of the tables."""
    with zipfile.ZipFile(Path(__file__).with_name("hudi_tables.zip")) as archive:
        archive.extractall(folder, [member for member in archive.namelist() if member.startswith(f"{name}/")])
    return folder


def count_rows(lake: Path, found: Found) -> int:
    return sum(pq.read_metadata(lake / key).num_rows for key in found.keys())  # noqa: SIM118 - no dict


@pytest.mark.parametrize("name", ["cow", "cow_v6", "mor"])
def test_schema_and_partitions_are_those_of_the_table(tmp_path: Path, name: str) -> None:
    table = look_at(unpack(tmp_path, name)).table

    assert columns_of(table) == COLUMNS
    assert partition_columns_of(table) == {"site": "string"}
    assert {values for (values,) in partitions_of(table)} == {"north", "south"}


@pytest.mark.parametrize(("name", "version"), [("cow", "8"), ("cow_v6", "6")])
def test_a_copy_on_write_table_is_its_newest_base_files(tmp_path: Path, name: str, version: str) -> None:
    lake = unpack(tmp_path, name)
    found = look_at(lake)

    assert found.table.row_count == count_rows(lake, found) == 4
    assert partitions_of(found.table) == {("north",): 1, ("south",): 1}
    assert len(found.keys(SkipReason.TABLE_REMOVED)) == {"cow": 1, "cow_v6": 2}[name]
    assert dict(found.table.details).items() >= {"table_type": "COPY_ON_WRITE", "table_version": version, "record_key": "id"}.items()
    assert adds_up(found)


def test_a_merge_on_read_table_is_base_files_with_their_logs_and_claims_no_row_count(tmp_path: Path) -> None:
    found = look_at(unpack(tmp_path, "mor"))

    assert partitions_of(found.table) == {("north",): 3, ("south",): 1}
    assert sum(".log." in key for key in found.keys()) == 1  # noqa: SIM118 - no dict
    assert found.table.row_count is None
    assert dict(found.table.details)["table_type"] == "MERGE_ON_READ"
    assert adds_up(found)


def commits_of(lake: Path, name: str) -> list[Path]:
    found = [path for path in (lake / name / ".hoodie").rglob("2*commit") if "metadata" not in path.parts]
    return sorted(found)


@pytest.mark.parametrize("name", ["cow", "cow_v6", "mor"])
def test_columns_came_with_the_first_commit_of_the_timeline(tmp_path: Path, name: str) -> None:
    lake = unpack(tmp_path, name)
    first, *_, last = [FileRef(path.relative_to(lake).as_posix()) for path in commits_of(lake, name)]
    blame = {column.name: column.blame for column in look_at(lake).table.columns}
    assert blame == dict.fromkeys(COLUMNS, ColumnBlame(first=first, last=last))


@pytest.mark.parametrize("archive", ["archived/.commits_.archive.1_1-0-1", "timeline/history/00000001_00000002_0.parquet"])
def test_where_commits_are_archived_the_answer_is_not_exact(tmp_path: Path, archive: str) -> None:
    lake = unpack(tmp_path, "cow")
    path = lake / "cow/.hoodie" / archive
    path.parent.mkdir(parents=True)
    path.write_bytes(b"x")
    assert {column.blame.exact for column in look_at(lake).table.columns if column.blame} == {False}


def test_a_column_that_an_older_commit_lacks_came_later(tmp_path: Path) -> None:
    """The commits of the older layout are JSON, so one can be given another schema."""
    lake = unpack(tmp_path, "cow_v6")
    first, second, last = commits_of(lake, "cow_v6")
    commit = json.loads(first.read_bytes())
    schema = json.loads(commit["extraMetadata"]["schema"])
    schema["fields"] = [{**f, "type": ["null", "int"]} if f["name"] == "id" else f for f in schema["fields"] if f["name"] != "price"]
    first.write_text(json.dumps({**commit, "extraMetadata": {"schema": json.dumps(schema)}}))
    blame = {column.name: column.blame for column in look_at(lake).table.columns}
    refs = [FileRef(path.relative_to(lake).as_posix()) for path in (first, second, last)]

    assert blame["price"] == ColumnBlame(first=refs[1], last=refs[2], added=True)
    assert blame["id"] == ColumnBlame(first=refs[0], last=refs[2], changes=(TypeChange(file=refs[1], before="int", after="bigint"),))
    assert blame["name"] == ColumnBlame(first=refs[0], last=refs[2])


def test_the_metadata_table_inside_is_part_of_the_log(tmp_path: Path) -> None:
    lake = unpack(tmp_path, "cow")
    inside = {path.relative_to(lake).as_posix() for path in lake.rglob(".hoodie/metadata/**/*") if path.is_file()}
    assert inside
    assert inside <= look_at(lake).keys(SkipReason.TABLE_LOG)


def test_only_properties_and_commits_are_read(tmp_path: Path) -> None:
    assert look_at(unpack(tmp_path, "cow")).store.receipt.get_requests == 3


def test_a_file_that_no_commit_has_written_is_not_live(tmp_path: Path) -> None:
    lake = unpack(tmp_path, "cow")
    base = next(lake.rglob("*.parquet"))
    stray = base.with_name("aaaaaaaa-7b22-47b5-8aec-c69fffe9de15-0_0-1-1_20990101000000000.parquet")
    stray.write_bytes(base.read_bytes())
    assert stray.relative_to(lake).as_posix() in look_at(lake).keys(SkipReason.TABLE_REMOVED)


@pytest.mark.parametrize(
    ("pattern", "content", "reason"),
    [
        ("hoodie.properties", None, "cow_v6/.hoodie/hoodie.properties: it is missing"),
        ("hoodie.properties", b"\x00\x01", "cow_v6/.hoodie/hoodie.properties: hudi cannot read it"),
        ("*.replacecommit", b'{"partition', ".replacecommit: it is no commit, or cut short"),
    ],
)
def test_a_broken_log_is_named_and_its_files_are_no_tables(tmp_path: Path, pattern: str, content: bytes | None, reason: str) -> None:
    lake = unpack(tmp_path, "cow_v6")
    for path in lake.rglob(f".hoodie/{pattern}"):
        path.unlink() if content is None else path.write_bytes(content)
    found = look_at(lake)

    assert found.error.startswith("the hudi log cannot be read: cow_v6/.hoodie/")
    assert found.error.endswith(reason)
    assert set(found.failed()) == {path.relative_to(lake).as_posix() for path in lake.rglob("*.parquet")}


def test_more_files_than_may_be_looked_up_are_refused(tmp_path: Path) -> None:
    found = look_at(unpack(tmp_path, "cow"), InferenceRules(log_limits=LogLimits(max_files=2)))
    assert "more than the 2 files" in found.error


def test_a_table_in_a_bucket_is_the_same_as_on_disk(tmp_path: Path, s3_server: S3Server) -> None:
    lake = unpack(tmp_path, "mor")
    bucket = s3_server.make_bucket({p.relative_to(lake).as_posix(): p.read_bytes() for p in lake.rglob("*") if p.is_file()})
    found, expected = look_at(open_store(f"s3://{bucket}", s3_server.options())), look_at(lake)

    assert found.table.columns == expected.table.columns
    assert (found.keys(), found.keys(SkipReason.TABLE_REMOVED)) == (expected.keys(), expected.keys(SkipReason.TABLE_REMOVED))
