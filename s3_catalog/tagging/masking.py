"""Keep what detectors found out of samples: values become their kind, as in `<email>`.

In: values, and the `Detections` of their columns. Out: the same values for people and JSON: personal data replaced, long ones cut with a
mark, nothing that moves a terminal's cursor. What this cannot look into is replaced, never passed on.
"""

from __future__ import annotations

import datetime as dt
import json
import logging
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice

from s3_catalog.storage import printable
from s3_catalog.tagging import ColumnName, Detections, Detector, detectors
from s3_catalog.tagging._leaves import (
    MAX_DEPTH,
    MAX_INT_BITS,
    MAX_ITEMS,
    Items,
    Place,
    Record,
    begins_as_object,
    place_of_entry,
    text_of,
    unfold,
    visible,
)
from s3_catalog.tagging.scanning import field_names

logger = logging.getLogger(__name__)

MAX_TEXT = 500
"""Characters of one text that are shown."""
NOT_SHOWN = "<not shown>"
_LOOK_AHEAD = 1100
"""Characters behind the cut that are looked at: a find that begins before the cut must be whole."""
_LONGER = "…"
_REMEMBERED_CHARACTERS, _REMEMBERED_TEXTS = 100, 20_000
"""The same short values stand in rows, bounds and figures again and again: they are looked at once."""


class Masker:
    """Masks the values of one table.

    A column that was detected as a whole shows the kind only, whatever its values are: a malformed e-mail address is one still. In all
    other values, what any detector finds is replaced.
    """

    def __init__(self, detections: Detections, *, using: Iterable[Detector] | None = None, max_text: int = MAX_TEXT) -> None:
        self._detectors = list(detectors().values() if using is None else using)
        self._is_field_name = field_names(self._detectors)
        self._max_text = max_text
        self._names: dict[tuple[str, ...], ColumnName] = {}
        self._spans_of: dict[tuple[tuple[str, ...], str], list[tuple[int, int, str]] | None] = {}
        self._labels = {found.column: found.label for found in detections.found if not found.inside}
        self._above = {path[:end] for path in self._labels.keys() - set(detections.columns) for end in _beginnings(path)}

    def mask(self, column: str, value: object) -> object:
        """Mask one value of a column. What comes back is JSON's: dict, list, str, int, finite float, bool or None."""
        return self._mask(value, Place(column, (column,)), None, 0)

    def mask_text(self, text: str, column: str = "") -> str:
        """Mask what detectors find in a text, cut it, and write it harmlessly."""
        return self._mask_text(text, Place(column, (column,)))

    def _mask(self, value: object, place: Place, label: str | None, depth: int) -> object:
        label = label or self._labels.get(place.path)
        if value is None or isinstance(value, bool):
            return value
        if label is not None and isinstance(value, str):
            return f"<{label}>"
        opened = unfold(value)
        if opened is None:
            return f"<{label}>" if label else self._mask_scalar(value, place)
        if depth >= MAX_DEPTH:
            return NOT_SHOWN
        if isinstance(opened, Items):
            masked: object = self._mask_items(opened, place, label, depth)
        else:
            masked = self._mask_record(opened, place, label, depth)
        return shorten(json.dumps(masked, ensure_ascii=False), self._max_text) if opened.is_text else masked

    def _mask_items(self, opened: Items, place: Place, label: str | None, depth: int) -> list[object]:
        items = iter(opened.items)
        masked = [self._mask(item, place.inner("[]"), label, depth + 1) for item in islice(items, MAX_ITEMS)]
        return masked if next(items, items) is items else [*masked, _LONGER]

    def _mask_record(self, opened: Record, place: Place, label: str | None, depth: int) -> dict[str, object]:
        masked: dict[str, object] = {}
        entries = iter(opened.entries)
        for key, value in islice(entries, MAX_ITEMS):
            at = place_of_entry(place, opened, key, self._is_field_name)
            shown = self._mask_key(key, place, label, is_field=at.trail != place.trail)
            masked[_unused(shown, masked)] = self._mask(value, at, label, depth + 1)
        if next(entries, entries) is not entries:
            masked[_unused(_LONGER, masked)] = _LONGER
        return masked

    def _mask_key(self, key: object, place: Place, label: str | None, *, is_field: bool) -> str:
        if is_field:
            return harmless_text(str(key))
        return str(self._mask(key if isinstance(key, str) else text_of(key) or str(key), place.inner("{key}"), label, MAX_DEPTH))

    def _mask_scalar(self, value: object, place: Place) -> object:
        if isinstance(value, bytes | bytearray | memoryview):
            text = text_of(value)
            return f"<binary, {len(bytes(value))} bytes>" if text is None else self._mask(text, place, None, 0)
        if isinstance(value, str):
            # Fields that cannot be read one by one (cut, too long): nobody knows which of them hold what.
            unreadable = place.path in self._above or begins_as_object(value)
            return NOT_SHOWN if unreadable else self._mask_text(value, place)
        if isinstance(value, int) and value.bit_length() > MAX_INT_BITS:
            return f"<number of {value.bit_length()} bits>"
        plain = plain_number(value)
        text = text_of(value)
        if text is None or isinstance(value, dt.date | dt.time):
            return plain
        shown = self._mask_text(text, place)
        return plain if shown == text else shown

    def _mask_text(self, text: str, place: Place) -> str:
        head = text[: self._max_text + _LOOK_AHEAD]
        window = visible(head)
        spans = self._spans(window, place)
        if spans is None:
            return NOT_SHOWN
        shown, at = [], 0
        for start, end, label in spans:
            if start >= self._max_text:
                break
            shown += [window[at:start], f"<{label}>"]
            at = end
        shown.append(window[at : self._max_text])
        mark = f"{_LONGER} ({len(text):,} characters)" if len(head) < len(text) or len(window) > max(at, self._max_text) else ""
        return harmless_text("".join(shown)) + mark

    def _spans(self, text: str, place: Place) -> list[tuple[int, int, str]] | None:
        """What detectors find, in order and without overlaps (the surest first); None if one failed."""
        key = (place.trail, text)
        if key in self._spans_of:
            return self._spans_of[key]
        spans = self._find_spans(text, place)
        if len(text) <= _REMEMBERED_CHARACTERS and len(self._spans_of) < _REMEMBERED_TEXTS:
            self._spans_of[key] = spans
        return spans

    def _find_spans(self, text: str, place: Place) -> list[tuple[int, int, str]] | None:
        column = self._name(place)
        found = []
        for detector in self._detectors:
            try:
                found += [(start, end, detector) for start, end in detector.find(column, text) if start < end]
            except Exception as error:  # noqa: BLE001  other people's detectors; the message may hold a value
                logger.warning("detector failed detector=%s column=%s error=%s", detector.name, place.path, type(error).__name__)
                return None
        found.sort(key=lambda span: (span[0], span[2].certainty, -span[1], span[2].name))
        return list(_merge(found))

    def _name(self, place: Place) -> ColumnName:
        name = self._names.get(place.trail)
        if name is None:
            name = self._names[place.trail] = ColumnName.of(place.trail[-1], context=place.trail[:-1])
        return name


