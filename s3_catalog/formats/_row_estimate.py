"""How many records a file of text holds, from the whole records seen at its start, and near its end where that was read.

Pure. The likely number takes the size that records have in the part nobody read: the mean of those seen, unless they grow. Numbers that
count up make records longer with the logarithm of their place, which shows at the start already; any other change shows at the end only
and is taken to have come evenly. The range spans the smallest and the largest records seen, as means of blocks, and is the wider the
fewer were seen. What it cannot know is a middle unlike both ends.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import ceil, log, sqrt

from s3_catalog.formats._head import Head
from s3_catalog.model.statistics import RowEstimate

_BLOCKS = 16
_CLEAR_GROWTH = 0.8
"""Correlation of size and logarithm of place, from which records are taken to grow by that law."""


@dataclass(frozen=True, slots=True)
class Stretch:
    """Whole records one after the other: where the first begins, then where each ends, as bytes of the file (compressed, where it is)."""

    edges: Sequence[float]

    @property
    def records(self) -> int:
        return max(0, len(self.edges) - 1)


def head_stretch(head: Head, edges: Sequence[int]) -> Stretch:
    """The records of a head by their places in its plain bytes: where the first begins, then where each ends."""
    return Stretch([head.stored_at(edge) for edge in edges])


def estimate_rows(start: Stretch, file_size: int, end: Stretch | None = None) -> RowEstimate | None:
    """Estimate the records of a file; None where no whole record was seen.

    Args:
        start: the first records, without a header.
        end: the last records.

    >>> str(estimate_rows(Stretch(range(0, 1001, 10)), 10_000))
    '1000 (918 to 1091)'
    """
    end = end if end is not None and end.records else None
    if not start.records:
        return None
    seen = start.records + (end.records if end else 0)
    unseen = max(0.0, (end.edges[0] if end else file_size) - start.edges[-1])
    likely, smallest, largest = _unseen_sizes(start, file_size, end)
    margin = 1 + 1 / sqrt(seen)
    low, high = seen + int(unseen / largest / margin), seen + ceil(unseen / smallest * margin)
    return RowEstimate(min(high, max(low, seen + round(unseen / likely))), low, high)


def _unseen_sizes(start: Stretch, file_size: int, end: Stretch | None) -> tuple[float, float, float]:
    """The likely mean size of a record in the unread part, and the smallest and largest that can be thought of."""
    first, last = _block_sizes(start), _block_sizes(end) if end else []
    smallest, largest = min(*first, *last, first[0]), max(*first, *last, first[0])
    here = _mean_size(start)
    length = max(1.0, file_size - start.edges[0])
    slope, grown = _growth(first, start, length)
    if end is None:
        # Over a whole file the logarithm of the place is one less, on average, than at its end.
        return (here if slope <= 0 else max(here, grown - slope)), smallest, max(largest, grown)
    there = _mean_size(end)
    if abs(there - here) < 1e-3 * here:
        return (here + there) / 2, smallest, largest
    evenly = (there - here) / log(there / here)
    lawful = there - (there - here) / max(1.0, log(length / (start.edges[-1] - start.edges[0])) + 1)
    share = min(1.0, max(0.0, (grown - here) / (there - here))) if slope > 0 else 0.0
    return share * lawful + (1 - share) * evenly, smallest, largest


def _growth(sizes: Sequence[float], start: Stretch, length: float) -> tuple[float, float]:
    """How records grow with the logarithm of their place, and what they come to at the end of `length` bytes; (0, 0) when they do not."""
    import statistics

    if len(sizes) < _BLOCKS or max(sizes) - min(sizes) < 1e-9:
        return 0.0, 0.0
    places = [log((block + 0.5) / len(sizes) * (start.edges[-1] - start.edges[0])) for block in range(len(sizes))]
    if statistics.correlation(places, sizes) < _CLEAR_GROWTH:
        return 0.0, 0.0
    slope, intercept = statistics.linear_regression(places, sizes)
    return slope, intercept + slope * log(length)


def _mean_size(stretch: Stretch) -> float:
    return max(1e-6, (stretch.edges[-1] - stretch.edges[0]) / stretch.records)


def _block_sizes(stretch: Stretch) -> list[float]:
    """Mean sizes of the records in blocks of as many each."""
    blocks = min(_BLOCKS, stretch.records)
    cuts = [stretch.records * block // blocks for block in range(blocks + 1)]
    edges = stretch.edges
    return [max(1e-6, (edges[b] - edges[a]) / (b - a)) for a, b in pairwise(cuts)]
