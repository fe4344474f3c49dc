"""Profiles and samples as OpenMetadata takes them: of top columns alone, masked values only, without the time of writing."""

from __future__ import annotations

import json
import math
from typing import Any

import pyarrow.types as pt

from s3_catalog.catalogs._om_columns import Body, MappedColumns
from s3_catalog.model.description import ColumnProfile
from s3_catalog.model.tables import Table


def profile_body(table: Table, mapped: MappedColumns) -> Body:
    """The body of `tableProfile`, its timestamps missing. Minima and maxima come from masked profiles, never from footers."""
    estimate = table.row_estimate
    metrics = [{"name": "objectCount", "value": float(table.layout.object_count)}]
    if estimate is not None and table.row_count is None:
        metrics.append({"name": "rowEstimate", "value": float(estimate.rows)})
    body: Body = {"columnCount": float(len(mapped.bodies)), "sizeInByte": float(table.layout.size_bytes), "customMetrics": metrics}
    if table.row_count is not None:
        body["rowCount"] = float(table.row_count)
    numeric = {c.name for c in table.columns if pt.is_integer(c.type) or pt.is_floating(c.type) or pt.is_decimal(c.type)}
    profiles = table.description.columns if table.description else ()
    columns = [_column_body(p, mapped.tops[p.column], number=p.column in numeric) for p in profiles if p.column in mapped.tops]
    return {"tableProfile": body, **({"columnProfile": columns} if columns else {})}


def date_profile(profile: Body | None, now: int) -> Body | None:
    """A profile with the time that the server asks for, in milliseconds since 1970."""
    if profile is None:
        return None
    columns = [{**column, "timestamp": now} for column in profile.get("columnProfile", ())]
    return {"tableProfile": {**profile["tableProfile"], "timestamp": now}, **({"columnProfile": columns} if columns else {})}


def _column_body(profile: ColumnProfile, name: str, *, number: bool) -> Body:
    quantiles = {share: _number(value) for share, value in profile.quantiles}
    body: Body = {
        "name": name,
        "valuesCount": None if profile.null_count is None else float(max(0, profile.rows - profile.null_count)),
        "nullCount": _float(profile.null_count),
        "nullProportion": None if profile.null_count is None or not profile.rows else min(1.0, profile.null_count / profile.rows),
        "distinctCount": _float(profile.distinct),
        "distinctProportion": None if profile.distinct is None or not profile.rows else min(1.0, profile.distinct / profile.rows),
        "min": _bound(profile.min, number=number),
        "max": _bound(profile.max, number=number),
        "minLength": _float(profile.min_length),
        "maxLength": _float(profile.max_length),
        "mean": _float(profile.mean),
        "firstQuartile": quantiles.get(0.25),
        "median": quantiles.get(0.5),
        "thirdQuartile": quantiles.get(0.75),
    }
    if profile.histogram:
        boundaries = [f"{bar.low} to {bar.high}" for bar in profile.histogram]
        body["histogram"] = {"boundaries": boundaries, "frequencies": [bar.count for bar in profile.histogram]}
    return {field: value for field, value in body.items() if value is not None}


def _float(value: float | None) -> float | None:
    return None if value is None or not math.isfinite(value) else float(value)


def _number(text: str) -> float | None:
    try:
        return _float(float(text))
    except ValueError:
        return None


def _bound(text: str | None, *, number: bool) -> float | int | str | None:
    """A minimum or maximum: whole numbers exactly, as JSON holds them."""
    if text is None or not number:
        return text
    return int(text) if text.lstrip("-").isdigit() and text.isascii() else _number(text)


def sample_body(table: Table, mapped: MappedColumns) -> Body | None:
    """The body of `sampleData`; None without rows. A value that a row lacks is null."""
    sample = table.description.sample if table.description else None
    if sample is None or not sample.rows or sample.withheld:
        return None
    rows = [json.loads(row) for row in sample.rows]
    names = [name for name in mapped.tops if any(name in row for row in rows)]
    if not names:
        return None
    return {"columns": [mapped.tops[name] for name in names], "rows": [[_cell(row.get(name)) for name in names] for row in rows]}


def _cell(value: Any) -> Any:
    """A value as JSON everywhere: not a number and infinities, which Python writes and Java refuses, as text."""
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    if isinstance(value, list):
        return [_cell(item) for item in value]
    if isinstance(value, dict):
        return {name: _cell(inner) for name, inner in value.items()}
    return value
