"""What the source reads of buckets by its options. Needs no OpenMetadata."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from s3_catalog.catalogs._planning import Published
from s3_catalog.catalogs.sql import SqlCatalog
from s3_catalog.openmetadata_source.lakes import Lake, count_top, read_lake, state_url
from s3_catalog.openmetadata_source.options import read_options
from s3_catalog_tests.lakes import write_parquet
from s3_catalog_tests.servers import S3Server

Fill = Callable[[dict[str, bytes]], Path]

CSV, JSON, JSONL = b"id,name\n1,a\n2,b\n", b'[{"id": 1}, {"id": 2}]', b'{"id": 1}\n{"id": 2}\n'
FILES = {
    "sales/year=2024/month=01/a.csv": CSV,
    "sales/year=2024/month=02/b.csv": CSV,
    "web/events.json": JSON,
    "web/clicks.jsonl": JSONL,
    "notes/big.csv": CSV * 100,
}


def read(folder: Path, state: SqlCatalog | None = None, state_at: str | None = None, **options: str) -> Lake:
    choices = read_options({"bucketName": folder.as_uri(), **options})
    return read_lake(choices, choices.buckets[0], state, state_at)


def names(lake: Lake) -> list[str]:
    return sorted(table.name for table in lake.tables)


def test_a_whole_bucket_is_complete(fill_folder: Fill) -> None:
    lake = read(fill_folder(FILES))
    assert names(lake) == ["notes_big", "sales", "web_clicks", "web_events"]
    assert (lake.complete, lake.listed, lake.failed, lake.unread) == (True, 5, (), ())


@pytest.mark.parametrize(
    ("formats", "found"),
    [("csv", ["notes_big", "sales"]), ("json", ["web_events"]), ("jsonl", ["web_clicks"]), ("json,jsonl", ["web_clicks", "web_events"])],
)
def test_only_chosen_formats_are_read(fill_folder: Fill, formats: str, found: list[str]) -> None:
    lake = read(fill_folder(FILES), file_formats=formats)
    assert names(lake) == found
    assert lake.complete


def test_what_options_set_aside_is_not_gone(fill_folder: Fill) -> None:
    folder = fill_folder(FILES)
    before = [
        Published(identity=table.layout.identity, name=table.name, store_url=table.layout.store_url, location=table.layout.location)
        for table in read(folder).tables
    ]
    for options in (
        {"file_formats": "csv"},
        {"exclude_patterns": "web/**"},
        {"include_patterns": "sales/**"},
        {"max_file_size_mb": "0.001"},
    ):
        lake = read(folder, None, None, **options)
        missing = {table.identity for table in before} - {table.layout.identity for table in lake.tables}
        assert missing
        assert missing <= set(lake.scope(before).present)


def test_path_parts_are_columns_unless_switched_off(fill_folder: Fill) -> None:
    folder = fill_folder(FILES)
    by_path, flat = (
        next(table for table in lake.tables if table.name == "sales")
        for lake in (read(folder), read(folder, enable_partition_parsing="false"))
    )
    assert [column.name for column in by_path.layout.partition_columns] == ["year", "month"]
    assert (flat.layout.partition_columns, flat.partitions, flat.row_count) == ((), (), by_path.row_count)
    assert flat.description is not None
    assert all("year" not in row for row in flat.description.sample.rows)
    assert len(flat.description.sample.rows) == 4


def test_patterns_and_sizes_choose_objects(fill_folder: Fill) -> None:
    folder = fill_folder(FILES)
    assert names(read(folder, include_patterns="web/**,notes/*")) == ["notes_big", "web_clicks", "web_events"]
    assert names(read(folder, exclude_patterns="web/**")) == ["notes_big", "sales"]
    assert names(read(folder, max_file_size_mb="0.001")) == ["sales", "web_clicks", "web_events"]


def test_an_unreadable_table_stands_beside_the_others(fill_folder: Fill) -> None:
    lake = read(fill_folder({**FILES, "broken/x.parquet": b"PAR1 and no more"}))
    assert names(lake) == ["notes_big", "sales", "web_clicks", "web_events"]
    assert [name for name, _ in lake.failed] == ["broken_x"]
    assert not lake.complete


def test_a_file_that_others_stand_in_for_makes_the_reading_incomplete(fill_folder: Fill) -> None:
    folder = fill_folder({"t/part-2.parquet": b"PAR1 and no more"})
    for number in (0, 1):
        write_parquet(folder / f"t/part-{number}.parquet", id=[1, 2])
    lake = read(folder)
    assert (names(lake), [key for key, _ in lake.unread], lake.complete) == (["t"], ["t/part-2.parquet"], False)


def test_several_prefixes_of_a_bucket_are_one_lake_and_a_bad_one_stops_none(s3_server: S3Server) -> None:
    bucket = s3_server.make_bucket({"a/t/x.csv": CSV, "b/t/x.csv": CSV})
    keys = {"awsAccessKeyId": s3_server.access_key, "awsSecretAccessKey": s3_server.secret_key, "endPointURL": s3_server.endpoint_url}
    choices = read_options({"bucketName": f"{bucket}/a,{bucket}/b,missing-{bucket}", **keys})
    lakes = [read_lake(choices, locations, None, None) for locations in choices.buckets]
    assert [len({table.name for table in lake.tables}) for lake in lakes] == [2, 0]
    assert (lakes[0].complete, lakes[0].prefixes) == (True, ("a/", "b/"))
    assert "bucket" in lakes[1].failed[0][1]
    assert count_top(choices, f"s3://{bucket}/a") == (1, 0)


def test_kept_tables_are_not_read_again_while_nothing_changed(fill_folder: Fill, tmp_path: Path) -> None:
    folder = fill_folder(FILES)
    url = state_url("service", folder.as_uri(), {"S3_CATALOG_HOME": str(tmp_path / "home")})
    reads: list[Any] = []
    for extra in ({}, {}, {"enable_partition_parsing": "false"}):
        with SqlCatalog(url) as state:
            lake = read(folder, state, url, **extra)
            reads.append((names(lake), state.list_runs(1)[0].receipt["get_requests"]))
    assert reads[0][0] == reads[1][0] == reads[2][0] == ["notes_big", "sales", "web_clicks", "web_events"]
    assert reads[0][1] > 0
    assert reads[1][1] == 0
    assert reads[2][1] > 0, "another choice asks for another look"


def test_each_service_and_bucket_is_kept_apart(tmp_path: Path) -> None:
    urls = {
        state_url(service, store, {"S3_CATALOG_HOME": str(tmp_path)})
        for service in ("a", "a/b", "é" * 300)
        for store in ("s3://x/", "gs://x/")
    }
    assert len(urls) == 6
    assert all(url.startswith(f"sqlite:///{tmp_path}/openmetadata/") and len(Path(url).name) < 200 for url in urls)
