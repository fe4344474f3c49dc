"""Several files' columns become one table's: union by name with the widening rules of `types.merge_types`.

Pure. What no rule joins is kept as a `TypeConflict` with the file that brought it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from s3_catalog.model.tables import Column, PartitionColumn, TypeConflict
from s3_catalog.model.types import merge_types, type_text


@dataclass(frozen=True, slots=True, kw_only=True)
class FileColumns:
    """One file's columns; `age` orders files from old to new."""

    key: str
    age: tuple[float, str]
    columns: tuple[Column, ...]
    conflicts: tuple[TypeConflict, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class MergedSchema:
    """A table's columns, and what could not be joined cleanly."""

    columns: tuple[Column, ...]
    conflicts: tuple[TypeConflict, ...]
    warnings: tuple[str, ...]


def merge_schemas(files: Sequence[FileColumns], partition_columns: Sequence[PartitionColumn] = ()) -> MergedSchema:
    """Merge files from old to new; the newest file gives the order of columns, older columns follow.

    A column that is missing in a file, or nullable in one, is nullable. A partition column that also stands in the files stays a
    partition column only, with a warning when the types differ.
    """
    oldest_first = sorted(files, key=lambda file: file.age)
    merged: dict[str, Column] = {}
    conflicts: list[TypeConflict] = []
    for file in oldest_first:
        conflicts += file.conflicts
        for column in file.columns:
            before = merged.get(column.name)
            merged[column.name] = column if before is None else _merge_column(before, column, file.key, conflicts)
    everywhere = set.intersection(*({column.name for column in file.columns} for file in oldest_first))
    in_path = {column.name: column for column in partition_columns}
    order = dict.fromkeys([*(column.name for column in oldest_first[-1].columns), *merged])
    columns = tuple(
        Column(
            name=name,
            type=merged[name].type,
            nullable=merged[name].nullable or name not in everywhere,
            source_type=merged[name].source_type,
        )
        for name in order
        if name not in in_path
    )
    return MergedSchema(columns=columns, conflicts=tuple(conflicts), warnings=(*_warnings(merged, in_path), *_repeated(files)))


def _repeated(files: Sequence[FileColumns]) -> list[str]:
    names = dict.fromkeys(name for file in files for name, count in Counter(c.name for c in file.columns).items() if count > 1)
    return [f"several columns of a file are called {name!r}: they are shown as one" for name in names]


def _merge_column(before: Column, after: Column, key: str, conflicts: list[TypeConflict]) -> Column:
    result = merge_types(before.type, after.type)
    if not result.lossless:
        conflicts.append(
            TypeConflict(
                column=before.name, expected=type_text(before.type), found=type_text(after.type), resolved=type_text(result.type), key=key
            )
        )
    same_source = before.source_type == after.source_type
    return Column(
        name=before.name,
        type=result.type,
        nullable=before.nullable or after.nullable,
        source_type=before.source_type if same_source else None,
    )


def _warnings(merged: dict[str, Column], in_path: dict[str, PartitionColumn]) -> tuple[str, ...]:
    warnings = [
        f"column {name!r} is {type_text(column.type)} in the files and {type_text(in_path[name].type)} in the path"
        for name, column in merged.items()
        if name in in_path and type_text(column.type) != type_text(in_path[name].type)
    ]
    by_lower: dict[str, list[str]] = {}
    for name in merged:
        by_lower.setdefault(name.lower(), []).append(name)
    warnings += [f"column names differ only in case: {', '.join(names)}" for names in by_lower.values() if len(names) > 1]
    return tuple(warnings)
