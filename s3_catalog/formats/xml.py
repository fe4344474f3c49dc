"""XML: the element that repeats is a row; its attributes and children are columns. Read from the head of the file."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from s3_catalog.errors import HintError, UnreadableFileError
from s3_catalog.formats import FileSchema, ReadLimits, Row
from s3_catalog.formats._footer import refuse_many_columns
from s3_catalog.formats._head import Head, read_head, read_longer_head
from s3_catalog.formats._magic import describe_bytes, is_markup
from s3_catalog.formats._row_estimate import estimate_rows, head_stretch
from s3_catalog.formats._sample_budget import sample_within
from s3_catalog.formats._text import decode_head
from s3_catalog.formats._xml_records import NoSuchElementError, find_record, is_open_ended, other_records, outer_fields
from s3_catalog.formats._xml_sample import RowReader, read_rows
from s3_catalog.formats._xml_shapes import NotXmlError, Place, XmlPlaces, read_places
from s3_catalog.formats._xml_types import XmlTypes
from s3_catalog.storage.files import ObjectFile

_PLAIN_BYTES = 1024 * 1024
"""So much of a document is looked at, whatever a compressed head holds."""
_NAMED = 5
_HTML = re.compile(rb"\s*(?:<\?xml[^>]*>\s*)?<(?:!doctype\s+html|html)\b", re.IGNORECASE)


class XmlFormat:
    """XML documents. The row count is exact when the head is the whole document.

    The hint `rows` is the path of the element that is one row (`catalog/book`), "" the document as one row. What stands around the
    repeating element, as in a document that is one order with its items, is left out with a warning that says so.
    """

    name = "xml"
    suffixes = frozenset({".xml"})
    counts_cheaply = False

    def matches(self, head: bytes) -> bool:
        if not is_markup(head[:512]) or _HTML.match(head):
            return False
        try:
            read_places(head, whole=False, max_depth=ReadLimits().max_depth)
        except NotXmlError:
            return False
        return True

    def read_schema(self, file: ObjectFile, compression: str | None, limits: ReadLimits) -> FileSchema:
        head, places = _open(file, compression, limits)
        return _build_schema(file, head, places, limits)

    def read_sample(self, file: ObjectFile, compression: str | None, limits: ReadLimits, rows: int) -> Mapping[str, Sequence[Row]]:
        return sample_within(file, limits, rows, lambda file, limits: {"": _read_rows(file, compression, limits, rows)})


def _open(file: ObjectFile, compression: str | None, limits: ReadLimits) -> tuple[Head, XmlPlaces]:
    limits = replace(limits, max_decompressed_bytes=min(limits.max_decompressed_bytes, _PLAIN_BYTES))
    head = read_head(file, "xml", compression, limits)
    places = _read(file, head, limits)
    if not head.whole and not _has_records(places, limits):
        head = read_longer_head(file, "xml", head.compression, limits)
        places = _read(file, head, limits)
    return head, places


def _read(file: ObjectFile, head: Head, limits: ReadLimits) -> XmlPlaces:
    if _HTML.match(head.data):
        raise UnreadableFileError(file.key, "xml", "the bytes are HTML")
    if limits.hints.encoding is not None:
        decode_head(file.key, "xml", head.data, whole=head.whole, hints=limits.hints)  # or the parser's error would not name the hint
    try:
        return read_places(head.data, whole=head.whole, max_depth=limits.max_depth, encoding=limits.hints.encoding)
    except NotXmlError as error:
        raise UnreadableFileError(file.key, "xml", f"{error} (the bytes are {describe_bytes(head.data)})") from error


def _read_rows(file: ObjectFile, compression: str | None, limits: ReadLimits, rows: int) -> Iterator[Row]:
    head, places = _open(file, compression, limits)
    path, record = _find_record(file, head, places, limits)
    types = XmlTypes(file.key, limits.hints)
    refuse_many_columns(file, "xml", len(types.columns(path.rpartition("/")[2], record)), limits)
    reader = RowReader(path, record, types.nulls, max_rows=rows, max_depth=limits.max_depth)
    return read_rows(head.data, reader, rows, limits.hints.encoding)


def _has_records(places: XmlPlaces, limits: ReadLimits) -> bool:
    """Whether at least one whole record was seen."""
    try:
        record = find_record(places.top, limits.hints.rows)[1]
    except NoSuchElementError:
        return False
    return record.repeats or record.count > 1


def _build_schema(file: ObjectFile, head: Head, places: XmlPlaces, limits: ReadLimits) -> FileSchema:
    path, record = _find_record(file, head, places, limits)
    types = XmlTypes(file.key, limits.hints)
    columns = types.columns(path.rpartition("/")[2], record)
    refuse_many_columns(file, "xml", len(columns), limits)
    open_ended = not places.complete and is_open_ended(places.top, path)
    return FileSchema(
        columns=columns,
        row_count=record.count if places.complete else None,
        row_estimate=estimate_rows(head_stretch(head, record.starts), file.size) if open_ended else None,
        warnings=(*head.warnings, *types.warnings, *_warnings(places, path, record, head, told=limits.hints.rows is not None)),
        details={"record": path, **types.details},
    )


def _find_record(file: ObjectFile, head: Head, places: XmlPlaces, limits: ReadLimits) -> tuple[str, Place]:
    try:
        return find_record(places.top, limits.hints.rows)
    except NoSuchElementError as error:
        cut = "" if places.complete else f" (within the first {len(head.data):,} bytes)"
        raise HintError(file.key, "xml", f"the rows are said to be {limits.hints.rows!r}, and {error}{cut}") from error


def _warnings(places: XmlPlaces, path: str, record: Place, head: Head, *, told: bool) -> list[str]:
    warnings = []
    others, outer = other_records(places.top, path), outer_fields(places.top, path)
    if others and not told:
        warnings.append(f"other elements repeat beside the record and are left out: {', '.join(others[:_NAMED])}")
    if outer and not told:
        some = ", ".join(outer[:_NAMED])
        warnings.append(f"what stands around the record is left out: {some}; the hint `rows` names another element as the row")
    if not places.complete and not record.repeats and record.count < 2:
        warnings.append(f"no element repeats within the first {len(head.data):,} bytes: later elements are missing")
    return warnings


FORMAT = XmlFormat()
