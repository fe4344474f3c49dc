"""All rows of a table as one stream of record batches that can be opened again: the same rows each time, whatever its files are like."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import duckdb
import pyarrow as pa
import pyarrow.compute as pc

from s3_catalog.errors import HintError, ObjectChangedError, S3CatalogError, StoreError, describe_unknown
from s3_catalog.formats import ReadLimits
from s3_catalog.formats._column_types import null_texts
from s3_catalog.model.tables import Column
from s3_catalog.profiling._engine import StoreFiles, open_reader
from s3_catalog.profiling._file_rows import MOST_REJECTS, RECORD_BATCHES, TEXT_FORMATS, FileRows, count_rejects, plan_file, quote_text
from s3_catalog.profiling._metering import MeteredStore
from s3_catalog.profiling.columns import Kind, ProfiledColumn, kind_of, typed_expression
from s3_catalog.profiling.rows import sql_type
from s3_catalog.storage import printable
from s3_catalog.storage.files import ObjectFile

logger = logging.getLogger(__name__)

BATCH_ROWS = 4096
"""Rows that are taken over at a time: two of DuckDB's own vectors, so that rows of megabytes fit."""
SMALL_BYTES = 4 * 1024 * 1024
"""A file up to this size is fetched at once."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TableFile:
    """One file of a table; `size` in bytes."""

    key: str
    size: int
    etag: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class TableSource:
    """What the rows of a table are read from. `file_format` is that of its files, `details` are facts of the table's format."""

    store: MeteredStore
    files: Sequence[TableFile]
    file_format: str
    details: Mapping[str, str]
    limits: ReadLimits
    memory_bytes: int

    @property
    def is_text(self) -> bool:
        return self.file_format in TEXT_FORMATS


@dataclass(slots=True)
class Given:
    """What the first reading of a table gave: the rows of each file, and what went wrong. Later readings give no more and no less.

    `found` are the columns that some file has. `done` once the first reading has come to its end, `cut` where that was the budget's;
    `changed` when a later one gave less.
    """

    rows: list[int] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    found: set[str] = field(default_factory=set)
    done: bool = False
    cut: bool = False
    changed: bool = False


