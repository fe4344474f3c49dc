"""Rows of workbooks, HDF5 files, pickles and archives: typed values, by the names of their members."""

from __future__ import annotations

import datetime as dt
import decimal
import gzip
import io
import pickle
import tarfile
import uuid
import zipfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import openpyxl
import pandas as pd
import pytest

from s3_catalog.errors import UnreadableFileError
from s3_catalog.formats import ReadLimits
from s3_catalog.formats._hints import ReadHints
from s3_catalog.storage.receipt import Receipt
from s3_catalog_tests.formats.readers import LIMITS
from s3_catalog_tests.formats.samples import sample, sample_members

MORNING = dt.datetime.fromisoformat("2024-01-31T10:05:00")
MOMENTS = pd.to_datetime(["2024-01-31 10:00:00.5", None, "1999-12-31"], format="ISO8601")
FRAME = pd.DataFrame(
    {
        "id": np.array([1, 2, 3], "int32"),
        "x": [1.5, 2.0, -0.25],
        "name": ["a", None, "ü"],
        "ok": [True, False, True],
        "at": MOMENTS,
        "zoned": MOMENTS.tz_localize("Europe/Berlin"),
        "lasted": pd.to_timedelta([1, 2, 3], "s"),
        "other": [4, 5, 6],
    }
)


def expected(frame: pd.DataFrame) -> list[dict[str, Any]]:
    """The rows of a frame as plain values, moments with a zone in UTC."""
    return [{name: _plain(value) for name, value in record.items()} for record in frame.to_dict(orient="records")]


def _plain(value: Any) -> Any:
    if pd.api.types.is_scalar(value) and pd.isna(value):
        return None
    if isinstance(value, pd.Timestamp):
        return value.tz_convert("UTC").to_pydatetime() if value.tz else value.to_pydatetime()
    if isinstance(value, pd.Timedelta):
        return value.to_pytimedelta()
    return value.item() if isinstance(value, np.generic) else value


# -- workbooks


def workbook(*sheets: tuple[str, list[list[Any]]]) -> bytes:
    sink, book = io.BytesIO(), openpyxl.Workbook()
    book.remove(book.active)
    for name, rows in sheets:
        sheet = book.create_sheet(name)
        for row in rows:
            sheet.append(row)
    book.save(sink)
    return sink.getvalue()


def test_cells_are_values_of_their_types_by_sheet() -> None:
    header = ["id", "x", "name", "ok", "at", "day", "time", "lasted"]
    rows: list[list[Any]] = [
        [1, 1.5, "a", True, MORNING, dt.date(2024, 1, 31), dt.time(10, 5), dt.timedelta(days=1, seconds=2)],
        [2, 2.5, None, False, MORNING.replace(hour=0, minute=0), dt.date(1999, 12, 31), dt.time(0, 1), dt.timedelta(seconds=90)],
    ]
    data = workbook(("One", [["Report"], [], header, *rows]), ("Two", [["a", "b"], [1, "x"]]), ("Empty", []))
    found = sample_members("excel", data)
    assert found == {"One": [dict(zip(header, row, strict=True)) for row in rows], "Two": [{"a": 1, "b": "x"}]}
    assert [type(row["at"]) for row in found["One"]] == [dt.datetime, dt.datetime]


def test_a_workbook_gives_more_rows_and_longer_texts_than_its_schema_needs() -> None:
    rows = [[i, f"{i} " + "x" * 1000] for i in range(700)]
    found = sample_members("excel", workbook(("S", [["id", "text"], *rows])), rows=600)["S"]
    assert list(found) == [{"id": i, "text": text} for i, text in rows[:600]]


def test_the_sheet_and_lines_that_people_name_are_read() -> None:
    data = workbook(("One", [["a"], [1]]), ("Two", [["junk", "junk"], ["a", "b"], [1, "x"]]))
    limits = replace(LIMITS, hints=ReadHints(sheet="Two", skip_lines=1))
    assert sample_members("excel", data, limits=limits) == {"Two": [{"a": 1, "b": "x"}]}


# -- HDF5


@pytest.mark.filterwarnings("ignore::pandas.errors.PerformanceWarning")
@pytest.mark.parametrize("layout", ["fixed", "table"])
def test_frames_that_pandas_stored_are_read_as_pandas_reads_them(layout: str, tmp_path: Path) -> None:
    path = tmp_path / "store.h5"
    frame = (
        FRAME.assign(kind=pd.Categorical(["p", "q", "p"]))
        if layout == "table"
        else FRAME.assign(mixed=pd.Series([1, "two", None], dtype=object))
    )
    with pd.HDFStore(path, "w") as store:
        store.put("rows", frame, format=layout, track_times=False)
        store.put("named", FRAME.set_index("name")[["id"]], format=layout, track_times=False)
    found = sample_members("hdf5", path.read_bytes())
    rows = [{name: row[name] for name in frame.columns} for row in found["rows"]]
    assert rows == expected(pd.read_hdf(path, "rows"))
    assert list(found["named"]) == [{"name": name, "id": i} for name, i in (("a", 1), (None, 2), ("ü", 3))]


