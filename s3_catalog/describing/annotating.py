"""All that is said of a table without a look at its rows: rules of the configuration, tags in the store, sidecars."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Iterable
from dataclasses import dataclass, replace

import pyarrow as pa

from s3_catalog.discovery.grouping import Grouping
from s3_catalog.model.description import Tag
from s3_catalog.model.tables import Table, TableLayout
from s3_catalog.storage import ObjectStore, printable
from s3_catalog.tagging import Certainty, Detection, Detections
from s3_catalog.tagging.annotations import Annotation
from s3_catalog.tagging.rules import SIDECAR, TagRules, tag_by_rules
from s3_catalog.tagging.sidecars import Sidecars
from s3_catalog.tagging.store_tags import StoreTags

logger = logging.getLogger(__name__)

_PERSONAL = "pii."
_HARMLESS = frozenset({"pii.none", "pii.nonsensitive"})


@dataclass(frozen=True, slots=True)
class Seen:
    """What one run sees beside the data of a layout: its tags in the store, and a digest of these and of its sidecars ("" for nothing)."""

    in_store: Annotation
    digest: str


class Annotator:
    """Says of tables what people say. One per run, safe to use from many threads.

    Args:
        look_at_top: see `Sidecars`.
    """

    def __init__(self, store: ObjectStore, grouping: Grouping, rules: TagRules, *, look_at_top: bool) -> None:
        self._rules = rules
        self._store_tags = StoreTags(store, rules)
        self._sidecars = Sidecars(store, grouping.objects, grouping.layouts, look_at_top=look_at_top)
        for key in self._sidecars.unused(grouping.layouts):
            logger.warning("sidecar stands in no table's folder key=%s", printable(key))

    def look(self, layout: TableLayout, objects: pa.Table) -> Seen:
        """Look at what may have changed since a table was described. Reads no sidecar but the manifest at the top."""
        found = self._store_tags.read(objects)
        parts = (self._sidecars.digest(layout), *(f"{tag.name}\0{tag.rule}\0{tag.why}" for tag in found.tags), *found.warnings)
        return Seen(found, hashlib.sha256("\1".join(parts).encode()).hexdigest()[:16] if any(parts) else "")

    def annotate(self, table: Table, objects: pa.Table, seen: Seen) -> Annotation:
        """Everything that is said of a table, its tags not yet settled."""
        said = self._sidecars.read(table)
        tags = (*tag_by_rules(table, objects, self._rules), *seen.in_store.tags, *said.tags)
        return replace(said, tags=tags, warnings=(*seen.in_store.warnings, *said.warnings))


def with_said(detections: Detections, tags: Iterable[Tag]) -> Detections:
    """Detections and, of columns where no detector found anything, what a sidecar says: a column that people tag `PII` is masked."""
    known = {found.column for found in detections.found if not found.inside}
    said = {tag.column: tag for tag in tags if tag.rule == SIDECAR and tag.column and _is_personal(tag.name)}
    added = [_as_detection(column, tag) for column, tag in said.items() if column and column not in known]
    return replace(detections, found=(*detections.found, *added)) if added else detections


def _is_personal(name: str) -> bool:
    folded = name.casefold()
    return folded.startswith(_PERSONAL) and folded not in _HARMLESS


def _as_detection(column: str, tag: Tag) -> Detection:
    return Detection(
        detector=tag.rule,
        label=tag.name,
        tags=(tag.name,),
        column=column,
        share=1.0,
        values_seen=0,
        confidence=tag.confidence,
        evidence=tag.why,
        certainty=Certainty.NAMED,
    )
