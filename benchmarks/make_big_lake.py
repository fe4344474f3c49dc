"""A folder of many small files in many tables: three layouts, three formats.

`python benchmarks/make_big_lake.py FOLDER --objects 100000 --tables 200`
"""

from __future__ import annotations

import argparse
import io
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq


def _contents() -> dict[str, bytes]:
    rows = {"id": list(range(100)), "name": [f"name {i}" for i in range(100)], "amount": [i / 4 for i in range(100)]}
    buffer = io.BytesIO()
    pq.write_table(pa.table(rows), buffer)
    lines = list(zip(*rows.values(), strict=True))
    csv = "id,name,amount\n" + "".join(f"{i},{n},{a}\n" for i, n, a in lines)
    jsonl = "".join(f'{{"id": {i}, "name": "{n}", "amount": {a}}}\n' for i, n, a in lines)
    return {"parquet": buffer.getvalue(), "csv": csv.encode(), "jsonl": jsonl.encode()}


def _folder(layout: int, number: int) -> str:
    day = number % 365
    if layout == 0:
        return f"dt=2024-{day // 31 + 1:02d}-{day % 28 + 1:02d}/"
    return f"2024/{day // 31 + 1:02d}/{day % 28 + 1:02d}/" if layout == 1 else ""


def make_lake(root: Path, *, objects: int, tables: int) -> None:
    """Write the files. Table i has layout i % 3 (Hive, dates, flat) and format i // 3 % 3, so that all nine mixtures are there."""
    contents = _contents()
    formats = list(contents)
    for table in range(tables):
        layout, file_format = table % 3, formats[table // 3 % 3]
        for number in range(objects // tables):
            path = root / f"zone{table % 4}/table_{table:04d}" / _folder(layout, number) / f"part-{number:05d}.{file_format}"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(contents[file_format])


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--objects", type=int, default=100_000)
    parser.add_argument("--tables", type=int, default=200)
    arguments = parser.parse_args()
    make_lake(arguments.folder, objects=arguments.objects, tables=arguments.tables)
