"""Shared fixtures: real servers, clean AWS settings."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings

from s3_catalog_tests.servers import Fault, FaultyProxy, S3Server, find_minio, run_minio, run_moto, run_rclone

# No deadline: a busy machine is no failure. In CI the same examples every time: news is for those who can look at it.
settings.register_profile("s3_catalog", deadline=None, derandomize=os.environ.get("CI") == "true")
settings.load_profile("s3_catalog")


@pytest.fixture(autouse=True)
def clean_aws_settings(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> None:
    """No credentials, profile, endpoint or instance role of the machine reaches a test."""
    for name in [name for name in os.environ if name.startswith("AWS_") or name == "REQUESTS_CA_BUNDLE"]:
        monkeypatch.delenv(name)
    missing = tmp_path_factory.getbasetemp() / "no-aws-settings"
    monkeypatch.setenv("AWS_CONFIG_FILE", str(missing))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(missing))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")


@pytest.fixture(scope="session")
def s3_server() -> Iterator[S3Server]:
    """S3 (and every other AWS service) by moto, in this process."""
    with run_moto() as server:
        yield server


@pytest.fixture(scope="session")
def rclone_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3Server]:
    """S3 by rclone over a plain folder: a second implementation, which checks secrets."""
    with run_rclone(tmp_path_factory.mktemp("rclone")) as server:
        yield server


@pytest.fixture(scope="session")
def minio_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3Server]:
    """S3 by MinIO, with IAM and STS; skips where there is none."""
    _require_minio()
    with run_minio(tmp_path_factory.mktemp("minio")) as server:
        yield server


@pytest.fixture(scope="session")
def minio_tls_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3Server]:
    """MinIO over TLS, with a certificate that only `ca_bundle` trusts; skips where there is none."""
    _require_minio()
    with run_minio(tmp_path_factory.mktemp("minio-tls"), tls=True) as server:
        yield server


@pytest.fixture
def faulty() -> Iterator[Callable[..., FaultyProxy]]:
    """Put a failing proxy before a server: `faulty(endpoint_url, Fault(...), seed=0, certificates=None, drop_headers=())`."""
    proxies: list[FaultyProxy] = []

    def start(endpoint_url: str, *faults: Fault, **settings: Any) -> FaultyProxy:
        proxies.append(FaultyProxy(endpoint_url, faults, **settings))
        return proxies[-1]

    yield start
    for proxy in proxies:
        proxy.stop()


@pytest.fixture
def fill_folder(tmp_path: Path) -> Callable[[dict[str, bytes]], Path]:
    """Write files (by their path below a new folder); returns the folder."""

    def fill(files: dict[str, bytes]) -> Path:
        folder = tmp_path / "lake"
        for name, data in files.items():
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)
        folder.mkdir(exist_ok=True)
        return folder

    return fill


def _require_minio() -> None:
    if find_minio() is not None:
        return
    message = "MinIO is not here: put `minio` on the path or name it in MINIO_BIN"
    if os.environ.get("S3_CATALOG_REQUIRE_SERVICES") == "1":
        pytest.fail(message)
    pytest.skip(message)
