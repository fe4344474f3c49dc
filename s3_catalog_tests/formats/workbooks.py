"""Workbooks for tests, made by several writers."""

from __future__ import annotations

import datetime as dt
import io
import struct
import zipfile
from collections.abc import Iterable, Sequence
from typing import Any

import openpyxl
import xlsxwriter
import xlwt
from msoffcrypto.format.ooxml import OOXMLFile
from odf.opendocument import OpenDocumentSpreadsheet
from odf.table import Table, TableCell, TableRow
from odf.text import P

Rows = Iterable[Sequence[Any]]
ROWS: list[list[Any]] = [
    ["id", "ratio", "name", "ok", "day"],
    [1, 1.5, "Ann", True, dt.date(2024, 1, 31)],
    [2, 2.0, "Bob", False, dt.date(2024, 2, 29)],
]
TYPES = {"id": "bigint", "ratio": "double", "name": "string", "ok": "boolean", "day": "date"}


def xlsx(sheets: dict[str, Rows], *, merged: Sequence[str] = (), epoch_1904: bool = False) -> bytes:
    """By openpyxl; merged ranges apply to the first sheet."""
    workbook, sink = openpyxl.Workbook(), io.BytesIO()
    workbook.remove(workbook.active)
    if epoch_1904:
        workbook.epoch = openpyxl.utils.datetime.CALENDAR_MAC_1904
    for name, rows in sheets.items():
        sheet = workbook.create_sheet(name)
        for row in rows:
            sheet.append(row)
    for area in merged:
        workbook.worksheets[0].merge_cells(area)
    workbook.save(sink)
    return sink.getvalue()


def xlsx_by_xlsxwriter(rows: Rows, **options: Any) -> bytes:
    sink = io.BytesIO()
    workbook = xlsxwriter.Workbook(sink, {"in_memory": True, "default_date_format": "yyyy-mm-dd", **options})
    sheet = workbook.add_worksheet("Rows")
    for number, row in enumerate(rows):
        sheet.write_row(number, 0, row)
    workbook.close()
    return sink.getvalue()


def xls(rows: Rows) -> bytes:
    workbook, sink = xlwt.Workbook(), io.BytesIO()
    sheet = workbook.add_sheet("Rows")
    day = xlwt.easyxf(num_format_str="YYYY-MM-DD")
    for number, row in enumerate(rows):
        for column, value in enumerate(row):
            sheet.write(number, column, value, *([day] if isinstance(value, dt.date) else []))
    workbook.save(sink)
    return sink.getvalue()


def ods(rows: Rows) -> bytes:
    document, sink, sheet = OpenDocumentSpreadsheet(), io.BytesIO(), Table(name="Rows")
    for row in rows:
        line = TableRow()
        for value in row:
            line.addElement(_ods_cell(value))
        sheet.addElement(line)
    document.spreadsheet.addElement(sheet)
    document.write(sink)
    return sink.getvalue()


def _ods_cell(value: Any) -> Any:
    if isinstance(value, bool):
        return TableCell(valuetype="boolean", booleanvalue=str(value).lower())
    if isinstance(value, dt.date):
        return TableCell(valuetype="date", datevalue=value.isoformat())
    if isinstance(value, int | float):
        return TableCell(valuetype="float", value=value)
    cell = TableCell(valuetype="string")
    cell.addElement(P(text=value))
    return cell


def xlsb(rows: Rows) -> bytes:
    """The binary workbook of MS-XLSB, in its smallest form: no library writes it. Numbers, texts and booleans only."""
    sheet = [_record(0x91)]
    for number, row in enumerate(rows):
        sheet.append(_record(0x00, struct.pack("<IIHBBBI", number, 0, 300, 0, 0, 0, 0)))
        for column, value in enumerate(row):
            place = struct.pack("<II", column, 0)
            if isinstance(value, bool):
                sheet.append(_record(0x04, place + bytes([value])))
            elif isinstance(value, int | float):
                sheet.append(_record(0x05, place + struct.pack("<d", value)))
            else:
                sheet.append(_record(0x06, place + _wide(str(value))))
    height, width = len(list(rows)), max(len(row) for row in rows)
    dimension = _record(0x94, struct.pack("<IIII", 0, height - 1, 0, width - 1))
    sheets = _record(0x8F) + _record(0x9C, struct.pack("<II", 0, 1) + _wide("rId1") + _wide("Rows")) + _record(0x90)
    package, office = "http://schemas.openxmlformats.org/package/2006", "http://schemas.openxmlformats.org/officeDocument/2006"
    link = f'<Relationship Id="rId1" Type="{office}/relationships/worksheet" Target="worksheets/sheet1.bin"/>'
    parts = {
        "[Content_Types].xml": f'<Types xmlns="{package}/content-types"/>'.encode(),
        "xl/_rels/workbook.bin.rels": f'<Relationships xmlns="{package}/relationships">{link}</Relationships>'.encode(),
        "xl/workbook.bin": _record(0x83) + sheets + _record(0x84),
        "xl/worksheets/sheet1.bin": _record(0x81) + dimension + b"".join(sheet) + _record(0x92) + _record(0x82),
    }
    return zipped(parts)


def _record(kind: int, data: bytes = b"") -> bytes:
    number = bytes([kind]) if kind < 0x80 else bytes([kind, 1])
    length, size = b"", len(data)
    while size >= 0x80:
        length, size = length + bytes([size & 0x7F | 0x80]), size >> 7
    return number + length + bytes([size]) + data


def _wide(text: str) -> bytes:
    return struct.pack("<I", len(text)) + text.encode("utf-16-le")


def zipped(parts: dict[str, bytes]) -> bytes:
    sink = io.BytesIO()
    with zipfile.ZipFile(sink, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in parts.items():
            archive.writestr(name, data)
    return sink.getvalue()


def with_password(workbook: bytes) -> bytes:
    """An .xlsx as Excel encrypts it."""
    sink = io.BytesIO()
    OOXMLFile(io.BytesIO(workbook)).encrypt("secret", sink)
    return sink.getvalue()
