"""Rows, nulls and sizes of Arrow files and streams, from the messages of their record batches."""

from __future__ import annotations

import datetime as dt
import io
from decimal import Decimal
from pathlib import Path
from typing import Any

import flatbuffers
import numpy as np
import pyarrow as pa
import pyarrow.feather
import pyarrow.ipc
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from s3_catalog.errors import UnreadableFileError
from s3_catalog.formats import FileSchema, ReadLimits, file_formats
from s3_catalog.formats._arrow_messages import read_footer
from s3_catalog.model.statistics import ColumnFigures
from s3_catalog.storage import parse_location
from s3_catalog.storage.files import ObjectFile
from s3_catalog.storage.folder import FolderStore
from s3_catalog.storage.receipt import Receipt
from s3_catalog_tests.formats.hostile import GIGABYTE
from s3_catalog_tests.formats.readers import read
from s3_catalog_tests.formats.stores import open_bytes
from s3_catalog_tests.formats.test_bombs import MEGABYTE, read_in_child

ROWS = [1, None, 3]
UNION = pa.UnionArray.from_dense(pa.array([0, 1, 0], pa.int8()), pa.array([0, 0, 1], pa.int32()), [pa.array([5, None]), pa.array(["x"])])
SPARSE = pa.UnionArray.from_sparse(pa.array([0, 1, 0], pa.int8()), [pa.array([5, None, 6]), pa.array(["x", "y", None])])
WORDS = pa.array(["a", None, "b"]).dictionary_encode()
EVERY_TYPE = pa.table(
    {
        "flag": pa.array([True, None, False]),
        **{str(t): pa.array(ROWS, t) for t in (pa.int8(), pa.uint64(), pa.float32(), pa.float64(), pa.date32(), pa.time64("ns"))},
        "half": pa.array([1.5, None, 2.5], pa.float16()),
        "dec": pa.array([Decimal("1.5"), None, None], pa.decimal256(60, 10)),
        "at": pa.array([dt.datetime(2024, 1, 1), None, None], pa.timestamp("us", "UTC")),  # noqa: DTZ001 - taken as UTC
        "span": pa.array([pa.MonthDayNano([1, 2, 3]), None, None]),
        "text": pa.array(["a", None, "bc"]),
        "large": pa.array(["a", None, "bc"], pa.large_string()),
        "view": pa.array(["a", None, "longer than twelve bytes"], pa.string_view()),
        "views": pa.array([["longer than twelve bytes"], None, []], pa.list_(pa.binary_view())),
        "raw": pa.array([b"a", None, b"bc"], pa.large_binary()),
        "fixed": pa.array([b"abcd", None, b"efgh"], pa.binary(4)),
        "void": pa.nulls(3),
        "list": pa.array([[1, None], None, []]),
        "pair": pa.array([[1, None], None, [1, 2]], pa.list_(pa.int16(), 2)),
        "list_view": pa.array([[1, None], None, []], pa.list_view(pa.int8())),
        "large_list_view": pa.array([["x", None], None, []], pa.large_list_view(pa.string())),
        "map": pa.array([[("k", 1.5)], None, []], pa.map_(pa.string(), pa.float64())),
        "struct": pa.array([{"a": [1], "b": {"c": "x"}}, None, {"a": None, "b": None}]),
        "uuid": pa.array([b"0" * 16, None, b"1" * 16], pa.uuid()),
        "union": UNION,
        "sparse": SPARSE,
        "words": WORDS,
        "nested_words": pa.StructArray.from_arrays([WORDS], ["w"]),
        "runs": pa.RunEndEncodedArray.from_arrays(pa.array([2, 3], pa.int32()), pa.array(["x", None])),
        "last": pa.array(ROWS),
    }
)
UNKNOWN_NULLS = {"union", "sparse", "runs"}


def arrow(table: pa.Table, *, stream: bool = False, chunk: int | None = None, codec: str | None = None) -> bytes:
    sink, options = io.BytesIO(), pa.ipc.IpcWriteOptions(compression=codec, unify_dictionaries=not stream)
    with (pa.ipc.new_stream if stream else pa.ipc.new_file)(sink, table.schema, options=options) as writer:
        writer.write_table(table, max_chunksize=chunk)
    return sink.getvalue()


