from __future__ import annotations

import gzip
import io
from pathlib import Path

import pandas as pd
import pytest

from s3_catalog.errors import UnreadableFileError
from s3_catalog.formats import ReadLimits, file_formats
from s3_catalog.formats._detect import detect_format
from s3_catalog_tests.formats.readers import read, types
from s3_catalog_tests.formats.stores import open_bytes

BOOKS = '<?xml version="1.0"?>\n<catalog>' + "".join(
    f'<book id="{i}"><title>T {i}</title><price currency="EUR">{i}.50</price><tag>a</tag><tag>b</tag><out>2024-01-0{i}</out></book>'
    for i in range(1, 6)
)
WHOLE = BOOKS + "</catalog>"

NAMESPACES = """<n:a xmlns:n='urn:x' xmlns:xsi='http://www.w3.org/2001/XMLSchema-instance'>
  <n:r n:k='1'><v xsi:nil='true'/></n:r>
  <n:r n:k='2'><v>3</v></n:r>
</n:a>"""


@pytest.mark.parametrize(
    ("document", "record", "expected"),
    [
        (
            WHOLE,
            "/catalog/book",
            {
                "id": "bigint",
                "title": "string",
                "price": "struct<currency:string,value:double>",
                "tag": "array<string>",
                "out": "date",
            },
        ),
        ("<rows><row a='1' b='x'/><row a='2'/></rows>", "/rows/row", {"a": "bigint", "b": "string"}),
        (
            "<rss version='2.0'><channel><title>x</title><item><link>l</link></item><item><link>m</link></item></channel></rss>",
            "/rss/channel/item",
            {"link": "string"},
        ),
        ("<names><name>a</name><name>b</name></names>", "/names/name", {"name": "string"}),
        ("<config><host>h</host><port>80</port></config>", "/config", {"host": "string", "port": "bigint"}),
        ("<list><one><x>1</x><y>t</y></one></list>", "/list/one", {"x": "bigint", "y": "string"}),
        ("<a><r><id>1</id></r><r><late>x</late></r></a>", "/a/r", {"id": "bigint", "late": "string"}),
        ("<a><r id='1'><id>x</id></r><r id='2'><id>y</id></r></a>", "/a/r", {"@id": "bigint", "id": "string"}),
        ("<a><r v='1'>x</r><r v='2'>y</r></a>", "/a/r", {"v": "bigint", "value": "string"}),
        ("<a><r><z>007</z></r><r><z>008</z></r></a>", "/a/r", {"z": "string"}),
        ("<a><t>x</t><t>y</t><rows><r i='1'/><r i='2'/></rows></a>", "/a/rows/r", {"i": "bigint"}),
        (
            NAMESPACES,
            "/a/r",
            {"k": "bigint", "v": "bigint"},
        ),
        ("<a><r><v><![CDATA[ 5 ]]></v></r><r><v>6</v></r></a>", "/a/r", {"v": "bigint"}),
        ("<!DOCTYPE a SYSTEM 'a.dtd'><a><r v='1'/><r v='2'/></a>", "/a/r", {"v": "bigint"}),
    ],
)
def test_the_repeating_element_is_the_row(document: str, record: str, expected: dict[str, str]) -> None:
    schema = read("xml", document)
    assert (schema.details["record"], types(schema)) == (record, expected)


def test_rows_of_a_whole_document_are_counted() -> None:
    assert read("xml", WHOLE).row_count == 5
    assert read("xml", gzip.compress(WHOLE.encode()), "gzip").row_count == 5


