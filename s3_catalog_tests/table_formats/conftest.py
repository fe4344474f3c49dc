"""What tests of several table formats start from."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from pyiceberg.catalog.sql import SqlCatalog


@pytest.fixture
def catalog(tmp_path: Path) -> Iterator[SqlCatalog]:
    """pyiceberg's own catalog, with one namespace; its tables lie in `lake`."""
    (tmp_path / "lake").mkdir()
    catalog = SqlCatalog("tests", uri=f"sqlite:///{tmp_path / 'catalog.db'}", warehouse=f"file://{tmp_path / 'lake'}")
    catalog.create_namespace("shop")
    yield catalog
    catalog.close()


@pytest.fixture
def lake(tmp_path: Path) -> Path:
    return tmp_path / "lake"
