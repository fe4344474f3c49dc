"""A table as AWS Glue keeps it: a flat list of fields, each with its text, and back.

Pure. Fields are what a plan shows, what is remembered of the last write, and what a person may have changed: `description`,
`columns.<name>`, `serde`, `parameters.<name>`. What stands in Glue beside them (parameters of other tools, columns that people added) is
kept as it is.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from s3_catalog.catalogs._glue_formats import BY_POSITION, LOGGED, Storage, choose_storage, shown_type
from s3_catalog.catalogs._glue_names import ORIGINAL, glue_name, positional_name
from s3_catalog.catalogs._glue_partitions import ISO_DATE, GluePartition, build_partitions, digest_partitions, project_partitions
from s3_catalog.catalogs._glue_statistics import build_statistics
from s3_catalog.catalogs._glue_tags import TagPair, build_tags
from s3_catalog.catalogs._glue_types import hive_type, read_hive_type
from s3_catalog.engines.columns import is_column_name
from s3_catalog.engines.places import find_places, root_of
from s3_catalog.model.description import Description
from s3_catalog.model.snapshots import digest_texts
from s3_catalog.model.tables import Column, Evidence, PartitionColumn, Table, TableLayout

OUR = "s3_catalog."
IDENTITY, STORE, LOCATION, FORMAT = f"{OUR}identity", f"{OUR}store", f"{OUR}location", f"{OUR}format"
RETIRED = f"{OUR}retired_at"
PARTITIONS, STATISTICS, INDEX, TAGS = f"{OUR}partitions", f"{OUR}statistics", f"{OUR}index", f"{OUR}lake_formation_tags"
"""Parameters that tell what was sent beside the table itself. They are written when all of that is there."""
MAX_INDEX_KEYS = 3
"""Partition keys in our index."""
_FIGURES = {"row_count": "recordCount", "object_count": "objectCount", "size_bytes": "sizeKey"}
"""Our field -> the parameter in which AWS's own crawler keeps it."""
_HIVE_FIGURES = {"row_count": "numRows", "object_count": "numFiles", "size_bytes": "totalSize"}
"""The same for Hive's and Trino's planners."""
_LAYOUT = {"input_format": "InputFormat", "output_format": "OutputFormat", "location": "Location"}
_MAX_DESCRIPTION, _MAX_COMMENT = 2048, 255
HUMAN = ("description", "owner")
"""Fields that are a person's when they are there before we ever wrote; comments of columns are too."""

Fields = dict[str, str]
GlueAnswer = Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class GlueTable:
    """What Glue should hold of a table. `name` is its name in Glue; a field with None is not there."""

    name: str
    fields: Fields
    order: tuple[str, ...]
    partition_keys: tuple[str, ...]
    partitions: tuple[GluePartition, ...] = ()
    statistics: tuple[dict[str, Any], ...] = field(default=(), repr=False)
    tags: tuple[TagPair, ...] = ()


