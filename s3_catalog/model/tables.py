"""What is known of a table, before and after its files are opened.

`TableLayout` is what keys alone tell; `Table` adds the columns. Neither holds its objects one by one: those stay in
Arrow (`discovery.grouping.Grouping.objects`), because a table can own millions.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import datetime

import pyarrow as pa

from s3_catalog.model.blame import ColumnBlame
from s3_catalog.model.description import Description
from s3_catalog.model.statistics import ColumnStatistics, RowEstimate

MEMBER_MARK = "#"
"""Stands between a location and the name of a table inside its files: `book.xlsx#Sheet1`."""
UNSTRUCTURED = "unstructured"
"""Format of a file set: objects that belong together and are not tables (images, documents, unknown bytes)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """A column that stands in the files.

    `source_type` is what the format itself calls the type, where that says more than Arrow does. `statistics` and `blame` are known where
    the files or the log tell.
    """

    name: str
    type: pa.DataType
    nullable: bool = True
    source_type: str | None = None
    statistics: ColumnStatistics | None = None
    blame: ColumnBlame | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PartitionColumn:
    """A column whose value stands in the path.

    `declared`: the path names it (`year=2024`), else it was inferred from the path's shape.
    """

    name: str
    type: pa.DataType
    declared: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class TypeConflict:
    """Two types for one column that no widening rule joins without loss; the column became `resolved`.

    `key` is the file that brought `found`; `expected` is what the files before it said. Types are canonical text.
    """

    column: str
    expected: str
    found: str
    resolved: str
    key: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """Why a table's files were put together, and the verdict that came second."""

    rule: str
    reason: str
    runner_up: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TableLayout:
    """A table as its keys tell it.

    `store_url` is the bucket (`s3://bucket/`). `location` is a key pattern within it: a prefix ending in `/` (or ""), one key, or a glob
    where a folder holds several tables (`daily/invoices_*`) or the table's folder lies below its partitions (`2024/**/orders/`).
    `(uri, format)` identifies a table for good; `name` is unique in a catalog. `content_digest` changes with any key, size or ETag.
    `options` are the hints people gave for reading its files (`delimiter`, `type.<column>`).
    """

    name: str
    store_url: str
    location: str
    format: str
    partition_columns: tuple[PartitionColumn, ...] = ()
    object_count: int
    size_bytes: int
    newest: datetime | None
    evidence: Evidence
    warnings: tuple[str, ...] = ()
    content_digest: str = ""
    options: tuple[tuple[str, str], ...] = ()

    @property
    def identity(self) -> str:
        """What stays the same while names and contents move."""
        return f"{self.format}:{self.uri}"

    @property
    def uri(self) -> str:
        """The location as people write it."""
        return self.store_url + self.location

    def member(self, member: str, name: str) -> TableLayout:
        """The layout of one table of several in the same files (a sheet, a dataset, a member of an archive)."""
        return replace(self, name=name, location=f"{self.location}{MEMBER_MARK}{member}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Partition:
    """One combination of partition values (text as in the path, decoded; None for a null) with what it holds. Sizes in bytes.

    `row_count` is exact, or None where not every file tells it.
    """

    values: tuple[str | None, ...]
    object_count: int
    size_bytes: int
    newest: datetime | None
    row_count: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """A layout with its columns: what every catalog receives.

    `row_count` is exact or None; where it is None, `row_estimate` may say how many rows are likely. `details` are facts of the format
    (delimiter, table version). `sampled_keys` are the files the schema came from. `description` is None until the table is described.
    """

    layout: TableLayout
    columns: tuple[Column, ...]
    row_count: int | None = None
    row_estimate: RowEstimate | None = None
    conflicts: tuple[TypeConflict, ...] = ()
    warnings: tuple[str, ...] = ()
    details: tuple[tuple[str, str], ...] = ()
    sampled_keys: tuple[str, ...] = ()
    partitions: tuple[Partition, ...] = field(default=(), repr=False)
    description: Description | None = field(default=None, repr=False)

    @property
    def name(self) -> str:
        return self.layout.name

    @property
    def format(self) -> str:
        """What the files really are: the layout's format goes by their names, `details` may know better (`.json` that is `jsonl`)."""
        return dict(self.details).get("format", self.layout.format)
