"""Partitions in AWS Glue: their values, places and figures, and partition projection in place of them.

Pure. Values are written so that the engines can read them as the column's type (`20240131` in a date column becomes `2024-01-31`); the
place of each partition stands beside it and stays as it is.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import pyarrow as pa
import pyarrow.types as pt

from s3_catalog.engines.places import DATE, PartitionPlaces, value_text
from s3_catalog.model.tables import Partition, Table

OURS = "s3_catalog.schema"
"""Parameter of a partition that we made: a digest of the storage descriptor it was made with, and whether we told its rows."""
ROWS = "numRows"
"""Parameter with the number of rows, for Hive's and Trino's planners; engines write it too."""
ISO_DATE = "yyyy-MM-dd"
MAX_ENUM = 500
"""Values that a projected column may enumerate."""
_SPARSE = 100
"""A projected range of integers may span so many times as many numbers as there are values: the engines look for every one of them."""
_NUMBER = re.compile(r"-?[0-9]+")


@dataclass(frozen=True, slots=True)
class GluePartition:
    """One partition as Glue keeps it. `parameters` are figures, and the mark that it is ours."""

    values: tuple[str, ...]
    location: str
    parameters: Mapping[str, str] = field(default_factory=dict)

    def differs(self, found: Mapping[str, Any]) -> bool:
        """Whether a partition of Glue's answer is not this one."""
        kept = found.get("Parameters", {})
        place = found.get("StorageDescriptor", {}).get("Location", "")
        return place.rstrip("/") != self.location.rstrip("/") or any(kept.get(name) != text for name, text in self.parameters.items())

    def write(self, descriptor: Mapping[str, Any], kept: Mapping[str, str] | None = None) -> dict[str, Any]:
        """The partition as Glue takes it.

        Args:
            descriptor: the table's storage descriptor.
            kept: parameters that the partition has already.
        """
        place = {**descriptor, "Location": self.location}
        # Rows that anybody counted before are not those of what lies there now.
        others = {name: text for name, text in (kept or {}).items() if name != ROWS}
        return {"Values": list(self.values), "StorageDescriptor": place, "Parameters": {**others, **self.parameters}}


def build_partitions(table: Table, places: PartitionPlaces, schema_digest: str) -> tuple[GluePartition, ...]:
    """All partitions of a table, in their order."""
    types = [column.type for column in table.layout.partition_columns]
    return tuple(_build(table, partition, places, types, schema_digest) for partition in table.partitions)


def _build(table: Table, partition: Partition, places: PartitionPlaces, types: Sequence[pa.DataType], schema_digest: str) -> GluePartition:
    place = table.layout.store_url + places.prefix(partition.values)
    counted = {OURS: schema_digest} if partition.row_count is None else {OURS: f"{schema_digest} rows", ROWS: str(partition.row_count)}
    return GluePartition(
        tuple(value_text(value, arrow_type) for value, arrow_type in zip(partition.values, types, strict=True)),
        place.rstrip("/") if table.format == "hudi" else place,
        {**counted, "numFiles": str(partition.object_count), "totalSize": str(partition.size_bytes)},
    )


def digest_partitions(partitions: Sequence[GluePartition]) -> str:
    """Count and digest: two equal texts mean equal partitions."""
    digest = hashlib.sha256()
    for partition in partitions:
        digest.update(json.dumps([partition.values, partition.location, dict(partition.parameters)], sort_keys=True).encode())
    return f"{len(partitions)} {digest.hexdigest()[:16]}"


@dataclass(frozen=True, slots=True, kw_only=True)
class PartitionChanges:
    """What to send so that Glue has these partitions; values of those to delete."""

    create: tuple[dict[str, Any], ...] = ()
    update: tuple[dict[str, Any], ...] = ()
    delete: tuple[tuple[str, ...], ...] = ()


def diff_partitions(wanted: Iterable[GluePartition], found: Iterable[Mapping[str, Any]], descriptor: Mapping[str, Any]) -> PartitionChanges:
    """Compare; partitions that other tools added stay."""
    known = {tuple(one["Values"]): one for one in found}
    create, update, seen = [], [], set()
    for partition in wanted:
        seen.add(partition.values)
        before = known.get(partition.values)
        if before is None:
            create.append(partition.write(descriptor))
        elif partition.differs(before):
            update.append(partition.write(descriptor, before.get("Parameters")))
    gone = tuple(values for values, one in known.items() if values not in seen and OURS in one.get("Parameters", {}))
    return PartitionChanges(create=tuple(create), update=tuple(update), delete=gone)


def project_partitions(table: Table, places: PartitionPlaces, names: Sequence[str]) -> dict[str, str] | None:
    """The table parameters by which Athena and Trino compute partitions instead of asking for them.

    Integers and dates span from the least value to the greatest, texts are enumerated. None where that would miss a partition, or look
    for far too many: a null, values written in several ways, numbers far apart, too many texts, other types.
    """
    parameters = {"projection.enabled": "true"}
    for number, (name, column) in enumerate(zip(names, table.layout.partition_columns, strict=True)):
        values = {partition.values[number] for partition in table.partitions}
        told = {value for value in values if value is not None}
        facts = _projection(told, column.type, table.layout.newest) if told == values else None
        if facts is None:
            return None
        parameters |= {f"projection.{name}.{fact}": text for fact, text in facts.items()}
    parameters["storage.location.template"] = table.layout.store_url + places.template(tuple(names))
    return parameters


def _projection(values: Collection[str], arrow_type: pa.DataType, newest: datetime | None) -> dict[str, str] | None:
    if pt.is_integer(arrow_type):
        return _project_numbers(values)
    if pt.is_date(arrow_type):
        return _project_dates(values, newest)
    # The engines cut blanks off.
    plain = pt.is_string(arrow_type) and all(value and value == value.strip() and "," not in value for value in values)
    return {"type": "enum", "values": ",".join(sorted(values))} if plain and len(values) <= MAX_ENUM else None


def _project_numbers(values: Collection[str]) -> dict[str, str] | None:
    if not all(_NUMBER.fullmatch(value) for value in values):
        return None
    numbers = {int(value) for value in values}
    width = max(map(len, values)) if any(value != str(int(value)) for value in values) else 0
    least, greatest = min(numbers), max(numbers)
    if {f"{number:0{width}}" for number in numbers} != set(values) or (width and least < 0) or greatest - least >= _SPARSE * len(numbers):
        return None
    return {"type": "integer", "range": f"{least},{greatest}", **({"digits": str(width)} if width else {})}


def _project_dates(values: Collection[str], newest: datetime | None) -> dict[str, str] | None:
    last = max(values)
    mark = "" if last[4:5].isdigit() else last[4:5]
    if any((found := DATE.fullmatch(value)) is None or mark.join(found.groups()) != value for value in values):
        return None
    # A day after that of the newest file may not have come yet.
    until = "NOW" if newest is not None and value_text(last, pa.date32()) <= newest.date().isoformat() else last
    span = {"range": f"{min(values)},{until}", "interval": "1", "interval.unit": "DAYS"}
    return {"type": "date", "format": f"yyyy{mark}MM{mark}dd", **span}
