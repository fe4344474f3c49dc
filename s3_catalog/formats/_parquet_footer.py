"""A Parquet footer as pyarrow reads it, made into JSON: the schema, the row count and the figures of its columns.

Runs in the sandboxed process: pyarrow may take 250 times a footer's size for what it claims, and aborts on facts of a column chunk that
it does not expect (`row_group.column`, `column.statistics`). Knows only the standard library and pyarrow.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping
from typing import Any, BinaryIO

from s3_catalog.formats._sandbox_process import RefusedError

MAX_LIST = 65_536
"""Elements of one list in a footer (columns, row groups): the native reader makes room for as many as the footer claims."""
_MAX_CELLS = 250_000
"""Column chunks whose statistics are looked at, which takes some microseconds each."""
_MAX_SCHEMA_BYTES = 16 * 1024 * 1024
_USUAL_CODECS = frozenset({"UNCOMPRESSED", "SNAPPY", "GZIP", "ZSTD"})
_TELLING_TYPES = frozenset({"JSON", "BSON", "UUID", "ENUM", "INTERVAL"})
"""Logical types of which the Arrow type keeps less than their name says."""


def prepare() -> None:
    """Import what reading needs, before files are opened no more."""
    import pyarrow.parquet  # noqa: F401

    from s3_catalog.formats import _parquet_figures  # noqa: F401


def read(file: BinaryIO, options: Mapping[str, Any]) -> dict[str, Any]:
    """Read a footer.

    Args:
        file: the end of a Parquet file, or all of it.
        options: `max_columns`; `figures`: whether column chunks are looked at; `field_ids`: whether the schema keeps the fields' numbers.

    Returns: `schema` (Arrow IPC in base 64), `rows`, `created_by`, `source_types` by name, `codecs` that not every engine has; for each
    column of the schema `nulls`, `sizes`, `lows`, `highs` and `exact`, as in `_parquet_figures.Figures`.

    Raises:
        RefusedError: the footer is corrupt, contradicts itself or claims too much.
        MemoryError: it needs more than there is.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        own = pq.ParquetFile(pa.PythonFile(file, mode="r"), thrift_container_size_limit=MAX_LIST)
        metadata = own.metadata
        if metadata.num_columns > options["max_columns"]:
            raise RefusedError(f"{metadata.num_columns:,} columns, more than the limit of {options['max_columns']:,}")
        schema = pa.schema([field if options.get("field_ids") else field.remove_metadata() for field in own.schema_arrow])
        footer = {
            "schema": base64.b64encode(schema.serialize()).decode("ascii"),
            "rows": _count_rows(metadata, look_at_chunks=options["figures"]),
            "created_by": metadata.created_by,
            "source_types": _source_types(metadata.schema),
            "codecs": _rare_codecs(metadata) if options["figures"] else [],
        }
    except MemoryError:  # Arrow's own is an ArrowException as well
        raise
    except (pa.ArrowException, OSError, ValueError) as error:
        if "bad_alloc" in str(error):  # how the Thrift reader says that there is no more
            raise MemoryError from error
        raise RefusedError("the footer is corrupt") from error
    if len(footer["schema"]) > _MAX_SCHEMA_BYTES:
        raise RefusedError(f"its schema takes more than {_MAX_SCHEMA_BYTES:,} bytes")
    return footer | _read_figures(metadata, schema, _MAX_CELLS if options["figures"] else -1)


def _count_rows(metadata: Any, *, look_at_chunks: bool) -> int:
    groups = [metadata.row_group(i) for i in range(metadata.num_row_groups)]
    rows = int(sum(group.num_rows for group in groups))
    if rows != metadata.num_rows or rows < 0 or (look_at_chunks and any(_has_fewer_values(group) for group in groups)):
        raise RefusedError("the footer contradicts itself: its row groups do not add up to its row count")
    return rows


def _has_fewer_values(group: Any) -> bool:
    """Whether a row group claims more rows than its first column has values (nulls are values; a list has one or more per row)."""
    return bool(group.num_columns and group.column(0).num_values < group.num_rows)


def _rare_codecs(metadata: Any) -> list[str]:
    """The compressions of the first column that not every engine has."""
    groups = [metadata.row_group(i) for i in range(metadata.num_row_groups)]
    return sorted({group.column(0).compression for group in groups if group.num_columns} - _USUAL_CODECS)


def _source_types(schema: Any) -> dict[str, str]:
    """Top-level columns whose Parquet type says more than Arrow's."""
    found: dict[str, str] = {}
    for i in range(len(schema)):
        column = schema.column(i)
        if "." in column.path:
            continue
        if column.physical_type == "INT96":
            found[column.name] = "INT96"
        else:
            # Older writers, and INTERVAL to this day, have the converted type only.
            telling = _TELLING_TYPES & {column.logical_type.type, column.converted_type}
            found.update((column.name, name) for name in telling)
            if column.converted_type == "UINT_64":  # among the files of a table it becomes a decimal, which it is not for every engine
                found[column.name] = "UINT_64"
    return found


def _read_figures(metadata: Any, schema: Any, max_cells: int) -> dict[str, list[Any]]:
    from s3_catalog.formats._parquet_figures import read_figures

    figures = read_figures(metadata, schema, max_cells)
    return {
        "nulls": [column.nulls for column in figures],
        "sizes": [column.size_bytes for column in figures],
        "lows": [column.low for column in figures],
        "highs": [column.high for column in figures],
        "exact": [column.exact for column in figures],
    }
