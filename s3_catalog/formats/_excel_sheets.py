"""Workbooks read by python-calamine, in the sandboxed process: for every sheet its first rows, and the kinds of all cells below them.

Knows only the standard library and calamine. Out: JSON, `{"sheets": [...], "skipped": [...]}`; see `read`.
"""

from __future__ import annotations

import datetime as dt
import struct
import zipfile
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, BinaryIO

from s3_catalog.formats._sandbox_process import RefusedError

_HEAD_ROWS = 200
_HEAD_CELLS = 200_000
_HEADER_ROWS = 64
_MAX_MERGED = 10_000
_CELL_CHARACTERS = 200
_LONGEST_CELL = 64 * 1024 + 1
_CELL_COST, _SAMPLE_CHARACTERS = 20, 4 * 1024 * 1024
"""What a cell costs besides its text, and what the rows in full of all sheets may cost."""
_MICROSECOND = dt.timedelta(microseconds=1)
MAX_SHEETS = 256
_MAX_DIRECTORY_BYTES = 4 * 1024 * 1024
_OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_ENCRYPTED_STREAM = "EncryptedPackage".encode("utf-16-le")
_END = struct.Struct("<4s4H2LH")
"""A zip's last record: signature, disks (2), entries (2), size and position of the directory, length of the comment."""


def prepare() -> None:
    """Import what reading needs, before files are opened no more."""
    import python_calamine  # noqa: F401


def read(file: BinaryIO, options: Mapping[str, Any]) -> dict[str, Any]:
    """Read all worksheets, or one.

    Args:
        options: `max_cells` looked at in all, `max_unpacked_bytes` that the parts of a zip may have together, `sheet` (a name, or None for
            all), `skip_rows` of each, `sample_rows` of each whose cells are wanted in full.

    Returns: `sheets`, each with name, visibility, `head` (rows of [kind, text] cells), `kinds` (for each column, kind -> how many cells
    below the head), `examples` (for each column, kind -> the first text below the head), `rows` (how many rows below the head are not
    empty), `sample` (the first rows again, with texts in full and durations in microseconds), `complete`, `above` (rows before the head,
    empty or skipped), `seen` (all rows looked at), `height` (the last row's number where that is known) and `merged` ranges; `skipped`:
    name and reason; `names` of all sheets.
    """
    import python_calamine as calamine

    _refuse_before_unpacking(file, options["max_unpacked_bytes"])
    file.seek(0)
    try:
        workbook = calamine.load_workbook(file)
    except calamine.PasswordError as error:
        raise RefusedError("the workbook is protected by a password") from error
    except calamine.CalamineError as error:
        raise RefusedError(_reason(error)) from error
    sheets, skipped, cells = list[dict[str, Any]](), list[list[str]](), int(options["max_cells"])
    wanted = [about for about in workbook.sheets_metadata if options["sheet"] in (None, about.name)]
    for about in wanted[:MAX_SHEETS]:
        if about.typ != calamine.SheetTypeEnum.WorkSheet:
            skipped.append([about.name, "no cells"])
            continue
        try:
            sheet = workbook.get_sheet_by_name(about.name)
        except calamine.CalamineError:
            skipped.append([about.name, "corrupt"])
            continue
        found = _read_sheet(sheet, cells, options["skip_rows"], SheetSample(options["sample_rows"], len(wanted)))
        cells -= found.pop("cells")
        found |= {"name": about.name, "visibility": str(about.visible).rpartition(".")[2]}
        sheets.append(found)
    skipped += [[about.name, "too many sheets"] for about in wanted[MAX_SHEETS : 2 * MAX_SHEETS]]
    return {"sheets": sheets, "skipped": skipped, "names": [about.name for about in workbook.sheets_metadata[:MAX_SHEETS]]}


def _refuse_before_unpacking(file: BinaryIO, max_unpacked_bytes: int) -> None:
    """Look at a container's directory: protected by a password, or a bomb by its own account."""
    head = file.read(512)
    if head.startswith(_OLE):
        file.seek(0)
        while block := file.read(1024 * 1024):
            if _ENCRYPTED_STREAM in block:
                raise RefusedError("the workbook is protected by a password")
        return
    if not head.startswith(b"PK"):
        raise RefusedError("not a workbook")
    file.seek(max(0, file.seek(0, 2) - 65_557))
    tail = file.read()
    position = tail.rfind(b"PK\x05\x06")
    if position < 0 or position + _END.size > len(tail):
        raise RefusedError("truncated: the zip archive has no directory at its end")
    directory_bytes = _END.unpack_from(tail, position)[5]
    if directory_bytes > _MAX_DIRECTORY_BYTES:
        raise RefusedError(f"its zip directory has {directory_bytes:,} bytes, more than {_MAX_DIRECTORY_BYTES:,}")
    try:
        with zipfile.ZipFile(file) as archive:
            unpacked = sum(part.file_size for part in archive.infolist())
            names = {part.filename for part in archive.infolist()}
    except (zipfile.BadZipFile, ValueError, OSError, NotImplementedError) as error:
        raise RefusedError("its zip directory is corrupt") from error
    if unpacked > max_unpacked_bytes:
        raise RefusedError(f"a zip bomb: unpacked it has {unpacked:,} bytes, more than {max_unpacked_bytes:,}")
    if not any(name.startswith("xl/") or name == "content.xml" for name in names):
        raise RefusedError("a zip archive that is no workbook")


