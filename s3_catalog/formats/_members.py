"""Files within a file: what the archive formats share. In: an archive's members. Out: the columns or the rows of each table.

Only as much of a member is read as its own format asks for. A member is never written anywhere, its name is a name and no path, and an
archive within an archive is not opened.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import BinaryIO, Generic, TypeVar

from s3_catalog.errors import HintError, MissingExtraError, UnreadableFileError
from s3_catalog.formats import FileFormat, FileSchema, MemberFormat, ReadLimits, Row, SampleFormat, file_formats, formats_by_suffix
from s3_catalog.formats._compression import split_compression
from s3_catalog.formats._detect import detect_format
from s3_catalog.storage import printable
from s3_catalog.storage.files import ObjectFile

_MAX_OPENED = 64
"""Of so many members of one archive a byte is read."""
_SNIFFED = frozenset({"", ".txt", ".dat", ".data", ".out"})
_NAMED_MEMBERS = 5
_PIECE = 4096
"""zipfile decompresses all it has read at a time, which for the densest bzip2 is some 80 MB of so many bytes."""


Table = TypeVar("Table")
"""What is wanted of each table of an archive: its columns, or rows."""


class RangeFile(ObjectFile):
    """A member whose plain bytes are a range of the archive. Only the first `reach` bytes of it can be read."""

    def __init__(self, archive: ObjectFile, name: str, start: int, size: int, reach: int | None = None) -> None:
        self.key, self.size, self.etag = name, size, archive.etag
        self._archive, self._start, self._reach = archive, start, size if reach is None else max(0, min(reach, size))
        self._position = 0

    def read_at(self, start: int, length: int) -> bytes:
        length = max(0, min(length, self.size - start))
        if start + length > self._reach:
            raise UnreadableFileError(self.key, "a member of an archive", f"it is cut off after {self._reach:,} of its {self.size:,} bytes")
        return self._archive.read_at(self._start + start, length)

    def head(self, length: int) -> bytes:
        return self.read_at(0, min(length, self._reach))


class StreamFile(ObjectFile):
    """A compressed member: read from its start on, and no further than `reach` bytes. The stream is opened when it is first needed."""

    def __init__(self, name: str, size: int, reach: int, open_stream: Callable[[], BinaryIO], broken: tuple[type[Exception], ...]) -> None:
        self.key, self.size, self.etag = name, size, None
        self._reach, self._open_stream, self._broken = reach, open_stream, broken
        self._stream: BinaryIO | None = None
        self._data = bytearray()
        self._position = 0

    def read_at(self, start: int, length: int) -> bytes:
        end = start + max(0, min(length, self.size - start))
        if end > self._reach:
            reason = f"it is compressed, and its schema lies beyond its first {self._reach:,} bytes"
            raise UnreadableFileError(self.key, "a member of an archive", reason)
        try:
            self._read_until(end)
        except self._broken as error:
            raise UnreadableFileError(self.key, "a member of an archive", "its compressed data is corrupt or cut") from error
        return bytes(self._data[start:end])

    def _read_until(self, end: int) -> None:
        if self._stream is None:
            self._stream = self._open_stream()
        while len(self._data) < end:
            piece = self._stream.read(_PIECE)
            if not piece:
                raise EOFError
            self._data += piece


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """One file of an archive; `refusal` says why it cannot be read (encrypted)."""

    name: str
    file: ObjectFile
    refusal: str | None = None


ReadTables = Callable[[FileFormat, ObjectFile, str | None, ReadLimits], Mapping[str, Table]]
"""Reads what is wanted of the tables of one file, by member; of its only table by ""."""


@dataclass(slots=True)
class MemberReader(Generic[Table]):
    """Reads the tables of an archive one after the other, and remembers what was left out."""

    key: str
    file_format: str
    limits: ReadLimits
    read_tables: ReadTables[Table]
    failed: list[tuple[str, str]] = field(default_factory=list)
    skipped: int = 0
    archives: int = 0
    opened: int = 0
    left: int = 0
    """Members that were not opened, because there are too many."""
    misfits: int = 0
    """Failed members that what people say does not fit."""

    def __post_init__(self) -> None:
        # The end of a member is a request of its own, or all of it decompressed.
        self.limits = replace(self.limits, tail_of_text=False)

    def tables(self, members: Iterable[Member]) -> Iterator[tuple[str, Table]]:
        """Go through the members; each that is a table gives its name and what was read of it, a workbook's sheets one each."""
        for member in members:
            yield from self._read(member).items()

    def _read(self, member: Member) -> Mapping[str, Table]:
        name = safe_name(member.name)
        if not name or member.file.size == 0:
            self.skipped += 1
            return {}
        try:
            if member.refusal:
                raise UnreadableFileError(name, self.file_format, member.refusal)
            return self._read_table(name, member.file)
        except HintError as error:
            self.failed.append((name, str(error)))
            self.misfits += 1
        except UnreadableFileError as error:
            self.failed.append((name, error.reason))
        except MissingExtraError as error:
            self.failed.append((name, str(error)))
        return {}

    def _read_table(self, name: str, file: ObjectFile) -> Mapping[str, Table]:
        suffix, compression = _split_suffix(name)
        known = formats_by_suffix().get(suffix)
        if known is None and suffix not in _SNIFFED:
            self.skipped += 1
            return {}
        if self.opened >= _MAX_OPENED:
            self.left += 1
            return {}
        self.opened += 1
        found = (known, compression) if known else detect_format(file.head(self.limits.head_bytes))
        if found is None:
            self.skipped += 1
            return {}
        reader, compression = file_formats()[found[0]], found[1]
        if reader.name in ("zip", "tar"):
            self.archives += 1
            return {}
        parts = self.read_tables(reader, file, compression, self.limits)
        return {f"{name}/{part}" if isinstance(reader, MemberFormat) else name: table for part, table in parts.items()}

    def warnings(self) -> tuple[str, ...]:
        """What was left out, in words."""
        found = [f"member {printable(name)}: {reason}" for name, reason in self.failed[:_NAMED_MEMBERS]]
        if len(self.failed) > _NAMED_MEMBERS:
            found.append(f"{len(self.failed) - _NAMED_MEMBERS} more members cannot be read")
        if self.archives:
            found.append(f"{self.archives} archives within the archive are not opened")
        if self.skipped:
            found.append(f"{self.skipped} members are empty or of no known format")
        if self.left:
            found.append(f"{self.left} members after the first {_MAX_OPENED} are not opened")
        return tuple(found)

    def refusal(self) -> UnreadableFileError:
        """The error of an archive without a table."""
        warnings = self.warnings()
        kind = HintError if self.misfits and self.misfits == len(self.failed) else UnreadableFileError
        return kind(self.key, self.file_format, "; ".join(warnings) if warnings else "the archive is empty")


