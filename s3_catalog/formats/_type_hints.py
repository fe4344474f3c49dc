"""Whether texts are values of the type that people say a column has. The text formats ask; typed formats compare types instead."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from datetime import datetime

import pyarrow as pa
import pyarrow.types as pt

from s3_catalog.formats._hints import ReadHints
from s3_catalog.model.types import type_text

_SHOWN_CHARACTERS = 40


def find_misfit(values: Iterable[str], wanted: pa.DataType, hints: ReadHints, *, nulls: Collection[str] = ("",)) -> str | None:
    """The first text that is no value of a type; None when all are. Texts in `nulls` stand for no value."""
    texts = [text for text in values if text not in nulls]
    if pt.is_string(wanted) or pt.is_binary(wanted):
        return None
    layout = hints.date_format if pt.is_date(wanted) else hints.timestamp_format if pt.is_timestamp(wanted) else None
    if layout is not None:
        return next((text for text in texts if not _is_written_as(text, layout)), None)
    if hints.decimal == ",":
        texts = [text.replace(".", "").replace(",", ".") for text in texts]
    if _are_all(texts, wanted):
        return None
    return next(text for text in texts if not _are_all([text], wanted))


def describe_misfit(column: str, wanted: pa.DataType, value: str) -> str:
    """Say for a `HintError` which value is none of the type."""
    shown = value if len(value) <= _SHOWN_CHARACTERS else f"{value[:_SHOWN_CHARACTERS]}…"
    return f"column {column!r} is said to be {type_text(wanted)}, and {shown!r} is none"


def _are_all(texts: list[str], wanted: pa.DataType) -> bool:
    try:
        pa.array([text.strip() for text in texts], pa.string()).cast(wanted)
    except (pa.ArrowException, UnicodeEncodeError):
        return False
    return True


def _is_written_as(text: str, layout: str) -> bool:
    try:
        datetime.strptime(text.strip(), layout)  # noqa: DTZ007 - only whether it can be read is asked
    except ValueError:
        return False
    return True
