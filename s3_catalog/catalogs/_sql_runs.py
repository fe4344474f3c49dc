"""Runs and their ledgers in the SQL tables: what every crawl saw, object by object."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pyarrow as pa
import sqlalchemy as sa

from s3_catalog.catalogs import RunRecord, RunStatus
from s3_catalog.catalogs._ledger_chunks import digest_manifest, read_chunk, write_chunks
from s3_catalog.catalogs._sql_schema import connector_runs, ledger_chunks, ledger_parts, ledgers
from s3_catalog.model.ledger import FailedPrefix, summarize_ledger


def write_run(connection: sa.Connection, run: RunRecord) -> None:
    """Insert a run, or bring its row up to date."""
    row = {
        "location": run.location,
        "store_url": run.store_url,
        "started_at": run.started,
        "finished_at": run.finished,
        "status": str(run.status),
        "counts": dict(run.counts),
        "receipt": dict(run.receipt),
        "failed_prefixes": [[failed.prefix, failed.error] for failed in run.failed_prefixes],
    }
    if connection.execute(sa.update(connector_runs).where(connector_runs.c.id == run.id).values(row)).rowcount == 0:
        connection.execute(sa.insert(connector_runs).values(row | {"id": run.id}))


def read_runs(connection: sa.Connection, limit: int) -> list[RunRecord]:
    """The last runs, newest first."""
    query = sa.select(connector_runs).order_by(connector_runs.c.started_at.desc(), connector_runs.c.id).limit(limit)
    return [
        RunRecord(
            id=row.id,
            location=row.location,
            store_url=row.store_url,
            started=row.started_at,
            finished=row.finished_at,
            status=RunStatus(row.status),
            counts=row.counts,
            receipt=row.receipt,
            failed_prefixes=tuple(FailedPrefix(prefix, error) for prefix, error in row.failed_prefixes),
        )
        for row in connection.execute(query)
    ]


def write_ledgers(connection: sa.Connection, run: RunRecord, by_prefix: Mapping[str, pa.Table], *, keep_runs: int) -> None:
    """Store a run's ledgers, in place of what the same run stored for these prefixes, and drop those older than the last `keep_runs`."""
    for prefix, ledger in by_prefix.items():
        same = (ledgers.c.location == run.location) & (ledgers.c.prefix == prefix) & (ledgers.c.run_id == run.id)
        connection.execute(sa.delete(ledgers).where(same))
        _write_ledger(connection, run, prefix, ledger)
    if by_prefix:
        _prune(connection, run.location, keep_runs)


def _write_ledger(connection: sa.Connection, run: RunRecord, prefix: str, ledger: pa.Table) -> None:
    summary = summarize_ledger(ledger)
    row = {
        "run_id": run.id,
        "store_url": run.store_url,
        "location": run.location,
        "prefix": prefix,
        "listed": summary.listed,
        "in_tables": summary.in_tables,
        "skipped": summary.skipped,
        "failed": len(summary.failed),
        "manifest_digest": digest_manifest(ledger),
    }
    ledger_id = connection.execute(sa.insert(ledgers).returning(ledgers.c.id), row).scalar_one()
    for position, chunk in enumerate(write_chunks(ledger)):
        known = sa.select(ledger_chunks.c.digest).where(ledger_chunks.c.digest == chunk.digest)
        if connection.scalar(known) is None:
            connection.execute(sa.insert(ledger_chunks).values(digest=chunk.digest, parquet=chunk.parquet))
        part = {"first_key": chunk.first_key, "last_key": chunk.last_key, "row_count": chunk.row_count, "chunk": chunk.digest}
        connection.execute(sa.insert(ledger_parts).values(part | {"ledger_id": ledger_id, "position": position}))


def _prune(connection: sa.Connection, location: str, keep_runs: int) -> None:
    age = sa.func.row_number().over(partition_by=ledgers.c.prefix, order_by=ledgers.c.id.desc()).label("age")
    aged = sa.select(ledgers.c.id, age).where(ledgers.c.location == location).subquery()
    old = sa.select(aged.c.id).where(aged.c.age > keep_runs)
    connection.execute(sa.delete(ledgers).where(ledgers.c.id.in_(old)))
    used = sa.exists().where(ledger_parts.c.chunk == ledger_chunks.c.digest)
    connection.execute(sa.delete(ledger_chunks).where(~used))


def _newest(location: str, prefix: str | None = None) -> sa.Select[Any]:
    """Ids of the newest ledger of every prefix, or of one."""
    query = sa.select(sa.func.max(ledgers.c.id)).where(ledgers.c.location == location).group_by(ledgers.c.prefix)
    return query if prefix is None else query.where(ledgers.c.prefix == prefix)


def read_prefixes(connection: sa.Connection, location: str) -> tuple[str, ...]:
    """The prefixes that held objects when they were last listed."""
    query = sa.select(ledgers.c.prefix).where(ledgers.c.id.in_(_newest(location)), ledgers.c.listed > 0)
    return tuple(sorted(connection.scalars(query)))


def read_manifest_digests(connection: sa.Connection, location: str) -> dict[str, str]:
    """Digest of the last manifest of every prefix."""
    query = sa.select(ledgers.c.prefix, ledgers.c.manifest_digest).where(ledgers.c.id.in_(_newest(location)))
    return {row.prefix: row.manifest_digest for row in connection.execute(query)}


def find_newest_chunks(connection: sa.Connection, location: str, prefix: str | None) -> list[str]:
    """Digests of the chunks of the newest ledgers, prefix by prefix, in key order."""
    query = sa.select(ledgers.c.prefix, ledger_parts.c.position, ledger_parts.c.chunk).join(ledger_parts)
    rows = connection.execute(query.where(ledgers.c.id.in_(_newest(location, prefix)))).all()
    return [row.chunk for row in sorted(rows, key=lambda row: (row.prefix, row.position))]


def read_stored_chunk(connection: sa.Connection, digest: str) -> pa.Table | None:
    """The rows of one chunk; None when it was pruned meanwhile."""
    parquet = connection.scalar(sa.select(ledger_chunks.c.parquet).where(ledger_chunks.c.digest == digest))
    return None if parquet is None else read_chunk(parquet)


def find_ledger_row(connection: sa.Connection, store_url: str, key: str) -> dict[str, Any] | None:
    """The newest ledger's row of one key, whichever location of the store it was crawled by."""
    encoded = key.encode("utf-8", "surrogatepass")
    around = (ledger_parts.c.first_key <= encoded) & (ledger_parts.c.last_key >= encoded)
    newest = sa.select(sa.func.max(ledgers.c.id)).where(ledgers.c.store_url == store_url).group_by(ledgers.c.location, ledgers.c.prefix)
    query = (
        sa.select(ledger_chunks.c.parquet)
        .join(ledger_parts, ledger_parts.c.chunk == ledger_chunks.c.digest)
        .where(ledger_parts.c.ledger_id.in_(newest), around)
        .order_by(ledger_parts.c.ledger_id.desc())
    )
    for parquet in connection.scalars(query):
        rows: list[dict[str, Any]] = read_chunk(parquet, key=key).to_pylist()
        if rows:
            return rows[0]
    return None