def build_table(
    table: Table, *, projection: bool = False, statistics: bool = False, indexes: bool = False, tags: bool = False
) -> GlueTable | None:
    """Make of a table what Glue should hold; None where no engine could read it.

    Args:
        projection: let the engines compute partitions instead of registering them, where that finds them all.
        statistics: send column statistics too.
        indexes: make an index over registered partitions.
        tags: send LF-tags.
    """
    storage = choose_storage(table)
    if storage is None:
        return None
    columns = _name_columns(table)
    keys = [] if table.format in LOGGED else [(column.name.lower(), column) for column in table.layout.partition_columns]
    fields = {**_plain_fields(table), **_storage_fields(table, storage), **_column_fields(table, columns)}
    fields |= {f"partition_columns.{name}": hive_type(key.type) or "string" for name, key in keys}
    fields |= _comments(table, {**{name: c.name for name, c in columns}, **{name: c.name for name, c in keys}})
    partitions: tuple[GluePartition, ...] = ()
    places = find_places(table) if keys else None
    if places is not None:
        names = [name for name, _ in keys]
        projected = project_partitions(table, places, names) if projection else None
        partitions = build_partitions(table, places, _schema_digest(fields)) if projected is None else ()
        fields |= _partition_fields(names, partitions, projected, indexes=indexes)
    figures = build_statistics(table, dict(columns)) if statistics else ()
    if figures:
        fields[f"parameters.{STATISTICS}"] = digest_texts([json.dumps(figures, sort_keys=True, default=str)])[:16]
    wanted_tags = build_tags(table, (name for name, _ in columns)) if tags else ()
    if tags:
        fields[f"parameters.{TAGS}"] = digest_texts([json.dumps(wanted_tags)])[:16]
    return GlueTable(
        name=glue_name(table.name),
        fields={name: _clean(text) for name, text in fields.items()},
        order=tuple(name for name, _ in columns),
        partition_keys=tuple(name for name, _ in keys),
        partitions=partitions,
        statistics=figures,
        tags=wanted_tags,
    )


def _partition_fields(
    names: Sequence[str], partitions: Sequence[GluePartition], projected: Mapping[str, str] | None, *, indexes: bool
) -> Fields:
    """What a table says of its partitions: how many there are, or how they are computed."""
    if projected is not None:
        fields = {f"parameters.{name}": text for name, text in projected.items()}
        # A date that is written in another way than SQL's can be computed, but only as text.
        written = {name: projected.get(f"projection.{name}.format", ISO_DATE) for name in names}
        return fields | {f"partition_columns.{name}": "string" for name, pattern in written.items() if pattern != ISO_DATE}
    index = {f"parameters.{INDEX}": ",".join(names[:MAX_INDEX_KEYS])} if indexes else {}
    return {f"parameters.{PARTITIONS}": digest_partitions(partitions), **index}


def _name_columns(table: Table) -> list[tuple[str, Column]]:
    """The columns that are shown, by their names in Glue."""
    partitions = {column.name.lower() for column in table.layout.partition_columns}
    logged: list[Column] = []
    if table.format in LOGGED:  # the engines take partition columns from the log, among the others
        logged = [Column(name=column.name, type=column.type) for column in table.layout.partition_columns]
        partitions = set()
    shown: list[tuple[str, Column]] = []
    taken = partitions
    for number, column in enumerate([*table.columns, *logged], start=1):
        name = positional_name(column.name, taken, number) if table.format in BY_POSITION else column.name.lower()
        if table.format in BY_POSITION or (is_column_name(column.name) and name not in taken and shown_type(table, column) is not None):
            shown.append((name, column))
            taken.add(name)
    return shown


def _plain_fields(table: Table) -> Fields:
    layout, description = table.layout, table.description
    told = dict(table.details).get("description")
    fields: dict[str, str | None] = {
        "description": ((description.text if description else None) or told or "")[:_MAX_DESCRIPTION],
        "owner": description.owners[0][:255] if description and description.owners else None,
        "location": _place(layout),
        "row_count": None if table.row_count is None else str(table.row_count),
        "object_count": str(layout.object_count),
        "size_bytes": str(layout.size_bytes),
    }
    parameters: dict[str, str | None] = {
        IDENTITY: layout.identity,
        STORE: layout.store_url,
        LOCATION: layout.location,
        FORMAT: layout.format,
        ORIGINAL: table.name,
        f"{OUR}rule": layout.evidence.rule,
        f"{OUR}reason": layout.evidence.reason,
        f"{OUR}newest": layout.newest.isoformat() if layout.newest else None,
        f"{OUR}tags": _tags_text(description) if description else None,
        f"{OUR}inferred": ", ".join(c.name for c in layout.partition_columns if not c.declared),
    }
    fields |= {f"parameters.{name}": text for name, text in parameters.items()}
    return {name: text for name, text in fields.items() if text}


