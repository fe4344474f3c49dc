"""Dagster in this process: definitions over one location and a catalog of their own, on an instance that nobody else sees."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import dagster as dg
import yaml

from s3_catalog.config import Settings
from s3_catalog.definitions import build_definitions
from s3_catalog.defs.partitions import PREFIXES
from s3_catalog.defs.resources import SettingsResource
from s3_catalog.model.tables import Table
from s3_catalog.pipeline import open_state

ASSETS = ("object_manifest", "table_layouts", "table_schemas", "table_descriptions", "published_tables")


@dataclass(kw_only=True)
class Deployment:
    """One location under Dagster. `settings` stands in a file; `run` executes a job to its end."""

    folder: Path
    values: dict[str, Any]
    instance: dg.DagsterInstance
    resource: SettingsResource = field(init=False)
    definitions: dg.Definitions = field(init=False)

    def __post_init__(self) -> None:
        self.folder.mkdir(exist_ok=True)
        self.configure(**self.values)
        self.resource = SettingsResource(config_file=str(self.folder / "s3_catalog.yaml"))
        self.definitions = build_definitions(self.resource)

    def configure(self, **values: Any) -> None:
        """Change settings; those that are None go."""
        catalog = {"catalog": f"sqlite:///{self.folder / 'catalog.db'}"}
        self.values = {name: value for name, value in (catalog | self.values | values).items() if value is not None}
        (self.folder / "s3_catalog.yaml").write_text(yaml.safe_dump(self.values), encoding="utf-8")

    @property
    def settings(self) -> Settings:
        return self.resource.load()

    def run(self, job: str = "catalog_bucket", **options: Any) -> dg.ExecuteInProcessResult:
        return self.definitions.resolve_job_def(job).execute_in_process(instance=self.instance, raise_on_error=False, **options)

    def run_range(self, first: str, last: str, **options: Any) -> dg.ExecuteInProcessResult:
        tags = {"dagster/asset_partition_range_start": first, "dagster/asset_partition_range_end": last}
        return self.run("catalog_prefixes", tags=tags, **options)

    @property
    def keys(self) -> list[str]:
        return list(self.instance.get_dynamic_partitions(str(PREFIXES.name)))

    def statuses(self, asset: str) -> dict[str, str | None]:
        """What the UI shows of each partition."""
        found = self.instance.get_status_by_partition(dg.AssetKey(asset), self.keys, PREFIXES) or {}
        return {key: status.value if status else None for key, status in found.items()}

    def tables(self) -> list[Table]:
        with open_state(self.settings) as state:
            return state.list_tables()

    def metadata(self, asset: str, partition: str | None = None) -> dict[str, Any]:
        """The metadata of the last materialization (of one partition)."""
        records = self.instance.fetch_materializations(
            dg.AssetRecordsFilter(asset_key=dg.AssetKey.from_user_string(asset), asset_partitions=[partition] if partition else None),
            limit=1,
        ).records
        materialization = records[0].asset_materialization
        assert materialization is not None
        return {name: value.value for name, value in materialization.metadata.items()}

    def checks(self, run_ids: Iterable[str] | None = None) -> dict[tuple[str, str], bool]:
        """(check, partition) -> whether its last evaluation passed."""
        found: dict[tuple[str, str], bool] = {}
        for run in reversed(self.instance.get_runs()):
            for entry in self.instance.all_logs(run.run_id, of_type=dg.DagsterEventType.ASSET_CHECK_EVALUATION):
                event = entry.get_dagster_event().asset_check_evaluation_data
                found[event.check_name, str(event.partition)] = event.passed
        return found


def failure_texts(result: dg.ExecuteInProcessResult) -> list[str]:
    """The descriptions of failed steps."""
    data = [event.step_failure_data for event in result.all_events if event.is_step_failure]
    return [str(one.user_failure_data.description) for one in data if one.user_failure_data is not None]
