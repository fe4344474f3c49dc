"""The files that brought, dropped and changed columns are found among many, by few reads."""

from __future__ import annotations

import os

import pyarrow as pa
import pytest

from s3_catalog_tests.inference.test_tables import infer
from s3_catalog_tests.lakes import write_parquet, write_text

DAYS = 300


def write_days(folder, write, days=DAYS):
    """One file a day, a second apart in age; `write(path, day)` writes one."""
    for day in range(days):
        path = folder / f"t/day={day:03d}/part.parquet"
        write(path, day)
        os.utime(path, (1_700_000_000 + day, 1_700_000_000 + day))


def blame_of(result):
    return {column.name: column.blame for column in result.table.columns}


def test_a_column_added_in_the_middle_of_many_files_is_traced_to_the_file_and_partition(tmp_path):
    def write(path, day):
        write_parquet(path, id=[day], **({"extra": ["x"]} if day >= 123 else {}))

    write_days(tmp_path, write)
    (result,), receipt = infer(tmp_path)
    blame = blame_of(result)

    assert (blame["extra"].first.key, blame["extra"].first.partition) == ("t/day=123/part.parquet", ("123",))
    assert (blame["extra"].added, blame["extra"].dropped, blame["extra"].exact) == (True, False, True)
    assert (blame["id"].first.partition, blame["id"].last.partition) == (("000",), ("299",))
    assert receipt.get_requests <= 3 + 9


def test_a_dropped_column_and_a_changed_type_are_traced_too(tmp_path):
    def write(path, day):
        old = {"old": [1]} if day < 40 else {}
        write_parquet(path, id=pa.array([day], pa.int32() if day < 250 else pa.int64()), **old)

    write_days(tmp_path, write)
    (result,), _ = infer(tmp_path)
    blame = blame_of(result)

    assert (blame["old"].last.key, blame["old"].dropped, blame["old"].exact) == ("t/day=039/part.parquet", True, True)
    (change,) = blame["id"].changes
    assert (change.file.partition, change.before, change.after, change.exact) == (("250",), "int", "bigint", True)


def test_files_that_agree_cost_no_further_read(tmp_path):
    write_days(tmp_path, lambda path, day: write_parquet(path, id=[day]))
    (result,), receipt = infer(tmp_path)

    assert receipt.get_requests == 3
    assert blame_of(result)["id"].exact


def test_the_search_ends_at_its_budget_and_says_that_it_is_not_exact(tmp_path):
    write_days(tmp_path, lambda path, day: write_parquet(path, id=[day], **({"extra": ["x"]} if day >= 123 else {})))
    (result,), receipt = infer(tmp_path, blame_files=3)

    assert receipt.get_requests == 3 + 3
    assert blame_of(result)["extra"].exact is False


def test_an_unreadable_file_on_the_way_is_named_and_the_search_goes_on(tmp_path):
    write_days(tmp_path, lambda path, day: write_parquet(path, id=[day], **({"extra": ["x"]} if day >= 123 else {})))
    broken = tmp_path / "t/day=150/part.parquet"
    broken.write_bytes(b"PAR1 no footer")
    os.utime(broken, (1_700_000_150, 1_700_000_150))
    (result,), _ = infer(tmp_path)

    assert blame_of(result)["extra"].first.partition == ("123",)
    assert [key for key, _ in result.failed] == ["t/day=150/part.parquet"]


def test_age_orders_files_not_their_names(tmp_path):
    write_text(tmp_path / "t/part-1.csv", "id,extra\n1,2\n")
    write_text(tmp_path / "t/part-2.csv", "id\n1\n")
    os.utime(tmp_path / "t/part-1.csv", (1_600_000_000, 1_600_000_000))
    (result,), _ = infer(tmp_path)

    assert (blame_of(result)["extra"].dropped, blame_of(result)["extra"].added) == (True, False)

    os.utime(tmp_path / "t/part-1.csv", (1_900_000_000, 1_900_000_000))
    (result,), _ = infer(tmp_path)

    assert (blame_of(result)["extra"].dropped, blame_of(result)["extra"].added) == (False, True)


@pytest.mark.parametrize("files", [3, 40])
def test_a_row_count_is_exact_or_an_estimate_that_holds_it(tmp_path, files):
    for number in range(files):
        write_parquet(tmp_path / f"t/part-{number:02d}.parquet", id=list(range(100 + number)))
    (result,), _ = infer(tmp_path, count_files=16)
    rows = sum(100 + number for number in range(files))

    if files == 3:
        assert (result.table.row_count, result.table.row_estimate) == (rows, None)
    else:
        assert result.table.row_count is None
        assert result.table.row_estimate.low <= rows <= result.table.row_estimate.high
