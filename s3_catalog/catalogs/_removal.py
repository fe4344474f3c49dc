"""Deleting tables of ours for good, from any catalog: what would go, then exactly that, as long as nothing moved.

In: a catalog. Out: a plan of `Action.REMOVE`, and what became of it. A service that is empty afterwards goes too.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from s3_catalog.catalogs import Action, Catalog, Outcome, Plan, PlannedChange, RetirePolicy, RetiringCatalog, Scope, ServiceCatalog
from s3_catalog.catalogs._planning import Published
from s3_catalog.errors import CatalogError

_EVERYWHERE = Scope(store_url="", prefixes=())
"""No crawl has such a scope: it tells the plan of a removal, of all stores at once."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Removal:
    """What became of a plan. `service` are the names of what went with the tables (schemas, databases, the service), `left` says why some
    of it stays.
    """

    outcome: Outcome
    service: tuple[str, ...] = ()
    left: str | None = None


def plan_removal(catalog: Catalog, is_wanted: Callable[[Published], bool]) -> tuple[Plan, bool]:
    """Plan to delete the tables of ours that are wanted to go, by name; retired ones are asked about too.

    A catalog removes by name: a table whose name another one has that stays is `Action.CONFLICT`, with the place of that one.

    Returns: the plan, and whether no table of ours is left then.

    Raises:
        CatalogError: the catalog cannot be read.
    """
    published = sorted(list_published(catalog), key=lambda table: (table.name, table.identity))
    going = [table for table in published if is_wanted(table)]
    leaving = set(going)
    staying = {table.name: table for table in published if table not in leaving}
    changes = tuple(_plan_one(table, staying.get(table.name)) for table in going)
    stores = sorted({table.store_url for table in going})
    revisions = {store: _read_revision(catalog, store) for store in stores}
    return Plan(changes=changes, revision=json.dumps(revisions), scope=_EVERYWHERE), len(going) == len(published)


def is_removal(plan: Plan) -> bool:
    """Whether `plan_removal` made a plan."""
    return plan.scope == _EVERYWHERE


def apply_removal(catalog: Catalog, plan: Plan) -> Removal:
    """Delete exactly the tables of a plan and, where no table of ours is left, what is empty of the service.

    Raises:
        CatalogError: the catalog moved since the plan was made (nothing was deleted), or cannot be read.
    """
    try:
        revisions: dict[str, str] = dict(json.loads(plan.revision))
    except (TypeError, ValueError):
        raise CatalogError("the revision of this plan is damaged: make a new plan") from None
    if any(_read_revision(catalog, store) != revision for store, revision in revisions.items()):
        raise CatalogError("the catalog changed since this plan was made: make a new plan")
    names = [change.name for change in plan.changes if change.action is Action.REMOVE]
    conflicts = tuple((change.name, change.reason or "conflict") for change in plan.changes if change.action is Action.CONFLICT)
    failed: tuple[tuple[str, str], ...] = ()
    try:
        catalog.remove(names)
    except CatalogError as error:
        there = {table.name for table in list_published(catalog)}
        failed = tuple((name, str(error)) for name in names if name in there)
    removed = len(names) - len(failed)
    outcome = Outcome(counts={Action.REMOVE: removed}, writes=removed, failed=(*conflicts, *failed))
    if outcome.failed or not isinstance(catalog, ServiceCatalog) or list_published(catalog):
        return Removal(outcome=outcome)
    gone, left = catalog.remove_service()
    return Removal(outcome=outcome, service=tuple(gone), left=left)


def list_published(catalog: Catalog) -> list[Published]:
    """All tables of ours that a catalog holds, retired ones too, as far as it tells of them."""
    retired: Iterable[Published] = catalog.list_retired() if isinstance(catalog, RetiringCatalog) else ()
    live = (table.layout for table in catalog.list_tables())
    return [
        *(Published(identity=one.identity, name=one.name, store_url=one.store_url, location=one.location) for one in live),
        *retired,
    ]


def _read_revision(catalog: Catalog, store_url: str) -> str:
    return catalog.plan((), Scope(store_url=store_url, prefixes=()), RetirePolicy()).revision


def _plan_one(table: Published, namesake: Published | None) -> PlannedChange:
    if namesake is None:
        return PlannedChange(action=Action.REMOVE, identity=table.identity, name=table.name, reason=_describe_place(table))
    reason = f"{_describe_place(table)}: {_describe_place(namesake)} has the same name and is to stay"
    return PlannedChange(action=Action.CONFLICT, identity=table.identity, name=table.name, reason=reason)


def _describe_place(table: Published) -> str:
    return f"{table.store_url}{table.location}{', retired' if table.retired else ''}"
