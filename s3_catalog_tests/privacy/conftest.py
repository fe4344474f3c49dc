"""The lake of planted values, crawled once on the command line and once by Dagster, each in a process and folder of its own."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from s3_catalog_tests.cli.commands import PROGRAM
from s3_catalog_tests.privacy.lake import make_lake, write_settings
from s3_catalog_tests.privacy.planting import Planter
from s3_catalog_tests.privacy.search import Search

PROJECT = Path(__file__).parents[2]


@pytest.fixture(scope="session")
def planter() -> Planter:
    """What is planted in the lake; complete once there is the lake."""
    return Planter()


@pytest.fixture(scope="session")
def planted_lake(tmp_path_factory: pytest.TempPathFactory, planter: Planter) -> Path:
    root = tmp_path_factory.mktemp("planted") / "lake"
    make_lake(root, planter)
    return root


@pytest.fixture(scope="session")
def search(planted_lake: Path, planter: Planter) -> Search:
    return Search(planter.planted.values())


def run_in(home: Path, program: str, *arguments: str, **environ: str) -> int:
    """Run a program in its own process, with its folder for temporary files and all its output in `home`; returns its exit code."""
    (home / "tmp").mkdir(parents=True, exist_ok=True)
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("DAGSTER_", "S3_CATALOG_"))}
    environment = kept | {"TMPDIR": str(home / "tmp"), "S3_CATALOG_HOME": str(home / "catalog")} | environ
    with (home / "stdout.txt").open("w") as out, (home / "stderr.txt").open("w") as errors:
        return subprocess.run([program, *arguments], cwd=home, env=environment, stdout=out, stderr=errors, check=False).returncode


@pytest.fixture(scope="session")
def crawled(planted_lake: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a finished crawl that logged all it had to say."""
    home = tmp_path_factory.mktemp("crawled")
    write_settings(home / "s3_catalog.yaml", planted_lake, home / "catalog.db")
    assert run_in(home, PROGRAM, "--debug", "crawl", "--json", "--objects") == 1, "broken files are failures, nothing else is"
    return home


@pytest.fixture(scope="session")
def run_by_dagster(planted_lake: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a finished Dagster job: event log, run storage, compute logs, handed-on tables, catalog."""
    home = tmp_path_factory.mktemp("run-by-dagster")
    shutil.copy(PROJECT / "dagster.yaml", home / "dagster.yaml")
    write_settings(home / "s3_catalog.yaml", planted_lake, home / "catalog.db")
    program = str(Path(sys.executable).with_name("dagster"))
    job = ("job", "execute", "-m", "s3_catalog.definitions", "-j", "catalog_bucket")
    assert run_in(home, program, *job, PYTHONPATH=str(PROJECT)) == 0, (home / "stderr.txt").read_text()[-2000:]
    return home


@pytest.fixture
def in_crawled(crawled: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Commands run in the folder of the crawl."""
    for name in [name for name in os.environ if name.startswith("S3_CATALOG_")]:
        monkeypatch.delenv(name)
    monkeypatch.chdir(crawled)
    return crawled
