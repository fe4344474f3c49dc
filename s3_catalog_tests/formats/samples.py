"""Short ways to read the rows of one file in a test."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from s3_catalog.formats import ReadLimits, Row, SampleFormat, file_formats
from s3_catalog.storage.receipt import Receipt
from s3_catalog_tests.formats.readers import LIMITS, read
from s3_catalog_tests.formats.stores import open_bytes


def sample_members(
    file_format: str,
    data: bytes | str,
    compression: str | None = None,
    *,
    rows: int = 1000,
    limits: ReadLimits = LIMITS,
    key: str = "data",
    costs: list[Receipt] | None = None,
) -> Mapping[str, Sequence[Row]]:
    """Read rows of bytes (text is UTF-8) by member; the receipt of the store is put into `costs`."""
    file, receipt = open_bytes(data.encode() if isinstance(data, str) else data, key)
    reader = file_formats()[file_format]
    assert isinstance(reader, SampleFormat)
    found = reader.read_sample(file, compression, limits, rows)
    if costs is not None:
        costs.append(receipt)
    return found


def sample(
    file_format: str, data: bytes | str, compression: str | None = None, *, rows: int = 1000, limits: ReadLimits = LIMITS, key: str = "data"
) -> list[Row]:
    """Read rows of the only table of bytes."""
    found = sample_members(file_format, data, compression, rows=rows, limits=limits, key=key)
    assert set(found) == {""}
    return list(found[""])


def column_names(file_format: str, data: bytes | str, compression: str | None = None, *, limits: ReadLimits = LIMITS) -> list[str]:
    """The columns that the schema of bytes has."""
    return [column.name for column in read(file_format, data, compression, limits=limits).columns]
