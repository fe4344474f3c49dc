"""The calls of Lake Formation that give tables and columns their LF-tags.

A resource has one value per LF-tag, so classification and tag together are the key, and the value says nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from s3_catalog.catalogs._glue_client import GlueRefusalError, told_in_our_words
from s3_catalog.catalogs._glue_tags import TagChanges
from s3_catalog.errors import CatalogError

_VALUE = "true"


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
