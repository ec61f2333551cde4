"""One DynamoDB table: conditional writes and reads, with the client's errors translated."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
from botocore.exceptions import BotoCoreError, ClientError

from shardline.errors import LeaseTableUnavailable
from shardline.leases.dynamodb_rows import Item

_REFUSED = "ConditionalCheckFailedException"


class Refused(Exception):
    """The condition of a write did not hold."""


@asynccontextmanager
async def translated() -> AsyncIterator[None]:
    """Turn what the client raises into LeaseTableUnavailable, and a refused condition into Refused."""
    try:
        yield
    except ClientError as error:
        if error.response.get("Error", {}).get("Code") == _REFUSED:
            raise Refused from error
        raise LeaseTableUnavailable(str(error)) from error
    except (BotoCoreError, aiohttp.ClientError, OSError, TimeoutError) as error:
        raise LeaseTableUnavailable(str(error)) from error


class Table:
    """Items of one table, keyed by `leaseKey`. Every method raises LeaseTableUnavailable, writes also Refused."""

    def __init__(self, dynamodb: Any, name: str) -> None:
        self.name = name
        self._client = dynamodb

    async def get(self, key: Item, *, consistent: bool = True) -> Item | None:
        """Return one item, or None when there is none."""
        async with translated():
            answer = await self._client.get_item(TableName=self.name, Key=key, ConsistentRead=consistent)
        item: Item | None = answer.get("Item")
        return item or None

    async def put(self, item: Item, condition: str) -> None:
        """Write a whole item."""
        async with translated():
            await self._client.put_item(TableName=self.name, Item=item, ConditionExpression=condition)

    async def update(self, key: Item, change: str, condition: str | None, values: Mapping[str, Any]) -> Item:
        """Change an item; returns it as it is then."""
        options: dict[str, Any] = {"ConditionExpression": condition} if condition else {}
        if "#checkpoint" in change:
            options["ExpressionAttributeNames"] = {"#checkpoint": "checkpoint"}
        async with translated():
            answer = await self._client.update_item(
                TableName=self.name,
                Key=key,
                UpdateExpression=change,
                ExpressionAttributeValues=dict(values),
                ReturnValues="ALL_NEW",
                **options,
            )
        attributes: Item = answer["Attributes"]
        return attributes

    async def delete(self, key: Item, condition: str, values: Mapping[str, Any]) -> None:
        """Delete an item; one that is not there counts as deleted if the condition allows for it."""
        async with translated():
            await self._client.delete_item(
                TableName=self.name,
                Key=key,
                ConditionExpression=condition,
                ExpressionAttributeValues=dict(values),
            )

    async def scan(self, *, consistent: bool, part: int = 0, parts: int = 1) -> list[Item]:
        """Return all items, or those of one of several parts of the table; paged."""
        options: dict[str, Any] = {"Segment": part, "TotalSegments": parts} if parts > 1 else {}
        items: list[Item] = []
        async with translated():
            while True:
                page = await self._client.scan(TableName=self.name, ConsistentRead=consistent, **options)
                items.extend(page["Items"])
                if not page.get("LastEvaluatedKey"):
                    return items
                options["ExclusiveStartKey"] = page["LastEvaluatedKey"]

    async def create(self) -> None:
        """Create the table (on-demand capacity) unless it is there, and wait until it can be used."""
        async with translated():
            try:
                await self._client.create_table(
                    TableName=self.name,
                    KeySchema=[{"AttributeName": "leaseKey", "KeyType": "HASH"}],
                    AttributeDefinitions=[{"AttributeName": "leaseKey", "AttributeType": "S"}],
                    BillingMode="PAY_PER_REQUEST",
                )
            except ClientError as error:
                if error.response.get("Error", {}).get("Code") != "ResourceInUseException":
                    raise
            await self._client.get_waiter("table_exists").wait(
                TableName=self.name, WaiterConfig={"Delay": 1, "MaxAttempts": 60}
            )
