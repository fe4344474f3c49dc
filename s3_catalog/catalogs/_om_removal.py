"""Deleting a service for good, from the inside out: schemas, databases, the service itself, and the paths that lineage drew.

Only what is empty is deleted, and the server is asked not to delete anything within: what others put there in the meantime keeps its place.
"""

from __future__ import annotations

from collections.abc import Sequence

from s3_catalog.catalogs._om_client import Client
from s3_catalog.catalogs._om_columns import Body
from s3_catalog.catalogs._om_lineage import is_path_container
from s3_catalog.catalogs._om_names import join_fqn, quote_path
from s3_catalog.catalogs._om_url import Settings
from s3_catalog.errors import CatalogError

_NAMED = 3


class ServiceRemover:
    """Deletes what is empty of one service. `deleted` are qualified names, the innermost first."""

    def __init__(self, client: Client, settings: Settings) -> None:
        self._client, self._settings = client, settings
        self._fqn = join_fqn((settings.service,))
        self.deleted: list[str] = []

    def remove(self) -> str | None:
        """Delete; returns why something is left, or None.

        Raises:
            CatalogError: the service cannot be read; nothing was deleted.
        """
        service = self._find("databaseServices")
        if service is None:
            return None
        databases = self._list("databases", service=self._fqn)
        names = [database["fullyQualifiedName"] for database in databases]
        schemas = [("databaseSchemas", schema) for name in names for schema in self._list("databaseSchemas", database=name)]
        tables = [table for name in names for table in self._list("tables", database=name)]
        holders = {table[above]["id"] for table in tables for above in ("databaseSchema", "database", "service")}
        places = [*schemas, *(("databases", database) for database in databases), ("services/databaseServices", service)]
        try:
            for collection, place in places:
                if place["id"] not in holders:
                    self._delete(collection, place)
            if service["id"] not in holders:
                self._remove_paths()
        except CatalogError as error:
            return str(error)
        left = [table["fullyQualifiedName"] for table in tables]
        return f"tables are in it: {name_some(left)}" if left else None

    def _remove_paths(self) -> None:
        """Delete the storage service of this name, if all of its containers are paths that lineage drew."""
        service = self._find("storageServices")
        if service is not None and all(is_path_container(container) for container in self._list("containers", service=self._fqn)):
            self._delete("services/storageServices", service, within=True)

    def _find(self, kind: str) -> Body | None:
        return self._client.find(f"/services/{kind}/name/{quote_path(self._fqn)}", include="all")

    def _list(self, collection: str, **query: str) -> Sequence[Body]:
        return list(self._client.pages(f"/{collection}", limit=self._settings.page, include="all", **query))

    def _delete(self, collection: str, place: Body, *, within: bool = False) -> None:
        if self._client.delete(f"/{collection}/{place['id']}", recursive="true" if within else "false", hardDelete="true"):
            self.deleted.append(place["fullyQualifiedName"])


def name_some(names: Sequence[str]) -> str:
    """The first names, and how many more there are.

    >>> name_some(["a", "b", "c", "d"])
    'a, b, c and 1 more'
    """
    more = len(names) - _NAMED
    return ", ".join(names[:_NAMED]) + (f" and {more} more" if more > 0 else "")
