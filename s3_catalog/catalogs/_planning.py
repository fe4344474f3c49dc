"""What every target decides alike: which tables may be retired, whose name is taken, what differs between two states of a table.

Pure: no catalog, no clock.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from s3_catalog.catalogs import RetirePolicy, Scope
from s3_catalog.model.description import Description
from s3_catalog.model.tables import Column, Partition, PartitionColumn, Table
from s3_catalog.model.types import type_text

_DESCRIBED = {"sample": "sample", "columns": "profile", "files": "file_sizes"}
"""Field of a description -> what a difference in it is called."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Published:
    """What a catalog knows of one table when a plan is made."""

    identity: str
    name: str
    store_url: str
    location: str
    retired: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Retirement:
    """The tables to retire, and those that are gone but stay (with the reason)."""

    retire: tuple[Published, ...] = ()
    withheld: tuple[str, ...] = ()
    reason: str | None = None


def choose_retirements(published: Iterable[Published], seen: Iterable[str], scope: Scope, policy: RetirePolicy) -> Retirement:
    """Retire the tables that a complete listing, this one or one before, shows gone: never more than the policy's share of the store's.

    Args:
        seen: identities of the tables found by this crawl.
    """
    ours = [table for table in published if table.store_url == scope.store_url and not table.retired]
    found = set(seen)
    known = set(scope.gone) - found
    found.update(scope.present)
    unseen = {t.identity for t in ours if not scope.only_gone and t.identity not in found and _is_covered(t.location, scope)}
    gone = sorted((table for table in ours if table.identity in known | unseen), key=lambda table: table.name)
    names = tuple(table.name for table in gone)
    if not gone:
        return Retirement()
    if scope.listed == 0 and not known.issuperset(table.identity for table in gone):
        return Retirement(withheld=names, reason="the listing was empty, and an empty listing retires nothing")
    if len(gone) > policy.max_share * len(ours) and not policy.allow:
        reason = (
            f"{len(gone)} of {len(ours)} published tables of {scope.store_url} are gone, more than the share of {policy.max_share:.0%} "
            "that one run may retire; if they are meant to be gone, allow it with --allow-retire"
        )
        return Retirement(withheld=names, reason=reason)
    return Retirement(retire=tuple(gone))


def _is_covered(location: str, scope: Scope) -> bool:
    """Whether the crawl saw all of a table's place. A pattern is taken for everything that begins as it does."""
    start = location.partition("*")[0]
    within = any(start.startswith(prefix) for prefix in scope.prefixes)
    return within and not any(start.startswith(failed) or failed.startswith(start) for failed in scope.excluded)


def find_name_conflicts(tables: Sequence[Table], names: Mapping[str, str]) -> dict[str, str]:
    """Find the tables that cannot have their name, with the identity that holds it.

    A published table keeps its name (also when retired: it may come back) unless this plan renames it.

    Args:
        names: identity -> name of all that is published, of every store.
    """
    wanted = {table.layout.identity: table.name for table in tables}
    if len(wanted) != len(tables):
        raise ValueError("one table is planned twice")
    conflicts: dict[str, str] = {}
    while True:
        # A table in conflict keeps its old name, which can put another one in conflict: repeat until nothing moves.
        moving = wanted.keys() - conflicts.keys()
        holders = {name: identity for identity, name in names.items() if identity not in moving or wanted[identity] == name}
        found = {}
        for identity in (identity for identity in wanted if identity in moving):
            holder = holders.setdefault(wanted[identity], identity)
            if holder != identity:
                found[identity] = holder
        if not found:
            return conflicts
        conflicts |= found


def diff_tables(old: Table, new: Table) -> tuple[tuple[str, str | None, str | None], ...]:
    """List what differs as (field, old, new), in reading order; None where there was nothing. Empty only for equal tables."""
    before, after = _describe(old), _describe(new)
    changes = [(name, before.get(name), after.get(name)) for name in [*after, *(name for name in before if name not in after)]]
    differences = [change for change in changes if change[1] != change[2]]
    for field, old_columns, new_columns in (
        ("columns", old.columns, new.columns),
        ("partition_columns", old.layout.partition_columns, new.layout.partition_columns),
    ):
        differences += _diff_column_details(field, old_columns, new_columns, {change[0] for change in differences})
    differences += _diff_figures(old.columns, new.columns)
    differences += _diff_descriptions(old.description, new.description)
    if old.partitions != new.partitions:
        differences.append(("partitions", str(len(old.partitions)), _describe_partition_changes(old.partitions, new.partitions)))
    return tuple(differences)


