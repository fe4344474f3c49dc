"""The jobs: `discover_prefixes`, `catalog_prefixes` (a partition per prefix), `publish_catalogs` where there are other catalogs, and
`catalog_bucket`, which runs them all for all prefixes.

`dagster job execute` cannot name partitions that are not registered yet. So `catalog_bucket` is a job of ops that runs the asset jobs
inside itself, on the same instance: every prefix shows its own status, and the same asset jobs serve the UI, sensors and backfills.
"""

# No `from __future__ import annotations`: Dagster reads the types of ops.
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import dagster as dg

from s3_catalog.defs.assets import PUBLISHED
from s3_catalog.defs.catalogs import GROUP as CATALOGS
from s3_catalog.defs.partitions import PREFIXES

DISCOVER, CATALOG, PUBLISH, BUCKET = "discover_prefixes", "catalog_prefixes", "publish_catalogs", "catalog_bucket"

_PREFIXES_PER_RUN = 100
_RANGE_START, _RANGE_END = "dagster/asset_partition_range_start", "dagster/asset_partition_range_end"

ResolveJob = Callable[[str], dg.JobDefinition]
Failures = dict[str, str]
"""Partition key -> why it is not published, on one line."""


def build_asset_jobs(*, publishes: bool) -> list[Any]:
    """Build the jobs that materialize assets; `publishes`: there are other catalogs."""
    others = dg.AssetSelection.groups(CATALOGS)
    per_prefix = dg.AssetSelection.assets("object_manifest").downstream() - others
    jobs = [
        dg.define_asset_job(DISCOVER, selection=["prefixes"], description="Finds the prefixes and registers them as partitions."),
        dg.define_asset_job(CATALOG, selection=per_prefix, description="Catalogs the prefixes of one partition, or of a range."),
    ]
    if publishes:
        told = "Publishes what the embedded catalog holds to the other catalogs; lists nothing."
        jobs.append(dg.define_asset_job(PUBLISH, selection=others, description=told))
    return jobs


def build_catalog_bucket(resolve_job: ResolveJob, *, publishes: bool) -> dg.JobDefinition:
    """Build the job that catalogs all prefixes; `resolve_job` gives the asset jobs, bound to their resources."""

    @dg.op(out=dg.DynamicOut(list[str]))
    def discover(context: dg.OpExecutionContext) -> Iterator[dg.DynamicOutput[list[str]]]:
        """Register the prefixes, then hand them on in parts."""
        run = resolve_job(DISCOVER).execute_in_process(instance=context.instance, tags=_child_tags(context), raise_on_error=False)
        if not run.success:
            raise dg.Failure(_reason(run), allow_retries=False)
        keys = list(context.instance.get_dynamic_partitions(str(PREFIXES.name)))
        for start in range(0, len(keys), _PREFIXES_PER_RUN):
            yield dg.DynamicOutput(keys[start : start + _PREFIXES_PER_RUN], mapping_key=f"from_{start}")

    @dg.op
    def catalog(context: dg.OpExecutionContext, keys: list[str]) -> dict[str, str]:
        """Catalog some prefixes; returns those that failed."""
        return _catalog_keys(context, resolve_job(CATALOG), keys)

    @dg.op(ins={"done": dg.In(dg.Nothing)})
    def publish(context: dg.OpExecutionContext) -> list[str]:
        """Publish to the other catalogs, once, whatever became of single prefixes; returns what went wrong."""
        run = resolve_job(PUBLISH).execute_in_process(instance=context.instance, tags=_child_tags(context), raise_on_error=False)
        return [] if run.success else _reasons(run)

    @dg.op(ins={"unpublished": dg.In(default_value=[])})
    def conclude(context: dg.OpExecutionContext, failures: list[dict[str, str]], unpublished: list[str]) -> None:
        """Fail where a prefix or a catalog failed, now that all the others are published."""
        failed = {key: reason for part in failures for key, reason in part.items()}
        reasons = [*dict.fromkeys(failed.values()), *unpublished]
        if reasons:
            raise dg.Failure("; ".join(reasons), metadata={"failed prefixes": list(failed)}, allow_retries=False)
        context.log.info("all prefixes are published")

    @dg.job(
        name=BUCKET, description="Catalogs the whole location: finds the prefixes, catalogs each, then publishes to the other catalogs."
    )
    def catalog_bucket() -> None:
        failures = discover().map(catalog).collect()
        if publishes:
            conclude(failures, publish(failures))
        else:
            conclude(failures)

    return catalog_bucket


def _catalog_keys(context: dg.OpExecutionContext, job: dg.JobDefinition, keys: Sequence[str]) -> Failures:
    """Run neighbouring partitions; where some fail, run these once more on their own.

    That gives a prefix a second chance, and else fails it in every asset: in a run with others its first assets succeed, as they hand on
    that the listing failed.
    """
    failed = _run_range(context, job, keys)
    if 0 < len(failed) < len(keys):
        for part in _neighbours(keys, failed):
            failed = {key: reason for key, reason in failed.items() if key not in part} | _run_range(context, job, part)
    return failed


def _run_range(context: dg.OpExecutionContext, job: dg.JobDefinition, keys: Sequence[str]) -> Failures:
    tags = {**_child_tags(context), _RANGE_START: keys[0], _RANGE_END: keys[-1]}
    run = job.execute_in_process(instance=context.instance, tags=tags, raise_on_error=False)
    # Not from run.all_events: what a failed step had logged is not in there.
    entries = context.instance.all_logs(run.run_id, of_type=dg.DagsterEventType.ASSET_MATERIALIZATION)
    events = [entry.get_dagster_event() for entry in entries]
    published = {event.partition for event in events if event.asset_key == PUBLISHED}
    return {key: _reason(run) for key in keys if key not in published}


def _neighbours(keys: Sequence[str], chosen: Failures) -> list[list[str]]:
    """The chosen keys, in parts without a gap.

    >>> _neighbours(["a", "b", "c", "d"], {"a": "", "c": "", "d": ""})
    [['a'], ['c', 'd']]
    """
    parts: list[list[str]] = [[]]
    for key in keys:
        if key in chosen:
            parts[-1].append(key)
        elif parts[-1]:
            parts.append([])
    return [part for part in parts if part]


def _child_tags(context: dg.OpExecutionContext) -> dict[str, str]:
    root = context.run.root_run_id or context.run_id
    return {"dagster/parent_run_id": context.run_id, "dagster/root_run_id": root}


def _reason(run: dg.ExecuteInProcessResult) -> str:
    """Why a run failed, by its first failed step."""
    return _reasons(run)[0]


def _reasons(run: dg.ExecuteInProcessResult) -> list[str]:
    """Why a run failed, by its failed steps, else by what kept it from starting."""
    return [_step_reason(event.step_failure_data) for event in run.all_events if event.is_step_failure] or [_run_reason(run)]


def _step_reason(data: Any) -> str:
    if data.user_failure_data is not None and data.user_failure_data.description:
        return str(data.user_failure_data.description)
    # Dagster wraps what was raised
    return _first_line((data.error.cause or data.error).message) if data.error is not None else "a step failed"


def _run_reason(run: dg.ExecuteInProcessResult) -> str:
    failure = run.get_run_failure_event().job_failure_data
    return _first_line(failure.error.message) if failure.error is not None else f"run {run.run_id} failed"


def _first_line(text: str) -> str:
    return text.strip().partition("\n")[0]
