"""Delta, Iceberg and Hudi roots, recognised by their logs. A root owns every object below it.

Sources of the rules: the Delta transaction log protocol (`_delta_log/`), the Iceberg table spec (`metadata/*.metadata.json`), Hudi's
technical specification (`.hoodie/`).
"""

from __future__ import annotations

import duckdb

from s3_catalog.discovery.rules import quote_sql
from s3_catalog.model.ledger import SkipReason

_LOGS = (
    ("delta", "_delta_log/", r"(?s)^((?:.*/)?)_delta_log/"),
    ("hudi", ".hoodie/", r"(?s)^((?:.*/)?)\.hoodie/"),
    ("iceberg", ".metadata.json", r"(?s)^((?:.*/)?)metadata/[^/]*\.metadata\.json(?:\.gz)?$"),
)
"""(format, a text every such key holds, pattern): the first group is the root."""

_DATA_FILE = r"(?is).*\.(?:parquet|orc|avro|hfile|lance)|(?s:\..*\.log\..*)"
_LOG_FOLDERS = {"delta": "_delta_log/", "hudi": ".hoodie/", "iceberg": "metadata/"}
REASONS = {name: f"a {name} log lies below this root" for name in _LOG_FOLDERS}


def claim_table_roots(connection: duckdb.DuckDBPyConnection) -> None:
    """Fill `owned` (object -> root, format) with the data files below each root, and `excluded` with the logs and what else lies there.

    Where one root lies in another, an object belongs to the innermost.
    """
    candidates = " UNION ALL ".join(
        f"SELECT DISTINCT regexp_extract(key, {quote_sql(pattern)}, 1) AS root, {quote_sql(name)} AS format "
        f"FROM objects WHERE contains(key, {quote_sql(text)}) AND regexp_matches(key, {quote_sql(pattern)})"
        for name, text, pattern in _LOGS
    )
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
    """)


def _in_log_sql() -> str:
    logs = " OR ".join(f"(format = {quote_sql(n)} AND starts_with(path, {quote_sql(folder)}))" for n, folder in _LOG_FOLDERS.items())
    return f"({logs} OR (format = 'hudi' AND name = '.hoodie_partition_metadata'))"