def _tags_text(description: Description) -> str:
    return ", ".join(sorted({f"{tag.name}({tag.column})" if tag.column else tag.name for tag in description.tags}))


def _place(layout: TableLayout) -> str:
    place = layout.store_url + root_of(layout.location)
    # Trino's hudi connector takes the location for a file's, which must not end so.
    return place.rstrip("/") if layout.format == "hudi" else place


def _storage_fields(table: Table, storage: Storage) -> Fields:
    plain = {"input_format": storage.input_format, "output_format": storage.output_format, "serde": storage.serde}
    fields = {name: text for name, text in plain.items() if text}
    fields |= {f"serde.{name}": text for name, text in storage.serde_parameters.items()}
    return fields | {f"parameters.{name}": text for name, text in storage.parameters.items()}


def _column_fields(table: Table, columns: Iterable[tuple[str, Column]]) -> Fields:
    fields = {}
    for name, column in columns:
        fields[f"columns.{name}"] = shown_type(table, column) or "binary"
        if name != column.name:
            fields[f"columns.{name}.{ORIGINAL}"] = column.name
    return fields


def _comments(table: Table, names: Mapping[str, str]) -> Fields:
    texts = dict(table.description.column_texts) if table.description else {}
    own = {f"comments.{name}": " ".join(texts[original].split())[:_MAX_COMMENT] for name, original in names.items() if original in texts}
    return {name: text for name, text in own.items() if text}


def _schema_digest(fields: Fields) -> str:
    named = ("columns.", "serde", "input_format", "output_format")
    return digest_texts(f"{name}={text}" for name, text in sorted(fields.items()) if name.startswith(named))[:16]


def _clean(text: str) -> str:
    """Text as JSON in UTF-8 can carry it."""
    return text.encode("utf-8", "replace").decode()


def read_fields(found: GlueAnswer) -> Fields:
    """The fields of a table of Glue's answer."""
    descriptor, parameters = found.get("StorageDescriptor", {}), found.get("Parameters", {})
    serde = descriptor.get("SerdeInfo", {})
    fields = {"description": found.get("Description"), "owner": found.get("Owner"), "serde": serde.get("SerializationLibrary")}
    fields |= {name: descriptor.get(key) for name, key in _LAYOUT.items()}
    fields |= {f"serde.{name}": text for name, text in serde.get("Parameters", {}).items()}
    fields |= {f"parameters.{name}": text for name, text in parameters.items() if name not in (*_FIGURES.values(), *_HIVE_FIGURES.values())}
    fields |= {name: parameters.get(key) for name, key in _FIGURES.items()}
    for column in descriptor.get("Columns", ()):
        fields[f"columns.{column['Name']}"] = column.get("Type")
        fields[f"comments.{column['Name']}"] = column.get("Comment")
        fields[f"columns.{column['Name']}.{ORIGINAL}"] = column.get("Parameters", {}).get(ORIGINAL)
    for column in found.get("PartitionKeys", ()):
        fields[f"partition_columns.{column['Name']}"] = column.get("Type")
        fields[f"comments.{column['Name']}"] = column.get("Comment")
    # An empty setting of a SerDe is one (LazySimpleSerDe's marker of nulls), an empty text or comment is none.
    return {name: text for name, text in fields.items() if text or (text == "" and name.startswith(("serde.", "parameters.")))}


