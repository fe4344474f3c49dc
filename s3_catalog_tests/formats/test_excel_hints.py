# ruff: noqa: DTZ001 - a workbook has no time zones
"""Workbooks with what people say of them: the sheet, where its header is, and the types of its columns."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest

from s3_catalog.errors import HintError
from s3_catalog.formats import FileSchema, ReadLimits
from s3_catalog.formats._hints import ReadHints
from s3_catalog.formats.excel import ExcelFormat
from s3_catalog.model.types import read_type
from s3_catalog_tests.formats.readers import types
from s3_catalog_tests.formats.stores import open_bytes
from s3_catalog_tests.formats.workbooks import ROWS, TYPES, ods, xls, xlsb, xlsx

BOOK = xlsx({"notes": [["read me"]], "people": ROWS, "empty": []})
REPORT = xlsx({"Rows": [[], ["Report"], ["made by", "Ann"], ["id", "name"], ["x1", "n"], ["x2", "m"], [None, "k"]]})


def members(data: bytes, **hints: Any) -> dict[str, FileSchema]:
    return dict(ExcelFormat().read_members(open_bytes(data)[0], None, ReadLimits(hints=ReadHints(**hints))))


def pin(values: list[Any], wanted: str, **hints: Any) -> dict[str, str]:
    """The types of a sheet with the column `v` pinned."""
    book = xlsx({"Rows": [["key", "v"], *([f"k{i}", value] for i, value in enumerate(values))]})
    return types(members(book, types={"v": read_type(wanted), "absent": read_type("date")}, **hints)["Rows"])


def test_only_the_named_sheet_is_the_table() -> None:
    found = members(BOOK, sheet="people")
    assert {name: types(schema) for name, schema in found.items()} == {"people": TYPES}
    assert found["people"].warnings == ()


@pytest.mark.parametrize("data", [xls(ROWS), xlsb([["id"], [1]]), ods(ROWS)])
def test_the_sheet_of_any_workbook_can_be_named(data: bytes) -> None:
    assert list(members(data, sheet="Rows")) == ["Rows"]


def test_a_sheet_that_is_not_there_is_an_error_that_names_those_that_are() -> None:
    with pytest.raises(HintError, match=r"there is no sheet 'People'; the sheets are notes, people, empty$"):
        members(BOOK, sheet="People")


def test_a_named_sheet_without_cells_is_an_error() -> None:
    with pytest.raises(HintError, match="sheet 'empty' does not have cells"):
        members(BOOK, sheet="empty")


@pytest.mark.parametrize(
    ("hints", "names", "rows", "details"),
    [
        ({"skip_lines": 3}, ["id", "name"], 3, {"header": "true", "skipped_rows": "3"}),
        ({"skip_lines": 3, "header": True}, ["id", "name"], 3, {"header": "true", "skipped_rows": "3"}),
        ({"skip_lines": 4, "header": True}, ["x1", "n"], 2, {"header": "true", "skipped_rows": "4"}),
        ({"skip_lines": 4, "header": False}, ["column0", "column1"], 3, {"header": "false", "skipped_rows": "4"}),
        ({"skip_lines": 0, "header": True}, ["Report", "column1"], 5, {"header": "true", "skipped_rows": "1"}),
        ({"skip_lines": 6, "header": False}, ["column0"], 1, {"header": "false", "skipped_rows": "6"}),
    ],
)
def test_the_header_is_where_people_say(hints: dict[str, Any], names: list[str], rows: int, details: dict[str, str]) -> None:
    schema = members(REPORT, **hints)["Rows"]
    assert ([column.name for column in schema.columns], schema.row_count) == (names, rows)
    assert schema.details == {"sheet": "Rows", **details}


def test_a_header_that_people_name_may_stand_far_below() -> None:
    rows: list[list[Any]] = [[f"note {i}"] for i in range(500)]
    schema = members(xlsx({"Rows": [*rows, ["id", "n"], [1, 2]]}), skip_lines=500)["Rows"]
    assert (types(schema), schema.row_count) == ({"id": "bigint", "n": "bigint"}, 1)


def test_names_that_look_like_data_are_names_when_people_say_so() -> None:
    book = xlsx({"Rows": [[True, 1.5], [1, 2], [3, 4]]})
    assert list(types(members(book)["Rows"])) == ["column0", "column1"]
    assert list(types(members(book, header=True)["Rows"])) == ["True", "1.5"]


def test_skipping_all_rows_is_an_error() -> None:
    with pytest.raises(HintError, match="no sheet has cells after its first 50 rows"):
        members(REPORT, skip_lines=50)


@pytest.mark.parametrize(
    ("values", "wanted", "hints"),
    [
        ([1, "x", True, dt.date(2024, 1, 31)], "string", {}),
        ([1, 2.25], "decimal(10,2)", {}),
        ([0.1 + 0.2], "decimal(10,1)", {}),
        ([1, 2], "double", {}),
        ([1, 2.5, "3.5"], "double", {}),
        ([1, -128], "tinyint", {}),
        (["00123", 5], "bigint", {}),
        (["31.12.2024", dt.date(2024, 1, 31), None], "date", {"date_format": "%d.%m.%Y"}),
        ([20240131], "date", {"date_format": "%Y%m%d"}),
        ([dt.date(2024, 1, 31), dt.datetime(2024, 1, 31, 5)], "timestamp", {}),
        ([dt.datetime(2024, 1, 31, 5)], "timestamptz", {}),
        (["1.234,5", 2.5], "decimal(8,2)", {"decimal": ","}),
        ([True, "yes"], "boolean", {}),
        ([1, "unknown"], "bigint", {"null_markers": ("unknown",)}),
        ([None], "date", {}),
    ],
)
def test_a_pinned_type_that_holds_all_cells_is_the_columns(values: list[Any], wanted: str, hints: dict[str, Any]) -> None:
    assert pin(values, wanted, **hints) == {"key": "string", "v": wanted}


@pytest.mark.parametrize(
    ("values", "wanted", "shown"),
    [
        ([1, "n/k", 2], "bigint", "'n/k'"),
        ([1, 2.5], "bigint", "'2.5'"),
        ([300], "tinyint", "'300'"),
        ([1.25], "decimal(10,1)", "'1.25'"),
        (["31.12.2024"], "date", "'31.12.2024'"),
        ([dt.datetime(2024, 1, 31, 5)], "date", "'2024-01-31 05:00:00'"),
        ([True], "bigint", "'true'"),
        (["x" * 300], "date", f"'{'x' * 40}…'"),
        ([*range(500), "late"], "bigint", "'late'"),
    ],
)
def test_the_first_cell_that_does_not_fit_is_shown(values: list[Any], wanted: str, shown: str) -> None:
    with pytest.raises(HintError) as caught:
        pin(values, wanted)
    assert str(caught.value) == f"the hint does not fit: column 'v' is said to be {wanted}, and {shown} is none"
