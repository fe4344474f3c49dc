"""What to write of one table: what is wanted, what the server has, and what we last wrote, joined field by field.

In: a `Wanted`, the entity as the server answered it, the fields last written. Out: a `Merged`: the changes as people read them, what people
wrote and keep, and the bodies to send. Pure.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from s3_catalog.catalogs._authority import FieldChange, Keep, decide_set, decide_value, value_text
from s3_catalog.catalogs._om_columns import Body, extend_path, flatten, shape
from s3_catalog.catalogs._om_entities import Wanted
from s3_catalog.catalogs._om_names import decode_name
from s3_catalog.catalogs._om_tags import exclude

_HELD_CONSTRAINTS = ("PRIMARY_KEY", "UNIQUE")
_PLAIN = ("tableType", "locationPath", "sourceUrl", "fileFormat", "tablePartition")
_OURS_OF_COLUMN = ("dataType", "arrayDataType", "dataLength", "precision", "scale", "dataTypeDisplay", "constraint", "ordinalPosition")
_TAG_KEYS = ("tagFQN", "source", "labelType", "state")
_KEPT_ON_PUT = ("tableConstraints", "retentionPeriod", "extension")
_NAMES = {"display_name": "displayName", "description": "description"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Merged:
    """What to write of one table.

    `changes` are (field, before, after), `kept` (field, theirs, ours), as text. `fields` are what we will have written last. `put` is the
    body of a PUT without its schema, `after` the entity as it should be. `needs_patch`: a PUT does not get there, because a bot's keeps
    texts, and everybody's unites tags.
    """

    changes: tuple[FieldChange, ...]
    kept: tuple[FieldChange, ...]
    fields: Mapping[str, Any]
    put: Body
    after: Body
    needs_patch: bool


def merge_table(wanted: Wanted, found: Body | None, written: Mapping[str, Any], owners: Mapping[str, Body]) -> Merged:
    """Join what is wanted with what the server has (None: nothing) and what we last wrote.

    Args:
        owners: references of the owners that are wanted, by `owner_text`.
    """
    entity = found or {}
    said = _Said(read_said(entity), written, _said_before(wanted, written))
    for name in dict.fromkeys((*wanted.said, *(said.fields if wanted.described else ()))):
        said.decide(name, wanted.said.get(name))
    references = {owner_text(owner): owner for owner in entity.get("owners") or ()} | dict(owners)
    composed = _compose(entity, wanted, said.final, [references[owner] for owner in said.final.get("owners", ())])
    changes = [*diff_structures(entity, composed), *said.changes] if found else []
    after = composed if _touches_columns(changes) else composed | {"columns": entity.get("columns")}
    return Merged(
        changes=tuple(changes),
        kept=tuple(said.kept),
        fields={name: value for name, value in said.fields.items() if value},
        put=_put_body(entity, composed),
        after=after,
        needs_patch=found is not None and said.needs_patch,
    )


def _touches_columns(changes: Iterable[FieldChange]) -> bool:
    return any(field.startswith(("columns.", "partition_columns.")) for field, _, _ in changes)


def _said_before(wanted: Wanted, written: Mapping[str, Any]) -> dict[str, Any]:
    """Fields that we wrote once, of the table or of columns that are still there."""
    paths = {path for path, _ in flatten(wanted.structure["columns"])}
    of_table = ("display_name", "description", "tags", "owners")
    return {name: value for name, value in written.items() if name in of_table or _column_of(name) in paths}


def _column_of(field: str) -> str | None:
    return field.removeprefix("columns.").rpartition(".")[0] if field.startswith("columns.") else None


def read_said(entity: Body) -> dict[str, Any]:
    """The fields of an entity that people may change, by field; empty ones are missing."""
    owners = sorted(owner_text(owner) for owner in entity.get("owners") or () if not owner.get("inherited"))
    found = {"display_name": entity.get("displayName"), "description": entity.get("description"), "owners": owners, "tags": _tags(entity)}
    for path, column in flatten(entity.get("columns") or ()):
        said = {"display_name": column.get("displayName"), "description": column.get("description"), "tags": _tags(column)}
        found |= {f"columns.{path}.{name}": value for name, value in said.items()}
    return {name: value for name, value in found.items() if value}


def owner_text(owner: Mapping[str, Any]) -> str:
    """A reference as text: `team:sales`."""
    return f"{owner.get('type')}:{owner.get('fullyQualifiedName') or owner.get('name')}"


def _tags(holder: Mapping[str, Any]) -> list[str]:
    return sorted(tag["tagFQN"] for tag in holder.get("tags") or () if tag.get("source", "Classification") == "Classification")


class _Said:
    """Decides field by field, and collects what follows from it."""

    def __init__(self, found: Mapping[str, Any], written: Mapping[str, Any], fields: dict[str, Any]) -> None:
        self._found, self._written, self.fields = found, written, fields
        self.final: dict[str, Any] = dict(found)
        self.changes: list[FieldChange] = []
        self.kept: list[FieldChange] = []
        self.needs_patch = False

    def decide(self, name: str, wanted: Any) -> None:
        if name == "tags" or name.endswith(".tags"):
            self._decide_tags(name, wanted or [])
        else:
            self._decide_value(name, wanted or None)

    def _decide_value(self, name: str, wanted: Any) -> None:
        found, before = self._found.get(name), self._written.get(name) or None
        decision = decide_value(found, before, wanted)
        if decision is Keep.THEIRS:
            if wanted is not None:
                self.kept.append((name, value_text(found), value_text(wanted)))
            return
        self.fields[name] = wanted
        if decision is Keep.WRITE:
            self._change(name, found, wanted, by_patch=bool(found))

    def _decide_tags(self, name: str, wanted: list[str]) -> None:
        found, before = self._found.get(name, []), self._written.get(name) or []
        decision = decide_set(found, before, wanted)
        left = set(found) - decision.remove
        blocked = exclude(decision.add, left)  # a person's tier stays alone
        self.fields[name] = sorted(set(wanted) - blocked)
        if decision.kept or blocked:
            self.kept.append((name, value_text(found), value_text(wanted)))
        added = decision.add - blocked
        if added or decision.remove:
            self._change(name, found, sorted(left | added), by_patch=bool(decision.remove))

    def _change(self, name: str, found: Any, wanted: Any, *, by_patch: bool) -> None:
        self.final[name] = wanted
        self.changes.append((name, value_text(found), value_text(wanted)))
        self.needs_patch = self.needs_patch or by_patch


def diff_structures(old: Body, new: Body) -> list[FieldChange]:
    """What differs in the structure of two tables, in the words that all catalogs use."""
    before, after = describe_structure(old), describe_structure(new)
    names = [*after, *(name for name in before if name not in after)]
    return [(name, before.get(name), after.get(name)) for name in names if before.get(name) != after.get(name)]


def describe_structure(entity: Body) -> dict[str, str | None]:
    """Structure as text by field; the order of columns is not part of it."""
    partitions = [column["columnName"] for column in (entity.get("tablePartition") or {}).get("columns") or ()]
    texts = {"location": entity.get("locationPath"), "link": entity.get("sourceUrl")}
    texts |= {"file_format": entity.get("fileFormat"), "table_type": entity.get("tableType")}
    for column in entity.get("columns") or ():
        field = "partition_columns" if column["name"] in partitions else "columns"
        required = " not null" if column.get("constraint") == "NOT_NULL" else ""
        texts[f"{field}.{decode_name(column['name'])}"] = shape(column) + required
    return {name: text for name, text in texts.items() if text is not None}


def _compose(entity: Body, wanted: Wanted, final: Mapping[str, Any], owners: list[Body]) -> Body:
    """The entity as it should be."""
    old = dict(flatten(entity.get("columns") or ()))
    after = {key: value for key, value in entity.items() if key not in (*_PLAIN, "columns", "tags", "displayName", "description", "owners")}
    after |= {key: wanted.structure[key] for key in _PLAIN if key in wanted.structure}
    after["columns"] = [_compose_column(column, extend_path("", column["name"]), old, final) for column in wanted.structure["columns"]]
    same = read_said(entity).get("owners") == final.get("owners")
    after["owners"] = entity.get("owners", []) if same else owners
    return after | _say(entity, "", final)


def _compose_column(column: Body, key: str, old: Mapping[str, Body], final: Mapping[str, Any]) -> Body:
    before = old.get(key, {})
    dropped = (*_OURS_OF_COLUMN, "children", "displayName", "description", "tags", "profile", "fullyQualifiedName")
    body = {name: value for name, value in before.items() if name not in dropped}
    body |= {name: column[name] for name in ("name", *_OURS_OF_COLUMN) if name in column}
    if before.get("constraint") in _HELD_CONSTRAINTS:
        body["constraint"] = before["constraint"]
    if column.get("children"):
        body["children"] = [_compose_column(child, extend_path(key, child["name"]), old, final) for child in column["children"]]
    return body | _say(before, f"columns.{key}.", final)


def _say(before: Mapping[str, Any], prefix: str, final: Mapping[str, Any]) -> Body:
    said = {key: final[prefix + name] for name, key in _NAMES.items() if final.get(prefix + name)}
    if before.get("tags") and _tags(before) == final.get(f"{prefix}tags", []):
        return said | {"tags": before["tags"]}
    known = {tag["tagFQN"]: tag for tag in before.get("tags") or () if tag.get("source", "Classification") == "Classification"}
    labels = [known.get(tag) or make_label(tag) for tag in final.get(f"{prefix}tags", ())]
    others = [tag for tag in before.get("tags") or () if tag.get("source", "Classification") != "Classification"]
    return said | ({"tags": [*labels, *others]} if labels or others else {})


def make_label(tag: str) -> Body:
    """A tag as a label that a program set."""
    return {"tagFQN": tag, "source": "Classification", "labelType": "Automated", "state": "Confirmed"}


def _put_body(entity: Body, after: Body) -> Body:
    """The body of a PUT: all that should be there, what a person wrote too, because a PUT by a person without it would delete it."""
    body = {key: after[key] for key in (*_PLAIN, "displayName", "description") if after.get(key)}
    body |= {key: entity[key] for key in _KEPT_ON_PUT if entity.get(key)}
    if owners := [{"id": o["id"], "type": o["type"]} for o in after.get("owners") or () if not o.get("inherited")]:
        body["owners"] = owners
    body["columns"] = [_bare_column(column) for column in after["columns"]]
    return body | ({"tags": [_bare_label(tag) for tag in after["tags"]]} if after.get("tags") else {})


def _bare_column(column: Body) -> Body:
    bare = {key: value for key, value in column.items() if key not in ("tags", "children", "customMetrics")}
    if column.get("tags"):
        bare["tags"] = [_bare_label(tag) for tag in column["tags"]]
    if column.get("children"):
        bare["children"] = [_bare_column(child) for child in column["children"]]
    return bare


def _bare_label(tag: Body) -> Body:
    return {key: tag[key] for key in _TAG_KEYS if key in tag}


def patch_operations(before: Body, after: Body) -> list[Body]:
    """The JSON Patch that leads from an entity to what it should be, by its top fields."""
    operations = []
    for key in (*_PLAIN, "columns", "tags", "displayName", "description", "owners"):
        old, new = before.get(key) or None, after.get(key) or None
        if old != new:
            path = {"op": "remove" if new is None else "replace" if key in before else "add", "path": f"/{key}"}
            operations.append(path | ({} if new is None else {"value": new}))
    return operations
