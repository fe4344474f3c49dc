"""The rows of text that is not read whole: how far the likely number may be off, and that the truth lies in the range."""

from __future__ import annotations

import bz2
import gzip
import lzma
import random
from collections.abc import Callable
from dataclasses import replace

import pytest
import zstandard

from s3_catalog.formats import ReadLimits, file_formats
from s3_catalog.formats._row_estimate import Stretch, estimate_rows
from s3_catalog.storage.files import ObjectFile
from s3_catalog_tests.formats.readers import LIMITS, read
from s3_catalog_tests.formats.stores import CountingStore, open_bytes

ROWS = 40_000
MEGABYTE = 1024 * 1024


def number(random_: random.Random) -> int:
    return random_.randint(10**6, 10**7 - 1)


def even(r: random.Random) -> list[str]:
    return [f"{number(r)},{r.random():.6f},abc" for _ in range(ROWS)]


def counting(r: random.Random) -> list[str]:
    return [f"{i},name{i},{i * 7}" for i in range(ROWS)]


def longer(r: random.Random) -> list[str]:
    return [f"{number(r)},{'x' * (5 + i * 60 // ROWS)},1" for i in range(ROWS)]


def shorter(r: random.Random) -> list[str]:
    return longer(r)[::-1]


def uneven(r: random.Random) -> list[str]:
    return [f"{number(r)},{'x' * min(5000, int(r.paretovariate(1.5) * 5))},1" for _ in range(ROWS)]


