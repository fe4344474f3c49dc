"""The cells of a sheet as Python values. Pure."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import pyarrow as pa
import pyarrow.types as pt

from s3_catalog.formats import Row

_MICROSECOND = dt.timedelta(microseconds=1)


def read_rows(rows: Sequence[Sequence[Any]], columns: Mapping[int, tuple[str, pa.DataType]]) -> Iterator[Row]:
    """Give rows that are not empty by column name; an empty cell is None.

    Args:
        rows: cells as pairs of kind and text, as `_excel_sheets` gives them below the header.
        columns: name and type of each column that is used, by its place in a row.
    """
    for row in rows:
        if any(kind for kind, _ in row):
            yield {name: _value(row[i][0], row[i][1], arrow_type) if i < len(row) else None for i, (name, arrow_type) in columns.items()}


def _value(kind: str, text: str, arrow_type: pa.DataType) -> object:
    match kind:
        case "":
            return None
        case "integer":
            return int(text)
        case "large" | "double":
            return float(text)
        case "boolean":
            return text == "True"
        case "time":
            return dt.time.fromisoformat(text)
        case "duration":
            return int(text) * _MICROSECOND
        case "timestamp":
            return dt.datetime.fromisoformat(text)
        case "date":
            # a moment at midnight is a date to the reader of the cells
            moment = dt.datetime.fromisoformat(text)
            return moment if pt.is_timestamp(arrow_type) else moment.date()
    return text
