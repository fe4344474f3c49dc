"""What is wrong, per prefix: an incomplete listing, failed objects, schema conflicts, empty tables, personal data. None stops a run."""

# No `from __future__ import annotations`: Dagster reads the type of `context`.
import warnings
from collections.abc import Iterator, Mapping, Sequence

import dagster as dg

from s3_catalog.defs import hops
from s3_catalog.defs.hops import Parts
from s3_catalog.defs.metadata import write_markdown
from s3_catalog.defs.partitions import PREFIXES
from s3_catalog.describing.review import find_unmasked, find_untagged
from s3_catalog.inference import TableResult
from s3_catalog.model.ledger import FailedPrefix
from s3_catalog.pipeline import GroupedObjects

Findings = Sequence[tuple[str, str]]
"""What was found wrong: (which prefix, key or table, what about it)."""

SEVERITIES = {
    "listing_complete": dg.AssetCheckSeverity.ERROR,
    "no_failed_objects": dg.AssetCheckSeverity.ERROR,
    "no_schema_conflicts": dg.AssetCheckSeverity.WARN,
    "no_empty_tables": dg.AssetCheckSeverity.WARN,
    "untagged_personal_data": dg.AssetCheckSeverity.ERROR,
    "sample_masked": dg.AssetCheckSeverity.ERROR,
}
_MANIFEST, _SCHEMAS, _DESCRIPTIONS = (dg.AssetKey(name) for name in ("object_manifest", "table_schemas", "table_descriptions"))


def build_checks() -> list[dg.AssetChecksDefinition]:
    """Build the checks of all assets."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", dg.PreviewWarning)  # partitioned checks are in preview
        listing = [_spec("listing_complete", _MANIFEST, "Every prefix of the partition was listed to its end.")]
        tables = [
            _spec("no_failed_objects", _SCHEMAS, "Every object could be read that had to be read.", reads=["table_layouts"]),
            _spec(
                "no_schema_conflicts", _SCHEMAS, "No column has types in different files that no wider type holds.", reads=["table_layouts"]
            ),
            _spec("no_empty_tables", _SCHEMAS, "Every table has at least one row, as far as rows were counted.", reads=["table_layouts"]),
        ]
        descriptions = [
            _spec(
                "untagged_personal_data",
                _DESCRIPTIONS,
                "Every column was looked at for personal data, and what is masked in a sample has a tag.",
                reads=["table_layouts"],
            ),
            _spec(
                "sample_masked", _DESCRIPTIONS, "No detector finds personal data in what samples and figures show.", reads=["table_layouts"]
            ),
        ]
        return [
            dg.multi_asset_check(name="check_listing", specs=listing, can_subset=True)(check_listing),
            dg.multi_asset_check(name="check_tables", specs=tables, can_subset=True)(check_tables),
            dg.multi_asset_check(name="check_descriptions", specs=descriptions, can_subset=True)(check_descriptions),
        ]


def check_listing(context: dg.AssetCheckExecutionContext, object_manifest: Parts) -> Iterator[dg.AssetCheckEvaluation | dg.Output[None]]:
    """Whether the listings are complete."""
    found = {key: {"listing_complete": failed_prefixes(hops.read_manifest({key: rows}).failed)} for key, rows in object_manifest.items()}
    yield from _evaluate(context, found)


def check_tables(
    context: dg.AssetCheckExecutionContext, table_layouts: Parts, table_schemas: Parts
) -> Iterator[dg.AssetCheckEvaluation | dg.Output[None]]:
    """What is wrong with objects and tables."""
    found: dict[str, dict[str, Findings]] = {}
    for key, rows in table_layouts.items():
        grouped = hops.read_grouped({key: rows})
        results = hops.read_results({key: table_schemas[key]}, grouped, "table_schemas")
        found[key] = {
            "no_failed_objects": failed_objects(grouped, results),
            "no_schema_conflicts": schema_conflicts(results),
            "no_empty_tables": empty_tables(results),
        }
    yield from _evaluate(context, found)


def check_descriptions(
    context: dg.AssetCheckExecutionContext, table_layouts: Parts, table_descriptions: Parts
) -> Iterator[dg.AssetCheckEvaluation | dg.Output[None]]:
    """Whether personal data is known and hidden."""
    found: dict[str, dict[str, Findings]] = {}
    for key, rows in table_layouts.items():
        results = hops.read_results({key: table_descriptions[key]}, hops.read_grouped({key: rows}), "table_descriptions")
        tables = [table for result in results for table in result.tables]
        found[key] = {
            "untagged_personal_data": [finding for table in tables for finding in find_untagged(table)],
            "sample_masked": [finding for table in tables for finding in find_unmasked(table)],
        }
    yield from _evaluate(context, found)


def failed_prefixes(failed: Sequence[FailedPrefix]) -> Findings:
    """The prefixes that could not be listed."""
    return [(one.prefix, one.error) for one in failed]


def failed_objects(grouped: GroupedObjects, results: Sequence[TableResult]) -> Findings:
    """The objects that grouping or reading failed on, and the tables that came to nothing."""
    objects = grouped.grouping.objects.select(["key", "error"])
    failed = [(row["key"], row["error"]) for row in objects.filter(objects.column("error").is_valid()).to_pylist()]
    failed += [pair for result in results for pair in result.failed]
    return failed + [(result.layout.location, result.error) for result in results if result.error is not None and not result.failed]


def schema_conflicts(results: Sequence[TableResult]) -> Findings:
    """The columns whose types no rule joins, with the file that brought the other type."""
    return [
        (f"{table.name}.{conflict.column}", f"{conflict.expected} and {conflict.found} became {conflict.resolved} by {conflict.key}")
        for result in results
        for table in result.tables
        for conflict in table.conflicts
    ]


def empty_tables(results: Sequence[TableResult]) -> Findings:
    """The tables that are known to have no row."""
    return [(table.name, "no row in any file") for result in results for table in result.tables if table.row_count == 0]


def _spec(name: str, asset: dg.AssetKey, description: str, *, reads: Sequence[str] = ()) -> dg.AssetCheckSpec:
    return dg.AssetCheckSpec(name, asset=asset, description=description, additional_deps=list(reads), partitions_def=PREFIXES)


def _evaluate(
    context: dg.AssetCheckExecutionContext, found: Mapping[str, Mapping[str, Findings]]
) -> Iterator[dg.AssetCheckEvaluation | dg.Output[None]]:
    """Report each check once per partition; an `AssetCheckResult` has no partition where a run covers several."""
    for check in sorted(context.selected_asset_check_keys):
        for key, findings in found.items():
            wrong = findings[check.name]
            yield dg.AssetCheckEvaluation(
                asset_key=check.asset_key,
                check_name=check.name,
                passed=not wrong,
                severity=SEVERITIES[check.name],
                description=f"{key}: {len(wrong)} found" if wrong else f"{key}: none found",
                metadata={"found": len(wrong), **({"what": write_markdown(("where", "what"), wrong)} if wrong else {})},
                partition=key,
            )
        yield dg.Output(None, output_name=f"{check.asset_key.to_python_identifier()}_{check.name}")
