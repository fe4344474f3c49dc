"""The Arrow types of XML elements: what people say, else what attributes and texts tell."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

import pyarrow as pa
import pyarrow.types as pt

from s3_catalog.errors import HintError
from s3_catalog.formats._column_types import infer_column, pin_column
from s3_catalog.formats._hints import ReadHints
from s3_catalog.formats._type_hints import describe_misfit
from s3_catalog.formats._values import ValueType
from s3_catalog.formats._xml_shapes import Place
from s3_catalog.model.tables import Column

_MAX_CERTAINTIES = 500
"""Of wider tables nobody reads how sure each type is."""


class XmlTypes:
    """Makes columns of places; `warnings` tell what was left open, `details` how sure types are and how values are written, by column.

    `nulls` are the texts that stood for no value, by the path of the value (`address.zip`).
    """

    def __init__(self, key: str, hints: ReadHints) -> None:
        self.warnings: list[str] = []
        self.details: dict[str, str] = {}
        self.nulls: dict[str, tuple[str, ...]] = {}
        self._key, self._hints = key, hints

    def columns(self, name: str, record: Place) -> tuple[Column, ...]:
        """The columns of a record; one without attributes and children is one column of its own name.

        Raises:
            HintError: a value that is none of the type that people say its column has.
        """
        parts = list(_parts(record)) if record.structured else [(name, record.texts)]
        told = len(parts) <= _MAX_CERTAINTIES
        return tuple(Column(name=column, type=self._column_type(column, part, told=told)) for column, part in parts)

    def _column_type(self, name: str, part: Counter[str] | Place, *, told: bool) -> pa.DataType:
        wanted = self._hints.types.get(name)
        values = _values(part)
        if wanted is not None:
            return self._pin(name, values, wanted)
        if values is None:
            return self._type(part, name)
        found = self._infer(name, values)
        if told:
            self.details[f"certainty.{name}"] = f"{found.certainty:.2f}: {found.reason}"
        return found.type

    def _pin(self, name: str, values: Counter[str] | None, wanted: pa.DataType) -> pa.DataType:
        if pt.is_string(wanted):
            return wanted
        found = f"<{name}>…" if values is None else pin_column(ValueType(type=pa.string()), list(values), wanted, self._hints)
        if isinstance(found, str):
            raise HintError(self._key, "xml", describe_misfit(name, wanted, found), shows=(name, found))
        self.nulls[name] = (*found.nulls, *(self._hints.null_markers or ()))
        return wanted

    def _type(self, part: Counter[str] | Place, path: str) -> pa.DataType:
        values = _values(part)
        if values is not None or isinstance(part, Counter):
            return self._infer(path, values or Counter()).type
        if part.deep:
            self.warnings.append(f"{path}: nested too deep, kept as text")
            own: pa.DataType = pa.string()
        elif part.structured:
            own = pa.struct([pa.field(name, self._type(child, f"{path}.{name}")) for name, child in _parts(part)])
        else:
            own = self._infer(path, part.texts).type
        return pa.list_(own) if part.repeats else own

    def _infer(self, path: str, values: Counter[str]) -> ValueType:
        found = infer_column(list(values.elements()), self._hints, comma_is_decimal=False)
        if found.warning:
            self.warnings.append(f"{path}: {found.warning}")
        self.nulls[path] = (*found.nulls, *(self._hints.null_markers or ()))
        facts = {"date_order": found.date_order, "thousands": found.thousands, "words": found.words, "nulls": " ".join(found.nulls)}
        self.details.update({f"{fact}.{path}": text for fact, text in facts.items() if text})
        return found


def _parts(place: Place) -> Iterator[tuple[str, Counter[str] | Place]]:
    """What becomes columns or fields: attributes, children, the text. An attribute gives way to a child of its name (`@id`)."""
    for name, values in place.attributes.items():
        yield attribute_column(place, name), values
    yield from place.children.items()
    if place.texts:
        yield text_column(place), place.texts


def attribute_column(place: Place, name: str) -> str:
    """What an attribute is called as a column or field."""
    return f"@{name}" if name in place.children else name


def text_column(place: Place) -> str:
    """What the text beside attributes or children is called."""
    return "#text" if "value" in place.children or "value" in place.attributes else "value"


def _values(part: Counter[str] | Place) -> Counter[str] | None:
    """The values of what holds one text in each record; None of lists and structs."""
    if isinstance(part, Counter):
        return part
    return None if part.structured or part.deep or part.repeats else part.texts
