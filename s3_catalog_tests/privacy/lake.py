"""A lake with planted personal data in every format that is read, by each format's own writer.

A folder per file, so that each is a table; few folders at the top, as each is a partition of Dagster.
"""

from __future__ import annotations

import bz2
import csv
import gzip
import io
import json
import lzma
import pickle
import tarfile
import zipfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape

import fastavro
import h5py
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.feather
import pyarrow.orc
import pyarrow.parquet as pq
import yaml
from deltalake import CommitProperties, write_deltalake
from pyiceberg.catalog.sql import SqlCatalog

import s3_catalog_tests.table_formats as hudi_tables
from s3_catalog_tests.formats import workbooks
from s3_catalog_tests.privacy.planting import Columns, Planter, as_rows, meaningless, national, telling, texts, typed

_COMPRESSORS: dict[str, Callable[[bytes], bytes]] = {
    "gz": lambda data: gzip.compress(data, mtime=0),
    "bz2": bz2.compress,
    "xz": lzma.compress,
    "zst": lambda data: pa.compress(data, "zstd", asbytes=True),
}
_KINDS: dict[str, Callable[..., Columns]] = {"people": telling, "plain": meaningless, "national": national, "texts": texts}
HINTS = {
    "hints": [
        {"path": "misfits/numbers/*.csv", "columns": {"email": "bigint"}},
        {"path": "misfits/names/*.csv", "columns": {"name": "bigint"}},
        {"path": "misfits/births/*.csv", "columns": {"birth_date": "bigint"}},
        {"path": "misfits/json/*.jsonl", "columns": {"ssn": "date"}},
        {"path": "misfits/xml/*.xml", "columns": {"c3": "date"}},
        {"path": "misfits/delimiter/*.csv", "csv": {"delimiter": "|"}},
    ]
}
"""Settings whose hints do not fit: their errors show a value."""


def make_lake(root: Path, planter: Planter) -> None:
    """Write all files."""
    lake = _Lake(root, planter)
    for write in (
        _columnar,
        _delimited,
        _json,
        _xml,
        _workbooks,
        _hdf5,
        _pickles,
        _logs,
        _archives,
        _tables_with_logs,
        _misfits,
        _broken,
        _odd,
    ):
        write(lake.below(write.__name__.strip("_")))


class _Lake:
    def __init__(self, root: Path, planter: Planter) -> None:
        self.root, self.planter = root, planter

    def below(self, folder: str) -> _Lake:
        return _Lake(self.root / folder, self.planter)

    def columns(self, kind: str, place: str) -> Columns:
        return _KINDS[kind](self.planter, place)

    def one(self, kind: str, place: str) -> str:
        return self.planter.plant(kind, place)

    def write(self, path: str, data: bytes | str) -> None:
        target = self.root / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(data.encode() if isinstance(data, str) else data)

    def folder(self, path: str) -> Path:
        (self.root / path).mkdir(parents=True, exist_ok=True)
        return self.root / path


