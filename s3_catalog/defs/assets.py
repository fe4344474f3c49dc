"""The flow as assets: `prefixes`, then per prefix `object_manifest -> table_layouts -> table_schemas -> table_descriptions ->
published_tables`.

A run covers one prefix or many. What is wrong with one file, table or prefix is data, which the checks show; the last asset fails the
prefixes whose listing is not complete, after everything else is published.
"""

# No `from __future__ import annotations`: Dagster reads the types of `context` and of the resources.
import warnings
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any, NoReturn

import dagster as dg

from s3_catalog import pipeline
from s3_catalog.catalogs._ledger_chunks import digest_manifest
from s3_catalog.config import Settings
from s3_catalog.defs import hops
from s3_catalog.defs.failures import as_failure, describe_failed, raise_if_nothing_listed
from s3_catalog.defs.hops import Parts, ScopeRule
from s3_catalog.defs.io_managers import IO_MANAGER_KEY
from s3_catalog.defs.metadata import (
    Metadata,
    describe_descriptions,
    describe_layouts,
    describe_manifest,
    describe_place,
    describe_publication,
    describe_results,
    describe_scopes,
    describe_unused_hints,
)
from s3_catalog.defs.partitions import PREFIXES, read_partition_key, register_prefixes, write_partition_key
from s3_catalog.defs.resources import SettingsResource, StoreResource
from s3_catalog.discovery.scopes import ROOT_SCOPE
from s3_catalog.model.ledger import FailedPrefix
from s3_catalog.model.records import write_table
from s3_catalog.model.snapshots import digest_texts, take_snapshot
from s3_catalog.storage import ObjectStore

GROUP = "catalog"
OWNERS = ["team:data-platform"]
PUBLISHED = dg.AssetKey("published_tables")


def prefixes(context: dg.AssetExecutionContext, settings: SettingsResource, store: StoreResource) -> dg.MaterializeResult[None]:
    """The top folders of the location, each a partition of the assets below. Only the upper levels are listed."""
    with as_failure(), settings.open_catalog() as state:
        chosen = settings.load()
        opened = store.open(chosen)
        rule = scope_rule(chosen, opened)
        found = pipeline.discover_scopes(opened, chosen)
        published = [rule.of_location(table.layout.location) for table in state.list_tables(opened.location.store_url)]
    keys = register_prefixes(context.instance, found, published)
    metadata = describe_place(opened.location, opened.location.prefix) | describe_scopes(found, len(keys) - len(found))
    return dg.MaterializeResult(metadata=metadata, data_version=dg.DataVersion(digest_texts(sorted(found))))


def object_manifest(context: dg.AssetExecutionContext, settings: SettingsResource, store: StoreResource) -> dg.MaterializeResult[Parts]:
    """Every object below the prefix: key, size, time, etag. Complete, or it says which prefix is not."""
    scopes = [read_partition_key(key) for key in sorted(context.partition_keys)]
    with as_failure():
        chosen = settings.load()
        opened = store.open(chosen)
        manifest = pipeline.read_manifest(opened, chosen, scopes=scopes)
    raise_if_nothing_listed(manifest)
    parts = hops.write_manifest(manifest, scope_rule(chosen, opened))
    told = {key: describe_manifest(hops.read_manifest({key: rows})) for key, rows in parts.items()}
    tell(context, told, opened)
    digests = [digest_manifest(rows) for rows in parts.values()]
    return dg.MaterializeResult(value=parts, data_version=dg.DataVersion(digest_texts(digests)))


def table_layouts(
    context: dg.AssetExecutionContext, settings: SettingsResource, store: StoreResource, object_manifest: Parts
) -> dg.MaterializeResult[Parts]:
    """Which objects form a table, and why; no data file is opened."""
    with as_failure(), settings.open_catalog() as state:
        chosen = settings.load()
        opened = store.open(chosen)
        grouped = pipeline.group_manifest(opened, chosen, hops.read_manifest(object_manifest), state.names())
    parts = hops.write_grouped(grouped, scope_rule(chosen, opened))
    groupings = {key: hops.read_grouped({key: rows}).grouping for key, rows in parts.items()}
    unused = describe_unused_hints(grouped.grouping.unused_hints)
    tell(context, {key: describe_layouts(found.layouts, found.objects) | unused for key, found in groupings.items()}, opened)
    digests = sorted(f"{found.identity}\0{found.name}\0{found.content_digest}\0{found.options}" for found in grouped.grouping.layouts)
    return dg.MaterializeResult(value=parts, data_version=dg.DataVersion(digest_texts(digests)))


def table_schemas(
    context: dg.AssetExecutionContext, settings: SettingsResource, store: StoreResource, table_layouts: Parts
) -> dg.MaterializeResult[Parts]:
    """The columns of every table, from a few of its files; what has not changed is taken from the catalog."""
    grouped = hops.read_grouped(table_layouts)
    with as_failure(), settings.open_catalog() as state:
        chosen = settings.load()
        opened = store.open(chosen)
        known, removed = state.known_tables(opened.location.store_url), partial(pipeline.removed_keys, state, opened)
        results = pipeline.infer_schemas(opened, chosen, grouped, known, removed=removed)
    parts = hops.part_by_home(results, hops.home_scopes(grouped, scope_rule(chosen, opened)), table_layouts)
    tell(context, {key: describe_results(here) for key, here in parts.items()}, opened)
    schemas = sorted(f"{r.layout.identity}\0{r.error or [take_snapshot(table).schema for table in r.tables]}" for r in results)
    return dg.MaterializeResult(value=hops.write_results(parts), data_version=dg.DataVersion(digest_texts(schemas)))


