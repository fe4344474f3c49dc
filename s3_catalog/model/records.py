"""Layouts and tables as JSON texts with their Arrow types beside them, so that columns of a Parquet file can hold them exactly.

`read_layout(*write_layout(layout)) == layout`, and the same for tables. Partitions are rows of their own (`PARTITION_TYPE`): a table
may have very many. JSON is written in ASCII, because a name read from a file may be no valid UTF-8.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, replace
from datetime import datetime
from typing import Any

import pyarrow as pa

from s3_catalog.model.blame import ColumnBlame, FileRef, TypeChange
from s3_catalog.model.description_records import read_description
from s3_catalog.model.statistics import ColumnStatistics, RowEstimate
from s3_catalog.model.tables import Column, Evidence, Partition, PartitionColumn, Table, TableLayout, TypeConflict

PARTITION_TYPE = pa.struct(
    [
        pa.field("values", pa.list_(pa.string()), nullable=False),
        pa.field("object_count", pa.int64(), nullable=False),
        pa.field("size_bytes", pa.int64(), nullable=False),
        pa.field("newest", pa.timestamp("us", tz="UTC")),
        pa.field("row_count", pa.int64()),
    ]
)
"""One `Partition`."""


def write_layout(layout: TableLayout) -> tuple[str, bytes]:
    """Write a layout as JSON and the types of its partition columns as an Arrow schema."""
    return _write(asdict(layout), [column.type for column in layout.partition_columns])


def read_layout(text: str, types: bytes) -> TableLayout:
    """Read a layout back."""
    fields = json.loads(text)
    columns = zip(fields.pop("partition_columns"), _read_types(types), strict=True)
    return TableLayout(
        **fields
        | {
            "partition_columns": tuple(PartitionColumn(**column | {"type": arrow_type}) for column, arrow_type in columns),
            "newest": datetime.fromisoformat(fields["newest"]) if fields["newest"] else None,
            "evidence": Evidence(**fields["evidence"]),
            "warnings": tuple(fields["warnings"]),
            "options": _pairs(fields["options"]),
        }
    )


def write_table(table: Table) -> tuple[str, bytes]:
    """Write what a table adds to its layout, without its partitions."""
    bare = asdict(replace(table, partitions=()))
    return _write({name: value for name, value in bare.items() if name not in ("layout", "partitions")}, [c.type for c in table.columns])


def read_table(text: str, types: bytes, layout: TableLayout, partitions: tuple[Partition, ...]) -> Table:
    """Read a table back, given its layout and partitions."""
    fields = json.loads(text)
    columns = zip(fields.pop("columns"), _read_types(types), strict=True)
    return Table(
        **fields
        | {
            "layout": layout,
            "columns": tuple(_read_column(column, arrow_type) for column, arrow_type in columns),
            "row_estimate": RowEstimate(**fields["row_estimate"]) if fields["row_estimate"] else None,
            "conflicts": tuple(TypeConflict(**conflict) for conflict in fields["conflicts"]),
            "warnings": tuple(fields["warnings"]),
            "details": _pairs(fields["details"]),
            "sampled_keys": tuple(fields["sampled_keys"]),
            "partitions": partitions,
            "description": read_description(fields["description"]) if fields["description"] else None,
        }
    )


def _read_column(fields: Mapping[str, Any], arrow_type: pa.DataType) -> Column:
    parts = {"statistics": read_statistics(fields["statistics"]), "blame": read_blame(fields["blame"])}
    return Column(**{**fields, **parts, "type": arrow_type})


def read_statistics(fields: Mapping[str, Any] | None) -> ColumnStatistics | None:
    """Read what `asdict` made of statistics."""
    return None if fields is None else ColumnStatistics(**fields)


def read_blame(fields: Mapping[str, Any] | None) -> ColumnBlame | None:
    """Read what `asdict` made of a blame, through JSON too."""
    if fields is None:
        return None
    changes = (TypeChange(**{**change, "file": _read_ref(change["file"])}) for change in fields["changes"])
    return ColumnBlame(**{**fields, "first": _read_ref(fields["first"]), "last": _read_ref(fields["last"]), "changes": tuple(changes)})


def _read_ref(fields: Mapping[str, Any]) -> FileRef:
    return FileRef(fields["key"], tuple(fields["partition"]))


def write_partitions(partitions: Iterable[Partition]) -> list[dict[str, Any]]:
    """Write partitions as values of `PARTITION_TYPE`."""
    return [
        {
            "values": list(p.values),
            "object_count": p.object_count,
            "size_bytes": p.size_bytes,
            "newest": p.newest,
            "row_count": p.row_count,
        }
        for p in partitions
    ]


def read_partitions(rows: Iterable[Mapping[str, Any]]) -> tuple[Partition, ...]:
    """Read partitions back."""
    return tuple(Partition(**{**row, "values": tuple(row["values"])}) for row in rows)


def _write(fields: dict[str, Any], types: Sequence[pa.DataType]) -> tuple[str, bytes]:
    # Types stand apart; in the schema fields are named by number, as a name may be no valid UTF-8.
    schema = pa.schema([(str(number), arrow_type) for number, arrow_type in enumerate(types)])
    return json.dumps(fields, default=_as_json), schema.serialize().to_pybytes()


def _as_json(value: object) -> str | None:
    return value.isoformat() if isinstance(value, datetime) else None


def _read_types(types: bytes) -> list[pa.DataType]:
    return list(pa.ipc.read_schema(pa.py_buffer(types)).types)


def _pairs(pairs: Iterable[Sequence[str]]) -> tuple[tuple[str, str], ...]:
    return tuple((name, value) for name, value in pairs)
