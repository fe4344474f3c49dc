"""Where the table of a sheet begins and what its columns are called, though titles, empty rows or merged cells stand before it.

Cells are (kind, text); the kind is "" for an empty one. Pure.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from s3_catalog.formats._header import has_header

Cell = tuple[str, str]
Merged = tuple[int, int, int, int]
"""First row, first column, last row, last column of merged cells; only the first cell has the value."""

_MAX_HEADER_ROWS = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class SheetHeader:
    """`names` of all columns ("" where there is none); the data begin in row `first_row`, after `skipped` rows and the header's own."""

    names: tuple[str, ...]
    first_row: int
    skipped: int


def find_header(
    rows: Sequence[Sequence[Cell]], merged: Sequence[Merged], width: int, *, told: bool | None = None, at_top: bool = False
) -> SheetHeader:
    """Find the header of a sheet; without one all names are empty and the data begin at the first row that is as wide as a table's.

    Args:
        told: whether people say that there is one.
        at_top: the table begins with the first row, whatever that looks like.
    """
    first = 0 if at_top else _first_row(rows, merged)
    no_header = SheetHeader(names=("",) * width, first_row=first, skipped=first)
    if told is False:
        return no_header
    last = _last_header_row(rows, first, merged)
    names = _names(rows, first, last, merged, width)
    body = [_texts(row, width) for row in rows[last + 1 :] if _filled(row)]
    is_text = all(kind in ("", "string") for row in rows[first : last + 1] for kind, _ in row)
    if told is None and body and not (last > first and is_text) and not _is_header(rows[first], names, body):
        return no_header
    return SheetHeader(names=tuple(names), first_row=last + 1, skipped=first)


def _first_row(rows: Sequence[Sequence[Cell]], merged: Sequence[Merged]) -> int:
    """The first row that is as wide as a table's and is no title."""
    wide = max((_filled(row) for row in rows), default=0)
    first = next((i for i, row in enumerate(rows) if _filled(row) * 2 >= wide and _filled(row)), 0)
    while first + 1 < len(rows) and _is_title(rows, first, merged, wide):
        first += 1
        while first + 1 < len(rows) and not _filled(rows[first]):
            first += 1
    return first


def _is_header(row: Sequence[Cell], names: list[str], body: list[list[str]]) -> bool:
    if any(kind in ("boolean", "double") for kind, _ in row):
        return False
    return has_header([names, *body])


def _is_title(rows: Sequence[Sequence[Cell]], i: int, merged: Sequence[Merged], wide: int) -> bool:
    """One text over (nearly) the whole width, or a single cell above a wider table."""
    if wide > 1 and _filled(rows[i]) == 1 and all(kind in ("", "string") for kind, _ in rows[i]):
        return True
    return any(top == i and right - left + 1 >= max(2, wide) for top, left, _, right in merged)


def _last_header_row(rows: Sequence[Sequence[Cell]], first: int, merged: Sequence[Merged]) -> int:
    """A header cell over several columns has their own names below it; one that spans rows makes the header as high."""
    last = first
    while last - first + 1 < _MAX_HEADER_ROWS and last + 1 < len(rows):
        grouped = any(top <= last <= bottom and right > left for top, left, bottom, right in merged)
        taller = any(first <= top <= last < bottom for top, _, bottom, _ in merged)
        below = [kind for kind, _ in rows[last + 1] if kind]
        if not (grouped or taller) or not below or any(kind != "string" for kind in below):
            break
        last += 1
    return last


def _names(rows: Sequence[Sequence[Cell]], first: int, last: int, merged: Sequence[Merged], width: int) -> list[str]:
    parts = [_texts(rows[i], width) if i < len(rows) else [""] * width for i in range(first, last + 1)]
    for top, left, _, right in merged:
        if first <= top <= last:
            for column in range(left, min(right + 1, width)):
                parts[top - first][column] = parts[top - first][left]
    return [" ".join(part.strip() for part in column if part.strip()) for column in zip(*parts, strict=True)]


def _filled(row: Sequence[Cell]) -> int:
    return sum(kind != "" for kind, _ in row)


def _texts(row: Sequence[Cell], width: int) -> list[str]:
    texts = [text if kind else "" for kind, text in row]
    return texts + [""] * (width - len(texts))
