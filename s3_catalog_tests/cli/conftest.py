"""A folder of its own for every test, without settings of the machine; the sample lake, crawled once."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from examples.make_lake import make_lake
from s3_catalog_tests.cli.commands import Answer, run


@pytest.fixture(autouse=True)
def own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty current folder; no S3_CATALOG_* variable."""
    for name in [name for name in os.environ if name.startswith("S3_CATALOG_")]:
        monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture(scope="session")
def sample_lake(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("sample") / "lake"
    make_lake(root)
    return root


@pytest.fixture(scope="session")
def sample_crawl(sample_lake: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[str, Answer]:
    """The sample lake's catalog (URL), which tests only read, and the answer of the crawl that filled it."""
    catalog = f"sqlite:///{tmp_path_factory.mktemp('catalog')}/catalog.db"
    return catalog, run("crawl", sample_lake, "--catalog", catalog, "--json", "--objects")


@pytest.fixture
def sample_catalog(sample_crawl: tuple[str, Answer]) -> str:
    return sample_crawl[0]
