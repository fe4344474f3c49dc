"""Planted values in columnar files and in tables with a log."""

from __future__ import annotations

import io
import json
import zipfile
from pathlib import Path
from typing import Any

import fastavro
import pyarrow as pa
import pyarrow.feather
import pyarrow.orc
import pyarrow.parquet as pq
from deltalake import CommitProperties, write_deltalake
from pyiceberg.catalog.sql import SqlCatalog

import s3_catalog_tests.table_formats as hudi_tables
from s3_catalog_tests.privacy.planting import typed
from s3_catalog_tests.privacy.writing import LakeFolder


def columnar(lake: LakeFolder) -> None:
    for name, write in {
        "parquet": write_parquet,
        "orc": _orc,
        "arrow": _arrow_file,
        "arrows": _arrow_stream,
        "feather": _feather,
        "avro": _avro,
    }.items():
        for kind in ("people", "plain", "texts"):
            columns = lake.columns(kind, f"{name} {kind}")
            lake.write(f"{name}_{kind}/part.{name}", write(pa.table(typed(columns) if kind == "people" else columns)))
        lake.write(f"{name}_nested/part.{name}", write(_nested(lake, name)))
    lake.write("parquet_national/part.parquet", write_parquet(pa.table(lake.columns("national", "parquet national"))))
    for country in ("de", "us"):
        for part in range(2):
            rows = pa.table(typed(lake.columns("people", f"partitioned {country} {part}")))
            lake.write(f"partitioned/country={country}/part-{part}.parquet", write_parquet(rows))
    hidden = pa.table({"id": [1]}).replace_schema_metadata({"author": lake.one("email", "metadata of parquet")})
    lake.write("parquet_metadata/part.parquet", write_parquet(hidden))


def _nested(lake: LakeFolder, name: str) -> pa.Table:
    """Structs, lists of structs, maps whose keys are addresses, dictionaries, bytes, JSON in text."""
    rows = range(6)

    def value(kind: str, path: str) -> list[str]:
        return lake.planter.column(kind, f"{name} nested {path}", len(rows))

    structs = [{"email": email, "tags": ["a"]} for email in value("email", "person.email")]
    lists = [[{"kind": "home", "number": phone}] for phone in value("phone", "contacts[].number")]
    pairs = [[(key, number)] for number, key in enumerate(value("email", "by_address keys"))]
    found = {
        "n": pa.array(rows, pa.int64()),
        "x1": pa.array(structs, pa.struct([("email", pa.string()), ("tags", pa.list_(pa.string()))])),
        "x2": pa.array(lists, pa.list_(pa.struct([("kind", pa.string()), ("number", pa.string())]))),
        "x3": pa.array(pairs, pa.map_(pa.string(), pa.int64())),
        "x4": pa.array([email.encode() for email in value("email", "x4 bytes")], pa.binary()),
        "x5": pa.array([json.dumps({"to": [{"card": card}]}) for card in value("card", "x5 JSON")]),
        "x6": pa.array([int(card) for card in value("card", "x6 integer")], pa.int64()),
    }
    if name not in ("orc", "avro"):  # they have no dictionaries
        found["x7"] = pa.array(value("ssn", "x7 dictionary")).dictionary_encode()
    return pa.table(found)


def write_parquet(table: pa.Table) -> bytes:
    sink = io.BytesIO()
    pq.write_table(table, sink)
    return sink.getvalue()


def _orc(table: pa.Table) -> bytes:
    sink = io.BytesIO()
    pyarrow.orc.write_table(table, sink)
    return sink.getvalue()


def _feather(table: pa.Table) -> bytes:
    sink = io.BytesIO()
    pyarrow.feather.write_feather(table, sink)
    return sink.getvalue()


def _arrow_file(table: pa.Table) -> bytes:
    sink = io.BytesIO()
    with pa.ipc.new_file(sink, table.schema) as writer:
        writer.write_table(table)
    return sink.getvalue()


def _arrow_stream(table: pa.Table) -> bytes:
    sink = io.BytesIO()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    return sink.getvalue()


def _avro(table: pa.Table) -> bytes:
    sink = io.BytesIO()
    names = iter(range(1000))
    fields = [{"name": field.name, "type": ["null", _avro_type(field.type, names)]} for field in table.schema]
    rows = [{k: dict(v) if pa.types.is_map(table.schema.field(k).type) else v for k, v in row.items()} for row in table.to_pylist()]
    fastavro.writer(sink, fastavro.parse_schema({"type": "record", "name": "row", "fields": fields}), rows, codec="deflate")
    return sink.getvalue()


def _avro_type(arrow_type: pa.DataType, names: Any) -> Any:
    if pa.types.is_struct(arrow_type):
        fields = [{"name": f.name, "type": ["null", _avro_type(f.type, names)]} for f in arrow_type]
        return {"type": "record", "name": f"r{next(names)}", "fields": fields}
    if pa.types.is_list(arrow_type):
        return {"type": "array", "items": ["null", _avro_type(arrow_type.value_type, names)]}
    if pa.types.is_map(arrow_type):
        return {"type": "map", "values": _avro_type(arrow_type.item_type, names)}
    return {"int64": "long", "double": "double", "binary": "bytes", "date32[day]": {"type": "int", "logicalType": "date"}}.get(
        str(arrow_type), "string"
    )


def tables_with_logs(lake: LakeFolder) -> None:
    for kind in ("people", "plain"):
        columns = lake.columns(kind, f"delta {kind}")
        rows = pa.table(typed(columns) if kind == "people" else columns)
        said = CommitProperties(custom_metadata={"who": lake.one("email", "delta commit")})
        write_deltalake(str(lake.folder(f"delta_{kind}")), rows, commit_properties=said)
        _write_iceberg(lake, kind)
    _write_hudi(lake)


def _write_hudi(lake: LakeFolder) -> None:
    """The table that Spark wrote, its base files written again with addresses in the place of names."""
    with zipfile.ZipFile(Path(hudi_tables.__file__).with_name("hudi_tables.zip")) as archive:
        archive.extractall(lake.root, [member for member in archive.namelist() if member.startswith("cow/")])
    for path in sorted((lake.root / "cow").glob("site=*/*.parquet")):
        rows = pq.ParquetFile(path).read()
        emails = pa.array(lake.planter.column("email", f"hudi {path.parent.name}", rows.num_rows), pa.string())
        pq.write_table(rows.set_column(rows.schema.get_field_index("name"), rows.schema.field("name"), emails), path)


def _write_iceberg(lake: LakeFolder, kind: str) -> None:
    columns = lake.columns(kind, f"iceberg {kind}")
    rows = pa.table(typed(columns) if kind == "people" else columns)
    catalog = SqlCatalog("tests", uri="sqlite:///:memory:", warehouse=f"file://{lake.folder('iceberg')}")
    try:
        catalog.create_namespace("shop")
        table = catalog.create_table(f"shop.{kind}", schema=rows.schema, properties={"owner": lake.one("email", "iceberg property")})
        table.append(rows, snapshot_properties={"who": lake.one("email", "iceberg snapshot")})
    finally:
        catalog.close()
