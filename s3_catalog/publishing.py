"""Hop 7 in parts: what one crawl would write into the embedded catalog, and what it knows for certain. Writes nothing.

In: what inference and description made of the objects. Out: the plan, the run, and the ledger per scope.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.compute as pc

from s3_catalog.catalogs import Action, Plan, RetirePolicy, RunRecord, RunStatus, Scope
from s3_catalog.discovery.accounting import build_ledger
from s3_catalog.discovery.naming import unique_names
from s3_catalog.discovery.scopes import ROOT_SCOPE, scope_column, scope_of_location
from s3_catalog.inference import TableResult
from s3_catalog.model.ledger import LedgerSummary, SkipReason, summarize_ledger
from s3_catalog.model.tables import MEMBER_MARK
from s3_catalog.storage import ObjectStore

if TYPE_CHECKING:
    from s3_catalog.catalogs.sql import SqlCatalog
    from s3_catalog.config import Settings
    from s3_catalog.pipeline import Clock, GroupedObjects

_SET_ASIDE = [SkipReason.EXCLUDED, SkipReason.NOT_INCLUDED, SkipReason.TOO_LARGE]
"""Skipped by people's settings: a table of such objects is not gone."""
_NOT_OF_A_CRAWL = (Action.SKIP, Action.REMOVE)


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedCrawl:
    """What a crawl found and would write. `tables` are the results per layout, those that failed included; `ledger` is `LEDGER_SCHEMA`
    by key, and `ledgers` the same by scope.
    """

    run: RunRecord
    tables: tuple[TableResult, ...]
    ledger: pa.Table
    summary: LedgerSummary
    plan: Plan
    ledgers: Mapping[str, pa.Table] = field(repr=False)


def plan_crawl(
    catalog: SqlCatalog,
    settings: Settings,
    store: ObjectStore,
    grouped: GroupedObjects,
    results: Sequence[TableResult],
    *,
    clock: Clock,
    run_id: str | None = None,
    allow_retire: bool = False,
) -> PlannedCrawl:
    """Plan what the embedded catalog gets of a crawl.

    Raises:
        CatalogError: the catalog cannot be read.
    """
    results = _with_free_names(results, catalog.names())
    ledger = _close_ledger(grouped, results)
    summary = summarize_ledger(ledger, grouped.failed)
    tables = [table for result in results for table in result.tables]
    policy = RetirePolicy(max_share=settings.retire.max_share, allow=allow_retire)
    plan = catalog.plan(tables, _scope(catalog, settings, store, grouped, results, summary), policy)
    return PlannedCrawl(
        run=_run_record(settings, store, summary, plan, clock, run_id or uuid.uuid4().hex),
        tables=tuple(results),
        ledger=ledger,
        summary=summary,
        plan=plan,
        ledgers=_split_ledger(catalog, settings, store, grouped, ledger),
    )


def _with_free_names(results: Sequence[TableResult], taken: Mapping[str, str]) -> list[TableResult]:
    """Name the tables anew where another crawl took a name since they were grouped."""
    wanted = {table.layout.identity: table.name for result in results for table in result.tables}
    wanted |= {result.layout.identity: result.layout.name for result in results if not result.tables}
    names = unique_names(wanted, taken)
    return [result.renamed(names) for result in results]


def _close_ledger(grouped: GroupedObjects, results: Sequence[TableResult]) -> pa.Table:
    failed_keys = {key: error for result in results for key, error in result.failed}
    layouts = [(result.table.layout if result.table else result.layout, result.error) for result in results]
    dead = [result.dead for result in results]
    return build_ledger(grouped.grouping.objects, layouts, failed_keys, grouped.failed, dead)


def _scope(
    catalog: SqlCatalog,
    settings: Settings,
    store: ObjectStore,
    grouped: GroupedObjects,
    results: Sequence[TableResult],
    summary: LedgerSummary,
) -> Scope:
    base, depth, store_url = store.location.prefix, settings.partition_depth, store.location.store_url
    unread = {result.layout.identity for result in results if not result.tables}
    objects = grouped.grouping.objects
    set_aside = objects.column("key").filter(pc.is_in(objects.column("skipped"), pa.array(_SET_ASIDE, pa.string())))
    elsewhere = []
    for identity in catalog.names():
        location = identity.partition(":")[2].removeprefix(store_url)
        outside = grouped.scopes is not None and scope_of_location(location, base=base, depth=depth) not in grouped.scopes
        unread_file = MEMBER_MARK in identity and identity.rpartition(MEMBER_MARK)[0] in unread
        if outside or unread_file or pc.any(pc.starts_with(set_aside, location.partition("*")[0])).as_py():
            elsewhere.append(identity)
    whole = grouped.scopes is None or ROOT_SCOPE in grouped.scopes
    return Scope(
        store_url=store_url,
        prefixes=(base,) if whole else grouped.scopes or (),
        excluded=tuple(failed.prefix for failed in grouped.failed),
        present=(*unread, *elsewhere),
        listed=summary.listed - len(grouped.failed),
    )


def _split_ledger(
    catalog: SqlCatalog, settings: Settings, store: ObjectStore, grouped: GroupedObjects, ledger: pa.Table
) -> dict[str, pa.Table]:
    """One ledger per scope; a scope known from before whose objects are all gone gets an empty one."""
    base, depth = store.location.prefix, settings.partition_depth
    scopes = scope_column(ledger.column("key"), base=base, depth=depth)
    if grouped.scopes is not None:
        wanted = set(grouped.scopes)
    else:
        before = [scope for scope in catalog.ledger_prefixes(store.location.url) if scope == ROOT_SCOPE or scope.startswith(base)]
        wanted = {*pc.unique(scopes).to_pylist(), *before}
    return {scope: ledger.filter(pc.equal(scopes, scope)) for scope in sorted(wanted)}


def _run_record(settings: Settings, store: ObjectStore, summary: LedgerSummary, plan: Plan, clock: Clock, run_id: str) -> RunRecord:
    receipt = store.receipt
    return RunRecord(
        id=run_id,
        location=store.location.url,
        store_url=store.location.store_url,
        started=clock.started,
        finished=datetime.now(UTC),
        status=RunStatus.FAILURES if summary.failed else RunStatus.DONE,
        counts={
            "listed": summary.listed,
            "in_tables": summary.in_tables,
            "skipped": sum(summary.skipped.values()),
            "failed": len(summary.failed),
            **{action.value: plan.count(action) for action in Action if action not in _NOT_OF_A_CRAWL},
        },
        receipt={
            "list_requests": receipt.list_requests,
            "get_requests": receipt.get_requests,
            "bytes_read": receipt.bytes_read,
            "seconds": round(clock.seconds, 3),
        },
        failed_prefixes=summary.failed_prefixes,
    )
