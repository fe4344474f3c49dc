"""What footers and logs know of a column's values, as it may be shown, and as part of its profile."""

from __future__ import annotations

from dataclasses import replace

from s3_catalog.model.description import Basis, ColumnProfile
from s3_catalog.model.statistics import ColumnStatistics
from s3_catalog.model.tables import Column
from s3_catalog.profiling.columns import Mask


def masked_statistics(column: Column, label: str | None, mask: Mask) -> ColumnStatistics | None:
    """The statistics of a column without the values of one that holds personal data, and with the others masked.

    Args:
        label: the kind of personal data that the column holds as a whole.
    """
    found = column.statistics
    if found is None or (found.min is None and found.max is None):
        return found
    if label is not None:
        return replace(found, min=None, max=None)
    low, high = (None if value is None else str(mask(column.name, value)) for value in (found.min, found.max))
    return replace(found, min=low, max=high)


def with_footers(column: Column, profile: ColumnProfile | None, label: str | None, mask: Mask) -> ColumnProfile | None:
    """A profile with null count and bounds of all rows, where footers or a log tell them exactly; None where nothing is known."""
    found = masked_statistics(column, label, mask)
    if found is None or not found.complete:
        return profile
    if profile is None:
        profile = ColumnProfile(column=column.name, basis=Basis.FOOTERS, bounds_basis=Basis.FOOTERS, rows=0)
    knows_bounds = found.exact and found.min is not None and found.max is not None
    return replace(
        profile,
        bounds_basis=Basis.FOOTERS if knows_bounds or found.null_count is not None else profile.bounds_basis,
        null_count=profile.null_count if found.null_count is None else found.null_count,
        min=found.min if knows_bounds else profile.min,
        max=found.max if knows_bounds else profile.max,
    )
