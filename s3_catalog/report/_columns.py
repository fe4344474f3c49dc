"""The columns of one table: types, figures, tags with their reasons, where they come from.

Values (bounds, quantiles, frequent values) are shown only where somebody looked for personal data: those of a profile are masked, those of
footers are taken for columns that were described, bear no tag and are not masked.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from typing import Any

from s3_catalog.model.blame import ColumnBlame, FileRef
from s3_catalog.model.description import Basis, ColumnProfile, Tag
from s3_catalog.model.statistics import ColumnStatistics
from s3_catalog.model.tables import Table
from s3_catalog.model.types import type_text
from s3_catalog.report._texts import MAX_NAME, MAX_VALUE, cut, known, number, some

_MOST_BARS = 40
_MOST_VALUES = 6
_MOST_CHANGES = 20
_WAYS_IN = (".", "[", "{")


class ColumnNames:
    """The names of a table's columns, to find the column that something is about."""

    def __init__(self, names: Iterable[str]) -> None:
        self._names = set(names)

    def find(self, path: str) -> str | None:
        """The column that holds a path: `contact` of `contact.email`, unless a column is called so."""
        if path in self._names:
            return path
        ends = (end for end in range(len(path) - 1, 0, -1) if path[end] in _WAYS_IN)
        return next((path[:end] for end in ends if path[:end] in self._names), None)

    def find_fact(self, detail: str) -> tuple[str, str] | None:
        """The column that a detail (`certainty.amount`) is about, and the fact."""
        fact, dot, path = detail.partition(".")
        column = self.find(path) if dot else None
        return None if column is None else (column, fact if column == path else f"{fact} of {path}")


def describe_columns(table: Table, names: ColumnNames) -> list[dict[str, Any]]:
    """What is known of each column, in the order of the files, then of the path. Names stand in the table's head."""
    description, about = table.description, _sort_by_column(table, names)
    profiles = {profile.column: profile for profile in description.columns} if description else {}
    texts = dict(description.column_texts) if description else {}
    described = []
    for column in table.columns:
        may_show = description is not None and description.sample.withheld is None and not about.is_private(column.name)
        described.append(
            known(
                {
                    "type": cut(type_text(column.type)),
                    "source": cut(column.source_type or ""),
                    "required": not column.nullable,
                    "figures": _describe_figures(column.statistics, profiles.get(column.name), may_show=may_show),
                    "blame": _describe_blame(column.blame) if column.blame else None,
                    **_describe_common(column.name, about, profiles, texts),
                }
            )
        )
    for part in table.layout.partition_columns:
        origin = "from the path" if part.declared else "from the path, by its shape"
        figures = _describe_figures(None, profiles.get(part.name), may_show=False)
        own = {"type": cut(type_text(part.type)), "origin": origin, "figures": figures}
        described.append(known(own | _describe_common(part.name, about, profiles, texts)))
    return described


class _About:
    """Tags and facts by column."""

    def __init__(self) -> None:
        self.tags: dict[str, list[Tag]] = defaultdict(list)
        self.facts: dict[str, list[list[str]]] = defaultdict(list)
        self.masked: set[str] = set()

    def is_private(self, column: str) -> bool:
        return column in self.masked or column in self.tags


def _sort_by_column(table: Table, names: ColumnNames) -> _About:
    about, description = _About(), table.description
    for tag in description.tags if description else ():
        column = names.find(tag.column) if tag.column else None
        if column is not None:
            about.tags[column].append(tag)
    for detail, value in table.details:
        found = names.find_fact(detail)
        if found is not None:
            about.facts[found[0]].append([cut(found[1].replace("_", " "), MAX_NAME), cut(value)])
    masked = description.sample.masked if description else ()
    about.masked = {names.find(path) or path for path in masked}
    return about


def _describe_common(column: str, about: _About, profiles: dict[str, ColumnProfile], texts: dict[str, str]) -> dict[str, Any]:
    profile = profiles.get(column)
    return {
        "text": cut(texts.get(column, "")),
        "tags": [describe_tag(tag, column) for tag in about.tags.get(column, ())],
        "facts": about.facts.get(column, []),
        "profile": _describe_profile(profile) if profile else None,
    }


def describe_tag(tag: Tag, column: str | None = None) -> dict[str, Any]:
    """A tag and why it is there; `column` is where it stands, so that only another path is named."""
    path = tag.column if tag.column != column else None
    about = {"column": cut(path or "", MAX_NAME), "why": cut(tag.why), "confidence": number(tag.confidence)}
    return {"name": cut(tag.name, MAX_NAME), "rule": cut(tag.rule, MAX_NAME)} | known(about)


def _describe_figures(statistics: ColumnStatistics | None, profile: ColumnProfile | None, *, may_show: bool) -> dict[str, Any]:
    """Nulls, bounds and size: what a profile tells first, then what footers do."""
    bounds = (profile.min, profile.max) if profile else (None, None)
    figures: dict[str, Any] = {"nulls": number(profile.null_count), "of": number(profile.rows)} if profile else {}
    if profile and (profile.null_count is not None or bounds != (None, None)):
        figures["basis"] = str(profile.bounds_basis)
        if profile.bounds_basis is not Basis.SAMPLE:
            del figures["of"]
    if statistics is not None:
        figures["size"] = number(statistics.size_bytes)
        if figures.get("nulls") is None and statistics.null_count is not None:
            figures |= {"nulls": number(statistics.null_count), "of": None, "partial": not statistics.complete}
        if bounds == (None, None) and may_show:
            bounds = (statistics.min, statistics.max)
            figures |= {"around": not statistics.exact, "partial": not statistics.complete}
    low, high = (None if value is None else [cut(value, MAX_VALUE)] for value in bounds)
    return known(figures | {"min": low, "max": high})


def _describe_profile(profile: ColumnProfile) -> dict[str, Any]:
    return known(
        {
            "basis": str(profile.basis),
            "rows": number(profile.rows),
            "distinct": number(profile.distinct),
            "method": cut(profile.distinct_method or "", MAX_NAME),
            "mean": number(profile.mean),
            "quantiles": [[number(share), cut(value, MAX_VALUE)] for share, value in some(profile.quantiles, _MOST_BARS)],
            "lengths": _describe_lengths(profile),
            "top": [[cut(value, MAX_VALUE), number(count)] for value, count in some(profile.top_values, _MOST_VALUES)],
            "histogram": [[cut(b.low, MAX_VALUE), cut(b.high, MAX_VALUE), number(b.count)] for b in some(profile.histogram, _MOST_BARS)],
        }
    )


def _describe_lengths(profile: ColumnProfile) -> list[Any]:
    lengths = [profile.min_length, profile.mean_length, profile.max_length]
    return [] if lengths == [None, None, None] else [number(length) for length in lengths]


def _describe_blame(blame: ColumnBlame) -> dict[str, Any]:
    """Where a column comes from; what says nothing (a column of all files that were read) is left to the page."""
    changes = [
        known({"file": _describe_file(c.file), "before": cut(c.before), "after": cut(c.after), "about": not c.exact})
        for c in some(blame.changes, _MOST_CHANGES)
    ]
    fields = {
        "first": _describe_file(blame.first),
        "last": _describe_file(blame.last) if blame.last != blame.first else None,
        "added": blame.added,
        "dropped": blame.dropped,
        "about": not blame.exact,
        "changes": changes,
    }
    return known(fields)


def _describe_file(file: FileRef) -> list[Any]:
    return [cut(file.key, MAX_NAME), *(None if value is None else cut(value, MAX_VALUE) for value in file.partition)]
