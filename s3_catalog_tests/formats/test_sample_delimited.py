"""Rows of CSV, TSV and text: texts as they stand, under the names of the schema."""

from __future__ import annotations

import bz2
import csv
import datetime as dt
import gzip
import io
from collections.abc import Callable
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from s3_catalog.errors import HintError, UnreadableFileError
from s3_catalog.formats import ReadLimits
from s3_catalog.formats._hints import ReadHints
from s3_catalog.storage.receipt import Receipt
from s3_catalog_tests.formats.readers import LIMITS
from s3_catalog_tests.formats.samples import column_names, sample, sample_members

ORDERS = "".join(["id,name,price\n", *(f'{i},"name ""{i}"", x",{i / 4}\n' for i in range(20_000))])


def written(rows: list[list[str]], delimiter: str = ",") -> str:
    sink = io.StringIO()
    csv.writer(sink, delimiter=delimiter).writerows(rows)
    return sink.getvalue()


def test_rows_are_what_the_csv_module_reads() -> None:
    expected = list(csv.DictReader(io.StringIO(ORDERS)))
    assert sample("csv", ORDERS, rows=500) == expected[:500]


@pytest.mark.parametrize("rows", [0, 1, 7])
def test_so_many_rows_are_given_as_were_asked_for(rows: int) -> None:
    assert len(sample("csv", ORDERS, rows=rows)) == rows


def test_a_large_file_costs_one_get_of_a_head() -> None:
    costs: list[Receipt] = []
    sample_members("csv", ORDERS, costs=costs)
    assert (costs[0].get_requests, costs[0].bytes_read) == (1, LIMITS.head_bytes)


def test_a_row_that_the_head_cuts_is_left_out() -> None:
    text = "id,name\n" + "1,abcdefgh\n" * 100
    assert sample("csv", text, limits=ReadLimits(head_bytes=60)) == [{"id": "1", "name": "abcdefgh"}] * 4


def test_a_first_row_longer_than_the_head_is_read_from_a_longer_head() -> None:
    text = "id,name\n1," + "x" * 3000 + "\n2,y\n" + "3,z\n" * 10_000
    costs: list[Receipt] = []
    rows = sample_members("csv", text, limits=ReadLimits(head_bytes=1000), rows=2, costs=costs)[""]
    assert rows == [{"id": "1", "name": "x" * 3000}, {"id": "2", "name": "y"}]
    assert costs[0].bytes_read == 16_000


def test_where_so_many_bytes_hold_no_row_there_are_none() -> None:
    text = "id,name\n1," + "x" * 3000 + "\n2,y\n" * 1000
    costs: list[Receipt] = []
    limits = ReadLimits(head_bytes=1000, max_sample_bytes=2000)
    assert sample_members("csv", text, limits=limits, costs=costs) == {}
    assert costs[0].bytes_read <= 2000


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("id,id,\n1,2,3\n", [{"id": "1", "id_2": "2", "column2": "3"}]),
        ("1,2\n3,4\n", [{"column0": "1", "column1": "2"}, {"column0": "3", "column1": "4"}]),
        ("id,n\n1\n2,b,c\n3,d\n4,\n", [{"id": str(i), "n": n} for i, n in enumerate((None, "b", "d", None), start=1)]),
        ("id,n\n1,NA\n2,3\n,4\n", [{"id": "1", "n": None}, {"id": "2", "n": "3"}, {"id": None, "n": "4"}]),
        ("id,code\n1,NA\n2,Namibia\n3,Oman\n", [{"id": "1", "code": "NA"}, {"id": "2", "code": "Namibia"}, {"id": "3", "code": "Oman"}]),
        ("id;x\n1;2,5\n007; y \n", [{"id": "1", "x": "2,5"}, {"id": "007", "x": " y "}]),
        ('id,t\n1,"a\nb"\n2,c\n', [{"id": "1", "t": "a\nb"}, {"id": "2", "t": "c"}]),
    ],
    ids=["names twice and none", "no header", "ragged", "null marker", "text that looks like one", "as it stands", "line end in quotes"],
)
def test_rows_of_odd_files(text: str, expected: list[dict[str, str | None]]) -> None:
    assert sample("csv", text) == expected


