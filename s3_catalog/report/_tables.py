"""One table as the page needs it: the head, which is searched and listed, and the rest, which is read when somebody looks at the table."""

from __future__ import annotations

import json
from typing import Any

from s3_catalog.model.description import Description, FileProfile, Sample
from s3_catalog.model.statistics import RowEstimate
from s3_catalog.model.tables import Table
from s3_catalog.report._columns import ColumnNames, describe_columns, describe_tag
from s3_catalog.report._partitions import describe_partitions
from s3_catalog.report._texts import MAX_NAME, cell, cut, known, number, some, time_text

_MOST_WARNINGS = 100
_MOST_KEYS = 20
_OWN_PLACE = ("format", "schema_rules", "writer_schema")
"""Details of a table that are shown elsewhere, or mean nothing to people."""


def describe_head(table: Table) -> dict[str, Any]:
    """What the list of tables shows and searches."""
    layout, description = table.layout, table.description or Description()
    always = {
        "name": cut(table.name, MAX_NAME),
        "location": cut(layout.uri, MAX_NAME),
        "format": cut(table.format, MAX_NAME),
        "objects": number(layout.object_count),
        "size": number(layout.size_bytes),
    }
    return always | known(
        {
            "columns": [cut(name, MAX_NAME) for name in _column_names(table)],
            "tags": list(dict.fromkeys(cut(tag.name, MAX_NAME) for tag in description.tags)),
            "owners": [cut(owner, MAX_NAME) for owner in description.owners],
            "rows": number(table.row_count),
            "estimate": None if table.row_count is not None else _describe_estimate(table.row_estimate),
            "newest": time_text(layout.newest),
            "warnings": len(layout.warnings) + len(table.warnings) + len(description.warnings) + len(table.conflicts),
        }
    )


def describe_page(table: Table, *, sample_rows: int) -> dict[str, Any]:
    """All else of a table. Columns are in the order of the head's, partition columns last."""
    layout, description = table.layout, table.description or Description()
    names = ColumnNames(_column_names(table))
    warnings = [*layout.warnings, *table.warnings, *description.warnings]
    evidence = layout.evidence
    return known(
        {
            "described": table.description is not None,
            "text": cut(description.text or ""),
            "owners": [cut(owner, MAX_NAME) for owner in description.owners],
            "tags": [describe_tag(tag) for tag in description.tags if tag.column is None or names.find(tag.column) is None],
            "evidence": [cut(text) for text in (evidence.rule, evidence.reason, evidence.runner_up)],
            "warnings": [cut(warning) for warning in some(warnings, _MOST_WARNINGS)],
            "conflicts": [
                [cut(text, MAX_NAME) for text in (c.column, c.expected, c.found, c.resolved, c.key)]
                for c in some(table.conflicts, _MOST_WARNINGS)
            ],
            "columns": describe_columns(table, names),
            "partitions": describe_partitions(layout.partition_columns, table.partitions),
            "sample": _describe_sample(description.sample, sample_rows, described=table.description is not None),
            "files": _describe_files(description.files) if description.files else None,
            "details": [
                [cut(name, MAX_NAME), cut(value)]
                for name, value in table.details
                if name not in _OWN_PLACE and names.find_fact(name) is None
            ],
            "keys": [cut(key, MAX_NAME) for key in some(table.sampled_keys, _MOST_KEYS)],
            "keyCount": len(table.sampled_keys),
        }
    )


def _column_names(table: Table) -> list[str]:
    return [*(column.name for column in table.columns), *(column.name for column in table.layout.partition_columns)]


def _describe_estimate(estimate: RowEstimate | None) -> list[Any] | None:
    return None if estimate is None else [number(figure) for figure in (estimate.rows, estimate.low, estimate.high)]


def _describe_sample(sample: Sample, most: int, *, described: bool) -> dict[str, Any]:
    """Rows as lists of cells; the names of their columns once."""
    if sample.withheld is not None or not sample.rows:
        unknown = "there are none" if described else "this table has not been described"
        return {"withheld": cut(sample.withheld or unknown)}
    rows = [_read_row(row) for row in some(sample.rows, most)]
    names = list(dict.fromkeys(name for row in rows for name in row))
    return {
        "columns": [cut(name, MAX_NAME) for name in names],
        "rows": [[cell(row.get(name)) for name in names] for row in rows],
        "masked": [cut(path, MAX_NAME) for path in sample.masked],
        "count": len(sample.rows),
    }


def _read_row(text: str) -> dict[str, object]:
    """The values of a row; a row that cannot be read is shown as it is."""
    try:
        row = json.loads(text)
    except (ValueError, RecursionError):
        row = None
    return row if isinstance(row, dict) else {"(row)": text}


def _describe_files(profile: FileProfile) -> dict[str, Any]:
    return known(
        {
            "smallest": number(profile.smallest),
            "median": number(profile.median),
            "largest": number(profile.largest),
            "small": number(profile.small_files),
            "smallBytes": number(profile.small_bytes),
            "skew": number(profile.partition_skew),
        }
    )
