"""Figures of columns, by one pass of DuckDB over rows: a sample in memory, or all rows of a table.

In: a relation of DuckDB, what its columns are, and how values are masked. Out: `ColumnProfile`s. No raw value is kept.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import Enum
from math import isfinite
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.types as pt

from s3_catalog.model.description import Bar, Basis, ColumnProfile
from s3_catalog.model.tables import Column

if TYPE_CHECKING:
    import duckdb

Mask = Callable[[str, object], object]
"""Column and value -> what may be shown of it."""

QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)
TOP_VALUES = 10
BARS = 10
_MASKED_VALUES = 5 * TOP_VALUES
"""Values that are masked to find the most frequent: some look alike then."""
_TEXT_CHARACTERS = 2000
"""So much of a text is looked at: enough for a mask to see whole words behind what is shown."""
_DAY_FIRST = ("%d.%m.%Y", "%d/%m/%Y", "%d-%m-%Y")
_MONTH_FIRST = ("%m.%d.%Y", "%m/%d/%Y", "%m-%d-%Y")


class Kind(Enum):
    """What figures make sense for a column."""

    NUMBER = "number"
    TIME = "time"
    TEXT = "text"
    BOOLEAN = "boolean"
    BYTES = "bytes"
    NESTED = "nested"


@dataclass(frozen=True, slots=True, kw_only=True)
class ProfiledColumn:
    """One column to profile: `expression` gives its typed value (SQL), `stored` what is null where the value is missing (SQL).

    `label` is the kind of personal data that it holds as a whole; nothing but counts is shown of such a column.
    """

    name: str
    type: pa.DataType
    expression: str
    stored: str
    label: str | None = None

    @property
    def kind(self) -> Kind:
        return kind_of(self.type)


def kind_of(arrow_type: pa.DataType) -> Kind:
    """The figures that make sense for a type."""
    if isinstance(arrow_type, pa.BaseExtensionType):
        return kind_of(arrow_type.storage_type)
    if pt.is_dictionary(arrow_type) or pt.is_run_end_encoded(arrow_type):
        return kind_of(arrow_type.value_type)
    if pt.is_nested(arrow_type):
        return Kind.NESTED
    if pt.is_integer(arrow_type) or pt.is_floating(arrow_type) or pt.is_decimal(arrow_type):
        return Kind.NUMBER
    if pt.is_date(arrow_type) or pt.is_timestamp(arrow_type) or pt.is_time(arrow_type):
        return Kind.TIME
    if pt.is_boolean(arrow_type):
        return Kind.BOOLEAN
    if pt.is_binary(arrow_type) or pt.is_large_binary(arrow_type) or pt.is_fixed_size_binary(arrow_type) or pt.is_binary_view(arrow_type):
        return Kind.BYTES
    return Kind.TEXT


def quote_name(name: str) -> str:
    """A column's name as an identifier of SQL."""
    return '"' + name.replace('"', '""') + '"'


def typed_expression(column: Column, stored: str, sql_type: str, details: Mapping[str, str]) -> str:
    """SQL that reads the texts of a text format as values of the column's type; what cannot be read is null.

    Args:
        stored: the text, as SQL.
        sql_type: DuckDB's name of the type.
        details: of the table: `decimal`, `thousands.<column>`, `date_order.<column>`.
    """
    thousands, order = details.get(f"thousands.{column.name}"), details.get(f"date_order.{column.name}")
    if order and pt.is_temporal(column.type):
        formats = _DAY_FIRST if order.startswith("day") else _MONTH_FIRST
        return f"try_strptime({stored}, [{', '.join(repr(f) for f in formats)}])::{sql_type}"
    text = stored
    if thousands:
        text = f"replace({text}, '{thousands}', '')"
    if details.get("decimal") == "," and kind_of(column.type) is Kind.NUMBER:
        text = f"replace(replace({text}, '.', ''), ',', '.')"
    return f"try_cast({text} AS {sql_type})"


def profile_columns(
    connection: duckdb.DuckDBPyConnection, relation: str, columns: Sequence[ProfiledColumn], mask: Mask, *, basis: Basis
) -> list[ColumnProfile]:
    """Profile the columns of a relation (SQL) in two passes: figures, then counts of bars and of the most frequent values.

    In a sample values are counted exactly; over all rows distinct values are counted by HyperLogLog and quantiles by t-digest.
    """
    if not columns:
        return []
    connection.execute("SET TimeZone = 'UTC'")
    exact = basis is Basis.SAMPLE
    found = _select(connection, relation, [_first_pass(column, exact=exact) for column in columns])
    counts = _select(connection, relation, [_second_pass(column, row) for column, row in zip(columns, found, strict=True)])
    return [_build_profile(column, {**first, **second}, mask, basis) for column, first, second in zip(columns, found, counts, strict=True)]


def _select(connection: duckdb.DuckDBPyConnection, relation: str, parts: Sequence[Mapping[str, str]]) -> list[dict[str, Any]]:
    """One row of figures, taken apart by column again."""
    wanted = [figure for part in parts for figure in part.values()]
    row = iter(connection.execute(f"SELECT {', '.join(wanted)} FROM {relation}").fetchone() or () if wanted else ())
    return [{name: next(row) for name in part} for part in parts]


