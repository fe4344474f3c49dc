"""What an `openmetadata://` URL says, and the token that goes with it.

`openmetadata://host:8585/service?option=value`: no option of the URL is a secret. The token stands in the variable
`OPENMETADATA_JWT_TOKEN`, or in a file that the variable `OPENMETADATA_JWT_TOKEN_FILE` or the option `token_file` names.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import parse_qsl, unquote, urlsplit

from s3_catalog.errors import CatalogError

SCHEME = "openmetadata"
TOKEN_VARIABLE = "OPENMETADATA_JWT_TOKEN"  # noqa: S105 - the name of a variable
TOKEN_FILE_VARIABLE = "OPENMETADATA_JWT_TOKEN_FILE"  # noqa: S105
DEFAULT_PORT = 8585

_EXAMPLE = "write openmetadata://host:8585/service?schema=raw"
_SWITCH = {"on": True, "true": True, "1": True, "off": False, "false": False, "0": False}


@dataclass(frozen=True, slots=True, kw_only=True)
class Address:
    """Where the API is and how to talk to it.

    `verify`: False, True or a file of CA certificates; `certificate`: a client's certificate and key. Times in seconds.
    """

    host: str
    port: int = DEFAULT_PORT
    path: str = "/api"
    tls: bool = False
    verify: bool | str = True
    certificate: tuple[str, str] | None = None
    timeout: float = 60
    retries: int = 4
    backoff: float = 1
    token_file: str | None = None

    @property
    def api(self) -> str:
        """The base of all requests."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{'https' if self.tls else 'http'}://{host}:{self.port}{self.path}/v1"

    def read_token(self) -> str:
        """Read the token anew: a file may have been replaced by a newer one.

        Raises:
            CatalogError: there is none, or its file cannot be read.
        """
        named = self.token_file or os.environ.get(TOKEN_FILE_VARIABLE)
        if named is None:
            token = os.environ.get(TOKEN_VARIABLE, "")
        else:
            try:
                token = Path(named).read_text(encoding="utf-8")
            except (OSError, UnicodeDecodeError) as error:
                raise CatalogError(f"the file of the OpenMetadata token cannot be read: {named}") from error
        token = token.strip()
        if not token.isascii() or not token.isprintable() or not token:
            raise CatalogError(f"OpenMetadata needs a token: set {TOKEN_VARIABLE}, or name its file by {TOKEN_FILE_VARIABLE}")
        return token


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What is published, and under which names.

    `schema` is the schema of all tables; None: the top prefix of each. `link` is a template of `sourceUrl` ({uri} {bucket} {key} {name}).
    `state` is the URL of the embedded catalog that remembers what was last written. `page` and `batch` are entities per request.
    """

    address: Address
    service: str
    service_type: str = "CustomDatabase"
    schema: str | None = None
    link: str = "{uri}"
    samples: bool = True
    profiles: bool = True
    lineage: bool = False
    state: str | None = None
    page: int = 250
    batch: int = 100
    workers: int = 4

    @property
    def label(self) -> str:
        """The catalog in messages and in the memory of what was written; no secret."""
        return f"{SCHEME}://{self.address.host}:{self.address.port}/{self.service}"


def parse_url(url: str) -> Settings:
    """Read a catalog's URL.

    Raises:
        CatalogError: no host or service, a secret in the URL, or an option that is not known or not of its kind.
    """
    parts = urlsplit(url)
    service = unquote(parts.path.strip("/"))
    if parts.scheme != SCHEME or not parts.hostname or not service or "/" in service:
        raise CatalogError(f"the OpenMetadata URL is not readable: {_EXAMPLE}")
    if parts.username is not None or parts.password is not None:
        raise CatalogError(f"a token does not belong in the URL: set {TOKEN_VARIABLE}, or name its file by {TOKEN_FILE_VARIABLE}")
    options = _Options(dict(parse_qsl(parts.query, keep_blank_values=True)))
    try:
        port = parts.port or DEFAULT_PORT
    except ValueError:
        raise CatalogError(f"the OpenMetadata URL has a wrong port: {_EXAMPLE}") from None
    settings = _read_choices(service, _read_address(parts.hostname, port, options), options)
    options.refuse_rest()
    return settings


def _read_address(host: str, port: int, options: _Options) -> Address:
    verify: bool | str = options.text("ca") or options.switch("verify", default=True)
    certificate, key = options.text("cert"), options.text("key")
    path = options.text("path", "/api").rstrip("/")
    return Address(
        host=host,
        port=port,
        path=path if not path or path.startswith("/") else f"/{path}",
        tls=options.switch("tls", default=False),
        verify=verify,
        certificate=(certificate, key or certificate) if certificate else None,
        timeout=options.number("timeout", 60),
        retries=int(options.number("retries", 4)),
        backoff=options.number("backoff", 1),
        token_file=options.text("token_file") or None,
    )


def _read_choices(service: str, address: Address, options: _Options) -> Settings:
    return Settings(
        address=address,
        service=service,
        service_type=options.text("type", "CustomDatabase"),
        schema=options.text("schema") or None,
        link=options.text("link", "{uri}"),
        samples=options.switch("samples", default=True),
        profiles=options.switch("profiles", default=True),
        lineage=options.switch("lineage", default=False),
        state=options.text("state") or None,
        page=max(1, int(options.number("page", 250))),
        batch=max(1, int(options.number("batch", 100))),
        workers=max(1, int(options.number("workers", 4))),
    )


class _Options:
    """The options of a URL, each taken once."""

    def __init__(self, given: Mapping[str, str]) -> None:
        self._given = dict(given)
        self._known: set[str] = set()

    def text(self, name: str, default: str = "") -> str:
        self._known.add(name)
        return self._given.get(name, default)

    def switch(self, name: str, *, default: bool) -> bool:
        value = self.text(name, "on" if default else "off").lower()
        if value not in _SWITCH:
            raise CatalogError(f"the option {name} of the OpenMetadata URL is on or off")
        return _SWITCH[value]

    def number(self, name: str, default: float) -> float:
        try:
            value = float(self.text(name, str(default)))
        except ValueError:
            value = -1
        if not 0 <= value < 1e6:
            raise CatalogError(f"the option {name} of the OpenMetadata URL is a number of at least 0")
        return value

    def refuse_rest(self) -> None:
        unknown = sorted(self._given.keys() - self._known)
        if unknown:
            raise CatalogError(f"unknown option {unknown[0]!r} of the OpenMetadata URL: choose one of {', '.join(sorted(self._known))}")
