"""Time and memory of a full profile of one big file, made first where it is not there.

`python benchmarks/profile_big_table.py FOLDER --format parquet --rows 12000000`
"""

from __future__ import annotations

import argparse
import resource
import subprocess
import sys
import time
from pathlib import Path

import pyarrow as pa

from s3_catalog.formats import ReadLimits, file_formats
from s3_catalog.model.tables import Evidence, Table, TableLayout
from s3_catalog.profiling.full import MEMORY_BYTES, profile_fully
from s3_catalog.storage import open_store
from s3_catalog.storage.files import ObjectFile

_ROWS = """
    SELECT i AS id, 'name ' || (i % 1000) AS name, hash(i) % 100000 / 100 AS price, TIMESTAMP '2024-01-01' + to_seconds(i) AS moment,
           'some, longer text ' || md5(i::VARCHAR) || md5((7 * i)::VARCHAR) AS text, i % 77 AS code FROM range({rows}) t(i)
"""
_WRITE = "import duckdb, sys; duckdb.connect(config={'memory_limit': '2GB'}).execute(sys.argv[1])"


def _write(path: Path, file_format: str, rows: int) -> None:
    """In a process of its own, whose memory is not the profile's."""
    options = "ROW_GROUP_SIZE 1000000" if file_format == "parquet" else "HEADER"
    query = f"COPY ({_ROWS.format(rows=rows)}) TO '{path}' (FORMAT {file_format}, {options})"
    subprocess.run([sys.executable, "-c", _WRITE, query], check=True, capture_output=True)


def _resident() -> int:
    """The most memory this process ever took, in MB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024


def main() -> None:
    """Make the file, profile it, print what that took."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--format", choices=["parquet", "csv"], default="parquet")
    parser.add_argument("--rows", type=int, default=12_000_000)
    parser.add_argument("--memory-bytes", type=int, default=MEMORY_BYTES)
    given = parser.parse_args()
    path = given.folder / f"big.{given.format}"
    if not path.exists():
        _write(path, given.format, given.rows)
    store, size = open_store(str(given.folder)), path.stat().st_size
    schema = file_formats()[given.format].read_schema(ObjectFile(store, path.name, size), None, ReadLimits())
    layout = TableLayout(
        name="big",
        store_url=store.location.store_url,
        location=path.name,
        format=given.format,
        object_count=1,
        size_bytes=size,
        newest=None,
        evidence=Evidence(rule="", reason="", runner_up=""),
    )
    table = Table(layout=layout, columns=schema.columns, details=tuple(schema.details.items()))
    files = pa.table({"key": [path.name], "size": [size], "etag": pa.nulls(1, pa.string())})
    before, started = _resident(), time.monotonic()
    profile = profile_fully(store, table, files, {}, lambda _, value: value, max_bytes=3 * size, memory_bytes=given.memory_bytes)
    seconds = time.monotonic() - started
    print(f"{size / 1e6:,.0f} MB, {profile.rows:,} rows, complete: {profile.complete} {profile.reason or ''}{'; '.join(profile.problems)}")
    print(f"{seconds:.1f} s, {profile.bytes_read / 1e6:,.0f} MB read, at most {_resident():,} MB resident ({before:,} before)")


if __name__ == "__main__":
    main()
