"""One bucket as the source publishes it: its tables, what went wrong, and what of it is known for certain.

In: the chosen options and the locations in one bucket. Out: a `Lake`. A location that cannot be listed does not stop the others.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

import pyarrow as pa
import pyarrow.compute as pc

from s3_catalog import pipeline
from s3_catalog.catalogs import Scope
from s3_catalog.catalogs._om_entities import digest_json
from s3_catalog.catalogs._planning import Published
from s3_catalog.discovery.grouping import Grouping
from s3_catalog.discovery.listing import list_prefixes
from s3_catalog.errors import S3CatalogError
from s3_catalog.inference import TableResult
from s3_catalog.model.ledger import SkipReason
from s3_catalog.model.tables import MEMBER_MARK, Table, TableLayout
from s3_catalog.openmetadata_source.options import Choices
from s3_catalog.pipeline import Clock, GroupedObjects
from s3_catalog.storage import open_store, parse_location
from s3_catalog.table_formats import table_formats

if TYPE_CHECKING:
    from s3_catalog.catalogs.sql import SqlCatalog

_SET_ASIDE = [SkipReason.EXCLUDED, SkipReason.NOT_INCLUDED, SkipReason.TOO_LARGE]
"""Skipped by people's options: a table of such objects is not gone."""
_NAMED_ALIKE = {"jsonl": "json"}
"""Formats that a file's name does not tell, and what it says instead."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Lake:
    """What one bucket holds below the chosen prefixes.

    `failed` are (table, prefix or location, error): these are not published. `unread` are (key, error) of files in whose place others were
    read. `present` are identities of what is there and not published; `aside` the keys that options set aside. `listed` counts objects.
    """

    store_url: str
    prefixes: tuple[str, ...] = ()
    tables: tuple[Table, ...] = ()
    failed: tuple[tuple[str, str], ...] = ()
    unread: tuple[tuple[str, str], ...] = ()
    present: tuple[str, ...] = ()
    aside: pa.Array = field(default_factory=lambda: pa.array([], pa.string()), repr=False)
    listed: int = 0

    @property
    def complete(self) -> bool:
        """Whether all of it was listed and read: only then it shows what is gone."""
        return not self.failed and not self.unread

    def scope(self, published: Iterable[Published]) -> Scope:
        """What this reading proves about tables that were published before."""
        kept = [table.identity for table in published if self._is_aside(table.location)]
        return Scope(store_url=self.store_url, prefixes=self.prefixes, present=(*self.present, *kept), listed=self.listed)

    def _is_aside(self, location: str) -> bool:
        start = location.partition("*")[0].partition(MEMBER_MARK)[0]
        return bool(pc.any(pc.starts_with(self.aside, start)).as_py())


def state_url(service: str, store_url: str, environ: Mapping[str, str]) -> str:
    """Where tables of a bucket are kept between runs: a file below `$S3_CATALOG_HOME`, by default `./.s3_catalog`."""
    home = Path(environ.get("S3_CATALOG_HOME") or ".s3_catalog").expanduser().absolute() / "openmetadata"
    readable = quote(f"{service}-{store_url.partition('://')[2].strip('/')}", safe=" ")[:100]
    return f"sqlite:///{home / f'{readable}-{digest_json([service, store_url])[:8]}.db'}"


def count_top(choices: Choices, location: str) -> tuple[int, int]:
    """List the upper level of a location: how many folders and objects it has.

    Raises:
        S3CatalogError: it cannot be listed.
    """
    settings = choices.settings(location)
    top = list_prefixes(open_store(settings.location, settings.store_options()))
    return len(top.prefixes), top.objects.num_rows


def read_lake(choices: Choices, locations: Sequence[str], state: SqlCatalog | None, state_at: str | None) -> Lake:
    """Read all locations of one bucket; tables that `state` knows and that have not changed are not read again.

    Raises:
        CatalogError: the state cannot be read or written.
    """
    lake = Lake(store_url=parse_location(locations[0]).store_url)
    for location in locations:
        names = state.names() if state else {table.layout.identity: table.name for table in lake.tables}
        try:
            lake = _joined(lake, _read_location(choices, location, names, state, state_at))
        except S3CatalogError as error:
            lake = replace(lake, failed=(*lake.failed, (location, str(error))))
    return lake


def _joined(lake: Lake, more: Lake) -> Lake:
    return Lake(
        store_url=lake.store_url,
        prefixes=(*lake.prefixes, *more.prefixes),
        tables=(*lake.tables, *more.tables),
        failed=(*lake.failed, *more.failed),
        unread=(*lake.unread, *more.unread),
        present=(*lake.present, *more.present),
        aside=pa.concat_arrays([lake.aside, more.aside]),
        listed=lake.listed + more.listed,
    )


def _read_location(choices: Choices, location: str, names: Mapping[str, str], state: SqlCatalog | None, state_at: str | None) -> Lake:
    clock, settings = Clock(), choices.settings(location, state_at)
    store = open_store(settings.location, settings.store_options())
    manifest = pipeline.read_manifest(store, settings)
    grouped = pipeline.group_manifest(store, settings, manifest, names)
    grouped = replace(grouped, grouping=_choose(grouped.grouping, choices))
    known = state.known_tables(store.location.store_url) if state else {}
    removed = partial(pipeline.removed_keys, state, store) if state else None
    results = pipeline.infer_schemas(store, settings, grouped, known, removed=removed)
    results = pipeline.describe_schemas(store, settings, grouped, results)
    if state:
        results = list(pipeline.publish_tables(state, settings, store, grouped, results, clock=clock).tables)
    return _summarize(choices, store.location.store_url, store.location.prefix, grouped, results)


def _choose(grouping: Grouping, choices: Choices) -> Grouping:
    """The grouping without other formats, whose objects are set aside, and without partition columns where they are not wanted."""
    layouts, partitions = list(grouping.layouts), list(grouping.partitions)
    if not choices.partitions:
        for at, layout in enumerate(layouts):
            if layout.format not in table_formats():
                layouts[at], partitions[at] = replace(layout, partition_columns=()), ()
    kept = [at for at, layout in enumerate(layouts) if _is_chosen(layout, choices)]
    objects = grouping.objects
    if not choices.partitions:
        whole = pa.array([None if layout.format in table_formats() else -1 for layout in layouts], pa.int32())
        flat = pc.is_valid(whole.take(objects.column("layout").combine_chunks()))
        objects = _set(objects, "partition", pc.if_else(flat, pa.scalar(None, pa.int32()), objects.column("partition")))
    if len(kept) < len(layouts):
        places = pc.index_in(objects.column("layout"), value_set=pa.array(kept, pa.int32()))
        dropped = pc.and_(pc.is_valid(objects.column("layout")), pc.is_null(places))
        reason = pa.scalar(str(SkipReason.NOT_INCLUDED), pa.string())
        objects = _set(objects, "skipped", pc.if_else(dropped, reason, objects.column("skipped")))
        objects = _set(objects, "partition", pc.if_else(dropped, pa.scalar(None, pa.int32()), objects.column("partition")))
        objects = _set(objects, "layout", places)
    return replace(grouping, layouts=tuple(layouts[at] for at in kept), partitions=tuple(partitions[at] for at in kept), objects=objects)


def _set(objects: pa.Table, name: str, values: pa.ChunkedArray) -> pa.Table:
    return objects.set_column(objects.column_names.index(name), objects.schema.field(name), values)


def _is_chosen(layout: TableLayout, choices: Choices) -> bool:
    """Whether a layout may be of a chosen format, as far as names tell."""
    return choices.formats is None or not choices.formats.isdisjoint((layout.format, *_also(layout)))


def _also(layout: TableLayout) -> tuple[str, ...]:
    return tuple(real for real, named in _NAMED_ALIKE.items() if named == layout.format)


def _summarize(choices: Choices, store_url: str, prefix: str, grouped: GroupedObjects, results: Sequence[TableResult]) -> Lake:
    objects = grouped.grouping.objects
    found = [table for result in results for table in result.tables]
    chosen = [t for t in found if choices.formats is None or not choices.formats.isdisjoint((t.layout.format, t.format))]
    errors = objects.filter(pc.is_valid(objects.column("error"))).select(["key", "error"]).to_pylist()
    unread = [*((row["key"], row["error"]) for row in errors), *(failed for result in results if result.tables for failed in result.failed)]
    failed = [(store_url + failed.prefix, failed.error) for failed in grouped.failed]
    failed += [(result.layout.name, result.error or "no table was found in it") for result in results if not result.tables]
    return Lake(
        store_url=store_url,
        prefixes=(prefix,),
        tables=tuple(chosen),
        failed=tuple(failed),
        unread=tuple(unread),
        present=tuple(identity for result in results for identity in result.identities),
        aside=objects.column("key").filter(pc.is_in(objects.column("skipped"), pa.array(_SET_ASIDE, pa.string()))).combine_chunks(),
        listed=objects.num_rows,
    )
