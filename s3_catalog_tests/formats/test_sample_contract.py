"""What rows of every format promise, checked on each of them: names, costs, and hostile bytes."""

from __future__ import annotations

import gzip
import json
import time
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from s3_catalog.errors import ObjectChangedError, UnreadableFileError
from s3_catalog.formats import MemberFormat, ReadLimits, SampleFormat, file_formats
from s3_catalog.formats._compression import split_compression
from s3_catalog.storage.files import ObjectFile
from s3_catalog.storage.receipt import Receipt
from s3_catalog_tests.contracts.test_file_formats import IDS, NAMES, SAMPLES, ChangedStore
from s3_catalog_tests.formats import test_hostile_members
from s3_catalog_tests.formats.hostile import cases
from s3_catalog_tests.formats.readers import LIMITS
from s3_catalog_tests.formats.samples import sample_members
from s3_catalog_tests.formats.stores import open_bytes

SECRET = "Jane-Roe-4711"
OWN = ["csv", "excel", "hdf5", "json", "jsonl", "pickle", "tar", "text", "tsv", "xml", "zip"]
TYPED = frozenset({"excel", "hdf5", "json", "jsonl", "pickle"})
HARD = settings(max_examples=30, suppress_health_check=[HealthCheck.too_slow])


def rows_or_refusal(file_format: str, data: bytes, compression: str | None = None, limits: ReadLimits = LIMITS) -> dict[str, Any] | None:
    """Rows by member; None when the file is refused as unreadable. Any other exception is the test's failure."""
    try:
        found = sample_members(file_format, data, compression, rows=50, limits=limits)
    except UnreadableFileError as error:
        if SECRET in str(error):
            raise AssertionError("a value is in a message") from error
        return None
    json.dumps(found, default=str, ensure_ascii=False).encode()
    return dict(found)


def schema_names(file_format: str, data: bytes, limits: ReadLimits = LIMITS) -> dict[str, list[str]] | None:
    """The columns of a file's schema by member; None when the file is refused."""
    reader = file_formats()[file_format]
    try:
        if isinstance(reader, MemberFormat):
            found = reader.read_members(open_bytes(data)[0], None, limits)
        else:
            found = {"": reader.read_schema(open_bytes(data)[0], None, limits)}
    except UnreadableFileError:
        return None
    return {name: [column.name for column in schema.columns] for name, schema in found.items()}


@pytest.mark.parametrize("name", OWN)
def test_every_format_gives_rows(name: str) -> None:
    assert isinstance(file_formats()[name], SampleFormat)
    (rows,) = sample_members(name, SAMPLES[name]).values()
    if name == "text":
        assert list(rows) == [{"line": text} for text in NAMES]
    else:
        assert list(rows) == [{"id": i if name in TYPED else str(i), "name": text} for i, text in zip(IDS, NAMES, strict=True)]


@pytest.mark.parametrize("name", OWN)
def test_a_small_file_costs_one_get(name: str) -> None:
    costs: list[Receipt] = []
    sample_members(name, SAMPLES[name], costs=costs)
    assert (costs[0].get_requests, costs[0].bytes_read) == (1, len(SAMPLES[name]))


@pytest.mark.parametrize("name", OWN)
def test_members_and_columns_have_the_names_of_the_schema(name: str) -> None:
    names = schema_names(name, SAMPLES[name])
    assert names is not None
    found = sample_members(name, SAMPLES[name])
    assert {member: list(rows[0]) for member, rows in found.items()} == names


@pytest.mark.parametrize("name", OWN)
def test_no_more_rows_are_given_than_were_asked_for(name: str) -> None:
    assert [len(rows) for rows in sample_members(name, SAMPLES[name], rows=3).values()] == [3]
    assert not any(sample_members(name, SAMPLES[name], rows=0).values())


@pytest.mark.parametrize("name", OWN)
def test_a_gzipped_file_gives_the_rows_of_the_plain_one(name: str) -> None:
    assert sample_members(name, gzip.compress(SAMPLES[name]), "gzip") == sample_members(name, SAMPLES[name])


@pytest.mark.parametrize("name", OWN)
def test_no_more_is_read_than_a_sample_may_cost(name: str) -> None:
    costs: list[Receipt] = []
    for allowed in (1, 100, len(SAMPLES[name]) - 1):
        file, receipt = open_bytes(SAMPLES[name])
        reader = file_formats()[name]
        assert isinstance(reader, SampleFormat)
        try:
            reader.read_sample(file, None, ReadLimits(max_sample_bytes=allowed), 10)
        except UnreadableFileError:
            costs.append(receipt)
        assert receipt.bytes_read <= allowed


