"""What the log leaves of a layout: its live files' counts, sizes and partitions, and the listed files that are dead.

Columns, not loops: a table may have millions of files.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import pyarrow as pa
import pyarrow.compute as pc

from s3_catalog.model.tables import Partition, TableLayout
from s3_catalog.storage import printable
from s3_catalog.table_formats import LoggedTable


@dataclass(frozen=True, slots=True, kw_only=True)
class LiveTable:
    """A layout with the figures of its live files; `dead` are the keys of the others."""

    layout: TableLayout
    partitions: tuple[Partition, ...]
    dead: pa.Array
    warnings: tuple[str, ...] = ()


def keep_live(layout: TableLayout, partitions: tuple[Partition, ...], objects: pa.Table, logged: LoggedTable) -> LiveTable:
    """Cut a layout down to the files that live.

    Args:
        partitions: those by the paths alone, kept where the log does not tell which files live.
        objects: all files listed below the table's root (`MANIFEST_SCHEMA`).
    """
    if logged.files is None:
        return LiveTable(layout=layout, partitions=partitions, dead=pa.array([], pa.string()), warnings=logged.warnings)
    files = logged.files.filter(pc.is_valid(logged.files.column("key"))).combine_chunks()
    keys = objects.column("key").combine_chunks()
    found = pc.index_in(keys, value_set=files.column("key").combine_chunks())
    is_live = pc.is_valid(found)
    live, matched = objects.filter(is_live), files.take(found.filter(is_live))
    settled = replace(
        layout,
        partition_columns=logged.partition_columns,
        object_count=live.num_rows,
        size_bytes=pc.sum(live.column("size")).as_py() or 0,
        newest=pc.max(live.column("last_modified")).as_py(),
    )
    return LiveTable(
        layout=settled,
        partitions=_count_partitions(live, matched, len(logged.partition_columns)),
        dead=keys.filter(pc.invert(is_live)),
        warnings=(*logged.warnings, *_differences(logged.files, files, live, matched, keys)),
    )


def _count_partitions(live: pa.Table, files: pa.Table, columns: int) -> tuple[Partition, ...]:
    """Partitions by value, nulls last."""
    if columns == 0:
        return ()
    names = [str(number) for number in range(columns)]
    counts = files.column("rows") if "rows" in files.column_names else pa.nulls(files.num_rows, pa.int64())
    own = {"size": live.column("size"), "time": live.column("last_modified"), "rows": counts}
    all_known = pc.ScalarAggregateOptions(skip_nulls=False)
    rows = pa.table({**{name: files.column(name) for name in names}, **own})
    grouped = rows.group_by(names).aggregate([("size", "count"), ("size", "sum"), ("time", "max"), ("rows", "sum", all_known)])
    grouped = grouped.sort_by([(name, "ascending") for name in names])
    values = zip(*(grouped.column(name).to_pylist() for name in names), strict=True)
    figures = (grouped.column(name).to_pylist() for name in ("size_count", "size_sum", "time_max", "rows_sum"))
    return tuple(
        Partition(values=combination, object_count=count, size_bytes=size, newest=newest, row_count=rows_there)
        for combination, count, size, newest, rows_there in zip(values, *figures, strict=True)
    )


def _differences(named: pa.Table, files: pa.Table, live: pa.Table, matched: pa.Table, keys: pa.Array) -> list[str]:
    """Where the log and the listing disagree."""
    found = []
    if outside := named.num_rows - files.num_rows:
        found.append(f"{outside} files of the table lie outside the bucket")
    missing = files.column("key").filter(pc.invert(pc.is_in(files.column("key"), value_set=keys)))
    if len(missing):
        found.append(f"{len(missing)} files that the log names are not in the listing, as {printable(missing[0].as_py())}")
    other = live.column("key").filter(pc.fill_null(pc.not_equal(live.column("size"), matched.column("size")), fill_value=False))
    if len(other):
        found.append(f"{len(other)} files have another size than the log says, as {printable(other[0].as_py())}")
    return found
