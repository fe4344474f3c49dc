"""The figures of a Parquet footer are those of the data, for every type and writer; what a footer does not tell is unknown."""

from __future__ import annotations

import datetime as dt
import io
import math
from decimal import Decimal
from pathlib import Path
from typing import Any

import deltalake
import duckdb
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pyarrow.parquet.encryption as pe
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from s3_catalog.formats import FileSchema
from s3_catalog.model.statistics import ColumnFigures, FileFigures, merge_figures
from s3_catalog_tests.formats.readers import read

DAY, OLD, FIRST = (dt.datetime.fromisoformat(text) for text in ("2024-02-29T23:59:59.999999", "1900-01-01", "0001-01-01"))
LONG = "straße" * 9  # longer than what some writers cut
VALUES: dict[pa.DataType, list[Any]] = {
    pa.bool_(): [True, False],
    pa.int8(): [-128, 127],
    pa.int16(): [-(2**15), 2**15 - 1],
    pa.int32(): [-(2**31), 2**31 - 1],
    pa.int64(): [-(2**63), 2**53 + 1, 2**63 - 1],
    pa.uint8(): [0, 200],
    pa.uint16(): [1, 2**16 - 1],
    pa.uint32(): [1, 2**31, 2**32 - 1],
    pa.uint64(): [1, 2**63, 2**64 - 1],
    pa.float16(): [np.float16(-1.5), np.float16(2)],
    pa.float32(): [0.1, -3.4e38],
    pa.float64(): [0.1, -1e308, math.inf],
    pa.decimal128(5, 2): [Decimal("-1.25"), Decimal("999.99")],
    pa.decimal128(15, 3): [Decimal("-1.250"), Decimal("123456789012.345")],
    pa.decimal128(38, 10): [Decimal(f"-{'9' * 28}.0000000001"), Decimal("1.0000000001")],
    pa.decimal256(76, 0): [Decimal("-" + "9" * 76), Decimal("8" * 76)],
    pa.date32(): [dt.date(1, 1, 1), dt.date(9999, 12, 31)],
    pa.date64(): [dt.date(1969, 12, 31), dt.date(2024, 2, 29)],
    pa.time32("s"): [dt.time(0), dt.time(23, 59, 59)],
    pa.time32("ms"): [dt.time(0, 0, 0, 1000), dt.time(23, 59, 59)],
    pa.time64("us"): [dt.time(0, 0, 0, 1), dt.time(23, 59, 59, 999_999)],
    pa.time64("ns"): [1, 86_399_999_999_999],
    pa.timestamp("s"): [DAY, OLD],
    pa.timestamp("ms"): [DAY.replace(microsecond=999_000), OLD],
    pa.timestamp("us"): [DAY, FIRST],
    pa.timestamp("ns"): [1_700_000_000_123_456_789, -1],
    pa.timestamp("us", "UTC"): [DAY, FIRST],
    pa.timestamp("ns", "Europe/Berlin"): [1_700_000_000_123_456_789, -1],
    pa.duration("ns"): [-1, 2**62],
    pa.string(): ["", "a", "é", "\U0001f600", "Z"],
    pa.large_string(): ["a", "b"],
    pa.dictionary(pa.int8(), pa.string()): ["red", "blue"],
}
TABLE = pa.table({str(kind): pa.array([*values, None, values[0]] * 3, kind).slice(0, 9) for kind, values in VALUES.items()})
UNORDERED = pa.table(
    {
        "bytes": [b"a", None],
        "fixed": pa.array([b"abcd", None], pa.binary(4)),
        "uuid": pa.array([bytes(16), None], pa.uuid()),
        "json": pa.array(["{}", None], pa.json_()),
    }
)
WRITERS: dict[str, dict[str, Any]] = {
    "plain": {},
    "version 1.0": {"version": "1.0", "allow_truncated_timestamps": True, "coerce_timestamps": "ms"},
    "version 2.4": {"version": "2.4", "allow_truncated_timestamps": True, "coerce_timestamps": "us"},
    "pages v2": {"data_page_version": "2.0"},
    "no dictionary": {"use_dictionary": False, "compression": "none"},
    "no Arrow schema": {"store_schema": False},
    "decimals as integers": {"store_decimal_as_integer": True},
    "page index": {"write_page_index": True},
}


def parquet(table: pa.Table, **options: Any) -> bytes:
    sink = io.BytesIO()
    pq.write_table(table, sink, **options)
    return sink.getvalue()


