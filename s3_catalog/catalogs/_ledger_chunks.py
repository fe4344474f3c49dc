"""A ledger as few, sorted, compressed chunks, so that millions of keys stay cheap in a SQL table. Pure: Arrow in, bytes out."""

from __future__ import annotations

import hashlib
import io
from array import array
from collections.abc import Iterator
from dataclasses import dataclass, field

import pyarrow as pa
import pyarrow.compute as pc

from s3_catalog.model.ledger import LEDGER_SCHEMA

CHUNK_ROWS = 100_000


@dataclass(frozen=True, slots=True, kw_only=True)
class LedgerChunk:
    """Up to `CHUNK_ROWS` consecutive keys. `digest` is of the Parquet file: equal chunks are stored once."""

    digest: str
    first_key: bytes
    last_key: bytes
    row_count: int
    parquet: bytes = field(repr=False)


def write_chunks(ledger: pa.Table) -> Iterator[LedgerChunk]:
    """Cut a ledger (`LEDGER_SCHEMA`, any order) into chunks by key."""
    import pyarrow.parquet as pq

    if not ledger.schema.equals(LEDGER_SCHEMA):
        raise ValueError(f"not a ledger: {ledger.schema.names}")
    for part in _sorted_parts(ledger):
        sink = io.BytesIO()
        pq.write_table(part, sink, compression="zstd")
        parquet = sink.getvalue()
        keys = part.column("key")
        yield LedgerChunk(
            digest=hashlib.sha256(parquet).hexdigest(),
            first_key=keys[0].as_py().encode(),
            last_key=keys[-1].as_py().encode(),
            row_count=part.num_rows,
            parquet=parquet,
        )


def read_chunk(parquet: bytes, *, key: str | None = None) -> pa.Table:
    """Read a chunk back, or only the row of one key."""
    import pyarrow.parquet as pq

    # Not by `read_table`: its threads may still let go of Python's bytes when a short command ends, which aborts the process.
    rows = pq.ParquetFile(pa.BufferReader(parquet)).read(use_threads=False).cast(LEDGER_SCHEMA)
    return rows if key is None else rows.filter(pc.equal(rows.column("key"), key))


def digest_manifest(manifest: pa.Table) -> str:
    """Digest what was listed: keys, sizes and etags (where there is none, the time of modification). Order does not matter.

    Takes a manifest or a ledger. The digest is of plain bytes, so it does not move with a library's release.
    """
    digest = hashlib.sha256()
    unversioned = pc.if_else(
        pc.is_null(manifest.column("etag")), manifest.column("last_modified"), pa.scalar(None, pa.timestamp("us", tz="UTC"))
    )
    listed = pa.table(
        {"key": manifest.column("key"), "size": manifest.column("size"), "etag": manifest.column("etag"), "time": unversioned}
    )
    for part in _sorted_parts(listed):
        for name in ("key", "etag"):
            _digest_texts(digest, part.column(name))
        for name in ("size", "time"):
            _digest_integers(digest, part.column(name).cast(pa.int64()))
    return digest.hexdigest()


def _digest_texts(digest: hashlib._Hash, texts: pa.ChunkedArray) -> None:
    _digest_integers(digest, pc.binary_length(texts))
    digest.update("".join(texts.drop_null().to_pylist()).encode())


def _digest_integers(digest: hashlib._Hash, integers: pa.ChunkedArray) -> None:
    # Not by to_numpy: NumPy is no dependency of Arrow, nor of ours.
    digest.update(array("q", integers.fill_null(-1).to_pylist()).tobytes())


def _sorted_parts(table: pa.Table) -> Iterator[pa.Table]:
    order = pc.sort_indices(table, sort_keys=[("key", "ascending")])
    for start in range(0, table.num_rows, CHUNK_ROWS):
        yield table.take(order.slice(start, CHUNK_ROWS))
