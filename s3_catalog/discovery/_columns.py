"""The column operations behind grouping, as SQL of DuckDB. Nothing here decides; it reads groups out and writes verdicts back.

Working tables: `objects` (one row per key, with why it is skipped), `files` (the rest with directory template and name group),
`name_groups`, `assigned` (object -> layout, partition values), `excluded` (object -> reason), `failures` (object -> error),
`owned` (object -> root and format of a table format), `logs` (object of a table format's log -> the same), `bare` (root without a data
file -> layout).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import duckdb
import pyarrow as pa

from s3_catalog.discovery.places import PathColumn
from s3_catalog.discovery.rules import (
    ANY_SKIP,
    DATE_IN_NAME,
    DATE_MARK,
    DATE_PATTERN,
    HIVE_NULL,
    MONTH_IN_NAME,
    MONTH_MARK,
    SKIP_RULES,
    VERSION_IN_NAME,
    YEAR_IN_NAME,
    YEAR_MARK,
    quote_sql,
    segment_template_sql,
    shape_sql,
    words_sql,
)
from s3_catalog.discovery.suffixes import SUFFIX_PATTERN, read_suffixes
from s3_catalog.model.ledger import SkipReason

if TYPE_CHECKING:
    from s3_catalog.discovery.verdicts import Draft

VERDICTS = pa.schema([("layout", pa.int32()), ("partition", pa.int32()), ("skipped", pa.string()), ("error", pa.string())])
"""What grouping adds to the manifest; `partition` is an index among the partitions of the object's layout."""


def load_objects(connection: duckdb.DuckDBPyConnection, manifest: pa.Table, base: str) -> None:
    """Make `objects` from a manifest; keys are cut to what follows `base`."""
    numbered = manifest.append_column("i", pa.array(range(manifest.num_rows), pa.int64()))
    connection.register("manifest", numbered)
    whens = "\n".join(f"WHEN regexp_full_match(key, {quote_sql(pattern)}) THEN {quote_sql(reason)}" for reason, pattern in SKIP_RULES)
    # One pass of all rules together lets the many plain data files through at the cost of one.
    skips = f"CASE WHEN NOT regexp_full_match(key, {quote_sql(ANY_SKIP)}) THEN NULL {whens} END"
    connection.execute(f"""
        CREATE TEMP TABLE objects AS
        SELECT *, coalesce({skips}, CASE WHEN size = 0 THEN {quote_sql(SkipReason.EMPTY)} END) AS skipped
        FROM (
            SELECT i, size, last_modified, etag, key, left(key, length(key) - length(name)) AS directory, name,
                   regexp_extract(name, {quote_sql(SUFFIX_PATTERN)}, 1) AS suffix
            FROM (
                SELECT i, size, last_modified, etag, substr(key, {len(base) + 1}) AS key, regexp_extract(key, '(?s)[^/]*$') AS name
                FROM manifest
            )
        )
    """)
    connection.execute("""
        CREATE TEMP TABLE assigned (i BIGINT, layout INTEGER, partition_values VARCHAR[]);
        CREATE TEMP TABLE excluded (i BIGINT, reason VARCHAR);
        CREATE TEMP TABLE failures (i BIGINT, error VARCHAR);
        CREATE TEMP TABLE owned (i BIGINT, root VARCHAR, format VARCHAR);
        CREATE TEMP TABLE logs (i BIGINT, root VARCHAR, format VARCHAR);
        CREATE TEMP TABLE bare (root VARCHAR, layout INTEGER);
    """)
    _map_suffixes(connection)


def _map_suffixes(connection: duckdb.DuckDBPyConnection) -> None:
    """Make `suffixes`: distinct file-name ending -> format and how many characters of the ending are not the stem."""
    found = [row[0] for row in connection.execute("SELECT DISTINCT suffix FROM objects").fetchall()]
    suffixes = pa.Table.from_pylist(
        [{"suffix": s, "format": f, "cut": c} for s, (f, c) in read_suffixes(found).items()],
        pa.schema([("suffix", pa.string()), ("format", pa.string()), ("cut", pa.int64())]),
    )
    connection.register("suffix_rows", suffixes)
    connection.execute("CREATE TEMP TABLE suffixes AS SELECT * FROM suffix_rows")


