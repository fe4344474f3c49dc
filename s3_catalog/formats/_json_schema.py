"""From JSON shapes to the columns of a file: what `.json` and `.jsonl` share."""

from __future__ import annotations

from s3_catalog.errors import UnreadableFileError
from s3_catalog.formats import FileSchema, ReadLimits
from s3_catalog.formats._head import Head, read_head
from s3_catalog.formats._json_shapes import Shape, TypeBuilder
from s3_catalog.formats._json_text import JsonValues, NotJsonError, looks_like_json, read_values
from s3_catalog.formats._magic import describe_bytes
from s3_catalog.formats._text import NotTextError, Text, decode_text
from s3_catalog.model.tables import Column
from s3_catalog.storage.files import ObjectFile

_NAMED_KEYS = 5


def read_json(file: ObjectFile, file_format: str, compression: str | None, limits: ReadLimits) -> FileSchema:
    """Read the columns of a JSON file of any layout from its head.

    An array of objects and objects one after the other give one row each; one document gives its top-level keys and one row; all else
    is one column, `value`.

    Raises:
        UnreadableFileError: not JSON, broken off, or more columns than the limit.
    """
    head = read_head(file, file_format, compression, limits)
    try:
        text = decode_text(head.data, whole=head.whole)
        if not text.text.strip():
            raise NotJsonError("the file holds only white space")
        values = read_values(text.text, whole=head.whole, max_depth=limits.max_depth, max_fields=limits.max_columns)
    except (NotTextError, NotJsonError) as error:
        reason = f"{error} (the bytes are {describe_bytes(head.data)})" if isinstance(error, NotJsonError) else str(error)
        raise UnreadableFileError(file.key, file_format, reason) from error
    return _build_schema(file, file_format, head, text, values, limits)


def _build_schema(file: ObjectFile, file_format: str, head: Head, text: Text, values: JsonValues, limits: ReadLimits) -> FileSchema:
    layout, record, rows = _layout(values)
    actual = {"lines": "jsonl", "array": "json"}.get(layout, file_format)
    builder = TypeBuilder(file.key)
    columns = _columns(file, file_format, record, builder, limits)
    warnings = [*head.warnings, *text.warnings, *builder.warnings]
    if values.bad_lines:
        warnings.append(f"{values.bad_lines} of {values.lines} lines are not JSON")
    if values.shapes.repeated_keys:
        warnings.append(f"keys that occur twice in one object: {', '.join(sorted(values.shapes.repeated_keys)[:_NAMED_KEYS])}")
    if layout == "document" and not values.complete:
        warnings.append(f"only the first {len(head.data):,} bytes of one long document were read: later keys are missing")
    return FileSchema(
        columns=columns,
        row_count=rows if values.complete and not values.bad_lines else None,
        format=actual if actual != file_format else None,
        conflicts=tuple(builder.conflicts),
        warnings=tuple(warnings),
        details={"layout": layout, "encoding": text.encoding},
    )


def _layout(values: JsonValues) -> tuple[str, Shape, int]:
    """Name the layout; give the shape of one record and the number of records."""
    shapes = values.shapes
    if shapes.values > 1:
        return "lines", shapes.top, shapes.values
    if shapes.arrays:
        return "array", shapes.top.items or Shape(), shapes.elements
    return "document", shapes.top, shapes.values


def _columns(file: ObjectFile, file_format: str, record: Shape, builder: TypeBuilder, limits: ReadLimits) -> tuple[Column, ...]:
    if record.kinds == {"struct"}:
        fields = record.fields or {}
        if record.rest is not None:
            raise UnreadableFileError(file.key, file_format, f"more columns than the limit of {limits.max_columns:,}")
        return tuple(Column(name=name, type=builder.build(shape, name)) for name, shape in fields.items())
    if not record.kinds and not record.items:
        return ()
    return (Column(name="value", type=builder.build(record, "value")),)


def matches_json(head: bytes) -> str | None:
    """Name the layout (`array`, `document`, `lines`) of bytes that begin as JSON objects or arrays do; None for all others."""
    try:
        text = decode_text(head, whole=False).text
        if not looks_like_json(text):
            return None
        limits = ReadLimits()
        return _layout(read_values(text, whole=False, max_depth=limits.max_depth, max_fields=limits.max_columns))[0]
    except (NotTextError, NotJsonError):
        return None