def test_a_head_that_ends_anywhere_gives_the_same_columns() -> None:
    data = WHOLE.encode()
    expected = types(read("xml", data))
    for end in range(len(BOOKS) // 2, len(data) - 1):
        schema = read("xml", data, limits=ReadLimits(head_bytes=end))
        assert (types(schema), schema.row_count) == (expected, None)


def test_one_get_of_the_head_is_enough() -> None:
    data = ("<catalog>" + "<book id='1'><title>x</title></book>" * 100_000 + "</catalog>").encode()
    file, receipt = open_bytes(data)
    schema = file_formats()["xml"].read_schema(file, None, ReadLimits())
    assert (types(schema), schema.row_count) == ({"id": "bigint", "title": "string"}, None)
    assert (receipt.get_requests, receipt.bytes_read) == (1, 65536)


def test_several_kinds_of_rows_are_a_warning() -> None:
    schema = read("xml", "<db><user i='1'/><user i='2'/><user i='3'/><post p='1'/><post p='2'/></db>")
    assert (types(schema), schema.warnings) == (
        {"i": "bigint"},
        ("other elements repeat beside the record and are left out: post",),
    )


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16", "iso-8859-1", "windows-1252"])
def test_encodings_that_the_document_declares_are_read(encoding: str) -> None:
    document = f'<?xml version="1.0" encoding="{encoding}"?><a><größe v="ü">1</größe><größe v="é">2</größe></a>'
    assert types(read("xml", document.encode(encoding))) == {"v": "string", "value": "bigint"}


BILLION_LAUGHS = (
    '<!DOCTYPE z [<!ENTITY a "ha">'
    + "".join(f'<!ENTITY a{i} "{f"&a{i - 1 if i else str()};" * 10}">' for i in range(10))
    + "]><z><r>&a9;</r><r>&a9;</r></z>"
)


@pytest.mark.parametrize(
    ("document", "reason"),
    [
        (BILLION_LAUGHS, "declares entities"),
        ('<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]><a><b>&x;</b></a>', "declares entities"),
        ('<!DOCTYPE a [<!ENTITY % x SYSTEM "http://127.0.0.1:1/x.dtd"> %x;]><a/>', "declares entities"),
        ("<a><b></a>", "well-formed"),
        ("<a><b>1</b><b>", "truncated"),
        ("id,name\n1,a\n", "well-formed.*text"),
        ("<html><body><p>x</p></body></html>", "HTML"),
        ("<!DOCTYPE html><html><body><p>x<br></body></html>", "HTML"),
        ('<?xml version="1.0" encoding="klingon"?><a/>', "encoding"),
        ("", "0 bytes"),
    ],
)
def test_what_is_no_harmless_xml_is_refused_with_the_reason(document: str, reason: str) -> None:
    with pytest.raises(UnreadableFileError, match=reason):
        read("xml", document)


@pytest.mark.parametrize("depth", [100, 1000, 50_000])
def test_deep_nesting_is_bounded(depth: int) -> None:
    schema = read("xml", "<r><e>" + "<a x='1'>" * depth + "</a>" * depth + "</e><e/></r>")
    assert any("nested too deep" in warning for warning in schema.warnings)


def test_a_gigantic_text_is_read_from_its_head() -> None:
    file, receipt = open_bytes(b"<a><r><id>1</id><t>" + b"x" * 5_000_000 + b"</t></r></a>")
    schema = file_formats()["xml"].read_schema(file, None, ReadLimits())
    assert list(types(schema)) == ["id", "t"]
    assert any("later elements are missing" in warning for warning in schema.warnings)
    assert receipt.bytes_read <= 1_200_000


def test_too_many_columns_are_refused() -> None:
    row = "<r>" + "".join(f"<c{i}>1</c{i}>" for i in range(200)) + "</r>"
    with pytest.raises(UnreadableFileError, match="the limit of 100"):
        read("xml", f"<a>{row}{row}</a>", limits=ReadLimits(max_columns=100))
    with pytest.raises(UnreadableFileError, match="different elements"):
        read("xml", "<a>" + "".join(f"<c{i} v='1'/>" for i in range(60_000)) + "</a>", limits=ReadLimits(head_bytes=2_000_000))


@pytest.mark.parametrize(
    ("head", "expected"),
    [
        (WHOLE.encode(), ("xml", None)),
        (BOOKS.encode(), ("xml", None)),
        (gzip.compress(WHOLE.encode()), ("xml", "gzip")),
        (b"<html><body>a,b</body></html>", None),
        (b"<a, b>\n<c, d>\n", ("csv", None)),
        (b"<unfinished", None),
    ],
)
def test_xml_is_told_from_the_first_bytes(head: bytes, expected: tuple[str, str | None] | None) -> None:
    assert detect_format(head) == expected


def test_the_columns_are_those_that_pandas_reads(tmp_path: Path) -> None:
    document = "<data>" + "".join(f"<row id='{i}'><name>n{i}</name><x>{i}.5</x></row>" for i in range(5)) + "</data>"
    path = tmp_path / "data.xml"
    path.write_text(document)
    frame = pd.read_xml(io.StringIO(document), parser="etree")
    assert list(frame.columns) == list(types(read("xml", document)))
    assert {"id": "int64", "x": "float64"}.items() <= {k: str(v) for k, v in frame.dtypes.items()}.items()
    assert types(read("xml", document)) == {"id": "bigint", "name": "string", "x": "double"}
