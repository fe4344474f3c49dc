"""Where the paths in a log lead: to keys of the bucket, also when the table was moved since they were written."""

from __future__ import annotations

import re
from urllib.parse import unquote

from s3_catalog.table_formats._log import TableLog

_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*):(?://)?(.*)", re.DOTALL)
_SAME_SCHEMES = {"s3a": "s3", "s3n": "s3", "gcs": "gs"}


class LogPaths:
    """Paths of one table's log -> keys.

    Args:
        table_location: where the log says the table lies. What is below it is below the root that was listed.
        encoded: paths are percent-encoded, as in a URL.
    """

    def __init__(self, log: TableLog, *, table_location: str | None = None, encoded: bool = False) -> None:
        self._root, self._encoded = log.root, encoded
        self._here = plain_url(log.store_url)
        self._written = plain_url(table_location).rstrip("/") + "/" if table_location else None

    def key(self, path: str) -> str | None:
        """The key that a path means; None where it leads out of the bucket. A relative path is below the root."""
        relative = not path.startswith("/") and not _SCHEME.match(path)
        path = unquote(path) if self._encoded else path
        if relative:
            return self._root + path
        plain = plain_url(path)
        if self._written and plain.startswith(self._written):
            return self._root + plain.removeprefix(self._written)
        return plain.removeprefix(self._here) if plain.startswith(self._here) else None


def plain_url(url: str) -> str:
    """A URL with one spelling: `s3a://b/k` as `s3://b/k`, `file:///a` and `file:/a` as `/a`."""
    match = _SCHEME.match(url)
    if match is None:
        return url
    scheme = match[1].lower()
    return match[2] if scheme == "file" else f"{_SAME_SCHEMES.get(scheme, scheme)}://{match[2]}"
