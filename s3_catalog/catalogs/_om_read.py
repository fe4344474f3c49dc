"""From what the server holds back to tables: names, places, columns with their types, partition columns, texts, tags and owners.

What OpenMetadata does not keep (evidence, blame, samples, digests) is not in them.
"""

from __future__ import annotations

from s3_catalog.catalogs._authority import WrittenTable
from s3_catalog.catalogs._om_columns import Body, flatten, read_arrow_type
from s3_catalog.catalogs._om_merge import read_said
from s3_catalog.catalogs._om_names import decode_name
from s3_catalog.catalogs._om_tags import read_tag
from s3_catalog.model.description import Description, Tag
from s3_catalog.model.tables import Column, Evidence, PartitionColumn, Table, TableLayout

_NO_EVIDENCE = Evidence(rule="", reason="", runner_up="")
_RULE = "OpenMetadata"


def read_published(entity: Body, written: WrittenTable | None) -> Table:
    """Read one of our entities as a table."""
    location: str = entity.get("locationPath") or ""
    scheme, _, rest = location.partition("://")
    bucket, _, key = rest.partition("/")
    partitions = [column["columnName"] for column in (entity.get("tablePartition") or {}).get("columns") or ()]
    columns = {column["name"]: column for column in entity.get("columns") or ()}
    fields = written.fields if written else {}
    layout = TableLayout(
        name=written.name if written else entity.get("displayName") or decode_name(entity["name"]),
        store_url=written.store_url if written else f"{scheme}://{bucket}/",
        location=written.location if written else key,
        format=written.identity.partition(":")[0] if written else entity.get("fileFormat") or "unknown",
        partition_columns=tuple(PartitionColumn(name=_own_name(columns[n]), type=read_arrow_type(columns[n])) for n in partitions),
        object_count=int(fields.get("object_count") or 0),
        size_bytes=int(fields.get("size_bytes") or 0),
        newest=None,
        evidence=_NO_EVIDENCE,
    )
    return Table(
        layout=layout,
        columns=tuple(_read_column(column) for name, column in columns.items() if name not in partitions),
        row_count=int(fields["row_count"]) if fields.get("row_count") else None,
        description=_read_description(entity),
    )


def _own_name(column: Body) -> str:
    return decode_name(column["name"])


def _read_column(column: Body) -> Column:
    sized = column["dataTypeDisplay"] if column["dataType"] in ("VARCHAR", "CHAR") else None
    return Column(name=_own_name(column), type=read_arrow_type(column), nullable=column.get("constraint") != "NOT_NULL", source_type=sized)


def _read_description(entity: Body) -> Description:
    said = read_said(entity)
    tags: list[tuple[str | None, str]] = [(None, tag) for tag in said.get("tags", ())]
    texts = []
    for path, column in flatten(entity.get("columns") or ()):
        name = _own_name(column) if path == column["name"] else path
        tags += [(name, tag) for tag in said.get(f"columns.{path}.tags", ())]
        if column.get("description"):
            texts.append((name, column["description"]))
    return Description(
        tags=tuple(Tag(name=read_tag(tag), column=column, rule=_RULE, why="is there") for column, tag in tags),
        owners=tuple(said.get("owners", ())),
        text=said.get("description"),
        column_texts=tuple(texts),
    )
