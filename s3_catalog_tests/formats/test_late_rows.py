"""The last rows of one long file count for its types, where they are surely rows."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest

from s3_catalog.formats import FileSchema
from s3_catalog_tests.formats.readers import LIMITS, read, types


def rows(count: int = 30_000) -> Iterator[str]:
    return (f"{i},{i % 97},2024-01-{i % 28 + 1:02},item {i}" for i in range(count))


def read_late(*last: str, first: tuple[str, ...] = (), encoding: str = "utf-8", tail: bool = True) -> FileSchema:
    text = "\n".join(["id,n,day,name", *first, *rows(), *last])
    return read("csv", text.encode(encoding), limits=replace(LIMITS, tail_of_text=tail))


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16", "utf-16-be", "utf-8-sig"])
@pytest.mark.parametrize(
    ("last", "changed", "conflict"),
    [
        ("1,2,2024-01-01,x\n", {}, None),
        ("1,n/k,2024-01-01,x\n", {"n": "string"}, ("n", "bigint", "string", "string")),
        ("1,2.5,2024-01-01,x", {"n": "double"}, None),
        ("1,007,2024-01-01,x", {"n": "string"}, ("n", "bigint", "string", "string")),
        ("1,2,2024-01-01 10:00,x", {"day": "timestamp"}, None),
        ("1,2,31/01/2024,x", {"day": "string"}, ("day", "date", "string", "string")),
        ("99999999999999999999,2,2024-01-01,x", {"id": "decimal(20,0)"}, None),
        ("1,NA,,", {}, None),
    ],
)
def test_a_value_in_the_last_row_changes_the_type(
    last: str, changed: dict[str, str], conflict: tuple[str, ...] | None, encoding: str
) -> None:
    schema = read_late(last, encoding=encoding)
    assert types(schema) == {"id": "bigint", "n": "bigint", "day": "date", "name": "string", **changed}
    assert [(c.column, c.expected, c.found, c.resolved) for c in schema.conflicts] == ([conflict] if conflict else [])


def test_certainty_counts_the_last_rows() -> None:
    with_end, without = read_late().details["certainty.n"], read_late(tail=False).details["certainty.n"]
    assert int(with_end.split()[2]) > 1.5 * int(without.split()[2])


def test_what_is_open_at_the_start_is_settled_by_the_end() -> None:
    start = "id,d\n" + "".join(f"{i},0{i % 9 + 1}/0{i % 8 + 1}/2024\n" for i in range(20_000))
    limits = replace(LIMITS, tail_of_text=True)
    assert types(read("csv", start, limits=limits))["d"] == "string"
    schema = read("csv", start + "1,31/12/2024\n", limits=limits)
    assert (types(schema)["d"], schema.details["date_order.d"]) == ("date", "day first")


@pytest.mark.parametrize(
    ("first", "last"),
    [
        (('1,2,2024-01-01,"a\nb"',), ("1,n/k,2024-01-01,x",)),
        ((), tuple("so ends the report, in prose" for _ in range(500))),
        ((), ('1,2,2024-01-01,"a', 'b, c"')),
    ],
)
def test_where_the_last_lines_may_be_no_rows_they_are_ignored(first: tuple[str, ...], last: tuple[str, ...]) -> None:
    schema = read_late(*last, first=first)
    assert types(schema) == {"id": "bigint", "n": "bigint", "day": "date", "name": "string"}
    assert schema.conflicts == ()
    assert schema.row_estimate is not None


def test_a_total_below_the_rows_is_no_row() -> None:
    assert types(read_late("", "Total rows: 30000"))["id"] == "bigint"


def test_the_end_of_a_compressed_file_is_not_read() -> None:
    import gzip

    text = "\n".join(["id,n,day,name", *rows(60_000), "1,n/k,2024-01-01,x"])
    schema = read("csv", gzip.compress(text.encode()), "gzip", limits=replace(LIMITS, tail_of_text=True))
    assert types(schema)["n"] == "bigint"
