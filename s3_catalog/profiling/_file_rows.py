"""How the rows of one file are read by DuckDB: a relation whose columns are `c0`, `c1` and so on, in the order of the file."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

import duckdb
import pyarrow as pa

from s3_catalog.errors import UnreadableFileError
from s3_catalog.formats import FileSchema, ReadLimits, file_formats
from s3_catalog.formats._compression import detect_compression, split_compression
from s3_catalog.formats._head import read_head
from s3_catalog.profiling._batches import open_batches
from s3_catalog.profiling._engine import StoreFiles
from s3_catalog.storage.files import ObjectFile

TEXT_FORMATS = frozenset({"csv", "tsv", "json", "jsonl"})
"""Formats whose values are texts."""
TYPED_FORMATS = frozenset({"parquet", "orc", "arrow_ipc", "avro"})

_ENCODINGS = {"utf-8": "utf-8", "ascii": "utf-8", "iso-8859-1": "latin-1", "utf-16-le": "utf-16"}
"""Python's name -> DuckDB's, of those that DuckDB reads rightly (it reads no row of UTF-16 in the other byte order)."""
_COMPRESSIONS = {None: "none", "gzip": "gzip", "zstd": "zstd"}
_JSON_LAYOUTS = {"lines": "newline_delimited", "array": "array", "document": "unstructured"}
_BUFFER_BYTES = 8 * 1024 * 1024
_MAX_LINE_BYTES = 2 * 1024 * 1024
RECORD_BATCHES = "record_batches"
_REJECTS = "rejected_rows"
MOST_REJECTS = 1000
"""Rows left out are counted up to this number: DuckDB keeps the line of each."""
_LINE = re.compile(r"([^\r\n]*)(?:\r\n|\r|\n)")


@dataclass(frozen=True, slots=True, kw_only=True)
class FileRows:
    """A relation (SQL) with the rows of one file, and its columns by name -> position.

    `bad` is SQL that is true for a row that could not be read; `notes_rejects` where DuckDB leaves such rows out and notes them. Of the
    relation `RECORD_BATCHES` the rows are `batches`.
    """

    relation: str
    positions: dict[str, int]
    bad: str = "false"
    notes_rejects: bool = False
    batches: pa.RecordBatchReader | None = None


def plan_file(file: ObjectFile, file_format: str, columns: Sequence[str], limits: ReadLimits, files: StoreFiles, number: int) -> FileRows:
    """Look at a file's head or footer, and say how its rows are read.

    Args:
        columns: of the table, by name: a row of JSON may have any of them.

    Raises:
        UnreadableFileError: it is not of the format, or written in a way that is not read in full.
        StoreError: the object could not be read or has changed.
    """
    _, named = split_compression(file.key.rpartition("/")[2])
    schema = file_formats()[file_format].read_schema(file, named, limits)
    positions = {column.name: position for position, column in enumerate(schema.columns)}
    found = detect_compression(file.head(limits.head_bytes)) or (named if named in ("lz4", "snappy") else None)
    path = files.put(number, file, limits.head_bytes)
    if file_format == "parquet":
        _refuse(file, file_format, file.tail(4) != b"PAR1", "it is compressed as a whole")
        names = _names(len(schema.columns))
        return FileRows(relation=f"read_parquet('{path}', hive_partitioning = false) AS t({names})", positions=positions)
    if file_format in TYPED_FORMATS:
        return _batch_rows(file, file_format, schema, positions)
    _refuse(file, file_format, found not in _COMPRESSIONS, f"its compression {found} is not read in full")
    encoding = schema.details.get("encoding", "utf-8")
    if (schema.format or file_format) in ("json", "jsonl"):
        _refuse(file, file_format, encoding not in ("utf-8", "ascii"), f"JSON in the encoding {encoding} is not read in full")
        return _json_rows(file, file_format, schema, columns, path, _COMPRESSIONS[found])
    _refuse(file, file_format, encoding not in _ENCODINGS, f"its encoding {encoding} is not read in full")
    head = read_head(file, file_format, found, limits).data.decode(encoding, "replace").removeprefix("\ufeff")
    dialect = {
        **_dialect(schema, head, told=limits.hints.quote),
        "encoding": quote_text(_ENCODINGS[encoding]),
        "compression": quote_text(_COMPRESSIONS[found]),
    }
    return _delimited_rows(positions, path, dialect)


def count_rejects(connection: duckdb.DuckDBPyConnection) -> int:
    """How many rows of the file just read were left out, and forget them."""
    if not connection.execute(f"SELECT 1 FROM duckdb_tables() WHERE table_name = '{_REJECTS}'").fetchone():
        return 0
    row = connection.execute(f"SELECT count(DISTINCT line) FROM {_REJECTS}").fetchone()
    connection.execute(f"DROP TABLE {_REJECTS}")
    connection.execute(f"DROP TABLE {_REJECTS}_scan")
    return row[0] if row else 0


def quote_text(text: str) -> str:
    """A text as a literal of SQL."""
    return "'" + text.replace("'", "''") + "'"


def _refuse(file: ObjectFile, file_format: str, wrong: bool, reason: str) -> None:
    if wrong:
        raise UnreadableFileError(file.key, file_format, reason)


def _names(width: int) -> str:
    return ", ".join(f"c{position}" for position in range(width))


def _dialect(schema: FileSchema, head: str, *, told: str | None) -> dict[str, str]:
    """How the text is cut, as options of `read_csv`."""
    details = schema.details
    # A head without a quote does not say that there is none behind it; one with quotes that belong to its values does.
    quote = details.get("quote") or ("" if told is not None or '"' in head else '"')
    return {
        "delim": quote_text(details.get("delimiter") or "\x1f"),
        "quote": quote_text(quote),
        "escape": quote_text(details.get("escape", quote) if quote else ""),
        "header": details.get("header", "false"),
        "skip": str(_count_skipped(head, int(details.get("skipped_lines", "0")))),
    }


def _count_skipped(head: str, skipped: int) -> int:
    """Lines before the table: those that are no part of it, and blank ones, which DuckDB would take for the header."""
    lines = _LINE.findall(head)
    while skipped < len(lines) and not lines[skipped]:
        skipped += 1
    return skipped


def _delimited_rows(positions: dict[str, int], path: str, dialect: dict[str, str]) -> FileRows:
    width = len(positions)
    options = {
        **dialect,
        "columns": "{" + ", ".join(f"'c{position}': 'VARCHAR'" for position in range(width)) + "}",
        # A blank line is no row, and beside other columns DuckDB sees that by itself.
        "allow_quoted_nulls": "false" if width == 1 else "true",
        "auto_detect": "false",
        "null_padding": "true",
        "strict_mode": "false",
        "parallel": "false",
        "ignore_errors": "true",
        "store_rejects": "true",
        "rejects_table": quote_text(_REJECTS),
        "rejects_scan": quote_text(f"{_REJECTS}_scan"),
        "rejects_limit": str(MOST_REJECTS),
        "buffer_size": str(_BUFFER_BYTES),
        "max_line_size": str(_MAX_LINE_BYTES),
    }
    relation = f"read_csv('{path}', {', '.join(f'{name} = {value}' for name, value in options.items())})"
    if width == 1:
        relation = f"(SELECT c0 FROM {relation} WHERE c0 IS NOT NULL)"
    return FileRows(relation=relation, positions=positions, notes_rejects=True)


def _json_rows(file: ObjectFile, file_format: str, schema: FileSchema, columns: Sequence[str], path: str, compression: str) -> FileRows:
    layout = schema.details.get("layout", "lines")
    _refuse(file, file_format, bool(schema.details.get("rows")), "rows inside a document are not read in full")
    options = f"format = '{_JSON_LAYOUTS[layout]}', compression = '{compression}', ignore_errors = {str(layout == 'lines').lower()}"
    rows = f"read_json_objects('{path}', {options})"
    # A row that is no object is one value, as in the schema.
    whole = "CASE json_type(json) WHEN 'OBJECT' THEN NULL ELSE json_extract_string(json, '$') END"
    pointers = ", ".join(quote_text("/" + name.replace("~", "~0").replace("/", "~1")) for name in columns)
    values = [f"found[{position + 1}]" for position in range(len(columns))]
    values = [f"coalesce({value}, {whole})" if name == "value" else value for name, value in zip(columns, values, strict=True)]
    named = ", ".join(f"{value} AS c{position}" for position, value in enumerate(values))
    found = f"(SELECT json_extract_string(json, [{pointers}]) AS found, json FROM {rows})"
    positions = {name: position for position, name in enumerate(columns)}
    return FileRows(relation=f"(SELECT {named}, json FROM {found})", positions=positions, bad="json IS NULL")


def _batch_rows(file: ObjectFile, file_format: str, schema: FileSchema, positions: dict[str, int]) -> FileRows:
    arrow_schema, batches = open_batches(file, file_format, schema.columns)
    reader = pa.RecordBatchReader.from_batches(arrow_schema, batches)
    return FileRows(relation=f"{RECORD_BATCHES} AS t({_names(len(arrow_schema))})", positions=positions, batches=reader)