def measure(data: bytes) -> tuple[FileSchema, Receipt]:
    file, receipt = open_bytes(data)
    return file_formats()["arrow_ipc"].read_schema(file, None, ReadLimits()), receipt


def noise(rows: int) -> pa.Table:
    random = np.random.default_rng(1)
    return pa.table({"id": np.arange(rows), "noise": random.random(rows), "part": random.integers(0, 99, rows, dtype="i1")})


def size_as_read(column: pa.Array) -> int:
    """The bytes of the buffers that Arrow's own reader gives an array."""
    words = column.field(0) if pa.types.is_struct(column.type) else column
    dictionary = words.dictionary.buffers() if isinstance(words, pa.DictionaryArray) else []
    inside = [column.run_ends, column.values] if isinstance(column, pa.RunEndEncodedArray) else []
    own = column.storage.buffers() if isinstance(column, pa.ExtensionArray) else column.buffers()
    buffers = [*(own if not inside else []), *dictionary, *(buffer for array in inside for buffer in array.buffers())]
    return sum(buffer.size for buffer in buffers if buffer is not None)


def holds(schema: FileSchema, rows: int) -> bool:
    assert schema.row_estimate is not None
    return schema.row_estimate.low <= rows <= schema.row_estimate.high


@pytest.mark.parametrize("stream", [False, True])
def test_every_type_has_its_nulls_and_size(stream: bool) -> None:
    data = arrow(EVERY_TYPE, stream=stream)
    schema = read("arrow_ipc", data)
    own = pa.ipc.open_stream(data).read_next_batch() if stream else pa.ipc.open_file(data).get_batch(0)
    assert schema.row_count == 3
    for name, column in zip(own.schema.names, own.columns, strict=True):
        nulls = None if name in UNKNOWN_NULLS else column.null_count
        assert schema.figures[name] == ColumnFigures(null_count=nulls, size_bytes=size_as_read(column)), name


@pytest.mark.parametrize("stream", [False, True])
def test_batches_are_added_up(stream: bool) -> None:
    table = pa.concat_tables([EVERY_TYPE.drop_columns(["words", "nested_words"])] * 10)
    schema = read("arrow_ipc", arrow(table, stream=stream))
    assert (schema.row_count, schema.figures["last"]) == (30, ColumnFigures(null_count=10, size_bytes=10 * EVERY_TYPE["last"].nbytes))


@pytest.mark.parametrize("codec", ["lz4", "zstd"])
def test_sizes_are_those_in_the_file(codec: str) -> None:
    table = pa.table({"zeros": np.zeros(100_000), "noise": np.random.default_rng(1).random(100_000)})
    data = arrow(table, codec=codec)
    figures = read("arrow_ipc", data).figures
    assert figures["zeros"].size_bytes is not None
    assert figures["noise"].size_bytes is not None
    assert figures["zeros"].size_bytes < 10_000 < 700_000 < figures["noise"].size_bytes < len(data)


