"""Hints under Dagster: a change makes downstream stale, what does not fit fails a check, and its value stands there alone."""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path

import dagster as dg
import pytest

from s3_catalog_tests.defs.conftest import Deploy
from s3_catalog_tests.defs.harness import ASSETS, Deployment, failure_texts

VALUE = "4711-secret"
CSV = f"id,amount\n1,2\n2,{VALUE}\n".encode()
PINNED = {"path": "a/*.csv", "columns": {"amount": "bigint"}}


@pytest.fixture
def lake(deploy: Deploy, fill_folder: Callable[..., Path]) -> Deployment:
    return deploy(fill_folder({"a/t.csv": CSV, "b/t.csv": CSV}))


def version(lake: Deployment, asset: str) -> str:
    event = lake.instance.get_latest_materialization_event(dg.AssetKey(asset))
    assert event is not None
    assert event.asset_materialization is not None
    assert event.asset_materialization.tags is not None
    return event.asset_materialization.tags["dagster/data_version"]


def test_a_hint_that_does_not_fit_fails_the_check_of_its_prefix(lake: Deployment) -> None:
    lake.configure(hints=[PINNED])
    assert lake.run().success
    failed = {partition for (check, partition), passed in lake.checks().items() if check == "no_failed_objects" and not passed}
    assert failed == {"a/"}
    assert [table.layout.location for table in lake.tables()] == ["b/t.csv"]


def test_the_value_stands_in_the_check_and_in_no_other_event_or_log_line(lake: Deployment, caplog: pytest.LogCaptureFixture) -> None:
    lake.configure(hints=[PINNED])
    with caplog.at_level(logging.DEBUG):
        lake.run()
    entries = [entry for run in lake.instance.get_runs() for entry in lake.instance.all_logs(run.run_id) if VALUE in repr(entry)]
    showing = [entry.dagster_event.event_type if entry.dagster_event else entry.user_message for entry in entries]
    assert showing == [dg.DagsterEventType.ASSET_CHECK_EVALUATION]
    assert VALUE not in caplog.text
    assert "no_failed_objects shows the value" in str(lake.metadata("published_tables", "a/")["failed"]).replace("\\", "")
    assert "no_failed_objects shows the value" in str(lake.metadata("table_schemas", "a/")["unreadable tables"]).replace("\\", "")


def test_a_hint_that_meets_no_table_is_shown_at_the_layouts(lake: Deployment) -> None:
    lake.configure(hints=[{"path": "a/*.tsv", "csv": {"header": "false"}}])
    lake.run("discover_prefixes")
    lake.run("catalog_prefixes", partition_key="a/")
    assert lake.metadata("table_layouts", "a/")["hints that meet no table"] == "a/*.tsv"
    lake.run("catalog_prefixes", partition_key="b/")
    assert "hints that meet no table" not in lake.metadata("table_layouts", "b/")


def test_a_changed_hint_is_another_version_of_the_layouts_and_makes_older_schemas_stale(lake: Deployment) -> None:
    lake.run()
    before = [version(lake, asset) for asset in ASSETS[:2]]
    lake.configure(hints=[{"path": "a/*.csv", "columns": {"id": "string"}}])
    first = [dg.AssetKey(asset) for asset in ASSETS[:2]]
    assert lake.run_range("a/", "b/", asset_selection=first).success
    manifest, layouts = (version(lake, asset) for asset in ASSETS[:2])
    assert (manifest == before[0], layouts == before[1]) == (True, False)
    result = lake.run_range("a/", "b/", asset_selection=[dg.AssetKey("published_tables")])
    assert failure_texts(result) == [
        "table_descriptions is of other objects or hints than table_layouts: materialize table_descriptions again"
    ]


def test_rows_that_are_not_counted_are_told_as_an_estimate_and_no_number(deploy: Deploy, fill_folder: Callable[..., Path]) -> None:
    import io

    import pyarrow as pa
    import pyarrow.parquet as pq

    sink = io.BytesIO()
    pq.write_table(pa.table({"n": [VALUE, VALUE]}), sink)
    lake = deploy(fill_folder({f"a/t/part-{number}.parquet": sink.getvalue() for number in range(20)}))
    lake.run()
    told = lake.metadata("published_tables", "a/")
    assert "about 40 (estimated, 40 to 40)" in told["found tables"].replace("\\", "")
    assert "dagster/partition_row_count" not in told
    (table,) = lake.tables()
    assert table.columns[0].statistics is not None
    assert table.columns[0].statistics.min == VALUE
    assert not any(VALUE in repr(entry) for run in lake.instance.get_runs() for entry in lake.instance.all_logs(run.run_id))