@pytest.mark.parametrize(
    ("text", "hints", "expected"),
    [
        (
            "a b|c\n1 2|3\n",
            ReadHints(delimiter=" ", header=False),
            [{"column0": "a", "column1": "b|c"}, {"column0": "1", "column1": "2|3"}],
        ),
        ("junk\nid,n\n1,x\n", ReadHints(skip_lines=1, header=True), [{"id": "1", "n": "x"}]),
        ("id,n\n1,?\n2,b\n", ReadHints(null_markers=("?",)), [{"id": "1", "n": None}, {"id": "2", "n": "b"}]),
        ("id,n\n1,'x\n2,b\n", ReadHints(quote=""), [{"id": "1", "n": "'x"}, {"id": "2", "n": "b"}]),
    ],
    ids=["delimiter and header", "skipped lines", "null markers", "no quotes"],
)
def test_hints_are_honoured(text: str, hints: ReadHints, expected: list[dict[str, str | None]]) -> None:
    limits = replace(LIMITS, hints=hints)
    assert sample("csv", text, limits=limits) == expected
    assert set(expected[0]) == set(column_names("csv", text, limits=limits))


def test_hints_that_do_not_fit_are_refused() -> None:
    with pytest.raises(HintError):
        sample("csv", "id,n\n1,x\n", limits=replace(LIMITS, hints=ReadHints(delimiter=";")))


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "cp1252", "shift_jis"])
def test_rows_of_other_encodings(encoding: str) -> None:
    name = "日本語の名前" if encoding == "shift_jis" else "Zoë “Müller” São"
    data = f"id,name\n1,{name}\n2,abc\n".encode(encoding)
    assert sample("csv", data, limits=replace(LIMITS, hints=ReadHints(encoding=encoding))) == [
        {"id": "1", "name": name},
        {"id": "2", "name": "abc"},
    ]


@pytest.mark.parametrize(("compression", "compress"), [("gzip", gzip.compress), ("bz2", bz2.compress)])
def test_a_compressed_file_gives_the_same_rows(compression: str, compress: Callable[[bytes], bytes]) -> None:
    assert sample("csv", compress(ORDERS.encode()), compression, rows=50) == sample("csv", ORDERS, rows=50)


def test_long_values_are_cut_with_a_mark() -> None:
    (row,) = sample("csv", f"id,name\n1,{'x' * 100_000}\n")
    assert (len(str(row["name"])), str(row["name"])[-2:]) == (64 * 1024, "x…")


def test_columns_of_the_sample_are_those_of_the_schema_when_the_tail_is_read_too() -> None:
    text = "1,2\n" * 20_000 + "name,id\n"
    limits = ReadLimits(tail_of_text=True)
    assert list(sample("csv", text, limits=limits)[0]) == column_names("csv", text, limits=limits)


CELLS = st.text(st.characters(blacklist_categories=["Cs", "Cc"]), max_size=8) | st.sampled_from(
    ["1", "2.5", "NA", "", "a,b", 'x"y', "l\nm"]
)


@given(st.lists(st.lists(CELLS, min_size=1, max_size=5), min_size=1, max_size=8), st.sampled_from([",", ";", "\t", "|"]))
def test_every_row_has_the_columns_of_the_schema(rows: list[list[str]], delimiter: str) -> None:
    text = written(rows, delimiter)
    try:
        names = column_names("csv", text)
    except UnreadableFileError:
        with pytest.raises(UnreadableFileError):
            sample("csv", text)
        return
    for row in sample("csv", text):
        assert list(row) == names


