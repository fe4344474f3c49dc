from __future__ import annotations

import csv
import io
from pathlib import Path

import duckdb
import pandas as pd
import pytest

from s3_catalog.errors import UnreadableFileError
from s3_catalog.formats import ReadLimits
from s3_catalog_tests.formats.readers import read, types
from s3_catalog_tests.formats.stores import open_bytes


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("id,name\n1,a\n2,b\n", {"id": "bigint", "name": "string"}),
        ("code,n\n00123,1\n00456,2\n", {"code": "string", "n": "bigint"}),
        ("code\n1\n2\n007\n", {"code": "string"}),
        ("code;price\n1;2,5\n2;3\n", {"code": "bigint", "price": "double"}),
        ("a;b\n1;1.234,56\n2;0,5\n", {"a": "bigint", "b": "double"}),
        ('a,b\n1,"2,5"\n2,"3,5"\n', {"a": "bigint", "b": "string"}),
        ("a,b\n1,2.5\n2,3\n", {"a": "bigint", "b": "double"}),
        ("a,b\n1,1e5\n2,2.5E-3\n", {"a": "bigint", "b": "double"}),
        ("a,b\n1,\n2,NULL\n3,7\n", {"a": "bigint", "b": "bigint"}),
        ("a,b\n1,\n2,\n", {"a": "bigint", "b": "string"}),
        ("a,b\n1,true\n2,FALSE\n", {"a": "bigint", "b": "boolean"}),
        ("a,b\n1,2024-02-29\n2,2024-12-31\n", {"a": "bigint", "b": "date"}),
        ("a,b\n1,2024-02-30\n2,2024-12-31\n", {"a": "bigint", "b": "string"}),
        ("a,b\n1,10:00\n2,23:59:59.5\n", {"a": "bigint", "b": "time"}),
        ("a,b\n1,2024-01-01 10:00:00\n2,2024-01-01\n", {"a": "bigint", "b": "timestamp"}),
        ("a,b\n1,2024-01-01T10:00:00Z\n2,2024-01-01T10:00:00.123+02:00\n", {"a": "bigint", "b": "timestamptz"}),
        ("a,b\n1,9223372036854775807\n2,1\n", {"a": "bigint", "b": "bigint"}),
        ("a,b\n1,9223372036854775808\n2,1\n", {"a": "bigint", "b": "decimal(20,0)"}),
        (f"a,b\n1,{'9' * 30}\n2,1\n", {"a": "bigint", "b": "decimal(38,0)"}),
        (f"a,b\n1,{'9' * 60}\n2,1\n", {"a": "bigint", "b": "string"}),
        ("a,phone\n1,+4930123\n2,+4930124\n", {"a": "bigint", "phone": "string"}),
        ("a|b\n1|x\n2|y\n", {"a": "bigint", "b": "string"}),
        ("a\tb\n1\tx\n2\ty\n", {"a": "bigint", "b": "string"}),
        ("a^b\n1^x\n2^y\n", {"a": "bigint", "b": "string"}),
        ('id,a\n1,"x\ny"\n2,"z""q"\n', {"id": "bigint", "a": "string"}),
        ("id,a\r\n1,x\r\n2,y\r\n", {"id": "bigint", "a": "string"}),
        ("id,a\n1,'x, y'\n2,'z'\n", {"id": "bigint", "a": "string"}),
        ('id,a\n1,"say \\"x\\", y"\n2,"z"\n', {"id": "bigint", "a": "string"}),
        ("sep=;\nid;n\n1;2\n", {"id": "bigint", "n": "bigint"}),
        ("# made by hand\n# twice\nid,n\n1,2\n", {"id": "bigint", "n": "bigint"}),
        ("Sales report\n\nid,n,m\n1,2,3\n", {"id": "bigint", "n": "bigint", "m": "bigint"}),
        ("note\nhello, world\nfoo\na, b, c\n", {"note": "string"}),
        ("n\n1\n2\n", {"n": "bigint"}),
    ],
)
def test_columns_and_types(text: str, expected: dict[str, str]) -> None:
    assert types(read("csv", text)) == expected


