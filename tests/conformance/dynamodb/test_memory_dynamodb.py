"""The DynamoDB model and an emulator: the same calls get the same answers.

Source: https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/ (PutItem, UpdateItem, Scan, Query, …).
"""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator
from typing import Any

import pytest
from aiobotocore.session import get_session
from botocore.exceptions import ClientError

from shardline.testing.dynamodb import MemoryDynamoDB

_INDEX = {
    "IndexName": "by-owner",
    "KeySchema": [
        {"AttributeName": "leaseOwner", "KeyType": "HASH"},
        {"AttributeName": "leaseKey", "KeyType": "RANGE"},
    ],
    "Projection": {"ProjectionType": "KEYS_ONLY"},
}


@pytest.fixture(params=["memory", "emulator"])
def endpoint(request: pytest.FixtureRequest) -> str | None:
    """Where the tables are served; None for those in memory."""
    return None if request.param == "memory" else str(request.getfixturevalue("ministack_url"))


@pytest.fixture
async def client(endpoint: str | None) -> AsyncIterator[Any]:
    """A client of each kind."""
    if endpoint is None:
        yield MemoryDynamoDB().client()
        return
    credentials = {"aws_access_key_id": "test", "aws_secret_access_key": "test", "region_name": "us-east-1"}
    async with get_session().create_client("dynamodb", endpoint_url=endpoint, **credentials) as real:
        yield real


@pytest.fixture
async def table(client: Any) -> str:
    """A table with the key of a lease table, and the index that KCL puts on it."""
    name = f"model-{uuid.uuid4().hex[:12]}"
    await client.create_table(
        TableName=name,
        KeySchema=[{"AttributeName": "leaseKey", "KeyType": "HASH"}],
        AttributeDefinitions=[
            {"AttributeName": "leaseKey", "AttributeType": "S"},
            {"AttributeName": "leaseOwner", "AttributeType": "S"},
        ],
        GlobalSecondaryIndexes=[_INDEX],
        BillingMode="PAY_PER_REQUEST",
    )
    await client.get_waiter("table_exists").wait(TableName=name)
    return name


def key(name: str) -> dict[str, Any]:
    return {"leaseKey": {"S": name}}


ITEM = {
    **key("a"),
    "leaseCounter": {"N": "7"},
    "leaseOwner": {"S": "me"},
    "parentShardId": {"SS": ["p", "q"]},
    "blob": {"B": b"\x00\xff"},
}


async def code_of(call: Any) -> str:
    with pytest.raises(ClientError) as caught:
        await call
    return str(caught.value.response["Error"]["Code"])


async def test_an_item_comes_back_as_it_was_put(client: Any, table: str) -> None:
    """Strings, numbers, sets and bytes survive; a missing item is an answer without Item."""
    await client.put_item(TableName=table, Item=ITEM)
    found = (await client.get_item(TableName=table, Key=key("a"), ConsistentRead=True))["Item"]
    found["parentShardId"]["SS"].sort()
    assert found == ITEM
    assert "Item" not in await client.get_item(TableName=table, Key=key("none"), ConsistentRead=True)


@pytest.mark.parametrize(
    ("condition", "holds"),
    [
        ("attribute_not_exists(leaseKey)", False),
        ("attribute_exists(leaseKey) AND leaseCounter = :seven", True),
        ("leaseCounter = :seven AND attribute_not_exists(checkpointOwner)", True),
        ("leaseCounter > :seven OR leaseOwner = :me", True),
        ("NOT leaseOwner = :me OR leaseCounter < :seven", False),
        ("(leaseCounter <= :seven) AND begins_with(leaseOwner, :me) AND leaseCounter <> :me", True),
        ("leaseCounter BETWEEN :seven AND :seven AND leaseOwner IN (:me, :seven)", True),
        ("contains(parentShardId, :me) OR absent = :seven", False),
        ("size(leaseOwner) < :seven AND attribute_type(leaseOwner, :me)", False),
        ("absent <> :seven AND leaseOwner = :me", True),
    ],
)
async def test_conditions_hold_alike(client: Any, table: str, condition: str, holds: bool) -> None:
    """A write whose condition does not hold is refused and changes nothing."""
    await client.put_item(TableName=table, Item=ITEM)
    given = {":seven": {"N": "7"}, ":me": {"S": "me"}}
    values = {name: value for name, value in given.items() if name in condition}
    options = {"ExpressionAttributeValues": values} if values else {}
    write = client.put_item(
        TableName=table, Item={**ITEM, "leaseCounter": {"N": "8"}}, ConditionExpression=condition, **options
    )
    if holds:
        await write
    else:
        assert await code_of(write) == "ConditionalCheckFailedException"
    stored = (await client.get_item(TableName=table, Key=key("a"), ConsistentRead=True))["Item"]
    assert stored["leaseCounter"] == {"N": "8" if holds else "7"}


