"""Tags that people gave to objects and buckets in the store, as tags of tables: the value of a mapped key becomes the tag.

A bucket costs one request a run, a table one a run: of its newest object. A store that has no tags, or does not let us read them, is one
warning in the log. What looks like personal data in a value makes no tag.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator, Mapping

import pyarrow as pa
import pyarrow.compute as pc

from s3_catalog.errors import ConfigError, StoreError
from s3_catalog.model.description import Tag
from s3_catalog.storage import ObjectStore, TaggedStore, printable
from s3_catalog.tagging import Detections
from s3_catalog.tagging.masking import Masker
from s3_catalog.tagging.rules import BUCKET_TAG, OBJECT_TAG, TagRules, check_tag_name

logger = logging.getLogger(__name__)


class StoreTags:
    """The mapped tags of one bucket and its objects. Safe to use from many threads."""

    def __init__(self, store: ObjectStore, rules: TagRules) -> None:
        self._store = store if isinstance(store, TaggedStore) else None
        self._of_objects, self._of_bucket = dict(rules.object_tags), dict(rules.bucket_tags)
        self._masker = Masker(Detections())
        self._lock = threading.Lock()
        self._answered = self._refused = self._warned = False
        self._bucket = tuple(self._read_bucket())

    def read(self, objects: pa.Table) -> tuple[Tag, ...]:
        """The tags of a table by those of its bucket and of its newest object, in the order of the rules.

        Args:
            objects: those of the table: key, last_modified.
        """
        if self._store is None or not self._of_objects or not objects.num_rows or self._refused:
            return self._bucket
        newest = _newest(objects)
        try:
            found = self._store.read_tags(newest)
        except StoreError as error:
            self._warn(error)
            return self._bucket
        self._answered = True
        return (*self._bucket, *self._tags(found, self._of_objects, OBJECT_TAG, "of the newest object"))

    def _read_bucket(self) -> Iterator[Tag]:
        if self._store is None or not self._of_bucket:
            return
        try:
            found = self._store.read_tags()
        except StoreError as error:
            logger.warning("tags of the bucket are not read reason=%s", error)
            return
        yield from self._tags(found, self._of_bucket, BUCKET_TAG, "of the bucket")

    def _tags(self, found: Mapping[str, str], classifications: Mapping[str, str], rule: str, whose: str) -> Iterator[Tag]:
        for key, classification in classifications.items():
            value = found.get(key, "").strip()
            if not value:
                continue
            try:
                name = check_tag_name(f"{classification}.{value}")
            except ConfigError:
                logger.warning("value of a tag makes no tag key=%s reason=%s", printable(key), "characters that no catalog takes")
                continue
            if self._masker.mask_text(value, key) != value:
                logger.warning("value of a tag makes no tag key=%s reason=%s", printable(key), "it looks like personal data")
                continue
            yield Tag(name=name, rule=rule, why=f"the tag {key!r} {whose}")

    def _warn(self, error: StoreError) -> None:
        """Say it once; where nothing was ever answered, ask no more."""
        with self._lock:
            if not self._warned:
                logger.warning("tags of objects are not read reason=%s", error)
            self._warned = True
            self._refused = not self._answered and not error.retryable


def _newest(objects: pa.Table) -> str:
    latest = pc.max(objects.column("last_modified"))
    same = objects.filter(pc.equal(objects.column("last_modified"), latest)) if latest.is_valid else objects
    key: str = pc.min(same.column("key")).as_py()
    return key
