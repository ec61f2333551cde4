"""Leases as items, beside those of the Kinesis Client Library, and errors of the client."""

from __future__ import annotations

from typing import Any

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError

from shardline import Checkpoint, DynamoDBLeaseTable, LeaseTableUnavailable
from shardline.dynamodb_rows import from_item, is_lease, to_item

KCL_ITEM: dict[str, Any] = {
    "leaseKey": {"S": "shardId-000000000003"},
    "leaseOwner": {"S": "java"},
    "leaseCounter": {"N": "41"},
    "checkpoint": {"S": "49600000000000000000000000000000000000000000000000000007"},
    "checkpointSubSequenceNumber": {"N": "2"},
    "ownerSwitchesSinceCheckpoint": {"N": "1"},
    "parentShardId": {"SS": ["shardId-000000000001", "shardId-000000000000"]},
    "startingHashKey": {"S": "0"},
    "endingHashKey": {"S": "340282366920938463463374607431768211455"},
    "throughputKBps": {"N": "12.5"},
}


def test_a_lease_of_the_kcl_is_understood() -> None:
    """Without entityType (2.x) or epoch, with attributes that we do not use."""
    assert is_lease(KCL_ITEM)
    lease = from_item(KCL_ITEM)
    assert lease.checkpoint == Checkpoint("49600000000000000000000000000000000000000000000000000007", 2)
    assert (lease.owner, lease.counter, lease.epoch) == ("java", 41, 0)
    assert lease.parents == ("shardId-000000000000", "shardId-000000000001")
    assert lease.ending_hash_key == 2**128 - 1


def test_a_lease_is_written_in_the_kcls_words() -> None:
    """So that it, and the tools around it, can read the table."""
    item = to_item(from_item(KCL_ITEM))
    ours = {"entityType": {"S": "LEASE"}, "shardlineEpoch": {"N": "0"}}
    expected = {**KCL_ITEM, **ours, "parentShardId": {"SS": sorted(KCL_ITEM["parentShardId"]["SS"])}}
    del expected["throughputKBps"]
    assert item == expected


@pytest.mark.parametrize("kind", ["WORKER_METRIC_STATS", "LEADER", "STREAM", "SHARDLINE_EPOCH"])
def test_other_items_of_the_table_are_no_leases(kind: str) -> None:
    """Heartbeats, locks and counters share it."""
    assert not is_lease({"leaseKey": {"S": "any"}, "entityType": {"S": kind}})


class Failing:
    """A client whose every call fails."""

    def __init__(self, error: Exception) -> None:
        self.error = error

    def __getattr__(self, name: str) -> Any:
        async def call(**_: object) -> Any:
            raise self.error

        return call


@pytest.mark.parametrize(
    "error",
    [
        ClientError({"Error": {"Code": "ProvisionedThroughputExceededException"}}, "Scan"),
        EndpointConnectionError(endpoint_url="http://nowhere"),
        TimeoutError(),
        ConnectionResetError(),
    ],
)
async def test_trouble_of_the_client_is_an_unavailable_table(error: Exception) -> None:
    """No exception of botocore leaves the adapter."""
    table = DynamoDBLeaseTable(dynamodb=Failing(error), table="leases")
    lease = from_item(KCL_ITEM)
    calls = [
        table.open("app/stream"),
        table.next_epoch(),
        table.list_leases(),
        table.get("shard"),
        table.create(lease),
        table.take(lease, "me", 1),
        table.ask_for(lease, "me"),
        table.renew(lease),
        table.checkpoint(lease, Checkpoint("5")),
        table.release(lease),
        table.delete(lease),
    ]
    for call in calls:
        with pytest.raises(LeaseTableUnavailable):
            await call
