"""A lake with every format that Trino reads, and what Trino must show of it."""

from __future__ import annotations

import bz2
import csv
import gzip
import io
import json
import zipfile
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.orc
import pyarrow.parquet as pq
import zstandard

from s3_catalog_tests.servers import S3Server
from s3_catalog_tests.table_formats import tables

ARCHIVES = Path(tables.__file__).parent
NOON_UTC = datetime(2026, 1, 31, 12, 0, 0, 123456, tzinfo=UTC)
NOON = NOON_UTC.replace(tzinfo=None)

COMPRESSIONS: dict[str, Callable[[bytes], bytes]] = {
    "gz": lambda data: gzip.compress(data, mtime=0), "bz2": bz2.compress, "zst": zstandard.compress,
}  # fmt: skip
"""Compressions of text that the engines know by the ending of the file's name."""
BEFORE_1970 = datetime(1969, 12, 31, 23, 59, 59, tzinfo=UTC).replace(tzinfo=None)


@dataclass(frozen=True)
class Expected:
    """What Trino must say of a table: the number of rows, the types of its columns, the first row by `order`, rows below a condition."""

    rows: int
    types: dict[str, str]
    first: list[Any] | None = None
    order: str = "id"
    connector: str = "hive"
    filters: dict[str, int] = field(default_factory=dict)


def make_formats_lake(root: Path) -> dict[str, Expected]:
    """Write the lake (all but Iceberg); returns what to expect of each table, by name."""
    expected: dict[str, Expected] = {}
    for make in (_make_parquet, _make_orc, _make_avro, _make_delimited, _make_json, _make_delta, _make_hudi):
        expected |= make(root)
    return expected


TYPED = pa.table(
    {
        "id": pa.array([1, 2, 3], pa.int64()),
        "small": pa.array([1, None, -1], pa.int8()),
        "unsigned": pa.array([1, 2, 4_000_000_000], pa.uint32()),
        "huge": pa.array([1, 2, 2**64 - 1], pa.uint64()),  # not shown: no engine has the type, and a value is too large for the next
        "large": pa.array([1, 2, 2**63 - 1], pa.uint64()),
        "ratio": pa.array([0.5, None, -1.0], pa.float32()),
        "price": pa.array([Decimal("1.50"), None, Decimal("-99999999.99")], pa.decimal128(10, 2)),
        "flag": pa.array([True, False, None]),
        "Label": pa.array(["ä", "", None]).dictionary_encode(),
        "raw": pa.array([b"\x00\xff", b"", None], pa.binary()),
        "day": pa.array([date(2026, 1, 31), None, date(1969, 12, 31)]),
        "local": pa.array([NOON, None, BEFORE_1970], pa.timestamp("us")),
        "zoned": pa.array([NOON_UTC, None, None], pa.timestamp("us", "UTC")),
        "clock": pa.array([time(1, 2, 3), None, None], pa.time64("us")),
        "tags": pa.array([["a", None], [], None], pa.list_(pa.string())),
        "attributes": pa.array([[("k", 1)], [], None], pa.map_(pa.string(), pa.int32())),
        "person": pa.array([{"Name": "x", "size": {"cm": 1}}, None, {"Name": None, "size": None}]),
    }
)
TYPES = {
    "id": "bigint", "small": "tinyint", "unsigned": "bigint", "large": "bigint", "ratio": "real", "price": "decimal(10, 2)",
    "flag": "boolean", "label": "varchar", "raw": "varbinary", "day": "date", "local": "timestamp(6)", "zoned": "timestamp(6)",
    "clock": "bigint",
    "tags": "array(varchar)", "attributes": "map(varchar, integer)", "person": "row(name varchar, size row(cm bigint))",
}  # fmt: skip
FIRST = [
    1, 1, 1, 1, 0.5, "1.50", True, "ä", "AP8=", "2026-01-31", "2026-01-31 12:00:00.123456", "2026-01-31 12:00:00.123456", 3723000000,
    ["a", None], {"k": 1}, ["x", [1]],
]  # fmt: skip
_NO_ORC = ("unsigned", "large", "zoned", "clock")


NAMES = ("id", "a.b", 'quo"te', "it's", "x::y", "📦", "12345", "two words", "Größe", "n" * 255)
"""Columns that have names like these in somebody's lake."""


