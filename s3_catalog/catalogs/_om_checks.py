"""What `doctor` tells of an OpenMetadata server: is it there, who are we, may we write, is the service ours.

In: the settings of a catalog. Out: one `Check` per thing looked at. Only GET requests are sent, each at most twice, and what is refused is
an answer. Where the server does not tell, the check says so and is no warning: publishing finds it out.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, replace
from itertools import islice

from s3_catalog.catalogs import Check, CheckStatus
from s3_catalog.catalogs._om_client import OLDEST, ApiError, Client, RefusedTokenError
from s3_catalog.catalogs._om_columns import Body
from s3_catalog.catalogs._om_entities import is_ours
from s3_catalog.catalogs._om_names import join_fqn, quote_path
from s3_catalog.catalogs._om_removal import name_some
from s3_catalog.catalogs._om_url import TOKEN_FILE_VARIABLE, TOKEN_VARIABLE, Settings
from s3_catalog.errors import CatalogError, CatalogUnavailableError

_MAX_SECONDS, _MAX_RETRIES = 10.0, 1
_MAX_TABLES = 2_000
"""More tables of a service are not looked through."""
_NEW_TOKEN = f"make a token for a bot (Settings, Bots) and set {TOKEN_VARIABLE}, or name its file by {TOKEN_FILE_VARIABLE}"
_NOT_TOLD = "the server does not tell; publishing finds it out"
_ALLOWED, _BY_CASE = ("allow",), ("conditionalAllow", "conditionalDeny")
_METHOD_NOT_ALLOWED = 405


@dataclass(frozen=True, slots=True, kw_only=True)
class _Need:
    """Operations on a kind of entity (a resource, in OpenMetadata's words) and what cannot be done without them."""

    name: str
    resource: str
    operations: tuple[str, ...]
    without: str
    status: CheckStatus = CheckStatus.FAILURE


def check_server(settings: Settings, published: Collection[str] = ()) -> list[Check]:
    """Look at a server; writes nothing and raises nothing.

    Args:
        published: fully qualified names of the tables that we remember to have written.
    """
    address = settings.address
    quick = replace(address, timeout=min(address.timeout, _MAX_SECONDS), retries=min(address.retries, _MAX_RETRIES))
    try:
        client = Client(quick, settings.label)
    except CatalogError as error:
        return [_failure("settings", str(error), "correct the URL of the catalog, or the token's variable or file")]
    with client:
        checks = list(_check_access(client))
        if all(check.status is not CheckStatus.FAILURE for check in checks):
            checks += _check_service(client, settings, published)
        return checks


def _check_access(client: Client) -> Iterator[Check]:
    """Whether the server answers, is new enough, and takes the token."""
    try:
        version = client.read_version()
    except CatalogError as error:
        yield _fail("token" if isinstance(error, RefusedTokenError) else "server", error)
        return
    yield _ok("server", "it answers")
    oldest = ".".join(map(str, OLDEST))
    if version.numbers < OLDEST:
        yield _failure("version", f"{version.text}, which is too old", f"upgrade OpenMetadata to {oldest} or newer")
    else:
        yield _ok("version", f"{version.text} ({oldest} or newer is needed)")
    yield _guarded("token", _check_user, client)


def _check_user(client: Client) -> Check:
    user = client.get("/users/loggedInUser")
    name = user.get("name")
    if user.get("isBot"):
        return _ok("token", f"it is the bot {name}")
    advice = "use a bot's token: a person's overwrites descriptions, also those that somebody writes while we publish"
    return Check(name="token", status=CheckStatus.WARNING, found=f"it is the person {name}", advice=advice)


def _check_service(client: Client, settings: Settings, published: Collection[str]) -> Iterator[Check]:
    service = None
    try:
        service = client.find(f"/services/databaseServices/name/{quote_path(join_fqn((settings.service,)))}", include="all")
        yield _describe_service(client, settings, service, published)
    except CatalogError as error:
        yield _fail("service", error)
    granted = _Permissions(client)
    for need in _needs(settings, has_service=service is not None):
        yield _guarded(need.name, granted.check, need)
    yield _guarded("bulk calls", _check_bulk, client)


def _describe_service(client: Client, settings: Settings, service: Body | None, published: Collection[str]) -> Check:
    if service is None:
        return _ok("service", f"{settings.service} is not there yet: the first publication makes it")
    databases = client.pages("/databases", limit=settings.page, service=service["fullyQualifiedName"])
    tables = (table for database in databases for table in _list_tables(client, settings, database))
    seen = [(table["fullyQualifiedName"], _is_written(table, settings, published)) for table in islice(tables, _MAX_TABLES)]
    others = [name for name, ours in seen if not ours]
    looked = f"the first {_MAX_TABLES} tables" if len(seen) == _MAX_TABLES else f"{len(seen)} tables"
    what = f"{settings.service} ({service.get('serviceType')}{', deleted' if service.get('deleted') else ''}) holds {looked}"
    if others:
        advice = "they are left alone; give s3-catalog a service of its own, so that nobody's names stand in its way"
        words = f"{what}, {len(others)} of them by others: {name_some(others)}"
        return Check(name="service", status=CheckStatus.WARNING, found=words, advice=advice)
    return _ok("service", f"{what}, all by s3-catalog" if seen else what)


def _list_tables(client: Client, settings: Settings, database: Body) -> Iterator[Body]:
    return client.pages("/tables", limit=settings.page, database=database["fullyQualifiedName"])


def _is_written(table: Body, settings: Settings, published: Collection[str]) -> bool:
    return table["fullyQualifiedName"] in published or is_ours(table, settings.link)


def _needs(settings: Settings, *, has_service: bool) -> Iterator[_Need]:
    """What the token must be allowed, by these settings."""
    must, may = CheckStatus.FAILURE, CheckStatus.WARNING
    if not has_service:
        yield _Need(name="may make the service", resource="databaseService", operations=("Create",), without="nothing can be published")
    level = may if has_service else must
    for name, resource, what in (("databases", "database", "a new bucket"), ("schemas", "databaseSchema", "a new schema")):
        yield _Need(name=f"may make {name}", resource=resource, operations=("Create",), without=f"{what} cannot be published", status=level)
    yield _Need(name="may write tables", resource="table", operations=("Create", "EditAll"), without="tables cannot be published")
    yield _Need(name="may retire tables", resource="table", operations=("Delete",), without="tables that are gone stay")
    for name, resource in (("classifications", "classification"), ("tags", "tag")):
        yield _Need(
            name=f"may make {name}", resource=resource, operations=("Create",), without="tags must be made by hand first", status=may
        )
    if settings.samples:
        yield _Need(name="may write samples", resource="table", operations=("EditSampleData",), without="set samples=off, or samples fail")
    if settings.profiles:
        yield _Need(name="may write profiles", resource="table", operations=("EditDataProfile",), without="set profiles=off, or they fail")
    if settings.lineage:
        yield _Need(name="may draw lineage", resource="lineage", operations=("EditLineage",), without="set lineage=off, or it fails")
        for resource, what in (("storageService", "storage services"), ("container", "containers")):
            yield _Need(name=f"may make {what}", resource=resource, operations=("Create",), without="set lineage=off, or it fails")


class _Permissions:
    """What the server says of the token's permissions, each kind of entity asked for once."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._known: dict[str, dict[str, str]] = {}

    def check(self, need: _Need) -> Check:
        said = self._ask(need.resource)
        access = {operation: said.get(operation, said.get("All", "")) for operation in need.operations}
        refused = [operation for operation, word in access.items() if word not in ("", *_ALLOWED, *_BY_CASE)]
        if refused:
            found = f"the token may not do {' and '.join(refused)} on {need.resource}"
            advice = f"let a role of its user allow {', '.join(refused)} on {need.resource}: without it, {need.without}"
            return Check(name=need.name, status=need.status, found=found, advice=advice)
        if "" in access.values():
            return _ok(need.name, _NOT_TOLD)
        by_case = any(word in _BY_CASE for word in access.values())
        return _ok(need.name, "yes, but a policy decides by entity" if by_case else "yes")

    def _ask(self, resource: str) -> dict[str, str]:
        if resource not in self._known:
            try:
                answer = self._client.get(f"/permissions/{resource}")
            except ApiError:  # a server that does not know the resource, or lets nobody ask
                answer = {}
            told = answer.get("permissions") or ()
            self._known[resource] = {str(p.get("operation")): str(p.get("access")) for p in told}
        return self._known[resource]


def _check_bulk(client: Client) -> Check:
    """A path that is there for other methods answers a GET with 405; one that is not there is taken for an id that is none."""
    status = client.ask_status("/tables/bulk")
    if status == _METHOD_NOT_ALLOWED:
        return _ok("bulk calls", "they are there")
    return _ok("bulk calls", "it seems that they are not there: tables are written one by one")


def _guarded(name: str, look: Callable[..., Check], *given: object) -> Check:
    try:
        return look(*given)
    except CatalogError as error:
        return _fail(name, error)


def _fail(name: str, error: CatalogError) -> Check:
    return _failure(name, str(error), _advise(error))


def _advise(error: CatalogError) -> str:
    if isinstance(error, RefusedTokenError):
        return _NEW_TOKEN
    if isinstance(error, ApiError):
        return "let a role of the token's user allow it, or ask who runs the server what it refuses"
    if isinstance(error, CatalogUnavailableError):
        return "see whether the server runs, and whether host, port and tls of the catalog's URL are its own"
    return "let host, port, path and tls of the catalog's URL lead to the API of OpenMetadata, past any log-in page"


def _ok(name: str, found: str) -> Check:
    return Check(name=name, status=CheckStatus.OK, found=found)


def _failure(name: str, found: str, advice: str) -> Check:
    return Check(name=name, status=CheckStatus.FAILURE, found=found, advice=advice)
