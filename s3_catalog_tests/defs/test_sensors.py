"""Both sensors: what they ask for, and that nothing they hear of is lost or asked for without end."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from s3_catalog.defs.resources import StoreResource
from s3_catalog_tests.defs.conftest import Deploy
from s3_catalog_tests.defs.harness import Deployment
from s3_catalog_tests.servers import Fault, S3Server

CSV = b"id,name\n1,one\n"


@dataclass
class Ticks:
    """A sensor tick by tick, as the daemon would: the cursor is kept, prefixes are registered, run keys are asked for once."""

    deployment: Deployment
    name: str
    cursor: str | None = None
    asked: set[str] = field(default_factory=set)

    def tick(self) -> list[str]:
        """The partitions that this tick starts runs for."""
        result = self.evaluate()
        assert isinstance(result, dg.SensorResult)
        self.cursor = result.cursor
        for request in result.dynamic_partitions_requests or []:
            self.deployment.instance.add_dynamic_partitions(request.partitions_def_name, list(request.partition_keys))
        new = [request for request in result.run_requests or [] if request.run_key not in self.asked]
        self.asked |= {str(request.run_key) for request in new}
        return [str(request.partition_key) for request in new]

    def evaluate(self) -> Any:
        sensor = self.deployment.definitions.resolve_sensor_def(self.name)
        resources = {"settings": self.deployment.resource, **({"store": StoreResource()} if self.name == "changed_listings" else {})}
        with dg.build_sensor_context(instance=self.deployment.instance, cursor=self.cursor, resources=resources) as context:
            return sensor(context)

    def run(self, keys: list[str]) -> None:
        for key in keys:
            assert self.deployment.run("catalog_prefixes", partition_key=key).success


@dataclass
class Queue:
    """A queue that receives a bucket's events, both of moto."""

    server: S3Server
    bucket: str
    url: str
    arn: str
    client: Any

    def put(self, key: str) -> None:
        self.server.client().put_object(Bucket=self.bucket, Key=key, Body=CSV)

    def send(self, body: str) -> None:
        self.client.send_message(QueueUrl=self.url, MessageBody=body)

    def show_again(self) -> None:
        """Make all messages visible, as after the visibility timeout: a queue delivers at least once."""
        from moto.sqs.models import sqs_backends

        queue = sqs_backends["123456789012"]["us-east-1"].queues[self.url.rpartition("/")[2]]
        for message in queue._messages:
            message.visible_at = 0

    @property
    def size(self) -> int:
        names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
        attributes = self.client.get_queue_attributes(QueueUrl=self.url, AttributeNames=names)["Attributes"]
        return sum(int(attributes[name]) for name in names)


@pytest.fixture
def make_queue(s3_server: S3Server) -> Callable[..., Queue]:
    def make(**attributes: str) -> Queue:
        bucket = s3_server.make_bucket()
        client = s3_server.client("sqs")
        url = client.create_queue(QueueName=f"events-{bucket}", Attributes=attributes)["QueueUrl"]
        arn = client.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
        configuration = {"QueueConfigurations": [{"QueueArn": arn, "Events": ["s3:ObjectCreated:*", "s3:ObjectRemoved:*"]}]}
        s3_server.client().put_bucket_notification_configuration(Bucket=bucket, NotificationConfiguration=configuration)
        return Queue(s3_server, bucket, url, arn, client)

    return make


@pytest.fixture
def hear(deploy_bucket: Callable[..., Deployment], s3_server: S3Server) -> Callable[..., Ticks]:
    def build(queue: Queue, **values: Any) -> Ticks:
        return Ticks(deploy_bucket(s3_server, queue.bucket, events={"sqs_queue_url": queue.url}, **values), "object_events")

    return build


def test_events_run_each_prefix_they_touch_once(make_queue: Callable[..., Queue], hear: Callable[..., Ticks]) -> None:
    queue = make_queue()
    ticks = hear(queue)
    for key in ("sales/orders/1.csv", "sales/orders/2.csv", "würzburg + köln/x.csv", "top.csv", "2024/01/31/y.csv"):
        queue.put(key)
    keys = ticks.tick()
    assert keys == ["(root)", "sales/", "würzburg + köln/"]
    assert ticks.deployment.keys == keys
    ticks.run(keys)
    assert len(ticks.deployment.tables()) == 4
    assert ticks.tick() == []


def test_messages_are_deleted_only_by_the_next_tick(make_queue: Callable[..., Queue], hear: Callable[..., Ticks]) -> None:
    queue = make_queue()
    ticks = hear(queue)
    ticks.tick()
    ticks.tick()
    assert queue.size == 0
    queue.put("a/x.csv")
    assert ticks.tick() == ["a/"]
    assert queue.size == 1
    assert ticks.tick() == []
    assert queue.size == 0


def test_a_tick_that_is_lost_loses_no_event(make_queue: Callable[..., Queue], hear: Callable[..., Ticks]) -> None:
    queue = make_queue()
    ticks = hear(queue)
    queue.put("a/x.csv")
    ticks.evaluate()  # what it returned never arrived: the daemon was killed
    queue.show_again()
    assert ticks.tick() == ["a/"]


def test_a_message_that_comes_twice_starts_one_run(make_queue: Callable[..., Queue], hear: Callable[..., Ticks]) -> None:
    queue = make_queue()
    ticks = hear(queue)
    ticks.tick()
    queue.put("a/x.csv")
    ticks.cursor = None
    assert ticks.tick() == ["a/"]
    ticks.cursor = None  # nothing is deleted
    queue.show_again()
    assert ticks.tick() == []


