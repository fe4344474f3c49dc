"""Takes the screenshots of the Dagster UI in `docs/images/`.

Run by hand, in an environment with the development packages and Chromium:

    python docs/make_screenshots.py [--chromium /path/to/chromium]

It catalogs the sample lake from a local S3 server on which one prefix cannot be listed, so that a failed partition is there to be seen, and
publishes it to a double of OpenMetadata and to the server's Glue.
"""

from __future__ import annotations

import argparse
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote

import yaml
from playwright.sync_api import Page, sync_playwright

PROJECT = Path(__file__).resolve().parents[1]
IMAGES = PROJECT / "docs" / "images"
sys.path.insert(0, str(PROJECT))

from examples.make_lake import make_lake  # noqa: E402 - the checkout need not be installed
from s3_catalog_tests.openmetadata.server import BOT_TOKEN, Double  # noqa: E402
from s3_catalog_tests.servers import Fault, FaultyProxy, S3Server, run_moto  # noqa: E402

BUCKET, DENIED = "example-lake", "restricted/"


def main() -> None:
    """Take the screenshots."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--chromium", default=shutil.which("chromium") or shutil.which("chromium-browser"))
    chromium = parser.parse_args().chromium
    IMAGES.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as folder, run_moto() as server:
        home = Path(folder)
        fill_bucket(server, home / "lake")
        denied = Fault(kind="status", status=403, code="AccessDenied", match=f"prefix={DENIED.rstrip('/')}")
        proxy, double = FaultyProxy(server.endpoint_url, (denied,)), Double()
        try:
            environ = configure(home, server, proxy.endpoint_url, double)
            run_dagster(home, environ, "job", "execute", "-m", "s3_catalog.definitions", "-j", "catalog_bucket")
            with web_server(home, environ) as url:
                take(url, chromium)
        finally:
            proxy.stop()
            double.close()


def fill_bucket(server: S3Server, lake: Path) -> None:
    """Make the bucket: the sample lake, and one folder more."""
    make_lake(lake)
    files = {path.relative_to(lake).as_posix(): path.read_bytes() for path in lake.rglob("*") if path.is_file()}
    server.make_bucket(files | {f"{DENIED}salaries.csv": b"id\n1\n"}, name=BUCKET)


def configure(home: Path, server: S3Server, endpoint_url: str, double: Double) -> dict[str, str]:
    """Write the settings; returns the environment that they need."""
    for name in ("dagster.yaml", "workspace.yaml"):
        shutil.copy(PROJECT / name, home / name)
    s3 = {"endpoint_url": endpoint_url, "region": server.region, "access_key_id": server.access_key, "path_style": True}
    # moto keeps no statistics of columns
    glue = f"glue://lake?region={server.region}&column_statistics=false&endpoint_url={quote(server.endpoint_url)}"
    settings = {
        "location": f"s3://{BUCKET}/",
        "s3": s3 | {"secret_access_key": "${LAKE_SECRET}"},
        "publish_to": [{"url": double.url()}, {"url": glue}],
    }
    (home / "s3_catalog.yaml").write_text(yaml.safe_dump(settings), encoding="utf-8")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("DAGSTER_", "S3_CATALOG_", "AWS_"))}
    keys = {"AWS_ACCESS_KEY_ID": server.access_key, "AWS_SECRET_ACCESS_KEY": server.secret_key, "OPENMETADATA_JWT_TOKEN": BOT_TOKEN}
    return kept | keys | {"LAKE_SECRET": server.secret_key, "PYTHONPATH": str(PROJECT)}


def run_dagster(home: Path, environ: dict[str, str], *arguments: str) -> None:
    """Run the `dagster` command."""
    command = [str(Path(sys.executable).with_name("dagster")), *arguments]
    subprocess.run(command, cwd=home, env=environ, check=False, capture_output=True)  # noqa: S603 - it fails, as one prefix does


@contextmanager
def web_server(home: Path, environ: dict[str, str]) -> Iterator[str]:
    """Run the Dagster UI; gives its URL."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port = listener.getsockname()[1]
    command = [str(Path(sys.executable).with_name("dagster-webserver")), "-h", "127.0.0.1", "-p", str(port), "-w", "workspace.yaml"]
    quiet = subprocess.DEVNULL
    with subprocess.Popen(command, cwd=home, env=environ, stdout=quiet, stderr=quiet) as server:  # noqa: S603
        try:
            url, deadline = f"http://127.0.0.1:{port}", time.monotonic() + 60
            while not answers(f"{url}/server_info"):
                if time.monotonic() > deadline:
                    raise TimeoutError("the web server did not start")
                time.sleep(0.2)
            yield url
        finally:
            server.terminate()


def answers(url: str) -> bool:
    """Whether a server is there."""
    try:
        with urllib.request.urlopen(url, timeout=5):  # noqa: S310
            return True
    except OSError:
        return False


def take(url: str, chromium: str | None) -> None:
    """Take all screenshots."""
    with sync_playwright() as playwright:
        arguments = ["--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu"]
        browser = playwright.chromium.launch(executable_path=chromium, args=arguments)
        page = browser.new_page(viewport={"width": 1500, "height": 760})
        page.goto(url)
        page.get_by_text("Hide navigation").click()
        shoot(page, f"{url}/assets/published_tables?view=partitions&partition=sales/", "found tables", "asset-partitions.png")
        shoot(page, f"{url}/assets/object_manifest?view=partitions&partition={DENIED}", "failed prefixes", "failed-partition.png")
        page.set_viewport_size({"width": 2600, "height": 640})
        shoot(page, f"{url}/asset-groups?expanded=global@global:catalog,global@global:catalogs", "published_tables", "asset-graph.png")
        browser.close()


def shoot(page: Page, url: str, text: str, name: str) -> None:
    """Take one screenshot, once a text is there."""
    page.goto(url)
    page.get_by_text(text).first.wait_for()
    page.wait_for_timeout(2_500)  # the graph and the partition bar are drawn in steps that leave no trace to wait for
    page.screenshot(path=IMAGES / name)


if __name__ == "__main__":
    main()