def _columnar(lake: _Lake) -> None:
    for name, write in {
        "parquet": _parquet,
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
    lake.write("parquet_national/part.parquet", _parquet(pa.table(lake.columns("national", "parquet national"))))
    for country in ("de", "us"):
        for part in range(2):
            rows = pa.table(typed(lake.columns("people", f"partitioned {country} {part}")))
            lake.write(f"partitioned/country={country}/part-{part}.parquet", _parquet(rows))
    hidden = pa.table({"id": [1]}).replace_schema_metadata({"author": lake.one("email", "metadata of parquet")})
    lake.write("parquet_metadata/part.parquet", _parquet(hidden))


def _nested(lake: _Lake, name: str) -> pa.Table:
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


def _parquet(table: pa.Table) -> bytes:
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


def _delimited(lake: _Lake) -> None:
    for ending, mark in {"csv": ",", "tsv": "\t", "psv": "|", "ssv": ";"}.items():
        for kind in ("people", "plain", "texts", "national"):
            lake.write(f"{ending}_{kind}/rows.{ending}", _csv(lake.columns(kind, f"{ending} {kind}"), mark))
    for ending, compress in _COMPRESSORS.items():
        lake.write(f"csv_{ending}/rows.csv.{ending}", compress(_csv(lake.columns("people", f"csv {ending}"))))
    lake.write("semicolons/rows.csv", _csv(lake.columns("people", "semicolons in .csv"), ";"))
    lake.write("headerless_plain/rows.csv", _csv(lake.columns("plain", "headerless plain"), header=False))
    lake.write("one_row/row.csv", f"a,b\n{lake.one('email', 'one row')},{lake.one('phone', 'one row')}\n")
    rows = [f"{n},{n}" for n in range(500)]
    rows[400] = f"400,{lake.one('email', 'a late row of text')}"
    lake.write("late/rows.csv", "\n".join(["n,c", *rows]) + "\n")
    lake.write("utf16/rows.csv", _csv(lake.columns("people", "UTF-16")).decode().encode("utf-16"))
    for part in range(2):
        lake.write(f"dated/2024/01/{part + 1:02}/rows.csv", _csv(lake.columns("people", f"dated {part}")))
    block = lake.one("private key", "private key in csv").replace("\n", "\\n")
    lake.write("keys/rows.csv", f'n,c\n1,"{block}"\n2,"{lake.one("api key", "keys row 2")}"\n')


def _csv(columns: Columns, mark: str = ",", *, header: bool = True) -> bytes:
    sink = io.StringIO()
    writer = csv.writer(sink, delimiter=mark, lineterminator="\n")
    if header:
        writer.writerow(columns)
    writer.writerows(zip(*columns.values(), strict=True))
    return sink.getvalue().encode()


def _json(lake: _Lake) -> None:
    for kind in ("people", "plain", "texts"):
        lake.write(f"json_{kind}/rows.json", json.dumps(as_rows(lake.columns(kind, f"json {kind}"))))
        lake.write(f"jsonl_{kind}/rows.jsonl", _jsonl(as_rows(lake.columns(kind, f"jsonl {kind}"))))
    typed_rows = as_rows({k: v for k, v in typed(lake.columns("people", "jsonl typed")).items() if k != "birth_date"})
    lake.write("jsonl_typed/rows.jsonl.gz", gzip.compress(_jsonl(typed_rows).encode()))
    document = {"meta": {"owner": lake.one("email", "json document meta")}, "data": as_rows(lake.columns("people", "json document"))}
    lake.write("json_document/rows.json", json.dumps(document, indent=1))
    rows: list[Any] = []
    for n in range(6):
        inner = {"contact": {"email": lake.one("email", f"json nested {n}")}, "phones": [{"number": lake.one("phone", f"json nested {n}")}]}
        rows.append({"n": n, "x": inner, "text": json.dumps({"deep": json.dumps({"card": lake.one("card", f"json in JSON in JSON {n}")})})})
    lake.write("json_nested/rows.jsonl", _jsonl(rows))
    by_key = [{"n": n, "x": {lake.one("email", f"json key {n}-{i}"): i for i in range(3)}} for n in range(6)]
    lake.write("json_keys/rows.jsonl", _jsonl(by_key))
    lake.write(
        "json_keyed/rows.json", json.dumps({lake.one("email", f"json document key {n}"): {"n": n, "city": "Oslo"} for n in range(8)})
    )
    lake.write("json_phones/rows.json", json.dumps({lake.one("phone", f"json document key {n}"): {"n": n} for n in range(8)}))
    late = [{"n": n, "c": n} for n in range(400)]
    late[300]["c"] = lake.one("email", "late in jsonl")  # type: ignore[assignment]
    lake.write("json_late/rows.jsonl", _jsonl(late))


def _jsonl(rows: Sequence[Any]) -> str:
    return "".join(json.dumps(row) + "\n" for row in rows)


def _xml(lake: _Lake) -> None:
    for kind in ("people", "plain", "texts"):
        records = []
        for row in as_rows(lake.columns(kind, f"xml {kind}")):
            fields = "".join(f"<{name}>{escape(value)}</{name}>" for name, value in row.items())
            records.append(f'<row owner="{lake.one("email", f"xml {kind} attribute")}">{fields}</row>')
        lake.write(f"xml_{kind}/rows.xml", f"<rows>{''.join(records)}</rows>")


def _workbooks(lake: _Lake) -> None:
    def rows(place: str, kind: str = "people") -> list[list[Any]]:
        columns = lake.columns(kind, place)
        columns = {
            name: ([float(value) for value in values] if name in ("latitude", "amount", "id") else values)
            for name, values in columns.items()
        }
        return [list(columns), *map(list, zip(*columns.values(), strict=True))]

    lake.write(
        "xlsx/book.xlsx", workbooks.xlsx({"One": rows("xlsx"), "Two": rows("xlsx plain", "plain"), "Three": rows("xlsx texts", "texts")})
    )
    lake.write("xlsx_headerless/book.xlsx", workbooks.xlsx({"Rows": rows("xlsx headerless", "plain")[1:]}))
    lake.write("xlsm/book.xlsm", workbooks.xlsx_by_xlsxwriter(rows("xlsm")))
    lake.write("xls/book.xls", workbooks.xls(rows("xls")))
    lake.write("ods/book.ods", workbooks.ods(rows("ods")))
    lake.write("xlsb/book.xlsb", workbooks.xlsb(rows("xlsb")))


def _hdf5(lake: _Lake) -> None:
    folder = lake.folder("hdf5_pandas")
    with pd.HDFStore(folder / "store.h5", "w") as store:
        store.put("people", pd.DataFrame(lake.columns("people", "hdf5 table")), format="table", track_times=False)
        store.put("plain", pd.DataFrame(lake.columns("plain", "hdf5 fixed")), format="fixed", track_times=False)
    sink = io.BytesIO()
    with h5py.File(sink, "w") as tree:
        columns = lake.columns("people", "hdf5 compound")
        kinds = np.dtype([(name, "S120") for name in columns])
        tree["people"] = np.array([tuple(value.encode() for value in row) for row in zip(*columns.values(), strict=True)], kinds)
        tree["c"] = [email.encode() for email in lake.planter.column("email", "hdf5 dataset", 6)]
        tree["cards"] = [int(card) for card in lake.planter.column("card", "hdf5 integers", 6)]
        tree.attrs["owner"] = lake.one("email", "hdf5 attribute")
    lake.write("hdf5_plain/data.h5", sink.getvalue())


def _pickles(lake: _Lake) -> None:
    lake.write("pickle_people/frame.pkl", pickle.dumps(pd.DataFrame(typed(lake.columns("people", "pickle")))))
    frame = pd.DataFrame(lake.columns("plain", "pickle plain"))
    frame["category"] = pd.Categorical(lake.planter.column("email", "pickle category", len(frame)))
    lake.write("pickle_plain/frame.pkl", pickle.dumps(frame))
    lake.write("pickle_dict/data.pkl", pickle.dumps(lake.columns("people", "pickle dict")))
    lake.write("pickle_rows/data.pkl", pickle.dumps(as_rows(lake.columns("plain", "pickle rows"))))
    indexed = pd.DataFrame({"n": range(6)}, index=pd.Index(lake.planter.column("email", "pickle index", 6), name="c"))
    lake.write("pickle_index/frame.pkl", pickle.dumps(indexed))
    wide = pd.DataFrame([[1, 2, 3]], columns=lake.planter.column("email", "pickle column names", 3))
    lake.write("pickle_wide/frame.pkl", pickle.dumps(wide))


def _logs(lake: _Lake) -> None:
    def line(n: int, user: str, place: str) -> str:
        asked = lake.one("email", f"{place} request").replace("@", "%40")
        seen = lake.one("email", f"{place} referrer")
        return (
            f'{lake.one("ip", place)} - {user} [31/Jan/2024:12:00:{n:02} +0000] "GET /reset?mail={asked} HTTP/1.1" 200 {n}12 '
            f'"https://example.org/?u={seen}" "Mozilla/5.0"\n'
        )

    lake.write("apache/access.log", "".join(line(n, lake.one("email", "apache user"), "apache") for n in range(8)))
    lines = [
        f"2024-01-31 12:00:{n:02} WARN mail to {lake.one('email', 'text log')} from {lake.one('ip', 'text log')} failed\n" for n in range(8)
    ]
    lake.write("text_log/service.log", "".join(lines))
    lines = [f"2024-01-31\t12:00:{n:02}\t{lake.one('ip', 'w3c')}\tGET\t/a?u={lake.one('email', 'w3c')}\t200\n" for n in range(8)]
    lake.write("w3c/iis.log", "#Version: 1.0\n#Fields: date time c-ip cs-method cs-uri sc-status\n" + "".join(lines).replace("\t", " "))
    lines = [
        json.dumps({"level": "info", "message": f"login of {lake.one('email', 'json log')}", "ip": lake.one("ip", "json log")})
        for _ in range(8)
    ]
    lake.write("json_log/app.log", "\n".join(lines) + "\n")


def _archives(lake: _Lake) -> None:
    members = {f"{kind}.csv": _csv(lake.columns(kind, f"zip {kind}")) for kind in ("people", "plain", "texts")}
    sink = io.BytesIO()
    with zipfile.ZipFile(sink, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    lake.write("zip/all.zip", sink.getvalue())
    sink = io.BytesIO()
    with tarfile.open(fileobj=sink, mode="w:gz") as tar:
        for name in ("people.jsonl", "others.jsonl"):
            data = _jsonl(as_rows(lake.columns("people", f"tar {name}"))).encode()
            info = tarfile.TarInfo(name)
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))
    lake.write("tar/all.tar.gz", sink.getvalue())


