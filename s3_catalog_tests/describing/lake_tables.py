"""Describe the tables of a small lake without a catalog."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from s3_catalog.config import Settings, load_settings
from s3_catalog.model.description import Description
from s3_catalog.model.tables import Table
from s3_catalog.pipeline import describe_schemas, group_manifest, infer_schemas, read_manifest
from s3_catalog.storage import ObjectStore, open_store


def settings_for(location: str, home: Path, text: str = "") -> Settings:
    """Settings written as YAML; the catalog is in `home`, and never opened."""
    path = home / "s3_catalog.yaml"
    path.write_text(text)
    return load_settings(path, {}, overrides={"location": location, "catalog": f"sqlite:///{home / 'catalog.db'}"})


def describe(
    settings: Settings, *, store: ObjectStore | None = None, scope: str | None = None, known: Mapping[str, Table] | None = None
) -> dict[str, Table]:
    """Name -> described table; `known` (by identity) as an earlier run left them."""
    store = store or open_store(settings.location, settings.store_options())
    manifest = read_manifest(store, settings, scopes=None if scope is None else (scope,))
    grouped = group_manifest(store, settings, manifest, {})
    results = infer_schemas(store, settings, grouped, known or {})
    return {table.name: table for result in describe_schemas(store, settings, grouped, results) for table in result.tables}


def by_identity(tables: Mapping[str, Table]) -> dict[str, Table]:
    return {table.layout.identity: table for table in tables.values()}


def description(table: Table) -> Description:
    """A table's description, which it has."""
    assert table.description is not None
    return table.description
