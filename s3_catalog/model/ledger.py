"""The coverage ledger: every listed object is in a table, skipped for a reason, or failed with an error.

The ledger is the manifest with three more columns, so that it can be filtered, stored and compared as columns.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

import pyarrow as pa
import pyarrow.compute as pc

from s3_catalog.model.manifest import MANIFEST_SCHEMA

LEDGER_SCHEMA = pa.schema(
    [
        *MANIFEST_SCHEMA,
        pa.field("table", pa.string()),
        pa.field("skipped", pa.string()),
        pa.field("error", pa.string()),
    ]
)
"""Manifest columns, then exactly one of: table (its name), skipped (a `SkipReason`), error (why it failed)."""


class SkipReason(StrEnum):
    """Why an object is in no table although nothing failed. The text is what people read."""

    EXCLUDED = "excluded by a pattern"
    NOT_INCLUDED = "matches no include pattern"
    TOO_LARGE = "larger than the maximum object size"
    DIRECTORY_MARKER = "directory marker"
    EMPTY = "empty object"
    MARKER = "job marker"
    CHECKSUM = "checksum file"
    TEMPORARY = "temporary file"
    HIDDEN = "hidden file"
    SUMMARY = "summary metadata file"
    TABLE_LOG = "table format log"
    TABLE_REMOVED = "removed by its table's log"
    TABLE_MAINTENANCE = "not a live file of its table format"
    FEED_MANIFEST = "manifest of an inventory or feed"
    SIDECAR = "catalog sidecar file"
    NOT_DATA = "not a data file, beside a table"


@dataclass(frozen=True, slots=True)
class FailedPrefix:
    """A prefix whose listing is not known to be complete. Nothing below it may be retired."""

    prefix: str
    error: str


@dataclass(frozen=True, slots=True, kw_only=True)
class LedgerSummary:
    """Counts of one ledger. `listed == in_tables + sum(skipped.values()) + len(failed)`, always."""

    listed: int
    in_tables: int
    skipped: dict[str, int]
    failed: tuple[tuple[str, str], ...]
    failed_prefixes: tuple[FailedPrefix, ...] = ()


def summarize_ledger(ledger: pa.Table, failed_prefixes: tuple[FailedPrefix, ...] = ()) -> LedgerSummary:
    """Count a ledger (`LEDGER_SCHEMA`) by outcome; failures are listed by key."""
    skipped = ledger.column("skipped").drop_null().value_counts().to_pylist()
    failures = ledger.filter(pc.is_valid(ledger.column("error"))).select(["key", "error"])
    return LedgerSummary(
        listed=ledger.num_rows,
        in_tables=ledger.num_rows - ledger.column("table").null_count,
        skipped={entry["values"]: entry["counts"] for entry in sorted(skipped, key=lambda e: str(e["values"]))},
        failed=tuple(zip(failures.column("key").to_pylist(), failures.column("error").to_pylist(), strict=True)),
        failed_prefixes=failed_prefixes,
    )


def add_summaries(parts: Iterable[LedgerSummary], failed_prefixes: tuple[FailedPrefix, ...] = ()) -> LedgerSummary:
    """The sums of several parts of a ledger."""
    listed, in_tables, skipped, failed = 0, 0, Counter[str](), list[tuple[str, str]]()
    for part in parts:
        listed, in_tables = listed + part.listed, in_tables + part.in_tables
        skipped.update(part.skipped)
        failed += part.failed
    return LedgerSummary(
        listed=listed, in_tables=in_tables, skipped=dict(sorted(skipped.items())), failed=tuple(failed), failed_prefixes=failed_prefixes
    )