def figures_of(data: bytes) -> dict[str, ColumnFigures]:
    return dict(read("parquet", data).figures)


def plain(column: pa.ChunkedArray) -> pa.ChunkedArray:
    return column.cast(column.type.value_type) if pa.types.is_dictionary(column.type) else column


def own_bounds(column: pa.ChunkedArray) -> tuple[pa.Scalar, pa.Scalar]:
    """The minimum and maximum of the data itself; Arrow computes those of half floats and of times by others."""
    if pa.types.is_float16(column.type) or pa.types.is_duration(column.type):
        other = column.cast(pa.float32() if pa.types.is_float16(column.type) else pa.int64())
        return pc.min(other).cast(column.type), pc.max(other).cast(column.type)
    return pc.min(plain(column)), pc.max(plain(column))


def same(found: pa.Scalar | None, own: pa.Scalar) -> bool:
    if found is None:
        return not own.is_valid
    return bool((found.cast(found.type.value_type) if pa.types.is_dictionary(found.type) else found).equals(own))


def check(data: bytes) -> FileSchema:
    """Compare all figures of a file with its data as pyarrow reads them; every column without nesting has figures."""
    schema, table = read("parquet", data), pq.read_table(io.BytesIO(data))
    chunks = [row_group["columns"] for row_group in pq.read_metadata(io.BytesIO(data)).to_dict()["row_groups"]]
    for i, (column, name) in enumerate(zip(table.columns, table.column_names, strict=True)):
        figures = schema.figures[name]
        low, high = own_bounds(column)
        assert (figures.null_count, figures.exact) == (column.null_count, True), name
        assert same(figures.min, low), (name, figures.min, low)
        assert same(figures.max, high), (name, figures.max, high)
        assert figures.min is None or figures.min.type == column.type
        assert figures.size_bytes == sum(group[i]["total_compressed_size"] for group in chunks)
    return schema


@pytest.mark.parametrize("writer", WRITERS)
def test_figures_are_those_of_the_data(writer: str) -> None:
    check(parquet(TABLE, row_group_size=2, **WRITERS[writer]))


@pytest.mark.parametrize(
    ("kind", "value", "text"),
    [
        (pa.dictionary(pa.int8(), pa.string()), "red", "red"),
        (pa.string_view(), "x", "x"),
        (pa.float16(), np.float16(1.5), "1.5"),
        (pa.decimal32(5, 2), Decimal("1.5"), "1.50"),
        (pa.timestamp("ns", "UTC"), 1, "1970-01-01 00:00:00.000000001Z"),
    ],
    ids=str,
)
def test_figures_become_statistics_of_a_table(kind: pa.DataType, value: Any, text: str) -> None:
    """Also of types of which Arrow itself finds no minimum."""
    schema = read("parquet", parquet(pa.table({"x": pa.array([value, None], kind)})))
    merged = merge_figures([FileFigures(schema.figures["x"], 2)] * 2, schema.columns[0].type, complete=True)
    assert merged is not None
    assert (merged.min, merged.max, merged.null_count) == (text, text, 2)


def test_figures_of_pandas_files_are_those_of_the_data() -> None:
    frame = pd.DataFrame(
        {
            "id": pd.array([1, None, 2**60 + 1], "Int64"),
            "at": pd.to_datetime(["2024-01-01T00:00:00.123456789", None, "1999-01-01"], format="ISO8601"),
            "kind": pd.Categorical(["b", "a", None]),
            "any": ["x", None, "ä"],
        }
    )
    sink = io.BytesIO()
    frame.to_parquet(sink)
    check(sink.getvalue())


