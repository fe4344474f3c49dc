"""The sample lake: small, the same every time, and of every shape the README promises."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from deltalake import DeltaTable

from examples.make_lake import make_lake
from s3_catalog.pipeline import crawl
from s3_catalog_tests.lakes import lake_settings


@pytest.fixture(scope="module")
def lake(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("sample") / "lake"
    make_lake(root)
    return root


def files_of(root: Path) -> dict[str, Path]:
    return {path.relative_to(root).as_posix(): path for path in sorted(root.rglob("*")) if path.is_file()}


def digests_of(root: Path) -> dict[str, tuple[str, float]]:
    return {key: (hashlib.sha256(path.read_bytes()).hexdigest(), path.stat().st_mtime) for key, path in files_of(root).items()}


def test_two_lakes_are_the_same_to_the_byte_and_the_second(lake: Path, tmp_path: Path) -> None:
    make_lake(tmp_path / "again")
    assert digests_of(tmp_path / "again") == digests_of(lake)


def test_the_lake_is_small(lake: Path) -> None:
    sizes = [path.stat().st_size for path in files_of(lake).values()]
    assert len(sizes) < 300
    assert sum(sizes) < 3_000_000


def test_a_folder_that_holds_something_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "mine.txt").touch()
    with pytest.raises(FileExistsError, match="is not empty"):
        make_lake(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]


@pytest.mark.parametrize(
    "pattern",
    [
        "suppliers.csv",
        "sales/orders/year=2024/month=06/part-00001.parquet",
        "sales/customers/customers.csv",
        "sales/order_items/_SUCCESS",
        "sales/order_items/part-00002-*-c000.snappy.parquet",
        "sales/order_items/.part-00002-*-c000.snappy.parquet.crc",
        "sales/returns/returns.parquet",
        "finance/price_list/preisliste.csv",
        "finance/exchange_rates.tsv",
        "finance/daily/invoices_2024-01-10.csv",
        "finance/daily/payments_2024-01-10.csv",
        "web/events/2024/01/31/events-18.jsonl.gz",
        "web/events/2024/02/03/events-06.jsonl.gz",
        "web/topics/clicks/partition=2/clicks+2+0000000200.json",
        "warehouse/inventory/_delta_log/00000000000000000003.json",
        "warehouse/inventory/site=north/part-*.parquet",
        "warehouse/shipments/shipments-1.orc",
        "reference/countries.json",
        "reference/regions.csv",
        "media/images/*.png",
        "media/contracts/contract 1.pdf",
        "media/images/.DS_Store",
    ],
)
def test_the_lake_has_every_shape(lake: Path, pattern: str) -> None:
    assert [path for path in lake.glob(pattern) if path.is_file()]


def test_later_orders_have_a_column_more(lake: Path) -> None:
    early, late = (pq.read_schema(lake / f"sales/orders/year=2024/month={month}/part-00000.parquet") for month in ("01", "06"))
    assert set(late.names) - set(early.names) == {"channel"}


def test_one_parquet_file_is_corrupt(lake: Path) -> None:
    with pytest.raises(pa.ArrowInvalid):
        pq.read_schema(lake / "sales/returns/returns.parquet")


def test_the_price_list_is_latin_1_with_decimal_commas_and_leading_zeros(lake: Path) -> None:
    data = (lake / "finance/price_list/preisliste.csv").read_bytes()
    with pytest.raises(UnicodeDecodeError):
        data.decode()
    first = data.decode("latin-1").splitlines()[1].split(";")
    assert first[0].startswith("00")
    assert "," in first[2]


def test_the_delta_log_names_the_files_that_are_there(lake: Path) -> None:
    root = lake / "warehouse/inventory"
    added: set[str] = set()
    removed: set[str] = set()
    for log in sorted(root.glob("_delta_log/*.json")):
        for action in map(json.loads, log.read_text(encoding="utf-8").splitlines()):
            added |= {action["add"]["path"]} if "add" in action else set()
            removed |= {action["remove"]["path"]} if "remove" in action else set()
    assert added == {path.relative_to(root).as_posix() for path in root.glob("site=*/*.parquet")}
    assert removed < added


def test_deltalake_reads_the_table(lake: Path) -> None:
    table = DeltaTable(str(lake / "warehouse/inventory"))
    assert table.version() == 3
    assert [field.name for field in table.schema().fields] == ["sku", "on_hand", "site", "counted_at"]
    assert len(table.file_uris()) == 2


CRAWL_WITHOUT_UNDECLARED_PACKAGES = """
import json, sys
class NotInstalled:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in ("numpy", "pandas", "polars", "deltalake", "fastavro"):
            raise ModuleNotFoundError(name, name=name)
