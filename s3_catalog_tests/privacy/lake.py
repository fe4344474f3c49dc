"""A lake with planted personal data in every format that is read, by each format's own writer.

A folder per file, so that each is a table; few folders at the top, as each is a partition of Dagster.
"""

from __future__ import annotations

import bz2
import gzip
import io
import json
import lzma
import pickle
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape

import h5py
import numpy as np
import pandas as pd
import pyarrow as pa
import yaml

from s3_catalog_tests.formats import workbooks
from s3_catalog_tests.privacy.broken import broken, misfits, odd
from s3_catalog_tests.privacy.columnar import columnar, tables_with_logs
from s3_catalog_tests.privacy.planting import Planter, as_rows, typed
from s3_catalog_tests.privacy.writing import LakeFolder, write_csv, write_jsonl

_COMPRESSORS: dict[str, Callable[[bytes], bytes]] = {
    "gz": lambda data: gzip.compress(data, mtime=0),
    "bz2": bz2.compress,
    "xz": lzma.compress,
    "zst": lambda data: pa.compress(data, "zstd", asbytes=True),
}
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
    lake = LakeFolder(root, planter)
    own = (_delimited, _json, _xml, _workbooks, _hdf5, _pickles, _logs, _archives)
    for write in (columnar, tables_with_logs, *own, misfits, broken, odd):
        write(lake.below(write.__name__.strip("_")))


def _delimited(lake: LakeFolder) -> None:
    for ending, mark in {"csv": ",", "tsv": "\t", "psv": "|", "ssv": ";"}.items():
        for kind in ("people", "plain", "texts", "national"):
            lake.write(f"{ending}_{kind}/rows.{ending}", write_csv(lake.columns(kind, f"{ending} {kind}"), mark))
    for ending, compress in _COMPRESSORS.items():
        lake.write(f"csv_{ending}/rows.csv.{ending}", compress(write_csv(lake.columns("people", f"csv {ending}"))))
    lake.write("semicolons/rows.csv", write_csv(lake.columns("people", "semicolons in .csv"), ";"))
    lake.write("headerless_plain/rows.csv", write_csv(lake.columns("plain", "headerless plain"), header=False))
    lake.write("one_row/row.csv", f"a,b\n{lake.one('email', 'one row')},{lake.one('phone', 'one row')}\n")
    rows = [f"{n},{n}" for n in range(500)]
    rows[400] = f"400,{lake.one('email', 'a late row of text')}"
    lake.write("late/rows.csv", "\n".join(["n,c", *rows]) + "\n")
    lake.write("utf16/rows.csv", write_csv(lake.columns("people", "UTF-16")).decode().encode("utf-16"))
    for part in range(2):
        lake.write(f"dated/2024/01/{part + 1:02}/rows.csv", write_csv(lake.columns("people", f"dated {part}")))
    block = lake.one("private key", "private key in csv").replace("\n", "\\n")
    lake.write("keys/rows.csv", f'n,c\n1,"{block}"\n2,"{lake.one("api key", "keys row 2")}"\n')


def _json(lake: LakeFolder) -> None:
    for kind in ("people", "plain", "texts"):
        lake.write(f"json_{kind}/rows.json", json.dumps(as_rows(lake.columns(kind, f"json {kind}"))))
        lake.write(f"jsonl_{kind}/rows.jsonl", write_jsonl(as_rows(lake.columns(kind, f"jsonl {kind}"))))
    typed_rows = as_rows({k: v for k, v in typed(lake.columns("people", "jsonl typed")).items() if k != "birth_date"})
    lake.write("jsonl_typed/rows.jsonl.gz", gzip.compress(write_jsonl(typed_rows).encode()))
    document = {"meta": {"owner": lake.one("email", "json document meta")}, "data": as_rows(lake.columns("people", "json document"))}
    lake.write("json_document/rows.json", json.dumps(document, indent=1))
    rows: list[Any] = []
    for n in range(6):
        inner = {"contact": {"email": lake.one("email", f"json nested {n}")}, "phones": [{"number": lake.one("phone", f"json nested {n}")}]}
        rows.append({"n": n, "x": inner, "text": json.dumps({"deep": json.dumps({"card": lake.one("card", f"json in JSON in JSON {n}")})})})
    lake.write("json_nested/rows.jsonl", write_jsonl(rows))
    by_key = [{"n": n, "x": {lake.one("email", f"json key {n}-{i}"): i for i in range(3)}} for n in range(6)]
    lake.write("json_keys/rows.jsonl", write_jsonl(by_key))
    lake.write(
        "json_keyed/rows.json", json.dumps({lake.one("email", f"json document key {n}"): {"n": n, "city": "Oslo"} for n in range(8)})
    )
    lake.write("json_phones/rows.json", json.dumps({lake.one("phone", f"json document key {n}"): {"n": n} for n in range(8)}))
    late = [{"n": n, "c": n} for n in range(400)]
    late[300]["c"] = lake.one("email", "late in jsonl")  # type: ignore[assignment]
    lake.write("json_late/rows.jsonl", write_jsonl(late))


def _xml(lake: LakeFolder) -> None:
    for kind in ("people", "plain", "texts"):
        records = []
        for row in as_rows(lake.columns(kind, f"xml {kind}")):
            fields = "".join(f"<{name}>{escape(value)}</{name}>" for name, value in row.items())
            records.append(f'<row owner="{lake.one("email", f"xml {kind} attribute")}">{fields}</row>')
        lake.write(f"xml_{kind}/rows.xml", f"<rows>{''.join(records)}</rows>")


def _workbooks(lake: LakeFolder) -> None:
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


def _hdf5(lake: LakeFolder) -> None:
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


def _pickles(lake: LakeFolder) -> None:
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


def _logs(lake: LakeFolder) -> None:
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


def _archives(lake: LakeFolder) -> None:
    members = {f"{kind}.csv": write_csv(lake.columns(kind, f"zip {kind}")) for kind in ("people", "plain", "texts")}
    sink = io.BytesIO()
    with zipfile.ZipFile(sink, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    lake.write("zip/all.zip", sink.getvalue())
    sink = io.BytesIO()
    with tarfile.open(fileobj=sink, mode="w:gz") as tar:
        for name in ("people.jsonl", "others.jsonl"):
            data = write_jsonl(as_rows(lake.columns("people", f"tar {name}"))).encode()
            info = tarfile.TarInfo(name)
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))
    lake.write("tar/all.tar.gz", sink.getvalue())


def write_settings(path: Path, lake: Path, catalog: Path) -> None:
    """Settings for the lake, with hints that do not fit."""
    path.write_text(yaml.safe_dump({"location": str(lake), "catalog": f"sqlite:///{catalog}", **HINTS}), encoding="utf-8")
