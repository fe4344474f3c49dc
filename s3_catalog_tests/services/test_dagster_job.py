"""`dagster job execute` and the web server as people start them, against real servers."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import yaml

from examples.make_lake import make_lake
from s3_catalog.catalogs.sql import SqlCatalog
from s3_catalog_tests.servers import Fault, FaultyProxy, S3Server

PROJECT = Path(__file__).parents[2]
CSV = b"id,name\n1,one\n"
JOB = ("job", "execute", "-m", "s3_catalog.definitions", "-j", "catalog_bucket")


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A folder with the project's own instance and workspace, as a checkout has them."""
    for name in ("dagster.yaml", "workspace.yaml"):
        shutil.copy(PROJECT / name, tmp_path / name)
    return tmp_path


def environment(home: Path, **more: str) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("DAGSTER_", "S3_CATALOG_"))}
    return kept | {"PYTHONPATH": str(PROJECT), "S3_CATALOG_HOME": str(home / "catalog")} | more


def run_job(home: Path, **environ: str) -> subprocess.CompletedProcess[str]:
    command = [str(Path(sys.executable).with_name("dagster")), *JOB]
    return subprocess.run(command, cwd=home, env=environment(home, **environ), capture_output=True, text=True, check=False)


def configure(home: Path, server: S3Server, bucket: str, endpoint_url: str | None = None) -> dict[str, str]:
    s3 = {"endpoint_url": endpoint_url or server.endpoint_url, "region": server.region, "access_key_id": server.access_key}
    s3 |= {"secret_access_key": "${LAKE_SECRET}", "path_style": True, **({"ca_bundle": server.ca_bundle} if server.ca_bundle else {})}  # type: ignore[dict-item]
    (home / "s3_catalog.yaml").write_text(yaml.safe_dump({"location": f"s3://{bucket}/", "s3": s3}), encoding="utf-8")
    return {"LAKE_SECRET": server.secret_key}


def locations(home: Path) -> list[str]:
    with SqlCatalog(f"sqlite:///{home / 'catalog' / 's3_catalog.db'}") as catalog:
        return sorted(table.layout.location for table in catalog.list_tables())


def our_warnings(text: str) -> list[str]:
    return [line for line in text.splitlines() if "Warning" in line and "s3_catalog" in line]


def test_the_job_catalogs_the_sample_lake_without_a_warning(home: Path) -> None:
    make_lake(home / "lake")
    done = run_job(home, S3_CATALOG_LOCATION=str(home / "lake"))
    assert done.returncode == 0, done.stderr
    assert our_warnings(done.stderr) == []
    assert len(locations(home)) == 14


def test_a_failed_prefix_fails_the_command_and_shows_in_the_web_server(
    home: Path, s3_server: S3Server, faulty: Callable[..., FaultyProxy]
) -> None:
    bucket = s3_server.make_bucket({f"{folder}/t.csv": CSV for folder in ("alpha", "secret", "zeta")})
    proxy = faulty(s3_server.endpoint_url, Fault(kind="status", status=403, code="AccessDenied", match="prefix=secret"))
    environ = configure(home, s3_server, bucket, proxy.endpoint_url)
    done = run_job(home, **environ)
    assert done.returncode != 0
    assert f"s3://{bucket}/secret/: permission denied" in done.stderr
    assert s3_server.secret_key not in done.stderr + done.stdout
    assert locations(home) == ["alpha/t.csv", "zeta/t.csv"]
    with web_server(home, environ) as url:
        for asset in ("object_manifest", "table_layouts", "table_schemas", "table_descriptions", "published_tables"):
            assert partition_statuses(url, asset) == {"materialized": ["alpha/", "zeta/"], "failed": ["secret/"]}


def test_the_job_catalogs_a_bucket_over_tls_with_its_own_authority(home: Path, minio_tls_server: S3Server) -> None:
    bucket = minio_tls_server.make_bucket({"sales/t.csv": CSV, "a b/ü+1/t.csv": CSV})
    done = run_job(home, **configure(home, minio_tls_server, bucket))
    assert done.returncode == 0, done.stderr
    assert locations(home) == ["a b/ü+1/t.csv", "sales/t.csv"]


@contextmanager
def web_server(home: Path, environ: dict[str, str]) -> Iterator[str]:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port = listener.getsockname()[1]
    command = [str(Path(sys.executable).with_name("dagster-webserver")), "-h", "127.0.0.1", "-p", str(port), "-w", "workspace.yaml"]
    with (
        (home / "web.log").open("w") as log,
        subprocess.Popen(command, cwd=home, env=environment(home, **environ), stdout=log, stderr=log) as server,
    ):
        try:
            url, deadline = f"http://127.0.0.1:{port}", time.monotonic() + 60
            while not answers(url):
                assert server.poll() is None, (home / "web.log").read_text()
                assert time.monotonic() < deadline, "the web server did not start"
                time.sleep(0.1)
            yield url
        finally:
            server.terminate()
    assert our_warnings((home / "web.log").read_text()) == []


def answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(f"{url}/server_info", timeout=5):
            return True
    except (urllib.error.URLError, ConnectionError):
        return False


def partition_statuses(url: str, asset: str) -> dict[str, list[str]]:
    """What the asset's page in the UI asks for."""
    query = """query Partitions($key: AssetKeyInput!) { assetNodeOrError(assetKey: $key) { ... on AssetNode { assetPartitionStatuses {
        ... on DefaultPartitionStatuses { materializedPartitions failedPartitions } } } } }"""
    body = json.dumps({"query": query, "variables": {"key": {"path": [asset]}}}).encode()
    request = urllib.request.Request(f"{url}/graphql", body, {"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=30) as answer:
        statuses: dict[str, Any] = json.load(answer)["data"]["assetNodeOrError"]["assetPartitionStatuses"]
    return {"materialized": sorted(statuses["materializedPartitions"]), "failed": sorted(statuses["failedPartitions"])}
