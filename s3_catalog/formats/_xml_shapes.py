"""What XML elements look like: a tree of the elements, attributes and values seen at each place, and the Arrow types that hold them.

Nothing of the document itself is kept. Entities and external references are refused before they are looked at (defusedxml), nesting and
the number of places are bounded.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from xml.etree.ElementTree import ParseError

import pyarrow as pa

from s3_catalog.formats._values import infer_value_type
from s3_catalog.model.tables import Column

_MAX_PLACES = 50_000
_MAX_ELEMENTS = 100_000
"""So many elements tell a schema; those after them are not looked at."""
_VALUE_CHARACTERS = 100
"""What is longer is text, whatever follows."""
_ENDS_TOO_EARLY = frozenset({3, 5, 6, 20})
"""Expat's codes for no element found, an unclosed token, a partial character, an unclosed CDATA section."""
_INSTANCE = "{http://www.w3.org/2001/XMLSchema-instance}"


class NotXmlError(ValueError):
    """Bytes that are not XML, break off although they are the whole file, or declare what is never read."""


@dataclass(slots=True, eq=False)
class Place:
    """All elements seen under one path: their attributes, children and text values. `repeats`: several stood in one parent."""

    attributes: dict[str, set[str]] = field(default_factory=dict)
    children: dict[str, Place] = field(default_factory=dict)
    texts: set[str] = field(default_factory=set)
    count: int = 0
    repeats: bool = False
    deep: bool = False

    @property
    def structured(self) -> bool:
        return bool(self.attributes or self.children)


@dataclass(slots=True, eq=False)
class _Open:
    """An element that has begun: its place, its children so far, its text."""

    place: Place
    children: set[str] = field(default_factory=set)
    text: list[str] = field(default_factory=list)


class PlaceReader:
    """Takes an XML parser's events into places; `top` is the place of the document itself, whose only child is the root."""

    def __init__(self, max_depth: int) -> None:
        self.top = Place()
        self.elements = self._places = self._skipping = 0
        self._max_depth = max_depth
        self._open = [_Open(self.top)]

    def start(self, tag: str, attributes: dict[str, str]) -> None:
        self.elements += 1
        if self._skipping or len(self._open) > self._max_depth:
            self._open[-1].place.deep = True
            self._skipping += 1
            return
        parent, name = self._open[-1], tag.rpartition("}")[2]
        place = parent.place.children.get(name)
        if place is None:
            place = parent.place.children[name] = self._new_place()
        place.count += 1
        place.repeats = place.repeats or name in parent.children
        parent.children.add(name)
        for attribute, value in attributes.items():
            if not attribute.startswith(_INSTANCE):
                self._values(place, attribute.rpartition("}")[2]).add(value.strip()[:_VALUE_CHARACTERS])
        self._open.append(_Open(place))

    def data(self, text: str) -> None:
        if not self._skipping and len(self._open[-1].text) < _VALUE_CHARACTERS:
            self._open[-1].text.append(text)

    def end(self, _: str) -> None:
        if self._skipping:
            self._skipping -= 1
            return
        closed = self._open.pop()
        text = "".join(closed.text).strip()
        if text:
            closed.place.texts.add(text[:_VALUE_CHARACTERS])

    def close(self) -> PlaceReader:
        return self

    def _values(self, place: Place, name: str) -> set[str]:
        if name not in place.attributes:
            self._count_place()
            place.attributes[name] = set()
        return place.attributes[name]

    def _new_place(self) -> Place:
        self._count_place()
        return Place()

    def _count_place(self) -> None:
        self._places += 1
        if self._places > _MAX_PLACES:
            raise NotXmlError(f"more than {_MAX_PLACES:,} different elements and attributes")


@dataclass(frozen=True, slots=True)
class XmlPlaces:
    """What was read. `complete`: the document was read to its end."""

    top: Place
    complete: bool


