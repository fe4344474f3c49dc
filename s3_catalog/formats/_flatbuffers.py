"""Tables of flatbuffers, read by their own library, which stays within the bytes that it is given.

It does not ask whether an offset makes sense, so what it raises where none does becomes one error here. A slot is a field's place in its
table: 4 for the first, 6 for the second.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

MAX_TABLES = 100_000
"""Tables that one message may hold: fields, mostly."""


class CorruptMessageError(ValueError):
    """A message that is corrupt or cut."""


@contextmanager
def refusing() -> Iterator[None]:
    """Make an error of the library one of ours.

    Raises:
        CorruptMessageError: instead.
    """
    try:
        yield
    except (struct.error, TypeError, IndexError, UnicodeDecodeError) as error:
        raise CorruptMessageError("a message is corrupt") from error


def root(data: bytes) -> Any:
    """The table that a message is."""
    from flatbuffers.table import Table

    return Table(data, int.from_bytes(data[:4], "little"))


def child(table: Any, slot: int) -> Any:
    """The table in a slot.

    Raises:
        CorruptMessageError: there is none.
    """
    from flatbuffers.table import Table

    offset = table.Offset(slot)
    if not offset:
        raise CorruptMessageError("a message lacks a field")
    return Table(table.Bytes, table.Indirect(table.Pos + offset))


def children(table: Any, slot: int) -> list[Any]:
    """The tables in a slot.

    Raises:
        CorruptMessageError: the message ends before them, or they are more than `MAX_TABLES`.
    """
    from flatbuffers.table import Table

    packed = vector(table, slot, 4)
    if not packed:
        return []
    if len(packed) > 4 * MAX_TABLES:
        raise CorruptMessageError("too many fields")
    start = table.Vector(table.Offset(slot))
    return [Table(table.Bytes, table.Indirect(position)) for position in range(start, start + len(packed), 4)]


def vector(table: Any, slot: int, item_bytes: int) -> memoryview:
    """The numbers or structs in a slot, as they stand; empty where there are none.

    Raises:
        CorruptMessageError: the message ends before them.
    """
    offset = table.Offset(slot)
    if not offset:
        return memoryview(b"")
    start, length = table.Vector(offset), table.VectorLen(offset) * item_bytes
    items = memoryview(table.Bytes)[start : start + length]
    if len(items) < length:
        raise CorruptMessageError("a list is longer than its message")
    return items


def text(table: Any, slot: int) -> str:
    """The text in a slot; empty where there is none."""
    return str(bytes(vector(table, slot, 1)), "utf-8")


def byte(table: Any, slot: int) -> int:
    """The byte, small enumeration or truth value in a slot; 0 where there is none."""
    from flatbuffers.number_types import Uint8Flags

    offset = table.Offset(slot)
    return int(table.Get(Uint8Flags, table.Pos + offset)) if offset else 0


def number(table: Any, slot: int, *, signed: bool = False) -> int:
    """The 64-bit number in a slot; 0 where there is none.

    Raises:
        CorruptMessageError: it is negative, and not `signed`: a count or a length.
    """
    from flatbuffers.number_types import Int64Flags

    offset = table.Offset(slot)
    found = int(table.Get(Int64Flags, table.Pos + offset)) if offset else 0
    if found < 0 and not signed:
        raise CorruptMessageError("a message has a negative count or length")
    return found
