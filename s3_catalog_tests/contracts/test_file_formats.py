"""What every file format promises, checked on each of them."""

from __future__ import annotations

import gzip
import io
import pickle
import tarfile
import threading
import zipfile
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import fastavro
import h5py
import openpyxl
import pyarrow as pa
import pyarrow.ipc
import pyarrow.orc
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from s3_catalog.errors import ObjectChangedError, UnreadableFileError
from s3_catalog.formats import FileSchema, ReadLimits, file_formats, formats_by_suffix
from s3_catalog.formats._compression import COMPRESSIONS
from s3_catalog.formats._detect import detect_format
from s3_catalog.model.types import type_text
from s3_catalog.storage.files import ObjectFile
from s3_catalog_tests.formats.stores import CountingStore, open_bytes

FORMATS = sorted(file_formats())
IDS = list(range(40))
NAMES = [f"name {i}" for i in IDS]
TABLE = pa.table({"id": IDS, "name": NAMES})
ORDINARY = ReadLimits()


def _ipc() -> bytes:
    sink = io.BytesIO()
    with pa.ipc.new_file(sink, TABLE.schema) as writer:
        writer.write_table(TABLE)
    return sink.getvalue()


def _parquet() -> bytes:
    sink = io.BytesIO()
    pq.write_table(TABLE, sink)
    return sink.getvalue()


def _orc() -> bytes:
    sink = io.BytesIO()
    pa.orc.write_table(TABLE, sink)
    return sink.getvalue()


def _avro() -> bytes:
    sink = io.BytesIO()
    fields = [{"name": "id", "type": "long"}, {"name": "name", "type": "string"}]
    fastavro.writer(sink, {"type": "record", "name": "row", "fields": fields}, TABLE.to_pylist())
    return sink.getvalue()


def _excel() -> bytes:
    sink = io.BytesIO()
    workbook = openpyxl.Workbook()
    for row in (TABLE.column_names, *zip(IDS, NAMES, strict=True)):
        workbook.active.append(row)
    workbook.save(sink)
    return sink.getvalue()


def _hdf5() -> bytes:
    sink = io.BytesIO()
    with h5py.File(sink, "w") as tree:
        tree["rows/id"], tree["rows/name"] = IDS, NAMES
    return sink.getvalue()


def _delimited(mark: str) -> bytes:
    return "".join([f"id{mark}name\n", *(f"{i}{mark}{name}\n" for i, name in zip(IDS, NAMES, strict=True))]).encode()


def _objects(separator: str) -> str:
    return separator.join(f'{{"id": {i}, "name": "{name}"}}' for i, name in zip(IDS, NAMES, strict=True))


def _xml() -> bytes:
    rows = (f"<row><id>{i}</id><name>{name}</name></row>" for i, name in zip(IDS, NAMES, strict=True))
    return f"<rows>{''.join(rows)}</rows>".encode()


