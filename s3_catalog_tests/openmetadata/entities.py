"""The entities that the double keeps, with the server's rules for PUT, PATCH, DELETE and reading.

Rules are from measurements of a real server, not from its code: who may overwrite what, what a version does, what is refused and how.
"""

from __future__ import annotations

import copy
import threading
import time
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import jsonpatch

from s3_catalog_tests.openmetadata.models import InvalidBodyError, validate
from s3_catalog_tests.openmetadata.rules import (
    MAX_FQN,
    Body,
    RefusedError,
    bad,
    check_exclusive,
    check_sample,
    check_table,
    flatten,
    join_fqn,
    next_version,
)


@dataclass(frozen=True)
class Kind:
    """A collection: which model its requests follow, what its parent is, and what of an entity comes only when asked for."""

    model: str
    entity: str
    parent: tuple[str, str] | None = None
    """(field of the request, collection of the parent)"""
    on_demand: frozenset[str] = frozenset(("tags", "owners"))


COLLECTIONS = {
    "services/databaseServices": Kind("service", "databaseService"),
    "services/storageServices": Kind("storage", "storageService"),
    "databases": Kind("database", "database", ("service", "services/databaseServices")),
    "databaseSchemas": Kind("schema", "databaseSchema", ("database", "databases")),
    "tables": Kind(
        "table",
        "table",
        ("databaseSchema", "databaseSchemas"),
        frozenset(("tags", "owners", "tablePartition", "tableConstraints", "extension", "sampleData", "profile")),
    ),
    "containers": Kind("container", "container", ("service", "services/storageServices")),
    "classifications": Kind("classification", "classification"),
    "tags": Kind("tag", "tag", ("classification", "classifications")),
    "teams": Kind("team", "team"),
    "users": Kind("user", "user"),
}
_ALWAYS_ASKABLE = frozenset(("columns", "usageSummary", "followers", "joins", "dataModel", "location"))
_KEPT_FROM_BOTS = ("description", "displayName", "owners")
_READY_TAGS = ("PII.Sensitive", "PII.NonSensitive", "PII.None", "Tier.Tier1", "Tier.Tier2", "Tier.Tier3")


@dataclass(frozen=True)
class Actor:
    """Who calls."""

    name: str
    is_bot: bool


ADMIN = Actor("admin", is_bot=False)


