"""What Glue is told of partitions: their rows, and how engines compute them instead of asking for them."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pyarrow as pa
import pytest

from s3_catalog.catalogs import Action
from s3_catalog.catalogs._glue_tables import build_table
from s3_catalog.model.tables import Partition, PartitionColumn, Table
from s3_catalog_tests.catalogs.samples import NOON, make_table
from s3_catalog_tests.glue.conftest import Glue


def partitioned(*values: str | None, arrow_type: pa.DataType | None = None, newest: datetime | None = NOON) -> Table:
    """A table with one partition per value, by a column `p`."""
    table = make_table("a", partition_columns=(PartitionColumn(name="p", type=arrow_type or pa.string()),), newest=newest, conflicts=())
    keys = tuple(f"a/p={'__HIVE_DEFAULT_PARTITION__' if value is None else value}/x.parquet" for value in values)
    partitions = tuple(Partition(values=(value,), object_count=1, size_bytes=5, newest=NOON) for value in values)
    return replace(table, partitions=partitions, sampled_keys=keys)


def counted(*rows: int | None, **changes: Any) -> Table:
    """A table with a partition per number of rows; `changes` are made to the first partition."""
    table = partitioned(*(f"v{number}" for number in range(len(rows))))
    partitions = [replace(partition, row_count=count) for partition, count in zip(table.partitions, rows, strict=True)]
    return replace(table, partitions=(replace(partitions[0], **changes), *partitions[1:]))


def rows_of(glue: Glue) -> list[str | None]:
    return [one["Parameters"].get("numRows") for _, one in sorted(glue.partitions("a").items())]


def test_partitions_tell_their_size_and_their_rows_where_those_are_known(glue: Glue) -> None:
    glue.publish(counted(7, None, 0))
    assert rows_of(glue) == ["7", None, "0"]
    assert glue.partitions("a")["v0",]["Parameters"]["totalSize"] == "5"
    before = sum(glue.proxy.writes.values())
    plan, _ = glue.publish(counted(7, None, 0))
    assert (plan.changes[0].action, sum(glue.proxy.writes.values())) == (Action.UNCHANGED, before)


def test_rows_that_are_told_or_no_longer_known_reach_their_partition_alone(glue: Glue) -> None:
    glue.publish(counted(7, None, 9))
    before = glue.proxy.writes
    plan, _ = glue.publish(counted(None, 8, 9))
    assert plan.changes[0].fields == (("partitions", "3", "3 (changed)"),)
    assert rows_of(glue) == [None, "8", "9"]
    assert (glue.proxy.writes - before)["BatchUpdatePartition"] == 1


def test_rows_that_an_engine_counted_stay_as_long_as_the_files_do(glue: Glue) -> None:
    glue.publish(counted(None, 1))
    analyzed = glue.partitions("a")["v0",]
    parameters = {**analyzed["Parameters"], "numRows": "42", "theirs": "yes"}
    body = {"Values": ["v0"], "StorageDescriptor": analyzed["StorageDescriptor"], "Parameters": parameters}
    glue.people.update_partition(DatabaseName=glue.database, TableName="a", PartitionValueList=["v0"], PartitionInput=body)
    glue.publish(counted(None, 2))
    assert rows_of(glue) == ["42", "2"]
    glue.publish(counted(None, 2, size_bytes=6))
    assert rows_of(glue) == [None, "2"]
    assert glue.partitions("a")["v0",]["Parameters"]["theirs"] == "yes"


JAN_31 = datetime(2026, 1, 31, tzinfo=UTC)


@pytest.mark.parametrize(
    ("arrow_type", "values", "facts"),
    [
        (pa.int32(), ["2023", "2026"], {"type": "integer", "range": "2023,2026"}),
        (pa.int32(), ["01", "12"], {"type": "integer", "range": "1,12", "digits": "2"}),
        (pa.int32(), ["-1", "3"], {"type": "integer", "range": "-1,3"}),
        (pa.date32(), ["2026-01-01", "2026-01-31"], {"type": "date", "format": "yyyy-MM-dd", "range": "2026-01-01,NOW"}),
        (pa.date32(), ["20260101"], {"type": "date", "format": "yyyyMMdd", "range": "20260101,NOW"}),
        (pa.date32(), ["2026_01_01", "2030_01_01"], {"type": "date", "format": "yyyy_MM_dd", "range": "2026_01_01,2030_01_01"}),
        (pa.string(), ["b", "a"], {"type": "enum", "values": "a,b"}),
    ],
    ids=range(7),
)  # fmt: skip
def test_partitions_are_projected_where_that_finds_them_all(arrow_type: pa.DataType, values: list[str], facts: dict[str, str]) -> None:
    built = build_table(partitioned(*values, arrow_type=arrow_type, newest=JAN_31), projection=True)
    assert built is not None
    wanted = {"parameters.projection.enabled": "true", **{f"parameters.projection.p.{name}": text for name, text in facts.items()}}
    assert wanted.items() <= built.fields.items()
    assert ("parameters.projection.p.digits" in built.fields) == ("digits" in facts)
    assert built.partitions == ()


@pytest.mark.parametrize(
    ("arrow_type", "values"),
    [
        (pa.string(), ["a", None]),  # no projected value is a null
        (pa.int32(), ["1", None]),
        (pa.int32(), ["1", "02"]),  # written in two ways
        (pa.int32(), ["1", "1000000"]),  # a million folders to look for
        (pa.date32(), ["20260101", "2026-01-02"]),
        (pa.date32(), ["2026-01_01"]),
        (pa.string(), ["a", "b,c"]),  # a comma ends a value
        (pa.string(), ["a", " b"]),
        (pa.string(), [str(number) for number in range(501)]),
        (pa.bool_(), ["true"]),
    ],
    ids=range(10),
)
def test_partitions_are_registered_where_projection_would_miss_some(arrow_type: pa.DataType, values: list[str | None]) -> None:
    built = build_table(partitioned(*values, arrow_type=arrow_type), projection=True)
    assert built is not None
    assert not [name for name in built.fields if "projection" in name]
    assert len(built.partitions) == len(values)


def test_partitions_that_are_projected_from_now_on_are_no_longer_registered_and_back(glue: Glue) -> None:
    glue.publish(partitioned("a", "b"))
    descriptor = {**glue.table("a")["StorageDescriptor"], "Location": "s3://lake/elsewhere/"}
    theirs = {"Values": ["theirs"], "StorageDescriptor": descriptor}
    glue.people.create_partition(DatabaseName=glue.database, TableName="a", PartitionInput=theirs)
    plan, outcome = glue.publish(partitioned("a", "b"), partition_projection=True)
    assert ("partitions", "2", None) in plan.changes[0].fields
    assert (list(glue.partitions("a")), outcome.failed) == ([("theirs",)], ())
    assert glue.publish(partitioned("a", "b"), partition_projection=True)[0].changes[0].action is Action.UNCHANGED
    glue.publish(partitioned("a", "b"))
    assert set(glue.partitions("a")) == {("theirs",), ("a",), ("b",)}
    assert not [name for name in glue.table("a")["Parameters"] if name.startswith(("projection", "storage.location"))]
