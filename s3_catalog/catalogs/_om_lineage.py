"""Where a table comes from: its path, as a container of a storage service; the table it is a copy of in another format; and what the log
of a Delta or Iceberg table says that it was made from: a table, or a path where none is published.

In: tables. Out: for each the sources that OpenMetadata should show, and the calls that make them. Edges are added, never taken away: a
person may have drawn them too.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence

from s3_catalog.catalogs._om_client import Client
from s3_catalog.catalogs._om_columns import Body
from s3_catalog.catalogs._om_names import encode_name, join_fqn, quote_path, shorten_name
from s3_catalog.catalogs._om_places import Places
from s3_catalog.catalogs._om_url import Settings
from s3_catalog.model.origins import read_origins
from s3_catalog.model.tables import Table

_TEXT = frozenset(("csv", "tsv", "json", "jsonl", "xml", "text"))
_COLUMNAR = frozenset(("parquet", "orc", "avro", "delta", "iceberg", "hudi"))
_MIN_COLUMNS = 3
_SERVICE_TYPES = {"s3": "S3", "gs": "GCS", "az": "ADLS"}


def find_copies(tables: Sequence[Table]) -> dict[str, str]:
    """Find tables that are another one in a columnar format: identity -> identity of the text they were made from.

    The rule: the same column names (at least three, partition columns too), and row counts that agree, as well as an estimate tells. Of
    several such texts none is named.
    """
    by_columns: dict[tuple[str, ...], list[Table]] = {}
    for table in tables:
        names = sorted({c.name.lower() for c in table.columns} | {c.name.lower() for c in table.layout.partition_columns})
        if len(names) >= _MIN_COLUMNS:
            by_columns.setdefault(tuple(names), []).append(table)
    copies = {}
    for alike in by_columns.values():
        texts = [table for table in alike if table.format in _TEXT]
        for table in alike if texts else ():
            sources = [text for text in texts if table.format in _COLUMNAR and _rows_agree(text, table)]
            if len(sources) == 1:
                copies[table.layout.identity] = sources[0].layout.identity
    return copies


def _rows_agree(text: Table, copy: Table) -> bool:
    if not copy.row_count:
        return False
    if text.row_count is not None:
        return text.row_count == copy.row_count
    return text.row_estimate is not None and text.row_estimate.low <= copy.row_count <= text.row_estimate.high


def find_sources(tables: Sequence[Table]) -> dict[str, list[str]]:
    """Find what tables were made from: identity -> identities of tables, and URLs of paths that belong to none."""
    at = {table.layout.uri: table.layout.identity for table in reversed(tables)}
    sources: dict[str, list[str]] = {}
    for table in tables:
        identity = table.layout.identity
        origins = [_holder(url, at) or url for url in read_origins(dict(table.details))]
        sources[identity] = [origin for origin in dict.fromkeys(origins) if origin != identity]
    for copy, source in find_copies(tables).items():
        if source not in sources[copy]:
            sources[copy].append(source)
    return sources


def _holder(url: str, at: Mapping[str, str]) -> str | None:
    """The table whose location is a folder or the nearest one above it."""
    bucket = url.find("/", url.find("://") + 3) + 1
    while len(url) > bucket:
        if url in at:
            return at[url]
        url = url.rstrip("/").rpartition("/")[0] + "/"
    return None


def describe_sources(table: Table, sources: Mapping[str, Sequence[str]]) -> str:
    """The sources of a table as a plan shows them: its location, then identities of tables and URLs of paths."""
    return json.dumps([table.layout.uri, *sources.get(table.layout.identity, ())], ensure_ascii=False)


def _is_path(source: str) -> bool:
    """Whether a source is a URL and no identity, which has the format before it."""
    scheme, separator, _ = source.partition("://")
    return bool(separator) and ":" not in scheme


class LineageWriter:
    """Makes containers and edges.

    Args:
        ids: ids of published tables by identity, of all that a source can be.
    """

    def __init__(self, client: Client, settings: Settings, places: Places, ids: Mapping[str, str]) -> None:
        self._client, self._settings, self._places, self._ids = client, settings, places, ids
        self._containers: dict[str, str] = {}

    def prepare(self, described: Iterable[str]) -> None:
        """Make the storage service, and a container for each path among these sources (`describe_sources`).

        Raises:
            CatalogError: the server refuses one.
        """
        paths = dict.fromkeys(source for text in described for source in json.loads(text) if _is_path(source))
        service = join_fqn((self._settings.service,))
        if self._client.find(f"/services/storageServices/name/{quote_path(service)}") is None:
            scheme = next(iter(paths)).partition("://")[0]
            body = {"name": self._settings.service, "serviceType": _SERVICE_TYPES.get(scheme, "CustomStorage")}
            self._client.put("/services/storageServices", body)
        there = self._read_containers(service)
        missing = [_container(path, service) for path in paths if path not in there]
        self._places.make_all("/containers", missing)
        self._containers = self._read_containers(service) if missing else there

    def write(self, table: Table, described: str) -> None:
        """Draw the edges to one table.

        Raises:
            CatalogError: the server refuses one.
        """
        target = {"id": self._ids[table.layout.identity], "type": "table"}
        for source in json.loads(described):
            known = self._containers if _is_path(source) else self._ids
            if source in known:
                end = {"id": known[source], "type": "container" if _is_path(source) else "table"}
                self._client.put("/lineage", {"edge": {"fromEntity": end, "toEntity": target}})

    def _read_containers(self, service: str) -> dict[str, str]:
        found = self._client.pages("/containers", limit=self._settings.page, service=service)
        return {container["fullPath"]: container["id"] for container in found if container.get("fullPath")}


def _container(uri: str, service: str) -> Body:
    key = uri.partition("://")[2].partition("/")[2]
    return {"name": _container_name(uri), "service": service, "fullPath": uri, "prefix": f"/{key}"}


def _container_name(uri: str) -> str:
    return shorten_name(encode_name(uri.partition("://")[2]))


def is_path_container(entity: Body) -> bool:
    """Whether a container is one of ours: its name is the one that we make for its path."""
    path: str = entity.get("fullPath") or ""
    return "://" in path and entity["name"] == _container_name(path)
