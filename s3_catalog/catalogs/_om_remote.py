"""What the server holds: tables of some databases, soft-deleted ones too, and owners by name."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from s3_catalog.catalogs._om_client import Client
from s3_catalog.catalogs._om_columns import Body
from s3_catalog.catalogs._om_entities import digest_json
from s3_catalog.catalogs._om_names import join_fqn, quote_path
from s3_catalog.catalogs._om_url import Settings

_FIELDS = "columns,owners,tags,tablePartition,tableConstraints,extension"


@dataclass(frozen=True, slots=True)
class Remote:
    """Tables by fully qualified name, and the databases (encoded names) they were looked for in, of one service (`label`)."""

    label: str
    tables: dict[str, Body]
    databases: frozenset[str]

    @property
    def revision(self) -> str:
        """A digest that moves with every change that gives a table another version, and when tables come or go; no services share it."""
        tables = sorted([key, t["id"], str(t.get("version")), bool(t.get("deleted"))] for key, t in self.tables.items())
        return digest_json([self.label, tables])


def read_remote(client: Client, settings: Settings, databases: Iterable[str]) -> Remote:
    """Read all tables of these databases (encoded names) of our service."""
    tables: dict[str, Body] = {}
    names = list(dict.fromkeys(databases))
    for database in names:
        fqn = join_fqn((settings.service, database))
        if client.find(f"/databases/name/{quote_path(fqn)}", include="all") is not None:
            found = client.pages("/tables", limit=settings.page, database=fqn, include="all", fields=_FIELDS)
            tables |= {table["fullyQualifiedName"]: table for table in found}
    return Remote(settings.label, tables, frozenset(names))


def read_table(client: Client, table_id: str) -> Body:
    """Read one table as `read_remote` does."""
    return client.get(f"/tables/{table_id}", include="all", fields=_FIELDS)


def list_databases(client: Client, settings: Settings) -> Iterator[str]:
    """Names of all databases of our service; none when there is no service yet."""
    if client.find(f"/services/databaseServices/name/{quote_path(join_fqn((settings.service,)))}", include="all") is not None:
        found = client.pages("/databases", limit=settings.page, service=join_fqn((settings.service,)), include="all")
        yield from (database["name"] for database in found)


class OwnerBook:
    """Owners by the name that people wrote: a team, a user, or the user before the @ of an address. Each is asked for once."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._texts: dict[str, str | None] = {}
        self.references: dict[str, Body] = {}
        """Owner as text (`team:sales`) -> what a request says of it."""

    def look_up(self, name: str) -> str | None:
        if name not in self._texts:
            self._texts[name] = self._ask(name)
        return self._texts[name]

    def _ask(self, name: str) -> str | None:
        local = name.partition("@")[0]
        for kind, asked in (("team", name), ("user", name), *([("user", local)] if local not in ("", name) else [])):
            found = self._client.find(f"/{kind}s/name/{quote_path(join_fqn((asked,)) if asked else '-')}") if '"' not in asked else None
            if found is not None:
                text = f"{kind}:{found.get('fullyQualifiedName') or found['name']}"
                self.references[text] = {"id": found["id"], "type": kind}
                return text
        return None
