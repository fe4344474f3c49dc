"""XML to rows: the records of a document as dicts, by the places that `_xml_shapes` found. Only those that end within the head."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from xml.etree.ElementTree import ParseError

from s3_catalog.formats import Row
from s3_catalog.formats._sample_budget import CUT_MARK
from s3_catalog.formats._xml_shapes import Place, new_parser, plain_attributes
from s3_catalog.formats._xml_types import attribute_column, text_column

_STEP = 64 * 1024


@dataclass(slots=True, eq=False)
class _Element:
    """An element that has begun within a record; `path` names its values as `XmlTypes` does. `deep`: some below are left out."""

    place: Place
    path: str
    values: dict[str, object] = field(default_factory=dict)
    text: list[str] = field(default_factory=list)
    deep: bool = False


class RowReader:
    """Takes an XML parser's events, and keeps in `rows` the records at a path once they end.

    Args:
        path: of the record, as `find_record` gives it, and its place.
        nulls: texts that stand for no value, by the path of the value.
        max_rows: those after so many are not kept.
    """

    def __init__(self, path: str, record: Place, nulls: Mapping[str, Collection[str]], *, max_rows: int, max_depth: int) -> None:
        self.rows: list[Row] = []
        self._names, self._record, self._nulls = path.strip("/").split("/"), record, nulls
        self._max_rows, self._max_depth = max_rows, max_depth
        self._way: list[str] = []
        self._open: list[_Element] = []
        self._skipping = 0

    def start(self, tag: str, attributes: dict[str, str]) -> None:
        name = tag.rpartition("}")[2]
        if self._skipping or len(self._way) >= self._max_depth:
            self._skipping += 1
            if self._open:
                self._open[-1].deep = True
            return
        self._way.append(name)
        if self._open:
            parent = self._open[-1]
            place = parent.place.children.get(name)
            if place is None:  # one that is new after all elements that tell the schema
                self._way.pop()
                self._skipping = 1
                return
            path = name if len(self._open) == 1 else f"{parent.path}.{name}"
            self._begin(place, path, attributes)
        elif self._way == self._names and len(self.rows) < self._max_rows:
            self._begin(self._record, "", attributes)

    def data(self, text: str) -> None:
        if self._open and not self._skipping:
            self._open[-1].text.append(text)

    def end(self, _: str) -> None:
        if self._skipping:
            self._skipping -= 1
            return
        name = self._way.pop()
        if not self._open:
            return
        closed = self._open.pop()
        if not self._open:
            self.rows.append(self._row(closed))
            return
        values, value = self._open[-1].values, self._value(closed)
        if closed.place.repeats:
            items = values.setdefault(name, [])
            if isinstance(items, list):
                items.append(value)
        else:
            values[name] = value

    def close(self) -> RowReader:
        return self

    def _begin(self, place: Place, path: str, attributes: dict[str, str]) -> None:
        element = _Element(place, path)
        for attribute, value in plain_attributes(attributes):
            if attribute in place.attributes:
                name = attribute_column(place, attribute)
                element.values[name] = self._known(value.strip(), f"{path}.{name}" if path else name)
        self._open.append(element)

    def _row(self, record: _Element) -> Row:
        if not record.place.structured:
            return {self._names[-1]: self._known("".join(record.text).strip(), self._names[-1])}
        return self._struct(record)

    def _value(self, element: _Element) -> object:
        if element.place.deep:
            return CUT_MARK if element.deep else self._known("".join(element.text).strip(), element.path)
        if element.place.structured:
            return self._struct(element)
        return self._known("".join(element.text).strip(), element.path)

    def _struct(self, element: _Element) -> dict[str, object]:
        text = "".join(element.text).strip()
        if text and element.place.texts:
            name = text_column(element.place)
            element.values[name] = self._known(text, f"{element.path}.{name}" if element.path else name)
        return element.values

    def _known(self, text: str, path: str) -> str | None:
        return None if not text or text in self._nulls.get(path, ()) else text


def read_rows(data: bytes, reader: RowReader, max_rows: int, encoding: str | None = None) -> Iterator[Row]:
    """Give the records of a document's first bytes; that these are XML was judged before."""
    parser = new_parser(reader, encoding)
    try:
        for start in range(0, len(data), _STEP):
            parser.feed(data[start : start + _STEP])
            if len(reader.rows) >= max_rows:
                break
    except ParseError:  # where the head is cut
        pass
    yield from reader.rows
