"""Catalogs to show: a small one with everything in it, a hostile one, a large one."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pyarrow as pa

from s3_catalog.catalogs import RunRecord, RunStatus
from s3_catalog.model.blame import ColumnBlame, FileRef, TypeChange
from s3_catalog.model.description import Bar, Basis, ColumnProfile, Description, FileProfile, Sample, Tag
from s3_catalog.model.ledger import FailedPrefix, LedgerSummary, SkipReason
from s3_catalog.model.statistics import ColumnStatistics, RowEstimate
from s3_catalog.model.tables import Column, Evidence, Partition, PartitionColumn, Table, TableLayout, TypeConflict

NOW = datetime(2026, 3, 2, 8, 0, tzinfo=UTC)
RUN = RunRecord(
    id="0198c0de",
    location="s3://example-lake/",
    store_url="s3://example-lake/",
    started=datetime(2026, 3, 2, 7, 55, tzinfo=UTC),
    finished=datetime(2026, 3, 2, 7, 55, 12, tzinfo=UTC),
    status=RunStatus.FAILURES,
    counts={"listed": 4_000, "in_tables": 3_200, "skipped": 797, "failed": 3, "create": 1, "update": 1, "unchanged": 3, "retire": 0},
    receipt={"list_requests": 14, "get_requests": 96, "bytes_read": 5_242_880, "seconds": 12.4},
)
LEDGER = LedgerSummary(
    listed=4_000,
    in_tables=3_200,
    skipped={SkipReason.MARKER: 410, SkipReason.CHECKSUM: 380, SkipReason.EMPTY: 7},
    failed=(
        ("raw/broken.parquet", "raw/broken.parquet is not readable as parquet: the footer is cut off"),
        ("raw/locked.csv", "raw/locked.csv: AccessDenied"),
        ("restricted/", "restricted/: AccessDenied"),
    ),
    failed_prefixes=(FailedPrefix("restricted/", "restricted/: AccessDenied"),),
)
EVIDENCE = Evidence(
    rule="hive partitions",
    reason="folders named column=value lead to all 730 files",
    runner_up="one table per folder: the schemas of all files agree",
)


def make_layout(name: str, **fields: Any) -> TableLayout:
    defaults: dict[str, Any] = {
        "store_url": "s3://example-lake/",
        "location": f"{name}/",
        "format": "parquet",
        "object_count": 12,
        "size_bytes": 48 * 2**20,
        "newest": datetime(2026, 3, 1, 23, 10, tzinfo=UTC),
        "evidence": EVIDENCE,
    }
    return TableLayout(name=name, **(defaults | fields))


def make_table(name: str = "orders", **fields: Any) -> Table:
    """A table; `layout` are changes to its layout, all else to the table itself."""
    layout = make_layout(name, **fields.pop("layout", {}))
    defaults: dict[str, Any] = {"columns": (Column(name="id", type=pa.int64()),), "row_count": 10}
    return Table(layout=layout, **(defaults | fields))


def small_catalog() -> list[Table]:
    return [customers(), events(), invoices(), make_table("zones", row_count=None, columns=()), regions()]


def customers() -> Table:
    """Personal data, masked; estimated rows; a changed schema."""
    profile: dict[str, Any] = {"basis": Basis.SAMPLE, "bounds_basis": Basis.SAMPLE, "rows": 100}
    ref = FileRef("customers/2025.csv")
    types = {
        "customer_id": pa.int64(),
        "email": pa.string(),
        "balance": pa.decimal128(12, 2),
        "contact": pa.struct([("phone", pa.string())]),
    }
    rows = [
        {
            "customer_id": 9007199254740993 + i,
            "email": "<email>",
            "balance": f"{i * 37.5:.2f}",
            "contact": {"phone": "<phone>"},
            "note": note,
        }
        for i, note in enumerate(["called <phone> twice", "مرحبا", None, "日本語", "plain"] * 5)
    ]
    return make_table(
        "customers",
        layout={
            "format": "csv",
            "object_count": 3,
            "size_bytes": 734_003,
            "location": "crm/customers_*",
            "warnings": ("2 files have no header",),
        },
        columns=(
            *(
                Column(
                    name=name,
                    type=kind,
                    nullable=name != "customer_id",
                    blame=ColumnBlame(first=FileRef("customers/2023.csv"), last=ref, changes=()),
                    statistics=ColumnStatistics(null_count=3, min="1", max="raw@example.org", size_bytes=120_000),
                )
                for name, kind in types.items()
            ),
            Column(
                name="note",
                type=pa.string(),
                source_type="VARCHAR(200)",
                blame=ColumnBlame(
                    first=FileRef("customers/2024.csv"),
                    last=ref,
                    added=True,
                    exact=False,
                    changes=(TypeChange(file=ref, before="bigint", after="string", exact=False),),
                ),
            ),
        ),
        row_count=None,
        row_estimate=RowEstimate(12_400, 11_900, 13_250),
        conflicts=(TypeConflict(column="note", expected="bigint", found="string", resolved="string", key="customers/2025.csv"),),
        details=(
            ("delimiter", ";"),
            ("encoding", "utf-8"),
            ("certainty.balance", "0.99: all 98 values are decimals"),
            ("schema_rules", "x"),
        ),
        sampled_keys=("customers/2023.csv", "customers/2025.csv"),
        description=Description(
            tags=(
                Tag(name="Tier.Gold", rule="path", why="`crm/` is in the path"),
                Tag(name="PII.Email", column="email", rule="email", why="98 of 98 values are e-mail addresses", confidence=0.99),
                Tag(name="PII.Phone", column="contact.phone", rule="phone", why="91 of 98 values are phone numbers", confidence=0.93),
            ),
            sample=Sample(rows=tuple(json.dumps(row, ensure_ascii=False) for row in rows), masked=("email", "contact.phone")),
            columns=(
                ColumnProfile(
                    column="customer_id",
                    null_count=0,
                    min="9007199254740993",
                    max="9007199254741092",
                    distinct=100,
                    distinct_method="exact",
                    **profile,
                ),
                ColumnProfile(
                    column="email", null_count=2, distinct=97, distinct_method="HyperLogLog", top_values=(("<email>", 98),), **profile
                ),
                ColumnProfile(
                    column="balance",
                    null_count=0,
                    min="0.00",
                    max="912.50",
                    mean=432.25,
                    quantiles=((0.25, "210.00"), (0.5, "430.00"), (0.75, "660.00")),
                    histogram=tuple(
                        Bar(low=str(i * 100), high=str(i * 100 + 100), count=n) for i, n in enumerate([4, 9, 16, 22, 20, 13, 8, 5, 2, 1])
                    ),
                    **profile,
                ),
                ColumnProfile(
                    column="note",
                    null_count=20,
                    min_length=3,
                    max_length=180,
                    mean_length=41.5,
                    top_values=(("plain", 31), ("日本語", 12), ("vip", 4)),
                    **profile,
                ),
            ),
            files=FileProfile(smallest=120_000, median=240_000, largest=374_003, small_files=3, small_bytes=16 * 2**20),
            owners=("crm-team@example.org",),
            text="Customers of the shop, exported every night.\nOne row per account.",
            column_texts=(("customer_id", "Key of the account in the CRM."),),
        ),
    )


def events() -> Table:
    """Partitions by day over two years, with a gap."""
    days = [date(2024, 3, 1) + timedelta(days=n) for n in range(730) if not 200 <= n < 260]
    partitions = tuple(
        Partition(
            values=(str(day.year), f"{day.month:02}", f"{day.day:02}"),
            object_count=1 + n % 3,
            size_bytes=(2 + n % 7 + n // 90) * 2**20,
            newest=datetime(day.year, day.month, day.day, 23, tzinfo=UTC),
        )
        for n, day in enumerate(days)
    )
    names = ["event_id", "user_id", "kind", "at", "properties"]
    types = [pa.int64(), pa.int32(), pa.string(), pa.timestamp("us", tz="UTC"), pa.map_(pa.string(), pa.string())]
    statistics = [ColumnStatistics(null_count=n * 1_000, min=f"{n}", max=f"{n}99", size_bytes=n * 2**24 + 5) for n in range(5)]
    return make_table(
        "web_events",
        layout={
            "partition_columns": tuple(PartitionColumn(name=name, type=pa.int32()) for name in ("year", "month", "day")),
            "object_count": sum(p.object_count for p in partitions),
            "size_bytes": sum(p.size_bytes for p in partitions),
        },
        columns=tuple(Column(name=n, type=t, statistics=s) for n, t, s in zip(names, types, statistics, strict=True)),
        row_count=181_223_490,
        partitions=partitions,
        description=Description(
            sample=Sample(withheld="samples are off for paths below web_events/"),
            tags=(Tag(name="Tier.Bronze", rule="default", why="every table of this source"),),
        ),
    )


def invoices() -> Table:
    columns = (PartitionColumn(name="country", type=pa.string()),)
    sizes = {"de": 812, "fr": 401, "nl": 377, "it": 95, None: 12}
    partitions = tuple(Partition(values=(c,), object_count=n // 10 + 1, size_bytes=n * 2**20, newest=NOW) for c, n in sizes.items())
    return make_table("invoices", layout={"partition_columns": columns, "format": "delta"}, partitions=partitions, row_count=1_204_311)


def regions() -> Table:
    return make_table("regions", row_count=16, columns=(Column(name="code", type=pa.string()), Column(name="name", type=pa.string())))


def many_tables(count: int, *, columns: int = 30) -> Iterator[Table]:
    """Tables as a large catalog has them: every column with figures, a profile and a sample."""
    for number in range(count):
        names = [f"column_{i:02}" if i else f"only_in_{number:05}" for i in range(columns)]
        row = json.dumps({name: f"value {i} of {number}" for i, name in enumerate(names)})
        yield make_table(
            f"team_{number % 40:02}.table_{number:05}",
            columns=tuple(
                Column(
                    name=name,
                    type=pa.string(),
                    statistics=ColumnStatistics(null_count=number, size_bytes=1_000 + number),
                    blame=ColumnBlame(first=FileRef(f"t/{number}/part-0.parquet"), last=FileRef(f"t/{number}/part-9.parquet")),
                )
                for name in names
            ),
            row_count=number * 1_000,
            description=Description(
                tags=(Tag(name="Tier.Bronze", rule="default", why="every table of this source"),),
                sample=Sample(rows=(row,) * 100),
                columns=tuple(
                    ColumnProfile(
                        column=name,
                        basis=Basis.SAMPLE,
                        bounds_basis=Basis.FOOTERS,
                        rows=100,
                        null_count=number,
                        min="a value",
                        max="value 9 of 17",
                        distinct=97,
                        distinct_method="HyperLogLog",
                        min_length=1,
                        max_length=20,
                        mean_length=12.5,
                        top_values=tuple((f"value {i} of {number}", 100 - i) for i in range(10)),
                    )
                    for name in names
                ),
            ),
        )
