"""ORC: schema, row count and statistics of the columns stand in the footer and postscript at the end of the file."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from s3_catalog.errors import UnreadableFileError
from s3_catalog.formats import FileSchema, ReadLimits, Row
from s3_catalog.formats._columnar_sample import read_columnar, small_tail
from s3_catalog.formats._footer import open_footer, refuse_many_columns
from s3_catalog.formats._magic import describe_bytes, is_binary
from s3_catalog.formats._orc_footer import OrcFooterError, read_footer
from s3_catalog.formats._sample_budget import sample_within
from s3_catalog.storage.files import ObjectFile

_MAGIC = b"ORC"


class OrcFormat:
    """Apache ORC. All columns may be null: the format does not say otherwise."""

    name = "orc"
    suffixes = frozenset({".orc"})
    counts_cheaply = True

    def matches(self, head: bytes) -> bool:
        return head.startswith(_MAGIC) and is_binary(head)

    def read_schema(self, file: ObjectFile, compression: str | None, limits: ReadLimits) -> FileSchema:
        source = open_footer(file, self.name, compression, limits, is_plain=_is_orc_tail)
        tail = source.file.tail(limits.tail_bytes)
        if not _is_orc_tail(tail):
            raise UnreadableFileError(file.key, self.name, _describe_frame(source.file))
        schema = _read_footer(source.file, limits)
        return replace(schema, warnings=(*source.warnings, *schema.warnings))

    def read_sample(self, file: ObjectFile, compression: str | None, limits: ReadLimits, rows: int) -> Mapping[str, Sequence[Row]]:
        return sample_within(file, small_tail(limits), rows, lambda file, limits: {"": _read_rows(file, compression, limits, rows)})


def _read_rows(file: ObjectFile, compression: str | None, limits: ReadLimits, rows: int) -> Sequence[Row]:
    from s3_catalog.formats._orc_rows import plan_rows, without_long_values

    source = open_footer(file, "orc", compression, limits, is_plain=_is_orc_tail).file
    if not _is_orc_tail(source.tail(limits.tail_bytes)):
        raise UnreadableFileError(file.key, "orc", _describe_frame(source))
    try:
        options = plan_rows(source, limits, rows)
    except OrcFooterError as error:
        raise UnreadableFileError(file.key, "orc", str(error)) from error
    if options is None:
        return ()
    try:
        return read_columnar(source, "orc", options, limits, rows)
    except UnreadableFileError:
        # A stripe is decoded as a whole, and the native reader crashes for want of memory.
        fewer = without_long_values(source, options, limits)
        if fewer is None:
            raise
        return read_columnar(source, "orc", fewer, limits, rows)


def _is_orc_tail(tail: bytes) -> bool:
    """The last byte is the length of the postscript, which ends in the signature."""
    return len(tail) > 4 and tail[-4:-1] == _MAGIC and tail[-1] < len(tail)


def _describe_frame(file: ObjectFile) -> str:
    head = file.head(512)
    if head.startswith(_MAGIC):
        return "truncated: it begins as ORC and has no postscript at its end"
    return f"the bytes are {describe_bytes(head)}"


def _read_footer(file: ObjectFile, limits: ReadLimits) -> FileSchema:
    import pyarrow as pa
    from pyarrow import orc

    from s3_catalog.formats._arrow_schema import read_columns
    from s3_catalog.formats._orc_statistics import read_figures

    try:
        footer = read_footer(file, file.tail(limits.tail_bytes), limits)
    except OrcFooterError as error:
        raise UnreadableFileError(file.key, "orc", str(error)) from error
    try:
        reader = orc.ORCFile(pa.PythonFile(file, mode="r"))
        refuse_many_columns(file, "orc", len(reader.schema), limits)
        columns, warnings = read_columns(reader.schema, limits.max_depth, footer.source_types)
        compression = str(reader.compression).lower()
    except (pa.ArrowException, OSError, ValueError) as error:
        raise UnreadableFileError(file.key, "orc", "the footer is corrupt") from error
    return FileSchema(
        columns=columns,
        row_count=reader.nrows,
        figures=read_figures(footer, reader.schema),
        warnings=warnings,
        details={"compression": compression},
    )


FORMAT = OrcFormat()
