"""OpenMetadata's server as `metadata ingest` reaches it: our reading client on the connection that the workflow configured.

Address, token, proxies and TLS are the workflow's (`openMetadataServerConfig`). What is written goes through its sink, except for what the
sink has no call for: a PATCH that takes away what we said before.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode, urlsplit

from s3_catalog.catalogs._om_client import ApiError, Client
from s3_catalog.catalogs._om_url import Address, Settings
from s3_catalog.errors import CatalogError, CatalogUnavailableError

_MAX_MESSAGE = 300


def server_settings(host_port: str, service: str) -> Settings:
    """The settings of an OpenMetadata catalog for this service.

    >>> server_settings("https://om.example:8585/api", "lake").label
    'openmetadata://om.example:8585/lake'
    """
    parts = urlsplit(host_port)
    default = 443 if parts.scheme == "https" else 80
    return Settings(address=Address(host=parts.hostname or "", port=parts.port or default, tls=parts.scheme == "https"), service=service)


class ServerClient(Client):
    """Requests through the REST client of the package `openmetadata-ingestion`.

    Args:
        rest: `OpenMetadata.client`.
    """

    def __init__(self, rest: Any, label: str) -> None:
        self._rest, self._label = rest, label

    def close(self) -> None:
        """The connection is the workflow's, which closes it."""

    def _send(self, method: str, path: str, *, query: Mapping[str, str | int] | None = None, body: Any = None, headers: Any = None) -> Any:
        target = f"{path}?{urlencode(query)}" if query else path
        try:
            if method == "GET":
                answer = self._rest.get(target)
            elif method == "PATCH":
                answer = self._rest.patch(target, data=json.dumps(body), headers=headers)
            elif method == "DELETE":
                answer = self._rest.delete(target)
            else:
                answer = self._rest.put(target, json=body)
        except Exception as error:  # the package has no common base of its errors
            raise self._translate(method, error) from error
        if method == "GET" and answer is None:  # it logs what it cannot read, and answers nothing
            raise CatalogUnavailableError(f"{self._label}: no readable answer to GET {path}")
        return {} if answer is None else answer

    def _translate(self, method: str, error: Exception) -> CatalogError:
        status = getattr(error, "status_code", None) or getattr(getattr(error, "response", None), "status_code", None)
        if isinstance(status, int):
            return ApiError(status, " ".join(str(error).split())[:_MAX_MESSAGE], what=f"{self._label}: {method}")
        return CatalogUnavailableError(f"{self._label}: {method} failed ({type(error).__name__})")
