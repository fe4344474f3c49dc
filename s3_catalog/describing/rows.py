"""Some rows of a table, over its files and partitions, as they stand in the files: the only place that holds raw values.

What comes out goes to the detectors and the mask, and nowhere else: it is neither stored nor logged.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import pyarrow as pa

from s3_catalog.errors import S3CatalogError, UnreadableFileError, describe_unknown
from s3_catalog.formats import ReadLimits, Row, SampleFormat
from s3_catalog.inference import TableResult
from s3_catalog.inference.files import ListedFile, TableFiles, choose_reader, table_limits
from s3_catalog.inference.logged import LoggedRows, has_log, read_logged_rows
from s3_catalog.model.tables import UNSTRUCTURED, PartitionColumn, TableLayout
from s3_catalog.storage import ObjectStore, printable
from s3_catalog.storage.files import ObjectFile, OpenedFiles

logger = logging.getLogger(__name__)

_INTEGER = re.compile(r"-?\d{1,18}")


@dataclass(frozen=True, slots=True, kw_only=True)
class RawRows:
    """Rows by member; `problems` say, without a value, which files gave none and why."""

    members: Mapping[str, Sequence[Row]] = field(default_factory=dict, repr=False)
    problems: tuple[str, ...] = ()


def sample_result(
    store: ObjectStore,
    result: TableResult,
    objects: pa.Table,
    limits: ReadLimits,
    *,
    files: int,
    rows: int,
    opened: OpenedFiles | None = None,
) -> RawRows:
    """Read about `rows` rows of what inference made of a layout, in equal parts from up to `files` of its objects; none of a file set."""
    if not result.tables or result.layout.format == UNSTRUCTURED or not objects.num_rows:
        return RawRows()
    own = TableFiles(objects, result.tables[0].partitions)
    count = min(files, own.count)
    return read_rows(store, result.layout, own, limits, count=count, rows=-(-rows // count), logged=result.logged, opened=opened)


def read_rows(
    store: ObjectStore,
    layout: TableLayout,
    files: TableFiles,
    limits: ReadLimits,
    *,
    count: int,
    rows: int,
    logged: LoggedRows | None = None,
    opened: OpenedFiles | None = None,
) -> RawRows:
    """Read up to `rows` rows of each of `count` files, and give each row the values of its file's partition.

    A file that cannot be read, or whose format gives no rows, is named and stops no other. Of a table with a log only files are read
    whose rows are all rows of the table, under the names that its columns have there; `logged` says which these are, and without it
    the log is read.

    Args:
        opened: files that inference read, with the ranges they keep.
    """
    opened = opened or OpenedFiles()
    limits = table_limits(layout, files.count, limits)
    if has_log(layout):
        return _read_logged(store, layout, files, limits, count, rows, logged, opened)
    found: dict[str, list[Row]] = {}
    problems: list[str] = []
    for file in files.sample(count):
        try:
            members = _read_file(opened.take(store, file.ref.key, file.size, file.etag), layout, limits, rows)
        except S3CatalogError as error:
            problems.append(_problem(file, error))
            continue
        in_path = _values_in_path(layout, file)
        for member, sample in members.items():
            found.setdefault(member, []).extend({**row, **in_path} for row in sample)
    return RawRows(members=found, problems=tuple(problems))


def _read_logged(
    store: ObjectStore,
    layout: TableLayout,
    files: TableFiles,
    limits: ReadLimits,
    count: int,
    rows: int,
    logged: LoggedRows | None,
    opened: OpenedFiles,
) -> RawRows:
    """Rows of a table with a log. What stands in a file goes before what the log says of its partition: it has a type."""
    try:
        logged = logged or read_logged_rows(store, layout, files.objects)
    except S3CatalogError as error:
        return RawRows(problems=(f"no rows, for the log cannot be read: {type(error).__name__}",))
    except Exception as error:  # noqa: BLE001 - a format's library may raise anything on a hostile log; one table never stops a run
        return RawRows(problems=(f"no rows, for the log cannot be read: {describe_unknown(error)}",))
    found: list[Row] = []
    problems = [logged.problem] if logged.problem else []
    for file in logged.files[:count]:
        try:
            sample = _read_file(opened.take(store, file.ref.key, file.size, file.etag), layout, limits, rows, logged).get("", ())
        except S3CatalogError as error:
            problems.append(_problem(file, error))
            continue
        in_path = _values_in_path(layout, file)
        found.extend({**in_path, **{name: value for name, value in row.items() if name in logged.columns}} for row in sample)
    return RawRows(members={"": found} if found else {}, problems=tuple(problems))


def _problem(file: ListedFile, error: S3CatalogError) -> str:
    # the text of an error about a hint may show a value
    return f"no rows from {printable(file.ref.key)}: {type(error).__name__}"


def _values_in_path(layout: TableLayout, file: ListedFile) -> dict[str, object]:
    return {c.name: _typed(c, value) for c, value in zip(layout.partition_columns, file.ref.partition, strict=False)}


def _read_file(
    file: ObjectFile, layout: TableLayout, limits: ReadLimits, rows: int, logged: LoggedRows | None = None
) -> Mapping[str, Sequence[Row]]:
    reader, compression = choose_reader(layout, file, limits)
    if not isinstance(reader, SampleFormat):
        return {}
    try:
        members = reader.read_sample(file, compression, limits, rows)
        rename = None if logged is None else logged.renamer(reader, file, limits)
    except S3CatalogError:
        raise
    except Exception as error:  # noqa: BLE001 - a format's library may raise anything on hostile bytes; one file never stops a run
        reason = describe_unknown(error)
        logger.error("sample failed format=%s key=%r error=%s", reader.name, file.key, reason)
        raise UnreadableFileError(file.key, reader.name, reason) from None
    return members if rename is None else {member: [rename(row) for row in sample] for member, sample in members.items()}


def _typed(column: PartitionColumn, value: str | None) -> object:
    """A partition's value as a number where its column is one; the text of the path elsewhere."""
    return int(value) if value is not None and pa.types.is_integer(column.type) and _INTEGER.fullmatch(value) else value
