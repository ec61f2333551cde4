"""Shards from Kinesis and leases from DynamoDB. Each stream and group that does not answer is an error of its own."""

import asyncio
from collections.abc import Sequence
from contextlib import AsyncExitStack
from typing import Any, Protocol

from aiobotocore.session import get_session
from botocore.exceptions import BotoCoreError, ClientError

from console.scrape import Unreachable
from console.settings import Settings
from console.shards import Answer, Group
from service_runtime import aws
from shardline import Lease, Shard, ShardlineError
from shardline.leases.dynamodb import DynamoDBLeaseTable


class ShardSource(Protocol):
    """Where shards and leases come from."""

    async def shards(self, stream: str) -> Sequence[Shard]:
        """Every shard that the stream still has. Raises `Unreachable`."""
        ...

    async def leases(self, group: Group) -> Sequence[Lease]:
        """Every lease of a group. Raises `Unreachable`."""
        ...


async def ask(source: ShardSource, streams: Sequence[str], groups: Sequence[Group]) -> Answer:
    """Asks for everything at once; what fails becomes an error in the answer."""
    shards, leases = await asyncio.gather(
        asyncio.gather(*(_or_reason(source.shards(stream)) for stream in streams)),
        asyncio.gather(*(_or_reason(source.leases(group)) for group in groups)),
    )
    by_stream = dict(zip(streams, shards, strict=True))
    by_group = dict(zip(groups, leases, strict=True))
    return Answer(
        shards={stream: found for stream, found in by_stream.items() if not isinstance(found, str)},
        leases={group: found for group, found in by_group.items() if not isinstance(found, str)},
        stream_errors={stream: found for stream, found in by_stream.items() if isinstance(found, str)},
        lease_errors={group: found for group, found in by_group.items() if isinstance(found, str)},
    )


async def _or_reason(asked: Any) -> Any:
    try:
        return await asked
    except Unreachable as error:
        return str(error)


class AwsShardSource:
    """Kinesis and DynamoDB by botocore's own endpoints and credentials. Use it as an async context."""

    def __init__(self, settings: Settings) -> None:
        self._region = settings.aws_region
        self._exit = AsyncExitStack()
        self._kinesis: Any = None
        self._dynamodb: Any = None

    async def __aenter__(self) -> "AwsShardSource":
        session = get_session()
        self._kinesis = await self._exit.enter_async_context(
            aws.client(session, "kinesis", self._region, max_connections=4, read_timeout_seconds=5)
        )
        self._dynamodb = await self._exit.enter_async_context(
            aws.client(session, "dynamodb", self._region, max_connections=4, read_timeout_seconds=5)
        )
        return self

    async def __aexit__(self, *exception: object) -> None:
        await self._exit.aclose()

    async def shards(self, stream: str) -> Sequence[Shard]:
        """See `ShardSource` (https://docs.aws.amazon.com/kinesis/latest/APIReference/API_ListShards.html)."""
        request: dict[str, Any] = {"StreamName": stream}
        found: list[Shard] = []
        while True:
            try:
                page = await self._kinesis.list_shards(**request)
            except ClientError as error:
                raise Unreachable(_code(error)) from error
            except (BotoCoreError, OSError) as error:
                raise Unreachable(_without_address(error)) from error
            found += [_shard(each) for each in page["Shards"]]
            if not page.get("NextToken"):
                return found
            request = {"NextToken": page["NextToken"]}

    async def leases(self, group: Group) -> Sequence[Lease]:
        """See `ShardSource`."""
        try:
            return await DynamoDBLeaseTable(dynamodb=self._dynamodb, table=group.table).list_leases()
        except ShardlineError as error:
            cause = error.__cause__
            if isinstance(cause, ClientError):
                raise Unreachable(_code(cause)) from error
            raise Unreachable(_without_address(cause or error)) from error


def _code(error: ClientError) -> str:
    return str(error.response.get("Error", {}).get("Code", "refused"))


def _without_address(error: BaseException) -> str:
    """The kind of failure alone: botocore's messages hold the endpoint."""
    return "cannot connect" if "Connect" in type(error).__name__ else type(error).__name__


def _shard(listed: dict[str, Any]) -> Shard:
    parents = (listed.get("ParentShardId"), listed.get("AdjacentParentShardId"))
    keys = listed.get("HashKeyRange", {})
    return Shard(
        shard_id=listed["ShardId"],
        parents=tuple(parent for parent in parents if parent),
        is_open="EndingSequenceNumber" not in listed.get("SequenceNumberRange", {}),
        starting_hash_key=int(keys["StartingHashKey"]) if keys else None,
        ending_hash_key=int(keys["EndingHashKey"]) if keys else None,
    )