class Entities:
    """All entities of one server. Calls may come from several threads."""

    def __init__(self) -> None:
        self._lock = threading.RLock()
        self._by_id: dict[str, tuple[str, Body]] = {}
        self._ids: dict[tuple[str, str], str] = {}
        self._samples: dict[str, Body] = {}
        self._profiles: dict[str, Body] = {}
        self.lineage: list[Body] = []
        self.registered: set[str] = set()
        for tag in _READY_TAGS:
            classification, name = tag.split(".")
            self.put("classifications", {"name": classification, "description": "ready", "mutuallyExclusive": True}, ADMIN)
            self.put("tags", {"name": name, "classification": classification, "description": "ready"}, ADMIN)

    def put(self, collection: str, body: Body, actor: Actor, *, override: bool = False) -> tuple[Body, str]:
        """Create or update; returns the entity and what `X-OpenMetadata-Change` says."""
        kind = COLLECTIONS[collection]
        _check(kind.model, body)
        with self._lock:
            fresh = self._build(collection, kind, body)
            old = self._find(collection, fresh["fullyQualifiedName"])
            if old is None:
                created = fresh | {"id": str(uuid.uuid4()), "version": 0.1, "deleted": False}
                return self._keep(collection, created, actor), "entityCreated"
            merged = _merge(old, fresh, keep=actor.is_bot and not override)
            merged["version"] = next_version(old, merged)
            if merged["version"] == old["version"] and _bare(merged) == _bare(old):
                return old, "entityNoChange"
            return self._keep(collection, merged, actor), "entityUpdated"

    def post(self, collection: str, body: Body, actor: Actor) -> Body:
        with self._lock:
            _check(COLLECTIONS[collection].model, body)
            if self._find(collection, self._build(collection, COLLECTIONS[collection], body)["fullyQualifiedName"]) is not None:
                raise RefusedError(409, "Entity already exists")
            return self.put(collection, body, actor)[0]

    def patch(self, collection: str, entity_id: str, operations: list[Body], actor: Actor, if_match: str | None) -> Body:
        with self._lock:
            old = self.get(collection, entity_id, include="all")
            if if_match is not None and if_match != f'W/"{old["version"]}"':
                raise RefusedError(412, "Precondition failed: the entity was changed")
            try:
                new = jsonpatch.apply_patch(copy.deepcopy(old), operations)
            except (jsonpatch.JsonPatchException, jsonpatch.JsonPointerException) as error:
                raise bad(f"The patch does not fit: {error}") from error
            if any(new.get(key) != old.get(key) for key in ("id", "name", "fullyQualifiedName", "databaseSchema")):
                raise bad("Immutable attributes cannot be changed")
            self._check_entity(collection, new)
            new["version"] = next_version(old, new)
            return self._keep(collection, new, actor)

    def delete(self, collection: str, entity_id: str, actor: Actor, *, recursive: bool, hard: bool) -> Body:
        with self._lock:
            entity = self.get(collection, entity_id, include="all")
            children = [(c, e) for c, e in self._by_id.values() if self._parent_id(c, e) == entity_id and (hard or not e["deleted"])]
            if children and not recursive:
                raise bad(f"{entity['name']} is not empty")
            for child_collection, child in children:
                self.delete(child_collection, child["id"], actor, recursive=True, hard=hard)
            if hard:
                del self._by_id[entity_id], self._ids[collection, entity["fullyQualifiedName"]]
                return entity
            return self._keep(collection, entity | {"deleted": True, "version": round(entity["version"] + 0.1, 1)}, actor)

    def get(self, collection: str, entity_id: str, *, include: str = "non-deleted") -> Body:
        try:
            uuid.UUID(entity_id)
        except ValueError:
            raise RefusedError(500, f"Invalid UUID string: {entity_id}", bare=True) from None
        found = self._by_id.get(entity_id)
        if found is None or found[0] != collection or (found[1]["deleted"] and include == "non-deleted"):
            raise RefusedError(404, f"{COLLECTIONS[collection].entity} instance for {entity_id} not found")
        return found[1]

    def get_by_name(self, collection: str, fqn: str, *, include: str = "non-deleted") -> Body:
        found = self._find(collection, fqn)
        if found is None or (found["deleted"] and include == "non-deleted"):
            raise RefusedError(404, f"{COLLECTIONS[collection].entity} instance for {fqn} not found")
        return found

    def list(self, collection: str, *, include: str, within: str | None) -> list[Body]:
        """Entities by name, of one parent, grandparent or all."""
        prefix = None if within is None else within + "."
        found = [e for c, e in self._by_id.values() if c == collection and (prefix is None or e["fullyQualifiedName"].startswith(prefix))]
        wanted = {"non-deleted": (False,), "deleted": (True,), "all": (False, True)}[include]
        return sorted((e for e in found if e["deleted"] in wanted), key=lambda e: e["fullyQualifiedName"])

    def show(self, collection: str, entity: Body, fields: str | None) -> Body:
        """An entity with the fields that were asked for; None: all of them."""
        on_demand = COLLECTIONS[collection].on_demand
        asked = on_demand if fields is None else frozenset(filter(None, fields.split(",")))
        unknown = asked - on_demand - _ALWAYS_ASKABLE
        if unknown:
            raise bad(f"Invalid field name {min(unknown)}")
        shown = {key: value for key, value in entity.items() if key not in on_demand or key in asked}
        if "tags" not in asked and "columns" in shown:
            shown["columns"] = [_without_tags(column) for column in shown["columns"]]
        return shown

    def put_sample(self, entity_id: str, sample: Body) -> Body:
        _check("sample", sample)
        table = self.get("tables", entity_id)
        check_sample(table["columns"], sample)
        self._samples[entity_id] = sample
        return table | {"sampleData": sample}

    def get_sample(self, entity_id: str) -> Body:
        table = self.get("tables", entity_id)
        return table | ({"sampleData": self._samples[entity_id]} if entity_id in self._samples else {})

    def delete_sample(self, entity_id: str) -> Body:
        table = self.get("tables", entity_id)
        self._samples.pop(entity_id, None)
        return table

    def put_profile(self, entity_id: str, profile: Body) -> Body:
        _check("profile", profile)
        table = self.get("tables", entity_id)
        known = {path for path, _ in flatten(table["columns"])}
        for column in profile.get("columnProfile") or ():
            if join_fqn(column["name"]) not in known:
                raise bad(f"Invalid column name {column['name']}")
        self._profiles[entity_id] = profile
        return table | {"profile": profile["tableProfile"]}

    def latest_profile(self, fqn: str) -> Body:
        table = self.get_by_name("tables", fqn)
        profile = self._profiles.get(table["id"], {})
        by_name = {column["name"]: column for column in profile.get("columnProfile") or ()}
        columns = [c | ({"profile": by_name[c["name"]]} if c["name"] in by_name else {}) for c in table["columns"]]
        return table | {"columns": columns} | ({"profile": profile["tableProfile"]} if profile else {})

    def add_lineage(self, body: Body) -> None:
        _check("lineage", body)
        for end in ("fromEntity", "toEntity"):
            reference = body["edge"][end]
            collection = next(name for name, kind in COLLECTIONS.items() if kind.entity == reference["type"])
            self.get(collection, reference["id"])
        edge = body["edge"]
        self.lineage = [e for e in self.lineage if (e["fromEntity"], e["toEntity"]) != (edge["fromEntity"], edge["toEntity"])] + [edge]

    def _build(self, collection: str, kind: Kind, body: Body) -> Body:
        """A request as an entity without id, version and history."""
        if '"' in body["name"]:
            raise bad(f"Invalid name {body['name']}")
        entity = copy.deepcopy(body)
        parents: list[str] = []
        if kind.parent is not None:
            field, parents_collection = kind.parent
            parent = self._find(parents_collection, body.get(field) or "")
            if parent is None or parent["deleted"]:
                raise RefusedError(404, f"{COLLECTIONS[parents_collection].entity} instance for {body.get(field)} not found")
            entity |= self._references(kind, field, parent)
            parents = [parent["fullyQualifiedName"]]
        name = body["name"]
        entity["fullyQualifiedName"] = ".".join([*parents, join_fqn(name)])
        self._check_entity(collection, entity)
        return entity

    def _references(self, kind: Kind, field: str, parent: Body) -> Body:
        references = {field: _reference(parent, COLLECTIONS[kind.parent[1]].entity if kind.parent else "")}
        for above in ("database", "service"):
            if above in parent and above != field and isinstance(parent[above], dict):
                references[above] = parent[above]
        if "serviceType" in parent:
            references["serviceType"] = parent["serviceType"]
        return references

    def _check_entity(self, collection: str, entity: Body) -> None:
        check_exclusive(entity.get("tags") or ())
        holders = [entity]
        if collection == "tables":
            check_table(entity, registered=self.registered)
            if any(len(f"{entity['fullyQualifiedName']}.{path}") > MAX_FQN for path, _ in flatten(entity["columns"])):
                raise bad(f"A qualified name has more than {MAX_FQN} characters")
            holders += [column for _, column in flatten(entity["columns"])]
        for tag in (tag for holder in holders for tag in holder.get("tags") or ()):
            if self._find("tags", tag["tagFQN"]) is None:
                raise RefusedError(404, f"tag instance for {tag['tagFQN']} not found")
        for owner in entity.get("owners") or ():
            known = self.get("teams" if owner["type"] == "team" else "users", str(owner["id"]))
            owner |= {"name": known["name"], "fullyQualifiedName": known["fullyQualifiedName"]}

    def _keep(self, collection: str, entity: Body, actor: Actor) -> Body:
        kept = entity | {"updatedAt": time.time_ns() // 1_000_000, "updatedBy": actor.name}
        if collection == "tables":
            kept["columns"] = [_finish_column(column, kept["fullyQualifiedName"]) for column in kept["columns"]]
            validate("table entity", kept)
        self._by_id[kept["id"]] = (collection, kept)
        self._ids[collection, kept["fullyQualifiedName"]] = kept["id"]
        return kept

    def _find(self, collection: str, fqn: str) -> Body | None:
        entity_id = self._ids.get((collection, fqn))
        return None if entity_id is None else self._by_id[entity_id][1]

    def _parent_id(self, collection: str, entity: Body) -> str | None:
        parent = COLLECTIONS[collection].parent
        return entity[parent[0]]["id"] if parent else None


def _check(model: str, body: Any) -> None:
    try:
        validate(model, body)
    except InvalidBodyError as error:
        raise bad(str(error)) from error


def _reference(entity: Body, kind: str) -> Body:
    return {key: entity[key] for key in ("id", "name", "fullyQualifiedName")} | {"type": kind}


def _merge(old: Body, fresh: Body, *, keep: bool) -> Body:
    """What a PUT makes of an entity: tags unite, and a bot keeps what is already said."""
    merged = {**{key: old[key] for key in ("id", "version")}, **fresh, "deleted": False}
    for key in _KEPT_FROM_BOTS:
        if keep and old.get(key):
            merged[key] = old[key]
    merged |= _united_tags(old, fresh)
    if "columns" in fresh:
        before = dict(flatten(old["columns"]))
        merged["columns"] = [_merge_column(c, join_fqn(c["name"]), before, keep=keep) for c in fresh["columns"]]
    return merged


def _merge_column(column: Body, path: str, before: dict[str, Body], *, keep: bool) -> Body:
    old = before.get(path, {})
    merged = dict(column)
    for key in ("description", "displayName"):
        if keep and old.get(key):
            merged[key] = old[key]
    merged |= _united_tags(old, column)
    if column.get("children"):
        merged["children"] = [_merge_column(c, f"{path}.{join_fqn(c['name'])}", before, keep=keep) for c in column["children"]]
    return merged


def _united_tags(old: Body, fresh: Body) -> Body:
    known = {tag["tagFQN"]: tag for tag in (*(old.get("tags") or ()), *(fresh.get("tags") or ()))}
    check_exclusive(known.values())
    return {"tags": list(known.values())} if known else {}


def _finish_column(column: Body, above: str) -> Body:
    fqn = f"{above}.{join_fqn(column['name'])}"
    finished = column | {"fullyQualifiedName": fqn}
    if column.get("dataTypeDisplay"):
        finished["dataTypeDisplay"] = column["dataTypeDisplay"].lower()
    if column.get("children"):
        finished["children"] = [_finish_column(child, fqn) for child in column["children"]]
    return finished


def _without_tags(column: Body) -> Body:
    bare = {key: value for key, value in column.items() if key != "tags"}
    return bare | ({"children": [_without_tags(child) for child in column["children"]]} if column.get("children") else {})


def _bare(entity: Body) -> Body:
    def strip(columns: list[Body]) -> Iterator[Body]:
        for column in sorted(columns, key=lambda c: str(c["name"])):
            bare = {k: v for k, v in column.items() if k not in ("fullyQualifiedName", "ordinalPosition", "tags")}
            yield bare | ({"children": list(strip(column["children"]))} if column.get("children") else {})

    bare = {k: v for k, v in entity.items() if k not in ("updatedAt", "updatedBy", "columns", "tags") and v not in (None, [])}
    return bare | {"columns": list(strip(entity.get("columns") or []))}
