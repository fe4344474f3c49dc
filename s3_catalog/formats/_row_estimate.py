"""How many records a file of text holds, from the whole records seen at its start, and near its end where that was read.

Pure. The likely number takes the size that records have in the part nobody read: the mean of those seen, unless they grow. Numbers that
count up make records longer with the logarithm of their place, which shows at the start already; any other change shows at the end only
and is taken to have come evenly. The range spans the smallest and the largest records seen, as means of blocks, and is the wider the
fewer were seen. What it cannot know is a middle unlike both ends.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import ceil, log, sqrt

from s3_catalog.formats._head import Head
from s3_catalog.model.statistics import RowEstimate

_BLOCKS = 16
_CLEAR_GROWTH = 0.8
"""Correlation of size and logarithm of place, from which records are taken to grow by that law."""
_UNEVEN_COMPRESSION = 0.1
"""Share by which the unread part of a compressed file may be packed more or less densely than any block of the head."""
_LEAST = 1e-6
"""Bytes: what compresses to nothing takes at least so much."""


@dataclass(frozen=True, slots=True)
class Stretch:
    """Whole records one after the other: where the first begins, then where others end, as bytes of the file (compressed, where it is).

    `counts` are the records up to each edge, 0 first; None where there is an edge after every record. `compressed`: how densely the
    bytes are packed may change on the way, whatever the records do.
    """

    edges: Sequence[float]
    counts: Sequence[int] | None = None
    compressed: bool = False

    @property
    def records(self) -> int:
        return max(0, len(self.edges) - 1) if self.counts is None else self.counts[-1]

    @property
    def size(self) -> float:
        return self.edges[-1] - self.edges[0]


def head_stretch(head: Head, edges: Sequence[int], counts: Sequence[int] | None = None) -> Stretch:
    """The records of a head by their places in its plain bytes."""
    return Stretch([head.stored_at(edge) for edge in edges], counts, head.compression is not None)


def block_places(records: int) -> list[int]:
    """Numbers of records that cut so many into blocks, 0 first: edges after these tell as much as one after every record."""
    blocks = min(_BLOCKS, records)
    return [records * block // blocks for block in range(blocks + 1)] if blocks else [0]


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
    margin = 1 + 1 / sqrt(seen) + (_UNEVEN_COMPRESSION if start.compressed else 0)
    low, high = seen + int(unseen / largest / margin), seen + ceil(unseen / smallest * margin)
    return RowEstimate(min(high, max(low, seen + round(unseen / likely))), low, high)


def _unseen_sizes(start: Stretch, file_size: int, end: Stretch | None) -> tuple[float, float, float]:
    """The likely mean size of a record in the unread part, and the smallest and largest that can be thought of."""
    first, last = _block_sizes(start), _block_sizes(end) if end else []
    smallest, largest = min([*first, *last]), max([*first, *last])
    here = _mean_size(start)
    length = max(1.0, file_size - start.edges[0])
    slope, grown = _growth(first, start, length)
    if end is None:
        # Over a whole file the logarithm of the place is one less, on average, than at its end.
        return (here if slope <= 0 else max(here, grown - slope)), smallest, max(largest, grown)
    there = _mean_size(end)
    if abs(there - here) < 1e-3 * here:
        return (here + there) / 2, smallest, largest
    evenly = (here + there) / 2
    lawful = there - (there - here) / max(1.0, log(length / start.size) + 1)
    share = min(1.0, max(0.0, (grown - here) / (there - here))) if slope > 0 else 0.0
    return share * lawful + (1 - share) * evenly, smallest, largest


def _growth(sizes: Sequence[float], start: Stretch, length: float) -> tuple[float, float]:
    """How records grow with the logarithm of their place, and what they come to at the end of `length` bytes; (0, 0) when they do not."""
    import statistics

    if len(sizes) < _BLOCKS or max(sizes) - min(sizes) < 1e-9:
        return 0.0, 0.0
    places = [log((block + 0.5) / len(sizes) * start.size) for block in range(len(sizes))]
    if statistics.correlation(places, sizes) < _CLEAR_GROWTH:
        return 0.0, 0.0
    slope, intercept = statistics.linear_regression(places, sizes)
    return slope, intercept + slope * log(length)


def _mean_size(stretch: Stretch) -> float:
    return max(_LEAST, stretch.size / stretch.records)


def _block_sizes(stretch: Stretch) -> list[float]:
    """Mean sizes of the records in blocks of about as many each."""
    counts = stretch.counts if stretch.counts is not None else range(len(stretch.edges))
    cuts = sorted({min(bisect_left(counts, place), len(counts) - 1) for place in block_places(stretch.records)})
    return [max(_LEAST, (stretch.edges[b] - stretch.edges[a]) / (counts[b] - counts[a])) for a, b in pairwise(cuts)]
