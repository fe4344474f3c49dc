"""Names in AWS Glue: lower case, safe to query without thinking, and reversible.

Pure. A name that the engines take as it is stays; any other becomes a readable one with a digest of the original, which stands beside it
(parameter `s3_catalog.name` of the table or column), so that it is read back exactly.
"""

from __future__ import annotations

import hashlib
import re

from s3_catalog.engines.columns import MAX_NAME, is_column_name

ORIGINAL = "s3_catalog.name"
"""Parameter with the name a table or column has for us."""
_PLAIN = re.compile(r"[a-z0-9_]{1,255}")
_UNSAFE = re.compile(r"[^a-z0-9]+")
_ROOM = 200
"""Characters kept of a name that gets a digest."""


def glue_name(name: str) -> str:
    """The name of a table in Glue.

    Two names never share one unless their digests do, so names that are equal but for case are two tables.

    >>> glue_name("sales_orders"), glue_name("Sales.Orders"), glue_name("📦")
    ('sales_orders', 'sales_orders_81283cb1', 'table_e68ebc94')
    """
    if _PLAIN.fullmatch(name):
        return name
    readable = _UNSAFE.sub("_", name.lower())[:_ROOM].strip("_") or "table"
    return f"{readable}_{_digest(name)}"


def positional_name(name: str, taken: set[str], number: int) -> str:
    """A free name for a column that is read by its position. `number` counts from 1.

    >>> positional_name("Id", set(), 1), positional_name("ID", {"id"}, 2), positional_name("", set(), 3)
    ('id', 'id_2', 'column_3')
    """
    base = name.strip().lower() if is_column_name(name.strip()) else f"column_{number}"
    free, count = base, 2
    while free in taken:
        free, count = f"{base[: MAX_NAME - 6]}_{count}", count + 1
    return free


def _digest(name: str) -> str:
    return hashlib.sha256(name.encode("utf-8", "surrogatepass")).hexdigest()[:8]