def build_name_groups(connection: duckdb.DuckDBPyConnection) -> None:
    """Make `files` and `name_groups` of all objects that nothing has claimed yet, and of those a table format owns."""
    connection.execute(f"""
        CREATE TEMP TABLE segmented AS
        SELECT *, list_transform(segments, lambda s: {segment_template_sql("s")}) AS template
        FROM (SELECT DISTINCT directory, string_split(directory, '/')[1:-2] AS segments FROM objects);
        CREATE TEMP TABLE templates AS
        SELECT *, row_number() OVER () AS template_id
        FROM (SELECT template, count(*) AS template_directories FROM segmented GROUP BY template ORDER BY template);
        CREATE TEMP TABLE directories AS
        SELECT directory, segments, row_number() OVER () AS directory_id, template_id FROM segmented JOIN templates USING (template);
        DROP TABLE segmented;

        CREATE TEMP TABLE worded AS
        SELECT *, {words_sql("shape")} AS words,
               CASE WHEN contains(shape, 'v') THEN regexp_extract(lower(stem), {quote_sql(VERSION_IN_NAME)}, 1) ELSE '' END AS version
        FROM (
            SELECT o.i, o.name, o.size, o.last_modified, d.directory_id, d.template_id,
                   owned.root, coalesce(owned.format, s.format) AS format,
                   CASE WHEN owned.root IS NULL THEN left(o.name, length(o.name) - s.cut) ELSE '' END AS stem, {shape_sql("stem")} AS shape
            FROM objects o
            JOIN directories d USING (directory)
            JOIN suffixes s USING (suffix)
            LEFT JOIN owned USING (i)
            WHERE owned.root IS NOT NULL
               OR (o.skipped IS NULL AND o.i NOT IN (SELECT i FROM assigned) AND o.i NOT IN (SELECT i FROM excluded))
        );

        CREATE TEMP TABLE name_groups AS
        SELECT row_number() OVER () AS id, * FROM (
            SELECT template_id, root, format, words, version, count(*) AS files, count(DISTINCT directory_id) AS directories,
                   arg_min(shape, name) AS shape, min(name) AS name, arg_max(i, coalesce(last_modified, make_timestamptz(0))) AS example,
                   bool_and(contains(shape, chr({ord(DATE_MARK)}))) OR bool_and(contains(shape, chr({ord(MONTH_MARK)})))
                     OR bool_and(contains(shape, chr({ord(YEAR_MARK)}))) AS every_name_dated
            FROM worded GROUP BY ALL ORDER BY template_id, root, format, words, version
        );

        CREATE TEMP TABLE files AS
        SELECT w.i, w.name, w.size, w.last_modified, w.directory_id, g.id AS name_group
        FROM worded w JOIN name_groups g
          ON w.template_id = g.template_id AND w.root IS NOT DISTINCT FROM g.root AND w.format = g.format
         AND w.words = g.words AND w.version = g.version;
        DROP TABLE worded;
    """)


def read_name_groups(connection: duckdb.DuckDBPyConnection) -> Iterator[dict[str, Any]]:
    """Every name group, as the fields of `NameGroup` with `template` (list of text) in place of its place."""
    columns = "id, template, template_directories, root, format, words, version, files, directories, shape, name, every_name_dated"
    yield from (
        connection.sql(f"SELECT {columns} FROM name_groups JOIN templates USING (template_id) ORDER BY id").to_arrow_table().to_pylist()
    )


def read_bare_roots(connection: duckdb.DuckDBPyConnection) -> list[tuple[str, str]]:
    """(root, format) of the table formats' roots that hold a log and no data file, by root."""
    return connection.execute("""
        SELECT root, format FROM logs JOIN objects USING (i)
        WHERE size > 0 AND root NOT IN (SELECT root FROM owned) GROUP BY ALL ORDER BY root
    """).fetchall()


