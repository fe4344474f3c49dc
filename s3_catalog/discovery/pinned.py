"""Objects that people's pins claim, before any verdict of ours."""

from __future__ import annotations

from collections.abc import Sequence

import duckdb

from s3_catalog.discovery.layouts import LayoutDraft
from s3_catalog.discovery.pins import Pin
from s3_catalog.discovery.places import PathColumn
from s3_catalog.discovery.rules import HIVE_NULL, quote_sql
from s3_catalog.discovery.suffixes import UNKNOWN
from s3_catalog.model.tables import UNSTRUCTURED, Evidence


def assign_pins(connection: duckdb.DuckDBPyConnection, pins: Sequence[Pin], base: str) -> tuple[list[LayoutDraft], tuple[str, ...]]:
    """Assign what the pins match, the first that matches winning; files whose format is unknown need a pin that names one.

    Returns: the drafts, and the templates of pins that hold hints and match nothing.
    """
    drafts: list[LayoutDraft] = []
    unused: list[str] = []
    for pin in pins:
        groups = ["t"] * pin.table_group + [f"c{i}" for i in range(len(pin.columns))]
        key = f"{quote_sql(base)} || o.key"
        captures = f"regexp_extract({key}, {quote_sql(f'^{pin.pattern}$')}, {groups!r})" if groups else "NULL"
        connection.execute(f"""
            CREATE OR REPLACE TEMP TABLE pinned AS
            SELECT o.i, {captures} AS captures, {quote_sql(pin.format) if pin.format else "s.format"} AS format
            FROM objects o JOIN suffixes s USING (suffix)
            WHERE o.skipped IS NULL AND regexp_full_match({key}, {quote_sql(pin.pattern)})
              AND o.i NOT IN (SELECT i FROM assigned) AND o.i NOT IN (SELECT i FROM excluded) AND o.i NOT IN (SELECT i FROM owned)
        """)
        table = "captures.t" if pin.table_group else "''"
        values = ", ".join(f"nullif(captures.c{i}, {quote_sql(HIVE_NULL)})" for i in range(len(pin.columns)))
        found = connection.execute(f"""
            SELECT DISTINCT {table} AS name, format FROM pinned
            WHERE format NOT IN ({quote_sql(UNKNOWN)}, {quote_sql(UNSTRUCTURED)}) ORDER BY ALL
        """).fetchall()
        for name, file_format in found:
            connection.execute(
                f"INSERT INTO assigned SELECT i, ?, [{values}]::VARCHAR[] FROM pinned WHERE {table} = ? AND format = ?",
                [len(drafts), name, file_format],
            )
            drafts.append(_draft(pin, name, file_format, base))
        if pin.options and not found:
            unused.append(pin.template)
    return drafts, tuple(unused)


def _draft(pin: Pin, table: str, file_format: str, base: str) -> LayoutDraft:
    location = pin.location.replace("{table}", table).removeprefix(base)
    words = (pin.name,) if pin.name else tuple(location.strip("/").split("/"))
    return LayoutDraft(
        location=location,
        format=file_format,
        words=words,
        columns=tuple(PathColumn(name=name, kind="pinned", segment=i) for i, name in enumerate(pin.columns, start=1)),
        evidence=Evidence(rule="pinned", reason=f"pinned by {pin.origin}", runner_up="the layout its keys suggest"),
        pinned_types=pin.types,
        options=pin.options,
        defaults=pin.defaults,
    )
