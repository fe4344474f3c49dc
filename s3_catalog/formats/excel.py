"""Excel and OpenDocument workbooks: one table per worksheet that is not empty. Needs the extra `excel`."""

from __future__ import annotations

import importlib.util
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from s3_catalog.errors import HintError, MissingExtraError, UnreadableFileError
from s3_catalog.formats import FileSchema, ReadLimits, Row
from s3_catalog.formats._excel_header import Cell, Merged, SheetHeader, find_header
from s3_catalog.formats._excel_sample import read_rows
from s3_catalog.formats._excel_types import SheetColumn, type_columns
from s3_catalog.formats._footer import FooterFile, refuse_many_columns
from s3_catalog.formats._header import name_columns
from s3_catalog.formats._hints import ReadHints
from s3_catalog.formats._magic import describe_bytes
from s3_catalog.formats._sample_budget import sample_within
from s3_catalog.formats._sandbox import OutOfMemoryError, Sandbox, read_sandboxed
from s3_catalog.formats._whole import add_warnings, open_plain
from s3_catalog.model.statistics import RowEstimate
from s3_catalog.storage.files import ObjectFile

_SANDBOX = Sandbox(reader="_excel_sheets", block_bytes=4 * 1024 * 1024, memory_bytes=320 * 1024 * 1024)
_ROWS_SANDBOX = replace(_SANDBOX, reader="_excel_rows")
_MAX_CELLS, _MAX_STREAMED_CELLS = 10_000_000, 200_000
_MAX_SHEET_ROWS = 2**20
_MAX_UNPACKED_BYTES = 1024 * 1024 * 1024
_MAX_ABOVE = 200
"""Rows at the top among which the header is looked for."""
_ZIP, _OLE = b"PK\x03\x04", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_WORKBOOK_PARTS = (b"xl/workbook.", b"xl/worksheets/", b"xl/_rels/workbook.", b"mimetypeapplication/vnd.oasis.opendocument.spreadsheet")
_OLE_WORKBOOK = "Workbook".encode("utf-16-le")


@dataclass(frozen=True, slots=True, kw_only=True)
class _SheetLayout:
    """Where the table of a sheet is: `used` are the places of its columns, `typed` their cells, `body_rows` rows stand in the head."""

    header: SheetHeader
    used: Sequence[int]
    typed: Sequence[SheetColumn]
    body_rows: int
    warnings: Sequence[str]