def _make_parquet(root: Path) -> dict[str, Expected]:
    for day, region in (("20260130", "eu"), ("20260131", "eu"), ("20260131", "us")):
        path = root / f"parquet/partitioned/dt={day}/Region={region}/part-0.parquet"
        path.parent.mkdir(parents=True)
        pq.write_table(TYPED.select(["id", "price"]), path)
    for city in ("Köln", "a b"):  # as Spark writes them: the letters as they are
        path = root / f"parquet/cities/city={city}/part-0.parquet"
        path.parent.mkdir(parents=True)
        pq.write_table(TYPED.select(["id"]), path)
    (root / "parquet/typed").mkdir()
    for part in range(2):
        pq.write_table(TYPED, root / f"parquet/typed/part-{part}.parquet")
    (root / "parquet/grown").mkdir()
    pq.write_table(pa.table({"id": pa.array([1], pa.int32())}), root / "parquet/grown/part-0.parquet")
    pq.write_table(pa.table({"id": pa.array([2**40]), "late": ["x"]}), root / "parquet/grown/part-1.parquet")
    (root / "parquet/codecs").mkdir()
    for number, codec in enumerate(("none", "snappy", "gzip", "zstd")):
        pq.write_table(pa.table({"id": [number], "text": [codec]}), root / f"parquet/codecs/part-{number}.parquet", compression=codec)
    (root / "parquet/names").mkdir()
    pq.write_table(pa.table({name: pa.array([number]) for number, name in enumerate(NAMES)}), root / "parquet/names/part-0.parquet")
    return {
        "parquet_codecs": Expected(rows=4, types={"id": "bigint", "text": "varchar"}, first=[0, "none"]),
        "parquet_names": Expected(rows=1, types=dict.fromkeys(map(str.lower, NAMES), "bigint"), first=list(range(len(NAMES)))),
        "parquet_partitioned": Expected(
            rows=9,
            types={"id": "bigint", "price": "decimal(10, 2)", "dt": "date", "region": "varchar"},
            filters={
                "dt = DATE '2026-01-31'": 6,
                "region = 'eu'": 6,
                "dt = DATE '2026-01-31' AND region = 'us'": 3,
                "dt > DATE '2026-02-01'": 0,
            },
        ),
        "parquet_cities": Expected(rows=6, types={"id": "bigint", "city": "varchar"}, filters={"city = 'Köln'": 3, "city = 'a b'": 3}),
        "parquet_typed": Expected(rows=6, types=TYPES, first=FIRST),
        "parquet_grown": Expected(rows=2, types={"id": "bigint", "late": "varchar"}, first=[1, None]),
    }


def _make_orc(root: Path) -> dict[str, Expected]:
    table = TYPED.drop_columns(["huge", *_NO_ORC]).set_column(5, "Label", TYPED["Label"].cast(pa.string()))
    for year in (2025, 2026):
        path = root / f"orc/typed/year={year}/part-0.orc"
        path.parent.mkdir(parents=True)
        pyarrow.orc.write_table(table, path, compression="zstd")
    names = [name for name in TYPES if name not in _NO_ORC]
    first = [value for name, value in zip(TYPES, FIRST, strict=True) if name not in _NO_ORC]
    types = {name: TYPES[name] for name in names} | {"year": "integer"}
    (root / "orc/codecs").mkdir()
    for number, codec in enumerate(("uncompressed", "zlib", "snappy", "lz4")):
        pyarrow.orc.write_table(pa.table({"id": [number], "text": [codec]}), root / f"orc/codecs/part-{number}.orc", compression=codec)
    codecs = Expected(rows=4, types={"id": "bigint", "text": "varchar"}, first=[0, "uncompressed"])
    return {
        "orc_codecs": codecs,
        "orc_typed": Expected(rows=6, types=types, first=[*first, 2025], order="id, year", filters={"year = 2026": 3}),
    }


