"""What a pickle consists of once it was taken apart without being run: plain scalars, tuples, and the classes here."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

KEPT_ITEMS = 20_000
"""So many items of a list or dict are kept; the rest are counted."""


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
    """`read_bytes` counts what is looked at, not what is skipped (the values of an array)."""

    read_bytes: int
    seconds: float
    steps: int = 20_000_000


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
    """A list or set: its first items, how many it has, and the Python types of the simple ones among the others."""

    kept: list[Any] = field(default_factory=list)
    count: int = 0
    other_types: set[type] = field(default_factory=set)

    def extend(self, values: list[Any]) -> None:
        room = KEPT_ITEMS - len(self.kept)
        self.kept += values[:room] if room > 0 else ()
        self.count += len(values)
        if len(values) > room:
            self.other_types.update(map(type, values[max(room, 0) :]))


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
