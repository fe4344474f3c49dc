"""Where a table comes from: its path, as a container of a storage service, and the table it is a copy of in another format.

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


def describe_sources(table: Table, copies: Mapping[str, str]) -> str:
    """The sources of a table as a plan shows them: its location, then identities of tables."""
    source = copies.get(table.layout.identity)
    return json.dumps([table.layout.uri, *([source] if source else [])], ensure_ascii=False)


class LineageWriter:
    """Makes containers and edges.

    Args:
        ids: ids of published tables by identity, of all that a source can be.
    """

    def __init__(self, client: Client, settings: Settings, places: Places, ids: Mapping[str, str]) -> None:
        self._client, self._settings, self._places, self._ids = client, settings, places, ids
        self._containers: dict[str, str] = {}

    def prepare(self, tables: Iterable[Table]) -> None:
        """Make the storage service and a container for the path of each table.

        Raises:
            CatalogError: the server refuses one.
        """
        locations = list(dict.fromkeys((table.layout.store_url, table.layout.location) for table in tables))
        service = join_fqn((self._settings.service,))
        if self._client.find(f"/services/storageServices/name/{quote_path(service)}") is None:
            scheme = locations[0][0].partition("://")[0]
            body = {"name": self._settings.service, "serviceType": _SERVICE_TYPES.get(scheme, "CustomStorage")}
            self._client.put("/services/storageServices", body)
        there = self._read_containers(service)
        missing = [_container(store, key, service) for store, key in locations if store + key not in there]
        for start in range(0, len(missing), self._settings.batch):
            batch = missing[start : start + self._settings.batch]
            if not self._places.put_all("/containers", batch):
                for body in batch:
                    self._client.put("/containers", body)
        self._containers = self._read_containers(service) if missing else there

    def write(self, table: Table, sources: str) -> None:
        """Draw the edges to one table.

        Raises:
            CatalogError: the server refuses one.
        """
        target = {"id": self._ids[table.layout.identity], "type": "table"}
        uri, *tables = json.loads(sources)
        ends: list[Body] = [{"id": self._containers[uri], "type": "container"}] if uri in self._containers else []
        ends += [{"id": self._ids[identity], "type": "table"} for identity in tables if identity in self._ids]
        for end in ends:
            self._client.put("/lineage", {"edge": {"fromEntity": end, "toEntity": target}})

    def _read_containers(self, service: str) -> dict[str, str]:
        found = self._client.pages("/containers", limit=self._settings.page, service=service)
        return {container["fullPath"]: container["id"] for container in found if container.get("fullPath")}


def _container(store_url: str, key: str, service: str) -> Body:
    return {"name": _container_name(store_url + key), "service": service, "fullPath": store_url + key, "prefix": f"/{key}"}


def _container_name(uri: str) -> str:
    return shorten_name(encode_name(uri.partition("://")[2]))


def is_path_container(entity: Body) -> bool:
    """Whether a container is one of ours: its name is the one that we make for its path."""
    path: str = entity.get("fullPath") or ""
    return "://" in path and entity["name"] == _container_name(path)
