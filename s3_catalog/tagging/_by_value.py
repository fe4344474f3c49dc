"""What most detectors share: count the distinct values that match, and ask for a set share of them.

In: a column's name and its texts. Out: a `Detection` whose evidence says name and share. A detector built on this says what a value and
a name of its kind look like, nothing more.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from functools import cache

from s3_catalog.tagging import Certainty, ColumnName, Detection
from s3_catalog.tagging._names import ABOUT, QUALIFIERS

NOTHING = re.compile(r"(?!)")
_UNNAMED_CONFIDENCE = {Certainty.CHECKED: 0.95, Certainty.PARSED: 0.95, Certainty.SHAPED: 0.8, Certainty.NAMED: 0.5}


class ByValue:
    """A detector that looks at each value. Subclasses set the attributes and write `matches`; some write `find`."""

    name: str
    label: str
    tags: tuple[str, ...]
    certainty: Certainty
    min_share = 0.8
    min_share_named = 0.5
    needs_name = False
    min_values = 1
    """The distinct values it takes to believe a column whose name says nothing."""
    looks_for: str
    names: re.Pattern[str] = NOTHING
    """What a column of this kind is called."""
    other_names: re.Pattern[str] = NOTHING
    """What a column that merely looks alike is called: there nothing is found."""

    def detect(self, column: ColumnName, values: Sequence[str]) -> Detection | None:
        if self.is_other(column):
            return None
        named = self.is_named(column)
        if not values or (not named and (self.needs_name or len(values) < self.min_values)):
            return None
        least = (self.min_share_named if named else self.min_share) * len(values)
        matched = count_matches((self.matches(text, column, named=named) for text in values), len(values), least)
        return self.claim(column, values, matched, named=named) if matched else None

    def find(self, column: ColumnName, text: str) -> Iterable[tuple[int, int]]:
        return ()

    def matches(self, text: str, column: ColumnName, *, named: bool) -> bool:
        """Whether a whole value is of this kind; `named` values of a column whose name says so may be looser."""
        raise NotImplementedError

    def is_named(self, column: ColumnName) -> bool:
        return names_itself(self.names, column)

    def is_other(self, column: ColumnName) -> bool:
        return bool(self.other_names.search(column.text))

    def claim(self, column: ColumnName, values: Sequence[str], matched: int, *, named: bool, what: str = "") -> Detection:
        """Say what was found. `what` replaces the label in the evidence."""
        share = matched / len(values)
        says = "the column's name and " if named else ""
        return Detection(
            detector=self.name,
            label=self.label,
            tags=self.tags,
            column=column.path,
            share=round(share, 4),
            values_seen=len(values),
            confidence=round(share * (1.0 if named else _UNNAMED_CONFIDENCE[self.certainty]), 2),
            evidence=f"{says}{matched} of {len(values)} distinct values: {what or self.label}",
            certainty=self.certainty,
        )


def names_itself(names: re.Pattern[str], column: ColumnName) -> bool:
    """Whether a column is called one of the names, so that its values are what the name says and not something about it.

    What follows the name must be a qualifier: `phone_home` is a phone number, `phone_users` is none.
    """
    return not ABOUT.search(column.text) and _to_the_end(names).search(column.text) is not None


@cache
def _to_the_end(names: re.Pattern[str]) -> re.Pattern[str]:
    return re.compile(rf"{names.pattern}(?:(?:{'|'.join(sorted(QUALIFIERS))}|\d+)_)*\Z")


def count_matches(matches: Iterable[bool], total: int, least: float) -> int:
    """Count what matches of `total`; 0 as soon as `least` is out of reach."""
    matched = missed = 0
    for match in matches:
        matched += match
        missed += not match
        if total - missed < least:
            return 0
    return matched


def digits(text: str) -> str:
    """The ASCII digits of a text."""
    return "".join(c for c in text if "0" <= c <= "9")
