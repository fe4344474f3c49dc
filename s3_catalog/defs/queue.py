"""The SQS queue that receives a bucket's events, reached with the credentials of the store."""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from s3_catalog.errors import StoreError, StoreUnreachableError

if TYPE_CHECKING:
    from s3_catalog.config import Settings

logger = logging.getLogger(__name__)

_BATCH = 10
_REGION = re.compile(r"sqs[.-]([a-z]+(?:-[a-z]+)+-\d+)\.")
_INVISIBLE_SECONDS = 300
"""Longer than two ticks of a sensor: what was received is deleted before it shows up again."""


@dataclass(frozen=True, slots=True)
class Message:
    """A message: its id, the receipt handle that deletes it, its text."""

    id: str
    receipt: str
    body: str


class EventQueue:
    """One queue.

    Raises (every call):
        StoreError: it cannot be reached or refuses; the message holds no credentials.
    """

    def __init__(self, settings: Settings, url: str) -> None:
        self._url = url
        self._client = _open_client(settings, url)

    def receive(self, limit: int) -> list[Message]:
        """Take up to `limit` messages. They come back unless they are deleted within five minutes."""
        messages: list[Message] = []
        while len(messages) < limit:
            answer = self._call(
                "receive_message",
                MaxNumberOfMessages=min(_BATCH, limit - len(messages)),
                VisibilityTimeout=_INVISIBLE_SECONDS,
                WaitTimeSeconds=0 if messages else 1,
            )
            found = answer.get("Messages", [])
            messages += [Message(one["MessageId"], one["ReceiptHandle"], one["Body"]) for one in found]
            if not found:
                break
        return messages

    def delete(self, receipts: Sequence[str]) -> None:
        """Delete messages by their receipt handles. One that is not deleted comes back, which does no harm."""
        for start in range(0, len(receipts), _BATCH):
            entries = [{"Id": str(number), "ReceiptHandle": handle} for number, handle in enumerate(receipts[start : start + _BATCH])]
            refused = self._call("delete_message_batch", Entries=entries).get("Failed", [])
            if refused:
                logger.warning("messages not deleted queue=%s count=%d code=%s", self._url, len(refused), refused[0].get("Code"))

    def moves_unread_messages(self) -> bool:
        """Whether the queue itself moves a message away that nobody deletes (a dead-letter queue)."""
        attributes = self._call("get_queue_attributes", AttributeNames=["RedrivePolicy"]).get("Attributes", {})
        return bool(json.loads(attributes.get("RedrivePolicy") or "{}").get("deadLetterTargetArn"))

    def _call(self, operation: str, **arguments: Any) -> dict[str, Any]:
        from botocore.exceptions import BotoCoreError, ClientError

        try:
            answer: dict[str, Any] = getattr(self._client, operation)(QueueUrl=self._url, **arguments)
        except ClientError as error:
            code = error.response.get("Error", {}).get("Code", "unknown")
            raise StoreError(self._url, f"{operation} was refused ({code})") from error
        except BotoCoreError as error:
            raise StoreUnreachableError(self._url, f"{operation} failed ({type(error).__name__})") from error
        return answer


def _open_client(settings: Settings, url: str) -> Any:
    from botocore.config import Config

    from s3_catalog.storage import parse_location
    from s3_catalog.storage.s3_endpoint import open_session, resolve_endpoint

    options, parts = settings.store_options(), urlsplit(url)
    session = open_session(options)
    named = _REGION.search(parts.netloc)
    # Nothing is sent: this gives the credentials that listings are signed with, those of an assumed role too.
    credentials = resolve_endpoint(session, parse_location(settings.location).bucket, options).credentials
    frozen = credentials.get_frozen_credentials() if credentials is not None else None
    return session.client(
        "sqs",
        endpoint_url=f"{parts.scheme}://{parts.netloc}",
        region_name=named[1] if named else options.region or session.region_name or "us-east-1",
        aws_access_key_id=frozen.access_key if frozen else None,
        aws_secret_access_key=frozen.secret_key if frozen else None,
        aws_session_token=frozen.token if frozen else None,
        config=Config(connect_timeout=10, read_timeout=30, retries={"mode": "standard", "max_attempts": 3}),
    )
