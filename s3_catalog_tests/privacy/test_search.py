"""The search that proves privacy finds a value wherever and however it is planted: a search that cannot fail proves nothing."""

from __future__ import annotations

import csv
import gzip
import html
import io
import json
import sqlite3
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path
from urllib.parse import quote, quote_plus

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from s3_catalog.defs.metadata import escape
from s3_catalog_tests.privacy.planting import Planted, Planter
from s3_catalog_tests.privacy.search import Search

EMAIL = Planted("mara.bodekilu@example.org", "mara.bodekilu", "email", "test")
SSN = Planted("219-37-4821", "219-37-4821", "ssn", "test")
PHONE = Planted("+49 30 23125123", "+49 30 23125123", "phone", "test")
STREET = Planted("Rodukeli straße 7", "Rodukeli", "address", "test")
ALL = (EMAIL, SSN, PHONE, STREET)


def parquet(table: pa.Table) -> bytes:
    sink = io.BytesIO()
    pq.write_table(table, sink, compression="zstd")
    return sink.getvalue()


def zipped(data: bytes) -> bytes:
    sink = io.BytesIO()
    with zipfile.ZipFile(sink, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("member", data)
    return sink.getvalue()


def nested(value: str) -> pa.Table:
    # repeated, so that the value stands nowhere in the file as it is
    return pa.table({"rows": [[{"table": json.dumps({"sample": [json.dumps({"c": value})]})}]] * 50})


WAYS: dict[str, Callable[[str], bytes]] = {
    "plain": lambda value: f"before {value} after".encode(),
    "at the end": lambda value: f"odd{value}".encode(),
    "UTF-16": lambda value: value.encode("utf-16"),
    "UTF-16, the other way": lambda value: value.encode("utf-16-be"),
    "JSON": lambda value: json.dumps({"c": value}).encode(),
    "JSON in JSON": lambda value: json.dumps(json.dumps({"c": value})).encode(),
    "Python": lambda value: ascii([value]).encode(),
    "URL": lambda value: quote(value, safe="").encode(),
    "form": lambda value: quote_plus(value).encode(),
    "HTML": lambda value: html.escape(value).encode("ascii", "xmlcharrefreplace"),
    "Markdown": lambda value: escape(value).encode(),
    "gzip": lambda value: gzip.compress(value.encode() * 20),
    "zlib": lambda value: zlib.compress(value.encode() * 20),
    "zstd": lambda value: pa.compress(value.encode() * 20, "zstd", asbytes=True),
    "zip": lambda value: zipped(value.encode() * 20),
    "Parquet": lambda value: parquet(nested(value)),
    "the name of a column": lambda value: parquet(pa.table({value: [1]})),
    "the schema's metadata": lambda value: parquet(pa.table({"n": [1]}).replace_schema_metadata({"who": value})),
    "Arrow types in Parquet": lambda value: parquet(pa.table({"types": [pa.schema([(value, pa.int64())]).serialize().to_pybytes()] * 9})),
    "Parquet in gzip": lambda value: gzip.compress(parquet(nested(value))),
}


@pytest.mark.parametrize("planted", ALL, ids=lambda planted: planted.kind)
@pytest.mark.parametrize("way", WAYS)
def test_a_value_is_found_however_it_is_written(way: str, planted: Planted) -> None:
    assert Search(ALL).in_bytes(WAYS[way](planted.value), "file") & {f"{planted} in file", f"{planted} in file (unpacked)"}


@pytest.mark.parametrize("text", ["219374821", "219 37 4821", "+493023125123", "mailto:mara.bodekilu@exa…", "x mara.bodekilu"])
def test_a_value_is_found_without_its_blanks_or_end(text: str) -> None:
    assert Search(ALL).in_text(text, "log")


def test_nothing_is_found_where_nothing_is() -> None:
    assert Search(ALL).in_text("<email> 219-37-4820 mara.bodekila@example.org +49 30 23125124 " * 50, "log") == set()


def write_text(connection: sqlite3.Connection, value: str) -> None:
    connection.execute("INSERT INTO t VALUES (?)", [json.dumps({"sample": [json.dumps({"c": value})]})])


def write_blob(connection: sqlite3.Connection, value: str) -> None:
    connection.execute("INSERT INTO t VALUES (?)", [zlib.compress(json.dumps([value] * 20).encode())])


def write_parquet(connection: sqlite3.Connection, value: str) -> None:
    connection.execute("INSERT INTO t VALUES (?)", [parquet(nested(value))])


def write_and_delete(connection: sqlite3.Connection, value: str) -> None:
    connection.execute("PRAGMA secure_delete = OFF")
    connection.execute("INSERT INTO t VALUES (?)", [f"{value} " + "x" * 5000])
    connection.commit()
    connection.execute("DELETE FROM t")


@pytest.mark.parametrize("write", [write_text, write_blob, write_parquet, write_and_delete])
def test_a_value_is_found_in_a_database(tmp_path: Path, write: Callable[[sqlite3.Connection, str], None]) -> None:
    """Packed values too, and those that were deleted and not yet overwritten."""
    connection = sqlite3.connect(tmp_path / "a.db")
    connection.execute("CREATE TABLE t (c)")
    write(connection, EMAIL.value)
    connection.commit()
    connection.close()
    assert Search(ALL).in_folder(tmp_path)


def test_a_value_is_found_in_a_log_that_is_not_yet_in_the_database(tmp_path: Path) -> None:
    connection = sqlite3.connect(tmp_path / "a.db")
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("CREATE TABLE t (c)")
    write_text(connection, EMAIL.value)
    connection.commit()
    found = Search(ALL).in_file(tmp_path / "a.db-wal")
    connection.close()
    assert found == {f"{EMAIL} in a.db-wal"}


def test_a_card_is_found_as_a_number_in_a_database(tmp_path: Path) -> None:
    card = Planted("4111111111111111", "4111111111111111", "card", "test")
    with sqlite3.connect(tmp_path / "a.db") as connection:
        connection.execute("CREATE TABLE t (c)")
        connection.execute("INSERT INTO t VALUES (4111111111111111)")
    connection.close()
    assert Search([card]).in_folder(tmp_path)


def test_every_planted_value_is_found_in_its_own_file(planted_lake: Path, planter: Planter, search: Search) -> None:
    """In texts, which hide nothing: all that was planted there."""
    hits = search.in_folder(planted_lake / "delimited" / "csv_people") | search.in_folder(planted_lake / "json" / "jsonl_people")
    places = ("csv people", "jsonl people")
    wanted = {str(one) for one in planter.planted.values() if one.place.startswith(places)}
    assert len(wanted) > 100
    assert {hit.rpartition(" in ")[0] for hit in hits} == wanted


def test_every_value_is_planted_once(planted_lake: Path, planter: Planter) -> None:
    rows = list(csv.reader((planted_lake / "delimited" / "csv_plain" / "rows.csv").read_text().splitlines()))
    assert len({cell for row in rows[1:] for cell in row}) == len(rows[1:]) * len(rows[0])
    assert all(len(one.core) >= 8 for one in planter.planted.values())