class ExcelFormat:
    """Workbooks of Excel (`.xlsx .xlsm .xlsb .xls`) and OpenDocument (`.ods`). The whole file is read, in a process of its own.

    The hint `sheet` names the one sheet that is the table; `skip_lines` rows stand before the header, or before the first row of data.
    """

    name = "excel"
    suffixes = frozenset({".xlsx", ".xlsm", ".xlsb", ".xls", ".ods"})
    counts_cheaply = False

    def matches(self, head: bytes) -> bool:
        if head.startswith(_ZIP):
            return any(part in head for part in _WORKBOOK_PARTS)
        return head.startswith(_OLE) and _OLE_WORKBOOK in head

    def read_schema(self, file: ObjectFile, compression: str | None, limits: ReadLimits) -> FileSchema:
        return next(iter(self.read_members(file, compression, limits).values()))

    def read_members(self, file: ObjectFile, compression: str | None, limits: ReadLimits) -> Mapping[str, FileSchema]:
        source, answer = self._read_workbook(file, compression, limits, sample_rows=0)
        members = {sheet["name"]: _read_sheet(file, sheet, limits) for sheet in answer["sheets"]}
        skipped = tuple(f"sheet {name!r} left out: {reason}" for name, reason in answer["skipped"] if reason != "no cells")
        found = {name: add_warnings(schema, (*source.warnings, *skipped)) for name, schema in members.items() if schema is not None}
        if not found:
            raise _no_cells(file, skipped, limits.hints)
        return found

    def read_sample(self, file: ObjectFile, compression: str | None, limits: ReadLimits, rows: int) -> Mapping[str, Sequence[Row]]:
        """As the contract says; a workbook is read as a whole, so that there are no rows of one that is larger than a sample may cost."""

        def read(file: ObjectFile, limits: ReadLimits) -> dict[str, Iterable[Row]]:
            if file.size > limits.max_sample_bytes:
                return {}
            _, answer = self._read_workbook(file, compression, limits, sample_rows=rows + _MAX_ABOVE)
            found = {sheet["name"]: _sample_sheet(file, sheet, limits) for sheet in answer["sheets"]}
            return {name: sheet_rows for name, sheet_rows in found.items() if sheet_rows is not None}

        return sample_within(file, limits, rows, read)

    def _read_workbook(self, file: ObjectFile, compression: str | None, limits: ReadLimits, *, sample_rows: int) -> tuple[FooterFile, Any]:
        """Open a workbook, and read its sheets in the sandbox."""
        if importlib.util.find_spec("python_calamine") is None:
            raise MissingExtraError("reading workbooks", "excel")
        source = open_plain(file, self.name, compression, limits, first_bytes=_SANDBOX.block_bytes)
        head = source.file.head(_SANDBOX.block_bytes)
        if not head.startswith((_ZIP, _OLE)):
            raise UnreadableFileError(file.key, self.name, f"the bytes are {describe_bytes(head)}")
        if source.file.size > limits.max_whole_file_bytes:
            reason = (
                f"{source.file.size:,} bytes, more than the limit of {limits.max_whole_file_bytes:,} for files that are read as a whole"
            )
            raise UnreadableFileError(file.key, self.name, reason)
        answer = self._read_sheets(source.file, limits, sample_rows)
        hints = limits.hints
        if hints.sheet is not None and hints.sheet not in answer["names"]:
            reason = f"there is no sheet {hints.sheet!r}; the sheets are {', '.join(answer['names'])}"
            raise HintError(file.key, self.name, reason)
        return source, answer

    def _read_sheets(self, file: ObjectFile, limits: ReadLimits, sample_rows: int) -> Any:
        """What the sandboxed reader says of the sheets; the first rows only of a workbook that does not fit into its memory."""
        told = {"sheet": limits.hints.sheet, "skip_rows": limits.hints.skip_lines or 0, "sample_rows": sample_rows}
        options = {"max_cells": _MAX_CELLS, "max_unpacked_bytes": _MAX_UNPACKED_BYTES, **told}
        try:
            return read_sandboxed(_SANDBOX, file, self.name, options, limits)
        except OutOfMemoryError as out_of_memory:
            if importlib.util.find_spec("openpyxl") is None:
                raise
            try:
                return read_sandboxed(_ROWS_SANDBOX, file, self.name, options | {"max_cells": _MAX_STREAMED_CELLS}, limits)
            except UnreadableFileError:
                raise out_of_memory from None


def _no_cells(file: ObjectFile, skipped: Sequence[str], hints: ReadHints) -> UnreadableFileError:
    if skipped or (hints.sheet is None and not hints.skip_lines):
        return UnreadableFileError(file.key, "excel", "; ".join(skipped) if skipped else "no sheet has cells")
    what = "no sheet has" if hints.sheet is None else f"sheet {hints.sheet!r} does not have"
    after = f" after its first {hints.skip_lines} rows" if hints.skip_lines else ""
    return HintError(file.key, "excel", f"{what} cells{after}")


