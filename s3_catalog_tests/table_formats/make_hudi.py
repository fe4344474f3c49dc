"""Make `hudi_tables.zip`, the Hudi tables of the tests: no Python package writes Hudi, so Spark wrote them once.

Needs Java, `pip install pyspark==3.5.5` and the jar `org.apache.hudi:hudi-spark3.5-bundle_2.12:1.0.2`:

    python make_hudi.py path/to/hudi-spark3.5-bundle_2.12-1.0.2.jar
"""

from __future__ import annotations

import sys
import tempfile
import zipfile
from pathlib import Path
from typing import Any

ROWS = [(1, "a", "north", 1), (2, "b", "north", 1), (3, "c", "south", 1)]
CHANGED = [(2, "bb", "north", 2), (4, "d", "north", 2)]
REPLACED = [(9, "z", "south", 3)]
TABLES: dict[str, dict[str, str]] = {
    # a table with its metadata table, hive-style folders
    "cow": {
        "hoodie.datasource.write.table.type": "COPY_ON_WRITE",
        "hoodie.datasource.write.hive_style_partitioning": "true",
        "hoodie.metadata.index.column.stats.enable": "false",
    },
    # an older layout, plain folders, no metadata table
    "cow_v6": {
        "hoodie.datasource.write.table.type": "COPY_ON_WRITE",
        "hoodie.write.table.version": "6",
        "hoodie.metadata.enable": "false",
    },
    "mor": {
        "hoodie.datasource.write.table.type": "MERGE_ON_READ",
        "hoodie.datasource.write.hive_style_partitioning": "true",
        "hoodie.metadata.enable": "false",
        "hoodie.parquet.small.file.limit": "0",  # updates go to log files, new rows to new files
    },
}


def main(jar: str) -> None:
    """Write all tables into a folder of their own and pack it."""
    from pyspark.sql import SparkSession

    builder = SparkSession.builder.master("local[1]").config("spark.jars", jar).config("spark.ui.enabled", "false")
    builder = builder.config("spark.serializer", "org.apache.spark.serializer.KryoSerializer").config("spark.sql.shuffle.partitions", "1")
    spark = builder.config("spark.sql.extensions", "org.apache.spark.sql.hudi.HoodieSparkSessionExtension").getOrCreate()
    with tempfile.TemporaryDirectory() as folder:
        for name, options in TABLES.items():
            write_table(spark, Path(folder) / name, name, options)
        spark.stop()
        pack(Path(folder), Path(__file__).with_name("hudi_tables.zip"))


def write_table(spark: Any, root: Path, name: str, options: dict[str, str]) -> None:
    """Insert three rows, change one of them and add one; for one table replace a partition as well."""
    common = {
        "hoodie.table.name": name,
        "hoodie.datasource.write.recordkey.field": "id",
        "hoodie.datasource.write.partitionpath.field": "site",
        "hoodie.datasource.write.precombine.field": "version",
        "hoodie.clean.automatic": "false",
        "hoodie.index.bloom.num_entries": "10",
    }
    steps = [(ROWS, "insert", "overwrite"), (CHANGED, "upsert", "append")]
    if name == "cow_v6":
        steps.append((REPLACED, "insert_overwrite", "append"))
    for rows, operation, mode in steps:
        frame = spark.createDataFrame(rows, "id long, name string, site string, version int")
        frame = frame.selectExpr("*", "cast(id as decimal(12,2)) as price", "timestamp'2024-01-31 10:00:00' as seen")
        frame.write.format("hudi").options(**common, **options).option("hoodie.datasource.write.operation", operation).mode(mode).save(
            root.as_uri()
        )


def pack(folder: Path, target: Path) -> None:
    """Zip a folder, without Hadoop's checksum files."""
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        for path in sorted(folder.rglob("*")):
            if path.is_file() and not path.name.endswith(".crc"):
                archive.write(path, path.relative_to(folder).as_posix())


if __name__ == "__main__":
    main(sys.argv[1])
