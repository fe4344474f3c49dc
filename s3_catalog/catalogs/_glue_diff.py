"""What of a table in AWS Glue is to be written, field by field, and what stays as a person left it.

Pure. The rule of authority is `_authority.decide_value`. Where nothing is remembered of a table that is ours, descriptions, owners and
comments are taken for people's, all else for ours.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from s3_catalog.catalogs._authority import FieldChange, Keep, WrittenTable, decide_value
from s3_catalog.catalogs._glue_names import ORIGINAL
from s3_catalog.catalogs._glue_tables import HUMAN, IDENTITY, OUR, PARTITIONS, RETIRED, Fields

_ALWAYS_OURS = f"parameters.{OUR}"
"""Our own parameters: a table that lost or changed them gets them back."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Merged:
    """The fields to write and what changes by that; `kept` fields differ from what we would write, because a person changed them."""

    fields: Fields
    changes: tuple[FieldChange, ...]
    kept: tuple[FieldChange, ...]
    remembered: Mapping[str, str]


def merge_fields(found: Fields, wanted: Fields, written: WrittenTable | None) -> Merged:
    """Decide about every field.

    Args:
        found: what Glue holds; empty for a table that is not there.
    """
    before = _remembered(found, written)
    merged, remembered = dict(found), dict[str, str]()
    changes, kept = list[FieldChange](), list[FieldChange]()
    for name in [*wanted, *(name for name in before if name not in wanted)]:
        held, want = found.get(name), wanted.get(name)
        ours = name.startswith(_ALWAYS_OURS) or not found
        decision = (Keep.NOTHING if held == want else Keep.WRITE) if ours else decide_value(held, before.get(name), want)
        if decision is Keep.THEIRS:
            kept.append((name, held, want))
            # What we wrote last stays remembered: the field is theirs until it says again what we said.
            remembered |= {name: before[name]} if name in before else {}
            continue
        if decision is Keep.WRITE:
            changes.append((name, held, want))
            _set(merged, name, want)
        _set(remembered, name, want)
    return Merged(fields=merged, changes=tuple(changes), kept=tuple(kept), remembered=remembered)


def _remembered(found: Fields, written: WrittenTable | None) -> dict[str, str]:
    ours = {name: text for name, text in found.items() if name.startswith(_ALWAYS_OURS)}
    if written is not None:
        return {**{name: str(text) for name, text in written.fields.items()}, **ours}
    if f"parameters.{IDENTITY}" not in found:
        return {}
    return {name: text for name, text in found.items() if name not in HUMAN and not name.startswith(("comments.", "parameters."))} | ours


def _set(fields: dict[str, str], name: str, text: str | None) -> None:
    if text is None:
        fields.pop(name, None)
    else:
        fields[name] = text


def show_changes(merged: Merged) -> tuple[FieldChange, ...]:
    """The changes as a plan shows them, in people's words; bookkeeping that moves with them is left out."""
    shown: list[FieldChange] = []
    for name, before, after in merged.changes:
        if name == f"parameters.{PARTITIONS}":
            old, new = (text and text.partition(" ")[0] for text in (before, after))
            shown.append(("partitions", old, new if old != new else f"{new} (changed)"))
        elif name == f"parameters.{ORIGINAL}":
            shown.append(("name", before, after))
        elif name.startswith(_ALWAYS_OURS):
            own = name.removeprefix(_ALWAYS_OURS)
            if own in ("newest", "tags", "location", "rule", "reason", RETIRED.removeprefix(OUR)):
                shown.append((own, before, after))
            elif own == "index":
                shown.append(("partition index", before, after))
            elif own in ("statistics", "lake_formation_tags"):
                shown.append((own, None, "changed"))
        else:
            shown.append((name, before, after))
    return tuple(shown)
