"""Minima and maxima of columns are values too: they are masked before anything keeps them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from string import punctuation

import pyarrow as pa

from s3_catalog.model.statistics import ColumnStatistics
from s3_catalog.model.tables import Column
from s3_catalog.tagging.masking import Masker
from s3_catalog.tagging.scanning import detect_columns


def mask_bounds(columns: Sequence[Column], table: str) -> tuple[Column, ...]:
    """Mask the bounds in the statistics of columns by what the columns' names and the bounds themselves tell.

    Args:
        table: the table's name.
    """
    bounds = {c.name: [v for v in (c.statistics.min, c.statistics.max) if v is not None] for c in columns if c.statistics is not None}
    bounds = {name: values for name, values in bounds.items() if values}
    if not bounds:
        return tuple(columns)
    detections = detect_columns(bounds, table=table)
    masker = Masker(detections)
    # While a detector fails nobody knows what a value is.
    hidden = set(bounds) if detections.failures else {found.column for found in detections.found if not found.inside}
    return tuple(replace(c, statistics=mask_statistics(c, masker, hidden=c.name in hidden)) if c.name in bounds else c for c in columns)


def mask_statistics(column: Column, masker: Masker, *, hidden: bool) -> ColumnStatistics | None:
    """The statistics of a column with its bounds masked; without bounds where the whole column is `hidden`.

    A text that may have been cut (by its writer, or by us) is shown if it is words only: half a number or address is no longer known
    for one.
    """
    found = column.statistics
    if found is None or (found.min is None and found.max is None):
        return found
    may_be_cut = not found.exact and _holds_text(column.type)
    if hidden or (may_be_cut and not all(_is_words(bound) for bound in (found.min, found.max) if bound is not None)):
        return replace(found, min=None, max=None)
    low, high = (None if value is None else str(masker.mask(column.name, value)) for value in (found.min, found.max))
    return replace(found, min=low, max=high)


def _holds_text(arrow_type: pa.DataType) -> bool:
    if pa.types.is_dictionary(arrow_type):
        return _holds_text(arrow_type.value_type)
    return bool(pa.types.is_string(arrow_type) or pa.types.is_large_string(arrow_type) or pa.types.is_string_view(arrow_type))


def _is_words(text: str) -> bool:
    return not any(c.isdigit() or c in punctuation for c in text)
