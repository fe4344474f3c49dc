"""Folders: engines read all that lies below a table's place, not the files that are the table.

Pure. What no engine reads are names that begin with `_` or `.`, and empty files do no harm.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice

import pyarrow as pa

from s3_catalog.engines import GLUE_ENGINES, Engine, Finding
from s3_catalog.engines.places import find_places, root_of, value_text
from s3_catalog.model.tables import MEMBER_MARK, Table
from s3_catalog.model.types import type_text

LOGGED = frozenset({"delta", "iceberg", "hudi"})
"""Formats whose log names the files."""
_SHOWN = 3
_FAR = {
    "file": (frozenset({Engine.ATHENA, Engine.TRINO}), "a local folder"),
    "memory": (frozenset(Engine), "the memory of a process"),
    "gs": (frozenset({Engine.ATHENA}), "Google Cloud Storage"),
    "az": (frozenset({Engine.ATHENA}), "Azure"),
}
"""Scheme of a store -> the engines that have no way to it, and what it is called."""
_LAST = chr(0x10FFFF)
"""No key begins with it: it is no character."""
_PREFIXES = pa.schema([("prefix", pa.string()), ("past", pa.string())])


def find_neighbours(tables: Sequence[Table]) -> dict[str, tuple[str, ...]]:
    """Identity -> names of other tables that lie in or below the folders an engine would read for it; of many the first few."""
    places = sorted((root_of(table.layout.location), table.name, table.layout.identity) for table in tables)
    roots = [place[0] for place in places]
    found = {}
    for table in tables:
        if table.layout.format not in LOGGED:
            names = (name for prefix in read_prefixes(table) for name in _tables_below(places, roots, prefix, table.layout.identity))
            found[table.layout.identity] = tuple(islice(names, _SHOWN + 1))
    return {identity: names for identity, names in found.items() if names}


def _tables_below(places: Sequence[tuple[str, str, str]], roots: Sequence[str], prefix: str, but: str) -> Iterator[str]:
    """The names of the tables (root, name, identity, in their order) below a prefix, but for one identity."""
    for position in range(bisect_left(roots, prefix), len(places)):
        root, name, identity = places[position]
        if not root.startswith(prefix):
            return
        if identity != but:
            yield name


def read_prefixes(table: Table) -> tuple[str, ...]:
    """The key prefixes that an engine would read: those of the partitions, or the folder that holds the table."""
    places = find_places(table)
    return (root_of(table.layout.location),) if places is None else tuple(places.prefix(p.values) for p in table.partitions)


def count_strangers(ledger: pa.Table, tables: Sequence[Table]) -> dict[str, int]:
    """Identity -> how many objects an engine would read that are no part of the table (skipped, failed, other tables').

    Args:
        ledger: `LEDGER_SCHEMA`, of all that was listed.
    """
    read = {table.layout.identity: (table.name, read_prefixes(table)) for table in tables if table.layout.format not in LOGGED}
    below = _count_below(ledger, {prefix for _, prefixes in read.values() for prefix in prefixes})
    everyones: Counter[str] = Counter()
    for (prefix, _), count in below.items():
        everyones[prefix] += count
    counts = {
        identity: sum(everyones[prefix] - below.get((prefix, name), 0) for prefix in prefixes)
        for identity, (name, prefixes) in read.items()
    }
    return {identity: count for identity, count in counts.items() if count}


def _count_below(ledger: pa.Table, prefixes: Iterable[str]) -> dict[tuple[str, str | None], int]:
    """(prefix, table; None for no table) -> how many objects below the prefix an engine would read."""
    import duckdb

    # What begins with a prefix lies between it and the text in which its slash is the next letter.
    ends = [(prefix, f"{prefix[:-1]}0" if prefix else _LAST) for prefix in sorted(prefixes)]
    with duckdb.connect(config={"threads": 2, "memory_limit": "1GB"}) as connection:
        connection.register("ledger", ledger.select(["key", "size", "table"]))
        connection.register("prefixes", pa.table({"prefix": [one for one, _ in ends], "past": [past for _, past in ends]}, _PREFIXES))
        found = connection.execute("""
            SELECT prefix, "table", count(*) FROM ledger JOIN prefixes ON key >= prefix AND key < past
            WHERE size > 0 AND NOT regexp_matches(substr(key, length(prefix) + 1), '(^|/)[_.]')
            GROUP BY ALL
        """)
        return {(prefix, owner): count for prefix, owner, count in found.fetchall()}


def check_folder(table: Table, neighbours: Sequence[str], strangers: int) -> Iterator[Finding]:
    """What engines would read beside the table, and what of it they would not find."""
    layout = table.layout
    scheme = layout.store_url.partition("://")[0]
    if scheme in _FAR:
        engines, place = _FAR[scheme]
        yield Finding(engines, f"it lies in {place}, which they cannot reach", blocks=True)
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
        values = {partition.values[number] for partition in table.partitions}
        if not _are_all([value_text(value, column.type) for value in values if value is not None], column.type):
            reason = f"partition column {column.name!r} is {type_text(column.type)}, and some of its values in the path are not"
            yield Finding(GLUE_ENGINES, reason, blocks=True)
        if None in values and not column.declared:
            yield Finding(GLUE_ENGINES, f"partition column {column.name!r}: a value is missing in the path of some partitions", blocks=True)


def _are_all(values: Sequence[str], arrow_type: pa.DataType) -> bool:
    try:
        pa.array(values, pa.string()).cast(arrow_type)
    except pa.ArrowException:
        return False
    return True


def _repeated_place(places: Mapping[tuple[str | None, ...], str]) -> str | None:
    seen: set[str] = set()
    for prefix in places.values():
        if prefix in seen:
            return prefix
        seen.add(prefix)
    return None