async def test_updates_set_add_and_remove_alike(client: Any, table: str) -> None:
    """Operands see the item as it was; ADD makes what is missing; the answer has the new attributes."""
    await client.put_item(TableName=table, Item=ITEM)
    answer = await client.update_item(
        TableName=table,
        Key=key("a"),
        UpdateExpression="SET leaseCounter = leaseCounter + :one, #was = leaseCounter, "
        "switches = if_not_exists(switches, :zero) + :one REMOVE leaseOwner ADD epoch :one, parentShardId :more",
        ExpressionAttributeNames={"#was": "was"},
        ExpressionAttributeValues={":one": {"N": "1"}, ":zero": {"N": "0"}, ":more": {"SS": ["r"]}},
        ReturnValues="ALL_NEW",
    )
    new = answer["Attributes"]
    new["parentShardId"]["SS"].sort()
    assert new == {
        **key("a"),
        "leaseCounter": {"N": "8"},
        "was": {"N": "7"},
        "switches": {"N": "1"},
        "epoch": {"N": "1"},
        "parentShardId": {"SS": ["p", "q", "r"]},
        "blob": {"B": b"\x00\xff"},
    }


async def test_an_update_of_nothing_makes_an_item(client: Any, table: str) -> None:
    """UpdateItem without a condition is an upsert."""
    await client.update_item(
        TableName=table,
        Key=key("new"),
        UpdateExpression="ADD epoch :one",
        ExpressionAttributeValues={":one": {"N": "1"}},
    )
    stored = (await client.get_item(TableName=table, Key=key("new"), ConsistentRead=True))["Item"]
    assert stored == {**key("new"), "epoch": {"N": "1"}}


@pytest.mark.parametrize(
    ("update", "values"),
    [
        ("SET leaseCounter = missing + :one", {":one": {"N": "1"}}),
        ("SET leaseOwner = :nothing", {":one": {"N": "1"}}),
        ("SET leaseKey = :one", {":one": {"S": "b"}}),
    ],
)
async def test_what_makes_no_sense_is_a_validation_error(
    client: Any, table: str, update: str, values: dict[str, Any]
) -> None:
    """A missing operand, an unbound placeholder, a change of the key."""
    await client.put_item(TableName=table, Item=ITEM)
    write = client.update_item(TableName=table, Key=key("a"), UpdateExpression=update, ExpressionAttributeValues=values)
    assert await code_of(write) == "ValidationException"


async def test_deletes_are_conditional_too(client: Any, table: str) -> None:
    """A refused delete leaves the item; deleting what is not there succeeds."""
    await client.put_item(TableName=table, Item=ITEM)
    condition = {
        "ConditionExpression": "leaseCounter = :counter",
        "ExpressionAttributeValues": {":counter": {"N": "6"}},
    }
    refused = client.delete_item(TableName=table, Key=key("a"), **condition)
    assert await code_of(refused) == "ConditionalCheckFailedException"
    await client.delete_item(TableName=table, Key=key("a"))
    await client.delete_item(TableName=table, Key=key("a"))
    assert "Item" not in await client.get_item(TableName=table, Key=key("a"), ConsistentRead=True)


async def test_a_scan_comes_in_pages_and_in_segments(client: Any, table: str) -> None:
    """Pages hold up to Limit items and say where to go on; segments divide the table."""
    names = {f"shard-{number}" for number in range(11)}
    for name in names:
        await client.put_item(TableName=table, Item={**key(name), "leaseOwner": {"S": "w1"}})
    found, start = [], {}
    while True:
        page = await client.scan(TableName=table, ConsistentRead=True, Limit=4, **start)
        assert len(page["Items"]) <= 4
        found += [item["leaseKey"]["S"] for item in page["Items"]]
        if "LastEvaluatedKey" not in page:
            break
        start = {"ExclusiveStartKey": page["LastEvaluatedKey"]}
    assert sorted(found) == sorted(names)
    parts = [await client.scan(TableName=table, Segment=part, TotalSegments=3) for part in range(3)]
    assert sorted(item["leaseKey"]["S"] for part in parts for item in part["Items"]) == sorted(names)


async def test_a_query_of_the_index_finds_an_owners_leases(client: Any, table: str) -> None:
    """The index holds the items that have its key, in the order of the range key."""
    for name, owner in (("c", "w1"), ("a", "w1"), ("b", "w2")):
        await client.put_item(TableName=table, Item={**key(name), "leaseOwner": {"S": owner}})
    await client.put_item(TableName=table, Item=key("free"))
    answer = await client.query(
        TableName=table,
        IndexName="by-owner",
        KeyConditionExpression="leaseOwner = :owner",
        ExpressionAttributeValues={":owner": {"S": "w1"}},
    )
    assert [item["leaseKey"]["S"] for item in answer["Items"]] == ["a", "c"]


async def test_tables_are_made_once_and_missing_ones_are_an_error(client: Any, table: str) -> None:
    """CreateTable of a table that is there, and calls to one that is not, name the error."""
    again = client.create_table(
        TableName=table,
        KeySchema=[{"AttributeName": "leaseKey", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "leaseKey", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
    )
    assert await code_of(again) == "ResourceInUseException"
    missing = client.get_item(TableName="no-such-table", Key=key("a"))
    assert await code_of(missing) == "ResourceNotFoundException"
