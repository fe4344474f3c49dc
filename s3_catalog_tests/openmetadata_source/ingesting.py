"""Runs the real `metadata ingest` on a workflow file, against a double of the server."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from s3_catalog_tests.openmetadata.server import BOT_TOKEN, Double

PROJECT = Path(__file__).parents[2]
MISSING = "the command `metadata` is not here: run `make ingest-env`, or name it in METADATA_BIN"


@dataclass(frozen=True)
class Run:
    """What one run said. `output` is all of it, both streams, as people see it."""

    exit_code: int
    output: str


def find_metadata() -> str | None:
    """The command `metadata`: `METADATA_BIN`, or the one that `make ingest-env` made for the lock of this checkout."""
    named = os.environ.get("METADATA_BIN")
    if named:
        return named if Path(named).is_file() else None
    with (PROJECT / "requirements-openmetadata.lock").open("rb") as lock:
        key = subprocess.run(["cksum"], stdin=lock, capture_output=True, text=True, check=True).stdout.split()[0]
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    made = cache / "s3-catalog" / "openmetadata" / key
    return str(made / "bin" / "metadata") if (made / ".made").is_file() else None


def workflow(
    server: Double, options: Mapping[str, str], *, service: str = "lake", config: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    """A workflow file's content. `config` goes into `sourceConfig.config`."""
    connection = {
        "type": "CustomDatabase",
        "sourcePythonClass": "s3_catalog.openmetadata_source.S3Source",
        "connectionOptions": dict(options),
    }
    server_config = {
        "hostPort": f"http://127.0.0.1:{server.port}/api",
        "authProvider": "openmetadata",
        "securityConfig": {"jwtToken": BOT_TOKEN},
    }
    return {
        "source": {
            "type": "customDatabase",
            "serviceName": service,
            "serviceConnection": {"config": connection},
            "sourceConfig": {"config": {"type": "DatabaseMetadata", **(config or {})}},
        },
        "sink": {"type": "metadata-rest", "config": {}},
        "workflowConfig": {"loggerLevel": "DEBUG", "openMetadataServerConfig": server_config},
    }


def ingest(command: str, folder: Path, content: Mapping[str, Any]) -> Run:
    """Run the command in a folder of its own; what it keeps between runs is there too."""
    file = folder / "workflow.yaml"
    file.write_text(yaml.safe_dump(dict(content)), encoding="utf-8")
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "S3_CATALOG_"))}
    own = {"PYTHONPATH": str(PROJECT), "S3_CATALOG_HOME": str(folder / "home"), "HOME": str(folder), "AWS_EC2_METADATA_DISABLED": "true"}
    done = subprocess.run(
        [command, "ingest", "-c", str(file)], capture_output=True, text=True, cwd=folder, env=inherited | own, timeout=280, check=False
    )
    return Run(done.returncode, done.stdout + done.stderr)
