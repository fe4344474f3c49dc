"""What must be there before a table can be: service, database, schemas, classifications, tags. Made when missing, else left as they are."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from s3_catalog.catalogs._om_client import ApiError, Client, NoSuchCallError
from s3_catalog.catalogs._om_columns import Body
from s3_catalog.catalogs._om_entities import Wanted
from s3_catalog.catalogs._om_merge import classification_of
from s3_catalog.catalogs._om_names import join_fqn, quote_path
from s3_catalog.catalogs._om_url import Settings
from s3_catalog.errors import CatalogError

_MADE = "Made by s3-catalog."
_NO_BULK = (404, 405)


class Places:
    """Makes what is missing. `bulk` is whether the server has bulk calls, found out with the first one."""

    def __init__(self, client: Client, settings: Settings) -> None:
        self._client, self._settings = client, settings
        self.bulk = True

    def make_places(self, wanted: Sequence[Wanted], stores: dict[str, str]) -> None:
        """Make what holds these tables.

        Args:
            stores: URL of the store by database.

        Raises:
            CatalogError: the token may not make one of them.
        """
        service = join_fqn((self._settings.service,))
        self._make_one("/services/databaseServices", service, {"name": self._settings.service, "serviceType": self._settings.service_type})
        for database in dict.fromkeys(one.database for one in wanted):
            fqn = join_fqn((self._settings.service, database))
            self._make_one("/databases", fqn, {"name": database, "service": service, "sourceUrl": stores[database]})
            self._make_schemas(fqn, dict.fromkeys(one.schema for one in wanted if one.database == database))

    def put_all(self, collection: str, bodies: Sequence[Body]) -> bool:
        """Create or update many at once where the server can; False where it cannot, and nothing was sent.

        The answer says how many rows failed; who must know which ones reads them again.
        """
        if not self.bulk or len(bodies) < 2:
            return False
        try:
            self._client.put(f"{collection}/bulk", bodies, **{"async": "false", "overrideMetadata": "false"})
        except NoSuchCallError:
            self.bulk = False
        except ApiError as error:
            if error.status not in _NO_BULK:
                raise
            self.bulk = False
        return self.bulk

    def _make_one(self, collection: str, fqn: str, body: Body) -> None:
        found = self._client.find(f"{collection}/name/{quote_path(fqn)}", include="all")
        if found is None or found.get("deleted"):
            self._put(collection, body)

    def _put(self, collection: str, body: Body) -> None:
        try:
            self._client.put(collection, body)
        except ApiError as error:
            raise CatalogError(f"{collection.rpartition('/')[2]} {body['name']!r} cannot be made: {error}") from error

    def _make_schemas(self, database: str, names: Iterable[str]) -> None:
        found = self._client.pages("/databaseSchemas", limit=self._settings.page, database=database, include="all")
        there = {schema["name"] for schema in found if not schema.get("deleted")}
        bodies = [{"name": name, "database": database} for name in names if name not in there]
        for start in range(0, len(bodies), self._settings.batch):
            batch = bodies[start : start + self._settings.batch]
            if not self.put_all("/databaseSchemas", batch):
                for body in batch:
                    self._put("/databaseSchemas", body)

    def make_tags(self, tags: Sequence[str]) -> None:
        """Make the tags that are missing, with their classifications."""
        if not tags:
            return
        there = {tag["fullyQualifiedName"] for tag in self._client.pages("/tags", limit=1000)}
        missing = [(tag, *classification_of(tag)) for tag in tags if tag not in there]
        for classification in dict.fromkeys(classification for _, classification, _ in missing):
            self._make_one("/classifications", join_fqn((classification,)), {"name": classification, "description": _MADE})
        for _, classification, name in missing:
            self._put("/tags", {"name": name, "classification": join_fqn((classification,)), "description": _MADE})
