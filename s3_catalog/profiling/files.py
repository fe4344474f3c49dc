"""How a table's bytes lie in its files and partitions, from the listing alone."""

from __future__ import annotations

from collections.abc import Sequence

import pyarrow as pa
import pyarrow.compute as pc

from s3_catalog.model.description import FileProfile
from s3_catalog.model.tables import Partition

SMALL_BYTES = 16 * 1024 * 1024
"""A file below this size is small where a table has many: reading it costs more in requests than in bytes."""


def profile_files(sizes: pa.ChunkedArray, partitions: Sequence[Partition], *, small_bytes: int = SMALL_BYTES) -> FileProfile | None:
    """Profile the sizes (bytes) of a table's files; None for a table without files."""
    if len(sizes) == 0:
        return None
    extremes = pc.min_max(sizes)
    totals = [partition.size_bytes for partition in partitions]
    mean = sum(totals) / len(totals) if totals else 0
    return FileProfile(
        smallest=extremes["min"].as_py(),
        median=int(pc.quantile(sizes, q=0.5, interpolation="lower")[0].as_py()),
        largest=extremes["max"].as_py(),
        small_files=pc.sum(pc.less(sizes, small_bytes)).as_py(),
        small_bytes=small_bytes,
        partition_skew=round(max(totals) / mean, 2) if mean else None,
    )
