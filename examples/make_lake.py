"""Makes the sample lake: a folder laid out as buckets really are, small, made up, and the same bytes every time.

    python examples/make_lake.py examples/lake

It holds Hive and date partitions, a Delta table, Spark and Kafka Connect output, dated snapshots, files of several formats and
encodings, images, a corrupt file, an empty one and hidden ones. Nobody in it exists: mail and telephone numbers are of the ranges
kept for examples.
"""

from __future__ import annotations

import argparse
import gzip
import hashlib
import io
import json
import os
import random
import struct
import tempfile
import uuid
import zlib
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.orc
import pyarrow.parquet as pq

SEED = 20240131
EPOCH = datetime(2024, 7, 1, tzinfo=UTC)
"""Every file is of this day, a second apart in the order of their names."""

GIVEN_NAMES = ["Amara", "Bjørn", "Chloé", "Dmitri", "Elif", "Farah", "Grace", "Hiroshi", "Inés", "Jürgen", "Kwame", "Łucja"]
FAMILY_NAMES = [
    "Adeyemi",
    "Becker",
    "Castillo",
    "Dubois",
    "Eriksen",
    "Fischer",
    "García",
    "Haddad",
    "Ivanova",
    "Jónsdóttir",
    "Kaya",
    "Lindqvist",
]
CITIES = [("Köln", "DE"), ("Lyon", "FR"), ("Málaga", "ES"), ("Kraków", "PL"), ("Oslo", "NO"), ("Leeds", "GB")]
PNG = bytes.fromhex(
    "89504e470d0a1a0a0000000d49484452000000010000000108060000001f15c4890000000d49444154789c6360606060000000050001a5f645400000000049454e44ae426082"
)


def make_lake(root: Path) -> None:
    """Write the lake into `root`, a folder that is empty or does not exist yet.

    Raises:
        FileExistsError: the folder holds something.
    """
    if root.exists() and any(root.iterdir()):
        raise FileExistsError(f"{root} is not empty")
    for make in (_make_sales, _make_finance, _make_web, _make_warehouse, _make_reference, _make_media, _make_oddities):
        make(root, random.Random(f"{SEED} {make.__name__}"))
    paths = sorted(path for path in root.rglob("*") if path.is_file())
    for second, path in enumerate(paths):
        stamp = (EPOCH + timedelta(seconds=second)).timestamp()
        os.utime(path, (stamp, stamp))


def _make_sales(root: Path, rng: random.Random) -> None:
    first_id = 1
    for month in range(1, 7):
        for part in range(2):
            orders = _orders(rng, first_id, 400, month)
            # The shop began to sell in branches in spring: later files have a column more.
            orders = orders if month >= 4 else orders.drop_columns(["channel"])
            _write_parquet(root / f"sales/orders/year=2024/month={month:02}/part-{part:05}.parquet", orders)
            first_id += 400
    _write_csv(root / "sales/customers/customers.csv", _customers(rng, 250))
    _make_spark_output(root / "sales/order_items", rng)


def _orders(rng: random.Random, first_id: int, count: int, month: int) -> pa.Table:
    start = datetime(2024, month, 1, tzinfo=UTC)
    return pa.table(
        {
            "order_id": pa.array(range(first_id, first_id + count), pa.int64()),
            "customer_id": pa.array([rng.randint(1, 250) if rng.random() > 0.03 else None for _ in range(count)], pa.int64()),
            "ordered_at": pa.array([start + timedelta(seconds=rng.randrange(28 * 86400)) for _ in range(count)], pa.timestamp("us", "UTC")),
            "amount": pa.array([_money(rng, 5, 900) for _ in range(count)], pa.decimal128(10, 2)),
            "currency": pa.array(rng.choices(["EUR", "GBP", "NOK", "PLN"], [8, 2, 1, 1], k=count)).dictionary_encode(),
            "status": rng.choices(["paid", "shipped", "returned", "cancelled"], [3, 8, 1, 1], k=count),
            "channel": rng.choices(["web", "branch"], [5, 1], k=count),
        }
    )


