"""XML: the element that repeats is a row; its attributes and children are columns. Read from the head of the file."""

from __future__ import annotations

import re
from dataclasses import replace

from s3_catalog.errors import UnreadableFileError
from s3_catalog.formats import FileSchema, ReadLimits
from s3_catalog.formats._footer import refuse_many_columns
from s3_catalog.formats._head import Head, read_head, read_longer_head
from s3_catalog.formats._magic import describe_bytes, is_markup
from s3_catalog.formats._xml_shapes import NotXmlError, XmlPlaces, XmlTypes, find_record, other_records, read_places
from s3_catalog.storage.files import ObjectFile

_PLAIN_BYTES = 1024 * 1024
"""So much of a document is looked at, whatever a compressed head holds."""
_HTML = re.compile(rb"\s*(?:<\?xml[^>]*>\s*)?<(?:!doctype\s+html|html)\b", re.IGNORECASE)


class XmlFormat:
    """XML documents. The row count is exact when the head is the whole document."""

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
        limits = replace(limits, max_decompressed_bytes=min(limits.max_decompressed_bytes, _PLAIN_BYTES))
        head = read_head(file, self.name, compression, limits)
        places = _read(file, head, limits)
        if not head.whole and not find_record(places.top)[1].repeats:
            head = read_longer_head(file, self.name, head.compression, limits)
            places = _read(file, head, limits)
        return _build_schema(file, head, places, limits)


def _read(file: ObjectFile, head: Head, limits: ReadLimits) -> XmlPlaces:
    if _HTML.match(head.data):
        raise UnreadableFileError(file.key, "xml", "the bytes are HTML")
    try:
        return read_places(head.data, whole=head.whole, max_depth=limits.max_depth)
    except NotXmlError as error:
        raise UnreadableFileError(file.key, "xml", f"{error} (the bytes are {describe_bytes(head.data)})") from error


def _build_schema(file: ObjectFile, head: Head, places: XmlPlaces, limits: ReadLimits) -> FileSchema:
    path, record = find_record(places.top)
    types = XmlTypes()
    columns = types.columns(path.rpartition("/")[2], record)
    refuse_many_columns(file, "xml", len(columns), limits)
    others = other_records(places.top, path)
    if others:
        types.warnings.append(f"other elements repeat beside the record and are left out: {', '.join(others[:5])}")
    if not places.complete and not record.repeats:
        types.warnings.append(f"no element repeats within the first {len(head.data):,} bytes: later elements are missing")
    return FileSchema(
        columns=columns,
        row_count=record.count if places.complete else None,
        warnings=(*head.warnings, *types.warnings),
        details={"record": path, **{f"date_order.{name}": order for name, order in types.date_orders.items()}},
    )


FORMAT = XmlFormat()