class TableRows:
    """The rows of a table for some of its columns; DuckDB opens the stream anew for each query.

    Attributes:
        profiled: how the columns of the stream are profiled.
    """

    def __init__(self, source: TableSource, given: Given, columns: Sequence[Column], labels: Mapping[str, str]) -> None:
        self._source, self._given, self._columns = source, given, columns
        self.profiled = [self._profiled(index, column, labels.get(column.name)) for index, column in enumerate(columns)]

    def __arrow_c_stream__(self, requested_schema: object = None) -> object:
        with duckdb.connect(config={"threads": "1"}) as connection:
            schema = connection.sql(f"SELECT {self._select({})}").to_arrow_reader(1).schema
        return pa.RecordBatchReader.from_batches(schema, self._batches()).__arrow_c_stream__(requested_schema)

    def _profiled(self, index: int, column: Column, label: str | None) -> ProfiledColumn:
        if self._source.is_text:
            stored = f"v{index}"
            expression = typed_expression(column, stored, sql_type(column.type), self._source.details)
        else:
            stored, expression = f"p{index}", f"v{index}"
        return ProfiledColumn(name=column.name, type=column.type, expression=expression, stored=stored, label=label)

    def _select(self, positions: Mapping[str, int], bad: str = "false") -> str:
        """SQL of the stream's columns, of the columns of one file: `v0` is the first value, `p0` null where it is missing."""
        chosen = []
        for index, column in enumerate(self._columns):
            place = f"c{positions[column.name]}" if column.name in positions else "NULL"
            if self._source.is_text:
                chosen.append(f"{self._text(column, place)} AS v{index}")
            else:
                chosen.append(f"{_typed(column, place)} AS v{index}, CASE WHEN {place} IS NOT NULL THEN true END AS p{index}")
        return ", ".join([*chosen, f"{bad} AS bad"])

    def _text(self, column: Column, place: str) -> str:
        kind = kind_of(column.type)
        if kind is Kind.NESTED:
            return f"CASE WHEN {place} IS NOT NULL THEN '' END"
        if kind is Kind.TEXT:
            return f"{place}::VARCHAR"
        markers = ", ".join(quote_text(text) for text in sorted(null_texts(self._source.limits.hints)))
        return f"CASE WHEN trim({place}::VARCHAR) NOT IN ({markers}) THEN {place}::VARCHAR END"

    def _batches(self) -> Iterator[pa.RecordBatch]:
        source, given = self._source, self._given
        source.store.begin_reading()
        read, count = (self._file_again, len(given.rows)) if given.done else (self._file_first, len(source.files))
        if not given.done:
            given.rows, given.problems = [], []
        with open_reader(source.memory_bytes, files := StoreFiles()) as connection:
            for number, file in enumerate(source.files[:count]):
                yield from read(connection, files, number, file)
                if source.store.halted:
                    break
                source.store.end_file(file.size)
        if not given.done and not source.store.stopped:
            given.done, given.cut = True, source.store.spent
            source.store.lift_limit()

    def _file_first(
        self, connection: duckdb.DuckDBPyConnection, files: StoreFiles, number: int, file: TableFile
    ) -> Iterator[pa.RecordBatch]:
        """The rows of a file, and a note of how many there were, and of what became of the others."""
        rows = bad = 0
        problem = None
        try:
            plan = self._plan(files, number, file)
            self._given.found |= plan.positions.keys()
            for batch, left_out in self._read(connection, plan):
                rows, bad = rows + batch.num_rows, bad + left_out
                yield batch
            bad += count_rejects(connection) if plan.notes_rejects else 0
        except Exception as error:  # noqa: BLE001 - libraries raise anything on hostile bytes; one file stops no other
            problem = None if self._source.store.halted else _describe(error, self._source.file_format)
        self._given.rows.append(rows)
        if bad:
            self._given.problems.append(f"{printable(file.key)}: {bad:,}{' or more' if bad >= MOST_REJECTS else ''} rows could not be read")
        if problem is not None:
            self._given.problems.append(f"{printable(file.key)}: {problem}{f' after {rows:,} rows' if rows else ''}")

    def _file_again(
        self, connection: duckdb.DuckDBPyConnection, files: StoreFiles, number: int, file: TableFile
    ) -> Iterator[pa.RecordBatch]:
        """As many rows of a file as it gave before."""
        left = self._given.rows[number]
        if not left:
            return
        self._given.changed = True  # until all of them are here
        plan = self._plan(files, number, file)
        for batch, _ in self._read(connection, plan):
            yield batch.slice(0, left)
            left -= min(left, batch.num_rows)
            if not left:
                break
        else:
            raise ObjectChangedError(file.key, "it gives fewer rows than before")
        self._given.changed = False
        if plan.notes_rejects:
            count_rejects(connection)

    def _plan(self, files: StoreFiles, number: int, file: TableFile) -> FileRows:
        source = self._source
        opened = ObjectFile(source.store, file.key, file.size, file.etag)
        if file.size <= SMALL_BYTES:
            opened.head(file.size)  # one request, and all later ranges are of it
        return plan_file(opened, source.file_format, [column.name for column in self._columns], source.limits, files, number)

    def _read(self, connection: duckdb.DuckDBPyConnection, plan: FileRows) -> Iterator[tuple[pa.RecordBatch, int]]:
        """The rows of a file, and how many of each batch were left out."""
        if plan.batches is not None:
            connection.register(RECORD_BATCHES, plan.batches)
        try:
            query = f"SELECT {self._select(plan.positions, plan.bad)} FROM {plan.relation}"
            for batch in connection.sql(query).to_arrow_reader(BATCH_ROWS):
                bad = batch.column("bad")
                left_out = bad.true_count
                yield (batch.filter(pc.invert(bad)) if left_out else batch), left_out
        finally:
            if plan.batches is not None:
                connection.unregister(RECORD_BATCHES)


def _typed(column: Column, place: str) -> str:
    kind = kind_of(column.type)
    if kind is Kind.NESTED:
        return f"CASE WHEN {place} IS NOT NULL THEN true END"
    if kind is Kind.BYTES:
        return f"try_cast({place} AS BLOB)"
    if kind is Kind.TEXT:
        return f"try_cast({place} AS VARCHAR)"
    if pa.types.is_timestamp(column.type) and column.type.unit == "ns" and column.type.tz is None:
        return f"try_cast({place} AS TIMESTAMP_NS)"
    return f"try_cast({place} AS {sql_type(column.type)})"


def _describe(error: Exception, file_format: str) -> str:
    """Say why a file was not read, without a word of the library's: those may hold values."""
    if isinstance(error, HintError):
        return "what people say of its format does not fit it"
    if isinstance(error, StoreError):
        return error.reason
    if isinstance(error, S3CatalogError):
        return str(error)
    if isinstance(error, (duckdb.OutOfMemoryException, MemoryError)):
        return "its rows need more memory than is allowed"
    logger.debug("profile failed error=%s", describe_unknown(error))
    return f"not readable as {file_format} ({type(error).__name__})"