def _zip() -> bytes:
    sink = io.BytesIO()
    with zipfile.ZipFile(sink, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("folder/data.csv", _delimited(","))
    return sink.getvalue()


def _tar() -> bytes:
    sink = io.BytesIO()
    with tarfile.open(fileobj=sink, mode="w") as archive:
        info = tarfile.TarInfo("folder/data.csv")
        info.size = len(_delimited(","))
        archive.addfile(info, io.BytesIO(_delimited(",")))
    return sink.getvalue()


WRITERS: dict[str, Callable[[], bytes]] = {
    "arrow_ipc": _ipc,
    "avro": _avro,
    "csv": lambda: _delimited(","),
    "excel": _excel,
    "hdf5": _hdf5,
    "json": f"[{_objects(', ')}]".encode,
    "jsonl": lambda: _objects("\n").encode(),
    "orc": _orc,
    "parquet": _parquet,
    "pickle": lambda: pickle.dumps(TABLE.to_pylist()),
    "tar": _tar,
    "text": lambda: "\n".join(NAMES).encode(),
    "tsv": lambda: _delimited("\t"),
    "xml": _xml,
    "zip": _zip,
}
SAMPLES = {name: write() for name, write in WRITERS.items()}


def read_or_refuse(name: str, data: bytes, compression: str | None = None, limits: ReadLimits = ORDINARY) -> FileSchema | None:
    """Read a file; None when it is refused as unreadable. Any other exception is the test's failure."""
    file, _ = open_bytes(data)
    try:
        return file_formats()[name].read_schema(file, compression, limits)
    except UnreadableFileError:
        return None


def refusal(name: str, data: bytes) -> str:
    """The message with which a file is refused; "" when it is read."""
    try:
        file_formats()[name].read_schema(open_bytes(data)[0], None, ORDINARY)
    except UnreadableFileError as error:
        return str(error)
    return ""


def test_every_format_has_a_sample_here() -> None:
    assert sorted(WRITERS) == FORMATS


@pytest.mark.parametrize("name", FORMATS)
def test_suffixes_are_lower_case_and_belong_to_one_format(name: str) -> None:
    file_format = file_formats()[name]
    assert file_format.name == name
    for suffix in file_format.suffixes:
        assert suffix == suffix.lower()
        assert suffix.startswith(".")
        assert formats_by_suffix()[suffix] == name
        assert suffix not in {ending for endings in COMPRESSIONS.values() for ending in endings}


@pytest.mark.parametrize("name", FORMATS)
def test_a_small_file_costs_one_get_and_gives_columns_and_rows(name: str) -> None:
    file, receipt = open_bytes(SAMPLES[name])
    schema = file_formats()[name].read_schema(file, None, ORDINARY)
    expected = {"line": "string"} if name == "text" else {"id": "bigint", "name": "string"}
    assert {column.name: type_text(column.type) for column in schema.columns} == expected
    assert (schema.row_count, schema.warnings, schema.conflicts, schema.format) == (40, (), (), None)
    assert receipt.get_requests == 1


@pytest.mark.parametrize("name", FORMATS)
def test_a_file_is_detected_as_its_own_format_or_none(name: str) -> None:
    detected = detect_format(SAMPLES[name])
    assert detected == (None if name == "text" else (name, None))


@pytest.mark.parametrize("name", [name for name in FORMATS if name != "text"])
def test_a_gzipped_file_is_detected(name: str) -> None:
    assert detect_format(gzip.compress(SAMPLES[name])) == (name, "gzip")


@pytest.mark.parametrize("name", FORMATS)
def test_a_gzipped_file_reads_like_the_plain_one(name: str) -> None:
    plain, packed = read_or_refuse(name, SAMPLES[name]), read_or_refuse(name, gzip.compress(SAMPLES[name]), "gzip")
    assert plain is not None
    assert packed is not None
    assert (plain.columns, plain.row_count) == (packed.columns, packed.row_count)


@pytest.mark.parametrize("name", FORMATS)
def test_an_empty_file_is_refused(name: str) -> None:
    with pytest.raises(UnreadableFileError, match="0 bytes"):
        file_formats()[name].read_schema(open_bytes(b"")[0], None, ORDINARY)


@pytest.mark.parametrize("name", FORMATS)
def test_the_same_file_gives_the_same_answer_from_many_threads(name: str) -> None:
    barrier = threading.Barrier(8)

    def read(_: int) -> FileSchema | None:
        barrier.wait()
        return read_or_refuse(name, SAMPLES[name])

    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(read, range(8)))
    assert all(answer == answers[0] for answer in answers)


@pytest.mark.parametrize("name", FORMATS)
def test_a_truncated_file_is_read_or_refused(name: str) -> None:
    data = SAMPLES[name]
    for end in range(1, len(data), max(1, len(data) // 200)):
        read_or_refuse(name, data[:end])


@pytest.mark.parametrize("name", FORMATS)
def test_any_head_is_read_or_refused(name: str) -> None:
    data = SAMPLES[name]
    for size in range(16, len(data), max(1, len(data) // 50)):
        read_or_refuse(name, data, limits=ReadLimits(head_bytes=size, tail_bytes=size))


@pytest.mark.parametrize("name", FORMATS)
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(data=st.binary(min_size=1, max_size=600), compression=st.sampled_from([None, *COMPRESSIONS]))
def test_random_bytes_are_read_or_refused(name: str, data: bytes, compression: str | None) -> None:
    read_or_refuse(name, data, compression)
    detect_format(data)


@pytest.mark.parametrize("name", FORMATS)
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(data=st.data())
def test_damaged_files_are_read_or_refused(name: str, data: st.DataObject) -> None:
    damaged = bytearray(SAMPLES[name])
    for position in data.draw(st.lists(st.integers(0, len(damaged) - 1), min_size=1, max_size=6)):
        damaged[position] = data.draw(st.integers(0, 255))
    read_or_refuse(name, bytes(damaged))


@pytest.mark.parametrize("name", ["csv", "tsv", "json", "jsonl", "text"])
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(text=st.text(alphabet=st.sampled_from("ab01,;\t|\"'\\\n\r {}[]:-.#eé€\x00\ufeff"), min_size=1, max_size=120))
def test_any_text_is_read_or_refused(name: str, text: str) -> None:
    schema = read_or_refuse(name, text.encode())
    if schema is not None:
        names = [column.name for column in schema.columns]
        assert len(set(names)) == len(names)


@pytest.mark.parametrize("name", FORMATS)
def test_no_message_holds_a_value(name: str) -> None:
    secret = b"Jane-Roe-4711"
    for data in (secret * 50 + bytes(50), bytes(50) + secret * 50, b'{"a": "' + secret, b"\x1f\x8b\x08" + secret, b"<x>" + secret):
        assert secret.decode() not in refusal(name, data)


class ChangedStore(CountingStore):
    """A store whose object was replaced after it was listed."""

    def read_range(self, key: str, start: int, length: int, *, etag: str | None = None) -> bytes:
        raise ObjectChangedError(key, "the object has changed since it was listed")


@pytest.mark.parametrize("name", FORMATS)
def test_a_stores_error_comes_through_as_it_is(name: str) -> None:
    with pytest.raises(ObjectChangedError):
        file_formats()[name].read_schema(ObjectFile(ChangedStore({}), "key", 1000, "etag"), None, ORDINARY)
