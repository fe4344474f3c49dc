"""The first rows of some row groups of a Parquet file, in few ranges; runs in the sandbox.

Of the row groups that fit into the allowance those are taken that give enough rows for the fewest bytes, and fetched as one range. Where
none fits, one row group is read column by column: pyarrow reads pages one after the other, so that a column chunk costs its dictionary
and its first pages. Columns beyond the allowance are left out.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from s3_catalog.formats._arrow_values import PlainValues, TooDeepError
from s3_catalog.formats._parquet_figures import count_leaves
from s3_catalog.formats._parquet_footer import MAX_LIST
from s3_catalog.formats._ranges_to_fetch import MAX_RANGES, join_ranges
from s3_catalog.formats._row_wire import OutgoingRows
from s3_catalog.formats._sandbox_process import AllowanceError, LentFile, RefusedError

_MAX_CELLS = 250_000
"""Column chunks that are looked at to choose between row groups."""
_MAX_GROUPS = 4096
_MAX_REQUESTS = 64
_BUFFER_BYTES = 64 * 1024
_PAGE_BYTES = (16 * 1024, 128 * 1024)
"""What is fetched of a column chunk beyond its dictionary: at least and at most. The first pages are shorter more often than not."""


@dataclass(frozen=True, slots=True)
class _Chunk:
    """Where a column chunk begins and ends in the file, and how long its dictionary is."""

    start: int
    end: int
    dictionary_bytes: int

    def first_bytes(self, page_bytes: int) -> int:
        """What its first rows are likely to take."""
        return min(self.end - self.start, self.dictionary_bytes + page_bytes)


@dataclass(frozen=True, slots=True)
class _Group:
    index: int
    rows: int
    chunks: Sequence[_Chunk]

    @property
    def start(self) -> int:
        return min(chunk.start for chunk in self.chunks)

    @property
    def end(self) -> int:
        return max(chunk.end for chunk in self.chunks)


@dataclass(frozen=True, slots=True)
class _Column:
    """A column of the top level, and which of the file's columns it takes."""

    field: pa.Field
    leaves: range


@dataclass(frozen=True, slots=True)
class _Plan:
    """The row groups that are read, the columns in the order in which they are, and the ranges that are fetched before."""

    groups: list[int]
    columns: Sequence[_Column]
    ranges: Sequence[tuple[int, int]]


def plan_parquet(file: LentFile, options: Mapping[str, Any]) -> list[tuple[int, int]]:
    """Where each range begins and ends that `read_parquet` will fetch first; its caller may fetch them while nobody waits for it.

    Raises: as `read_parquet`.
    """
    _, plan = _open(file, options)
    return [] if plan is None else list(plan.ranges)


def read_parquet(file: LentFile, options: Mapping[str, Any], outgoing: OutgoingRows) -> None:
    """Read up to `options["rows"]` rows. Columns that need more memory than there is, or are nested too deep, are left out.

    Raises:
        RefusedError: the footer or the data is corrupt.
    """
    opened, plan = _open(file, options)
    if plan is None:
        return
    for start, end in plan.ranges:
        file.keep(start, end - start)
    for column in plan.columns:
        _read_column(opened, column, plan.groups, options, outgoing)
    outgoing.sort(opened.schema_arrow.names)


def _open(file: LentFile, options: Mapping[str, Any]) -> tuple[pq.ParquetFile, _Plan | None]:
    """Read the footer and plan; there is no plan without rows."""
    metadata = _read_footer(file, options)
    opened = pq.ParquetFile(
        pa.PythonFile(file, mode="r"),
        metadata=metadata,
        buffer_size=_BUFFER_BYTES,
        pre_buffer=False,
        coerce_int96_timestamp_unit="us",  # of nanoseconds there are too few for year 9999
        thrift_container_size_limit=MAX_LIST,
    )
    file.requests = _MAX_REQUESTS
    groups = list(_read_groups(file, metadata))
    if not groups:
        return opened, None
    columns = _list_columns(opened.schema_arrow, metadata.num_columns)
    chosen = _choose_groups(groups, file.allowance, options["rows"])
    if chosen:
        return opened, _Plan([group.index for group in chosen], columns, [(chosen[0].start, max(group.end for group in chosen))])
    smallest = min(groups, key=lambda group: group.end - group.start)
    order, ranges = _choose_pieces(file.allowance, columns, smallest.chunks)
    return opened, _Plan([smallest.index], order, ranges)


def _read_footer(file: LentFile, options: Mapping[str, Any]) -> Any:
    """Read the footer alone, which the parent has fetched."""
    file.keep(options["footer_start"], file.size - options["footer_start"])
    file.seek(options["footer_start"])
    metadata = pq.ParquetFile(pa.BufferReader(file.read()), thrift_container_size_limit=MAX_LIST).metadata
    if metadata.num_columns > options["max_columns"]:
        raise RefusedError(f"{metadata.num_columns:,} columns, more than the limit of {options['max_columns']:,}")
    return metadata


