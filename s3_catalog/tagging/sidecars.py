"""Sidecars: `_catalog.yaml` and `openmetadata.json` in a table's folder, and the entries of the manifest at the top of a location.

In: the listed objects that grouping set aside as sidecars (no request finds them), and the store. Out: per table a digest that changes
with what its sidecars say, and an `Annotation`. A sidecar that cannot be read is a warning of its table.
"""

from __future__ import annotations

import hashlib
import json
import threading
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import yaml

from s3_catalog.errors import StoreError
from s3_catalog.model.ledger import SkipReason
from s3_catalog.model.tables import MEMBER_MARK, Table, TableLayout
from s3_catalog.storage import ObjectStore
from s3_catalog.tagging.annotations import Annotation, join_annotations, read_annotation

OURS = ("_catalog.yaml", "_catalog.yml")
MANIFEST = "openmetadata.json"
MAX_BYTES = 1024 * 1024
_MAX_DEPTH = 20
# the same loader in C where PyYAML was built with it: a megabyte in a fraction of a second
_SAFE_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class _UnreadableSidecarError(Exception):
    """Why a sidecar says nothing; the text holds none of it."""


@dataclass(frozen=True, slots=True)
class _Listed:
    key: str
    size: int | None
    etag: str | None
    digest: str


class Sidecars:
    """The sidecars of one listing. Safe to use from many threads; each is read once, and only when it is asked for."""

    def __init__(self, store: ObjectStore, objects: pa.Table, layouts: Sequence[TableLayout], *, look_at_top: bool = False) -> None:
        """
        Args:
            objects: all listed objects with the reason why they were `skipped`.
            layouts: of all tables, to tell which folder holds several.
            look_at_top: look for the manifest at the top although it is not listed (a run over one scope does not list the top).
        """
        self._store, self._base = store, store.location.prefix
        self._listed = _listed_sidecars(objects)
        if look_at_top:
            top = self._base + MANIFEST
            self._listed.setdefault(top, _Listed(top, None, None, ""))
        self._tables_of: dict[str, int] = {}
        for layout in layouts:
            self._tables_of[_folder(layout)] = self._tables_of.get(_folder(layout), 0) + 1
        self._locks = {key: threading.Lock() for key in self._listed}
        self._documents: dict[str, Mapping[str, Any] | str] = {}

    def digest(self, layout: TableLayout) -> str:
        """Changes when the sidecars of a table may say something else; "" where there are none."""
        own = [listed.digest for listed in self._own(layout)]
        entries = self._entries_at_top(layout)
        if not own and not entries:
            return ""
        place = (layout.name, self._is_alone(layout))
        return hashlib.sha256(json.dumps([own, entries, place], default=str).encode()).hexdigest()[:16]

    def read(self, table: Table) -> Annotation:
        """What the sidecars of a table say of it; ours goes before `openmetadata.json`, both before the manifest at the top."""
        columns = [*(column.name for column in table.columns), *(column.name for column in table.layout.partition_columns)]
        found: list[Annotation] = []
        for listed in self._own(table.layout):
            name = listed.key.rpartition("/")[2]
            document = self._document(listed)
            if isinstance(document, str):
                found.append(Annotation(warnings=(f"{name}: {document}",)))
                continue
            found += [read_annotation(part, name, columns, strict=name in OURS) for part in self._parts(document, table)]
        found += [read_annotation(entry, MANIFEST, columns, strict=False) for entry in self._entries_at_top(table.layout)]
        return join_annotations(found)

    def unused(self, layouts: Sequence[TableLayout]) -> list[str]:
        """Keys of sidecars that stand in no table's folder; a manifest at the top has a use of its own."""
        folders = {_folder(layout) for layout in layouts}
        return [key for key in self._listed if key.rpartition("/")[0] + "/" * ("/" in key) not in folders and key != self._base + MANIFEST]

    def _own(self, layout: TableLayout) -> list[_Listed]:
        folder = _folder(layout)
        found = [self._listed[folder + name] for name in (*OURS, MANIFEST) if folder + name in self._listed]
        # the top's manifest that is only looked for is no sidecar of a table until it is seen to be there
        return [listed for listed in found if listed.size is not None]

    def _parts(self, document: Mapping[str, Any], table: Table) -> Iterator[Mapping[str, Any]]:
        """The parts of a folder's document that speak of a table, the closest first."""
        layout = table.layout
        below = _below(layout, _folder(layout))
        named = document.get("tables")
        for pattern, said in named.items() if isinstance(named, dict) else ():
            if isinstance(said, dict) and (fnmatchcase(below, str(pattern)) or fnmatchcase(table.name, str(pattern))):
                yield said
        yield from _matching_entries(document, layout, _folder(layout))
        if not below or self._is_alone(layout):
            yield document
        else:  # of a folder with several tables only what can hold for all of them
            yield {key: value for key, value in document.items() if key not in ("description", "columns")}

    def _is_alone(self, layout: TableLayout) -> bool:
        return MEMBER_MARK not in layout.location and self._tables_of.get(_folder(layout), 0) <= 1

    def _entries_at_top(self, layout: TableLayout) -> list[Mapping[str, Any]]:
        """The entries of the manifest at the top that speak of a table in a folder below it."""
        listed = self._listed.get(self._base + MANIFEST)
        if listed is None or (_folder(layout) == self._base and listed.size is not None):
            return []
        document = self._document(listed)
        return [] if isinstance(document, str) else list(_matching_entries(document, layout, self._base))

    def _document(self, listed: _Listed) -> Mapping[str, Any] | str:
        """A sidecar's content, or why it has none."""
        with self._locks[listed.key]:
            if listed.key not in self._documents:
                try:
                    self._documents[listed.key] = _read_document(self._store, listed)
                except _UnreadableSidecarError as error:
                    self._documents[listed.key] = str(error)
            return self._documents[listed.key]


