"""A table as OpenMetadata takes it: names, structure, what people read of it, and figures.

In: a `Table`. Out: a `Wanted`, in the words of OpenMetadata's API but without ids. Pure: the same table always gives the same request.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any
from urllib.parse import quote

from s3_catalog.catalogs._om_columns import Body, MappedColumns, map_columns
from s3_catalog.catalogs._om_figures import profile_body, sample_body
from s3_catalog.catalogs._om_names import decode_name, encode_name, join_fqn, shorten_name
from s3_catalog.catalogs._om_tags import place_tags, tag_fqn
from s3_catalog.catalogs._om_url import Settings
from s3_catalog.model.description import Description
from s3_catalog.model.tables import Table, TableLayout

ROOT_SCHEMA = "root"
"""The schema of tables that lie at the top of their bucket."""
FILE_FORMATS = frozenset(("csv", "tsv", "avro", "parquet", "json", "jsonl"))
"""What `fileFormat` can say, in our names of formats."""

OwnerLookup = Callable[[str], str | None]
"""A name of an owner -> `team:name` or `user:name`; None for nobody that the server knows."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What should be published of one table.

    `database`, `schema` and `name` are encoded names. `structure` follows the files and is always ours. `said` are the fields that people
    may change as well (`description`, `tags`, `columns.<path>.tags`), by field; `described` tells whether they are all of them.
    `figures` are published through calls of their own: as text where people see them, as digests where not. `sample` makes its body, which
    is large, when it is sent.
    """

    database: str
    schema: str
    name: str
    structure: Body
    said: Mapping[str, Any]
    described: bool
    figures: Mapping[str, Any] = field(default_factory=dict)
    profile: Body | None = None
    sample: Callable[[], Body | None] = lambda: None

    def key(self, service: str) -> str:
        return join_fqn((service, self.database, self.schema, self.name))


def want_table(table: Table, settings: Settings, owner_of: OwnerLookup) -> Wanted:
    """Say what should be published of a table.

    Raises:
        UnnameableError: a name cannot be kept.
    """
    mapped = map_columns(table)
    profile = profile_body(table, mapped) if settings.profiles else None
    name = shorten_name(encode_name(table.name))
    return Wanted(
        database=database_name(table.layout.store_url),
        schema=_schema_name(table.layout, settings),
        name=name,
        structure=_structure(table, mapped, settings),
        said=_said(table, mapped, owner_of) | {"display_name": None if name == table.name else table.name},
        described=table.description is not None,
        figures=_figures(table, settings, profile),
        profile=profile,
        sample=partial(sample_body, table, mapped),
    )


def database_name(store_url: str) -> str:
    """The database of a store: the bucket's name on S3, its URL elsewhere.

    >>> database_name("s3://lake/"), database_name("gs://lake/")
    ('lake', 'gs://lake')
    """
    return shorten_name(encode_name(store_url.removeprefix("s3://").rstrip("/") or store_url))


def _schema_name(layout: TableLayout, settings: Settings) -> str:
    if settings.schema is not None:
        return shorten_name(encode_name(settings.schema))
    top, separator, below = layout.location.partition("/")
    inside = bool(separator and below.strip("/")) and "*" not in top
    return shorten_name(encode_name(top)) if inside and top else ROOT_SCHEMA


def _structure(table: Table, mapped: MappedColumns, settings: Settings) -> Body:
    layout = table.layout
    kind = "Iceberg" if layout.format == "iceberg" else "Partitioned" if layout.partition_columns else "External"
    link = make_link(settings.link, layout.uri, table.name)
    body: Body = {"tableType": kind, "columns": mapped.bodies, "locationPath": layout.uri, "sourceUrl": link}
    if layout.partition_columns:
        columns = [{"columnName": mapped.tops[c.name], "intervalType": "COLUMN-VALUE"} for c in layout.partition_columns]
        body["tablePartition"] = {"columns": columns}
    if table.format in FILE_FORMATS:
        body["fileFormat"] = table.format
    return body


def make_link(template: str, uri: str, name: str) -> str:
    """Fill in the link that leads from OpenMetadata back to a table's place.

    >>> make_link("https://console.example/{bucket}?prefix={key}", "s3://lake/a b/", "a b")
    'https://console.example/lake?prefix=a%20b/'
    """
    bucket, _, key = uri.partition("://")[2].partition("/")
    for part, text in {"uri": uri, "bucket": bucket, "key": quote(key), "name": quote(name, safe="")}.items():
        template = template.replace(f"{{{part}}}", text)
    return template


def is_ours(entity: Body, template: str) -> bool:
    """Whether an entity that nobody remembers is one of ours: its link is the one that we make for its location."""
    uri, names = entity.get("locationPath") or "", (decode_name(entity["name"]), entity.get("displayName") or "")
    return "://" in uri and any(entity.get("sourceUrl") == make_link(template, uri, name) for name in names)


def _said(table: Table, mapped: MappedColumns, owner_of: OwnerLookup) -> dict[str, Any]:
    """What people may change as well. Empty values stand for what we said before and say no more."""
    said: dict[str, Any] = {}
    description = table.description
    for name, stored in mapped.tops.items():
        if stored != name:
            said[f"columns.{mapped.paths[name]}.display_name"] = name or None
    if description is None:
        return said
    tags = _tags_by_path(description, mapped)
    said |= {"description": description.text or None, "tags": sorted(tags.pop(None, ()))}
    owners = {owner for name in description.owners if (owner := owner_of(name)) is not None}
    said["owners"] = sorted(owners)
    said |= {f"columns.{path}.tags": sorted(names) for path, names in tags.items()}
    for name, text in description.column_texts:
        if name in mapped.paths and text:
            said[f"columns.{mapped.paths[name]}.description"] = text
    return said


def _tags_by_path(description: Description, mapped: MappedColumns) -> dict[str | None, set[str]]:
    """Qualified names of tags by the path of what they are on; None is the table."""
    found: dict[str | None, set[str]] = {}
    for tag in description.tags:
        found.setdefault(_tag_path(tag.column, mapped), set()).add(tag_fqn(tag.name))
    return {path: place_tags(tags) for path, tags in found.items()}


def _tag_path(column: str | None, mapped: MappedColumns) -> str | None:
    """Where a tag goes: its column or the nearest one above that OpenMetadata can name; the table when there is none."""
    while column:
        if column in mapped.paths:
            return mapped.paths[column]
        column = column[: max(column.rfind(mark) for mark in (".", "[", "{"))] if any(mark in column for mark in ".[{") else None
    return None


def _figures(table: Table, settings: Settings, profile: Body | None) -> dict[str, Any]:
    figures: dict[str, Any] = {}
    if settings.profiles:
        figures |= {
            "row_count": None if table.row_count is None else str(table.row_count),
            "row_estimate": str(table.row_estimate) if table.row_estimate else None,
            "object_count": str(table.layout.object_count),
            "size_bytes": str(table.layout.size_bytes),
            "profile": digest_json(profile["columnProfile"]) if profile and profile.get("columnProfile") else None,
        }
    if settings.samples:
        sample = table.description.sample if table.description else None
        shown = sample is not None and sample.rows and not sample.withheld
        figures["sample"] = digest_json(sample.rows) if sample and shown else None
    return figures


def digest_json(value: Any) -> str:
    """A digest of JSON values, the same in every process."""
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()[:32]


def figure_changes(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[tuple[str, str | None, str | None]]:
    """What differs of two tables' figures; samples and profiles by name alone."""
    moved = [name for name in after if before.get(name) != after[name]]
    return [(name, None, "changed") if name in ("profile", "sample") else (name, before.get(name), after[name]) for name in moved]


def tags_of(wanted: Sequence[Wanted]) -> list[str]:
    """Every tag that the tables want, once."""
    names = (tag for one in wanted for name, value in one.said.items() if name == "tags" or name.endswith(".tags") for tag in value)
    return list(dict.fromkeys(names))
