"""A real Trino that reads what stands in Glue: the hive, iceberg, delta_lake and hudi connectors over one catalog and one object store.

It comes as `io.trino:trino-server` from Maven Central and needs Java 24 or newer. Found in `TRINO_HOME`, else in the cache folder where
`.ci/run` puts it. All listens on 127.0.0.1, on ports the system chose, and is stopped by the handle it was started with.
"""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from s3_catalog_tests.glue.java import MISSING, find_java
from s3_catalog_tests.servers import S3Server, _free_port

_PLUGINS = ("hive", "iceberg", "delta-lake", "hudi")
_START_SECONDS = 110
_HEAP = "1200m"


@dataclass(frozen=True)
class Result:
    """The answer to one statement: types by column, and rows of plain values."""

    types: dict[str, str]
    rows: list[list[Any]]


class TrinoError(Exception):
    """Trino refused a statement."""


@dataclass(frozen=True)
class Trino:
    """A running server."""

    url: str

    def query(self, statement: str, *, catalog: str = "hive") -> Result:
        """Run one statement to its end.

        Raises:
            TrinoError: it failed.
        """
        headers = {"X-Trino-User": "test", "X-Trino-Catalog": catalog, "X-Trino-Time-Zone": "UTC"}
        headers |= {"X-Trino-Client-Capabilities": "PARAMETRIC_DATETIME"}
        page = _fetch(urllib.request.Request(f"{self.url}/v1/statement", statement.encode(), headers))
        types: dict[str, str] = {}
        rows: list[list[Any]] = []
        while True:
            if "error" in page:
                raise TrinoError(f"{page['error']['errorName']}: {page['error']['message']}")
            types = types or {column["name"]: column["type"] for column in page.get("columns", [])}
            rows += page.get("data", [])
            if "nextUri" not in page:
                return Result(types, rows)
            page = _fetch(urllib.request.Request(page["nextUri"]))


def _fetch(request: urllib.request.Request) -> dict[str, Any]:
    with urllib.request.urlopen(request, timeout=60) as answer:
        page: dict[str, Any] = json.load(answer)
        return page


def find_trino() -> Path | None:
    """The folder of a Trino server: `TRINO_HOME`, or the newest in the cache folder."""
    named = os.environ.get("TRINO_HOME")
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "s3-catalog"
    found = [Path(named)] if named else sorted(cache.glob("trino-server-*"))
    return next((folder for folder in reversed(found) if (folder / "plugin/hive").is_dir()), None)


def missing_parts() -> str | None:
    """What is missing to run Trino, in words."""
    if find_trino() is None:
        return "Trino is not here: .ci/run fetches it; or unpack io.trino:trino-server and name its folder in TRINO_HOME"
    if find_java() is None:
        return MISSING
    return None


@contextlib.contextmanager
def run_trino(folder: Path, *, glue: S3Server, store: S3Server, timeout: float = _START_SECONDS) -> Iterator[Trino]:
    """Trino over a Glue server and an object store, with its files below `folder`.

    Raises:
        RuntimeError: it is not here, or did not start; the end of its log is in the message.
    """
    home, java = find_trino(), find_java()
    if home is None or java is None:
        raise RuntimeError(missing_parts())
    port = _free_port()
    _write_settings(folder, home, port, glue, store)
    command = [
        java, f"-Xmx{_HEAP}", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "--add-modules=jdk.incubator.vector",
        "-Djdk.attach.allowAttachSelf=true", "--enable-native-access=ALL-UNNAMED", "--sun-misc-unsafe-memory-access=allow",
        f"-Dconfig={folder}/etc/config.properties", "-cp", f"{home}/lib/*", "io.trino.server.TrinoServer",
    ]  # fmt: skip
    environment = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    server, log = Trino(f"http://127.0.0.1:{port}"), folder / "trino.log"
    with log.open("wb") as output, subprocess.Popen(command, cwd=folder, env=environment, stdout=output, stderr=output) as process:
        try:
            deadline = time.monotonic() + timeout
            while not _is_ready(server):
                if process.poll() is not None or time.monotonic() > deadline:
                    raise RuntimeError(f"Trino did not start: {log.read_text(errors='replace')[-2000:]}")
                time.sleep(0.2)
            yield server
        finally:
            process.terminate()
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()


def _is_ready(server: Trino) -> bool:
    """Whether it runs statements: it answers before it knows itself as a node that could."""
    try:
        return server.query("SELECT 1").rows == [[1]]
    except (OSError, TrinoError):
        return False


def _write_settings(folder: Path, home: Path, port: int, glue: S3Server, store: S3Server) -> None:
    (folder / "etc/catalog").mkdir(parents=True)
    plugins = folder / "plugin"
    plugins.mkdir()
    for name in _PLUGINS:  # links to four instead of all: a third of the start's time
        (plugins / name).symlink_to(home / "plugin" / name)
    config = {
        "coordinator": "true", "node-scheduler.include-coordinator": "true", "http-server.http.port": str(port),
        "node.bind-ip": "127.0.0.1", "node.internal-address": "127.0.0.1",
        "discovery.uri": f"http://127.0.0.1:{port}", "catalog.management": "static", "catalog.config-dir": f"{folder}/etc/catalog",
        "plugin.dir": str(plugins), "node.environment": "test", "node.id": "test", "log.enable-console": "true",
        "query.max-memory-per-node": "300MB", "memory.heap-headroom-per-node": "300MB",
        "task.max-worker-threads": "4",
    }  # fmt: skip
    _write(folder / "etc/config.properties", config)
    objects = {
        "fs.native-s3.enabled": "true", "s3.endpoint": store.endpoint_url, "s3.region": store.region, "s3.path-style-access": "true",
        "s3.aws-access-key": store.access_key, "s3.aws-secret-key": store.secret_key,
    }  # fmt: skip
    metastore = {
        "hive.metastore.glue.region": glue.region, "hive.metastore.glue.endpoint-url": glue.endpoint_url,
        "hive.metastore.glue.aws-access-key": glue.access_key, "hive.metastore.glue.aws-secret-key": glue.secret_key,
    }  # fmt: skip
    hive = {"connector.name": "hive", "hive.metastore": "glue", "hive.timestamp-precision": "MICROSECONDS"}
    hive |= {"hive.table-statistics-enabled": "false"}  # moto has no calls for column statistics
    projected = {"hive.partition-projection-enabled": "true"}
    _write(folder / "etc/catalog/hive.properties", hive | projected | objects | metastore)
    _write(
        folder / "etc/catalog/delta.properties",
        {"connector.name": "delta_lake", "hive.metastore": "glue", "delta.table-statistics-enabled": "false"} | objects | metastore,
    )
    _write(folder / "etc/catalog/hudi.properties", {"connector.name": "hudi", "hive.metastore": "glue"} | objects | metastore)
    _write(folder / "etc/catalog/iceberg.properties", {"connector.name": "iceberg", "iceberg.catalog.type": "glue"} | objects | metastore)


def _write(path: Path, settings: dict[str, str]) -> None:
    path.write_text("".join(f"{name}={value}\n" for name, value in settings.items()), encoding="utf-8")