DUCKDB_TYPES = {
    "BOOLEAN": "i % 2 = 0",
    "TINYINT": "i - 3",
    "SMALLINT": "i * 1000 - 7",
    "INTEGER": "i - 2147483647",
    "BIGINT": "9007199254740993 + i",
    "UTINYINT": "200 + i",
    "USMALLINT": "60000 + i",
    "UINTEGER": "4294967290 - i",
    "UBIGINT": "18446744073709551615 - i",
    "FLOAT": "i / 10",
    "DOUBLE": "i / -10",
    "DECIMAL(4,1)": "i * 11.1",
    "DECIMAL(9,2)": "i * -1000.25",
    "DECIMAL(18,4)": "i * 1000000.0001",
    "DECIMAL(38,5)": "i * 1000000000000000000000.00001",
    "DATE": "DATE '1969-12-25' + i",
    "TIME": "TIME '01:02:03.000001' + INTERVAL (i) HOUR",
    "TIMESTAMP": "TIMESTAMP '0001-01-01 00:00:00.000001' + INTERVAL (i * 1000) MONTH",
    "TIMESTAMP_S": "TIMESTAMP '2024-01-01' + INTERVAL (i) SECOND",
    "TIMESTAMP_MS": "TIMESTAMP '2024-01-01' + INTERVAL (i) MILLISECOND",
    "TIMESTAMP_NS": "make_timestamp_ns(1700000000123456789 + i)",
    "TIMESTAMPTZ": "TIMESTAMPTZ '2024-01-01 00:00:00+00' + INTERVAL (i) HOUR",
    "VARCHAR": "'ä' || i",
}


@pytest.mark.parametrize("version", ["V1", "V2"])
def test_figures_of_duckdb_files_are_those_that_duckdb_computes(tmp_path: Path, version: str) -> None:
    path = tmp_path / "data.parquet"
    columns = ", ".join(f'CASE WHEN i = 4 THEN NULL ELSE ({value})::{kind} END AS "{kind}"' for kind, value in DUCKDB_TYPES.items())
    with duckdb.connect() as connection:
        connection.sql("SET TimeZone = 'UTC'")
        query = f"SELECT {columns} FROM (SELECT unnest(range(5000))::INTEGER % 7 AS i)"
        connection.sql(f"COPY ({query}) TO '{path}' (FORMAT parquet, ROW_GROUP_SIZE 2048, PARQUET_VERSION {version})")
        schema = check(path.read_bytes())
        for kind in DUCKDB_TYPES:
            bounds = f'min("{kind}") AS low, max("{kind}") AS high, count(*) - count("{kind}") AS nulls'
            own = connection.sql(f"SELECT {bounds} FROM '{path}'").to_arrow_table().to_pydict()
            figures = schema.figures[kind]
            assert figures.min is not None
            assert figures.max is not None
            assert (figures.min.as_py(), figures.max.as_py(), figures.null_count) == (own["low"][0], own["high"][0], own["nulls"][0]), kind


def test_duckdb_agrees_on_files_of_pyarrow(tmp_path: Path) -> None:
    path = tmp_path / "data.parquet"
    kinds = [pa.int64(), pa.uint64(), pa.float64(), pa.decimal128(38, 10), pa.string(), pa.timestamp("us"), pa.date32(), pa.bool_()]
    table = TABLE.select([str(kind) for kind in kinds])
    path.write_bytes(parquet(table, row_group_size=2))
    with duckdb.connect() as connection:
        for name, figures in figures_of(path.read_bytes()).items():
            bounds = f'min("{name}") AS low, max("{name}") AS high, count(*) - count("{name}") AS nulls'
            own = connection.sql(f"SELECT {bounds} FROM '{path}'").to_arrow_table().to_pydict()
            assert figures.min is not None
            assert figures.max is not None
            assert (figures.min.as_py(), figures.max.as_py(), figures.null_count) == (own["low"][0], own["high"][0], own["nulls"][0]), name


def test_figures_of_delta_rs_files_are_those_of_the_data(tmp_path: Path) -> None:
    kinds = [pa.bool_(), pa.int8(), pa.int64(), pa.float64(), pa.decimal128(5, 2), pa.decimal128(38, 10), pa.date32(), pa.string()]
    kinds += [pa.timestamp("us"), pa.timestamp("us", "UTC")]
    deltalake.write_deltalake(str(tmp_path), TABLE.select([str(kind) for kind in kinds]))
    (path,) = tmp_path.glob("*.parquet")
    assert len(check(path.read_bytes()).figures) == len(kinds)


def test_texts_that_a_writer_cut_are_bounds(tmp_path: Path) -> None:
    """arrow-rs cuts at 64 bytes and says so with a mark that pyarrow does not pass on."""
    texts = ["b" * 300, "straße" * 20, None]
    deltalake.write_deltalake(str(tmp_path), pa.table({"text": texts, "short": ["a", "b", None]}))
    (path,) = tmp_path.glob("*.parquet")
    figures = figures_of(path.read_bytes())
    assert figures["text"].min is not None
    assert figures["text"].max is not None
    assert figures["text"].min.as_py() <= "b" * 300
    assert figures["text"].max.as_py() >= "straße" * 20
    assert (figures["text"].exact, figures["text"].null_count) == (False, 1)
    assert figures["short"].exact