def _listed_sidecars(objects: pa.Table) -> dict[str, _Listed]:
    rows = objects.filter(pc.equal(objects.column("skipped"), SkipReason.SIDECAR)).select(["key", "size", "last_modified", "etag"])
    found = {}
    for row in rows.to_pylist():
        digest = f"{row['key']}\0{row['size']}\0{row['etag'] or row['last_modified']}"
        found[row["key"]] = _Listed(row["key"], row["size"], row["etag"], digest)
    return found


def _read_document(store: ObjectStore, listed: _Listed) -> Mapping[str, Any]:
    if (listed.size or 0) > MAX_BYTES:
        raise _UnreadableSidecarError(f"not read: it is larger than {MAX_BYTES >> 20} MiB")
    try:
        data = store.read_range(listed.key, 0, MAX_BYTES + 1, etag=listed.etag)
    except StoreError as error:
        raise _UnreadableSidecarError(f"not read: {error.reason}") from error
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise _UnreadableSidecarError("not understood: it is no UTF-8 text") from error
    document = _load_json(text) if listed.key.endswith(".json") else _load_yaml(text)
    if document is None:
        return {}
    if not isinstance(document, dict):
        raise _UnreadableSidecarError("not understood: it should hold keys like description, owners, tags, columns")
    return document


def _load_json(text: str) -> object:
    try:
        return json.loads(text) if text.strip() else None
    except (ValueError, RecursionError) as error:
        raise _UnreadableSidecarError("not understood: it is not JSON") from error


def _load_yaml(text: str) -> object:
    """Load plain YAML: an alias could stand for more than memory holds, and nesting for more than the stack does."""
    depth = 0
    try:
        for event in yaml.parse(text, Loader=_SAFE_LOADER):
            depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
            if isinstance(event, yaml.AliasEvent):
                raise _UnreadableSidecarError("not understood: YAML aliases are not supported, write the value out")
            if depth > _MAX_DEPTH:
                raise _UnreadableSidecarError("not understood: it is nested too deeply")
        return yaml.load(text, Loader=_SAFE_LOADER)  # noqa: S506  safe either way
    except (yaml.YAMLError, ValueError) as error:  # ValueError: a date or number that is none
        mark = getattr(error, "problem_mark", None)
        where = f" (line {mark.line + 1})" if mark is not None else ""
        raise _UnreadableSidecarError(f"not understood: it is not YAML{where}") from error


def _folder(layout: TableLayout) -> str:
    """The folder that a table is, or lies in: "" or ending in `/`.

    >>> from s3_catalog.model.tables import Evidence
    >>> e = Evidence(rule="", reason="", runner_up="")
    >>> def at(location): return TableLayout(
    ...     name="t", store_url="s3://b/", location=location, format="csv", object_count=1, size_bytes=1, newest=None, evidence=e)
    >>> [_folder(at(location)) for location in ("a/b/", "a/b.csv", "daily/invoices_*", "2024/**/orders/", "a/b.xlsx#Sheet/1")]
    ['a/b/', 'a/', 'daily/', '2024/', 'a/']
    """
    literal = (layout.location.rpartition(MEMBER_MARK)[0] or layout.location).partition("*")[0]
    return literal[: literal.rfind("/") + 1]


def _below(layout: TableLayout, folder: str) -> str:
    """A table's place below a folder, without the slash at its end; "" for the folder itself."""
    return (layout.location.rpartition(MEMBER_MARK)[0] or layout.location).removeprefix(folder).rstrip("/")


def _matching_entries(document: Mapping[str, Any], layout: TableLayout, folder: str) -> Iterator[Mapping[str, Any]]:
    """The entries of an OpenMetadata manifest that speak of a table.

    Their `dataPath` is its place below the bucket or below the manifest's folder; with a `depth` it is a folder so many levels above it.
    """
    entries = document.get("entries")
    places = {_below(layout, ""), _below(layout, folder)}
    for entry in entries if isinstance(entries, list) else ():
        path = entry.get("dataPath") if isinstance(entry, dict) else None
        if isinstance(path, str):
            depth = entry.get("depth")
            levels = "/*" * depth if isinstance(depth, int) and 0 < depth <= _MAX_DEPTH else ""
            wanted = path.strip("/").removeprefix(".").lstrip("/") + levels
            if any(place.count("/") == wanted.count("/") and fnmatchcase(place, wanted) for place in places):
                yield entry
