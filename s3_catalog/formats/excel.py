"""Excel and OpenDocument workbooks: one table per worksheet that is not empty. Needs the extra `excel`."""

from __future__ import annotations

import importlib.util
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import pyarrow as pa

from s3_catalog.errors import MissingExtraError, UnreadableFileError
from s3_catalog.formats import FileSchema, ReadLimits
from s3_catalog.formats._excel_header import Cell, Merged, find_header
from s3_catalog.formats._footer import refuse_many_columns
from s3_catalog.formats._header import name_columns
from s3_catalog.formats._magic import describe_bytes
from s3_catalog.formats._sandbox import OutOfMemoryError, Sandbox, read_sandboxed
from s3_catalog.formats._whole import add_warnings, open_plain
from s3_catalog.model.tables import Column, TypeConflict
from s3_catalog.model.types import merge_types, type_text
from s3_catalog.storage.files import ObjectFile

_SANDBOX = Sandbox(reader="_excel_sheets", block_bytes=4 * 1024 * 1024, memory_bytes=320 * 1024 * 1024)
_ROWS_SANDBOX = replace(_SANDBOX, reader="_excel_rows")
_MAX_CELLS, _MAX_STREAMED_CELLS = 10_000_000, 200_000
_MAX_UNPACKED_BYTES = 1024 * 1024 * 1024
_ZIP, _OLE = b"PK\x03\x04", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_WORKBOOK_PARTS = (b"xl/workbook.", b"xl/worksheets/", b"xl/_rels/workbook.", b"mimetypeapplication/vnd.oasis.opendocument.spreadsheet")
_OLE_WORKBOOK = "Workbook".encode("utf-16-le")
_KIND_TYPES = {
    "integer": pa.int64(),
    "large": pa.float64(),
    "double": pa.float64(),
    "boolean": pa.bool_(),
    "string": pa.string(),
    "date": pa.date32(),
    "timestamp": pa.timestamp("us"),
    "time": pa.time64("us"),
    "duration": pa.duration("us"),
}


class ExcelFormat:
    """Workbooks of Excel (`.xlsx .xlsm .xlsb .xls`) and OpenDocument (`.ods`). The whole file is read, in a process of its own."""

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
        answer = self._read_sheets(source.file, limits)
        members = {sheet["name"]: _read_sheet(file, sheet, limits) for sheet in answer["sheets"]}
        skipped = tuple(f"sheet {name!r} left out: {reason}" for name, reason in answer["skipped"] if reason != "no cells")
        found = {name: add_warnings(schema, (*source.warnings, *skipped)) for name, schema in members.items() if schema is not None}
        if not found:
            reason = "; ".join(skipped) if skipped else "no sheet has cells"
            raise UnreadableFileError(file.key, self.name, reason)
        return found

    def _read_sheets(self, file: ObjectFile, limits: ReadLimits) -> Any:
        """What the sandboxed reader says of the sheets; the first rows only of a workbook that does not fit into its memory."""
        options = {"max_cells": _MAX_CELLS, "max_unpacked_bytes": _MAX_UNPACKED_BYTES}
        try:
            return read_sandboxed(_SANDBOX, file, self.name, options, limits)
        except OutOfMemoryError as out_of_memory:
            if importlib.util.find_spec("openpyxl") is None:
                raise
            try:
                return read_sandboxed(_ROWS_SANDBOX, file, self.name, options | {"max_cells": _MAX_STREAMED_CELLS}, limits)
            except UnreadableFileError:
                raise out_of_memory from None


def _read_sheet(file: ObjectFile, sheet: Mapping[str, Any], limits: ReadLimits) -> FileSchema | None:
    """The table of one sheet; None when it has no cells."""
    head: list[list[Cell]] = [[(kind, text) for kind, text in row] for row in sheet["head"]]
    width = max([*(len(row) for row in head), len(sheet["kinds"])], default=0)
    if not any(kind for row in head for kind, _ in row) and not sheet["rows"]:
        return None
    merged: list[Merged] = [(a, b, c, d) for a, b, c, d in sheet["merged"]]
    header = find_header(head, merged, width)
    body = [row for row in head[header.first_row :] if any(kind for kind, _ in row)]
    counts = [Counter(row[i][0] for row in body if i < len(row) and row[i][0]) for i in range(width)]
    for count, more in zip(counts, sheet["kinds"], strict=False):
        count.update(more)
    used = [i for i in range(width) if header.names[i] or counts[i]]
    refuse_many_columns(file, "excel", len(used), limits)
    names, warnings = name_columns([header.names[i] for i in used], len(used))
    columns, conflicts = _type_columns(file.key, names, [counts[i] for i in used])
    if not sheet["complete"]:
        warnings.append("only the first rows were read: the workbook is too large to be read as a whole")
    return FileSchema(
        columns=columns,
        row_count=len(body) + sheet["rows"] if sheet["complete"] else None,
        conflicts=conflicts,
        warnings=tuple(warnings),
        details=_details(sheet, sheet["above"] + header.skipped, has_names=any(header.names)),
    )


def _type_columns(key: str, names: Sequence[str], counts: Sequence[Counter[str]]) -> tuple[tuple[Column, ...], tuple[TypeConflict, ...]]:
    columns, conflicts = list[Column](), list[TypeConflict]()
    for name, kinds in zip(names, counts, strict=True):
        arrow_type: pa.DataType = pa.null()
        for kind, _ in kinds.most_common():
            merge = merge_types(arrow_type, _KIND_TYPES[kind])
            if not merge.lossless:
                found = type_text(_KIND_TYPES[kind])
                conflicts.append(
                    TypeConflict(column=name, expected=type_text(arrow_type), found=found, resolved=type_text(merge.type), key=key)
                )
            arrow_type = merge.type
        columns.append(Column(name=name, type=arrow_type, source_type="duration" if pa.types.is_duration(arrow_type) else None))
    return tuple(columns), tuple(conflicts)


def _details(sheet: Mapping[str, Any], skipped: int, *, has_names: bool) -> dict[str, str]:
    details = {"sheet": str(sheet["name"]), "header": "true" if has_names else "false"}
    if skipped:
        details["skipped_rows"] = str(skipped)
    if sheet["visibility"] != "Visible":
        details["visibility"] = {"Hidden": "hidden", "VeryHidden": "very hidden"}.get(sheet["visibility"], "hidden")
    return details


FORMAT = ExcelFormat()
