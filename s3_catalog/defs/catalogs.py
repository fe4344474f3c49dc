"""The other catalogs (`publish_to`), an asset each: what the embedded catalog holds, published there.

Nothing is listed or read again, so materializing one of them is how a catalog that was down is repaired. One that cannot be published to
fails its own asset; a table that it refuses is data, which a check shows.
"""

# No `from __future__ import annotations`: Dagster reads the types of the resources.
import re
from collections.abc import Iterable, Sequence

import dagster as dg

from s3_catalog.catalogs import Outcome, Plan
from s3_catalog.config_sections import TargetSettings
from s3_catalog.defs.assets import OWNERS, PUBLISHED, link_to_code
from s3_catalog.defs.failures import as_failure
from s3_catalog.defs.links import find_page
from s3_catalog.defs.metadata import describe_target, write_markdown
from s3_catalog.defs.resources import SettingsResource
from s3_catalog.model.snapshots import digest_texts, take_snapshot
from s3_catalog.storage import printable
from s3_catalog.targets import TargetReport, publish_to_targets

GROUP = "catalogs"

_CHECK = "no_failed_tables"
_NO_WORD = re.compile(r"[^A-Za-z0-9_]")


def build_catalog_assets(targets: Iterable[TargetSettings]) -> list[dg.AssetsDefinition]:
    """Build an asset per catalog of the settings."""
    return link_to_code([_build_asset(target) for target in targets])


def catalog_key(target: TargetSettings) -> dg.AssetKey:
    """The key of a catalog's asset.

    >>> catalog_key(TargetSettings(url="glue://lake", name="athena")).to_user_string()
    'catalogs/athena'
    """
    return dg.AssetKey([GROUP, _NO_WORD.sub("_", target.label)])


def _build_asset(target: TargetSettings) -> dg.AssetsDefinition:
    key, label = catalog_key(target), target.label

    @dg.asset(
        key=key,
        group_name=GROUP,
        owners=OWNERS,
        kinds={target.url.partition("://")[0].partition("+")[0]},
        deps=[PUBLISHED],
        check_specs=[dg.AssetCheckSpec(_CHECK, asset=key, description="Every table that is for this catalog is in it as planned.")],
        description=f"All tables of the location in {label}, as the embedded catalog holds them; what people wrote there stays.",
    )
    def catalog(settings: SettingsResource) -> dg.MaterializeResult:  # type: ignore[type-arg] # Dagster takes [None] for one output of two
        with as_failure(), settings.open_catalog() as state:
            chosen = settings.load()
            (report,) = publish_to_targets(chosen, state, names=[label])
        plan, outcome = _done(report)
        (url,) = (one.url for one in chosen.publish_to if one.label == label)
        page = find_page(url)
        return dg.MaterializeResult(
            metadata={**({"catalog": dg.MetadataValue.url(page)} if page else {}), **describe_target(plan, outcome)},
            check_results=[_check_tables(outcome.failed)],
            data_version=dg.DataVersion(digest_target(plan, outcome)),
        )

    return catalog


def _done(report: TargetReport) -> tuple[Plan, Outcome]:
    if report.plan is None or report.outcome is None:
        raise dg.Failure(printable(f"not published to {report.name}: {report.error}"))
    return report.plan, report.outcome


def digest_target(plan: Plan, outcome: Outcome) -> str:
    """Digest what a catalog is to hold: the same whether it was written now or before."""
    failed = {name for name, _ in outcome.failed}
    held = [
        f"{change.identity}\0{change.name}\0{take_snapshot(change.table)}\0{change.reason}\0{change.name in failed}"
        for change in plan.changes
        if change.table is not None
    ]
    return digest_texts(sorted(held))


def _check_tables(failed: Sequence[tuple[str, str]]) -> dg.AssetCheckResult:
    return dg.AssetCheckResult(
        check_name=_CHECK,
        passed=not failed,
        severity=dg.AssetCheckSeverity.ERROR,
        description=f"{len(failed)} found" if failed else "none found",
        metadata={"found": len(failed), **({"what": write_markdown(("table", "error"), failed)} if failed else {})},
    )