@pytest.mark.parametrize(
    ("text", "header"),
    [
        ("1,a\n2,b\n", False),
        ("1;2,5\n2;3,5\n", False),
        ("Alice,Berlin\nBob,Paris\nCarol,Rome\n", False),
        ("DE,EUR\nUS,USD\nFR,EUR\n", False),
        ("a@x.org,active\nb@x.org,active\nc@x.org,gone\n", False),
        ("f47ac10b-58cc,red\n9c858901-8a57,blue\n6ba7b810-9dad,red\n", False),
        ("name,city\nAlice,Berlin\nBob,Paris\n", True),
        ("Name,City\nAlice,Berlin\nBob,Paris\n", True),
        ("FIRST_NAME,CITY\nALICE,BERLIN\nBOB,PARIS\n", True),
        ("first name,home town\nann,bonn\nbob,rome\n", True),
        ("sku,colour\nAB-1,red\nAB-2,blue\n", True),
        ("a,b\n1,2\n", True),
        ("id,name\n", True),
        ("country,2019,2020\nDE,1,2\nFR,3,4\n", True),
        ("2019,2020\n2021,2022\n", False),
        (",x\n0,1.5\n1,2.5\n", True),
        ("v\n1\n2.5\nabc\n", True),
        ("Land,Hauptstadt\nItalien,Rom\nSpanien,Madrid\n", True),
    ],
)
def test_header_is_told_from_data(text: str, header: bool) -> None:
    schema = read("csv", text)
    assert schema.details["header"] == ("true" if header else "false")
    assert schema.row_count == len(text.splitlines()) - header


def test_headerless_columns_are_numbered() -> None:
    assert types(read("csv", "1,a\n2,b\n")) == {"column0": "bigint", "column1": "string"}


@pytest.mark.parametrize(
    ("encoding", "reported"),
    [
        ("utf-8", "utf-8"),
        ("utf-8-sig", "utf-8"),
        ("utf-16", "utf-16-le"),
        ("utf-16-le", "utf-16-le"),
        ("utf-16-be", "utf-16-be"),
        ("iso-8859-1", "iso-8859-1"),
        ("cp1252", "iso-8859-1"),
    ],
)
def test_encoding_is_found_and_reported(encoding: str, reported: str) -> None:
    schema = read("csv", "id,größe\n1,zwölf\n2,fünf\n".encode(encoding))
    assert types(schema) == {"id": "bigint", "größe": "string"}
    assert schema.details["encoding"] == reported


def test_windows_1252_is_told_from_latin_1_by_its_own_characters() -> None:
    schema = read("csv", "id,preis in €\n1,2\n".encode("cp1252"))
    assert (list(types(schema)), schema.details["encoding"]) == (["id", "preis in €"], "cp1252")


def test_cyrillic_in_an_8_bit_encoding_is_decoded() -> None:
    text = "номер,город\n" + "".join(f"{i},Москва и Казань\n" for i in range(20))
    assert types(read("csv", text.encode("cp1251"))) == {"номер": "bigint", "город": "string"}


def test_names_are_made_unique_with_a_warning() -> None:
    schema = read("csv", "id,a,a,,a_2\n1,2,3,4,5\n")
    assert list(types(schema)) == ["id", "a", "a_3", "column3", "a_2"]
    assert len(schema.warnings) == 2


def test_ragged_rows_are_a_warning() -> None:
    schema = read("csv", "id,a,b\n1,2,3\n4,5\n6,7,8\n")
    assert types(schema) == {"id": "bigint", "a": "bigint", "b": "bigint"}
    assert any("1 of the first 3 rows" in warning for warning in schema.warnings)


def test_header_alone_gives_text_columns_and_no_rows() -> None:
    schema = read("csv", "id,name")
    assert (types(schema), schema.row_count) == ({"id": "string", "name": "string"}, 0)


@pytest.mark.parametrize(
    ("dates", "order"),
    [(("31/12/2024", "01/02/2024"), "day first"), (("12/31/2024", "02/01/2024"), "month first")],
)
def test_date_order_is_decided_by_the_values(dates: tuple[str, str], order: str) -> None:
    schema = read("csv", f"id,d\n1,{dates[0]}\n2,{dates[1]}\n")
    assert (types(schema)["d"], schema.details["date_order.d"]) == ("date", order)


@pytest.mark.parametrize("dates", [("03/04/2024", "01/02/2024"), ("31/12/2024", "12/31/2024")])
def test_open_date_order_stays_text_with_a_warning(dates: tuple[str, str]) -> None:
    schema = read("csv", f"id,d\n1,{dates[0]}\n2,{dates[1]}\n")
    assert (types(schema)["d"], len(schema.warnings)) == ("string", 1)


def test_decimal_comma_is_in_the_details() -> None:
    assert read("csv", "a;b\n1;2,5\n").details["decimal"] == ","


def test_row_count_is_given_only_when_the_whole_file_was_seen() -> None:
    text = "id,name\n" + "".join(f"{i},n{i}\n" for i in range(20_000))
    assert read("csv", text).row_count is None
    assert read("csv", text, limits=ReadLimits(head_bytes=len(text))).row_count == 20_000


def test_a_cut_last_line_does_not_count() -> None:
    text = "id,name\n" + "".join(f"{i},n{i}\n" for i in range(1000)) + "oops"
    assert types(read("csv", text, limits=ReadLimits(head_bytes=len(text) - 1)))["id"] == "bigint"


