"""Readers that poll too often, too slowly or subscribe too often trip the alarms on a stream.

Kinesis is the double's own model; what AWS publishes of a stream is made of its answers. Source of the metrics:
https://docs.aws.amazon.com/streams/latest/dev/monitoring-with-cloudwatch.html
"""

import base64
import contextlib
from typing import Any

from cloudwatch_alarms import Metrics, Watch
from emf import Point

from local_aws.errors import ServiceError
from local_aws.kinesis import operations
from local_aws.kinesis.account import Account
from local_aws.kinesis.consumer_operations import subscribe_to_shard
from local_aws.kinesis.faults import Faults
from local_aws.kinesis.settings import KinesisSettings

START = 1_700_000_100_000
MINUTE = 60_000
STREAM = "test-raw"
SHARD = "shardId-000000000000"
NAMES = {"$each": STREAM, "$stream": STREAM, "$consumer": "enricher"}


class Stream:
    """A stream of one shard, its metrics, and the alarms on it; time stands still but for `go_by`."""

    def __init__(self, *alarms: str) -> None:
        self.now = START
        self.metrics = Metrics()
        self.watches = {name: Watch(name, self.metrics, NAMES) for name in alarms}
        settings = KinesisSettings(create_seconds=0, consumer_seconds=0)
        self._account = Account(settings, clock=lambda: self.now, faults=Faults(lambda: 0.0))
        self.call("CreateStream", StreamName=STREAM, ShardCount=1)
        self.call("IncreaseStreamRetentionPeriod", StreamName=STREAM, RetentionPeriodHours=48)
        self.go_by(1000)

    def call(self, operation: str, **body: Any) -> dict[str, Any]:
        answer: dict[str, Any] = operations.call(self._account, operation, body)
        return answer

    def put(self, count: int = 1) -> None:
        data = base64.b64encode(b"x").decode()
        self.call("PutRecords", StreamName=STREAM, Records=[{"PartitionKey": "k", "Data": data}] * count)

    def iterator(self) -> str:
        answer = self.call("GetShardIterator", StreamName=STREAM, ShardId=SHARD, ShardIteratorType="TRIM_HORIZON")
        return str(answer["ShardIterator"])

    def read(self, iterator: str, limit: int) -> str:
        """One GetRecords: the next iterator, the same where the call was refused."""
        try:
            answer = self.call("GetRecords", ShardIterator=iterator, Limit=limit)
        except ServiceError:
            self.tell("ReadProvisionedThroughputExceeded", 1)
            return iterator
        if records := answer["Records"].records:
            self.tell("GetRecords.IteratorAgeMilliseconds", self.now - records[-1].arrived)
        return str(answer["NextShardIterator"])

    def subscribe(self, consumer: str) -> None:
        """One SubscribeToShard, which takes the place of the one before or is refused."""
        place = {"ConsumerARN": consumer, "ShardId": SHARD, "StartingPosition": {"Type": "LATEST"}}
        refused = 0
        try:
            subscribe_to_shard(self._account, place, self.now, lambda: None)
        except ServiceError:
            refused = 1
        self.tell("SubscribeToShard.RateExceeded", refused, ConsumerName="enricher")

    def tell(self, name: str, value: float, **dimensions: str) -> None:
        found = frozenset({("StreamName", STREAM), *dimensions.items()})
        self.metrics.add([Point("AWS/Kinesis", name, found, self.now, value, "Count")])

    def go_by(self, milliseconds: int) -> None:
        self.now += milliseconds
        if self.now % MINUTE == 0:
            for watch in self.watches.values():
                watch.look(self.now)

    def minutes_begin(self) -> None:
        self.go_by(-self.now % MINUTE)

    @property
    def alarmed(self) -> set[str]:
        return {name for name, watch in self.watches.items() if watch.state == "ALARM"}


def test_readers_that_poll_too_often_are_told() -> None:
    """Five calls a second a shard are for all of them together."""
    stream = Stream("stream-read-throttled", "stream-iterator-age")
    stream.minutes_begin()

    def minutes(count: int, calls_a_second: int) -> None:
        for _ in range(count):
            iterator = stream.iterator()
            for _ in range(60):
                for _ in range(calls_a_second):
                    iterator = stream.read(iterator, 100)
                stream.go_by(1000)

    minutes(10, 4)
    assert stream.alarmed == set()
    minutes(6, 8)
    assert stream.alarmed == {"stream-read-throttled"}
    minutes(10, 4)
    assert stream.alarmed == set()


def test_a_reader_that_falls_behind_is_told_before_records_expire() -> None:
    """It reads a record a minute of ten that come: the age of what it is given grows; at twelve hours it is a page."""
    stream = Stream("stream-iterator-age", "stream-near-expiry")
    stream.minutes_begin()
    iterator = stream.iterator()
    told_at: dict[str, float] = {}
    for minute in range(1, 15 * 60):
        stream.put(10)
        with contextlib.suppress(ServiceError):
            iterator = stream.read(iterator, 1)
        stream.go_by(MINUTE)
        for name in stream.alarmed:
            told_at.setdefault(name, minute)
    assert 5 < told_at["stream-iterator-age"] < 15
    assert 13 * 60 < told_at["stream-near-expiry"] < 14 * 60, "a tenth of the time is read: 12 hours behind after 13.4"
    for _ in range(15):
        iterator = stream.read(iterator, 10_000)
        stream.put()
        stream.go_by(MINUTE)
    assert stream.alarmed == set()


def test_two_that_subscribe_by_one_name_are_told() -> None:
    """Each takes the subscription from the other, and Kinesis refuses what comes within five seconds."""
    stream = Stream("fan-out-throttled")
    stream.minutes_begin()
    described = stream.call("DescribeStream", StreamName=STREAM)["StreamDescription"]
    answer = stream.call("RegisterStreamConsumer", StreamARN=described["StreamARN"], ConsumerName="enricher")
    consumer = answer["Consumer"]["ConsumerARN"]
    stream.go_by(MINUTE)

    def minutes(count: int, every_seconds: int) -> None:
        for _ in range(0, 60 * count, every_seconds):
            stream.subscribe(consumer)
            stream.go_by(1000 * every_seconds)

    minutes(20, 60)
    assert stream.alarmed == set()
    minutes(20, 4)
    assert stream.alarmed == {"fan-out-throttled"}
    minutes(20, 60)
    assert stream.alarmed == set()