def _reason(error: Exception) -> str:
    text = str(error).lower()
    if "password" in text or "encrypt" in text:
        return "the workbook is protected by a password"
    return "not a workbook, or a corrupt one"


def _read_sheet(sheet: Any, max_cells: int, skip_rows: int, sample: SheetSample) -> dict[str, Any]:
    found = summarize(sheet.iter_rows() if sheet.height else iter(()), max_cells, skip_rows, sample)
    found["height"] = sheet.end[0] + 1 if sheet.end else None
    above = found["above"]
    ranges = [(top - above, left, bottom - above, right) for (top, left), (bottom, right) in sheet.merged_cell_ranges or ()]
    return found | {"merged": [area for area in ranges if 0 <= area[0] < _HEADER_ROWS][:_MAX_MERGED]}


def summarize(sheet_rows: Iterable[Sequence[Any]], max_cells: int, skip_rows: int, sample: SheetSample) -> dict[str, Any]:
    """Keep the first rows of a sheet, and count the kinds of the cells below them."""
    head: list[list[list[str]]] = []
    rest = _Below()
    cells = above = seen = 0
    complete = True
    for row in sheet_rows:
        seen += 1
        if seen <= skip_rows or (not head and not any(_kind(value) for value in row)):
            above += 1
            continue
        cells += len(row)
        if cells > max_cells:
            complete = False
            seen -= 1
            break
        sample.add(row)
        if len(head) < _HEAD_ROWS and cells <= _HEAD_CELLS:
            head.append([_describe(value) for value in row])
        else:
            rest.add(row)
    below = {"sample": sample.rows, "kinds": rest.kinds, "examples": rest.examples, "rows": rest.rows}
    return {"head": head, **below, "complete": complete, "merged": [], "above": above, "seen": seen, "height": None, "cells": cells}


class SheetSample:
    """So many first rows of one of some sheets in full, as long as they are not too long together."""

    def __init__(self, rows: int, sheets: int) -> None:
        self.rows: list[list[list[str]]] = []
        self._count, self._characters_left = rows, _SAMPLE_CHARACTERS // max(1, min(sheets, MAX_SHEETS))

    def add(self, row: Sequence[Any]) -> None:
        if len(self.rows) >= self._count:
            return
        cells = [_describe_in_full(value) for value in row]
        self._characters_left -= sum(_CELL_COST + len(text) for _, text in cells)
        if self._characters_left < 0:
            self._count = 0
        else:
            self.rows.append(cells)


class _Below:
    """The rows below the head: of each column how many cells are of a kind, and the text of the first of these."""

    def __init__(self) -> None:
        self.kinds: list[dict[str, int]] = []
        self.examples: list[dict[str, str]] = []
        self.rows = 0

    def add(self, row: Sequence[Any]) -> None:
        while len(self.kinds) < len(row):
            self.kinds.append({})
            self.examples.append({})
        filled = False
        for kinds, examples, value in zip(self.kinds, self.examples, row, strict=False):
            kind = _kind(value)
            if kind in kinds:
                kinds[kind] += 1
            elif kind:
                kinds[kind], examples[kind] = 1, _describe(value)[1]
            filled = filled or kind != ""
        self.rows += filled


def _kind(value: Any) -> str:
    """Name the kind of a cell; "" for an empty one."""
    if value == "" or value is None:
        return ""
    kind = type(value)
    if kind is float:
        if value.is_integer():
            return "integer" if -(2**53) <= value <= 2**53 else "large"
        return "double"
    return _KINDS.get(kind, "string")


_KINDS: dict[type, str] = {
    bool: "boolean",
    int: "integer",
    dt.date: "date",
    dt.datetime: "timestamp",
    dt.time: "time",
    dt.timedelta: "duration",
}


def _describe_in_full(value: Any) -> list[str]:
    kind = _kind(value)
    if kind == "integer":
        return [kind, str(int(value))]
    return [kind, str(value // _MICROSECOND) if kind == "duration" else str(value)[:_LONGEST_CELL]]


def _describe(value: Any) -> list[str]:
    kind = _kind(value)
    text = str(int(value)) if kind == "integer" else str(value)
    return [kind, text[:_CELL_CHARACTERS]]
