"""The life of a stream, as its API pages state it."""

import asyncio
from itertools import pairwise
from typing import Any

import pytest
from botocore.exceptions import ClientError


def code(error: pytest.ExceptionInfo[ClientError]) -> str:
    return str(error.value.response["Error"]["Code"])


async def test_new_stream_becomes_active(kinesis: Any) -> None:
    """CreateStream: the status is CREATING at first, then ACTIVE with the shards asked for (API_CreateStream)."""
    name = await kinesis.active_stream(shards=3)
    description = (await kinesis("describe_stream", StreamName=name))["StreamDescription"]
    assert description["StreamStatus"] == "ACTIVE"
    assert len(description["Shards"]) == 3
    assert description["RetentionPeriodHours"] == 24
    assert description["StreamModeDetails"] == {"StreamMode": "PROVISIONED"}
    assert not description["HasMoreShards"]


async def test_shards_divide_the_hash_keys(kinesis: Any) -> None:
    """Hash-key ranges of the open shards cover 0 to 2^128 - 1 without gap or overlap (API_HashKeyRange)."""
    name = await kinesis.active_stream(shards=3)
    ranges = sorted(
        (int(shard["HashKeyRange"]["StartingHashKey"]), int(shard["HashKeyRange"]["EndingHashKey"]))
        for shard in await kinesis.shards(name)
    )
    assert ranges[0][0] == 0
    assert ranges[-1][1] == 2**128 - 1
    assert all(first[1] + 1 == second[0] for first, second in pairwise(ranges))


async def test_names_are_taken_once(kinesis: Any) -> None:
    """ResourceInUseException: a stream of that name exists already (API_CreateStream)."""
    name = await kinesis.active_stream()
    with pytest.raises(ClientError) as error:
        await kinesis("create_stream", StreamName=name, ShardCount=1)
    assert code(error) == "ResourceInUseException"


async def test_unknown_stream(kinesis: Any) -> None:
    """ResourceNotFoundException: the stream could not be found (API_DescribeStreamSummary)."""
    with pytest.raises(ClientError) as error:
        await kinesis("describe_stream_summary", StreamName="no-such-stream")
    assert code(error) == "ResourceNotFoundException"


async def test_names_have_a_form(kinesis: Any) -> None:
    """A StreamName matches [a-zA-Z0-9_.-]+; others are a ValidationException (API_CreateStream)."""
    with pytest.raises(ClientError) as error:
        await kinesis("create_stream", StreamName="no spaces", ShardCount=1)
    assert code(error) == "ValidationException"


async def test_streams_are_listed_in_pages(kinesis: Any) -> None:
    """ListStreams: HasMoreStreams and NextToken lead to the next page (API_ListStreams)."""
    created = sorted([await kinesis.active_stream() for _ in range(3)])
    listed: list[str] = []
    page = await kinesis("list_streams", Limit=1)
    while True:
        listed += page["StreamNames"]
        if not page["HasMoreStreams"]:
            break
        page = await kinesis("list_streams", Limit=1, NextToken=page["NextToken"])
    assert [name for name in listed if name in created] == created
    assert len(set(listed)) == len(listed)


async def test_deleted_stream_goes(kinesis: Any) -> None:
    """DeleteStream: DELETING at first, then the stream cannot be found; its name is free (API_DeleteStream)."""
    name = await kinesis.active_stream()
    await kinesis("delete_stream", StreamName=name)
    statuses: set[str] = set()

    async def until_gone() -> None:
        while True:
            answer = await kinesis("describe_stream_summary", StreamName=name)
            statuses.add(answer["StreamDescriptionSummary"]["StreamStatus"])
            await asyncio.sleep(0.05)

    with pytest.raises(ClientError) as error:
        await asyncio.wait_for(until_gone(), kinesis.patience)
    assert code(error) == "ResourceNotFoundException"
    assert statuses <= {"DELETING"}
    with pytest.raises(ClientError) as error:
        await kinesis("put_record", StreamName=name, Data=b"x", PartitionKey="k")
    assert code(error) == "ResourceNotFoundException"
    await kinesis("create_stream", StreamName=name, ShardCount=1)


async def test_stream_with_consumers_is_not_deleted_by_accident(kinesis: Any) -> None:
    """EnforceConsumerDeletion unset and consumers registered: ResourceInUseException (API_DeleteStream)."""
    name = await kinesis.active_stream()
    await kinesis.active_consumer(name)
    with pytest.raises(ClientError) as error:
        await kinesis("delete_stream", StreamName=name)
    assert code(error) == "ResourceInUseException"
    await kinesis("delete_stream", StreamName=name, EnforceConsumerDeletion=True)


