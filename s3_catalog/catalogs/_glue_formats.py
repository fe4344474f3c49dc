"""How Athena and Trino are told to read files: input and output formats, SerDes and table parameters by file format.

Pure. Delimited text is read by LazySimpleSerDe, which has types but knows no quotes, unless values are quoted: then by OpenCSVSerde, which
gives every column as text.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import pyarrow.types as pt

from s3_catalog.catalogs._glue_avro import avro_schema, is_shown_in_avro
from s3_catalog.catalogs._glue_types import hive_type
from s3_catalog.engines.columns import UNSIGNED, fits_bigint
from s3_catalog.model.tables import Column, Table

_HIVE = "org.apache.hadoop.hive"
_TEXT_IN = "org.apache.hadoop.mapred.TextInputFormat"
_TEXT_OUT = f"{_HIVE}.ql.io.HiveIgnoreKeyTextOutputFormat"
_PARQUET_OUT = f"{_HIVE}.ql.io.parquet.MapredParquetOutputFormat"
_PARQUET_SERDE = f"{_HIVE}.ql.io.parquet.serde.ParquetHiveSerDe"
_LAZY = f"{_HIVE}.serde2.lazy.LazySimpleSerDe"
_HUDI = "org.apache.hudi.hadoop"
_TIMESTAMPS = "yyyy-MM-dd HH:mm:ss,yyyy-MM-dd HH:mm:ss.SSS,yyyy-MM-dd'T'HH:mm:ss,yyyy-MM-dd'T'HH:mm:ss.SSS"
_COMPRESSION = {"gz": "gzip", "bz2": "bzip2", "zst": "zstd"}
BY_POSITION = frozenset({"csv", "tsv", "orc"})
"""Formats whose columns the engines find by position."""
LOGGED = frozenset({"delta", "iceberg"})
"""Formats whose log tells an engine all it needs: no partitions are registered."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Storage:
    """What a storage descriptor says of the files. `parameters` are those of the table."""

    input_format: str | None = None
    output_format: str | None = None
    serde: str | None = None
    serde_parameters: Mapping[str, str] = field(default_factory=dict)
    parameters: Mapping[str, str] = field(default_factory=dict)


def choose_storage(table: Table) -> Storage | None:
    """Choose how the engines read a table's files; None for formats they have no reader for."""
    chosen = {
        "parquet": lambda _: _parquet(f"{_HIVE}.ql.io.parquet.MapredParquetInputFormat"),
        "orc": lambda _: _orc(),
        "avro": _avro,
        "csv": _delimited,
        "tsv": _delimited,
        "json": lambda _: _json(),
        "jsonl": lambda _: _json(),
        "delta": _delta,
        "iceberg": _iceberg,
        "hudi": _hudi,
    }.get(table.format)
    if chosen is None:
        return None
    storage = chosen(table)
    own = {"classification": _classification(table.format), "compressionType": _compression_type(table), "EXTERNAL": "TRUE"}
    return Storage(
        input_format=storage.input_format,
        output_format=storage.output_format,
        serde=storage.serde,
        serde_parameters=storage.serde_parameters,
        parameters={**own, **storage.parameters},
    )


def shown_type(table: Table, column: Column) -> str | None:
    """The Hive type under which a column is shown, given the SerDe that reads it; None for a column that cannot be shown."""
    if table.format in ("csv", "tsv"):
        return "string" if _is_quoted(table) else _text_type(dict(table.details), column)
    if table.format == "avro" and not is_shown_in_avro(table, column):
        return None
    if column.source_type == UNSIGNED:
        return "bigint" if fits_bigint(column) else None
    return hive_type(column.type, text=table.format in ("json", "jsonl"))


def _parquet(input_format: str, **parameters: str) -> Storage:
    return Storage(
        input_format=input_format,
        output_format=_PARQUET_OUT,
        serde=_PARQUET_SERDE,
        serde_parameters={"serialization.format": "1"},
        parameters=parameters,
    )


def _orc() -> Storage:
    base = f"{_HIVE}.ql.io.orc.Orc"
    return Storage(input_format=f"{base}InputFormat", output_format=f"{base}OutputFormat", serde=f"{base}Serde")


