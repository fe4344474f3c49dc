"""Manifests made of keys alone, and verdicts short enough to compare."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime

import pyarrow as pa

from s3_catalog.discovery.grouping import Grouping, GroupingRules, group_objects
from s3_catalog.discovery.hints import TableHint
from s3_catalog.discovery.pins import Pin
from s3_catalog.model.manifest import MANIFEST_SCHEMA
from s3_catalog.model.types import type_text

UUID = "3f2e1a2b-1111-2222-3333-44445555666{}"
STORE = "s3://lake/"


def manifest(keys: Iterable[str], *, size: int = 100) -> pa.Table:
    """Every key once, with a size that markers do not have."""
    ordered = sorted(set(keys))
    return pa.table(
        {
            "key": ordered,
            "size": [0 if key.endswith(("/", "_SUCCESS", "_$folder$")) else size for key in ordered],
            "last_modified": [datetime(2024, 1, 1, tzinfo=UTC)] * len(ordered),
            "etag": [f"e{len(key)}" for key in ordered],
            "storage_class": [None] * len(ordered),
        },
        schema=MANIFEST_SCHEMA,
    )


def group(
    *keys: str,
    sniffed: str | None = None,
    base: str = "",
    pins: tuple[Pin, ...] = (),
    hints: tuple[TableHint, ...] = (),
    known: dict[str, str] | None = None,
) -> Grouping:
    """Group keys without opening anything; `sniffed` is what the first bytes of every unknown file would say."""
    rules = GroupingRules(store_url=STORE, base=base, pins=pins, hints=hints)
    return group_objects(manifest(keys), rules, known_names=known, sniff=(lambda _: sniffed) if sniffed else None)


def tables(grouping: Grouping) -> dict[str, str]:
    """Location -> `format(column:type, ...)`."""
    return {
        layout.location: f"{layout.format}({', '.join(f'{c.name}:{type_text(c.type)}' for c in layout.partition_columns)})"
        for layout in grouping.layouts
    }


def fates(grouping: Grouping) -> dict[str, str | None]:
    """Key -> location of its table, or why it is in none."""
    return {
        row["key"]: grouping.layouts[row["layout"]].location if row["layout"] is not None else row["skipped"] or row["error"]
        for row in grouping.objects.to_pylist()
    }
