"""Directory templates: which part of a path names a table and which part is a partition value.

In: one template per distinct shape of directory (`rules.segment_template_sql`). Out: a `Place`. Pure.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import unquote

from s3_catalog.discovery.rules import AWS_LOGS, REGION_PATTERN

_REGION = re.compile(REGION_PATTERN)
_AFTER = {"year": "month", "month": "day", "day": "hour", "hour": "minute", "date": "hour", "yearmonth": "day"}
"""What one or two digits mean after each date part."""
_NAMES = {"datetime": "date_hour", "yearmonth": "month"}
_DATE_LABELS = frozenset({"dt", "ds", "d", "date", "day"})
"""Words before a date that only say it is one (`date-2024-01-31/`)."""
DATE_KINDS = frozenset({"year", "yearmonth", "month", "day", "hour", "minute", "date", "datetime"})


@dataclass(frozen=True, slots=True, kw_only=True)
class PathColumn:
    """A partition column read from one path segment. `segment` counts from 1 below the crawled prefix; 0 means the file name.

    `kind` is `hive`, a date part (`DATE_KINDS`), `number`, `hash` or `region`.
    """

    name: str
    kind: str
    segment: int

    @property
    def declared(self) -> bool:
        return self.kind == "hive"


@dataclass(frozen=True, slots=True)
class Place:
    """Where a table can live: `root` is the leading names (relative, "" or ending in `/`), `pattern` what follows up to the last name.

    Directories with one root and pattern hold the same tables whatever their columns: files at the root and in partitions are together.
    """

    root: str
    pattern: str
    columns: tuple[PathColumn, ...]
    names: tuple[str, ...]
    writer: str | None = None

    @property
    def key(self) -> tuple[str, str]:
        return self.root, self.pattern


def read_template(template: Sequence[str], *, base: str = "") -> Place:
    """Resolve the kinds of one directory's segments (below the prefix `base`), each in the light of those before it.

    >>> read_template(("=logs", "?year:", "?part:", "?part:")).columns[1]
    PathColumn(name='month', kind='month', segment=3)
    >>> read_template(("=exports", "?date:", "=orders")).pattern
    '**/orders/'
    """
    aws_logs = AWS_LOGS in base or f"={AWS_LOGS[:-1]}" in template
    tokens = [f"?region:{t[1:]}" if aws_logs and _REGION.fullmatch(t[1:]) else t for t in template]
    first = next((i for i, token in enumerate(tokens) if token.startswith("?")), len(tokens))
    root_names = [token[1:] for token in tokens[:first]]
    columns: list[PathColumn] = []
    pattern: list[str] = []
    names = list(root_names)
    previous = ""
    for number, token in enumerate(tokens[first:], start=first + 1):
        if token.startswith("="):
            pattern.append(token[1:])
            names.append(token[1:])
            previous = ""
            continue
        kind, _, kept = token[1:].partition(":")
        if kind == "part":
            kind = _AFTER.get(previous, "number")
        if kind == "stamped" and kept.strip("-_. ").lower() in _DATE_LABELS:
            kind, kept = "date", ""
        if kind == "stamped":
            pattern.append(f"{kept}*")
            names.append(kept.strip("-_. "))
            kind = "date"
        elif not pattern or pattern[-1] != "**":
            pattern.append("**")
        previous = kind
        columns.append(PathColumn(name=_column_name(kind, kept, columns, aws_logs=aws_logs), kind=kind, segment=number))
    while pattern and pattern[-1] == "**":
        pattern.pop()
    return Place(
        root="".join(f"{name}/" for name in root_names),
        pattern="".join(f"{part}/" for part in pattern),
        columns=tuple(columns),
        names=tuple(names),
        writer="AWS log delivery" if aws_logs and columns else None,
    )


def _column_name(kind: str, kept: str, before: Sequence[PathColumn], *, aws_logs: bool) -> str:
    if kind == "hive":
        name = unquote(kept)
    elif kind == "number" and aws_logs and not before:
        name = "account_id"
    elif kind in _NAMES:
        name = _NAMES[kind]
    elif kind in ("number", "hash"):
        # The name AWS Glue's crawler gives a level that has none, so that queries written for it go on working.
        name = f"partition_{sum(column.kind in ('number', 'hash') for column in before)}"
    else:
        name = kind
    taken = {column.name.lower() for column in before}
    unique, count = name, 2
    while unique.lower() in taken:
        unique, count = f"{name}_{count}", count + 1
    return unique
