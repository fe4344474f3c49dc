"""Statistics of ORC files against the data that their own library reads from them."""

from __future__ import annotations

import datetime as dt
import io
import zoneinfo
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.orc
import pyorc
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from s3_catalog.errors import UnreadableFileError
from s3_catalog.formats import FileSchema
from s3_catalog.formats._orc_messages import messages
from s3_catalog.model.statistics import ColumnFigures
from s3_catalog_tests.formats.readers import read

TABLE = pa.table(
    {
        "i8": pa.array([-128, None, 127], pa.int8()),
        "i16": pa.array([-5, None, 300], pa.int16()),
        "i32": pa.array([3, None, -(2**31)], pa.int32()),
        "i64": pa.array([2**63 - 1, None, -(2**63)]),
        "f32": pa.array([0.1, None, -2.5], pa.float32()),
        "f64": [0.1, None, float("-inf")],
        "text": ["Ärger", None, "z"],
        "flag": [True, None, False],
        "day": [dt.date(1, 1, 1), None, dt.date(9999, 12, 31)],
        "dec": pa.array([Decimal("1.25"), None, Decimal("-7")], pa.decimal128(10, 2)),
        "wide": pa.array([Decimal(10) ** 27, None, Decimal("-0.0000000001")], pa.decimal128(38, 10)),
        "ns": pa.array([-1, None, 1234567890123456789], pa.timestamp("ns")),
        "us": pa.array([-1500, None, 1234567890123456], pa.timestamp("us", tz="Europe/Berlin")),
        "s": pa.array([-7, None, 7], pa.timestamp("s")),
        "bytes": [b"x", None, b"y"],
        "list": [[1, None], None, []],
        "struct": [{"a": 1}, None, {"a": None}],
        "void": pa.nulls(3, pa.int32()),
    }
)
UNBOUNDED = {"flag", "bytes", "list", "struct", "void"}


def orc(table: pa.Table, **options: Any) -> bytes:
    sink = io.BytesIO()
    pa.orc.write_table(table, sink, **options)
    return sink.getvalue()


def pyorc_file(description: str, rows: list[tuple[Any, ...]], **options: Any) -> bytes:
    sink = io.BytesIO()
    with pyorc.Writer(sink, description, **options) as writer:
        for row in rows:
            writer.write(row)
    return sink.getvalue()


def rewrite_footer(data: bytes, change: Any, *, writer_version: int | None = None) -> bytes:
    """The same file with a footer that `change` was given to alter. The data must be written without compression."""
    end = len(data) - 1 - data[-1]
    postscript = messages()["PostScript"].FromString(data[end:-1])
    footer = messages()["Footer"].FromString(data[end - postscript.footerLength : end])
    start = end - postscript.footerLength
    change(footer)
    packed = footer.SerializeToString()
    postscript.footerLength = len(packed)
    if writer_version is not None:
        postscript.writerVersion = writer_version
    written = postscript.SerializeToString()
    return bytes(data[:start] + packed + written + bytes([len(written)]))


def assert_figures_fit_the_data(schema: FileSchema, data: bytes, unbounded: set[str]) -> None:
    table = pa.orc.ORCFile(io.BytesIO(data)).read()
    assert schema.figures.keys() == set(table.column_names)
    for name, figures in schema.figures.items():
        column = table[name]
        assert figures.null_count == column.null_count, name
        if name in unbounded:
            assert (figures.min, figures.max) == (None, None), name
            continue
        bounds = pc.min_max(column)
        assert (figures.min, figures.max, figures.exact) == (bounds["min"], bounds["max"], True), name


@pytest.mark.parametrize("compression", ["uncompressed", "zlib", "zstd", "snappy", "lz4"])
def test_figures_are_those_of_the_data(compression: str) -> None:
    data = orc(TABLE, compression=compression)
    assert_figures_fit_the_data(read("orc", data), data, UNBOUNDED)


