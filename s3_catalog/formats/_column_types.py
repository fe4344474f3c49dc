"""The type of a column of delimited text: what people say, else what its values tell."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace

import pyarrow as pa

from s3_catalog.formats._hints import ReadHints
from s3_catalog.formats._type_hints import find_misfit, is_written_as
from s3_catalog.formats._values import NULL_MARKERS, ValueType, infer_value_type
from s3_catalog.model.types import type_text


def null_texts(hints: ReadHints) -> Collection[str]:
    """The texts that stand for no value: those people name, and no others, where they name any; the empty text always."""
    return NULL_MARKERS if hints.null_markers is None else frozenset({"", *hints.null_markers})


def infer_column(values: Sequence[str], hints: ReadHints, *, comma_is_decimal: bool) -> ValueType:
    """Find the type of a column whose type nobody named, by the formats and marks that people say the file has."""
    nulls = null_texts(hints)
    return _find_dates(values, hints, nulls) or infer_value_type(
        values, comma_is_decimal=comma_is_decimal, decimal=hints.decimal, nulls=nulls
    )


def pin_column(found: ValueType, values: Sequence[str], wanted: pa.DataType, hints: ReadHints) -> ValueType | str:
    """Give a column the type that people name, or give the first value that is none."""
    nulls = null_texts(hints)
    layout = hints.date_format if pa.types.is_date(wanted) else hints.timestamp_format if pa.types.is_timestamp(wanted) else None
    if layout is not None or type_text(found.type) != type_text(wanted):
        misfit = find_misfit(values, wanted, hints, nulls=nulls)
        if misfit is not None:
            return misfit
    texts = [value.strip() for value in values]
    marked = () if pa.types.is_string(wanted) else tuple(sorted({text for text in texts if text in nulls} - {""}))
    present = sum(text not in nulls for text in texts)
    return replace(found, type=wanted, warning=None, nulls=marked, certainty=1.0, reason=f"said to be, and {present} values are")


def _find_dates(values: Sequence[str], hints: ReadHints, nulls: Collection[str]) -> ValueType | None:
    """The type of a column whose values are all written as people say that dates or timestamps are."""
    layouts = [layout for layout in (hints.date_format, hints.timestamp_format) if layout]
    texts = [value.strip() for value in values]
    present = [text for text in texts if text not in nulls]
    if not layouts or not present:
        return None
    distinct = dict.fromkeys(present)
    if not all(any(is_written_as(text, layout) for layout in layouts) for text in distinct):
        return None
    only_dates = hints.date_format is not None and all(is_written_as(text, hints.date_format) for text in distinct)
    zone = "UTC" if hints.timestamp_format and "%z" in hints.timestamp_format else None
    return ValueType(
        type=pa.date32() if only_dates else pa.timestamp("us", tz=zone),
        nulls=tuple(sorted(set(texts) & set(nulls) - {""})),
        certainty=(len(present) + 1) / (len(present) + 2),
        reason=f"all {len(present)} values are {'dates' if only_dates else 'timestamps'} as said",
    )
