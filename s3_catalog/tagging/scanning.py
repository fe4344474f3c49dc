"""Run all detectors over a small sample of a table.

In: columns of plain Python values, nested ones and JSON text included. Out: `Detections`: what each column holds, and which detector
failed. A detector that raises or takes too long is reported and never stops the others.
"""

from __future__ import annotations

import logging
import re
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from itertools import islice
from typing import TypeVar, overload

from s3_catalog.tagging import Certainty, ColumnName, Detection, Detections, Detector, DetectorFailure, detectors
from s3_catalog.tagging._leaves import IsFieldName, Place, for_detectors, iter_leaves, may_be_field_name

logger = logging.getLogger(__name__)
_Result = TypeVar("_Result")

TOO_SLOW = "TooSlow"
TOO_MANY_FIELDS = "TooManyFields"
INSIDE_SHARE = 0.01
"""The share of values that must hold a find beside several words, for a column to count as text with such data inside."""
MIXED_SHARE = 0.3
"""The share of values that must be of a kind as a whole, for a column of several kinds."""
MIXED_VALUES = 3
"""The same as a number, so that one chance hit among two values is none."""
_WORD = re.compile(r"[^\W\d_]{2,}")


@dataclass(frozen=True, slots=True, kw_only=True)
class ScanLimits:
    """How much one scan may cost. `max_values` are distinct values per path, `max_text` characters of each;
    `max_leaves` are the values inside one nested value.

    `seconds_per_column` is one detector's time for one column, looked at between values; who exceeds it is not asked again.
    """

    max_values: int = 1000
    max_text: int = 4096
    max_paths: int = 5000
    max_leaves: int = 20_000
    seconds_per_column: float = 2.0


@dataclass(slots=True)
class _Leaf:
    """Values of one path, as detectors see them. `seen` counts non-null values."""

    trail: tuple[str, ...]
    seen: int = 0
    texts: dict[str, None] = field(default_factory=dict)


def detect_columns(
    columns: Mapping[str, Iterable[object]],
    *,
    table: str = "",
    limits: ScanLimits | None = None,
    using: Iterable[Detector] | None = None,
) -> Detections:
    """Say of each column, and of each path inside nested ones, which kind of data it holds.

    Args:
        columns: a sample by column name: None, str, bytes, bool, int, float, Decimal, dates and times, lists, dicts, pairs of a map.
        table: the table's name, which tells whose `name` it is.
        using: other detectors than all there are.
    """
    limits = limits or ScanLimits()
    scan = _Scan(list(detectors().values() if using is None else using), limits)
    leaves = scan.collect(columns)
    for path, name in name_paths({path: leaf.trail for path, leaf in leaves.items()}, table).items():
        scan.scan_column(name, leaves[path])
    return Detections(found=tuple(scan.found), failures=tuple(dict.fromkeys(scan.failures)), columns=tuple(columns))


def columns_of(rows: Iterable[Mapping[str, object]]) -> dict[str, list[object]]:
    """Turn rows into columns; a value that a row lacks is None."""
    listed = list(rows)
    names = dict.fromkeys(name for row in listed for name in row)
    return {name: [row.get(name) for row in listed] for name in names}


def name_paths(trails: Mapping[str, tuple[str, ...]], table: str) -> dict[str, ColumnName]:
    """What the names around and beside each path say of it."""
    beside: dict[tuple[str, ...], set[str]] = {}
    for trail in trails.values():
        beside.setdefault(trail[:-1], set()).add(trail[-1])
    named = {}
    for path, trail in trails.items():
        own = ColumnName.of(trail[-1], context=(*trail[:-1], table), siblings=beside[trail[:-1]] - {trail[-1]})
        named[path] = ColumnName(path=path, words=own.words, context=own.context, siblings=own.siblings)
    return named


def field_names(used: Sequence[Detector]) -> IsFieldName:
    """The rule by which a key is a field's name: it looks like one, and no detector finds anything in it."""

    @cache
    def is_field_name(key: str) -> bool:
        if not may_be_field_name(key):
            return False
        return not any(_finds(detector, ColumnName(path="", words=()), key) for detector in used)

    return is_field_name


