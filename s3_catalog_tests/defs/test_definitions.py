"""What Dagster loads: the graph as it stands, lightly, with the settings' timing, without a warning of ours."""

from __future__ import annotations

import os
import subprocess
import sys
import warnings
from collections.abc import Callable
from pathlib import Path

import dagster as dg
import pytest

from s3_catalog.definitions import defs
from s3_catalog_tests.defs.conftest import Deploy

PROJECT = Path(__file__).parents[2]

GRAPH = {
    "prefixes": ([], {"s3"}, False),
    "object_manifest": (["prefixes"], {"s3", "parquet"}, True),
    "table_layouts": (["object_manifest"], {"duckdb", "parquet"}, True),
    "table_schemas": (["table_layouts"], {"arrow", "parquet"}, True),
    "table_descriptions": (["table_layouts", "table_schemas"], {"duckdb", "parquet"}, True),
    "published_tables": (["table_descriptions", "table_layouts"], {"sql", "table"}, True),
}
"""Asset -> the assets it reads, its kinds, whether it has a partition per prefix."""


@pytest.fixture(autouse=True)
def no_settings_of_the_machine(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("S3_CATALOG_HOME", str(tmp_path / "home"))
    monkeypatch.delenv("S3_CATALOG_CONFIG", raising=False)
    monkeypatch.delenv("S3_CATALOG_LOCATION", raising=False)
    monkeypatch.chdir(tmp_path)


def test_the_graph_is_the_flow() -> None:
    graph = defs().resolve_asset_graph()
    found = {
        node.key.to_user_string(): (sorted(parent.to_user_string() for parent in node.parent_keys), node.kinds, node.is_partitioned)
        for node in (graph.get(key) for key in graph.get_all_asset_keys())
    }
    assert found == GRAPH


def test_every_asset_has_what_people_look_for() -> None:
    graph = defs().resolve_asset_graph()
    for key in graph.get_all_asset_keys():
        node = graph.get(key)
        assert node.group_name == "catalog"
        assert node.owners == ["team:data-platform"]
        assert node.description
        assert "dagster/code_references" in node.metadata
        assert node.partitions_def is None or node.backfill_policy == dg.BackfillPolicy.single_run()


def test_checks_are_of_their_assets() -> None:
    keys = {key.to_user_string() for key in defs().resolve_asset_graph().asset_check_keys}
    assert keys == {
        "object_manifest:listing_complete",
        "table_schemas:no_failed_objects",
        "table_schemas:no_schema_conflicts",
        "table_schemas:no_empty_tables",
        "table_descriptions:untagged_personal_data",
        "table_descriptions:sample_masked",
    }


def test_jobs_schedule_and_sensors_are_there_and_switched_off() -> None:
    repository = defs().get_repository_def()
    assert {"catalog_bucket", "catalog_prefixes", "discover_prefixes"} <= set(repository.job_names)
    (schedule,) = repository.schedule_defs
    assert (schedule.name, schedule.cron_schedule, schedule.execution_timezone) == ("daily", "0 3 * * *", "UTC")
    assert schedule.job_name == "catalog_bucket"
    assert schedule.default_status is dg.DefaultScheduleStatus.STOPPED
    assert {sensor.name for sensor in repository.sensor_defs} == {"object_events", "changed_listings"}
    assert {sensor.default_status for sensor in repository.sensor_defs} == {dg.DefaultSensorStatus.STOPPED}


def test_the_schedule_starts_the_whole_job() -> None:
    schedule = defs().resolve_schedule_def("daily")
    with dg.DagsterInstance.ephemeral() as instance, dg.build_schedule_context(instance=instance) as context:
        tick = schedule.evaluate_tick(context)
    assert [request.run_config for request in tick.run_requests or []] == [{}]


def test_timing_comes_from_the_settings(deploy: Deploy, tmp_path: Path) -> None:
    schedule = {"cron": "30 4 * * 1", "timezone": "Europe/Berlin", "enabled": True}
    deployment = deploy(tmp_path, schedule=schedule, events={"poll_seconds": 600})
    repository = deployment.definitions.get_repository_def()
    (daily,) = repository.schedule_defs
    assert (daily.cron_schedule, daily.execution_timezone) == ("30 4 * * 1", "Europe/Berlin")
    assert daily.default_status is dg.DefaultScheduleStatus.RUNNING
    assert {sensor.minimum_interval_seconds for sensor in repository.sensor_defs} == {600}


def test_wrong_settings_keep_the_definitions_loadable(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "wrong.yaml").write_text("locatoin: s3://lake/\n", encoding="utf-8")
    monkeypatch.setenv("S3_CATALOG_CONFIG", str(tmp_path / "wrong.yaml"))
    assert len(list(defs().get_repository_def().schedule_defs)) == 1
    assert "did you mean location?" in caplog.text


def test_loading_warns_of_nothing() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        defs().get_repository_def()


def test_an_import_reads_no_settings_and_loads_nothing_heavy(tmp_path: Path) -> None:
    code = (
        "import builtins, os, sys, dagster\n"
        "def audit(event, args):\n"
        "    if event in ('socket.connect', 'socket.getaddrinfo'): raise SystemExit(event)\n"
        "    if event == 'open' and str(args[0]).endswith(('.yaml', '.db')): raise SystemExit(str(args[0]))\n"
        "sys.addaudithook(audit)\n"
        "import s3_catalog.definitions\n"
        "print(*sorted({'boto3', 'botocore', 'sqlalchemy', 'alembic', 'deltalake', 'obstore'} & set(sys.modules)))\n"
    )
    environ = os.environ | {"S3_CATALOG_CONFIG": str(tmp_path / "missing.yaml")}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=PROJECT, env=environ, check=False)
    assert (done.returncode, done.stdout.split()) == (0, []), done.stderr


def test_dagster_validates_them_without_a_warning_of_ours(
    tmp_path: Path, run_dagster: Callable[..., subprocess.CompletedProcess[str]]
) -> None:
    path = tmp_path / "settings.yaml"
    path.write_text("{location: s3://lake/, publish_to: [{url: glue://lake}]}", encoding="utf-8")
    done = run_dagster("definitions", "validate", "-w", str(PROJECT / "workspace.yaml"), cwd=tmp_path, S3_CATALOG_CONFIG=str(path))
    assert done.returncode == 0, done.stderr
    warned = [line for line in done.stderr.splitlines() if "Warning" in line and "site-packages" not in line]
    assert warned == []
    assert "s3_catalog/" not in "".join(line for line in done.stderr.splitlines() if "Warning" in line)
