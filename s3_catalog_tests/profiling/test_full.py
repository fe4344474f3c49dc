"""Profiles of all rows, against figures that Arrow computes of the same data."""

from __future__ import annotations

from dataclasses import replace

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv
import pyarrow.orc
import pytest

from s3_catalog.model.description import Basis
from s3_catalog.model.tables import Column
from s3_catalog.profiling.full import profile_fully
from s3_catalog_tests.profiling.tables import (
    PLENTY,
    ROWS,
    SECRET,
    WRITERS,
    as_arrow,
    as_csv,
    as_lines,
    as_orc,
    as_parquet,
    by_name,
    rows_of,
)


@pytest.mark.parametrize("written", WRITERS)
def test_figures_of_all_rows_are_those_of_arrow(lake, written):
    file_format, write = WRITERS[written]
    whole = pa.concat_tables([rows_of(), rows_of(ROWS)])

    profile = lake(file_format, {"a": write(rows_of()), "b": write(rows_of(ROWS))}).profile()

    found = list(profile.columns)
    assert (profile.rows, profile.complete, profile.problems) == (2 * ROWS, True, ())
    assert {(c.rows, c.basis, c.bounds_basis) for c in found} == {(2 * ROWS, Basis.FULL, Basis.FULL)}
    for column, own in zip(found, whole.columns, strict=True):
        assert column.null_count == own.null_count
        assert column.distinct == pytest.approx(pc.count_distinct(own).as_py(), rel=0.08)
    city, price = found[1], found[2]
    assert (float(price.min or 0), float(price.max or 0)) == (pc.min(whole["price"]).as_py(), pc.max(whole["price"]).as_py())
    assert price.mean == pytest.approx(pc.mean(whole["price"]).as_py())
    for share, value in price.quantiles:
        assert float(value) == pytest.approx(pc.quantile(whole["price"], q=share)[0].as_py(), abs=0.02 * 125)
    counts = {entry["values"]: entry["counts"] for entry in pc.value_counts(whole["city"].drop_null()).to_pylist()}
    assert sorted(count for _, count in city.top_values) == sorted(counts.values())
    assert sum(bar.count for bar in price.histogram) == len(whole) - whole["price"].null_count


def test_the_values_that_are_not_among_the_most_frequent_are_no_value_of_their_own(lake):
    table = pa.table({"c": ["often"] * 50 + [f"value {i}" for i in range(3000)]})

    (column,) = lake("parquet", {"a": as_parquet(table)}).profile().columns

    assert column.top_values == (("often", 50),)


def test_types_of_parquet_keep_their_values(lake):
    table = pa.table(
        {
            "decimal": pa.array(["1.10", "99999999999999999999.99"]).cast(pa.decimal128(38, 2)),
            "stamp": pa.array([1, 1_000_000_001], pa.timestamp("ns")),
            "zoned": pa.array([0, 1], pa.timestamp("s", tz="Europe/Zurich")),
            "big": pa.array([0, 2**64 - 1], pa.uint64()),
            "bytes": pa.array([b"\xff\xfe", None]),
            "nested": pa.array([{"a": 1}, None]),
            "words": pa.array(["x", "y"]).dictionary_encode(),
        }
    )

    found = by_name(lake("parquet", {"a": as_parquet(table)}).profile())

    assert (found["decimal"].max, found["big"].max) == ("99999999999999999999.99", "18446744073709551615")
    assert (found["stamp"].min, found["zoned"].max) == ("1970-01-01 00:00:00.000000001", "1970-01-01 00:00:01+00")
    assert (found["bytes"].max_length, found["bytes"].null_count, found["nested"].null_count) == (2, 1, 1)
    assert found["words"].max == "y"


@pytest.mark.parametrize(
    ("text", "rows", "nulls"),
    [
        ('id;name\n\n1;"a\nb"\n\n2;x\n3;y\n4;z\n5\n', 5, {"id": 0, "name": 1}),
        ("id;name\n" + "1;a\n" * 20_000 + '2;"late;quoted"\n', 20_001, {"id": 0, "name": 0}),
        ("id;inch\n" + '1;3"\n' * 10, 10, {"id": 0, "inch": 0}),
        ("\n\nid;name\n1;a\n2;b\n", 2, {"id": 0, "name": 0}),
        ("# made by a machine\n# in a hurry\nid;name\n1;a\n2;\n", 2, {"id": 0, "name": 1}),
        ("name\nx\n\ny\n", 2, {"name": 0}),
        ("\ufeffid,n\r\n1,NA\r\n2,5\r\n", 2, {"id": 0, "n": 1}),
        ("1;2\n3;4\n", 2, {"column0": 0, "column1": 0}),
    ],
)
def test_rows_of_delimited_text_are_those_of_its_dialect(lake, text, rows, nulls):
    profile = lake("csv", {"a": text.encode()}).profile()

    assert (profile.rows, profile.complete) == (rows, True)
    assert {column.column: column.null_count for column in profile.columns} == nulls


def test_files_may_differ_in_columns_their_order_and_their_dialect(lake):
    profile = lake("csv", {"a.csv": b"id,name\n1,x\n2,y\n", "b.csv": b"extra;name;id\n7;z;3\n"}).profile()

    found = by_name(profile)
    assert (found["id"].max, found["name"].max, found["extra"].null_count) == ("3", "z", 2)


def test_a_json_key_that_only_late_rows_have_is_profiled(lake):
    made = lake("jsonl", {"a": b'{"a": 1}\n{"a": 2, "A": "x", "q\\"/~": [1]}\n'})
    late = replace(made, table=replace(made.table, columns=(*made.table.columns, Column(name="late", type=pa.string()))))

    found = by_name(late.profile())

    assert (found["a"].max, found["A"].max, found['q"/~'].null_count, found["late"].null_count) == ("2", "x", 1, 2)


@pytest.mark.parametrize("file_format", ["parquet", "jsonl", "orc", "arrow_ipc"])
def test_hostile_names_of_columns_and_keys_are_names_alone(lake, file_format):
    names = ['a"b', "a'b", "select", "c0", "v0; DROP TABLE x", "é\n", "~0/1", "$.a[*]", "A"]
    table = pa.table({**{name: [1, 2, None] for name in names}, "a": ["'; --", '"', "x" * 100_000]})
    write = {"parquet": as_parquet, "jsonl": as_lines, "orc": as_orc, "arrow_ipc": as_arrow}[file_format]

    found = by_name(lake(file_format, {"it's [a]* {b}.x": write(table)}).profile())

    assert [(found[name].max, found[name].null_count) for name in names] == [("2", 1)] * len(names)
    assert found["a"].max_length == 100_000


def test_a_column_of_personal_data_shows_counts_alone(lake):
    table = pa.table({"card": [SECRET] * 10 + [None]})

    profile = lake("parquet", {"a": as_parquet(table)}).profile(labels={"card": "payment card"})

    assert profile.columns[0].top_values == (("<payment card>", 10),)
    assert SECRET not in repr(profile)


def test_all_values_that_are_shown_went_through_the_mask(lake):
    made = lake("csv", {"a": as_csv(pa.table({"c": ["alpha"] * 3 + ["beta"] * 2}))})

    profile = profile_fully(made.store, made.table, made.files, {}, lambda _, value: "masked", max_bytes=PLENTY)

    assert "alpha" not in repr(profile)
    assert profile.columns[0].top_values == (("masked", 5),)