def write_table(wanted: GlueTable, fields: Fields, found: GlueAnswer | None) -> dict[str, Any]:
    """The table as Glue takes it: these fields, and what else stood there.

    Args:
        fields: those of `wanted`, as far as people left them to us, and people's own.
        found: Glue's answer about the table that is replaced.
    """
    found = found or {}
    kept = {
        name: found[name] for name in ("Retention", "ViewOriginalText", "ViewExpandedText", "TargetTable", "OwnerType") if name in found
    }
    before = found.get("StorageDescriptor", {})
    serde = {**before.get("SerdeInfo", {}), "Parameters": _with_prefix(fields, "serde.")}
    descriptor = {**before, "Columns": _write_columns(wanted, fields, before.get("Columns", ())), "SerdeInfo": serde}
    for name, key in _LAYOUT.items():
        _put(descriptor, key, fields.get(name))
    _put(serde, "SerializationLibrary", fields.get("serde"))
    parameters = _with_prefix(fields, "parameters.")
    for keys in (_FIGURES, _HIVE_FIGURES):
        parameters |= {key: fields[name] for name, key in keys.items() if name in fields}
    table: dict[str, Any] = {
        "Name": wanted.name,
        **kept,
        "TableType": "EXTERNAL_TABLE",
        "Parameters": parameters,
        "StorageDescriptor": descriptor,
        "PartitionKeys": [_write_column(name, fields, "partition_columns") for name in wanted.partition_keys],
    }
    _put(table, "Description", fields.get("description"))
    _put(table, "Owner", fields.get("owner"))
    return table


def _write_columns(wanted: GlueTable, fields: Fields, before: Iterable[GlueAnswer]) -> list[dict[str, Any]]:
    known = {column["Name"]: column for column in before}
    names = [*wanted.order, *(name for name in known if name not in wanted.order)]
    return [_write_column(name, fields, "columns", known.get(name)) for name in names if f"columns.{name}" in fields]


def _write_column(name: str, fields: Fields, kind: str, before: GlueAnswer | None = None) -> dict[str, Any]:
    column: dict[str, Any] = {**(before or {}), "Name": name, "Type": fields[f"{kind}.{name}"]}
    _put(column, "Comment", fields.get(f"comments.{name}"))
    parameters = {**column.get("Parameters", {})}
    _put(parameters, ORIGINAL, fields.get(f"columns.{name}.{ORIGINAL}") if kind == "columns" else None)
    _put(column, "Parameters", parameters)
    return column


def _put(target: dict[str, Any], name: str, value: Any) -> None:
    if value:
        target[name] = value
    else:
        target.pop(name, None)


def _with_prefix(fields: Fields, prefix: str) -> dict[str, str]:
    return {name.removeprefix(prefix): text for name, text in fields.items() if name.startswith(prefix)}


def is_ours(found: GlueAnswer) -> bool:
    """Whether we published a table of Glue's answer."""
    return IDENTITY in found.get("Parameters", {})


def read_table(found: GlueAnswer) -> Table:
    """A published table as far as Glue keeps it: names, types, places, figures, tags' names not among them."""
    parameters = found["Parameters"]
    inferred = parameters.get(f"{OUR}inferred", "").split(", ")
    newest = parameters.get(f"{OUR}newest")
    layout = TableLayout(
        name=parameters[ORIGINAL],
        store_url=parameters[STORE],
        location=parameters.get(LOCATION, ""),
        format=parameters[FORMAT],
        partition_columns=tuple(
            PartitionColumn(name=key["Name"], type=read_hive_type(key.get("Type", "")), declared=key["Name"] not in inferred)
            for key in found.get("PartitionKeys", ())
        ),
        object_count=int(parameters.get(_FIGURES["object_count"], 0)),
        size_bytes=int(parameters.get(_FIGURES["size_bytes"], 0)),
        newest=datetime.fromisoformat(newest) if newest else None,
        evidence=Evidence(rule=parameters.get(f"{OUR}rule", ""), reason=parameters.get(f"{OUR}reason", ""), runner_up=""),
    )
    rows = parameters.get(_FIGURES["row_count"])
    return Table(
        layout=layout,
        columns=tuple(
            Column(name=column.get("Parameters", {}).get(ORIGINAL, column["Name"]), type=read_hive_type(column.get("Type", "")))
            for column in found.get("StorageDescriptor", {}).get("Columns", ())
        ),
        row_count=None if rows is None else int(rows),
    )