def _first_pass(column: ProfiledColumn, *, exact: bool) -> dict[str, str]:
    """Name -> SQL of the figures of one column; values come out as text."""
    found = {"rows": "count(*)", "nulls": f"count(*) - count({column.stored})"}
    if column.kind is Kind.NESTED:
        return found
    value, finite = _value(column), _finite(column)
    found["distinct"] = f"count(DISTINCT {value})" if exact else f"approx_count_distinct({value})"
    if column.kind in (Kind.TEXT, Kind.BYTES):
        length = "length" if column.kind is Kind.TEXT else "octet_length"
        found |= {f"{name}_length": f"{name}({length}({column.expression}))" for name in ("min", "max", "avg")}
    if column.kind is Kind.BYTES or column.label is not None:
        return found
    found |= {name: f"({name}({value}){finite})::VARCHAR" for name in ("min", "max")}
    found["top"] = f"histogram({value}::VARCHAR)" if exact else f"approx_top_k({value}::VARCHAR, {TOP_VALUES})"
    if column.kind is Kind.NUMBER:
        found["mean"] = f"avg(({value})::DOUBLE){finite}"
    if column.kind in (Kind.NUMBER, Kind.TIME):
        found |= {name: f"{call}({_number(column)}){finite}" for name, call in (("low", "min"), ("high", "max"))}
        function = "quantile_disc" if exact else "approx_quantile"
        found["quantiles"] = f"({function}({value}, [{', '.join(map(str, QUANTILES))}]){finite})::VARCHAR[]"
    return found


def _second_pass(column: ProfiledColumn, figures: Mapping[str, Any]) -> dict[str, str]:
    """What needs the first pass: counts of the most frequent values, where these alone are known, and of the histogram's bars."""
    found = {}
    if isinstance(top := figures.get("top"), list) and top:
        values = ", ".join("'" + value.replace("'", "''") + "'" for value in top)
        value = f"{_value(column)}::VARCHAR"
        # without the filter all other values are counted together, as the empty one
        found["top"] = f"histogram_exact({value}, [{values}]) FILTER (WHERE {value} IN ({values}))"
    low, high = figures.get("low"), figures.get("high")
    if low is not None and high is not None and isfinite(high - low) and low < high:
        share = f"({_number(column)} - {low!r}::DOUBLE) / {high - low!r}::DOUBLE"
        bar = f"greatest(0, least({BARS - 1}, floor({share} * {BARS})))::INTEGER"
        # two calls of histogram() in one query make DuckDB keep all rows in memory
        found["bars"] = f"histogram_exact({bar}, {list(range(BARS))}){_finite(column)}"
    return found


def _value(column: ProfiledColumn) -> str:
    return f"left({column.expression}, {_TEXT_CHARACTERS})" if column.kind is Kind.TEXT else column.expression


def _number(column: ProfiledColumn) -> str:
    """The value on a scale: a number as it is, a time in seconds."""
    return f"epoch({column.expression})" if column.kind is Kind.TIME else f"({column.expression})::DOUBLE"


def _finite(column: ProfiledColumn) -> str:
    """Leaves out what is no number: one NaN would make all figures NaN."""
    return f" FILTER (WHERE isfinite(({column.expression})::DOUBLE))" if column.kind is Kind.NUMBER else ""


def _build_profile(column: ProfiledColumn, found: Mapping[str, Any], mask: Mask, basis: Basis) -> ColumnProfile:
    def shown(value: str | None) -> str | None:
        return None if value is None else str(mask(column.name, value))

    rows, mean = found["rows"], found.get("mean")
    return ColumnProfile(
        column=column.name,
        basis=basis,
        bounds_basis=basis,
        rows=rows,
        null_count=found["nulls"],
        # HyperLogLog may count more values than there are rows with one
        distinct=None if "distinct" not in found else min(found["distinct"], rows - found["nulls"]),
        distinct_method=None if "distinct" not in found else "exact" if basis is Basis.SAMPLE else "HyperLogLog",
        min=shown(found.get("min")),
        max=shown(found.get("max")),
        mean=mean if mean is not None and isfinite(mean) else None,
        quantiles=tuple((share, str(shown(value))) for share, value in zip(QUANTILES, found.get("quantiles") or (), strict=False)),
        min_length=found.get("min_length"),
        max_length=found.get("max_length"),
        mean_length=found.get("avg_length"),
        top_values=_top_values(column, found, mask),
        histogram=_bars(column, found),
    )


def _top_values(column: ProfiledColumn, found: Mapping[str, Any], mask: Mask) -> tuple[tuple[str, int], ...]:
    """The most frequent values as they may be shown, those that occur once left out; what looks alike then is counted together."""
    if column.label is not None:
        values = found["rows"] - found["nulls"]
        return ((f"<{column.label}>", values),) if values else ()
    counts: Counter[str] = Counter()
    for value, count in Counter(found.get("top") or {}).most_common(_MASKED_VALUES):
        counts[str(mask(column.name, value))] += count
    return tuple((value, count) for value, count in counts.most_common(TOP_VALUES) if count > 1)


def _bars(column: ProfiledColumn, found: Mapping[str, Any]) -> tuple[Bar, ...]:
    counts = found.get("bars")
    if not counts:
        return ()
    low, width = found["low"], (found["high"] - found["low"]) / BARS
    edges = [_edge_text(column.type, low + width * index) for index in range(BARS + 1)]
    return tuple(Bar(low=edges[index], high=edges[index + 1], count=counts.get(index, 0)) for index in range(BARS))


def _edge_text(arrow_type: pa.DataType, number: float) -> str:
    if not pt.is_temporal(arrow_type):
        return f"{number:.6g}"
    if pt.is_time(arrow_type):
        return str(timedelta(seconds=round(number)))
    try:
        moment = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=number)
    except OverflowError:  # years that Python does not know
        return f"{number:.0f} seconds after 1970"
    return moment.date().isoformat() if pt.is_date(arrow_type) else moment.isoformat(sep=" ", timespec="seconds")
