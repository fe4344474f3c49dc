"""Tables of an earlier run that are taken over as they are: the same objects, read by the same rules."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import pyarrow as pa
import pyarrow.compute as pc

from s3_catalog.inference.results import InferenceRules, TableResult
from s3_catalog.model.tables import MEMBER_MARK, UNSTRUCTURED, Partition, Table, TableLayout
from s3_catalog.table_formats import table_formats


def find_unchanged(layouts: Sequence[TableLayout], known: Mapping[str, Table], rules: InferenceRules) -> dict[str, list[Table]]:
    """Layout identity -> its known tables, where all of them are of the very same objects and rules."""
    by_layout: dict[str, list[Table]] = {}
    for identity, table in known.items():
        by_layout.setdefault(identity, []).append(table)
        if MEMBER_MARK in identity:
            by_layout.setdefault(identity.rpartition(MEMBER_MARK)[0], []).append(table)
    return {
        layout.identity: by_layout[layout.identity]
        for layout in layouts
        if layout.identity in by_layout and all(_is_unchanged(table, layout, rules) for table in by_layout[layout.identity])
    }


def _moved(old: TableLayout, new: TableLayout) -> TableLayout:
    """A new layout for an unchanged table, which may be a member of its files."""
    return new if old.identity == new.identity else replace(new, location=old.location, name=old.name)


def _is_unchanged(before: Table, layout: TableLayout, rules: InferenceRules) -> bool:
    # A log knows the partition columns better than the paths do.
    same_columns = layout.format in table_formats() or before.layout.partition_columns == layout.partition_columns
    same_place = before.layout.content_digest == layout.content_digest and same_columns
    same_rules = layout.format == UNSTRUCTURED or dict(before.details).get("schema_rules") == rules.fingerprint
    return same_place and same_rules and before.layout.options == layout.options


def take_over(
    before: Sequence[Table], layout: TableLayout, partitions: tuple[Partition, ...], objects: pa.Table, removed: pa.Array
) -> TableResult | None:
    """The unchanged tables of a layout as they were; None where it is not known which of their files were removed."""
    if layout.format not in table_formats():
        tables = (replace(t, layout=_moved(t.layout, layout), partitions=_with_counts(partitions, t)) for t in before)
        return TableResult(layout=layout, tables=tuple(tables))
    (of_log,) = before
    keys = objects.column("key").combine_chunks()
    dead = keys.filter(pc.is_in(keys, value_set=removed))
    if len(keys) - len(dead) != of_log.layout.object_count:
        return None
    kept = replace(of_log.layout, name=layout.name, evidence=layout.evidence, warnings=layout.warnings)
    return TableResult(layout=kept, tables=(replace(of_log, layout=kept),), dead=dead)


def _with_counts(partitions: tuple[Partition, ...], before: Table) -> tuple[Partition, ...]:
    """The partitions as they are listed now, with the rows that were counted before."""
    counts = {partition.values: partition.row_count for partition in before.partitions}
    return tuple(replace(p, row_count=counts.get(p.values)) for p in partitions)
