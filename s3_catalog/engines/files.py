"""Files: which formats, compressions and ways of writing text each engine reads.

Pure. Sources: the documentation of Athena's SerDes, of Trino's hive connector, of Spark's data sources and of DuckDB's extensions.
"""

from __future__ import annotations

from collections.abc import Iterator

from s3_catalog.engines import ALL_ENGINES, GLUE_ENGINES, Engine, Finding
from s3_catalog.formats._compression import split_compression
from s3_catalog.model.tables import Table

TEXT_FORMATS = frozenset({"csv", "tsv", "json", "jsonl"})
_HIVE_FORMATS = TEXT_FORMATS | {"parquet", "orc", "avro", "delta", "iceberg", "hudi"}
_LIMITS: dict[str, tuple[tuple[Engine, str, bool], ...]] = {
    "orc": ((Engine.DUCKDB, "DuckDB has no reader for ORC", True),),
    "avro": ((Engine.SPARK, "needs the package spark-avro", False), (Engine.DUCKDB, "needs the extension avro", False)),
    "delta": ((Engine.SPARK, "needs the package delta-spark", False), (Engine.DUCKDB, "needs the extension delta", False)),
    "iceberg": ((Engine.SPARK, "needs the package iceberg-spark-runtime", False), (Engine.DUCKDB, "needs the extension iceberg", False)),
    "hudi": ((Engine.SPARK, "needs the package hudi-spark-bundle", False), (Engine.DUCKDB, "DuckDB has no reader for Hudi", True)),
    "excel": ((Engine.DUCKDB, "needs the extension excel, for .xlsx alone", False),),
    "text": ((Engine.DUCKDB, "read as plain lines", False),),
}
_BY_ENDING = frozenset({"gz", "bz2", "zst"})
"""Compressions of text that the engines know by the ending of the file's name; of snappy and lz4 they read Hadoop's framing alone."""
_DUCKDB_ENDINGS = frozenset({"gz", "zst"})
_LACKING_CODECS = {
    ("avro", "xz"): frozenset({Engine.TRINO}),
    ("parquet", "brotli"): frozenset({Engine.ATHENA, Engine.TRINO}),
    ("parquet", "lz4"): frozenset({Engine.TRINO}),
}
"""(format, codec) -> the engines that have no reader for it."""
_SQL_ENGINES = frozenset({Engine.ATHENA, Engine.TRINO})
_UTF8 = frozenset({"utf-8", "ascii", "us-ascii", "utf_8"})


def check_files(table: Table) -> Iterator[Finding]:
    """Judge the format, the compression and the dialect of a table's files."""
    yield from _check_format(table)
    yield from _check_compression(table)
    if table.format in ("csv", "tsv"):
        yield from _check_delimited(dict(table.details))
    if any(warning.startswith("files of several formats") for warning in table.warnings):
        yield Finding(ALL_ENGINES, "its files are of several formats", blocks=True)


def _check_format(table: Table) -> Iterator[Finding]:
    file_format, details = table.format, dict(table.details)
    limits = _LIMITS.get(file_format, ())
    if file_format not in _HIVE_FORMATS:
        known = {engine for engine, _, _ in limits}
        yield Finding(ALL_ENGINES - known, f"no engine table can be made of {file_format} files", blocks=True)
    for engine, reason, blocks in limits:
        yield Finding(frozenset({engine}), reason, blocks=blocks)
    if file_format in ("json", "jsonl") and details.get("layout", "lines") != "lines":
        reason = "its JSON documents do not stand one per line"
        yield Finding(GLUE_ENGINES, reason, blocks=True)
    if file_format == "hudi" and details.get("table_type") == "MERGE_ON_READ":
        yield Finding(frozenset({Engine.TRINO}), "merge-on-read: Trino reads base files alone, and may see old rows")
    for codec in details.get("codec", "").split(", "):
        if lacking := _LACKING_CODECS.get((file_format, codec)):
            yield Finding(lacking, f"files are compressed by {codec}, which the engine does not know in {file_format}", blocks=True)
    if file_format == "delta" and details.get("column_mapping"):
        yield Finding(frozenset({Engine.ATHENA}), f"Delta column mapping ({details['column_mapping']}) needs Athena engine version 3")


def _check_compression(table: Table) -> Iterator[Finding]:
    endings = {key.rpartition(".")[2].lower() for key in table.sampled_keys if split_compression(key.rpartition("/")[2])[1] is not None}
    if not endings or table.format in ("delta", "iceberg", "hudi"):
        return
    told = ", ".join(f".{ending}" for ending in sorted(endings))
    if table.format not in TEXT_FORMATS:
        yield Finding(ALL_ENGINES, f"its {table.format} files are compressed as a whole ({told})", blocks=True)
        return
    if endings - _BY_ENDING:
        yield Finding(GLUE_ENGINES, f"the engines do not read this compression of text ({told})", blocks=True)
    if endings - _DUCKDB_ENDINGS:
        yield Finding(frozenset({Engine.DUCKDB}), f"DuckDB does not read this compression of text ({told})", blocks=True)


def _check_delimited(details: dict[str, str]) -> Iterator[Finding]:
    encoding = details.get("encoding", "utf-8").lower()
    if encoding.startswith(("utf-16", "utf-32", "utf_16", "utf_32")):
        yield Finding(GLUE_ENGINES, f"its text is {encoding}, and the engines split it at bytes", blocks=True)
    elif encoding not in _UTF8 and not encoding.startswith("utf-8"):
        yield Finding(_SQL_ENGINES, f"its text is {encoding}, which is read as UTF-8: letters outside ASCII come out broken", blocks=True)
    if len(details.get("delimiter", ",")) != 1:
        yield Finding(GLUE_ENGINES, "its delimiter is longer than one character", blocks=True)
    if details.get("quote"):
        yield Finding(GLUE_ENGINES, "a quoted value may not hold a line break")
        yield Finding(_SQL_ENGINES, "values are quoted: OpenCSVSerde gives every column as text")
    skipped = int(details.get("skipped_lines", "0")) + (details.get("header") == "true")
    if skipped:
        yield Finding(
            frozenset({Engine.SPARK}), f"{skipped} lines at the top of each file are skipped by engines that heed skip.header.line.count"
        )
    if details.get("byte_order_mark") == "true" and details.get("header") != "true":
        yield Finding(GLUE_ENGINES, "the first value of each file begins with a byte order mark")
