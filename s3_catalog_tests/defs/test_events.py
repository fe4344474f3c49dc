"""Messages of every form in which S3 events arrive, and of no form."""

from __future__ import annotations

import contextlib
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from s3_catalog.defs.events import ObjectEvent, UnreadableMessageError, read_message


def notification(*keys: str, bucket: str = "lake") -> dict[str, Any]:
    return {"Records": [{"eventSource": "aws:s3", "s3": {"bucket": {"name": bucket}, "object": {"key": key}}} for key in keys]}


EVENT_BRIDGE = {
    "version": "0",
    "source": "aws.s3",
    "detail-type": "Object Created",
    "detail": {"bucket": {"name": "lake"}, "object": {"key": "a+b/100%.csv"}},
}
TEST_EVENT = {"Service": "Amazon S3", "Event": "s3:TestEvent", "Bucket": "lake"}


@pytest.mark.parametrize(
    ("document", "keys"),
    [
        pytest.param(notification("a/x.csv", "b/y.csv"), ["a/x.csv", "b/y.csv"], id="S3"),
        pytest.param(notification("a+b/%2B%C3%A4.csv"), ["a b/+ä.csv"], id="encoded like a form"),
        pytest.param({"EventName": "s3:ObjectCreated:Put", "Key": "lake/a%2Fx", **notification("a%2Fx")}, ["a/x"], id="MinIO"),
        pytest.param({"Type": "Notification", "Message": json.dumps(notification("a/x"))}, ["a/x"], id="wrapped by SNS"),
        pytest.param(EVENT_BRIDGE, ["a+b/100%.csv"], id="EventBridge does not encode"),
        pytest.param({"Type": "Notification", "Message": json.dumps(EVENT_BRIDGE)}, ["a+b/100%.csv"], id="EventBridge through SNS"),
        pytest.param(TEST_EVENT, [], id="S3's test message"),
        pytest.param({"Records": []}, [], id="no record"),
    ],
)
def test_objects_are_read_from_every_form(document: dict[str, Any], keys: list[str]) -> None:
    assert read_message(json.dumps(document)) == [ObjectEvent("lake", key) for key in keys]


@pytest.mark.parametrize(
    "body",
    [
        "",
        "hello",
        "[]",
        "null",
        '"text"',
        "{}",
        '{"Records": [{}]}',
        '{"Records": 5}',
        '{"Records": [null]}',
        '{"Records": [{"s3": {"bucket": {"name": "b"}, "object": {"key": 5}}}]}',
        '{"Records": [{"s3": {"bucket": {"name": "b"}, "object": {"key": "%FF"}}}]}',
        '{"source": "aws.s3"}',
        '{"source": "aws.s3", "detail": []}',
        '{"source": "aws.ec2", "detail": {}}',
        '{"Type": "Notification", "Message": "secret text"}',
        "[" * 100_000,
    ],
)
def test_any_other_message_is_refused_without_quoting_it(body: str) -> None:
    with pytest.raises(UnreadableMessageError) as refused:
        read_message(body)
    assert "secret" not in str(refused.value)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["Records", "s3", "source", "detail", "bucket"]), inner),
)


@given(JSON)
def test_no_document_raises_anything_else(document: Any) -> None:
    with contextlib.suppress(UnreadableMessageError):
        assert all(isinstance(event, ObjectEvent) for event in read_message(json.dumps(document)))
