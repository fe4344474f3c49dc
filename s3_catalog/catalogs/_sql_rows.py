"""A `Table` as rows of the catalog's SQL tables, and back. `decode(encode(table)) == table`, types included."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict, replace
from datetime import UTC, datetime
from typing import Any

import pyarrow as pa
import sqlalchemy as sa

from s3_catalog.catalogs._sql_schema import asset_descriptions, asset_fields, asset_partitions, asset_tags, assets
from s3_catalog.model.description import Description
from s3_catalog.model.description_records import read_description, write_description
from s3_catalog.model.records import read_blame, read_statistics
from s3_catalog.model.statistics import RowEstimate
from s3_catalog.model.tables import Column, Evidence, Partition, PartitionColumn, Table, TableLayout, TypeConflict
from s3_catalog.model.types import type_text

Row = dict[str, Any]
"""Column name -> value, to be written."""
AnyRow = sa.Row[*tuple[Any, ...]]


def encode_asset(table: Table) -> Row:
    """The row of `assets`, without id, times, Arrow schema and digest."""
    layout = table.layout
    return {
        "identity": layout.identity,
        "name": layout.name,
        "store_url": layout.store_url,
        "location": layout.location,
        "format": layout.format,
        "object_count": layout.object_count,
        "size_bytes": layout.size_bytes,
        "row_count": table.row_count,
        "newest": layout.newest,
        "content_digest": layout.content_digest,
        "evidence_rule": layout.evidence.rule,
        "evidence_reason": layout.evidence.reason,
        "evidence_runner_up": layout.evidence.runner_up,
        "layout_warnings": list(layout.warnings),
        "options": [list(option) for option in layout.options],
        "warnings": list(table.warnings),
        "conflicts": [asdict(conflict) for conflict in table.conflicts],
        "details": [list(detail) for detail in table.details],
        "sampled_keys": list(table.sampled_keys),
        "row_estimate": asdict(table.row_estimate) if table.row_estimate else None,
    }


def encode_fields(table: Table) -> list[Row]:
    """The rows of `asset_fields`, without the asset's id: columns, then partition columns."""
    columns: list[Row] = [
        {
            "nullable": c.nullable,
            "source_type": c.source_type,
            "is_partition": False,
            "declared": None,
            "statistics": asdict(c.statistics) if c.statistics else None,
            "blame": asdict(c.blame) if c.blame else None,
        }
        for c in table.columns
    ]
    partition_columns: list[Row] = [
        {"nullable": True, "source_type": None, "is_partition": True, "declared": c.declared, "statistics": None, "blame": None}
        for c in table.layout.partition_columns
    ]
    fields: list[Column | PartitionColumn] = [*table.columns, *table.layout.partition_columns]
    return [
        {"position": position, "name": field.name, "type": type_text(field.type), **row}
        for position, (field, row) in enumerate(zip(fields, [*columns, *partition_columns], strict=True))
    ]


def encode_partitions(table: Table) -> list[Row]:
    """The rows of `asset_partitions`, without the asset's id."""
    return [
        {
            "position": position,
            "values": list(p.values),
            "object_count": p.object_count,
            "size_bytes": p.size_bytes,
            "newest": p.newest,
            "row_count": p.row_count,
        }
        for position, p in enumerate(table.partitions)
    ]


def encode_description(table: Table) -> list[Row]:
    """The row of `asset_descriptions`, without the asset's id; none where the table is not described."""
    if table.description is None:
        return []
    body = write_description(table.description)
    return [{"body": {name: value for name, value in body.items() if name != "tags"}}]


def encode_tags(table: Table) -> list[Row]:
    """The rows of `asset_tags`, without the asset's id."""
    tags = table.description.tags if table.description else ()
    return [{"position": position, **asdict(tag)} for position, tag in enumerate(tags)]


def encode_arrow_schema(table: Table) -> bytes:
    """The types of all fields, in order, as Arrow writes a schema. Fields are named by number: a name may be no valid UTF-8."""
    fields: list[Column | PartitionColumn] = [*table.columns, *table.layout.partition_columns]
    serialized: bytes = pa.schema([(str(number), field.type) for number, field in enumerate(fields)]).serialize().to_pybytes()
    return serialized


