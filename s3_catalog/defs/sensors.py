"""Two ways to hear of new objects: messages of S3 events in a queue, and listings compared with what was listed last.

Both register the prefixes they meet for the first time and ask for one run per changed prefix. Of an event only the prefix counts: the
run lists it. So a message may come twice, late or in any order. A third sensor has the other catalogs follow the runs of prefixes.
"""

# No `from __future__ import annotations`: Dagster reads the types of resources.
import json
import time
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import dagster as dg
import pyarrow as pa

from s3_catalog import pipeline
from s3_catalog.catalogs._ledger_chunks import digest_manifest
from s3_catalog.defs import hops
from s3_catalog.defs.assets import PUBLISHED, scope_rule
from s3_catalog.defs.events import ObjectEvent, UnreadableMessageError, read_message
from s3_catalog.defs.hops import ScopeRule
from s3_catalog.defs.jobs import BUCKET, CATALOG, PUBLISH
from s3_catalog.defs.partitions import PREFIXES, write_partition_key
from s3_catalog.defs.queue import EventQueue, Message
from s3_catalog.defs.resources import SettingsResource, StoreResource
from s3_catalog.model.manifest import MANIFEST_SCHEMA
from s3_catalog.model.snapshots import digest_texts
from s3_catalog.storage import parse_location

PATIENCE_SECONDS = 600.0
"""How long tables wait for runs of other prefixes to end, so that one publication follows many of them."""

_OVER = {dg.DagsterRunStatus.SUCCESS, dg.DagsterRunStatus.FAILURE, dg.DagsterRunStatus.CANCELED}
_UNDER_WAY = [status for status in dg.DagsterRunStatus if status not in _OVER]


def build_sensors(poll_seconds: int) -> list[dg.SensorDefinition]:
    """Build the sensors, both switched off; `poll_seconds` is how often they look."""
    shared: dict[str, Any] = {"job_name": CATALOG, "minimum_interval_seconds": poll_seconds}
    return [
        dg.sensor(name="object_events", description="Runs the prefixes that S3 events in the queue tell of.", **shared)(object_events),
        dg.sensor(name="changed_listings", description="Runs the prefixes whose listing is not the last one.", **shared)(changed_listings),
    ]


def build_catalogs_sensor(
    catalogs: Sequence[dg.AssetKey], poll_seconds: int, *, patience_seconds: float = PATIENCE_SECONDS
) -> dg.SensorDefinition:
    """Build the sensor that publishes to the other catalogs; switched on, as who names catalogs wants them to follow."""

    @dg.sensor(
        job_name=PUBLISH,
        minimum_interval_seconds=poll_seconds,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description="Publishes to the other catalogs after runs of single prefixes: once, when the last of them is over.",
    )
    def changed_tables(context: dg.SensorEvaluationContext) -> dg.RunRequest | dg.SkipReason:
        """Compare events, not catalogs: which publication was begun last, and which tables were published here since."""
        begun = [context.instance.get_latest_planned_materialization_info(key) for key in catalogs]
        oldest = min(info.storage_id if info else 0 for info in begun)
        newer = dg.AssetRecordsFilter(asset_key=PUBLISHED, after_storage_id=oldest)
        published = context.instance.fetch_materializations(newer, limit=1, ascending=True).records
        if not published:
            return dg.SkipReason("no prefix was published since the other catalogs were")
        waits_for = _jobs_under_way(context.instance)
        is_early = time.time() - published[0].timestamp < patience_seconds
        if BUCKET in waits_for or (waits_for and is_early):
            return dg.SkipReason(f"waits for {', '.join(sorted(set(waits_for)))}, so that one publication follows")
        return dg.RunRequest(run_key=str(published[0].storage_id))

    return changed_tables


def _jobs_under_way(instance: dg.DagsterInstance) -> list[str]:
    """The jobs of runs that will publish more tables here, or that hold the other catalogs just now."""
    runs = instance.get_runs(dg.RunsFilter(statuses=_UNDER_WAY))
    return [run.job_name for run in runs if run.job_name in (CATALOG, BUCKET, PUBLISH) or PUBLISHED in (run.asset_selection or ())]


