"""Where the partitions of a table lie: a template of the path, proved on the files that were looked at.

Pure. A catalog needs a place per partition, and a table knows its partitions by their values alone.
"""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import quote, unquote

from s3_catalog.model.tables import MEMBER_MARK, Table

HIVE_NULL = "__HIVE_DEFAULT_PARTITION__"
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


def find_places(table: Table) -> PartitionPlaces | None:
    """Find the template of a partitioned table; None where its files do not prove one (values in file names, mixed layouts)."""
    layout = table.layout
    known = {partition.values for partition in table.partitions}
    if not layout.partition_columns or not table.sampled_keys or not known:
        return None
    root = root_of(layout.location)
    found = [_match(table, key.removeprefix(root).split("/")[:-1], known) for key in table.sampled_keys if key.startswith(root)]
    if len(found) != len(table.sampled_keys) or None in found:
        return None
    templates = {segments for match in found if match for segments, _, _ in [match]}
    if len(templates) != 1:
        return None
    escaped = any(match[1] for match in found if match)
    return PartitionPlaces(root, templates.pop(), escaped=escaped, nested=any(match[2] for match in found if match))


_Match = tuple[tuple[Segment, ...], bool, bool]


def _match(table: Table, folders: list[str], known: set[tuple[str | None, ...]]) -> _Match | None:
    """The template of one key's folders, whether values are encoded in it, and whether folders are left over."""
    columns = table.layout.partition_columns
    segments: list[Segment] = []
    values: list[str | None] = []
    escaped = False
    for number, folder in enumerate(folders):
        if len(values) == len(columns):
            return _close(table, segments, folders[number:], tuple(values), known, escaped=escaped)
        column = columns[len(values)]
        if column.declared:
            name, separator, raw = folder.partition("=")
            is_value = bool(separator) and unquote(name).lower() == column.name.lower()
            value = None if raw in (HIVE_NULL, "") else unquote(raw)
            escaped = escaped or (is_value and unquote(raw) != raw)
            around = (f"{name}=", "")
        else:
            cut = _find_value(folder, {key[len(values)] for key in known if key[: len(values)] == tuple(values)})
            is_value, value, around = cut is not None, cut and cut[1], (cut[0], cut[2]) if cut else ("", "")
        if is_value:
            segments.append(Segment(around[0], len(values), around[1]))
            values.append(value)
        else:
            segments.append(Segment(folder))
    return _close(table, segments, [], tuple(values), known, escaped=escaped) if len(values) == len(columns) else None


def _close(
    table: Table,
    segments: list[Segment],
    rest: list[str],
    values: tuple[str | None, ...],
    known: set[tuple[str | None, ...]],
    *,
    escaped: bool,
) -> _Match | None:
    tail = table.layout.location.rpartition("*")[2].strip("/").split("/") if "*" in table.layout.location else []
    below = [name for name in tail if name and Segment(name) not in segments]
    if below and rest[: len(below)] != below:
        return None
    fixed = [Segment(name) for name in below]
    return ((*segments, *fixed), escaped, len(rest) > len(below)) if values in known else None


def _find_value(folder: str, values: set[str | None]) -> tuple[str, str, str] | None:
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
    text = HIVE_NULL if value is None else quote(value, safe=_PLAIN + " ") if escaped else value
    return segment.before + text + segment.after
