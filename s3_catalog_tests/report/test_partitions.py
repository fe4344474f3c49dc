"""Partitions become a chart over time, over numbers, or of the largest: never more bars than can be seen."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pyarrow as pa
import pytest

from s3_catalog.model.tables import Partition, PartitionColumn
from s3_catalog.report._partitions import MAX_BARS, describe_partitions

TEXT = pa.string()


def describe(names: str, values: list[tuple[str | None, ...]], kind: pa.DataType = TEXT) -> dict[str, Any]:
    columns = [PartitionColumn(name=name, type=kind) for name in names.split()]
    partitions = [Partition(values=v, object_count=1, size_bytes=100 + n, newest=None) for n, v in enumerate(values)]
    found = describe_partitions(columns, partitions)
    assert found is not None
    return found


def days(count: int, first: date = date(2024, 1, 1)) -> list[date]:
    return [first + timedelta(days=n) for n in range(count)]


@pytest.mark.parametrize(
    ("names", "values", "by", "unit", "first", "last", "length"),
    [
        ("dt", [("2024-01-30",), ("2024-02-02",)], "dt", "day", "2024-01-30", "2024-02-02", 4),
        ("dt", [("20240130",), ("20240202",)], "dt", "day", "2024-01-30", "2024-02-02", 4),
        ("month", [("2023-12",), ("2024-02",)], "month", "month", "2023-12", "2024-02", 3),
        ("m", [("202312",), ("202402",)], "m", "month", "2023-12", "2024-02", 3),
        ("at", [("2024-01-30T23",), ("2024-01-31 02:15:00",)], "at", "hour", "2024-01-30 23:00", "2024-01-31 02:00", 4),
        ("at", [("2024-01-30T23:15:00Z",)], "at", "hour", "2024-01-30 23:00", "2024-01-30 23:00", 1),
        ("year month day", [("2024", "1", "30"), ("2024", "02", "02")], "year, month, day", "day", "2024-01-30", "2024-02-02", 4),
        ("YYYY MM", [("2023", "12"), ("2024", "02")], "YYYY, MM", "month", "2023-12", "2024-02", 3),
        ("year", [("1999",), ("2002",)], "year", "year", "1999", "2002", 4),
        ("year day", [("2001", "7"), ("2002", "8")], "year", "year", "2001", "2002", 2),
        ("country dt", [("de", "2024-01-30"), ("fr", "2024-01-30")], "dt", "day", "2024-01-30", "2024-01-30", 1),
    ],
)
def test_times_are_found_and_drawn_in_their_own_steps(
    names: str, values: list[tuple[str | None, ...]], by: str, unit: str, first: str, last: str, length: int
) -> None:
    chart = describe(names, values)["chart"]
    assert (chart["kind"], chart["by"], chart["unit"], chart["length"]) == ("time", by, unit, length)
    assert (chart["bars"][0][1], chart["bars"][-1][1]) == (first, last)
    assert sum(bar[2] for bar in chart["bars"]) == len(values)


@pytest.mark.parametrize(("count", "unit", "length"), [(180, "day", 180), (181, "week", 26), (1_300, "month", 43), (9_000, "year", 25)])
def test_long_times_are_drawn_in_longer_steps(count: int, unit: str, length: int) -> None:
    found = describe("dt", [(str(day),) for day in days(count)])
    assert (found["chart"]["unit"], found["chart"]["length"]) == (unit, length)
    assert sum(bar[2] for bar in found["chart"]["bars"]) == count


def test_gaps_stay_gaps() -> None:
    chart = describe("dt", [("2024-01-01",), ("2024-01-05",)])["chart"]
    assert [bar[0] for bar in chart["bars"]] == [0, 4]


def test_placeholders_and_nulls_are_not_drawn_but_told() -> None:
    values: list[tuple[str | None, ...]] = [("0001-01-01",), ("9999-12-31",), (None,), ("2024-01-01",)]
    found = describe("dt", values)
    assert (found["chart"]["length"], found["chart"]["left"]) == (1, 3)
    assert [row[0] for row in found["list"]] == [["9999-12-31"], ["2024-01-01"], ["0001-01-01"], [None]]


@pytest.mark.parametrize("value", ["2024-13-01", "2024-02-30", "123456", "9" * 5_000, "٢٠٢٤-٠١-٠١x", "hello", ""])
def test_what_is_no_time_is_none(value: str) -> None:
    assert describe("dt", [(value,), ("x",)])["chart"]["kind"] == "largest"
    assert describe("year", [(value,)])["chart"]["kind"] in ("largest", "time")


def test_whole_numbers_are_drawn_in_order() -> None:
    chart = describe("batch", [("7",), ("9",), ("8",), ("8",), (None,)], pa.int64())["chart"]
    assert (chart["kind"], chart["by"], chart["left"]) == ("number", "batch", 1)
    assert [bar[:3] for bar in chart["bars"]] == [[0, "7", 1], [1, "8", 2], [2, "9", 1]]


def test_scattered_numbers_are_put_into_bins() -> None:
    values: list[tuple[str | None, ...]] = [(str(-(10**29)),), ("0",), (str(10**29),)]
    chart = describe("id", values, pa.decimal128(38, 0))["chart"]
    assert chart["kind"] == "largest"
    chart = describe("id", values, pa.int64())["chart"]
    assert chart["length"] <= MAX_BARS
    assert chart["bars"][-1][1].endswith(f" to {10**29}")
    assert sum(bar[2] for bar in chart["bars"]) == 3


def test_the_largest_of_others_are_drawn() -> None:
    found = describe("country city", [(f"c{n}", None) for n in range(40)])
    assert (found["chart"]["kind"], len(found["chart"]["bars"]), found["chart"]["left"]) == ("largest", 12, 28)
    assert found["chart"]["bars"][0] == [0, "c39 / null", 1, 139]
    assert (found["count"], found["list"][0][0]) == (40, ["c39", None])


def test_however_many_there_are_the_chart_and_the_list_stay_small() -> None:
    found = describe("dt id", [(str(day), str(n)) for day in days(3_000) for n in range(10)])
    assert len(found["chart"]["bars"]) <= MAX_BARS
    assert (len(found["list"]), found["count"]) == (50, 30_000)
    assert found["list"][0][0][0] == str(days(3_000)[-1])


def test_a_table_without_partition_columns_has_no_chart() -> None:
    assert describe_partitions((), (Partition(values=(), object_count=1, size_bytes=1, newest=None),)) is None
