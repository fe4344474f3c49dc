"""File-name endings: which format and compression they stand for."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from s3_catalog.discovery.rules import SNIFFED_SUFFIXES
from s3_catalog.formats import formats_by_suffix
from s3_catalog.formats._compression import split_compression
from s3_catalog.model.tables import UNSTRUCTURED

SUFFIX_PATTERN = r"((?:\.[A-Za-z][A-Za-z0-9_]{0,11})?\.[A-Za-z][A-Za-z0-9_]{0,11})$"
"""The last one or two endings of a file name."""
UNKNOWN = "?"
"""Format of files whose names say nothing."""


def read_suffixes(suffixes: Iterable[str]) -> dict[str, tuple[str, int]]:
    """Map endings of one or two parts (`.csv.gz`, `.c000.parquet`) to a format and the length of what is not the stem.

    >>> read_suffixes([".csv.gz", ".c000.parquet", ".jpg", ""])
    {'.csv.gz': ('csv', 7), '.c000.parquet': ('parquet', 8), '.jpg': ('unstructured', 4), '': ('?', 0)}
    """
    known = formats_by_suffix()
    return {suffix: _read_suffix(suffix, known) for suffix in suffixes}


def read_suffix(key: str) -> tuple[str, int]:
    """The same for one whole key."""
    match = re.search(SUFFIX_PATTERN, key.rpartition("/")[2])
    return _read_suffix(match[1] if match else "", formats_by_suffix())


def _read_suffix(suffix: str, known: Mapping[str, str]) -> tuple[str, int]:
    plain, compression = split_compression(f"stem{suffix.lower()}")
    packed = len(suffix) + len("stem") - len(plain)
    last = plain[plain.rfind(".") :] if "." in plain else ""
    if last in known:
        return known[last], packed + len(last)
    if last in SNIFFED_SUFFIXES:
        return UNKNOWN, packed + len(last)
    return (UNKNOWN, packed) if compression else (UNSTRUCTURED, len(last))
