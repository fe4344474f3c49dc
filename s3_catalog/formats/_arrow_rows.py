"""Which record batches and columns of an Arrow file or stream give the rows of a sample, and their bytes fetched in few ranges."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pyarrow as pa

from s3_catalog.formats import ReadLimits
from s3_catalog.formats._arrow_batches import check_block, read_block
from s3_catalog.formats._arrow_figures import column_buffers
from s3_catalog.formats._arrow_messages import PREFIX_BYTES, Batch, Block, Footer, message_length, read_message
from s3_catalog.formats._flatbuffers import CorruptMessageError
from s3_catalog.formats._ranges_to_fetch import MAX_RANGES, choose_columns, join_ranges
from s3_catalog.storage.files import ObjectFile

_LOOKED_AT = 1000
"""Batches of a file among which those for a sample are chosen."""
_AHEAD_BYTES = 1024
_MAX_REQUESTS = 12


def plan_file_rows(file: ObjectFile, footer: Footer, schema: pa.Schema, left: int, rows: int) -> Mapping[str, Any] | None:
    """Fetch what a sample of a file takes, at most `left` bytes; None where nothing fits.

    All dictionaries are needed, whatever is read; then the first batch that fits, with as many after it as are needed for enough rows; and
    where none fits, those columns of the smallest batch that do.

    Returns: the options `batches` and `fields` of `_columnar_rows.read`; `fields` None stands for all.

    Raises:
        CorruptMessageError: corrupt.
        StoreError: the object could not be read or has changed.
    """
    if len(footer.dictionaries) > _LOOKED_AT or not len(footer.batches):
        return None
    dictionaries = join_ranges(_range(file, block) for block in footer.dictionaries)
    left -= sum(end - start for start, end in dictionaries)
    if left < 0 or len(dictionaries) > MAX_RANGES:
        return None
    _fetch(file, dictionaries)
    blocks = [footer.batches[index] for index in range(min(len(footer.batches), _LOOKED_AT))]
    sizes = [end - start for start, end in (_range(file, block) for block in blocks)]
    first = next((index for index, size in enumerate(sizes) if size <= left), None)
    if first is None:
        smallest = min(range(len(sizes)), key=sizes.__getitem__)
        fields = _fetch_columns(file, blocks[smallest], schema, left)
        return {"kind": "file", "batches": [smallest], "fields": fields} if fields else None
    _fetch(file, [_range(file, blocks[first])])
    found = max(1, read_block(file, blocks[first]).rows)
    chosen, left = [first], left - sizes[first]
    for index in range(first + 1, min(len(blocks), first - (-rows // found))):
        left -= sizes[index]
        if left < 0:
            break
        chosen.append(index)
    _fetch(file, join_ranges(_range(file, blocks[index]) for index in chosen[1:])[:MAX_RANGES])
    return {"kind": "file", "batches": chosen, "fields": None}


def _range(file: ObjectFile, block: Block) -> tuple[int, int]:
    check_block(file, block)
    return block.offset, block.offset + block.message_bytes + block.body_bytes


def _fetch(file: ObjectFile, ranges: Sequence[tuple[int, int]]) -> None:
    for start, end in ranges:
        file.read_at(start, end - start)


def _fetch_columns(file: ObjectFile, block: Block, schema: pa.Schema, left: int) -> list[int]:
    """Fetch those columns of a batch that fit, and say which."""
    if block.message_bytes > left:
        return []
    buffers = column_buffers(schema, read_block(file, block))
    if buffers is None:
        raise CorruptMessageError("a batch does not fit the schema")
    body = block.offset + block.message_bytes
    columns = [[(body + offset, body + offset + length) for offset, length in own if length] for own in buffers]
    chosen = choose_columns(columns, left - block.message_bytes)
    _fetch(file, join_ranges(found for index in chosen for found in columns[index]))
    return chosen


def read_stream_start(file: ObjectFile, head: bytes, limits: ReadLimits, rows: int) -> tuple[bytes, int]:
    """Fetch the start of a stream: as many whole messages as give enough rows, or as fit into a sample; and the number of batches in it.

    Args:
        head: its first bytes, fetched already.

    Raises:
        CorruptMessageError: corrupt.
        StoreError: the object could not be read or has changed.
    """
    position = end = batches = found = requests = 0
    left = limits.max_sample_bytes - len(head)
    while found < rows and position + PREFIX_BYTES <= file.size and requests < _MAX_REQUESTS:
        data = head[position : position + PREFIX_BYTES]
        start, length = message_length(data) if len(data) == PREFIX_BYTES else (PREFIX_BYTES, _AHEAD_BYTES)
        if position + start + length > len(head):
            requests, left = requests + 1, left - (start + length)
            if left < position + start + length - len(head):
                break
            data = file.read_at(position, start + length)
            start, length = message_length(data)
        else:
            data = head[position : position + start + length]
        if length == 0:
            break
        if start + length > len(data):
            break
        message = read_message(data)
        position += start + length + (message.body_bytes if isinstance(message, Batch) else 0)
        if position > file.size:
            raise CorruptMessageError("the data of a message is cut")
        if max(0, position - len(head)) > left:
            break
        end = position
        if isinstance(message, Batch) and message.dictionary is None:
            batches, found = batches + 1, found + message.rows
    return head[:end] + file.read_at(len(head), max(0, end - len(head))), batches
