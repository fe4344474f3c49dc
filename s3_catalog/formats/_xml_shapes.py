"""What XML elements look like: a tree of the elements, attributes and values seen at each place.

Nothing of the document itself is kept. Entities and external references are refused before they are looked at (defusedxml), nesting and
the number of places are bounded.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any
from xml.etree.ElementTree import ParseError

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
    """All elements seen under one path: their attributes, children and text values, and where each begins, as bytes.

    `repeats`: several stood in one parent. `is_open`: one has begun and not ended.
    """

    attributes: dict[str, Counter[str]] = field(default_factory=dict)
    children: dict[str, Place] = field(default_factory=dict)
    texts: Counter[str] = field(default_factory=Counter)
    starts: list[int] = field(default_factory=list)
    repeats: bool = False
    deep: bool = False
    is_open: bool = False

    @property
    def count(self) -> int:
        """How many elements began here."""
        return len(self.starts)

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
    """Takes an XML parser's events into places; `top` is the place of the document itself, whose only child is the root.

    `locate` tells at which byte the parser stands.
    """

    def __init__(self, max_depth: int) -> None:
        self.top = Place()
        self.locate: Callable[[], int] = lambda: 0
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
        place.starts.append(self.locate())
        place.is_open = True
        place.repeats = place.repeats or name in parent.children
        parent.children.add(name)
        for attribute, value in plain_attributes(attributes):
            self._values(place, attribute)[value.strip()[:_VALUE_CHARACTERS]] += 1
        self._open.append(_Open(place))

    def data(self, text: str) -> None:
        if not self._skipping and len(self._open[-1].text) < _VALUE_CHARACTERS:
            self._open[-1].text.append(text)

    def end(self, _: str) -> None:
        if self._skipping:
            self._skipping -= 1
            return
        closed = self._open.pop()
        closed.place.is_open = False
        text = "".join(closed.text).strip()
        if text:
            closed.place.texts[text[:_VALUE_CHARACTERS]] += 1

    def close(self) -> PlaceReader:
        return self

    def _values(self, place: Place, name: str) -> Counter[str]:
        if name not in place.attributes:
            self._count_place()
            place.attributes[name] = Counter()
        return place.attributes[name]

    def _new_place(self) -> Place:
        self._count_place()
        return Place()

    def _count_place(self) -> None:
        self._places += 1
        if self._places > _MAX_PLACES:
            raise NotXmlError(f"more than {_MAX_PLACES:,} different elements and attributes")


def plain_attributes(attributes: dict[str, str]) -> Iterator[tuple[str, str]]:
    """Names without their namespace, and values; what is for the parser (`xsi:type`) is left out."""
    return ((name.rpartition("}")[2], value) for name, value in attributes.items() if not name.startswith(_INSTANCE))


def new_parser(target: object, encoding: str | None) -> Any:
    """A parser that refuses entities and external documents, for whatever takes its events."""
    from defusedxml.ElementTree import XMLParser

    return XMLParser(target=target, encoding=encoding, forbid_entities=True, forbid_external=True)


@dataclass(frozen=True, slots=True)
class XmlPlaces:
    """What was read. `complete`: the document was read to its end."""

    top: Place
    complete: bool


def read_places(data: bytes, *, whole: bool, max_depth: int, encoding: str | None = None) -> XmlPlaces:
    """Read the places of a document, or of its first bytes.

    Args:
        encoding: believed over the one that the document declares.

    Raises:
        NotXmlError: not well-formed, a whole document that breaks off, or one that declares entities.
    """
    from defusedxml import DefusedXmlException

    reader = PlaceReader(max_depth)
    parser = new_parser(reader, encoding)
    reader.locate = lambda: parser.parser.CurrentByteIndex
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
