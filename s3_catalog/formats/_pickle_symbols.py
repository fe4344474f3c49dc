"""What a pickle consists of once it was taken apart without being run: plain scalars, tuples, and the classes here."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

KEPT_VALUES, KEPT_ITEMS = 200_000, 20_000
"""So many plain values, and so many others, of a list or dict are kept; the rest are counted."""


class PickleRefusedError(Exception):
    """Why a pickle is not read. Holds no value of it but the names of what it would call. `certain`: it is a pickle beyond doubt."""

    certain = False


class PickleCallError(PickleRefusedError):
    """A pickle that would call or load more than data."""

    certain = True


class PickleLimitError(PickleRefusedError):
    """More steps, bytes, objects or time than allowed; `so_far` is the bottom of the stack."""

    def __init__(self, reason: str, so_far: Any = None) -> None:
        self.so_far = so_far
        super().__init__(reason)


@dataclass(frozen=True, slots=True)
class PickleLimits:
    """`read_bytes` counts what is looked at, not what is skipped (the values of an array).

    `large_payloads`: so many bytes of long payloads are kept in all; of the others only the length.
    """

    read_bytes: int
    seconds: float
    steps: int = 20_000_000
    large_payloads: int = 0


@dataclass(frozen=True, slots=True)
class Opaque:
    """A value of which only kind (`string`, `bytes`, `integer`) and length are kept; `data` when it is short."""

    kind: str
    length: int
    data: bytes | None = None


LOST_TEXT = Opaque("string", 0)


@dataclass(frozen=True, slots=True)
class Global:
    """A name that would be imported."""

    module: str
    name: str


@dataclass(slots=True, eq=False)
class Items:
    """A list or set: its first items, how many it has, and examples of the others.

    `examples` are (position, values): of every batch that was not kept, one value of each kind. Python writes lists in batches of 1,000.
    """

    kept: list[Any] = field(default_factory=list)
    count: int = 0
    examples: list[tuple[int, list[Any]]] = field(default_factory=list)

    def extend(self, values: list[Any]) -> None:
        limit = KEPT_ITEMS if values and isinstance(values[0], Items | Pairs | tuple) else KEPT_VALUES
        room = max(0, limit - len(self.kept)) if self.count == len(self.kept) else 0
        self.kept += values[:room]
        if len(values) > room:
            others = values[room:]
            self.examples.append((self.count + room, list({_kind(value): value for value in others}.values())))
        self.count += len(values)

    def part(self, start: int, stop: int) -> Items:
        """The items between two positions, as far as they are known."""
        kept = self.kept[start:stop]
        starts = [position for position, _ in self.examples] + [self.count]
        whole = [
            (max(0, at - start), values) for (at, values), end in zip(self.examples, starts[1:], strict=True) if start <= at and end <= stop
        ]
        return Items(kept, stop - start, whole)


def _kind(value: Any) -> object:
    return (value.function.module, value.function.name) if isinstance(value, Call) else type(value)


@dataclass(slots=True, eq=False)
class Pairs:
    """A dict: its first entries (keys are symbols and may not be hashable), and how many it has."""

    kept: list[tuple[Any, Any]] = field(default_factory=list)
    count: int = 0

    def extend(self, values: list[Any]) -> None:
        if len(values) % 2:
            raise PickleRefusedError("the pickle is corrupt")
        room = KEPT_ITEMS - len(self.kept)
        if room > 0:
            self.kept += list(zip(values[: 2 * room : 2], values[1 : 2 * room : 2], strict=True))
        self.count += len(values) // 2

    def get(self, name: str) -> Any:
        """The value of a key that is text; None when there is none."""
        return next((value for key, value in self.kept if isinstance(key, str) and key == name), None)


@dataclass(slots=True, eq=False)
class Call:
    """An object that a call would make, with the state it would be given."""

    function: Global
    args: tuple[Any, ...]
    state: Any = None
    items: Items | None = None
    pairs: Pairs | None = None
