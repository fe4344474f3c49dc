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

from s3_catalog.describing.figures import with_footers
from s3_catalog.describing.rows import RawRows, read_rows
from s3_catalog.discovery.grouping import Grouping
from s3_catalog.formats import ReadLimits, Row
from s3_catalog.inference import TableResult
from s3_catalog.inference.files import TableFiles
from s3_catalog.model.description import Basis, ColumnProfile, Description, Sample, Tag
from s3_catalog.model.tables import MEMBER_MARK, UNSTRUCTURED, Column, PartitionColumn, Table
from s3_catalog.profiling.columns import profile_columns
from s3_catalog.profiling.files import profile_files
from s3_catalog.profiling.rows import arrow_rows, json_rows
from s3_catalog.storage import ObjectStore
from s3_catalog.tagging import Detections
from s3_catalog.tagging.bounds import mask_statistics
from s3_catalog.tagging.masking import Masker
from s3_catalog.tagging.scanning import columns_of, detect_columns

logger = logging.getLogger(__name__)

Progress = Callable[[int, int, str], None]
"""Called with tables done, tables in all, and the name of the table just done."""
TableTagger = Callable[[Table, pa.Table], tuple[Tag, ...]]
"""Gives the tags that need no row: a table and its objects (`MANIFEST_SCHEMA`) -> tags."""

_VERSION = 1
_HIDDEN = "not shown"
"""The kind of every column where a detector failed: nobody knows what they hold."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DescribeRules:
    """How tables are described.

    `sample_rows` are shown at most, of `scan_rows` that detectors and profiles look at, from `sample_files` files. `withhold` says of a
    table and its tags why its sample is not to be kept, or None.
    """

    sample_rows: int = 100
    scan_rows: int = 1000
    sample_files: int = 3
    workers: int = 8
    limits: ReadLimits = field(default_factory=ReadLimits)
    tagger: TableTagger = lambda table, objects: ()
    withhold: Callable[[Table, Sequence[Tag]], str | None] = lambda table, tags: None
    settings: str = ""
    """All that people set about tags and samples, as text: a change of it describes every table anew."""

    @property
    def fingerprint(self) -> str:
        """Changes when the same files could be described otherwise."""
        parts = (_VERSION, self.sample_rows, self.scan_rows, self.sample_files, self.settings)
        return hashlib.sha256("\0".join(map(str, parts)).encode()).hexdigest()[:16]


def describe_tables(
    store: ObjectStore, grouping: Grouping, results: Sequence[TableResult], rules: DescribeRules, *, progress: Progress | None = None
) -> list[TableResult]:
    """Describe the tables of all results, several side by side, in the order of the results.

    A table that still has a description made by the same rules of the same objects keeps it.
    """
    objects = _objects_by_layout(grouping)

    def describe(task: tuple[int, TableResult]) -> TableResult:
        index, result = task
        stale = [table for table in result.tables if table.description is None or table.description.rules != rules.fingerprint]
        return _describe_result(store, result, objects(index, result), rules) if stale else result

    described: list[TableResult] = []
    with ThreadPoolExecutor(max_workers=rules.workers, thread_name_prefix="describe") as pool:
        for result in pool.map(describe, enumerate(results)):
            described.append(result)
            if progress is not None:
                progress(len(described), len(results), result.layout.name)
    return described


def _objects_by_layout(grouping: Grouping) -> Callable[[int, TableResult], pa.Table]:
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


def _describe_result(store: ObjectStore, result: TableResult, objects: pa.Table, rules: DescribeRules) -> TableResult:
    by_rules = {table.layout.identity: rules.tagger(table, objects) for table in result.tables}
    withheld = {table.layout.identity: rules.withhold(table, by_rules[table.layout.identity]) for table in result.tables}
    raw = RawRows()
    if result.layout.format != UNSTRUCTURED and not all(withheld.values()):
        partitions = result.tables[0].partitions if result.tables else ()
        files = TableFiles(objects, partitions)
        count = min(rules.sample_files, files.count)
        if count:
            raw = read_rows(store, result.layout, files, rules.limits, count=count, rows=-(-rules.scan_rows // count))
    tables = [
        _describe_table(table, objects, raw, by_rules[table.layout.identity], withheld[table.layout.identity], rules)
        for table in result.tables
    ]
    return replace(result, tables=tuple(tables))


def _describe_table(
    table: Table, objects: pa.Table, raw: RawRows, tags: tuple[Tag, ...], withheld: str | None, rules: DescribeRules
) -> Table:
    rows = _rows_of(table, raw)
    detections = detect_columns(columns_of(rows), table=table.name)
    masker = Masker(detections)
    labels = _labels(table.columns, detections)
    warnings = [*raw.problems, *(f"detector {f.detector} failed on column {f.column}: {f.error}" for f in detections.failures)]
    if detections.failures:
        withheld = withheld or "a detector failed, so nobody knows what the values hold"
    columns: list[Column | PartitionColumn] = [*table.columns, *table.layout.partition_columns]
    shown = () if withheld else json_rows(_spread(rows, rules.sample_rows), columns, masker.mask)
    description = Description(
        tags=(*_detected_tags(detections), *tags),
        sample=Sample(rows=shown, masked=tuple(sorted({found.column for found in detections.found})) if shown else (), withheld=withheld),
        columns=tuple(_profile(table, rows, labels, masker)),
        files=profile_files(objects.column("size"), table.partitions),
        warnings=tuple(warnings),
        rules=rules.fingerprint,
    )
    masked = tuple(replace(c, statistics=mask_statistics(c, masker, hidden=c.name in labels)) for c in table.columns)
    return replace(table, columns=masked, description=description)


def _rows_of(table: Table, raw: RawRows) -> Sequence[Row]:
    """The rows of a table: of its member, where its files hold several."""
    if MEMBER_MARK in table.layout.location and table.layout.location.rpartition(MEMBER_MARK)[2] in raw.members:
        return raw.members[table.layout.location.rpartition(MEMBER_MARK)[2]]
    return next(iter(raw.members.values())) if len(raw.members) == 1 else ()


def _spread(rows: Sequence[Row], count: int) -> Sequence[Row]:
    """At most `count` rows, evenly over all, so that every file has its share."""
    if len(rows) <= count:
        return rows
    return [rows[index * len(rows) // count] for index in range(count)]


def _labels(columns: Sequence[Column], detections: Detections) -> dict[str, str]:
    """Column -> the kind of data that it holds as a whole; of every column where a detector failed."""
    if detections.failures:
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
