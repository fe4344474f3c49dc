"""Catalogs: services that keep tables. A target plans what would change, then applies exactly that.

One module per target, found by its `CATALOG` object; modules whose name begins with `_` are not targets. Another package adds one by an
entry point in the group `s3_catalog.catalogs` that names such an object.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from functools import cache
from importlib.metadata import entry_points
from typing import TYPE_CHECKING, Protocol, runtime_checkable

from s3_catalog.errors import CatalogError, UnknownPluginError
from s3_catalog.model.ledger import FailedPrefix
from s3_catalog.model.tables import Table

if TYPE_CHECKING:
    from s3_catalog.catalogs._authority import LastWritten
    from s3_catalog.catalogs._planning import Published

ENTRY_POINT_GROUP = "s3_catalog.catalogs"


class Action(StrEnum):
    """What a plan does to one table."""

    CREATE = "create"
    UPDATE = "update"
    RESTORE = "restore"
    RETIRE = "retire"
    UNCHANGED = "unchanged"
    CONFLICT = "conflict"
    """Its name belongs to another table of the catalog: nothing is written for it, and `apply` reports it as failed."""
    SKIP = "skip"
    """It is nothing for this catalog (no engine could read it there): nothing is written, and that is no failure."""
    REMOVE = "remove"
    """It is deleted for good, which no crawl does: `prune` plans it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedChange:
    """One table's part of a plan. `fields` are (field, old, new) as text; `table` is None for a retirement.

    `reason` says what a conflict is about, why a table is skipped, or that its retirement deletes it. `kept` are (field, theirs, ours) of
    fields that people changed: they stay as they are. `unremembered`: an unchanged table is as we want it, and was remembered otherwise (a
    run died, the memory was lost): `apply` remembers it.
    """

    action: Action
    identity: str
    name: str
    fields: tuple[tuple[str, str | None, str | None], ...] = ()
    table: Table | None = None
    reason: str | None = None
    kept: tuple[tuple[str, str | None, str | None], ...] = ()
    unremembered: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Scope:
    """What one crawl saw for certain: tables below `prefixes` of `store_url` and not touching `excluded` may be retired when unseen.

    `store_url` is a bucket (`s3://bucket/`); prefixes are key prefixes within it ("" is all of it). `excluded` holds the prefixes whose
    listing failed: neither what lies below them nor a table that contains one of them is retired. `present` holds identities of
    tables that are not gone although the plan lacks them (unreadable, excluded by a pattern): they stay as they are. `listed` is the
    number of objects seen: an empty listing retires nothing. `gone` holds identities that a complete listing showed gone, this one or one
    before. With `only_gone` no other table is retired: an unseen one may be somebody else's, who looks at more than we do.
    """

    store_url: str
    prefixes: tuple[str, ...]
    excluded: tuple[str, ...] = ()
    present: tuple[str, ...] = ()
    listed: int = 0
    gone: tuple[str, ...] = ()
    only_gone: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class RetirePolicy:
    """At most this share (0 to 1) of a store's published tables may be retired by one plan; `allow` lifts the bound."""

    max_share: float = 0.25
    allow: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """The changes that would make a catalog match the tables. `revision` is the catalog state the plan was made on.

    `withheld` names the tables that are gone from the store and were not planned for retirement, `withheld_reason` why.
    """

    changes: tuple[PlannedChange, ...]
    revision: str
    scope: Scope
    withheld: tuple[str, ...] = ()
    withheld_reason: str | None = None

    def count(self, action: Action) -> int:
        return sum(change.action is action for change in self.changes)


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What an apply did: number of tables per action, without those that failed, writes sent, and failures as (table, error)."""

    counts: dict[Action, int]
    writes: int
    failed: tuple[tuple[str, str], ...] = ()


class Catalog(Protocol):
    """The contract of a target."""

    def plan(self, tables: Sequence[Table], scope: Scope, policy: RetirePolicy) -> Plan:
        """Compare tables with the catalog; writes nothing."""

    def apply(self, plan: Plan) -> Outcome:
        """Write exactly the plan.

        Raises:
            CatalogError: the catalog moved since the plan was made.
            CatalogUnavailableError: it cannot be written now; nothing of the plan was written.
        """

    def list_tables(self, store_url: str | None = None) -> list[Table]:
        """The published tables that are not retired, by name."""

    def remove(self, names: Sequence[str]) -> int:
        """Delete tables for good; returns how many there were."""


@runtime_checkable
class FolderReading(Protocol):
    """A catalog whose engines read whole folders: `strangers` tells it, by identity, how many objects there are no part of the table."""

    strangers: Mapping[str, int]


class CheckStatus(StrEnum):
    """How a check went."""

    OK = "ok"
    WARNING = "warning"
    FAILURE = "failure"


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One thing that `doctor` looked at: what it found, and what to do about it where something is wrong."""

    name: str
    status: CheckStatus
    found: str
    advice: str | None = None


