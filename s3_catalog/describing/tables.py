"""One table after the other: rows, detectors, mask, profile, tags."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace

import duckdb
import pyarrow as pa
import pyarrow.compute as pc

from s3_catalog.describing.annotating import Annotator, Seen, with_said
from s3_catalog.describing.figures import with_footers
from s3_catalog.describing.full import FullRules, profile_all_rows
from s3_catalog.describing.rows import RawRows, sample_result
from s3_catalog.discovery.grouping import Grouping
from s3_catalog.errors import describe_unknown
from s3_catalog.formats import ReadLimits, Row
from s3_catalog.inference import TableResult
from s3_catalog.model.description import Basis, ColumnProfile, Description, Sample, Tag
from s3_catalog.model.tables import MEMBER_MARK, Column, PartitionColumn, Table
from s3_catalog.profiling.columns import profile_columns
from s3_catalog.profiling.files import profile_files
from s3_catalog.profiling.rows import arrow_rows, json_rows
from s3_catalog.storage import ObjectStore, printable
from s3_catalog.storage.files import OpenedFiles
from s3_catalog.tagging import Detections, Detector, detectors
from s3_catalog.tagging.bounds import mask_statistics
from s3_catalog.tagging.masking import Masker
from s3_catalog.tagging.rules import TagRules, settle_tags
from s3_catalog.tagging.sample_switch import SampleSwitch
from s3_catalog.tagging.scanning import columns_of, detect_columns

logger = logging.getLogger(__name__)

Progress = Callable[[int, int, str], None]
"""Called with tables done, tables in all, and the name of the table just done."""

NOT_DESCRIBED = "the description failed"
"""The beginning of the warning of a table whose description failed in an unforeseen way."""
_VERSION = 1
_HIDDEN = "not shown"
"""The kind of every column where a detector failed, so that nobody knows what they hold, or where people switched samples off."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DescribeRules:
    """How tables are described.

    `sample_rows` are shown at most, of `scan_rows` that detectors and profiles look at, from `sample_files` files; without `samples` no row
    is read. `switch` says of which tables no sample is kept: their rows are looked at all the same, for the sake of their tags.
    `detectors_off` are names of detectors. `full` says which tables are profiled by all of their rows.
    """

    sample_rows: int = 100
    scan_rows: int = 1000
    sample_files: int = 3
    workers: int = 8
    limits: ReadLimits = field(default_factory=ReadLimits)
    samples: bool = True
    switch: SampleSwitch = field(default_factory=SampleSwitch)
    tags: TagRules = field(default_factory=TagRules)
    detectors_off: tuple[str, ...] = ()
    full: FullRules = field(default_factory=FullRules)

    @property
    def fingerprint(self) -> str:
        """Changes when the same files could be described otherwise."""
        numbers = (self.sample_rows, self.scan_rows, self.sample_files, self.limits.max_sample_bytes)
        parts = (_VERSION, *numbers, self.samples, self.switch, self.tags, sorted(self.detectors_off))
        return hashlib.sha256("\0".join(map(str, parts)).encode()).hexdigest()[:16]


def describe_tables(
    store: ObjectStore,
    grouping: Grouping,
    results: Sequence[TableResult],
    rules: DescribeRules,
    *,
    look_at_top: bool = False,
    opened: OpenedFiles | None = None,
    progress: Progress | None = None,
) -> list[TableResult]:
    """Describe the tables of all results, several side by side, in the order of the results.

    A table that still has a description made by the same rules of the same objects, sidecars and tags in the store keeps it.

    Args:
        look_at_top: look for the manifest at the top although it is not listed: for a run over some scopes.
        opened: files that inference read, so that what they keep is not fetched twice.
    """
    objects = objects_by_layout(grouping)
    annotator = Annotator(store, grouping, rules.tags, look_at_top=look_at_top)

    def describe(task: tuple[int, TableResult]) -> TableResult:
        index, result = task
        if not result.tables:
            return result
        own = objects(index, result)
        seen = annotator.look(result.layout, own)
        work = _Work(store, own, rules, annotator, seen, opened)
        expected = work.fingerprint(result.tables)
        fresh = all(table.description is not None and table.description.rules == expected for table in result.tables)
        return result if fresh else _describe_result(work, result)

    described: list[TableResult] = []
    with ThreadPoolExecutor(max_workers=rules.workers, thread_name_prefix="describe") as pool:
        for result in pool.map(describe, enumerate(results)):
            described.append(result)
            if progress is not None:
                progress(len(described), len(results), result.layout.name)
    return described