def test_levels_of_an_index_are_columns(tmp_path: Path) -> None:
    path = tmp_path / "store.h5"
    with pd.HDFStore(path, "w") as store:
        store.put("rows", FRAME.assign(day=["mo", "tu", "mo"]).set_index(["day", "other"])[["x"]], track_times=False)
    (rows,) = sample_members("hdf5", path.read_bytes()).values()
    assert [list(row.values()) for row in rows] == [["mo", 4, 1.5], ["tu", 5, 2.0], ["mo", 6, -0.25]]


def hdf5(write: Callable[[h5py.File], None]) -> bytes:
    sink = io.BytesIO()
    with h5py.File(sink, "w") as tree:
        write(tree)
    return sink.getvalue()


def test_datasets_of_every_kind_are_read_by_member() -> None:
    def write(tree: h5py.File) -> None:
        tree["g/id"], tree["g/text"], tree["g/lists"] = [1, 2], ["a", "ü"], [[1.5, 2.0], [3.0, 4.0]]
        tree["compound"] = np.array([(1, b"x", 1 + 2j)], dtype=[("a", "i4"), ("b", "S3"), ("z", "c8")])
        tree["matrix"] = np.arange(6).reshape(3, 2)
        tree["flags"] = [True, False]
        tree.create_dataset("opaque", data=np.array([b"ab"], dtype="V2"))

    assert sample_members("hdf5", hdf5(write), rows=2) == {
        "g": [{"id": 1, "text": "a", "lists": [1.5, 2.0]}, {"id": 2, "text": "ü", "lists": [3.0, 4.0]}],
        "compound": [{"a": 1, "b": "x", "z": {"real": 1.0, "imag": 2.0}}],
        "matrix": [{"column0": 0, "column1": 1}, {"column0": 2, "column1": 3}],
        "flags": [{"value": True}, {"value": False}],
        "opaque": [{"value": b"ab"}],
    }


def test_of_a_large_dataset_one_chunk_is_read() -> None:
    data = hdf5(lambda tree: tree.create_dataset("big", data=np.random.default_rng(1).random(2_000_000), chunks=(10_000,)) and None)
    costs: list[Receipt] = []
    found = sample_members("hdf5", data, rows=5, costs=costs)
    assert len(found["big"]) == 5
    assert costs[0].bytes_read < 1024 * 1024


def test_values_that_take_too_much_to_read_are_left_out() -> None:
    data = hdf5(lambda tree: tree.create_dataset("wide", data=np.zeros((2, 3_000_000)), chunks=(1, 3_000_000), compression="gzip") and None)
    (rows,) = sample_members("hdf5", data).values()
    assert list(rows) == []


# -- pickles


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_frames_are_read_as_pandas_reads_them_in_every_protocol(protocol: int) -> None:
    frame = FRAME.assign(
        mixed=pd.Series([1, "two", 3.5], dtype=object),
        day=[dt.date(2024, 1, 31)] * 3,
        amount=[decimal.Decimal("12.50"), None, decimal.Decimal("-1")],
        kind=pd.Categorical(["p", "q", None]),
        maybe=pd.array([1, None, 3], dtype="Int64"),
    )
    assert [{name: _plain(value) for name, value in row.items()} for row in sample("pickle", pickle.dumps(frame, protocol))] == expected(
        frame
    )


@pytest.mark.parametrize(
    ("value", "rows"),
    [
        ([{"a": 1, "b": [1, {"c": None}]}, {"a": 2}], [{"a": 1, "b": [1, {"c": None}]}, {"a": 2, "b": None}]),
        ({"a": [1, 2], "b": ["x", "y"]}, [{"a": 1, "b": "x"}, {"a": 2, "b": "y"}]),
        ([(1, "a"), (2, "b")], [{"column0": 1, "column1": "a"}, {"column0": 2, "column1": "b"}]),
        (np.arange(6).reshape(3, 2), [{"column0": i, "column1": i + 1} for i in (0, 2, 4)]),
        (np.asfortranarray(np.arange(6).reshape(3, 2)), [{"column0": i, "column1": i + 1} for i in (0, 2, 4)]),
        (np.array(["a", "bc"]), [{"value": "a"}, {"value": "bc"}]),
        ([MORNING, dt.time(1, 2), dt.timedelta(1, 2, 3)],) * 2,
        ([uuid.UUID(int=5)], [{"value": str(uuid.UUID(int=5))}]),
        (pd.Series([1.5, 2.5], name="s"), [{"s": 1.5}, {"s": 2.5}]),
    ],
    ids=["dicts", "columns", "tuples", "matrix", "matrix by column", "texts", "times", "uuid", "series"],
)
def test_values_of_other_pickles(value: Any, rows: Any) -> None:
    assert sample("pickle", pickle.dumps(value)) == ([{"value": item} for item in rows] if rows is value else rows)


