"""Partitions in AWS Glue: their values, places and figures, and partition projection in place of them.

Pure. Values are written so that the engines can read them as the column's type (`20240131` in a date column becomes `2024-01-31`); the
place of each partition stands beside it and stays as it is.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa
import pyarrow.types as pt

from s3_catalog.engines.places import HIVE_NULL, PartitionPlaces
from s3_catalog.model.tables import Partition, Table

OURS = "s3_catalog.schema"
"""Parameter of a partition that we made: a digest of the storage descriptor it was made with."""
ISO_DATE = "yyyy-MM-dd"
MAX_ENUM = 500
"""Values that a projected column may enumerate."""
_COMPACT_DATE = re.compile(r"(\d{4})[-_.]?(\d\d)[-_.]?(\d\d)")


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
        return {"Values": list(self.values), "StorageDescriptor": place, "Parameters": {**(kept or {}), **self.parameters}}


def build_partitions(table: Table, places: PartitionPlaces, schema_digest: str) -> tuple[GluePartition, ...]:
    """All partitions of a table, in their order."""
    types = [column.type for column in table.layout.partition_columns]
    return tuple(_build(table, partition, places, types, schema_digest) for partition in table.partitions)


def _build(table: Table, partition: Partition, places: PartitionPlaces, types: Sequence[pa.DataType], schema_digest: str) -> GluePartition:
    place = table.layout.store_url + places.prefix(partition.values)
    return GluePartition(
        tuple(value_text(value, arrow_type) for value, arrow_type in zip(partition.values, types, strict=True)),
        place.rstrip("/") if table.format == "hudi" else place,
        {OURS: schema_digest, "numFiles": str(partition.object_count), "totalSize": str(partition.size_bytes)},
    )


def value_text(value: str | None, arrow_type: pa.DataType) -> str:
    """A partition value as an engine reads it.

    >>> value_text("20240131", pa.date32()), value_text("01", pa.int32()), value_text(None, pa.string())
    ('2024-01-31', '01', '__HIVE_DEFAULT_PARTITION__')
    """
    if value is None:
        return HIVE_NULL
    compact = _COMPACT_DATE.fullmatch(value) if pt.is_date(arrow_type) else None
    return "-".join(compact.groups()) if compact else value


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


def project_partitions(table: Table, places: PartitionPlaces, names: Sequence[str]) -> dict[str, str]:
    """The table parameters by which Athena and Trino compute partitions instead of asking for them.

    Integers and dates span from the least value to the greatest (dates up to now); texts are enumerated, or must be given by the query
    where there are too many.
    """
    parameters = {"projection.enabled": "true"}
    for number, (name, column) in enumerate(zip(names, table.layout.partition_columns, strict=True)):
        values = sorted({partition.values[number] for partition in table.partitions} - {None}, key=str)
        kinds = _projection([value for value in values if value is not None], column.type)
        parameters.update({f"projection.{name}.{fact}": text for fact, text in kinds.items()})
    parameters["storage.location.template"] = table.layout.store_url + places.template(tuple(names))
    return parameters


def _projection(values: Sequence[str], arrow_type: pa.DataType) -> dict[str, str]:
    if pt.is_integer(arrow_type):
        numbers = [int(value) for value in values]
        widths = {len(value) for value in values}
        padded = any(value != str(int(value)) for value in values) and len(widths) == 1
        digits = {"digits": str(widths.pop())} if padded else {}
        return {"type": "integer", "range": f"{min(numbers)},{max(numbers)}", **digits}
    if pt.is_date(arrow_type) and len({(len(value), value[4:5]) for value in values}) == 1:
        mark = "" if values[0][4].isdigit() else values[0][4]
        pattern = f"yyyy{mark}MM{mark}dd"
        return {"type": "date", "format": pattern, "range": f"{min(values)},NOW", "interval": "1", "interval.unit": "DAYS"}
    if len(values) <= MAX_ENUM and not any("," in value for value in values):
        return {"type": "enum", "values": ",".join(values)}
    return {"type": "injected"}
