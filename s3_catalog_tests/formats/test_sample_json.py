"""Rows of JSON: the records as plain values, as far as they are whole."""

from __future__ import annotations

import bz2
import gzip
import json
import math
from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from s3_catalog.errors import HintError, UnreadableFileError
from s3_catalog.formats import ReadLimits
from s3_catalog.formats._hints import ReadHints
from s3_catalog.storage.receipt import Receipt
from s3_catalog_tests.formats.readers import LIMITS
from s3_catalog_tests.formats.samples import column_names, sample, sample_members

RECORDS: list[dict[str, Any]] = [
    {"id": i, "name": f'näme {i} "x" NaN', "tags": ["a", i], "at": {"x": i / 4, "ok": i % 2 == 0, "none": None}} for i in range(5000)
]
LINES = "".join(json.dumps(record) + "\n" for record in RECORDS)


@pytest.mark.parametrize("ascii_only", [True, False])
@pytest.mark.parametrize("indent", [None, 2])
def test_records_of_an_array_are_what_orjson_reads(ascii_only: bool, indent: int | None) -> None:
    text = json.dumps(RECORDS, ensure_ascii=ascii_only, indent=indent)
    assert sample("json", text, rows=100) == orjson.loads(text)[:100]


def test_lines_are_what_orjson_reads() -> None:
    assert sample("jsonl", LINES, rows=100) == [orjson.loads(line) for line in LINES.splitlines()[:100]]


@pytest.mark.parametrize(("file_format", "text"), [("json", json.dumps(RECORDS)), ("jsonl", LINES)])
def test_a_large_file_costs_one_get_of_a_head_and_gives_its_whole_records(file_format: str, text: str) -> None:
    costs: list[Receipt] = []
    rows = sample_members(file_format, text, rows=10_000, costs=costs)[""]
    assert 100 < len(rows) < len(RECORDS)
    assert list(rows) == RECORDS[: len(rows)]
    assert (costs[0].get_requests, costs[0].bytes_read) == (1, LIMITS.head_bytes)


@pytest.mark.parametrize(("compression", "compress"), [("gzip", gzip.compress), ("bz2", bz2.compress)])
def test_a_compressed_file_gives_the_same_rows(compression: str, compress: Callable[[bytes], bytes]) -> None:
    assert sample("jsonl", compress(LINES.encode()), compression, rows=50) == RECORDS[:50]


@pytest.mark.parametrize("head_bytes", range(40, 90))
def test_a_head_cut_anywhere_gives_whole_records_alone(head_bytes: int) -> None:
    records = [{"a": 12345, "b": [True, None]}, {"a": -1.5, "b": "\u00e9\\n"}, {"a": 999999, "b": {}}] * 5
    text = json.dumps(records)
    rows = sample("json", text, limits=ReadLimits(head_bytes=head_bytes))
    assert rows == records[: len(rows)]
    assert rows


def test_a_first_record_longer_than_the_head_is_read_from_a_longer_head() -> None:
    records = [{"id": 1, "text": "x" * 5000}, {"id": 2, "text": "y"}, *RECORDS]
    costs: list[Receipt] = []
    rows = sample_members("json", json.dumps(records), rows=2, limits=ReadLimits(head_bytes=1000), costs=costs)[""]
    assert list(rows) == records[:2]
    assert costs[0].bytes_read == 16_000


def test_a_document_that_does_not_end_within_the_longer_head_gives_no_row() -> None:
    text = json.dumps({"id": 1, "text": "x" * 50_000})
    assert sample("json", text, limits=ReadLimits(head_bytes=1000)) == []


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('{"a": {"b": [1, 2]}}', [{"a": {"b": [1, 2]}}]),
        ("[1, null, 3]", []),
        ("[[1, 2], [3]]", [{"value": [1, 2]}, {"value": [3]}]),
        ('[{"a": 1}, null, {"b": 2}]', [{"a": 1}, {}, {"b": 2}]),
        ('{"a": 1}{"a": 2}\n[3]', [{"value": {"a": 1}}, {"value": {"a": 2}}, {"value": [3]}]),
        ('[{"a": 123456789012345678901234567890, "b": 18446744073709551615}]', [{"a": 123456789012345678901234567890, "b": 2**64 - 1}]),
        ('[{"a": 0.1, "b": 1e400, "c": -2.50}]', [{"a": 0.1, "b": Decimal("1e400"), "c": -2.5}]),
        ('[{"a": 1}, {"a": 2, "late": true}]', [{"a": 1}, {"a": 2, "late": True}]),
    ],
    ids=["document", "numbers", "arrays", "null among records", "values of several kinds", "long integers", "fractions", "late key"],
)
def test_rows_of_odd_files(text: str, expected: list[dict[str, Any]]) -> None:
    if text == "[1, null, 3]":
        expected = [{"value": 1}, {"value": None}, {"value": 3}]
    assert sample("json", text) == expected