@dataclass(frozen=True, slots=True)
class OpenArchive:
    """The members of an archive; `describe_rest` says, after the last one, what of the archive was not looked at."""

    members: Iterable[Member]
    describe_rest: Callable[[], str | None] = lambda: None


def read_members(file: ObjectFile, file_format: str, archive: OpenArchive, limits: ReadLimits) -> dict[str, FileSchema]:
    """Read every table of an archive, by its name within; what was left out is a warning of the first.

    Raises:
        UnreadableFileError: there is no table in it.
    """
    reader = MemberReader(file.key, file_format, limits, partial(_read_schemas, file.key))
    schemas: dict[str, FileSchema] = {}
    for name, schema in reader.tables(archive.members):
        if name in schemas:
            reader.failed.append((name, "a second member of this name is left out"))
        schemas.setdefault(name, schema)
    if not schemas:
        raise reader.refusal()
    rest = archive.describe_rest()
    name, first = next(iter(schemas.items()))
    schemas[name] = replace(first, warnings=(*first.warnings, *reader.warnings(), *((rest,) if rest else ())))
    return schemas


def sample_members(file: ObjectFile, file_format: str, archive: OpenArchive, limits: ReadLimits, rows: int) -> dict[str, Sequence[Row]]:
    """Read rows of every table of an archive, by the names of `read_members`.

    Raises:
        UnreadableFileError: there is no table in it.
    """
    reader = MemberReader(file.key, file_format, limits, partial(_read_rows, rows))
    found: dict[str, Sequence[Row]] = {}
    for name, sample in reader.tables(archive.members):
        found.setdefault(name, sample)
    if not found and (reader.failed or not reader.opened):
        raise reader.refusal()
    return found


def _read_schemas(key: str, reader: FileFormat, file: ObjectFile, compression: str | None, limits: ReadLimits) -> dict[str, FileSchema]:
    """The file is an archive whatever is in it, so the format within is a detail; conflicts are those of the archive."""
    if isinstance(reader, MemberFormat):
        found: Mapping[str, FileSchema] = reader.read_members(file, compression, limits)
    else:
        found = {"": reader.read_schema(file, compression, limits)}
    members = {}
    for name, schema in found.items():
        details = {**schema.details, "member_format": schema.format or reader.name}
        conflicts = tuple(replace(conflict, key=key) for conflict in schema.conflicts)
        members[name] = replace(schema, format=None, conflicts=conflicts, details=details)
    return members


def _read_rows(rows: int, reader: FileFormat, file: ObjectFile, compression: str | None, limits: ReadLimits) -> Mapping[str, Sequence[Row]]:
    return reader.read_sample(file, compression, limits, rows) if isinstance(reader, SampleFormat) else {}


def read_first_member(schemas: Mapping[str, FileSchema]) -> FileSchema:
    """The schema of an archive that is taken for one table: its first member's, without a count where there are more."""
    name, first = next(iter(schemas.items()))
    if len(schemas) == 1:
        return first
    warning = f"the archive holds {len(schemas)} tables; this is {printable(name)}"
    return replace(first, row_count=None, row_estimate=None, warnings=(*first.warnings, warning))


def safe_name(name: str) -> str:
    r"""Write a member's name without what could lead anywhere; "" for one that is no file of the user's.

    >>> safe_name("../../etc/orders.csv"), safe_name("C:\\tmp\\a.csv"), safe_name("__MACOSX/._a.csv")
    ('etc/orders.csv', 'C:/tmp/a.csv', '')
    """
    text = name.encode("utf-8", "replace").decode().replace("\\", "/").replace("\0", "")
    parts = [part for part in text.split("/") if part not in ("", ".", "..")]
    hidden = any(part.startswith((".", "__MACOSX")) for part in parts)
    return "" if hidden or not parts or name.endswith("/") else "/".join(parts)


def _split_suffix(name: str) -> tuple[str, str | None]:
    """The ending of a member's name that tells its format, "" when there is none, and its compression."""
    plain, compression = split_compression(name.rpartition("/")[2])
    stem, dot, ending = plain.rpartition(".")
    return (dot + ending.lower() if stem else ""), compression
