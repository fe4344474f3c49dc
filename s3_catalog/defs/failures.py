"""Errors of the core as Dagster shows them: one line, and whether a retry can help."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import dagster as dg

from s3_catalog.errors import S3CatalogError
from s3_catalog.model.ledger import FailedPrefix
from s3_catalog.pipeline import ObjectManifest
from s3_catalog.storage import printable

_NAMED = 3


@contextmanager
def as_failure() -> Iterator[None]:
    """Turn what the core raises on purpose into a `dg.Failure`."""
    try:
        yield
    except S3CatalogError as error:
        raise dg.Failure(printable(str(error)), allow_retries=error.retryable) from error


def raise_if_nothing_listed(manifest: ObjectManifest) -> None:
    """Fail where every prefix of the run failed: there is nothing to hand on."""
    if manifest.failed and not manifest.objects.num_rows and not manifest.skipped.num_rows:
        raise dg.Failure(describe_failed(manifest.failed))


def describe_failed(failed: Sequence[FailedPrefix]) -> str:
    """Name failed prefixes on one line."""
    named = "; ".join(printable(one.error) for one in failed[:_NAMED])
    rest = f"; and {len(failed) - _NAMED} more" if len(failed) > _NAMED else ""
    what = "1 prefix" if len(failed) == 1 else f"{len(failed)} prefixes"
    return f"{what} could not be listed: {named}{rest}"