def prose(r: random.Random) -> list[str]:
    words = ["lorem", "ipsum", "dolor", "sit", "amet", "consectetur"]
    return [f"{i},{' '.join(r.choices(words, k=r.randint(1, 30)))},1" for i in range(ROWS // 2)]


def over_lines(r: random.Random) -> list[str]:
    return [f'{number(r)},"a line\nand {r.random():.5f}",1' for _ in range(ROWS)]


def in_waves(r: random.Random) -> list[str]:
    return [f"{number(r)},{'x' * (50 if i // 100 % 2 else 10)},1" for i in range(ROWS)]


SHAPES: dict[str, Callable[[random.Random], list[str]]] = {
    f.__name__: f for f in (even, counting, longer, shorter, uneven, prose, over_lines, in_waves)
}
ENCODINGS: dict[str, Callable[[str], bytes]] = {
    "lf": str.encode,
    "crlf": lambda text: text.replace("\n", "\r\n").encode(),
    "utf-16": lambda text: text.encode("utf-16"),
}
CODECS: dict[str, Callable[[bytes], bytes]] = {
    "gzip": lambda data: gzip.compress(data, 6),
    "zstd": zstandard.compress,
    "bz2": lambda data: bz2.compress(data, 1),
    "xz": lambda data: lzma.compress(data, preset=0),
}


def rows_of(shape: str) -> tuple[str, int]:
    rows = SHAPES[shape](random.Random(7))
    return "a,b,c\n" + "\n".join(rows) + "\n", len(rows)


def check(schema_of: bytes, truth: int, off: float, *, compression: str | None = None, tail: bool = False) -> None:
    schema = read("csv", schema_of, compression, limits=replace(LIMITS, tail_of_text=tail))
    estimate = schema.row_estimate
    assert schema.row_count is None
    assert estimate is not None
    assert estimate.low <= truth <= estimate.high, f"{truth} is not in {estimate}"
    assert abs(estimate.rows / truth - 1) <= off, f"{truth} is not near {estimate}"


@pytest.mark.parametrize("encoding", ENCODINGS)
@pytest.mark.parametrize("shape", SHAPES)
def test_with_the_end_the_truth_is_within_a_twentieth_and_in_the_range(shape: str, encoding: str) -> None:
    text, truth = rows_of(shape)
    check(ENCODINGS[encoding](text), truth, 0.08 if encoding == "utf-16" else 0.05, tail=True)


@pytest.mark.parametrize("encoding", ENCODINGS)
@pytest.mark.parametrize("shape", sorted(SHAPES.keys() - {"longer", "shorter"}))
def test_without_the_end_the_truth_is_within_a_tenth_and_in_the_range(shape: str, encoding: str) -> None:
    text, truth = rows_of(shape)
    check(ENCODINGS[encoding](text), truth, 0.1)


@pytest.mark.parametrize("codec", CODECS)
@pytest.mark.parametrize("shape", SHAPES)
def test_of_compressed_rows_the_truth_is_within_a_sixth_and_in_the_range(shape: str, codec: str) -> None:
    text, truth = rows_of(shape)
    data = CODECS[codec](text.encode())
    schema = read("csv", data, codec)
    if schema.row_count is None:
        check(data, truth, 1 / 6, compression=codec)
    else:
        assert schema.row_count == truth


@pytest.mark.parametrize(("shape", "off"), [("longer", 2.0), ("shorter", 0.5)])
def test_rows_that_change_on_the_way_cannot_be_known_without_the_end(shape: str, off: float) -> None:
    """The head alone tells nothing of a drift in the middle: the count may be off by a factor of three."""
    text, truth = rows_of(shape)
    estimate = read("csv", text).row_estimate
    assert estimate is not None
    assert abs(estimate.rows / truth - 1) <= off


def test_the_fewer_rows_are_seen_the_wider_is_the_range() -> None:
    ranges = []
    for seen in (1, 4, 100, 10_000):
        estimate = estimate_rows(Stretch(range(0, seen * 100 + 1, 100)), 100_000_000)
        assert estimate is not None
        assert estimate.rows == 1_000_000
        ranges.append(estimate.high - estimate.low)
    assert ranges == sorted(ranges, reverse=True)
    assert ranges[0] > 1_000_000


def test_no_whole_row_gives_no_estimate() -> None:
    assert estimate_rows(Stretch([0]), 1000) is None
    assert read("csv", "a,b\n1," + "x" * 60_000, limits=replace(LIMITS, head_bytes=1000)).row_estimate is None


def test_rows_seen_are_the_least() -> None:
    estimate = estimate_rows(Stretch([0, 10, 20]), 25, Stretch([20, 25]))
    assert estimate is not None
    assert (estimate.low, estimate.rows, estimate.high) == (3, 3, 3)


@pytest.mark.parametrize("tail", [False, True])
def test_a_file_read_whole_has_the_exact_count(tail: bool) -> None:
    schema = read("csv", "a,b\n" + "1,2\n" * 1000, limits=replace(LIMITS, tail_of_text=tail))
    assert (schema.row_count, schema.row_estimate) == (1000, None)


def test_where_head_and_tail_meet_the_file_is_read_whole_at_once() -> None:
    file, receipt = open_bytes(b"id,name\n" + b"1,abc\n" * 20_000)
    schema = file_formats()["csv"].read_schema(file, None, ReadLimits(tail_of_text=True))
    assert (schema.row_count, receipt.get_requests, receipt.bytes_read) == (20_000, 1, file.size)


LOG_LINE = '127.0.0.1 - frank [10/Oct/2000:13:55:36 -0700] "GET /index.html HTTP/1.0" 200 {}\n'


@pytest.mark.parametrize("tail", [False, True])
def test_logs_and_lines_have_estimates(tail: bool) -> None:
    limits = replace(LIMITS, tail_of_text=tail)
    for text in ("".join(LOG_LINE.format(i) for i in range(20_000)), "".join(f"line {i} of a diary\n" for i in range(20_000))):
        for data, compression in ((text.encode(), None), (gzip.compress(text.encode()), "gzip")):
            schema = read("text", data, compression, limits=limits)
            estimate = schema.row_estimate
            if schema.row_count is not None:
                assert schema.row_count == 20_000
                continue
            assert estimate is not None
            assert estimate.low <= 20_000 <= estimate.high
            assert abs(estimate.rows / 20_000 - 1) < 0.1


def test_directives_of_a_log_are_no_rows() -> None:
    body = "".join(f"2019-12-04\t21:02:31\tLAX1\t{i}\n" for i in range(20_000))
    estimate = read("text", f"#Version: 1.0\n#Fields: date time x-edge-location sc-bytes\n{body}").row_estimate
    assert estimate is not None
    assert estimate.low <= 20_000 <= estimate.high


def test_a_whole_log_with_strange_lines_has_a_range() -> None:
    schema = read("text", LOG_LINE.format(1) * 30 + "restarting\n" + LOG_LINE.format(1))
    assert schema.row_count is None
    assert str(schema.row_estimate) == "31 (30 to 32)"


class LongStore(CountingStore):
    """A store of one object of a gigabyte: a header, then a row again and again."""

    def __init__(self, header: bytes, row: bytes) -> None:
        super().__init__({})
        self.header, self.row, self.size = header, row, 1024 * MEGABYTE

    def read_range(self, key: str, start: int, length: int, *, etag: str | None = None) -> bytes:
        length = min(length, self.size - start)
        skipped = max(0, start - len(self.header))
        rows = self.row * (length // len(self.row) + 2)
        body = rows[skipped % len(self.row) :]
        data = (self.header[start:] + body)[:length]
        self.receipt.count_get(len(data))
        return data


@pytest.mark.parametrize("width", [10, 10_000])
@pytest.mark.parametrize("tail", [False, True])
def test_a_gigabyte_of_rows_costs_two_requests_and_a_megabyte(width: int, tail: bool) -> None:
    header = ",".join(f"a_column_of_number_{i:05}" for i in range(width)).encode() + b"\n"
    row = b",".join([b"123"] * width) + b"\n"
    store = LongStore(header, row)
    schema = file_formats()["csv"].read_schema(ObjectFile(store, "x.csv", store.size), None, ReadLimits(tail_of_text=tail))
    truth = (store.size - len(header)) // len(row)
    assert len(schema.columns) == width
    assert store.receipt.get_requests <= 2
    assert store.receipt.bytes_read <= MEGABYTE
    assert schema.row_estimate is not None
    assert schema.row_estimate.low <= truth <= schema.row_estimate.high
    assert schema.row_estimate.rows == pytest.approx(truth, rel=1e-3)
