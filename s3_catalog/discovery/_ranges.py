"""Many prefixes listed side by side, big ones cut into key ranges while workers are idle.

In: a store and prefixes. Out: per prefix its Arrow batches, or the error that makes it incomplete. A range is always listed with its
prefix's own `prefix` parameter, so a permission that holds for a prefix holds for all requests made for it.
"""

from __future__ import annotations

import bisect
import logging
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace

import pyarrow as pa
import pyarrow.compute as pc

from s3_catalog.errors import StoreError
from s3_catalog.storage import ObjectStore, printable

logger = logging.getLogger(__name__)

Progress = Callable[[int, str], None]

_FULL_PAGE = 1000
_PAGES_BETWEEN_CUTS = 8
_PAGES_PER_RANGE = 3
_DEEPEST_DESCENT = 4
_CUTTABLE_SCHEMES = frozenset({"s3", "gs", "memory"})
"""Stores that begin a listing at any key without reading what stands before it."""


@dataclass(frozen=True, slots=True)
class _Range:
    """Keys of one prefix after `after` (exclusive) and up to `until` (inclusive; None: to the end)."""

    after: str = ""
    until: str | None = None


@dataclass(slots=True)
class PrefixListing:
    """What is known of one prefix: batches in key order by range, or the error that ended it."""

    prefix: str
    pieces: dict[str, list[pa.RecordBatch]] = field(default_factory=dict)
    error: StoreError | None = None
    cuttable: bool = True
    was_cut: bool = False
    attempt: int = 0

    def batches(self) -> list[pa.RecordBatch]:
        """All batches, in key order when the store lists in key order."""
        return [batch for after in sorted(self.pieces) for batch in self.pieces[after]]


def list_side_by_side(store: ObjectStore, prefixes: Sequence[str], *, workers: int, progress: Progress | None) -> list[PrefixListing]:
    """List prefixes (none below another) to the end, each complete or with its error."""
    return _Crew(store, workers, progress).list_all([PrefixListing(prefix) for prefix in prefixes])


