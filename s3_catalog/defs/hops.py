"""What the assets hand on, as Arrow: per partition one table, which `io_managers` keeps as one Parquet file.

A run covers one or many partitions. The core sees them as one: `read_*` joins the partitions of a run, `write_*` parts a result
again. Pure; what comes out of `read_*` is what went into `write_*`, except the files that grouping had opened (a cache).
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from s3_catalog.defs.partitions import read_partition_key, write_partition_key
from s3_catalog.discovery.grouping import Grouping
from s3_catalog.discovery.scopes import ROOT_SCOPE, scope_column, scope_of_key, scope_of_location
from s3_catalog.errors import S3CatalogError
from s3_catalog.inference import TableResult
from s3_catalog.model.ledger import FailedPrefix
from s3_catalog.model.manifest import MANIFEST_SCHEMA
from s3_catalog.model.records import (
    PARTITION_TYPE,
    read_layout,
    read_partitions,
    read_table,
    write_layout,
    write_partitions,
    write_table,
)
from s3_catalog.model.tables import TableLayout
from s3_catalog.pipeline import GroupedObjects, ObjectManifest

Parts = dict[str, pa.Table]
"""Partition key -> rows."""

_FAILED = b"s3_catalog.failed_prefixes"
_VERDICTS = [pa.field("partition", pa.int32()), pa.field("skipped", pa.string()), pa.field("error", pa.string())]
_OBJECT_TYPE = pa.struct([*MANIFEST_SCHEMA, *_VERDICTS])
MANIFEST_ROWS = pa.schema([*MANIFEST_SCHEMA, pa.field("skipped", pa.string())])
"""Of `object_manifest`: one row per listed object; `skipped` says why a pattern kept it out."""
LAYOUT_ROWS = pa.schema(
    [
        pa.field("layout", pa.string()),
        pa.field("types", pa.binary()),
        pa.field("partitions", pa.list_(PARTITION_TYPE), nullable=False),
        pa.field("objects", pa.list_(_OBJECT_TYPE), nullable=False),
    ]
)
"""Of `table_layouts`: one row per table, and a last one without `layout` for the objects that are in none."""
_TABLE_TYPE = pa.struct([("location", pa.string()), ("name", pa.string()), ("table", pa.string()), ("types", pa.binary())])
RESULT_ROWS = pa.schema(
    [
        pa.field("layout", pa.string(), nullable=False),
        pa.field("layout_types", pa.binary(), nullable=False),
        pa.field("tables", pa.list_(_TABLE_TYPE), nullable=False),
        pa.field("partitions", pa.list_(PARTITION_TYPE), nullable=False),
        pa.field("failed", pa.string(), nullable=False),
        pa.field("error", pa.string()),
        pa.field("dead", pa.list_(pa.string()), nullable=False),
    ]
)
"""Of `table_schemas` and `table_descriptions`: one row per layout, in the order of `table_layouts`; files can hold several tables."""


class StaleInputError(S3CatalogError):
    """What one asset stored was made from another state of the asset before it."""


@dataclass(frozen=True, slots=True)
class ScopeRule:
    """How the scope of a key follows from it: below which prefix, how many folders deep."""

    base: str
    depth: int

    def of_prefix(self, prefix: str) -> str:
        return scope_of_key(prefix, base=self.base, depth=self.depth)

    def of_location(self, location: str) -> str:
        return scope_of_location(location, base=self.base, depth=self.depth)

    def holds(self, scope: str) -> bool:
        """Whether a scope is of this location."""
        return scope == ROOT_SCOPE or scope.startswith(self.base)

    def of_column(self, keys: pa.ChunkedArray) -> pa.Array:
        return scope_column(keys, base=self.base, depth=self.depth)


def write_manifest(manifest: ObjectManifest, rule: ScopeRule) -> Parts:
    """Part a manifest of some scopes; each failed prefix goes to its scope."""
    skipped = manifest.skipped.rename_columns([*MANIFEST_SCHEMA.names, "skipped"])
    kept = manifest.objects.append_column("skipped", pa.nulls(manifest.objects.num_rows, pa.string()))
    rows = pa.concat_tables([kept.cast(MANIFEST_ROWS), skipped.cast(MANIFEST_ROWS)])
    scopes = rule.of_column(rows.column("key"))
    return {
        write_partition_key(scope): _with_failed(rows.filter(pc.equal(scopes, scope)), _failed_of(manifest.failed, scope, rule))
        for scope in manifest.scopes or ()
    }


def read_manifest(parts: Mapping[str, pa.Table]) -> ObjectManifest:
    """Join manifests."""
    rows = pa.concat_tables([MANIFEST_ROWS.empty_table(), *_plain(parts)]).sort_by("key")
    is_kept = pc.is_null(rows.column("skipped"))
    return ObjectManifest(
        objects=rows.filter(is_kept).select(MANIFEST_SCHEMA.names),
        skipped=rows.filter(pc.invert(is_kept)).rename_columns([*MANIFEST_SCHEMA.names, "reason"]),
        failed=_read_failed(parts),
        scopes=_scopes(parts),
    )


def write_grouped(grouped: GroupedObjects, rule: ScopeRule) -> Parts:
    """Part a grouping: a table and its objects go to the scope where the table is at home, other objects to their own."""
    grouping, homes = grouped.grouping, home_scopes(grouped, rule)
    objects = grouping.objects.sort_by("key").combine_chunks()
    layout_homes = pa.array(homes, pa.string()).take(objects.column("layout").combine_chunks())
    scopes = pc.coalesce(layout_homes, rule.of_column(objects.column("key")))
    parts: Parts = {}
    for scope in grouped.scopes or ():
        indices = [index for index, home in enumerate(homes) if home == scope]
        rows = _layout_rows(grouping, indices, objects.filter(pc.equal(scopes, scope)))
        parts[write_partition_key(scope)] = _with_failed(rows, _failed_of(grouped.failed, scope, rule))
    return parts


def read_grouped(parts: Mapping[str, pa.Table]) -> GroupedObjects:
    """Join groupings, partition by partition."""
    rows = pa.concat_tables([LAYOUT_ROWS.empty_table(), *_plain(parts)]).combine_chunks()
    is_layout = pc.is_valid(rows.column("layout"))
    layouts = rows.filter(is_layout)
    # Layouts are numbered as they come; an object's number is that of its row, null where the row has no layout.
    counted = pc.subtract(pc.cumulative_sum(pc.cast(is_layout, pa.int32())), pa.scalar(1, pa.int32()))
    numbers = pc.if_else(is_layout, counted, pa.scalar(None, pa.int32()))
    lists = rows.column("objects").combine_chunks()
    objects = pa.Table.from_struct_array(pc.list_flatten(lists))
    layout = numbers.combine_chunks().take(pc.list_parent_indices(lists))
    objects = objects.select(MANIFEST_SCHEMA.names).append_column("layout", layout)
    for field in _VERDICTS:
        objects = objects.append_column(field, pc.struct_field(pc.list_flatten(lists), field.name))
    grouping = Grouping(
        layouts=tuple(map(read_layout, layouts.column("layout").to_pylist(), layouts.column("types").to_pylist())),
        partitions=tuple(map(read_partitions, layouts.column("partitions").to_pylist())),
        objects=objects.sort_by("key").combine_chunks(),
    )
    return GroupedObjects(grouping=grouping, failed=_read_failed(parts), scopes=_scopes(parts))


def home_scopes(grouped: GroupedObjects, rule: ScopeRule) -> list[str]:
    """The scope of each layout: that of its location or, where a pinned table spans scopes, that of its first object."""
    scopes = set(grouped.scopes or ())
    homes = [rule.of_location(layout.location) for layout in grouped.grouping.layouts]
    for index, home in enumerate(homes):
        if home not in scopes:
            objects = grouped.grouping.objects
            own = objects.filter(pc.equal(objects.column("layout"), index)).column("key")
            homes[index] = rule.of_prefix(pc.min(own).as_py())
    return homes


def part_by_home(results: Sequence[TableResult], homes: Sequence[str], keys: Iterable[str]) -> dict[str, list[TableResult]]:
    """Part results by partition key: `homes` are the scopes of their layouts, `keys` the partitions of the run."""
    parts: dict[str, list[TableResult]] = {key: [] for key in keys}
    for result, home in zip(results, homes, strict=True):
        parts[write_partition_key(home)].append(result)
    return parts


def write_results(parts: Mapping[str, Sequence[TableResult]]) -> Parts:
    """Write the results of each partition."""
    return {key: pa.Table.from_pylist([_result_row(result) for result in results], RESULT_ROWS) for key, results in parts.items()}


def _result_row(result: TableResult) -> dict[str, Any]:
    layout, layout_types = write_layout(result.layout)
    texts = [(table.layout.location, table.name, *write_table(table)) for table in result.tables]
    return {
        "layout": layout,
        "layout_types": layout_types,
        "tables": [dict(zip(_TABLE_TYPE.names, text, strict=True)) for text in texts],
        "partitions": write_partitions(result.tables[0].partitions if result.tables else ()),
        "failed": json.dumps(result.failed),
        "error": result.error,
        "dead": result.dead,
    }


def read_results(parts: Mapping[str, pa.Table], grouped: GroupedObjects, asset: str) -> list[TableResult]:
    """Join the results that an asset stored, in the order of the layouts they belong to.

    Raises:
        StaleInputError: they are of other objects, or of other hints.
    """
    rows = pa.concat_tables([RESULT_ROWS.empty_table(), *(parts[key] for key in sorted(parts))]).combine_chunks()
    dead = pa.concat_arrays([pa.array([], RESULT_ROWS.field("dead").type), *rows.column("dead").chunks])
    found = [_read_result(row, dead[number].values) for number, row in enumerate(rows.drop_columns("dead").to_pylist())]
    by_layout = {_what_was_read(result.layout): result for result in found}
    wanted = [_what_was_read(layout) for layout in grouped.grouping.layouts]
    if set(wanted) != by_layout.keys():
        raise StaleInputError(f"{asset} is of other objects or hints than table_layouts: materialize {asset} again")
    return [by_layout[layout] for layout in wanted]


def _what_was_read(layout: TableLayout) -> tuple[str, str, tuple[tuple[str, str], ...]]:
    return layout.identity, layout.content_digest, layout.options


def _read_result(row: Mapping[str, Any], dead: pa.Array) -> TableResult:
    layout = read_layout(row["layout"], row["layout_types"])
    partitions = read_partitions(row["partitions"])
    tables = tuple(
        read_table(one["table"], one["types"], replace(layout, location=one["location"], name=one["name"]), partitions)
        for one in row["tables"]
    )
    failed = tuple((key, error) for key, error in json.loads(row["failed"]))
    return TableResult(layout=layout, tables=tables, failed=failed, error=row["error"], dead=dead)


def _layout_rows(grouping: Grouping, indices: Sequence[int], objects: pa.Table) -> pa.Table:
    """One row per layout, and one for the objects that are in none."""
    ordered = objects.sort_by([("layout", "ascending"), ("key", "ascending")]).combine_chunks()  # nulls stand at the end
    counts = pc.value_counts(ordered.column("layout").drop_null())
    by_layout = dict(zip(counts.field("values").to_pylist(), counts.field("counts").to_pylist(), strict=True))
    offsets = [0]
    for index in indices:
        offsets.append(offsets[-1] + by_layout.get(index, 0))
    values = ordered.select([field.name for field in _OBJECT_TYPE]).to_struct_array()
    values = values.combine_chunks() if isinstance(values, pa.ChunkedArray) else values
    texts = [write_layout(grouping.layouts[index]) for index in indices]
    return pa.table(
        {
            "layout": pa.array([*(text for text, _ in texts), None], pa.string()),
            "types": pa.array([*(types for _, types in texts), None], pa.binary()),
            "partitions": pa.array([*(write_partitions(grouping.partitions[index]) for index in indices), []], pa.list_(PARTITION_TYPE)),
            "objects": pa.ListArray.from_arrays(pa.array([*offsets, len(ordered)], pa.int32()), values.cast(_OBJECT_TYPE)),
        },
        schema=LAYOUT_ROWS,
    )


def _failed_of(failed: Iterable[FailedPrefix], scope: str, rule: ScopeRule) -> list[FailedPrefix]:
    return [one for one in failed if rule.of_prefix(one.prefix) == scope]


def _with_failed(rows: pa.Table, failed: Sequence[FailedPrefix]) -> pa.Table:
    # They stand in the file's metadata: a failed prefix is no object.
    return rows.replace_schema_metadata({_FAILED: json.dumps([(one.prefix, one.error) for one in failed])})


def _read_failed(parts: Mapping[str, pa.Table]) -> tuple[FailedPrefix, ...]:
    return tuple(
        FailedPrefix(prefix, error) for key in sorted(parts) for prefix, error in json.loads((parts[key].schema.metadata)[_FAILED])
    )


def _plain(parts: Mapping[str, pa.Table]) -> list[pa.Table]:
    return [parts[key].replace_schema_metadata(None) for key in sorted(parts)]


def _scopes(parts: Mapping[str, pa.Table]) -> tuple[str, ...]:
    return tuple(read_partition_key(key) for key in sorted(parts))