def mask_rows(rows: Iterable[Mapping[str, object]], detections: Detections, *, max_text: int = MAX_TEXT) -> list[dict[str, object]]:
    """Mask rows, whose columns were scanned under the same names."""
    masker = Masker(detections, max_text=max_text)
    return [{name: masker.mask(name, value) for name, value in row.items()} for row in rows]


def mask_value(value: object, column: str, detections: Detections) -> object:
    """Mask one value of a column; a `Masker` is quicker for many."""
    return Masker(detections).mask(column, value)


def shorten(text: str, max_text: int = MAX_TEXT) -> str:
    """Cut a long text, and say how long it was.

    >>> shorten("a" * 12, 3)
    'aaa… (12 characters)'
    """
    return text if len(text) <= max_text else f"{text[:max_text]}{_LONGER} ({len(text):,} characters)"


def harmless_text(text: str) -> str:
    r"""Write what a terminal would obey and what nobody would see as escapes: control characters, directions, half characters.

    >>> harmless_text("\x1b[2J\u202eevil\ud800")
    '\\x1b[2J\\u202eevil\\ud800'
    """
    return text if text.isprintable() else printable(text)


def plain_number(value: object) -> object:
    """A number or time as JSON can hold it: what is not finite and what is exact is text.

    >>> plain_number(float("nan")), plain_number(dt.date(1, 1, 1))
    ('nan', '0001-01-01')
    """
    if isinstance(value, float):
        return float(value) if math.isfinite(value) else str(value)
    if isinstance(value, int):
        return int(value)
    if isinstance(value, dt.date | dt.time):
        return value.isoformat()
    return harmless_text(shorten(str(value)))


def _beginnings(path: str) -> Iterator[int]:
    """Where a path's enclosing paths end: before each `.`, `[` and `{`."""
    return (at for at, c in enumerate(path) if c in ".[{")


def _merge(spans: Sequence[tuple[int, int, Detector]]) -> Iterator[tuple[int, int, str]]:
    """Join overlapping finds; the first one names them."""
    start, end, label = 0, 0, ""
    for next_start, next_end, detector in spans:
        if label and next_start < end:
            end = max(end, next_end)
            continue
        if label:
            yield start, end, label
        start, end, label = next_start, next_end, detector.label
    if label:
        yield start, end, label


def _unused(key: str, taken: Mapping[str, object]) -> str:
    """A key that is not taken: two addresses are both `<email>`."""
    return key if key not in taken else f"{key} {next(n for n in range(2, len(taken) + 3) if f'{key} {n}' not in taken)}"