def digest_table(table: Table) -> str:
    """Digest everything that is published of a table: equal digests mean there is nothing to write."""
    types = [str(column.type) for column in table.columns] + [str(column.type) for column in table.layout.partition_columns]
    partitions = [(p.values, p.object_count, p.size_bytes, p.newest, p.row_count) for p in table.partitions]
    everything = [encode_asset(table), encode_fields(table), types, partitions, encode_description(table), encode_tags(table)]
    return hashlib.sha256(json.dumps(everything, default=_time_text).encode()).hexdigest()


def _time_text(value: datetime) -> str:
    return value.astimezone(UTC).isoformat()


def load_tables(connection: sa.Connection, condition: sa.ColumnElement[bool]) -> dict[int, Table]:
    """Read the tables whose row of `assets` meets a condition, by id, in order of their names."""
    owners = sa.select(assets.c.id).where(condition)
    fields = _rows_by_asset(connection, asset_fields, owners)
    partitions = _rows_by_asset(connection, asset_partitions, owners)
    tags = _rows_by_asset(connection, asset_tags, owners)
    bodies = connection.execute(sa.select(asset_descriptions).where(asset_descriptions.c.asset_id.in_(owners)))
    descriptions = {row.asset_id: _decode_description(row.body, tags.get(row.asset_id, [])) for row in bodies}
    rows = connection.execute(sa.select(assets).where(condition)).all()
    tables = {
        row.id: replace(_decode(row, fields.get(row.id, []), partitions.get(row.id, [])), description=descriptions.get(row.id))
        for row in rows
    }
    return dict(sorted(tables.items(), key=lambda item: item[1].name))


def _rows_by_asset(connection: sa.Connection, child: sa.Table, owners: sa.Select[Any]) -> dict[int, list[AnyRow]]:
    query = sa.select(child).where(child.c.asset_id.in_(owners)).order_by(child.c.asset_id, child.c.position)
    rows: dict[int, list[AnyRow]] = {}
    for row in connection.execute(query):
        rows.setdefault(row.asset_id, []).append(row)
    return rows


def _decode(row: AnyRow, fields: Sequence[AnyRow], partitions: Iterable[AnyRow]) -> Table:
    types = pa.ipc.read_schema(pa.py_buffer(row.arrow_schema)).types
    typed = list(zip(fields, types, strict=True))
    layout = TableLayout(
        name=row.name,
        store_url=row.store_url,
        location=row.location,
        format=row.format,
        partition_columns=tuple(PartitionColumn(name=f.name, type=t, declared=f.declared) for f, t in typed if f.is_partition),
        object_count=row.object_count,
        size_bytes=row.size_bytes,
        newest=row.newest,
        evidence=Evidence(rule=row.evidence_rule, reason=row.evidence_reason, runner_up=row.evidence_runner_up),
        warnings=tuple(row.layout_warnings),
        content_digest=row.content_digest,
        options=tuple((name, value) for name, value in row.options),
    )
    return Table(
        layout=layout,
        columns=tuple(_decode_column(f, t) for f, t in typed if not f.is_partition),
        row_count=row.row_count,
        row_estimate=RowEstimate(**row.row_estimate) if row.row_estimate else None,
        conflicts=tuple(TypeConflict(**conflict) for conflict in row.conflicts),
        warnings=tuple(row.warnings),
        details=tuple((name, value) for name, value in row.details),
        sampled_keys=tuple(row.sampled_keys),
        partitions=tuple(
            Partition(values=tuple(p.values), object_count=p.object_count, size_bytes=p.size_bytes, newest=p.newest, row_count=p.row_count)
            for p in partitions
        ),
    )


def _decode_description(body: dict[str, Any], tags: Sequence[AnyRow]) -> Description:
    listed = [{"name": t.name, "column": t.column, "rule": t.rule, "why": t.why, "confidence": t.confidence} for t in tags]
    return read_description({**body, "tags": listed})


def _decode_column(row: AnyRow, arrow_type: pa.DataType) -> Column:
    return Column(
        name=row.name,
        type=arrow_type,
        nullable=row.nullable,
        source_type=row.source_type,
        statistics=read_statistics(row.statistics),
        blame=read_blame(row.blame),
    )
