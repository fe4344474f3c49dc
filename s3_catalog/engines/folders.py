"""Folders: engines read all that lies below a table's place, not the files that are the table.

Pure. What no engine reads are names that begin with `_` or `.`, and empty files do no harm.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Mapping, Sequence

import pyarrow as pa

from s3_catalog.engines import GLUE_ENGINES, Engine, Finding
from s3_catalog.engines.places import find_places, root_of
from s3_catalog.model.tables import MEMBER_MARK, Table

LOGGED = frozenset({"delta", "iceberg", "hudi"})
"""Formats whose log names the files."""
_SHOWN = 3


def find_neighbours(tables: Sequence[Table]) -> dict[str, tuple[str, ...]]:
    """Identity -> names of the other tables that lie in or below the folders an engine would read for it."""
    places = sorted((root_of(table.layout.location), table.name, table.layout.identity) for table in tables)
    roots = [place[0] for place in places]
    found: dict[str, tuple[str, ...]] = {}
    for table in tables:
        if table.layout.format in LOGGED:
            continue
        names: list[str] = []
        for prefix in read_prefixes(table):
            start = bisect_left(roots, prefix)
            while start < len(places) and roots[start].startswith(prefix):
                if places[start][2] != table.layout.identity:
                    names.append(places[start][1])
                start += 1
        if names:
            found[table.layout.identity] = tuple(dict.fromkeys(names))
    return found


def read_prefixes(table: Table) -> tuple[str, ...]:
    """The key prefixes that an engine would read: those of the partitions, or the folder that holds the table."""
    places = find_places(table)
    return (root_of(table.layout.location),) if places is None else tuple(places.prefix(p.values) for p in table.partitions)


def count_strangers(ledger: pa.Table, tables: Sequence[Table]) -> dict[str, int]:
    """Identity -> how many objects an engine would read that are no part of the table (skipped, failed, other tables').

    Args:
        ledger: `LEDGER_SCHEMA`, of all that was listed.
    """
    order = ledger.select(["key", "size", "table"]).sort_by("key")
    keys, sizes, owners = (order.column(name).to_pylist() for name in ("key", "size", "table"))
    counts: dict[str, int] = {}
    for table in tables:
        if table.layout.format in LOGGED:
            continue
        count = 0
        for prefix in read_prefixes(table):
            position = bisect_left(keys, prefix)
            while position < len(keys) and keys[position].startswith(prefix):
                below = keys[position][len(prefix) :]
                count += bool(owners[position] != table.name and sizes[position] and _is_visible(below))
                position += 1
        if count:
            counts[table.layout.identity] = count
    return counts


def _is_visible(path: str) -> bool:
    return not any(name.startswith(("_", ".")) for name in path.split("/"))


def check_folder(table: Table, neighbours: Sequence[str], strangers: int) -> Iterator[Finding]:
    """What engines would read beside the table, and what of it they would not find."""
    layout = table.layout
    if MEMBER_MARK in layout.location:
        yield Finding(frozenset(Engine), "several tables are in one file", blocks=True)
        return
    if layout.format in LOGGED:
        if layout.format == "hudi" and layout.partition_columns and find_places(table) is None:
            yield Finding(GLUE_ENGINES, "nothing tells where its partitions lie", blocks=True)
        return
    if neighbours:
        told = ", ".join(neighbours[:_SHOWN]) + (", ..." if len(neighbours) > _SHOWN else "")
        yield Finding(GLUE_ENGINES, f"its folder holds other tables, which would be read with it: {told}", blocks=True)
    elif strangers:
        yield Finding(GLUE_ENGINES, f"its folder holds {strangers} objects that are no part of it and would be read with it", blocks=True)
    if layout.partition_columns:
        yield from _check_partitions(table)


def _check_partitions(table: Table) -> Iterator[Finding]:
    places = find_places(table)
    if places is None:
        yield Finding(
            GLUE_ENGINES,
            "its partition values do not stand in folders of one shape, so that no partition has a place of its own",
            blocks=True,
        )
        return
    if places.nested:
        yield Finding(frozenset({Engine.TRINO}), "files lie in folders below its partitions: needs hive.recursive-directories=true")
    repeated = _repeated_place({p.values: places.prefix(p.values) for p in table.partitions})
    if repeated is not None:
        yield Finding(GLUE_ENGINES, "two of its partitions have one folder", blocks=True)
    for number, column in enumerate(table.layout.partition_columns):
        if any(partition.values[number] is None for partition in table.partitions) and not column.declared:
            yield Finding(GLUE_ENGINES, f"partition column {column.name!r}: a value is missing in the path of some partitions", blocks=True)


def _repeated_place(places: Mapping[tuple[str | None, ...], str]) -> str | None:
    seen: set[str] = set()
    for prefix in places.values():
        if prefix in seen:
            return prefix
        seen.add(prefix)
    return None
