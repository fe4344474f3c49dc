"""Deployments over a folder, the sample lake or a bucket."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from examples.make_lake import make_lake
from s3_catalog_tests.defs.harness import Deployment
from s3_catalog_tests.servers import S3Server

PROJECT = Path(__file__).parents[2]

Deploy = Callable[..., Deployment]


@pytest.fixture
def deploy(tmp_path: Path) -> Iterator[Deploy]:
    """Set up Dagster over a location: `deploy(location, **settings)`."""
    instances: list[dg.DagsterInstance] = []

    def build(location: str | Path, **values: Any) -> Deployment:
        instance = dg.DagsterInstance.ephemeral(tempdir=str(tmp_path / "dagster"))
        instances.append(instance)
        return Deployment(folder=tmp_path / "deployment", values={"location": str(location), **values}, instance=instance)

    yield build
    for instance in instances:
        instance.dispose()


@pytest.fixture
def deploy_bucket(deploy: Deploy, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Deployment]:
    """Set up Dagster over a bucket of a server: `deploy_bucket(server, bucket, endpoint_url=..., **settings)`."""

    def build(server: S3Server, bucket: str, *, endpoint_url: str | None = None, **values: Any) -> Deployment:
        monkeypatch.setenv("TEST_SECRET", server.secret_key)
        s3 = {"endpoint_url": endpoint_url or server.endpoint_url, "region": server.region, "path_style": True}
        s3 |= {"access_key_id": server.access_key, "secret_access_key": "${TEST_SECRET}"}
        return deploy(f"s3://{bucket}/", s3=s3, **values)

    return build


@pytest.fixture(scope="session")
def sample_lake(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The sample lake, to be read only."""
    root = tmp_path_factory.mktemp("lake")
    make_lake(root)
    return root


@pytest.fixture
def run_dagster(tmp_path: Path) -> Callable[..., subprocess.CompletedProcess[str]]:
    """Run the `dagster` command as people do, with the project's instance settings in a folder of its own."""

    def run(*arguments: str, cwd: Path = tmp_path, **environ: str) -> subprocess.CompletedProcess[str]:
        shutil.copy(PROJECT / "dagster.yaml", cwd / "dagster.yaml")
        command = [str(Path(sys.executable).with_name("dagster")), *arguments]
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("DAGSTER_", "S3_CATALOG_"))}
        home = {"S3_CATALOG_HOME": str(cwd / "home"), "PYTHONPATH": str(PROJECT)}
        return subprocess.run(command, capture_output=True, text=True, cwd=cwd, env=kept | home | environ, check=False)

    return run
