"""Schema blame of an Iceberg table: which snapshot brought a column or changed its type.

In: the current metadata file, which has all schemas and the snapshots that were kept; no other file is read. A column is its field id, so
one that was renamed is the same one. A snapshot is known by its manifest list; a change after the newest snapshot by the metadata file.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

from s3_catalog.model.blame import ColumnBlame, FileRef, SeenFile, blame_columns
from s3_catalog.model.types import type_text
from s3_catalog.table_formats._paths import LogPaths

if TYPE_CHECKING:
    import pyarrow as pa
    from pyiceberg.schema import Schema
    from pyiceberg.table.metadata import TableMetadata
    from pyiceberg.table.snapshots import Snapshot

Types = Mapping[str, str]
"""Field id, as text -> canonical type."""


def blame_iceberg(
    metadata: TableMetadata, key: str, paths: LogPaths, read_types: Callable[[Schema], Mapping[int, pa.DataType]]
) -> dict[int, ColumnBlame]:
    """Say by field id where columns come from.

    Args:
        key: that of the metadata file.
        read_types: the Arrow types of a schema's columns by field id.
    """
    schemas: dict[int | None, Types] = {
        schema.schema_id: {str(field_id): type_text(kind) for field_id, kind in read_types(schema).items()} for schema in metadata.schemas
    }
    lineage, is_complete = _lineage(metadata)
    seen = list(_see_versions(metadata, FileRef(key), paths, schemas, lineage))
    oldest, oldest_id = seen[0], _oldest_schema_id(metadata, lineage)
    earlier = [types for schema_id, types in schemas.items() if schema_id is not None and oldest_id is not None and schema_id < oldest_id]
    found = {}
    for field_id, blame in blame_columns(seen).items():
        if blame.first == oldest.file:
            added = any(field_id not in types for types in earlier)
            found[int(field_id)] = replace(blame, added=added, exact=blame.exact and is_complete and not added)
        else:
            found[int(field_id)] = blame
    return found


def _lineage(metadata: TableMetadata) -> tuple[list[Snapshot], bool]:
    """The current snapshot and those before it that were kept, from old to new, and whether the oldest is the table's first version."""
    by_id = {snapshot.snapshot_id: snapshot for snapshot in metadata.snapshots}
    found: dict[int, Snapshot] = {}
    snapshot = metadata.current_snapshot()
    parent: int | None = None
    while snapshot is not None and snapshot.snapshot_id not in found:
        found[snapshot.snapshot_id] = snapshot
        parent = snapshot.parent_snapshot_id
        snapshot = None if parent is None else by_id.get(parent)
    lineage = list(reversed(found.values()))
    if not lineage:
        return lineage, not metadata.metadata_log
    # pyiceberg forgets the parent of a snapshot when it expires that; versions are numbered from 1 on (format 1: all are 0)
    return lineage, parent is None and (lineage[0].sequence_number or 0) <= 1


def _oldest_schema_id(metadata: TableMetadata, lineage: list[Snapshot]) -> int | None:
    return next((snapshot.schema_id for snapshot in lineage if snapshot.schema_id is not None), metadata.current_schema_id)


def _see_versions(
    metadata: TableMetadata, newest: FileRef, paths: LogPaths, schemas: Mapping[int | None, Types], lineage: list[Snapshot]
) -> Iterator[SeenFile]:
    """The snapshots at either end of a run without a change, then the metadata file itself."""
    known = [snapshot.schema_id for snapshot in lineage]
    for rank, snapshot in enumerate(lineage):
        inside = 0 < rank < len(known) - 1 and known[rank - 1] == known[rank] == known[rank + 1]
        if snapshot.schema_id in schemas and not inside:
            file = FileRef(paths.key(snapshot.manifest_list) or newest.key)
            yield SeenFile(file=file, rank=rank, types=schemas[snapshot.schema_id])
    # other metadata files since the newest snapshot may have brought its schema
    since = lineage[-1].timestamp_ms if lineage else 0
    unread = sum(entry.timestamp_ms > since for entry in metadata.metadata_log)
    yield SeenFile(file=newest, rank=len(lineage) + unread, types=schemas[metadata.current_schema_id])
