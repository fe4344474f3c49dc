"""`s3-catalog profile`: full profiles of published tables, written into the catalog.

In: settings, an open catalog, tables. Out: the tables with their new descriptions, and the reasons of those that have none. A table that
has changed since it was published is left to the next crawl.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from s3_catalog import pipeline
from s3_catalog.catalogs import RetirePolicy, Scope
from s3_catalog.describing import DescribeRules, FullRules, describe_tables
from s3_catalog.describing.full import NO_FULL_PROFILE, ByteProgress
from s3_catalog.describing.tables import NOT_DESCRIBED
from s3_catalog.explaining import find_table
from s3_catalog.model.tables import Table
from s3_catalog.profiling.full import why_not
from s3_catalog.revisiting import Visit, find_location, revisit

if TYPE_CHECKING:
    from s3_catalog.catalogs.sql import SqlCatalog
    from s3_catalog.config import Settings

_CHANGED = "it has changed since it was published: crawl first"


@dataclass(frozen=True, slots=True, kw_only=True)
class FullProfiles:
    """`tables` as they are published now; `refused` are (table, reason) of those that stay as they were."""

    tables: tuple[Table, ...] = ()
    refused: tuple[tuple[str, str], ...] = ()


def profile_published(
    settings: Settings,
    catalog: SqlCatalog | None,
    names: Sequence[str],
    *,
    max_bytes: int | None = None,
    progress: ByteProgress | None = None,
) -> FullProfiles:
    """Read every row of some published tables, and write what that tells into the catalog, one table after the other.

    Args:
        catalog: None where there is none yet, so that every name is unknown.
        max_bytes: what may be read of each table, by default what the settings say.

    Raises:
        UnknownNameError: there is no such table.
        StoreError: the folder of a table cannot be listed.
        CatalogError: the catalog cannot be written; the table is as it was before.
    """
    tables = [find_table(catalog, name) for name in dict.fromkeys(names)]
    if catalog is None:
        return FullProfiles()
    budget = max_bytes or settings.samples.full_profile.max_bytes
    found: list[Table] = []
    refused: list[tuple[str, str]] = []
    for table in tables:
        reason = why_not(table) or ("samples are off, so no row is read" if not settings.samples.enabled else None)
        described = reason or _describe(settings, catalog, table, FullRules(max_bytes=budget, once=True, progress=progress))
        if isinstance(described, Table):
            described = _publish(settings, catalog, table, described)
        if isinstance(described, Table):
            found.append(described)
        else:
            refused.append((table.name, described))
    return FullProfiles(tables=tuple(found), refused=tuple(refused))


def _describe(settings: Settings, catalog: SqlCatalog, table: Table, full: FullRules) -> Table | str:
    """The table described anew with its full profile, or the reason why there is none."""
    here = settings.model_copy(update={"location": find_location(catalog, table)})
    visit = revisit(here, catalog, tables=[table])
    rules = replace(pipeline.describe_rules(settings), full=replace(full, tables=(_literal(table.name),)))
    described = _describe_again(visit, table, rules)
    if described is None:
        return dict(visit.unread).get(table.name, _CHANGED)
    warnings = described.description.warnings if described.description else ()
    return next((w.removeprefix(NO_FULL_PROFILE) for w in warnings if w.startswith((NO_FULL_PROFILE, NOT_DESCRIBED))), described)


def _describe_again(visit: Visit, table: Table, rules: DescribeRules) -> Table | None:
    """The table with another description; None where it is not the one that was published."""
    results = [
        replace(result, tables=tuple(replace(one, description=None) for one in result.tables if _is_same(one, table)))
        for result in visit.results
    ]
    described = describe_tables(visit.store, visit.grouped.grouping, results, rules, look_at_top=True)
    return next((one for result in described for one in result.tables), None)


def _is_same(found: Table, published: Table) -> bool:
    ours, theirs = found.layout, published.layout
    return (ours.identity, ours.content_digest, found.columns) == (theirs.identity, theirs.content_digest, published.columns)


def _publish(settings: Settings, catalog: SqlCatalog, before: Table, described: Table) -> Table | str:
    """Write the description alone: nothing else of the catalog is touched, and nothing retired."""
    with catalog.exclusive(settings.lock_timeout):
        now = catalog.find_table(before.name)
        if now is None or not _is_same(now, before):
            return _CHANGED
        new = replace(now, columns=described.columns, description=described.description)
        scope = Scope(store_url=now.layout.store_url, prefixes=())
        catalog.apply(catalog.plan([new], scope, RetirePolicy(max_share=0.0)))
    return new


def _literal(name: str) -> str:
    """A glob that only this name meets."""
    return "".join(f"[{c}]" if c in "*?[" else c for c in name)
