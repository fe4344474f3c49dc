"""Lake Formation tags (LF-tags) from our tags: `PII.Email` becomes the LF-tag `PII.Email` with the value `true`.

A resource has one value per LF-tag, so classification and tag together are the key. Only what we added is removed again.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from s3_catalog.catalogs._glue_client import GlueRefusalError, told_in_our_words
from s3_catalog.catalogs._glue_tables import GlueTable
from s3_catalog.errors import CatalogError
from s3_catalog.model.tables import Table

LAKE_FORMATION_TAGS = "lake_formation_tags"
"""Field under which is remembered what was sent: texts `<tag> <column>`, without a column for the table."""
_VALUE = "true"


@dataclass(frozen=True, slots=True)
class TagChanges:
    """Pairs of (tag, column in Glue; "" for the table) to add and to remove, and all that are wanted."""

    add: tuple[tuple[str, str], ...]
    remove: tuple[tuple[str, str], ...]
    wanted: tuple[tuple[str, str], ...]


def tag_changes(table: Table, wanted: GlueTable, before: Sequence[str]) -> TagChanges:
    """Compare a table's tags with those that were sent. A tag of a nested value is one of its column."""
    columns = {name: name for name in wanted.order}
    pairs = set()
    for tag in table.description.tags if table.description else ():
        column = "" if tag.column is None else _column_of(tag.column, columns)
        if column is not None:
            pairs.add((tag.name, column))
    sent = {(text.partition(" ")[0], text.partition(" ")[2]) for text in before}
    return TagChanges(tuple(sorted(pairs - sent)), tuple(sorted(sent - pairs)), tuple(sorted(pairs)))


def _column_of(path: str, columns: dict[str, str]) -> str | None:
    """The column that a path begins with: the longest that fits, as names may hold dots."""
    lower = path.lower()
    found = [name for name in columns if lower == name or lower.startswith((f"{name}.", f"{name}["))]
    return max(found, key=len, default=None)


class LakeFormation:
    """The calls about LF-tags of one database. Every call raises as `told_in_our_words`."""

    def __init__(self, client: Any, database: str, catalog_id: str | None) -> None:
        self._client, self._database = client, database
        self._own: dict[str, Any] = {"CatalogId": catalog_id} if catalog_id else {}
        self._known: set[str] = set()

    def write(self, table: str, changes: TagChanges) -> list[str]:
        """Bring the LF-tags of a table and its columns up to date; returns what is to be remembered.

        Raises:
            CatalogError: a tag was refused.
        """
        for tag in sorted({tag for tag, _ in changes.add} - self._known):
            self._ensure(tag)
        for column, tags in _by_column(changes.add).items():
            self._send("AddLFTagsToResource", self._client.add_lf_tags_to_resource, table, column, tags)
        for column, tags in _by_column(changes.remove).items():
            self._send("RemoveLFTagsFromResource", self._client.remove_lf_tags_from_resource, table, column, tags)
        return [f"{tag} {column}".strip() for tag, column in changes.wanted]

    def _ensure(self, tag: str) -> None:
        """Create the LF-tag, or give it our value, where that is missing."""
        try:
            with told_in_our_words("GetLFTag"):
                values = self._client.get_lf_tag(TagKey=tag, **self._own)["TagValues"]
        except GlueRefusalError as error:
            if error.code != "EntityNotFoundException":
                raise
            values = []
        if not values:
            with told_in_our_words("CreateLFTag"):
                self._client.create_lf_tag(TagKey=tag, TagValues=[_VALUE], **self._own)
        elif _VALUE not in values:
            with told_in_our_words("UpdateLFTag"):
                self._client.update_lf_tag(TagKey=tag, TagValuesToAdd=[_VALUE], **self._own)
        self._known.add(tag)

    def _send(self, operation: str, call: Any, table: str, column: str, tags: Sequence[str]) -> None:
        place = {"DatabaseName": self._database, "Name": table}
        resource = {"TableWithColumns": {**place, "ColumnNames": [column]}} if column else {"Table": place}
        with told_in_our_words(operation):
            answer = call(Resource=resource, LFTags=[{"TagKey": tag, "TagValues": [_VALUE]} for tag in tags], **self._own)
        failed = [(one.get("LFTag", {}).get("TagKey"), one.get("Error", {}).get("ErrorCode")) for one in answer.get("Failures", ())]
        if failed:
            raise CatalogError(f"{operation}: {failed[0][0]}: {failed[0][1]}")


def _by_column(pairs: Sequence[tuple[str, str]]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for tag, column in pairs:
        found.setdefault(column, []).append(tag)
    return found