@dataclass(frozen=True, slots=True)
class _Work:
    """One layout to describe: its objects, and what is seen beside them."""

    store: ObjectStore
    objects: pa.Table
    rules: DescribeRules
    annotator: Annotator
    seen: Seen
    opened: OpenedFiles | None

    def fingerprint(self, tables: Sequence[Table]) -> str:
        """Of the rules, as far as they are about these tables, and of what is seen beside the objects."""
        return f"{self.rules.fingerprint}-{self.seen.digest}".rstrip("-") + self.rules.full.mark(tables)

    @property
    def detectors(self) -> list[Detector]:
        return [detector for name, detector in detectors().items() if name not in self.rules.detectors_off]


def objects_by_layout(grouping: Grouping) -> Callable[[int, TableResult], pa.Table]:
    """Gives the objects of a result by key, those left out that the table's log has removed."""
    assigned = grouping.objects.filter(pc.is_valid(grouping.objects.column("layout")))
    ordered = assigned.sort_by([("layout", "ascending"), ("key", "ascending")]).combine_chunks()
    starts = [0]
    for layout in grouping.layouts:
        starts.append(starts[-1] + layout.object_count)

    def objects(index: int, result: TableResult) -> pa.Table:
        own = ordered.slice(starts[index], starts[index + 1] - starts[index])
        return own.filter(pc.invert(pc.is_in(own.column("key"), value_set=result.dead))) if len(result.dead) else own

    return objects


def _describe_result(work: _Work, result: TableResult) -> TableResult:
    rules, raw = work.rules, RawRows()
    if rules.samples:
        wanted = {"files": rules.sample_files, "rows": rules.scan_rows}
        raw = sample_result(work.store, result, work.objects, rules.limits, **wanted, opened=work.opened)
    fingerprint = work.fingerprint(result.tables)
    return replace(result, tables=tuple(_describe_safely(work, table, raw, fingerprint) for table in result.tables))


def _describe_safely(work: _Work, table: Table, raw: RawRows, fingerprint: str) -> Table:
    """Describe a table; where that fails in a way nobody foresaw it is published without a value, and described again by the next run."""
    try:
        return _describe_table(work, table, raw, fingerprint)
    except Exception as error:  # noqa: BLE001 - a library may raise anything over hostile values, and quote them: only the class is told
        reason = describe_unknown(error)
        logger.error("description failed table=%s error=%s", table.name, reason)
    warning = f"{NOT_DESCRIBED}: {reason}"
    without_bounds = tuple(replace(c, statistics=mask_statistics(c, Masker(Detections()), hidden=True)) for c in table.columns)
    return replace(table, columns=without_bounds, description=Description(sample=Sample(withheld=NOT_DESCRIBED), warnings=(warning,)))


