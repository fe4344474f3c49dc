"""Where catalogs differ: each of `publish_to` against the embedded one, table by table; nothing is written.

In: the embedded catalog and a plan of every other. Out: per table what each catalog has of it. A plan tells it all: what it would create
is missing there, what it would change differs, what it would leave to people was written by hand.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING

from s3_catalog import pipeline
from s3_catalog.catalogs import Action, Catalog, Plan, PlannedChange, RetirePolicy
from s3_catalog.catalogs._authority import FieldChange
from s3_catalog.storage import Location, parse_location
from s3_catalog.targets import TargetReport, choose_targets, open_target, read_stored, side_by_side

if TYPE_CHECKING:
    from s3_catalog.catalogs.sql import SqlCatalog
    from s3_catalog.config import Settings
    from s3_catalog.config_sections import TargetSettings


class Standing(StrEnum):
    """How a table of one catalog stands to the embedded catalog's."""

    SAME = "same"
    BY_HAND = "by hand"
    """The same but for what people wrote there."""
    DIFFERS = "differs"
    MISSING = "missing"
    RETIRED = "retired"
    """It is there, retired, and the embedded catalog has it."""
    LEFT = "left over"
    """It is there, and the embedded catalog has none."""
    UNFIT = "unfit"
    """It cannot be there: no engine could read it, or its name is taken."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Compared:
    """One table in one catalog. `fields` are (field, there, here) where they differ, `by_hand` those that people changed there."""

    standing: Standing
    fields: tuple[FieldChange, ...] = ()
    by_hand: tuple[FieldChange, ...] = ()
    reason: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """Catalog -> table's name -> how it stands; `errors` are (catalog, error) of those that could not be read."""

    catalogs: dict[str, dict[str, Compared]] = field(default_factory=dict)
    errors: tuple[tuple[str, str], ...] = ()

    @property
    def differs(self) -> bool:
        """Whether a publication would change anything, or anything is left over."""
        calm = (Standing.SAME, Standing.BY_HAND, Standing.UNFIT)
        return any(one.standing not in calm for tables in self.catalogs.values() for one in tables.values())

    def tables(self) -> list[str]:
        """All names, in order."""
        return sorted({name for tables in self.catalogs.values() for name in tables})


def compare_catalogs(settings: Settings, names: Sequence[str] = ()) -> Comparison:
    """Compare the catalogs of `publish_to`, or those of some names, with the embedded one.

    Raises:
        CatalogError: the embedded catalog cannot be read.
        UnknownPluginError: no catalog of the settings has such a name.
    """
    targets = choose_targets(settings, names)
    with pipeline.open_state(settings) as state:
        stored = read_stored(settings, state)
        found: dict[str, dict[str, Compared]] = {}

        def look(target: TargetSettings) -> TargetReport:
            with open_target(state, target, stored) as catalog:
                plan = catalog.plan(stored.tables, stored.scope, RetirePolicy(allow=True))
                found[target.label] = _standings(plan, catalog, state, parse_location(settings.location))
                return TargetReport(name=target.label, plan=plan)

        reports = side_by_side(targets, look)
    return Comparison(
        catalogs={target.label: found[target.label] for target in targets if target.label in found},
        errors=tuple((report.name, report.error) for report in reports if report.error is not None),
    )


def _standings(plan: Plan, catalog: Catalog, state: SqlCatalog, location: Location) -> dict[str, Compared]:
    standings = {change.name: _compare(change) for change in plan.changes}
    known = state.names()
    for table in catalog.list_tables(location.store_url):
        # What lies elsewhere in the bucket is another configuration's.
        if table.layout.identity not in known and table.layout.location.startswith(location.prefix):
            standings[table.name] = Compared(standing=Standing.LEFT, reason="the embedded catalog never had it")
    return standings


def _compare(change: PlannedChange) -> Compared:
    match change.action:
        case Action.CREATE:
            return Compared(standing=Standing.MISSING)
        case Action.RESTORE:
            return Compared(standing=Standing.RETIRED, fields=change.fields, by_hand=change.kept)
        case Action.UPDATE:
            return Compared(standing=Standing.DIFFERS, fields=change.fields, by_hand=change.kept)
        case Action.RETIRE:
            return Compared(standing=Standing.LEFT, reason=change.reason or "the embedded catalog retired it")
        case Action.CONFLICT | Action.SKIP:
            return Compared(standing=Standing.UNFIT, reason=change.reason)
        case _:
            return Compared(standing=Standing.BY_HAND if change.kept else Standing.SAME, by_hand=change.kept)
