"""The sums of the ledger: what grouping decided and what reading found, put together for every listed key."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pyarrow as pa
import pyarrow.compute as pc

from s3_catalog.discovery.grouping import Grouping
from s3_catalog.model.ledger import LEDGER_SCHEMA, FailedPrefix, SkipReason
from s3_catalog.model.manifest import MANIFEST_SCHEMA
from s3_catalog.model.tables import TableLayout


def with_verdicts(objects: pa.Table, skipped: pa.Table, errors: Mapping[str, str]) -> pa.Table:
    """Add to grouped objects those that patterns kept out (`skipped`: a manifest with a column `reason`), and errors by key."""
    outside = skipped.select(MANIFEST_SCHEMA.names)
    for name in ("layout", "partition"):
        outside = outside.append_column(name, pa.nulls(skipped.num_rows, pa.int32()))
    outside = outside.append_column("skipped", skipped.column("reason"))
    outside = outside.append_column("error", pa.nulls(skipped.num_rows, pa.string()))
    joined = pa.concat_tables([objects, outside.cast(objects.schema)])
    return _with_errors(joined, "layout", errors) if errors else joined


def build_ledger(
    objects: pa.Table,
    layouts: Sequence[tuple[TableLayout, str | None]],
    failed_keys: Mapping[str, str],
    failed_prefixes: Sequence[FailedPrefix],
    dead: Sequence[pa.Array] = (),
) -> pa.Table:
    """Close the ledger (`LEDGER_SCHEMA`, by key).

    Args:
        objects: the manifest with layout, skipped and error.
        layouts: each layout with the reason why it became no table, or None.
        failed_keys: files of tables that could not be read.
        dead: keys that the logs of their tables have removed.
        failed_prefixes: these stand in the ledger as rows of their own, so that what is missing has a name there.
    """
    index = objects.column("layout")
    names = pa.array([None if error else layout.name for layout, error in layouts], pa.string())
    errors = pa.array([error for _, error in layouts], pa.string())
    ledger = pa.table(
        {
            **{name: objects.column(name) for name in MANIFEST_SCHEMA.names},
            "table": names.take(index.combine_chunks()),
            "skipped": objects.column("skipped"),
            "error": pc.coalesce(objects.column("error"), errors.take(index.combine_chunks())),
        },
        schema=LEDGER_SCHEMA,
    )
    failed_keys = {**failed_keys, **_failed_logs(ledger, layouts)}
    ledger = _with_errors(_with_dead(ledger, dead), "table", failed_keys)
    rows = [{"key": failed.prefix, "size": 0, "error": failed.error} for failed in failed_prefixes]
    return pa.concat_tables([ledger, pa.Table.from_pylist(rows, LEDGER_SCHEMA)]).sort_by("key").combine_chunks()


def _failed_logs(ledger: pa.Table, layouts: Sequence[tuple[TableLayout, str | None]]) -> dict[str, str]:
    """One file of the log of each failed table without data files, so that its failure has a row."""
    logs = ledger.column("key").filter(pc.equal(ledger.column("skipped"), SkipReason.TABLE_LOG))
    found = {}
    for layout, error in layouts:
        if error and layout.object_count == 0:
            found[pc.max(logs.filter(pc.starts_with(logs, layout.location))).as_py()] = error
    return found


def incomplete_layouts(grouping: Grouping, failed: Sequence[FailedPrefix]) -> dict[str, str]:
    """Identities of tables that a failed prefix may belong to: half a table is worse than the one the catalog holds."""
    return {
        layout.identity: f"incomplete: {prefix.prefix} could not be listed"
        for prefix in failed
        for layout in grouping.layouts
        if _may_hold(layout, prefix.prefix)
    }


def _may_hold(layout: TableLayout, prefix: str) -> bool:
    """Whether keys below a prefix could be of a table. A table without path columns and log has no folders below its own."""
    literal = layout.location.partition("*")[0]
    deep = bool(layout.partition_columns) or "log" in layout.evidence.rule
    return deep and prefix.startswith(literal)


def _with_dead(ledger: pa.Table, dead: Sequence[pa.Array]) -> pa.Table:
    """Turn the rows of dead files of tables into skipped ones."""
    keys = pa.chunked_array(dead, pa.string())
    if not len(keys):
        return ledger
    is_dead = pc.and_(pc.is_valid(ledger.column("table")), pc.is_in(ledger.column("key"), value_set=keys.combine_chunks()))
    none, reason = pa.scalar(None, pa.string()), pa.scalar(SkipReason.TABLE_REMOVED, pa.string())
    ledger = ledger.set_column(ledger.column_names.index("skipped"), "skipped", pc.if_else(is_dead, reason, ledger.column("skipped")))
    return ledger.set_column(ledger.column_names.index("table"), "table", pc.if_else(is_dead, none, ledger.column("table")))


def _with_errors(table: pa.Table, claim: str, errors: Mapping[str, str]) -> pa.Table:
    """Turn the rows of some keys into failures: `claim` (the table or layout) and skipped become null."""
    if not errors:
        return table
    found = pc.index_in(table.column("key"), value_set=pa.array(list(errors), pa.string()))
    error = pa.array(list(errors.values()), pa.string()).take(found.combine_chunks())
    failed = pc.is_valid(error)
    for name in (claim, "skipped"):
        column = table.column(name)
        table = table.set_column(table.column_names.index(name), name, pc.if_else(failed, pa.scalar(None, column.type), column))
    return table.set_column(table.column_names.index("error"), "error", pc.coalesce(error, table.column("error")))