@pytest.mark.parametrize("name", OWN)
def test_an_empty_file_is_refused(name: str) -> None:
    with pytest.raises(UnreadableFileError, match="0 bytes"):
        sample_members(name, b"")


@pytest.mark.parametrize("name", OWN)
def test_a_truncated_file_gives_rows_or_is_refused(name: str) -> None:
    data = SAMPLES[name]
    for end in range(1, len(data), max(1, len(data) // 60)):
        rows_or_refusal(name, data[:end])


@pytest.mark.parametrize("name", ["csv", "tsv", "json", "jsonl", "text", "xml", "tar", "zip"])
def test_any_head_gives_columns_of_the_schema_or_is_refused(name: str) -> None:
    data = SAMPLES[name]
    for size in range(16, len(data), max(1, len(data) // 60)):
        limits = ReadLimits(head_bytes=size, tail_bytes=size)
        rows, names = rows_or_refusal(name, data, limits=limits), schema_names(name, data, limits)
        if rows is not None and names is not None:
            assert all(set(row) <= set(names[member]) for member, found in rows.items() for row in found)


@pytest.mark.parametrize("name", OWN)
@HARD
@given(data=st.binary(min_size=1, max_size=600), compression=st.sampled_from([None, "gzip", "snappy"]))
def test_random_bytes_give_rows_or_are_refused(name: str, data: bytes, compression: str | None) -> None:
    rows_or_refusal(name, data, compression)


DAMAGED = {name: (name, SAMPLES[name]) for name in OWN} | test_hostile_members.SAMPLES


@pytest.mark.parametrize("name", sorted(DAMAGED))
@HARD
@given(data=st.data())
def test_damaged_files_give_rows_or_are_refused(name: str, data: st.DataObject) -> None:
    file_format, whole = DAMAGED[name]
    damaged = bytearray(whole)
    for position in data.draw(st.lists(st.integers(0, len(damaged) - 1), min_size=1, max_size=6)):
        damaged[position] = data.draw(st.integers(0, 255))
    rows = rows_or_refusal(file_format, bytes(damaged))
    names = schema_names(file_format, bytes(damaged))
    if rows is not None and names is not None:
        assert all(set(row) <= set(names[member]) for member, found in rows.items() for row in found)


@pytest.mark.parametrize("name", ["csv", "tsv", "json", "jsonl", "text"])
@HARD
@given(text=st.text(alphabet=st.sampled_from("ab01,;\t|\"'\\\n\r {}[]:-.#eé€\x00\ufeff"), min_size=1, max_size=120))
def test_any_text_gives_columns_of_the_schema_or_is_refused(name: str, text: str) -> None:
    rows, names = rows_or_refusal(name, text.encode()), schema_names(name, text.encode())
    assert (rows is None) == (names is None)
    for row in (rows or {}).get("", ()):
        assert names is not None
        assert set(row) <= set(names[""])


@pytest.mark.parametrize("name", OWN)
def test_a_stores_error_comes_through_as_it_is(name: str) -> None:
    reader = file_formats()[name]
    assert isinstance(reader, SampleFormat)
    with pytest.raises(ObjectChangedError):
        reader.read_sample(ObjectFile(ChangedStore({}), "key", 1000, "etag"), None, LIMITS, 10)


def test_bombs_give_few_values_and_cost_what_a_sample_may() -> None:
    formats = {"csv": "csv", "json": "json", "jsonl": "jsonl", "xml": "xml", "log": "text", "zip": "zip", "tar": "tar"}
    tried = 0
    for key, open_store in cases().items():
        name, compression = split_compression(key)
        file_format = formats.get(name.rpartition(".")[2])
        if file_format is None or key.startswith("noise"):
            continue
        store, reader = open_store(), file_formats()[file_format]
        assert isinstance(reader, SampleFormat)
        started = time.monotonic()
        try:
            found = reader.read_sample(ObjectFile(store, key, store.size), compression, LIMITS, 100)
        except UnreadableFileError:
            found = {}
        assert time.monotonic() - started < 20, key
        assert store.receipt.bytes_read <= LIMITS.max_sample_bytes, key
        assert len(json.dumps(found, default=str)) < 32 * 1024 * 1024, key
        tried += 1
    assert tried >= 18