def test_frames_of_a_dict_are_members() -> None:
    found = sample_members("pickle", pickle.dumps({"one": FRAME[["id"]], "two": FRAME[["x"]]}))
    assert found == {"one": [{"id": 1}, {"id": 2}, {"id": 3}], "two": [{"x": 1.5}, {"x": 2.0}, {"x": -0.25}]}


def test_columns_whose_values_are_not_known_are_in_no_row() -> None:
    frame = pd.DataFrame({"id": [1], "month": pd.period_range("2024-01", periods=1, freq="M")})
    assert sample("pickle", pickle.dumps(frame)) == [{"id": 1}]


def test_lists_that_share_lists_end() -> None:
    value: list[Any] = ["x"]
    for _ in range(15):
        value = [value] * 50
    assert len(sample("pickle", pickle.dumps(value))) == 50


def test_a_pickle_that_would_call_is_refused() -> None:
    with pytest.raises(UnreadableFileError, match="it would call"):
        sample("pickle", b"cos\nsystem\n(S'true'\ntR.")


# -- archives


CSV, JSON = "id,name\n1,a\n2,b\n", '{"x": 1}\n{"x": 2}\n'
MEMBERS = {"a/orders.csv": CSV.encode(), "b.jsonl": JSON.encode(), "c.csv.gz": gzip.compress(CSV.encode()), "read.me": b"text"}
ROWS = [{"id": "1", "name": "a"}, {"id": "2", "name": "b"}]


def zipped(members: dict[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    sink = io.BytesIO()
    with zipfile.ZipFile(sink, "w", method) as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return sink.getvalue()


def tarred(members: dict[str, bytes]) -> bytes:
    sink = io.BytesIO()
    with tarfile.open(fileobj=sink, mode="w") as archive:
        for name, data in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    return sink.getvalue()


@pytest.mark.parametrize(("file_format", "pack"), [("zip", zipped), ("tar", tarred)])
def test_members_are_read_by_their_own_formats(file_format: str, pack: Callable[[dict[str, bytes]], bytes]) -> None:
    data = pack({**MEMBERS, "book.xlsx": workbook(("S", [["a", "b"], [1, "x"]]))})
    costs: list[Receipt] = []
    found = sample_members(file_format, data, costs=costs)
    assert found == {"a/orders.csv": ROWS, "b.jsonl": [{"x": 1}, {"x": 2}], "c.csv.gz": ROWS, "book.xlsx/S": [{"a": 1, "b": "x"}]}
    assert costs[0].get_requests == 1


def test_a_large_archive_costs_its_list_and_heads() -> None:
    data = zipped({"big.csv": b"id,name\n" + b"1,abcdefg\n" * 1_000_000, "small.csv": CSV.encode()}, zipfile.ZIP_STORED)
    costs: list[Receipt] = []
    found = sample_members("zip", data, rows=2, costs=costs)
    assert found == {"big.csv": [{"id": "1", "name": "abcdefg"}] * 2, "small.csv": ROWS}
    assert costs[0].bytes_read < 1024 * 1024


def test_one_damaged_member_leaves_the_others() -> None:
    assert sample_members("zip", zipped({"bad.parquet": b"PAR1", **MEMBERS}))["a/orders.csv"] == ROWS


def test_an_archive_without_a_table_is_refused() -> None:
    with pytest.raises(UnreadableFileError):
        sample_members("zip", zipped({"read.me": b"text"}))


def test_members_beyond_what_a_sample_may_cost_have_no_rows() -> None:
    noise = np.random.default_rng(1).integers(0, 9, 300_000).astype("S1").tobytes().replace(b"8", b"\n")
    data = zipped({f"{i}.csv": b"id\n" + noise for i in range(5)}, zipfile.ZIP_STORED)
    costs: list[Receipt] = []
    found = sample_members("zip", data, limits=ReadLimits(max_sample_bytes=200_000), costs=costs)
    assert 0 < len(found) < 5
    assert costs[0].bytes_read <= 200_000
