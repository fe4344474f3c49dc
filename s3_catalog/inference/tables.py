"""Layouts become tables: by the log where there is one, by a sample of the files elsewhere, and not at all where nothing changed."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor

import pyarrow as pa
import pyarrow.compute as pc

from s3_catalog.discovery.grouping import Grouping
from s3_catalog.errors import HintError, S3CatalogError, describe_unknown
from s3_catalog.inference.assembly import MemberFiles, apply_type_hints, build_table, member_layouts
from s3_catalog.inference.files import FileReader, TableFiles, read_files
from s3_catalog.inference.logged import choose_logged
from s3_catalog.inference.private_texts import error_text, hide_private_columns
from s3_catalog.inference.results import InferenceRules, TableResult
from s3_catalog.inference.reuse import find_unchanged, take_over
from s3_catalog.model.ledger import SkipReason
from s3_catalog.model.manifest import MANIFEST_SCHEMA
from s3_catalog.model.tables import UNSTRUCTURED, Partition, Table, TableLayout
from s3_catalog.storage import ObjectStore
from s3_catalog.storage.files import OpenedFiles
from s3_catalog.table_formats import TableFormat, TableLog, table_formats
from s3_catalog.table_formats._live import keep_live
from s3_catalog.table_formats._origins import describe_files
from s3_catalog.tagging.bounds import mask_bounds

logger = logging.getLogger(__name__)

Progress = Callable[[int, int, str], None]
"""Called with tables done, tables in all, and the name of the table just done."""


def infer_tables(
    store: ObjectStore,
    grouping: Grouping,
    rules: InferenceRules,
    *,
    known: Mapping[str, Table] | None = None,
    removed: Callable[[], pa.Array] | None = None,
    incomplete: Mapping[str, str] | None = None,
    opened: OpenedFiles | None = None,
    progress: Progress | None = None,
) -> list[TableResult]:
    """Infer the schema of every layout, several side by side, in the order of the layouts.

    Args:
        known: identity -> table of an earlier run; one whose content digest is the same is taken over without reading a byte.
        removed: tells the keys that the logs of `known` tables had removed; asked only where it matters. Without it, such tables are read.
        incomplete: identity -> why a table is not seen whole; these are not read.
        opened: files that grouping already looked into; those read here are added, for whoever reads them next.
    """
    tasks = list(zip(grouping.layouts, grouping.partitions, _objects_by_layout(grouping), strict=True))
    logs = grouping.objects.filter(pc.equal(grouping.objects.column("skipped"), SkipReason.TABLE_LOG)).select(MANIFEST_SCHEMA.names)
    unchanged = find_unchanged(grouping.layouts, known or {}, rules)
    shrunk = any(unchanged[i.identity][0].layout.object_count != i.object_count for i in grouping.layouts if i.identity in unchanged)
    dead = removed() if removed is not None and shrunk else pa.array([], pa.string())

    def infer(task: tuple[TableLayout, tuple[Partition, ...], pa.Table]) -> TableResult:
        layout, partitions, objects = task
        if incomplete and layout.identity in incomplete:
            return TableResult(layout=layout, error=incomplete[layout.identity])
        before = unchanged.get(layout.identity)
        taken = None if before is None else take_over(before, layout, partitions, objects, dead)
        return taken or infer_schema(store, layout, objects, rules, partitions=partitions, opened=opened, logs=logs)

    results: list[TableResult] = []
    with ThreadPoolExecutor(max_workers=rules.workers, thread_name_prefix="infer") as pool:
        for result in pool.map(infer, tasks):
            results.append(result)
            if progress is not None:
                progress(len(results), len(tasks), result.layout.name)
    return results


def infer_schema(
    store: ObjectStore,
    layout: TableLayout,
    objects: pa.Table,
    rules: InferenceRules,
    *,
    partitions: tuple[Partition, ...] = (),
    opened: OpenedFiles | None = None,
    logs: pa.Table | None = None,
) -> TableResult:
    """Infer one table from its objects (`MANIFEST_SCHEMA`, by key); `logs` are the objects of all table formats' logs."""
    if layout.format == UNSTRUCTURED:
        return TableResult(layout=layout, tables=(Table(layout=layout, columns=(), partitions=partitions),))
    table_format = table_formats().get(layout.format)
    if table_format is not None:
        logs = MANIFEST_SCHEMA.empty_table() if logs is None else logs
        return _infer_from_log(store, table_format, layout, objects, logs, rules, partitions)
    files = TableFiles(objects, partitions)
    reader = read_files(store, layout, files, rules, opened or OpenedFiles())
    failed = tuple((file.ref.key, error_text(error, layout.name)) for file, error in reader.failed)
    if not reader.read:
        reason = failed[0][1] if len(failed) == 1 else f"none of {len(failed)} files tried could be read: {failed[0][1]}"
        return TableResult(layout=layout, failed=failed, error=reason)
    try:
        return TableResult(layout=layout, tables=tuple(_build_tables(layout, partitions, files, reader, rules)), failed=failed)
    except HintError as error:
        return TableResult(layout=layout, failed=failed, error=error_text(error, layout.name))