@given(st.lists(st.tuples(st.integers(), st.text(st.characters(blacklist_categories=["Cs", "Cc"]), max_size=9)), min_size=1, max_size=20))
def test_values_come_back_as_they_were_written(rows: list[tuple[int, str]]) -> None:
    text = written([["id", "name"], *([str(number), f"v{value}"] for number, value in rows)])
    limits = replace(LIMITS, hints=ReadHints(delimiter=",", quote='"', escape="", header=True, skip_lines=0))
    assert sample("csv", text, limits=limits) == [{"id": str(number), "name": f"v{value}"} for number, value in rows]


def test_tabs() -> None:
    assert sample("tsv", "id\tname\n1\ta b\n") == [{"id": "1", "name": "a b"}]


def test_lines_of_plain_text() -> None:
    assert sample("text", "first\n\nthird\r\nlast") == [{"line": line} for line in ("first", "", "third", "last")]


def test_a_line_that_the_head_cuts_is_left_out() -> None:
    assert sample("text", "first one\nsecond", limits=ReadLimits(head_bytes=12)) == [{"line": "first one"}]


def test_a_line_longer_than_the_head_is_read_from_a_longer_head() -> None:
    assert sample("text", "x" * 500 + "\n" + "y" * 5000, limits=ReadLimits(head_bytes=100)) == [{"line": "x" * 500}]


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        (
            '192.0.2.1 - ann [31/Jan/2024:13:55:36 +0100] "GET /a HTTP/1.1" 200 12 "-" "curl/8"',
            {
                "remote_host": "192.0.2.1",
                "remote_user": "ann",
                "final_status": 200,
                "request_time": dt.datetime(2024, 1, 31, 12, 55, 36, tzinfo=dt.UTC),
                "referer": None,
                "user_agent": "curl/8",
            },
        ),
        (
            (
                f"{'a' * 64} bucket [06/Feb/2019:00:00:38 +0000] 192.0.2.3 - 3E57427F3EXAMPLE REST.GET.VERSIONING - "
                '"GET /bucket?versioning HTTP/1.1" 200 - 113 - 7 - "-" "S3Console/0.4" - id SigV4 cipher AuthHeader host TLSv1.2 - -'
            ),
            {
                "bucket": "bucket",
                "time": dt.datetime(2019, 2, 6, 0, 0, 38, tzinfo=dt.UTC),
                "requester": None,
                "http_status": 200,
                "bytes_sent": 113,
                "object_size": None,
                "request_uri": "GET /bucket?versioning HTTP/1.1",
            },
        ),
        (
            (
                "http 2018-07-02T22:23:00.186641Z app/lb/1 192.168.131.39:2817 10.0.0.1:80 0.000 0.001 0.000 200 200 34 366 "
                '"GET http://www.example.com:80/ HTTP/1.1" "curl/7.46.0" - -'
            ),
            {
                "time": dt.datetime(2018, 7, 2, 22, 23, 0, 186641, tzinfo=dt.UTC),
                "target_processing_time": 0.001,
                "sent_bytes": 366,
                "request": "GET http://www.example.com:80/ HTTP/1.1",
                "ssl_cipher": None,
            },
        ),
    ],
    ids=["apache", "s3", "alb"],
)
def test_fields_of_logs_are_values_of_their_columns(line: str, expected: dict[str, object]) -> None:
    text = f"{line}\n" * 30
    rows = sample("text", text)
    assert len(rows) == 30
    assert {name: rows[0][name] for name in expected} == expected
    assert list(rows[0]) == column_names("text", text)


def test_fields_of_logs_that_name_their_columns() -> None:
    text = "#Version: 1.0\n#Fields: date cs-uri-stem sc-status\n2024-01-31 /a 200\n2024-02-01 - 404\n"
    assert sample("text", text) == [
        {"date": "2024-01-31", "cs-uri-stem": "/a", "sc-status": "200"},
        {"date": "2024-02-01", "cs-uri-stem": None, "sc-status": "404"},
    ]


def test_json_lines_in_a_log_are_records() -> None:
    assert sample("text", '{"a": 1}\n{"a": 2}\n') == [{"a": 1}, {"a": 2}]
