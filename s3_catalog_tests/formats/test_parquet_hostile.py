"""Parquet footers that are long, damaged or lie: bounded memory and time, a reason or a schema, never a crash."""

from __future__ import annotations

import io
import random
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from s3_catalog.errors import UnreadableFileError
from s3_catalog.formats import FileSchema, ReadLimits, file_formats
from s3_catalog.formats._parquet_figures import read_figures
from s3_catalog.formats.parquet import _SANDBOX
from s3_catalog_tests.formats.hostile import _varint
from s3_catalog_tests.formats.readers import read
from s3_catalog_tests.formats.stores import open_bytes
from s3_catalog_tests.formats.test_bombs import read_in_child

MEGABYTE = 1024 * 1024
LAUNCHER_BYTES = 80 * MEGABYTE
"""What the process that forks for readers takes, with pyarrow in it."""
CHUNK, LEAF = b"\x26\x08\x00", b"\x15\x04\x25\x02\x18\x01c\x00"
"""A column chunk that says nothing but an offset, and a schema's column `c`: 3 and 8 bytes of which pyarrow makes some 700 and 1,400."""


def framed(footer: bytes) -> bytes:
    return b"PAR1" + footer + len(footer).to_bytes(4, "little") + b"PAR1"


def listed(count: int) -> bytes:
    """The head of a Thrift list of structs."""
    return bytes([count << 4 | 12]) if count < 15 else b"\xfc" + _varint(count)


def footer_of(columns: int, groups: int) -> bytes:
    """A footer of as many column chunks as its size has room for."""
    schema = b"\x48\x01r\x15" + _varint(columns << 1) + b"\x00" + LEAF * columns
    group = b"\x19" + listed(columns) + CHUNK * columns + b"\x16\x00\x16\x00\x00"
    return framed(b"\x15\x04\x19" + listed(columns + 1) + schema + b"\x16\x00\x19" + listed(groups) + group * groups + b"\x00")


def deep(levels: int) -> bytes:
    groups = b"\x35\x02\x18\x01g\x15\x02\x00" * levels
    return framed(b"\x15\x04\x19" + listed(levels + 2) + b"\x48\x01r\x15\x02\x00" + groups + LEAF + b"\x16\x00\x19\x0c\x00")


def long_names(columns: int, length: int) -> bytes:
    leaves = b"".join(b"\x15\x04\x25\x02\x18" + _varint(length) + b"%06d" % i + b"c" * (length - 6) + b"\x00" for i in range(columns))
    schema = b"\x48\x01r\x15" + _varint(columns << 1) + b"\x00" + leaves
    return framed(b"\x15\x04\x19" + listed(columns + 1) + schema + b"\x16\x00\x19\x0c\x00")


def written(table: pa.Table, **options: object) -> bytes:
    sink = io.BytesIO()
    pq.write_table(table, sink, **options)
    return sink.getvalue()


HOSTILE: dict[str, tuple[Callable[[], bytes], str]] = {
    "a million chunks.parquet": (lambda: footer_of(1000, 1000), "refused: reading it takes more than"),
    "twenty million chunks.parquet": (lambda: footer_of(10_000, 2000), "refused: reading it takes more than"),
    "names of 3 KB.parquet": (lambda: long_names(9990, 3000), "refused: "),
    "65,000 columns.parquet": (lambda: long_names(65_000, 20), "refused: 65,000 columns, more than the limit"),
    "65,000 groups.parquet": (lambda: footer_of(1, 65_000), "read: 1 columns"),
    "a million groups.parquet": (lambda: footer_of(1, 1_000_000), "refused: the footer is corrupt"),
    "60 MB of zeros.parquet": (lambda: framed(bytes(60_000_000)), "refused: the footer is corrupt"),
    "60,000 deep.parquet": (lambda: deep(60_000), "refused: "),
}


def test_hostile_footers_take_less_than_half_a_gigabyte_in_all_processes(tmp_path: Path) -> None:
    for name, (make, _) in HOSTILE.items():
        (tmp_path / name).write_bytes(make())
    outcomes = read_in_child(str(tmp_path))
    assert {name: outcomes[name]["outcome"][: len(start)] for name, (_, start) in HOSTILE.items()} == {
        name: start for name, (_, start) in HOSTILE.items()
    }
    assert max(outcome["peak"] for outcome in outcomes.values()) + LAUNCHER_BYTES + _SANDBOX.memory_bytes < 512 * MEGABYTE
    assert max(outcome["seconds"] for outcome in outcomes.values()) < 10


@pytest.mark.parametrize(("columns", "groups"), [(10_000, 1), (2000, 50)])
def test_honest_wide_files_are_read(columns: int, groups: int) -> None:
    rows = np.arange(groups * 2)
    data = written(pa.table({f"a_column_{i:05}": rows for i in range(columns)}), row_group_size=2, compression="none")
    file, receipt = open_bytes(data)
    schema = file_formats()["parquet"].read_schema(file, None, ReadLimits())
    assert (len(schema.columns), schema.row_count, schema.warnings) == (columns, len(rows), ())
    last = schema.figures[f"a_column_{columns - 1:05}"]
    assert (last.min, last.max, last.null_count) == (pa.scalar(0), pa.scalar(len(rows) - 1), 0)
    assert receipt.get_requests <= 2


def test_of_too_many_chunks_the_first_columns_have_figures() -> None:
    data = written(pa.table({"a": [1, 2, 3], "b": [4, 5, 6], "c": [7, 8, 9]}), row_group_size=1)
    own = pq.ParquetFile(io.BytesIO(data))
    assert [figures.high for figures in read_figures(own.metadata, own.schema_arrow, 8)] == [3, 6, None]
    assert [figures.size_bytes is None for figures in read_figures(own.metadata, own.schema_arrow, 8)] == [False, False, True]


def attempt(data: bytes) -> FileSchema | str:
    try:
        return read("parquet", data)
    except UnreadableFileError as error:
        return error.reason


def damaged_footers(seed: int, count: int) -> list[bytes]:
    table = pa.table({"id": [1, 2, None], "text": ["a", "b", None], "at": pa.array([0, 1, 2], pa.timestamp("ns")), "rows": [[1], [], None]})
    data = written(table, compression="none", store_schema=False)
    noise = random.Random(seed)
    found = []
    for _ in range(count):
        damaged = bytearray(data)
        for _ in range(noise.randint(1, 3)):
            damaged[noise.randrange(len(data) - int.from_bytes(data[-8:-4], "little") - 8, len(data) - 8)] = noise.randrange(256)
        found.append(bytes(damaged))
    return found


def test_damaged_footers_are_read_or_refused() -> None:
    """pyarrow itself aborts at one in a hundred of them."""
    outcomes = [attempt(data) for data in damaged_footers(seed=4, count=120)]
    assert any(isinstance(outcome, str) for outcome in outcomes)
    assert any(isinstance(outcome, FileSchema) for outcome in outcomes)
