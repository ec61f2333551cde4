"""Resharding and listing shards, as their API pages state them."""

import asyncio
from datetime import UTC, datetime
from typing import Any

import pytest
from botocore.exceptions import ClientError

FIRST, SECOND, THIRD = (f"shardId-{index:012d}" for index in range(3))


def error_of(raised: pytest.ExceptionInfo[ClientError]) -> tuple[str, str]:
    error = raised.value.response["Error"]
    return str(error["Code"]), str(error["Message"])


async def split(kinesis: Any, stream: str, shard: str = FIRST, at: int = 2**127) -> None:
    await kinesis("split_shard", StreamName=stream, ShardToSplit=shard, NewStartingHashKey=str(at))
    await kinesis.until_active(stream)


async def test_split_makes_two_children(kinesis: Any) -> None:
    """The parent closes; two children share its hash keys and name it as parent (API_SplitShard)."""
    name = await kinesis.active_stream()
    await split(kinesis, name)
    parent, left, right = await kinesis.shards(name)
    assert "EndingSequenceNumber" in parent["SequenceNumberRange"]
    assert left["ParentShardId"] == right["ParentShardId"] == FIRST
    assert left["HashKeyRange"] == {"StartingHashKey": "0", "EndingHashKey": str(2**127 - 1)}
    assert right["HashKeyRange"] == {"StartingHashKey": str(2**127), "EndingHashKey": str(2**128 - 1)}
    assert "EndingSequenceNumber" not in left["SequenceNumberRange"]
    ending = int(parent["SequenceNumberRange"]["EndingSequenceNumber"])
    assert ending < int(left["SequenceNumberRange"]["StartingSequenceNumber"])


async def test_closed_parent_stays_readable(kinesis: Any) -> None:
    """Records put before a split stay in the parent, later ones go to the children (API_SplitShard)."""
    name = await kinesis.active_stream()
    await kinesis("put_record", StreamName=name, Data=b"before", PartitionKey="k", ExplicitHashKey="0")
    await split(kinesis, name)
    answer = await kinesis("put_record", StreamName=name, Data=b"after", PartitionKey="k", ExplicitHashKey="0")
    assert answer["ShardId"] == SECOND
    assert [record["Data"] for record in (await kinesis.read(name, FIRST))["Records"]] == [b"before"]
    assert [record["Data"] for record in (await kinesis.read(name, SECOND))["Records"]] == [b"after"]


async def test_merge_makes_one_child(kinesis: Any) -> None:
    """Two adjacent shards close; the child has both hash-key ranges and both parents (API_MergeShards)."""
    name = await kinesis.active_stream(shards=2)
    await kinesis("merge_shards", StreamName=name, ShardToMerge=FIRST, AdjacentShardToMerge=SECOND)
    await kinesis.until_active(name)
    first, second, child = await kinesis.shards(name)
    assert all("EndingSequenceNumber" in shard["SequenceNumberRange"] for shard in (first, second))
    assert (child["ParentShardId"], child["AdjacentParentShardId"]) == (FIRST, SECOND)
    assert child["HashKeyRange"] == {"StartingHashKey": "0", "EndingHashKey": str(2**128 - 1)}


async def test_only_neighbours_merge(kinesis: Any) -> None:
    """Shards are adjacent if their union is contiguous; others: InvalidArgumentException (API_MergeShards)."""
    name = await kinesis.active_stream(shards=3)
    with pytest.raises(ClientError) as raised:
        await kinesis("merge_shards", StreamName=name, ShardToMerge=FIRST, AdjacentShardToMerge=THIRD)
    assert error_of(raised)[0] == "InvalidArgumentException"


async def test_closed_shards_do_not_split(kinesis: Any) -> None:
    """A shard that was split cannot be split again (API_SplitShard)."""
    name = await kinesis.active_stream()
    await split(kinesis, name)
    with pytest.raises(ClientError) as raised:
        await split(kinesis, name)
    assert error_of(raised)[0] == "InvalidArgumentException"


async def test_split_point_lies_inside(kinesis: Any) -> None:
    """NewStartingHashKey must be in the range of the shard being split (API_SplitShard)."""
    name = await kinesis.active_stream(shards=2)
    with pytest.raises(ClientError) as raised:
        await split(kinesis, name, FIRST, 2**127)
    assert error_of(raised)[0] == "InvalidArgumentException"


async def test_one_change_at_a_time(kinesis: Any) -> None:
    """While the stream is UPDATING another reshard is refused: ResourceInUseException (API_SplitShard)."""
    name = await kinesis.active_stream(shards=2)
    await kinesis("split_shard", StreamName=name, ShardToSplit=FIRST, NewStartingHashKey=str(2**126))
    with pytest.raises(ClientError) as raised:
        await kinesis("split_shard", StreamName=name, ShardToSplit=SECOND, NewStartingHashKey=str(2**127 + 2**126))
    assert error_of(raised)[0] == "ResourceInUseException"
    await kinesis.until_active(name)


