"""The sensor that has the other catalogs follow runs of single prefixes: when it asks for a publication, and when it waits."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import dagster as dg
import pytest

from s3_catalog.defs.assets import PUBLISHED
from s3_catalog.defs.sensors import build_catalogs_sensor
from s3_catalog_tests.defs.conftest import Deploy
from s3_catalog_tests.defs.harness import Deployment

CSV = b"id,name\n1,one\n"
KEY = dg.AssetKey(["catalogs", "second"])


@pytest.fixture
def lake(deploy: Deploy, fill_folder: Callable[..., Path], tmp_path: Path) -> Deployment:
    folder = fill_folder({f"{name}/t.csv": CSV for name in "ab"})
    deployment = deploy(folder, publish_to=[{"name": "second", "url": f"sqlite:///{tmp_path / 'second.db'}"}])
    deployment.instance.add_dynamic_partitions("prefixes", ["a/", "b/"])
    return deployment


def tick(lake: Deployment, *, patient: bool = True) -> str | None:
    """What a tick asks for; None, when it skips."""
    sensor = lake.definitions.resolve_sensor_def("changed_tables") if patient else build_catalogs_sensor([KEY], 60, patience_seconds=0)
    with dg.build_sensor_context(instance=lake.instance) as context:
        asked = sensor(context)
    assert isinstance(asked, dg.RunRequest | dg.SkipReason)
    return asked.run_key if isinstance(asked, dg.RunRequest) else None


def publish_prefix(lake: Deployment, key: str = "a/") -> None:
    lake.instance.report_runless_asset_event(dg.AssetMaterialization(PUBLISHED, partition=key))


def begin(lake: Deployment, job: str, **options: object) -> dg.DagsterRun:
    run = dg.DagsterRun(job_name=job, status=dg.DagsterRunStatus.STARTED, **options)  # type: ignore[arg-type]
    return lake.instance.add_run(run)


def test_it_is_switched_on_and_looks_as_often_as_the_settings_say(lake: Deployment) -> None:
    sensor = lake.definitions.resolve_sensor_def("changed_tables")
    assert (sensor.default_status, sensor.minimum_interval_seconds) == (dg.DefaultSensorStatus.RUNNING, 60)
    assert sensor.job_name == "publish_catalogs"


def test_runs_of_prefixes_are_followed_by_one_publication(lake: Deployment) -> None:
    assert tick(lake) is None
    for key in ("a/", "b/"):
        assert lake.run("catalog_prefixes", partition_key=key).success
    asked = tick(lake)
    assert asked is not None
    assert tick(lake) == asked  # the same run key: asked for once
    assert lake.run("publish_catalogs").success
    assert lake.metadata("catalogs/second")["tables: create"] == 2
    assert tick(lake) is None
    publish_prefix(lake)
    assert tick(lake) not in (None, asked)


def test_the_whole_job_leaves_nothing_to_follow(lake: Deployment) -> None:
    assert lake.run().success
    assert tick(lake) is None
    assert tick(lake, patient=False) is None


@pytest.mark.parametrize(("job", "options"), [("catalog_prefixes", {}), ("__ASSET_JOB", {"asset_selection": frozenset({PUBLISHED})})])
def test_it_waits_for_runs_that_publish_more_but_not_for_ever(lake: Deployment, job: str, options: dict[str, object]) -> None:
    publish_prefix(lake)
    run = begin(lake, job, **options)
    assert tick(lake) is None
    assert tick(lake, patient=False) is not None
    lake.instance.report_run_canceled(run)
    assert tick(lake) is not None


def test_it_never_publishes_between_the_parts_of_the_whole_job(lake: Deployment) -> None:
    publish_prefix(lake)
    begin(lake, "catalog_bucket")
    assert tick(lake, patient=False) is None


def test_runs_that_publish_nothing_are_not_waited_for(lake: Deployment) -> None:
    publish_prefix(lake)
    begin(lake, "discover_prefixes")
    assert tick(lake) is not None


@pytest.fixture(params=["in memory", "in files"])
def kept(lake: Deployment, request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Deployment]:
    """The lake on an instance whose event log is kept in one place, or in a file per run as by default."""
    if request.param == "in memory":
        yield lake
        return
    (tmp_path / "instance").mkdir()
    with dg.DagsterInstance.local_temp(str(tmp_path / "instance")) as instance:
        yield replace(lake, instance=instance)


def test_what_is_published_while_a_publication_is_under_way_is_followed(kept: Deployment) -> None:
    lake = kept
    publish_prefix(lake)
    run = lake.instance.create_run_for_job(lake.definitions.resolve_job_def("publish_catalogs"))
    assert tick(lake, patient=False) is None
    publish_prefix(lake, "b/")
    assert tick(lake) is None  # two at once would wait for each other
    lake.instance.report_runless_asset_event(dg.AssetMaterialization(KEY))
    lake.instance.report_run_canceled(run)
    assert tick(lake) is not None


def test_a_publication_that_failed_is_not_asked_for_again(lake: Deployment, tmp_path: Path) -> None:
    publish_prefix(lake)
    (tmp_path / "second.db").mkdir()
    assert not lake.run("publish_catalogs").success
    assert tick(lake) is None
    publish_prefix(lake)
    assert tick(lake) is not None
