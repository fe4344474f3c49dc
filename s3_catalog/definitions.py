"""What Dagster loads: `dagster dev`, `dagster job execute -m s3_catalog.definitions -j catalog_bucket`."""

from __future__ import annotations

import dagster as dg

from s3_catalog.defs.assets import build_assets
from s3_catalog.defs.checks import build_checks
from s3_catalog.defs.io_managers import IO_MANAGER_KEY, ParquetPartsStorage
from s3_catalog.defs.jobs import build_asset_jobs, build_catalog_bucket
from s3_catalog.defs.resources import CatalogResource, SettingsResource, StoreResource


def build_definitions(settings: SettingsResource) -> dg.Definitions:
    """Build all definitions around one source of settings."""
    inner = dg.Definitions(
        assets=build_assets(),
        asset_checks=build_checks(),
        jobs=build_asset_jobs(),
        resources={
            "settings": settings,
            "store": StoreResource(settings=settings),
            "catalog": CatalogResource(settings=settings),
            IO_MANAGER_KEY: ParquetPartsStorage(),
        },
        executor=dg.in_process_executor,  # a process per step would import everything again; ranges run side by side instead
    )
    outer = dg.Definitions(jobs=[build_catalog_bucket(inner.resolve_job_def)])
    return dg.Definitions.merge(inner, outer)


defs = build_definitions(SettingsResource())
