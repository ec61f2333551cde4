"""The calls about a stream rather than its records: its shards, and this application's consumer of it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Protocol

import aiohttp
from asyncio_throttle.throttler import Throttler
from botocore.eventstream import ParserError
from botocore.exceptions import BotoCoreError, ClientError
from botocore.parsers import ResponseParserError

from shardline.clock import Clock
from shardline.errors import ShardGone, StreamUnavailable, SubscriptionFailed
from shardline.model import AT_TIMESTAMP, Checkpoint, Shard

_LIST_CALLS_PER_SECOND = 5
_ACTIVE_POLLS = 120

_BROKEN = (BotoCoreError, ParserError, ResponseParserError, aiohttp.ClientError, OSError, TimeoutError, ValueError)
"""What a broken connection, a corrupt frame or an unreadable payload raises inside the client."""


class Source(Protocol):
    """Where a group's shards and subscriptions come from: Kinesis, or a model of it in a simulation."""

    async def list_shards(self) -> list[Shard]:
        """Return every shard of the stream, closed ones that are still kept included."""

    async def register(self) -> None:
        """Make subscribing possible; calling it again makes it possible again."""

    def subscribe(self, shard_id: str, position: Checkpoint, *, after: bool) -> AsyncIterator[dict[str, Any]]:
        """Yield events in the shape of SubscribeToShardEvent until the subscription's life ends.

        `position` is a sentinel, or a number to start at, or with `after` the one following it.
        Raises SubscriptionFailed or ShardGone.
        """


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
    """One stream as one enhanced fan-out consumer sees it. `kinesis` is an aiobotocore client."""

    def __init__(
        self, kinesis: Any, name: str, consumer_name: str, clock: Clock, initial_timestamp: float | None = None
    ) -> None:
        self._kinesis = kinesis
        self._name = name
        self._consumer_name = consumer_name
        self._clock = clock
        self._initial_timestamp = initial_timestamp
        self._arn = ""
        self._throttle = Throttler(rate_limit=_LIST_CALLS_PER_SECOND, period=1.0)

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

    async def register(self) -> None:
        """Find the consumer, or register it, and wait until it is ACTIVE.

        Raises StreamUnavailable, or ShardGone when there is no such stream. Source:
        https://docs.aws.amazon.com/kinesis/latest/APIReference/API_RegisterStreamConsumer.html
        """
        async with translated("DescribeStreamSummary"):
            summary = await self._kinesis.describe_stream_summary(StreamName=self._name)
        stream_arn = summary["StreamDescriptionSummary"]["StreamARN"]
        for _ in range(_ACTIVE_POLLS):
            consumer = await self._find(stream_arn) or await self._register(stream_arn)
            if consumer and consumer["ConsumerStatus"] == "ACTIVE":
                self._arn = consumer["ConsumerARN"]
                return
            await self._clock.sleep(0.5)
        raise StreamUnavailable(f"consumer {self._consumer_name} of {self._name} does not become ACTIVE")

    async def subscribe(self, shard_id: str, position: Checkpoint, *, after: bool) -> AsyncIterator[dict[str, Any]]:
        """See Source. Each subscription holds one connection of the client's pool.

        Source: https://docs.aws.amazon.com/kinesis/latest/APIReference/API_SubscribeToShard.html
        """
        stream = None
        try:
            answer = await self._kinesis.subscribe_to_shard(
                ConsumerARN=self._arn, ShardId=shard_id, StartingPosition=self._starting(position, after)
            )
            stream = answer["EventStream"]
            async for event in stream:
                if "SubscribeToShardEvent" in event:
                    yield event["SubscribeToShardEvent"]
        except ClientError as error:
            if error.response.get("Error", {}).get("Code") == "ResourceNotFoundException":
                raise ShardGone(f"{shard_id}: {error}") from error
            raise SubscriptionFailed(f"{shard_id}: {error}") from error
        except _BROKEN as error:
            raise SubscriptionFailed(f"{shard_id}: {type(error).__name__}: {error}") from error
        finally:
            if stream is not None:
                stream.close()

    def _starting(self, position: Checkpoint, after: bool) -> dict[str, Any]:
        if position.sequence_number == AT_TIMESTAMP:
            return {"Type": AT_TIMESTAMP, "Timestamp": self._initial_timestamp}
        if position.is_sentinel:
            return {"Type": position.sequence_number}
        kind = "AFTER_SEQUENCE_NUMBER" if after else "AT_SEQUENCE_NUMBER"
        return {"Type": kind, "SequenceNumber": position.sequence_number}

    async def _find(self, stream_arn: str) -> dict[str, Any] | None:
        try:
            async with translated("DescribeStreamConsumer"), self._throttle:
                answer = await self._kinesis.describe_stream_consumer(
                    StreamARN=stream_arn, ConsumerName=self._consumer_name
                )
        except ShardGone:
            return None
        consumer: dict[str, Any] = answer["ConsumerDescription"]
        return consumer

    async def _register(self, stream_arn: str) -> dict[str, Any] | None:
        """Return the new consumer, or None when another worker is registering it at the same moment."""
        try:
            async with translated("RegisterStreamConsumer"), self._throttle:
                answer = await self._kinesis.register_stream_consumer(
                    StreamARN=stream_arn, ConsumerName=self._consumer_name
                )
        except StreamUnavailable as error:
            cause = error.__cause__
            if isinstance(cause, ClientError) and cause.response["Error"]["Code"] == "ResourceInUseException":
                return None
            raise
        consumer: dict[str, Any] = answer["Consumer"]
        return consumer


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
