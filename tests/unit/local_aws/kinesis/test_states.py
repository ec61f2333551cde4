"""States change when they are due, and not before."""

from typing import Any

import pytest

from local_aws.kinesis.errors import LimitExceeded, ResourceInUse, ResourceNotFound

DAY = 86_400


def status(simulation: Any, stream: str = "raw") -> str:
    summary = simulation.call("DescribeStreamSummary", StreamName=stream)
    return str(summary["StreamDescriptionSummary"]["StreamStatus"])


def test_stream_is_creating_for_the_time_set(simulate: Any) -> None:
    """A stream is CREATING until exactly its delay is over, and takes no records before."""
    simulation = simulate(create_seconds=2)
    simulation.call("CreateStream", StreamName="raw", ShardCount=1)
    simulation.advance(1.999)
    assert status(simulation) == "CREATING"
    with pytest.raises(ResourceNotFound):
        simulation.put("raw", b"x")
    simulation.advance(0.001)
    assert status(simulation) == "ACTIVE"


def test_stream_takes_records_while_updating(simulate: Any) -> None:
    """During a split the parent still takes records; afterwards the children do."""
    simulation = simulate(update_seconds=1)
    simulation.active_stream()
    simulation.call("SplitShard", StreamName="raw", ShardToSplit="shardId-000000000000", NewStartingHashKey=str(2**127))
    assert status(simulation) == "UPDATING"
    during = simulation.put("raw", b"x", hash_key="0")
    simulation.advance(1)
    after = simulation.put("raw", b"x", hash_key="0")
    assert during["Records"][0]["ShardId"] == "shardId-000000000000"
    assert after["Records"][0]["ShardId"] == "shardId-000000000001"
    assert status(simulation) == "ACTIVE"


def test_deleted_stream_frees_its_name_and_forgets_its_records(simulate: Any) -> None:
    """A stream created again under the name of a deleted one is empty and has another id."""
    simulation = simulate(delete_seconds=1)
    simulation.active_stream()
    simulation.put("raw", b"x")
    first = simulation.call("DescribeStreamSummary", StreamName="raw")
    simulation.call("DeleteStream", StreamName="raw")
    with pytest.raises(ResourceInUse):
        simulation.call("CreateStream", StreamName="raw", ShardCount=1)
    simulation.advance(1)
    simulation.active_stream()
    second = simulation.call("DescribeStreamSummary", StreamName="raw")
    stream = simulation.account.find("raw", simulation.now)
    assert all(len(shard.log) == 0 for shard in stream.shards.values())
    ids = [answer["StreamDescriptionSummary"]["StreamId"] for answer in (first, second)]
    assert ids[0] != ids[1]


def test_records_are_forgotten_after_the_retention(simulate: Any) -> None:
    """After 24 hours a record is gone; a longer retention set in time keeps it."""
    simulation = simulate()
    simulation.active_stream("short")
    simulation.active_stream("long")
    simulation.call("IncreaseStreamRetentionPeriod", StreamName="long", RetentionPeriodHours=48)
    simulation.put("short", b"x")
    simulation.put("long", b"x")
    simulation.advance(DAY + 1)
    kept = {
        name: len(simulation.account.find(name, simulation.now).shards["shardId-000000000000"].log)
        for name in ("short", "long")
    }
    assert kept == {"short": 0, "long": 1}


def test_closed_shard_is_forgotten_after_the_retention(simulate: Any) -> None:
    """A closed shard is listed as long as its records could be read, and no longer."""
    simulation = simulate()
    simulation.active_stream(shards=2)
    pair = {"ShardToMerge": "shardId-000000000000", "AdjacentShardToMerge": "shardId-000000000001"}
    simulation.call("MergeShards", StreamName="raw", **pair)
    simulation.advance(DAY)
    assert len(simulation.call("ListShards", StreamName="raw")["Shards"]) == 3
    simulation.advance(1)
    (child,) = simulation.call("ListShards", StreamName="raw")["Shards"]
    assert child["ParentShardId"] == "shardId-000000000000"


def test_a_stream_is_resized_ten_times_a_day(simulate: Any) -> None:
    """The eleventh UpdateShardCount within 24 hours is refused, and allowed again a day after the first."""
    simulation = simulate(update_seconds=0)
    simulation.active_stream(shards=2)
    for count in (4, 2) * 5:
        simulation.call("UpdateShardCount", StreamName="raw", TargetShardCount=count, ScalingType="UNIFORM_SCALING")
        simulation.advance(60)
    body = {"StreamName": "raw", "TargetShardCount": 4, "ScalingType": "UNIFORM_SCALING"}
    with pytest.raises(LimitExceeded):
        simulation.call("UpdateShardCount", **body)
    simulation.advance(DAY)
    assert simulation.call("UpdateShardCount", **body)["TargetShardCount"] == 4


def test_the_account_has_a_shard_limit(simulate: Any) -> None:
    """Open shards over the account's limit are refused with the numbers in the message."""
    simulation = simulate(shard_limit=3)
    simulation.active_stream(shards=2)
    with pytest.raises(LimitExceeded, match=r"Current shard count for the account: 2\. Limit: 3"):
        simulation.call("CreateStream", StreamName="other", ShardCount=2)


def test_consumer_limits(simulate: Any) -> None:
    """Five registrations a second, five CREATING at once, twenty in all."""
    simulation = simulate(consumer_seconds=5)
    simulation.active_stream()
    arn = simulation.account.arn("raw")

    def register(number: int) -> None:
        simulation.call("RegisterStreamConsumer", StreamARN=arn, ConsumerName=f"c{number}")

    for batch in range(4):
        for number in range(5):
            register(batch * 5 + number)
        if batch == 0:
            with pytest.raises(LimitExceeded, match="CREATING"):
                register(99)
        simulation.advance(5)
    with pytest.raises(LimitExceeded, match="limit of 20 registered consumers"):
        register(99)


def test_registrations_have_a_rate(simulate: Any) -> None:
    """A sixth registration within a second is refused even if none is CREATING."""
    simulation = simulate(consumer_seconds=0)
    simulation.active_stream()
    arn = simulation.account.arn("raw")
    for number in range(5):
        simulation.call("RegisterStreamConsumer", StreamARN=arn, ConsumerName=f"c{number}")
    with pytest.raises(LimitExceeded, match="Rate exceeded"):
        simulation.call("RegisterStreamConsumer", StreamARN=arn, ConsumerName="c5")


def test_consumer_is_subscribed_to_only_when_active(simulate: Any) -> None:
    """A consumer that is CREATING takes no subscription: ResourceInUse."""
    simulation = simulate(consumer_seconds=1)
    simulation.active_stream()
    answer = simulation.call("RegisterStreamConsumer", StreamARN=simulation.account.arn("raw"), ConsumerName="reader")
    arn = answer["Consumer"]["ConsumerARN"]
    with pytest.raises(ResourceInUse, match="not ACTIVE"):
        simulation.subscribe(arn)
    simulation.advance(1)
    simulation.subscribe(arn)
