"""What people say of delimited text is believed, and checked: what does not fit is an error that shows it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from s3_catalog.errors import HintError, UnreadableFileError
from s3_catalog.formats import FileSchema
from s3_catalog.formats._hints import ReadHints
from s3_catalog.model.types import read_type
from s3_catalog_tests.formats.readers import LIMITS, read, types


def read_with(data: bytes | str, *, tail: bool = False, head_bytes: int = LIMITS.head_bytes, **hints: Any) -> FileSchema:
    """Read a CSV with hints; types as canonical text."""
    named = {name: read_type(text) for name, text in hints.pop("types", {}).items()}
    limits = replace(LIMITS, hints=ReadHints(**hints, types=named), tail_of_text=tail, head_bytes=head_bytes)
    return read("csv", data, limits=limits)


def misfit(data: bytes | str, **hints: Any) -> str:
    with pytest.raises(HintError) as caught:
        read_with(data, **hints)
    return str(caught.value)


MIXED = "id,d\n1,03/04/24 10\n2,03/04/24\n"


@pytest.mark.parametrize(
    ("text", "hints", "expected"),
    [
        ("a;b,c\n1;2,3\n4;5,6\n", {"delimiter": ";"}, {"a": "bigint", "b,c": "double"}),
        ("a;b,c\n1;2,3\n4;5,6\n", {"delimiter": ","}, {"a;b": "string", "c": "bigint"}),
        ("a b\n1 2\n", {"delimiter": " "}, {"a": "bigint", "b": "bigint"}),
        ('[1],"x"\n[2],"y"\n', {"delimiter": ",", "header": False}, {"column0": "string", "column1": "string"}),
        ('a,b\n"1,2"\n', {"quote": ""}, {"a": "string", "b": "string"}),
        ("a,b\n~1,5~,2\n", {"quote": "~"}, {"a": "string", "b": "bigint"}),
        ("a,b\n1\\,5,2\n", {"escape": "\\", "quote": ""}, {"a": "string", "b": "bigint"}),
        ("name,city\nAlice,Berlin\nBob,Paris\n", {"header": False}, {"column0": "string", "column1": "string"}),
        ("1,2\n3,4\n", {"header": True}, {"1": "bigint", "2": "bigint"}),
        ("made by\nhand, on\nid,n\n1,2\n", {"skip_lines": 2}, {"id": "bigint", "n": "bigint"}),
        ("x\ry\rid,n\r1,2\r", {"skip_lines": 2}, {"id": "bigint", "n": "bigint"}),
        ("# id,n\n1,2\n", {"skip_lines": 0, "header": True}, {"# id": "bigint", "n": "bigint"}),
        ("a|b\n1.234|1,5\n12|2\n", {"decimal": ","}, {"a": "bigint", "b": "double"}),
        ("a|b\n1,234|1.5\n12|2\n", {"decimal": "."}, {"a": "bigint", "b": "double"}),
        ("a|b\n1.5|1.234,5\n12|nan\n", {"decimal": ","}, {"a": "string", "b": "double"}),
        ("a|b\n1,5|1,234.5\n12|3\n", {"decimal": "."}, {"a": "string", "b": "double"}),
        ("id,d\n1,03/04/2024\n2,01/02/2024\n", {"date_format": "%d/%m/%Y"}, {"id": "bigint", "d": "date"}),
        ("id,d\n1,20240131\n2,NA\n", {"date_format": "%Y%m%d"}, {"id": "bigint", "d": "date"}),
        ("id,d\n1,3. Jan 2024\n2,x\n", {"date_format": "%d. %b %Y"}, {"id": "bigint", "d": "string"}),
        (MIXED, {"timestamp_format": "%d/%m/%y %H", "date_format": "%d/%m/%y"}, {"id": "bigint", "d": "timestamp"}),
        ("id,d\n1,03/04/24 10:00\n", {"timestamp_format": "%d/%m/%y %H:%M"}, {"id": "bigint", "d": "timestamp"}),
        ("id,d\n1,03/04/24 +0100\n", {"timestamp_format": "%d/%m/%y %z"}, {"id": "bigint", "d": "timestamptz"}),
        ("id,d\n1,-999\n2,2024-01-01\n3,\n", {"null_markers": ("-999",)}, {"id": "bigint", "d": "date"}),
        ("id,d\n1,NA\n2,2024-01-01\n", {"null_markers": ("-999",)}, {"id": "bigint", "d": "string"}),
    ],
)  # fmt: skip
def test_hints_are_believed(text: str, hints: dict[str, Any], expected: dict[str, str]) -> None:
    schema = read_with(text, **hints)
    assert types(schema) == expected
    assert schema.details["hints"].split(", ") == [name for name in ReadHints.__dataclass_fields__ if name in hints]


@pytest.mark.parametrize(
    ("data", "encoding"),
    [
        ("größe;n\nfünf;1\n".encode("cp850"), "cp850"),
        ("größe;n\nfünf;1\n".encode("cp037"), "cp037"),
        ("größe;n\nfünf;1\n".encode("utf-16"), "utf-16"),
        ("\ufeffgröße;n\nfünf;1\n".encode(), "UTF8"),
        ("größe;n\nfünf;1\n".encode("utf-16-be"), "utf-16-be"),
    ],
)
def test_a_named_encoding_is_believed(data: bytes, encoding: str) -> None:
    assert types(read_with(data, encoding=encoding)) == {"größe": "string", "n": "bigint"}


@pytest.mark.parametrize(
    ("data", "hints", "said"),
    [
        ("a,b\n1,2\n", {"delimiter": ";"}, "the delimiter ';' stands nowhere in the first rows; the first is 'a,b'"),
        ("x" * 60 + "\n1\n", {"delimiter": ";"}, f"the first is '{'x' * 40}…'"),
        ("a,b\n1,2\n", {"encoding": "klingon"}, "Python knows no text encoding 'klingon'"),
        ("a,b\n1,2\n", {"encoding": "hex"}, "Python knows no text encoding 'hex'"),
        (b"a,b\n1,\xff\n", {"encoding": "utf-8"}, "the bytes at 6 are not utf-8"),
        ("a,b\n1,2\n".encode("utf-16"), {"encoding": "latin-1"}, "the bytes at 3 are not latin-1"),
        ("a,b\n1,2\n", {"skip_lines": 2}, "2 lines are to be skipped, and the file has 2"),
        ("a,b\n1,2", {"skip_lines": 9}, "9 lines are to be skipped, and the file has 2"),
        ("a,b\n1,2\n3,x\n", {"types": {"b": "bigint"}}, "column 'b' is said to be bigint, and 'x' in row 2 is none"),
        ("a,b\n1,2\n3," + "x" * 60, {"types": {"b": "bigint"}}, f"'{'x' * 40}…' in row 2 is none"),
        ("1,2\n3,x\n", {"header": False, "types": {"column1": "bigint"}}, "'x' in row 2"),
    ],
)  # fmt: skip
def test_a_hint_that_does_not_fit_is_an_error_that_shows_where(data: bytes | str, hints: dict[str, Any], said: str) -> None:
    message = misfit(data, **hints)
    assert message.startswith("the hint does not fit: ")
    assert said in message


FITTING = {
    "boolean": ["yes", "No", "1", "f", "TRUE"],
    "tinyint": ["127", "-128", "007"],
    "int": ["00123", "+5", "2147483647"],
    "bigint": ["1,234,567", "12", "1 234", "NA"],
    "double": ["1e5", "inf", "1,234.5", ".5", "7"],
    "decimal(5,2)": ["123.45", "0.10", "-1.500", "NULL"],
    "date": ["2024-02-29", "2024/01/01"],
    "timestamp": ["2024-02-29 10:00", "2024-01-01"],
    "timestamptz": ["2024-02-29T10:00Z"],
    "time": ["10:00", "23:59:59.5"],
    "string": ["1", "true", "x"],
}
UNFIT = {
    "boolean": "2",
    "tinyint": "128",
    "int": "1.0",
    "bigint": "9223372036854775808",
    "double": "2,5",
    "decimal(5,2)": "1234.5",
    "date": "03/04/2024",
    "timestamp": "2024-01-01T10:00Z",
    "timestamptz": "2024-01-01T10:00",
    "time": "25:00",
}


@pytest.mark.parametrize(("wanted", "values"), FITTING.items())
def test_a_named_type_is_read_kindly(wanted: str, values: list[str]) -> None:
    schema = read_with("id|v\n" + "".join(f"{i}|{value}\n" for i, value in enumerate(values)), types={"v": wanted})
    assert types(schema)["v"] == wanted
    assert schema.details["certainty.v"].startswith("1.00: said to be")
    assert schema.details["hints"] == "types"


@pytest.mark.parametrize(("wanted", "value"), UNFIT.items())
def test_a_value_of_another_type_is_shown_with_its_row(wanted: str, value: str) -> None:
    rows = "".join(f"{i}|{fit}\n" for i, fit in enumerate(FITTING[wanted]))
    message = misfit(f"id|v\n{rows}9|{value}\n", types={"v": wanted})
    assert f"column 'v' is said to be {wanted}, and {value!r} in row {len(FITTING[wanted]) + 1} is none" in message


def test_decimals_with_a_comma_are_of_the_type_named() -> None:
    text = "id;price\n1;1.234,50\n2;7\n3;0,25\n"
    schema = read_with(text, decimal=",", types={"price": "decimal(10,2)"})
    assert (types(schema)["price"], schema.details["decimal"], schema.details["thousands.price"]) == ("decimal(10,2)", ",", ".")
    assert "'0,255' in row 4" in misfit(text + "4;0,255\n", decimal=",", types={"price": "decimal(10,2)"})


def test_a_named_date_needs_its_format_where_the_order_is_open() -> None:
    text = "id,d\n1,03/04/2024\n2,01/02/2024\n"
    assert types(read_with(text, types={"d": "date"}, date_format="%d/%m/%Y"))["d"] == "date"
    assert "'03/04/2024' in row 1" in misfit(text, types={"d": "date"})
    assert types(read_with(text + "3,31/12/2024\n", types={"d": "date"}))["d"] == "date"
    assert "'2024-04-03' in row 3" in misfit(text + "3,2024-04-03\n", types={"d": "date"}, date_format="%d/%m/%Y")


def test_a_hint_for_a_column_of_other_files_is_none_for_this_one() -> None:
    schema = read_with("a,b\n1,2\n", types={"elsewhere": "bigint"})
    assert (types(schema), "hints" in schema.details) == ({"a": "bigint", "b": "bigint"}, False)


def test_an_empty_column_has_the_type_named() -> None:
    assert types(read_with("a,b\n1,\n2,\n", types={"b": "decimal(10,2)"}))["b"] == "decimal(10,2)"


def test_a_pinned_column_of_a_few_texts_is_no_conflict() -> None:
    text = "n\n" + "".join(f"{i}\n" for i in range(100)) + "none known\n"
    assert read_with(text, types={"n": "string"}).conflicts == ()


def test_lines_to_skip_are_looked_for_in_a_longer_head() -> None:
    text = "".join(f"line {i} of a long preamble\n" for i in range(200)) + "id,n\n1,2\n"
    assert types(read_with(text, skip_lines=200, head_bytes=512)) == {"id": "bigint", "n": "bigint"}


def test_a_value_near_the_end_that_is_none_of_the_type_is_shown() -> None:
    text = "id,n\n" + "".join(f"{i},{i}\n" for i in range(40_000)) + "x,oops\n"
    with pytest.raises(HintError, match="'oops' in one of the last rows"):
        read_with(text, tail=True, types={"n": "bigint"})


def test_last_bytes_of_another_encoding_are_told() -> None:
    data = b"id,n\n" + b"".join(b"%d,abc\n" % i for i in range(40_000)) + b"7,caf\xe9\n"
    assert read_with(data, tail=True).warnings == ("bytes near the end of the file are not utf-8",)
    with pytest.raises(HintError, match=f"the bytes at {len(data) - 2:,} are not utf-8"):
        read_with(data, tail=True, encoding="utf-8")


def test_a_log_whose_delimiter_people_name_is_a_table() -> None:
    limits = replace(LIMITS, hints=ReadHints(delimiter="|"))
    schema = read("text", "at|what\n2024-01-01|start\n2024-01-02|stop\n", limits=limits)
    assert (types(schema), schema.format) == ({"at": "date", "what": "string"}, "csv")


HINTS = st.builds(
    ReadHints,
    delimiter=st.sampled_from([None, ",", ";", "a"]),
    quote=st.sampled_from([None, "", '"', "x"]),
    escape=st.sampled_from([None, "", "\\"]),
    encoding=st.sampled_from([None, "utf-8", "utf-16", "latin-1", "utf-7", "iso2022_jp", "unicode_escape"]),
    header=st.sampled_from([None, True, False]),
    skip_lines=st.sampled_from([None, 0, 1, 1_000_000]),
    decimal=st.sampled_from([None, ",", "."]),
    date_format=st.sampled_from([None, "%Y-%m-%d", "%Q", "%Y %Y", "%"]),
    null_markers=st.sampled_from([None, (), ("1",)]),
    types=st.sampled_from([{}, {"a": read_type("bigint"), "column0": read_type("decimal(5,2)")}]),
)
TEXTS = st.lists(st.sampled_from(["a,b", "1,2", '"x', 'y"', "\n", "\r\n", ";", "2024-01-01", "", "ö"]), max_size=60).map("".join)


@settings(max_examples=150, deadline=None)
@given(data=TEXTS.map(str.encode) | st.binary(max_size=200), hints=HINTS, head_bytes=st.sampled_from([20, 100, 65536]))
def test_no_hints_on_no_bytes_fail_in_another_way(data: bytes, hints: ReadHints, head_bytes: int) -> None:
    limits = replace(LIMITS, hints=hints, head_bytes=head_bytes, tail_bytes=20, tail_of_text=True)
    try:
        schema = read("csv", data, limits=limits)
    except UnreadableFileError:
        return
    estimate = schema.row_estimate
    assert estimate is None or 0 < estimate.low <= estimate.rows <= estimate.high