def test_figures_of_many_stripes_are_those_of_the_data() -> None:
    table = pa.table({"id": range(300_000), "text": [f"{i:x}" for i in range(300_000)]})
    data = orc(table, stripe_size=64 * 1024, compression="zstd")
    assert pa.orc.ORCFile(io.BytesIO(data)).nstripes > 1
    assert_figures_fit_the_data(read("orc", data), data, set())


INSTANTS = st.integers(-(2**62), 2**62)


@settings(max_examples=30)
@given(st.lists(st.none() | INSTANTS, max_size=6), st.lists(st.none() | st.text(max_size=5), max_size=6))
def test_bounds_hold_the_values(instants: list[int | None], texts: list[str | None]) -> None:
    table = pa.table({"at": pa.array(instants, pa.timestamp("ns"))}), pa.table({"text": pa.array(texts, pa.string())})
    for column in table:
        data = orc(column)
        figures = read("orc", data).figures[column.column_names[0]]
        bounds = pc.min_max(pa.orc.ORCFile(io.BytesIO(data)).read()[0])
        if figures.min is not None and figures.max is not None:
            assert figures.exact
            assert (figures.min, figures.max) == (bounds["min"], bounds["max"])
        assert figures.null_count == column[0].null_count


def test_a_writers_zone_moves_no_bound() -> None:
    zone = zoneinfo.ZoneInfo("America/Los_Angeles")
    times = [
        dt.datetime(2024, 7, 1, 12, 0, 0, 123456, zone),
        dt.datetime(1950, 1, 1, 3, 0, 0, 5, zone),
        dt.datetime(2024, 1, 1, 0, tzinfo=zone),
    ]
    data = pyorc_file("struct<wall:timestamp,instant:timestamp with local time zone>", [(t, t) for t in times], timezone=zone)
    assert_figures_fit_the_data(read("orc", data), data, set())


def test_bounds_of_char_and_varchar_are_what_is_read() -> None:
    data = pyorc_file("struct<c:char(5),v:varchar(3)>", [("ab", "abcdef"), ("ab cdefgh", "b"), (None, None)])
    assert_figures_fit_the_data(read("orc", data), data, set())


def test_nan_leaves_no_bounds() -> None:
    figures = read("orc", orc(pa.table({"x": [1.0, float("nan")], "y": [float("nan"), 1.0], "z": [1.0, 2.0]}))).figures
    assert [figures[name].min for name in "xyz"] == [None, None, pa.scalar(1.0)]


def test_values_with_a_zero_byte_leave_no_bounds() -> None:
    figures = read("orc", orc(pa.table({"x": ["a\0b", "a\0a"]}))).figures
    assert (figures["x"].min, figures["x"].max) == (None, None)


def test_files_of_old_writers_tell_what_they_know() -> None:
    folder = Path(pa.__file__).parent / "tests" / "data" / "orc"
    if not folder.exists():
        pytest.skip("this pyarrow comes without its test files")
    first = (folder / "TestOrcFile.test1.orc").read_bytes()
    assert_figures_fit_the_data(read("orc", first), first, {"boolean1", "bytes1", "middle", "list", "map"})
    dates = read("orc", (folder / "TestOrcFile.testDate1900.orc").read_bytes()).figures
    own = pc.min_max(pa.orc.ORCFile(folder / "TestOrcFile.testDate1900.orc").read()["date"])
    assert (dates["date"].min, dates["date"].max) == (own["min"], own["max"])
    assert dates["time"] == ColumnFigures(null_count=0)  # its bounds are of an unknown zone
    assert read("orc", (folder / "decimal.orc").read_bytes()).figures["_col0"] == ColumnFigures(null_count=2000)


def test_bounds_that_an_old_writer_gets_wrong_are_unknown() -> None:
    data = orc(TABLE.select(["i64", "dec", "text", "day"]))

    def by_java(footer: Any) -> None:
        footer.writer = 0

    for version, known in [(0, ["i64"]), (6, ["i64", "text", "day"]), (7, ["i64", "dec", "text", "day"])]:
        figures = read("orc", rewrite_footer(data, by_java, writer_version=version)).figures
        assert [name for name, own in figures.items() if own.min is not None] == known