def _make_avro(root: Path) -> dict[str, Expected]:
    import fastavro

    inner = {"type": "record", "name": "Size", "fields": [{"name": "Cm", "type": ["null", "int"]}]}
    decimal = {"type": "bytes", "logicalType": "decimal", "precision": 10, "scale": 2}
    fields: list[dict[str, Any]] = [
        {"name": "id", "type": "long"},
        {"name": "customerName", "type": ["null", "string"], "default": None},
        {"name": "price", "type": ["null", decimal]},
        {"name": "at_millis", "type": {"type": "long", "logicalType": "timestamp-millis"}},
        {"name": "day", "type": {"type": "int", "logicalType": "date"}},
        {"name": "kind", "type": {"type": "enum", "name": "Kind", "symbols": ["A", "B"]}},
        {"name": "Size", "type": ["null", inner]},
        {"name": "tags", "type": {"type": "array", "items": "string"}},
        {"name": "scores", "type": {"type": "map", "values": "double"}},
    ]
    row = {
        "id": 1, "customerName": "ä", "price": Decimal("1.50"), "at_millis": NOON_UTC.replace(microsecond=123000),
        "day": date(2026, 1, 31), "kind": "B", "Size": {"Cm": 3}, "tags": ["a"], "scores": {"k": 0.5},
    }  # fmt: skip
    buffer = io.BytesIO()
    fastavro.writer(buffer, {"type": "record", "name": "Order", "fields": fields}, [row, {**row, "id": 2}], codec="deflate")
    _write(root / "avro/typed/part-0.avro", buffer.getvalue())
    for number, codec in enumerate(("null", "deflate", "snappy", "zstandard")):
        buffer = io.BytesIO()
        fields = [{"name": "id", "type": "long"}, {"name": "text", "type": "string"}]
        fastavro.writer(buffer, {"type": "record", "name": "Line", "fields": fields}, [{"id": number, "text": codec}], codec=codec)
        _write(root / f"avro/codecs/part-{number}.avro", buffer.getvalue())
    return {
        "avro_codecs": Expected(rows=4, types={"id": "bigint", "text": "varchar"}, first=[0, "null"]),
        "avro_typed": Expected(
            rows=2,
            types={
                "id": "bigint", "customername": "varchar", "price": "decimal(10, 2)", "at_millis": "timestamp(6)", "day": "date",
                "kind": "varchar", "size": "row(cm integer)", "tags": "array(varchar)", "scores": "map(varchar, double)",
            },
            first=[1, "ä", "1.50", "2026-01-31 12:00:00.123000", "2026-01-31", "B", [3], ["a"], {"k": 0.5}],
        )
    }  # fmt: skip


def _make_delimited(root: Path) -> dict[str, Expected]:
    plain = "id,name,amount,ok,day,at\n" + "".join(
        f"{number},n{number},{number}.25,true,2026-01-{number:02},2026-01-{number:02} 12:00:00\n" for number in range(1, 31)
    )
    _write(root / "csv/plain/2026/01/orders.csv", plain.encode())
    _write(
        root / "csv/plain/2026/02/orders.csv", plain.replace("-01-", "-02-").replace("02-29", "02-28").replace("02-30", "02-28").encode()
    )
    quoted = io.StringIO()
    writer = csv.writer(quoted, quoting=csv.QUOTE_ALL)
    writer.writerows([["id", "text"], *([number, f"a, b {number}"] for number in range(1, 21))])
    _write(root / "csv/quoted/part-0.csv.gz", gzip.compress(quoted.getvalue().encode(), mtime=0))
    tabs = "id\tcity\n" + "".join(f"{number}\tKöln\n" for number in range(1, 21))
    _write(root / "tsv/cities/part-0.tsv.zst", zstandard.compress(tabs.encode()))
    small = Expected(rows=20, types={"id": "bigint", "city": "varchar"}, first=[1, "Köln"])
    for ending, compress in COMPRESSIONS.items():
        _write(root / f"csv/{ending}/part-0.csv.{ending}", compress(tabs.replace("\t", ";").encode()))
    return {
        **{f"csv_{ending}": small for ending in COMPRESSIONS},
        "csv_plain": Expected(
            rows=60,
            types={
                "id": "bigint", "name": "varchar", "amount": "double", "ok": "boolean", "day": "date", "at": "timestamp(6)",
                "year": "integer", "month": "integer",
            },
            first=[1, "n1", 1.25, True, "2026-01-01", "2026-01-01 12:00:00.000000", 2026, 1],
            order="id, month",
            filters={"month = 2": 30, "year = 2026 AND month = 1": 30, "year < 2026": 0},
        ),
        "csv_quoted": Expected(rows=20, types={"id": "varchar", "text": "varchar"}, first=["1", "a, b 1"], order="CAST(id AS integer)"),
        "tsv_cities": Expected(rows=20, types={"id": "bigint", "city": "varchar"}, first=[1, "Köln"]),
    }  # fmt: skip


def _make_json(root: Path) -> dict[str, Expected]:
    rows = [{"id": number, "Name": f"ä{number}", "at": {"Lat": 1.5, "tags": ["x"]}, "ok": True} for number in range(1, 21)]
    lines = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows).encode()
    for hour in (6, 18):
        _write(root / f"json/events/2026/01/31/{hour:02}/events.jsonl.bz2", bz2.compress(lines))
    cities = "".join(json.dumps({"id": number, "city": "Köln"}) + "\n" for number in range(1, 21)).encode()
    for ending, compress in {"plain": bytes, **COMPRESSIONS}.items():
        _write(root / f"json/{ending}/part-0.jsonl{'' if ending == 'plain' else f'.{ending}'}", compress(cities))
    small = Expected(rows=20, types={"id": "bigint", "city": "varchar"}, first=[1, "Köln"])
    return {
        **{f"json_{ending}": small for ending in ("plain", *COMPRESSIONS)},
        "json_events": Expected(
            rows=40,
            types={
                "id": "bigint", "name": "varchar", "at": "row(lat double, tags array(varchar))", "ok": "boolean",
                "year": "integer", "month": "integer", "day": "integer", "hour": "integer",
            },
            first=[1, "ä1", [1.5, ["x"]], True, 2026, 1, 31, 6],
            order="id, hour",
            filters={"hour = 6": 20, "day = 30": 0},
        )
    }  # fmt: skip


