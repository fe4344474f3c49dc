from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pyarrow as pa
import pytest

from s3_catalog.catalogs import RetirePolicy
from s3_catalog.catalogs._planning import Published, choose_retirements, diff_tables, find_name_conflicts
from s3_catalog.catalogs._sql_rows import digest_table
from s3_catalog.model.description import Sample
from s3_catalog.model.statistics import RowEstimate
from s3_catalog.model.tables import Column, Evidence, PartitionColumn, Table
from s3_catalog_tests.catalogs.samples import ALLOW, LAKE, NOON, POLICY, make_table, see


def published(*locations: str, store_url: str = LAKE, retired: bool = False) -> list[Published]:
    return [Published(identity=f"csv:{store_url}{at}", name=at, store_url=store_url, location=at, retired=retired) for at in locations]


@pytest.mark.parametrize(
    ("location", "excluded", "retired"),
    [
        ("sales/", (), True),
        ("sales/", ("sales/",), False),
        ("sales/2026/", ("sales/",), False),  # below the failed prefix
        ("sales/", ("sales/2026/",), False),  # contains the failed prefix
        ("sales/", ("salesforce/",), True),  # a shared beginning is no containment
        ("salesforce/", ("sales/",), True),
        ("", ("sales/",), False),  # a table of the whole bucket contains every prefix
        ("in/orders_*.csv", ("in/",), False),
        ("in/orders_*.csv", ("in/orders_old/",), False),  # the pattern could reach there
        ("in/orders_*.csv", ("in/customers/",), True),
        ("in/orders.csv", ("in/orders/",), True),
        ("sales/", ("",), False),
    ],
)
def test_a_failed_prefix_protects_what_it_touches(location: str, excluded: tuple[str, ...], retired: bool) -> None:
    tables = published(location, *"abcd")
    chosen = choose_retirements(tables, [table.identity for table in tables[1:]], see(excluded=excluded), POLICY)
    assert [table.location for table in chosen.retire] == ([location] if retired else [])
    assert chosen.withheld == ()


def test_of_tables_that_others_may_have_written_only_those_known_to_be_gone_are_retired() -> None:
    tables = published(*"abcdefgh")
    scope = replace(see(), gone=(tables[0].identity,), only_gone=True)
    chosen = choose_retirements(tables, [table.identity for table in tables[2:]], scope, POLICY)
    assert [table.location for table in chosen.retire] == ["a"]


@pytest.mark.parametrize(
    ("total", "gone", "policy", "retired"),
    [
        (4, 1, POLICY, True),  # exactly the share
        (3, 1, POLICY, False),  # more than the share
        (8, 3, POLICY, False),
        (8, 2, POLICY, True),
        (1, 1, POLICY, False),
        (1, 1, ALLOW, True),
        (10, 1, RetirePolicy(max_share=0), False),
        (2, 2, RetirePolicy(max_share=1), True),
    ],
)
def test_the_share_of_a_stores_tables_is_a_strict_bound(total: int, gone: int, policy: RetirePolicy, retired: bool) -> None:
    tables = published(*(f"t{number}/" for number in range(total)))
    others = [*published(*"abcdefgh", store_url="s3://other/"), *published(*"ijklmnop", retired=True)]
    chosen = choose_retirements([*tables, *others], [table.identity for table in tables[gone:]], see(), policy)
    assert len(chosen.retire) == (gone if retired else 0)
    assert len(chosen.withheld) == (0 if retired else gone)
    assert (chosen.reason is None) == retired


@pytest.mark.parametrize(
    ("wanted", "known", "conflicts"),
    [
        ({"x": "a"}, {}, {}),
        ({"x": "a"}, {"x": "a"}, {}),
        ({"x": "a"}, {"y": "a"}, {"x": "y"}),
        ({"x": "a", "y": "b"}, {"x": "b", "y": "a"}, {}),  # an exchange
        ({"x": "a", "y": "a"}, {}, {"y": "x"}),  # the first one wins
        ({"x": "a", "y": "a"}, {"y": "a"}, {"x": "y"}),  # unless the other one has it
        ({"x": "b", "y": "a"}, {"x": "a", "z": "b"}, {"x": "z", "y": "x"}),  # x cannot leave, so y cannot come
    ],
)
def test_who_has_a_name_keeps_it(wanted: dict[str, str], known: dict[str, str], conflicts: dict[str, str]) -> None:
    tables = [make_table(name, location=f"{location}/") for location, name in wanted.items()]
    names = {f"parquet:{LAKE}{location}/": name for location, name in known.items()}
    found = find_name_conflicts(tables, names)
    assert {loser[-2]: holder[-2] for loser, holder in found.items()} == conflicts


