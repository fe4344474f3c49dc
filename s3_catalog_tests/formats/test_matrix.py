"""`docs/formats.md`: what every format costs and tells, measured. `S3_CATALOG_WRITE_DOCS=1` writes the page anew."""

from __future__ import annotations

import io
import os
import re
from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path

import fastavro

from s3_catalog.formats import FileFormat, FileSchema, MemberFormat, ReadLimits, file_formats
from s3_catalog.formats._compression import COMPRESSIONS
from s3_catalog.storage import parse_location
from s3_catalog.storage.files import ObjectFile
from s3_catalog.storage.folder import FolderStore
from s3_catalog_tests.contracts.test_file_formats import SAMPLES
from s3_catalog_tests.formats import test_fidelity, test_hdf5, test_logs, test_pickle
from s3_catalog_tests.formats.hostile import GIGABYTE
from s3_catalog_tests.formats.readers import read, types
from s3_catalog_tests.formats.stores import open_bytes
from s3_catalog_tests.formats.test_bombs import LARGE, write_sparse
from s3_catalog_tests.formats.workbooks import TYPES as WORKBOOK_TYPES

PAGE = Path(__file__).parents[2] / "docs" / "formats.md"
SCALARS = ("boolean", "tinyint", "smallint", "int", "bigint", "float", "double", "decimal", "string", "binary", "date", "time")
ORDER = (*SCALARS, "timestamp", "timestamptz", "array", "map", "struct")
WHOLE_FILE = {"excel", "pickle"}
"""Formats whose library reads across the file, up to `ReadLimits.max_whole_file_bytes`."""
ESTIMATED = "exact when small, else estimated"
COUNTS = {
    "excel": ESTIMATED,
    "pickle": ESTIMATED,
    "arrow_ipc": ESTIMATED,
    "hdf5": "exact",
    "tar": "of its members",
    "zip": "of its members",
}
"""Row counts of formats of which no real file of 1 GB is made here."""
HEAD = """# File formats

This page is written by `s3_catalog_tests/formats/test_matrix.py` from what the readers do; a test fails when it is out of date
(`S3_CATALOG_WRITE_DOCS=1 pytest s3_catalog_tests/formats/test_matrix.py` writes it anew).

| format | endings | compressions | a small file | 1 GB | row count | figures of columns | types checked against its own reader or writer |
|---|---|---|---|---|---|---|---|
"""
FOOT = """
- **compressions**: of the file as a whole. `outside` are {codecs};
  a format that is read from its end is read so only while the compressed file is small. Codecs inside a file (Parquet, ORC, Avro, Arrow,
  HDF5) are its library's matter.
- **a small file**, **1 GB**: requests, and bytes, for the schema of one file with the limits as they are by default. Of a table of one
  or two text files the end is looked at too, which is the second request; of a larger table each file costs one.
- **row count**: `exact` for a file of any size; `exact when small`: where the bytes read for the schema are the whole file (Avro and
  Arrow: also where a dozen small requests reach every block); `estimated` is a likely number with its range, and marked as such.
- **figures of columns**: what the file tells of each column of the top level without its data being read (sizes in ORC: if the writer
  noted them). Tables of Delta and Iceberg have nulls, min and max from their logs, Iceberg sizes too.
- **zip, tar**: members are read by their own formats, one table each; a tar that is compressed is read as far as its head goes.
- **text**: logs of Apache, nginx, AWS load balancers, S3, CloudFront, VPC flow logs and W3C extended logs have columns; all other text
  has one, `line`. Lines of JSON in a `.log` are read as such.
"""


