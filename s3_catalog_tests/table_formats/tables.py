"""Tables of a lake as a crawl sees them, without a catalog."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from s3_catalog.discovery.accounting import build_ledger
from s3_catalog.discovery.grouping import GroupingRules, group_objects
from s3_catalog.discovery.listing import list_objects
from s3_catalog.inference import InferenceRules, TableResult, infer_tables
from s3_catalog.model.ledger import SkipReason
from s3_catalog.model.tables import Table
from s3_catalog.model.types import type_text
from s3_catalog.storage import ObjectStore, open_store


@dataclass(frozen=True, slots=True)
class Found:
    """What was found in a lake: results per layout, the ledger, and the store with its receipt."""

    results: list[TableResult]
    ledger: pa.Table
    store: ObjectStore

    @property
    def table(self) -> Table:
        """The only table."""
        (result,) = self.results
        assert result.table is not None, result.error
        return result.table

    @property
    def error(self) -> str:
        """Why the only table failed."""
        (result,) = self.results
        assert result.table is None
        assert result.error is not None
        return result.error

    def keys(self, skipped: SkipReason | None = None) -> set[str]:
        """Keys that are in a table, or those skipped for one reason."""
        column = self.ledger.column("table" if skipped is None else "skipped")
        chosen = pc.is_valid(column) if skipped is None else pc.equal(column, skipped)
        return set(self.ledger.filter(chosen).column("key").to_pylist())

    def failed(self) -> dict[str, str]:
        rows = self.ledger.filter(pc.is_valid(self.ledger.column("error")))
        return dict(zip(rows.column("key").to_pylist(), rows.column("error").to_pylist(), strict=True))


def look_at(lake: Path | str | ObjectStore, rules: InferenceRules | None = None) -> Found:
    """List, group and infer a lake (a folder, a URL or an open store)."""
    store = open_store(str(lake)) if isinstance(lake, str | Path) else lake
    grouping = group_objects(list_objects(store).manifest, GroupingRules(base=store.location.prefix, store_url=store.location.store_url))
    results = infer_tables(store, grouping, rules or InferenceRules())
    failed = {key: error for result in results for key, error in result.failed}
    ledger = build_ledger(grouping.objects, [(r.layout, r.error) for r in results], failed, [], [r.dead for r in results])
    return Found(results, ledger, store)


def columns_of(table: Table) -> dict[str, str]:
    return {column.name: type_text(column.type) for column in table.columns}


def partition_columns_of(table: Table) -> dict[str, str]:
    return {column.name: type_text(column.type) for column in table.layout.partition_columns}


def partitions_of(table: Table) -> dict[tuple[str | None, ...], int]:
    """Partition values -> files."""
    return {partition.values: partition.object_count for partition in table.partitions}


def adds_up(found: Found) -> bool:
    """Whether every listed object has exactly one fate, and the tables' figures are those of their objects."""
    ledger = found.ledger
    fates = [pc.is_valid(ledger.column(name)).cast(pa.int8()) for name in ("table", "skipped", "error")]
    once = pc.all(pc.equal(pc.add(pc.add(fates[0], fates[1]), fates[2]), 1)).as_py()
    in_tables = ledger.filter(pc.is_valid(ledger.column("table")))
    counted = sum(result.table.layout.object_count for result in found.results if result.table)
    measured = sum(result.table.layout.size_bytes for result in found.results if result.table)
    return bool(once and counted == in_tables.num_rows and measured == (pc.sum(in_tables.column("size")).as_py() or 0))