def _read_sheet(file: ObjectFile, sheet: Mapping[str, Any], limits: ReadLimits) -> FileSchema | None:
    """The table of one sheet; None when it has no cells."""
    found = _lay_out(file, sheet, limits)
    if found is None:
        return None
    columns, conflicts = type_columns(file.key, found.typed, limits.hints)
    warnings, header = list(found.warnings), found.header
    if not sheet["complete"]:
        warnings.append("only the first rows were read: the workbook is too large to be read as a whole")
    rows = found.body_rows + sheet["rows"]
    return FileSchema(
        columns=columns,
        row_count=rows if sheet["complete"] else None,
        row_estimate=_estimate(sheet, rows),
        conflicts=conflicts,
        warnings=tuple(warnings),
        details=_details(sheet, sheet["above"] + header.skipped, has_names=any(header.names)),
    )


def _sample_sheet(file: ObjectFile, sheet: Mapping[str, Any], limits: ReadLimits) -> Iterable[Row] | None:
    """The first rows of one sheet; None when it has no cells."""
    found = _lay_out(file, sheet, limits)
    if found is None:
        return None
    columns, _ = type_columns(file.key, found.typed, limits.hints)
    by_place = {place: (column.name, column.type) for place, column in zip(found.used, columns, strict=True)}
    return read_rows(sheet["sample"][found.header.first_row :], by_place)


def _lay_out(file: ObjectFile, sheet: Mapping[str, Any], limits: ReadLimits) -> _SheetLayout | None:
    head: list[list[Cell]] = [[(kind, text) for kind, text in row] for row in sheet["head"]]
    width = max([*(len(row) for row in head), len(sheet["kinds"])], default=0)
    if not any(kind for row in head for kind, _ in row) and not sheet["rows"]:
        return None
    merged: list[Merged] = [(a, b, c, d) for a, b, c, d in sheet["merged"]]
    hints = limits.hints
    header = find_header(head, merged, width, told=hints.header, at_top=hints.skip_lines is not None)
    body = [row for row in head[header.first_row :] if any(kind for kind, _ in row)]
    counts = [_count_kinds(sheet, body, i) for i in range(width)]
    used = [i for i in range(width) if header.names[i] or counts[i]]
    refuse_many_columns(file, "excel", len(used), limits)
    names, warnings = name_columns([header.names[i] for i in used], len(used))
    typed = [SheetColumn(name=name, kinds=counts[i], cells=_kept_cells(sheet, body, i)) for name, i in zip(names, used, strict=True)]
    return _SheetLayout(header=header, used=used, typed=typed, body_rows=len(body), warnings=warnings)


def _count_kinds(sheet: Mapping[str, Any], body: Sequence[Sequence[Cell]], column: int) -> Counter[str]:
    counts = Counter(row[column][0] for row in body if column < len(row) and row[column][0])
    counts.update(sheet["kinds"][column] if column < len(sheet["kinds"]) else {})
    return counts


def _kept_cells(sheet: Mapping[str, Any], body: Sequence[Sequence[Cell]], column: int) -> list[Cell]:
    below = sheet["examples"][column].items() if column < len(sheet["examples"]) else ()
    return [*(row[column] for row in body if column < len(row)), *((kind, text) for kind, text in below)]


def _estimate(sheet: Mapping[str, Any], rows: int) -> RowEstimate | None:
    """The rows of a sheet that was read in part, where it says how far it reaches: as many of the rest are filled as of those seen."""
    if sheet["complete"] or not sheet["height"]:
        return None
    unseen = max(0, min(int(sheet["height"]), _MAX_SHEET_ROWS) - sheet["seen"])
    share = rows / max(1, sheet["seen"] - sheet["above"])
    return RowEstimate(rows + round(unseen * min(1.0, share)), rows, rows + unseen)


def _details(sheet: Mapping[str, Any], skipped: int, *, has_names: bool) -> dict[str, str]:
    details = {"sheet": str(sheet["name"]), "header": "true" if has_names else "false"}
    if skipped:
        details["skipped_rows"] = str(skipped)
    if sheet["visibility"] != "Visible":
        details["visibility"] = {"Hidden": "hidden", "VeryHidden": "very hidden"}.get(sheet["visibility"], "hidden")
    return details


FORMAT = ExcelFormat()
