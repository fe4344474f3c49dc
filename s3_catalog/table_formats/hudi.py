"""Apache Hudi, by the hudi package (hudi-rs): the timeline is copied; data files stand beside it as empty ones of the right name and size.

That is all hudi-rs needs to tell the newest slice of every file group. Its metadata table is left out: the listing tells as much, and
hudi-rs does not give the column statistics that it may hold.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

import orjson
import pyarrow as pa

from s3_catalog.errors import MissingExtraError
from s3_catalog.formats._avro_types import AvroTypes
from s3_catalog.model.blame import ColumnBlame, FileRef, SeenFile, blame_columns
from s3_catalog.model.tables import Column, PartitionColumn
from s3_catalog.model.types import type_text
from s3_catalog.table_formats import LoggedTable
from s3_catalog.table_formats._log import TableLog

if TYPE_CHECKING:
    from hudi import HudiFileSlice, HudiTable

_PROPERTIES = "hoodie.properties"
_COMMITS = ("commit", "deltacommit", "replacecommit")
_WORDS = "hudi cannot read it"
_ARCHIVES = ("archived/", "timeline/history/")
_MAX_DEPTH = 64
_HIVE_NULL = "__HIVE_DEFAULT_PARTITION__"


class HudiTableFormat:
    """Roots with a `.hoodie/`."""

    name = "hudi"
    log_folder = ".hoodie/"
    log_file = ""

    def read_table(self, log: TableLog) -> LoggedTable:
        """Read schema, partition columns and the newest slices; the row count where commits tell it of every file."""
        try:
            from hudi import HudiTable
        except ModuleNotFoundError as error:
            raise MissingExtraError("a Hudi table", "hudi") from error
        if log.data.num_rows > log.limits.max_files:
            raise log.unreadable(log.folder, f"the table has more than the {log.limits.max_files:,} files that are looked up in a log")
        timeline = [name for name in log.files if _is_of_timeline(name)]
        completed = [name for name in timeline if name.rpartition(".")[2] in _COMMITS]
        with log.temporary_root() as root:
            log.copy([log.folder + _PROPERTIES, *completed], root)
            log.place([(name, 0) for name in timeline if name not in completed], root)
            log.place(_data_files(log), root)
            with log.blaming(log.folder + _PROPERTIES, _WORDS):
                table = HudiTable(str(root), {"hoodie.metadata.enable": "false"})
                options = table.hudi_options()
            commits = _read_commits(log, table, completed)
            with log.blaming(completed[-1] if completed else log.folder + _PROPERTIES, _WORDS):
                return _read(log, table, options, commits, completed)


FORMAT = HudiTableFormat()


def _is_of_timeline(name: str) -> bool:
    """Whether a file is an instant: they lie in `.hoodie/` (up to table version 6) or `.hoodie/timeline/` and begin with their time."""
    folder, _, file = name.rpartition("/")
    return folder in (".hoodie", ".hoodie/timeline") and file[:1].isdigit()


def _data_files(log: TableLog) -> Iterator[tuple[str, int]]:
    keys, sizes = log.data.column("key").to_pylist(), log.data.column("size").to_pylist()
    return ((key.removeprefix(log.root), size) for key, size in zip(keys, sizes, strict=True))


@dataclass(frozen=True, slots=True)
class _Commits:
    """What the commits that are still on the timeline say: rows by file (below the root), and the schemas that they wrote with."""

    counts: dict[str, int]
    schemas: list[SeenFile]


def _read_commits(log: TableLog, table: HudiTable, completed: list[str]) -> _Commits:
    with log.blaming(completed[-1] if completed else log.folder + _PROPERTIES, _WORDS):
        timeline = table.get_timeline()
        instants = [*timeline.get_completed_commits(), *timeline.get_completed_deltacommits(), *timeline.get_completed_replacecommits()]
    commits = _Commits({}, [])
    for rank, instant in enumerate(sorted(instants, key=lambda instant: instant.timestamp)):
        name = next((name for name in completed if name.rpartition("/")[2].startswith(instant.timestamp)), log.folder + _PROPERTIES)
        with log.blaming(name, "it is no commit, or cut short"):
            commit = orjson.loads(timeline.get_instant_metadata_in_json(instant))
            for written in (commit.get("partitionToWriteStats") or {}).values():
                commits.counts.update({file["path"]: file["numWrites"] for file in written if file.get("path")})
            if schema := (commit.get("extraMetadata") or {}).get("schema"):
                columns = AvroTypes(_MAX_DEPTH).columns(orjson.loads(schema))
                types = {column.name: type_text(column.type) for column in columns}
                commits.schemas.append(SeenFile(file=FileRef(log.root + name), rank=rank, types=types))
    return commits


def _blame(log: TableLog, schemas: list[SeenFile]) -> dict[str, ColumnBlame]:
    """Say which commit brought a column; commits that were archived are not known."""
    is_cut = any(name.startswith(_ARCHIVES) for name in log.names())
    return {
        name: replace(blame, exact=False) if is_cut and blame.first == schemas[0].file else blame
        for name, blame in blame_columns(schemas).items()
    }


def _read(log: TableLog, table: HudiTable, options: dict[str, str], commits: _Commits, completed: list[str]) -> LoggedTable:
    slices = table.get_file_slices()
    schema = table.get_schema()
    fields = [field for field in options.get("hoodie.table.partition.fields", "").split(",") if field]
    types = {field.name: field.type for field in table.get_partition_schema()} | {field.name: field.type for field in schema}
    blame = _blame(log, commits.schemas)
    written = [commits.counts.get(s.base_file_relative_path()) if s.base_file_name and not s.has_log_files() else None for s in slices]
    latest = table.get_timeline().get_latest_commit_timestamp() if completed else ""
    details = {
        "table_type": options.get("hoodie.table.type", ""),
        "table_version": options.get("hoodie.table.version", ""),
        "instant": latest,
        "record_key": options.get("hoodie.table.recordkey.fields", ""),
        "hive_style_partitioning": options.get("hoodie.datasource.write.hive_style_partitioning", "false") if fields else "",
    }
    return LoggedTable(
        columns=tuple(
            Column(name=field.name, type=field.type, nullable=field.nullable, blame=blame.get(field.name))
            for field in schema
            if field.name not in fields
        ),
        partition_columns=tuple(PartitionColumn(name=name, type=types.get(name, pa.string())) for name in fields),
        row_count=None if None in written else sum(count for count in written if count is not None),
        files=_live_files(log, slices, fields),
        details={name: value for name, value in details.items() if value},
        read_keys=(log.root + (completed[-1] if completed else log.folder + _PROPERTIES),),
    )


def _live_files(log: TableLog, slices: list[HudiFileSlice], fields: list[str]) -> pa.Table:
    rows: dict[str, list[Any]] = {"key": [], "whole": [], **{str(number): [] for number in range(len(fields))}}
    for file_slice in slices:
        base = [file_slice.base_file_relative_path()] if file_slice.base_file_name else []
        names = [*base, *file_slice.log_files_relative_paths()]
        rows["key"] += [log.root + name for name in names]
        # Beside a log, rows of the base file may have been changed or deleted.
        rows["whole"] += [len(names) == 1 and bool(base)] * len(names)
        for number, value in enumerate(_partition_values(file_slice.partition_path, fields)):
            rows[str(number)] += [value] * len(names)
    whole = pa.array(rows.pop("whole"), pa.bool_())
    columns = {name: pa.array(values, pa.string()) for name, values in rows.items()}
    return pa.table({"key": columns.pop("key"), "whole": whole, "size": pa.nulls(len(rows["key"]), pa.int64()), **columns})


def _partition_values(path: str, fields: list[str]) -> list[str | None]:
    """The values that a partition's path holds. One field may span folders (`2024/01/31`); a path that fits no other way gives nulls."""
    segments = [path] if len(fields) == 1 else path.split("/")
    if len(segments) != len(fields):
        return [None] * len(fields)
    values = [unquote(s.removeprefix(f"{field}=")) for field, s in zip(fields, segments, strict=True)]
    return [None if value in (_HIVE_NULL, "") else value for value in values]
