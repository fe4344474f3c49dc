"""From keys to table layouts: which objects belong together, why, and what becomes of every one of them.

In: the manifest. Out: a `Grouping`: layouts, and the manifest with each object's layout, reason or error. No data file is opened; where
a name says nothing the caller's `sniff` looks at the first bytes of one object per group.

Objects stay in columns (DuckDB over Arrow). Python sees distinct directory templates and file-name wordings, thousands of times fewer.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import duckdb
import pyarrow as pa

from s3_catalog.discovery import _columns
from s3_catalog.discovery.hints import TableHint, apply_hints
from s3_catalog.discovery.layouts import LayoutDraft, build_layouts
from s3_catalog.discovery.pinned import assign_pins
from s3_catalog.discovery.pins import Pin
from s3_catalog.discovery.places import read_template
from s3_catalog.discovery.suffixes import UNKNOWN
from s3_catalog.discovery.table_roots import claim_table_roots, describe_log
from s3_catalog.discovery.unstructured import decide_unstructured
from s3_catalog.discovery.verdicts import NameGroup, decide_bare_root, decide_place, decide_table_root
from s3_catalog.errors import StoreError
from s3_catalog.model.tables import UNSTRUCTURED, Partition, TableLayout

Sniff = Callable[[str], "str | None"]
"""Looks at an object's first bytes; returns a format's name, or None when they are of no format known."""

_MAX_SNIFFS = 256
"""Groups of files without telling names that are looked into, one small read each; the others are file sets, with a warning."""


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupingRules:
    """What people can set. `max_tables_per_folder`: more unrelated files than this in one folder are a file set; a later hint wins."""

    base: str = ""
    store_url: str = "memory:///"
    pins: tuple[Pin, ...] = ()
    hints: tuple[TableHint, ...] = ()
    max_tables_per_folder: int = 30


@dataclass(frozen=True, slots=True, kw_only=True)
class Grouping:
    """The verdict on one manifest.

    `objects` is the manifest with four more columns: layout (int32, index into `layouts`, or null), partition (int32, index into that
    layout's `partitions`, or null), skipped (reason) and error. `unused_hints` are the paths of hints that meet no table.
    """

    layouts: tuple[TableLayout, ...]
    partitions: tuple[tuple[Partition, ...], ...]
    objects: pa.Table
    unused_hints: tuple[str, ...] = ()


def group_objects(
    manifest: pa.Table, rules: GroupingRules, *, known_names: Mapping[str, str] | None = None, sniff: Sniff | None = None
) -> Grouping:
    """Group the objects of a manifest (`MANIFEST_SCHEMA`) into tables.

    Args:
        known_names: table identity -> name for all that a catalog already holds, so that names never move.
        sniff: asked once per group of files whose names say nothing; without it these are file sets.
    """
    with duckdb.connect(config={"threads": 2, "memory_limit": "1GB"}) as connection:
        _columns.load_objects(connection, manifest, rules.base)
        claim_table_roots(connection)
        pinned, idle = assign_pins(connection, rules.pins, rules.base)
        _columns.build_name_groups(connection)
        drafts = [*pinned, *_decide_groups(connection, manifest, rules, sniff, first_layout=len(pinned))]
        drafts, unused = apply_hints(connection, drafts, rules.hints, rules.base)
        layouts, partitions = build_layouts(connection, drafts, rules, known_names or {})
        objects = _columns.read_verdicts(connection, manifest)
        return Grouping(layouts=layouts, partitions=partitions, objects=objects, unused_hints=(*idle, *unused))


def _decide_groups(
    connection: duckdb.DuckDBPyConnection, manifest: pa.Table, rules: GroupingRules, sniff: Sniff | None, *, first_layout: int
) -> list[LayoutDraft]:
    groups = [NameGroup(place=read_template(row.pop("template"), base=rules.base), **row) for row in _columns.read_name_groups(connection)]
    examples = _columns.read_example_keys(connection)
    groups, failed = _resolve_unknown(groups, lambda group: manifest.column("key")[examples[group.id]].as_py(), sniff)
    by_root: dict[tuple[str, str], list[NameGroup]] = defaultdict(list)
    by_place: dict[tuple[str, str], list[NameGroup]] = defaultdict(list)
    for group in groups:
        if group.root is None:
            by_place[group.place.key].append(group)
        else:
            by_root[group.root, group.format].append(group)
    drafts = [decide_table_root(members, describe_log(table_format)) for (_, table_format), members in by_root.items()]
    for members in by_place.values():
        drafts += decide_place(members, max_tables=rules.max_tables_per_folder)
    taken = {group.id for draft in drafts for group in draft.groups} | set(failed)
    bare = [decide_bare_root(root, table_format, describe_log(table_format)) for root, table_format in _columns.read_bare_roots(connection)]
    file_sets, not_data = decide_unstructured([g for g in groups if g.id not in taken], [*drafts, *bare])
    drafts += file_sets
    _columns.assign_groups(connection, drafts, not_data, failed, first_layout=first_layout)
    _columns.assign_bare_roots(connection, [draft.location for draft in bare], first_layout=first_layout + len(drafts))
    return [
        LayoutDraft(
            location=draft.location,
            format=draft.format,
            words=draft.words,
            columns=draft.columns,
            evidence=draft.evidence,
            warnings=tuple(draft.warnings),
        )
        for draft in (*drafts, *bare)
    ]


def _resolve_unknown(
    groups: Sequence[NameGroup], example_key: Callable[[NameGroup], str], sniff: Sniff | None
) -> tuple[list[NameGroup], dict[int, str]]:
    """Give every group of unknown format the one its first bytes tell: one look per place, at its largest group.

    Returns: the groups with their formats; group id -> error where the look failed.
    """
    unknown: dict[tuple[str, str], list[NameGroup]] = defaultdict(list)
    for group in groups:
        if group.format == UNKNOWN:
            unknown[group.place.key].append(group)
    formats: dict[int, str] = {}
    failed: dict[int, str] = {}
    unseen: set[int] = set()
    for number, members in enumerate(unknown.values()):
        found: str | None = None
        if number >= _MAX_SNIFFS:
            unseen.update(group.id for group in members)
        elif sniff is not None:
            try:
                found = sniff(example_key(max(members, key=lambda g: (g.files, g.name))))
            except StoreError as error:
                failed.update({group.id: str(error) for group in members})
                continue
        formats.update({group.id: found or UNSTRUCTURED for group in members})
    resolved = [
        replace(group, format=formats.get(group.id, group.format), unseen=group.id in unseen) for group in groups if group.id not in failed
    ]
    return resolved, failed
