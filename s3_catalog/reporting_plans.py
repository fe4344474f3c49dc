"""What programs read of plans, of what was published and of where catalogs differ: JSON values. Fields are [field, before, after]."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from s3_catalog.catalogs import Action, Outcome, Plan, PlannedChange
from s3_catalog.model.types import type_text

if TYPE_CHECKING:
    from s3_catalog.comparing import Comparison
    from s3_catalog.planning import Plans
    from s3_catalog.targets import TargetReport


def describe_plans(plans: Plans) -> dict[str, Any]:
    """Plans as `plan --json` prints them."""
    errors = {target.name: target.error for target in plans.targets if target.error is not None}
    return {
        "location": plans.location,
        "made": plans.made.isoformat(),
        "catalogs": [
            *({"name": name, **describe_plan(plan)} for name, plan in plans.named()),
            *({"name": name, "error": error} for name, error in errors.items()),
        ],
    }


def describe_plan(plan: Plan) -> dict[str, Any]:
    """One plan; unchanged tables are counted, and named only where people keep something."""
    shown = [change for change in plan.changes if change.action is not Action.UNCHANGED or change.kept]
    return {
        "counts": _counts(plan),
        "changes": [_describe_change(change) for change in shown],
        "withheld": list(plan.withheld),
        "withheld_reason": plan.withheld_reason,
    }


def describe_report(report: TargetReport) -> dict[str, Any]:
    """What one catalog got, as `crawl`, `publish` and `apply` print it with `--json`."""
    plan, outcome = report.plan, report.outcome
    return {
        "name": report.name,
        "counts": _counts(plan, outcome) if plan else {},
        "writes": outcome.writes if outcome else 0,
        "failed": [{"name": name, "error": error} for name, error in (outcome.failed if outcome else ())],
        "kept": [{"name": change.name, "fields": [field for field, _, _ in change.kept]} for change in plan.changes if change.kept]
        if plan
        else [],
        "withheld": list(plan.withheld) if plan else [],
        "withheld_reason": plan.withheld_reason if plan else None,
        "error": report.error,
    }


def describe_comparison(comparison: Comparison) -> dict[str, Any]:
    """A comparison as `compare --json` prints it; tables that are the same everywhere are left out."""
    return {
        "differs": comparison.differs,
        "catalogs": [
            {
                "name": name,
                "tables": [
                    {
                        "name": table,
                        "standing": str(one.standing),
                        "fields": [list(field) for field in one.fields],
                        "by_hand": [list(field) for field in one.by_hand],
                        "reason": one.reason,
                    }
                    for table, one in sorted(tables.items())
                    if one.standing != "same"
                ],
                "same": sum(one.standing == "same" for one in tables.values()),
            }
            for name, tables in comparison.catalogs.items()
        ],
        "errors": [{"name": name, "error": error} for name, error in comparison.errors],
    }


def _counts(plan: Plan, outcome: Outcome | None = None) -> dict[str, int]:
    counts = outcome.counts if outcome else {action: plan.count(action) for action in Action}
    return {str(action): count for action, count in counts.items() if count}


def _describe_change(change: PlannedChange) -> dict[str, Any]:
    told: dict[str, Any] = {
        "action": str(change.action),
        "name": change.name,
        "identity": change.identity,
        "fields": [list(field) for field in change.fields],
        "kept": [list(field) for field in change.kept],
        "reason": change.reason,
    }
    if change.table is not None:
        told["columns"] = [{"name": column.name, "type": type_text(column.type)} for column in change.table.columns]
    return told
