"""Tables, ledgers and runs as the tests need them: small, real in shape, each field open to change."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pyarrow as pa

from s3_catalog.catalogs import RetirePolicy, RunRecord, RunStatus, Scope
from s3_catalog.model.blame import ColumnBlame, FileRef, TypeChange
from s3_catalog.model.description import Basis, ColumnProfile, Description, FileProfile, Sample, Tag
from s3_catalog.model.ledger import LEDGER_SCHEMA, FailedPrefix
from s3_catalog.model.statistics import ColumnStatistics
from s3_catalog.model.tables import Column, Evidence, Partition, PartitionColumn, Table, TableLayout, TypeConflict

LAKE = "s3://lake/"
NOON = datetime(2026, 1, 31, 12, 0, 0, 123456, tzinfo=UTC)
POLICY = RetirePolicy()
ALLOW = RetirePolicy(allow=True)


def make_table(name: str = "orders", *, location: str | None = None, store_url: str = LAKE, **changes: Any) -> Table:
    """A partitioned Parquet table with a bit of everything. `changes` go to the layout or to the table, whichever has the field."""
    place = f"{name}/" if location is None else location
    first, last = f"{place}day=__HIVE_DEFAULT_PARTITION__/1/a.parquet", f"{place}day=2026-01-31/2/b.parquet"
    layout = TableLayout(
        name=name,
        store_url=store_url,
        location=place,
        format="parquet",
        partition_columns=(PartitionColumn(name="day", type=pa.date32()), PartitionColumn(name="part", type=pa.int32(), declared=False)),
        object_count=3,
        size_bytes=3_000_000_000_000,
        newest=NOON,
        evidence=Evidence(rule="hive", reason="3 files in 2 Hive partitions", runner_up="one table per file"),
        warnings=("partition keys in mixed order",),
        content_digest=f"content of {name}",
        options=(("template", "{table}/{day}"),),
    )
    layout_fields = {field: value for field, value in changes.items() if hasattr(layout, field) and field != "warnings"}
    table = Table(
        layout=replace(layout, **layout_fields),
        columns=(
            Column(
                name="id",
                type=pa.int64(),
                nullable=False,
                statistics=ColumnStatistics(null_count=0, min="-1", max="9223372036854775807", size_bytes=3_000_000_000_000),
                blame=ColumnBlame(
                    first=FileRef(first, (None, "1")),
                    last=FileRef(last, ("2026-01-31", "2")),
                    added=True,
                    exact=False,
                    changes=(TypeChange(file=FileRef(last), before="int", after="bigint"),),
                ),
            ),
            Column(name="price", type=pa.decimal128(18, 4), source_type="DECIMAL(18,4)"),
            Column(name="tags", type=pa.map_(pa.string(), pa.list_(pa.struct([pa.field("a", pa.uint8(), nullable=False)])))),
        ),
        row_count=1_000,
        conflicts=(TypeConflict(column="price", expected="int", found="string", resolved="string", key=last),),
        warnings=("two writers",),
        details=(("codec", "zstd"),),
        sampled_keys=(first, last),
        partitions=(
            Partition(values=(None, "1"), object_count=1, size_bytes=10, newest=NOON),
            Partition(values=("2026-01-31", "2"), object_count=2, size_bytes=20, newest=None),
        ),
        description=Description(
            tags=(Tag(name="PII.Email", column="contact.email", rule="email", why="all of 3 values", confidence=0.9),),
            sample=Sample(rows=('{"id": 1, "day": "2026-01-30"}',), masked=("contact.email",)),
            columns=(ColumnProfile(column="id", basis=Basis.SAMPLE, bounds_basis=Basis.FOOTERS, rows=3, quantiles=((0.5, "1"),)),),
            files=FileProfile(smallest=1, median=2, largest=3, small_files=3, small_bytes=1024, partition_skew=1.5),
            owners=("sales",),
            text="Orders.",
            column_texts=(("id", "of the order"),),
            warnings=("a sidecar cannot be read",),
        ),
    )
    return replace(table, **{field: value for field, value in changes.items() if field not in layout_fields})


def make_tables(*names: str) -> list[Table]:
    return [make_table(name) for name in names]


def see(*, listed: int = 100, prefixes: tuple[str, ...] = ("",), excluded: tuple[str, ...] = (), store_url: str = LAKE) -> Scope:
    """What a crawl saw; all of the lake unless told."""
    return Scope(store_url=store_url, prefixes=prefixes, excluded=excluded, listed=listed)


def make_run(run_id: str = "run-1", **changes: Any) -> RunRecord:
    run = RunRecord(
        id=run_id,
        location="s3://lake/",
        store_url=LAKE,
        started=NOON,
        finished=NOON.replace(hour=13),
        status=RunStatus.FAILURES,
        counts={"listed": 3, "tables": 1},
        receipt={"get_requests": 2, "seconds": 1.5},
        failed_prefixes=(FailedPrefix("secret/", "AccessDenied"),),
    )
    return replace(run, **changes)


def make_ledger(*keys: str, table: str = "orders", etag: str | None = "e", size: int = 1) -> pa.Table:
    """A ledger in which every key is in one table."""
    row = {"size": size, "last_modified": NOON, "etag": etag, "storage_class": "STANDARD", "table": table, "skipped": None, "error": None}
    return pa.Table.from_pylist([{"key": key, **row} for key in keys], schema=LEDGER_SCHEMA)
