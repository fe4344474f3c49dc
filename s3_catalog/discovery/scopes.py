"""Scopes: the unit of work, of Dagster partitions and of what one listing proves.

A scope is a key prefix of fixed depth made of names (`warehouse/`). It is known from a key alone, so an event needs no listing.
Where a key begins with something that varies (`2024/`, `dt=.../`) or lies at the top, its scope is `(root)`: a table never
spans two scopes, because tables begin with names and only partition values vary.
"""

from __future__ import annotations

import pyarrow as pa

from s3_catalog.discovery.rules import is_variable_segment

ROOT_SCOPE = "(root)"


def scope_of_key(key: str, *, base: str = "", depth: int = 1) -> str:
    """Name the scope of a key below `base` (a prefix, "" or ending in `/`).

    >>> scope_of_key("warehouse/orders/dt=1/x.parquet"), scope_of_key("2024/01/x.csv"), scope_of_key("a/b/x", depth=2)
    ('warehouse/', '(root)', 'a/b/')
    """
    names: list[str] = []
    for segment in key.removeprefix(base).split("/")[:-1][:depth]:
        if is_variable_segment(segment):
            break
        names.append(segment)
    return base + "".join(f"{name}/" for name in names) if names else ROOT_SCOPE


def scope_of_location(location: str, *, base: str = "", depth: int = 1) -> str:
    """Name the scope of a table's location: a key, a prefix, or either with `*` in it.

    >>> scope_of_location("dump_*/orders*"), scope_of_location("a/**/orders/")
    ('(root)', 'a/')
    """
    literal = location.partition("*")[0]
    return scope_of_key(literal[: literal.rfind("/") + 1], base=base, depth=depth)


def scope_column(keys: pa.ChunkedArray, *, base: str = "", depth: int = 1) -> pa.Array:
    """Name the scope of every key, in order; one Python step per distinct directory, not per key."""
    import pyarrow.compute as pc

    directories = pc.replace_substring_regex(keys, pattern=r"(?s)[^/]*\z", replacement="").combine_chunks()
    encoded = directories.dictionary_encode()
    if isinstance(encoded, pa.ChunkedArray):
        encoded = encoded.combine_chunks()
    scopes = pa.array([scope_of_key(directory, base=base, depth=depth) for directory in encoded.dictionary.to_pylist()], pa.string())
    return scopes.take(encoded.indices)
