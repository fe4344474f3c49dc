"""Full profiles of bad files, within a budget and little memory, and interrupted."""

from __future__ import annotations

import bz2
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import replace

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv
import pyarrow.orc
import pytest

from s3_catalog.model.description import Basis
from s3_catalog.model.statistics import ColumnStatistics
from s3_catalog.model.tables import Column
from s3_catalog.storage import ListPage, ObjectStore, open_store
from s3_catalog.storage.receipt import Receipt
from s3_catalog_tests.profiling.tables import (
    BROKEN,
    ROWS,
    SECRET,
    WRITERS,
    as_csv,
    as_lines,
    as_parquet,
    by_name,
    rows_of,
)
from s3_catalog_tests.servers import S3Server


@pytest.mark.parametrize("file_format", BROKEN)
def test_a_file_that_cannot_be_read_is_named_and_the_others_are_profiled(lake, file_format, caplog):
    caplog.set_level(0)
    write = next(write for name, write in WRITERS.values() if name == file_format)

    profile = lake(file_format, {"a": write(rows_of()), "broken": BROKEN[file_format], "c": write(rows_of(ROWS))}).profile()

    assert profile.reason is None
    assert profile.rows >= 2 * ROWS
    assert not profile.complete
    assert {column.basis for column in profile.columns} == {Basis.SAMPLE}
    assert {column.rows for column in profile.columns} == {profile.rows}
    assert len(profile.problems) == 1
    assert profile.problems[0].startswith("broken: ")
    assert SECRET not in repr(profile) + caplog.text


def test_damaged_pages_of_one_file_stop_no_other(lake):
    damaged = bytearray(as_parquet(rows_of()))
    damaged[200:4000] = b"\xff" * 3800

    profile = lake("parquet", {"a": as_parquet(rows_of()), "b": bytes(damaged)}).profile()

    assert profile.rows >= ROWS
    assert [problem[:3] for problem in profile.problems] == ["b: "]


@pytest.mark.parametrize(
    ("file_format", "data", "rows"),
    [
        ("csv", b"id;n\n" + b"2;b\n" * 40_000 + b"3;\xff\xfe\n4;z\n", 40_001),
        ("csv", b"id;n\n" + b"2;b\n" * 40_000 + b"1;" + b"x" * 3_000_000 + b"\n" + b"2;y\n", 40_001),
        ("jsonl", b'{"id": 1}\n' * 40 + b'{"id": \n' + b'{"id": 5}\n', 41),
    ],
    ids=["bytes that are no text", "a line of three megabytes", "a line that is no JSON"],
)
def test_rows_that_cannot_be_read_are_counted(lake, file_format, data, rows):
    profile = lake(file_format, {"a": data}).profile()

    assert (profile.rows, profile.complete) == (rows, False)
    assert profile.problems == ("a: 1 rows could not be read",)


@pytest.mark.parametrize(
    ("file_format", "data", "reason"),
    [
        ("csv", bz2.compress(as_csv(rows_of())), "its compression bz2 is not read in full"),
        ("csv", as_csv(rows_of()).replace(b"city", "Zürich “x”".encode("cp1252")), "its encoding cp1252 is not read in full"),
        ("csv", b"\xfe\xff" + as_csv(rows_of()).decode().encode("utf-16-be"), "its encoding utf-16-be is not read in full"),
        ("jsonl", as_lines(rows_of()).decode().encode("utf-16"), "JSON in the encoding utf-16-le is not read in full"),
    ],
    ids=["bz2", "cp1252", "utf-16-be", "json utf-16"],
)
def test_what_is_not_read_in_full_says_so(lake, file_format, data, reason):
    profile = lake(file_format, {"a": data}).profile()

    assert (profile.columns, profile.complete) == ((), False)
    assert reason in (profile.reason or "")


@pytest.mark.parametrize(
    ("changes", "details", "reason"),
    [
        ({"format": "excel"}, {}, "tables of the format excel are not profiled in full"),
        ({"format": "iceberg"}, {}, "tables of the format iceberg are not profiled in full"),
        ({"format": "delta"}, {"deleted_rows": "3"}, "rows of its files are deleted"),
        ({"format": "delta"}, {"column_mapping": "name"}, "its columns have other names in the files"),
        ({"location": "book.zip#one.csv"}, {}, "files that hold several tables"),
    ],
)
def test_tables_that_files_alone_do_not_tell_have_a_reason_instead(lake, changes, details, reason):
    made = lake("parquet", {"a": as_parquet(rows_of())})
    table = replace(made.table, layout=replace(made.table.layout, **changes), details=tuple(details.items()))

    profile = replace(made, table=table).profile()

    assert profile.columns == ()
    assert reason in (profile.reason or "")
    assert profile.bytes_read == 0


