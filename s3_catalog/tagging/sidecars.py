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
from itertools import islice
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
_MAX_GLOBS = 1000
"""Entries and names with wildcards that are looked at in one document."""
_MAX_PATH = 1024
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


class _Document:
    """A sidecar's content, with the entries of an OpenMetadata manifest by the place that they speak of."""

    def __init__(self, content: Mapping[str, Any]) -> None:
        self.content = content
        self._places: dict[str, list[Mapping[str, Any]]] = {}
        self._globs: list[tuple[str, Mapping[str, Any]]] = []
        entries = content.get("entries")
        for entry in entries if isinstance(entries, list) else ():
            path = _entry_path(entry)
            if path is None:
                continue
            if "*" not in path:
                self._places.setdefault(path, []).append(entry)
            elif len(self._globs) < _MAX_GLOBS:
                self._globs.append((path, entry))

    def entries(self, layout: TableLayout, folder: str) -> list[Mapping[str, Any]]:
        """Those whose `dataPath` is a table's place below the bucket or below the folder of the manifest."""
        places = {_below(layout, ""), _below(layout, folder)}
        exact = [entry for place in sorted(places) for entry in self._places.get(place, ())]
        return exact + [entry for path, entry in self._globs if any(_matches_by_segment(place, path) for place in places)]


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
        self._documents: dict[str, _Document | str] = {}

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
            found += self._annotations(listed, table, columns)
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

    def _annotations(self, listed: _Listed, table: Table, columns: Sequence[str]) -> Iterator[Annotation]:
        """What a folder's sidecar says of a table, the closest first."""
        name = listed.key.rpartition("/")[2]
        document = self._document(listed)
        if isinstance(document, str):
            yield Annotation(warnings=(f"{name}: {document}",))
            return
        layout, content = table.layout, document.content
        close = [*_named_parts(content, table), *document.entries(layout, _folder(layout))]
        yield from (read_annotation(part, name, columns, strict=name in OURS) for part in close)
        of_all = {key: value for key, value in content.items() if key not in ("description", "columns")}
        is_shared = not self._is_alone(layout) and (_below(layout, _folder(layout)) or MEMBER_MARK in layout.location)
        yield read_annotation(of_all if is_shared else content, name, columns, strict=name in OURS)
        if is_shared and not close and len(of_all) < len(content):
            reason = "its folder holds several tables, so its description and columns are of none: write them below tables, by file name"
            yield Annotation(warnings=(f"{name}: {reason}",))

    def _is_alone(self, layout: TableLayout) -> bool:
        return MEMBER_MARK not in layout.location and self._tables_of.get(_folder(layout), 0) <= 1

    def _entries_at_top(self, layout: TableLayout) -> list[Mapping[str, Any]]:
        """The entries of the manifest at the top that speak of a table in a folder below it."""
        listed = self._listed.get(self._base + MANIFEST)
        if listed is None or (_folder(layout) == self._base and listed.size is not None):
            return []
        document = self._document(listed)
        return [] if isinstance(document, str) else document.entries(layout, self._base)

    def _document(self, listed: _Listed) -> _Document | str:
        """A sidecar's content, or why it has none."""
        with self._locks[listed.key]:
            if listed.key not in self._documents:
                try:
                    self._documents[listed.key] = _Document(_read_document(self._store, listed))
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


def _named_parts(content: Mapping[str, Any], table: Table) -> Iterator[Mapping[str, Any]]:
    """What stands below `tables` under a glob over a table's name or its file's name."""
    named = content.get("tables")
    places = (table.name, _below(table.layout, _folder(table.layout)))
    for pattern, said in islice(named.items(), _MAX_GLOBS) if isinstance(named, dict) else ():
        text = str(pattern)
        if isinstance(said, dict) and len(text) <= _MAX_PATH and any(fnmatchcase(place, text) for place in places):
            yield said


def _entry_path(entry: object) -> str | None:
    """Where the tables of an entry are: its `dataPath`, and as many folders below it as its `depth` says."""
    path = entry.get("dataPath") if isinstance(entry, dict) else None
    if not isinstance(entry, dict) or not isinstance(path, str) or len(path) > _MAX_PATH:
        return None
    depth = entry.get("depth")
    levels = depth if isinstance(depth, int) and 0 < depth <= _MAX_DEPTH else 0
    return path.strip("/").removeprefix("./").removeprefix(".") + "/*" * levels


def _matches_by_segment(place: str, path: str) -> bool:
    return place.count("/") == path.count("/") and fnmatchcase(place, path)
