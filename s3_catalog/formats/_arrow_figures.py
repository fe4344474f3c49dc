"""Figures of columns from the messages of an Arrow file's record batches: null counts and sizes. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import pyarrow as pa
from pyarrow import types as kinds

from s3_catalog.formats._arrow_messages import Batch, DictionaryUse
from s3_catalog.formats._flatbuffers import MAX_TABLES
from s3_catalog.model.statistics import ColumnFigures


@dataclass(frozen=True, slots=True)
class _Node:
    """One of the arrays that a column is flattened to: its buffers, and whether a batch may add to them."""

    buffers: int
    variadic: bool = False


class _Total:
    """The sums of one column; None once one batch does not tell."""

    def __init__(self, arrow_type: pa.DataType) -> None:
        self.nodes = list(_flatten(arrow_type))
        self.nulls: int | None = 0 if _tells_nulls(arrow_type) else None
        self.size: int | None = 0

    def add(self, nulls: int, size: int) -> None:
        self.nulls = None if self.nulls is None else self.nulls + nulls
        self.size = None if self.size is None else self.size + size


def read_figures(schema: pa.Schema, uses: Mapping[int, Sequence[DictionaryUse]], batches: Sequence[Batch]) -> dict[str, ColumnFigures]:
    """Add up what all batches and dictionaries of a file tell, by column name; columns whose name stands twice have none.

    Batches whose parts do not fit the schema's columns tell nothing, so that there are no figures.
    """
    totals = [_Total(field.type) for field in schema]
    if sum(len(total.nodes) for total in totals) > MAX_TABLES:
        return {}
    for batch in batches:
        if batch.dictionary is not None:
            _add_dictionary(totals, uses.get(batch.dictionary, ()), batch)
        elif not _add_batch(totals, batch):
            return {}
    names = Counter(schema.names)
    return {
        field.name: ColumnFigures(null_count=total.nulls, size_bytes=total.size)
        for field, total in zip(schema, totals, strict=True)
        if names[field.name] == 1
    }


def column_buffers(schema: pa.Schema, batch: Batch) -> list[Sequence[tuple[int, int]]] | None:
    """The buffers (offset, length) of each column of a batch; None where they do not fit the schema."""
    columns = [list(_flatten(field.type)) for field in schema]
    parts = None if sum(map(len, columns)) > MAX_TABLES else _part_batch(columns, batch)
    return None if parts is None else [buffers for _, buffers in parts]


def _part_batch(columns: Iterable[Sequence[_Node]], batch: Batch) -> list[tuple[int, Sequence[tuple[int, int]]]] | None:
    """Null count and buffers of each column; None where the parts of the batch do not come out even."""
    node = buffer = variadic = 0
    parts = []
    for nodes in columns:
        first_node, first_buffer = node, buffer
        node += len(nodes)
        for part in nodes:
            buffer += part.buffers
            if part.variadic and variadic < len(batch.variadic):
                buffer += max(0, batch.variadic[variadic])
                variadic += 1
        if node > len(batch.nodes) or batch.nodes[first_node][0] != batch.rows:
            return None
        parts.append((batch.nodes[first_node][1], batch.buffers[first_buffer:buffer]))
    even = (node, buffer, variadic) == (len(batch.nodes), len(batch.buffers), len(batch.variadic))
    return parts if even else None


def _add_batch(totals: Sequence[_Total], batch: Batch) -> bool:
    """Take the parts of a batch column by column; False where they do not come out even."""
    parts = _part_batch((total.nodes for total in totals), batch)
    for total, (nulls, buffers) in zip(totals, parts or (), strict=parts is not None):
        total.add(nulls, sum(size for _, size in buffers))
    return parts is not None


def _add_dictionary(totals: Sequence[_Total], uses: Sequence[DictionaryUse], batch: Batch) -> None:
    """Add a dictionary's size to its column. With a null among its values, the rows that are null are not known from the indexes."""
    has_nulls = any(nulls for _, nulls in batch.nodes[:1])
    for use in uses:
        total = totals[use.column]
        if has_nulls and use.whole:
            total.nulls = None
        total.size = None if len(uses) > 1 else total.size
        total.add(0, sum(size for _, size in batch.buffers))


def _tells_nulls(arrow_type: pa.DataType) -> bool:
    """Whether an array of this type itself says which rows are null; in some types only the arrays inside do."""
    storage = _storage(arrow_type)
    return not (kinds.is_union(storage) or kinds.is_run_end_encoded(storage))


def _storage(arrow_type: pa.DataType) -> pa.DataType:
    while isinstance(arrow_type, pa.BaseExtensionType):
        arrow_type = arrow_type.storage_type
    return arrow_type


def _flatten(arrow_type: pa.DataType) -> Iterator[_Node]:
    """The arrays of a column in the order of Arrow's format: each before those inside it; of a dictionary its indexes only."""
    storage = _storage(arrow_type)
    yield _node(storage)
    if kinds.is_nested(storage):
        for index in range(storage.num_fields):
            yield from _flatten(storage.field(index).type)


def _node(storage: pa.DataType) -> _Node:
    """The buffers of an array itself, by the table of buffer layouts in Arrow's columnar format."""
    if kinds.is_null(storage) or kinds.is_run_end_encoded(storage):
        return _Node(0)
    if kinds.is_union(storage):
        return _Node(2 if storage.mode == "dense" else 1)
    if kinds.is_struct(storage) or kinds.is_fixed_size_list(storage):
        return _Node(1)
    if kinds.is_string_view(storage) or kinds.is_binary_view(storage):
        return _Node(2, variadic=True)
    three = (kinds.is_string, kinds.is_binary, kinds.is_large_string, kinds.is_large_binary, kinds.is_list_view, kinds.is_large_list_view)
    return _Node(3 if any(is_kind(storage) for is_kind in three) else 2)
