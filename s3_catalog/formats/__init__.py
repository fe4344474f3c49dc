"""File formats: how the bytes of one file are laid out. One module per format, found by its `FORMAT` object.

Modules whose name begins with `_` are not formats. Another package adds a format by an entry point in the group
`s3_catalog.formats` that names such an object. Importing a format module must be cheap: heavy libraries are imported inside its functions.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from importlib.metadata import entry_points
from typing import Protocol, runtime_checkable

import pyarrow as pa

from s3_catalog.formats._hints import ReadHints
from s3_catalog.model.statistics import ColumnFigures, RowEstimate
from s3_catalog.model.tables import Column, TypeConflict
from s3_catalog.storage.files import ObjectFile

ENTRY_POINT_GROUP = "s3_catalog.formats"


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadLimits:
    """How much one schema may cost. All sizes in bytes.

    `head_bytes` is read from the start of a text file (compressed bytes, where it is compressed), `tail_bytes` from the end of a file
    with a footer, `max_footer_bytes` when the footer says it is longer, `max_decompressed_bytes` after decompression. A format that has to
    read across the whole file (a workbook) reads at most `max_whole_file_bytes`, and takes at most `max_seconds` of its own time.
    `max_sample_bytes` is what the rows of one file may cost.
    `tail_of_text`: a text file that is longer than its head is looked at near its end as well, one more range of `tail_bytes`, where it
    is not compressed. `hints` are what people say of the files.
    """

    head_bytes: int = 64 * 1024
    tail_bytes: int = 64 * 1024
    max_footer_bytes: int = 64 * 1024 * 1024
    max_decompressed_bytes: int = 4 * 1024 * 1024
    max_whole_file_bytes: int = 64 * 1024 * 1024
    max_sample_bytes: int = 8 * 1024 * 1024
    max_seconds: float = 20.0
    max_columns: int = 10_000
    max_depth: int = 32
    tail_of_text: bool = False
    hints: ReadHints = field(default_factory=ReadHints)


@dataclass(frozen=True, slots=True, kw_only=True)
class FileSchema:
    """What one file says of its table.

    `row_count` is exact or None; where it is None, `row_estimate` may tell how many rows are likely. `figures` are by column name, of
    columns of the top level whose name stands once. `format` is set where the content is of a sibling format (`.json` with one document
    per line is `jsonl`).
    `details` are facts such as delimiter and encoding; `conflicts` arose between the rows of this one file.
    """

    columns: tuple[Column, ...]
    row_count: int | None = None
    row_estimate: RowEstimate | None = None
    figures: Mapping[str, ColumnFigures] = field(default_factory=dict)
    format: str | None = None
    conflicts: tuple[TypeConflict, ...] = ()
    warnings: tuple[str, ...] = ()
    details: Mapping[str, str] = field(default_factory=dict)


class FileFormat(Protocol):
    """The plug-in contract of a file format."""

    name: str
    suffixes: frozenset[str]
    """Lower-case file-name endings with the dot, without a compression's ending."""
    counts_cheaply: bool
    """Whether `read_schema` gives the exact row count of a file of any size."""

    def matches(self, head: bytes) -> bool:
        """Whether (decompressed) first bytes are of this format beyond doubt. Used where a name says nothing."""

    def read_schema(self, file: ObjectFile, compression: str | None, limits: ReadLimits) -> FileSchema:
        """Read the columns of one file.

        Args:
            compression: a name of `_compression.COMPRESSIONS` (`gzip`), or None for plain bytes.

        Raises:
            UnreadableFileError: truncated, corrupt, encrypted, empty, another format's bytes, or (`HintError`) a hint that does not fit.
            StoreError: the object could not be read or has changed.
        """


@runtime_checkable
class MemberFormat(FileFormat, Protocol):
    """A format whose files hold several tables side by side: sheets, datasets, members of an archive."""

    def read_members(self, file: ObjectFile, compression: str | None, limits: ReadLimits) -> Mapping[str, FileSchema]:
        """Read the columns of every table in one file, by the member's name, in the file's order; empty members are left out.

        `read_schema` of such a format reads the only or the first member.

        Raises:
            UnreadableFileError: the file, or every member of it, cannot be read.
            StoreError: the object could not be read or has changed.
        """


Row = Mapping[str, object]
"""One row as plain Python values by column name: None, bool, int, float, Decimal, str, bytes, dates, times, timedelta, lists, dicts."""


@runtime_checkable
class SampleFormat(FileFormat, Protocol):
    """A format that gives rows as well. What they hold is nobody's but the caller's: it is masked before it goes anywhere."""

    def read_sample(self, file: ObjectFile, compression: str | None, limits: ReadLimits, rows: int) -> Mapping[str, Sequence[Row]]:
        """Read up to `rows` rows of every table in one file, by member as in `read_members`; the only table of a plain file is "".

        Columns have the names of `read_schema`. Values have the types of its columns where the file has typed values, else they are the
        texts that stand there, without null markers. Costs at most `max_sample_bytes` of the file, whatever its size; where so much
        holds no row, there are none.

        Raises: as `read_schema`.
        """


@runtime_checkable
class NumberedFormat(FileFormat, Protocol):
    """A format whose files number their fields, so that a field is known under any name (Iceberg)."""

    def read_field_ids(self, file: ObjectFile, limits: ReadLimits) -> pa.Schema:
        """Read the columns, each field at any depth with its number in its metadata (`PARQUET:field_id`), if it has one.

        Raises: as `read_schema`.
        """


@cache
def file_formats() -> Mapping[str, FileFormat]:
    """All formats by name, ours first; another package's entry point of the same name replaces ours."""
    modules = [m.name for m in pkgutil.iter_modules(__path__) if not m.name.startswith("_")]
    own = [importlib.import_module(f"{__name__}.{name}").FORMAT for name in modules]
    others = [entry.load() for entry in entry_points(group=ENTRY_POINT_GROUP)]
    return {fmt.name: fmt for fmt in [*own, *others]}


@cache
def formats_by_suffix() -> Mapping[str, str]:
    """File-name ending (lower case, with dot) -> format name."""
    return {suffix: fmt.name for fmt in file_formats().values() for suffix in fmt.suffixes}
