"""Where the rows of a JSON document are: of its events, those below a path of field names. Nothing of the values is kept."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

Event = tuple[str, object]
_NAMED_KEYS = 20
_KEY_CHARACTERS = 60


@dataclass(frozen=True, slots=True)
class _Level:
    """An object or array on the way to the rows: what is left of the path below it; `is_rows`: its items are the rows."""

    left: str
    is_array: bool = False
    is_rows: bool = False


class RowSelector:
    """Takes the rows out of the events of one document, or of several one after the other.

    A path is field names joined by dots (`data.items`; a leading `$.` may stand before them, a name may hold dots itself), "" is the
    document. The items of an array there are rows, and an object there is one row; arrays on the way are walked through.

    Attributes:
        documents: how many values stood at the top, `arrays` of them arrays.
        found: whether the path led to rows, or to a null in their place.
        is_open: whether the events broke off within an array of rows.
    """

    def __init__(self, path: str) -> None:
        self.path = "" if path.strip() == "$" else path.strip().removeprefix("$.")
        self.documents = self.arrays = 0
        self.found = self.is_open = False
        self._left = self.path
        self._keys: dict[str, None] = {}
        self._dead_end: str | None = None

    def select(self, events: Iterable[Event]) -> Iterator[Event]:
        """Pass on the events of rows, each row as a value at the top. Events begin before a document, and may break off anywhere."""
        levels: list[_Level] = []
        left: str | None = None
        inside, is_row = 0, False  # containers open within a row that is passed on, or within a value beside the way
        for event, value in events:
            deeper = event.startswith("start") - event.startswith("end")
            if inside:
                inside += deeper
                if is_row:
                    yield event, value
            elif event == "map_key":
                left = self._follow(levels[-1].left, str(value))
            elif deeper < 0:
                levels.pop()
                self.is_open = False
            else:
                if not levels or levels[-1].is_array:
                    left = levels[-1].left if levels else self._begin(event)
                is_row = self._is_row(event, left, levels)
                if is_row:
                    inside = deeper
                    yield event, value
                elif left is None:
                    inside = deeper
                elif deeper:
                    levels.append(self._descend(event, left))
                else:
                    self._stop(event, left)

    def describe_missing(self) -> str:
        """Say which part of the path is not there, and which keys are."""
        if self._dead_end is not None and len(self._dead_end) <= len(self._left):
            return f"{self._reached(self._dead_end)} is no object and no array"
        names = [key if len(key) <= _KEY_CHARACTERS else f"{key[:_KEY_CHARACTERS]}…" for key in self._keys]
        there = f"the keys there are {', '.join(names)}" if names else "no object is there"
        where = f"in {self._reached(self._left)}" if self._left != self.path else "at the top"
        return f"there is no {self._left.partition('.')[0]!r} {where}; {there}"

    def _begin(self, event: str) -> str:
        self.documents += 1
        self.arrays += event == "start_array"
        return self.path

    def _is_row(self, event: str, left: str | None, levels: list[_Level]) -> bool:
        if levels and levels[-1].is_rows:
            return True
        is_value = event == "start_map" or (not levels and event != "start_array")
        self.found = self.found or (left == "" and is_value)
        return left == "" and is_value

    def _descend(self, event: str, left: str) -> _Level:
        is_array = event == "start_array"
        self.found = self.found or not left
        self.is_open = not left
        if not is_array and len(left) < len(self._left):
            self._left = left
            self._keys.clear()
        return _Level(left, is_array, is_rows=is_array and not left)

    def _stop(self, event: str, left: str) -> None:
        """A value without parts on the way, or in place of the rows."""
        if event == "null":
            self.found = self.found or not left
        elif self._dead_end is None or len(left) < len(self._dead_end):
            self._dead_end = left

    def _follow(self, left: str, key: str) -> str | None:
        if left == self._left and len(self._keys) < _NAMED_KEYS:
            self._keys.setdefault(key)
        if key == left:
            return ""
        return left[len(key) + 1 :] if left.startswith(f"{key}.") else None

    def _reached(self, left: str) -> str:
        return repr(self.path[: len(self.path) - len(left)].rstrip("."))
