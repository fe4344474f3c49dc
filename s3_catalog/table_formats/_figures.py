"""Figures of a column that a log gives, as a catalog shows them. Pure."""

from __future__ import annotations

import pyarrow as pa

from s3_catalog.model.statistics import ColumnStatistics, value_text


def state_figures(
    *,
    null_count: int | None,
    low: pa.Scalar | None,
    high: pa.Scalar | None,
    exact: bool,
    size_bytes: int | None = None,
) -> ColumnStatistics | None:
    """Write the figures of all live files of a table; None where nothing is known.

    Args:
        low, high: no value lies outside.
        exact: both occur, as far as they are known.
    """
    low_text, high_text = value_text(low), value_text(high)
    texts = [text for text in (low_text, high_text) if text is not None]
    if null_count is None and size_bytes is None and not texts:
        return None
    return ColumnStatistics(
        null_count=null_count,
        min=low_text,
        max=high_text,
        size_bytes=size_bytes,
        exact=not texts or (exact and not any(text.endswith("…") for text in texts)),
    )


def is_whole_text(value: pa.Scalar | None, *, characters: int, size: int) -> bool:
    """Whether a bound is too short to be a longer text that was cut; True for what is no text.

    Args:
        characters, size: texts of at least so many characters, or bytes of UTF-8, may have been cut.
    """
    if value is None or not value.is_valid or not (pa.types.is_string(value.type) or pa.types.is_large_string(value.type)):
        return True
    text: str = value.as_py()
    return len(text) < characters and len(text.encode()) < size
