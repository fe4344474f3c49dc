"""How many rows a file of blocks holds, where each block tells its rows and not every block was asked. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from math import ceil, sqrt

from s3_catalog.model.statistics import RowEstimate

MOST_ROWS = 2**63 - 1
"""More rows than this are no row count, whatever a file claims."""


def estimate_rows(seen_rows: int, blocks: Sequence[tuple[int, float]], rest: float, *, evenly: bool = False) -> RowEstimate | None:
    """Add to the rows that were counted those of the rest, at the mean rate of some blocks; None where no block has a size.

    The range spans the lowest and the highest rate of a block, and is the wider the fewer blocks there are.

    Args:
        blocks: rows and size of each, in the unit of `rest` (bytes, or blocks).
        evenly: the blocks were taken from all over the file, not from its start.

    >>> str(estimate_rows(100, [(50, 10.0), (50, 10.0)], 40.0, evenly=True))
    '300 (233 to 400)'
    """
    sized = [(rows, size) for rows, size in blocks if size > 0]
    if not sized:
        return None
    rates = [rows / size for rows, size in sized]
    likely = sum(rows for rows, _ in sized) / sum(size for _, size in sized)
    margin = 1 + 1 / (len(sized) if evenly else sqrt(len(sized)))
    low, high = int(rest * min(rates) / margin), ceil(rest * max(rates) * margin)
    return RowEstimate(*(min(MOST_ROWS, seen_rows + more) for more in (round(rest * likely), low, high)))


def spread(blocks: Sequence[tuple[int, float]]) -> float:
    """How far the rates of blocks lie apart: the highest by the lowest, 1 where all are the same."""
    rates = [rows / size for rows, size in blocks if size > 0]
    return max(rates) / min(rates) if rates and min(rates) > 0 else float("inf")
