"""Many streams in one group on real sockets: the Kinesis double, and DynamoDB as ministack serves it."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any

import pytest
from aiobotocore.session import get_session

from shardline import DynamoDBLeaseTable, GroupSettings, MultiStreamGroup

CREDENTIALS = {"aws_access_key_id": "test", "aws_secret_access_key": "test", "region_name": "us-east-1"}
STREAMS = ("orders", "visits", "parcels")

pytestmark = pytest.mark.integration


async def write(kinesis: Any, stream: str, first: int, count: int) -> None:
    records = [{"Data": b"%d" % number, "PartitionKey": str(number)} for number in range(first, first + count)]
    answer = await kinesis.put_records(StreamName=stream, Records=records)
    assert answer["FailedRecordCount"] == 0


async def read(
    kinesis: Any, dynamodb: Any, worker: str, wanted: int
) -> tuple[dict[str, list[int]], dict[str, list[bytes | None]]]:
    """Read until `wanted` records came, each done with a state; returns what came by stream, and the states found."""
    group = MultiStreamGroup(
        streams=STREAMS,
        application="reader",
        kinesis=kinesis,
        lease_table=DynamoDBLeaseTable(dynamodb=dynamodb, table="many-streams", create_missing=True),
        worker_id=worker,
        settings=GroupSettings(scan_interval_seconds=0.5, resubscribe_seconds=0.2),
    )
    got: dict[str, list[int]] = defaultdict(list)
    found: dict[str, list[bytes | None]] = defaultdict(list)
    async with asyncio.timeout(60), group.batches() as batches:
        async for batch in batches:
            got[batch.lease.stream] += [int(record.data) for record in batch.records]
            found[batch.lease.stream].append(batch.lease.state)
            await batch.done(b"up to " + batch.records[-1].data)
            if sum(map(len, got.values())) >= wanted:
                break
    return got, found


async def test_one_group_reads_many_streams_and_goes_on_with_their_states(
    double: Callable[..., AbstractContextManager[Any]], ministack_url: str, kinesis_client: Callable[[str], Any]
) -> None:
    """One table under the KCL's multi-stream keys; the second run begins where the first ended, in each stream."""
    with double("--no-pacing", "--resubscribe-seconds", "0.2") as server:
        kinesis = await kinesis_client(server.endpoint)
        async with get_session().create_client("dynamodb", endpoint_url=ministack_url, **CREDENTIALS) as dynamodb:
            for stream in STREAMS:
                await kinesis.create_stream(StreamName=stream, ShardCount=1)
            for stream in STREAMS:
                await kinesis.get_waiter("stream_exists").wait(StreamName=stream, WaiterConfig={"Delay": 1})
                await write(kinesis, stream, 0, 50)
            got, _ = await read(kinesis, dynamodb, "one", 150)
            assert got == {stream: list(range(50)) for stream in STREAMS}

            for stream in STREAMS:
                await write(kinesis, stream, 50, 20)
            got, found = await read(kinesis, dynamodb, "two", 60)
            assert got == {stream: list(range(50, 70)) for stream in STREAMS}
            assert {stream: set(states) for stream, states in found.items()} == {
                stream: {b"up to 49"} for stream in STREAMS
            }

            rows = (await dynamodb.scan(TableName="many-streams"))["Items"]
            leases = {row["leaseKey"]["S"]: row for row in rows if "streamName" in row and "leaseOwner" not in row}
            for stream in STREAMS:
                (key,) = [key for key in leases if f":{stream}:" in key and key.endswith("shardId-000000000000")]
                account, name, created, shard_id = key.split(":")
                assert leases[key]["streamName"]["S"] == f"{account}:{name}:{created}"
                assert leases[key]["shardId"]["S"] == shard_id
                assert leases[key]["shardlineState"]["B"] == b"up to 69"
