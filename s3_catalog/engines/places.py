"""Where the partitions of a table lie: a template of the path, proved on the files that were looked at.

Pure. A catalog needs a place per partition, and a table knows its partitions by their values alone.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import quote, unquote

import pyarrow as pa
import pyarrow.types as pt

from s3_catalog.model.tables import MEMBER_MARK, PartitionColumn, Table

HIVE_NULL = "__HIVE_DEFAULT_PARTITION__"
DATE = re.compile(r"(\d{4})[-_.]?(\d\d)[-_.]?(\d\d)")
"""How dates are written in paths."""
_PLAIN = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-.~"


@dataclass(frozen=True, slots=True)
class Segment:
    """One folder of the template: fixed text, or the value of a partition column with what stands around it."""

    before: str
    column: int | None = None
    after: str = ""


@dataclass(frozen=True, slots=True)
class PartitionPlaces:
    """The folders from the table's root down to its last partition value (and the fixed ones below it).

    `escaped`: values are percent-encoded in the path. `nested`: files lie in further folders below.
    """

    root: str
    segments: tuple[Segment, ...]
    escaped: bool = False
    nested: bool = False

    def prefix(self, values: tuple[str | None, ...]) -> str:
        """The key prefix of one partition, ending in `/`."""
        return self.root + "".join(f"{_fill(segment, values, escaped=self.escaped)}/" for segment in self.segments)

    def template(self, names: tuple[str, ...]) -> str:
        """The same for all partitions, each value as `${name}`."""
        texts = (s.before + ("" if s.column is None else f"${{{names[s.column]}}}") + s.after for s in self.segments)
        return self.root + "".join(f"{text}/" for text in texts)


def root_of(location: str) -> str:
    """The folder that holds all of a location, "" or ending in `/`.

    >>> root_of("daily/invoices_*"), root_of("sales/orders/"), root_of("2024/**/orders/"), root_of("crm.csv")
    ('daily/', 'sales/orders/', '2024/', '')
    """
    fixed = location.partition(MEMBER_MARK)[0].partition("*")[0]
    return fixed[: fixed.rfind("/") + 1]


def value_text(value: str | None, arrow_type: pa.DataType) -> str:
    """A partition value as an engine reads it.

    >>> value_text("20240131", pa.date32()), value_text("01", pa.int32()), value_text(None, pa.string())
    ('2024-01-31', '01', '__HIVE_DEFAULT_PARTITION__')
    """
    if value is None:
        return HIVE_NULL
    compact = DATE.fullmatch(value) if pt.is_date(arrow_type) else None
    return "-".join(compact.groups()) if compact else value


def find_places(table: Table) -> PartitionPlaces | None:
    """Find the template of a partitioned table; None where its files do not prove one (values in file names, mixed layouts)."""
    layout = table.layout
    known = {partition.values for partition in table.partitions}
    if not layout.partition_columns or not known:
        return None
    root = root_of(layout.location)
    if layout.format == "hudi":
        return _hudi_places(table, root)
    keys = [key for key in table.sampled_keys if key.startswith(root)]
    found = [_match(table, key.removeprefix(root).split("/")[:-1], known) for key in keys]
    matches = [match for match in found if match is not None]
    if not matches or len(matches) != len(table.sampled_keys) or len({match.segments for match in matches}) != 1:
        return None
    told = [match.values for match in matches if not _is_plain(match.values)]
    if not told and not all(_is_plain(values) for values in known):
        return None  # nothing shows whether the path holds such values as they are or percent-encoded
    for escaped in (False, True):
        nested = any(match.nested for match in matches)
        places = PartitionPlaces(root, matches[0].segments, escaped=escaped, nested=nested)
        if all(key.startswith(places.prefix(match.values)) for key, match in zip(keys, matches, strict=True)):
            return places
    return None


def _hudi_places(table: Table, root: str) -> PartitionPlaces | None:
    """Hudi's own layout: values in the order of the columns, with their names where the table says so."""
    named = dict(table.details).get("hive_style_partitioning") == "true"
    if not all(_is_plain(partition.values) for partition in table.partitions):
        return None
    columns = enumerate(table.layout.partition_columns)
    return PartitionPlaces(root, tuple(Segment(f"{column.name}=" if named else "", number) for number, column in columns))


def _is_plain(values: tuple[str | None, ...]) -> bool:
    """Whether values look the same percent-encoded and not."""
    return all(value is None or (value and quote(value, safe=_PLAIN) == value) for value in values)


@dataclass(frozen=True, slots=True)
class _Match:
    segments: tuple[Segment, ...]
    values: tuple[str | None, ...]
    nested: bool


def _match(table: Table, folders: list[str], known: set[tuple[str | None, ...]]) -> _Match | None:
    """The template of one key's folders; None where the partition values do not stand in them."""
    columns = table.layout.partition_columns
    segments: list[Segment] = []
    values: list[str | None] = []
    while folders and len(values) < len(columns):
        folder, *folders = folders
        possible = {key[len(values)] for key in known if key[: len(values)] == tuple(values)}
        found = _read_value(folder, columns[len(values)], possible)
        if found is None:
            segments.append(Segment(folder))
        else:
            before, value, after = found
            segments.append(Segment(before, len(values), after))
            values.append(value)
    if tuple(values) not in known:
        return None
    below = _fixed_tail(table.layout.location, segments)
    if folders[: len(below)] != below:
        return None
    return _Match((*segments, *map(Segment, below)), tuple(values), nested=len(folders) > len(below))


def _read_value(folder: str, column: PartitionColumn, possible: set[str | None]) -> tuple[str, str | None, str] | None:
    """Cut a folder's name into what stands before the value, the value, and what stands after it."""
    if not column.declared:
        return _find_value(folder, possible)
    name, separator, raw = folder.partition("=")
    if not separator or unquote(name).lower() != column.name.lower():
        return None
    return f"{name}=", None if raw == HIVE_NULL else unquote(raw), ""


def _fixed_tail(location: str, segments: list[Segment]) -> list[str]:
    """The folders of a location below its last star that are not matched yet."""
    if "*" not in location:
        return []
    tail = location.rpartition("*")[2].strip("/")
    return [name for name in tail.split("/") if name and Segment(name) not in segments]


def _find_value(folder: str, values: set[str | None]) -> tuple[str, str | None, str] | None:
    """Cut a folder's name around the partition value in it; None where there is none, or more than one reading."""
    if folder in values:
        return "", folder, ""
    inside = [value for value in values if value and value in folder]
    if len(inside) != 1 or folder.count(inside[0]) != 1:
        return None
    before, _, after = folder.partition(inside[0])
    return before, inside[0], after


def _fill(segment: Segment, values: tuple[str | None, ...], *, escaped: bool) -> str:
    if segment.column is None:
        return segment.before
    value = values[segment.column]
    text = HIVE_NULL if value is None else quote(value, safe=_PLAIN) if escaped else value
    return segment.before + text + segment.after
