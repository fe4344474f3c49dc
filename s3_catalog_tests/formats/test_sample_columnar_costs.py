"""What rows of Parquet, ORC and Arrow files cost: few requests and bytes, whatever the size of the file."""

from __future__ import annotations

from collections.abc import Callable

import pyarrow as pa
import pyarrow.feather
import pyarrow.ipc
import pyarrow.orc
import pytest

from s3_catalog_tests.formats.columnar import MEGABYTE, arrow, feather_v1, numbers, orc, parquet, stream, take


def test_one_row_group_of_a_large_parquet_file_is_one_request_beside_the_footer() -> None:
    table = pa.table({"id": range(200_000), **numbers(200_000, 10)})
    data = parquet(table, row_group_size=10_000, compression="none")
    rows, receipt = take("parquet", data, rows=500)
    assert len(data) > 16 * MEGABYTE
    assert rows == table.slice(int(rows[0]["id"]), 500).to_pylist()  # type: ignore[call-overload]
    assert receipt.get_requests == 2
    assert receipt.bytes_read < 1.2 * MEGABYTE


def test_small_row_groups_are_joined_to_enough_rows() -> None:
    table = pa.table({"id": range(20_000)})
    rows, receipt = take("parquet", parquet(table, row_group_size=10), rows=95)
    assert rows == table.slice(int(rows[0]["id"]), 95).to_pylist()  # type: ignore[call-overload]
    assert receipt.get_requests <= 3


def test_of_a_row_group_beyond_the_budget_the_first_pages_are_read() -> None:
    count = 500_000
    table = pa.table({"id": range(count), "word": [f"w{i % 50}" for i in range(count)], "tags": [[i % 7] for i in range(count)]})
    data = parquet(table.append_column("noise", pa.array(numbers(count, 1)["c0"])), row_group_size=count, use_dictionary=["word"])
    rows, receipt = take("parquet", data, rows=300, max_sample_bytes=1 * MEGABYTE)
    assert [{name: row[name] for name in ("id", "word", "tags")} for row in rows] == table.slice(0, 300).to_pylist()
    assert len(data) > 4 * MEGABYTE
    assert receipt.bytes_read <= MEGABYTE
    assert receipt.get_requests <= 10


def test_columns_beyond_the_budget_are_absent() -> None:
    table = pa.table({"noise": numbers(300_000, 1)["c0"], "cheap": [i % 3 for i in range(300_000)]})
    rows, receipt = take("parquet", parquet(table, compression="none"), rows=10, max_sample_bytes=512 * 1024)
    assert rows == table.select(["cheap"]).slice(0, 10).to_pylist()
    assert receipt.bytes_read <= 512 * 1024


def test_a_stripe_of_orc_that_fits_is_one_request_and_else_columns_are_read() -> None:
    count = 200_000
    table = pa.table({"id": range(count), "flag": [i % 2 == 0 for i in range(count)], **numbers(count, 6)})
    many = orc(table, stripe_size=MEGABYTE, compression="uncompressed")
    rows, receipt = take("orc", many, rows=200)
    assert rows == table.slice(int(rows[0]["id"]), 200).to_pylist()  # type: ignore[call-overload]
    assert receipt.get_requests == 2

    one = orc(table, stripe_size=64 * MEGABYTE, compression="uncompressed")
    rows, receipt = take("orc", one, rows=200, max_sample_bytes=MEGABYTE)
    assert rows == table.select(["id", "flag"]).slice(0, 200).to_pylist()
    assert receipt.bytes_read <= MEGABYTE
    assert receipt.get_requests <= 6


@pytest.mark.parametrize("write", [arrow, stream])
@pytest.mark.parametrize("chunk", [50, 5000])
def test_the_first_batches_of_arrow_are_read(write: Callable[..., bytes], chunk: int) -> None:
    table = pa.table({"id": range(100_000), **numbers(100_000, 10)})
    rows, receipt = take("arrow_ipc", write(table, chunk), rows=200)
    assert rows == table.slice(0, 200).to_pylist()
    assert receipt.get_requests <= 4
    assert receipt.bytes_read < MEGABYTE


def test_of_an_arrow_batch_beyond_the_budget_columns_are_read() -> None:
    table = pa.table({"flag": [True] * 500_000, **numbers(500_000, 3)})
    rows, receipt = take("arrow_ipc", arrow(table), rows=200, max_sample_bytes=MEGABYTE)
    assert rows == table.select(["flag"]).slice(0, 200).to_pylist()
    assert receipt.bytes_read <= MEGABYTE
    assert take("arrow_ipc", stream(table), rows=200, max_sample_bytes=MEGABYTE)[0] == []


@pytest.mark.filterwarnings("ignore:Feather V1")
def test_feather_version_1_is_read_where_all_of_it_fits() -> None:
    table = pa.table({"id": [1, None], "word": pa.array(["a", "b"]).dictionary_encode(), "at": pa.array([0, None], pa.timestamp("us"))})
    assert take("arrow_ipc", feather_v1(table))[0] == table.to_pylist()
    large = feather_v1(pa.table(numbers(50_000, 2)))
    assert take("arrow_ipc", large, rows=5, max_sample_bytes=MEGABYTE)[0] == pa.table(numbers(50_000, 2)).slice(0, 5).to_pylist()
    assert take("arrow_ipc", large, rows=5, max_sample_bytes=512 * 1024)[0] == []


def test_a_budget_larger_than_what_files_keep_is_kept_to() -> None:
    table = pa.table(numbers(300_000, 5))
    rows, receipt = take("parquet", parquet(table, compression="none"), rows=5, max_sample_bytes=32 * MEGABYTE)
    assert rows == table.slice(0, 5).to_pylist()
    assert receipt.get_requests == 2
    assert 8 * MEGABYTE < receipt.bytes_read <= 32 * MEGABYTE
