"""Files that break where personal data stands, and personal data where nobody expects it."""

from __future__ import annotations

import pyarrow as pa

from s3_catalog_tests.privacy.columnar import write_parquet
from s3_catalog_tests.privacy.planting import as_rows
from s3_catalog_tests.privacy.writing import LakeFolder, write_csv, write_jsonl


def misfits(lake: LakeFolder) -> None:
    """Files that the hints of `HINTS` do not fit."""
    for folder in ("numbers", "names", "births", "delimiter"):
        lake.write(f"{folder}/rows.csv", write_csv(lake.columns("people", f"misfit {folder}")))
    lake.write("json/rows.jsonl", write_jsonl(as_rows(lake.columns("people", "misfit json"))))
    row = "".join(f"<row><c3>{card}</c3></row>" for card in lake.planter.column("card", "misfit xml", 6))
    lake.write("xml/rows.xml", f"<rows>{row}</rows>")


def broken(lake: LakeFolder) -> None:
    """Files that cannot be read, with personal data where they break."""

    def text(name: str) -> bytes:
        return write_csv(lake.columns("people", f"broken {name}"))

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
    whole = write_parquet(pa.table(lake.columns("plain", "cut parquet")))
    lake.write("broken_cut/file.parquet", whole[: len(whole) // 2])
    damaged = bytearray(write_parquet(pa.table(lake.columns("plain", "damaged parquet"))))
    damaged[40:400] = b"\xff" * 360
    lake.write("broken_pages/file.parquet", bytes(damaged))


def odd(lake: LakeFolder) -> None:
    """Values where nobody expects them: names of columns, a row that is longer than the others, the only value of a type."""
    wide = pa.table({email: [1, 2] for email in lake.planter.column("email", "parquet column names", 3)})
    lake.write("column_names/part.parquet", write_parquet(wide))
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
    lake.write("conflict/rows.jsonl", write_jsonl(conflicting))