@runtime_checkable
class CheckedCatalog(Protocol):
    """A catalog that can tell how it is."""

    def check(self) -> list[Check]:
        """Look at reachability, version and permissions; writes nothing, and what is wrong is an answer, not an error."""


@runtime_checkable
class RetiringCatalog(Protocol):
    """A catalog that keeps retired tables, and tells which."""

    def list_retired(self) -> list[Published]:
        """Our tables that are retired and not deleted."""


@runtime_checkable
class ServiceCatalog(Protocol):
    """A catalog that keeps tables in a service or database of their own, which can go when it is empty."""

    @property
    def service(self) -> str:
        """Its name."""

    def remove_service(self) -> tuple[list[str], str | None]:
        """Delete what is empty of the service; returns the names of what was deleted, and why anything is left."""


class RunStatus(StrEnum):
    """How a run went. A run that was killed stays `RUNNING`."""

    RUNNING = "running"
    DONE = "done"
    FAILURES = "done with failures"
    FAILED = "failed"


@dataclass(frozen=True, slots=True, kw_only=True)
class RunRecord:
    """One crawl as the state store keeps it. `counts` and `receipt` are numbers by name (objects, tables; requests, bytes, seconds)."""

    id: str
    location: str
    store_url: str
    started: datetime
    finished: datetime | None = None
    status: RunStatus = RunStatus.RUNNING
    counts: Mapping[str, int] = field(default_factory=dict)
    receipt: Mapping[str, float] = field(default_factory=dict)
    failed_prefixes: tuple[FailedPrefix, ...] = ()


class CatalogType(Protocol):
    """What a target's module offers as `CATALOG`: the URL schemes it answers to, and how to open it."""

    schemes: frozenset[str]

    def open(self, url: str, last_written: LastWritten | None = None) -> Catalog:
        """Connect to the catalog.

        Args:
            last_written: remembers between runs what was written there; a catalog that only we write needs none.

        Raises:
            CatalogError: the URL is wrong, or the catalog refuses.
            CatalogUnavailableError: it cannot be reached now.
            MissingExtraError: a package that this target needs is not installed.
        """


@cache
def catalog_types() -> Mapping[str, CatalogType]:
    """All targets by URL scheme, ours first; another package's entry point of the same scheme replaces ours."""
    modules = [m.name for m in pkgutil.iter_modules(__path__) if not m.name.startswith("_")]
    own = [importlib.import_module(f"{__name__}.{name}").CATALOG for name in modules]
    others = [entry.load() for entry in entry_points(group=ENTRY_POINT_GROUP)]
    return {scheme: target for target in [*own, *others] for scheme in target.schemes}


def open_catalog(url: str, last_written: LastWritten | None = None) -> Catalog:
    """Open the catalog that a URL names (`sqlite:///catalog.db`, `postgresql://user@host/database`); see `CatalogType.open`.

    Raises:
        CatalogError: the URL has no scheme, or the catalog refuses.
        UnknownPluginError: no target has this scheme.
    """
    scheme, separator, _ = url.partition("://")
    if not separator:
        raise CatalogError(
            f"a catalog URL begins with a scheme, as in sqlite:///catalog.db: choose one of {', '.join(sorted(catalog_types()))}"
        )
    target = catalog_types().get(scheme)
    if target is None:
        raise UnknownPluginError("catalog", scheme, catalog_types())
    return target.open(url, last_written)
