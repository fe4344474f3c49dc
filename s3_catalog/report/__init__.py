"""The catalog as one page: `write_report` writes an HTML file that holds all it shows and asks nobody for anything.

In: tables, the run that found them, its ledger. Out: bytes, table by table, so that memory does not grow with the catalog. It knows no
network, no clock and no catalog. What is on the page and how it is kept harmless: `docs/decisions/report.md`.
"""

from __future__ import annotations

import contextlib
import os
import tempfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from s3_catalog.errors import S3CatalogError
from s3_catalog.model.ledger import LedgerSummary
from s3_catalog.model.tables import Table
from s3_catalog.report._document import write_document
from s3_catalog.report._overview import describe_overview
from s3_catalog.report._tables import describe_head, describe_page

if TYPE_CHECKING:
    from s3_catalog.catalogs import RunRecord

SAMPLE_ROWS = 10
"""Rows of each sample that the page shows when nobody asks for another number."""


@dataclass(frozen=True, slots=True)
class WrittenReport:
    """What was written: the number of tables, and the size of the file in bytes."""

    tables: int
    size_bytes: int


def write_report(
    target: str | os.PathLike[str] | BinaryIO,
    tables: Iterable[Table],
    *,
    run: RunRecord | None = None,
    ledger: LedgerSummary | None = None,
    now: datetime,
    title: str | None = None,
    sample_rows: int = SAMPLE_ROWS,
) -> WrittenReport:
    """Write the page of a catalog. Tables are taken one by one and appear in their order.

    Args:
        target: a file's path, which gets the whole page or stays as it was, or a binary stream, which is not closed.
        run: the crawl that the page tells of, `ledger` its coverage.
        now: when the page is made.
        title: names the catalog; the run's location where it is not given.
        sample_rows: so many rows of each sample at most.

    Raises:
        S3CatalogError: the file cannot be written.
    """
    overview = describe_overview(run, ledger, now=now, title=title)
    described = ((describe_head(table), describe_page(table, sample_rows=sample_rows)) for table in tables)
    if not isinstance(target, str | os.PathLike):
        return WrittenReport(*write_document(target, overview, described))
    path = Path(target)
    with _replacing(path) as file:
        return WrittenReport(*write_document(file, overview, described))


@contextlib.contextmanager
def _replacing(path: Path) -> Iterator[BinaryIO]:
    """A file that takes the place of `path` when all went well, and leaves nothing behind when not."""
    try:
        handle, name = tempfile.mkstemp(prefix=f".{path.name[:100]}.", dir=path.parent)
    except OSError as error:
        raise _not_writable(path, error) from error
    unfinished = Path(name)
    try:
        with os.fdopen(handle, "wb") as file:
            yield file
        unfinished.chmod(path.stat().st_mode & 0o777 if path.exists() else 0o666 & ~_umask())
        unfinished.replace(path)
    except OSError as error:
        raise _not_writable(path, error) from error
    finally:
        unfinished.unlink(missing_ok=True)


def _not_writable(path: Path, error: OSError) -> S3CatalogError:
    return S3CatalogError(f"the report cannot be written to {path}: {error.strerror or type(error).__name__}")


def _umask() -> int:
    """The process's mask for new files, which can only be read by setting it."""
    mask = os.umask(0o077)
    os.umask(mask)
    return mask