ORDERS = make_table()
LAYOUT = ORDERS.layout


def described(**changes: Any) -> Table:
    """The orders with another description."""
    assert ORDERS.description is not None
    return make_table(description=replace(ORDERS.description, **changes))


@pytest.mark.parametrize(
    ("table", "field"),
    [
        (make_table(content_digest="new"), "content"),
        (make_table(newest=NOON + timedelta(microseconds=1)), "newest"),
        (make_table(newest=None), "newest"),
        (make_table(size_bytes=1), "size_bytes"),
        (make_table(options=()), "options"),
        (make_table(evidence=Evidence(rule="hive", reason="other", runner_up="one table per file")), "evidence.reason"),
        (make_table(row_count=0), "row_count"),
        (make_table(warnings=()), "warnings"),
        (replace(ORDERS, layout=replace(LAYOUT, warnings=())), "layout_warnings"),
        (make_table(conflicts=()), "conflicts"),
        (make_table(details=(("codec", "snappy"),)), "details"),
        (make_table(sampled_keys=("other",)), "sampled_keys"),
        (make_table(columns=ORDERS.columns[::-1]), "columns (order)"),
        (make_table(columns=(replace(ORDERS.columns[0], nullable=True), *ORDERS.columns[1:])), "columns.id"),
        (make_table(columns=(replace(ORDERS.columns[0], source_type="INT64"), *ORDERS.columns[1:])), "columns.id (stored)"),
        (make_table(row_estimate=RowEstimate(7, 5, 9)), "row_estimate"),
        (make_table(columns=(replace(ORDERS.columns[0], statistics=None), *ORDERS.columns[1:])), "statistics"),
        (make_table(description=None), "described"),
        (described(tags=()), "tags"),
        (described(sample=Sample()), "sample"),
        (described(columns=()), "profile"),
        (described(files=None), "file_sizes"),
        (described(owners=()), "owners"),
        (described(text=None), "description"),
        (described(column_texts=()), "column_descriptions"),
        (described(warnings=()), "description_warnings"),
        (make_table(columns=(replace(ORDERS.columns[0], blame=None), *ORDERS.columns[1:])), "blame"),
        (make_table(partition_columns=(PartitionColumn(name="day", type=pa.string()), LAYOUT.partition_columns[1])),
         "partition_columns.day"),
        (make_table(partition_columns=(replace(LAYOUT.partition_columns[0], declared=False), LAYOUT.partition_columns[1])),
         "partition_columns.day (stored)"),
        (make_table(partitions=ORDERS.partitions[::-1]), "partitions"),
        (make_table("other", location="orders/", content_digest="content of orders", conflicts=ORDERS.conflicts,
                    columns=ORDERS.columns, sampled_keys=ORDERS.sampled_keys), "name"),
    ],
)  # fmt: skip
def test_every_difference_is_named_and_only_it(table: Table, field: str) -> None:
    assert [change[0] for change in diff_tables(ORDERS, table)] == [field]
    assert digest_table(table) != digest_table(ORDERS)


def test_equal_tables_do_not_differ() -> None:
    assert diff_tables(make_table(), make_table()) == ()


def test_changed_partitions_are_counted() -> None:
    first, second = ORDERS.partitions
    changed = (replace(first, object_count=7), replace(second, values=("2026-02-01", "1")))
    assert diff_tables(ORDERS, make_table(partitions=changed)) == (("partitions", "2", "2 (1 added, 1 removed, 1 changed)"),)


@pytest.mark.parametrize("stored", [pa.large_string(), pa.string_view(), pa.dictionary(pa.int8(), pa.string())])
def test_another_way_to_store_a_type_is_a_difference(stored: Any) -> None:
    before, after = (make_table(columns=(Column(name="c", type=arrow_type),)) for arrow_type in (pa.string(), stored))
    assert diff_tables(before, after) == (("columns.c (stored)", "string", str(stored)),)


def test_columns_of_one_name_are_told_apart() -> None:
    before = make_table(columns=(Column(name="c", type=pa.int64()), Column(name="c", type=pa.int64())))
    after = make_table(columns=(Column(name="c", type=pa.int64()), Column(name="c", type=pa.string())))
    assert diff_tables(before, after) == (("columns.c#2", "bigint", "string"),)
