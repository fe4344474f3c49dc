"""Tagging: what kind of data a column holds. Detectors find personal data and secrets by column name and values together.

One module per detector, found by its `DETECTOR` object; modules without one, and those whose name begins with `_`, are no detectors.
Another package adds one by an entry point in the group `s3_catalog.detectors` that names such an object. Importing a detector must be
cheap: heavy libraries are imported inside its functions. `scanning.detect_columns` runs them all, `masking` keeps what they found out
of samples. Nothing here holds, logs or raises a value: evidence is names, shares and counts.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import IntEnum
from functools import cache
from importlib.metadata import entry_points
from typing import Protocol

from s3_catalog.tagging._names import split_name

ENTRY_POINT_GROUP = "s3_catalog.detectors"


class Certainty(IntEnum):
    """What a detector goes by. Where several claim a column the smallest wins, then the greater confidence, then the name."""

    CHECKED = 0
    """Check digits, or a prefix that only this kind has."""
    PARSED = 1
    """A grammar that hardly anything else fits."""
    SHAPED = 2
    """A shape that other kinds share, such as seven digits."""
    NAMED = 3
    """The column's name; values can only contradict."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ColumnName:
    """A column as its names tell it: lower-case words without accents.

    `path` is the column's name and the way to a nested value: `contact.email` (field), `emails[]` (items), `attributes{}` (values of a
    map), `attributes{key}` (its keys). `words` are those of the last name on the path, `context` those of the names around it and of the
    table, `siblings` those of the columns beside it.
    """

    path: str
    words: tuple[str, ...]
    context: frozenset[str] = frozenset()
    siblings: frozenset[str] = frozenset()

    @property
    def text(self) -> str:
        """The words, each between underscores: what `_names.phrases` looks at.

        >>> ColumnName.of("dateOfBirth").text
        '_date_of_birth_'
        """
        return f"_{'_'.join(self.words)}_"

    @classmethod
    def of(cls, name: str, *, context: Iterable[str] = (), siblings: Iterable[str] = ()) -> ColumnName:
        """A column by its name, in the context of names around it and beside it."""
        return cls(
            path=name,
            words=split_name(name),
            context=frozenset(word for text in context for word in split_name(text)),
            siblings=frozenset(word for text in siblings for word in split_name(text)),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Detection:
    """One column that holds one kind of data.

    `label` is the kind in people's words (`payment card`), `column` a path as in `ColumnName`. `share` (0 to 1) is the part of the distinct
    values that matched, `values_seen` the number of non-null values looked at, `confidence` 0 to 1. `evidence` says why and holds no value.
    `inside`: found in some values or within longer texts, so the column as a whole is of another kind.
    """

    detector: str
    label: str
    tags: tuple[str, ...]
    column: str
    share: float
    values_seen: int
    confidence: float
    evidence: str
    certainty: Certainty
    inside: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class DetectorFailure:
    """A detector that raised (the error's class name) or took too long in one column."""

    detector: str
    column: str
    error: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Detections:
    """What all detectors say of a table: at most one kind per column as a whole, any number `inside` one.

    `columns` are the table's own columns that were looked at: `user.email` may be one, or a field of `user`.
    While there are `failures` nobody knows what else there is: such a table's sample must not be shown.
    """

    found: tuple[Detection, ...] = ()
    failures: tuple[DetectorFailure, ...] = ()
    columns: tuple[str, ...] = ()


class Detector(Protocol):
    """The plug-in contract of a detector."""

    name: str
    label: str
    """The kind in people's words, as a masked value shows it: `payment card`."""
    tags: tuple[str, ...]
    """Classification and tag, as in `PII.Email`."""
    looks_for: str
    """One line for people."""
    certainty: Certainty
    min_share: float
    """The share of distinct values that must match where the column's name says nothing."""
    min_share_named: float
    """The same where the column's name speaks for this kind."""

    def detect(self, column: ColumnName, values: Sequence[str]) -> Detection | None:
        """Whether a column is of this kind as a whole.

        Args:
            values: distinct texts of non-null values, trimmed and of bounded length; numbers as they are written.
        """

    def find(self, column: ColumnName, text: str) -> Iterable[tuple[int, int]]:
        """Where in a text values of this kind stand, as (start, end); none for kinds that only a column's name tells."""


@cache
def detectors() -> Mapping[str, Detector]:
    """All detectors by name, ours first; another package's entry point of the same name replaces ours."""
    modules = [importlib.import_module(f"{__name__}.{m.name}") for m in pkgutil.iter_modules(__path__) if not m.name.startswith("_")]
    own = [module.DETECTOR for module in modules if hasattr(module, "DETECTOR")]
    others = [entry.load() for entry in entry_points(group=ENTRY_POINT_GROUP)]
    return {detector.name: detector for detector in [*own, *others]}
