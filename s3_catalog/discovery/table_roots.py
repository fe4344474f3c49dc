"""Roots of table formats (Delta, Iceberg, Hudi), recognised by their logs. A root owns every object below it.

Which keys are a log is what each table format says of itself (`table_formats.TableFormat`).
"""

from __future__ import annotations

import re

import duckdb

from s3_catalog.discovery.rules import quote_sql
from s3_catalog.model.ledger import SkipReason
from s3_catalog.table_formats import TableFormat, table_formats

_DATA_FILE = r"(?is).*\.(?:parquet|orc|avro|hfile|lance|puffin)|(?s:\..*\.log\..*)"


def claim_table_roots(connection: duckdb.DuckDBPyConnection) -> None:
    """Fill `owned` (object -> root, format) with the data files below each root, `logs` with its log, and `excluded` with both the logs and
    what else lies there.

    Where one root lies in another, an object belongs to the innermost.
    """
    candidates = " UNION ALL ".join(_candidate_sql(table_format) for table_format in table_formats().values())
    connection.execute(f"CREATE TEMP TABLE roots AS SELECT root, min(format) AS format FROM ({candidates}) GROUP BY root")
    if connection.execute("SELECT count(*) FROM roots").fetchone() == (0,):
        return
    connection.execute(f"""
        CREATE TEMP TABLE owners AS
        SELECT directory, arg_max(root, length(root)) AS root, arg_max(format, length(root)) AS format FROM (
            SELECT directory, unnest(list_transform(range(len(parts)), lambda n: list_aggregate(parts[1:n], 'string_agg', '/') || '/')
                   || ['']) AS root
            FROM (SELECT DISTINCT directory, string_split(directory, '/') AS parts FROM objects)
        ) JOIN roots USING (root) GROUP BY directory;

        CREATE TEMP TABLE claimed AS
        SELECT i, w.root, w.format, name, skipped, substr(key, length(w.root) + 1) AS path FROM objects JOIN owners w USING (directory);

        INSERT INTO owned
        SELECT i, root, format FROM claimed
        WHERE regexp_full_match(name, {quote_sql(_DATA_FILE)}) AND NOT ({_in_log_sql()})
          AND NOT regexp_matches(path, '^_change_data/') AND (skipped IS NULL OR skipped = {quote_sql(SkipReason.HIDDEN)});

        INSERT INTO excluded
        SELECT i, CASE WHEN {_in_log_sql()} THEN {quote_sql(SkipReason.TABLE_LOG)}
                       WHEN skipped IS NOT NULL AND skipped <> {quote_sql(SkipReason.HIDDEN)} THEN skipped
                       ELSE {quote_sql(SkipReason.TABLE_MAINTENANCE)} END
        FROM claimed WHERE i NOT IN (SELECT i FROM owned);

        INSERT INTO logs SELECT i, root, format FROM claimed WHERE {_in_log_sql()};
    """)


def describe_log(table_format: str) -> str:
    """Why a root is a table."""
    return f"a {table_format} log lies below this root"


def _candidate_sql(table_format: TableFormat) -> str:
    # The shortest root: Hudi keeps a table of its own inside its log.
    pattern = quote_sql(f"(?s)^((?:.*?/)?){re.escape(table_format.log_folder)}{table_format.log_file}")
    return (
        f"SELECT DISTINCT regexp_extract(key, {pattern}, 1) AS root, {quote_sql(table_format.name)} AS format "
        f"FROM objects WHERE contains(key, {quote_sql(table_format.log_folder)}) AND regexp_matches(key, {pattern})"
    )


def _in_log_sql() -> str:
    logs = " OR ".join(
        f"(format = {quote_sql(name)} AND starts_with(path, {quote_sql(table_format.log_folder)}))"
        for name, table_format in table_formats().items()
    )
    return f"({logs} OR (format = 'hudi' AND name = '.hoodie_partition_metadata'))"
