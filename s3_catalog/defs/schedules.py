"""When the whole location is catalogued by itself: daily, unless the settings say otherwise."""

from __future__ import annotations

import dagster as dg

from s3_catalog.config_sections import ScheduleSettings


def build_schedule(job: dg.JobDefinition, settings: ScheduleSettings) -> dg.ScheduleDefinition:
    """Build the schedule of a job."""
    return dg.ScheduleDefinition(
        name="daily",
        job=job,
        cron_schedule=settings.cron,
        execution_timezone=settings.timezone,
        default_status=dg.DefaultScheduleStatus.RUNNING if settings.enabled else dg.DefaultScheduleStatus.STOPPED,
        description="Catalogs the whole location.",
    )
