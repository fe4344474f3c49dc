"""One schema per table, from a few of its files: the newest, the first, the last and some between them.

In: layouts and their objects. Out: `Table`s, and for every file that could not be read the reason. A file that fails is replaced by
another; a table fails only when none of the files tried can be read. Where a log says what the table is (Delta, Iceberg, Hudi), the log
is read and no data file.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace

import pyarrow as pa
import pyarrow.compute as pc

from s3_catalog.discovery.grouping import Grouping
from s3_catalog.discovery.naming import safe_name, unique_names
from s3_catalog.discovery.suffixes import UNKNOWN, read_suffix
from s3_catalog.errors import MissingExtraError, S3CatalogError, UnreadableFileError
from s3_catalog.formats import FileFormat, FileSchema, MemberFormat, ReadLimits, file_formats
from s3_catalog.formats._compression import detect_compression, split_compression
from s3_catalog.model.ledger import SkipReason
from s3_catalog.model.manifest import MANIFEST_SCHEMA
from s3_catalog.model.schemas import FileColumns, merge_schemas
from s3_catalog.model.tables import MEMBER_MARK, UNSTRUCTURED, Partition, Table, TableLayout
from s3_catalog.storage import ObjectStore
from s3_catalog.storage.files import ObjectFile
from s3_catalog.table_formats import LogLimits, TableFormat, TableLog, table_formats
from s3_catalog.table_formats._live import keep_live

logger = logging.getLogger(__name__)

Progress = Callable[[int, int, str], None]
"""Called with tables done, tables in all, and the name of the table just done."""

_RULES_VERSION = 2
_SPARE_FILES = 3
"""How many files may be tried in place of unreadable ones."""


@dataclass(frozen=True, slots=True, kw_only=True)
class InferenceRules:
    """`sample_files` are read per table, `workers` tables at a time.

    Tables of up to `count_files` files are read whole where that is cheap: each file tells its row count without its data, or all
    together are no larger than the first blocks of a sample.
    """

    sample_files: int = 3
    count_files: int = 16
    workers: int = 16
    limits: ReadLimits = field(default_factory=ReadLimits)
    log_limits: LogLimits = field(default_factory=LogLimits)

    @property
    def fingerprint(self) -> str:
        """Changes when the same files could give another schema."""
        return f"{_RULES_VERSION}:{self.sample_files}:{self.count_files}:{self.limits.head_bytes}"


@dataclass(frozen=True, slots=True, kw_only=True)
class TableResult:
    """One layout's outcome: its tables (several where files hold several), or none with the reason in `error`.

    `failed` are (key, error) of files that could not be read. `dead` are the keys that the table's log has removed: the figures of
    `layout` and `tables` are without them.
    """

    layout: TableLayout
    tables: tuple[Table, ...] = ()
    failed: tuple[tuple[str, str], ...] = ()
    error: str | None = None
    dead: pa.Array = field(default_factory=lambda: pa.array([], pa.string()), repr=False)

    @property
    def table(self) -> Table | None:
        """The only table, or the first."""
        return self.tables[0] if self.tables else None

    @property
    def identities(self) -> tuple[str, ...]:
        """Of the tables, or of the layout where there is none."""
        return tuple(table.layout.identity for table in self.tables) or (self.layout.identity,)

    def renamed(self, names: Mapping[str, str]) -> TableResult:
        """The same under other names, by identity."""
        layout = replace(self.layout, name=names.get(self.layout.identity, self.layout.name))
        tables = tuple(replace(t, layout=replace(t.layout, name=names[t.layout.identity])) for t in self.tables)
        return replace(self, layout=layout, tables=tables)


@dataclass(frozen=True, slots=True)
class _Object:
    key: str
    size: int
    etag: str | None
    age: tuple[float, str]


def infer_tables(
    store: ObjectStore,
    grouping: Grouping,
    rules: InferenceRules,
    *,
    known: Mapping[str, Table] | None = None,
    removed: Callable[[], pa.Array] | None = None,
    incomplete: Mapping[str, str] | None = None,
    opened: Mapping[str, ObjectFile] | None = None,
    progress: Progress | None = None,
) -> list[TableResult]:
    """Infer the schema of every layout, several side by side, in the order of the layouts.

    Args:
        known: identity -> table of an earlier run; one whose content digest is the same is taken over without reading a byte.
        removed: tells the keys that the logs of `known` tables had removed; asked only where it matters. Without it, such tables are read.
        incomplete: identity -> why a table is not seen whole; these are not read.
        opened: files that grouping already looked into, by key, so that their first bytes are not fetched twice.
    """
    tasks = list(zip(grouping.layouts, grouping.partitions, _objects_by_layout(grouping), strict=True))
    logs = grouping.objects.filter(pc.equal(grouping.objects.column("skipped"), SkipReason.TABLE_LOG)).select(MANIFEST_SCHEMA.names)
    unchanged = _find_unchanged(grouping.layouts, known or {}, rules)
    shrunk = any(unchanged[i.identity][0].layout.object_count != i.object_count for i in grouping.layouts if i.identity in unchanged)
    dead = removed() if removed is not None and shrunk else pa.array([], pa.string())

    def infer(task: tuple[TableLayout, tuple[Partition, ...], pa.Table]) -> TableResult:
        layout, partitions, objects = task
        if incomplete and layout.identity in incomplete:
            return TableResult(layout=layout, error=incomplete[layout.identity])
        before = unchanged.get(layout.identity)
        taken = None if before is None else _take_over(before, layout, partitions, objects, dead)
        return taken or infer_schema(store, layout, objects, rules, partitions=partitions, opened=opened or {}, logs=logs)

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
    opened: Mapping[str, ObjectFile] | None = None,
    logs: pa.Table | None = None,
) -> TableResult:
    """Infer one table from its objects (`MANIFEST_SCHEMA`, by key); `logs` are the objects of all table formats' logs."""
    if layout.format == UNSTRUCTURED:
        return TableResult(layout=layout, tables=(Table(layout=layout, columns=(), partitions=partitions),))
    table_format = table_formats().get(layout.format)
    if table_format is not None:
        logs = MANIFEST_SCHEMA.empty_table() if logs is None else logs
        return _infer_from_log(store, table_format, layout, objects, logs, rules, partitions)
    reader = file_formats().get(layout.format)
    wanted = rules.sample_files
    within_budget = layout.size_bytes <= rules.sample_files * rules.limits.head_bytes
    if objects.num_rows <= rules.count_files and (within_budget or (reader is not None and reader.counts_cheaply)):
        wanted = objects.num_rows
    delimiter = dict(layout.options).get("delimiter")
    limits = replace(rules.limits, delimiter=delimiter) if delimiter else rules.limits
    read: dict[str, list[tuple[_Object, FileSchema]]] = {}
    failed: list[tuple[str, str]] = []
    done = 0
    for found in _candidates(objects, wanted + _SPARE_FILES):
        if done == wanted or (not done and len(failed) > _SPARE_FILES):
            break
        try:
            members = _read_file(store, found, layout, limits, opened or {})
        except S3CatalogError as error:
            failed.append((found.key, str(error)))
            if isinstance(error, MissingExtraError):
                break
            continue
        done += 1
        for member, schema in members.items():
            read.setdefault(member, []).append((found, schema))
    if not read:
        reason = failed[0][1] if len(failed) == 1 else f"none of {len(failed)} files tried could be read: {failed[0][1]}"
        return TableResult(layout=layout, failed=tuple(failed), error=reason)
    complete = done == objects.num_rows and not failed
    tables = [
        _build_table(own, partitions, read[member], rules, complete=complete, failed=bool(failed))
        for member, own in _member_layouts(layout, list(read)).items()
    ]
    return TableResult(layout=layout, tables=tuple(tables), failed=tuple(failed))