def _make_delta(root: Path) -> dict[str, Expected]:
    from deltalake import write_deltalake

    table = TYPED.select(["id", "price", "day", "tags"]).append_column("site", pa.array(["n", "s", "n"]))
    write_deltalake(root / "delta/stock", table, partition_by=["site"])
    write_deltalake(root / "delta/stock", table, mode="append")
    _unpack("spark_tables.zip", root / "spark", ("delta_mapped", "delta_vectors"))
    types = {"id": "bigint", "price": "decimal(10, 2)", "day": "date", "tags": "array(varchar)", "site": "varchar"}
    return {
        "delta_stock": Expected(rows=6, types=types, connector="delta", filters={"site = 'n'": 4}),
        "spark_delta_mapped": Expected(rows=2, types={"b": "integer", "later": "varchar"}, order="b", connector="delta"),
        "spark_delta_vectors": Expected(
            rows=4,
            types={
                "id": "bigint", "small": "integer", "price": "decimal(20, 2)", "wide": "decimal(38, 10)", "day": "date",
                "at": "timestamp(3) with time zone", "local": "timestamp(6)", "number": "double", "word": "varchar",
                "long_text": "varchar", "flag": "boolean", "more": "row(x integer)",
            },
            connector="delta",
        ),
    }  # fmt: skip


def _make_hudi(root: Path) -> dict[str, Expected]:
    _unpack("hudi_tables.zip", root / "hudi", ("cow", "cow_v6"))
    types = {
        "id": "bigint", "name": "varchar", "version": "integer", "price": "decimal(12, 2)", "seen": "timestamp(9)", "site": "varchar",
    }  # fmt: skip
    return {
        "hudi_cow": Expected(rows=4, types=types, connector="hudi", filters={"site = 'south'": 1}),
        "hudi_cow_v6": Expected(rows=4, types=types, connector="hudi", filters={"site = 'south'": 1}),
    }


def _unpack(archive: str, root: Path, names: tuple[str, ...]) -> None:
    with zipfile.ZipFile(ARCHIVES / archive) as packed:
        packed.extractall(root, [name for name in packed.namelist() if name.startswith(tuple(f"{name}/" for name in names))])


def write_iceberg(server: S3Server, bucket: str, folder: Path) -> dict[str, Expected]:
    """Write an Iceberg table into a bucket: its log names files by their full places."""
    from pyiceberg.catalog.sql import SqlCatalog
    from pyiceberg.partitioning import PartitionField, PartitionSpec
    from pyiceberg.schema import Schema
    from pyiceberg.transforms import IdentityTransform
    from pyiceberg.types import LongType, NestedField, StringType, TimestamptzType

    catalog = SqlCatalog(
        "lake",
        **{
            "uri": f"sqlite:///{folder}/iceberg.db",
            "warehouse": f"s3://{bucket}/iceberg",
            "s3.endpoint": server.endpoint_url,
            "s3.access-key-id": server.access_key,
            "s3.secret-access-key": server.secret_key,
            "s3.region": server.region,
        },
    )
    catalog.create_namespace("shop")
    schema = Schema(NestedField(1, "id", LongType()), NestedField(2, "at", TimestamptzType()), NestedField(3, "site", StringType()))
    spec = PartitionSpec(PartitionField(source_id=3, field_id=1000, transform=IdentityTransform(), name="site"))
    table = catalog.create_table("shop.visits", schema, location=f"s3://{bucket}/iceberg/visits", partition_spec=spec)
    rows = pa.table({"id": [1, 2, 3], "at": pa.array([NOON_UTC] * 3, pa.timestamp("us", "UTC")), "site": ["n", "s", "n"]})
    table.append(rows)
    table.append(rows)
    types = {"id": "bigint", "at": "timestamp(6) with time zone", "site": "varchar"}
    return {"iceberg_visits": Expected(rows=6, types=types, connector="iceberg", filters={"site = 'n'": 4})}


def _write(path: Path, data: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