async def test_retention_is_changed_upwards_and_downwards(kinesis: Any) -> None:
    """Retention is 24 to 8,760 hours; Increase never shortens it (API_IncreaseStreamRetentionPeriod)."""
    name = await kinesis.active_stream()
    await kinesis("increase_stream_retention_period", StreamName=name, RetentionPeriodHours=48)
    await kinesis.until_active(name)
    summary = await kinesis("describe_stream_summary", StreamName=name)
    assert summary["StreamDescriptionSummary"]["RetentionPeriodHours"] == 48
    with pytest.raises(ClientError) as error:
        await kinesis("increase_stream_retention_period", StreamName=name, RetentionPeriodHours=24)
    assert code(error) == "InvalidArgumentException"
    with pytest.raises(ClientError) as error:
        await kinesis("increase_stream_retention_period", StreamName=name, RetentionPeriodHours=9000)
    assert code(error) == "InvalidArgumentException"
    await kinesis("decrease_stream_retention_period", StreamName=name, RetentionPeriodHours=24)


async def test_tags_are_kept(kinesis: Any) -> None:
    """AddTagsToStream adds or overwrites; ListTagsForStream gives them (API_AddTagsToStream)."""
    name = await kinesis.active_stream()
    await kinesis("add_tags_to_stream", StreamName=name, Tags={"team": "a", "stage": "test"})
    await kinesis("add_tags_to_stream", StreamName=name, Tags={"team": "b"})
    tags = (await kinesis("list_tags_for_stream", StreamName=name))["Tags"]
    assert {tag["Key"]: tag["Value"] for tag in tags} == {"team": "b", "stage": "test"}


async def test_on_demand_stream(kinesis: Any) -> None:
    """An on-demand stream has four shards at first, and its shard count is not the user's (API_UpdateShardCount)."""
    name = await kinesis.active_stream(StreamModeDetails={"StreamMode": "ON_DEMAND"})
    await kinesis.until_active(name)
    assert len(await kinesis.shards(name)) == 4
    with pytest.raises(ClientError) as error:
        await kinesis("update_shard_count", StreamName=name, TargetShardCount=8, ScalingType="UNIFORM_SCALING")
    assert code(error) == "ValidationException"


async def test_mode_changes_while_updating(kinesis: Any) -> None:
    """UpdateStreamMode: UPDATING, then ACTIVE in the new mode; meanwhile other changes wait (API_UpdateStreamMode)."""
    name = await kinesis.active_stream()
    arn = await kinesis.stream_arn(name)
    await kinesis("update_stream_mode", StreamARN=arn, StreamModeDetails={"StreamMode": "ON_DEMAND"})
    await kinesis.until_active(name)
    summary = await kinesis("describe_stream_summary", StreamARN=arn)
    assert summary["StreamDescriptionSummary"]["StreamModeDetails"] == {"StreamMode": "ON_DEMAND"}


async def test_tags_go_by_name_and_by_arn(kinesis: Any) -> None:
    """Tags set by ARN are the stream's, and removed ones are gone (API_TagResource)."""
    name = await kinesis.active_stream()
    arn = await kinesis.stream_arn(name)
    await kinesis("tag_resource", ResourceARN=arn, Tags={"team": "a", "stage": "test"})
    await kinesis("remove_tags_from_stream", StreamName=name, TagKeys=["stage", "none"])
    listed = (await kinesis("list_tags_for_resource", ResourceARN=arn))["Tags"]
    assert listed == (await kinesis("list_tags_for_stream", StreamName=name))["Tags"] == [{"Key": "team", "Value": "a"}]
    await kinesis("untag_resource", ResourceARN=arn, TagKeys=["team"])
    assert (await kinesis("list_tags_for_resource", ResourceARN=arn))["Tags"] == []


async def test_limits_of_the_account(kinesis: Any) -> None:
    """DescribeLimits counts the open shards of provisioned streams (API_DescribeLimits)."""
    await kinesis.active_stream(shards=2)
    limits = await kinesis.patiently("describe_limits")
    assert 2 <= limits["OpenShardCount"] <= limits["ShardLimit"]
    assert limits["OnDemandStreamCount"] <= limits["OnDemandStreamCountLimit"]


async def test_record_size_is_the_streams(kinesis: Any) -> None:
    """UpdateMaxRecordSize: from 1,024 to 10,240 KiB, while UPDATING first (API_UpdateMaxRecordSize)."""
    name = await kinesis.active_stream()
    arn = await kinesis.stream_arn(name)
    await kinesis("update_max_record_size", StreamARN=arn, MaxRecordSizeInKiB=2048)
    await kinesis.until_active(name)
    summary = (await kinesis("describe_stream_summary", StreamName=name))["StreamDescriptionSummary"]
    assert summary["MaxRecordSizeInKiB"] == 2048
