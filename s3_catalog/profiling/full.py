"""A profile of all rows of a table: read once for the figures, once more for the counts, in bounded memory and within a budget.

In: a table, its files, what its columns are and how values are masked. Out: a `FullProfile`. No value is kept, shown in a message, or
written to a file of this machine.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, replace

import duckdb
import pyarrow as pa

from s3_catalog.errors import describe_unknown
from s3_catalog.formats import ReadLimits
from s3_catalog.formats._hints import read_options
from s3_catalog.model.description import Basis, ColumnProfile
from s3_catalog.model.tables import MEMBER_MARK, Column, Table
from s3_catalog.profiling._engine import open_duckdb
from s3_catalog.profiling._file_rows import TEXT_FORMATS, TYPED_FORMATS
from s3_catalog.profiling._metering import MeteredStore
from s3_catalog.profiling._table_rows import SMALL_BYTES, Given, TableFile, TableRows, TableSource
from s3_catalog.profiling.columns import Mask, profile_columns
from s3_catalog.storage import ObjectStore

logger = logging.getLogger(__name__)

Progress = Callable[[int, int], None]
"""Called with bytes done and bytes in all, of all readings together."""

MEMORY_BYTES = 512 * 1024 * 1024
_READINGS = 2
_COLUMNS = 200
"""Columns profiled at a time: each takes some hundred kilobytes. The files of a wider table are read that much more often."""
_TICK = 0.25
_MOST_PROBLEMS = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class FullProfile:
    """What all rows of a table tell.

    `reason` says why there is no profile, or None. `rows` were read, and they are all there are where `complete`; else `problems` say
    what is missing, and the columns are marked as a sample. `bytes_read` of the store.
    """

    columns: tuple[ColumnProfile, ...] = ()
    rows: int = 0
    complete: bool = False
    bytes_read: int = 0
    problems: tuple[str, ...] = ()
    reason: str | None = None


def profile_fully(
    store: ObjectStore,
    table: Table,
    files: pa.Table,
    labels: Mapping[str, str],
    mask: Mask,
    *,
    max_bytes: int,
    memory_bytes: int = MEMORY_BYTES,
    limits: ReadLimits | None = None,
    progress: Progress | None = None,
) -> FullProfile:
    """Profile all rows of a table.

    An interrupt (`KeyboardInterrupt`), or what `progress` raises, ends the reading and is passed on.

    Args:
        files: the objects of the table (`MANIFEST_SCHEMA`), without those that its log has removed.
        labels: column -> kind of personal data that it holds as a whole.
        max_bytes: what may be read of the store, over all readings.
        memory_bytes: what DuckDB may take. Python and Arrow take some 100 MB more.
    """
    listed = [TableFile(key=f["key"], size=f["size"], etag=f["etag"]) for f in files.select(["key", "size", "etag"]).to_pylist()]
    limits = replace(limits or ReadLimits(), hints=read_options(table.layout.options))
    expected = expect_bytes(table, files, limits)
    reason = why_not(table)
    if reason is None and expected > max_bytes:
        reason = f"reading it takes {expected:,} bytes, more than the {max_bytes:,} that are allowed"
    if reason is not None:
        return FullProfile(reason=reason)
    readings = _count_readings(table.columns)
    source = TableSource(
        # What the first reading stays within, the others do as well: they read the same.
        store=MeteredStore(store, limit=max_bytes // readings, table_bytes=sum(file.size for file in listed)),
        files=listed,
        file_format=_format_of(table),
        details=dict(table.details),
        limits=limits,
        memory_bytes=memory_bytes * 5 // 8,
    )
    run = _Run(source, table.columns, labels, mask, memory_bytes=memory_bytes * 3 // 8)
    with ThreadPoolExecutor(max_workers=1, thread_name_prefix="profile") as pool:
        job = pool.submit(run.profile)
        try:
            return _wait(job, source.store, readings * sum(file.size for file in listed), progress)
        except BaseException:
            run.stop()
            raise


def why_not(table: Table) -> str | None:
    """Why a table has no full profile, whatever it costs; None where it can have one."""
    layout, details = table.layout, dict(table.details)
    if MEMBER_MARK in layout.location:
        return "files that hold several tables are not profiled in full"
    if layout.format == "delta":
        if details.get("deleted_rows"):
            return "rows of its files are deleted, which only the log tells"
        if details.get("column_mapping", "none") != "none":
            return "its columns have other names in the files than in the log"
        return None
    if layout.format in TEXT_FORMATS | TYPED_FORMATS:
        return None
    choices = ", ".join(sorted({*TEXT_FORMATS, *TYPED_FORMATS, "delta"}))
    return f"tables of the format {layout.format} are not profiled in full; those are: {choices}"


def expect_bytes(table: Table, files: pa.Table, limits: ReadLimits) -> int:
    """What a full profile will read at most: of a columnar format the columns' own sizes where all are known, and each file's end."""
    sizes = files.column("size").to_pylist()
    size = sum(sizes)
    if _format_of(table) in ("parquet", "orc"):
        known = [c.statistics.size_bytes if c.statistics is not None and c.statistics.complete else None for c in table.columns]
        size = min(size, sum(n for n in known if n is not None)) if None not in known else size
    ends = sum(limits.tail_bytes for one in sizes if one > SMALL_BYTES)
    return int(size + ends) * _count_readings(table.columns)


def _format_of(table: Table) -> str:
    return "parquet" if table.layout.format == "delta" else table.layout.format


def _count_readings(columns: Sequence[Column]) -> int:
    return _READINGS * max(1, -(-len(columns) // _COLUMNS))


def _wait(job: Future[FullProfile], store: MeteredStore, total: int, progress: Progress | None) -> FullProfile:
    told = 0
    while True:
        done, _ = wait([job], timeout=_TICK)
        if progress is not None:
            told = total if done else max(told, store.bytes_done)
            progress(told, total)
        if done:
            return job.result()


class _Run:
    """One profile in the making. `profile` runs in a thread of its own, so that an interrupt reaches the caller's at once."""

    def __init__(self, source: TableSource, columns: Sequence[Column], labels: Mapping[str, str], mask: Mask, *, memory_bytes: int) -> None:
        self._source, self._columns, self._labels, self._mask = source, columns, labels, mask
        self._memory_bytes = memory_bytes
        self._given = Given()
        self._connection: duckdb.DuckDBPyConnection | None = None

    def stop(self) -> None:
        """End `profile` soon, from another thread."""
        self._source.store.stopped = True
        if self._connection is not None:
            self._connection.interrupt()

    def profile(self) -> FullProfile:
        """Profile all columns, some at a time."""
        try:
            return self._conclude([profile for part in self._parts() for profile in self._profile_part(part)])
        except duckdb.Error as error:
            return self._fail(error)

    def _parts(self) -> Iterator[Sequence[Column]]:
        for start in range(0, len(self._columns), _COLUMNS):
            yield self._columns[start : start + _COLUMNS]

    def _profile_part(self, columns: Sequence[Column]) -> list[ColumnProfile]:
        rows = TableRows(self._source, self._given, columns, self._labels)
        with open_duckdb(self._memory_bytes, threads=2) as connection:
            connection.register("table_rows", rows)
            self._connection = connection
            try:
                return profile_columns(connection, "table_rows", rows.profiled, self._mask, basis=Basis.FULL)
            finally:
                self._connection = None

    def _fail(self, error: duckdb.Error) -> FullProfile:
        """What DuckDB says may hold values: only the class of its error is told."""
        if isinstance(error, duckdb.OutOfMemoryException):
            reason = "its columns need more memory than is allowed"
        elif self._given.changed:
            reason = "its files changed while they were read"
        else:
            logger.error("full profile failed error=%s", describe_unknown(error))
            reason = f"DuckDB failed with {type(error).__name__}"
        return FullProfile(reason=reason, bytes_read=self._source.store.bytes_read)

    def _conclude(self, columns: Sequence[ColumnProfile]) -> FullProfile:
        given, read = self._given, self._source.store.bytes_read
        problems = given.problems[:_MOST_PROBLEMS]
        if len(given.problems) > _MOST_PROBLEMS:
            problems.append(f"and {len(given.problems) - _MOST_PROBLEMS:,} more")
        if not sum(given.rows):
            return FullProfile(reason=f"no row could be read: {problems[0]}" if problems else "it has no rows", bytes_read=read)
        if given.cut:
            problems.append(f"reading stopped at the budget, after {len(given.rows):,} of {len(self._source.files):,} files")
        basis = Basis.SAMPLE if problems else Basis.FULL
        # A column that no file has is made by the table's log, or of the path: nothing was seen of it.
        found = tuple(replace(c, basis=basis, bounds_basis=basis) for c in columns if c.column in given.found)
        return FullProfile(columns=found, rows=sum(given.rows), complete=not problems, bytes_read=read, problems=tuple(problems))
