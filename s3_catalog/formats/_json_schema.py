"""From JSON shapes to the columns of a file: what `.json` and `.jsonl` share."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass, replace
from itertools import islice

import pyarrow as pa

from s3_catalog.errors import HintError, UnreadableFileError
from s3_catalog.formats import FileSchema, ReadLimits, Row
from s3_catalog.formats._head import Head, read_head, read_longer_head
from s3_catalog.formats._json_columns import ColumnWatch
from s3_catalog.formats._json_rows import RowSelector
from s3_catalog.formats._json_sample import parse_rows
from s3_catalog.formats._json_shapes import Shape, ShapeReader, TypeBuilder
from s3_catalog.formats._json_text import JsonReader, JsonValues, NotJsonError, looks_like_json, read_late_lines, read_values
from s3_catalog.formats._magic import describe_bytes
from s3_catalog.formats._row_estimate import Stretch, estimate_rows, head_stretch
from s3_catalog.formats._tail import read_tail, whole_lines, with_short_tail
from s3_catalog.formats._text import NotTextError, Text, decode_head, decode_text
from s3_catalog.formats._type_hints import describe_misfit
from s3_catalog.model.statistics import RowEstimate
from s3_catalog.model.tables import Column
from s3_catalog.storage.files import ObjectFile

_NAMED_KEYS = 5
_LONGEST_KEY = 60
_MAX_ROW_DEPTH = 4
"""Arrays deeper than this in a document are not proposed as rows."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Sample:
    """A head and the values in it. `late`: the lines near the file's end, with `bad_late` more that are no JSON."""

    head: Head
    text: Text
    values: JsonValues
    late: Stretch | None = None
    bad_late: int = 0


def read_json(file: ObjectFile, file_format: str, compression: str | None, limits: ReadLimits) -> FileSchema:
    """Read the columns of a JSON file of any layout from its head.

    An array of objects and objects one after the other give one row each; one document gives its top-level keys and one row, unless the
    hint `rows` says where in it the rows are (or with "" that it is one row indeed); all else is one column, `value`.

    Raises:
        UnreadableFileError: not JSON, broken off, or more columns than the limit.
        HintError: no rows where they are said to be, or a value that is none of its column's type.
    """
    limits = with_short_tail(file, limits)
    sample = _read_late(file, _read_first(file, file_format, compression, limits), limits)
    _refuse_missing_rows(file, file_format, sample)
    return _build_schema(file, file_format, sample, limits)


def read_json_rows(file: ObjectFile, file_format: str, compression: str | None, limits: ReadLimits) -> Iterator[Row]:
    """Read the rows of a JSON file that are whole in its head, as plain values; a row lacks the columns that its record lacks.

    Raises: as `read_json`, but for values that are none of the type that people say their column has.
    """
    limits = with_short_tail(file, limits)
    sample = _read_first(file, file_format, compression, limits)
    _refuse_missing_rows(file, file_format, sample)
    names = _places(file, file_format, sample.values.reader.record[0], limits).keys()
    rows = _rows(sample, names, limits)
    first = next(rows, None)
    if first is not None:
        yield first
        yield from rows
    elif not sample.head.whole:
        longer = read_longer_head(file, file_format, sample.head.compression, limits)
        text = decode_head(file.key, file_format, longer.data, whole=longer.whole, hints=limits.hints)
        yield from _rows(replace(sample, head=longer, text=text), names, limits)


def _rows(sample: _Sample, names: Collection[str], limits: ReadLimits) -> Iterator[Row]:
    """The whole rows of a head, which may be longer than the one that the columns come of."""
    reader = sample.values.reader
    rows = parse_rows(
        sample.text.text,
        None if reader.rows is None else RowSelector(reader.rows.path),
        whole=sample.head.whole,
        by_line=sample.values.bad_lines > 0,
        in_array=reader.rows is None and reader.layout == "array",
        max_depth=limits.max_depth,
    )
    is_record = reader.record[0].kinds == {"struct"}
    for value in rows:
        row = value if is_record and isinstance(value, dict) else {} if is_record else {"value": value}
        yield {name: inner for name, inner in row.items() if name in names}