class _Crew:
    """The workers and what they share. Every field is read and written under `_changed`'s lock."""

    def __init__(self, store: ObjectStore, workers: int, progress: Progress | None) -> None:
        self._store, self._workers, self._progress = store, workers, progress
        self._pool = ThreadPoolExecutor(workers, thread_name_prefix="list")
        self._changed = threading.Condition()
        self._pending = 0
        self._pages = 0
        self._objects = 0
        self._spent = 0
        self._crash: BaseException | None = None

    def list_all(self, listings: list[PrefixListing]) -> list[PrefixListing]:
        try:
            for listing in listings:
                self._submit(listing, _Range(), 0)
            with self._changed:
                self._changed.wait_for(lambda: self._pending == 0 or self._crash is not None)
        except BaseException as error:
            self._crash = error
            raise
        finally:
            self._pool.shutdown(wait=True, cancel_futures=True)
        if self._crash is not None:
            raise self._crash
        return listings

    def _submit(self, listing: PrefixListing, keys: _Range, attempt: int) -> None:
        with self._changed:
            self._pending += 1
        self._pool.submit(self._work, listing, keys, attempt)

    def _work(self, listing: PrefixListing, keys: _Range, attempt: int) -> None:
        try:
            self._list_range(listing, keys, attempt)
        except StoreError as error:
            with self._changed:
                listing.error, listing.pieces = listing.error or error, {}
        except BaseException as error:  # noqa: BLE001  handed to the thread that waits, which raises it
            self._crash = error
        finally:
            with self._changed:
                self._pending -= 1
                self._changed.notify_all()

    def _list_range(self, listing: PrefixListing, keys: _Range, attempt: int) -> None:
        last = keys.after
        for pages, page in enumerate(self._store.list_pages(listing.prefix, start_after=keys.after), start=1):
            batch, more = _up_to(page.objects, keys.until)
            if not _is_sorted(page.objects, last) and self._note_unsorted(listing, attempt):
                return
            if not self._keep(listing, keys, batch, attempt) or not more:
                return
            if page.objects.num_rows:
                last = page.objects.column(0)[-1].as_py()
            is_due = pages % _PAGES_BETWEEN_CUTS == (0 if keys.after else 1)
            if is_due and listing.cuttable and page.objects.num_rows >= _FULL_PAGE:
                keys = self._cut(listing, keys, attempt, last, pages)

    def _keep(self, listing: PrefixListing, keys: _Range, batch: pa.RecordBatch, attempt: int) -> bool:
        """Add a batch and report progress; False when this range is no longer wanted."""
        with self._changed:
            if self._crash is not None or listing.error is not None or listing.attempt != attempt:
                return False
            if batch.num_rows:
                listing.pieces.setdefault(keys.after, []).append(batch)
            self._pages += 1
            self._objects += batch.num_rows
            if self._progress is not None:
                self._progress(self._objects, listing.prefix)
            return True

    def _note_unsorted(self, listing: PrefixListing, attempt: int) -> bool:
        """Give up cutting a prefix whose pages are not in key order; True when it was cut already and starts again as one stream."""
        with self._changed:
            listing.cuttable = False
            if not listing.was_cut or listing.attempt != attempt:
                return listing.attempt != attempt
            listing.attempt, listing.was_cut = attempt + 1, False
            self._objects -= sum(batch.num_rows for batch in listing.batches())
            listing.pieces = {}
        logger.info("pages are not in key order, listing again in one stream prefix=%s", printable(listing.prefix))
        self._submit(listing, _Range(), attempt + 1)
        return True

    def _cut(self, listing: PrefixListing, keys: _Range, attempt: int, last: str, pages: int) -> _Range:
        """Hand parts of what is left of a range to idle workers; returns the part to go on with."""
        helpers = self._reserve(1)
        if helpers < 1 or self._store.location.scheme not in _CUTTABLE_SCHEMES:
            return keys
        try:
            before, ahead = self._boundaries(listing.prefix, keys, last)
        except StoreError as error:
            logger.info("a prefix cannot be cut prefix=%s reason=%s", printable(listing.prefix), error)
            listing.cuttable = False
            return keys
        pages_left = pages * len(ahead) // before if before else len(ahead) * _PAGES_PER_RANGE
        parts = min(helpers + 1, len(ahead) + 1, pages_left // _PAGES_PER_RANGE)
        if parts < 2 or not self._spend(parts - 1):
            return keys
        bounds = [ahead[len(ahead) * part // parts] for part in range(1, parts)]
        with self._changed:
            listing.was_cut = True
        for after, until in zip(bounds, [*bounds[1:], keys.until], strict=True):
            self._submit(listing, _Range(after, until), attempt)
        return replace(keys, until=bounds[0])

    def _boundaries(self, prefix: str, keys: _Range, last: str) -> tuple[int, list[str]]:
        """The folders of a range: how many were passed, and those ahead of `last`. Goes down while one folder holds everything."""
        base = prefix
        for _ in range(_DEEPEST_DESCENT):
            pages = self._store.list_pages(base, delimiter="/", start_after=keys.after)
            folders = sorted(folder for folder in next(pages).prefixes if folder > keys.after)
            if keys.until is not None:
                folders = folders[: bisect.bisect_left(folders, keys.until)]
            passed = bisect.bisect_right(folders, last)
            inner, slash, _ = last[len(base) :].partition("/")
            if len(folders) - passed > 1 or not slash or not self._spend(1):
                return max(0, passed - 1), folders[passed:]
            base = base + inner + "/"
        return 0, []

    def _reserve(self, requests: int) -> int:
        """Idle workers, after booking the requests it takes to find them work; 0 when the budget is spent."""
        with self._changed:
            idle = self._workers - self._pending
        return idle if idle > 0 and self._spend(requests) else 0

    def _spend(self, requests: int) -> bool:
        """Book requests that one stream would not need: some for a start, then one for every 50 pages."""
        with self._changed:
            if self._spent + requests > self._workers + 8 + self._pages // 50:
                return False
            self._spent += requests
            return True


def _up_to(batch: pa.RecordBatch, until: str | None) -> tuple[pa.RecordBatch, bool]:
    """The rows up to a key, and whether keys up to it can follow."""
    if until is None or batch.num_rows == 0:
        return batch, True
    last = batch.column(0)[-1].as_py()
    if last < until:
        return batch, True
    return batch.filter(pc.less_equal(batch.column(0), until)), False


def _is_sorted(batch: pa.RecordBatch, after: str) -> bool:
    keys = batch.column(0)
    if len(keys) == 0:
        return True
    return keys[0].as_py() > after and pc.all(pc.less(keys.slice(0, len(keys) - 1), keys.slice(1))).as_py() is not False
