"""Pickle: tables that Python programs left behind. Never executed: taken apart step by step on symbols, and read from those.

Needs neither pandas nor numpy. The values of large arrays are passed over, so that a frame of numbers costs little whatever its size.
"""

from __future__ import annotations

import io
import re
import struct
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from s3_catalog.errors import UnreadableFileError
from s3_catalog.formats import FileSchema, ReadLimits, Row
from s3_catalog.formats._footer import FooterFile
from s3_catalog.formats._magic import describe_bytes
from s3_catalog.formats._pickle_machine import is_pickle, take_apart
from s3_catalog.formats._pickle_symbols import Items, PickleLimitError, PickleLimits, PickleRefusedError
from s3_catalog.formats._pickle_tables import PickledTable, Tables
from s3_catalog.formats._sample_budget import sample_within
from s3_catalog.formats._whole import add_warnings, open_plain
from s3_catalog.storage.files import ObjectFile

_BLOCK_BYTES = 256 * 1024
_ODD = (ValueError, TypeError, LookupError, AttributeError, ArithmeticError, RecursionError, struct.error)
"""What symbols in places where no writer puts them lead to."""

_SIGNATURE = re.compile(rb"\x80[\x02-\x05]")


class PickleFormat:
    """Python's pickles of pandas and numpy objects, lists and dicts. Members are the frames of a dict of frames."""

    name = "pickle"
    suffixes = frozenset({".pkl", ".pickle"})
    counts_cheaply = True

    def matches(self, head: bytes) -> bool:
        """Whether bytes are a small pickle, or enough of one. Protocols 0 and 1 have no signature and are not seen."""
        if _SIGNATURE.match(head) is None:
            return False
        return is_pickle(head)

    def read_schema(self, file: ObjectFile, compression: str | None, limits: ReadLimits) -> FileSchema:
        return next(iter(self.read_members(file, compression, limits).values()))

    def read_members(self, file: ObjectFile, compression: str | None, limits: ReadLimits) -> Mapping[str, FileSchema]:
        source, tables = self._read_tables(file, compression, limits)
        return {name: add_warnings(table.schema, source.warnings) for name, table in tables.items()}

    def read_sample(self, file: ObjectFile, compression: str | None, limits: ReadLimits, rows: int) -> Mapping[str, Sequence[Row]]:
        """As the contract says. A column whose values cannot be told without running the pickle, or are too long, is in no row."""

        def read(file: ObjectFile, limits: ReadLimits) -> dict[str, Iterable[Row]]:
            _, tables = self._read_tables(file, compression, limits, large_payloads=limits.max_sample_bytes // 2)
            return {name: self._read_rows(file, table, rows) for name, table in tables.items()}

        return sample_within(file, limits, rows, read)

    def _read_rows(self, file: ObjectFile, table: PickledTable, rows: int) -> Iterator[Row]:
        try:
            yield from table.read_rows(rows)
        except _ODD as error:
            raise UnreadableFileError(file.key, self.name, "its values are not laid out as pandas, numpy and Python do") from error

    def _read_tables(
        self, file: ObjectFile, compression: str | None, limits: ReadLimits, *, large_payloads: int = 0
    ) -> tuple[FooterFile, Mapping[str, PickledTable]]:
        source = open_plain(file, self.name, compression, limits, first_bytes=_BLOCK_BYTES)
        try:
            value, part = _take_apart(source.file, limits, large_payloads)
            tables = _read_tables(Tables(file.key, limits, part=part), value)
        except PickleRefusedError as error:
            head = source.file.head(_BLOCK_BYTES)
            known = error.certain or _SIGNATURE.match(head) is not None
            reason = str(error) if known else f"{error} (the bytes are {describe_bytes(head)})"
            raise UnreadableFileError(file.key, self.name, reason) from error
        return source, tables


def _take_apart(file: ObjectFile, limits: ReadLimits, large_payloads: int) -> tuple[Any, tuple[int, int] | None]:
    """Take a pickle apart; where only the rows at its start were read, the bytes of these and of all come with it."""
    stream = io.BufferedReader(file, _BLOCK_BYTES)
    try:
        bounds = PickleLimits(limits.max_whole_file_bytes, limits.max_seconds, large_payloads=large_payloads)
        return take_apart(stream, bounds), None
    except PickleLimitError as error:
        if isinstance(error.so_far, Items) and error.so_far.kept:
            return error.so_far, (stream.tell(), file.size)
        raise
    finally:
        stream.detach()  # or it would close the file with itself


def _read_tables(tables: Tables, value: Any) -> Mapping[str, PickledTable]:
    try:
        return tables.read(value)
    except _ODD as error:
        raise PickleRefusedError("its objects are not laid out as pandas, numpy and Python do") from error


FORMAT = PickleFormat()
