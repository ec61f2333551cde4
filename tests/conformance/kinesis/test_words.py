"""The words of AWS's messages, which no page promises: as its errors have been seen, and as programs match them.

The page that each test names is the operation's; it lists the exception, not its message.
"""

from collections.abc import Mapping
from typing import Any

import pytest
from botocore.exceptions import ClientError

FIRST, SECOND, THIRD = (f"shardId-{index:012d}" for index in range(3))


async def message_of(kinesis: Any, operation: str, arguments: Mapping[str, Any]) -> str:
    with pytest.raises(ClientError) as raised:
        await kinesis(operation, **arguments)
    return str(raised.value.response["Error"]["Message"])


async def test_broken_members_are_named(kinesis: Any) -> None:
    """A ValidationException says which member fails which constraint (API_CreateStream)."""
    message = await message_of(kinesis, "create_stream", {"StreamName": "no spaces", "ShardCount": 1})
    assert message == (
        "1 validation error detected: Value 'no spaces' at 'streamName' failed to satisfy constraint: "
        "Member must satisfy regular expression pattern: [a-zA-Z0-9_.-]+"
    )


async def test_broken_records_are_counted_from_one(kinesis: Any) -> None:
    """The member of a list is named by its place (API_PutRecords)."""
    name = await kinesis.active_stream()
    good, bad = {"Data": b"x", "PartitionKey": "k"}, {"Data": b"x", "PartitionKey": "k" * 257}
    message = await message_of(kinesis, "put_records", {"StreamName": name, "Records": [good, bad]})
    assert "at 'records.2.member.partitionKey'" in message
    many = await message_of(kinesis, "put_records", {"StreamName": name, "Records": [good] * 501})
    assert "at 'records' failed to satisfy constraint: Member must have length less than or equal to 500" in many


async def test_what_is_not_there_is_named(kinesis: Any) -> None:
    """A ResourceNotFoundException names the stream or the shard (API_GetShardIterator)."""
    message = await message_of(kinesis, "describe_stream_summary", {"StreamName": "no-such-stream"})
    assert message.startswith("Stream no-such-stream under account")
    assert message.endswith("not found.")
    name = await kinesis.active_stream()
    asked = {"StreamName": name, "ShardId": "shardId-000000000009", "ShardIteratorType": "LATEST"}
    message = await message_of(kinesis, "get_shard_iterator", asked)
    assert message.startswith("Could not find shard shardId-000000000009 in stream")
    assert "already exists" in await message_of(kinesis, "create_stream", {"StreamName": name, "ShardCount": 1})


async def test_refused_reshards_say_why(kinesis: Any) -> None:
    """An InvalidArgumentException of a reshard names shards and hash keys (API_SplitShard)."""
    name = await kinesis.active_stream(shards=3)
    apart = {"StreamName": name, "ShardToMerge": FIRST, "AdjacentShardToMerge": THIRD}
    assert "are not an adjacent pair of shards eligible for merging" in await message_of(kinesis, "merge_shards", apart)
    outside = {"StreamName": name, "ShardToSplit": FIRST, "NewStartingHashKey": str(2**127)}
    message = await message_of(kinesis, "split_shard", outside)
    assert "is not both greater than one plus the shard's StartingHashKey" in message
    for count, words in ((7, "up over double"), (1, "down below half")):
        resize = {"StreamName": name, "TargetShardCount": count, "ScalingType": "UNIFORM_SCALING"}
        assert words in await message_of(kinesis, "update_shard_count", resize)


async def test_refused_records_name_their_shard(kinesis: Any) -> None:
    """The ErrorMessage of a throttled record names the shard and the stream (API_PutRecordsResultEntry)."""
    name = await kinesis.active_stream()
    records = [{"Data": b"x", "PartitionKey": "k"}] * 500
    failed: list[Any] = []
    for _ in range(20):
        answer = await kinesis("put_records", StreamName=name, Records=records)
        failed = [record for record in answer["Records"] if "ErrorCode" in record]
        if failed:
            break
    assert failed
    assert failed[0]["ErrorMessage"].startswith(f"Rate exceeded for shard {FIRST} in stream {name}")
