"""What Dagster loads: `dagster dev`, `dagster job execute -m s3_catalog.definitions -j catalog_bucket`.

An import builds nothing. When Dagster loads the definitions, the settings are read for what must be known by then: when the schedule
runs, how often sensors look, and which catalogs there are to publish to. All else is read by each run.
"""

from __future__ import annotations

import logging

import dagster as dg

from s3_catalog.config_sections import EventSettings, ScheduleSettings, TargetSettings
from s3_catalog.defs.assets import build_assets
from s3_catalog.defs.catalogs import build_catalog_assets, catalog_key
from s3_catalog.defs.checks import build_checks
from s3_catalog.defs.io_managers import IO_MANAGER_KEY, ParquetPartsStorage
from s3_catalog.defs.jobs import build_asset_jobs, build_catalog_bucket
from s3_catalog.defs.resources import SettingsResource, StoreResource
from s3_catalog.defs.schedules import build_schedule
from s3_catalog.defs.sensors import build_catalogs_sensor, build_sensors
from s3_catalog.errors import ConfigError

logger = logging.getLogger(__name__)


def build_definitions(settings: SettingsResource) -> dg.Definitions:
    """Build all definitions around one source of settings."""
    schedule, events, targets = _read_known(settings)
    inner = dg.Definitions(
        assets=[*build_assets(), *build_catalog_assets(targets)],
        asset_checks=build_checks(),
        jobs=build_asset_jobs(publishes=bool(targets)),
        resources={
            "settings": settings,
            "store": StoreResource(),
            IO_MANAGER_KEY: ParquetPartsStorage(),
        },
        executor=dg.in_process_executor,  # a process per step would import everything again; ranges run side by side instead
    )
    catalog_bucket = build_catalog_bucket(inner.resolve_job_def, publishes=bool(targets))
    sensors = build_sensors(events.poll_seconds)
    if targets:
        sensors.append(build_catalogs_sensor([catalog_key(target) for target in targets], events.poll_seconds))
    outer = dg.Definitions(jobs=[catalog_bucket], schedules=[build_schedule(catalog_bucket, schedule)], sensors=sensors)
    return dg.Definitions.merge(inner, outer)


def _read_known(settings: SettingsResource) -> tuple[ScheduleSettings, EventSettings, tuple[TargetSettings, ...]]:
    try:
        chosen = settings.load()
    except ConfigError as error:
        # Every run will say so as well; people can still see and repair everything else.
        logger.warning(
            "schedule and sensors keep their defaults and no other catalog is published to, as the settings are wrong: %s", error
        )
        return ScheduleSettings(), EventSettings(), ()
    return chosen.schedule, chosen.events, chosen.publish_to


@dg.definitions
def defs() -> dg.Definitions:
    """All definitions, with the settings of the environment."""
    return build_definitions(SettingsResource())
