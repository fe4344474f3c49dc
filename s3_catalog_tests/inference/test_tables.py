"""Which files are read, and what becomes of them."""

from __future__ import annotations

import os
import zipfile
from dataclasses import replace

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from s3_catalog.discovery.grouping import GroupingRules, group_objects
from s3_catalog.discovery.listing import list_objects
from s3_catalog.formats._hints import ReadHints
from s3_catalog.inference import InferenceRules, infer_tables
from s3_catalog.model.types import read_type, type_text
from s3_catalog.storage import open_store
from s3_catalog_tests.lakes import write_parquet, write_text


def infer(folder, **rules):
    store = open_store(str(folder))
    grouping = group_objects(list_objects(store).manifest, GroupingRules(store_url=store.location.store_url))
    return infer_tables(store, grouping, InferenceRules(**rules)), store.receipt


def test_a_schema_is_the_union_over_partitions_with_the_file_of_each_conflict(tmp_path):
    write_parquet(tmp_path / "t/dt=2024-01-01/a.parquet", id=pa.array([1], pa.int32()))
    write_parquet(tmp_path / "t/dt=2024-01-02/a.parquet", id=pa.array([2], pa.int64()), extra=["x"])
    write_parquet(tmp_path / "t/dt=2024-01-03/a.parquet", id=["three"])
    for age, day in enumerate(("01", "02", "03")):
        os.utime(tmp_path / f"t/dt=2024-01-{day}/a.parquet", (1_700_000_000 + age, 1_700_000_000 + age))
    (result,), _ = infer(tmp_path)

    assert [(c.name, type_text(c.type), c.nullable) for c in result.table.columns] == [("id", "string", True), ("extra", "string", True)]
    assert [(c.expected, c.found, c.key) for c in result.table.conflicts] == [("bigint", "string", "t/dt=2024-01-03/a.parquet")]
    assert result.table.row_count == 3


def test_row_counts_of_all_files_are_summed_where_footers_tell_them(tmp_path):
    for number, rows in enumerate((10, 20, 30, 40, 50)):
        write_parquet(tmp_path / f"t/part-{number}.parquet", id=list(range(rows)))
    (result,), receipt = infer(tmp_path)

    assert result.table.row_count == 150
    assert receipt.get_requests == 5


def test_a_large_table_costs_the_sample_only_and_claims_no_row_count(tmp_path):
    for number in range(40):
        write_parquet(tmp_path / f"t/part-{number:02d}.parquet", id=[1])
        write_text(tmp_path / f"u/part-{number:02d}.csv", "id,name\n1,a\n")
    results, receipt = infer(tmp_path, sample_files=3)

    assert [result.table.row_count for result in results] == [None, None]
    assert [len(result.table.sampled_keys) for result in results] == [3, 3]
    assert receipt.get_requests == 6


def test_the_sample_holds_the_newest_the_first_and_the_last_file(tmp_path):
    for number in range(30):
        write_text(tmp_path / f"t/part-{number:02d}.csv", f"id,name\n{number},a\n")
        os.utime(tmp_path / f"t/part-{number:02d}.csv", (1_600_000_000, 1_600_000_000))
    os.utime(tmp_path / "t/part-07.csv", (1_700_000_000, 1_700_000_000))
    (result,), _ = infer(tmp_path, sample_files=3)

    assert result.table.sampled_keys == ("t/part-00.csv", "t/part-07.csv", "t/part-29.csv")


def test_an_unreadable_file_is_replaced_and_named(tmp_path):
    for number in range(20):
        write_text(tmp_path / f"t/part-{number:02d}.csv", "id,name\n1,a\n")
    (tmp_path / "t/part-19.csv").write_bytes(b"PAR1" + bytes(range(256)))
    (result,), _ = infer(tmp_path, sample_files=3)

    assert [c.name for c in result.table.columns] == ["id", "name"]
    assert len(result.table.sampled_keys) == 3
    assert [key for key, _ in result.failed] == ["t/part-19.csv"]


def test_a_table_of_unreadable_files_is_an_error_that_says_why(tmp_path):
    (tmp_path / "t").mkdir()
    (tmp_path / "t/part-0.parquet").write_bytes(b"id,name\n1,a\n" * 10)
    (result,), _ = infer(tmp_path)

    assert result.table is None
    assert "not readable as parquet" in str(result.error)


def test_an_object_replaced_after_the_listing_is_a_failure_of_that_file(tmp_path):
    write_parquet(tmp_path / "t/data.parquet", id=[1])
    store = open_store(str(tmp_path))
    grouping = group_objects(list_objects(store).manifest, GroupingRules(store_url=store.location.store_url))
    write_parquet(tmp_path / "t/data.parquet", id=[1], other=["longer than before"])
    (result,) = infer_tables(store, grouping, InferenceRules())

    assert result.table is None
    assert "changed" in str(result.error) or "replaced" in str(result.error)


@pytest.mark.parametrize("name", ["extensionless", "part-00000.gz"])
def test_a_file_without_a_telling_name_is_read_by_its_bytes_and_fetched_once(tmp_path, name):
    import gzip

    from s3_catalog.discovery.peeking import Peeker

    text = b"".join(b'{"id": %d}\n' % i for i in range(50))
    (tmp_path / "t").mkdir()
    (tmp_path / "t" / name).write_bytes(gzip.compress(text) if name.endswith(".gz") else text)
    store = open_store(str(tmp_path))
    manifest = list_objects(store).manifest
    peeker = Peeker(store, manifest, 65536)
    grouping = group_objects(manifest, GroupingRules(store_url=store.location.store_url), sniff=peeker)
    (result,) = infer_tables(store, grouping, InferenceRules(), opened=peeker.opened)

    assert [(table.format, table.row_count) for table in result.tables] == [("jsonl", 50)]
    assert store.receipt.get_requests == 1