@pytest.mark.parametrize(("before", "after"), [(2, 4), (2, 3), (3, 2), (4, 2)])
async def test_update_shard_count_makes_even_shards(kinesis: Any, before: int, after: int) -> None:
    """UNIFORM_SCALING: the open shards are of equal size and cover every hash key (API_UpdateShardCount)."""
    name = await kinesis.active_stream(shards=before)
    answer = await kinesis("update_shard_count", StreamName=name, TargetShardCount=after, ScalingType="UNIFORM_SCALING")
    assert (answer["CurrentShardCount"], answer["TargetShardCount"]) == (before, after)
    await kinesis.until_active(name)
    open_shards = [s for s in await kinesis.shards(name) if "EndingSequenceNumber" not in s["SequenceNumberRange"]]
    sizes = [
        int(shard["HashKeyRange"]["EndingHashKey"]) - int(shard["HashKeyRange"]["StartingHashKey"]) + 1
        for shard in open_shards
    ]
    assert len(sizes) == after
    assert sum(sizes) == 2**128
    assert max(sizes) - min(sizes) <= 2**128 // 1_000_000


@pytest.mark.parametrize("target", [9, 1])
async def test_update_shard_count_has_limits(kinesis: Any, target: int) -> None:
    """No more than double, no less than half the current count: LimitExceededException (API_UpdateShardCount)."""
    name = await kinesis.active_stream(shards=4)
    with pytest.raises(ClientError) as raised:
        await kinesis("update_shard_count", StreamName=name, TargetShardCount=target, ScalingType="UNIFORM_SCALING")
    assert error_of(raised)[0] == "LimitExceededException"


async def test_pages_of_shards_follow_the_token_alone(kinesis: Any) -> None:
    """NextToken leads on without StreamName, and not with it: InvalidArgumentException (API_ListShards)."""
    name = await kinesis.active_stream(shards=5)
    page = await kinesis("list_shards", StreamName=name, MaxResults=2)
    listed = [shard["ShardId"] for shard in page["Shards"]]
    with pytest.raises(ClientError) as raised:
        await kinesis("list_shards", StreamName=name, NextToken=page["NextToken"])
    assert error_of(raised)[0] == "InvalidArgumentException"
    while "NextToken" in page:
        page = await kinesis("list_shards", NextToken=page["NextToken"], MaxResults=2)
        listed += [shard["ShardId"] for shard in page["Shards"]]
    assert listed == [f"shardId-{index:012d}" for index in range(5)]


@pytest.mark.parametrize(
    ("shard_filter", "expected"),
    [
        ({"Type": "AT_LATEST"}, [SECOND, THIRD]),
        ({"Type": "AT_TRIM_HORIZON"}, [FIRST]),
        ({"Type": "FROM_TRIM_HORIZON"}, [FIRST, SECOND, THIRD]),
        ({"Type": "AFTER_SHARD_ID", "ShardId": FIRST}, [SECOND, THIRD]),
    ],
)
async def test_shard_filters(kinesis: Any, shard_filter: dict[str, str], expected: list[str]) -> None:
    """AT_ gives the shards open at a point, FROM_ those open then or later (API_ShardFilter)."""
    name = await kinesis.active_stream()
    await split(kinesis, name)
    answer = await kinesis("list_shards", StreamName=name, ShardFilter=shard_filter)
    assert [shard["ShardId"] for shard in answer["Shards"]] == expected


async def test_shard_filters_by_time(kinesis: Any) -> None:
    """AT_TIMESTAMP: open at that time; FROM_TIMESTAMP: open then or later (API_ShardFilter)."""
    name = await kinesis.active_stream()
    await asyncio.sleep(1.1)
    before = datetime.now(UTC)
    await asyncio.sleep(1.1)
    await split(kinesis, name)
    await asyncio.sleep(1.1)
    after = datetime.now(UTC)

    async def listed(kind: str, moment: datetime) -> list[str]:
        answer = await kinesis("list_shards", StreamName=name, ShardFilter={"Type": kind, "Timestamp": moment})
        return [shard["ShardId"] for shard in answer["Shards"]]

    assert await listed("AT_TIMESTAMP", before) == [FIRST]
    assert await listed("AT_TIMESTAMP", after) == [SECOND, THIRD]
    assert await listed("FROM_TIMESTAMP", before) == [FIRST, SECOND, THIRD]
    assert await listed("FROM_TIMESTAMP", after) == [SECOND, THIRD]


async def test_shards_are_listed_after_one(kinesis: Any) -> None:
    """ExclusiveStartShardId: the list begins with the shard that follows it (API_ListShards)."""
    name = await kinesis.active_stream(shards=3)
    answer = await kinesis("list_shards", StreamName=name, ExclusiveStartShardId=FIRST)
    assert [shard["ShardId"] for shard in answer["Shards"]] == [SECOND, THIRD]
    described = await kinesis("describe_stream", StreamName=name, Limit=1)
    assert described["StreamDescription"]["HasMoreShards"]


async def test_unknown_shards_do_not_split(kinesis: Any) -> None:
    """ResourceNotFoundException: there is no such shard (API_SplitShard)."""
    name = await kinesis.active_stream()
    with pytest.raises(ClientError) as raised:
        await split(kinesis, name, "shardId-000000000009")
    assert error_of(raised)[0] == "ResourceNotFoundException"
