"""Arrow's messages, without the data that follows them: where the record batches of a file stand, how many rows each has, and what its
columns take.

They are flatbuffers: the tables and their slots are those of `Message.fbs`, `File.fbs` and `Schema.fbs` of the Arrow format. Every number
is checked before it is believed.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from s3_catalog.formats._flatbuffers import MAX_TABLES, CorruptMessageError, byte, child, children, number, refusing, root, vector

_MESSAGE_HEADER_TYPE, _MESSAGE_HEADER, _MESSAGE_BODY_LENGTH = 6, 8, 10
_FOOTER_SCHEMA, _FOOTER_DICTIONARIES, _FOOTER_BATCHES = 6, 8, 10
_DICTIONARY_ID, _DICTIONARY_DATA = 4, 6
_BATCH_LENGTH, _BATCH_NODES, _BATCH_BUFFERS, _BATCH_VARIADIC = 4, 6, 8, 12
_SCHEMA_FIELDS, _FIELD_DICTIONARY, _FIELD_CHILDREN, _ENCODING_ID = 6, 12, 14, 4
_SCHEMA_MESSAGE, _DICTIONARY_MESSAGE, _BATCH_MESSAGE = 1, 2, 3
_BLOCK, _PAIR, _COUNT = struct.Struct("<qi4xq"), struct.Struct("<qq"), struct.Struct("<q")
PREFIX_BYTES = 8
CONTINUATION = b"\xff\xff\xff\xff"


@dataclass(frozen=True, slots=True)
class Block:
    """Where a message stands in a file, and how long it and its data are, in bytes."""

    offset: int
    message_bytes: int
    body_bytes: int


@dataclass(frozen=True, slots=True)
class Blocks(Sequence[Block]):
    """The blocks that a footer lists, unpacked when asked for: there may be millions."""

    packed: memoryview

    def __len__(self) -> int:
        return len(self.packed) // _BLOCK.size

    def __getitem__(self, index: Any) -> Any:
        return Block(*_BLOCK.unpack_from(self.packed, range(len(self))[index] * _BLOCK.size))

    def __iter__(self) -> Iterator[Block]:
        return (Block(*found) for found in _BLOCK.iter_unpack(self.packed))

    @property
    def body_bytes(self) -> int:
        """The data of all messages."""
        return sum(body_bytes for _, _, body_bytes in _BLOCK.iter_unpack(self.packed))


@dataclass(frozen=True, slots=True)
class DictionaryUse:
    """A column that uses a dictionary: `whole`, its values are those of the dictionary; else something inside it is."""

    column: int
    whole: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Footer:
    """The list of a file's messages, and the columns that use each dictionary, by its id."""

    dictionaries: Blocks
    batches: Blocks
    uses: dict[int, list[DictionaryUse]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """Rows of a record batch, or values of a dictionary (`dictionary` is its id).

    `nodes` are pairs of (length, null count), `buffers` of (offset, length in bytes), both in the order of the flattened columns;
    `variadic` the numbers of extra buffers of the columns of views.
    """

    rows: int
    nodes: Sequence[tuple[int, int]]
    buffers: Sequence[tuple[int, int]]
    variadic: Sequence[int]
    body_bytes: int
    dictionary: int | None = None


def read_footer(data: bytes) -> Footer:
    """Read the footer of a file, without the length and signature after it.

    Raises:
        CorruptMessageError: corrupt.
    """
    with refusing():
        footer = root(data)
        return Footer(
            dictionaries=Blocks(vector(footer, _FOOTER_DICTIONARIES, _BLOCK.size)),
            batches=Blocks(vector(footer, _FOOTER_BATCHES, _BLOCK.size)),
            uses=_find_dictionaries(child(footer, _FOOTER_SCHEMA)),
        )


def message_length(prefix: bytes) -> tuple[int, int]:
    """The bytes of a message's prefix, and of the message after it: a length, since Arrow 0.15 after a mark; 0 ends a stream.

    Raises:
        CorruptMessageError: cut, or no length.
    """
    start = 4 if prefix.startswith(CONTINUATION) else 0
    length = int.from_bytes(prefix[start : start + 4], "little", signed=True)
    if len(prefix) < start + 4 or length < 0:
        raise CorruptMessageError("a message is cut")
    return start + 4, length


def read_message(data: bytes) -> Batch | dict[int, list[DictionaryUse]]:
    """Read a message with its prefix: a batch, or of a schema the columns that use each dictionary.

    Raises:
        CorruptMessageError: corrupt, cut, or of another kind.
    """
    start, length = message_length(data)
    if start + length > len(data):
        raise CorruptMessageError("a message is cut")
    with refusing():
        message = root(data[start : start + length])
        kind = byte(message, _MESSAGE_HEADER_TYPE)
        header = child(message, _MESSAGE_HEADER)
        body_bytes = number(message, _MESSAGE_BODY_LENGTH)
        if kind == _SCHEMA_MESSAGE:
            return _find_dictionaries(header)
        if kind == _DICTIONARY_MESSAGE:
            return _read_batch(child(header, _DICTIONARY_DATA), body_bytes, dictionary=number(header, _DICTIONARY_ID, signed=True))
        if kind == _BATCH_MESSAGE:
            return _read_batch(header, body_bytes)
    raise CorruptMessageError("a message is of a kind that files of tables do not have")


def _read_batch(table: Any, body_bytes: int, *, dictionary: int | None = None) -> Batch:
    nodes = list(_PAIR.iter_unpack(vector(table, _BATCH_NODES, _PAIR.size)))
    buffers = list(_PAIR.iter_unpack(vector(table, _BATCH_BUFFERS, _PAIR.size)))
    variadic = [count for (count,) in _COUNT.iter_unpack(vector(table, _BATCH_VARIADIC, _COUNT.size))]
    if any(not 0 <= nulls <= length for length, nulls in nodes) or any(not 0 <= size <= body_bytes for _, size in buffers):
        raise CorruptMessageError("a batch has impossible counts or lengths")
    rows = number(table, _BATCH_LENGTH)
    return Batch(rows=rows, nodes=nodes, buffers=buffers, variadic=variadic, body_bytes=body_bytes, dictionary=dictionary)


def _find_dictionaries(schema: Any) -> dict[int, list[DictionaryUse]]:
    """Walk the fields of a schema, with those inside them."""
    uses: dict[int, list[DictionaryUse]] = {}
    waiting = [(field, column, True) for column, field in enumerate(children(schema, _SCHEMA_FIELDS))]
    seen = len(waiting)
    while waiting:
        field, column, whole = waiting.pop()
        if field.Offset(_FIELD_DICTIONARY):
            encoding = child(field, _FIELD_DICTIONARY)
            uses.setdefault(number(encoding, _ENCODING_ID, signed=True), []).append(DictionaryUse(column, whole))
        inside = children(field, _FIELD_CHILDREN)
        seen += len(inside)
        if seen > MAX_TABLES:  # fields may be shared, and so unfold without end
            raise CorruptMessageError("too many fields")
        waiting.extend((field, column, False) for field in inside)
    return uses
