"""Tags that people gave to objects and buckets in the store, as tags of tables: the value of a mapped key becomes the tag.

A bucket costs one request a run, a table one a run: of its newest object. A store that has no tags, or does not let us read them, is one
warning in the log. A value that looks like personal data makes no tag, but a warning of its table.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Mapping

import pyarrow as pa
import pyarrow.compute as pc

from s3_catalog.errors import StoreError
from s3_catalog.model.description import Tag
from s3_catalog.storage import ObjectStore, TaggedStore, printable
from s3_catalog.tagging import Detections
from s3_catalog.tagging.annotations import Annotation
from s3_catalog.tagging.masking import Masker
from s3_catalog.tagging.rules import BUCKET_TAG, OBJECT_TAG, TagRules, is_tag_name

logger = logging.getLogger(__name__)


class StoreTags:
    """The mapped tags of one bucket and its objects. Safe to use from many threads."""

    def __init__(self, store: ObjectStore, rules: TagRules) -> None:
        self._store = store if isinstance(store, TaggedStore) else None
        self._of_objects, self._of_bucket = dict(rules.object_tags), dict(rules.bucket_tags)
        self._masker = Masker(Detections())
        self._lock = threading.Lock()
        self._answered = self._refused = self._warned = False
        self._bucket = self._read_bucket()

    def read(self, objects: pa.Table) -> Annotation:
        """The tags of a table by those of its bucket and of its newest object, in the order of the rules.

        Args:
            objects: those of the table: key, last_modified.
        """
        if self._store is None or not self._of_objects or not objects.num_rows or self._refused:
            return self._bucket
        try:
            found = self._store.read_tags(_newest(objects))
        except StoreError as error:
            self._warn(error)
            return self._bucket
        self._answered = True
        own = self._annotation(found, self._of_objects, OBJECT_TAG, "of the newest object")
        return Annotation(tags=(*self._bucket.tags, *own.tags), warnings=(*self._bucket.warnings, *own.warnings))

    def _read_bucket(self) -> Annotation:
        if self._store is None or not self._of_bucket:
            return Annotation()
        try:
            found = self._store.read_tags()
        except StoreError as error:
            logger.warning("tags of the bucket are not read reason=%s", error)
            return Annotation()
        return self._annotation(found, self._of_bucket, BUCKET_TAG, "of the bucket")

    def _annotation(self, found: Mapping[str, str], classifications: Mapping[str, str], rule: str, whose: str) -> Annotation:
        tags, warnings = [], []
        for key, classification in classifications.items():
            value = found.get(key, "").strip()
            name = f"{classification}.{value}"
            if not value:
                continue
            if self._masker.mask_text(value, key) != value:
                warnings.append(f"{rule} {printable(key)!r} {whose} makes no tag: it looks like personal data")
            elif not is_tag_name(name):
                warnings.append(f"{rule} {printable(key)!r} {whose} makes no tag: it holds characters that no catalog takes")
            else:
                tags.append(Tag(name=name, rule=rule, why=f"the tag {key!r} {whose}"))
        return Annotation(tags=tuple(tags), warnings=tuple(warnings))

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
