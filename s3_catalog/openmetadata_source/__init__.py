"""A source for OpenMetadata's own command: `metadata ingest` with `sourcePythonClass: s3_catalog.openmetadata_source.S3Source`.

It lists, groups, infers and describes as every crawl does, and hands the sink what the OpenMetadata catalog would send. Its options are
those of a `customDatabase` service (`options`); only `source` needs the package `openmetadata-ingestion`, so it is loaded on demand.
"""

from __future__ import annotations

from typing import Any


def __getattr__(name: str) -> Any:
    if name != "S3Source":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from s3_catalog.openmetadata_source.source import S3Source

    return S3Source
