"""What people say is stronger than what keys suggest."""

from __future__ import annotations

import json

import pytest

from s3_catalog.discovery.pins import read_openmetadata_manifest, read_path_template
from s3_catalog.errors import ConfigError
from s3_catalog.model.ledger import SkipReason
from s3_catalog_tests.discovery.keys import fates, group, tables


def openmetadata(*entries):
    return tuple(read_openmetadata_manifest(json.dumps({"entries": entries}).encode()))


@pytest.mark.parametrize(
    ("template", "keys", "expected"),
    [
        (
            "{table}/{year}/{month}/*.parquet",
            ["orders/2024/01/a.parquet", "users/2024/02/b.parquet"],
            {"orders/": "parquet(year:int, month:int)", "users/": "parquet(year:int, month:int)"},
        ),
        ("raw/{table}-{region}/**", ["raw/orders-eu/x/1.csv", "raw/orders-us/1.csv"], {"raw/orders*": "csv(region:string)"}),
        ("{table}/run={run}/*.csv", ["t/run=007/a.csv"], {"t/": "csv(run:string)"}),
    ],
)
def test_a_path_template_decides_table_and_columns(template, keys, expected):
    grouping = group(*keys, pins=(read_path_template(template),))

    assert tables(grouping).keys() == expected.keys() or set(tables(grouping).values()) == set(expected.values())
    assert {layout.evidence.rule for layout in grouping.layouts} == {"pinned"}


def test_a_template_with_a_name_makes_one_table_of_what_would_be_many():
    pin = read_path_template("devices/{device}/data.csv", name="readings")
    grouping = group("devices/a/data.csv", "devices/b/data.csv", "devices/c/other.csv", pins=(pin,))

    assert [layout.name for layout in grouping.layouts if layout.evidence.rule == "pinned"] == ["readings"]
    assert {p.values for p in grouping.partitions[0]} == {("a",), ("b",)}
    assert fates(grouping)["devices/c/other.csv"] == "devices/c/other.csv"


def test_a_template_can_say_the_format_of_files_whose_names_say_nothing():
    grouping = group("d/x1", "d/x2", pins=(read_path_template("{table}/*", file_format="csv"),))

    assert tables(grouping) == {"d/": "csv()"}


@pytest.mark.parametrize("template", ["{a b}/x.csv", "{x}/{x}/*.csv", "*/x.csv"])
def test_a_template_that_cannot_work_is_refused(template):
    with pytest.raises(ConfigError, match="path template"):
        read_path_template(template)


def test_a_manifest_names_positional_partitions_and_their_types():
    columns = [{"name": "yr", "dataType": "INT"}, {"name": "code", "dataType": "STRING"}]
    pins = openmetadata({"dataPath": "tx", "structureFormat": "csv", "separator": ";", "isPartitioned": True, "partitionColumns": columns})
    grouping = group("tx/2024/17/x.csv", "tx/yr=2025/code=18/x.csv", "openmetadata.json", pins=pins)

    assert tables(grouping) == {"tx/": "csv(yr:int, code:string)"}
    assert {p.values for p in grouping.partitions[0]} == {("2024", "17"), ("2025", "18")}
    assert grouping.layouts[0].options == (("delimiter", ";"),)
    assert fates(grouping)["openmetadata.json"] == SkipReason.SIDECAR


def test_a_manifest_with_depth_makes_a_table_per_folder():
    grouping = group("deep/a/x.csv", "deep/b/y.csv", pins=openmetadata({"dataPath": "deep", "depth": 1, "structureFormat": "csv"}))

    assert {(layout.name, layout.location) for layout in grouping.layouts} == {("deep_a", "deep/a/"), ("deep_b", "deep/b/")}


def test_a_pin_below_a_crawled_prefix_speaks_of_whole_keys():
    pins = openmetadata({"dataPath": "data/tx", "structureFormat": "csv"})

    assert tables(group("data/tx/a.csv", "data/tx/b.csv", base="data/", pins=pins)) == {"data/tx/": "csv()"}


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"[]",
        b"{}",
        b'{"entries": [{}]}',
        b"\xff\xfe",
        b'{"entries": [7]}',
        b'{"entries": 7}',
        b'{"entries": [{"dataPath": "a", "structureFormat": "csv", "separator": "ab"}]}',
    ],
)
def test_a_manifest_that_is_none_is_refused_by_name(text):
    with pytest.raises(ConfigError, match=r"openmetadata\.json"):
        read_openmetadata_manifest(text)
