"""A second look at a description, by nothing but what it shows: is personal data tagged, and is none to be seen?"""

from __future__ import annotations

import json
import re

from s3_catalog.describing.tables import NOT_DESCRIBED
from s3_catalog.model.tables import Table
from s3_catalog.tagging import detectors
from s3_catalog.tagging.scanning import columns_of, detect_columns

Finding = tuple[str, str]
"""Table or column, and what is wrong with it. No value."""


def find_untagged(table: Table) -> list[Finding]:
    """Columns that nobody knows enough of: masked without a tag, or not looked at because a detector failed."""
    description = table.description
    if description is None:
        return [(table.name, "not described")] if table.columns else []
    tagged = {tag.column for tag in description.tags}
    masked = [(f"{table.name}.{column}", "masked, and has no tag") for column in description.sample.masked if column not in tagged]
    return [*masked, *((table.name, warning) for warning in description.warnings if warning.startswith(("detector ", NOT_DESCRIBED)))]


def find_unmasked(table: Table) -> list[Finding]:
    """Columns in whose sample or figures a detector still finds personal data."""
    description = table.description
    if description is None:
        return []
    rows = columns_of(json.loads(_without_kinds(row)) for row in description.sample.rows)
    shown = {column: [value for value in values if value is not None] for column, values in rows.items()}
    for profile in description.columns:
        figures = [profile.min, profile.max, *(v for _, v in profile.quantiles), *(v for v, _ in profile.top_values)]
        shown.setdefault(profile.column, []).extend(_without_kinds(value) for value in figures if value is not None)
    detections = detect_columns(shown, table=table.name)
    failures = [
        (f"{table.name}.{failure.column}", f"detector {failure.detector} failed: {failure.error}") for failure in detections.failures
    ]
    return [*((f"{table.name}.{found.column}", f"{found.detector}: {found.evidence}") for found in detections.found), *failures]


def _without_kinds(text: str) -> str:
    """Take out what masking wrote in the place of values: where a column's name speaks for a kind, any text would be taken for one."""
    kinds = "|".join(re.escape(detector.label) for detector in detectors().values())
    return re.sub(f"<(?:{kinds}|not shown)>", "", text)
