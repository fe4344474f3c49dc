"""Column statistics as AWS Glue keeps them, for the planners of Athena, Trino and Redshift.

Pure. Glue wants nulls and distinct values together, so a column is told only where both are known: exact nulls and bounds of all files,
and distinct values from its profile.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from decimal import Decimal, InvalidOperation
from typing import Any

import pyarrow.types as pt

from s3_catalog.catalogs._glue_types import hive_type
from s3_catalog.model.description import Basis, ColumnProfile
from s3_catalog.model.statistics import ColumnStatistics
from s3_catalog.model.tables import Column, Table

_EPOCH = date(1970, 1, 1)


def build_statistics(table: Table, columns: Mapping[str, Column]) -> tuple[dict[str, Any], ...]:
    """`ColumnStatisticsData` of the columns that are known well enough, without the time of the analysis.

    Args:
        columns: by their names in Glue.
    """
    profiles = {profile.column: profile for profile in table.description.columns} if table.description else {}
    found = []
    for name, column in columns.items():
        statistics, profile = column.statistics, profiles.get(column.name)
        if statistics is None or profile is None or not statistics.complete or statistics.null_count is None:
            continue
        distinct = _count_distinct(profile, statistics.null_count, table.row_count)
        data = None if distinct is None else _describe(column, statistics, distinct, profile)
        if data is not None:
            found.append({"ColumnName": name, "ColumnType": hive_type(column.type) or "binary", "StatisticsData": data})
    return tuple(found)


def _count_distinct(profile: ColumnProfile, nulls: int, rows: int | None) -> int | None:
    """Distinct values of the whole column. In a sample without repetition every value is taken to be its own."""
    if profile.distinct is None:
        return None
    looked_at = profile.rows - (profile.null_count or 0)
    if profile.basis is Basis.SAMPLE and profile.distinct >= looked_at > 0 and rows is not None:
        return rows - nulls
    return profile.distinct


def _describe(column: Column, known: ColumnStatistics, distinct: int, profile: ColumnProfile) -> dict[str, Any] | None:
    counts = {"NumberOfNulls": known.null_count, "NumberOfDistinctValues": distinct}
    arrow_type = column.type
    if pt.is_dictionary(arrow_type):
        arrow_type = arrow_type.value_type
    if pt.is_integer(arrow_type):
        return _bounded("LONG", "LongColumnStatisticsData", counts, known, int)
    if pt.is_floating(arrow_type):
        return _bounded("DOUBLE", "DoubleColumnStatisticsData", counts, known, float)
    if pt.is_date(arrow_type):
        return _bounded("DATE", "DateColumnStatisticsData", counts, known, _read_date)
    if pt.is_decimal(arrow_type):
        return _bounded("DECIMAL", "DecimalColumnStatisticsData", counts, known, _read_decimal)
    if pt.is_string(arrow_type) or pt.is_large_string(arrow_type):
        if profile.max_length is None or profile.mean_length is None:
            return None
        lengths = {"MaximumLength": profile.max_length, "AverageLength": profile.mean_length}
        return {"Type": "STRING", "StringColumnStatisticsData": {**lengths, **counts}}
    return None


def _bounded(kind: str, name: str, counts: Mapping[str, Any], known: ColumnStatistics, read: Any) -> dict[str, Any]:
    bounds = {}
    for key, text in (("MinimumValue", known.min), ("MaximumValue", known.max)):
        try:
            value = None if text is None else read(text)
        except (ValueError, InvalidOperation):  # a bound that was masked is no number
            value = None
        if value is not None:
            bounds[key] = value
    return {"Type": kind, name: {**counts, **bounds}}


def _read_date(text: str) -> Any:
    # Glue takes a time; days since 1970 make the same one in every zone.
    return (date.fromisoformat(text) - _EPOCH).days * 86_400


def _read_decimal(text: str) -> dict[str, Any]:
    _, digits, exponent = (number := Decimal(text)).as_tuple()
    if not isinstance(exponent, int):
        raise ValueError("not a finite number")
    scale = max(-exponent, 0)
    unscaled = int(number.scaleb(scale)) if digits else 0
    return {"UnscaledValue": unscaled.to_bytes(unscaled.bit_length() // 8 + 1, "big", signed=True), "Scale": scale}
