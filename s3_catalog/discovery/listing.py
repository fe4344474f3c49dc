"""The listing: from a store to the manifest, complete or with the prefixes that are not.

In: an open store. Out: a `Listing`. A failed page is an error of its prefix, never an empty bucket.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import pyarrow as pa
import pyarrow.compute as pc

from s3_catalog.discovery._ranges import PrefixListing, Progress, list_side_by_side
from s3_catalog.errors import AuthenticationError, BucketNotFoundError, ConfigError, StoreUnreachableError
from s3_catalog.model.ledger import FailedPrefix, SkipReason
from s3_catalog.model.manifest import MANIFEST_SCHEMA
from s3_catalog.storage import ObjectStore, printable

_FILTER_BATCH = 64 * 1024
_DOT_SEGMENT = re.compile(r"(?:(?<=/)|^)(\.{1,2})(?=/|\Z)")


@dataclass(frozen=True, slots=True)
class Listing:
    """A manifest (`MANIFEST_SCHEMA`, sorted by key, keys unique) and the prefixes whose objects are not in it."""

    manifest: pa.Table
    failed: tuple[FailedPrefix, ...] = ()


class TopLevel(NamedTuple):
    """What stands directly below the store's location: prefixes in order, and objects (`MANIFEST_SCHEMA`)."""

    prefixes: tuple[str, ...]
    objects: pa.Table


def list_prefixes(store: ObjectStore, folder: str | None = None) -> TopLevel:
    """List one level below a key prefix, by default the store's location.

    Raises:
        StoreError: it cannot be listed.
    """
    prefixes: list[str] = []
    batches: list[pa.RecordBatch] = []
    for page in store.list_pages(store.location.prefix if folder is None else folder, delimiter="/"):
        prefixes += page.prefixes
        batches.append(page.objects)
    return TopLevel(tuple(sorted(set(prefixes))), _manifest(batches))


def list_objects(
    store: ObjectStore, *, prefixes: Sequence[str] | None = None, workers: int = 16, progress: Progress | None = None
) -> Listing:
    """List every object below the store's location, or below the given key prefixes, side by side.

    Args:
        store: where to list.
        prefixes: key prefixes within the bucket ("" or ending in `/`); objects that stand beside them are not listed.
        workers: listings at a time.
        progress: called with the number of objects so far and the prefix they were just found in, one call at a time.

    Raises:
        StoreError: the location cannot be listed, or every prefix failed because the store is not to be had.
    """
    if prefixes is None:
        top = list_prefixes(store)
        wanted, batches = top.prefixes, top.objects.to_batches()
    else:
        wanted, batches = _outermost(prefixes), []
    listings = list_side_by_side(store, wanted, workers=workers, progress=progress)
    _raise_if_store_is_lost(listings)
    for listing in listings:
        if listing.error is None:
            batches += listing.batches()
    failed = tuple(FailedPrefix(listing.prefix, str(listing.error)) for listing in listings if listing.error is not None)
    return Listing(_manifest(batches), failed)


def filter_manifest(
    manifest: pa.Table, *, include: Sequence[str] = (), exclude: Sequence[str] = (), max_object_size: int | None = None
) -> tuple[pa.Table, pa.Table]:
    """Split a manifest into the objects to catalog and the skipped ones, which carry one more column: `reason` (a `SkipReason`).

    Patterns are globs over the whole key: `*` and `?` stay within a segment, `**` crosses segments, `{a,b}` are alternatives, hidden names
    are like others. A pattern without `/` matches the last segment at any depth; one that ends in `/` means everything below it. Exclusion
    wins over inclusion. `max_object_size` is in bytes.

    Raises:
        ConfigError: a pattern cannot be understood.
    """
    included, excluded = _compile_globs(include), _compile_globs(exclude)
    if included is None and excluded is None and max_object_size is None:
        return manifest, manifest.slice(0, 0).append_column("reason", pa.array([], pa.string()))
    reasons = pa.chunked_array(
        [_reasons(batch, included, excluded, max_object_size) for batch in manifest.to_batches(max_chunksize=_FILTER_BATCH)], pa.string()
    )
    skipped = pc.is_valid(reasons)
    return manifest.filter(pc.invert(skipped)), manifest.append_column("reason", reasons).filter(skipped)


