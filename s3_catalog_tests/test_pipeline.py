"""The whole flow on real files: what is published, accounted for, kept and retired."""

from __future__ import annotations

import shutil
import zipfile

import pytest

from s3_catalog.catalogs import Action
from s3_catalog.model.tables import UNSTRUCTURED
from s3_catalog.pipeline import crawl, discover_scopes, open_state
from s3_catalog.storage import open_store
from s3_catalog_tests.lakes import lake_settings, schemas, write_parquet, write_text


@pytest.fixture
def lake(tmp_path):
    root = tmp_path / "lake"
    write_parquet(root / "sales/orders/dt=2024-01-01/part-0.parquet", id=[1, 2])
    write_parquet(root / "sales/orders/dt=2024-01-02/part-0.parquet", id=[3])
    write_text(root / "sales/customers.csv", "id,name\n1,Ann\n")
    write_text(root / "web/2024/01/01/x.jsonl", '{"a": 1}\n')
    write_text(root / "top.csv", "a,b\n1,2\n")
    write_text(root / "2024/01/y.csv", "a,b\n1,2\n")
    write_text(root / "docs/a.pdf", "%PDF")
    return root


@pytest.fixture
def settings(lake, tmp_path):
    return lake_settings(lake, tmp_path)


def names(settings):
    with open_state(settings) as catalog:
        return {table.name for table in catalog.list_tables()}


def assert_sums_hold(summary):
    assert summary.listed == summary.in_tables + sum(summary.skipped.values()) + len(summary.failed)


def test_a_crawl_publishes_what_it_found_and_accounts_for_every_object(settings):
    report = crawl(settings)

    assert schemas(report) == {
        "sales_orders": "parquet(id:bigint)",
        "sales_customers": "csv(id:bigint, name:string)",
        "web": "jsonl(a:bigint)",
        "top": "csv(a:bigint, b:bigint)",
        "lake": "csv(a:bigint, b:bigint)",
        "docs_files": f"{UNSTRUCTURED}()",
    }
    assert names(settings) == set(schemas(report))
    assert (report.summary.listed, report.summary.in_tables) == (7, 7)
    assert_sums_hold(report.summary)


def test_a_second_crawl_reads_no_data_and_writes_nothing(settings):
    crawl(settings)
    store = open_store(settings.location)
    report = crawl(settings, store=store)

    assert report.outcome.writes == 0
    assert report.plan.count(Action.UNCHANGED) == 6
    assert (store.receipt.get_requests, store.receipt.bytes_read) == (0, 0)


def test_scopes_one_by_one_give_the_same_catalog_as_one_crawl(settings, tmp_path, lake):
    whole = crawl(settings)
    apart = lake_settings(lake, tmp_path, catalog=f"sqlite:///{tmp_path / 'apart.db'}")
    scopes = discover_scopes(open_store(settings.location), settings)
    reports = [crawl(apart, scope=scope) for scope in scopes]

    assert list(scopes) == ["(root)", "docs/", "sales/", "web/"]
    assert {name: text for report in reports for name, text in schemas(report).items()} == schemas(whole)
    assert sum(report.summary.listed for report in reports) == whole.summary.listed
    assert names(apart) == names(settings)
    assert all(report.plan.count(Action.RETIRE) == 0 for report in [crawl(apart, scope=scope) for scope in scopes])


def test_a_table_that_is_gone_is_retired_by_a_complete_listing_only(settings, lake):
    crawl(settings)
    (lake / "top.csv").unlink()
    report = crawl(settings)

    assert report.plan.count(Action.RETIRE) == 1
    assert names(settings) == {"sales_orders", "sales_customers", "web", "lake", "docs_files"}


def test_a_table_whose_scope_alone_was_crawled_stays_when_another_scope_is_empty(settings, lake):
    crawl(settings)
    shutil.rmtree(lake / "web")
    report = crawl(settings, scope="web/")

    assert report.plan.count(Action.RETIRE) == 0, "an empty listing retires nothing"
    assert "web" in names(settings)


def test_more_than_a_set_share_is_never_retired_without_leave(settings, lake):
    crawl(settings)
    shutil.rmtree(lake / "sales")
    (lake / "top.csv").unlink()
    held = crawl(settings)
    allowed = crawl(settings, allow_retire=True)

    assert (held.plan.count(Action.RETIRE), len(held.plan.withheld)) == (0, 3)
    assert allowed.plan.count(Action.RETIRE) == 3


def test_a_table_that_became_unreadable_stays_as_it_was_and_is_reported(settings, lake):
    crawl(settings)
    (lake / "sales/customers.csv").write_bytes(b"\x00\x01\x02" * 500)
    report = crawl(settings)

    assert [key for key, _ in report.summary.failed] == ["sales/customers.csv"]
    assert report.has_failures
    assert "sales_customers" in names(settings)
    assert_sums_hold(report.summary)


def test_what_a_pattern_leaves_out_is_not_gone(lake, tmp_path):
    crawl(lake_settings(lake, tmp_path))
    narrow = lake_settings(lake, tmp_path, exclude=["top.csv"])
    report = crawl(narrow)

    assert report.plan.count(Action.RETIRE) == 0
    assert "top" in names(narrow)


