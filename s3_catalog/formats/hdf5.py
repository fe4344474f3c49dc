"""HDF5: one table for every group of datasets, compound dataset or pandas store. Needs the extra `hdf5`."""

from __future__ import annotations

import importlib.util
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

import pyarrow as pa

from s3_catalog.errors import MissingExtraError, UnreadableFileError
from s3_catalog.formats import FileSchema, ReadLimits, Row
from s3_catalog.formats._footer import FooterFile, refuse_many_columns
from s3_catalog.formats._header import name_columns
from s3_catalog.formats._magic import describe_bytes
from s3_catalog.formats._row_wire import read_rows
from s3_catalog.formats._sample_budget import MAX_VALUE_LENGTH, sample_within
from s3_catalog.formats._sandbox import Sandbox, read_sandboxed
from s3_catalog.formats._whole import add_warnings, open_plain
from s3_catalog.model.tables import Column
from s3_catalog.storage.files import ObjectFile

_SMALL_FILE, _BLOCK_BYTES = 1024 * 1024, 64 * 1024
"""A small file is fetched in one piece; of larger ones, blocks where the metadata are."""

_SANDBOX = Sandbox(reader="_hdf5_tree", block_bytes=_BLOCK_BYTES, memory_bytes=192 * 1024 * 1024)
_MAX_MEMBERS = 1000
_MAGIC, _HDF4 = b"\x89HDF\r\n\x1a\n", b"\x0e\x03\x13\x01"
_USER_BLOCKS = (0, 512, 1024, 2048, 4096, 8192)


class Hdf5Format:
    """HDF5 files by h5py, in a process of its own; for a schema only metadata are read; no other file is opened."""

    name = "hdf5"
    suffixes = frozenset({".h5", ".hdf5", ".hdf", ".he5"})
    counts_cheaply = True

    def matches(self, head: bytes) -> bool:
        return head.startswith(_MAGIC)

    def read_schema(self, file: ObjectFile, compression: str | None, limits: ReadLimits) -> FileSchema:
        return next(iter(self.read_members(file, compression, limits).values()))

    def read_members(self, file: ObjectFile, compression: str | None, limits: ReadLimits) -> Mapping[str, FileSchema]:
        source, answer = self._read_tree(file, compression, limits, sample_rows=0)
        members = {str(member["name"]): self._read_member(file, member, limits) for member in answer["members"]}
        warnings = (*source.warnings, *answer["warnings"])
        return {name: add_warnings(schema, warnings) for name, schema in members.items()}

    def read_sample(self, file: ObjectFile, compression: str | None, limits: ReadLimits, rows: int) -> Mapping[str, Sequence[Row]]:
        """As the contract says. A column whose values cannot be told, or take too much to read, is in no row."""

        def read(file: ObjectFile, limits: ReadLimits) -> dict[str, Iterable[Row]]:
            _, answer = self._read_tree(file, compression, limits, sample_rows=rows)
            return {str(member["name"]): self._read_rows(file, member, limits) for member in answer["members"]} if rows else {}

        return sample_within(file, limits, rows, read)

    def _read_rows(self, file: ObjectFile, member: Mapping[str, Any], limits: ReadLimits) -> Iterator[Row]:
        names = [column.name for column in self._read_member(file, member, limits).columns]
        return ({names[int(place)]: value for place, value in row.items()} for row in read_rows(member["sample"]))

    def _read_tree(self, file: ObjectFile, compression: str | None, limits: ReadLimits, *, sample_rows: int) -> tuple[FooterFile, Any]:
        """Open a file, and read its tables in the sandbox."""
        if importlib.util.find_spec("h5py") is None:
            raise MissingExtraError("reading HDF5", "hdf5")
        block_bytes = _SMALL_FILE if file.size <= _SMALL_FILE else _BLOCK_BYTES
        source = open_plain(file, self.name, compression, limits, first_bytes=block_bytes)
        head = source.file.head(block_bytes)
        if not any(head[start : start + len(_MAGIC)] == _MAGIC for start in _USER_BLOCKS):
            what = "HDF4, which is another format" if head.startswith(_HDF4) else describe_bytes(head)
            raise UnreadableFileError(file.key, self.name, f"the bytes are {what}")
        bounds = {"max_depth": limits.max_depth, "max_columns": limits.max_columns, "max_members": _MAX_MEMBERS}
        options = {**bounds, "sample_rows": sample_rows, "max_length": MAX_VALUE_LENGTH, "max_bytes": limits.max_sample_bytes}
        return source, read_sandboxed(replace(_SANDBOX, block_bytes=block_bytes), source.file, self.name, options, limits)

    def _read_member(self, file: ObjectFile, member: Mapping[str, Any], limits: ReadLimits) -> FileSchema:
        refuse_many_columns(file, self.name, len(member["columns"]), limits)
        try:
            names, warnings = name_columns([str(name) for name, _, _ in member["columns"]], len(member["columns"]))
            columns = tuple(
                Column(name=name, type=_arrow_type(kind), source_type=source)
                for name, (_, kind, source) in zip(names, member["columns"], strict=True)
            )
        except (ValueError, TypeError, KeyError, UnicodeError) as error:
            raise UnreadableFileError(file.key, self.name, "a type is corrupt") from error
        return FileSchema(columns=columns, row_count=member["rows"], warnings=tuple(warnings), details=member["details"])


def _arrow_type(kind: Any) -> pa.DataType:
    """The Arrow type that the sandboxed reader named; how deep it nests was bounded there."""
    match kind:
        case "date":
            return pa.date32()
        case ["list", inner]:
            return pa.list_(_arrow_type(inner))
        case ["struct", fields]:
            return pa.struct([(str(name), _arrow_type(inner)) for name, inner in fields])
        case ["timestamp", unit, zone]:
            return pa.timestamp(unit, tz=zone)
        case ["duration", unit]:
            return pa.duration(unit)
    return pa.type_for_alias(kind)


FORMAT = Hdf5Format()
