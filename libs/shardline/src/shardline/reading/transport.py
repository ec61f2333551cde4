"""How records come from Kinesis: by the data plane of aws_wire, or by an aiobotocore client."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import aclosing, contextmanager
from typing import Any, Protocol

import aiohttp
import msgspec
from botocore.eventstream import ParserError
from botocore.exceptions import BotoCoreError, ClientError
from botocore.parsers import ResponseParserError

from aws_wire import kinesis
from aws_wire.data_plane import DataPlane, ServiceFault
from shardline.errors import ShardGone, SubscriptionFailed
from shardline.model import Record
from shardline.settings import TransportName as TransportName

_GONE = "ResourceNotFoundException"
_BROKEN = (BotoCoreError, ParserError, ResponseParserError, aiohttp.ClientError, OSError, TimeoutError, ValueError)
"""What a broken connection, a corrupt frame or an unreadable payload raises inside either transport."""


class Transport(Protocol):
    """Subscriptions and polls of one Kinesis endpoint."""

    def subscribe(
        self, consumer_arn: str, shard_id: str, starting: dict[str, Any]
    ) -> AsyncIterator[kinesis.SubscribeToShardEvent]:
        """Yield a subscription's events; `starting` is a StartingPosition. Raises SubscriptionFailed or ShardGone."""

    async def get_records(self, iterator: str) -> kinesis.GetRecordsAnswer:
        """Return what a shard iterator points at. Raises SubscriptionFailed or ShardGone."""

    async def aclose(self) -> None:
        """Close what this opened; the client that it was made from stays open."""


def transport_of(client: Any, name: TransportName) -> Transport:
    """Return the transport of that name to the endpoint of an aiobotocore Kinesis client.

    "auto" speaks HTTP/2 and falls back to HTTP/1.1 where the endpoint has no HTTP/2. Subscriptions of the data
    plane take no connection of the client's pool; those of "aiobotocore" hold one each.
    """
    return ClientTransport(client) if name == "aiobotocore" else PlaneTransport(DataPlane.of(client, name))


@contextmanager
def translated_read(what: str) -> Iterator[None]:
    """Turn what reading raises into this library's errors, with the code that Kinesis gave."""
    try:
        yield
    except ServiceFault as fault:
        raise _failure(what, fault.code, str(fault)) from fault
    except ClientError as error:
        raise _failure(what, error.response.get("Error", {}).get("Code", ""), str(error)) from error
    except _BROKEN as error:
        raise SubscriptionFailed(f"{what}: {type(error).__name__}: {error}") from error


def _failure(what: str, code: str, message: str) -> Exception:
    return ShardGone(f"{what}: {message}") if code == _GONE else SubscriptionFailed(f"{what}: {message}", code)


class PlaneTransport:
    """The data plane of aws_wire: events decoded straight into typed values."""

    def __init__(self, plane: DataPlane) -> None:
        self._plane = plane

    async def subscribe(
        self, consumer_arn: str, shard_id: str, starting: dict[str, Any]
    ) -> AsyncIterator[kinesis.SubscribeToShardEvent]:
        """See Transport."""
        with translated_read(shard_id):
            events = self._plane.subscribe_to_shard(consumer_arn, shard_id, starting)
            async with aclosing(events):  # type: ignore[type-var]
                async for event in events:
                    yield event

    async def get_records(self, iterator: str) -> kinesis.GetRecordsAnswer:
        """See Transport."""
        with translated_read("GetRecords"):
            body = msgspec.json.encode({"ShardIterator": iterator})
            return kinesis.decode_get_records(await self._plane.call("GetRecords", body))

    async def aclose(self) -> None:
        """See Transport."""
        await self._plane.aclose()


class ClientTransport:
    """An aiobotocore client: slower, HTTP/1.1 only, and one connection of its pool for each subscription."""

    def __init__(self, client: Any) -> None:
        self._client = client

    async def subscribe(
        self, consumer_arn: str, shard_id: str, starting: dict[str, Any]
    ) -> AsyncIterator[kinesis.SubscribeToShardEvent]:
        """See Transport."""
        stream = None
        try:
            with translated_read(shard_id):
                answer = await self._client.subscribe_to_shard(
                    ConsumerARN=consumer_arn, ShardId=shard_id, StartingPosition=starting
                )
                stream = answer["EventStream"]
                async for event in stream:
                    if "SubscribeToShardEvent" in event:
                        yield _event(event["SubscribeToShardEvent"])
        finally:
            if stream is not None:
                stream.close()

    async def get_records(self, iterator: str) -> kinesis.GetRecordsAnswer:
        """See Transport."""
        with translated_read("GetRecords"):
            answer = await self._client.get_records(ShardIterator=iterator)
            return kinesis.GetRecordsAnswer(
                records=_records(answer),
                next_shard_iterator=answer.get("NextShardIterator"),
                millis_behind_latest=int(answer.get("MillisBehindLatest", 0)),
                child_shards=_children(answer),
            )

    async def aclose(self) -> None:
        """See Transport."""


def _event(told: dict[str, Any]) -> kinesis.SubscribeToShardEvent:
    return kinesis.SubscribeToShardEvent(
        records=_records(told),
        continuation=told.get("ContinuationSequenceNumber"),
        millis_behind_latest=int(told.get("MillisBehindLatest", 0)),
        child_shards=_children(told),
    )


def _records(told: dict[str, Any]) -> list[Record]:
    """Typed records; raises ValueError for one without a number, a key or data."""
    try:
        return [
            Record(
                each["SequenceNumber"],
                each["PartitionKey"],
                each["Data"],
                each["ApproximateArrivalTimestamp"].timestamp() if "ApproximateArrivalTimestamp" in each else 0.0,
            )
            for each in told.get("Records", ())
        ]
    except KeyError as error:
        raise ValueError(f"a record has no {error}") from error


def _children(told: dict[str, Any]) -> list[kinesis.ChildShard] | None:
    return msgspec.convert(told.get("ChildShards"), list[kinesis.ChildShard] | None)