def _customers(rng: random.Random, count: int) -> list[list[object]]:
    rows: list[list[object]] = [["customer_id", "name", "email", "phone", "birth_date", "city", "country", "newsletter"]]
    for number in range(1, count + 1):
        given, family = rng.choice(GIVEN_NAMES), rng.choice(FAMILY_NAMES)
        city, country = rng.choice(CITIES)
        born = date(1950, 1, 1) + timedelta(days=rng.randrange(19000))
        phone = f"+44 20 7946 0{rng.randrange(1000):03}"
        rows.append(
            [number, f"{given} {family}", f"customer{number}@example.com", phone, born, city, country, rng.choice(["true", "false"])]
        )
    return rows


def _make_spark_output(folder: Path, rng: random.Random) -> None:
    job = uuid.UUID(int=rng.getrandbits(128), version=4)
    for part in range(3):
        items = pa.table(
            {
                "order_id": pa.array([rng.randint(1, 4800) for _ in range(500)], pa.int64()),
                "sku": [f"{rng.randrange(10**6):06}" for _ in range(500)],
                "quantity": pa.array([rng.randint(1, 9) for _ in range(500)], pa.int16()),
                "price": pa.array([_money(rng, 1, 200) for _ in range(500)], pa.decimal128(8, 2)),
                "discounts": [[{"code": f"D{rng.randrange(9)}", "share": 0.1}] if rng.random() < 0.1 else [] for _ in range(500)],
            }
        )
        path = folder / f"part-{part:05}-{job}-c000.snappy.parquet"
        _write_parquet(path, items)
        _write(path.with_name(f".{path.name}.crc"), _hadoop_checksums(path.read_bytes()))
    _write(folder / "_SUCCESS", b"")
    _write(folder / "._SUCCESS.crc", _hadoop_checksums(b""))


def _hadoop_checksums(data: bytes) -> bytes:
    sums = [zlib.crc32(data[start : start + 512]) for start in range(0, len(data), 512)]
    return b"crc\0" + struct.pack(f">{1 + len(sums)}I", 512, *sums)


def _make_finance(root: Path, rng: random.Random) -> None:
    prices: list[list[object]] = [["Artikelnummer", "Bezeichnung", "Preis", "Gültig ab"]]
    for number in range(1, 121):
        name = rng.choice(["Schlüssel", "Türgriff", "Maßband", "Gehäuse", "Kühler"])
        prices.append([f"{number * 37:08}", name, f"{_money(rng, 1, 2000)}".replace(".", ","), f"{rng.randint(1, 28):02}.01.2024"])
    _write_csv(root / "finance/price_list/preisliste.csv", prices, delimiter=";", encoding="latin-1", newline="\r\n")

    rates: list[list[object]] = [["day", "currency", "rate"]]
    for day in range(31):
        rates += [[date(2024, 1, 1) + timedelta(day), code, f"{rng.uniform(0.8, 12):.4f}"] for code in ("GBP", "NOK", "PLN")]
    _write_csv(root / "finance/exchange_rates.tsv", rates, delimiter="\t")

    for day in range(1, 11):
        when = date(2024, 1, day)
        invoices = [[1000 + number, rng.randint(1, 250), _money(rng, 20, 4000), when + timedelta(30)] for number in range(40)]
        payments = [[f"P{when:%y%m%d}{number:03}", 1000 + rng.randrange(40), _money(rng, 20, 4000)] for number in range(25)]
        _write_csv(root / f"finance/daily/invoices_{when}.csv", [["invoice_id", "customer_id", "total", "due"], *invoices])
        _write_csv(root / f"finance/daily/payments_{when}.csv", [["payment_id", "invoice_id", "amount"], *payments])


