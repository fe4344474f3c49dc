"""Make `spark_tables.zip`: Delta and Iceberg tables as Spark writes them, with what Spark itself says of their rows (`expected.json`).

Needs Java, `pip install pyspark==3.5.5` and three jars:

    python make_spark.py delta-spark_2.12-3.3.2.jar delta-storage-3.3.2.jar iceberg-spark-runtime-3.5_2.12-1.10.0.jar
"""

from __future__ import annotations

import json
import sys
import tempfile
import zipfile
from pathlib import Path
from typing import Any

COLUMNS = (
    "id bigint, small int, price decimal(20,2), wide decimal(38,10), day date, at timestamp, local timestamp_ntz, number double, "
    "word string, long_text string, flag boolean, more struct<x:int>"
)
FIRST = """
    (1, 5, 123456789012345678.91, 1234567890123456789012345678.0123456789, date'1696-03-18', timestamp'2024-01-31 10:00:00.123456',
     timestamp_ntz'2024-01-31 10:00:00.000001', 1.5, 'b', repeat('b', 40), true, named_struct('x', 1)),
    (2, -5, -0.01, 0.5, date'2024-01-31', timestamp'1950-01-31 10:00:00.654321', null, -2.5, 'a', repeat('a', 40), false, null),
    (3, null, null, null, null, null, null, null, null, null, null, null)
"""
SECOND = """
    (4, 7, 1.00, 1, date'2025-01-01', timestamp'2025-01-31 10:00:00', timestamp_ntz'2025-01-31 10:00:00.5', 0.1, 'é', repeat('é', 40),
     true, named_struct('x', 2)),
    (5, 8, 2.00, 2, null, null, null, null, 'c', repeat('c', 40), null, null)
"""
V3 = "'format-version'='3', 'write.delete.mode'='merge-on-read'"
V2 = "'format-version'='2', 'write.delete.mode'='merge-on-read'"
VECTORS = "'delta.enableDeletionVectors'='true'"
SIDECARS = "'delta.checkpointPolicy'='v2', 'delta.checkpointInterval'='2'"
UNTOLD = "'delta.checkpoint.writeStatsAsJson'='false', 'delta.checkpointInterval'='2'"
OTHERS = "price, wide, day, at, local, number, renamed, long_text, flag, more"
INSERTS = [f"INSERT INTO {{0}} VALUES {FIRST}", f"INSERT INTO {{0}} VALUES {SECOND}"]
TABLES: dict[str, list[str]] = {
    "delta_plain": [f"CREATE TABLE {{0}} ({COLUMNS}) USING delta LOCATION '{{1}}'", *INSERTS],
    "delta_sidecars": [f"CREATE TABLE {{0}} ({COLUMNS}) USING delta LOCATION '{{1}}' TBLPROPERTIES ({SIDECARS})", *INSERTS],
    "delta_untold": [f"CREATE TABLE {{0}} ({COLUMNS}) USING delta LOCATION '{{1}}' TBLPROPERTIES ({UNTOLD})", *INSERTS],
    "delta_vectors": [
        f"CREATE TABLE {{0}} ({COLUMNS}) USING delta LOCATION '{{1}}' TBLPROPERTIES ({VECTORS})",
        *INSERTS,
        "DELETE FROM {0} WHERE id = 1",
    ],
    "delta_mapped": [
        "CREATE TABLE {0} (a smallint, gone string) USING delta LOCATION '{1}' TBLPROPERTIES ('delta.columnMapping.mode'='name')",
        "INSERT INTO {0} VALUES (1, 'x')",
        "ALTER TABLE {0} RENAME COLUMN a TO b",
        "ALTER TABLE {0} DROP COLUMN gone",
        "ALTER TABLE {0} SET TBLPROPERTIES ('delta.enableTypeWidening'='true')",
        "ALTER TABLE {0} ALTER COLUMN b TYPE int",
        "ALTER TABLE {0} ADD COLUMN (later string)",
        "INSERT INTO {0} VALUES (500000, 'y')",
    ],
    "iceberg_v2": [f"CREATE TABLE {{0}} ({COLUMNS}) USING iceberg TBLPROPERTIES ({V2})", *INSERTS, "DELETE FROM {0} WHERE id = 1"],
    "iceberg_v3": [
        f"CREATE TABLE {{0}} ({COLUMNS}) USING iceberg TBLPROPERTIES ({V3})",
        *INSERTS,
        "DELETE FROM {0} WHERE id = 1",
        "ALTER TABLE {0} ADD COLUMN later string",
        "ALTER TABLE {0} ALTER COLUMN small TYPE bigint",
        "ALTER TABLE {0} RENAME COLUMN word TO renamed",
        f"INSERT INTO {{0}} SELECT 6, 5000000000, {OTHERS}, 'x' FROM {{0}} WHERE id = 2",
    ],
}


def main(jars: list[str]) -> None:
    """Write all tables into a folder of their own and pack it."""
    from pyspark.sql import SparkSession

    # the folder's name stands in Iceberg's files
    with tempfile.TemporaryDirectory(prefix="lake-", dir="/") as folder:
        options = {
            "spark.jars": ",".join(jars),
            "spark.ui.enabled": "false",
            "spark.sql.shuffle.partitions": "1",
            "spark.sql.session.timeZone": "UTC",
            "spark.sql.warehouse.dir": folder,
            "spark.sql.extensions": "io.delta.sql.DeltaSparkSessionExtension,"
            "org.apache.iceberg.spark.extensions.IcebergSparkSessionExtensions",
            "spark.sql.catalog.spark_catalog": "org.apache.spark.sql.delta.catalog.DeltaCatalog",
            "spark.sql.catalog.lake": "org.apache.iceberg.spark.SparkCatalog",
            "spark.sql.catalog.lake.type": "hadoop",
            "spark.sql.catalog.lake.warehouse": f"{folder}/iceberg",
        }
        builder = SparkSession.builder.master("local[1]")
        for name, value in options.items():
            builder = builder.config(name, value)
        spark = builder.getOrCreate()
        expected = {name: write_table(spark, Path(folder) / name, name) for name in TABLES}
        spark.stop()
        pack(Path(folder), expected, Path(__file__).with_name("spark_tables.zip"))


def write_table(spark: Any, root: Path, name: str) -> dict[str, Any]:
    """Run a table's statements; what Spark says of each column in the end."""
    table = f"lake.tables.{name}" if name.startswith("iceberg") else name
    for statement in TABLES[name]:
        spark.sql(statement.format(table, root))
    columns = [column for column, kind in spark.table(table).dtypes if not kind.startswith("struct")]
    figures = ", ".join(
        f"named_struct('nulls', count(*) - count(`{c}`), 'min', cast(min(`{c}`) as string), 'max', cast(max(`{c}`) as string)) as `{c}`"
        for c in columns
    )
    row = spark.sql(f"SELECT count(*) as rows, {figures} FROM {table}").collect()[0].asDict(recursive=True)
    return {"rows": row.pop("rows"), "columns": row}


def pack(folder: Path, expected: dict[str, Any], target: Path) -> None:
    """Zip the tables, without Hadoop's checksum files."""
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        archive.writestr("expected.json", json.dumps(expected, indent=1))
        for path in sorted(folder.rglob("*")):
            name = path.relative_to(folder).as_posix().removeprefix("iceberg/tables/")
            if path.is_file() and not path.name.endswith(".crc") and name.split("/")[0] in TABLES:
                archive.writestr(name, path.read_bytes())


if __name__ == "__main__":
    main(sys.argv[1:])