def _reasons(
    batch: pa.RecordBatch, included: re.Pattern[str] | None, excluded: re.Pattern[str] | None, max_object_size: int | None
) -> pa.Array:
    reasons = pa.nulls(batch.num_rows, pa.string())
    if max_object_size is not None:
        reasons = pc.if_else(pc.greater(batch.column("size"), max_object_size), SkipReason.TOO_LARGE.value, reasons)
    if included is None and excluded is None:
        return reasons
    keys = [_DOT_SEGMENT.sub(_hide_dots, key) for key in batch.column("key").to_pylist()]
    if included is not None:
        matches = pa.array([included.fullmatch(key) is not None for key in keys], pa.bool_())
        reasons = pc.if_else(matches, reasons, SkipReason.NOT_INCLUDED.value)
    if excluded is not None:
        matches = pa.array([excluded.fullmatch(key) is not None for key in keys], pa.bool_())
        reasons = pc.if_else(matches, SkipReason.EXCLUDED.value, reasons)
    return reasons


def _compile_globs(patterns: Sequence[str]) -> re.Pattern[str] | None:
    """One regular expression for all patterns; None when there are none."""
    from wcmatch import glob

    expressions: list[str] = []
    for pattern in patterns:
        whole = pattern + "**" if pattern.endswith("/") else pattern if "/" in pattern else f"**/{pattern}"
        try:
            flags = glob.GLOBSTAR | glob.BRACE | glob.DOTGLOB | glob.FORCEUNIX | glob.CASE
            found, _ = glob.translate(_DOT_SEGMENT.sub(_hide_dots, whole), flags=flags)
            re.compile("|".join(found))
        except Exception as error:  # wcmatch's exception for a pattern with too many alternatives is not public
            raise ConfigError(f"the pattern {printable(pattern)!r} is not a glob") from error
        expressions += found
    return re.compile("|".join(f"(?:{expression})" for expression in expressions)) if expressions else None


def _hide_dots(match: re.Match[str]) -> str:
    # a glob never matches the segments . and .., which are ordinary names in a key
    return "\ue000" * len(match[1])


def _outermost(prefixes: Sequence[str]) -> tuple[str, ...]:
    """The prefixes in order, without those that lie below another one."""
    kept: list[str] = []
    for prefix in sorted(set(prefixes)):
        if prefix and not prefix.endswith("/"):
            raise ValueError(f'a prefix is "" or ends in "/": {printable(prefix)}')
        if not kept or not prefix.startswith(kept[-1]):
            kept.append(prefix)
    return tuple(kept)


def _raise_if_store_is_lost(listings: Sequence[PrefixListing]) -> None:
    errors = [listing.error for listing in listings]
    lost = (AuthenticationError, BucketNotFoundError, StoreUnreachableError)
    if errors and errors[0] is not None and all(isinstance(error, lost) for error in errors):
        raise errors[0]


def _manifest(batches: Sequence[pa.RecordBatch]) -> pa.Table:
    """One table sorted by key, each key once."""
    table = pa.Table.from_batches(batches, schema=MANIFEST_SCHEMA).combine_chunks()
    keys = table.column("key")
    if table.num_rows < 2 or pc.all(pc.less(keys.slice(0, len(keys) - 1), keys.slice(1))).as_py():
        return table
    table = table.sort_by("key")
    keys = table.column("key")
    repeated = pc.equal(keys.slice(0, len(keys) - 1), keys.slice(1))
    return table.filter(pa.chunked_array([pa.array([True]), *pc.invert(repeated).chunks], pa.bool_()))