sys.meta_path.insert(0, NotInstalled())
from s3_catalog.config import load_settings
from s3_catalog.pipeline import crawl
report = crawl(load_settings())
print(json.dumps({
    "tables": {r.layout.name: [r.layout.format, r.layout.object_count] for r in report.tables if r.table},
    "listed": report.summary.listed, "in_tables": report.summary.in_tables,
    "skipped": sum(report.summary.skipped.values()), "failed": dict(report.summary.failed),
}))
"""


@pytest.fixture(scope="module")
def report(lake: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What a crawl of the lake says in an environment that holds the base dependencies alone."""
    folder = tmp_path_factory.mktemp("crawl")
    environ = {**os.environ, "S3_CATALOG_LOCATION": lake.as_uri(), "S3_CATALOG_HOME": str(folder)}
    command = [sys.executable, "-c", CRAWL_WITHOUT_UNDECLARED_PACKAGES]
    done = subprocess.run(command, env=environ, cwd=folder, stdout=subprocess.PIPE, text=True, check=True)
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def test_a_crawl_finds_the_tables_and_needs_only_base_dependencies(report: dict[str, Any]) -> None:
    assert report["tables"].items() >= {
        "finance_daily_invoices": ["csv", 10],
        "finance_daily_payments": ["csv", 10],
        "finance_exchange_rates": ["tsv", 1],
        "media_files": ["unstructured", 16],
        "reference_countries": ["json", 1],
        "sales_customers": ["csv", 1],
        "sales_order_items": ["parquet", 3],
        "sales_orders": ["parquet", 12],
        "suppliers": ["csv", 1],
        "warehouse_shipments": ["orc", 2],
        "web_events": ["jsonl", 12],
    }.items()  # fmt: skip


def test_the_ledger_of_the_lake_adds_up(lake: Path, report: dict[str, Any]) -> None:
    assert report["listed"] == len(files_of(lake))
    assert report["listed"] == report["in_tables"] + report["skipped"] + len(report["failed"])


def test_the_corrupt_file_is_named_as_failed(report: dict[str, Any]) -> None:
    failed = [key for key in report["failed"] if not key.startswith("warehouse/inventory/")]
    assert failed == ["sales/returns/returns.parquet"]


def test_without_its_package_the_delta_table_fails_and_says_what_to_install(lake: Path, report: dict[str, Any]) -> None:
    files = [path.relative_to(lake).as_posix() for path in lake.glob("warehouse/inventory/site=*/*.parquet")]
    errors = {report["failed"][key] for key in files}
    assert errors == {"a Delta table needs an optional package: pip install 's3-catalog[delta]'"}


def test_with_its_package_the_delta_table_is_its_live_files(lake: Path, tmp_path: Path) -> None:
    report = crawl(lake_settings(lake, tmp_path))
    (table,) = [result.table for result in report.tables if result.table is not None and result.layout.format == "delta"]
    expected = DeltaTable(str(lake / "warehouse/inventory")).to_pyarrow_table()
    assert (table.layout.object_count, table.row_count) == (2, expected.num_rows)
    assert report.summary.skipped["removed by its table's log"] == 6
