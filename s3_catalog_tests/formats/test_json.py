from __future__ import annotations

import json
import random

import pandas as pd
import pytest

from s3_catalog.errors import UnreadableFileError
from s3_catalog.formats import ReadLimits, file_formats
from s3_catalog_tests.formats.readers import read, types
from s3_catalog_tests.formats.stores import open_bytes


@pytest.mark.parametrize(
    ("text", "expected", "rows"),
    [
        ('[{"a": 1}, {"a": 2}]', {"a": "bigint"}, 2),
        ('{"a": 1, "b": {"c": "x"}}', {"a": "bigint", "b": "struct<c:string>"}, 1),
        ('{"Records": [{"id": "x", "n": null}]}', {"Records": "array<struct<id:string,n:string>>"}, 1),
        ("[]", {}, 0),
        ("{}", {}, 1),
        ("[1, 2, 3]", {"value": "bigint"}, 3),
        ("[[1, 2], [3]]", {"value": "array<bigint>"}, 2),
        ('[{"a": 1}, null, {"a": 2}]', {"a": "bigint"}, 3),
        ('"text"', {"value": "string"}, 1),
        ('\ufeff{"a": 1}', {"a": "bigint"}, 1),
        ('{"a": 1, "a": 2}', {"a": "bigint"}, 1),
    ],
)
def test_documents_and_arrays(text: str, expected: dict[str, str], rows: int) -> None:
    schema = read("json", text)
    assert (types(schema), schema.row_count, schema.format) == (expected, rows, None)


@pytest.mark.parametrize(
    ("text", "rows"),
    [('{"a": 1}\n{"a": 2}\n', 2), ('{"a": 1}\r\n\r\n{"a": 2}', 2), ('{"a": 1}{"a": 2}{"a": 3}', 3), ('{"a": 1}', 1)],
)
def test_values_in_sequence(text: str, rows: int) -> None:
    schema = read("jsonl", text)
    assert (types(schema), schema.row_count, schema.format) == ({"a": "bigint"}, rows, None)


def test_lines_under_a_json_name_are_jsonl() -> None:
    assert read("json", '{"a": 1}\n{"a": 2}\n').format == "jsonl"


def test_an_array_under_a_jsonl_name_is_json() -> None:
    assert read("jsonl", '[{"a": 1}]').format == "json"


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        (["1", "2"], "bigint"),
        (["1", "2.5"], "double"),
        (["1", "null"], "bigint"),
        (["null", "null"], "string"),
        (["true", "false"], "boolean"),
        (['"00123"', '"7"'], "string"),
        (['"2024-01-01"'], "string"),
        (["1152921504606846976"], "bigint"),
        (["9223372036854775808", "1"], "decimal(20,0)"),
        (["18446744073709551615", "-1"], "decimal(20,0)"),
        (["-170141183460469231731687303715884105728"], "string"),
        (["12345678901234567890123456789"], "decimal(38,0)"),
        (["1.0", "1e400"], "double"),
        (["NaN", "1"], "double"),
        (["[]", "[1]"], "array<bigint>"),
        (["{}", '{"x": 1}'], "struct<x:bigint>"),
        (["[{}]", '[{"x": [1.5]}]'], "array<struct<x:array<double>>>"),
        (['{"x": 1}', '{"y": "t"}'], "struct<x:bigint,y:string>"),
    ],
)
def test_types_come_from_all_records_in_any_order(values: list[str], expected: str) -> None:
    for order in (values, values[::-1]):
        schema = read("jsonl", "".join(f'{{"v": {value}}}\n' for value in order))
        assert sorted(types(schema)["v"]) == sorted(expected)
        assert schema.conflicts == ()


@pytest.mark.parametrize(
    ("values", "path"), [((1, 2, "3"), "v"), (({"x": 1}, {"x": "t"}), "v.x"), (([1], ["t"]), "v[]"), (({"x": 1}, 3), "v")]
)
def test_types_that_do_not_join_are_a_conflict_on_record(values: tuple[object, ...], path: str) -> None:
    schema = read("jsonl", "".join(json.dumps({"v": value}) + "\n" for value in values))
    assert [(conflict.column, conflict.resolved) for conflict in schema.conflicts] == [(path, "string")]


def test_late_keys_are_found() -> None:
    text = "".join(f'{{"a": {i}}}\n' for i in range(500)) + '{"a": 1, "late": "x"}\n'
    assert types(read("jsonl", text)) == {"a": "bigint", "late": "string"}


@pytest.mark.parametrize("file_format", ["json", "jsonl"])
def test_a_cut_array_is_read_up_to_the_cut(file_format: str) -> None:
    text = json.dumps([{"id": i, "tags": ["x"], "ok": True, "f": 1.25} for i in range(20_000)])
    schema = read(file_format, text)
    assert types(schema) == {"id": "bigint", "tags": "array<string>", "ok": "boolean", "f": "double"}
    assert schema.row_count is None