def test_files_of_a_delta_table_are_read_and_columns_of_its_path_are_left_alone(lake):
    made = lake("parquet", {"a.parquet": as_parquet(rows_of())})
    columns = (*made.table.columns, Column(name="day", type=pa.date32()))
    table = replace(made.table, layout=replace(made.table.layout, format="delta"), columns=columns)

    assert [column.column for column in replace(made, table=table).profile().columns] == ["id", "city", "price"]


def test_a_table_beyond_the_budget_is_not_begun(lake):
    made = lake("csv", {"a": as_csv(rows_of())})
    size = made.files.column("size")[0].as_py()

    profile = made.profile(max_bytes=2 * size - 1)

    assert profile.reason == f"reading it takes {2 * size:,} bytes, more than the {2 * size - 1:,} that are allowed"
    assert profile.bytes_read == 0
    assert made.profile(max_bytes=2 * size).complete


@pytest.mark.parametrize("file_format", ["parquet", "csv", "jsonl", "orc", "arrow_ipc", "avro"])
def test_no_more_is_read_than_was_expected(lake, file_format):
    write = next(write for name, write in WRITERS.values() if name == file_format)
    made = lake(file_format, {f"{i}": write(rows_of()) for i in range(3)})
    before, size = made.store.receipt.bytes_read, pc.sum(made.files.column("size")).as_py()

    profile = made.profile(max_bytes=2 * size)

    assert profile.complete
    assert profile.bytes_read == made.store.receipt.bytes_read - before <= 2 * size


def test_reading_stops_where_the_bytes_really_read_pass_the_budget(lake):
    """Statistics of a few bytes let expect too little."""
    made = lake("parquet", {f"{i}": as_parquet(rows_of()) for i in range(6)})
    columns = tuple(replace(c, statistics=ColumnStatistics(size_bytes=10)) for c in made.table.columns)
    size = made.files.column("size")[0].as_py()

    profile = replace(made, table=replace(made.table, columns=columns)).profile(max_bytes=5 * size)

    assert (profile.rows, profile.complete, {c.basis for c in profile.columns}) == (2 * ROWS, False, {Basis.SAMPLE})
    assert profile.problems == ("reading stopped at the budget, after 3 of 6 files",)
    assert profile.bytes_read <= 5 * size
    assert sum(bar.count for bar in by_name(profile)["id"].histogram) == 2 * ROWS


def test_progress_rises_to_the_end(lake):
    told = list[tuple[int, int]]()
    made = lake("csv", {f"{i}": as_csv(rows_of(0, 60_000)) for i in range(3)})

    made.profile(progress=lambda done, total: told.append((done, total)))

    size = pc.sum(made.files.column("size")).as_py()
    assert [done for done, _ in told] == sorted(done for done, _ in told)
    assert told[-1] == (2 * size, 2 * size)
    assert {total for _, total in told} == {2 * size}


def test_rows_of_any_number_fit_into_little_memory(lake):
    data = as_csv(rows_of(0, 1_000_000))

    profile = lake("csv", {"a": data}).profile(memory_bytes=64 * 1024 * 1024)

    assert (profile.rows, profile.complete) == (1_000_000, True)


def test_what_does_not_fit_into_memory_is_said(lake):
    table = pa.table({"text": [os.urandom(2_000_000).hex() for _ in range(12)]})

    profile = lake("parquet", {"a": as_parquet(table)}).profile(memory_bytes=16 * 1024 * 1024)

    assert profile.reason is not None
    assert "memory" in profile.reason


class Interrupting:
    """The store of a user who presses Ctrl-C while a file is read."""

    def __init__(self, store: ObjectStore, at: int) -> None:
        self._store, self._left = store, at
        self.location, self.receipt = store.location, Receipt()

    def list_pages(self, prefix: str, *, delimiter: str = "", start_after: str = "") -> Iterator[ListPage]:
        return self._store.list_pages(prefix, delimiter=delimiter, start_after=start_after)

    def read_range(self, key: str, start: int, length: int, *, etag: str | None = None) -> bytes:
        self._left -= 1
        if self._left == 0:
            os.kill(os.getpid(), signal.SIGINT)
        return self._store.read_range(key, start, length, etag=etag)


