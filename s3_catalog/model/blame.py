"""Schema blame: which file brought a column, which was the last to have it, which changed its type.

Pure. A table's files are told apart by their rank in age (0 is the oldest). Only files that were read are known, so every answer says
whether an unread file could move it.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise


@dataclass(frozen=True, slots=True)
class FileRef:
    """A file of a table and the partition it lies in: values in the order of the partition columns, as in the path; () without any."""

    key: str
    partition: tuple[str | None, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class TypeChange:
    """The file from which on a column has another type, as canonical text. `exact`: no unread file lies before it and the file before."""

    file: FileRef
    before: str
    after: str
    exact: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class ColumnBlame:
    """Where a column stands among a table's files, from old to new.

    `first` and `last` are the oldest and the newest file read that have it. `added`: an older file lacks it. `dropped`: a newer file
    lacks it. `exact`: no file that was not read could be an earlier first or a later last.
    """

    first: FileRef
    last: FileRef
    added: bool = False
    dropped: bool = False
    exact: bool = True
    changes: tuple[TypeChange, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class SeenFile:
    """A file that was read: its rank in age among all files of the table, and the canonical type of each of its columns."""

    file: FileRef
    rank: int
    types: Mapping[str, str]


def blame_columns(files: Sequence[SeenFile]) -> dict[str, ColumnBlame]:
    """Say for every column of the files read where it comes from.

    A schema is taken to hold between two files read that agree on it; where two files differ and none lies between them, the
    answer is exact.
    """
    ordered = sorted(files, key=lambda file: file.rank)
    names = dict.fromkeys(name for file in ordered for name in file.types)
    return {name: _blame_column(name, ordered) for name in names}


def find_gap(files: Sequence[SeenFile], *, unreadable: Collection[int] = ()) -> int | None:
    """The rank of the file to read next: in the middle of the widest gap between two files read that differ. None when there is no gap.

    Each such file halves what is not known of where the schema changed.

    Args:
        unreadable: ranks of files that could not be read.
    """
    ordered = sorted(files, key=lambda file: file.rank)
    widest: Sequence[int] = ()
    for older, newer in pairwise(ordered):
        if dict(older.types) != dict(newer.types):
            failed = {rank for rank in unreadable if older.rank < rank < newer.rank}
            if newer.rank - older.rank - 1 - len(failed) >= max(1, len(widest)):
                between = range(older.rank + 1, newer.rank)
                widest = [rank for rank in between if rank not in failed] if failed else between
    return widest[len(widest) // 2] if widest else None


def _blame_column(name: str, ordered: Sequence[SeenFile]) -> ColumnBlame:
    having = [position for position, file in enumerate(ordered) if name in file.types]
    first, last = having[0], having[-1]
    added, dropped = first > 0, last < len(ordered) - 1
    return ColumnBlame(
        first=ordered[first].file,
        last=ordered[last].file,
        added=added,
        dropped=dropped,
        exact=(not added or _are_neighbours(ordered, first - 1)) and (not dropped or _are_neighbours(ordered, last)),
        changes=tuple(_type_changes(name, ordered, having)),
    )


def _type_changes(name: str, ordered: Sequence[SeenFile], having: Sequence[int]) -> list[TypeChange]:
    found = []
    for older, newer in pairwise(having):
        before, after = ordered[older].types[name], ordered[newer].types[name]
        if before != after:
            exact = newer == older + 1 and _are_neighbours(ordered, older)
            found.append(TypeChange(file=ordered[newer].file, before=before, after=after, exact=exact))
    return found


def _are_neighbours(ordered: Sequence[SeenFile], position: int) -> bool:
    """Whether no unread file lies between a file and the next newer one."""
    return ordered[position + 1].rank - ordered[position].rank == 1