class _Scan:
    def __init__(self, used: list[Detector], limits: ScanLimits) -> None:
        self.used, self.limits = used, limits
        self.found: list[Detection] = []
        self.failures: list[DetectorFailure] = []

    def collect(self, columns: Mapping[str, Iterable[object]]) -> dict[str, _Leaf]:
        leaves = {column: _Leaf((column,)) for column in columns}
        is_field_name = field_names(self.used)
        for column, values in columns.items():
            for value in values:
                inner = iter_leaves(value, Place(column, (column,)), is_field_name)
                for place, leaf_value in islice(inner, self.limits.max_leaves):
                    self._add(leaves, column, place, leaf_value)
                if next(inner, None) is not None:
                    self._miss(column)
        return leaves

    def _add(self, leaves: dict[str, _Leaf], column: str, place: Place, value: object) -> None:
        leaf = leaves.get(place.path)
        if leaf is None:
            if len(leaves) >= self.limits.max_paths:
                self._miss(column)
                return
            leaf = leaves[place.path] = _Leaf(place.trail)
        if len(leaf.texts) < self.limits.max_values and (text := for_detectors(value, self.limits.max_text)):
            leaf.seen += 1
            leaf.texts[text] = None

    def _miss(self, column: str) -> None:
        self.failures.append(DetectorFailure(detector="scan", column=column, error=TOO_MANY_FIELDS))

    def scan_column(self, column: ColumnName, leaf: _Leaf) -> None:
        texts = tuple(leaf.texts)
        if not texts:
            return
        claims = [claim for detector in self.used if (claim := self._ask(detector, column, lambda d, t: d.detect(column, t), texts))]
        if not claims:
            claims = self._scan_inside(column, texts)
        else:
            claims = [min(claims, key=lambda claim: (claim.certainty, -claim.confidence, claim.detector))]
        self.found += (_with_count(claim, leaf.seen) for claim in claims)

    def _scan_inside(self, column: ColumnName, texts: tuple[str, ...]) -> list[Detection]:
        asked = ((detector, self._ask(detector, column, lambda d, t: _find_hits(d, column, t), texts)) for detector in tuple(self.used))
        hits = [(detector, found) for detector, found in asked if found]
        whole = set().union(*(found.whole for _, found in hits))
        return [_claim_inside(detector, column, found, texts) for detector, found in hits if _counts(detector, found, whole, len(texts))]

    def _ask(
        self, detector: Detector, column: ColumnName, question: Callable[[Detector, Sequence[str]], _Result], texts: tuple[str, ...]
    ) -> _Result | None:
        timed = _TimedTexts(texts, time.monotonic() + self.limits.seconds_per_column)
        try:
            answer = question(detector, timed)
            timed.check()
        except _TooSlowError:
            self.used = [other for other in self.used if other is not detector]
            self._report(detector, column, TOO_SLOW)
        except Exception as error:  # noqa: BLE001  other people's detectors; the message may hold a value, so only the class is told
            self._report(detector, column, type(error).__name__)
        else:
            return answer
        return None

    def _report(self, detector: Detector, column: ColumnName, error: str) -> None:
        logger.warning("detector failed detector=%s column=%s error=%s", detector.name, column.path, error)
        self.failures.append(DetectorFailure(detector=detector.name, column=column.path, error=error))


class _TooSlowError(Exception):
    """A detector's time for one column is over."""


class _TimedTexts(Sequence[str]):
    """Texts that look at the clock whenever one is taken."""

    def __init__(self, texts: tuple[str, ...], deadline: float) -> None:
        self._texts, self._deadline = texts, deadline

    def check(self) -> None:
        if time.monotonic() > self._deadline:
            raise _TooSlowError

    def __len__(self) -> int:
        return len(self._texts)

    @overload
    def __getitem__(self, index: int) -> str: ...
    @overload
    def __getitem__(self, index: slice) -> tuple[str, ...]: ...
    def __getitem__(self, index: int | slice) -> str | tuple[str, ...]:
        self.check()
        return self._texts[index]

    def __iter__(self) -> Iterator[str]:
        for text in self._texts:
            self.check()
            yield text


@dataclass(frozen=True, slots=True)
class _Hits:
    """Texts, by their number, in which a detector finds something: beside other words, or as all there is."""

    within: frozenset[int]
    whole: frozenset[int]

    def __len__(self) -> int:
        return len(self.within) + len(self.whole)


def _find_hits(detector: Detector, column: ColumnName, texts: Sequence[str]) -> _Hits:
    within: set[int] = set()
    whole: set[int] = set()
    for number, text in enumerate(texts):
        spans = list(detector.find(column, text))
        if spans:
            (within if len(_WORD.findall(_outside(text, spans))) > 1 else whole).add(number)
    return _Hits(frozenset(within), frozenset(whole))


def _counts(detector: Detector, hits: _Hits, whole_of_any: set[int], total: int) -> bool:
    """Whether hits are more than chance. A kind that is a mere shape needs others to explain what it leaves: e-mail or phone, in turn."""
    if hits.within and len(hits.within) >= INSIDE_SHARE * total:
        return True
    explained = len(whole_of_any) >= detector.min_share * total or detector.certainty <= Certainty.PARSED
    return explained and len(hits) >= max(MIXED_SHARE * total, MIXED_VALUES)


def _claim_inside(detector: Detector, column: ColumnName, hits: _Hits, texts: Sequence[str]) -> Detection:
    share = len(hits) / len(texts)
    return Detection(
        detector=detector.name,
        label=detector.label,
        tags=detector.tags,
        column=column.path,
        share=round(share, 4),
        values_seen=len(texts),
        confidence=round(0.6 + 0.3 * share, 2),
        evidence=f"{len(hits)} of {len(texts)} distinct values hold one: {detector.label}",
        certainty=detector.certainty,
        inside=True,
    )


def _outside(text: str, spans: Iterable[tuple[int, int]]) -> str:
    rest, at = [], 0
    for start, end in sorted(spans):
        rest.append(text[at:start])
        at = max(at, end)
    return " ".join([*rest, text[at:]])


def _with_count(claim: Detection, seen: int) -> Detection:
    return replace(claim, values_seen=seen)


def _finds(detector: Detector, column: ColumnName, text: str) -> bool:
    try:
        return any(True for _ in detector.find(column, text))
    except Exception:  # noqa: BLE001  reported where values are looked at; here a key is taken for a value, which is the safe side
        return True
