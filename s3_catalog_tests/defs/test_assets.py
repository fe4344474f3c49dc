"""The assets one by one: what they show, what a run of some of them does."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from s3_catalog.defs.metadata import escape, write_markdown
from s3_catalog.pipeline import open_state
from s3_catalog_tests.defs.conftest import Deploy
from s3_catalog_tests.defs.harness import ASSETS, Deployment, failure_texts
from s3_catalog_tests.servers import Fault, S3Server

CSV = b"id,name\n1,one\n2,two\n"


@pytest.fixture
def lake(deploy: Deploy, sample_lake: Path) -> Deployment:
    deployment = deploy(sample_lake)
    assert deployment.run("discover_prefixes").success
    return deployment


def check_metadata(told: dict[str, Any]) -> None:
    assert str(told["dagster/uri"]).startswith("file://")
    assert told["dagster/storage_kind"] == "file"


def test_discovery_registers_prefixes_without_listing_below_them(lake: Deployment) -> None:
    told = lake.metadata("prefixes")
    check_metadata(told)
    assert told["prefixes"] == len(lake.keys) == 7
    assert "| sales/ | 1 |" in told["found"]


def test_one_partition_is_catalogued_alone(lake: Deployment) -> None:
    assert lake.run("catalog_prefixes", partition_key="sales/").success
    assert {table.layout.location.split("/")[0] for table in lake.tables()} == {"sales"}
    assert {key for key, status in lake.statuses("published_tables").items() if status} == {"sales/"}


def test_every_asset_shows_where_how_many_and_what(lake: Deployment) -> None:
    lake.run("catalog_prefixes", partition_key="sales/")
    told = {asset: lake.metadata(asset, "sales/") for asset in ASSETS}
    for metadata in told.values():
        check_metadata(metadata)
        assert metadata["dagster/uri"].endswith("/sales/")
    assert told["object_manifest"]["objects"] == told["published_tables"]["listed objects"] > 10
    assert "sales/orders/" in told["table_layouts"]["grouping"]
    assert "unreadable tables" in told["table_schemas"]
    assert "sales\\_orders" in told["published_tables"]["found tables"]
    assert "returns.parquet" in told["published_tables"]["failed"]
    for asset in ("table_schemas", "published_tables"):
        schema = told[asset]["dagster/column_schema"]
        columns = {column.name: column.type for column in schema.columns}
        assert columns["sales_orders.year"] == "int"
        assert "decimal(10,2)" in columns.values() or any(text.startswith("decimal") for text in columns.values())


def test_a_partition_of_one_table_names_it_and_counts_its_rows(deploy: Deploy, fill_folder: Callable[..., Path]) -> None:
    import io

    import pyarrow as pa
    import pyarrow.parquet as pq

    sink = io.BytesIO()
    pq.write_table(pa.table({"n": [1, 2, 3]}), sink)
    deployment = deploy(fill_folder({"a/orders/part-0.parquet": sink.getvalue()}))
    deployment.run()
    told = deployment.metadata("published_tables", "a/")
    assert told["dagster/table_name"] == deployment.tables()[0].name
    assert told["dagster/partition_row_count"] == 3
    assert told["run: list requests"] > 0
    assert told["run: get requests"] > 0


def test_the_run_and_its_receipt_are_kept_under_dagsters_run_id(lake: Deployment) -> None:
    result = lake.run("catalog_prefixes", partition_key="sales/")
    with open_state(lake.settings) as state:
        (run,) = state.list_runs()
    assert run.id == result.run_id
    assert run.receipt["bytes_read"] > 0


def test_assets_run_one_after_the_other_give_the_same(lake: Deployment, deploy: Deploy, sample_lake: Path) -> None:
    for asset in ASSETS:
        result = lake.run_range(lake.keys[0], lake.keys[-1], asset_selection=[dg.AssetKey(asset)])
        assert result.success
    assert len(lake.tables()) == 14
    assert set(lake.statuses("published_tables").values()) == {"MATERIALIZED"}


@pytest.mark.parametrize(("asset", "stale"), [("table_descriptions", "table_schemas"), ("published_tables", "table_descriptions")])
def test_what_was_made_of_an_older_grouping_is_not_used(deploy: Deploy, fill_folder: Callable[..., Path], asset: str, stale: str) -> None:
    folder = fill_folder({"a/t.csv": CSV})
    deployment = deploy(folder)
    deployment.run()
    before = deployment.tables()
    (folder / "a" / "t.csv").write_bytes(CSV + b"3,three\n")
    earlier = [dg.AssetKey("object_manifest"), dg.AssetKey("table_layouts")]
    assert deployment.run("catalog_prefixes", partition_key="a/", asset_selection=earlier).success
    result = deployment.run("catalog_prefixes", partition_key="a/", asset_selection=[dg.AssetKey(asset)])
    assert failure_texts(result) == [f"{stale} is of other objects or hints than table_layouts: materialize {stale} again"]
    assert deployment.tables() == before


def test_a_range_publishes_some_prefixes_and_leaves_the_others(deploy: Deploy, fill_folder: Callable[..., Path]) -> None:
    deployment = deploy(fill_folder({f"{name}/t.csv": CSV for name in "abcd"}))
    deployment.run("discover_prefixes")
    assert deployment.run_range("b/", "c/").success
    assert [table.layout.location for table in deployment.tables()] == ["b/t.csv", "c/t.csv"]


def test_a_prefix_with_nothing_in_it_publishes_and_removes_nothing(deploy: Deploy, fill_folder: Callable[..., Path]) -> None:
    folder = fill_folder({"a/t.csv": CSV, "b/t.csv": CSV})
    deployment = deploy(folder)
    deployment.run()
    (folder / "a" / "t.csv").unlink()
    assert deployment.run("catalog_prefixes", partition_key="a/").success
    assert len(deployment.tables()) == 2


def test_data_versions_follow_the_data(deploy: Deploy, fill_folder: Callable[..., Path]) -> None:
    folder = fill_folder({"a/t.csv": CSV})
    deployment = deploy(folder)
    deployment.run("discover_prefixes")

    def versions() -> list[str]:
        assert deployment.run("catalog_prefixes", partition_key="a/").success
        found = []
        for asset in ASSETS[:3]:
            event = deployment.instance.get_latest_materialization_event(dg.AssetKey(asset))
            assert event is not None
            assert event.asset_materialization is not None
            assert event.asset_materialization.tags is not None
            found.append(event.asset_materialization.tags["dagster/data_version"])
        return found

    first = versions()
    assert versions() == first
    (folder / "a" / "t.csv").write_bytes(CSV + b"3,three\n")
    manifest, layouts, schemas = versions()
    assert manifest != first[0]
    assert layouts != first[1]
    assert schemas == first[2]  # one more row is the same schema


def test_a_single_prefix_that_cannot_be_listed_fails_at_once(
    deploy_bucket: Callable[..., Deployment], faulty: Callable[..., Any], s3_server: S3Server
) -> None:
    bucket = s3_server.make_bucket({"a/t.csv": CSV, "secret/t.csv": CSV})
    proxy = faulty(s3_server.endpoint_url, Fault(kind="status", status=403, code="AccessDenied", match="prefix=secret"))
    deployment = deploy_bucket(s3_server, bucket, endpoint_url=proxy.endpoint_url)
    deployment.run("discover_prefixes")
    result = deployment.run("catalog_prefixes", partition_key="secret/")
    assert failure_texts(result) == [f"1 prefix could not be listed: s3://{bucket}/secret/: permission denied"]
    assert {asset: deployment.statuses(asset)["secret/"] for asset in ASSETS} == dict.fromkeys(ASSETS, "FAILED")


def test_checks_find_conflicts_and_empty_tables(deploy: Deploy, fill_folder: Callable[..., Path]) -> None:
    deployment = deploy(
        fill_folder(
            {
                "conflict/t/part-0.jsonl": b'{"a": true}\n',
                "conflict/t/part-1.jsonl": b'{"a": {"b": 1}}\n',
                "empty/t.csv": b"id,name\n",
                "fine/t.csv": CSV,
            }
        )
    )
    assert deployment.run().success
    wrong = {(check, partition) for (check, partition), passed in deployment.checks().items() if not passed}
    assert ("no_schema_conflicts", "conflict/") in wrong
    assert {partition for _, partition in wrong} <= {"conflict/", "empty/"}
    assert len(deployment.checks()) == 6 * 3


@pytest.mark.parametrize("text", ["a|b", "<script>", "[x](javascript:1)", "a\nb", "`c`", "**d**", "$e$"])
def test_texts_of_a_bucket_are_no_markup(text: str) -> None:
    table = write_markdown(("key",), [(text,)]).value
    assert table is not None
    assert table.splitlines()[2:] == [f"| {escape(text)} |"]
    assert "<" not in escape(text).replace("\\<", "")
    assert "|" not in escape(text).replace("\\|", "")


def test_long_tables_are_cut_and_say_so() -> None:
    table = write_markdown(("n",), [(n,) for n in range(250)]).value
    assert table is not None
    assert table.endswith("and 150 more")
