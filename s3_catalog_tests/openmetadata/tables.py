"""Tables as these tests need them: small, many, described or not."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pyarrow as pa

from s3_catalog.catalogs import Catalog, Outcome, Plan, RetirePolicy, Scope
from s3_catalog.model.description import Description, Tag
from s3_catalog.model.tables import Column, Table
from s3_catalog_tests.catalogs.samples import POLICY, make_table, see

SERVICE = "lake_service"


def plain(name: str, *, text: str | None = None, tags: tuple[str | tuple[str, str], ...] = (), **changes: Any) -> Table:
    """A table of two columns and no figures but its size; a tag is a name, or a name and a column."""
    parts = [(tag, None) if isinstance(tag, str) else tag for tag in tags]
    described = Description(text=text, tags=tuple(Tag(name=tag, column=column, rule="test", why="test") for tag, column in parts))
    defaults: dict[str, Any] = {
        "columns": (Column(name="id", type=pa.int64()), Column(name="note", type=pa.string())),
        "partition_columns": (),
        "partitions": (),
        "row_count": None,
        "description": described,
    }
    return make_table(name, **(defaults | changes))


def many(count: int) -> list[Table]:
    """Tables in ten folders."""
    return [plain(f"t{number:04}", location=f"area{number % 10}/t{number:04}/", tags=("Layer.Raw",)) for number in range(count)]


def wider(table: Table) -> Table:
    """The table with one more column."""
    return replace(table, columns=(*table.columns, Column(name="added", type=pa.date32())))


def publish(catalog: Catalog, tables: list[Table], scope: Scope | None = None, policy: RetirePolicy = POLICY) -> tuple[Plan, Outcome]:
    plan = catalog.plan(tables, scope or see(), policy)
    return plan, catalog.apply(plan)


def key(name: str, schema: str = "root", database: str = "lake") -> str:
    return f"{SERVICE}.{database}.{schema}.{name}"