def _tables_with_logs(lake: _Lake) -> None:
    for kind in ("people", "plain"):
        columns = lake.columns(kind, f"delta {kind}")
        rows = pa.table(typed(columns) if kind == "people" else columns)
        said = CommitProperties(custom_metadata={"who": lake.one("email", "delta commit")})
        write_deltalake(str(lake.folder(f"delta_{kind}")), rows, commit_properties=said)
        _write_iceberg(lake, kind)
    _write_hudi(lake)


def _write_hudi(lake: _Lake) -> None:
    """The table that Spark wrote, its base files written again with addresses in the place of names."""
    with zipfile.ZipFile(Path(hudi_tables.__file__).with_name("hudi_tables.zip")) as archive:
        archive.extractall(lake.root, [member for member in archive.namelist() if member.startswith("cow/")])
    for path in sorted((lake.root / "cow").glob("site=*/*.parquet")):
        rows = pq.ParquetFile(path).read()
        emails = pa.array(lake.planter.column("email", f"hudi {path.parent.name}", rows.num_rows), pa.string())
        pq.write_table(rows.set_column(rows.schema.get_field_index("name"), rows.schema.field("name"), emails), path)


def _write_iceberg(lake: _Lake, kind: str) -> None:
    columns = lake.columns(kind, f"iceberg {kind}")
    rows = pa.table(typed(columns) if kind == "people" else columns)
    catalog = SqlCatalog("tests", uri="sqlite:///:memory:", warehouse=f"file://{lake.folder('iceberg')}")
    try:
        catalog.create_namespace("shop")
        table = catalog.create_table(f"shop.{kind}", schema=rows.schema, properties={"owner": lake.one("email", "iceberg property")})
        table.append(rows, snapshot_properties={"who": lake.one("email", "iceberg snapshot")})
    finally:
        catalog.close()


