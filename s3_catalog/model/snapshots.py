"""Three digests of a table at one time, and what changed between two of them.

Pure: no clock, no network. Digests are taken from our own canonical text, so they do not move with a library's release.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum

from s3_catalog.model.description import Description
from s3_catalog.model.tables import Table
from s3_catalog.model.types import type_text


class Change(StrEnum):
    """The strongest difference between two snapshots."""

    ADDED = "added"
    SCHEMA = "schema"
    CONTENT = "content"
    METADATA = "metadata"
    NONE = "none"


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """Digests: content (keys, sizes, etags), schema (columns and partition columns), metadata (what else people see)."""

    content: str
    schema: str
    metadata: str


def digest_texts(parts: Iterable[str]) -> str:
    """Hash texts with their lengths, so that no two lists of texts share a digest."""
    digest = hashlib.sha256()
    for part in parts:
        encoded = part.encode("utf-8", "surrogatepass")
        digest.update(len(encoded).to_bytes(8, "big"))
        digest.update(encoded)
    return digest.hexdigest()


def take_snapshot(table: Table) -> Snapshot:
    """Digest a table."""
    layout = table.layout
    columns = [f"{c.name}\0{type_text(c.type)}\0{c.nullable}" for c in table.columns]
    partition_columns = [f"{c.name}\0{type_text(c.type)}" for c in layout.partition_columns]
    metadata = [
        layout.name,
        layout.evidence.rule,
        layout.evidence.reason,
        *layout.warnings,
        *table.warnings,
        *(f"{key}={value}" for key, value in table.details),
        *(str(conflict) for conflict in table.conflicts),
        *_described(table.description),
    ]
    return Snapshot(
        content=layout.content_digest,
        schema=digest_texts([*columns, "partitioned by", *partition_columns]),
        metadata=digest_texts(metadata),
    )


def _described(description: Description | None) -> Iterator[str]:
    """What people and rules say of a table; samples and figures move with its content."""
    if description is not None:
        yield from (f"{tag.name}\0{tag.column}\0{tag.rule}" for tag in description.tags)
        yield from description.owners
        yield description.text or ""
        yield from (f"{name}\0{text}" for name, text in description.column_texts)


def compare_snapshots(before: Snapshot | None, after: Snapshot) -> Change:
    """Name the strongest difference."""
    if before is None:
        return Change.ADDED
    if before.schema != after.schema:
        return Change.SCHEMA
    if before.content != after.content:
        return Change.CONTENT
    return Change.NONE if before.metadata == after.metadata else Change.METADATA