def test_an_empty_location_is_done_without_tables_and_removes_nothing(settings, lake):
    crawl(settings)
    shutil.rmtree(lake)
    lake.mkdir()
    report = crawl(settings)

    assert (report.summary.listed, len(report.tables)) == (0, 0)
    assert len(names(settings)) == 6


def test_include_exclude_and_size_show_in_the_ledger(lake, tmp_path):
    settings = lake_settings(lake, tmp_path, include=["**/*.csv", "**/*.parquet"], exclude=["2024/"], max_object_size=1000)
    report = crawl(settings)

    assert {row["key"]: row["skipped"] for row in report.ledger.to_pylist() if row["skipped"]} == {
        "web/2024/01/01/x.jsonl": "matches no include pattern",
        "docs/a.pdf": "matches no include pattern",
        "2024/01/y.csv": "excluded by a pattern",
    }
    assert_sums_hold(report.summary)


def test_a_manifest_in_the_bucket_is_honoured_by_whole_and_by_scoped_crawls(settings, lake):
    write_text(lake / "devices/a/x.csv", "v,w\n1,2\n")
    write_text(lake / "devices/b/x.csv", "v,w\n1,2\n")
    write_text(
        lake / "openmetadata.json",
        '{"entries": [{"dataPath": "devices", "structureFormat": "csv", "isPartitioned": true, "partitionColumns": '
        '[{"name": "device", "dataType": "STRING"}]}]}',
    )
    whole, scoped = crawl(settings), crawl(settings, scope="devices/")

    for report in (whole, scoped):
        (devices,) = [table for r in report.tables for table in r.tables if r.layout.location == "devices/"]
        assert [c.name for c in devices.layout.partition_columns] == ["device"]
        assert devices.layout.evidence.reason == "pinned by openmetadata.json"
    assert scoped.outcome.writes == 0


def test_a_manifest_that_cannot_be_understood_fails_alone(settings, lake):
    write_text(lake / "openmetadata.json", "{nonsense")
    report = crawl(settings)

    assert [key for key, _ in report.summary.failed] == ["openmetadata.json"]
    assert len(names(settings)) == 6


def test_a_configured_template_pins_tables(lake, tmp_path):
    settings = lake_settings(lake, tmp_path, tables=[{"path": "sales/{table}/{day}/*.parquet"}])
    report = crawl(settings)
    (orders,) = [table for r in report.tables for table in r.tables if r.layout.location == "sales/orders/"]

    assert [c.name for c in orders.layout.partition_columns] == ["day"]


def test_overlapping_locations_keep_their_own_ledgers_and_share_unchanged_tables(lake, tmp_path):
    from s3_catalog.storage.obstore_store import memory_store

    bucket = memory_store("overlap")
    for path in lake.rglob("*"):
        if path.is_file():
            bucket.put(path.relative_to(lake).as_posix(), path.read_bytes())
    whole = lake_settings("memory://overlap/", tmp_path)
    part = lake_settings("memory://overlap/sales/", tmp_path)
    crawl(whole)
    inner = crawl(part)
    again = crawl(whole)

    assert {result.layout.name for result in inner.tables} == {"sales_orders", "sales_customers"}
    assert (inner.outcome.writes, again.outcome.writes) == (0, 0)
    with open_state(whole) as catalog:
        assert sum(len(rows) for rows in catalog.latest_ledger("memory://overlap/")) == 7
        assert sum(len(rows) for rows in catalog.latest_ledger("memory://overlap/sales/")) == 3
        assert catalog.find_object("memory://overlap/", "top.csv") is not None


def test_the_tables_of_one_workbook_or_archive_live_and_stay_together(settings, lake):
    with zipfile.ZipFile(lake / "both.zip", "w") as archive:
        archive.writestr("orders.csv", "id,total\n1,2\n")
        archive.writestr("customers.csv", "id,name\n1,Ann\n")
    first, again = crawl(settings), crawl(settings)
    (lake / "both.zip").write_bytes(b"PK\x03\x04 cut short")
    broken = crawl(settings)

    assert {"both_orders_csv", "both_customers_csv"} < names(settings)
    assert [row["table"] for row in first.ledger.to_pylist() if row["key"] == "both.zip"] == ["both_orders_csv"]
    assert again.outcome.writes == 0
    assert broken.plan.count(Action.RETIRE) == 0
    assert [key for key, _ in broken.summary.failed] == ["both.zip"]


def test_a_manifests_separator_is_believed_where_the_bytes_would_tell_another(settings, lake):
    write_text(lake / "odd/x.csv", "a~b,c~d\n1~x,y~4\n5~z,w~8\n")
    write_text(lake / "openmetadata.json", '{"entries": [{"dataPath": "odd", "structureFormat": "csv", "separator": "~"}]}')

    assert schemas(crawl(settings))["odd"] == "csv(a:bigint, b,c:string, d:bigint)"


def test_a_large_csv_file_costs_two_reads_for_its_schema_and_its_sample(tmp_path):
    write_text(tmp_path / "lake/t.csv", "id,name\n" + "".join(f"{number},n{number}\n" for number in range(50_000)))
    report = crawl(lake_settings(tmp_path / "lake", tmp_path))
    (result,) = report.tables

    assert result.table is not None
    assert result.table.description is not None
    assert result.table.description.sample.rows
    assert report.run.receipt["get_requests"] == 2