def _read_first(file: ObjectFile, file_format: str, compression: str | None, limits: ReadLimits) -> _Sample:
    sample = _read(file, file_format, read_head(file, file_format, compression, limits), limits)
    if not sample.head.whole and not sample.values.reader.shapes.values:
        sample = _read(file, file_format, read_longer_head(file, file_format, compression, limits), limits)
    return sample


def _read(file: ObjectFile, file_format: str, head: Head, limits: ReadLimits) -> _Sample:
    text = decode_head(file.key, file_format, head.data, whole=head.whole, hints=limits.hints)
    try:
        if not text.text.strip():
            raise NotJsonError("the file holds only white space")
        return _Sample(head=head, text=text, values=read_values(text.text, lambda: _new_reader(limits), whole=head.whole))
    except NotJsonError as error:
        raise UnreadableFileError(file.key, file_format, f"{error} (the bytes are {describe_bytes(head.data)})") from error


def _new_reader(limits: ReadLimits) -> JsonReader:
    hints = limits.hints
    shapes = ShapeReader(max_depth=limits.max_depth, max_fields=limits.max_columns, watch=ColumnWatch(hints))
    return JsonReader(shapes, None if hints.rows is None else RowSelector(hints.rows))


def _read_late(file: ObjectFile, sample: _Sample, limits: ReadLimits) -> _Sample:
    """Take the lines near the end of a file of lines in as well."""
    tail = read_tail(file, sample.head, limits) if sample.values.reader.layout == "lines" else None
    found = whole_lines(tail, sample.text.encoding) if tail is not None else None
    if found is None:
        return sample
    text, begin = found
    lines = [line.encode("utf-8", "replace") for line in text.split("\n") if line.strip()]
    bad = read_late_lines(lines, sample.values.reader)
    return replace(sample, late=_late_stretch(begin, file.size, [len(line) for line in lines]), bad_late=bad)


def _late_stretch(begin: int, end: int, sizes: list[int]) -> Stretch:
    """Where lines of these sizes end between two places of a file."""
    total, position, edges = sum(sizes), 0, [float(begin)]
    for size in sizes:
        position += size
        edges.append(begin + (end - begin) * position / total)
    return Stretch(edges)


def _refuse_missing_rows(file: ObjectFile, file_format: str, sample: _Sample) -> None:
    rows = sample.values.reader.rows
    if rows is None or rows.found:
        return
    cut = "" if sample.head.whole else f" (within the first {len(sample.head.data):,} bytes)"
    raise HintError(file.key, file_format, f"the rows are said to be in {rows.path!r}, and {rows.describe_missing()}{cut}")


def _build_schema(file: ObjectFile, file_format: str, sample: _Sample, limits: ReadLimits) -> FileSchema:
    values, reader = sample.values, sample.values.reader
    layout, (record, count) = reader.layout, reader.record
    actual = {"lines": "jsonl", "array": "json"}.get(layout, file_format)
    builder = TypeBuilder(file.key)
    places = _places(file, file_format, record, limits)
    columns = tuple(Column(name=name, type=_column_type(file, file_format, name, shape, builder)) for name, shape in places.items())
    looks = {f"looks_like.{name}": text for name, shape in places.items() if (text := _likeness(shape)) is not None}
    rows = {} if reader.rows is None else {"rows": reader.rows.path}
    exact = values.complete and not values.bad_lines
    return FileSchema(
        columns=columns,
        row_count=count if exact else None,
        row_estimate=None if values.complete else _estimate(file, sample),
        format=actual if actual != file_format else None,
        conflicts=tuple(builder.conflicts),
        warnings=(*sample.head.warnings, *sample.text.warnings, *builder.warnings, *_warnings(sample)),
        details={"layout": layout, "encoding": sample.text.encoding, **rows, **looks},
    )