def _member_layouts(layout: TableLayout, members: Sequence[str]) -> dict[str, TableLayout]:
    """The layout itself for files of one table; for several, one each, named after layout and member."""
    if len(members) == 1:
        return {members[0]: layout}
    wanted = {member: f"{layout.name}_{safe_name([member], fallback='member')}" for member in members}
    names = unique_names({layout.member(member, name).identity: name for member, name in wanted.items()}, {})
    return {member: layout.member(member, names[layout.member(member, "").identity]) for member in members}


def _build_table(
    layout: TableLayout,
    partitions: tuple[Partition, ...],
    read: Sequence[tuple[_Object, FileSchema]],
    rules: InferenceRules,
    *,
    complete: bool,
    failed: bool,
) -> Table:
    files = [FileColumns(key=found.key, age=found.age, columns=schema.columns, conflicts=schema.conflicts) for found, schema in read]
    schemas = {found.key: schema for found, schema in read}
    merged = merge_schemas(files, layout.partition_columns)
    counts = [schema.row_count for schema in schemas.values()]
    row_count = sum(count for count in counts if count is not None) if complete and None not in counts else None
    details: dict[str, str] = {}
    for schema in schemas.values():
        details.update({name: value for name, value in schema.details.items() if details.get(name, value) == value})
    formats = {schema.format or layout.format for schema in schemas.values()}
    warnings = dict.fromkeys([*merged.warnings, *(warning for schema in schemas.values() for warning in schema.warnings)])
    if len(formats) > 1:
        warnings[f"files of several formats: {', '.join(sorted(formats))}"] = None
    if len(formats) == 1 and formats != {layout.format}:
        details["format"] = formats.pop()
    if not failed:
        details["schema_rules"] = rules.fingerprint
    return Table(
        layout=layout,
        columns=merged.columns,
        row_count=row_count,
        conflicts=merged.conflicts,
        warnings=tuple(warnings),
        details=tuple(sorted(details.items())),
        sampled_keys=tuple(sorted(schemas)),
        partitions=partitions,
    )


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
    except Exception as error:  # a format's library may raise anything on a hostile log; one table never stops a run
        logger.exception("table format failed format=%s location=%r", table_format.name, layout.location)
        unreadable = log.unreadable(log.folder, f"its reader failed with {type(error).__name__}")
        return TableResult(layout=layout, error=str(unreadable))
    live = keep_live(layout, partitions, objects, logged)
    table = Table(
        layout=live.layout,
        columns=logged.columns,
        row_count=logged.row_count,
        warnings=live.warnings,
        details=tuple(sorted({**logged.details, "schema_rules": rules.fingerprint}.items())),
        sampled_keys=logged.read_keys,
        partitions=live.partitions,
    )
    return TableResult(layout=live.layout, tables=(table,), dead=live.dead)


