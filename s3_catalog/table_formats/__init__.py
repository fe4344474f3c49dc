"""Table formats: a log that says which files are the table. One module per format, found by its `FORMAT` object.

Modules whose name begins with `_` are not formats. Another package adds one by an entry point in the group `s3_catalog.table_formats`
that names such an object. Importing a format module must be cheap: heavy libraries are imported inside its functions.

Only the log is read, never a data file. All of its bytes come through the table's own store, so that every request is counted, every
key is exact and every way to sign in works; the libraries see copies.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib.metadata import entry_points
from typing import Protocol

import pyarrow as pa

from s3_catalog.model.tables import Column, PartitionColumn
from s3_catalog.table_formats._log import LogLimits, TableLog
from s3_catalog.table_formats._names import FieldNames

__all__ = ["FieldNames", "LogLimits", "LoggedTable", "TableFormat", "TableLog", "table_formats"]

ENTRY_POINT_GROUP = "s3_catalog.table_formats"


@dataclass(frozen=True, slots=True, kw_only=True)
class LoggedTable:
    """What a log says of its table, at the newest version.

    Attributes:
        columns: without the partition columns, whether these stand in the files or not.
        row_count: exact, or None.
        files: the live files: `key` (as in the bucket), `size` (bytes, null where the log does not tell it), then one string column per
            partition column, named by its number ("0", "1"), with the value as text; and `whole` (bool), whether the file's rows are rows
            of the table, all of them: not where some are deleted by other files, nor in those other files; and, where the log counts
            them, `rows` (int64), null where not all of them are rows of the table. None where the log does not tell which files live.
        names: what columns are called in the files, where they may be called otherwise.
        details: facts such as version, snapshot and what the partition columns are made from.
        read_keys: the file of the log that the schema came from.
    """

    columns: tuple[Column, ...]
    partition_columns: tuple[PartitionColumn, ...] = ()
    row_count: int | None = None
    files: pa.Table | None = None
    warnings: tuple[str, ...] = ()
    details: Mapping[str, str] = field(default_factory=dict)
    names: FieldNames | None = None
    read_keys: tuple[str, ...] = ()


class TableFormat(Protocol):
    """The plug-in contract of a table format."""

    name: str
    log_folder: str
    """Where the log lies below a table's root, ending in `/`."""
    log_file: str
    """A regular expression (RE2) of what must stand behind `log_folder` in a key, for that folder to be a log."""

    def read_table(self, log: TableLog) -> LoggedTable:
        """Read what the log says.

        Raises:
            UnreadableLogError: broken, too large, or of a version that is not supported; it names the file.
            StoreError: a file of the log could not be read or has changed.
            MissingExtraError: the library of this format is not installed.
        """


@cache
def table_formats() -> Mapping[str, TableFormat]:
    """All table formats by name, ours first; another package's entry point of the same name replaces ours."""
    modules = [m.name for m in pkgutil.iter_modules(__path__) if not m.name.startswith("_")]
    own = [importlib.import_module(f"{__name__}.{name}").FORMAT for name in modules]
    others = [entry.load() for entry in entry_points(group=ENTRY_POINT_GROUP)]
    return {fmt.name: fmt for fmt in [*own, *others]}
