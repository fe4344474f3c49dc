"""What a queue message says about objects: S3 notifications as they are, wrapped by SNS, or as EventBridge events. Pure."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote_plus

from s3_catalog.errors import S3CatalogError


class UnreadableMessageError(S3CatalogError):
    """A message that tells of no S3 event. The text names what is missing, never what the message holds."""


@dataclass(frozen=True, slots=True)
class ObjectEvent:
    """One object that was written or removed."""

    bucket: str
    key: str


def read_message(body: str) -> list[ObjectEvent]:
    """Read a message; S3's own test messages tell of no object.

    >>> read_message('{"Records": [{"s3": {"bucket": {"name": "b"}, "object": {"key": "a+b/%C3%A4.csv"}}}]}')
    [ObjectEvent(bucket='b', key='a b/ä.csv')]

    Raises:
        UnreadableMessageError: it is not JSON, or of no known form.
    """
    try:
        document = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise UnreadableMessageError("not JSON") from error
    if not isinstance(document, dict):
        raise UnreadableMessageError("not a JSON object")
    if document.get("Type") == "Notification" and isinstance(document.get("Message"), str):
        return read_message(document["Message"])
    try:
        return list(_read_events(document))
    except KeyError as error:
        raise UnreadableMessageError(f"an S3 event without {error}") from error
    except (TypeError, AttributeError, UnicodeDecodeError) as error:
        raise UnreadableMessageError("a malformed S3 event") from error


def _read_events(document: dict[str, Any]) -> Iterator[ObjectEvent]:
    if document.get("Event") == "s3:TestEvent":
        return
    if document.get("source") == "aws.s3":
        detail = document["detail"]
        yield _event(detail["bucket"]["name"], detail["object"]["key"])  # EventBridge does not encode keys
    elif "Records" in document:
        for record in document["Records"]:
            # `+` is a space here: S3, MinIO and others encode keys like a form
            yield _event(record["s3"]["bucket"]["name"], unquote_plus(record["s3"]["object"]["key"], errors="strict"))
    else:
        raise UnreadableMessageError("no S3 event: neither Records nor an event of aws.s3")


def _event(bucket: object, key: object) -> ObjectEvent:
    if not isinstance(bucket, str) or not isinstance(key, str):
        raise TypeError
    return ObjectEvent(bucket, key)
