"""Tags of objects and buckets as S3 writes them: one small XML document. No network."""

from __future__ import annotations

from xml.etree import ElementTree as ET

from s3_catalog.errors import StoreError

MAX_TAGGING_BYTES = 256 * 1024
"""S3 allows 50 tags of 128 and 256 characters."""


def parse_tagging(body: bytes, subject: str) -> dict[str, str]:
    """Read a tag set: key -> value; of a key that stands twice, the first.

    >>> parse_tagging(b"<Tagging><TagSet><Tag><Key>team</Key><Value>sales</Value></Tag></TagSet></Tagging>", "s3://lake/")
    {'team': 'sales'}

    Raises:
        StoreError: the answer is no tag set.
    """
    try:
        root = ET.fromstring(body)  # noqa: S314  expat bounds entity expansion, ElementTree loads nothing external
    except ET.ParseError as error:
        raise StoreError(subject, "the answer of the store holds no tags") from error
    if root.tag.rpartition("}")[2] != "Tagging":
        raise StoreError(subject, "the answer of the store holds no tags")
    tags: dict[str, str] = {}
    for tag in root.iterfind("{*}TagSet/{*}Tag"):
        key = tag.findtext("{*}Key")
        if key:
            tags.setdefault(key, tag.findtext("{*}Value") or "")
    return tags
