"""Delta Lake, by the deltalake package: the last checkpoint and the commits after it are copied, and nothing else is read.

Rules: the Delta transaction log protocol. Compacted commits (`.compacted.json`) are left out: the commits they hold are still there.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

import orjson
import pyarrow as pa
import pyarrow.compute as pc

from s3_catalog.errors import MissingExtraError, UnreadableLogError
from s3_catalog.model.blame import ColumnBlame
from s3_catalog.model.origins import CLONED_FROM
from s3_catalog.model.statistics import ColumnStatistics
from s3_catalog.model.tables import Column, PartitionColumn
from s3_catalog.table_formats import LoggedTable
from s3_catalog.table_formats._delta_history import blame_delta
from s3_catalog.table_formats._delta_statistics import state_statistics
from s3_catalog.table_formats._log import TableLog
from s3_catalog.table_formats._names import FieldNames, has_other_names, physical_name
from s3_catalog.table_formats._origins import find_cloned
from s3_catalog.table_formats._paths import LogPaths

if TYPE_CHECKING:
    from deltalake import DeltaTable

_COMMIT = re.compile(r"(\d{20})\.json")
_CHECKPOINT = re.compile(r"(\d{20})\.checkpoint(?:\.(?P<part>\d{10})\.(?P<parts>\d{10})|\.(?P<id>[0-9A-Fa-f-]{36}))?\.(?:parquet|json)")
_SPARK_TYPE = "__CHAR_VARCHAR_TYPE_STRING"
_LOOSE = re.compile(r'"tightBounds"\s*:\s*false')
_WORDS = "deltalake cannot read it"


class DeltaTableFormat:
    """Roots with a `_delta_log/`, whatever they are called."""

    name = "delta"
    log_folder = "_delta_log/"
    log_file = r"(?:\d+\.|_last_checkpoint$)"

    def read_table(self, log: TableLog) -> LoggedTable:
        """Read schema, partition columns, live files and the exact row count, deletion vectors subtracted."""
        try:
            from deltalake import DeltaTable
        except ModuleNotFoundError as error:
            raise MissingExtraError("a Delta table", "delta") from error
        names = [self.log_folder + name for name in _choose_files(log)]
        with log.temporary_root() as root:
            log.copy(names, root)
            sidecars = _sidecars(log, root, names)
            log.copy(sidecars, root)
            with _culprit_named(log, root, [*sidecars, *names]):
                return _read(log, DeltaTable(str(root)), root, [*sidecars, *names])


FORMAT = DeltaTableFormat()


def _choose_files(log: TableLog) -> list[str]:
    """The newest complete checkpoint and the commits after it.

    Raises:
        UnreadableLogError: a commit is empty, or missing between two others or before the first.
    """
    names = log.names()
    version, checkpoint = _newest_checkpoint(names)
    commits = {int(match[1]): name for name in names if (match := _COMMIT.fullmatch(name)) and int(match[1]) > version}
    last = max(commits, default=version)
    for expected in range(version + 1, last + 1):
        if expected not in commits:
            raise log.unreadable(f"{log.folder}{expected:020}.json", "it is missing")
    if not checkpoint and not commits:
        raise log.unreadable(f"{log.folder}{0:020}.json", "it is missing, and there is no checkpoint")
    chosen = [*checkpoint, *(commits[number] for number in sorted(commits))]
    for name in chosen:
        if log.files[log.folder + name][0] == 0:
            raise log.unreadable(log.folder + name, "it is empty")
    return chosen


def _newest_checkpoint(names: Iterable[str]) -> tuple[int, list[str]]:
    """Version and files of the newest checkpoint whose parts are all there; -1 where there is none."""
    found: dict[tuple[int, int, str], list[str]] = {}
    for name in names:
        if match := _CHECKPOINT.fullmatch(name):
            found.setdefault((int(match[1]), int(match["parts"] or 1), match["id"] or ""), []).append(name)
    complete = {(version, parts, uid): files for (version, parts, uid), files in found.items() if len(files) == parts}
    newest = max(complete, default=None)
    return (newest[0], complete[newest]) if newest else (-1, [])


def _sidecars(log: TableLog, root: Path, names: Iterable[str]) -> list[str]:
    """The files that a checkpoint of the second kind names."""
    import pyarrow.parquet as pq

    found: list[str] = []
    for name in names:
        path = root / name
        if not _CHECKPOINT.fullmatch(path.name):
            continue
        with log.blaming(name, "it is not a checkpoint"):
            if path.suffix == ".json":
                actions = [orjson.loads(line) for line in path.read_bytes().splitlines() if line.strip()]
                paths = [action["sidecar"]["path"] for action in actions if "sidecar" in action]
            elif "sidecar" in pq.read_schema(path).names:
                column = pq.ParquetFile(path).read(columns=["sidecar.path"]).column("sidecar")
                paths = [row["path"] for row in column.to_pylist() if row and row["path"]]
            else:
                paths = []
        found += [f"{log.folder}_sidecars/{unquote(path.rpartition('/')[2])}" for path in paths]
    return found


@contextmanager
def _culprit_named(log: TableLog, root: Path, names: list[str]) -> Iterator[None]:
    """Name the file that is no log file, when the library gives up."""
    try:
        with log.blaming(names[-1], _WORDS):
            yield
    except UnreadableLogError as error:
        cause = str(error.__cause__ or "")
        for name in names:
            if fault := _fault(root / name):
                raise log.unreadable(name, fault) from error
        if "feature" in cause.lower():
            raise log.unreadable(names[-1], "the table uses a feature of Delta that deltalake does not know") from error
        if "No table metadata or protocol" in cause:
            raise log.unreadable(names[0], "neither it nor a later file holds the table's metadata") from error
        raise


def _fault(path: Path) -> str | None:
    """What is wrong with one file of a log, if that can be told from it alone."""
    import pyarrow.parquet as pq

    if path.suffix == ".parquet":
        try:
            pq.read_metadata(path)
        except (OSError, pa.ArrowException):
            return "it is not a Parquet file, or cut short"
        return None
    for number, line in enumerate(path.read_bytes().splitlines(), start=1):
        try:
            action = orjson.loads(line) if line.strip() else {}
        except orjson.JSONDecodeError:
            return f"line {number} is not JSON, or cut short"
        if not isinstance(action, dict):
            return f"line {number} is no action of a log"
    return None


def _read(log: TableLog, table: DeltaTable, root: Path, names: list[str]) -> LoggedTable:
    metadata, protocol = table.metadata(), table.protocol()
    schema = pa.schema(table.schema().to_arrow())
    partitioned_by = list(metadata.partition_columns)
    actions = pa.table(table.get_add_actions(flatten=False))
    counts = actions.column("num_records") if "num_records" in actions.column_names else pa.nulls(actions.num_rows, pa.int64())
    row_count = None if counts.null_count else pc.sum(counts).as_py() or 0
    deletions: Mapping[str, int] = {}
    loose = False
    if "deletionVectors" in (protocol.reader_features or []):
        deletions, loose = _find_deletions(root, names, actions.column("path"))
    deleted = sum(deletions.values())
    row_count = None if row_count is None else row_count - deleted
    configuration = metadata.configuration
    details = {
        "version": str(table.version()),
        "description": metadata.description,
        "column_mapping": configuration.get("delta.columnMapping.mode"),
        "deleted_rows": str(deleted) if deleted else None,
        CLONED_FROM: find_cloned(root / name for name in names if _COMMIT.fullmatch(name.removeprefix(log.folder))),
    }
    fields = [field for field in schema if field.name not in partitioned_by]
    statistics = state_statistics(actions, {field.name: physical_name(field) for field in fields}, loose=loose)
    blame = blame_delta(log, root, names)
    return LoggedTable(
        columns=tuple(_column(field, statistics.get(field.name), blame.get(physical_name(field))) for field in fields),
        partition_columns=tuple(PartitionColumn(name=name, type=schema.field(name).type) for name in partitioned_by),
        row_count=row_count,
        files=_live_files(log, actions, partitioned_by, deletions),
        names=FieldNames(schema) if has_other_names(schema) else None,
        details={name: value for name, value in details.items() if value},
        read_keys=(log.root + names[-1],),
    )


def _column(field: pa.Field, statistics: ColumnStatistics | None, blame: ColumnBlame | None) -> Column:
    own = (field.metadata or {}).get(_SPARK_TYPE.encode())
    return Column(
        name=field.name,
        type=field.type,
        nullable=field.nullable,
        source_type=own.decode(errors="replace") if own else None,
        statistics=statistics,
        blame=blame,
    )


def _live_files(log: TableLog, actions: pa.Table, partitioned_by: list[str], deletions: Mapping[str, int]) -> pa.Table:
    paths, found = LogPaths(log, encoded=True), actions.column("path").to_pylist()
    keys = pa.array([paths.key(path) for path in found], pa.string())
    whole = pa.array([path not in deletions for path in found], pa.bool_())
    counts = actions.column("num_records") if "num_records" in actions.column_names else pa.nulls(actions.num_rows, pa.int64())
    rows = pc.if_else(whole, counts.cast(pa.int64()), pa.scalar(None, pa.int64()))
    columns = {"key": keys, "size": actions.column("size_bytes").cast(pa.int64()), "whole": whole, "rows": rows}
    for number, name in enumerate(partitioned_by):
        index = actions.schema.field("partition").type.get_field_index(name)
        columns[str(number)] = pc.struct_field(actions.column("partition"), [index]).cast(pa.string())
    return pa.table(columns)


def _find_deletions(root: Path, names: Iterable[str], live: pa.ChunkedArray) -> tuple[dict[str, int], bool]:
    """How many rows of a live file its deletion vector hides, by path, and whether some file's figures may be of hidden rows.

    The newest `add` of a file counts.
    """
    import pyarrow.parquet as pq

    cardinalities: dict[str, int] = {}
    loose: dict[str, bool] = {}
    for name in reversed(list(names)):
        path = root / name
        found: Iterable[dict[str, Any] | None]
        if path.suffix == ".parquet":
            columns = ["add.path", "add.deletionVector.cardinality", "add.stats"]
            found = pq.ParquetFile(path).read(columns=columns).column("add").to_pylist()
        else:
            found = (orjson.loads(line).get("add") for line in reversed(path.read_bytes().splitlines()) if line.strip())
        for add in found:
            if add and add["path"] is not None and add["path"] not in cardinalities:
                cardinalities[add["path"]] = (add.get("deletionVector") or {}).get("cardinality") or 0
                loose[add["path"]] = cardinalities[add["path"]] > 0 or bool(_LOOSE.search(add.get("stats") or ""))
    alive = live.to_pylist()
    return {path: cardinalities[path] for path in alive if cardinalities.get(path)}, any(loose.get(path, False) for path in alive)