def assign_bare_roots(connection: duckdb.DuckDBPyConnection, roots: Sequence[str], *, first_layout: int) -> None:
    """Give roots without a data file their layouts."""
    layouts = pa.array(range(first_layout, first_layout + len(roots)), pa.int32())
    connection.register("bare_rows", pa.table({"root": pa.array(list(roots), pa.string()), "layout": layouts}))
    connection.execute("INSERT INTO bare SELECT root, layout FROM bare_rows")


def read_example_keys(connection: duckdb.DuckDBPyConnection) -> dict[int, int]:
    """Name group id -> manifest row of its newest object."""
    return dict(connection.execute("SELECT id, example FROM name_groups").fetchall())


def assign_groups(
    connection: duckdb.DuckDBPyConnection, drafts: Sequence[Draft], not_data: Sequence[int], failed: Mapping[int, str], *, first_layout: int
) -> None:
    """Write the verdicts on name groups back to their objects, with the partition values their paths give."""
    rows = [
        {"name_group": group.id, "layout": index, "columns": [_column_spec(column, group.place.columns) for column in draft.columns]}
        for index, draft in enumerate(drafts, start=first_layout)
        for group in draft.groups
    ]
    spec = pa.struct([("segment", pa.int64()), ("kind", pa.string())])
    schema = pa.schema([("name_group", pa.int64()), ("layout", pa.int32()), ("columns", pa.list_(spec))])
    connection.register("verdict_rows", pa.Table.from_pylist(rows, schema))
    connection.register("not_data_rows", pa.table({"id": pa.array(list(not_data), pa.int64())}))
    failed_rows = {"id": pa.array(list(failed), pa.int64()), "error": pa.array(list(failed.values()), pa.string())}
    connection.register("failed_rows", pa.table(failed_rows))
    connection.execute(f"""
        INSERT INTO assigned
        SELECT f.i, v.layout, list_transform(v.columns, lambda c: CASE
            WHEN c.segment IS NULL THEN NULL
            WHEN c.segment = 0 THEN nullif(CASE c.kind
                WHEN 'date' THEN regexp_extract(f.name, {quote_sql(DATE_IN_NAME)}, 1)
                WHEN 'yearmonth' THEN regexp_extract(f.name, {quote_sql(MONTH_IN_NAME)}, 1)
                ELSE regexp_extract(f.name, {quote_sql(YEAR_IN_NAME)}, 1) END, '')
            WHEN c.kind = 'hive' THEN {_hive_value_sql("d.segments[c.segment]")}
            WHEN c.kind = 'date' THEN regexp_extract(d.segments[c.segment], {quote_sql(DATE_PATTERN)})
            ELSE d.segments[c.segment] END)
        FROM files f JOIN verdict_rows v USING (name_group) JOIN directories d USING (directory_id);
        INSERT INTO excluded SELECT f.i, {quote_sql(SkipReason.NOT_DATA)} FROM files f JOIN not_data_rows n ON n.id = f.name_group;
        INSERT INTO failures SELECT f.i, n.error FROM files f JOIN failed_rows n ON n.id = f.name_group;
    """)


def _hive_value_sql(segment: str) -> str:
    value = f"substr({segment}, instr({segment}, '=') + 1)"
    return f"CASE WHEN {value} = {quote_sql(HIVE_NULL)} THEN NULL ELSE coalesce(try(url_decode({value})), {value}) END"


def _column_spec(column: PathColumn, own: Sequence[PathColumn]) -> dict[str, Any]:
    match = next((c for c in own if c.name == column.name), column if column.segment == 0 else None)
    return {"segment": match.segment if match else None, "kind": match.kind if match else None}


