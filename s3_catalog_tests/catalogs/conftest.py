"""The databases, and an open catalog on each of them."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from s3_catalog.catalogs.sql import SqlCatalog
from s3_catalog_tests.catalogs.databases import catalog_url, postgresql_server, postgresql_url

__all__ = ["catalog", "catalog_url", "postgresql_server", "postgresql_url"]


@pytest.fixture
def catalog(catalog_url: str) -> Iterator[SqlCatalog]:
    with SqlCatalog(catalog_url) as opened:
        yield opened
