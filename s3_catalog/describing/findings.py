"""The detectors alone: rows read afresh, what is found in them, and nothing kept."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from s3_catalog.describing.rows import RawRows, sample_result
from s3_catalog.describing.tables import DescribeRules, Progress, objects_by_layout, rows_of
from s3_catalog.discovery.grouping import Grouping
from s3_catalog.inference import TableResult
from s3_catalog.model.tables import UNSTRUCTURED, Table
from s3_catalog.storage import ObjectStore
from s3_catalog.storage.files import OpenedFiles
from s3_catalog.tagging import Detections, detectors
from s3_catalog.tagging.scanning import columns_of, detect_columns


@dataclass(frozen=True, slots=True, kw_only=True)
class TableFindings:
    """What the detectors say of one table, by `rows` of it. `problems` tell, without a value, which files gave no rows and why."""

    table: Table
    rows: int
    detections: Detections
    problems: tuple[str, ...] = ()


def scan_tables(
    store: ObjectStore,
    grouping: Grouping,
    results: Sequence[TableResult],
    rules: DescribeRules,
    *,
    opened: OpenedFiles | None = None,
    progress: Progress | None = None,
) -> list[TableFindings]:
    """Run the detectors over some rows of every table, also of those whose samples are switched off; file sets have none.

    Of `rules` the number of rows and files count, and which detectors are off. `opened` are files that inference read.
    """
    objects = objects_by_layout(grouping)

    def scan(task: tuple[int, TableResult]) -> list[TableFindings]:
        index, result = task
        wanted = {"files": rules.sample_files, "rows": rules.scan_rows}
        raw = sample_result(store, result, objects(index, result), rules.limits, **wanted, opened=opened)
        return [_scan_table(table, raw, rules) for table in result.tables] if result.layout.format != UNSTRUCTURED else []

    found: list[TableFindings] = []
    with ThreadPoolExecutor(max_workers=rules.workers, thread_name_prefix="scan") as pool:
        for done, findings in enumerate(pool.map(scan, enumerate(results)), 1):
            found += findings
            if progress is not None:
                progress(done, len(results), results[done - 1].layout.name)
    return found


def _scan_table(table: Table, raw: RawRows, rules: DescribeRules) -> TableFindings:
    rows = rows_of(table, raw)
    using = [detector for name, detector in detectors().items() if name not in rules.detectors_off]
    detections = detect_columns(columns_of(rows), table=table.name, using=using)
    return TableFindings(table=table, rows=len(rows), detections=detections, problems=raw.problems)
