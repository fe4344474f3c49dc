"""Which files of a table are read, and their schemas: a sample spread over the keys, then, where files differ, those between them."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import cached_property

import pyarrow as pa
import pyarrow.compute as pc

from s3_catalog.discovery.suffixes import UNKNOWN, read_suffix
from s3_catalog.errors import MissingExtraError, S3CatalogError, UnreadableFileError, describe_unknown
from s3_catalog.formats import FileFormat, FileSchema, MemberFormat, ReadLimits, file_formats
from s3_catalog.formats._compression import detect_compression, split_compression
from s3_catalog.formats._hints import read_options
from s3_catalog.inference.private_texts import hide_private_names
from s3_catalog.inference.results import InferenceRules
from s3_catalog.model.blame import FileRef, SeenFile, find_gap
from s3_catalog.model.tables import Partition, TableLayout
from s3_catalog.model.types import type_text
from s3_catalog.storage import ObjectStore
from s3_catalog.storage.files import ObjectFile, OpenedFiles

logger = logging.getLogger(__name__)

SPARE_FILES = 3
"""How many files may be tried in place of unreadable ones."""
_NO_TIME = datetime.fromtimestamp(0, UTC)
_SHORT_TABLE = 2
"""Files up to which a table's text files are looked at near their ends too: there are few others to learn from."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ListedFile:
    """One object of a table. `row` is its place by key, `age` orders files from old to new."""

    row: int
    ref: FileRef
    size: int
    etag: str | None
    age: tuple[float, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadFile:
    """A file that was read: what each of its tables looks like, by member; the only table of a plain file has the member ""."""

    file: ListedFile
    members: Mapping[str, FileSchema]


class TableFiles:
    """The objects of one layout: `MANIFEST_SCHEMA` and `partition` (index into the partitions, int32), by key."""

    def __init__(self, objects: pa.Table, partitions: Sequence[Partition]) -> None:
        self.objects, self._partitions = objects, partitions
        self.count = objects.num_rows

    def sample(self, count: int) -> Iterator[ListedFile]:
        """Files in order of preference: the newest, the first and last by key, then ever finer steps between them."""
        rows = self.count
        times = self.objects.column("last_modified")
        newest = pc.index(times, pc.max(times)).as_py() if times.null_count < rows else rows - 1
        order = dict.fromkeys([newest, 0, rows - 1])
        step = rows
        while len(order) < min(count, rows):
            step = max(1, step // 2)
            order.update(dict.fromkeys(range(step, rows, step)))
        return map(self._file, list(order)[:count])

    def rank(self, file: ListedFile) -> int:
        """The place of a file among all by age; 0 is the oldest."""
        rank: int = self._ranks[file.row].as_py()
        return rank

    def at_rank(self, rank: int) -> ListedFile:
        """The file at a place by age."""
        return self._file(self._by_age[rank].as_py())

    @cached_property
    def _by_age(self) -> pa.Array:
        times = pc.fill_null(self.objects.column("last_modified"), _NO_TIME)
        ages = pa.table({"time": times, "key": self.objects.column("key")})
        return pc.sort_indices(ages, sort_keys=[("time", "ascending"), ("key", "ascending")])

    @cached_property
    def _ranks(self) -> pa.Array:
        return pc.sort_indices(self._by_age)  # the inverse of a permutation

    def _file(self, row: int) -> ListedFile:
        found = self.objects.slice(row, 1).to_pylist()[0]
        partition = found.get("partition")
        values = () if partition is None else self._partitions[partition].values
        modified = found["last_modified"]
        return ListedFile(
            row=row,
            ref=FileRef(found["key"], values),
            size=found["size"],
            etag=found["etag"],
            age=(modified.timestamp() if modified else 0.0, found["key"]),
        )


@dataclass(slots=True)
class FileReader:
    """Reads files of one layout, and keeps what came of it: `read`, and `failed` with the reason."""

    store: ObjectStore
    layout: TableLayout
    limits: ReadLimits
    opened: OpenedFiles = field(default_factory=OpenedFiles)
    read: list[ReadFile] = field(default_factory=list)
    failed: list[tuple[ListedFile, S3CatalogError]] = field(default_factory=list)

    def try_file(self, file: ListedFile) -> None:
        """Read one file; what stops it stops no other. The value that an error shows is masked."""
        try:
            self.read.append(ReadFile(file=file, members=self._read(file)))
        except S3CatalogError as error:
            self.failed.append((file, error))

    @property
    def is_hopeless(self) -> bool:
        """Whether another file would fail as well: a package is missing, or none of several could be read."""
        lacks_package = bool(self.failed) and isinstance(self.failed[-1][1], MissingExtraError)
        return lacks_package or (not self.read and len(self.failed) > SPARE_FILES)

    def _read(self, file: ListedFile) -> Mapping[str, FileSchema]:
        key = file.ref.key
        found = self.opened.take(self.store, key, file.size, file.etag)
        reader, compression = choose_reader(self.layout, found, self.limits)
        try:
            if isinstance(reader, MemberFormat):
                members = reader.read_members(found, compression, self.limits)
            else:
                members = {"": reader.read_schema(found, compression, self.limits)}
            self.opened.add(found)
            return {member: hide_private_names(schema) for member, schema in members.items()}
        except S3CatalogError:
            raise
        except Exception as error:  # a format's library may raise anything on hostile bytes; one file never stops a run
            logger.error("format failed format=%s key=%r error=%s", reader.name, key, describe_unknown(error))
            raise UnreadableFileError(key, reader.name, f"its reader failed with {type(error).__name__}") from error


def read_files(store: ObjectStore, layout: TableLayout, files: TableFiles, rules: InferenceRules, opened: OpenedFiles) -> FileReader:
    """Read a sample of a table's files, and where they differ some between them."""
    reader = FileReader(store, layout, table_limits(layout, files.count, rules.limits), opened)
    wanted = _sample_size(layout, files.count, rules)
    for file in files.sample(wanted + SPARE_FILES):
        if len(reader.read) == wanted or reader.is_hopeless:
            break
        reader.try_file(file)
    if len(reader.read) < files.count:
        _close_gaps(reader, files, rules.blame_files)
    return reader


def table_limits(layout: TableLayout, count: int, limits: ReadLimits) -> ReadLimits:
    """How a table's files are read: with its hints, and to their ends where there are few. Whoever reads them again must do it alike."""
    return replace(limits, hints=read_options(layout.options), tail_of_text=count <= _SHORT_TABLE)


def see_file(found: ReadFile, files: TableFiles, member: str | None = None) -> SeenFile:
    """The types of the columns of one member, or of all, in one file."""
    if member is None:
        columns = [(f"{name}\0{column.name}", column) for name, schema in found.members.items() for column in schema.columns]
    else:
        columns = [(column.name, column) for column in found.members[member].columns]
    types = {name: type_text(column.type) for name, column in columns}
    return SeenFile(file=found.file.ref, rank=files.rank(found.file), types=types)


def _sample_size(layout: TableLayout, count: int, rules: InferenceRules) -> int:
    """How many files to read: all of a small table that is cheap to read whole, else a sample."""
    reader = file_formats().get(layout.format)
    within_budget = layout.size_bytes <= rules.sample_files * rules.limits.head_bytes
    if count <= rules.count_files and (within_budget or (reader is not None and reader.counts_cheaply)):
        return count
    return rules.sample_files


def _close_gaps(reader: FileReader, files: TableFiles, budget: int) -> None:
    """Read files between two that differ, halving each gap, until the files that brought the changes are known."""
    if len(reader.read) < 2:
        return
    seen = [see_file(found, files) for found in reader.read]
    for _ in range(budget):
        rank = find_gap(seen, unreadable={files.rank(file) for file, _ in reader.failed})
        if rank is None:
            return
        reader.try_file(files.at_rank(rank))
        seen += [see_file(found, files) for found in reader.read[len(seen) :]]


def choose_reader(layout: TableLayout, file: ObjectFile, limits: ReadLimits) -> tuple[FileFormat, str | None]:
    """The format of a table's files: its own, or where nothing here reads that, the one a file's name tells; and the compression.

    Raises:
        UnreadableFileError: no format of that name is installed.
    """
    formats = file_formats()
    _, compression = split_compression(file.key.rpartition("/")[2])
    named, _ = read_suffix(file.key)
    if compression is None and named == UNKNOWN:
        compression = detect_compression(file.head(limits.head_bytes))
    reader = formats.get(layout.format) or formats.get(named)
    if reader is None:
        raise UnreadableFileError(file.key, layout.format, f"no reader is installed for it; known are {', '.join(sorted(formats))}")
    return reader, compression
