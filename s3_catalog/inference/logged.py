"""The files of a table with a log whose rows may be shown: which these are, their partitions and their columns' names, by the log.

Rows that the log has deleted must not come back in a sample, so files are left out of which some rows may be deleted.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import pyarrow as pa
import pyarrow.compute as pc

from s3_catalog.errors import UnreadableFileError
from s3_catalog.formats import FileFormat, NumberedFormat, ReadLimits, Row
from s3_catalog.inference.files import ListedFile, TableFiles
from s3_catalog.model.blame import FileRef
from s3_catalog.model.manifest import MANIFEST_SCHEMA
from s3_catalog.model.tables import TableLayout
from s3_catalog.storage import ObjectStore
from s3_catalog.storage.files import ObjectFile
from s3_catalog.table_formats import FieldNames, LoggedTable, LogLimits, TableLog, table_formats

_KEPT_FILES = 64


@dataclass(frozen=True, slots=True, kw_only=True)
class LoggedRows:
    """Where the rows of a table with a log stand.

    `files` are some, in order of preference, each with the values of the log's partition columns. `columns` are the names of all columns,
    `names` what they are called in the files, if that is another name. `problem` says why there are no files.
    """

    files: tuple[ListedFile, ...] = ()
    columns: frozenset[str] = frozenset()
    names: FieldNames | None = None
    problem: str | None = None

    def renamer(self, reader: FileFormat, file: ObjectFile, limits: ReadLimits) -> Callable[[Row], Row] | None:
        """How rows of one file come under the table's names; None where they are under them already.

        Raises:
            UnreadableFileError: the file does not number its fields, and the table's names meant others in other times.
            StoreError: the object could not be read or has changed.
        """
        names = self.names
        if names is None:
            return None
        if not names.by_id:
            return names.rename_by_name
        rename = names.renamer_by_id(reader.read_field_ids(file, limits)) if isinstance(reader, NumberedFormat) else None
        if rename is None and not names.stable:
            raise UnreadableFileError(file.key, reader.name, "its fields are not numbered, and the table's columns were renamed")
        return rename


def choose_logged(objects: pa.Table, logged: LoggedTable) -> LoggedRows:
    """Choose files whose rows are all rows of the table.

    Args:
        objects: listed files of the table (`MANIFEST_SCHEMA`), dead ones among them or not.
    """
    columns = frozenset([*(column.name for column in logged.columns), *(column.name for column in logged.partition_columns)])
    if logged.files is None:
        return LoggedRows(columns=columns, problem="no rows: the log is too long to tell which files live")
    whole = logged.files.filter(logged.files.column("whole")) if "whole" in logged.files.column_names else logged.files
    whole = whole.filter(pc.is_valid(whole.column("key"))).combine_chunks()
    keys = whole.column("key").combine_chunks()
    listed = objects.select(MANIFEST_SCHEMA.names).filter(pc.is_in(objects.column("key"), value_set=keys))
    if not listed.num_rows:
        problem = "no rows: files of the table hide rows of every data file" if logged.files.num_rows else None
        return LoggedRows(columns=columns, problem=problem)
    chosen = list(TableFiles(listed, ()).sample(_KEPT_FILES))
    rows = whole.take(pc.index_in(pa.array([file.ref.key for file in chosen], pa.string()), value_set=keys))
    values = [rows.column(str(number)).to_pylist() for number in range(len(logged.partition_columns))]
    files = (replace(file, ref=FileRef(file.ref.key, tuple(own[i] for own in values))) for i, file in enumerate(chosen))
    return LoggedRows(files=tuple(files), columns=columns, names=logged.names)


def read_logged_rows(store: ObjectStore, layout: TableLayout, objects: pa.Table) -> LoggedRows:
    """Choose files by the log as it is now, which is listed and read for that.

    Raises:
        UnreadableLogError: see `TableFormat.read_table`.
        StoreError: the log could not be listed or read.
    """
    table_format = table_formats()[layout.format]
    folder = layout.location + table_format.log_folder
    pages = [page.objects for page in store.list_pages(folder)]
    logs = pa.Table.from_batches([batch.select(MANIFEST_SCHEMA.names) for batch in pages], MANIFEST_SCHEMA)
    data = objects.select(MANIFEST_SCHEMA.names).filter(pc.invert(pc.starts_with(objects.column("key"), folder)))
    log = TableLog(store, layout.location, table_format.name, table_format.log_folder, logs, data, LogLimits())
    return choose_logged(objects, table_format.read_table(log))


def has_log(layout: TableLayout) -> bool:
    """Whether a log says which files are the table."""
    return layout.format in table_formats()