def _find_unchanged(layouts: Sequence[TableLayout], known: Mapping[str, Table], rules: InferenceRules) -> dict[str, list[Table]]:
    """Layout identity -> its known tables, where all of them are of the very same objects and rules."""
    by_layout: dict[str, list[Table]] = {}
    for identity, table in known.items():
        by_layout.setdefault(identity, []).append(table)
        if MEMBER_MARK in identity:
            by_layout.setdefault(identity.rpartition(MEMBER_MARK)[0], []).append(table)
    return {
        layout.identity: by_layout[layout.identity]
        for layout in layouts
        if layout.identity in by_layout and all(_is_unchanged(table, layout, rules) for table in by_layout[layout.identity])
    }


def _moved(old: TableLayout, new: TableLayout) -> TableLayout:
    """A new layout for an unchanged table, which may be a member of its files."""
    return new if old.identity == new.identity else replace(new, location=old.location, name=old.name)


def _is_unchanged(before: Table, layout: TableLayout, rules: InferenceRules) -> bool:
    # A log knows the partition columns better than the paths do.
    same_columns = layout.format in table_formats() or before.layout.partition_columns == layout.partition_columns
    same_place = before.layout.content_digest == layout.content_digest and same_columns
    same_rules = layout.format == UNSTRUCTURED or dict(before.details).get("schema_rules") == rules.fingerprint
    return same_place and same_rules and before.layout.options == layout.options


