"""Catalogs: services that keep tables. A target plans what would change, then applies exactly that."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from s3_catalog.model.tables import Table


class Action(StrEnum):
    """What a plan does to one table."""

    CREATE = "create"
    UPDATE = "update"
    RESTORE = "restore"
    RETIRE = "retire"
    UNCHANGED = "unchanged"


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedChange:
    """One table's part of a plan. `fields` are (field, old, new) as text; `table` is None for a retirement."""

    action: Action
    identity: str
    name: str
    fields: tuple[tuple[str, str | None, str | None], ...] = ()
    table: Table | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Scope:
    """What one crawl saw for certain: tables below `prefixes` of `store_url` and not touching `excluded` may be retired when unseen.

    `store_url` is a bucket (`s3://bucket/`); prefixes are key prefixes within it ("" is all of it). `excluded` holds the prefixes whose
    listing failed: neither what lies below them nor a table that contains one of them is retired. `listed` is the number of objects
    seen: an empty listing retires nothing.
    """

    store_url: str
    prefixes: tuple[str, ...]
    excluded: tuple[str, ...] = ()
    listed: int = 0


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
    """What an apply did: number of tables per action, writes sent, and failures as (table, error)."""

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
