"""Is a planted value to be found in what a run left behind? A byte search that looks into everything a value could hide in.

In: planted values, and folders, files, bytes or texts. Out: hits. Looked at are the bytes as they are, without zero bytes (UTF-16), with
escapes of JSON, Markdown, URLs and HTML undone, and without the spaces and dashes that numbers are written with; Parquet, gzip, zstd,
zlib and zip are opened, and every value in SQLite databases (and the databases' raw bytes, free pages and logs included).
Not looked for: values in object keys and partition folders, which are names, and encodings such as base64.
"""

from __future__ import annotations

import gzip
import html
import io
import json
import re
import sqlite3
import zipfile
import zlib
from collections.abc import Iterable, Iterator
from pathlib import Path
from urllib.parse import unquote_to_bytes

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from s3_catalog_tests.privacy.planting import Planted

_WINDOW = 8
"""Bytes by which all values are looked for at once; no planted value is shorter."""
_UNICODE = re.compile(rb"\\+u([0-9a-fA-F]{4})")
_BLANKS = re.compile(rb"[ \-.:]")


class Search:
    """Looks for many values at once."""

    def __init__(self, planted: Iterable[Planted]) -> None:
        self._needles: dict[bytes, Planted] = {}
        for one in planted:
            core = one.core.encode()
            self._needles[core] = one
            if (
                any(c in one.core for c in " -.:")
                and any(c.isdigit() for c in one.core)
                and one.kind not in ("latitude", "longitude", "birth date")
            ):
                self._needles.setdefault(_BLANKS.sub(b"", core), one)
        self._by_window: dict[bytes, list[bytes]] = {}
        for needle in self._needles:
            assert len(needle) >= _WINDOW, needle
            self._by_window.setdefault(needle[:_WINDOW], []).append(needle)
        self._windows = np.sort(np.frombuffer(b"".join(self._by_window), dtype="<u8"))

    def in_folder(self, folder: Path) -> set[str]:
        """Search all files below a folder."""
        return {hit for path in sorted(folder.rglob("*")) if path.is_file() for hit in self.in_file(path)}

    def in_file(self, path: Path) -> set[str]:
        """Search one file; of a database also what its tables hold."""
        data = path.read_bytes()
        hits = self.in_bytes(data, path.name)
        return hits | (self._in_database(path) if data.startswith(b"SQLite format 3\0") else set())

    def in_text(self, text: str, name: str) -> set[str]:
        return self.in_bytes(text.encode("utf-8", "surrogatepass"), name)

    def in_bytes(self, data: bytes, name: str) -> set[str]:
        """Search bytes, and what is packed in them."""
        found = {f"{one} in {name}" for view in _views(data) for one in self._find(view)}
        for inner in _unpack(data):
            found |= self.in_bytes(inner, f"{name} (unpacked)")
        return found

    def _in_database(self, path: Path) -> set[str]:
        found: set[str] = set()
        connection = sqlite3.connect(f"file:{path}?mode=ro", uri=True)
        connection.text_factory = bytes
        try:
            tables = [row[0].decode() for row in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
            for table in tables:
                values = [value for row in connection.execute(f'SELECT * FROM "{table}"') for value in row]
                blobs = [value for value in values if isinstance(value, bytes)]
                found |= self.in_bytes(b"\n".join([*blobs, *_decoded(blobs)]), f"{path.name}.{table}")
                found |= {
                    hit for blob in blobs for inner in _unpack(blob) for hit in self.in_bytes(inner, f"{path.name}.{table} (unpacked)")
                }
                numbers = (repr(value).encode() for value in values if isinstance(value, int | float))
                found |= self.in_bytes(b"\n".join(numbers), f"{path.name}.{table}")
        finally:
            connection.close()
        return found

    def _find(self, data: bytes) -> Iterator[Planted]:
        for start in range(_WINDOW):
            count = (len(data) - start) // _WINDOW
            if count <= 0:
                return
            here = np.frombuffer(data, dtype="<u8", count=count, offset=start)
            at = np.searchsorted(self._windows, here)
            for index in np.flatnonzero(self._windows[np.minimum(at, len(self._windows) - 1)] == here):
                place = start + int(index) * _WINDOW
                for needle in self._by_window[data[place : place + _WINDOW]]:
                    if data.startswith(needle, place):
                        yield self._needles[needle]


def _views(data: bytes) -> Iterator[bytes]:
    """The bytes as they are, and with what was done to write them undone."""
    yield data
    if b"\0" in data:
        yield data.replace(b"\0", b"")
    plain = _UNICODE.sub(lambda m: chr(int(m[1], 16)).encode("utf-8", "replace"), data) if b"\\u" in data else data
    plain = plain.replace(b"\\", b"") if b"\\" in plain else plain
    plain = html.unescape(plain.decode("latin-1")).encode("latin-1", "ignore") if b"&" in plain else plain
    if b"%" in plain and b"+" in plain:
        yield unquote_to_bytes(plain.replace(b"+", b" "))
    plain = unquote_to_bytes(plain) if b"%" in plain else plain
    if plain is not data:
        yield plain
    yield _BLANKS.sub(b"", plain)


def _unpack(data: bytes) -> Iterator[bytes]:
    if data[:4] == b"PAR1":
        yield from _parquet_texts(data)
    elif data[:2] == b"\x1f\x8b":
        yield gzip.decompress(data)
    elif data[:4] == b"\x28\xb5\x2f\xfd":
        yield pa.input_stream(pa.BufferReader(data), compression="zstd").read()
    elif data[:2] in (b"\x78\x9c", b"\x78\x01", b"\x78\xda"):
        yield zlib.decompress(data)
    elif data[:4] == b"PK\x03\x04":
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            yield from map(archive.read, archive.namelist())


def _parquet_texts(data: bytes) -> Iterator[bytes]:
    """All values of a Parquet file: texts and bytes as they are, everything else as Python prints it."""
    table = pq.ParquetFile(pa.BufferReader(data)).read(use_threads=False)
    yield str(table.schema.to_string(truncate_metadata=False)).encode()
    for column in table.columns:
        yield b"\n".join(_flat(column.to_pylist()))


def _flat(value: object) -> Iterator[bytes]:
    if isinstance(value, list | tuple):
        for item in value:
            yield from _flat(item)
    elif isinstance(value, dict):
        yield from _flat([*value.keys(), *value.values()])
    elif isinstance(value, bytes):
        yield value
    elif value is not None:
        yield str(value).encode("utf-8", "surrogatepass")


def _decoded(blobs: Iterable[bytes]) -> Iterator[bytes]:
    """JSON texts, decoded as often as they are encoded."""
    for blob in blobs:
        if blob[:1] in (b"{", b"[", b'"'):
            try:
                value = json.loads(blob)
            except ValueError:
                continue
            flat = list(_flat(value))
            yield from flat
            yield from _decoded(flat)