def _avro(table: Table) -> Storage:
    base = f"{_HIVE}.ql.io.avro.AvroContainer"
    schema = avro_schema(table)
    return Storage(
        input_format=f"{base}InputFormat",
        output_format=f"{base}OutputFormat",
        serde=f"{_HIVE}.serde2.avro.AvroSerDe",
        serde_parameters={} if schema is None else {"avro.schema.literal": schema},
    )


def _json() -> Storage:
    # Tolerant of records that lack or add names; the case of names does not matter, and a nested value can be shown as text.
    return Storage(
        input_format=_TEXT_IN,
        output_format=_TEXT_OUT,
        serde="org.openx.data.jsonserde.JsonSerDe",
        serde_parameters={"case.insensitive": "TRUE", "ignore.malformed.json": "FALSE"},
    )


def _delimited(table: Table) -> Storage:
    details = dict(table.details)
    delimiter = details.get("delimiter", ",")
    skipped = int(details.get("skipped_lines", "0")) + (details.get("header") == "true")
    parameters = {"delimiter": delimiter, "areColumnsQuoted": "true" if _is_quoted(table) else "false"}
    if skipped:
        parameters["skip.header.line.count"] = str(skipped)
    if _is_quoted(table):
        quote = details["quote"]
        serde, settings = f"{_HIVE}.serde2.OpenCSVSerde", {"separatorChar": delimiter, "quoteChar": quote}
        settings["escapeChar"] = details.get("escape", "\\")
    else:
        serde = _LAZY
        settings = {"field.delim": delimiter, "serialization.format": delimiter, "serialization.null.format": ""}
        if any(pt.is_timestamp(column.type) for column in table.columns):
            settings["timestamp.formats"] = _TIMESTAMPS
        if not details.get("encoding", "utf-8").startswith(("utf-8", "ascii")):
            settings["serialization.encoding"] = details["encoding"]
    return Storage(input_format=_TEXT_IN, output_format=_TEXT_OUT, serde=serde, serde_parameters=settings, parameters=parameters)


def _is_quoted(table: Table) -> bool:
    return bool(dict(table.details).get("quote"))


def _text_type(details: Mapping[str, str], column: Column) -> str:
    """The type LazySimpleSerDe can read from the text as it stands; text that is written in another way is shown as text."""
    name, arrow_type = column.name, column.type
    localized = details.get("decimal") == "," and (pt.is_floating(arrow_type) or pt.is_decimal(arrow_type))
    if localized or any(f"{fact}.{name}" in details for fact in ("thousands", "words", "date_order", "nulls")):
        return "string"
    return hive_type(arrow_type, text=True) or "string"


def _delta(table: Table) -> Storage:
    return Storage(
        input_format="org.apache.hadoop.mapred.SequenceFileInputFormat",
        output_format=f"{_HIVE}.ql.io.HiveSequenceFileOutputFormat",
        serde=_LAZY,
        serde_parameters={"serialization.format": "1", "path": table.layout.uri},
        parameters={"table_type": "DELTA", "spark.sql.sources.provider": "delta"},
    )


def _iceberg(table: Table) -> Storage:
    metadata = table.layout.store_url + table.sampled_keys[0] if table.sampled_keys else ""
    return Storage(parameters={"table_type": "ICEBERG", "metadata_location": metadata})


def _hudi(table: Table) -> Storage:
    merged = dict(table.details).get("table_type") == "MERGE_ON_READ"
    reader = f"{_HUDI}.realtime.HoodieParquetRealtimeInputFormat" if merged else f"{_HUDI}.HoodieParquetInputFormat"
    storage = _parquet(reader, **{"spark.sql.sources.provider": "hudi", "table_type": "HUDI"})
    return Storage(
        input_format=storage.input_format,
        output_format=storage.output_format,
        serde=storage.serde,
        serde_parameters={**storage.serde_parameters, "path": table.layout.uri},
        parameters=storage.parameters,
    )


def _classification(file_format: str) -> str:
    return {"tsv": "csv", "jsonl": "json"}.get(file_format, file_format)


def _compression_type(table: Table) -> str:
    endings = {_COMPRESSION.get(key.rpartition(".")[2].lower(), "none") for key in table.sampled_keys}
    return endings.pop() if len(endings) == 1 and table.format in ("csv", "tsv", "json", "jsonl") else "none"
