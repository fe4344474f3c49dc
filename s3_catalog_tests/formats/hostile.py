"""Files that attack their reader, made on the fly, and the program that reads them in a process of its own.

`python -m s3_catalog_tests.formats.hostile` reads all of them, `... hostile FOLDER` the files of a folder; it prints what became of each,
and the most memory the process had taken until then.
"""

from __future__ import annotations

import bz2
import gzip
import io
import json
import resource
import sys
import tarfile
import time
import zipfile
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from random import Random

from s3_catalog.errors import UnreadableFileError
from s3_catalog.formats import ReadLimits, file_formats, formats_by_suffix
from s3_catalog.formats._compression import split_compression
from s3_catalog.storage import ListPage, Location, parse_location
from s3_catalog.storage.files import ObjectFile
from s3_catalog.storage.folder import FolderStore
from s3_catalog.storage.receipt import Receipt

GIGABYTE = 1024**3


class EndlessStore:
    """One object of any size: a start, a repeated piece, an end."""

    def __init__(self, start: bytes, piece: bytes, size: int, end: bytes = b"") -> None:
        self.location, self.receipt = Location("memory", "hostile", ""), Receipt()
        self._start, self._piece, self._end, self.size = start, piece, end, size

    def list_pages(self, prefix: str, *, delimiter: str = "", start_after: str = "") -> Iterator[ListPage]:
        raise NotImplementedError

    def read_range(self, key: str, start: int, length: int, *, etag: str | None = None) -> bytes:
        length = max(0, min(length, self.size - start))
        offset = (start - len(self._start)) % len(self._piece)
        middle = self._piece * (length // len(self._piece) + 2)
        data = bytearray(middle[offset : offset + length])
        if start < len(self._start):
            data[: len(self._start) - start] = self._start[start : start + length]
        tail_at = self.size - len(self._end)
        if self._end and start + length > tail_at:
            data[max(0, tail_at - start) :] = self._end[max(0, start - tail_at) : start + length - tail_at]
        self.receipt.count_get(length)
        return bytes(data[:length])


def _varint(number: int) -> bytes:
    output = bytearray()
    while True:
        number, low = number >> 7, number & 127
        output.append(low | (128 if number else 0))
        if not number:
            return bytes(output)


def _message_field(number: int, value: int | bytes) -> bytes:
    if isinstance(value, int):
        return _varint(number << 3) + _varint(value)
    return _varint(number << 3 | 2) + _varint(len(value)) + value


def deep_orc(depth: int, *, shared: bool = False) -> bytes:
    """An ORC file whose types nest; `shared`: every type has the next one twice, so that they unfold to 2^depth."""
    children = range(1, depth + 1)
    subtypes = [_message_field(2, i) * (2 if shared else 1) for i in children]
    types = [_message_field(1, 12) + below + _message_field(3, b"a") * (2 if shared else 1) for below in subtypes]
    parts = [_message_field(4, kind) for kind in [*types, _message_field(1, 3)]]
    footer = _message_field(1, 3) + b"".join(parts) + _message_field(6, 0)
    postscript = _message_field(1, len(footer)) + _message_field(2, 0) + _message_field(3, 65536) + _message_field(8000, b"ORC")
    return b"ORC" + footer + postscript + bytes([len(postscript)])


def parquet_of(*, rows: int = 0, claimed_columns: int = 1) -> bytes:
    """A Parquet file of one column and no data, in Thrift's compact protocol, with a footer that lies."""
    root, leaf = b"\x48\x01r\x15\x02\x00", b"\x15\x04\x25\x02\x18\x01c\x00"
    columns = b"\x1c" if claimed_columns == 1 else b"\xfc" + _varint(claimed_columns)
    group = b"\x19" + columns + b"\x26\x08\x00" + b"\x16\x00\x16" + _varint(rows << 1) + b"\x00"
    footer = b"\x15\x04\x19\x2c" + root + leaf + b"\x16" + _varint(rows << 1) + b"\x19\x1c" + group + b"\x00"
    return b"PAR1" + footer + len(footer).to_bytes(4, "little") + b"PAR1"


def _zip_bomb() -> bytes:
    sink = io.BytesIO()
    with zipfile.ZipFile(sink, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("bomb.csv", b"id,v\n" + b"1,2\n" * 10_000_000)
    return sink.getvalue()


def _tar_bomb() -> bytes:
    info = tarfile.TarInfo("bomb.csv")
    info.size = 4 * GIGABYTE
    return gzip.compress(info.tobuf() + b"1,2\n" * 20_000_000)


def _wide_avro(depth: int) -> bytes:
    schema: object = "int"
    for i in range(depth):
        schema = {"type": "record", "name": f"R{i}", "fields": [{"name": "a", "type": schema}]}
    text = json.dumps(schema).encode()
    entry = _varint(22 << 0) + b"avro.schema" + _varint(len(text) << 1) + text
    return b"Obj\x01" + b"\x02" + entry + b"\x00" + bytes(16)


def _repeated(member: bytes, size: int) -> Callable[[], EndlessStore]:
    return lambda: EndlessStore(b"", member, size // len(member) * len(member))


def _of(data: bytes) -> Callable[[], EndlessStore]:
    return lambda: EndlessStore(data, b"\0", len(data))


def cases() -> dict[str, Callable[[], EndlessStore]]:
    """Key -> how to open it; the key's ending says what it claims to be."""
    zeros = gzip.compress(bytes(10_000_000))
    rows = gzip.compress(b"1,2\n" * 2_500_000)
    dense = bz2.compress(b"1" * 45_000_000)
    found: dict[str, Callable[[], EndlessStore]] = {
        "ten gigabytes of zeros.csv.gz": _repeated(zeros, 1000 * len(zeros)),
        "ten gigabytes of rows.csv.gz": _repeated(rows, 1000 * len(rows)),
        "ten gigabytes in ten kilobytes.csv.bz2": _repeated(dense, 10_000),
        "ten gigabytes in ten kilobytes.json.bz2": _repeated(bz2.compress(b'{"a": 1}\n' * 1_000_000), 10_000),
        "ten gigabytes in ten kilobytes.xml.bz2": _repeated(bz2.compress(b"<a>" * 5_000_000), 10_000),
        "ten gigabytes.log.gz": _repeated(zlib.compress(b"a" * 10_000_000, wbits=31), 10_000_000),
        "one line.json": lambda: EndlessStore(b'{"a": "', b"x", GIGABYTE, b'"}'),
        "one line of pairs.json": lambda: EndlessStore(b"{", b'"a": {"b": [1, 2, "x"]}, ', GIGABYTE, b'"z": 1}'),
        "one line.jsonl": lambda: EndlessStore(b"[", b"1, ", GIGABYTE, b"1]"),
        "one line.csv": lambda: EndlessStore(b"", b"abcdefgh,", GIGABYTE),
        "one quote.csv": lambda: EndlessStore(b'id,"', b"x,\n", GIGABYTE),
        "one line.log": lambda: EndlessStore(b"", b"abcdefgh ", GIGABYTE),
        "one element.xml": lambda: EndlessStore(b"<a><b>", b"x", GIGABYTE, b"</b></a>"),
        "one tag.xml": lambda: EndlessStore(b"<a", b" b='1'", GIGABYTE),
        "elements.xml": lambda: EndlessStore(b"<a>", b"<b/>", GIGABYTE, b"</a>"),
        "columns.csv": _of(",".join(f"column_{i}" for i in range(100_000)).encode() + b"\n" + b"1," * 99_999 + b"1\n"),
        "keys.json": _of(json.dumps({f"k{i}": {f"x{i}": i} for i in range(60_000)}).encode()),
        "zip bomb.zip": _of(_zip_bomb()),
        "tar bomb.tar.gz": _of(_tar_bomb()),
        "rows.parquet": _of(parquet_of(rows=2**31)),
        "columns.parquet": _of(parquet_of(claimed_columns=900_000)),
        "shared.orc": _of(deep_orc(60, shared=True)),
    }
    for depth in (1000, 30_000):
        found |= {
            f"{depth} deep.json": _of(b'{"a":' * depth + b"1" + b"}" * depth),
            f"{depth} deep.xml": _of(b"<a>" * depth + b"</a>" * depth),
            f"{depth} deep.orc": _of(deep_orc(depth)),
        }
    found["100 deep.avro"] = _of(_wide_avro(100))
    found["10000 deep.avro"] = _of(b"Obj\x01\x02\x16avro.schema" + b'{"type":' * 20_000)
    noise = Random(7)
    for suffix in sorted(formats_by_suffix()):
        for size in (1, 100, 200_000):
            found[f"noise {size}{suffix}"] = _of(noise.randbytes(size))
    return found


def read(file: ObjectFile) -> str:
    """Read one file; says what became of it."""
    name, compression = split_compression(file.key)
    file_format = file_formats()[formats_by_suffix()[name[name.rindex(".") :]]]
    try:
        schema = file_format.read_schema(file, compression, ReadLimits())
    except UnreadableFileError as error:
        return f"refused: {error.reason}"
    return f"read: {len(schema.columns)} columns"


def open_all(folder: str | None) -> Iterator[ObjectFile]:
    """Every file of a folder, or every case above."""
    if folder is None:
        for key, open_store in cases().items():
            store = open_store()
            yield ObjectFile(store, key, store.size)
        return
    local = FolderStore(parse_location(folder))
    for page in local.list_pages(""):
        yield from (ObjectFile(local, row["key"], row["size"], row["etag"]) for row in page.objects.to_pylist())


def peak_memory() -> int:
    """The most memory this program has taken, in bytes. (`ru_maxrss` would count what the parent had taken before it started us.)"""
    status = Path("/proc/self/status")
    if not status.exists():
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return 1024 * next(int(line.split()[1]) for line in status.read_text().splitlines() if line.startswith("VmHWM"))


def main() -> None:
    """Read one file after the other and print JSON."""
    outcomes = {}
    for file in open_all(sys.argv[1] if len(sys.argv) > 1 else None):
        started = time.monotonic()
        outcome = read(file)
        outcomes[file.key] = {"outcome": outcome, "seconds": time.monotonic() - started, "peak": peak_memory()}
    json.dump(outcomes, sys.stdout)


if __name__ == "__main__":
    main()
