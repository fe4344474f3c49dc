"""Whose a field is: what we last wrote stays ours to change, what a person changed since is theirs.

In: three values of one field: what the catalog holds (`found`), what we last wrote there (`written`), what the tables say now (`wanted`).
Out: what to write, and what stays as a person left it. Pure. `LastWritten` remembers between runs; `_sql_last_written` keeps it for good.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Protocol

FieldChange = tuple[str, str | None, str | None]
"""(field, before, after) as text."""


class Keep(StrEnum):
    """What happens to one field."""

    NOTHING = "nothing"
    WRITE = "write"
    """Ours: the catalog holds what we last wrote, or nothing that anybody wrote."""
    THEIRS = "theirs"
    """A person changed or deleted it since we wrote it, or wrote it before us."""


def decide_value(found: Any, written: Any, wanted: Any) -> Keep:
    """Decide about a field with one value; None is empty, and what was never written.

    >>> decide_value("by hand", "Orders.", "Orders, new.")
    <Keep.THEIRS: 'theirs'>
    >>> decide_value(None, "Orders.", "Orders.")
    <Keep.THEIRS: 'theirs'>
    """
    if found == wanted:
        return Keep.NOTHING
    return Keep.WRITE if found == written else Keep.THEIRS


@dataclass(frozen=True, slots=True, kw_only=True)
class SetDecision:
    """What happens to a field that holds a set. `kept` were deleted by hand and are not added again; all else that is found stays."""

    add: frozenset[str] = frozenset()
    remove: frozenset[str] = frozenset()
    kept: frozenset[str] = frozenset()


def decide_set(found: Collection[str], written: Collection[str], wanted: Collection[str]) -> SetDecision:
    """Decide about every member of a set: only what we wrote is removed, and what a person removed is not written again."""
    missing = set(wanted) - set(found)
    return SetDecision(
        add=frozenset(missing - set(written)),
        remove=frozenset((set(found) & set(written)) - set(wanted)),
        kept=frozenset(missing & set(written)),
    )


def value_text(value: Any) -> str | None:
    """A field's value as text for a plan: text as it is, all else as JSON; None for what is empty."""
    if value is None or value in ((), [], {}):
        return None
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, sort_keys=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class WrittenTable:
    """What we last wrote of one table to one catalog.

    `key` is the catalog's own name for it, which outlives a change of `name`. `fields` are JSON values by field; a field that was never
    written is missing. `retired`: by us, not by a person.
    """

    identity: str
    name: str
    store_url: str
    location: str
    key: str
    retired: bool = False
    fields: Mapping[str, Any] = field(default_factory=dict, repr=False)


class LastWritten(Protocol):
    """What we last wrote, per catalog (its URL without secrets and options)."""

    def read(self, catalog: str) -> dict[str, WrittenTable]:
        """All tables ever written and not forgotten, by identity."""

    def write(self, catalog: str, tables: Iterable[WrittenTable]) -> None:
        """Remember these, in place of what was remembered of them."""

    def forget(self, catalog: str, identities: Iterable[str]) -> None:
        """Forget tables that were deleted for good."""


class MemoryLastWritten:
    """Remembers for the life of the process."""

    def __init__(self) -> None:
        self._tables: dict[str, dict[str, WrittenTable]] = {}

    def read(self, catalog: str) -> dict[str, WrittenTable]:
        return dict(self._tables.get(catalog, {}))

    def write(self, catalog: str, tables: Iterable[WrittenTable]) -> None:
        self._tables.setdefault(catalog, {}).update((table.identity, table) for table in tables)

    def forget(self, catalog: str, identities: Iterable[str]) -> None:
        for identity in identities:
            self._tables.get(catalog, {}).pop(identity, None)