def test_pyarrow_never_cuts_a_text() -> None:
    figures = figures_of(parquet(pa.table({"text": [LONG, LONG + "e"]})))["text"]
    assert (figures.min, figures.max, figures.exact) == (pa.scalar(LONG), pa.scalar(LONG + "e"), True)


@pytest.mark.parametrize("last", ["c", "\ud7ff", "\U0010ffff", "é"])
def test_of_very_long_texts_shorter_bounds_are_kept(last: str) -> None:
    text = "b" * 100 + last * 100
    figures = figures_of(parquet(pa.table({"text": [text]})))["text"]
    assert figures.min is not None
    assert figures.max is not None
    assert figures.min.as_py().encode() < text.encode() < figures.max.as_py().encode()
    assert max(len(figures.min.as_py()), len(figures.max.as_py())) <= 128
    assert not figures.exact


def test_a_text_with_nothing_above_it_has_no_bounds() -> None:
    assert figures_of(parquet(pa.table({"text": ["\U0010ffff" * 200]})))["text"].max is None


def test_columns_without_an_order_have_nulls_and_a_size_only() -> None:
    for figures in figures_of(parquet(UNORDERED)).values():
        assert (figures.null_count, figures.min, figures.max) == (1, None, None)
        assert figures.size_bytes


def test_int96_has_no_bounds() -> None:
    table = pa.table({"at": pa.array([0, 1], pa.timestamp("ns"))})
    figures = figures_of(parquet(table, use_deprecated_int96_timestamps=True))["at"]
    assert (figures.min, figures.max) == (None, None)


def test_nested_columns_have_the_size_of_their_leaves_only() -> None:
    rows: list[Any] = [{"a": 1, "b": [1, 2]}, None, {"a": None, "b": []}]
    data = parquet(pa.table({"row": rows, "row.a": [1, 2, 3], "map": pa.array([[("k", 1)]] * 3, pa.map_(pa.string(), pa.int64()))}))
    group = pq.read_metadata(io.BytesIO(data)).row_group(0)
    sizes = [group.column(i).total_compressed_size for i in range(5)]
    figures = figures_of(data)
    assert figures["row"] == ColumnFigures(size_bytes=sizes[0] + sizes[1])
    assert figures["map"] == ColumnFigures(size_bytes=sizes[3] + sizes[4])
    assert (figures["row.a"].size_bytes, figures["row.a"].max) == (sizes[2], pa.scalar(3))


def test_a_column_of_nulls_has_no_bounds() -> None:
    figures = figures_of(parquet(pa.table({"x": pa.nulls(5, pa.int64())}), row_group_size=2))["x"]
    assert (figures.null_count, figures.min, figures.max, figures.exact) == (5, None, None, True)


def test_a_row_group_of_nulls_leaves_the_bounds_of_the_others() -> None:
    figures = figures_of(parquet(pa.table({"x": [None, None, 3, 1]}), row_group_size=2))["x"]
    assert (figures.null_count, figures.min, figures.max) == (2, pa.scalar(1), pa.scalar(3))


def test_a_file_without_rows_has_no_nulls() -> None:
    figures = figures_of(parquet(TABLE.slice(0, 0)))
    assert {f.null_count for f in figures.values()} == {0}
    assert {f.min for f in figures.values()} == {None}


def test_nan_is_no_value_and_zero_has_no_sign() -> None:
    figures = figures_of(parquet(pa.table({"x": [math.nan, 0.0, 5.0], "y": [-0.0, -5.0, math.nan], "n": [math.nan] * 3})))
    zeros = [figures["x"].min, figures["y"].max]
    assert [zero and math.copysign(1, zero.as_py()) for zero in zeros] == [1, 1]
    assert (figures["x"].max, figures["y"].min) == (pa.scalar(5.0), pa.scalar(-5.0))
    assert (figures["n"].min, figures["n"].max, figures["n"].null_count) == (None, None, 0)


def test_without_statistics_only_the_size_is_known() -> None:
    table = pa.table({"a": [1, None], "b": [1, 2]})
    assert {f.null_count for f in figures_of(parquet(table, write_statistics=False)).values()} == {None}
    figures = figures_of(parquet(table, write_statistics=["b"]))
    assert (figures["a"].null_count, figures["a"].min, figures["a"].size_bytes is None) == (None, None, False)
    assert (figures["b"].null_count, figures["b"].min) == (0, pa.scalar(1))


