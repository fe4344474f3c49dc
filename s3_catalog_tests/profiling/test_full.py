"""Profiles of all rows, against figures that Arrow computes of the same data."""

from __future__ import annotations

import bz2
import gzip
import io
import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import fastavro
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv
import pyarrow.orc
import pyarrow.parquet as pq
import pytest
import zstandard

from s3_catalog.formats import ReadLimits, file_formats
from s3_catalog.model.description import Basis, ColumnProfile
from s3_catalog.model.schemas import FileColumns, merge_schemas
from s3_catalog.model.statistics import ColumnStatistics
from s3_catalog.model.tables import Column, Evidence, Table, TableLayout
from s3_catalog.profiling.full import FullProfile, profile_fully
from s3_catalog.storage import ListPage, ObjectStore, open_store
from s3_catalog.storage.files import ObjectFile
from s3_catalog.storage.receipt import Receipt

PLENTY = 10**9
ROWS = 6000
SECRET = "4111-1111-1111-1111"


@dataclass(frozen=True, slots=True)
class Lake:
    """A table of some files in a folder, as the crawl would know it: its schema from all files that can be read."""

    store: ObjectStore
    table: Table
    files: pa.Table

    def profile(self, *, labels: Mapping[str, str] | None = None, max_bytes: int = PLENTY, **options: Any) -> FullProfile:
        return profile_fully(self.store, self.table, self.files, labels or {}, lambda _, value: value, max_bytes=max_bytes, **options)


@pytest.fixture
def lake(fill_folder: Callable[[dict[str, bytes]], Path]) -> Callable[..., Lake]:
    def make(file_format: str, files: dict[str, bytes], *, details: Mapping[str, str] | None = None) -> Lake:
        store = open_store(str(fill_folder(files)))
        objects = pa.concat_tables(pa.table(page.objects) for page in store.list_pages(""))
        columns, found = infer(store, file_format, objects)
        layout = TableLayout(
            name="t",
            store_url=store.location.store_url,
            location="",
            format=file_format,
            object_count=len(files),
            size_bytes=sum(map(len, files.values())),
            newest=None,
            evidence=Evidence(rule="", reason="", runner_up=""),
        )
        return Lake(store, Table(layout=layout, columns=columns, details=tuple({**found, **(details or {})}.items())), objects)

    return make


def infer(store: ObjectStore, file_format: str, objects: pa.Table) -> tuple[tuple[Column, ...], dict[str, str]]:
    columns, details = [], dict[str, str]()
    for found in objects.to_pylist():
        try:
            schema = file_formats()[file_format].read_schema(ObjectFile(store, found["key"], found["size"]), None, ReadLimits())
        except Exception:  # noqa: BLE001 - what is wrong with the file is for the profile to say
            continue
        columns.append(FileColumns(key=found["key"], age=(0.0, found["key"]), columns=schema.columns, conflicts=()))
        details = {**schema.details, **details}
    return merge_schemas(columns, ()).columns, details


def rows_of(start: int = 0, count: int = ROWS) -> pa.Table:
    return pa.table(
        {
            "id": pa.array(range(start, start + count), pa.int64()),
            "city": pa.array([None if i % 11 == 0 else f"city {i % 5 if i % 3 else 0}" for i in range(count)], pa.string()),
            "price": pa.array([None if i % 7 == 0 else (i * 37 % 1000) / 8 for i in range(count)], pa.float64()),
        }
    )


def as_csv(table: pa.Table, delimiter: str = ",") -> bytes:
    out = io.BytesIO()
    pyarrow.csv.write_csv(table, out, pyarrow.csv.WriteOptions(delimiter=delimiter))
    return out.getvalue()


def as_parquet(table: pa.Table) -> bytes:
    pq.write_table(table, out := io.BytesIO(), row_group_size=1000)
    return out.getvalue()


def as_orc(table: pa.Table) -> bytes:
    pyarrow.orc.write_table(table, out := io.BytesIO())
    return out.getvalue()


def as_arrow(table: pa.Table) -> bytes:
    with pa.ipc.new_file(out := io.BytesIO(), table.schema) as writer:
        writer.write_table(table, max_chunksize=1000)
    return out.getvalue()


def as_arrow_stream(table: pa.Table) -> bytes:
    with pa.ipc.new_stream(out := io.BytesIO(), table.schema) as writer:
        writer.write_table(table, max_chunksize=1000)
    return out.getvalue()


