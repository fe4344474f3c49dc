"""Apache Iceberg, by the pyiceberg package: the newest metadata file, its snapshot's manifest list and manifests, and nothing else.

Without a catalog nobody says which metadata file is the current one. It is that of the highest number; of several with this number the
one that `version-hint.text` names, else the newest.
"""

from __future__ import annotations

import io
import re
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import orjson
import pyarrow as pa

from s3_catalog.errors import MissingExtraError
from s3_catalog.model.statistics import ColumnStatistics
from s3_catalog.model.tables import Column, PartitionColumn
from s3_catalog.storage import printable
from s3_catalog.table_formats import LoggedTable
from s3_catalog.table_formats._iceberg_deletions import Deletions
from s3_catalog.table_formats._iceberg_history import blame_iceberg
from s3_catalog.table_formats._iceberg_statistics import StatisticsCollector
from s3_catalog.table_formats._log import TableLog
from s3_catalog.table_formats._names import FieldNames
from s3_catalog.table_formats._paths import LogPaths

if TYPE_CHECKING:
    from pyiceberg.manifest import ManifestEntry, ManifestFile
    from pyiceberg.schema import Schema
    from pyiceberg.table.metadata import TableMetadata
    from pyiceberg.types import NestedField

_METADATA = re.compile(r"v?(\d+)(?:-[^/]*)?(?:\.gz)?\.metadata\.json(?:\.gz)?")
_HINT = "version-hint.text"
_GZIP_MAGIC = b"\x1f\x8b"
_WORDS = "pyiceberg cannot read it"
_OWN_TYPES = ("uuid", "fixed", "timestamp_ns", "timestamptz_ns", "unknown")
_KNOWN_TYPES = re.compile(
    r"boolean|int|long|float|double|date|time|timestamp|timestamptz|timestamp_ns|timestamptz_ns|string|uuid|binary|unknown"
    r"|fixed\[\s*\d+\s*\]|decimal\(\s*\d+\s*,\s*\d+\s*\)"
)
_FOREIGN_TYPES = re.compile(r"variant|(?:geometry|geography)(?:\(.*\))?")
_FILES = {"key": pa.string(), "size": pa.int64(), "whole": pa.bool_(), "rows": pa.int64()}


class IcebergTableFormat:
    """Roots with `metadata/*.metadata.json`."""

    name = "iceberg"
    log_folder = "metadata/"
    log_file = r"[^/]*\.metadata\.json(?:\.gz)?$"

    def read_table(self, log: TableLog) -> LoggedTable:
        """Read the schema, identity partition columns, live files and the row count."""
        try:
            import pyiceberg.table.metadata  # noqa: F401 - that it is installed
        except ModuleNotFoundError as error:
            raise MissingExtraError("an Iceberg table", "iceberg") from error
        name, warnings = _choose_metadata(log)
        metadata, foreign = _read_metadata(log, name)
        paths = LogPaths(log, table_location=metadata.location)
        with log.blaming(name, _WORDS):
            identities = _identity_fields(metadata)
            columns = {i: replace(c, source_type=foreign.get(i, c.source_type)) for i, c in _columns(metadata.schema()).items()}
            blame = blame_iceberg(metadata, log.root + name, paths, _types)
            names = _field_names(metadata)
        types = {field_id: column.type for field_id, column in columns.items() if field_id not in identities}
        snapshot = _read_snapshot(_Manifests(log, paths), metadata, tuple(identities), types)
        return LoggedTable(
            columns=tuple(replace(columns[i], statistics=snapshot.statistics.get(i), blame=blame.get(i)) for i in types),
            partition_columns=tuple(PartitionColumn(name=columns[i].name, type=columns[i].type) for i in identities),
            row_count=snapshot.row_count,
            files=snapshot.files,
            warnings=warnings,
            details=_details(metadata) | snapshot.details,
            names=names,
            read_keys=(log.root + name,),
        )


FORMAT = IcebergTableFormat()


@dataclass(frozen=True, slots=True, kw_only=True)
class _Snapshot:
    row_count: int | None
    files: pa.Table | None
    details: dict[str, str]
    statistics: Mapping[int, ColumnStatistics] = field(default_factory=dict)


def _choose_metadata(log: TableLog) -> tuple[str, tuple[str, ...]]:
    """The current metadata file, by its name below the root, and what is doubtful about it."""
    names = log.names()
    numbers = {name: int(match[1]) for name in names if (match := _METADATA.fullmatch(name))}
    if not numbers:
        raise log.unreadable(log.folder, "no metadata file there carries a version in its name")
    newest = [name for name, number in numbers.items() if number == max(numbers.values())]
    if len(newest) == 1:
        return log.folder + newest[0], ()
    hint = log.read(log.folder + _HINT).decode(errors="replace").strip() if _HINT in names else ""
    for name in newest:
        if name in (hint, f"{hint}.metadata.json"):
            return log.folder + name, ()
    return log.folder + log.newest_of(newest), (f"{len(newest)} metadata files of the same version: the newest was taken",)


