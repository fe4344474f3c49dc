"""JSON with what people say of it: where its rows are, and the types of its columns."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from s3_catalog.errors import HintError
from s3_catalog.formats import FileSchema, ReadLimits
from s3_catalog.formats._hints import ReadHints
from s3_catalog.model.types import read_type
from s3_catalog_tests.formats.readers import read, types

ORDERS = '{"meta": {"page": 1}, "data": {"count": 2, "items": [{"id": 1, "sku": "a"}, {"id": 2, "late": true}]}, "after": [{"x": 1}]}'
ITEMS = {"id": "bigint", "sku": "string", "late": "boolean"}


def read_rows(text: str, rows: str, file_format: str = "json", head_bytes: int = 65536) -> FileSchema:
    return read(file_format, text, limits=ReadLimits(hints=ReadHints(rows=rows), head_bytes=head_bytes))


def pin(text: str, file_format: str = "jsonl", hints: ReadHints | None = None, **pinned: str) -> FileSchema:
    told = hints or ReadHints()
    given = ReadHints(
        types={name: read_type(kind) for name, kind in pinned.items()},
        decimal=told.decimal,
        date_format=told.date_format,
        null_markers=told.null_markers,
    )
    return read(file_format, text, limits=ReadLimits(hints=given))


@pytest.mark.parametrize(
    ("text", "rows", "expected", "count"),
    [
        (ORDERS, "data.items", ITEMS, 2),
        (ORDERS, "$.data.items", ITEMS, 2),
        (ORDERS, "meta", {"page": "bigint"}, 1),
        (ORDERS, "after", {"x": "bigint"}, 1),
        ('{"a": 1, "b": [{"c": 1}, {"c": 2}]}', "", {"a": "bigint", "b": "array<struct<c:bigint>>"}, 1),
        ('{"a": 1, "b": [{"c": 1}, {"c": 2}]}', "$", {"a": "bigint", "b": "array<struct<c:bigint>>"}, 1),
        ('[{"a": 1}, {"a": 2}]', "", {"a": "bigint"}, 2),
        ('{"a": {"b.c": [{"x": 1}]}}', "a.b.c", {"x": "bigint"}, 1),
        ('{"a.b": {"c": [{"x": 1}]}}', "a.b.c", {"x": "bigint"}, 1),
        ('[{"n": 1, "items": [{"x": 1}, {"x": 2}]}, {"items": [{"x": 2.5}]}]', "items", {"x": "double"}, 3),
        ('{"a": [{"b": {"c": 1}}, {"b": {"c": 2}}, {}]}', "a.b", {"c": "bigint"}, 2),
        ('{"items": [1, null, 2.5]}', "items", {"value": "double"}, 3),
        ('{"items": [[1], [2]]}', "items", {"value": "array<bigint>"}, 2),
        ('{"items": []}', "items", {}, 0),
        ('{"items": null}', "items", {}, 0),
        ('{"items": [{"items": [{"x": 1}]}]}', "items", {"items": "array<struct<x:bigint>>"}, 1),
    ],
)
def test_rows_are_where_people_say(text: str, rows: str, expected: dict[str, str], count: int) -> None:
    schema = read_rows(text, rows)
    assert (types(schema), schema.row_count, schema.warnings) == (expected, count, ())


def test_rows_within_each_line() -> None:
    text = '{"at": 1, "payload": {"id": 1}}\n{"at": 2}\n{"at": 3, "payload": {"id": 2, "x": "t"}}\n{"payload": null}\n'
    schema = read_rows(text, "payload", "jsonl")
    assert (types(schema), schema.row_count, schema.format) == ({"id": "bigint", "x": "string"}, 2, None)
    assert schema.details == {"layout": "lines", "encoding": "utf-8", "rows": "payload"}


@pytest.mark.parametrize(
    ("rows", "reason"),
    [
        ("data.rows", "'data.rows', and there is no 'rows' in 'data'; the keys there are count, items"),
        ("Data.items", "there is no 'Data' at the top; the keys there are meta, data, after"),
        ("data.items.tags", "there is no 'tags' in 'data.items'; the keys there are id, sku, late"),
        ("data.count", "'data.count' is no object and no array"),
        ("data.count.x", "'data.count' is no object and no array"),
    ],
)
def test_rows_that_are_not_there_are_an_error_that_names_the_keys(rows: str, reason: str) -> None:
    with pytest.raises(HintError) as caught:
        read_rows(ORDERS, rows)
    assert str(caught.value).endswith(reason)


def test_rows_after_the_head_are_looked_for_in_a_longer_one() -> None:
    text = json.dumps({"notes": "x" * 5000, "items": [{"id": i} for i in range(2000)]})
    schema = read_rows(text, "items", head_bytes=1000)
    assert types(schema) == {"id": "bigint"}
    assert schema.row_count is None
    assert schema.row_estimate is not None
    assert schema.row_estimate.low <= 2000 <= schema.row_estimate.high
    with pytest.raises(HintError, match=r"no 'items' at the top.*within the first 1,600 bytes"):
        read_rows(text, "items", head_bytes=100)


def test_a_cut_within_the_rows_gives_their_columns() -> None:
    text = json.dumps({"count": 3, "data": {"items": [{"id": i, "tags": ["x"]} for i in range(5000)]}})
    for head in (2000, 2001, 2002, 2003, 2004, 2005):
        assert types(read_rows(text, "data.items", head_bytes=head)) == {"id": "bigint", "tags": "array<string>"}


def test_no_estimate_of_rows_that_ended_before_the_head_does() -> None:
    text = json.dumps({"items": [{"id": 1}, {"id": 2}], "notes": "x" * 5000})
    schema = read_rows(text, "items", head_bytes=1000)
    assert (types(schema), schema.row_count, schema.row_estimate) == ({"id": "bigint"}, None, None)


def test_a_document_says_where_rows_may_be() -> None:
    warning = "the document is one row, and arrays of objects are in it: {}; the hint `rows` names the one whose items are the rows"
    two = '[{"x": 1}, {"x": 2}]'
    assert read("json", f'{{"meta": 1, "items": {two}}}').warnings == (warning.format("items"),)
    assert read("json", f'{{"a": {{"b": {two}}}, "c": {two}}}').warnings == (warning.format("c, a.b"),)
    assert read("json", '{"items": [{"x": 1}], "tags": ["a", "b"]}').warnings == ()
    assert read("jsonl", f'{{"items": {two}}}\n{{"items": {two}}}\n').warnings == ()


@pytest.mark.parametrize(
    ("values", "wanted"),
    [
        (['"2024-01-31"', "null", '""'], "date"),
        (['"2024-01-31T10:20:30Z"'], "timestamptz"),
        (['"2024-01-31 10:20:30.5"'], "timestamp"),
        (['"12345678901234567890.50"', "1.5", "2"], "decimal(22,2)"),
        (['"12"', "13"], "bigint"),
        (["1", "2.5"], "double"),
        (["1", '"x"', "true", '{"k": 1}', "[2]"], "string"),
        (["1", "-128"], "tinyint"),
        (["true", '"false"'], "boolean"),
        (["null"], "timestamp"),
    ],
)
@pytest.mark.parametrize("file_format", ["json", "jsonl"])
def test_a_pinned_type_that_holds_all_values_is_the_columns(file_format: str, values: list[str], wanted: str) -> None:
    records = [f'{{"id": 1, "v": {value}}}' for value in values]
    text = "\n".join(records) if file_format == "jsonl" else f"[{','.join(records)}]"
    schema = pin(text, file_format, v=wanted, absent="date")
    assert (types(schema), schema.conflicts) == ({"id": "bigint", "v": wanted}, ())


@pytest.mark.parametrize(
    ("values", "wanted", "shown"),
    [
        (['"2024-01-31"', '"31.1.2024"', '"x"'], "date", "'31.1.2024'"),
        (["1", "2", "1.25"], "decimal(10,1)", "'1.25'"),
        (["1", "300"], "tinyint", "'300'"),
        (["9223372036854775808"], "bigint", "'9223372036854775808'"),
        (["1", "true"], "bigint", "'true'"),
        (["1", '{"k": 1}', '"x"'], "bigint", "'{…}'"),
        (["[1]"], "bigint", "'[…]'"),
        ([f'"{"x" * 500}"'], "date", f"'{'x' * 40}…'"),
    ],
)
@pytest.mark.parametrize("file_format", ["json", "jsonl"])
def test_the_first_value_that_does_not_fit_is_shown(file_format: str, values: list[str], wanted: str, shown: str) -> None:
    records = [f'{{"v": {value}}}' for value in values]
    text = "\n".join(records) if file_format == "jsonl" else f"[{','.join(records)}]"
    with pytest.raises(HintError) as caught:
        pin(text, file_format, v=wanted)
    assert str(caught.value) == f"the hint does not fit: column 'v' is said to be {wanted}, and {shown} is none"


def test_texts_are_read_as_people_say_they_are_written_and_numbers_as_json_does() -> None:
    hints = ReadHints(decimal=",", date_format="%d.%m.%Y", null_markers=("unknown",))
    text = '{"d": "31.12.2024", "n": "1.234,5"}\n{"d": "unknown", "n": 1.5}\n{"d": "01.02.2024", "n": 7}\n'
    assert types(pin(text, hints=hints, d="date", n="decimal(8,2)")) == {"d": "date", "n": "decimal(8,2)"}


def test_only_columns_are_pinned_and_not_the_fields_within_them() -> None:
    text = '{"v": 1, "inner": {"v": "text"}, "list": [{"v": "text"}]}'
    for file_format, document in (("jsonl", f"{text}\n{text}\n"), ("json", f"[{text}]"), ("json", text)):
        assert types(pin(document, file_format, v="int"))["v"] == "int"


def test_types_are_pinned_where_the_rows_are() -> None:
    hints = ReadHints(rows="items", types={"v": read_type("date")})
    limits = ReadLimits(hints=hints)
    assert types(read("json", '{"v": 1, "items": [{"v": "2024-01-31"}]}', limits=limits)) == {"v": "date"}
    with pytest.raises(HintError, match="'2024-31-01' is none"):
        read("json", '{"v": 1, "items": [{"v": "2024-31-01"}]}', limits=limits)


def test_values_without_names_are_pinned_as_value() -> None:
    assert types(pin("[1, 2]", "json", value="decimal(5,2)")) == {"value": "decimal(5,2)"}
    with pytest.raises(HintError, match="column 'value'"):
        pin('[1, "x"]', "json", value="int")


@pytest.mark.parametrize(
    ("values", "likeness"),
    [
        (["2024-01-31", "2024-02-29"], "date, 0.75: all 2 values are dates"),
        (["2024-01-31T10:00:00Z"] * 8, "timestamptz, 0.90: all 8 values are timestamps with a zone"),
        (["12", "7", ""], "bigint, 0.75: all 2 values are integers"),
        (["0f8fad5b-d9cb-469f-a165-70867728950e"], "uuid, 0.67: all 1 values are UUIDs"),
        (["2024-01-31"] * 500, "date, 1.00: all 200 values are dates"),
        (["2024-01-31", "soon"], None),
        (["007", "12"], None),
        (["0f8fad5b-d9cb-469f-a165-70867728950e", "12"], None),
        (["2024-01-31", None], "date, 0.67: all 1 values are dates"),
        (["2024-01-31", 5], None),
        (["Ann", "Bob"], None),
    ],
)
def test_texts_of_one_kind_stay_texts_and_say_what_they_look_like(values: list[object], likeness: str | None) -> None:
    schema = read("jsonl", "".join(json.dumps({"v": value}) + "\n" for value in values))
    assert types(schema) == {"v": "string"}
    assert schema.details.get("looks_like.v") == likeness


def test_an_encoding_that_people_name_is_believed() -> None:
    data = '{"größe": 1}'.encode("cp1252")
    assert list(types(read("json", data, limits=ReadLimits(hints=ReadHints(encoding="cp1252"))))) == ["größe"]
    with pytest.raises(HintError, match="utf-8"):
        read("json", data, limits=ReadLimits(hints=ReadHints(encoding="utf-8")))


NAMES = st.sampled_from(["a", "b", "a.b", "c"])
VALUES = st.recursive(
    st.none() | st.integers(0, 9) | st.text(max_size=2) | st.booleans(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=3),
    max_leaves=12,
)


def find_rows(value: object, path: str, *, is_top: bool = True) -> list[object]:
    """The rows of a document that is in memory."""
    if not path and isinstance(value, list):
        return value
    if not path:
        return [value] if isinstance(value, dict) or is_top else []
    if isinstance(value, list):
        return [row for item in value for row in find_rows(item, path, is_top=False)]
    if not isinstance(value, dict):
        return []
    below = [(inner, path.removeprefix(key)) for key, inner in value.items() if path == key or path.startswith(f"{key}.")]
    return [row for inner, left in below for row in find_rows(inner, left.removeprefix("."), is_top=False)]


@given(document=VALUES, path=st.sampled_from(["", "a", "b", "a.b", "a.b.c", "c.a"]))
def test_rows_of_any_document_are_those_below_the_path(document: object, path: str) -> None:
    expected = find_rows(document, path)
    try:
        schema = read_rows(json.dumps(document), path)
    except HintError:
        assert expected == []
        return
    same = read("jsonl", "".join(json.dumps(row) + "\n" for row in expected)) if expected else FileSchema(columns=(), row_count=0)
    assert (types(schema), schema.row_count) == (types(same) if len(expected) != 1 else types(schema), len(expected))