def test_feather_of_pandas_is_counted() -> None:
    sink = io.BytesIO()
    pa.feather.write_feather(pa.table({"id": [1, None, 3]}).to_pandas(), sink, chunksize=1)
    schema = read("arrow_ipc", sink.getvalue())
    assert (schema.row_count, schema.figures["id"].null_count) == (3, 1)


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("batches", [1, 2, 9])
def test_large_data_of_few_batches_is_counted_by_small_requests(stream: bool, batches: int) -> None:
    schema, receipt = measure(arrow(noise(900_000), stream=stream, chunk=900_000 // batches))
    assert (schema.row_count, schema.row_estimate) == (900_000, None)
    assert {name: own.null_count for name, own in schema.figures.items()} == {"id": 0, "noise": 0, "part": 0}
    assert schema.figures["id"].size_bytes == 8 * 900_000
    assert receipt.get_requests <= batches + 3
    assert receipt.bytes_read < 140_000


@pytest.mark.parametrize("codec", [None, "zstd"])
@pytest.mark.parametrize("chunk", [1_000, 7_000])
def test_the_rows_of_many_batches_lie_in_the_estimate(codec: str | None, chunk: int) -> None:
    schema, receipt = measure(arrow(noise(700_123), chunk=chunk, codec=codec))
    assert schema.row_estimate is not None
    assert (schema.row_count, schema.figures, abs(schema.row_estimate.rows - 700_123) <= chunk) == (None, {}, True)
    assert holds(schema, 700_123)
    assert (receipt.get_requests <= 8, receipt.bytes_read < 140_000) == (True, True)


def test_the_rows_of_batches_of_many_lengths_lie_in_the_estimate() -> None:
    table = noise(500_000)
    random = np.random.default_rng(3)
    cuts = np.sort(random.choice(500_000, 150, replace=False)).tolist()
    pieces = [table.slice(a, b - a) for a, b in zip([0, *cuts], [*cuts, 500_000], strict=True)]
    schema, _ = measure(arrow(pa.concat_tables(pieces)))
    assert holds(schema, 500_000)


def test_the_rows_of_a_long_stream_lie_in_the_estimate() -> None:
    schema, receipt = measure(arrow(noise(600_000), stream=True, chunk=1_000))
    assert (schema.row_count, receipt.get_requests) == (None, 2)  # the end, where a file's footer would be, and the start
    assert holds(schema, 600_000)


def test_neighbouring_batches_are_read_together() -> None:
    schema, receipt = measure(arrow(noise(20_000), chunk=50))
    assert schema.row_count == 20_000
    assert receipt.get_requests <= 3


def test_a_dictionary_counts_to_its_column_and_its_nulls_are_no_guess() -> None:
    plain = pa.array(["a", None, "b"]).dictionary_encode()
    hidden = pa.DictionaryArray.from_arrays(pa.array([0, 1, None], pa.int8()), pa.array(["a", None]))
    figures = read("arrow_ipc", arrow(pa.table({"plain": plain, "hidden": hidden}))).figures
    assert (figures["plain"].null_count, figures["hidden"].null_count) == (1, None)
    assert figures["plain"].size_bytes == size_as_read(plain)


def test_dictionaries_that_grow_in_a_stream_are_all_counted() -> None:
    sink = io.BytesIO()
    first, second = pa.array(["a", "b"]).dictionary_encode(), pa.array(["a", "b", "c"]).dictionary_encode()
    schema = pa.schema([("word", first.type)])
    with pa.ipc.new_stream(sink, schema, options=pa.ipc.IpcWriteOptions(emit_dictionary_deltas=True)) as writer:
        for words in (first, second):
            writer.write_batch(pa.record_batch([words], schema=schema))
    found = read("arrow_ipc", sink.getvalue())
    assert (found.row_count, found.figures["word"].null_count) == (5, 0)


def test_a_schema_longer_than_the_head_is_read() -> None:
    table = pa.table({f"a_long_column_name_{i:05}": [1] for i in range(2_000)})
    schema, receipt = measure(arrow(table, stream=True))
    assert (len(schema.columns), schema.row_count) == (2_000, 1)
    assert receipt.get_requests <= 3


def test_a_name_that_stands_twice_has_no_figures() -> None:
    table = pa.table([pa.array([1]), pa.array([2]), pa.array([3])], names=["a", "b", "a"])
    assert read("arrow_ipc", arrow(table)).figures.keys() == {"b"}


def test_an_empty_file_has_no_rows() -> None:
    for stream in (False, True):
        schema = read("arrow_ipc", arrow(noise(0), stream=stream))
        assert (schema.row_count, schema.figures["id"]) == (0, ColumnFigures(null_count=0, size_bytes=0))


def test_a_small_stream_that_is_cut_is_refused() -> None:
    data = arrow(noise(1_000), stream=True)
    for end in range(100, len(data) - 8, 997):
        with pytest.raises(UnreadableFileError):
            read("arrow_ipc", data[:end])


def test_a_large_stream_that_is_cut_says_so() -> None:
    schema = read("arrow_ipc", arrow(noise(900_000), stream=True, chunk=300_000)[:-1000])
    assert schema.row_count is None
    assert any("corrupt or cut" in warning for warning in schema.warnings)


@pytest.mark.parametrize("offset", [-8, 10**6])
@pytest.mark.parametrize("rows", [1_000, 100_000])
def test_a_footer_that_lists_batches_outside_the_file_is_not_believed(offset: int, rows: int) -> None:
    data = bytearray(arrow(noise(rows)))
    block = data.rindex((rows * (8 + 8 + 1)).to_bytes(8, "little")) - 16
    data[block : block + 8] = offset.to_bytes(8, "little", signed=True)
    if rows == 1_000:
        with pytest.raises(UnreadableFileError, match=r"impossible message|outside the file"):
            read("arrow_ipc", bytes(data))
        return
    schema = read("arrow_ipc", bytes(data))
    assert (schema.row_count, schema.row_estimate, schema.figures) == (None, None, {})
    assert any("rows are not counted" in warning for warning in schema.warnings)


class Holes(io.RawIOBase):
    """A file in which long pieces are left out, so that it takes no room."""

    def __init__(self, path: Path) -> None:
        self._file = path.open("wb")

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        length = memoryview(data).nbytes
        if length > MEGABYTE:
            self._file.seek(length, io.SEEK_CUR)
        else:
            self._file.write(data)
        return length

    def tell(self) -> int:
        return self._file.tell()

    def close(self) -> None:
        self._file.close()
        super().close()


@pytest.mark.parametrize("stream", [False, True])
def test_five_gigabytes_cost_little(stream: bool, tmp_path: Path) -> None:
    batch = pa.record_batch({"id": np.zeros(4 * MEGABYTE, dtype="i8"), "noise": np.zeros(4 * MEGABYTE)})
    name = "data.arrows" if stream else "data.feather"
    with Holes(tmp_path / name) as sink, (pa.ipc.new_stream if stream else pa.ipc.new_file)(sink, batch.schema) as writer:
        for _ in range(80):
            writer.write_batch(batch)
    store = FolderStore(parse_location(str(tmp_path)))
    size = (tmp_path / name).stat().st_size
    schema = file_formats()["arrow_ipc"].read_schema(ObjectFile(store, name, size), None, ReadLimits())
    rows = 80 * 4 * MEGABYTE
    assert size > 5 * GIGABYTE
    assert schema.row_estimate is not None
    assert schema.row_estimate.rows == pytest.approx(rows, rel=0.01)
    assert holds(schema, rows)
    assert (store.receipt.get_requests <= 8, store.receipt.bytes_read < 140_000) == (True, True)
    assert read_in_child(str(tmp_path))[name]["peak"] < 300 * MEGABYTE


SMALL = {
    "file": arrow(EVERY_TYPE),
    "stream": arrow(EVERY_TYPE, stream=True),
    "batches": arrow(noise(100), chunk=10),
    "large": arrow(noise(100_000), chunk=2_000, codec="zstd"),
    "large stream": arrow(noise(100_000), chunk=30_000, stream=True),
}


@pytest.mark.parametrize("kind", SMALL)
@settings(max_examples=60)
@given(data=st.data())
def test_changed_files_are_read_or_refused(kind: str, data: st.DataObject) -> None:
    intact = SMALL[kind]
    near_an_end = st.integers(0, min(len(intact), 3000) - 1) | st.integers(max(0, len(intact) - 3000), len(intact) - 1)
    position = data.draw(near_an_end)
    harmed = intact[:position] + data.draw(st.binary(min_size=1, max_size=8)) + intact[position + 1 :]
    try:
        schema = read("arrow_ipc", harmed)
    except UnreadableFileError:
        return
    assert schema.row_count is None or schema.row_count >= 0
    for figures in schema.figures.values():
        assert figures.null_count is None or 0 <= figures.null_count <= (schema.row_count or 0)


def footer_of_shared_fields(depth: int) -> bytes:
    """The end of a file whose schema has a struct that holds the next one twice, and so on."""
    builder = flatbuffers.Builder()

    def table(*slots: tuple[int, str, int]) -> int:
        builder.StartObject(7)
        for slot, kind, value in slots:
            getattr(builder, f"Prepend{kind}Slot")(slot, value, 0)
        return int(builder.EndObject())

    def vector(*tables: int) -> int:
        builder.StartVector(4, len(tables), 4)
        for offset in reversed(tables):
            builder.PrependUOffsetTRelative(offset)
        return int(builder.EndVector())

    name, struct = builder.CreateString("a"), table()
    field = table((0, "UOffsetTRelative", name), (2, "Uint8", 13), (3, "UOffsetTRelative", struct), (5, "UOffsetTRelative", vector()))
    for _ in range(depth):
        inside = vector(field, field)
        field = table((0, "UOffsetTRelative", name), (2, "Uint8", 13), (3, "UOffsetTRelative", struct), (5, "UOffsetTRelative", inside))
    schema = table((1, "UOffsetTRelative", vector(field)))
    builder.Finish(table((0, "Int16", 4), (1, "UOffsetTRelative", schema)))
    footer = bytes(builder.Output())
    return b"ARROW1\0\0" + footer + len(footer).to_bytes(4, "little") + b"ARROW1"


def test_fields_that_unfold_without_end_are_refused() -> None:
    assert len(read("arrow_ipc", footer_of_shared_fields(2)).columns) == 1
    with pytest.raises(UnreadableFileError, match="too many fields"):
        read("arrow_ipc", footer_of_shared_fields(60))


def test_a_footer_that_lists_one_long_message_many_times_is_sampled() -> None:
    data = arrow(pa.table({f"c{i}": range(60) for i in range(500)}), chunk=1)
    length = int.from_bytes(data[-10:-6], "little")
    packed = bytes(read_footer(data[-10 - length : -10]).batches.packed)
    schema = read("arrow_ipc", data.replace(packed, packed[:24] * 60))
    assert (len(schema.columns), schema.row_count, schema.figures) == (500, None, {})
    assert holds(schema, 60)


@pytest.mark.filterwarnings("ignore:Feather V1")
def test_feather_version_1_is_read_from_its_footer() -> None:
    kept = {
        **{str(t): pa.array(ROWS, t) for t in (pa.int8(), pa.uint16(), pa.int32(), pa.uint64(), pa.float32(), pa.float64(), pa.date32())},
        **{str(t): pa.array(ROWS, t) for t in (pa.time32("s"), pa.time32("ms"), pa.timestamp("ns"), pa.timestamp("us", "Europe/Berlin"))},
        **{str(t): pa.array(["a", None, "b"], t) for t in (pa.string(), pa.large_string(), pa.binary(), pa.large_binary())},
        "flag": [True, None, False],
        "words": WORDS,
        "ordered": pa.DictionaryArray.from_arrays(pa.array([0, 1, None], pa.int8()), pa.array(["a", "b"]), ordered=True),
    }
    sink = io.BytesIO()
    pa.feather.write_feather(pa.table(kept), sink, version=1)
    schema = read("arrow_ipc", sink.getvalue())
    own = pa.feather.read_table(io.BytesIO(sink.getvalue()))
    assert [(c.name, c.type) for c in schema.columns] == [(f.name, f.type) for f in own.schema]
    assert (schema.row_count, {own.null_count for own in schema.figures.values()}) == (3, {1})
    sizes = sum(figures.size_bytes or 0 for figures in schema.figures.values())
    assert 0.8 * len(sink.getvalue()) < sizes + 1_900 < 1.2 * len(sink.getvalue())


@pytest.mark.filterwarnings("ignore:Feather V1")
def test_large_feather_version_1_costs_one_get() -> None:
    sink = io.BytesIO()
    pa.feather.write_feather(noise(200_000), sink, version=1)
    schema, receipt = measure(sink.getvalue())
    assert (schema.row_count, schema.figures["id"].size_bytes) == (200_000, 1_600_000)
    assert (receipt.get_requests, receipt.bytes_read) == (1, 65536)


@pytest.mark.filterwarnings("ignore:Feather V1")
@settings(max_examples=200)
@given(st.data())
def test_changed_feather_version_1_is_read_or_refused(data: st.DataObject) -> None:
    sink = io.BytesIO()
    pa.feather.write_feather(pa.table({"id": ROWS, "words": WORDS, "at": pa.array(ROWS, pa.timestamp("us", "UTC"))}), sink, version=1)
    intact = sink.getvalue()
    position = data.draw(st.integers(0, len(intact) - 1))
    try:
        read("arrow_ipc", intact[:position] + data.draw(st.binary(max_size=4)) + intact[position + 1 :])
    except UnreadableFileError:
        return
