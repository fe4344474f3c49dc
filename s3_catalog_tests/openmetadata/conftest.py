"""A server for each test, and catalogs on it that remember in memory or in a file."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest

from s3_catalog.catalogs._authority import MemoryLastWritten
from s3_catalog.catalogs._om_url import TOKEN_FILE_VARIABLE, TOKEN_VARIABLE
from s3_catalog.catalogs.openmetadata import CATALOG, OpenMetadataCatalog
from s3_catalog_tests.openmetadata.server import BOT_TOKEN, Double

Opener = Callable[..., OpenMetadataCatalog]


@pytest.fixture
def token(monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setenv(TOKEN_VARIABLE, BOT_TOKEN)
    monkeypatch.delenv(TOKEN_FILE_VARIABLE, raising=False)
    return BOT_TOKEN


@pytest.fixture
def double(token: str) -> Iterator[Double]:
    server = Double()
    yield server
    server.close()


@pytest.fixture
def open_on() -> Iterator[Opener]:
    """Opens a catalog on a server; all that one test opens share what was last written."""
    memory = MemoryLastWritten()
    with ExitStack() as opened:

        def open_one(server: Double, **options: str) -> OpenMetadataCatalog:
            return opened.enter_context(CATALOG.open(server.url(**options), memory))

        yield open_one


@pytest.fixture
def catalog(double: Double, open_on: Opener) -> OpenMetadataCatalog:
    return open_on(double)