def _describe_table(work: _Work, table: Table, raw: RawRows, fingerprint: str) -> Table:
    rows = rows_of(table, raw)
    detected = detect_columns(columns_of(rows), table=table.name, using=work.detectors)
    said = work.annotator.annotate(table, work.objects, work.seen)
    columns: list[Column | PartitionColumn] = [*table.columns, *table.layout.partition_columns]
    tags = settle_tags((*_detected_tags(detected), *said.tags), [column.name for column in columns])
    detections = with_said(detected, said.tags)
    masker = Masker(detections, using=work.detectors)
    withheld = _why_withheld(work, table, tags, detections)
    labels = _labels(table.columns, detections, hidden=withheld is not None and work.rules.samples)
    shown = () if withheld else json_rows(_spread(rows, work.rules.sample_rows), columns, masker.mask)
    failures = (f"detector {f.detector} failed on column {f.column}: {f.error}" for f in detections.failures)
    profiles, problems = _profile(table, rows, labels, masker), tuple[str, ...]()
    if work.rules.samples and work.rules.full.wants(table):
        limits, full = work.rules.limits, work.rules.full
        profiles, problems = profile_all_rows(work.store, table, work.objects, profiles, labels, masker.mask, full, limits)
    description = Description(
        tags=tags,
        sample=Sample(rows=shown, masked=tuple(sorted({found.column for found in detections.found})) if shown else (), withheld=withheld),
        columns=tuple(profiles),
        files=profile_files(work.objects.column("size"), table.partitions),
        owners=said.owners,
        text=said.text,
        column_texts=said.column_texts,
        warnings=(*raw.problems, *_unseen(table, rows), *failures, *problems, *said.warnings),
        rules=fingerprint,
    )
    masked = tuple(replace(c, statistics=mask_statistics(c, masker, hidden=c.name in labels)) for c in table.columns)
    return replace(table, columns=masked, description=description)


def _why_withheld(work: _Work, table: Table, tags: Sequence[Tag], detections: Detections) -> str | None:
    if not work.rules.samples:
        return "samples are off"
    if detections.failures:
        return "a detector failed, so nobody knows what the values hold"
    return work.rules.switch.why_off(table, work.objects, tags)


def rows_of(table: Table, raw: RawRows) -> Sequence[Row]:
    """The rows of a table: of its member, where its files hold several."""
    if MEMBER_MARK in table.layout.location and table.layout.location.rpartition(MEMBER_MARK)[2] in raw.members:
        return raw.members[table.layout.location.rpartition(MEMBER_MARK)[2]]
    return next(iter(raw.members.values())) if len(raw.members) == 1 else ()


def _unseen(table: Table, rows: Sequence[Row]) -> tuple[str, ...]:
    """The columns that no row of the sample has: nobody looked at what they hold."""
    seen = {name for row in rows for name in row}
    names = [printable(column.name) for column in table.columns if column.name not in seen] if rows else []
    return (f"columns that no sampled row has, so that no detector saw them: {', '.join(names)}",) if names else ()


def _spread(rows: Sequence[Row], count: int) -> Sequence[Row]:
    """At most `count` rows, evenly over all, so that every file has its share."""
    if len(rows) <= count:
        return rows
    return [rows[index * len(rows) // count] for index in range(count)]


def _labels(columns: Sequence[Column], detections: Detections, *, hidden: bool) -> dict[str, str]:
    """Column -> the kind of data that it holds as a whole; of every column where no value is to be shown."""
    if hidden:
        return {column.name: _HIDDEN for column in columns}
    return {found.column: found.label for found in detections.found if not found.inside}


def _detected_tags(detections: Detections) -> list[Tag]:
    return [
        Tag(name=name, column=found.column, rule=found.detector, why=found.evidence, confidence=found.confidence)
        for found in detections.found
        for name in found.tags
    ]


def _profile(table: Table, rows: Sequence[Row], labels: Mapping[str, str], masker: Masker) -> list[ColumnProfile]:
    """Profile the sampled rows; what footers or a log know of all rows goes before it."""
    found: list[ColumnProfile] = []
    if rows:
        relation, columns = arrow_rows(rows, table.columns, dict(table.details), labels)
        with duckdb.connect(config={"threads": 1, "memory_limit": "256MB"}) as connection:
            connection.register("sampled", relation)
            found = profile_columns(connection, "sampled", columns, masker.mask, basis=Basis.SAMPLE)
    by_name = {profile.column: profile for profile in found}
    profiles = (with_footers(c, by_name.get(c.name), masker, hidden=c.name in labels) for c in table.columns)
    return [profile for profile in profiles if profile is not None]