def test_required_columns_have_no_nulls_even_without_statistics() -> None:
    table = pa.table({"a": [1, 2]}, schema=pa.schema([pa.field("a", pa.int64(), nullable=False)]))
    assert figures_of(parquet(table, write_statistics=False))["a"].null_count == 0


def test_bounds_that_one_row_group_lacks_are_unknown() -> None:
    """pyarrow leaves out statistics of more than 4 KiB."""
    for texts in (["a", "b" * 5000], ["b" * 5000, "a"]):
        figures = figures_of(parquet(pa.table({"text": texts, "id": [1, 2]}), row_group_size=1))
        assert (figures["text"].min, figures["text"].max) == (None, None)
        assert figures["id"].max == pa.scalar(2)


def test_names_that_stand_twice_have_no_figures() -> None:
    data = parquet(pa.table([pa.array([1]), pa.array([2]), pa.array([3])], names=["a", "b", "a"]))
    assert list(figures_of(data)) == ["b"]


def test_bounds_of_text_by_a_writer_that_compared_wrongly_are_unknown() -> None:
    """PARQUET-251: parquet-mr before 1.8 compared bytes as if they had a sign."""
    data = parquet(pa.table({"text": ["a", "é"], "id": [1, 2]}), use_dictionary=False, compression="none")
    created_by = pq.read_metadata(io.BytesIO(data)).created_by.encode()
    damaged = data.replace(created_by, b"parquet-mr version 1.6.0 (build x)"[: len(created_by)].ljust(len(created_by), b")"))
    figures = figures_of(damaged)
    assert (figures["text"].min, figures["id"].min) == (None, pa.scalar(1))


class _PlainKeys(pe.KmsClient):  # type: ignore[misc]  # pyarrow has no types
    """Keys wrapped by nothing, as a test needs no secret."""

    def __init__(self, config: pe.KmsConnectionConfig) -> None:
        super().__init__()

    def wrap_key(self, key_bytes: bytes, master_key_identifier: str) -> bytes:
        return key_bytes.hex().encode()

    def unwrap_key(self, wrapped_key: bytes, master_key_identifier: str) -> bytes:
        return bytes.fromhex(wrapped_key.decode())


def test_columns_with_keys_of_their_own_are_unknown() -> None:
    """pyarrow aborts when it looks at such a column, so that no column has figures."""
    factory = pe.CryptoFactory(_PlainKeys)
    keys = pe.EncryptionConfiguration(footer_key="f", column_keys={"c": ["secret"]}, plaintext_footer=True)
    properties = factory.file_encryption_properties(pe.KmsConnectionConfig(), keys)
    for names in (["id", "secret"], ["secret", "id"]):
        table = pa.table({"id": [1, 2], "secret": [4711, 4712]}).select(names)
        schema = read("parquet", parquet(table, encryption_properties=properties))
        assert (schema.row_count, [column.name for column in schema.columns], schema.figures) == (2, names, {})
        assert "cannot be read" in schema.warnings[0]


@settings(max_examples=60, deadline=None)
@given(
    numbers=st.lists(st.none() | st.integers(-(2**63), 2**63 - 1), min_size=1, max_size=30),
    texts=st.lists(st.none() | st.text(max_size=20), min_size=30, max_size=30),
    floats=st.lists(st.none() | st.floats(allow_nan=False), min_size=30, max_size=30),
    size=st.integers(1, 10),
)
def test_figures_hold_for_any_values(numbers: list[Any], texts: list[Any], floats: list[Any], size: int) -> None:
    rows = len(numbers)
    table = pa.table(
        {"n": pa.array(numbers, pa.int64()), "t": pa.array(texts[:rows], pa.string()), "f": pa.array(floats[:rows], pa.float64())}
    )
    check(parquet(table, row_group_size=size))


@pytest.mark.parametrize(("codec", "told"), [("zstd", None), ("lz4", "lz4"), ("brotli", "brotli")])
def test_a_compression_that_not_every_engine_has_is_told(codec: str, told: str | None) -> None:
    file = io.BytesIO()
    pq.write_table(pa.table({"a": [1]}), file, compression=codec)
    assert check(file.getvalue()).details.get("codec") == told