def _list_columns(schema: pa.Schema, leaf_count: int) -> list[_Column]:
    counts = [count_leaves(field.type) for field in schema]
    if sum(counts) != leaf_count:
        raise RefusedError("the footer contradicts itself: its schema has other columns")
    firsts = accumulate(counts, initial=0)
    return [_Column(field, range(first, first + count)) for field, first, count in zip(schema, firsts, counts, strict=False)]


def _read_groups(file: LentFile, metadata: Any) -> Iterator[_Group]:
    """Where the first row groups stand; those without rows, and those whose columns are in other files, are left out."""
    count = min(metadata.num_row_groups, _MAX_GROUPS, max(1, _MAX_CELLS // max(1, metadata.num_columns)))
    for index in range(count):
        group = metadata.row_group(index)
        if group.num_columns != metadata.num_columns:
            raise RefusedError("the footer contradicts itself: its row groups have other columns")
        columns = [group.column(i) for i in range(group.num_columns)]
        if group.num_rows > 0 and columns and not any(column.file_path for column in columns):
            yield _Group(index, group.num_rows, [_read_chunk(column, file.size) for column in columns])


def _read_chunk(column: Any, file_size: int) -> _Chunk:
    start, dictionary_bytes = column.data_page_offset, 0
    # Some writers tell 0 where there is no dictionary.
    if column.has_dictionary_page and 0 < column.dictionary_page_offset < start:
        start, dictionary_bytes = column.dictionary_page_offset, start - column.dictionary_page_offset
    end = start + column.total_compressed_size
    if not 0 < start <= end <= file_size:
        raise RefusedError("the footer is corrupt: it lists data outside the file")
    return _Chunk(start, end, dictionary_bytes)


def _choose_groups(groups: Sequence[_Group], allowance: int, rows: int) -> Sequence[_Group]:
    """Neighbours that are within the allowance and give as many rows as are wanted, or come nearest to it, for the fewest bytes."""
    best: tuple[int, int] | None = None
    chosen: Sequence[_Group] = ()
    starts, ends = [group.start for group in groups], [group.end for group in groups]
    for first in range(len(groups)):
        total, start, end = 0, starts[first], ends[first]
        for last in range(first, len(groups)):
            start, end = min(start, starts[last]), max(end, ends[last])
            if end - start > allowance:
                break
            total += groups[last].rows
            score = (-min(total, rows), end - start)
            if best is None or score < best:
                best, chosen = score, groups[first : last + 1]
            if total >= rows:
                break
    return sorted(chosen, key=lambda group: group.start)


def _choose_pieces(allowance: int, columns: Sequence[_Column], chunks: Sequence[_Chunk]) -> tuple[list[_Column], list[tuple[int, int]]]:
    """The first bytes of as many columns as go into three quarters of the allowance, neighbours together; the cheapest go first.

    What is left is for pages that are longer than expected, and for the other columns, whose order is given.
    """
    least, most = _PAGE_BYTES
    page_bytes = min(most, max(least, allowance // (2 * len(chunks))))
    costs = [sum(chunks[leaf].first_bytes(page_bytes) for leaf in column.leaves) for column in columns]
    order = sorted(range(len(columns)), key=costs.__getitem__)
    left, pieces = allowance * 3 // 4, list[tuple[int, int]]()
    for index in order:
        left -= costs[index]
        if left < 0:
            break
        pieces += [(chunks[leaf].start, chunks[leaf].start + chunks[leaf].first_bytes(page_bytes)) for leaf in columns[index].leaves]
    ranges = []
    for start, end in join_ranges(pieces)[:MAX_RANGES]:
        allowance -= end - start
        if allowance >= 0:
            ranges.append((start, end))
    return [columns[index] for index in order], ranges


def _read_column(opened: pq.ParquetFile, column: _Column, groups: list[int], options: Mapping[str, Any], outgoing: OutgoingRows) -> None:
    wanted = options["rows"]
    try:
        values = PlainValues(column.field.type, max_length=options["max_length"], max_depth=options["max_depth"])
        batches = opened.reader.iter_batches(wanted, row_groups=groups, column_indices=list(column.leaves), use_threads=False)
        outgoing.add(column.field.name, _values(batches, values, wanted))
    except (MemoryError, AllowanceError, TooDeepError):
        return


def _values(batches: Iterator[pa.RecordBatch], values: PlainValues, wanted: int) -> Iterator[object]:
    for batch in batches:
        yield from values.read(batch.column(0).slice(0, wanted))
        wanted -= batch.num_rows
        if wanted <= 0:
            return
