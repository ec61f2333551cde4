"""What a lease table in DynamoDB promises beside other items: a KCL's, and those of other groups."""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator
from typing import Any

import pytest
from aiobotocore.session import get_session

from shardline import TRIM_HORIZON, Checkpoint, DynamoDBLeaseTable, Lease, LeaseTableMismatch, LeaseTableUnavailable
from shardline.leases.dynamodb_rows import EPOCH_KEY, key_of

NOW = 1_704_067_200.0 + 1_000_000
LEASE = Lease("shardId-000000000000", Checkpoint(TRIM_HORIZON))


@pytest.fixture
async def client(ministack_url: str) -> AsyncIterator[Any]:
    """A DynamoDB client."""
    credentials = {"aws_access_key_id": "test", "aws_secret_access_key": "test", "region_name": "us-east-1"}
    async with get_session().create_client("dynamodb", endpoint_url=ministack_url, **credentials) as client:
        yield client


@pytest.fixture
def name() -> str:
    """A table of its own."""
    return f"leases-{uuid.uuid4().hex}"


def table_of(client: Any, name: str, **options: Any) -> DynamoDBLeaseTable:
    """A lease table at a fixed time."""
    return DynamoDBLeaseTable(dynamodb=client, table=name, create_missing=True, wall_clock=lambda: NOW, **options)


async def test_a_counter_that_was_deleted_goes_on_above_what_it_handed_out(client: Any, name: str) -> None:
    """A KCL 2.x deletes it as the lease of an unknown shard; an epoch never comes twice, open or not."""
    table = table_of(client, name)
    await table.open("app/stream")
    await table.create(LEASE)
    first = await table.next_epoch()
    await client.delete_item(TableName=name, Key=key_of(EPOCH_KEY))
    second = await table.next_epoch()
    assert second > max(first, 1_000_000)
    await client.delete_item(TableName=name, Key=key_of(EPOCH_KEY))
    lease = await table.take(LEASE, "one", 3_000_000)
    assert lease is not None
    other = table_of(client, name)
    await other.open("app/stream")
    assert await other.next_epoch() == 3_000_001


async def test_a_counter_of_an_earlier_release_is_dressed_and_keeps_its_count(client: Any, name: str) -> None:
    """It lacked what an older KCL needs to read the table."""
    await table_of(client, name).open("app/stream")
    old = {**key_of(EPOCH_KEY), "epoch": {"N": "41"}, "consumerGroup": {"S": "app/stream"}}
    await client.put_item(TableName=name, Item={**old, "entityType": {"S": "SHARDLINE_EPOCH"}})
    table = table_of(client, name)
    await table.open("app/stream")
    item = (await client.get_item(TableName=name, Key=key_of(EPOCH_KEY)))["Item"]
    assert (item["checkpoint"], item["leaseCounter"]) == ({"S": "SHARD_END"}, {"N": "0"})
    assert await table.next_epoch() == 42
    with pytest.raises(LeaseTableMismatch):
        await table.open("app/other")


async def test_a_table_in_use_by_kcl_workers_is_not_opened_unless_told_to(client: Any, name: str) -> None:
    """Two fleets that share shards out by different rules would take them from each other."""
    old = table_of(client, name)
    await old.open("app/stream")
    await old.create(LEASE)
    beat = {**key_of("java-1"), "entityType": {"S": "WORKER_METRIC_STATS"}, "lut": {"N": str(int(NOW) - 20)}}
    await client.put_item(TableName=name, Item=beat)
    with pytest.raises(LeaseTableUnavailable, match=r"java-1.*beside_kcl"):
        await table_of(client, name).open("app/stream")
    await table_of(client, name, beside_kcl=True).open("app/stream")
    await client.put_item(TableName=name, Item={**beat, "lut": {"N": str(int(NOW) - 61)}})
    await table_of(client, name).open("app/stream")


async def test_a_table_whose_kcl_workers_have_stopped_is_opened_once_its_leases_stand_still(
    client: Any, name: str
) -> None:
    """Their last reports stay; that nobody renews any more is what tells."""
    now = NOW
    old = table_of(client, name)
    await old.open("app/stream")
    await old.create(LEASE)
    lease = await old.take(LEASE, "java-1", 1)
    assert lease is not None
    beat = {**key_of("java-1"), "entityType": {"S": "WORKER_METRIC_STATS"}, "lut": {"N": str(int(NOW))}}
    await client.put_item(TableName=name, Item=beat)
    table = DynamoDBLeaseTable(dynamodb=client, table=name, wall_clock=lambda: now)
    for now in (NOW, NOW + 8, NOW + 16, NOW + 25):
        if now == NOW + 8:
            await old.renew(lease)
        with pytest.raises(LeaseTableUnavailable):
            await table.open("app/stream")
        if now == NOW + 16:
            await old.renew(await old.get(lease.shard_id) or lease)
    now = NOW + 35
    await table.open("app/stream")


async def test_groups_with_prefixes_share_a_table_without_seeing_each_other(client: Any, name: str) -> None:
    """Each has its own leases and its own epochs."""
    orders = table_of(client, name, key_prefix="1:orders:7:")
    clicks = table_of(client, name, key_prefix="1:clicks:7:")
    await orders.open("app/orders")
    await clicks.open("app/clicks")
    assert await orders.create(LEASE)
    assert await clicks.list_leases() == []
    assert await clicks.create(LEASE)
    taken = await orders.take(LEASE, "one", await orders.next_epoch())
    assert taken is not None
    assert (taken.shard_id, taken.epoch) == (LEASE.shard_id, 1)
    assert await clicks.get(LEASE.shard_id) == LEASE
    assert await clicks.next_epoch() == 1
    assert await orders.scan() == [taken]


async def test_a_pending_checkpoint_of_the_kcl_is_removed_by_the_next_checkpoint(client: Any, name: str) -> None:
    """It stood for work of a former owner; attributes that are not ours stay."""
    table = table_of(client, name)
    await table.open("app/stream")
    await table.create(LEASE)
    await client.update_item(
        TableName=name,
        Key=key_of(LEASE.shard_id),
        UpdateExpression="SET pendingCheckpoint = :p, pendingCheckpointSubSequenceNumber = :n, owned_elsewhere = :n",
        ExpressionAttributeValues={":p": {"S": "9"}, ":n": {"N": "0"}},
    )
    lease = await table.take(LEASE, "one", 1)
    assert lease is not None
    await table.checkpoint(lease, Checkpoint("10"))
    item = (await client.get_item(TableName=name, Key=key_of(LEASE.shard_id)))["Item"]
    assert not [each for each in item if each.startswith("pending")]
    assert item["owned_elsewhere"] == {"N": "0"}
