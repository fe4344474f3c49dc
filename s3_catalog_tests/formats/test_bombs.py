"""Hostile and gigantic files cost little memory, time and traffic, whatever they claim."""

from __future__ import annotations

import io
import json
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path
from typing import Any

import fastavro
import numpy as np
import pyarrow as pa
import pyarrow.ipc
import pyarrow.orc
import pyarrow.parquet as pq
import pytest

from s3_catalog.formats import ReadLimits, file_formats
from s3_catalog.storage import parse_location
from s3_catalog.storage.files import ObjectFile
from s3_catalog.storage.folder import FolderStore
from s3_catalog_tests.formats.hostile import GIGABYTE
from s3_catalog_tests.formats.readers import types

MEGABYTE = 1024 * 1024
PROJECT = Path(__file__).parents[2]


def read_in_child(*arguments: str) -> dict[str, dict[str, Any]]:
    command = [sys.executable, "-m", "s3_catalog_tests.formats.hostile", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, cwd=PROJECT, timeout=100, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    outcomes: dict[str, dict[str, Any]] = json.loads(done.stdout)
    return outcomes


@pytest.fixture(scope="module")
def outcomes() -> dict[str, dict[str, Any]]:
    return read_in_child()


def test_no_hostile_file_takes_more_than_half_a_gigabyte(outcomes: dict[str, dict[str, Any]]) -> None:
    assert len(outcomes) > 60
    assert max(outcome["peak"] for outcome in outcomes.values()) < 512 * MEGABYTE


def test_no_hostile_file_takes_long(outcomes: dict[str, dict[str, Any]]) -> None:
    assert {key: outcome for key, outcome in outcomes.items() if outcome["seconds"] > 10} == {}


@pytest.mark.parametrize(
    ("key", "outcome"),
    [
        ("ten gigabytes of zeros.csv.gz", "refused: the bytes are zero bytes only"),
        ("ten gigabytes of rows.csv.gz", "read: 2 columns"),
        ("ten gigabytes in ten kilobytes.json.bz2", "read: 1 columns"),
        ("one line.json", "read: 1 columns"),
        ("one line.csv", "columns, more than the limit"),
        ("columns.csv", "columns, more than the limit"),
        ("1000 deep.json", "read: 1 columns"),
        ("1000 deep.xml", "read: 1 columns"),
        ("30000 deep.orc", "nested more than 1,000 deep"),
        ("shared.orc", "no tree"),
        ("columns.parquet", "corrupt"),
        ("rows.parquet", "do not add up to its row count"),
        ("zip bomb.zip", "read: 2 columns"),
    ],
)
def test_what_becomes_of_a_bomb_is_told(outcomes: dict[str, dict[str, Any]], key: str, outcome: str) -> None:
    assert outcome in outcomes[key]["outcome"]


NOISE = np.random.default_rng(1).random(20_000)
SMALL = pa.table({"id": np.arange(20_000), "noise": NOISE})


def parquet() -> bytes:
    sink = io.BytesIO()
    pq.write_table(SMALL, sink, row_group_size=1000)
    return sink.getvalue()


def orc() -> bytes:
    sink = io.BytesIO()
    pa.orc.write_table(SMALL, sink)
    return sink.getvalue()


def arrow() -> bytes:
    sink = io.BytesIO()
    with pa.ipc.new_file(sink, SMALL.schema) as writer:
        writer.write_table(SMALL)
    return sink.getvalue()


def avro() -> bytes:
    sink = io.BytesIO()
    schema = {"type": "record", "name": "Row", "fields": [{"name": "id", "type": "long"}, {"name": "noise", "type": "double"}]}
    fastavro.writer(sink, schema, SMALL.slice(0, 5000).to_pylist())
    return sink.getvalue()


def zipped() -> bytes:
    sink = io.BytesIO()
    with zipfile.ZipFile(sink, "w") as archive:
        archive.writestr("data.csv", "id,noise\n" + "1,0.5\n" * 1000)
    return sink.getvalue()


def tarred(size: int) -> tuple[bytes, bytes]:
    """The start and the end of a tar archive whose first member is as large as that."""
    first, second = tarfile.TarInfo("hole.bin"), tarfile.TarInfo("data.csv")
    data = b"id,noise\n" + b"1,0.5\n" * 1000
    first.size, second.size = size, len(data)
    return first.tobuf(), second.tobuf() + data.ljust(6144, b"\0") + bytes(1024)


ROWS = b"id,noise\n" + b"1,0.5\n" * 200_000
LARGE: dict[str, tuple[bytes, bytes]] = {
    "data.parquet": (b"PAR1", parquet()),
    "data.orc": (b"ORC", orc()),
    "data.arrow": (b"ARROW1\0\0", arrow()),
    "data.avro": (avro(), b""),
    "data.csv": (ROWS, b""),
    "data.tsv": (ROWS.replace(b",", b"\t"), b""),
    "data.json": (b"[" + b'{"id": 1, "noise": 0.5},' * 50_000, b""),
    "data.jsonl": (b'{"id": 1, "noise": 0.5}\n' * 50_000, b""),
    "data.log": (b"#Fields: id noise\n" + b"1 0.5\n" * 200_000, b""),
    "data.xml": (b"<rows>" + b'<row id="1" noise="0.5"/>' * 50_000, b""),
    "data.zip": (b"", zipped()),
    "data.tar": tarred(5 * GIGABYTE - 512),
}
"""How each format begins and ends; between stands a hole, so that a file is as large as wanted and takes no room."""
EXPECTED = {"id": "bigint", "noise": "double"}


def write_sparse(path: Path, size: int) -> None:
    start, end = LARGE[path.name]
    if path.suffix == ".tar":  # its header says how long the hole is
        size = 512 + 5 * GIGABYTE - 512 + len(end)
    with path.open("wb") as file:
        file.write(start)
        file.truncate(size)
        file.seek(size - len(end))
        file.write(end)


@pytest.mark.parametrize(
    ("name", "rows"),
    [("data.parquet", 20_000), ("data.orc", 20_000), ("data.csv", None), ("data.jsonl", None), ("data.arrow", None), ("data.zip", 1000)],
)
def test_a_gigabyte_costs_two_gets_and_a_megabyte(tmp_path: Path, name: str, rows: int | None) -> None:
    write_sparse(tmp_path / name, GIGABYTE)
    store = FolderStore(parse_location(str(tmp_path)))
    file_format = next(f for f in file_formats().values() if Path(name).suffix in f.suffixes)
    schema = file_format.read_schema(ObjectFile(store, name, GIGABYTE), None, ReadLimits())
    assert (types(schema), schema.row_count) == (EXPECTED, rows)
    assert store.receipt.get_requests <= 2
    assert store.receipt.bytes_read <= MEGABYTE


def test_five_gigabytes_of_any_format_stay_below_300_megabytes_of_memory(tmp_path: Path) -> None:
    for name in LARGE:
        write_sparse(tmp_path / name, 5 * GIGABYTE)
    outcomes = read_in_child(str(tmp_path))
    assert {key: outcome["outcome"] for key, outcome in outcomes.items()} == dict.fromkeys(sorted(LARGE), "read: 2 columns")
    assert max(outcome["peak"] for outcome in outcomes.values()) < 300 * MEGABYTE