@pytest.fixture
def interruptible() -> Iterator[None]:
    """A process that heeds Ctrl-C: one that was started in the background ignores it."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("interruptible")
@pytest.mark.parametrize("file_format", ["parquet", "csv", "orc"])
def test_an_interrupt_ends_the_reading_and_leaves_nothing_behind(lake, file_format, tmp_path, monkeypatch):
    monkeypatch.setenv("TMPDIR", str(tmp_path / "none"))
    write = next(write for name, write in WRITERS.values() if name == file_format)
    made = lake(file_format, {f"{i:03}": write(rows_of()) for i in range(60)})
    before = {thread.name for thread in threading.enumerate()}

    store = Interrupting(made.store, at=20)
    with pytest.raises(KeyboardInterrupt):
        replace(made, store=store).profile()

    assert store._left > -80  # it did not read to the end: 60 files twice
    assert {thread.name for thread in threading.enumerate()} <= before
    assert not (tmp_path / "none").exists()


def test_what_the_callers_progress_raises_ends_the_reading(lake):
    def fail(done: int, total: int) -> None:
        raise LookupError

    with pytest.raises(LookupError):
        lake("csv", {"a": as_csv(rows_of(0, 200_000))}).profile(progress=fail)


def test_nothing_is_printed_and_no_file_of_the_machine_is_opened(tmp_path):
    """A fresh process: leaks would be told at its end."""
    (tmp_path / "a.csv").write_bytes(as_csv(rows_of()))
    (tmp_path / "b.csv").write_bytes(BROKEN["csv"])
    code = f"""
import duckdb
import pyarrow as pa
from s3_catalog.model.tables import Column, Evidence, Table, TableLayout
from s3_catalog.profiling._engine import StoreFiles, open_duckdb, open_reader
from s3_catalog.profiling.full import profile_fully
from s3_catalog.storage import open_store

store = open_store({str(tmp_path)!r})
files = pa.concat_tables(pa.table(page.objects) for page in store.list_pages(""))
layout = TableLayout(name="t", store_url="", location="", format="csv", object_count=2, size_bytes=1, newest=None,
                     evidence=Evidence(rule="", reason="", runner_up=""))
table = Table(layout=layout, columns=(Column(name="id", type=pa.int64()),))
profile = profile_fully(store, table, files, {{}}, lambda _, value: value, max_bytes=10**9)
assert profile.rows >= {ROWS} and len(profile.problems) == 1, profile
for opened in (open_duckdb(2**26, threads=1), open_reader(2**26, StoreFiles())):
    with opened as connection:
        for query in ("SELECT * FROM read_csv('/etc/passwd')", "INSTALL httpfs", "ATTACH '/tmp/x.db'", "COPY (SELECT 1) TO '/tmp/x.csv'"):
            try:
                connection.execute(query)
            except duckdb.Error:
                continue
            raise AssertionError(query)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)

    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


@pytest.mark.parametrize("file_format", ["parquet", "csv"])
def test_a_bucket_is_read_by_signed_requests_that_the_receipt_counts(lake, s3_server: S3Server, file_format):
    write = next(write for name, write in WRITERS.values() if name == file_format)
    objects = {"a//é %41?.x": write(rows_of()), "b": write(rows_of(ROWS)), "c": write(rows_of())}
    made = lake(file_format, {"a": objects["b"]})
    bucket = s3_server.make_bucket(objects)
    store = open_store(f"s3://{bucket}", s3_server.options())
    files = pa.concat_tables(pa.table(page.objects) for page in store.list_pages(""))
    s3_server.client().put_object(Bucket=bucket, Key="c", Body=write(rows_of(1)))

    profile = replace(made, store=store, files=files).profile()

    assert (profile.rows, profile.complete) == (2 * ROWS, False)
    assert list(profile.problems) == ["c: the object was replaced after it was listed"]
    assert store.receipt.get_requests == 5  # two files twice, and the one that is refused
    assert 0 < profile.bytes_read <= store.receipt.bytes_read
