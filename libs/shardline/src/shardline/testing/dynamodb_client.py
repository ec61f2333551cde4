"""The calls of an aiobotocore DynamoDB client, carried to a model of the service."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from botocore.exceptions import ClientError

Request = Mapping[str, Any]
Answer = dict[str, Any]
Carry = Callable[[str, Request], Awaitable[Answer]]


class MemoryDynamoDBClient:
    """The part of an aiobotocore DynamoDB client that a lease table uses."""

    def __init__(self, carry: Carry) -> None:
        self._carry = carry

    async def create_table(self, **request: Any) -> Answer:
        """CreateTable; the table is ACTIVE at once."""
        return await self._carry("CreateTable", request)

    async def describe_table(self, **request: Any) -> Answer:
        """DescribeTable."""
        return await self._carry("DescribeTable", request)

    async def delete_table(self, **request: Any) -> Answer:
        """DeleteTable."""
        return await self._carry("DeleteTable", request)

    async def get_item(self, **request: Any) -> Answer:
        """GetItem."""
        return await self._carry("GetItem", request)

    async def put_item(self, **request: Any) -> Answer:
        """PutItem."""
        return await self._carry("PutItem", request)

    async def update_item(self, **request: Any) -> Answer:
        """UpdateItem."""
        return await self._carry("UpdateItem", request)

    async def delete_item(self, **request: Any) -> Answer:
        """DeleteItem."""
        return await self._carry("DeleteItem", request)

    async def scan(self, **request: Any) -> Answer:
        """Scan, one page."""
        return await self._carry("Scan", request)

    async def query(self, **request: Any) -> Answer:
        """Query, one page."""
        return await self._carry("Query", request)

    def get_waiter(self, name: str) -> TableWaiter:
        """A waiter; only `table_exists` is known."""
        if name != "table_exists":
            raise ValueError(f"Waiter does not exist: {name}")
        return TableWaiter(self)


class TableWaiter:
    """Waits for a table; here one that was created is there at once."""

    def __init__(self, client: MemoryDynamoDBClient) -> None:
        self._client = client

    async def wait(self, **request: Any) -> None:
        """Return when the table is there. Raises ClientError when it is not."""
        request.pop("WaiterConfig", None)
        await self._client.describe_table(**request)


def client_error(code: str, message: str, operation: str, **more: Any) -> ClientError:
    """The error that a client raises for what DynamoDB answered."""
    status = 500 if code.startswith("Internal") else 400
    answer = {"Error": {"Code": code, "Message": message}, "ResponseMetadata": {"HTTPStatusCode": status}, **more}
    return ClientError(answer, operation)
