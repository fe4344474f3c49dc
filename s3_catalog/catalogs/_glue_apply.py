"""Write one table to AWS Glue: itself, its partitions, statistics, index and Lake Formation tags.

In: what Glue should hold, what it holds and what was remembered. Out: what was written, to be remembered. A table says that its
partitions, index, statistics and tags are there only when they are, so that a run that was killed or half failed is repaired by the next.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from s3_catalog.catalogs._authority import WrittenTable
from s3_catalog.catalogs._glue_client import GlueDatabase, GlueRefusalError
from s3_catalog.catalogs._glue_diff import Merged, merge_fields
from s3_catalog.catalogs._glue_lake_formation import LakeFormation
from s3_catalog.catalogs._glue_partitions import diff_partitions
from s3_catalog.catalogs._glue_tables import (
    IDENTITY,
    INDEX,
    MAX_INDEX_KEYS,
    PARTITIONS,
    RETIRED,
    STATISTICS,
    TAGS,
    Fields,
    GlueAnswer,
    GlueTable,
    read_fields,
    read_table,
    write_table,
)
from s3_catalog.catalogs._glue_tags import LAKE_FORMATION_TAGS, diff_tags
from s3_catalog.errors import CatalogError, CatalogUnavailableError
from s3_catalog.model.tables import Table

INDEX_NAME = "s3_catalog"
"""Name of the partition index that we make."""
_SENT_APART = tuple(f"parameters.{name}" for name in (PARTITIONS, INDEX, STATISTICS, TAGS))
Clock = Callable[[], datetime]


@dataclass(slots=True, kw_only=True)
class TableWriter:
    """Writes tables of one database. `lake_formation` is None where tags are not sent."""

    database: GlueDatabase
    now: Clock
    lake_formation: LakeFormation | None = None
    _no_statistics: CatalogError | None = field(default=None, init=False)
    """Why statistics are no longer sent in this run: not every server behind a Glue URL has that call."""

    def publish(
        self, table: Table, wanted: GlueTable, found: GlueAnswer | None, target: GlueAnswer | None, written: WrittenTable | None
    ) -> WrittenTable:
        """Create or update a table.

        Args:
            found: the table as Glue has it now, maybe under another name.
            target: what has the wanted name in Glue now.

        Raises:
            CatalogError: refused; what was sent before stays, and the next run goes on from there. Without its statistics alone a
                table is published.
        """
        merged = merge_fields(read_fields(found) if found else {}, wanted.fields, written)
        fields = {name: text for name, text in merged.fields.items() if name != f"parameters.{RETIRED}"}
        moved = found is None or found["Name"] != wanted.name
        due = _find_due(merged, wanted, moved=moved)
        body = write_table(wanted, {name: text for name, text in fields.items() if name not in due}, found)
        self._write(wanted, body, target)
        sent = list(written.fields.get(LAKE_FORMATION_TAGS, ())) if written else []
        if f"parameters.{PARTITIONS}" in due:
            changes = diff_partitions(wanted.partitions, self.database.partitions(wanted.name), body["StorageDescriptor"])
            _refuse(self.database.write_partitions(wanted.name, changes))
        if f"parameters.{INDEX}" in due:
            self._ensure_index(wanted)
        untold = self._send_statistics(wanted) if f"parameters.{STATISTICS}" in due else None
        if self.lake_formation is not None and f"parameters.{TAGS}" in due:
            # A new table has no tags yet, whatever another one of its name had.
            sent = self.lake_formation.write(wanted.name, diff_tags(wanted.tags, [] if moved else sent))
        if due & wanted.fields.keys():
            there = self.database.table(wanted.name)
            settled = {name: text for name, text in fields.items() if untold is None or name != f"parameters.{STATISTICS}"}
            self.database.update(write_table(wanted, settled, there), there.get("VersionId"))
        if untold is not None:
            raise CatalogError(f"published without its statistics: {untold}; column_statistics=false sends none") from untold
        return remember(table, wanted.name, {**merged.remembered, **({LAKE_FORMATION_TAGS: sent} if sent else {})})

    def _write(self, wanted: GlueTable, body: dict[str, Any], target: GlueAnswer | None) -> None:
        if target is not None:
            self.database.update(body, target.get("VersionId"))
            return
        try:
            self.database.create(body)
        except GlueRefusalError as error:
            if error.code != "AlreadyExistsException":
                raise
            there = self.database.table(wanted.name)
            if there.get("Parameters", {}).get(IDENTITY) != body["Parameters"][IDENTITY]:
                raise CatalogError(f"the name {wanted.name!r} was taken by another table meanwhile") from error
            # Our own call whose answer was lost, and which was sent again.
            self.database.update(body, there.get("VersionId"))

    def _send_statistics(self, wanted: GlueTable) -> CatalogError | None:
        """Send what is known of columns; returns why that failed. After an outage no other table's are tried."""
        if not wanted.statistics or self._no_statistics is not None:
            return self._no_statistics if wanted.statistics else None
        now = self.now()
        try:
            _refuse(self.database.write_statistics(wanted.name, [{**one, "AnalyzedTime": now} for one in wanted.statistics]))
        except CatalogUnavailableError as error:
            self._no_statistics = error
            return error
        except CatalogError as error:
            return error
        return None

    def _ensure_index(self, wanted: GlueTable) -> None:
        if INDEX_NAME not in self.database.index_names(wanted.name):
            self.database.create_index(wanted.name, INDEX_NAME, wanted.partition_keys[:MAX_INDEX_KEYS])

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


def _find_due(merged: Merged, wanted: GlueTable, *, moved: bool) -> frozenset[str]:
    """The fields that tell what is sent beside the table, where that is to be sent now."""
    changed = {name for name, _, _ in merged.changes}
    return frozenset(name for name in _SENT_APART if name in changed or (moved and name in wanted.fields))


def _refuse(failed: Sequence[str]) -> None:
    if failed:
        raise CatalogError(failed[0] if len(failed) == 1 else f"{failed[0]}, and {len(failed) - 1} more")


def is_settled(merged: Merged, found: GlueAnswer | None, wanted: GlueTable) -> bool:
    """Whether nothing is to be written: the same fields, no retirement to lift, the same name."""
    return found is not None and not merged.changes and RETIRED not in found.get("Parameters", {}) and found["Name"] == wanted.name
