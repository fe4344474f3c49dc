"""Some rows of a table, over its files and partitions, as they stand in the files: the only place that holds raw values.

What comes out goes to the detectors and the mask, and nowhere else: it is neither stored nor logged.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import pyarrow as pa

from s3_catalog.errors import S3CatalogError, UnreadableFileError, describe_unknown
from s3_catalog.formats import ReadLimits, Row, SampleFormat
from s3_catalog.formats._hints import read_options
from s3_catalog.inference.files import ListedFile, TableFiles, choose_reader
from s3_catalog.model.tables import PartitionColumn, TableLayout
from s3_catalog.storage import ObjectStore, printable
from s3_catalog.storage.files import ObjectFile

logger = logging.getLogger(__name__)

_INTEGER = re.compile(r"-?\d{1,18}")


@dataclass(frozen=True, slots=True, kw_only=True)
class RawRows:
    """Rows by member; `problems` say, without a value, which files gave none and why."""

    members: Mapping[str, Sequence[Row]] = field(default_factory=dict, repr=False)
    problems: tuple[str, ...] = ()


def read_rows(store: ObjectStore, layout: TableLayout, files: TableFiles, limits: ReadLimits, *, count: int, rows: int) -> RawRows:
    """Read up to `rows` rows of each of `count` files, and give each row the values of its file's partition.

    A file that cannot be read, or whose format gives no rows, is named and stops no other.
    """
    limits = replace(limits, hints=read_options(layout.options))
    found: dict[str, list[Row]] = {}
    problems: list[str] = []
    for file in files.sample(count):
        try:
            members = _read_file(store, layout, file, limits, rows)
        except S3CatalogError as error:
            # the text of an error about a hint may show a value
            problems.append(f"no rows from {printable(file.ref.key)}: {type(error).__name__}")
            continue
        in_path = {c.name: _typed(c, value) for c, value in zip(layout.partition_columns, file.ref.partition, strict=False)}
        for member, sample in members.items():
            found.setdefault(member, []).extend({**row, **in_path} for row in sample)
    return RawRows(members=found, problems=tuple(problems))


def _read_file(store: ObjectStore, layout: TableLayout, file: ListedFile, limits: ReadLimits, rows: int) -> Mapping[str, Sequence[Row]]:
    opened = ObjectFile(store, file.ref.key, file.size, file.etag)
    reader, compression = choose_reader(layout, opened, limits)
    if not isinstance(reader, SampleFormat):
        return {}
    try:
        return reader.read_sample(opened, compression, limits, rows)
    except S3CatalogError:
        raise
    except Exception as error:  # noqa: BLE001 - a format's library may raise anything on hostile bytes; one file never stops a run
        reason = describe_unknown(error)
        logger.error("sample failed format=%s key=%r error=%s", reader.name, file.ref.key, reason)
        raise UnreadableFileError(file.ref.key, reader.name, reason) from None


def _typed(column: PartitionColumn, value: str | None) -> object:
    """A partition's value as a number where its column is one; the text of the path elsewhere."""
    return int(value) if value is not None and pa.types.is_integer(column.type) and _INTEGER.fullmatch(value) else value