def _make_web(root: Path, rng: random.Random) -> None:
    for day in range(6):
        when = datetime(2024, 1, 29, tzinfo=UTC) + timedelta(days=day)
        for hour in (6, 18):
            events = [_event(rng, when + timedelta(hours=hour, seconds=second)) for second in range(0, 3600, 60)]
            _write(root / f"web/events/{when:%Y/%m/%d}/events-{hour:02}.jsonl.gz", gzip.compress(_json_lines(events), mtime=0))
    for partition in range(3):
        for offset in range(0, 300, 100):
            clicks = [{"user": rng.randint(1, 250), "page": f"/p/{rng.randrange(90)}", "ms": rng.randrange(9000)} for _ in range(100)]
            _write(root / f"web/topics/clicks/partition={partition}/clicks+{partition}+{offset:010}.json", _json_lines(clicks))


def _event(rng: random.Random, when: datetime) -> dict[str, object]:
    device = {"os": rng.choice(["ios", "android", "linux"]), "version": f"{rng.randint(9, 17)}.{rng.randrange(9)}"}
    event = {"id": str(uuid.UUID(int=rng.getrandbits(128), version=4)), "at": when.isoformat().replace("+00:00", "Z"), "device": device}
    kind = rng.choice(["view", "search", "buy"])
    extra: dict[str, object] = (
        {"amount": float(_money(rng, 5, 300))} if kind == "buy" else {"terms": rng.choices(["red", "shoe", "lamp"], k=2)}
    )
    return {**event, "kind": kind, "ip": f"203.0.113.{rng.randrange(256)}", **extra}


def _make_warehouse(root: Path, rng: random.Random) -> None:
    _make_delta_table(root / "warehouse/inventory", rng)
    for part in range(2):
        shipments = pa.table(
            {
                "shipment_id": pa.array(range(part * 300, part * 300 + 300), pa.int64()),
                "weight_kg": [round(rng.uniform(0.1, 40), 2) for _ in range(300)],
                "sent_on": pa.array([date(2024, 3, 1) + timedelta(days=rng.randrange(90)) for _ in range(300)], pa.date32()),
            }
        )
        buffer = io.BytesIO()
        pyarrow.orc.write_table(shipments, buffer, compression="zstd")
        _write(root / f"warehouse/shipments/shipments-{part}.orc", buffer.getvalue())


def _make_delta_table(folder: Path, rng: random.Random) -> None:
    """Four commits: a table, an append, a new column, and an overwrite that leaves the old files behind."""
    from deltalake import write_deltalake

    def stock(count: int) -> pa.Table:
        return pa.table(
            {
                "sku": [f"{rng.randrange(10**6):06}" for _ in range(count)],
                "site": rng.choices(["north", "south"], k=count),
                "on_hand": pa.array([rng.randrange(500) for _ in range(count)], pa.int32()),
            }
        )

    counted = pa.array([datetime(2024, 6, 30, tzinfo=UTC)] * 80, pa.timestamp("us", "UTC"))
    write_deltalake(folder, stock(60), partition_by=["site"], name="inventory", description="Stock by article and site")
    write_deltalake(folder, stock(60), mode="append")
    write_deltalake(folder, stock(80).append_column("counted_at", counted), mode="append", schema_mode="merge")
    write_deltalake(folder, stock(80).append_column("counted_at", counted), mode="overwrite")
    _settle_delta_log(folder)


def _settle_delta_log(folder: Path) -> None:
    """Give files and log the same names, times and order in every lake: the writer draws ids and looks at the clock."""
    names: dict[str, str] = {}
    for version, log in enumerate(sorted((folder / "_delta_log").glob("*.json"))):
        now = int((EPOCH + timedelta(minutes=version)).timestamp() * 1000)
        actions = [json.loads(line) for line in log.read_text(encoding="utf-8").splitlines()]
        for action in actions:
            for body in action.values():
                _settle_action(body, now)
        for kind, body in sorted(((kind, body) for action in actions for kind, body in action.items()), key=_without_path):
            if kind in ("add", "remove"):
                if body["path"] not in names:
                    names[body["path"]] = _settle_file(folder, Path(body["path"]), len(names))
                body["path"] = names[body["path"]]
        log.write_text("".join(sorted(json.dumps(action, sort_keys=True) + "\n" for action in actions)), encoding="utf-8")


