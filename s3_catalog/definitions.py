"""What Dagster loads: `dagster dev`, `dagster job execute -m s3_catalog.definitions -j catalog_bucket`.

An import builds nothing. When Dagster loads the definitions, the settings are read for what must be known by then: when the schedule
runs and how often sensors look. All else is read by each run.
"""

from __future__ import annotations

import logging

import dagster as dg

from s3_catalog.config_sections import EventSettings, ScheduleSettings
from s3_catalog.defs.assets import build_assets
from s3_catalog.defs.checks import build_checks
from s3_catalog.defs.io_managers import IO_MANAGER_KEY, ParquetPartsStorage
from s3_catalog.defs.jobs import build_asset_jobs, build_catalog_bucket
from s3_catalog.defs.resources import SettingsResource, StoreResource
from s3_catalog.defs.schedules import build_schedule
from s3_catalog.defs.sensors import build_sensors
from s3_catalog.errors import ConfigError

logger = logging.getLogger(__name__)


def build_definitions(settings: SettingsResource) -> dg.Definitions:
    """Build all definitions around one source of settings."""
    inner = dg.Definitions(
        assets=build_assets(),
        asset_checks=build_checks(),
        jobs=build_asset_jobs(),
        resources={
            "settings": settings,
            "store": StoreResource(),
            IO_MANAGER_KEY: ParquetPartsStorage(),
        },
        executor=dg.in_process_executor,  # a process per step would import everything again; ranges run side by side instead
    )
    catalog_bucket = build_catalog_bucket(inner.resolve_job_def)
    schedule, events = _read_timing(settings)
    outer = dg.Definitions(
        jobs=[catalog_bucket], schedules=[build_schedule(catalog_bucket, schedule)], sensors=build_sensors(events.poll_seconds)
    )
    return dg.Definitions.merge(inner, outer)


def _read_timing(settings: SettingsResource) -> tuple[ScheduleSettings, EventSettings]:
    try:
        chosen = settings.load()
    except ConfigError as error:
        # Every run will say so as well; people can still see and repair everything else.
        logger.warning("schedule and sensors keep their defaults, as the settings are wrong: %s", error)
        return ScheduleSettings(), EventSettings()
    return chosen.schedule, chosen.events


@dg.definitions
def defs() -> dg.Definitions:
    """All definitions, with the settings of the environment."""
    return build_definitions(SettingsResource())
