"""Formats within the whole flow: files are grouped by their names, read by their content, and all accounted for."""

from __future__ import annotations

import gzip
from pathlib import Path

from s3_catalog.pipeline import crawl
from s3_catalog_tests.formats import test_archives, test_compression, test_logs
from s3_catalog_tests.lakes import lake_settings

ROWS = [(i, f"name {i}", i * 1.5) for i in range(50)]
CONCATENATED = "".join(f'{{"id": {i}, "tags": ["{name}"]}}' for i, name, _ in ROWS)
CSV = "id,name\n" + "".join(f"{i},{name}\n" for i, name, _ in ROWS)
ENDINGS = {"gzip": "gz", "zstd": "zst", "bz2": "bz2", "xz": "xz", "lz4": "lz4", "snappy": "snappy"}
BALANCER = (
    "AWSLogs/123456789012/elasticloadbalancing/us-east-1/2024/07/02/123456789012_elasticloadbalancing_us-east-1_app.my-lb.50dc_{}.log.gz"
)


def write_lake(root: Path) -> None:
    files: dict[str, str | bytes] = {
        "pipes/data.txt": "id|name|x\n" + "".join(f"{i}|{name}|{x}\n" for i, name, x in ROWS),
        "semicolons/export": "id;name;x\n" + "".join(f"{i};{name};{x}\n".replace(".", ",") for i, name, x in ROWS),
        "concatenated/data.json": CONCATENATED,
        "unnamed/feed": CONCATENATED,
        "zips/orders_2024-01-01.zip": test_archives.make_zip({"orders.csv": test_archives.CSV}),
        "zips/orders_2024-01-02.zip": test_archives.make_zip({"orders.csv": test_archives.CSV}),
        "tars/backup.tar.gz": gzip.compress(test_archives.make_tar({"orders.csv": test_archives.CSV})),
        "tgz/backup.tgz": gzip.compress(test_archives.make_tar({"orders.csv": test_archives.CSV})),
        "xml/books.xml": "<c>" + "".join(f'<b id="{i}"><t>x{i}</t></b>' for i in range(9)) + "</c>",
        "s3logs/2024-02-06-00-00-38-79A59DF900B949E5": test_logs.S3 + "\n",
        "s3logs/2024-02-06-00-10-38-79A59DF900B949E6": test_logs.S3 + "\n",
        BALANCER.format("20240702T2225Z_1.2.3.4_abcd"): gzip.compress((test_logs.ALB + "\n").encode()),
        "nginx/access.log": test_logs.COMBINED + "\n",
        "app/app.log": "2024-01-01 INFO x\n2024-01-01 INFO y\n",
    }
    for key, data in files.items():
        path = root / key
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data if isinstance(data, bytes) else data.encode())


def test_every_kind_of_file_becomes_the_table_it_is(tmp_path: Path) -> None:
    write_lake(tmp_path / "lake")
    report = crawl(lake_settings(tmp_path / "lake", tmp_path))
    tables = {t.table.name: (t.table.format, t.table.row_count, len(t.table.columns)) for t in report.tables if t.table is not None}
    assert tables == {
        "app": ("text", 2, 1),
        "awslogs_elasticloadbalancing": ("alb_log", 1, 30),
        "concatenated": ("jsonl", 50, 2),
        "nginx_access": ("apache_log", 1, 9),
        "pipes": ("csv", 50, 3),
        "s3logs": ("s3_access_log", 2, 26),
        "semicolons": ("csv", 50, 3),
        "tars_backup": ("tar", 2, 2),
        "tgz_backup": ("tar", 2, 2),
        "unnamed_feed": ("jsonl", 50, 2),
        "xml_books": ("xml", 9, 2),
        "zips_orders": ("zip", 4, 2),
    }


def test_every_compression_reads_as_the_plain_file(tmp_path: Path) -> None:
    for number, (compression, compress) in enumerate(test_compression.WRITERS.values()):
        path = tmp_path / f"lake/part{number:02}_{compression}/data.csv.{ENDINGS[compression]}"
        path.parent.mkdir(parents=True)
        path.write_bytes(compress(CSV.encode()))
    report = crawl(lake_settings(tmp_path / "lake", tmp_path))
    tables = [(t.table.format, t.table.row_count, [c.name for c in t.table.columns]) for t in report.tables if t.table is not None]
    assert tables == [("csv", 50, ["id", "name"])] * len(test_compression.WRITERS)
