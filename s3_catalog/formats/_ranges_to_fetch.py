"""Which byte ranges of a file are fetched for the rows of a sample, where not all of it may be. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

GAP_BYTES = 16 * 1024
"""Ranges closer than this are fetched together."""
MAX_RANGES = 48

Range = tuple[int, int]
"""Where some bytes begin and end."""


def join_ranges(ranges: Iterable[Range]) -> list[Range]:
    """Put neighbours together.

    >>> join_ranges([(90_000, 90_010), (0, 10), (20, 30)])
    [(0, 30), (90000, 90010)]
    """
    joined: list[Range] = []
    for start, end in sorted(ranges):
        if joined and start - joined[-1][1] <= GAP_BYTES:
            joined[-1] = (joined[-1][0], max(end, joined[-1][1]))
        else:
            joined.append((start, end))
    return joined


def choose_columns(columns: Sequence[Sequence[Range]], max_bytes: int) -> list[int]:
    """As many columns as can be fetched in few ranges of so many bytes, by number; the smallest are taken first.

    >>> choose_columns([[(0, 50)], [(100_000, 100_900)], [(200_000, 200_010)]], 100)
    [0, 2]
    """
    order = sorted(range(len(columns)), key=lambda index: sum(end - start for start, end in columns[index]))
    left, ranges, chosen = max_bytes, 0, list[int]()
    for index in order:
        # A gap that is fetched along costs less than the count of ranges lets expect, and never more than this.
        left -= sum(end - start for start, end in columns[index])
        if left < 0:
            break
        chosen.append(index)
    while chosen:
        joined = join_ranges(found for index in chosen for found in columns[index])
        ranges = len(joined)
        if ranges <= MAX_RANGES and sum(end - start for start, end in joined) <= max_bytes:
            break
        # Too many ranges, or gaps that do not fit: the largest columns go.
        del chosen[-max(1, len(chosen) // 8) :]
    return sorted(chosen)
