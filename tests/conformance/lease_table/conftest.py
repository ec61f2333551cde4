"""The lease tables that must behave alike: in memory, and in DynamoDB as ministack serves it."""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator

import pytest
from aiobotocore.session import get_session

from shardline import DynamoDBLeaseTable, LeaseTable
from shardline.testing import MemoryLeaseTable


@pytest.fixture(params=["memory", "dynamodb"])
def endpoint(request: pytest.FixtureRequest) -> str | None:
    """Where the table is served; None for the one in memory."""
    return None if request.param == "memory" else str(request.getfixturevalue("ministack_url"))


@pytest.fixture
async def table(endpoint: str | None) -> AsyncIterator[LeaseTable]:
    """An open, empty table of each kind."""
    if endpoint is None:
        memory = MemoryLeaseTable()
        await memory.open("app/stream")
        yield memory
        return
    credentials = {"aws_access_key_id": "test", "aws_secret_access_key": "test", "region_name": "us-east-1"}
    async with get_session().create_client("dynamodb", endpoint_url=endpoint, **credentials) as client:
        name = f"leases-{uuid.uuid4().hex}"
        dynamodb = DynamoDBLeaseTable(dynamodb=client, table=name, create_missing=True)
        await dynamodb.open("app/stream")
        yield dynamodb
