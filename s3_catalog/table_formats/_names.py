"""What the columns of a table are called in its data files, where a log can rename them: Delta by name, Iceberg by number.

A renamer brings rows, as a file's own reader gives them, under the names of the table, nested fields too. What the table does not know
(a column that was dropped, though its bytes are still there) is left out.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.types as pt

PHYSICAL_NAME = b"delta.columnMapping.physicalName"
FIELD_ID = b"PARQUET:field_id"

Rename = Callable[[object], object]
OwnName = Callable[[pa.Field], str | None]
"""What a field of the table is called in a file; None where the file does not have it."""


@dataclass(frozen=True, slots=True)
class FieldNames:
    """The fields of a table (partition columns among them), each with its name in the files or its number in its metadata.

    `by_id`: a file says which of its fields has which number. `stable`: no name ever meant another field, so that the names in a file
    without numbers are those of the table.
    """

    schema: pa.Schema
    by_id: bool = False
    stable: bool = True

    def rename_by_name(self, row: Mapping[str, object]) -> dict[str, object]:
        """A row under the table's names, by the names that the log gives for the files."""
        return _rename(self.schema, physical_name, row)

    def renamer_by_id(self, file_schema: pa.Schema) -> Callable[[Mapping[str, object]], dict[str, object]] | None:
        """How rows of one file come under the table's names; None where the file does not number its fields.

        Args:
            file_schema: with the number of each field in its metadata (`PARQUET:field_id`).
        """
        in_file = dict(_numbered(file_schema))
        if not in_file:
            return None
        return lambda row: _rename(self.schema, lambda field: in_file.get(_metadata(field, FIELD_ID)), row)


def physical_name(field: pa.Field) -> str:
    """What a column (an Arrow field of a Delta table) is called in the files."""
    return _metadata(field, PHYSICAL_NAME) or str(field.name)


def has_other_names(schema: pa.Schema) -> bool:
    """Whether a field of a Delta table, at any depth, is called otherwise in the files."""
    return any(physical_name(field) != field.name for field in _all_fields(schema))


def _metadata(field: pa.Field, name: bytes) -> str:
    return str((field.metadata or {}).get(name, b"").decode(errors="replace"))


def _all_fields(holder: pa.Schema | pa.DataType) -> Iterator[pa.Field]:
    own = list(holder) if isinstance(holder, pa.Schema) else [holder.field(i) for i in range(holder.num_fields)]
    for field in own:
        yield field
        yield from _all_fields(field.type)


def _numbered(schema: pa.Schema) -> Iterator[tuple[str, str]]:
    return ((number, field.name) for field in _all_fields(schema) if (number := _metadata(field, FIELD_ID)))


def _rename(schema: pa.Schema, own_name: OwnName, row: Mapping[str, object]) -> dict[str, object]:
    named = ((field, own_name(field)) for field in schema)
    return {field.name: _renamer(field.type, own_name)(row[own]) for field, own in named if own is not None and own in row}


def _renamer(kind: pa.DataType, own_name: OwnName) -> Rename:
    if pt.is_struct(kind):
        fields = [(field.name, own_name(field), _renamer(field.type, own_name)) for field in kind]
        return lambda value: (
            {name: None if own is None else read(value.get(own)) for name, own, read in fields} if isinstance(value, dict) else value
        )
    if pt.is_map(kind):
        return _map_renamer(_renamer(kind.key_type, own_name), _renamer(kind.item_type, own_name))
    if kind.num_fields == 1:
        inside = _renamer(kind.field(0).type, own_name)
        return lambda value: [inside(item) for item in value] if isinstance(value, list) else value
    return lambda value: value


def _map_renamer(key: Rename, item: Rename) -> Rename:
    """Of a map, which is a dict, or a list of pairs where its keys are no texts."""

    def read(value: object) -> object:
        if isinstance(value, dict):
            return {name: item(inner) for name, inner in value.items()}
        return [[key(name), item(inner)] for name, inner in value] if isinstance(value, list) else value

    return read