def _describe(table: Table) -> dict[str, str | None]:
    layout = table.layout
    return {
        "name": table.name,
        "location": layout.uri,
        **{f"columns.{name}": text for name, text in _column_texts(table.columns).items()},
        **{f"partition_columns.{name}": text for name, text in _column_texts(layout.partition_columns).items()},
        "row_count": None if table.row_count is None else str(table.row_count),
        "row_estimate": str(table.row_estimate) if table.row_estimate else None,
        "object_count": str(layout.object_count),
        "size_bytes": str(layout.size_bytes),
        "newest": layout.newest.isoformat() if layout.newest else None,
        "content": layout.content_digest or None,
        "evidence.rule": layout.evidence.rule,
        "evidence.reason": layout.evidence.reason,
        "evidence.runner_up": layout.evidence.runner_up,
        "options": _list_text(f"{name}={value}" for name, value in layout.options),
        "details": _list_text(f"{name}={value}" for name, value in table.details),
        "layout_warnings": _list_text(layout.warnings),
        "warnings": _list_text(table.warnings),
        "conflicts": _list_text(f"{c.column}: {c.expected} and {c.found} became {c.resolved} by {c.key}" for c in table.conflicts),
        "sampled_keys": _list_text(table.sampled_keys),
    }


def _column_texts(columns: Sequence[Column | PartitionColumn]) -> dict[str, str]:
    texts: dict[str, str] = {}
    for column in columns:
        name, repeated = column.name, 1
        while name in texts:
            repeated += 1
            name = f"{column.name}#{repeated}"
        texts[name] = type_text(column.type) + ("" if getattr(column, "nullable", True) else " not null")
    return texts


def _diff_column_details(
    field: str, old: Sequence[Column | PartitionColumn], new: Sequence[Column | PartitionColumn], named: set[str]
) -> list[tuple[str, str | None, str | None]]:
    """What the canonical texts do not show: the order of columns, and how a file format stores a type."""
    if old == new or any(name.startswith(f"{field}.") for name in named):
        return []
    old_names, new_names = [column.name for column in old], [column.name for column in new]
    if old_names != new_names:
        return [(f"{field} (order)", _list_text(old_names), _list_text(new_names))]
    pairs = [(o.name, _stored_text(o), _stored_text(n)) for o, n in zip(old, new, strict=True)]
    return [(f"{field}.{name} (stored)", before, after) for name, before, after in pairs if before != after]


def _diff_figures(old: Sequence[Column], new: Sequence[Column]) -> list[tuple[str, str | None, str | None]]:
    """Columns whose statistics or blame changed, by name alone: they move with every new file, and hold values."""
    before, after = _by_occurrence(old), _by_occurrence(new)
    pairs = [(before[key], column) for key, column in after.items() if key in before]
    moved = {
        "statistics": [n.name for o, n in pairs if o.statistics != n.statistics],
        "blame": [n.name for o, n in pairs if o.blame != n.blame],
    }
    return [(figure, None, f"changed: {_list_text(names)}") for figure, names in moved.items() if names]


def _stored_text(column: Column | PartitionColumn) -> str:
    if isinstance(column, PartitionColumn):
        return f"{column.type}, {'declared' if column.declared else 'inferred'}"
    return f"{column.type}, {column.source_type}" if column.source_type else str(column.type)


def _by_occurrence(columns: Sequence[Column]) -> dict[tuple[str, int], Column]:
    """Columns by their name and how often it came before: names can repeat."""
    seen: Counter[str] = Counter()
    found = {}
    for column in columns:
        found[column.name, seen[column.name]] = column
        seen[column.name] += 1
    return found


def _diff_descriptions(old: Description | None, new: Description | None) -> list[tuple[str, str | None, str | None]]:
    """Tags, owners and texts as they are; samples and profiles move with every file, so only that they changed."""
    if old is None or new is None:
        return [] if old is new else [("described", "yes" if old else None, "yes" if new else None)]
    before, after = _description_texts(old), _description_texts(new)
    found = [(name, before.get(name), after.get(name)) for name in after if before.get(name) != after.get(name)]
    return [*found, *((label, None, "changed") for name, label in _DESCRIBED.items() if getattr(old, name) != getattr(new, name))]


def _description_texts(description: Description) -> dict[str, str | None]:
    tags = (f"{t.name} on {t.column or 'the table'} by {t.rule} ({t.confidence:g}): {t.why}" for t in description.tags)
    return {
        "description": description.text,
        "column_descriptions": _list_text(f"{name}: {text}" for name, text in description.column_texts),
        "owners": _list_text(description.owners),
        "tags": _list_text(tags),
        "description_warnings": _list_text(description.warnings),
    }


def _list_text(items: Iterable[str]) -> str | None:
    texts = list(items)
    return json.dumps(texts, ensure_ascii=False) if texts else None


def _describe_partition_changes(old: Sequence[Partition], new: Sequence[Partition]) -> str:
    before, after = {p.values: p for p in old}, {p.values: p for p in new}
    counts = {
        "added": len(after.keys() - before.keys()),
        "removed": len(before.keys() - after.keys()),
        "changed": sum(before[values] != after[values] for values in before.keys() & after.keys()),
    }
    changes = ", ".join(f"{count} {verb}" for verb, count in counts.items() if count)
    return f"{len(new)} ({changes or 'in another order'})"
