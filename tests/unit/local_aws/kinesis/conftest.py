"""An account whose time stands still until a test moves it."""

import base64
from collections.abc import Callable
from typing import Any

import pytest

from local_aws.kinesis.account import Account, Journal
from local_aws.kinesis.consumer_operations import subscribe_to_shard
from local_aws.kinesis.faults import Faults
from local_aws.kinesis.operations import call
from local_aws.kinesis.settings import KinesisSettings
from local_aws.kinesis.subscriptions import End, Event, Subscription, Wait

START = 1_700_000_000_000


class Simulation:
    """An account, its clock in ms, and its calls."""

    def __init__(self, settings: KinesisSettings, journal: Journal | None = None) -> None:
        self.now = START
        self.chances: list[float] = []
        self.account = Account(
            settings, clock=lambda: self.now, faults=Faults(lambda: self.chances.pop(0)), journal=journal
        )

    def advance(self, seconds: float) -> None:
        """Let time pass."""
        self.now += round(seconds * 1000)

    def call(self, operation: str, **body: Any) -> Any:
        """The answer of an operation."""
        return call(self.account, operation, body)

    def active_stream(self, name: str = "raw", shards: int = 1, **options: Any) -> str:
        """Create a stream and wait until it is ACTIVE."""
        self.call("CreateStream", StreamName=name, ShardCount=shards, **options)
        self.advance(self.account.settings.create_seconds)
        return name

    def active_consumer(self, stream: str = "raw", name: str = "reader") -> str:
        """Register a consumer and wait until it is ACTIVE; its ARN."""
        arn = self.account.arn(stream)
        answer = self.call("RegisterStreamConsumer", StreamARN=arn, ConsumerName=name)
        self.advance(self.account.settings.consumer_seconds)
        return str(answer["Consumer"]["ConsumerARN"])

    def put(self, stream: str = "raw", *data: bytes, key: str = "k", hash_key: str | None = None) -> Any:
        """PutRecords of these."""
        explicit = {} if hash_key is None else {"ExplicitHashKey": hash_key}
        records = [{"Data": base64.b64encode(item).decode(), "PartitionKey": key, **explicit} for item in data]
        return self.call("PutRecords", StreamName=stream, Records=records)

    def subscribe(
        self,
        consumer: str,
        shard: str = "shardId-000000000000",
        *,
        wake: Callable[[], None] | None = None,
        **position: Any,
    ) -> Subscription:
        """Start a subscription."""
        position = position or {"Type": "TRIM_HORIZON"}
        body = {"ConsumerARN": consumer, "ShardId": shard, "StartingPosition": position}
        return subscribe_to_shard(self.account, body, self.now, wake or (lambda: None))

    def step(self, subscription: Subscription) -> Event | Wait | End:
        """The subscription's next step at the present time."""
        self.account.find(subscription.stream.name, self.now)
        return subscription.next_step(self.now)

    def data(self, events: list[Event | Wait | End]) -> list[bytes]:
        """The data of the records in these events."""
        return [
            base64.b64decode(record.encoded) for event in events if isinstance(event, Event) for record in event.records
        ]


@pytest.fixture
def simulate() -> Callable[..., Simulation]:
    """Makes a simulation with these settings, and a journal if one is given."""

    def make(journal: Journal | None = None, **settings: Any) -> Simulation:
        return Simulation(KinesisSettings(**settings), journal)

    return make
