"""Write one table to AWS Glue: itself, its partitions, statistics, index and Lake Formation tags.

In: what Glue should hold, what it holds and what was remembered. Out: what was written, to be remembered. A partitioned table says how
many partitions it has only when they are there, so that a run that was killed is repaired by the next one.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from s3_catalog.catalogs._authority import WrittenTable
from s3_catalog.catalogs._glue_client import GlueDatabase, GlueRefusalError
from s3_catalog.catalogs._glue_diff import Merged, merge_fields
from s3_catalog.catalogs._glue_lake_formation import LAKE_FORMATION_TAGS, LakeFormation, tag_changes
from s3_catalog.catalogs._glue_partitions import diff_partitions
from s3_catalog.catalogs._glue_tables import (
    IDENTITY,
    PARTITIONS,
    RETIRED,
    STATISTICS,
    Fields,
    GlueAnswer,
    GlueTable,
    read_fields,
    read_table,
    write_table,
)
from s3_catalog.errors import CatalogError
from s3_catalog.model.tables import Table

INDEX = "s3_catalog"
"""Name of the partition index that we make."""
_MAX_INDEX_KEYS = 3
Clock = Callable[[], datetime]


@dataclass(frozen=True, slots=True, kw_only=True)
class TableWriter:
    """Writes tables of one database. `lake_formation` is None where tags are not sent."""

    database: GlueDatabase
    now: Clock
    indexes: bool = False
    lake_formation: LakeFormation | None = None

    def publish(
        self, table: Table, wanted: GlueTable, found: GlueAnswer | None, target: GlueAnswer | None, written: WrittenTable | None
    ) -> WrittenTable:
        """Create or update a table.

        Args:
            found: the table as Glue has it now, maybe under another name.
            target: what has the wanted name in Glue now.

        Raises:
            CatalogError: refused; what was sent before stays, and the next run goes on from there.
        """
        merged = merge_fields(read_fields(found) if found else {}, wanted.fields, written)
        fields = {name: text for name, text in merged.fields.items() if name != f"parameters.{RETIRED}"}
        moved = found is None or found["Name"] != wanted.name
        if wanted.partitions and (merged.partitions_change or moved):
            self._write(wanted, _unsettled(fields), found, target)
            self._write_partitions(wanted, fields)
        else:
            self._write(wanted, fields, found, target)
        if self.indexes and wanted.partitions:
            self._ensure_index(wanted)
        if wanted.statistics and (moved or f"parameters.{STATISTICS}" in {name for name, _, _ in merged.changes}):
            self._write_statistics(wanted)
        remembered: dict[str, Any] = dict(merged.remembered)
        if self.lake_formation is not None:
            before = written.fields.get(LAKE_FORMATION_TAGS, []) if written else []
            remembered[LAKE_FORMATION_TAGS] = self.lake_formation.write(wanted.name, tag_changes(table, wanted, before))
        return remember(table, wanted.name, remembered)

    def _write(self, wanted: GlueTable, fields: Fields, found: GlueAnswer | None, target: GlueAnswer | None) -> None:
        body = write_table(wanted, fields, found)
        if target is not None:
            self.database.update(body, target.get("VersionId"))
            return
        try:
            self.database.create(body)
        except GlueRefusalError as error:
            if error.code != "AlreadyExistsException":
                raise
            there = self.database.table(wanted.name)
            if there.get("Parameters", {}).get(IDENTITY) != fields[f"parameters.{IDENTITY}"]:
                raise CatalogError(f"the name {wanted.name!r} was taken by another table meanwhile") from error
            # Our own call whose answer was lost, and which was sent again.
            self.database.update(body, there.get("VersionId"))

    def _write_partitions(self, wanted: GlueTable, fields: Fields) -> None:
        there = self.database.table(wanted.name)
        changes = diff_partitions(wanted.partitions, self.database.partitions(wanted.name), there["StorageDescriptor"])
        failed = self.database.write_partitions(wanted.name, changes)
        if failed:
            raise CatalogError(_first(failed))
        self.database.update(write_table(wanted, fields, there), there.get("VersionId"))

    def _ensure_index(self, wanted: GlueTable) -> None:
        if INDEX not in self.database.index_names(wanted.name):
            self.database.create_index(wanted.name, INDEX, wanted.partition_keys[:_MAX_INDEX_KEYS])

    def _write_statistics(self, wanted: GlueTable) -> None:
        now = self.now()
        failed = self.database.write_statistics(wanted.name, [{**one, "AnalyzedTime": now} for one in wanted.statistics])
        if failed:
            raise CatalogError(_first(failed))

    def retire(self, found: GlueAnswer, written: WrittenTable | None) -> WrittenTable:
        """Mark a table as gone from the store; it stays, with all that people wrote."""
        stamp = self.now().isoformat(timespec="seconds")
        fields = {**read_fields(found), f"parameters.{RETIRED}": stamp}
        self.database.update(write_table(_as_it_is(found, fields), fields, found), found.get("VersionId"))
        return replace(written or recall(found), retired=True)


def remember(table: Table, name: str, fields: GlueAnswer) -> WrittenTable:
    """What is to be remembered of a table that was published."""
    layout = table.layout
    return WrittenTable(
        identity=layout.identity, name=table.name, store_url=layout.store_url, location=layout.location, key=name, fields=fields
    )


def recall(found: GlueAnswer) -> WrittenTable:
    """What can be told of a table that we published and have forgotten."""
    return remember(read_table(found), found["Name"], {})


def _as_it_is(found: GlueAnswer, fields: Fields) -> GlueTable:
    columns = tuple(column["Name"] for column in found.get("StorageDescriptor", {}).get("Columns", ()))
    keys = tuple(column["Name"] for column in found.get("PartitionKeys", ()))
    return GlueTable(name=found["Name"], fields=fields, order=columns, partition_keys=keys)


def _unsettled(fields: Fields) -> Fields:
    return {name: text for name, text in fields.items() if name != f"parameters.{PARTITIONS}"}


def _first(failed: Sequence[str]) -> str:
    return failed[0] if len(failed) == 1 else f"{failed[0]}, and {len(failed) - 1} more"


def is_settled(merged: Merged, found: GlueAnswer | None, wanted: GlueTable) -> bool:
    """Whether nothing is to be written: the same fields, no retirement to lift, the same name."""
    return found is not None and not merged.changes and RETIRED not in found.get("Parameters", {}) and found["Name"] == wanted.name