def test_words_that_are_no_json_are_their_numbers_and_texts_with_them_stay() -> None:
    (row,) = sample("json", '[{"a": NaN, "b": Infinity, "c": [-Infinity], "d": ": NaN, \\" Infinity"}]')
    assert math.isnan(row["a"])  # type: ignore[arg-type]
    assert (row["b"], row["c"], row["d"]) == (math.inf, [-math.inf], ': NaN, " Infinity')


def test_integers_of_more_digits_than_any_type_has_are_text() -> None:
    (row,) = sample("json", f'[{{"a": {"9" * 39}, "b": {"8" * 10_000}}}]')
    assert row == {"a": "9" * 39, "b": "8" * 4000}


def test_what_is_nested_too_deep_is_a_mark() -> None:
    (row,) = sample("json", '{"a": ' + "[" * 200 + "]" * 200 + ', "b": 1}', limits=ReadLimits(max_depth=3))
    assert row == {"a": [["…"]], "b": 1}


def test_lines_that_are_no_json_are_left_out() -> None:
    text = '{"a": "NaN"}\n' * 20 + "oops\n" + '{"a": NaN}\n'
    rows = sample("jsonl", text)
    assert rows[:20] == [{"a": "NaN"}] * 20
    assert (len(rows), str(rows[20]["a"])) == (21, "nan")


def test_a_path_leads_to_the_rows() -> None:
    text = json.dumps({"meta": {"n": 2}, "data": {"items": RECORDS}})
    limits = replace(LIMITS, hints=ReadHints(rows="data.items"))
    assert sample("json", text, limits=limits, rows=20) == RECORDS[:20]


def test_a_path_that_leads_nowhere_is_refused() -> None:
    with pytest.raises(HintError):
        sample("json", '{"a": 1}', limits=replace(LIMITS, hints=ReadHints(rows="b")))


def test_half_of_a_surrogate_pair_does_no_harm() -> None:
    (row,) = sample("json", '[{"a\\ud800": "x\\udfff y"}]')
    json.dumps(row, ensure_ascii=False).encode()
    assert list(row) == column_names("json", '[{"a\\ud800": "x\\udfff y"}]')


def test_long_values_are_cut_with_a_mark() -> None:
    (row,) = sample("json", json.dumps({"a": {"b": ["x" * 60_000, "y" * 70_000]}}), limits=ReadLimits(head_bytes=200_000))
    texts = row["a"]["b"]  # type: ignore[index]
    assert (len(texts[0]), len(texts[1]), texts[1][-2:]) == (60_000, 64 * 1024, "y…")


VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False)
    | st.text(st.characters(blacklist_categories=["Cs"]), max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=8,
)


@given(st.lists(st.dictionaries(st.sampled_from("abcdef"), VALUES, min_size=1), min_size=1, max_size=6), st.sampled_from(["json", "jsonl"]))
def test_every_row_has_columns_of_the_schema_alone(records: list[dict[str, Any]], file_format: str) -> None:
    text = json.dumps(records) if file_format == "json" else "\n".join(map(json.dumps, records))
    names = set(column_names(file_format, text))
    rows = sample(file_format, text)
    assert len(rows) == len(records)
    assert all(set(row) <= names for row in rows)


@given(st.lists(VALUES, min_size=1, max_size=5), st.integers(1, 200))
def test_no_value_and_no_cut_makes_another_error(values: list[Any], head_bytes: int) -> None:
    limits = ReadLimits(head_bytes=head_bytes)
    for text in (json.dumps(values), "\n".join(map(json.dumps, values))):
        try:
            names = set(column_names("json", text, limits=limits))
        except UnreadableFileError:
            continue
        assert all(set(row) <= names for row in sample("json", text, limits=limits))
