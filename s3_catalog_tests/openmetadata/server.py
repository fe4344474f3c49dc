"""A double of OpenMetadata's API: a real HTTP server on 127.0.0.1 that counts what it is asked and can fail in every way on purpose."""

from __future__ import annotations

import base64
import json
import re
import socket
import ssl
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

import httpx

from s3_catalog_tests.openmetadata.access import show_permissions, show_user
from s3_catalog_tests.openmetadata.entities import ADMIN, COLLECTIONS, Actor, Entities
from s3_catalog_tests.openmetadata.models import InvalidBodyError, validate
from s3_catalog_tests.openmetadata.rules import Body, RefusedError

BOT_TOKEN = "bot-token"
PERSON_TOKEN = "person-token"
_ACTORS = {BOT_TOKEN: Actor("ingestion-bot", is_bot=True), PERSON_TOKEN: ADMIN}
_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_SCOPES = ("service", "database", "databaseSchema")
_PAGE = "<html><body>Sign in</body></html>"


@dataclass
class Fault:
    """What goes wrong with the next `times` requests that it fits.

    `kind`: `status` (then `status` and `headers`), `slow`, `drop` (no answer), `cut` (the request is done, its answer cut off), `html`, or
    `half` (of a bulk call, every second row fails), or `meanwhile` (all goes well, but `action` comes first). `after` requests that fit go
    well before.
    """

    kind: str
    method: str = ""
    path: str = ""
    times: int = 1
    after: int = 0
    status: int = 500
    headers: dict[str, str] = field(default_factory=dict)
    seconds: float = 0
    action: Callable[[], object] = lambda: None

    def fits(self, method: str, path: str) -> bool:
        """Whether it strikes; counts down."""
        if self.times <= 0 or (self.method and self.method != method) or not re.search(self.path, path):
            return False
        if self.after > 0:
            self.after -= 1
            return False
        self.times -= 1
        return True


class Double:
    """One server. An old one has no bulk calls. It speaks TLS when given a folder of `write_certificates`.

    With a `client_authority` it asks for a certificate of the client.
    """

    def __init__(
        self, *, has_bulk: bool = True, version: str = "2.0.6", certificates: Path | None = None, client_authority: str | None = None
    ) -> None:
        self.entities = Entities()
        self.has_bulk, self.version = has_bulk, version
        self.without_bulk: frozenset[str] = frozenset()
        """Collections without a bulk call, on a server that has them."""
        self.faults: list[Fault] = []
        self.access: dict[tuple[str, str], str | None] = {}
        """(resource, operation) -> how it is decided, where that is not `allow`; None: it is not told."""
        self.requests: list[tuple[str, str]] = []
        self._guard = threading.Lock()
        self._server = _Server(("127.0.0.1", 0), _Handler)
        self._server.double = self
        if certificates is not None:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(certificates / "public.crt", certificates / "private.key")
            if client_authority is not None:
                context.load_verify_locations(client_authority)
                context.verify_mode = ssl.CERT_REQUIRED
            self._server.socket = context.wrap_socket(self._server.socket, server_side=True)
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
        self._thread.start()
        self._clients: list[httpx.Client] = []
        self._person = self.connect(PERSON_TOKEN)

    def connect(self, token: str | None) -> httpx.Client:
        """A client that is somebody, until the server is closed."""
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        client = httpx.Client(base_url=f"http://127.0.0.1:{self.port}/api/v1", headers=headers, verify=False, trust_env=False)
        self._clients.append(client)
        return client

    @property
    def port(self) -> int:
        return int(self._server.server_address[1])

    def url(self, service: str = "lake_service", **options: str) -> str:
        """What s3-catalog opens it by, with retries that do not wait."""
        chosen = {"backoff": "0.01", "retries": "2", "timeout": "10"} | options
        return f"openmetadata://127.0.0.1:{self.port}/{service}?" + "&".join(f"{name}={value}" for name, value in chosen.items())

    def close(self) -> None:
        for client in self._clients:
            client.close()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def fail(self, kind: str, **options: Any) -> Fault:
        fault = Fault(kind, **options)
        self.faults.append(fault)
        return fault

    def take_fault(self, method: str, path: str) -> Fault | None:
        with self._guard:
            self.requests.append((method, path))
            return next((fault for fault in self.faults if fault.fits(method, path)), None)

    def counts(self) -> Counter[str]:
        """Requests by method and path, without ids and names."""
        return Counter(f"{method} {_template(path)}" for method, path in self.requests)

    def writes(self) -> int:
        return sum(method != "GET" for method, _ in self.requests)

    @contextmanager
    def counting(self) -> Iterator[Counter[str]]:
        """Counts the requests of a block; filled at its end."""
        start, found = len(self.requests), Counter[str]()
        yield found
        found.update(f"{method} {_template(path)}" for method, path in self.requests[start:])

    def table(self, fqn: str) -> Body:
        return self.entities.get_by_name("tables", fqn, include="all")

    def by_hand(self, fqn: str, *operations: Body) -> Body:
        """What a person does in the user interface."""
        return self.person("PATCH", f"/tables/{self.table(fqn)['id']}", list(operations))

    def person(self, method: str, path: str, body: Any = None) -> Body:
        kind = "application/json-patch+json" if method == "PATCH" else "application/json"
        answer = self._person.request(method, path, headers={"Content-Type": kind}, content=json.dumps(body))
        answer.raise_for_status()
        result: Body = answer.json() if answer.content else {}
        return result