def checked_types() -> dict[str, Iterable[str]]:
    """Format -> canonical types that tests compare with the format's own reader or writer."""
    sink = io.BytesIO()
    fastavro.writer(sink, {"type": "record", "name": "Row", "fields": test_fidelity.AVRO_FIELDS}, [])
    text = test_fidelity.TEXT_TYPES
    delimited = [text[kind] for kind in ("BIGINT", "DOUBLE", "BOOLEAN", "DATE", "TIME", "TIMESTAMP", "VARCHAR", "HUGEINT")]
    document = ["bigint", "double", "boolean", "string", *test_fidelity.JSON_TYPES.values()]
    logs = [kind for log in test_logs.LOGS.values() for kind in types(read("text", log)).values()]
    return {
        "arrow_ipc": test_fidelity.TEXTS.values(),
        "avro": types(read("avro", sink.getvalue())).values(),
        "csv": delimited,
        "excel": WORKBOOK_TYPES.values(),
        "hdf5": test_hdf5.FRAME_TYPES.values(),
        "json": document,
        "jsonl": document,
        "orc": [text for _, text in test_fidelity.ORC_TYPES.values()],
        "parquet": [*test_fidelity.TEXTS.values(), *test_fidelity.DUCKDB_TYPES.values()],
        "pickle": test_pickle.FRAME_TYPES.values(),
        "text": logs,
        "tsv": delimited,
        "xml": ["bigint", "double", "string"],
    }


def name_types(found: Iterable[str]) -> str:
    words = {word for kind in found for word in re.findall(r"[a-z]+", re.sub(r"\w+:", "", kind))}
    return ", ".join(word for word in ORDER if word in words)


def cost_of_small(name: str) -> str:
    file, receipt = open_bytes(SAMPLES[name])
    file_formats()[name].read_schema(file, None, ReadLimits())
    assert receipt.bytes_read == file.size
    return f"{receipt.get_requests} GET, all of it"


def figures(name: str) -> str:
    """Which figures a small file tells of any of its columns."""
    file, _ = open_bytes(SAMPLES[name])
    told = [asdict(found) for found in file_formats()[name].read_schema(file, None, ReadLimits()).figures.values()]
    words = {"null_count": "nulls", "min": "min", "max": "max", "size_bytes": "size"}
    return ", ".join(word for field, word in words.items() if any(found[field] is not None for found in told)) or "none"


def count_of_large(name: str, schema: FileSchema) -> str:
    if name in COUNTS:
        return COUNTS[name]
    if schema.row_count is not None:
        return "exact"
    return ESTIMATED if schema.row_estimate else "exact when small"


def cost_of_large(name: str, folder: Path) -> tuple[str, str]:
    """Requests and bytes for the schema of a file of 1 GB, and what is known of its rows."""
    file_name = next((large for large in LARGE if Path(large).suffix in file_formats()[name].suffixes), None)
    if name in WHOLE_FILE:
        return f"at most {ReadLimits().max_whole_file_bytes >> 20} MiB of it", COUNTS[name]
    if file_name is None:
        return "metadata blocks of 64 KiB", COUNTS[name]
    write_sparse(folder / file_name, GIGABYTE)
    store = FolderStore(parse_location(str(folder)))
    file = ObjectFile(store, file_name, (folder / file_name).stat().st_size)
    schema = file_formats()[name].read_schema(file, None, ReadLimits(tail_of_text=True))
    return f"{store.receipt.get_requests} GET, {-(-store.receipt.bytes_read // 1024)} KiB", count_of_large(name, schema)


def row(file_format: FileFormat, folder: Path, checked: dict[str, Iterable[str]]) -> str:
    name = file_format.name
    endings = " ".join(f"`{suffix}`" for suffix in sorted(file_format.suffixes))
    small_only = name in {"parquet", "orc", "arrow_ipc", "zip", "hdf5", "excel"}
    cost, counts = cost_of_large(name, folder)
    several = ", one table per member" if isinstance(file_format, MemberFormat) else ""
    cells = [
        f"{name}{several}",
        endings,
        "outside, small files" if small_only else "outside",
        cost_of_small(name),
        cost,
        counts,
        figures(name),
        name_types(checked[name]) if name in checked else "those of its members",
    ]
    return f"| {' | '.join(cells)} |"


def test_the_page_of_formats_is_up_to_date(tmp_path: Path) -> None:
    checked = checked_types()
    rows = [row(file_format, tmp_path, checked) for _, file_format in sorted(file_formats().items())]
    codecs = ", ".join(f"{name} (`{'`, `'.join(endings)}`)" for name, endings in COMPRESSIONS.items())
    page = HEAD + "\n".join(rows) + "\n" + FOOT.format(codecs=codecs)
    if os.environ.get("S3_CATALOG_WRITE_DOCS"):
        PAGE.write_text(page, encoding="utf-8")
    assert PAGE.read_text(encoding="utf-8") == page