def _take_over(
    before: Sequence[Table], layout: TableLayout, partitions: tuple[Partition, ...], objects: pa.Table, removed: pa.Array
) -> TableResult | None:
    """The unchanged tables of a layout as they were; None where it is not known which of their files were removed."""
    if layout.format not in table_formats():
        tables = (replace(t, layout=_moved(t.layout, layout), partitions=partitions) for t in before)
        return TableResult(layout=layout, tables=tuple(tables))
    (of_log,) = before
    keys = objects.column("key").combine_chunks()
    dead = keys.filter(pc.is_in(keys, value_set=removed))
    if len(keys) - len(dead) != of_log.layout.object_count:
        return None
    kept = replace(of_log.layout, name=layout.name, evidence=layout.evidence, warnings=layout.warnings)
    return TableResult(layout=kept, tables=(replace(of_log, layout=kept),), dead=dead)


def _read_file(
    store: ObjectStore, found: _Object, layout: TableLayout, limits: ReadLimits, opened: Mapping[str, ObjectFile]
) -> Mapping[str, FileSchema]:
    """The tables of one file by member; the only table of a plain file has the member ""."""
    file = opened.get(found.key) or ObjectFile(store, found.key, found.size, found.etag)
    reader, compression = _choose_reader(layout, file, limits)
    try:
        if isinstance(reader, MemberFormat):
            return reader.read_members(file, compression, limits)
        return {"": reader.read_schema(file, compression, limits)}
    except S3CatalogError:
        raise
    except Exception as error:  # a format's library may raise anything on hostile bytes; one file never stops a run
        logger.exception("format failed format=%s key=%r", reader.name, found.key)
        raise UnreadableFileError(found.key, reader.name, f"its reader failed with {type(error).__name__}") from error


def _choose_reader(layout: TableLayout, file: ObjectFile, limits: ReadLimits) -> tuple[FileFormat, str | None]:
    """The format of a table's files: its own, or where nothing here reads that, the one a file's name tells."""
    formats = file_formats()
    _, compression = split_compression(file.key.rpartition("/")[2])
    named, _ = read_suffix(file.key)
    if compression is None and named == UNKNOWN:
        compression = detect_compression(file.head(limits.head_bytes))
    reader = formats.get(layout.format) or formats.get(named)
    if reader is None:
        raise UnreadableFileError(file.key, layout.format, f"no reader is installed for it; known are {', '.join(sorted(formats))}")
    return reader, compression


def _objects_by_layout(grouping: Grouping) -> Iterator[pa.Table]:
    """Each layout's objects by key, as slices of one sorted table."""
    assigned = grouping.objects.filter(pc.is_valid(grouping.objects.column("layout")))
    ordered = assigned.sort_by([("layout", "ascending"), ("key", "ascending")]).combine_chunks()
    start = 0
    for layout in grouping.layouts:
        yield ordered.slice(start, layout.object_count)
        start += layout.object_count


def _candidates(objects: pa.Table, count: int) -> list[_Object]:
    """Which files to read, in order of preference: the newest, the first and last by key, then ever finer steps between them."""
    rows = objects.num_rows
    times = objects.column("last_modified")
    newest = pc.index(times, pc.max(times)).as_py() if times.null_count < rows else rows - 1
    order = dict.fromkeys([newest, 0, rows - 1])
    step = rows
    while len(order) < min(count, rows):
        step = max(1, step // 2)
        order.update(dict.fromkeys(range(step, rows, step)))
    picked = objects.select(["key", "size", "etag", "last_modified"]).take(list(order)[:count]).to_pylist()
    return [
        _Object(row["key"], row["size"], row["etag"], (row["last_modified"].timestamp() if row["last_modified"] else 0.0, row["key"]))
        for row in picked
    ]
