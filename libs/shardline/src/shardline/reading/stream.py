"""One stream: its shards, this application's consumer of it, and the two ways to its records."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager
from datetime import datetime
from typing import Any, Protocol

import aiohttp
from asyncio_throttle.throttler import Throttler
from botocore.exceptions import BotoCoreError, ClientError

from aws_wire.kinesis import GetRecordsAnswer, SubscribeToShardEvent
from shardline.clock import Clock, LoopClock
from shardline.errors import FanOutRefused, ShardGone, StreamUnavailable
from shardline.model import AT_TIMESTAMP, Checkpoint, Shard
from shardline.reading.transport import Transport, TransportName, translated_read, transport_of

_LIST_CALLS_PER_SECOND = 5
_ACTIVE_POLLS = 120
_REFUSALS = 3

FAN_OUT_REFUSALS = frozenset(
    {"AccessDeniedException", "AccessDenied", "UnknownOperationException", "InvalidAction", "NotImplementedException"}
)
"""What the role may not do, and what an emulator cannot: waiting a second does not help."""

_LIMIT = "LimitExceededException"


class Source(Protocol):
    """Where a group's shards and records come from: Kinesis, or a model of it in a simulation."""

    @property
    def name(self) -> str:
        """What tells this stream from others in one process: its ARN once known, else its name."""

    async def list_shards(self) -> list[Shard]:
        """Return every shard of the stream, closed ones that are still kept included."""

    async def register(self) -> None:
        """Make subscribing possible; calling it again makes it possible again. Raises FanOutRefused."""

    async def retention_seconds(self) -> float:
        """Return how long the stream keeps a record."""

    async def created_seconds(self) -> float | None:
        """Return when the stream was made, seconds since the epoch; None where nobody tells."""

    def subscribe(self, shard_id: str, position: Checkpoint, *, after: bool) -> AsyncIterator[SubscribeToShardEvent]:
        """Yield events until the subscription's life ends.

        `position` is a sentinel, or a number to start at, or with `after` the one following it.
        Raises SubscriptionFailed or ShardGone.
        """

    async def shard_iterator(
        self, shard_id: str, position: Checkpoint, *, after: bool, timestamp: float | None = None
    ) -> str:
        """Return a shard iterator for `position`; `timestamp` (seconds since the epoch) overrides it.

        Raises SubscriptionFailed or ShardGone.
        """

    async def get_records(self, iterator: str) -> GetRecordsAnswer:
        """Return what the iterator points at. Raises SubscriptionFailed or ShardGone."""

    async def aclose(self) -> None:
        """Close the connections that this opened."""


@asynccontextmanager
async def translated(what: str) -> AsyncIterator[None]:
    """Turn what the client raises into this library's errors."""
    try:
        yield
    except ClientError as error:
        if error.response.get("Error", {}).get("Code") == "ResourceNotFoundException":
            raise ShardGone(f"{what}: {error}") from error
        raise StreamUnavailable(f"{what}: {error}") from error
    except (BotoCoreError, aiohttp.ClientError, OSError, TimeoutError) as error:
        raise StreamUnavailable(f"{what}: {error}") from error