def test_one_get_of_the_head_is_enough() -> None:
    from s3_catalog.formats import file_formats

    file, receipt = open_bytes(b"id,name\n" + b"1,abc\n" * 200_000)
    file_formats()["csv"].read_schema(file, None, ReadLimits())
    assert (receipt.get_requests, receipt.bytes_read) == (1, 65536)


def test_a_few_late_text_values_are_a_conflict_on_record() -> None:
    rows = "".join(f"{i}\n" for i in range(100)) + "none known\n"
    conflict = read("csv", "n\n" + rows).conflicts[0]
    assert (conflict.column, conflict.expected, conflict.found, conflict.resolved) == ("n", "bigint", "string", "string")


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "0 bytes"),
        (b" \n\n", "white space"),
        (b"%PDF-1.7 hello", "PDF"),
        (b"PAR1" + bytes(100), "Parquet"),
        (b"PK\x03\x04" + bytes(100), "zip"),
        (b"\x89PNG\r\n" + bytes(100), "PNG"),
        (b"<!DOCTYPE html><html></html>", "HTML"),
        (b'{"a": 1}\n{"a": 2}\n', "JSON"),
        (bytes(range(256)) * 20, "binary"),
        (b"\xff\xfe\x00\x00\x00\xd8\x00\x00", "byte-order mark"),
    ],
)
def test_other_content_is_named(data: bytes, reason: str) -> None:
    with pytest.raises(UnreadableFileError, match=reason):
        read("csv", data)


def test_too_many_columns_are_refused_without_reading_on() -> None:
    file, receipt = open_bytes(",".join(f"column_{i}" for i in range(100_000)).encode() + b"\n")
    from s3_catalog.formats import file_formats

    with pytest.raises(UnreadableFileError, match="columns, more than"):
        file_formats()["csv"].read_schema(file, None, ReadLimits(max_columns=1000))
    assert receipt.get_requests == 1


def test_a_wide_header_that_outgrows_the_head_is_still_read() -> None:
    names = [f"a_rather_long_column_name_{i:05}" for i in range(4000)]
    text = ",".join(names) + "\n" + (",".join("1" for _ in names) + "\n") * 20
    assert list(types(read("csv", text))) == names


def test_pandas_output_reads_back() -> None:
    frame = pd.DataFrame(
        {
            "id": [1, 2, 3],
            "big": [2**62, 1, 2],
            "price": [1.5, None, 2.25],
            "when": pd.to_datetime(["2024-01-01", "2024-01-02 10:00", "2024-01-03"], format="ISO8601"),
            "name": ["a, b", 'say "hi"', "line\nbreak"],
            "ok": [True, False, True],
        }
    )
    schema = read("csv", frame.to_csv(index=False))
    assert schema.row_count == 3
    assert types(schema) == {"id": "bigint", "big": "bigint", "price": "double", "when": "timestamp", "name": "string", "ok": "boolean"}


def test_duckdb_output_reads_back(tmp_path: Path) -> None:
    path = tmp_path / "out.csv"
    query = "SELECT range AS id, DATE '2024-01-01' + range::INT AS day, 'n' || range AS name FROM range(50)"
    duckdb.sql(f"COPY ({query}) TO '{path}' (HEADER, DELIMITER '|')")
    schema = read("csv", path.read_bytes())
    assert (types(schema), schema.row_count) == ({"id": "bigint", "day": "date", "name": "string"}, 50)


@pytest.mark.parametrize("quoting", [csv.QUOTE_ALL, csv.QUOTE_NONNUMERIC, csv.QUOTE_MINIMAL])
def test_every_quoting_of_the_standard_writer_reads_back(quoting: int) -> None:
    buffer = io.StringIO()
    writer = csv.writer(buffer, quoting=quoting)  # type: ignore[arg-type]
    writer.writerows([["id", "text"], *([i, f'a "quoted", {i}'] for i in range(20))])
    schema = read("csv", buffer.getvalue())
    assert (types(schema), schema.row_count) == ({"id": "bigint", "text": "string"}, 20)


def test_a_small_file_that_decompresses_to_a_million_rows_is_counted_in_bounded_memory() -> None:
    import gzip
    import tracemalloc

    data = gzip.compress(b"a,b\n" + b"1,2\n" * 1_000_000)
    tracemalloc.start()
    schema = read("csv", data, "gzip")
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert (types(schema), schema.row_count) == ({"a": "bigint", "b": "bigint"}, 1_000_000)
    assert peak < 100_000_000


def test_one_damaged_byte_does_not_change_the_encoding_of_the_file() -> None:
    data = ("id,größe\n" + "1,zwölf\n" * 50).encode() + b"2,f\xfcnf\n"
    schema = read("csv", data)
    assert (list(types(schema)), schema.details["encoding"]) == (["id", "größe"], "utf-8")
    assert schema.warnings == ("1 characters are not UTF-8",)