def table_descriptions(
    context: dg.AssetExecutionContext, settings: SettingsResource, store: StoreResource, table_layouts: Parts, table_schemas: Parts
) -> dg.MaterializeResult[Parts]:
    """Tags with their reasons, figures and some masked rows of every table; nothing private leaves the step."""
    grouped = hops.read_grouped(table_layouts)
    with as_failure():
        chosen = settings.load()
        opened = store.open(chosen)
        results = pipeline.describe_schemas(opened, chosen, grouped, hops.read_results(table_schemas, grouped, "table_schemas"))
    parts = hops.part_by_home(results, hops.home_scopes(grouped, scope_rule(chosen, opened)), table_layouts)
    tell(context, {key: describe_descriptions(here) for key, here in parts.items()}, opened)
    described = sorted(f"{table.layout.identity}\0{write_table(table)[0]}" for result in results for table in result.tables)
    return dg.MaterializeResult(value=hops.write_results(parts), data_version=dg.DataVersion(digest_texts(described)))


def published_tables(
    context: dg.AssetExecutionContext,
    settings: SettingsResource,
    store: StoreResource,
    table_layouts: Parts,
    table_descriptions: Parts,
) -> dg.MaterializeResult[None]:
    """The tables in the catalog, with their ledger: all prefixes of a run in one transaction."""
    grouped = hops.read_grouped(table_layouts)
    with as_failure(), settings.open_catalog() as state:
        chosen = settings.load()
        opened = store.open(chosen)
        results = hops.read_results(table_descriptions, grouped, "table_descriptions")
        report = pipeline.publish_tables(state, chosen, opened, grouped, results, clock=store.clock, run_id=context.run.run_id)
    rule = scope_rule(chosen, opened)
    told = describe_publication(report, hops.home_scopes(grouped, rule), rule, table_layouts)
    if grouped.failed:
        raise_for_incomplete(context, told, opened, grouped.failed, rule)
    tell(context, told, opened)
    return dg.MaterializeResult()


def build_assets() -> list[dg.AssetsDefinition]:
    """Build all assets, with what they have in common in one place."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", dg.BetaWarning)  # backfill_policy is beta and has no other spelling
        per_prefix: dict[str, Any] = {
            "partitions_def": PREFIXES,
            "backfill_policy": dg.BackfillPolicy.single_run(),
            "io_manager_key": IO_MANAGER_KEY,
            "group_name": GROUP,
            "owners": OWNERS,
        }
        assets = [
            dg.asset(prefixes, group_name=GROUP, owners=OWNERS, kinds={"s3"}),
            dg.asset(**per_prefix, kinds={"s3", "parquet"}, deps=["prefixes"])(object_manifest),
            dg.asset(**per_prefix, kinds={"duckdb", "parquet"})(table_layouts),
            dg.asset(**per_prefix, kinds={"arrow", "parquet"})(table_schemas),
            dg.asset(**per_prefix, kinds={"duckdb", "parquet"})(table_descriptions),
            dg.asset(**per_prefix, kinds={"sql", "table"})(published_tables),
        ]
    return link_to_code(assets)


def link_to_code(assets: Sequence[dg.AssetsDefinition]) -> list[dg.AssetsDefinition]:
    """Have assets show where their code stands."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", dg.BetaWarning)  # it has no other spelling
        return [asset for asset in dg.with_source_code_references(assets) if isinstance(asset, dg.AssetsDefinition)]


def scope_rule(settings: Settings, store: ObjectStore) -> ScopeRule:
    """How keys of this location become partitions."""
    return ScopeRule(store.location.prefix, settings.partition_depth)


def tell(context: dg.AssetExecutionContext, told: Mapping[str, Metadata], store: ObjectStore) -> None:
    """Show metadata, partition by partition, with the place each is about."""
    for key, metadata in told.items():
        context.add_asset_metadata(_place(key, store) | metadata, partition_key=key)


def raise_for_incomplete(
    context: dg.AssetExecutionContext, told: Mapping[str, Metadata], store: ObjectStore, failed: Sequence[FailedPrefix], rule: ScopeRule
) -> NoReturn:
    """Fail the partitions whose listing is not complete, and only those: the others are reported first, one by one."""
    incomplete = {write_partition_key(rule.of_prefix(one.prefix)) for one in failed}
    for key, metadata in told.items():
        if key not in incomplete:
            context.log_event(dg.AssetMaterialization(context.asset_key, partition=key, metadata=_place(key, store) | metadata))
    raise dg.Failure(describe_failed(failed), metadata={"incomplete": sorted(incomplete)})


def _place(key: str, store: ObjectStore) -> Metadata:
    scope = read_partition_key(key)
    return describe_place(store.location, store.location.prefix if scope == ROOT_SCOPE else scope)
