"""What stands above the tables: the run, its receipt and the ledger."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

from s3_catalog.model.ledger import FailedPrefix, LedgerSummary
from s3_catalog.report._texts import MAX_NAME, cut, known, number, some, time_text
from s3_catalog.tagging import detectors

if TYPE_CHECKING:
    from s3_catalog.catalogs import RunRecord

_MOST_FAILURES = 1_000
_LEDGER_COUNTS = ("listed", "in_tables", "skipped", "failed")


def describe_overview(run: RunRecord | None, ledger: LedgerSummary | None, *, now: datetime, title: str | None) -> dict[str, Any]:
    """The first block of the page. `masks` are the kinds that stand in samples in place of values (`<email>`)."""
    return known(
        {
            "title": cut(title or (run.location if run else "Data catalog"), MAX_NAME),
            "made": time_text(now),
            "run": _describe_run(run) if run else None,
            "ledger": _describe_ledger(ledger) if ledger else None,
            "masks": sorted({detector.label for detector in detectors().values()}),
        }
    )


def _describe_run(run: RunRecord) -> dict[str, Any]:
    """A run. Of its counts those of the ledger are left out, which the ledger tells better."""
    seconds = (run.finished - run.started).total_seconds() if run.finished else None
    return known(
        {
            "id": cut(run.id, MAX_NAME),
            "location": cut(run.location, MAX_NAME),
            "status": str(run.status),
            "started": time_text(run.started),
            "finished": time_text(run.finished),
            "seconds": number(run.receipt.get("seconds", seconds)),
            "counts": [[name, number(count)] for name, count in run.counts.items() if name not in _LEDGER_COUNTS],
            "receipt": [[name, number(figure)] for name, figure in run.receipt.items() if name != "seconds"],
            "failedPrefixes": _describe_prefixes(run.failed_prefixes),
        }
    )


def _describe_ledger(ledger: LedgerSummary) -> dict[str, Any]:
    skipped = sorted(ledger.skipped.items(), key=lambda item: (-item[1], item[0]))
    return {
        "listed": number(ledger.listed),
        "inTables": number(ledger.in_tables),
        "skipped": [[cut(reason), number(count)] for reason, count in skipped],
        "failed": [[cut(key, MAX_NAME), cut(error)] for key, error in some(ledger.failed, _MOST_FAILURES)],
        "failures": len(ledger.failed),
        "failedPrefixes": _describe_prefixes(ledger.failed_prefixes),
    }


def _describe_prefixes(failed: tuple[FailedPrefix, ...]) -> list[list[str]]:
    return [[cut(prefix.prefix, MAX_NAME), cut(prefix.error)] for prefix in some(failed, _MOST_FAILURES)]
