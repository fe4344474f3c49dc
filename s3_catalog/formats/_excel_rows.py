"""The first rows of workbooks too large for `_excel_sheets`, by openpyxl, which reads a sheet row by row. Runs in the sandboxed process."""

from __future__ import annotations

import datetime as dt
import warnings
from collections.abc import Iterable, Iterator, Mapping
from itertools import islice
from typing import Any, BinaryIO

from s3_catalog.formats._excel_sheets import MAX_SHEETS, SheetSample, summarize
from s3_catalog.formats._sandbox_process import RefusedError

_MAX_ROWS = 50_000
_MIDNIGHT = dt.time()


def prepare() -> None:
    """Import what reading needs, before files are opened no more."""
    import openpyxl
    import openpyxl.reader.excel
    import openpyxl.worksheet._read_only  # noqa: F401

    warnings.simplefilter("ignore")  # of extensions that openpyxl does not know


def read(file: BinaryIO, options: Mapping[str, Any]) -> dict[str, Any]:
    """Read the first rows of all worksheets, or of one; in and out as in `_excel_sheets.read`. Merged cells are not known."""
    import openpyxl

    try:
        workbook = openpyxl.load_workbook(file, read_only=True, data_only=True)
    except (ValueError, KeyError, TypeError, OSError) as error:
        raise RefusedError("not a workbook, or a corrupt one") from error
    cells = int(options["max_cells"])
    sheets = list[dict[str, Any]]()
    wanted = [sheet for sheet in workbook.worksheets if options["sheet"] in (None, sheet.title)]
    for sheet in wanted[:MAX_SHEETS]:
        rows = islice(sheet.iter_rows(values_only=True), options["skip_rows"] + _MAX_ROWS)
        found = summarize(_rows(rows), cells, options["skip_rows"], SheetSample(options["sample_rows"], len(wanted)))
        cells -= found.pop("cells")
        # The sheet's own word for how far it reaches, which some writers leave out.
        about = {"name": sheet.title, "visibility": _VISIBILITY.get(sheet.sheet_state, "Hidden"), "height": sheet.max_row}
        sheets.append(found | about | {"complete": False})
    return {"sheets": sheets, "skipped": [], "names": [sheet.title for sheet in workbook.worksheets[:MAX_SHEETS]]}


def _rows(rows: Iterable[tuple[Any, ...]]) -> Iterator[list[Any]]:
    for row in rows:
        yield [_value(value) for value in row]


def _value(value: Any) -> Any:
    """A cell as calamine gives it: numbers are doubles, a moment at midnight is a date."""
    if isinstance(value, dt.datetime) and value.time() == _MIDNIGHT:
        return value.date()
    return float(value) if type(value) is int else value


_VISIBILITY = {"visible": "Visible", "hidden": "Hidden", "veryHidden": "VeryHidden"}
