"""The catalogs that are published to besides the embedded one, side by side: each gets what the embedded one holds.

As all comes from there, a catalog that was down is repaired by the next publication, with a crawl or without. What one of them refuses
is its own report, and stops no other.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import pyarrow as pa

from s3_catalog.catalogs import Action, Catalog, FolderReading, Outcome, Plan, RetirePolicy, Scope, open_catalog
from s3_catalog.catalogs._removal import apply_removal, is_removal
from s3_catalog.engines.folders import count_strangers
from s3_catalog.errors import S3CatalogError, UnknownPluginError, describe_unknown
from s3_catalog.model.ledger import LEDGER_SCHEMA
from s3_catalog.model.tables import Table
from s3_catalog.storage import parse_location

if TYPE_CHECKING:
    from s3_catalog.catalogs.sql import SqlCatalog
    from s3_catalog.config import Settings
    from s3_catalog.config_sections import TargetSettings

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class TargetReport:
    """What one catalog was to get (`plan`) and got (`outcome`; None: nothing was tried), or why not (`error`)."""

    name: str
    plan: Plan | None = None
    outcome: Outcome | None = None
    error: str | None = None

    @property
    def has_failures(self) -> bool:
        return self.error is not None or (self.outcome is not None and bool(self.outcome.failed))


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredTables:
    """What the embedded catalog holds of a location, for other catalogs: its tables, by name, and how certain it is of what is gone."""

    tables: tuple[Table, ...]
    scope: Scope
    read_ledger: Callable[[], pa.Table]
    """`LEDGER_SCHEMA`: all objects of the location as they were listed last."""


def read_stored(settings: Settings, state: SqlCatalog, scope: Scope | None = None, plan: Plan | None = None) -> StoredTables:
    """Read what the embedded catalog holds of the settings' location.

    Args:
        scope: what a crawl that has just ended saw.
        plan: one of the embedded catalog's, to be seen as if it were applied.
    """
    location = parse_location(settings.location)
    retired, found = state.retired_tables(location.store_url), state.list_tables(location.store_url)
    if plan is not None:
        places = {table.layout.identity: table.layout.location for table in found}
        retired |= {change.identity: places[change.identity] for change in plan.changes if change.action is Action.RETIRE}
        found = tables_after(found, plan)
    seen = scope or Scope(store_url=location.store_url, prefixes=())
    return StoredTables(
        tables=tuple(table for table in found if table.layout.location.startswith(location.prefix)),
        # What the embedded catalog never had may be another publisher's, whatever this crawl saw.
        scope=replace(
            seen, gone=tuple(identity for identity, place in retired.items() if place.startswith(location.prefix)), only_gone=True
        ),
        read_ledger=lambda: pa.concat_tables([LEDGER_SCHEMA.empty_table(), *state.latest_ledger(location.url)]),
    )


def publish_to_targets(
    settings: Settings,
    state: SqlCatalog,
    scope: Scope | None = None,
    *,
    names: Sequence[str] = (),
    allow_retire: bool = False,
) -> tuple[TargetReport, ...]:
    """Make the settings' other catalogs, or those of some names, match the embedded one; in their order.

    Raises:
        UnknownPluginError: no catalog of the settings has such a name.
    """
    policy = _policy(settings, allow_retire=allow_retire)

    def publish(target: TargetSettings) -> TargetReport:
        with state.exclusive(settings.lock_timeout, target.label):
            # Read under the lock: what was read before another publisher was done there could be older than what it wrote.
            stored = read_stored(settings, state, scope)
            with open_target(state, target, stored) as catalog:
                plan = catalog.plan(stored.tables, stored.scope, policy)
                return TargetReport(name=target.label, plan=plan, outcome=catalog.apply(plan))

    return side_by_side(choose_targets(settings, names), publish)


def plan_for_targets(
    settings: Settings, state: SqlCatalog, stored: StoredTables, *, names: Sequence[str] = (), allow_retire: bool = False
) -> tuple[TargetReport, ...]:
    """Plan what the settings' other catalogs would get; nothing is written."""
    policy = _policy(settings, allow_retire=allow_retire)

    def plan(target: TargetSettings) -> TargetReport:
        with open_target(state, target, stored) as catalog:
            return TargetReport(name=target.label, plan=catalog.plan(stored.tables, stored.scope, policy))

    return side_by_side(choose_targets(settings, names), plan)


def choose_targets(settings: Settings, names: Sequence[str]) -> tuple[TargetSettings, ...]:
    """The settings' other catalogs of some names, all without names.

    Raises:
        UnknownPluginError: no catalog has such a name.
    """
    known = {target.label: target for target in settings.publish_to}
    for name in names:
        if name not in known:
            raise UnknownPluginError("catalog of publish_to", name, known)
    return tuple(target for name, target in known.items() if not names or name in names)


@contextmanager
def open_target(state: SqlCatalog, target: TargetSettings, stored: StoredTables | None = None) -> Iterator[Catalog]:
    """Open a catalog, with the embedded one's memory of what was last written there.

    Raises:
        CatalogError: it cannot be opened.
    """
    catalog = open_catalog(target.url, state.last_written())
    try:
        if stored is not None and isinstance(catalog, FolderReading):
            catalog.strangers = count_strangers(stored.read_ledger(), stored.tables)
        yield catalog
    finally:
        close = getattr(catalog, "close", None)
        if close is not None:
            close()


def tables_after(tables: Iterable[Table], plan: Plan) -> list[Table]:
    """What a catalog's tables would be once a plan is applied, by name."""
    after: dict[str, Table] = {table.layout.identity: table for table in tables}
    for change in plan.changes:
        if change.action in (Action.RETIRE, Action.REMOVE):
            after.pop(change.identity, None)
        elif change.table is not None and change.action is not Action.CONFLICT:
            after[change.identity] = change.table
    return sorted(after.values(), key=lambda table: table.name)


def apply_plan(catalog: Catalog, plan: Plan) -> Outcome:
    """Write one plan, also one that removes tables for good.

    Raises:
        CatalogError: the catalog moved since the plan was made, or refuses.
    """
    if not is_removal(plan):
        return catalog.apply(plan)
    removal = apply_removal(catalog, plan)
    if removal.left is not None:
        logger.warning("something is left of the service: %s", removal.left)
    return removal.outcome


def _policy(settings: Settings, *, allow_retire: bool) -> RetirePolicy:
    return RetirePolicy(max_share=settings.retire.max_share, allow=allow_retire)


def side_by_side(targets: Sequence[TargetSettings], work: Callable[[TargetSettings], TargetReport]) -> tuple[TargetReport, ...]:
    """Do something with every catalog, all at once; where that fails, the reason is the report."""

    def try_one(target: TargetSettings) -> TargetReport:
        try:
            return work(target)
        except S3CatalogError as error:
            reason = str(error)
        except Exception as error:  # noqa: BLE001 - a client library may raise anything; one catalog never stops the others
            reason = describe_unknown(error)
        logger.info("given up catalog=%s error=%s", target.label, reason)
        return TargetReport(name=target.label, error=reason)

    with ThreadPoolExecutor(max_workers=max(1, len(targets)), thread_name_prefix="publish") as pool:
        return tuple(pool.map(try_one, targets))
