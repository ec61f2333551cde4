"""What a smoke run makes in an account, and how it is deleted again."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from etl_cli.smoke.plan import PREFIX, Names, is_ours

_POLL_SECONDS = 0.5
_GONE = "ResourceNotFoundException"
_BUSY = frozenset({"ResourceInUseException", "LimitExceededException"})
"""Being created or changed, or too many calls a second: try again."""


@dataclass(frozen=True, slots=True)
class Account:
    """Clients of one account and region."""

    kinesis: Any
    dynamodb: Any

    async def create_stream(self, names: Names) -> None:
        """Make the stream with one shard, and wait until it is ACTIVE."""
        await self.kinesis.create_stream(
            StreamName=names.stream,
            ShardCount=1,
            StreamModeDetails={"StreamMode": "PROVISIONED"},
            Tags=names.tags,
        )
        await self.until_active(names.stream)

    async def create_table(self, names: Names) -> None:
        """Make the lease table, tagged, and wait until it is ACTIVE."""
        await self.dynamodb.create_table(
            TableName=names.table,
            KeySchema=[{"AttributeName": "leaseKey", "KeyType": "HASH"}],
            AttributeDefinitions=[{"AttributeName": "leaseKey", "AttributeType": "S"}],
            BillingMode="PAY_PER_REQUEST",
            Tags=[{"Key": key, "Value": value} for key, value in names.tags.items()],
        )
        await self.dynamodb.get_waiter("table_exists").wait(TableName=names.table, WaiterConfig={"Delay": 1})

    async def until_active(self, stream: str) -> dict[str, Any]:
        """Wait until the stream is ACTIVE; returns its summary."""
        while True:
            answer = await self.kinesis.describe_stream_summary(StreamName=stream)
            summary: dict[str, Any] = answer["StreamDescriptionSummary"]
            if summary["StreamStatus"] == "ACTIVE":
                return summary
            await asyncio.sleep(_POLL_SECONDS)

    async def consumer(self, names: Names, name: str) -> str:
        """Register a fan-out consumer and wait until it is ACTIVE; returns its ARN."""
        stream_arn = (await self.until_active(names.stream))["StreamARN"]
        answer = await self.kinesis.register_stream_consumer(StreamARN=stream_arn, ConsumerName=name)
        arn: str = answer["Consumer"]["ConsumerARN"]
        while True:
            told = await self.kinesis.describe_stream_consumer(ConsumerARN=arn)
            if told["ConsumerDescription"]["ConsumerStatus"] == "ACTIVE":
                return arn
            await asyncio.sleep(_POLL_SECONDS)

    async def delete(self, streams: Sequence[str], tables: Sequence[str], seconds: float) -> list[str]:
        """Delete what is there, consumers with their stream; returns what could not be deleted, and why.

        What is being created or changed is tried again for `seconds`.
        """
        deletions: dict[str, Callable[[], Awaitable[object]]] = {}
        for stream in streams:
            deletions[stream] = partial(self.kinesis.delete_stream, StreamName=stream, EnforceConsumerDeletion=True)
        for table in tables:
            deletions[table] = partial(self.dynamodb.delete_table, TableName=table)
        found = await asyncio.gather(*(self._deleted(name, call, seconds) for name, call in deletions.items()))
        return [problem for problem in found if problem]

    async def leftovers(self) -> tuple[list[str], list[str]]:
        """The streams and tables of earlier runs, told by name and tag."""
        streams = [name async for name in self._streams() if is_ours(name, await self._stream_tags(name))]
        tables = [name async for name in self._tables() if is_ours(name, await self._table_tags(name))]
        return streams, tables

    async def _deleted(self, name: str, deletion: Callable[[], Awaitable[object]], seconds: float) -> str | None:
        problem = "AWS did not answer"
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                while True:
                    try:
                        await deletion()
                    except ClientError as error:
                        if error.response["Error"]["Code"] == _GONE:
                            return None
                        problem = str(error)
                        if error.response["Error"]["Code"] not in _BUSY:
                            break
                        await asyncio.sleep(_POLL_SECONDS)
                    except (BotoCoreError, OSError) as error:
                        problem = str(error)
                        break
                    else:
                        return None
        return f"{name}: {problem}"

    async def _streams(self) -> AsyncIterator[str]:
        more: dict[str, Any] = {}
        while True:
            page = await self.kinesis.list_streams(**more)
            for name in page["StreamNames"]:
                if name.startswith(PREFIX):
                    yield name
            if not page.get("HasMoreStreams"):
                return
            more = {"ExclusiveStartStreamName": page["StreamNames"][-1]}

    async def _tables(self) -> AsyncIterator[str]:
        more: dict[str, Any] = {}
        while True:
            page = await self.dynamodb.list_tables(**more)
            for name in page["TableNames"]:
                if name.startswith(PREFIX):
                    yield name
            if not page.get("LastEvaluatedTableName"):
                return
            more = {"ExclusiveStartTableName": page["LastEvaluatedTableName"]}

    async def _stream_tags(self, name: str) -> dict[str, str] | None:
        with contextlib.suppress(ClientError):
            answer = await self.kinesis.list_tags_for_stream(StreamName=name)
            return {tag["Key"]: tag["Value"] for tag in answer["Tags"]}
        return None

    async def _table_tags(self, name: str) -> dict[str, str] | None:
        with contextlib.suppress(ClientError):
            arn = (await self.dynamodb.describe_table(TableName=name))["Table"]["TableArn"]
            answer = await self.dynamodb.list_tags_of_resource(ResourceArn=arn)
            return {tag["Key"]: tag["Value"] for tag in answer["Tags"]}
        return None
