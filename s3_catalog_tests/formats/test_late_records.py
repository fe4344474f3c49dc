"""Records far from the start of a file: what its end tells, how many there are likely to be, and what that costs."""

from __future__ import annotations

import gzip
import json
import random
from collections.abc import Callable

import pytest

from s3_catalog.errors import HintError
from s3_catalog.formats import FileSchema, ReadLimits, file_formats
from s3_catalog.formats._hints import ReadHints
from s3_catalog.model.statistics import RowEstimate
from s3_catalog.model.types import read_type
from s3_catalog_tests.formats.readers import read, types
from s3_catalog_tests.formats.stores import open_bytes

TAIL = ReadLimits(tail_of_text=True)
ROWS = 20_000


def line(i: int) -> str:
    return json.dumps({"id": i, "name": f"name {i % 7}", "at": "2024-01-31T10:00:00Z"}) + "\n"


LINES = "".join(line(i) for i in range(ROWS))


def is_near(estimate: RowEstimate | None, rows: int, share: float) -> bool:
    return estimate is not None and estimate.low <= rows <= estimate.high and abs(estimate.rows - rows) <= share * rows


def cost(file_format: str, data: bytes, limits: ReadLimits = TAIL) -> tuple[FileSchema, int, int]:
    file, receipt = open_bytes(data)
    schema = file_formats()[file_format].read_schema(file, None, limits)
    return schema, receipt.get_requests, receipt.bytes_read


def test_types_and_keys_of_the_last_lines_are_seen_for_one_request_more() -> None:
    text = LINES + '{"id": "x1", "name": "n", "late": 1.5}\n'
    assert types(read("jsonl", text)) == {"id": "bigint", "name": "string", "at": "string"}
    schema, requests, size = cost("jsonl", text.encode())
    assert types(schema) == {"id": "string", "name": "string", "at": "string", "late": "double"}
    assert [(c.column, c.expected, c.found) for c in schema.conflicts] == [("id", "bigint", "string")]
    assert (requests, size) == (2, 2 * 65536)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-be", "iso-8859-1"])
def test_the_end_of_a_file_is_read_in_the_encoding_of_its_start(encoding: str) -> None:
    text = '{"größe": "Öl aus dem Norden"}\n' * 20_000 + '{"größe": "Öl aus dem Norden", "später": 1}\n'
    schema, requests, _ = cost("jsonl", text.encode(encoding))
    assert (types(schema), requests, schema.warnings) == ({"größe": "string", "später": "bigint"}, 2, ())


def test_a_file_whose_head_and_tail_meet_is_read_whole_and_counted() -> None:
    text = LINES[: 100 * 1024].rpartition("\n")[0] + "\n"
    schema, requests, size = cost("jsonl", text.encode())
    assert (schema.row_count, schema.row_estimate, requests, size) == (text.count("\n"), None, 1, len(text))


def test_lines_that_are_no_json_near_the_end_are_a_warning() -> None:
    schema, _, _ = cost("jsonl", (LINES + '{"id": 1, "na').encode())
    assert schema.warnings == ("1 lines near the end of the file are not JSON",)


def test_the_end_of_compressed_files_and_documents_is_not_read() -> None:
    noise = json.dumps([{"id": random.Random(i).random()} for i in range(ROWS)])
    assert cost("json", noise.encode())[1] == 1
    lines = "".join(json.dumps({"id": random.Random(i).random()}) + "\n" for i in range(ROWS))
    assert cost("jsonl", gzip.compress(lines.encode()))[1] == 1


def test_a_pinned_type_is_checked_near_the_end_as_well() -> None:
    hints = ReadHints(types={"id": read_type("bigint")})
    data = (LINES + '{"id": "x1"}\n').encode()
    assert types(cost("jsonl", data, ReadLimits(hints=hints))[0])["id"] == "bigint"
    with pytest.raises(HintError, match="column 'id' is said to be bigint, and 'x1' is none"):
        cost("jsonl", data, ReadLimits(hints=hints, tail_of_text=True))


def test_rows_within_lines_are_looked_for_near_the_end_as_well() -> None:
    data = (LINES + '{"id": 1, "late": {"x": 1}}\n').encode()
    schema, requests, _ = cost("jsonl", data, ReadLimits(hints=ReadHints(rows="late"), tail_of_text=True))
    assert (types(schema), schema.row_count, requests) == ({"x": "bigint"}, None, 3)


def late_ids(i: int) -> dict[str, object]:
    return {"id": i, "text": "x" * random.Random(i).randrange(60)}


WRITERS: dict[str, tuple[str, Callable[[list[dict[str, object]]], str]]] = {
    "lines": ("jsonl", lambda records: "".join(json.dumps(r) + "\n" for r in records)),
    "one after the other": ("jsonl", lambda records: "".join(json.dumps(r) for r in records)),
    "records over several lines": ("jsonl", lambda records: "".join(json.dumps(r, indent=1) + "\n" for r in records)),
    "array": ("json", json.dumps),
    "indented array": ("json", lambda records: json.dumps(records, indent=2)),
    "xml": ("xml", lambda rs: "<all>" + "".join(f"<r id='{r['id']}'><t>{r['text']}</t></r>" for r in rs) + "</all>"),
}


@pytest.mark.parametrize("compressed", [False, True])
@pytest.mark.parametrize("name", WRITERS)
def test_rows_that_are_not_counted_are_estimated(name: str, compressed: bool) -> None:
    file_format, write = WRITERS[name]
    text = write([late_ids(i) for i in range(30_000)])
    data = gzip.compress(text.encode()) if compressed else text.encode()
    schema = read(file_format, data, "gzip" if compressed else None)
    assert schema.row_count is None
    assert is_near(schema.row_estimate, 30_000, 0.15)


def test_the_end_of_a_file_makes_the_estimate_better() -> None:
    text = "".join(json.dumps({"id": i, "text": "x" * (10 + i // 300)}) + "\n" for i in range(30_000))
    head, both = read("jsonl", text).row_estimate, cost("jsonl", text.encode())[0].row_estimate
    assert head is not None
    assert is_near(both, 30_000, 0.15)
    assert abs(both.rows - 30_000) < abs(head.rows - 30_000)  # type: ignore[union-attr]


def test_a_whole_file_has_a_count_and_no_estimate() -> None:
    for file_format, text in (("jsonl", line(1) * 5), ("json", f"[{line(1)}]"), ("xml", "<a><r x='1'/><r x='2'/></a>")):
        schema = read(file_format, text)
        assert (schema.row_count is None, schema.row_estimate) == (False, None)


def test_one_document_has_no_estimate() -> None:
    assert read("json", json.dumps({"a": "x" * 100_000})).row_estimate is None
    assert read("xml", f"<a><b>1</b><c>{'x' * 2_000_000}</c></a>").row_estimate is None
