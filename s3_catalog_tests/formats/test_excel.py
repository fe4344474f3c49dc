# ruff: noqa: DTZ001 - a workbook has no time zones
from __future__ import annotations

import datetime as dt
import gzip
import io
from typing import Any

import openpyxl
import pytest
import xlsxwriter

from s3_catalog.errors import MissingExtraError, UnreadableFileError
from s3_catalog.formats import FileSchema, ReadLimits, file_formats
from s3_catalog.formats.excel import ExcelFormat
from s3_catalog_tests.formats.readers import LIMITS, read, types
from s3_catalog_tests.formats.stores import open_bytes
from s3_catalog_tests.formats.workbooks import ROWS, TYPES, ods, with_password, xls, xlsb, xlsx, xlsx_by_xlsxwriter, zipped


def members(data: bytes) -> dict[str, FileSchema]:
    return dict(ExcelFormat().read_members(open_bytes(data)[0], None, LIMITS))


def refusal(data: bytes, limits: ReadLimits = LIMITS) -> str:
    with pytest.raises(UnreadableFileError) as caught:
        read("excel", data, limits=limits)
    return str(caught.value)


@pytest.mark.parametrize(
    ("writer", "data"),
    [("openpyxl", xlsx({"Rows": ROWS})), ("xlsxwriter", xlsx_by_xlsxwriter(ROWS)), ("xlwt", xls(ROWS)), ("odfpy", ods(ROWS))],
)
def test_every_writers_cells_have_their_types(writer: str, data: bytes) -> None:
    schema = read("excel", data)
    assert types(schema) == TYPES
    assert (schema.row_count, schema.conflicts, schema.warnings) == (2, (), ())
    assert schema.details == {"sheet": "Rows", "header": "true"}


def test_a_binary_workbook_is_read() -> None:
    rows: list[list[Any]] = [["id", "ratio", "name", "ok"], [1, 1.5, "Ann", True], [2, 2.5, "Bob", False]]
    schema = read("excel", xlsb(rows))
    assert types(schema) == {"id": "bigint", "ratio": "double", "name": "string", "ok": "boolean"}
    assert schema.row_count == 2


@pytest.mark.parametrize("data", [xlsx({"Rows": ROWS}), xlsx_by_xlsxwriter(ROWS), ods(ROWS), xlsb(ROWS[:1])])
def test_a_workbook_is_known_by_its_bytes(data: bytes) -> None:
    assert ExcelFormat().matches(data[: 256 * 1024])


def test_other_zip_and_ole_files_are_no_workbooks() -> None:
    document = zipped({"[Content_Types].xml": b"<Types/>", "word/document.xml": b"<document/>"})
    assert not ExcelFormat().matches(document)
    assert "no workbook" in refusal(document)
    assert not ExcelFormat().matches(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(4000))


def test_a_workbook_costs_one_get() -> None:
    file, receipt = open_bytes(xlsx({"One": ROWS, "Two": ROWS}))
    assert list(ExcelFormat().read_members(file, None, LIMITS)) == ["One", "Two"]
    assert receipt.get_requests == 1


def test_every_sheet_with_cells_is_a_table_and_the_first_is_the_schema() -> None:
    data = xlsx({"empty": [], "people": ROWS, "codes": [["code"], ["007"]]})
    assert {name: types(schema) for name, schema in members(data).items()} == {"people": TYPES, "codes": {"code": "string"}}
    assert types(read("excel", data)) == TYPES


def test_hidden_sheets_are_told_and_charts_are_no_tables() -> None:
    sink = io.BytesIO()
    workbook = xlsxwriter.Workbook(sink, {"in_memory": True})
    workbook.add_worksheet("shown").write_column(0, 0, ["a", 1])
    hidden, very = workbook.add_worksheet("hidden"), workbook.add_worksheet("very")
    hidden.write_column(0, 0, ["b", 2])
    very.write_column(0, 0, ["c", 3])
    hidden.hide()
    very.very_hidden()
    workbook.add_chartsheet("chart")
    workbook.close()
    assert {name: schema.details.get("visibility") for name, schema in members(sink.getvalue()).items()} == {
        "shown": None,
        "hidden": "hidden",
        "very": "very hidden",
    }


def test_a_workbook_without_cells_is_refused() -> None:
    assert "no sheet has cells" in refusal(xlsx({"a": [], "b": []}))


