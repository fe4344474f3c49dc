"""Rows of XML: the records as dicts, under the names of the schema."""

from __future__ import annotations

import gzip
from collections.abc import Mapping
from dataclasses import replace
from typing import Any
from xml.etree import ElementTree as ET
from xml.sax.saxutils import escape

import pytest
from hypothesis import given
from hypothesis import strategies as st

from s3_catalog.errors import HintError
from s3_catalog.formats import ReadLimits
from s3_catalog.formats._hints import ReadHints
from s3_catalog.storage.receipt import Receipt
from s3_catalog_tests.formats.readers import LIMITS
from s3_catalog_tests.formats.samples import column_names, sample, sample_members

BOOKS = "".join(
    ["<catalog>", *(f'<book id="{i}"><title>T &amp; {i}</title><price>{i / 4}</price></book>' for i in range(5000)), "</catalog>"]
)


def test_rows_are_what_element_tree_reads() -> None:
    expected = [{"id": book.get("id"), **{part.tag: part.text for part in book}} for book in ET.fromstring(BOOKS)]
    assert sample("xml", BOOKS, rows=200) == expected[:200]


def test_a_large_file_costs_one_get_of_a_head_and_gives_its_whole_records() -> None:
    costs: list[Receipt] = []
    rows = sample_members("xml", BOOKS, rows=10_000, costs=costs)[""]
    assert 100 < len(rows) < 5000
    assert [row["id"] for row in rows] == [str(i) for i in range(len(rows))]
    assert all(set(row) == {"id", "title", "price"} for row in rows)
    assert (costs[0].get_requests, costs[0].bytes_read) == (1, LIMITS.head_bytes)


def test_a_compressed_file_gives_the_same_rows() -> None:
    assert sample("xml", gzip.compress(BOOKS.encode()), "gzip", rows=50) == sample("xml", BOOKS, rows=50)


@pytest.mark.parametrize(
    ("records", "expected"),
    [
        ('<r id="1"><id>7</id></r><r id="2"/>', [{"@id": "1", "id": "7"}, {"@id": "2"}]),
        ('<r x="1">one</r><r x="2">two</r>', [{"x": "1", "value": "one"}, {"x": "2", "value": "two"}]),
        ('<r value="1">one</r><r value="2">two</r>', [{"value": "1", "#text": "one"}, {"value": "2", "#text": "two"}]),
        ("<r><t>a</t><t>b</t></r><r><t>c</t></r>", [{"t": ["a", "b"]}, {"t": ["c"]}]),
        ('<r><p q="1"><z>2</z></p></r><r><p/></r>', [{"p": {"q": "1", "z": "2"}}, {"p": {}}]),
        ("<v>1</v><v/><v>3</v>", [{"v": "1"}, {"v": None}, {"v": "3"}]),
        ("<r><n>1</n></r><r><n>N/A</n></r>", [{"n": "1"}, {"n": None}]),
        ("<r><n>a</n></r><r><n>N/A</n></r>", [{"n": "a"}, {"n": "N/A"}]),
        ("<r><a>1</a><b><![CDATA[x < y]]></b></r><r><a>2</a></r>", [{"a": "1", "b": "x < y"}, {"a": "2"}]),
        ('<n:r xmlns:n="urn:x" n:k="1"/><n:r xmlns:n="urn:x" n:k="2"/>', [{"k": "1"}, {"k": "2"}]),
    ],
    ids=["attribute and child", "text", "text beside value", "list", "nested", "text alone", "null", "no null", "cdata", "namespaces"],
)
def test_records_of_every_shape(records: str, expected: list[dict[str, Any]]) -> None:
    text = f"<all>{records}</all>"
    assert sample("xml", text) == expected
    assert {name for row in expected for name in row} == set(column_names("xml", text))


def test_a_path_leads_to_the_rows() -> None:
    text = "<o><h>x</h><i><a>1</a></i><i><a>2</a></i><j><b>3</b></j><j><b>4</b></j></o>"
    assert sample("xml", text, limits=replace(LIMITS, hints=ReadHints(rows="o/j"))) == [{"b": "3"}, {"b": "4"}]
    assert sample("xml", text, limits=replace(LIMITS, hints=ReadHints(rows=""))) == [
        {"h": "x", "i": [{"a": "1"}, {"a": "2"}], "j": [{"b": "3"}, {"b": "4"}]}
    ]
    with pytest.raises(HintError):
        sample("xml", text, limits=replace(LIMITS, hints=ReadHints(rows="o/k")))


def test_null_markers_that_people_name_are_none() -> None:
    text = "<a><r><n>?</n></r><r><n>x</n></r></a>"
    assert sample("xml", text, limits=replace(LIMITS, hints=ReadHints(null_markers=("?",)))) == [{"n": None}, {"n": "x"}]


def test_what_is_nested_too_deep_is_a_mark() -> None:
    text = "<a><r><n>1</n>" + "<d>" * 100 + "</d>" * 100 + "</r><r><n>2</n></r></a>"
    rows = sample("xml", text, limits=ReadLimits(max_depth=4))
    assert rows == [{"n": "1", "d": {"d": "…"}}, {"n": "2"}]


def test_a_longer_head_is_read_where_no_record_ends_within_the_first() -> None:
    text = "<a><r><n>" + "x" * 3000 + "</n></r><r><n>y</n></r>" + "<r><n>z</n></r>" * 5000 + "</a>"
    assert sample("xml", text, rows=2, limits=ReadLimits(head_bytes=1000)) == [{"n": "x" * 3000}, {"n": "y"}]


@pytest.mark.parametrize("encoding", ["utf-16", "iso-8859-1"])
def test_rows_of_other_encodings(encoding: str) -> None:
    text = f'<?xml version="1.0" encoding="{encoding}"?><a><r><n>Zoë</n></r><r><n>b</n></r></a>'
    assert sample("xml", text.encode(encoding)) == [{"n": "Zoë"}, {"n": "b"}]


NAMES = st.sampled_from(["a", "b", "value", "text"])
TEXTS = st.text(st.characters(codec="utf-8", exclude_categories=["Cs", "Cc"]), max_size=6) | st.sampled_from(["", "12", "N/A"])
ELEMENTS: st.SearchStrategy[Any] = st.recursive(
    st.tuples(st.dictionaries(NAMES, TEXTS, max_size=2), TEXTS, st.just([])),
    lambda inner: st.tuples(st.dictionaries(NAMES, TEXTS, max_size=2), TEXTS, st.lists(st.tuples(NAMES, inner), max_size=3)),
    max_leaves=6,
)


def element(name: str, content: Any) -> str:
    attributes, text, children = content
    marks = "".join(f' {key}="{escape(value, {chr(34): "&quot;"})}"' for key, value in attributes.items())
    return f"<{name}{marks}>{escape(text)}{''.join(element(*child) for child in children)}</{name}>"


@given(st.lists(ELEMENTS, min_size=1, max_size=5), st.integers(20, 400))
def test_every_row_has_columns_of_the_schema_alone(records: list[Any], head_bytes: int) -> None:
    text = f"<all>{''.join(element('r', record) for record in records)}</all>".replace("\ufffe", "").replace("\uffff", "")
    for limits in (LIMITS, ReadLimits(head_bytes=head_bytes)):
        names = set(column_names("xml", text, limits=limits))
        rows: list[Mapping[str, object]] = sample("xml", text, limits=limits)
        assert all(set(row) <= names for row in rows)
