"""The worked example of `docs/extending.md` does what the page says."""

from __future__ import annotations

import json
import os
import re
import struct
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

PAGE = Path(__file__).parents[2] / "docs" / "extending.md"


def block(language: str) -> str:
    """The only block of a language on the page."""
    found = re.findall(rf"```{language}\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    assert len(found) == 1
    return str(found[0])


def install(folder: Path) -> None:
    """Lay the package out as an installer does: its module, and the metadata that name its entry points."""
    project = tomllib.loads(block("toml"))["project"]
    (folder / "s3_catalog_dbf.py").write_text(block("python"), encoding="utf-8")
    metadata = folder / f"{project['name'].replace('-', '_')}-{project['version']}.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {project['name']}\nVersion: {project['version']}\n")
    lines = [line for group, names in project["entry-points"].items() for line in (f"[{group}]", *(f"{n} = {v}" for n, v in names.items()))]
    (metadata / "entry_points.txt").write_text("\n".join(lines) + "\n")


def dbf(rows: int) -> bytes:
    """A dBASE III table with a number, an amount, a date and a text."""
    columns = [(b"ID", b"N", 9, 0), (b"AMOUNT", b"N", 12, 2), (b"DAY", b"D", 8, 0), (b"CITY", b"C", 20, 0)]
    described = b"".join(struct.pack("<11sc4xBB14x", name, kind, length, decimals) for name, kind, length, decimals in columns)
    width = 1 + sum(length for *_, length, _ in columns)
    return (
        struct.pack("<BBBBIHH20x", 3, 124, 1, 31, rows, 32 + len(described) + 1, width) + described + b"\r" + b" " * width * rows + b"\x1a"
    )


@pytest.fixture(scope="module")
def crawl(tmp_path_factory: pytest.TempPathFactory) -> dict[str, object]:
    """What a crawl prints where the example's package is installed; a running program knows its formats for good, so it is another one."""
    site, lake, work = (tmp_path_factory.mktemp(name) for name in ("site", "lake", "work"))
    install(site)
    (lake / "cities").mkdir()
    for part in range(2):
        (lake / "cities" / f"part-{part}.dbf").write_bytes(dbf(rows=100 + part))
    (lake / "cities_without_name").mkdir()
    (lake / "cities_without_name" / "export").write_bytes(dbf(rows=7))
    (lake / "broken.dbf").write_bytes(b"not a table at all")
    command = [sys.executable, "-m", "s3_catalog.cli", "crawl", str(lake), "--json"]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(site), str(PAGE.parents[1])])}
    done = subprocess.run(command, capture_output=True, text=True, cwd=work, env=environment, timeout=60, check=False)
    assert done.returncode == 1, done.stderr  # done, with one failure in the ledger
    return dict(json.loads(done.stdout))


def test_files_of_the_new_format_become_tables_with_counts(crawl: dict[str, object]) -> None:
    tables = {table["name"]: table for table in crawl["tables"]}  # type: ignore[attr-defined]
    assert {name: (table["format"], table["row_count"]) for name, table in tables.items()} == {
        "cities": ("dbf", 201),
        "cities_without_name": ("dbf", 7),
    }
    assert [(column["name"], column["type"]) for column in tables["cities"]["columns"]] == [
        ("ID", "bigint"),
        ("AMOUNT", "decimal(12,2)"),
        ("DAY", "date"),
        ("CITY", "string"),
    ]


def test_a_file_that_lies_about_being_of_the_format_is_in_the_ledger(crawl: dict[str, object]) -> None:
    failed = crawl["ledger"]["failed"]  # type: ignore[index]
    assert [(entry["key"], "does not begin as a dBASE table" in entry["error"]) for entry in failed] == [("broken.dbf", True)]