def as_avro(table: pa.Table) -> bytes:
    types = {"id": "long", "city": "string", "price": "double"}
    fields = [{"name": name, "type": ["null", kind]} for name, kind in types.items()]
    fastavro.writer(out := io.BytesIO(), {"type": "record", "name": "r", "fields": fields}, table.to_pylist())
    return out.getvalue()


def as_lines(table: pa.Table) -> bytes:
    return "".join(json.dumps(row) + "\n" for row in table.to_pylist()).encode()


WRITERS: dict[str, tuple[str, Callable[[pa.Table], bytes]]] = {
    "parquet": ("parquet", as_parquet),
    "csv": ("csv", as_csv),
    "csv;": ("csv", lambda table: as_csv(table, ";")),
    "csv.gz": ("csv", lambda table: gzip.compress(as_csv(table))),
    "csv.zst": ("csv", lambda table: zstandard.compress(as_csv(table))),
    "csv utf-16": ("csv", lambda table: as_csv(table).decode().encode("utf-16")),
    "csv latin-1": ("csv", lambda table: as_csv(table).replace(b"city", "Ort ä".encode("latin-1"))),
    "tsv": ("tsv", lambda table: as_csv(table, "\t")),
    "jsonl": ("jsonl", as_lines),
    "jsonl.gz": ("jsonl", lambda table: gzip.compress(as_lines(table))),
    "json": ("json", lambda table: json.dumps(table.to_pylist()).encode()),
    "orc": ("orc", as_orc),
    "arrow": ("arrow_ipc", as_arrow),
    "arrow stream": ("arrow_ipc", as_arrow_stream),
    "avro": ("avro", as_avro),
}


def by_name(profile: FullProfile) -> dict[str, ColumnProfile]:
    assert profile.reason is None
    return {column.column: column for column in profile.columns}


@pytest.mark.parametrize("written", WRITERS)
def test_figures_of_all_rows_are_those_of_arrow(lake, written):
    file_format, write = WRITERS[written]
    whole = pa.concat_tables([rows_of(), rows_of(ROWS)])

    profile = lake(file_format, {"a": write(rows_of()), "b": write(rows_of(ROWS))}).profile()

    found = list(profile.columns)
    assert (profile.rows, profile.complete, profile.problems) == (2 * ROWS, True, ())
    assert {(c.rows, c.basis, c.bounds_basis) for c in found} == {(2 * ROWS, Basis.FULL, Basis.FULL)}
    for column, own in zip(found, whole.columns, strict=True):
        assert column.null_count == own.null_count
        assert column.distinct == pytest.approx(pc.count_distinct(own).as_py(), rel=0.08)
    city, price = found[1], found[2]
    assert (float(price.min or 0), float(price.max or 0)) == (pc.min(whole["price"]).as_py(), pc.max(whole["price"]).as_py())
    assert price.mean == pytest.approx(pc.mean(whole["price"]).as_py())
    for share, value in price.quantiles:
        assert float(value) == pytest.approx(pc.quantile(whole["price"], q=share)[0].as_py(), abs=0.02 * 125)
    counts = {entry["values"]: entry["counts"] for entry in pc.value_counts(whole["city"].drop_null()).to_pylist()}
    assert sorted(count for _, count in city.top_values) == sorted(counts.values())
    assert sum(bar.count for bar in price.histogram) == len(whole) - whole["price"].null_count


def test_the_values_that_are_not_among_the_most_frequent_are_no_value_of_their_own(lake):
    table = pa.table({"c": ["often"] * 50 + [f"value {i}" for i in range(3000)]})

    (column,) = lake("parquet", {"a": as_parquet(table)}).profile().columns

    assert column.top_values == (("often", 50),)


def test_types_of_parquet_keep_their_values(lake):
    table = pa.table(
        {
            "decimal": pa.array(["1.10", "99999999999999999999.99"]).cast(pa.decimal128(38, 2)),
            "stamp": pa.array([1, 1_000_000_001], pa.timestamp("ns")),
            "zoned": pa.array([0, 1], pa.timestamp("s", tz="Europe/Zurich")),
            "big": pa.array([0, 2**64 - 1], pa.uint64()),
            "bytes": pa.array([b"\xff\xfe", None]),
            "nested": pa.array([{"a": 1}, None]),
            "words": pa.array(["x", "y"]).dictionary_encode(),
        }
    )

    found = by_name(lake("parquet", {"a": as_parquet(table)}).profile())

    assert (found["decimal"].max, found["big"].max) == ("99999999999999999999.99", "18446744073709551615")
    assert (found["stamp"].min, found["zoned"].max) == ("1970-01-01 00:00:00.000000001", "1970-01-01 00:00:01+00")
    assert (found["bytes"].max_length, found["bytes"].null_count, found["nested"].null_count) == (2, 1, 1)
    assert found["words"].max == "y"