def _read_metadata(log: TableLog, name: str) -> tuple[TableMetadata, dict[int, str]]:
    """The metadata, and the types that pyiceberg does not know, by field id."""
    from pyiceberg.table.metadata import TableMetadataUtil

    data = log.read(name)
    if data.startswith(_GZIP_MAGIC):
        with log.blaming(name, "it is cut short, or not gzip"):
            unpacker = zlib.decompressobj(wbits=zlib.MAX_WBITS | 16)
            data = unpacker.decompress(data, log.limits.max_log_bytes)
        if unpacker.unconsumed_tail:
            raise log.unreadable(name, f"it unpacks to more than {log.limits.max_log_bytes:,} bytes")
    with log.blaming(name, "it is empty" if not data else "it is not JSON, or cut short"):
        document = orjson.loads(data)
    with log.blaming(name, _WORDS):
        schemas = [*document.get("schemas", ()), *([document["schema"]] if "schema" in document else [])]
        fields = [nested for schema in schemas for nested in schema["fields"]]
        foreign = dict(pair for nested in fields for pair in _replace_foreign(nested, "type", nested["id"]))
        for kind in foreign.values():
            if not _FOREIGN_TYPES.fullmatch(kind):
                raise log.unreadable(name, f"a column has the type {printable(kind)}, which is not known")
        return TableMetadataUtil.parse_raw(orjson.dumps(document).decode() if foreign else data.decode()), foreign


def _replace_foreign(holder: dict[str, Any], name: str, field_id: int) -> Iterator[tuple[int, str]]:
    """Make every type that pyiceberg does not know one of bytes, which all of these are stored as; yields its field id and its text."""
    kind = holder[name]
    if isinstance(kind, str):
        if not _KNOWN_TYPES.fullmatch(kind):
            holder[name] = "binary"
            yield field_id, kind
        return
    for nested in kind.get("fields", ()):
        yield from _replace_foreign(nested, "type", nested["id"])
    for part in ("element", "key", "value"):
        if part in kind:
            yield from _replace_foreign(kind, part, kind[f"{part}-id"])


def _columns(schema: Schema) -> dict[int, Column]:
    """Top-level field id -> column, in order."""
    from pyiceberg.io.pyarrow import schema_to_pyarrow

    arrow = schema_to_pyarrow(schema, include_field_ids=False)
    fields = zip(schema.fields, arrow, strict=True)
    return {f.field_id: Column(name=f.name, type=a.type, nullable=f.optional, source_type=_source_type(f)) for f, a in fields}


def _field_names(metadata: TableMetadata) -> FieldNames:
    """The fields with their numbers, and whether any name or number ever went with another."""
    from pyiceberg.io.pyarrow import schema_to_pyarrow
    from pyiceberg.schema import index_by_name

    pairs = {pair for schema in metadata.schemas for pair in index_by_name(schema).items()}
    stable = len(pairs) == len({name for name, _ in pairs}) == len({number for _, number in pairs})
    return FieldNames(schema_to_pyarrow(metadata.schema(), include_field_ids=True), by_id=True, stable=stable)


def _types(schema: Schema) -> dict[int, pa.DataType]:
    return {field_id: column.type for field_id, column in _columns(schema).items()}


def _source_type(nested: NestedField) -> str | None:
    text = str(nested.field_type)
    return text if text.startswith(_OWN_TYPES) else None


def _identity_fields(metadata: TableMetadata) -> dict[int, str]:
    """Source field id -> column name of what the table is partitioned by as it is; nested fields make no column."""
    from pyiceberg.transforms import IdentityTransform

    top = {field.field_id: field.name for field in metadata.schema().fields}
    fields = [field for field in metadata.spec().fields if isinstance(field.transform, IdentityTransform)]
    return {field.source_id: top[field.source_id] for field in fields if field.source_id in top}


def _details(metadata: TableMetadata) -> dict[str, str]:
    schema = metadata.schema()
    fields = [(schema.find_column_name(f.source_id) or f"field {f.source_id}", f) for f in metadata.spec().fields]
    texts = [name if str(f.transform) == "identity" else f"{f.transform}({name}) as {f.name}" for name, f in fields]
    snapshot = metadata.current_snapshot()
    details = {
        "format_version": str(metadata.format_version),
        "schema_id": str(schema.schema_id),
        "partition_spec": ", ".join(texts),
        "snapshot_id": str(snapshot.snapshot_id) if snapshot else "",
        "snapshots": str(len(metadata.snapshots)),
        "table_uuid": str(metadata.table_uuid),
    }
    return {name: value for name, value in details.items() if value}


def _read_snapshot(reader: _Manifests, metadata: TableMetadata, identities: tuple[int, ...], types: Mapping[int, pa.DataType]) -> _Snapshot:
    """The live files of the current snapshot, how many rows they hold, and the figures of the columns of some types."""
    from pyiceberg.manifest import read_manifest_list

    snapshot = metadata.current_snapshot()
    schema = pa.schema(_FILES | {str(number): pa.string() for number in range(len(identities))})
    if snapshot is None:
        return _Snapshot(row_count=0, files=schema.empty_table(), details={})
    log, name = reader.log, reader.name(snapshot.manifest_list)
    with log.blaming(name, _WORDS):
        manifests = list(read_manifest_list(reader.new_input(snapshot.manifest_list)))
    counts = [(m.added_files_count or 0) + (m.existing_files_count or 0) for m in manifests]
    if sum(m.manifest_length for m in manifests) > log.limits.max_log_bytes or sum(counts) > log.limits.max_files:
        told = f"not looked up: {len(manifests)} manifests are more than may be read"
        return _Snapshot(row_count=_summary_count(snapshot.summary), files=None, details={"live_files": told})
    reader.prefetch(manifests)
    collector = StatisticsCollector(metadata, types)
    return _count_files(metadata, identities, reader, manifests, schema, collector)