def read_places(data: bytes, *, whole: bool, max_depth: int) -> XmlPlaces:
    """Read the places of a document, or of its first bytes.

    Raises:
        NotXmlError: not well-formed, a whole document that breaks off, or one that declares entities.
    """
    from defusedxml import DefusedXmlException
    from defusedxml.ElementTree import XMLParser

    reader = PlaceReader(max_depth)
    parser = XMLParser(target=reader, forbid_entities=True, forbid_external=True)
    step = 64 * 1024
    try:
        for start in range(0, len(data), step):
            if reader.elements > _MAX_ELEMENTS:
                return XmlPlaces(reader.top, complete=False)
            parser.feed(data[start : start + step])
        if whole:
            parser.close()
    except ParseError as error:
        cut = bool(reader.top.children) and error.code in _ENDS_TOO_EARLY
        raise NotXmlError("truncated: it ends within an element" if cut else "the bytes are no well-formed XML") from error
    except DefusedXmlException as error:
        raise NotXmlError("it declares entities or an external document, which are never read") from error
    except (ValueError, LookupError) as error:
        raise error if isinstance(error, NotXmlError) else NotXmlError("its encoding is not known") from error
    if not reader.top.children:
        raise NotXmlError("no element begins within its first bytes")
    return XmlPlaces(reader.top, complete=whole)


def find_record(top: Place) -> tuple[str, Place]:
    """Find the element that is one row, and its path.

    It is the outermost element that repeats within its parent and has attributes or children, the most frequent of several; then an
    element that repeats and has a text alone, where the root holds nothing else; then the only element below roots that only wrap it.
    """
    level = [("", top)]
    while level:
        level = [(f"{path}/{name}", child) for path, place in level for name, child in place.children.items()]
        repeated = [(path, place) for path, place in level if place.repeats and place.structured]
        if repeated:
            return max(repeated, key=lambda found: found[1].count)
    (root_name, root), path = next(iter(top.children.items())), ""
    path = f"/{root_name}"
    while len(root.children) == 1 and not root.attributes and not root.texts:
        name, child = next(iter(root.children.items()))
        if not child.structured and not child.repeats:
            break
        root, path = child, f"{path}/{name}"
    return path, root


def other_records(top: Place, path: str) -> list[str]:
    """Siblings of the record that repeat as well: they are tables of their own, which this one leaves out."""
    *parents, own = path.strip("/").split("/")
    place = top
    for name in parents:
        place = place.children[name]
    return [name for name, child in place.children.items() if name != own and child.repeats and child.structured]


class XmlTypes:
    """Makes columns of places; `warnings` tell what was left open, `date_orders` how dates are written, both by column."""

    def __init__(self) -> None:
        self.warnings: list[str] = []
        self.date_orders: dict[str, str] = {}

    def columns(self, name: str, record: Place) -> tuple[Column, ...]:
        """The columns of a record; one without attributes and children is one column of its own name."""
        if not record.structured:
            return (Column(name=name, type=self._scalar(record.texts, name)),)
        return tuple(Column(name=child, type=child_type) for child, child_type in self._fields(record, ""))

    def _fields(self, place: Place, path: str) -> Iterator[tuple[str, pa.DataType]]:
        """Attributes, then children, then the text; an attribute gives way to a child of its name (`@id`)."""
        for name, values in place.attributes.items():
            yield (f"@{name}" if name in place.children else name), self._scalar(values, f"{path}@{name}")
        for name, child in place.children.items():
            child_type = self._type(child, f"{path}{name}")
            yield name, pa.list_(child_type) if child.repeats else child_type
        if place.texts:
            taken = "value" in place.children or "value" in place.attributes
            yield ("#text" if taken else "value"), self._scalar(place.texts, path)

    def _type(self, place: Place, path: str) -> pa.DataType:
        if place.deep:
            self.warnings.append(f"{path}: nested too deep, kept as text")
            return pa.string()
        if not place.structured:
            return self._scalar(place.texts, path)
        return pa.struct([pa.field(name, child_type) for name, child_type in self._fields(place, f"{path}.")])

    def _scalar(self, values: set[str], path: str) -> pa.DataType:
        found = infer_value_type(values, comma_is_decimal=False)
        if found.warning:
            self.warnings.append(f"{path}: {found.warning}")
        if found.date_order:
            self.date_orders[path] = found.date_order
        return found.type
