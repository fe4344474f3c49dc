"""The manifest: the Arrow table of listed objects."""

from __future__ import annotations

import pyarrow as pa

MANIFEST_SCHEMA = pa.schema(
    [
        pa.field("key", pa.string(), nullable=False),
        pa.field("size", pa.int64(), nullable=False),
        pa.field("last_modified", pa.timestamp("us", tz="UTC")),
        pa.field("etag", pa.string()),
        pa.field("storage_class", pa.string()),
    ]
)
"""Columns of a manifest.

key as in S3 (unicode, decoded), size in bytes, last_modified, etag without quotes, storage_class where the feed knows it.
"""