def _summary_count(summary: Any) -> int | None:
    """The exact row count of a snapshot's summary, where no row is deleted in files that live on."""
    properties = dict(summary.additional_properties) if summary else {}
    deletes = [properties.get(name, "0") for name in ("total-position-deletes", "total-equality-deletes", "total-delete-files")]
    total = properties.get("total-records", "")
    return int(total) if set(deletes) == {"0"} and total.isdigit() else None


def _count_files(
    metadata: TableMetadata,
    identities: tuple[int, ...],
    reader: _Manifests,
    manifests: list[ManifestFile],
    schema: pa.Schema,
    collector: StatisticsCollector,
) -> _Snapshot:
    from pyiceberg.manifest import DataFileContent, FileFormat

    specs = {spec.spec_id: _value_readers(metadata, spec, identities) for spec in metadata.partition_specs}
    rows: dict[str, list[Any]] = {name: [] for name in schema.names}
    records = deleted = 0
    exact, deletions = True, Deletions()
    for manifest in manifests:
        readers = specs.get(manifest.partition_spec_id, [None] * len(identities))
        for entry in reader.live_files(manifest):
            file = entry.data_file
            rows["key"].append(reader.paths.key(file.file_path))
            rows["size"].append(file.file_size_in_bytes if file.file_format != FileFormat.PUFFIN else None)
            rows["rows"].append(file.record_count)
            for number, read in enumerate(readers):
                rows[str(number)].append(read(file.partition) if read else None)
            deletions.add(entry)
            if file.content == DataFileContent.DATA:
                records += file.record_count
                collector.add(file, entry.snapshot_id)
            else:
                deleted += file.record_count
                # a deletion vector names each row once; position and equality deletes may name rows twice, or none
                exact = exact and file.file_format == FileFormat.PUFFIN
    rows["whole"] = deletions.whole()
    rows["rows"] = [count if whole else None for count, whole in zip(rows["rows"], rows["whole"], strict=True)]
    details = {"deleted_rows": f"{deleted}" if exact else f"in delete files with {deleted} entries"} if deleted else {}
    return _Snapshot(
        row_count=records - deleted if exact else None,
        files=pa.table(rows, schema=schema),
        details=details,
        statistics=collector.state(loose=deleted > 0),
    )


def _value_readers(metadata: TableMetadata, spec: Any, identities: tuple[int, ...]) -> list[Any]:
    """Per partition column, how its text is read from a file's partition; None where this older spec does not hold it."""
    from pyiceberg.transforms import IdentityTransform

    schema = metadata.schema()

    def reader(field_id: int) -> Any:
        for position, part in enumerate(spec.fields):
            if part.source_id == field_id and isinstance(part.transform, IdentityTransform):
                source = schema.find_type(field_id)
                return lambda partition: (
                    None if partition[position] is None else str(part.transform.to_human_string(source, partition[position]))
                )
        return None

    return [reader(field_id) for field_id in identities]


class _Manifests:
    """What pyiceberg asks of a file system, over a table's log: files to read, by the paths in the metadata."""

    def __init__(self, log: TableLog, paths: LogPaths) -> None:
        self.log, self.paths = log, paths
        self._fetched: dict[str, bytes] = {}

    def name(self, path: str) -> str:
        """The name below the root of a file that the metadata names."""
        key = self.paths.key(path)
        if key is None or not key.startswith(self.log.root):
            raise self.log.unreadable(self.log.folder, "it names a file that lies outside the table")
        return key.removeprefix(self.log.root)

    def prefetch(self, manifests: list[ManifestFile]) -> None:
        """Read manifests side by side."""
        names = [self.name(manifest.manifest_path) for manifest in manifests]
        self._fetched = dict(zip(names, self.log.read_all(names), strict=True))

    def new_input(self, path: str) -> Any:
        name = self.name(path)
        return _InputFile(path, self._fetched.pop(name) if name in self._fetched else self.log.read(name))

    def live_files(self, manifest: ManifestFile) -> Iterator[ManifestEntry]:
        """The entries of one manifest, of data and delete files, that are not deleted."""
        with self.log.blaming(self.name(manifest.manifest_path), _WORDS):
            entries = manifest.fetch_manifest_entry(self)  # type: ignore[arg-type]  # it asks for new_input alone
        yield from entries


@dataclass(frozen=True, slots=True)
class _InputFile:
    location: str
    data: bytes

    def open(self, seekable: bool = True) -> io.BytesIO:
        return io.BytesIO(self.data)
