"""What must be there before a table can be: service, database, schemas, classifications, tags. Made when missing, else left as they are."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Sequence

from s3_catalog.catalogs._om_client import ApiError, Client, NoSuchCallError
from s3_catalog.catalogs._om_columns import Body
from s3_catalog.catalogs._om_entities import Wanted
from s3_catalog.catalogs._om_names import join_fqn, quote_path
from s3_catalog.catalogs._om_tags import classification_of
from s3_catalog.catalogs._om_url import Settings
from s3_catalog.errors import CatalogError

logger = logging.getLogger(__name__)

_MADE = "Made by s3-catalog."
_NO_BULK = (404, 405)
_CORE = ("/tables", "/databaseSchemas")
_BAD = 400


class RefusedBodyError(CatalogError):
    """The server takes such things, but not this one (400)."""


class Places:
    """Makes what is missing. Whether the server has bulk calls is found out with the first one: for tables and schemas it has both or none,
    for all else the answer is of that collection alone.
    """

    def __init__(self, client: Client, settings: Settings) -> None:
        self._client, self._settings = client, settings
        self._without_bulk: set[str] = set()

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

    def put_all(self, collection: str, bodies: Sequence[Body]) -> int | None:
        """Create or update many at once; returns how many rows failed, None where the server cannot or refuses: they are to be sent singly.

        Who must know which rows failed reads them again.
        """
        kind = "tables" if collection in _CORE else collection
        if kind in self._without_bulk or len(bodies) < 2:
            return None
        try:
            answer = self._client.put(f"{collection}/bulk", bodies, **{"async": "false", "overrideMetadata": "false"})
        except ApiError as error:  # one row can make the server refuse all of them: single calls say which
            logger.info("a bulk call was refused collection=%s rows=%d error=%s", collection, len(bodies), error)
            if isinstance(error, NoSuchCallError) or error.status in _NO_BULK:
                self._without_bulk.add(kind)
            return None
        return int(answer.get("numberOfRowsFailed") or 0)

    def make_all(self, collection: str, bodies: Sequence[Body]) -> None:
        """Make these in batches; one by one where a row failed, so that the error is that of the one that is refused.

        Raises:
            CatalogError: one is refused.
        """
        for start in range(0, len(bodies), self._settings.batch):
            batch = bodies[start : start + self._settings.batch]
            if self.put_all(collection, batch) != 0:
                for body in batch:
                    self._put(collection, body)

    def _make_one(self, collection: str, fqn: str, body: Body) -> None:
        found = self._client.find(f"{collection}/name/{quote_path(fqn)}", include="all")
        if found is None or found.get("deleted"):
            self._put(collection, body)

    def _put(self, collection: str, body: Body) -> None:
        try:
            self._client.put(collection, body)
        except ApiError as error:
            kind = RefusedBodyError if error.status == _BAD else CatalogError
            raise kind(f"{collection.rpartition('/')[2]} {body['name']!r} cannot be made: {error}") from error

    def _make_schemas(self, database: str, names: Iterable[str]) -> None:
        found = self._client.pages("/databaseSchemas", limit=self._settings.page, database=database, include="all")
        there = {schema["name"] for schema in found if not schema.get("deleted")}
        self.make_all("/databaseSchemas", [{"name": name, "database": database} for name in names if name not in there])

    def make_tags(self, tags: Sequence[str]) -> dict[str, CatalogError]:
        """Make the tags that are missing, with their classifications; returns those that the server refuses."""
        if not tags:
            return {}
        there = {tag["fullyQualifiedName"] for tag in self._client.pages("/tags", limit=1000)}
        missing = [tag for tag in tags if tag not in there]
        for classification in dict.fromkeys(classification_of(tag)[0] for tag in missing):
            self._make_one("/classifications", join_fqn((classification,)), {"name": classification, "description": _MADE})
        bodies = {tag: _tag_body(tag) for tag in missing}
        if self.put_all("/tags", list(bodies.values())) == 0:
            return {}
        refused: dict[str, CatalogError] = {}
        for tag, body in bodies.items():
            try:
                self._put("/tags", body)
            except RefusedBodyError as error:
                logger.warning("a tag is refused tag=%r error=%s", tag, error)
                refused[tag] = error
        return refused


def _tag_body(tag: str) -> Body:
    classification, name = classification_of(tag)
    return {"name": name, "classification": join_fqn((classification,)), "description": _MADE}