def _settle_action(body: dict[str, Any], now: int) -> None:
    body.pop("operationMetrics", None)
    if "id" in body:
        body["id"] = str(uuid.UUID(int=SEED, version=4))
    if "stats" in body:
        body["stats"] = json.dumps(json.loads(body["stats"]), sort_keys=True)
    for name in ("timestamp", "createdTime", "modificationTime", "deletionTimestamp"):
        if name in body:
            body[name] = now


def _without_path(action: tuple[str, dict[str, Any]]) -> str:
    kind, body = action
    return json.dumps([kind, {name: value for name, value in body.items() if name != "path"}], sort_keys=True)


def _settle_file(folder: Path, path: Path, number: int) -> str:
    before = folder / path
    content = hashlib.sha256(before.read_bytes()).digest()
    after = before.with_name(f"part-{number:05}-{uuid.UUID(bytes=content[:16], version=4)}-c000.snappy.parquet")
    before.rename(after)
    return after.relative_to(folder).as_posix()


def _make_reference(root: Path, rng: random.Random) -> None:
    countries = [
        {"code": code, "name": name, "area_km2": area, "languages": languages}
        for code, name, area, languages in [
            ("DE", "Germany", 357592, ["de"]),
            ("FR", "France", 551695, ["fr"]),
            ("ES", "Spain", 505990, ["es", "ca", "eu", "gl"]),
            ("PL", "Poland", 312696, ["pl"]),
            ("NO", "Norway", 385207, ["nb", "nn", "se"]),
        ]
    ]
    _write(root / "reference/countries.json", json.dumps(countries, indent=2).encode())
    suppliers = [[number, f"Supplier {number}", rng.choice(CITIES)[1], rng.randint(1, 5)] for number in range(1, 31)]
    _write_csv(root / "suppliers.csv", [["supplier_id", "name", "country", "rating"], *suppliers])


def _make_media(root: Path, rng: random.Random) -> None:
    for number in range(12):
        _write(root / f"media/images/{rng.choice(['shoe', 'lamp', 'chair'])}-{number:03}.png", PNG)
    for number in range(4):
        _write(root / f"media/contracts/contract {number + 1}.pdf", b"%PDF-1.4\n% made up\n%%EOF\n")


def _make_oddities(root: Path, rng: random.Random) -> None:
    """What every real bucket has: a file cut short, an empty one, and what laptops leave behind."""
    whole = io.BytesIO()
    pq.write_table(_orders(rng, 1, 200, 1), whole)
    _write(root / "sales/returns/returns.parquet", whole.getvalue()[:-600])
    _write(root / "reference/regions.csv", b"")
    _write(root / "media/images/.DS_Store", b"\0\0\0\1Bud1\0\0")
    _write(root / "finance/.~lock.price_list.csv#", b",user,laptop,;")


def _money(rng: random.Random, low: int, high: int) -> Decimal:
    return Decimal(rng.randint(low * 100, high * 100)) / 100


def _json_lines(rows: list[dict[str, object]]) -> bytes:
    return "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows).encode()


def _write(path: Path, data: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)


def _write_parquet(path: Path, table: pa.Table) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(table, path, compression="snappy")


def _write_csv(path: Path, rows: list[list[Any]], *, delimiter: str = ",", encoding: str = "utf-8", newline: str = "\n") -> None:
    text = "".join(delimiter.join(str(cell) for cell in row) + newline for row in rows)
    _write(path, text.encode(encoding))


def main() -> None:
    """Make the lake in the folder named on the command line, all of it or nothing."""
    parser = argparse.ArgumentParser(description="Make the sample lake.")
    parser.add_argument("folder", type=Path, help="an empty or new folder")
    folder: Path = parser.parse_args().folder
    if folder.exists() and any(folder.iterdir()):
        parser.error(f"{folder} is not empty")
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix=".lake-") as temporary:
        made = Path(temporary) / "lake"
        make_lake(made)
        made.replace(folder)
    count = sum(path.is_file() for path in folder.rglob("*"))
    print(f"{count} files in {folder}")


if __name__ == "__main__":
    main()
