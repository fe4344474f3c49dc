"""The values of JSON columns as they pass: do they fit the type that people said, and do texts look like another type?

At most some values of a column are kept, and only until they are judged.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

import pyarrow as pa
import pyarrow.types as pt

from s3_catalog.formats._column_types import infer_column, null_texts
from s3_catalog.formats._hints import ReadHints
from s3_catalog.formats._type_hints import find_misfit, is_written_as
from s3_catalog.formats._values import classify
from s3_catalog.model.types import type_text

_CHECKED_AT_ONCE = 1000
_SAMPLED_TEXTS = 200
_TEXT_CHARACTERS = 60
_MAX_SAMPLED_COLUMNS = 500
"""Of wider tables nobody reads what their texts look like."""
_UUID = re.compile(r"[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}")


class ColumnValues:
    """The values of one column. `wanted` is the type that people said it has, None where they did not."""

    def __init__(self, wanted: pa.DataType | None, hints: ReadHints) -> None:
        self.wanted = wanted
        self._checks = wanted is not None and not pt.is_string(wanted)
        self._samples = wanted is None
        self._hints = hints
        self._nulls = null_texts(hints)
        self._texts: list[str] = []
        self._event = self._kind_seen = ""
        self._misfit: str | None = None

    def take(self, event: str, value: object) -> None:
        """See one value, by its event."""
        if self._samples:
            if event == "string":
                self._sample(str(value))
        elif self._checks and event != "null":
            self._check(event, value)

    def find_misfit(self) -> str | None:
        """The first value that is none of the wanted type."""
        self._flush()
        return self._misfit

    def describe_likeness(self) -> str | None:
        """What texts that are all of one kind look like: its type, how sure that is and why; None where they are of none."""
        if not self._samples or not self._texts:
            return None
        if self._kind_seen == "uuid":
            count = len(self._texts)
            return f"uuid, {(count + 1) / (count + 2):.2f}: all {count} values are UUIDs"
        found = infer_column(self._texts, self._hints, comma_is_decimal=True)
        return None if pt.is_string(found.type) else f"{type_text(found.type)}, {found.certainty:.2f}: {found.reason}"

    def _sample(self, text: str) -> None:
        text = text.strip()
        if len(self._texts) >= _SAMPLED_TEXTS or text in self._nulls:
            return
        kind = self._kind(text) if len(text) <= _TEXT_CHARACTERS else "text"
        if kind == "text" or kind != (self._kind_seen or kind):
            self._samples = False
            self._texts.clear()
            return
        self._kind_seen = kind
        self._texts.append(text)

    def _kind(self, text: str) -> str:
        if _UUID.fullmatch(text):
            return "uuid"
        layouts = (self._hints.date_format, self._hints.timestamp_format)
        is_typed = classify(text) != "text" or any(layout and is_written_as(text, layout) for layout in layouts)
        return "typed" if is_typed else "text"

    def _check(self, event: str, value: object) -> None:
        if self._misfit is not None:
            return
        if event != self._event or len(self._texts) >= _CHECKED_AT_ONCE:
            self._flush()
            self._event = event
        if not event.startswith("start"):
            self._texts.append(str(value).lower() if event == "boolean" else str(value))
        elif self.find_misfit() is None:
            self._misfit = "{…}" if event == "start_map" else "[…]"

    def _flush(self) -> None:
        if self._checks and self._texts and self._misfit is None:
            # Only texts are written as people say; JSON's own numbers have a point.
            hints = self._hints if self._event == "string" else replace(self._hints, decimal=None)
            nulls = self._nulls if self._event == "string" else frozenset[str]()
            self._misfit = find_misfit(self._texts, self.wanted, hints, nulls=nulls)
        if self._checks:
            self._texts.clear()


@dataclass(slots=True)
class ColumnWatch:
    """Says of which columns the values are looked at: of all that people gave a type, and of the first so many others."""

    hints: ReadHints
    opened: int = 0

    def open(self, name: str) -> ColumnValues | None:
        """A place for the values of a column that was not seen before."""
        self.opened += 1
        wanted = self.hints.types.get(name)
        return ColumnValues(wanted, self.hints) if wanted is not None or self.opened <= _MAX_SAMPLED_COLUMNS else None
