"""Leases as items, beside those of the Kinesis Client Library, and errors of the client."""

from __future__ import annotations

from typing import Any

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError

from shardline import Checkpoint, DynamoDBLeaseTable, LeaseTableUnavailable
from shardline.leases.dynamodb_counter import first_epoch
from shardline.leases.dynamodb_rows import counter_item, from_item, is_lease, to_item
from shardline.leases.kcl import live_workers

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
    parents = {"SS": sorted(KCL_ITEM["parentShardId"]["SS"])}
    assert item == {**KCL_ITEM, **ours, "parentShardId": parents, "throughputKBps": {"N": "12.500"}}


def test_a_lease_of_one_of_many_streams_names_its_stream_and_shard() -> None:
    """As MultiStreamLease of the KCL needs it; with a prefix the group sees plain shard ids."""
    stream = "123456789012:orders:1700000000"
    item = to_item(from_item(KCL_ITEM), f"{stream}:")
    assert item["leaseKey"] == {"S": f"{stream}:shardId-000000000003"}
    assert (item["streamName"], item["shardId"]) == ({"S": stream}, KCL_ITEM["leaseKey"])
    assert from_item(item, f"{stream}:") == from_item(KCL_ITEM)
    assert from_item(item).shard_id == f"{stream}:shardId-000000000003"


# The attributes that Lease and ExtendedSequenceNumber of KCL 2.7.2 and 3.0.0 demand of every item of the table.
REQUIRED_BY_OLDER_KCL = ("leaseKey", "leaseCounter", "checkpoint", "ownerSwitchesSinceCheckpoint")


@pytest.mark.parametrize("prefix", ["", "123456789012:orders:1700000000:"])
def test_the_counter_is_a_lease_for_an_older_kcl_and_none_for_us_and_the_newest(prefix: str) -> None:
    """Else its listing of leases fails, which stops a KCL 2.x or 3.0 fleet."""
    item = counter_item("app/stream", 7, prefix)
    assert set(REQUIRED_BY_OLDER_KCL) <= set(item)
    assert item["checkpoint"] == {"S": "SHARD_END"}
    assert item["entityType"] not in ({"S": "LEASE"}, None)
    assert not is_lease(item)
    assert not is_lease({name: value for name, value in item.items() if name != "entityType"})


def test_a_missing_counter_goes_on_above_everything_that_was_handed_out() -> None:
    """From nothing in an empty table; else from the leases' epochs or the clock, whichever is higher."""
    now = 1_704_067_200 + 5000
    assert first_epoch([], now) == 0
    assert first_epoch([KCL_ITEM], now) == 5000
    assert first_epoch([{**KCL_ITEM, "shardlineEpoch": {"N": "9000"}}, KCL_ITEM], now) == 9000
    assert first_epoch([KCL_ITEM], 0.0) == 0
    in_2090 = 3_786_912_000
    assert first_epoch([KCL_ITEM], in_2090) < 2**31


def test_kcl_workers_count_as_live_for_a_minute_after_their_last_report() -> None:
    """Their heartbeats are items beside the leases; nothing else is one."""
    beat = {"leaseKey": {"S": "java"}, "entityType": {"S": "WORKER_METRIC_STATS"}, "lut": {"N": "1000"}}
    assert live_workers([beat, KCL_ITEM, counter_item("app/stream", 1)], 1059.0) == ["java"]
    assert live_workers([beat], 1060.0) == []


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
        table.ring(),
        table.hear(),
        table.scan(),
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
