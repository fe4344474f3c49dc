"""What the third version of Iceberg adds, in metadata files that no writer at hand makes. Real tables of it: `test_spark.py`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from s3_catalog.model.types import type_text
from s3_catalog_tests.table_formats.tables import Found, look_at

METADATA = {
    "format-version": 3, "table-uuid": "9c12d441-03fe-4693-9a96-a0705ddf69c1", "location": "s3://other/t", "last-updated-ms": 1,
    "last-sequence-number": 0, "last-column-id": 9, "next-row-id": 0, "current-schema-id": 0, "default-spec-id": 0,
    "last-partition-id": 999,
    "partition-specs": [{"spec-id": 0, "fields": []}],
    "default-sort-order-id": 0, "sort-orders": [{"order-id": 0, "fields": []}],
    "properties": {}, "snapshots": [], "refs": {},
}  # fmt: skip


def look_at_types(root: Path, *types: Any) -> Found:
    """Look at a table with a column of each type."""
    fields = [{"id": n, "name": f"c{n}", "required": False, "type": kind} for n, kind in enumerate(types, start=1)]
    (root / "t/metadata").mkdir(parents=True)
    schema = {"type": "struct", "schema-id": 0, "fields": fields}
    (root / "t/metadata/v1.metadata.json").write_text(json.dumps(METADATA | {"schemas": [schema]}))
    return look_at(root)


@pytest.mark.parametrize(
    ("kind", "arrow", "source_type"),
    [
        ("timestamp_ns", "timestamp[ns]", "timestamp_ns"),
        ("timestamptz_ns", "timestamp[ns, tz=UTC]", "timestamptz_ns"),
        ("unknown", "null", "unknown"),
        ("variant", "large_binary", "variant"),
        ("geometry", "large_binary", "geometry"),
        ("geometry(srid:3857)", "large_binary", "geometry(srid:3857)"),
        ("geography(srid:4269, karney)", "large_binary", "geography(srid:4269, karney)"),
        ("decimal(38, 9)", "decimal128(38, 9)", None),
        ("fixed[3]", "fixed_size_binary[3]", "fixed[3]"),
    ],
)
def test_a_type_is_read_or_kept_by_its_name(tmp_path: Path, kind: str, arrow: str, source_type: str | None) -> None:
    (column,) = look_at_types(tmp_path, kind).table.columns
    assert (str(column.type), column.source_type) == (arrow, source_type)


def test_a_variant_inside_other_types_is_bytes(tmp_path: Path) -> None:
    inner = {"type": "struct", "fields": [{"id": 7, "name": "v", "required": False, "type": "variant"}]}
    nested = {"type": "list", "element-id": 8, "element-required": False, "element": inner}
    (column,) = look_at_types(tmp_path, nested).table.columns
    assert type_text(column.type) == "array<struct<v:binary>>"


def test_a_type_that_nobody_knows_is_named(tmp_path: Path) -> None:
    error = look_at_types(tmp_path, "long", "interval").error
    assert error == "the iceberg log cannot be read: t/metadata/v1.metadata.json: a column has the type interval, which is not known"