class Stream:
    """One stream as one consumer sees it. `kinesis` is an aiobotocore client, which stays the caller's to close.

    `consumer_name` is for enhanced fan-out alone. `transport` is the name of one that is made, and closed with
    this stream, or one that several streams share and somebody else closes. It is an async context manager.
    """

    def __init__(
        self,
        kinesis: Any,
        name: str,
        consumer_name: str = "",
        clock: Clock | None = None,
        initial_timestamp: float | None = None,
        transport: Transport | TransportName = "auto",
    ) -> None:
        self._kinesis = kinesis
        self._name = name
        self._consumer_name = consumer_name
        self._clock = clock or LoopClock()
        self._initial_timestamp = initial_timestamp
        self._own_transport = isinstance(transport, str)
        self._transport_name: TransportName = transport if isinstance(transport, str) else "auto"
        self._transport: Transport | None = None if isinstance(transport, str) else transport
        self._arn = ""
        self._consumer_arn = ""
        self._throttle = Throttler(rate_limit=_LIST_CALLS_PER_SECOND, period=1.0)

    @property
    def name(self) -> str:
        """See Source."""
        return self._arn or self._name

    async def __aenter__(self) -> Stream:
        """Nothing is opened before it is needed."""
        return self

    async def __aexit__(self, *exc: object) -> None:
        """Close it."""
        await self.aclose()

    async def aclose(self) -> None:
        """See Source. The stream may be used again, on new connections."""
        if self._own_transport and self._transport is not None:
            transport, self._transport = self._transport, None
            await transport.aclose()

    async def list_shards(self) -> list[Shard]:
        """Return every shard that Kinesis still keeps. Raises StreamUnavailable, or ShardGone for no stream.

        Source: https://docs.aws.amazon.com/kinesis/latest/APIReference/API_ListShards.html
        """
        request: dict[str, Any] = {"StreamName": self._name}
        shards: list[Shard] = []
        while True:
            async with translated("ListShards"), self._throttle:
                page = await self._kinesis.list_shards(**request)
            shards.extend(_shard(each) for each in page["Shards"])
            if not page.get("NextToken"):
                return shards
            request = {"NextToken": page["NextToken"]}

    async def retention_seconds(self) -> float:
        """See Source. Raises StreamUnavailable or ShardGone."""
        hours: int = (await self._summary())["RetentionPeriodHours"]
        return hours * 3600.0

    async def created_seconds(self) -> float | None:
        """See Source. Raises StreamUnavailable or ShardGone."""
        created = (await self._summary()).get("StreamCreationTimestamp")
        return created.timestamp() if isinstance(created, datetime) else created

    async def register(self) -> None:
        """Find the consumer, or register it, and wait until it is ACTIVE.

        Raises FanOutRefused when the stream has its consumers or the role may have none, StreamUnavailable, or
        ShardGone when there is no such stream. Source:
        https://docs.aws.amazon.com/kinesis/latest/APIReference/API_RegisterStreamConsumer.html
        """
        await self._summary()
        for tries in range(_ACTIVE_POLLS):
            try:
                consumer = await self._find() or await self._register()
            except FanOutRefused:
                if tries >= _REFUSALS:  # the same code tells of too many calls a second, which passes
                    raise
                consumer = None
            if consumer and consumer["ConsumerStatus"] == "ACTIVE":
                self._consumer_arn = consumer["ConsumerARN"]
                return
            await self._clock.sleep(0.5)
        raise StreamUnavailable(f"consumer {self._consumer_name} of {self._name} does not become ACTIVE")

    async def subscribe(
        self, shard_id: str, position: Checkpoint, *, after: bool
    ) -> AsyncIterator[SubscribeToShardEvent]:
        """See Source. Source: https://docs.aws.amazon.com/kinesis/latest/APIReference/API_SubscribeToShard.html."""
        starting: dict[str, Any] = {"Type": _kind(position, after)}
        if position.sequence_number == AT_TIMESTAMP:
            starting["Timestamp"] = self._initial_timestamp
        elif not position.is_sentinel:
            starting["SequenceNumber"] = position.sequence_number
        events = self._reads().subscribe(self._consumer_arn, shard_id, starting)
        async with aclosing(events):  # type: ignore[type-var]
            async for event in events:
                yield event

    async def shard_iterator(
        self, shard_id: str, position: Checkpoint, *, after: bool, timestamp: float | None = None
    ) -> str:
        """See Source. Source: https://docs.aws.amazon.com/kinesis/latest/APIReference/API_GetShardIterator.html."""
        request: dict[str, Any] = {"ShardIteratorType": _kind(position, after)}
        if timestamp is not None or position.sequence_number == AT_TIMESTAMP:
            moment = self._initial_timestamp if timestamp is None else timestamp
            request = {"ShardIteratorType": AT_TIMESTAMP, "Timestamp": moment}
        elif not position.is_sentinel:
            request["StartingSequenceNumber"] = position.sequence_number
        with translated_read(shard_id):
            answer = await self._kinesis.get_shard_iterator(StreamName=self._name, ShardId=shard_id, **request)
        iterator: str = answer["ShardIterator"]
        return iterator

    async def get_records(self, iterator: str) -> GetRecordsAnswer:
        """See Source. Source: https://docs.aws.amazon.com/kinesis/latest/APIReference/API_GetRecords.html."""
        return await self._reads().get_records(iterator)

    def _reads(self) -> Transport:
        if self._transport is None:
            self._transport = transport_of(self._kinesis, self._transport_name)
        return self._transport

    async def _summary(self) -> dict[str, Any]:
        async with translated("DescribeStreamSummary"):
            answer = await self._kinesis.describe_stream_summary(StreamName=self._name)
        summary: dict[str, Any] = answer["StreamDescriptionSummary"]
        self._arn = summary["StreamARN"]
        return summary

    async def _find(self) -> dict[str, Any] | None:
        try:
            async with _refusals(counted=False), translated("DescribeStreamConsumer"), self._throttle:
                answer = await self._kinesis.describe_stream_consumer(
                    StreamARN=self._arn, ConsumerName=self._consumer_name
                )
        except ShardGone:
            return None
        consumer: dict[str, Any] = answer["ConsumerDescription"]
        return consumer

    async def _register(self) -> dict[str, Any] | None:
        """Return the new consumer, or None when another worker is registering it at the same moment."""
        try:
            async with _refusals(counted=True), translated("RegisterStreamConsumer"), self._throttle:
                answer = await self._kinesis.register_stream_consumer(
                    StreamARN=self._arn, ConsumerName=self._consumer_name
                )
        except StreamUnavailable as error:
            if _code(error) == "ResourceInUseException":
                return None
            raise
        consumer: dict[str, Any] = answer["Consumer"]
        return consumer


@asynccontextmanager
async def _refusals(*, counted: bool) -> AsyncIterator[None]:
    """Tell refusals from failures; of what is `counted` there is a most, beside the calls a second."""
    try:
        yield
    except StreamUnavailable as error:
        if _code(error) in FAN_OUT_REFUSALS or (counted and _code(error) == _LIMIT):
            raise FanOutRefused(str(error)) from error
        raise


def _code(error: StreamUnavailable) -> str:
    cause = error.__cause__
    return cause.response["Error"]["Code"] if isinstance(cause, ClientError) else ""


def _kind(position: Checkpoint, after: bool) -> str:
    if position.is_sentinel:
        return position.sequence_number
    return "AFTER_SEQUENCE_NUMBER" if after else "AT_SEQUENCE_NUMBER"


def _shard(listed: dict[str, Any]) -> Shard:
    parents = (listed.get("ParentShardId"), listed.get("AdjacentParentShardId"))
    hash_range = listed.get("HashKeyRange", {})
    return Shard(
        shard_id=listed["ShardId"],
        parents=tuple(parent for parent in parents if parent),
        is_open="EndingSequenceNumber" not in listed.get("SequenceNumberRange", {}),
        starting_hash_key=int(hash_range["StartingHashKey"]) if hash_range else None,
        ending_hash_key=int(hash_range["EndingHashKey"]) if hash_range else None,
    )