def _template(path: str) -> str:
    bare = re.sub(r"/name/[^/?]+", "/name/{fqn}", path.partition("?")[0])
    return _UUID.sub("{id}", bare)


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    double: Double

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Clients go away in these tests; that is no news."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Server

    def log_message(self, *_: Any) -> None:
        pass

    def do_GET(self) -> None:
        self._handle()

    do_PUT = do_POST = do_PATCH = do_DELETE = do_GET  # noqa: N815 - names of http.server

    def setup(self) -> None:
        super().setup()
        self.connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def _handle(self) -> None:
        raw = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        path = self.path.removeprefix("/api/v1")
        fault = self.server.double.take_fault(self.command, path)
        kind = fault.kind if fault else ""
        if fault and kind == "status":
            self._answer(fault.status, {"code": fault.status, "message": "on purpose"}, fault.headers)
        elif kind == "html":
            self._send(200, _PAGE.encode(), {"Content-Type": "text/html"})
        elif kind == "drop":
            self._hang_up()
        else:
            if fault and kind == "meanwhile":
                fault.action()
            if fault and kind == "slow":
                time.sleep(fault.seconds)
            status, body, headers = self._respond(path, raw, half=kind == "half")
            if kind == "cut":
                self._cut(status, body)
            else:
                self._answer(status, body, headers)

    def _respond(self, path: str, raw: bytes, *, half: bool) -> tuple[int, Any, dict[str, str]]:
        try:
            actor = _ACTORS.get(self.headers.get("Authorization", "").removeprefix("Bearer "))
            if actor is None:
                raise RefusedError(401, "Not authorized! Token not present or not valid")
            return Api(self.server.double, actor, half=half).call(self.command, path, raw, dict(self.headers))
        except RefusedError as error:
            return error.status, error.body, {}

    def _answer(self, status: int, body: Any, headers: dict[str, str]) -> None:
        content = b"" if body is None else json.dumps(body).encode()
        self._send(status, content, {"Content-Type": "application/json", **headers})

    def _send(self, status: int, content: bytes, headers: dict[str, str]) -> None:
        self.send_response(status)
        for name, value in {**headers, "Content-Length": str(len(content))}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(content)

    def _cut(self, status: int, body: Any) -> None:
        content = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content[: len(content) // 2])
        self._hang_up()

    def _hang_up(self) -> None:
        self.wfile.flush()
        self.close_connection = True
        self.connection.shutdown(socket.SHUT_RDWR)


class Api:
    """One call: from a path to an answer of (status, body, headers)."""

    def __init__(self, double: Double, actor: Actor, *, half: bool = False) -> None:
        self._double, self._entities, self._actor, self._half = double, double.entities, actor, half

    def call(self, method: str, target: str, raw: bytes, headers: dict[str, str]) -> tuple[int, Any, dict[str, str]]:
        split = urlsplit(target)
        query = dict(parse_qsl(split.query))
        parts = [unquote(part) for part in split.path.strip("/").split("/")]
        content_type = headers.get("Content-Type", "")
        if method == "PATCH" and content_type != "application/json-patch+json":
            raise RefusedError(500, "HTTP 415 Unsupported Media Type", bare=True)
        try:
            body = json.loads(raw) if raw else None
        except ValueError:
            raise RefusedError(400, "Unable to process JSON") from None
        if parts == ["system", "version"] and method == "GET":
            return 200, {"version": self._double.version, "revision": "r", "timestamp": 0}, {}
        if method == "GET" and parts == ["users", "loggedInUser"]:
            return 200, show_user(self._actor), {}
        if method == "GET" and len(parts) == 2 and parts[0] == "permissions":
            return 200, show_permissions(parts[1], self._double.access), {}
        if parts[0] == "lineage":
            return self._lineage(method, parts, body)
        depth = 2 if parts[0] == "services" else 1
        collection, rest = "/".join(parts[:depth]), parts[depth:]
        if collection not in COLLECTIONS:
            raise _unknown_path()
        route = self._routes(method, collection, rest, query, body, headers)
        if route is None:
            raise _unknown_path()
        return route()

    def _routes(
        self, method: str, collection: str, rest: list[str], query: dict[str, str], body: Any, headers: dict[str, str]
    ) -> Callable[[], tuple[int, Any, dict[str, str]]] | None:
        match (method, rest):
            case "GET", []:
                return lambda: self._list(collection, query)
            case "PUT", []:
                return lambda: self._put(collection, body)
            case "POST", []:
                return lambda: (201, self._entities.post(collection, body, self._actor), {})
            case "PUT", ["bulk"] if self._double.has_bulk and collection not in self._double.without_bulk:
                return lambda: self._bulk(collection, body, override=query.get("overrideMetadata") == "true")
            case "GET", ["bulk"] if self._double.has_bulk and collection not in self._double.without_bulk:
                raise RefusedError(405, "HTTP 405 Method Not Allowed")
            case "PUT", ["restore"]:
                return lambda: self._restore(collection, body)
            case "DELETE", ["deleteStale"] if not self._double.has_bulk:
                raise RefusedError(404, "HTTP 404 Not Found")
            case "DELETE", ["deleteStale"]:
                return lambda: self._delete_stale(collection, body)
            case "GET", ["name", fqn]:
                return lambda: self._show(collection, self._entities.get_by_name(collection, fqn, **_include(query)), query)
            case "GET", [entity_id]:
                return lambda: self._show(collection, self._entities.get(collection, entity_id, **_include(query)), query)
            case "PATCH", [entity_id]:
                return lambda: (200, self._entities.patch(collection, entity_id, body, self._actor, headers.get("If-Match")), {})
            case "DELETE", [entity_id]:
                return lambda: self._delete(collection, entity_id, query)
            case "PUT", [_]:
                raise RefusedError(405, "HTTP 405 Method Not Allowed")
        return self._table_routes(method, rest, body) if collection == "tables" else None

    def _table_routes(self, method: str, rest: list[str], body: Any) -> Callable[[], tuple[int, Any, dict[str, str]]] | None:
        entities = self._entities
        match (method, rest):
            case "PUT", [entity_id, "sampleData"]:
                return lambda: (200, entities.put_sample(entity_id, body), {})
            case "GET", [entity_id, "sampleData"]:
                return lambda: (200, entities.get_sample(entity_id), {})
            case "DELETE", [entity_id, "sampleData"]:
                return lambda: (200, entities.delete_sample(entity_id), {})
            case "PUT", [entity_id, "tableProfile"]:
                return lambda: (200, entities.put_profile(entity_id, body), {})
            case "GET", [fqn, "tableProfile", "latest"]:
                return lambda: (200, entities.latest_profile(fqn), {})
        return None

    def _list(self, collection: str, query: dict[str, str]) -> tuple[int, Any, dict[str, str]]:
        within = next((query[scope] for scope in _SCOPES if scope in query), None)
        found = self._entities.list(collection, include=query.get("include", "non-deleted"), within=within)
        limit = int(query.get("limit", "10"))
        start = int(base64.urlsafe_b64decode(query["after"])) if "after" in query else 0
        paging: Body = {"total": len(found)}
        if start + limit < len(found):
            paging["after"] = base64.urlsafe_b64encode(str(start + limit).encode()).decode()
        if start:
            paging["before"] = base64.urlsafe_b64encode(str(max(0, start - limit)).encode()).decode()
        shown = [self._entities.show(collection, entity, query.get("fields", "")) for entity in found[start : start + limit]]
        return 200, {"data": shown, "paging": paging}, {}

    def _show(self, collection: str, entity: Body, query: dict[str, str]) -> tuple[int, Any, dict[str, str]]:
        return 200, self._entities.show(collection, entity, query.get("fields", "")), {}

    def _put(self, collection: str, body: Body) -> tuple[int, Any, dict[str, str]]:
        entity, change = self._entities.put(collection, body, self._actor)
        return (201 if change == "entityCreated" else 200), entity, {"X-OpenMetadata-Change": change}

    def _bulk(self, collection: str, bodies: list[Body], *, override: bool) -> tuple[int, Any, dict[str, str]]:
        passed, failed = [], []
        for number, body in enumerate(bodies):
            try:
                if self._half and number % 2:
                    raise RefusedError(500, "on purpose")
                entity, _ = self._entities.put(collection, body, self._actor, override=override)
                passed.append({"request": entity["fullyQualifiedName"], "status": 200})
            except RefusedError as error:
                failed.append({"request": body.get("name"), "message": error.message, "status": error.status})
        counts = {"numberOfRowsProcessed": len(bodies), "numberOfRowsPassed": len(passed), "numberOfRowsFailed": len(failed)}
        status = "success" if not failed else "failure" if not passed else "partialSuccess"
        result = {"dryRun": False, "status": status, **counts, "successRequest": passed, "failedRequest": failed}
        validate("bulk result", result)
        return 200, result, {}

    def _restore(self, collection: str, body: Body) -> tuple[int, Any, dict[str, str]]:
        entity = self._entities.get(collection, body["id"], include="all")
        entity["deleted"] = False
        return 200, entity, {"X-OpenMetadata-Change": "entityRestored"}

    def _delete(self, collection: str, entity_id: str, query: dict[str, str]) -> tuple[int, Any, dict[str, str]]:
        hard, recursive = query.get("hardDelete") == "true", query.get("recursive") == "true"
        self._entities.get(collection, entity_id, include="all" if hard else "non-deleted")
        return 200, self._entities.delete(collection, entity_id, self._actor, recursive=recursive, hard=hard), {}

    def _delete_stale(self, collection: str, body: Body) -> tuple[int, Any, dict[str, str]]:
        try:
            validate("stale", body)
        except InvalidBodyError as error:
            raise RefusedError(400, str(error)) from error
        stale = [
            entity
            for entity in self._entities.list(collection, include="non-deleted", within=body["scopeFqn"])
            if entity["fullyQualifiedName"] not in body["seenFqns"]
        ]
        for entity in stale:
            self._entities.delete(collection, entity["id"], self._actor, recursive=body.get("recursive", True), hard=False)
        count = {"numberOfRowsProcessed": len(stale), "numberOfRowsPassed": len(stale), "numberOfRowsFailed": 0}
        return 200, {"status": "success", **count}, {}

    def _lineage(self, method: str, parts: list[str], body: Any) -> tuple[int, Any, dict[str, str]]:
        if method == "PUT" and len(parts) == 1:
            self._entities.add_lineage(body)
            return 200, None, {}
        if method == "GET" and len(parts) == 3:
            edges = [e for e in self._entities.lineage if parts[2] in (e["fromEntity"]["id"], e["toEntity"]["id"])]
            plain = [{"fromEntity": e["fromEntity"]["id"], "toEntity": e["toEntity"]["id"]} for e in edges]
            entity = {"id": parts[2], "type": parts[1]}
            up, down = ([e for e in plain if e[end] == parts[2]] for end in ("toEntity", "fromEntity"))
            return 200, {"entity": entity, "nodes": [], "upstreamEdges": up, "downstreamEdges": down}, {}
        raise _unknown_path()


def _include(query: dict[str, str]) -> dict[str, str]:
    return {"include": query.get("include", "non-deleted")}


def _unknown_path() -> RefusedError:
    return RefusedError(500, "HTTP 404 Not Found", bare=True)