def test_cut_texts_and_times_are_bounds_that_are_not_exact() -> None:
    data = orc(TABLE.select(["text", "ns"]))

    def cut(footer: Any) -> None:
        text, at = footer.statistics[1].stringStatistics, footer.statistics[2].timestampStatistics
        text.ClearField("maximum")
        text.upperBound = b"zz"
        at.ClearField("minimumNanos")
        at.ClearField("maximumNanos")
        footer.writer = 4

    figures = read("orc", rewrite_footer(data, cut)).figures
    assert (figures["text"].max, figures["text"].exact) == (pa.scalar("zz"), False)
    low, high = figures["ns"].min, figures["ns"].max
    assert low is not None
    assert high is not None
    assert (low.value <= -1, high.value >= 1234567890123456789, figures["ns"].exact) == (True, True, False)


def test_sizes_of_nested_columns_are_sums() -> None:
    data = orc(TABLE.select(["i64", "struct", "list"]))

    def tell_sizes(footer: Any) -> None:
        for i in range(5):
            footer.statistics[i].bytesOnDisk = 10**i

    figures = read("orc", rewrite_footer(data, tell_sizes)).figures
    assert {name: own.size_bytes for name, own in figures.items()} == {"i64": 10, "struct": 1100, "list": None}


@pytest.mark.parametrize("harm", ["rows", "fewer", "encrypted"])
def test_statistics_that_do_not_fit_the_file_are_left_out(harm: str) -> None:
    def spoil(footer: Any) -> None:
        if harm == "rows":
            footer.statistics[0].numberOfValues = 0
        elif harm == "fewer":
            del footer.statistics[-1]
        else:
            footer.encryption = b""

    schema = read("orc", rewrite_footer(orc(TABLE), spoil))
    assert (len(schema.columns), schema.figures) == (18, {})


@pytest.mark.parametrize(
    ("column", "statistics", "bound", "value"),
    [
        (2, "intStatistics", "maximum", -6),
        (1, "intStatistics", "maximum", 1000),
        (7, "stringStatistics", "minimum", b"\xff"),
        (10, "decimalStatistics", "minimum", b"1e999999999"),
        (10, "decimalStatistics", "minimum", b"0.123"),
        (12, "timestampStatistics", "maximumUtc", 2**62),
        (6, "doubleStatistics", "maximum", float("nan")),
    ],
)
def test_bounds_that_make_no_sense_are_unknown(column: int, statistics: str, bound: str, value: Any) -> None:
    before = read("orc", orc(TABLE)).figures
    spoilt = rewrite_footer(orc(TABLE), lambda footer: setattr(getattr(footer.statistics[column], statistics), bound, value))
    after = read("orc", spoilt).figures
    lost = [name for name, own in after.items() if own.min is None and before[name].min is not None]
    assert (lost, len(after)) == ([TABLE.column_names[column - 1]], 18)


def test_counts_that_contradict_each_other_are_unknown() -> None:
    def spoil(footer: Any) -> None:
        footer.statistics[1].hasNull = False
        footer.statistics[2].numberOfValues = 4
        footer.statistics[3].ClearField("numberOfValues")

    figures = read("orc", rewrite_footer(orc(TABLE), spoil)).figures
    assert [figures[name].null_count for name in ("i8", "i16", "i32", "i64")] == [None, None, None, 1]


def test_a_name_that_stands_twice_has_no_figures() -> None:
    data = orc(pa.table([pa.array([1]), pa.array([2]), pa.array([3])], names=["a", "b", "a"]))
    assert read("orc", data).figures.keys() == {"b"}


@settings(max_examples=150)
@given(st.data())
def test_a_changed_footer_is_read_or_refused(data: st.DataObject) -> None:
    intact = orc(TABLE)
    position = data.draw(st.integers(len(intact) - 1500, len(intact) - 1))
    harmed = intact[:position] + bytes([data.draw(st.integers(0, 255))]) + intact[position + 1 :]
    try:
        schema = read("orc", harmed)
    except UnreadableFileError:
        return
    assert all(figures.null_count is None or figures.null_count >= 0 for figures in schema.figures.values())
