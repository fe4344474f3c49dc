"""The files that were read become tables: one schema, row count, statistics and blame per member. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from s3_catalog.discovery.naming import safe_name, unique_names
from s3_catalog.errors import HintError
from s3_catalog.formats import FileSchema
from s3_catalog.formats._hints import read_options
from s3_catalog.inference.files import ListedFile, ReadFile, TableFiles, see_file
from s3_catalog.model.blame import blame_columns
from s3_catalog.model.schemas import FileColumns, merge_schemas
from s3_catalog.model.statistics import FileFigures, RowEstimate, add_estimates, merge_figures, scale_estimates
from s3_catalog.model.tables import Column, Partition, Table, TableLayout
from s3_catalog.model.types import merge_types, type_text
from s3_catalog.tagging.bounds import mask_bounds

_WRITTEN = {"date_order": "dates are", "thousands": "thousands are marked", "words": "true and false are"}
"""What one column must have alike in all files, or a reader of one takes the values of another for others."""
_NO_VALUES = ": no values"


@dataclass(frozen=True, slots=True, kw_only=True)
class MemberFiles:
    """The files of one table: `read` have the member; `complete` where these are all of the layout's files and none failed.

    `beside` are the columns of all tables in these files.
    """

    layout: TableLayout
    member: str
    read: Sequence[ReadFile]
    files: TableFiles
    complete: bool
    beside: frozenset[str] = frozenset()

    @property
    def schemas(self) -> list[tuple[ListedFile, FileSchema]]:
        """Each file with what it says of this table."""
        return [(found.file, found.members[self.member]) for found in self.read]


def member_layouts(layout: TableLayout, members: Sequence[str]) -> dict[str, TableLayout]:
    """The layout itself for files of one table; for several, one each, named after layout and member."""
    if len(members) == 1:
        return {members[0]: layout}
    wanted = {member: f"{layout.name}_{safe_name([member], fallback='member')}" for member in members}
    names = unique_names({layout.member(member, name).identity: name for member, name in wanted.items()}, {})
    return {member: layout.member(member, names[layout.member(member, "").identity]) for member in members}


def build_table(own: MemberFiles, partitions: tuple[Partition, ...], details: dict[str, str]) -> Table:
    """Merge what the files of one table say; `details` are added to those of the files.

    Raises:
        HintError: a hint names a column that no file has, or a type that does not hold what the files do.
    """
    schemas = own.schemas
    columns = [FileColumns(key=f.ref.key, age=f.age, columns=s.columns, conflicts=s.conflicts) for f, s in schemas]
    merged = merge_schemas(columns, own.layout.partition_columns)
    typed = apply_type_hints(own.layout, merged.columns, own.read[-1].file.ref.key, beside=own.beside)
    counts = [schema.row_count for _, schema in schemas]
    row_count = sum(count for count in counts if count is not None) if own.complete and None not in counts else None
    found, warnings = _join_facts(own.layout, [schema for _, schema in schemas])
    return Table(
        layout=own.layout,
        columns=mask_bounds(_with_provenance(own, typed), own.layout.name),
        row_count=row_count,
        row_estimate=_estimate_rows(own) if row_count is None else None,
        conflicts=merged.conflicts,
        warnings=tuple(dict.fromkeys([*merged.warnings, *warnings])),
        details=tuple(sorted({**found, **details}.items())),
        sampled_keys=tuple(sorted(file.ref.key for file, _ in schemas)),
        partitions=_count_rows(own, partitions),
    )


def _count_rows(own: MemberFiles, partitions: tuple[Partition, ...]) -> tuple[Partition, ...]:
    """Give partitions their row counts, where every file of one was read and counted."""
    counts: dict[tuple[str | None, ...], list[int | None]] = {}
    for file, schema in own.schemas:
        counts.setdefault(file.ref.partition, []).append(schema.row_count)
    return tuple(
        replace(partition, row_count=sum(count for count in found if count is not None))
        if len(found := counts.get(partition.values, [])) == partition.object_count and None not in found
        else partition
        for partition in partitions
    )


def _join_facts(layout: TableLayout, schemas: Sequence[FileSchema]) -> tuple[dict[str, str], list[str]]:
    """The details of the first file that has them, the least sure certainties, and all warnings."""
    details: dict[str, str] = {}
    warnings = [warning for schema in schemas for warning in schema.warnings]
    for schema in schemas:
        for name, value in schema.details.items():
            before = details.setdefault(name, value)
            fact, _, column = name.partition(".")
            if fact == "certainty":
                details[name] = value if before.endswith(_NO_VALUES) else before if value.endswith(_NO_VALUES) else min(before, value)
            elif before != value and fact in _WRITTEN:
                one, other = sorted((before, value))
                warnings.append(f"column {column!r}: {_WRITTEN[fact]} {one!r} in some files and {other!r} in others")
    formats = {schema.format or layout.format for schema in schemas}
    if len(formats) > 1:
        warnings.append(f"files of several formats: {', '.join(sorted(formats))}")
    elif formats != {layout.format}:
        details["format"] = formats.pop()
    return details, warnings


def apply_type_hints(
    layout: TableLayout, columns: Sequence[Column], key: str, *, beside: frozenset[str] = frozenset()
) -> tuple[Column, ...]:
    """Give columns the types that people said they have: a wider type is taken, another refused.

    Args:
        key: the file to name in an error.
        beside: columns of other tables in the same files, which a hint may be about.

    Raises:
        HintError: a hint names a column that there is not, or a type that does not hold what the files do.
    """
    in_path = {column.name for column in layout.partition_columns}
    by_name = {column.name: column for column in columns}
    for name, wanted in read_options(layout.options).types.items():
        if name in in_path or (name in beside and name not in by_name):
            continue
        if name not in by_name:
            raise HintError(key, layout.format, f"no file has a column {name!r}; the columns are {', '.join(by_name)}")
        found = by_name[name].type
        if type_text(found) == type_text(wanted):
            continue
        wider = merge_types(found, wanted)
        if not wider.lossless or type_text(wider.type) != type_text(wanted):
            raise HintError(key, layout.format, f"column {name!r} is said to be {type_text(wanted)}, and the files hold {type_text(found)}")
        by_name[name] = replace(by_name[name], type=wanted)
    return tuple(by_name.get(column.name, column) for column in columns)


def _with_provenance(own: MemberFiles, columns: Sequence[Column]) -> tuple[Column, ...]:
    blame = blame_columns([see_file(found, own.files, own.member) for found in own.read])
    have = [{column.name for column in schema.columns} for _, schema in own.schemas]
    return tuple(
        replace(
            column,
            blame=blame[column.name],
            statistics=merge_figures(
                [
                    FileFigures(schema.figures.get(column.name), schema.row_count, present=column.name in names)
                    for (_, schema), names in zip(own.schemas, have, strict=True)
                ],
                column.type,
                complete=own.complete,
            ),
        )
        for column in columns
    )


def _estimate_rows(own: MemberFiles) -> RowEstimate | None:
    """Estimate the rows of all files from those read."""
    estimates = [
        (RowEstimate(schema.row_count, schema.row_count, schema.row_count) if schema.row_count is not None else schema.row_estimate, f.size)
        for f, schema in own.schemas
    ]
    known = [(estimate, size) for estimate, size in estimates if estimate is not None]
    if own.complete and len(known) == len(estimates):
        return add_estimates([estimate for estimate, _ in known])
    return scale_estimates(known, own.layout.size_bytes)