def test_types_are_those_of_the_formats_own_reader(tmp_path):
    table = pa.table({
        "i8": pa.array([1], pa.int8()), "u64": pa.array([2**64 - 1], pa.uint64()), "dec": pa.array([None], pa.decimal128(18, 4)),
        "ts": pa.array([0], pa.timestamp("ns", tz="UTC")), "map": pa.array([[("a", 1)]], pa.map_(pa.string(), pa.int32())),
        "deep": pa.array([{"x": [{"y": 1}]}]),
    })  # fmt: skip
    (tmp_path / "t").mkdir()
    pq.write_table(table, tmp_path / "t/x.parquet")
    (result,), _ = infer(tmp_path)

    assert {c.name: c.type for c in result.table.columns} == {f.name: f.type for f in pq.read_schema(tmp_path / "t/x.parquet")}


def test_a_small_table_of_text_files_is_read_whole_and_counted(tmp_path):
    for number in range(12):
        write_text(tmp_path / f"t/part-{number:02d}.csv", "id,name\n" + "1,a\n" * number)
    (result,), receipt = infer(tmp_path)

    assert (result.table.row_count, receipt.get_requests) == (66, 12)


def test_every_unreadable_file_of_a_small_table_is_named(tmp_path):
    for number in range(12):
        write_parquet(tmp_path / f"t/part-{number:02d}.parquet", id=[1])
    for number in range(1, 11, 2):
        (tmp_path / f"t/part-{number:02d}.parquet").write_bytes(b"PAR1 cut short")
    (result,), _ = infer(tmp_path)

    assert len(result.failed) == 5
    assert [c.name for c in result.table.columns] == ["id"]
    assert result.table.row_count is None


def write_zip(path, **members):
    path.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(path, "w") as archive:
        for name, text in members.items():
            archive.writestr(f"{name}.csv", text)


def test_files_that_hold_several_tables_give_each_its_own_over_all_files(tmp_path):
    write_zip(tmp_path / "t/part-0.zip", orders="id,total\n1,2\n", customers="id,name\n1,Ann\n")
    write_zip(tmp_path / "t/part-1.zip", orders="id,total\n2,2.5\n", customers="id,name\n2,Bob\n", extra="x,y\n1,2\n")
    (result,), _ = infer(tmp_path)

    assert {table.name: [f"{c.name}:{type_text(c.type)}" for c in table.columns] for table in result.tables} == {
        "t_orders_csv": ["id:bigint", "total:double"],
        "t_customers_csv": ["id:bigint", "name:string"],
        "t_extra_csv": ["x:bigint", "y:bigint"],
    }
    assert {table.layout.location for table in result.tables} == {"t/#orders.csv", "t/#customers.csv", "t/#extra.csv"}
    assert {table.name: table.row_count for table in result.tables} == {"t_orders_csv": 2, "t_customers_csv": 2, "t_extra_csv": 1}


def infer_hinted(folder, **types):
    store = open_store(str(folder))
    rules = GroupingRules(store_url=store.location.store_url)
    grouping = group_objects(list_objects(store).manifest, rules)
    hints = ReadHints(types={name: read_type(text) for name, text in types.items()}).write_options()
    layouts = tuple(replace(layout, options=hints) for layout in grouping.layouts)
    return infer_tables(store, replace(grouping, layouts=layouts), InferenceRules())


def test_a_hint_is_about_the_tables_of_a_file_that_have_the_column(tmp_path):
    write_zip(tmp_path / "t/part-0.zip", orders="id,total\n1,2\n", customers="id,name\n1,Ann\n")
    (result,) = infer_hinted(tmp_path, total="decimal(10,2)")

    assert [[type_text(c.type) for c in table.columns] for table in result.tables] == [["bigint", "decimal(10,2)"], ["bigint", "string"]]


def test_a_hint_for_a_column_that_no_table_has_is_an_error_that_names_the_columns(tmp_path):
    write_parquet(tmp_path / "t/part-0.parquet", id=[1], total=[2.5])
    (result,) = infer_hinted(tmp_path, amount="double")

    assert result.error == "the hint does not fit: no file has a column 'amount'; the columns are id, total"


def test_a_container_of_one_table_is_that_table(tmp_path):
    write_zip(tmp_path / "t/part-0.zip", orders="id,total\n1,2\n")
    (result,), _ = infer(tmp_path)

    assert [(table.name, table.layout.location, table.row_count) for table in result.tables] == [("t", "t/", 1)]


def test_partitions_have_row_counts_where_every_file_was_counted(tmp_path):
    for day, rows in ((1, 3), (1, 4), (2, 5)):
        write_parquet(tmp_path / f"t/day={day}/part-{rows}.parquet", id=list(range(rows)))
    (result,), _ = infer(tmp_path)

    assert [(p.values, p.row_count) for p in result.table.partitions] == [(("1",), 7), (("2",), 5)]


def test_partitions_of_which_a_file_was_not_read_have_no_row_count(tmp_path):
    for day in range(30):
        write_parquet(tmp_path / f"t/day={day:02d}/part-0.parquet", id=[1])
    for number in (1, 2):
        write_parquet(tmp_path / f"t/day=00/part-{number}.parquet", id=[1])
    (result,), _ = infer(tmp_path)
    counted = {p.values[0]: p.row_count for p in result.table.partitions}

    assert (counted["00"], counted["29"], counted["15"]) == (None, 1, None)
