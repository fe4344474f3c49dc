"""One partition per scope of the location (`discovery.scopes`): `warehouse/`, and `(root)` for what stands beside the folders."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from urllib.parse import quote, unquote

import dagster as dg

PREFIXES = dg.DynamicPartitionsDefinition(name="prefixes")


def write_partition_key(scope: str) -> str:
    r"""Write a scope as a partition key: itself, with `%`, control characters and `...` (a range, to Dagster) percent-encoded.

    >>> write_partition_key("warehouse/"), write_partition_key("a\n50%/"), write_partition_key("x.../")
    ('warehouse/', 'a%0A50%25/', 'x%2E%2E%2E/')
    """
    encoded = "".join(c if c.isprintable() and c != "%" else quote(c, safe="") for c in scope)
    return encoded.replace("...", "%2E%2E%2E")


def read_partition_key(key: str) -> str:
    """Read the scope that a partition key stands for.

    >>> read_partition_key("x%2E%2E%2E/")
    'x.../'
    """
    return unquote(key, errors="strict")


def register_prefixes(instance: dg.DagsterInstance, found: Iterable[str], published: Iterable[str]) -> Sequence[str]:
    """Make the partitions those of the scopes found; returns all keys, in Dagster's order.

    A key whose prefix has vanished stays while the catalog has tables of it (`published` scopes): the run that covers it retires them.
    """
    known = set(instance.get_dynamic_partitions(str(PREFIXES.name)))
    here = {write_partition_key(scope) for scope in found}
    kept = known & {write_partition_key(scope) for scope in published}
    instance.add_dynamic_partitions(str(PREFIXES.name), sorted(here - known))
    for key in sorted(known - here - kept):
        instance.delete_dynamic_partition(str(PREFIXES.name), key)
    return instance.get_dynamic_partitions(str(PREFIXES.name))