def _places(file: ObjectFile, file_format: str, record: Shape, limits: ReadLimits) -> dict[str, Shape]:
    """The shapes of the columns, by name."""
    if record.kinds == {"struct"}:
        if record.rest is not None:
            raise UnreadableFileError(file.key, file_format, f"more columns than the limit of {limits.max_columns:,}")
        return record.fields or {}
    return {"value": record} if record.kinds or record.items else {}


def _column_type(file: ObjectFile, file_format: str, name: str, shape: Shape, builder: TypeBuilder) -> pa.DataType:
    wanted = shape.values.wanted if shape.values is not None else None
    if shape.values is None or wanted is None:
        return builder.build(shape, name)
    misfit = shape.values.find_misfit()
    if misfit is not None:
        raise HintError(file.key, file_format, describe_misfit(name, wanted, misfit), shows=(name, misfit))
    return wanted


def _likeness(shape: Shape) -> str | None:
    return shape.values.describe_likeness() if shape.values is not None and shape.kinds == {"string"} else None


def _estimate(file: ObjectFile, sample: _Sample) -> RowEstimate | None:
    """The rows of a file that was read in part; None where all rows may have been seen, and the rest is of another kind."""
    reader, size = sample.values.reader, max(1, len(sample.text.text.encode()))
    open_ended = reader.layout == "lines" or (reader.layout == "array" if reader.rows is None else reader.rows.is_open)
    if not open_ended or not sample.values.edges:
        return None
    # Edges are places in UTF-8, the head may be of another encoding.
    edges = [round(edge * len(sample.head.data) / size) for edge in sample.values.edges]
    return estimate_rows(head_stretch(sample.head, edges), file.size, sample.late if sample.values.lines_are_rows else None)


def _warnings(sample: _Sample) -> Iterator[str]:
    values, reader = sample.values, sample.values.reader
    if values.bad_lines:
        yield f"{values.bad_lines} of {values.lines} lines are not JSON"
    if sample.bad_late:
        yield f"{sample.bad_late} lines near the end of the file are not JSON"
    if reader.shapes.repeated_keys:
        yield f"keys that occur twice in one object: {', '.join(sorted(reader.shapes.repeated_keys)[:_NAMED_KEYS])}"
    if reader.layout == "document" and reader.rows is None:
        if not values.complete:
            yield f"only the first {len(sample.head.data):,} bytes of one long document were read: later keys are missing"
        paths = list(islice(_row_paths(reader.shapes.top), _NAMED_KEYS))
        if paths:
            yield (
                f"the document is one row, and arrays of objects are in it: {', '.join(paths)}; "
                "the hint `rows` names the one whose items are the rows"
            )


def _row_paths(document: Shape) -> Iterator[str]:
    """Paths of arrays with several objects in them, the outermost first."""
    level = [("", document)]
    for _ in range(_MAX_ROW_DEPTH):
        below = ((path, key, child) for path, place in level for key, child in (place.fields or {}).items())
        level = [(f"{path}.{key}".removeprefix("."), child) for path, key, child in below if len(key) <= _LONGEST_KEY]
        yield from (path for path, place in level if place.kinds == {"array"} and place.repeats and _holds_objects(place))


def _holds_objects(shape: Shape) -> bool:
    return shape.items is not None and shape.items.kinds == {"struct"} and bool(shape.items.fields)


def matches_json(head: bytes) -> str | None:
    """Name the layout (`array`, `document`, `lines`) of bytes that begin as JSON objects or arrays do; None for all others."""
    try:
        text = decode_text(head, whole=False).text
        if not looks_like_json(text):
            return None
        return read_values(text, lambda: _new_reader(ReadLimits()), whole=False).reader.layout
    except (NotTextError, NotJsonError):
        return None