@pytest.mark.parametrize(
    ("rows", "merged", "names", "row_count"),
    [
        ([[], [], *ROWS], (), list(TYPES), 2),
        ([["Sales report"], [], *ROWS], (), list(TYPES), 2),
        ([["Sales report"], ["all regions, draft"], [], *ROWS], ("A1:E1", "A2:E2"), list(TYPES), 2),
        ([[None, "id", "name"], [None, 1, "Ann"]], (), ["id", "name"], 1),
        ([["Report"], ["id", "Sales", None, "Cost", None], [None, "Q1", "Q2", "Q1", "Q2"], [1, 2, 3, 4, 5], [2, 3, 4, 5, 6]],
         ("A1:E1", "A2:A3", "B2:C2", "D2:E2"), ["id", "Sales Q1", "Sales Q2", "Cost Q1", "Cost Q2"], 2),
        ([["a", "a", None, "b"], [1, 2, 3, 4]], (), ["a", "a_2", "column2", "b"], 1),
        ([["name", "city"], ["Ann", "Rome"], ["Bob", "Oslo"]], (), ["name", "city"], 2),
        ([[1, "x"], [2, "y"], [3, "z"]], (), ["column0", "column1"], 3),
        ([["id"], [1], [2]], (), ["id"], 2),
        ([["id", "name"]], (), ["id", "name"], 0),
    ],
)  # fmt: skip
def test_the_header_is_found(rows: list[list[Any]], merged: tuple[str, ...], names: list[str], row_count: int) -> None:
    schema = read("excel", xlsx({"Rows": rows}, merged=merged))
    assert [column.name for column in schema.columns] == names
    assert schema.row_count == row_count


@pytest.mark.parametrize(
    ("values", "expected", "conflict"),
    [
        ([1, 2, None], "bigint", None),
        ([1, 2.5], "double", None),
        ([10**17, 1e300], "double", None),
        (["00123", "00456"], "string", None),
        ([True, False], "boolean", None),
        ([dt.date(2024, 1, 31), dt.date(1900, 1, 1)], "date", None),
        ([dt.datetime(2024, 1, 31, 10, 20, 30), dt.date(2024, 1, 31)], "timestamp", None),
        ([dt.time(10, 20), dt.time(23, 59, 59)], "time", None),
        ([1, 2, 3, "n/a"], "string", ("bigint", "string")),
        ([True, True, 5], "string", ("boolean", "bigint")),
        (["x", "x", 5], "string", ("string", "bigint")),
        ([*[1] * 400, "late"], "string", ("bigint", "string")),
        ([None, None], "string", None),
    ],
)
def test_all_cells_decide_a_columns_type(values: list[Any], expected: str, conflict: tuple[str, str] | None) -> None:
    schema = read("excel", xlsx({"Rows": [["key", "value"], *([i, value] for i, value in enumerate(values))]}), key="book.xlsx")
    assert types(schema) == {"key": "bigint", "value": expected}
    assert schema.row_count == len(values)
    assert [(c.column, c.expected, c.found, c.key) for c in schema.conflicts] == ([("value", *conflict, "book.xlsx")] if conflict else [])


@pytest.mark.parametrize("epoch_1904", [False, True])
def test_dates_of_both_epochs_are_dates(epoch_1904: bool) -> None:
    schema = read("excel", xlsx({"Rows": [["day", "at"], [dt.date(2024, 1, 31), dt.datetime(2024, 1, 31, 5)]]}, epoch_1904=epoch_1904))
    assert types(schema) == {"day": "date", "at": "timestamp"}


def test_formulas_count_by_their_last_values() -> None:
    sink = io.BytesIO()
    workbook = xlsxwriter.Workbook(sink, {"in_memory": True})
    sheet = workbook.add_worksheet()
    sheet.write_row(0, 0, ["n", "text"])
    sheet.write_formula(1, 0, "=1+1", value=2)
    sheet.write_formula(1, 1, '="a"&"b"', value="ab")
    workbook.close()
    assert types(read("excel", sink.getvalue())) == {"n": "bigint", "text": "string"}


def test_a_macro_workbook_is_a_workbook() -> None:
    workbook, sink = openpyxl.Workbook(), io.BytesIO()
    workbook.active.append(["id"])
    workbook.active.append([1])
    workbook.save(sink)
    assert ".xlsm" in file_formats()["excel"].suffixes
    assert types(read("excel", sink.getvalue(), key="book.xlsm")) == {"id": "bigint"}


def test_a_compressed_workbook_is_read() -> None:
    assert types(read("excel", gzip.compress(xlsx({"Rows": ROWS})), "gzip")) == TYPES


@pytest.mark.parametrize("data", [with_password(xlsx({"Rows": ROWS}))])
def test_a_workbook_with_a_password_is_refused_by_name(data: bytes) -> None:
    assert "protected by a password" in refusal(data)


def test_a_workbook_larger_than_the_limit_is_refused() -> None:
    assert "more than the limit of 1,000" in refusal(xlsx({"Rows": ROWS}), ReadLimits(max_whole_file_bytes=1000))


def test_too_many_columns_are_refused() -> None:
    assert "more than the limit of 10" in refusal(
        xlsx({"Rows": [[f"c{i}" for i in range(11)], list(range(11))]}), ReadLimits(max_columns=10)
    )


def test_without_the_library_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(MissingExtraError, match=r"s3-catalog\[excel\]"):
        read("excel", xlsx({"Rows": ROWS}))
