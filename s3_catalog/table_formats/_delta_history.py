"""Schema blame of a Delta table: which commit brought a column or changed its type.

In: the files of the log that were copied. Out: blame per column. As far as the newest checkpoint covers older commits these are read too,
within a bound and no more than needed: the oldest version; where its schema is another, checkpoints between (halving the gap each time),
and at last the commits of the gap. With column mapping a column that was renamed is the same one: it keeps its name in the files.
"""

from __future__ import annotations

import io
import logging
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path
from typing import Any, BinaryIO

import orjson

from s3_catalog.errors import S3CatalogError
from s3_catalog.model.blame import ColumnBlame, FileRef, SeenFile, blame_columns
from s3_catalog.model.types import type_text
from s3_catalog.table_formats._log import TableLog
from s3_catalog.table_formats._names import physical_name

logger = logging.getLogger(__name__)

_VERSIONED = re.compile(r"(\d{20})\.(?:json|checkpoint\..*)")
_WHOLE_CHECKPOINT = re.compile(r"(\d{20})\.checkpoint(?:\.[0-9A-Fa-f-]{36})?\.(?:parquet|json)")
_COMMIT = re.compile(r"(\d{20})\.json")

Types = Mapping[str, str]
"""Column, by its name in the files -> canonical type."""


def blame_delta(log: TableLog, root: Path, names: Iterable[str]) -> dict[str, ColumnBlame]:
    """Say where columns come from, by their names in the files.

    Args:
        root: the folder that stands for the table's root.
        names: the copied files of the log, by name below the root.

    Raises:
        UnreadableLogError: a schema in the copied files is not one of Delta.
    """
    history = _History(log)
    for name in names:
        if match := _VERSIONED.fullmatch(name.removeprefix(log.folder)):
            with (root / name).open("rb") as file:
                history.add(int(match[1]), name, file)
    history.carry()
    history.explore()
    return history.blame()


@dataclass(slots=True)
class _Budget:
    files: int
    size: int

    def spend(self, size: int) -> bool:
        """Whether one more file of this size (bytes) may be read."""
        if self.files < 1 or self.size < size:
            return False
        self.files -= 1
        self.size -= size
        return True


class _History:
    """The versions of a table whose schema is known."""

    def __init__(self, log: TableLog) -> None:
        self._log = log
        self._budget = _Budget(log.limits.max_history_files, log.limits.max_history_bytes)
        self._known: dict[int, Types] = {}
        self._silent: set[int] = set()  # versions whose commit was read and leaves the schema as it was
        self._parsed: dict[str, Types] = {}
        self._tried: set[str] = set()
        self._commits = self._versions(_COMMIT)
        self._checkpoints = self._versions(_WHOLE_CHECKPOINT)

    def _versions(self, pattern: re.Pattern[str]) -> dict[int, str]:
        found = {name: match for name in self._log.names() if (match := pattern.fullmatch(name))}
        return {int(match[1]): self._log.folder + name for name, match in found.items()}

    def add(self, version: int, name: str, file: BinaryIO) -> None:
        """Take what one file says of the schema.

        Raises:
            UnreadableLogError: that is no schema of Delta.
        """
        self._tried.add(name)
        with self._log.blaming(name, "it holds no schema of Delta"):
            text = _parquet_schema(file) if name.endswith(".parquet") else _json_schema(file)
            if text is not None:
                if text not in self._parsed:
                    self._parsed[text] = _types(text)
                self._known[version] = self._parsed[text]
            elif name == self._commits.get(version):
                self._silent.add(version)

    def carry(self) -> None:
        """A commit that is silent about the schema has that of the version before."""
        for version in sorted(self._silent):
            if version - 1 in self._known:
                self._known.setdefault(version, self._known[version - 1])
        for version in sorted(self._silent, reverse=True):
            if version in self._known:
                self._known.setdefault(version - 1, self._known[version])

    def explore(self) -> None:
        """Read older files until every change of the schema is found, or the budget is spent."""
        for version, name in sorted(({0: self._commits[0]} if 0 in self._commits else self._checkpoints).items()):
            if version >= min(self._known) or (self._read([name]) and version in self._known):
                break
        while (gap := self._widest_gap()) and self._read(self._next_files(*gap)):
            pass

    def _version(self, name: str) -> int:
        return int(name.removeprefix(self._log.folder)[:20])

    def _widest_gap(self) -> tuple[int, int] | None:
        """Two versions known that differ in schema, with files between that were not tried."""
        gaps = [(b - a, a, b) for a, b in pairwise(sorted(self._known)) if b - a > 1 and self._known[a] != self._known[b]]
        return next(((a, b) for _, a, b in sorted(gaps, reverse=True) if self._next_files(a, b)), None)

    def _next_files(self, older: int, newer: int) -> list[str]:
        """The checkpoint in the middle of a gap; without any its commits, newest first."""
        between = [name for v, name in sorted(self._checkpoints.items()) if older < v < newer and name not in self._tried]
        if between:
            return [between[len(between) // 2]]
        return [name for v, name in sorted(self._commits.items(), reverse=True) if older < v <= newer and name not in self._tried]

    def _read(self, names: list[str]) -> bool:
        """Read files as far as the budget goes; False where it does not reach for one. What cannot be read is left out."""
        names = [name for name in names if self._budget.spend(self._log.files[name][0])]
        self._tried.update(names)
        try:
            for name, data in zip(names, self._log.read_all(names), strict=True):
                self.add(self._version(name), name, io.BytesIO(data))
        except S3CatalogError as error:  # a table is not broken by a commit that its checkpoint replaces
            logger.info("blame cut short format=%s root=%r error=%s", self._log.table_format, self._log.root, error)
        self.carry()
        return bool(names)

    def blame(self) -> dict[str, ColumnBlame]:
        """Say where columns come from. Those of the oldest version known are sure to be that old only where it is the first."""
        oldest = min(self._known)
        first = self._ref(oldest)
        found = blame_columns(list(self._seen()))
        return {n: replace(b, exact=False) if oldest and b.first == first else b for n, b in found.items()}

    def _seen(self) -> Iterable[SeenFile]:
        """The versions at either end of a run without a change; the rest adds nothing."""
        ordered = sorted(self._known)
        for version in ordered:
            types = self._known[version]
            inside = all(self._known.get(near) == types for near in (version - 1, version + 1))
            if not inside or version in (ordered[0], ordered[-1]):
                yield SeenFile(file=self._ref(version), rank=version, types=types)

    def _ref(self, version: int) -> FileRef:
        return FileRef(self._log.root + (self._commits.get(version) or self._checkpoints.get(version) or self._log.folder))


def _parquet_schema(file: BinaryIO) -> str | None:
    import pyarrow.parquet as pq

    column = pq.ParquetFile(file).read(columns=["metaData.schemaString"]).column("metaData")
    return next((row["schemaString"] for row in column.drop_null().to_pylist() if row["schemaString"]), None)


def _json_schema(file: BinaryIO) -> str | None:
    for line in file:
        # most lines of a commit are of files: they are not parsed
        if b'"metaData"' in line:
            action: dict[str, Any] = orjson.loads(line)
            if action.get("metaData"):
                return str(action["metaData"]["schemaString"])
    return None


def _types(schema_text: str) -> Types:
    import pyarrow as pa
    from deltalake import Schema

    fields = pa.schema(Schema.from_json(schema_text).to_arrow())
    return {physical_name(field): type_text(field.type) for field in fields}
