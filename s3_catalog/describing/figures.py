"""What footers and logs know of all rows goes before what a sample tells."""

from __future__ import annotations

from dataclasses import replace

from s3_catalog.model.description import Basis, ColumnProfile
from s3_catalog.model.tables import Column
from s3_catalog.tagging.bounds import mask_statistics
from s3_catalog.tagging.masking import Masker


def with_footers(column: Column, profile: ColumnProfile | None, masker: Masker, *, hidden: bool) -> ColumnProfile | None:
    """A profile with null count and bounds of all rows, where footers or a log tell them exactly; None where nothing is known.

    Args:
        hidden: no value of the column may be shown.
    """
    found = mask_statistics(column, masker, hidden=hidden)
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
