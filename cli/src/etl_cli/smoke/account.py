"""What a smoke run makes in an account, and how it is deleted again."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from etl_cli.smoke.plan import PREFIX, Names, is_ours

_POLL_SECONDS = 0.5
_GONE = "ResourceNotFoundException"


@dataclass(frozen=True, slots=True)
class Account:
    """Clients of one account and region."""

    kinesis: Any
    dynamodb: Any

    async def create_stream(self, names: Names) -> None:
        """Make the stream with one shard, and wait until it is ACTIVE."""
        await self.kinesis.create_stream(
            StreamName=names.stream, ShardCount=1, StreamModeDetails={"StreamMode": "PROVISIONED"}
        )
        await self.kinesis.add_tags_to_stream(StreamName=names.stream, Tags=names.tags)
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

    async def delete(self, stream: str | None, table: str | None) -> list[str]:
        """Delete what is there, consumers with their stream; returns what could not be deleted, and why."""
        problems = []
        if stream is not None:
            problems += await self._deleted(
                stream, self.kinesis.delete_stream(StreamName=stream, EnforceConsumerDeletion=True)
            )
        if table is not None:
            problems += await self._deleted(table, self.dynamodb.delete_table(TableName=table))
        return problems

    async def leftovers(self) -> tuple[list[str], list[str]]:
        """The streams and tables of earlier runs, told by name and tag."""
        streams = [name async for name in self._streams() if is_ours(name, await self._stream_tags(name))]
        tables = [name async for name in self._tables() if is_ours(name, await self._table_tags(name))]
        return streams, tables

    async def _deleted(self, name: str, deletion: Any) -> list[str]:
        try:
            await deletion
        except ClientError as error:
            return [] if error.response["Error"]["Code"] == _GONE else [f"{name}: {error}"]
        except (BotoCoreError, OSError) as error:
            return [f"{name}: {error}"]
        return []

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