def _misfits(lake: _Lake) -> None:
    """Files that the hints of `HINTS` do not fit."""
    for folder in ("numbers", "names", "births", "delimiter"):
        lake.write(f"{folder}/rows.csv", _csv(lake.columns("people", f"misfit {folder}")))
    lake.write("json/rows.jsonl", _jsonl(as_rows(lake.columns("people", "misfit json"))))
    row = "".join(f"<row><c3>{card}</c3></row>" for card in lake.planter.column("card", "misfit xml", 6))
    lake.write("xml/rows.xml", f"<rows>{row}</rows>")


def _broken(lake: _Lake) -> None:
    """Files that cannot be read, with personal data where they break."""

    def text(name: str) -> bytes:
        return _csv(lake.columns("people", f"broken {name}"))

    for ending in (
        "parquet",
        "orc",
        "avro",
        "arrow",
        "feather",
        "xlsx",
        "xls",
        "ods",
        "xlsb",
        "h5",
        "pkl",
        "json",
        "xml",
        "zip",
        "csv.gz",
        "csv.zst",
    ):
        lake.write(f"broken_{ending.replace('.', '_')}/file.{ending}", text(ending))
    lake.write(
        "broken_json_value/file.json", f'[{{"email": "{lake.one("email", "broken json value")}", "n": {lake.one("email", "bare word")}}}]'
    )
    lake.write("broken_json_end/file.json", f'[{{"email": "{lake.one("email", "broken json end")}')
    email = lake.one("email", "broken xml element")
    lake.write("broken_xml_tags/file.xml", f"<rows><row><a>{email}</a></row><row><a>{lake.one('name', 'broken xml')}<{email}></row></rows>")
    lake.write("broken_entity/file.xml", f"<rows><row>&{lake.one('email', 'xml entity').replace('@', '.')};</row></rows>")
    lake.write("broken_pickle/file.pkl", b"cpeople\nPerson\n(S'" + lake.one("email", "pickle argument").encode() + b"'\ntR.")
    lake.write("broken_delta/_delta_log/00000000000000000000.json", f'{{"metaData": {{"id": {lake.one("email", "broken delta log")}}}}}\n')
    lake.write("broken_delta/part-0.parquet", text("delta data file"))
    lake.write("broken_iceberg/metadata/v1.metadata.json", f'{{"format-version": {lake.one("email", "broken iceberg metadata")}')
    lake.write("broken_iceberg/data/part-0.parquet", text("iceberg data file"))
    lake.write("broken_sidecar/rows.csv", "n,c\n1,2\n")
    lake.write("broken_sidecar/openmetadata.json", f'{{"owners": {lake.one("email", "broken sidecar")}')
    lake.write("broken_sidecar/_catalog.yaml", f"owners: [{lake.one('email', 'broken yaml')}\n: x")
    lake.write("bytes/blob.bin", text("unstructured"))
    whole = _parquet(pa.table(lake.columns("plain", "cut parquet")))
    lake.write("broken_cut/file.parquet", whole[: len(whole) // 2])
    damaged = bytearray(_parquet(pa.table(lake.columns("plain", "damaged parquet"))))
    damaged[40:400] = b"\xff" * 360
    lake.write("broken_pages/file.parquet", bytes(damaged))


def _odd(lake: _Lake) -> None:
    """Values where nobody expects them: names of columns, a row that is longer than the others, the only value of a type."""
    wide = pa.table({email: [1, 2] for email in lake.planter.column("email", "parquet column names", 3)})
    lake.write("column_names/part.parquet", _parquet(wide))
    lake.write(
        "column_names_csv/rows.csv", ",".join(["day", *lake.planter.column("email", "csv column names", 3)]) + "\n2024-01-01,1,2,3\n"
    )
    ragged = "n,c\n" + "".join(f"{n},x\n" for n in range(5)) + f"6,x,{lake.one('email', 'ragged row')},{lake.one('phone', 'ragged row')}\n"
    lake.write("ragged/rows.csv", ragged)
    lake.write("preamble/rows.csv", f"# exported by {lake.one('email', 'preamble')}\nn,c\n1,2\n2,3\n")
    conflicting = [
        {"n": 1, "c": 5},
        {"n": 2, "c": {"a": lake.one("email", "type conflict")}},
        {"n": 3, "c": lake.one("phone", "type conflict")},
    ]
    lake.write("conflict/rows.jsonl", _jsonl(conflicting))


def write_settings(path: Path, lake: Path, catalog: Path) -> None:
    """Settings for the lake, with hints that do not fit."""
    path.write_text(yaml.safe_dump({"location": str(lake), "catalog": f"sqlite:///{catalog}", **HINTS}), encoding="utf-8")
