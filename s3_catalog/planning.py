"""Plans of all catalogs at once: made and shown, kept, and applied later exactly as they were.

In: settings, and a crawl or what the embedded catalog holds. Out: one plan per catalog; nothing is written before `apply_plans`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from s3_catalog import pipeline
from s3_catalog.catalogs import Action, Plan
from s3_catalog.publishing import PlannedCrawl, plan_crawl
from s3_catalog.storage import open_store
from s3_catalog.targets import TargetReport, apply_plan, choose_targets, open_target, plan_for_targets, read_stored, side_by_side

if TYPE_CHECKING:
    from s3_catalog.config import Settings
    from s3_catalog.config_sections import TargetSettings
    from s3_catalog.pipeline import Observer

EMBEDDED = "catalog"
"""How the embedded catalog is called, as in the settings."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Plans:
    """What a publication would do. `crawl` is for the embedded catalog, None where none was planned; `targets` are the others."""

    location: str
    made: datetime
    crawl: PlannedCrawl | None = None
    targets: tuple[TargetReport, ...] = ()

    @property
    def has_failures(self) -> bool:
        """Whether something failed while the plans were made: an object, a prefix, a catalog, or a name in conflict."""
        lost = self.crawl is not None and (self.crawl.summary.failed or self.crawl.summary.failed_prefixes)
        return bool(lost) or any(target.error for target in self.targets) or any(plan.count(Action.CONFLICT) for _, plan in self.named())

    def named(self) -> list[tuple[str, Plan]]:
        """Every plan with its catalog's name, the embedded one's first."""
        own = [(EMBEDDED, self.crawl.plan)] if self.crawl else []
        return own + [(target.name, target.plan) for target in self.targets if target.plan is not None]


def plan_location(
    settings: Settings,
    *,
    names: Sequence[str] = (),
    scope: str | None = None,
    observer: Observer | None = None,
    allow_retire: bool = False,
) -> Plans:
    """Crawl a location, or one scope of it, and plan what all catalogs would get; only the embedded catalog's file is made.

    Args:
        names: the catalogs of `publish_to` to plan for besides the embedded one; all without names.

    Raises:
        StoreError: the location cannot be listed at all.
        CatalogError: the embedded catalog cannot be read.
        UnknownPluginError: no catalog of the settings has such a name.
    """
    choose_targets(settings, names)
    clock = pipeline.Clock()
    store = open_store(settings.location, settings.store_options())
    with pipeline.open_state(settings) as state:
        grouped, results = pipeline.find_tables(state, settings, store, scope=scope, observer=observer)
        planned = plan_crawl(state, settings, store, grouped, results, clock=clock, allow_retire=allow_retire)
        stored = read_stored(settings, state, planned.plan.scope, planned.plan)
        stored = replace(stored, read_ledger=lambda: planned.ledger)
        targets = plan_for_targets(settings, state, stored, names=names, allow_retire=allow_retire)
    return Plans(location=store.location.url, made=clock.started, crawl=planned, targets=targets)


def plan_stored(settings: Settings, *, names: Sequence[str] = (), allow_retire: bool = False) -> Plans:
    """Plan what would make the other catalogs match the embedded one; nothing is listed.

    Raises:
        CatalogError: the embedded catalog cannot be read.
        UnknownPluginError: no catalog of the settings has such a name.
    """
    with pipeline.open_state(settings) as state:
        stored = read_stored(settings, state)
        targets = plan_for_targets(settings, state, stored, names=names, allow_retire=allow_retire)
    return Plans(location=settings.location, made=datetime.now(UTC), targets=targets)


def apply_plans(settings: Settings, plans: Plans) -> list[TargetReport]:
    """Write exactly these plans: the embedded catalog first, with run and ledger, then the others side by side; a report for each.

    Raises:
        CatalogError: the embedded catalog moved since the plan was made, or cannot be written; nothing was written anywhere.
        UnknownPluginError: a plan is for a catalog that the settings lack; nothing was written anywhere.
    """
    wanted = {target.name: target.plan for target in plans.targets if target.plan is not None}
    targets = choose_targets(settings, tuple(wanted)) if wanted else ()
    done: list[TargetReport] = []
    with pipeline.open_state(settings) as state:
        if plans.crawl is not None:
            crawl = plans.crawl
            with state.exclusive(settings.lock_timeout):
                outcome = state.apply(crawl.plan, crawl.run, crawl.ledgers)
            done.append(TargetReport(name=EMBEDDED, plan=crawl.plan, outcome=outcome))

        def write(target: TargetSettings) -> TargetReport:
            plan = wanted[target.label]
            with state.exclusive(settings.lock_timeout, target.label), open_target(state, target) as catalog:
                return TargetReport(name=target.label, plan=plan, outcome=apply_plan(catalog, plan))

        done += side_by_side(targets, write)
    return done