def read_digests(connection: duckdb.DuckDBPyConnection) -> dict[int, dict[str, Any]]:
    """Layout -> objects, bytes, newest, digest (of whole keys, sizes and ETags in any order; times stand in for ETags a store lacks).

    The log of a table format is part of its table's digest, and of no other figure.
    """
    rows = connection.sql("""
        WITH parts AS (
            SELECT layout, i, TRUE AS is_data FROM assigned
            UNION ALL
            SELECT layout, logs.i, FALSE
            FROM (SELECT layout, root FROM assigned JOIN owned USING (i) UNION SELECT layout, root FROM bare) JOIN logs USING (root)
        )
        SELECT layout, count(*) FILTER (is_data) AS objects, coalesce(sum(size) FILTER (is_data), 0)::BIGINT AS bytes,
               max(last_modified) FILTER (is_data) AS newest,
               format('{:x}', sum(md5_number_upper(line)::HUGEINT)) || '-' || format('{:x}', bit_xor(md5_number_lower(line))) AS digest
        FROM (
            SELECT layout, is_data, size, last_modified,
                   concat_ws(chr(0), key, size, coalesce(etag, epoch_us(last_modified)::VARCHAR)) AS line
            FROM parts JOIN manifest USING (i)
        ) GROUP BY layout
    """).to_arrow_table()
    return {row["layout"]: row for row in rows.to_pylist()}


def read_partitions(connection: duckdb.DuckDBPyConnection) -> Iterator[pa.RecordBatch]:
    """Partitions in batches: layout, values (list of text), objects, bytes, newest; by layout and values. Makes `partitions`."""
    connection.execute("""
        CREATE TEMP TABLE partitions AS
        SELECT *, (row_number() OVER (PARTITION BY layout ORDER BY values) - 1)::INTEGER AS number FROM (
            SELECT layout, partition_values AS values, count(*) AS objects, sum(size)::BIGINT AS bytes, max(last_modified) AS newest
            FROM assigned JOIN objects USING (i) WHERE len(partition_values) > 0 GROUP BY ALL
        )
    """)
    columns = "layout, values, objects, bytes, newest"
    yield from connection.sql(f"SELECT {columns} FROM partitions ORDER BY layout, number").to_arrow_reader(10_000)


def read_partition_kinds(connection: duckdb.DuckDBPyConnection) -> dict[tuple[int, int], dict[str, Any]]:
    """(layout, column index) -> what holds for all its values: integers (no leading zeros), digits, iso_dates, compact_dates, longest."""
    rows = connection.sql(r"""
        SELECT layout, position - 1 AS position,
               bool_and(regexp_full_match(value, '0|-?[1-9][0-9]*')) AS integers,
               bool_and(regexp_full_match(value, '[0-9]+')) AS digits,
               bool_and(regexp_full_match(value, '\d{4}-\d\d-\d\d') AND try_cast(value AS DATE) IS NOT NULL) AS iso_dates,
               bool_and(regexp_full_match(value, '\d{8}') AND try_strptime(value, '%Y%m%d') IS NOT NULL) AS compact_dates,
               bool_and(try_strptime(regexp_replace(value, '[-_.]', '', 'g'), '%Y%m%d') IS NOT NULL) AS any_dates,
               max(length(ltrim(value, '-'))) AS longest
        FROM (SELECT DISTINCT layout, unnest(partition_values) AS value, generate_subscripts(partition_values, 1) AS position FROM assigned)
        WHERE value IS NOT NULL GROUP BY ALL
    """).to_arrow_table()
    return {(row["layout"], row["position"]): row for row in rows.to_pylist()}


def read_verdicts(connection: duckdb.DuckDBPyConnection, manifest: pa.Table) -> pa.Table:
    """The manifest with layout, partition (index among those of its layout; both int32), skipped and error, in its own order."""
    verdicts = connection.sql("""
        SELECT a.layout, p.number AS partition, f.error,
               CASE WHEN a.layout IS NULL AND f.error IS NULL THEN coalesce(e.reason, o.skipped) END AS skipped
        FROM objects o LEFT JOIN assigned a USING (i) LEFT JOIN excluded e USING (i) LEFT JOIN failures f USING (i)
        LEFT JOIN partitions p ON p.layout = a.layout AND p.values = a.partition_values
        ORDER BY o.i
    """).to_arrow_table()
    for name in VERDICTS.names:
        manifest = manifest.append_column(name, verdicts.column(name))
    return manifest