@pytest.mark.parametrize(
    ("text", "rows", "nulls"),
    [
        ('id;name\n\n1;"a\nb"\n\n2;x\n3;y\n4;z\n5\n', 5, {"id": 0, "name": 1}),
        ("id;name\n" + "1;a\n" * 20_000 + '2;"late;quoted"\n', 20_001, {"id": 0, "name": 0}),
        ("id;inch\n" + '1;3"\n' * 10, 10, {"id": 0, "inch": 0}),
        ("\n\nid;name\n1;a\n2;b\n", 2, {"id": 0, "name": 0}),
        ("# made by a machine\n# in a hurry\nid;name\n1;a\n2;\n", 2, {"id": 0, "name": 1}),
        ("name\nx\n\ny\n", 2, {"name": 0}),
        ("\ufeffid,n\r\n1,NA\r\n2,5\r\n", 2, {"id": 0, "n": 1}),
        ("1;2\n3;4\n", 2, {"column0": 0, "column1": 0}),
    ],
)
def test_rows_of_delimited_text_are_those_of_its_dialect(lake, text, rows, nulls):
    profile = lake("csv", {"a": text.encode()}).profile()

    assert (profile.rows, profile.complete) == (rows, True)
    assert {column.column: column.null_count for column in profile.columns} == nulls


def test_files_may_differ_in_columns_their_order_and_their_dialect(lake):
    profile = lake("csv", {"a.csv": b"id,name\n1,x\n2,y\n", "b.csv": b"extra;name;id\n7;z;3\n"}).profile()

    found = by_name(profile)
    assert (found["id"].max, found["name"].max, found["extra"].null_count) == ("3", "z", 2)


def test_a_json_key_that_only_late_rows_have_is_profiled(lake):
    made = lake("jsonl", {"a": b'{"a": 1}\n{"a": 2, "A": "x", "q\\"/~": [1]}\n'})
    late = replace(made, table=replace(made.table, columns=(*made.table.columns, Column(name="late", type=pa.string()))))

    found = by_name(late.profile())

    assert (found["a"].max, found["A"].max, found['q"/~'].null_count, found["late"].null_count) == ("2", "x", 1, 2)


@pytest.mark.parametrize("name", ['a"b', "a'b", "select", "c0", "v0; DROP TABLE x", "é\n", "~0/1", "$.a[*]"])
@pytest.mark.parametrize("file_format", ["parquet", "jsonl", "orc", "arrow_ipc"])
def test_hostile_names_of_columns_and_keys_are_names_alone(lake, name, file_format):
    table = pa.table({name: [1, 2, None], "other": ["'; --", '"', "x" * 100_000]})
    write = {"parquet": as_parquet, "jsonl": as_lines, "orc": as_orc, "arrow_ipc": as_arrow}[file_format]

    found = by_name(lake(file_format, {"it's [a]* {b}.x": write(table)}).profile())

    assert (found[name].max, found[name].null_count, found["other"].max_length) == ("2", 1, 100_000)


def test_a_column_of_personal_data_shows_counts_alone(lake):
    table = pa.table({"card": [SECRET] * 10 + [None]})

    profile = lake("parquet", {"a": as_parquet(table)}).profile(labels={"card": "payment card"})

    assert profile.columns[0].top_values == (("<payment card>", 10),)
    assert SECRET not in repr(profile)


def test_all_values_that_are_shown_went_through_the_mask(lake):
    made = lake("csv", {"a": as_csv(pa.table({"c": ["alpha"] * 3 + ["beta"] * 2}))})

    profile = profile_fully(made.store, made.table, made.files, {}, lambda _, value: "masked", max_bytes=PLENTY)

    assert "alpha" not in repr(profile)
    assert profile.columns[0].top_values == (("masked", 5),)


BROKEN = {
    "parquet": as_parquet(rows_of())[:-10],
    "csv": gzip.compress(as_csv(rows_of()))[:-100],
    "jsonl": b'{"id": 1, "city": "' + SECRET.encode() + b'"' + b"\n{" * 30,
    "json": b'[{"id": 1}, {"id": "' + SECRET.encode() * 10_000 + b'"}',
    "orc": as_orc(rows_of())[:-10],
    "arrow_ipc": as_arrow(rows_of())[:-10],
    "avro": as_avro(rows_of())[:-10],
}


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