def object_events(context: dg.SensorEvaluationContext, settings: SettingsResource) -> dg.SensorResult | dg.SkipReason:
    """Turn messages into runs. The messages of a tick are deleted by the next one, when the runs are surely requested."""
    chosen = settings.load()
    if chosen.events.sqs_queue_url is None:
        return dg.SkipReason("events.sqs_queue_url is not set: changed_listings finds new objects without a queue")
    queue = EventQueue(chosen, chosen.events.sqs_queue_url)
    queue.delete(json.loads(context.cursor or "[]"))
    messages = queue.receive(chosen.events.max_messages)
    events, unreadable = read_messages(messages)
    for message, error in unreadable:
        context.log.warning("message %s is not an S3 event: %s", message.id, error)
    done = [message.receipt for message, _ in events]
    if unreadable and not queue.moves_unread_messages():
        done += [message.receipt for message, _ in unreadable]  # else it would come back for as long as the queue keeps it
    location = parse_location(chosen.location)
    batches = batch_by_scope(events, location.bucket, location.prefix, ScopeRule(location.prefix, chosen.partition_depth))
    return _request_runs(context, batches, cursor=json.dumps(done), nothing=f"no event of {location.store_url}")


def changed_listings(
    context: dg.SensorEvaluationContext, settings: SettingsResource, store: StoreResource
) -> dg.SensorResult | dg.SkipReason:
    """Compare what is there with what was listed last. The cursor holds what was asked for and is not published yet."""
    chosen = settings.load()
    if chosen.events.sqs_queue_url is not None:
        return dg.SkipReason("events.sqs_queue_url is set: object_events hears of new objects")
    opened = store.open(chosen)
    with settings.open_catalog() as state:
        published = state.manifest_digests(opened.location.url)
        before = state.ledger_prefixes(opened.location.url)
    rule = scope_rule(chosen, opened)
    scopes = sorted({*pipeline.discover_scopes(opened, chosen), *(scope for scope in before if rule.holds(scope))})
    manifest = pipeline.read_manifest(opened, chosen, scopes=scopes)
    for failed in manifest.failed:
        context.log.warning("not compared: %s", failed.error)
    found = digest_scopes(manifest, rule)
    asked, ticks = json.loads(context.cursor or "[{}, 0]")
    changed = {scope: digest for scope, digest in found.items() if published.get(scope) != digest}
    new = {scope: f"{digest}:{ticks}" for scope, digest in changed.items() if asked.get(scope) != digest}
    return _request_runs(context, new, cursor=json.dumps([changed, ticks + bool(new)]), nothing="no listing has changed")


def read_messages(
    messages: Iterable[Message],
) -> tuple[list[tuple[Message, list[ObjectEvent]]], list[tuple[Message, UnreadableMessageError]]]:
    """Read messages: those that could be read with their events, and the others with what is wrong with them."""
    events, unreadable = [], []
    for message in messages:
        try:
            events.append((message, read_message(message.body)))
        except UnreadableMessageError as error:
            unreadable.append((message, error))
    return events, unreadable


def batch_by_scope(events: Iterable[tuple[Message, list[ObjectEvent]]], bucket: str, prefix: str, rule: ScopeRule) -> dict[str, str]:
    """The scopes that events below a prefix of a bucket touch, each with the digest of its messages."""
    touched: dict[str, set[str]] = {}
    for message, told in events:
        for event in told:
            if event.bucket == bucket and event.key.startswith(prefix):
                touched.setdefault(rule.of_prefix(event.key), set()).add(message.id)
    return {scope: digest_texts(sorted(ids)) for scope, ids in touched.items()}


def digest_scopes(manifest: pipeline.ObjectManifest, rule: ScopeRule) -> dict[str, str]:
    """The digest of every scope that was listed to its end."""
    parts = hops.write_manifest(manifest, rule)
    scopes = manifest.scopes or ()
    incomplete = {rule.of_prefix(failed.prefix) for failed in manifest.failed}
    return {scope: _digest(parts[write_partition_key(scope)]) for scope in scopes if scope not in incomplete}


def _digest(rows: pa.Table) -> str:
    return digest_manifest(rows.select(MANIFEST_SCHEMA.names))


def _request_runs(
    context: dg.SensorEvaluationContext, digests: Mapping[str, str], *, cursor: str, nothing: str
) -> dg.SensorResult | dg.SkipReason:
    """Ask for one run per scope; a run key is the partition key with the digest of what is new."""
    keys = {write_partition_key(scope): digest for scope, digest in sorted(digests.items())}
    known = set(context.instance.get_dynamic_partitions(str(PREFIXES.name)))
    new = [key for key in keys if key not in known]
    return dg.SensorResult(
        run_requests=[dg.RunRequest(partition_key=key, run_key=f"{key}@{digest}") for key, digest in keys.items()],
        skip_reason=None if keys else nothing,
        dynamic_partitions_requests=[PREFIXES.build_add_request(new)] if new else [],
        cursor=cursor,
    )
