"""Which Lake Formation tags (LF-tags) a table and its columns should have: `PII.Email` becomes the LF-tag of that name.

Pure. Only what we added is removed again, and what a person removed is not added again.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from s3_catalog.model.tables import Table

LAKE_FORMATION_TAGS = "lake_formation_tags"
"""Field under which is remembered what was sent: texts `<tag> <column>`, without a column for the table."""
TagPair = tuple[str, str]
"""(tag, column in Glue; "" for the table)"""


@dataclass(frozen=True, slots=True)
class TagChanges:
    """What to add and to remove, and all that are wanted."""

    add: tuple[TagPair, ...]
    remove: tuple[TagPair, ...]
    wanted: tuple[TagPair, ...]


def build_tags(table: Table, columns: Iterable[str]) -> tuple[TagPair, ...]:
    """The tags of a table with these columns in Glue. A tag of a nested value is one of its column; a column that is not shown has none."""
    names = tuple(columns)
    pairs = set[TagPair]()
    for tag in table.description.tags if table.description else ():
        column = "" if tag.column is None else _column_of(tag.column, names)
        if column is not None:
            pairs.add((tag.name, column))
    return tuple(sorted(pairs))


def diff_tags(wanted: Sequence[TagPair], before: Iterable[str]) -> TagChanges:
    """Compare with what was sent."""
    sent = {(text.partition(" ")[0], text.partition(" ")[2]) for text in before}
    return TagChanges(tuple(sorted(set(wanted) - sent)), tuple(sorted(sent - set(wanted))), tuple(wanted))


def _column_of(path: str, columns: Sequence[str]) -> str | None:
    """The column that a path begins with: the longest that fits, as names may hold dots."""
    lower = path.lower()
    found = [name for name in columns if lower == name or lower.startswith((f"{name}.", f"{name}["))]
    return max(found, key=len, default=None)