def test_cut_at_any_byte_gives_the_same_types() -> None:
    text = "".join(
        json.dumps({"id": i, "v": -1.5e3, "ok": True, "n": None, "s": 'ü "x"'}, ensure_ascii=i % 2 == 0) + "\n" for i in range(40)
    )
    data = text.encode()
    expected = types(read("jsonl", text))
    for cut in range(len(data) // 2, len(data)):
        assert types(read("jsonl", data, limits=ReadLimits(head_bytes=cut))) == expected


def test_one_get_reads_a_gigantic_line() -> None:
    file, receipt = open_bytes(b'{"id": 1, "text": "' + b"x" * 5_000_000 + b'", "late": 1}')
    schema = file_formats()["json"].read_schema(file, None, ReadLimits())
    assert (list(types(schema)), receipt.get_requests, receipt.bytes_read) == (["id", "text"], 1, 65536)
    assert any("later keys are missing" in warning for warning in schema.warnings)


@pytest.mark.parametrize("opening", ['{"a":', "[", '[{"a":'])
@pytest.mark.parametrize("depth", [100, 1000, 20_000])
def test_deep_nesting_is_bounded(opening: str, depth: int) -> None:
    closing = opening[::-1].translate(str.maketrans("{[", "}]")).replace('"a":', "").replace(':"a"', "")
    schema = read("json", opening * depth + "1" + closing * depth)
    assert any("nested too deep" in warning for warning in schema.warnings)


def test_an_object_with_thousands_of_keys_is_a_map() -> None:
    schema = read("json", json.dumps({"by_id": {f"k{i}": i for i in range(3000)}}))
    assert types(schema) == {"by_id": "map<string,bigint>"}


def test_too_many_columns_are_refused() -> None:
    with pytest.raises(UnreadableFileError, match="the limit of 100"):
        read("json", json.dumps({f"k{i}": i for i in range(200)}), limits=ReadLimits(max_columns=100))


def test_a_number_of_thousands_of_digits_is_text() -> None:
    assert types(read("json", f'{{"n": {"9" * 50_000}}}')) == {"n": "string"}


def test_a_few_broken_lines_are_a_warning_and_no_exact_count() -> None:
    schema = read("jsonl", '{"a": 1}\n' * 30 + "starting up...\n" + '{"a": 2}\n')
    assert (types(schema), schema.row_count, schema.warnings) == ({"a": "bigint"}, None, ("1 of 32 lines are not JSON",))


def test_keys_given_twice_are_a_warning() -> None:
    assert read("json", '{"a": 1, "a": 2}').warnings == ("keys that occur twice in one object: a",)


def test_lone_surrogates_in_keys_do_not_reach_the_schema() -> None:
    for column in read("json", '{"\\ud800": 1}').columns:
        column.name.encode()


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-16-le", "iso-8859-1"])
def test_other_encodings_are_read(encoding: str) -> None:
    assert list(types(read("json", '{"größe": 1, "weitere": "Spalten und Wörter"}'.encode(encoding)))) == ["größe", "weitere"]


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "0 bytes"),
        ("  \n", "white space"),
        ("not json", "not JSON"),
        ("id,name\n1,a\n", "not JSON"),
        ('{"a": 1', "truncated"),
        ('[{"a": 1}, {"a"', "truncated"),
        ('{"a": 1}\n{"a": 2', "truncated"),
        ("<html></html>", "HTML"),
        ('{"a": 1}\nxx\n', "truncated|not JSON"),
    ],
)
@pytest.mark.parametrize("file_format", ["json", "jsonl"])
def test_other_content_is_refused(file_format: str, text: str, reason: str) -> None:
    with pytest.raises(UnreadableFileError, match=reason):
        read(file_format, text)


def test_messages_hold_no_value() -> None:
    with pytest.raises(UnreadableFileError) as caught:
        read("json", '{"name": "Jane Roe" oops')
    assert "Jane" not in str(caught.value)


def test_pandas_output_reads_back() -> None:
    frame = pd.DataFrame({"id": [1, 2], "x": [1.5, None], "s": ["a", "ü"]})
    expected = {"id": "bigint", "x": "double", "s": "string"}
    assert types(read("jsonl", frame.to_json(orient="records", lines=True))) == expected
    assert types(read("json", frame.to_json(orient="records"))) == expected


def test_the_answer_does_not_depend_on_the_order_of_records() -> None:
    records = [{"a": random.Random(i).choice([1, 2.5, "x", None, [1], {"k": i}])} for i in range(50)]
    shuffled = random.Random(1).sample(records, len(records))
    first, second = (read("jsonl", "".join(json.dumps(r) + "\n" for r in rows)) for rows in (records, shuffled))
    assert (first.columns, first.conflicts) == (second.columns, second.conflicts)


def test_hundreds_of_thousands_of_keys_are_read_in_bounded_memory() -> None:
    import tracemalloc

    text = json.dumps({f"o{i}": {f"k{i}_{j}": 1 for j in range(900)} for i in range(150)})
    tracemalloc.start()
    schema = read("json", text, limits=ReadLimits(head_bytes=len(text)))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert len(schema.columns) == 150
    assert peak < 120_000_000
