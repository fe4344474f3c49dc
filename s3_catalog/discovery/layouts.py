"""From drafts to finished layouts: counts, sizes, digests, partition values and their types, names.

All figures come from one pass of column operations over the assigned objects.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import duckdb
import pyarrow as pa

from s3_catalog.discovery._columns import read_digests, read_partition_kinds, read_partitions
from s3_catalog.discovery.naming import safe_name, unique_names
from s3_catalog.discovery.places import DATE_KINDS, PathColumn
from s3_catalog.model.tables import Evidence, Partition, PartitionColumn, TableLayout
from s3_catalog.model.types import read_type

if TYPE_CHECKING:
    from s3_catalog.discovery.grouping import GroupingRules

_DATE_PARTS = re.compile(r"(?i)y|yy|yyyy|yr|year|m|mm|mon|month|d|dd|day|h|hh|hr|hour|mi|min|minute|week|quarter")
_DATE_NAMES = re.compile(r"(?i)dt|ds|date|day|.*_(?:dt|date|day)|(?:dt|date)_.*")
_INT_DIGITS, _BIGINT_DIGITS = 9, 18


@dataclass(frozen=True, slots=True, kw_only=True)
class LayoutDraft:
    """A table whose objects are assigned.

    `pinned_types` (canonical text by partition column), `options` and `defaults` (see `Pin`) come from people.
    """

    location: str
    format: str
    words: tuple[str, ...]
    columns: tuple[PathColumn, ...]
    evidence: Evidence
    warnings: tuple[str, ...] = ()
    pinned_types: Mapping[str, str] = field(default_factory=dict)
    options: tuple[tuple[str, str], ...] = ()
    defaults: tuple[tuple[str, str], ...] = ()


def build_layouts(
    connection: duckdb.DuckDBPyConnection, drafts: Sequence[LayoutDraft], rules: GroupingRules, known_names: Mapping[str, str]
) -> tuple[tuple[TableLayout, ...], tuple[tuple[Partition, ...], ...]]:
    """Finish the drafts, in their order."""
    drafts = _with_own_locations(drafts)
    digests = read_digests(connection)
    kinds = read_partition_kinds(connection)
    partitions = _read_all_partitions(connection)
    names = _names(drafts, rules, known_names)
    layouts = []
    for index, draft in enumerate(drafts):
        figures = digests[index]
        columns = tuple(
            PartitionColumn(name=c.name, type=_column_type(c, kinds.get((index, i)), draft.pinned_types), declared=c.declared)
            for i, c in enumerate(draft.columns)
        )
        layouts.append(
            TableLayout(
                name=names[_identity(draft, rules)],
                store_url=rules.store_url,
                location=rules.base + draft.location,
                format=draft.format,
                partition_columns=columns,
                object_count=figures["objects"],
                size_bytes=figures["bytes"],
                newest=figures["newest"],
                evidence=draft.evidence,
                warnings=draft.warnings,
                content_digest=figures["digest"],
                options=draft.options,
            )
        )
    return tuple(layouts), tuple(tuple(partitions.get(index, ())) for index in range(len(drafts)))


def _with_own_locations(drafts: Sequence[LayoutDraft]) -> list[LayoutDraft]:
    """Locations identify tables: where two globs of one folder read the same, the later gets another star."""
    seen: set[tuple[str, str]] = set()
    distinct = []
    for draft in drafts:
        location = draft.location
        while (draft.format, location) in seen:
            location += "*"
        seen.add((draft.format, location))
        distinct.append(replace(draft, location=location))
    return distinct


def _identity(draft: LayoutDraft, rules: GroupingRules) -> str:
    return f"{draft.format}:{rules.store_url}{rules.base}{draft.location}"


def _names(drafts: Sequence[LayoutDraft], rules: GroupingRules, known_names: Mapping[str, str]) -> dict[str, str]:
    top = (rules.base.rstrip("/").rpartition("/")[2] or rules.store_url.rstrip("/").rpartition("/")[2],)
    wanted = {_identity(draft, rules): safe_name(draft.words or top) for draft in drafts}
    # The same table in two formats: the format tells them apart better than a digest would.
    several: dict[str, list[LayoutDraft]] = defaultdict(list)
    for draft in drafts:
        several[wanted[_identity(draft, rules)]].append(draft)
    for name, copies in several.items():
        if len(copies) > 1 and len({draft.format for draft in copies}) == len(copies):
            wanted.update({_identity(draft, rules): f"{name}_{draft.format}" for draft in copies})
    return unique_names(wanted, known_names)


def _column_type(column: PathColumn, kinds: Mapping[str, Any] | None, pinned: Mapping[str, str]) -> pa.DataType:
    """Type a partition column from all its values: int, date, else string. Leading zeros stay text unless the column is a date part."""
    if column.name in pinned:
        return read_type(pinned[column.name])
    if kinds is None or column.kind == "yearmonth":
        return pa.string()
    if kinds["iso_dates"] or (column.kind == "date" and kinds["compact_dates"]) or (column.kind == "date" and kinds["any_dates"]):
        return pa.date32()
    if kinds["compact_dates"] and _DATE_NAMES.fullmatch(column.name):
        return pa.date32()
    date_part = column.kind in DATE_KINDS or (column.kind in ("hive", "pinned") and _DATE_PARTS.fullmatch(column.name) is not None)
    if kinds["integers"] or (date_part and kinds["digits"]):
        if kinds["longest"] <= _INT_DIGITS:
            return pa.int32()
        return pa.int64() if kinds["longest"] <= _BIGINT_DIGITS else pa.string()
    return pa.string()


def _read_all_partitions(connection: duckdb.DuckDBPyConnection) -> dict[int, list[Partition]]:
    found: dict[int, list[Partition]] = defaultdict(list)
    for batch in read_partitions(connection):
        columns = [batch.column(name).to_pylist() for name in ("layout", "values", "objects", "bytes", "newest")]
        for layout, values, objects, size, newest in zip(*columns, strict=True):
            found[layout].append(Partition(values=tuple(values), object_count=objects, size_bytes=size, newest=newest))
    return found
