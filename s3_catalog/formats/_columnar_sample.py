"""Rows that are read in the sandbox, on this side of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from s3_catalog.formats import ReadLimits, Row
from s3_catalog.formats._row_wire import read_rows
from s3_catalog.formats._sample_budget import MAX_VALUE_LENGTH
from s3_catalog.formats._sandbox import Sandbox, read_sandboxed
from s3_catalog.storage.files import ObjectFile

SANDBOX = Sandbox(reader="_columnar_rows", block_bytes=0, memory_bytes=192 * 1024 * 1024)


def read_columnar(file: ObjectFile, file_format: str, options: Mapping[str, Any], limits: ReadLimits, rows: int) -> Sequence[Row]:
    """Read rows of Parquet, ORC and Arrow; `options` are those of `_columnar_rows.read` that depend on the format.

    Raises: as `read_in_sandbox`.
    """
    return read_in_sandbox(SANDBOX, file, file_format, options, limits, rows)


def fetch_planned(file: ObjectFile, file_format: str, options: Mapping[str, Any], limits: ReadLimits, rows: int) -> None:
    """Fetch what a plan of the sandbox asks for, while other files are read there.

    Raises: as `read_in_sandbox`.
    """
    answer = _ask(SANDBOX, file, file_format, options, limits, rows)
    for start, end in answer["ranges"]:
        file.read_at(start, end - start)


def read_in_sandbox(
    sandbox: Sandbox, file: ObjectFile, file_format: str, options: Mapping[str, Any], limits: ReadLimits, rows: int
) -> Sequence[Row]:
    """Read rows by a reader in the sandbox that answers with `_row_wire.OutgoingRows`.

    Raises:
        UnreadableFileError: the data is corrupt, or takes more memory or time than the limits allow.
        StoreError: the object could not be read or has changed.
    """
    return read_rows(_ask(sandbox, file, file_format, options, limits, rows)) if rows > 0 else ()


def _ask(sandbox: Sandbox, file: ObjectFile, file_format: str, options: Mapping[str, Any], limits: ReadLimits, rows: int) -> Any:
    own = {
        "rows": rows,
        "max_bytes": limits.max_sample_bytes,
        "max_length": MAX_VALUE_LENGTH,
        "max_depth": limits.max_depth,
        "max_columns": limits.max_columns,
    }
    # What is lent twice is fetched once.
    lent = replace(limits, max_whole_file_bytes=max(limits.max_whole_file_bytes, 16 * limits.max_sample_bytes))
    return read_sandboxed(sandbox, file, file_format, {**own, **options}, lent)


def small_tail(limits: ReadLimits) -> ReadLimits:
    """The limits with the end of a file no longer than a sample may cost."""
    return replace(limits, tail_bytes=min(limits.tail_bytes, limits.max_sample_bytes))