def test_unreadable_messages_are_reported_and_removed(
    make_queue: Callable[..., Queue], hear: Callable[..., Ticks], caplog: pytest.LogCaptureFixture
) -> None:
    queue = make_queue()
    ticks = hear(queue)
    queue.send("secret nonsense")
    queue.put("a/x.csv")
    assert ticks.tick() == ["a/"]
    ticks.tick()
    assert queue.size == 0


def test_unreadable_messages_are_left_to_a_dead_letter_queue(make_queue: Callable[..., Queue], hear: Callable[..., Ticks]) -> None:
    dead = make_queue()
    queue = make_queue(RedrivePolicy=json.dumps({"deadLetterTargetArn": dead.arn, "maxReceiveCount": 2}))
    ticks = hear(queue)
    queue.send("nonsense")
    for _ in range(4):
        ticks.tick()
        queue.show_again()
    bodies = [message["Body"] for message in dead.client.receive_message(QueueUrl=dead.url, MaxNumberOfMessages=10).get("Messages", [])]
    assert "nonsense" in bodies
    assert queue.size == 0


def test_events_of_other_buckets_and_prefixes_start_nothing(
    make_queue: Callable[..., Queue], deploy_bucket: Callable[..., Deployment], s3_server: S3Server
) -> None:
    queue = make_queue()
    deployment = deploy_bucket(s3_server, queue.bucket, events={"sqs_queue_url": queue.url})
    deployment.configure(location=f"s3://{queue.bucket}/lake/")
    ticks = Ticks(deployment, "object_events")
    queue.put("elsewhere/x.csv")
    queue.put("lake/sales/x.csv")
    queue.send(json.dumps({"Records": [{"s3": {"bucket": {"name": "other"}, "object": {"key": "lake/other/x.csv"}}}]}))
    assert ticks.tick() == ["lake/sales/"]


def test_no_more_messages_are_taken_at_once_than_the_settings_say(make_queue: Callable[..., Queue], hear: Callable[..., Ticks]) -> None:
    queue = make_queue()
    ticks = hear(queue)
    ticks.deployment.configure(events={"sqs_queue_url": queue.url, "max_messages": 12})
    for number in range(25):
        queue.send(json.dumps({"Records": [{"s3": {"bucket": {"name": queue.bucket}, "object": {"key": f"p{number}/x"}}}]}))
    found = [ticks.tick() for _ in range(3)]
    assert max(len(keys) for keys in found) == 12
    assert len({key for keys in found for key in keys}) >= 24


def test_without_a_queue_events_are_skipped_and_with_one_polling_is(
    deploy: Deploy, fill_folder: Callable[..., Path], make_queue: Callable[..., Queue], hear: Callable[..., Ticks]
) -> None:
    plain = deploy(fill_folder({"a/t.csv": CSV}))
    assert "sqs_queue_url is not set" in str(Ticks(plain, "object_events").evaluate())
    ticks = hear(make_queue())
    ticks.name = "changed_listings"
    assert "sqs_queue_url is set" in str(ticks.evaluate())


def test_polling_runs_what_changed_and_nothing_twice(deploy: Deploy, fill_folder: Callable[..., Path]) -> None:
    folder = fill_folder({"a/t.csv": CSV, "b/t.csv": CSV, "top.csv": CSV})
    ticks = Ticks(deploy(folder), "changed_listings")
    assert ticks.tick() == ["(root)", "a/", "b/"]
    assert ticks.tick() == []  # the runs are under way
    ticks.run(["(root)", "a/", "b/"])
    assert ticks.tick() == []
    (folder / "a" / "t.csv").write_bytes(CSV + CSV)
    (folder / "c").mkdir()
    (folder / "c" / "t.csv").write_bytes(CSV)
    assert ticks.tick() == ["a/", "c/"]
    assert "c/" in ticks.deployment.keys
    ticks.run(["a/", "c/"])
    assert ticks.tick() == []


def test_polling_runs_a_prefix_again_that_went_back_to_what_it_was(deploy: Deploy, fill_folder: Callable[..., Path]) -> None:
    folder = fill_folder({"a/t.csv": CSV})
    ticks = Ticks(deploy(folder), "changed_listings")
    ticks.run(ticks.tick())
    for _ in range(2):
        (folder / "a" / "u.csv").write_bytes(CSV)
        keys = ticks.tick()
        assert keys == ["a/"]
        ticks.run(keys)
        ticks.tick()
        (folder / "a" / "u.csv").unlink()
        keys = ticks.tick()
        assert keys == ["a/"]
        ticks.run(keys)
        ticks.tick()


def test_polling_asks_nothing_of_a_prefix_it_cannot_list(
    deploy_bucket: Callable[..., Deployment], faulty: Callable[..., Any], s3_server: S3Server
) -> None:
    bucket = s3_server.make_bucket({"a/t.csv": CSV, "secret/t.csv": CSV})
    proxy = faulty(s3_server.endpoint_url, Fault(kind="status", status=403, code="AccessDenied", match="prefix=secret"))
    ticks = Ticks(deploy_bucket(s3_server, bucket, endpoint_url=proxy.endpoint_url), "changed_listings")
    assert ticks.tick() == ["a/"]