def _build_tables(
    layout: TableLayout, partitions: tuple[Partition, ...], files: TableFiles, reader: FileReader, rules: InferenceRules
) -> Iterator[Table]:
    complete = len(reader.read) == files.count
    # What was read in part is read again by the next run, changed or not.
    details = {} if reader.failed else {"schema_rules": rules.fingerprint}
    members = list(dict.fromkeys(member for found in reader.read for member in found.members))
    columns = frozenset(c.name for found in reader.read for schema in found.members.values() for c in schema.columns)
    for member, own in member_layouts(layout, members).items():
        read = [found for found in reader.read if member in found.members]
        table_files = MemberFiles(layout=own, member=member, read=read, files=files, complete=complete, beside=columns)
        yield build_table(table_files, partitions, details)


def _infer_from_log(
    store: ObjectStore,
    table_format: TableFormat,
    layout: TableLayout,
    objects: pa.Table,
    logs: pa.Table,
    rules: InferenceRules,
    partitions: tuple[Partition, ...],
) -> TableResult:
    own = logs.filter(pc.starts_with(logs.column("key"), layout.location + table_format.log_folder))
    log = TableLog(store, layout.location, table_format.name, table_format.log_folder, own, objects, rules.log_limits)
    try:
        logged = table_format.read_table(log)
    except S3CatalogError as error:
        return TableResult(layout=layout, error=str(error))
    except Exception as error:  # noqa: BLE001 - a format's library may raise anything on a hostile log; one table never stops a run
        logger.error("table format failed format=%s location=%r error=%s", layout.format, layout.location, describe_unknown(error))
        unreadable = log.unreadable(log.folder, f"its reader failed with {type(error).__name__}")
        return TableResult(layout=layout, error=str(unreadable))
    live = keep_live(layout, partitions, objects, logged)
    try:
        columns = apply_type_hints(live.layout, hide_private_columns(logged.columns), log.folder)
    except HintError as error:
        return TableResult(layout=layout, error=error_text(error, layout.name))
    details = {**logged.details, **describe_files(layout.store_url, log.root, logged.files), "schema_rules": rules.fingerprint}
    table = Table(
        layout=live.layout,
        columns=mask_bounds(columns, layout.name),
        row_count=logged.row_count,
        warnings=live.warnings,
        details=tuple(sorted(details.items())),
        sampled_keys=logged.read_keys,
        partitions=live.partitions,
    )
    return TableResult(layout=live.layout, tables=(table,), dead=live.dead, logged=choose_logged(objects, logged))


def _objects_by_layout(grouping: Grouping) -> Iterator[pa.Table]:
    """Each layout's objects by key, as slices of one sorted table."""
    assigned = grouping.objects.filter(pc.is_valid(grouping.objects.column("layout")))
    ordered = assigned.sort_by([("layout", "ascending"), ("key", "ascending")]).combine_chunks()
    start = 0
    for layout in grouping.layouts:
        yield ordered.slice(start, layout.object_count)
        start += layout.object_count
