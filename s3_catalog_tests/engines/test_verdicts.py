"""Which engine reads which table, and why not."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pyarrow as pa
import pytest

from s3_catalog.engines import Engine, Readability, check_table, check_tables
from s3_catalog.engines.folders import count_strangers
from s3_catalog.engines.places import find_places
from s3_catalog.model.blame import ColumnBlame, FileRef, TypeChange
from s3_catalog.model.ledger import LEDGER_SCHEMA
from s3_catalog.model.tables import Column, Partition, PartitionColumn, Table, TypeConflict
from s3_catalog_tests.catalogs.samples import NOON, make_table

YES, PARTLY, NO = Readability.READABLE, Readability.RESTRICTED, Readability.UNREADABLE


def plain(*columns: Column, file_format: str = "parquet", key: str = "a/part-0", location: str = "a/", **changes: Any) -> Table:
    """A table without partitions; `changes` named `details` are pairs."""
    table = make_table("a", location=location, format=file_format, partition_columns=())
    chosen = columns or (Column(name="id", type=pa.int64()),)
    return replace(table, **{"columns": chosen, "partitions": (), "sampled_keys": (key,), "conflicts": (), "details": (), **changes})


def letters(table: Table) -> str:
    """The verdicts as letters: athena, trino, spark, duckdb."""
    marks = {YES: "y", PARTLY: "p", NO: "n"}
    return "".join(marks[verdict.readability] for verdict in check_table(table))


def reasons(table: Table, engine: Engine = Engine.TRINO) -> str:
    return "; ".join(next(verdict for verdict in check_table(table) if verdict.engine is engine).reasons)


@pytest.mark.parametrize(
    ("file_format", "verdicts"),
    [
        ("parquet", "yyyy"), ("orc", "yyyn"), ("avro", "yypp"), ("csv", "yyyy"), ("jsonl", "yyyy"), ("delta", "yypp"), ("iceberg", "yypp"),
        ("hudi", "yypn"), ("excel", "nnnp"), ("xml", "nnnn"), ("pickle", "nnnn"), ("hdf5", "nnnn"), ("zip", "nnnn"),
        ("unstructured", "nnnn"),
    ],
)  # fmt: skip
def test_every_format_has_its_engines(file_format: str, verdicts: str) -> None:
    assert letters(plain(file_format=file_format)) == verdicts


@pytest.mark.parametrize(
    ("store_url", "verdicts", "place"),
    [("file:///lake/", "nnyy", "a local folder"), ("gs://lake/", "nyyy", "Google Cloud Storage"), ("az://lake/", "nyyy", "Azure")],
)
def test_engines_do_not_read_where_they_cannot_reach(store_url: str, verdicts: str, place: str) -> None:
    table = plain()
    moved = replace(table, layout=replace(table.layout, store_url=store_url))
    assert (letters(moved), reasons(moved, Engine.ATHENA)) == (verdicts, f"it lies in {place}, which they cannot reach")


@pytest.mark.parametrize(
    ("table", "verdicts", "reason"),
    [
        (plain(file_format="csv", key="a/b.csv.gz"), "yyyy", ""),
        (plain(file_format="csv", key="a/b.csv.bz2"), "yyyn", ""),
        (plain(file_format="csv", key="a/b.csv.xz"), "nnnn", "do not read this compression of text (.xz)"),
        (plain(file_format="jsonl", key="a/b.jsonl.lz4"), "nnnn", ".lz4"),
        (plain(key="a/b.parquet.gz"), "nnnn", "compressed as a whole (.gz)"),
        (plain(file_format="json", details=(("layout", "array"),)), "nnny", "do not stand one per line"),
        (plain(location="book.xlsx#Sheet1", file_format="excel"), "nnnn", "several tables are in one file"),
        (plain(file_format="csv", details=(("header", "true"),)), "yypy", ""),
        (plain(file_format="csv", details=(("encoding", "iso-8859-1"),)), "nnyy", "read as UTF-8"),
        (plain(file_format="csv", details=(("encoding", "utf-16"),)), "nnny", "split it at bytes"),
        (plain(file_format="csv", details=(("delimiter", "||"),)), "nnny", "longer than one character"),
        (plain(file_format="csv", details=(("quote", '"'),)), "pppy", "gives every column as text"),
        (plain(warnings=("files of several formats: csv, json",)), "nnnn", "several formats"),
        (plain(file_format="avro", details=(("codec", "xz"),)), "ynpp", "compressed by xz"),
        (plain(details=(("codec", "lz4"),)), "ynyy", "compressed by lz4"),
        (plain(details=(("codec", "brotli"),)), "nnyy", "compressed by brotli"),
        (plain(file_format="hudi", details=(("table_type", "MERGE_ON_READ"),)), "yppn", "may see old rows"),
    ],
    ids=range(17),
)  # fmt: skip
def test_files_decide(table: Table, verdicts: str, reason: str) -> None:
    assert letters(table) == verdicts
    assert reason in reasons(table)


@pytest.mark.parametrize(
    ("column", "verdicts", "reason"),
    [
        (Column(name="a", type=pa.decimal256(40, 2)), "pppy", "more than 38 digits"),
        (Column(name="a", type=pa.time64("us")), "pppy", "microseconds since midnight"),
        (Column(name="a", type=pa.timestamp("ns")), "ppyy", "nanoseconds are cut off"),
        (Column(name="a", type=pa.float16()), "pppy", "half-precision"),
        (Column(name="a", type=pa.struct([("x:y", pa.int8())])), "pppy", "cannot be written in a Hive type"),
        (Column(name="a", type=pa.list_(pa.struct([("x", pa.int8()), ("X", pa.int8())]))), "pppy", "differ in case alone"),
        (Column(name="a", type=pa.map_(pa.string(), pa.decimal128(38, 2))), "yyyy", ""),
    ],
)
def test_types_decide(column: Column, verdicts: str, reason: str) -> None:
    assert letters(plain(column)) == verdicts
    assert reason in reasons(plain(column))


def test_files_that_disagree_about_a_column_are_told() -> None:
    conflict = TypeConflict(column="id", expected="bigint", found="string", resolved="string", key="a/b")
    assert "is bigint in some files and string in others" in reasons(plain(conflicts=(conflict,)))


@pytest.mark.parametrize(
    ("before", "after", "reason"), [("int", "bigint", ""), ("int", "double", "was int in older files and is double now")]
)
def test_only_what_engines_cannot_widen_is_told(before: str, after: str, reason: str) -> None:
    change = TypeChange(file=FileRef("a/b"), before=before, after=after)
    column = Column(name="id", type=pa.int64(), blame=ColumnBlame(first=FileRef("a/a"), last=FileRef("a/b"), changes=(change,)))
    assert reasons(plain(column)).endswith(reason)
    assert bool(reasons(plain(column))) == bool(reason)


def test_names_that_differ_in_case_alone_are_told() -> None:
    assert "differ in case alone: id" in reasons(plain(Column(name="Id", type=pa.int64()), Column(name="ID", type=pa.int64())))


def test_a_table_within_another_ones_folder_spoils_that_one_alone() -> None:
    outer, inner = plain(), make_table("b", location="a/b/", conflicts=())
    verdicts = check_tables([outer, inner])
    assert [v.readability for v in verdicts[outer.layout.identity]] == [NO, NO, NO, YES]
    assert "would be read with it: b" in verdicts[outer.layout.identity][0].reasons[0]
    assert verdicts[inner.layout.identity][1].readability is YES


def test_objects_that_are_no_part_of_a_table_are_counted_in_its_folder() -> None:
    rows = [
        ("a/part-0", "a", 1),
        ("a/other.txt", None, 1),
        ("a/_SUCCESS", None, 1),
        ("a/.x.crc", None, 1),
        ("a/empty", None, 0),
        ("b/c", None, 1),
    ]
    row = {"last_modified": NOON, "etag": None, "storage_class": None, "skipped": None, "error": None}
    ledger = pa.Table.from_pylist([{"key": key, "table": table, "size": size, **row} for key, table, size in rows], schema=LEDGER_SCHEMA)
    table = plain()
    strangers = count_strangers(ledger, [table])
    assert strangers == {table.layout.identity: 1}
    assert check_tables([table], strangers)[table.layout.identity][1].readability is NO


def partitioned(location: str, keys: list[str], values: list[tuple[str | None, ...]], *columns: str, declared: bool = True) -> Table:
    table = make_table(
        "a", location=location, partition_columns=tuple(PartitionColumn(name=c, type=pa.string(), declared=declared) for c in columns)
    )
    partitions = tuple(Partition(values=one, object_count=1, size_bytes=1, newest=None) for one in values)
    return replace(table, sampled_keys=tuple(keys), partitions=partitions)


@pytest.mark.parametrize(
    ("table", "template", "prefix"),
    [
        (partitioned("a/", ["a/y=1/m=02/x"], [("1", "02")], "y", "m"), "a/y=${y}/m=${m}/", "a/y=1/m=02/"),
        (partitioned("a/", ["a/Y=1/x"], [("1",)], "y"), "a/Y=${y}/", "a/Y=1/"),
        (partitioned("a/", ["a/2026/01/x"], [("2026", "01")], "y", "m", declared=False), "a/${y}/${m}/", "a/2026/01/"),
        (partitioned("a/", ["a/dt-2026-01-31/x"], [("2026-01-31",)], "dt", declared=False), "a/dt-${dt}/", "a/dt-2026-01-31/"),
        (partitioned("2026/**/orders/", ["2026/01/orders/x"], [("01",)], "m", declared=False), "2026/${m}/orders/", "2026/01/orders/"),
        (partitioned("a/", ["a/c=K%C3%B6ln/x"], [("Köln",)], "c"), "a/c=${c}/", "a/c=K%C3%B6ln/"),
        (partitioned("a/", ["a/c=Köln/x"], [("Köln",)], "c"), "a/c=${c}/", "a/c=Köln/"),
        (partitioned("a/", ["a/c=__HIVE_DEFAULT_PARTITION__/x"], [(None,)], "c"), "a/c=${c}/", "a/c=__HIVE_DEFAULT_PARTITION__/"),
    ],
    ids=range(8),
)
def test_partitions_lie_where_their_files_do(table: Table, template: str, prefix: str) -> None:
    places = find_places(table)
    assert places is not None
    names = tuple(column.name for column in table.layout.partition_columns)
    assert (places.template(names), places.prefix(table.partitions[0].values)) == (template, prefix)


@pytest.mark.parametrize(
    "table",
    [
        partitioned("a_*", ["a_2026-01-31.csv"], [("2026-01-31",)], "date", declared=False),  # in the file's name
        partitioned("a/", ["a/y=1/x", "a/b/y=1/x"], [("1",)], "y"),  # two layouts
        partitioned("a/", ["a/c=x/x"], [("x",), ("Köln",)], "c"),  # encoded or not: no file tells
        partitioned("a/", ["a/c=K%c3%b6ln/x"], [("Köln",)], "c"),  # encoded in another way than ours
        partitioned("a/", [], [("x",)], "c"),
    ],
    ids=range(5),
)
def test_a_place_that_files_do_not_prove_is_none(table: Table) -> None:
    assert find_places(table) is None
    assert letters(table)[:3] == "nnn"


def test_tables_that_share_a_folder_are_strangers_to_one_another() -> None:
    tables = [replace(plain(), layout=replace(plain().layout, name=name, location=f"_raw/{name}_*")) for name in ("a", "b")]
    keys = [("_raw/a_1", "a"), ("_raw/a_2", "a"), ("_raw/b_1", "b"), ("_raw/_hidden", None), ("_raw0/x", None), ("_raw/ä/x", None)]
    row = {"size": 1, "last_modified": NOON, "etag": None, "storage_class": None, "skipped": None, "error": None}
    ledger = pa.Table.from_pylist([{"key": key, "table": table, **row} for key, table in keys], schema=LEDGER_SCHEMA)
    found = count_strangers(ledger, tables)
    assert [found[table.layout.identity] for table in tables] == [2, 3]


def test_a_thousand_tables_in_one_folder_name_their_first_neighbours() -> None:
    tables = [replace(plain(), layout=replace(plain().layout, name=f"t{n:04}", location=f"a/t{n:04}_*")) for n in range(1000)]
    verdicts = check_tables(tables)[tables[500].layout.identity]
    assert verdicts[1].reasons[0] == "its folder holds other tables, which would be read with it: t0000, t0001, t0002, ..."


@pytest.mark.parametrize(
    ("arrow_type", "values", "verdicts"),
    [
        (pa.int32(), ["1", "02"], "yyyy"),
        (pa.int32(), ["1", "x"], "nnny"),
        (pa.int8(), ["1", "300"], "nnny"),
        (pa.date32(), ["20260131", "2026-02-01"], "yyyy"),
        (pa.date32(), ["20260131", "2026-02-30"], "nnny"),
        (pa.string(), ["1", "x"], "yyyy"),
    ],
)
def test_partition_values_are_of_their_columns_type(arrow_type: pa.DataType, values: list[str], verdicts: str) -> None:
    table = partitioned("a/", [f"a/p={value}/x" for value in values], [(value,) for value in values], "p")
    table = replace(table, conflicts=(), layout=replace(table.layout, partition_columns=(PartitionColumn(name="p", type=arrow_type),)))
    assert letters(table) == verdicts
    assert ("some of its values in the path are not" in reasons(table)) == ("n" in verdicts)


def test_a_column_of_one_type_in_the_path_and_of_another_in_the_files_is_told() -> None:
    table = partitioned("a/", ["a/ID=x/f"], [("x",)], "ID")
    assert "partition column 'id' is string in the path and bigint in the files: it is shown as string" in reasons(table)


@pytest.mark.parametrize(
    ("column", "told"),
    [
        (Column(name="n" * 256, type=pa.int8()), "1 columns have names that cannot be shown"),
        (Column(name="a\nb", type=pa.int8()), "cannot be shown ('a\\nb')"),
        (Column(name="big", type=pa.decimal128(20, 0), source_type="UINT_64"), "column 'big': no engine has unsigned 64-bit numbers"),
    ],
    ids=["long", "line break", "unsigned"],
)
def test_columns_that_are_left_out_are_told(column: Column, told: str) -> None:
    assert told in reasons(plain(column, Column(name="id", type=pa.int8())))
