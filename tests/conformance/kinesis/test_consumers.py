"""Registered consumers and their subscriptions, as their API pages state them."""

import asyncio
from contextlib import aclosing
from typing import Any

import pytest
from botocore.exceptions import ClientError

SHARD = "shardId-000000000000"


def code(raised: pytest.ExceptionInfo[ClientError]) -> str:
    return str(raised.value.response["Error"]["Code"])


def has_records(count: int) -> Any:
    return lambda events: sum(len(event["Records"]) for event in events) >= count


def data_of(events: list[dict[str, Any]]) -> list[bytes]:
    return [record["Data"] for event in events for record in event["Records"]]


async def put(kinesis: Any, stream: str, *data: bytes) -> None:
    records = [{"Data": item, "PartitionKey": "k"} for item in data]
    answer = await kinesis("put_records", StreamName=stream, Records=records)
    assert answer["FailedRecordCount"] == 0


async def test_consumer_is_found_by_arn_and_by_name(kinesis: Any) -> None:
    """DescribeStreamConsumer takes the consumer's ARN, or the stream's and a name (API_DescribeStreamConsumer)."""
    stream = await kinesis.active_stream()
    arn = await kinesis.active_consumer(stream)
    stream_arn = await kinesis.stream_arn(stream)
    found = (await kinesis("describe_stream_consumer", ConsumerARN=arn))["ConsumerDescription"]
    named = await kinesis("describe_stream_consumer", StreamARN=stream_arn, ConsumerName=found["ConsumerName"])
    assert named["ConsumerDescription"] == found
    assert found["ConsumerStatus"] == "ACTIVE"
    assert arn.startswith(f"{stream_arn}/consumer/{found['ConsumerName']}:")
    listed = (await kinesis("list_stream_consumers", StreamARN=stream_arn))["Consumers"]
    assert [consumer["ConsumerARN"] for consumer in listed] == [arn]


async def test_consumer_names_are_taken_once(kinesis: Any) -> None:
    """ResourceInUseException: the stream has a consumer of that name (API_RegisterStreamConsumer)."""
    stream_arn = await kinesis.stream_arn(await kinesis.active_stream())
    await kinesis("register_stream_consumer", StreamARN=stream_arn, ConsumerName="twice")
    with pytest.raises(ClientError) as raised:
        await kinesis("register_stream_consumer", StreamARN=stream_arn, ConsumerName="twice")
    assert code(raised) == "ResourceInUseException"


async def test_deregistered_consumer_goes(kinesis: Any) -> None:
    """DELETING at first, then it cannot be found (API_DeregisterStreamConsumer)."""
    arn = await kinesis.active_consumer(await kinesis.active_stream())
    await kinesis("deregister_stream_consumer", ConsumerARN=arn)
    statuses: set[str] = set()

    async def until_gone() -> None:
        while True:
            answer = await kinesis("describe_stream_consumer", ConsumerARN=arn)
            statuses.add(answer["ConsumerDescription"]["ConsumerStatus"])
            await asyncio.sleep(0.02)

    with pytest.raises(ClientError) as raised:
        await asyncio.wait_for(until_gone(), 60)
    assert statuses <= {"DELETING"}
    assert code(raised) == "ResourceNotFoundException"


async def test_subscription_delivers_old_and_new_records(kinesis: Any, collect: Any) -> None:
    """From TRIM_HORIZON: what is stored, then what is put while subscribed, in order (API_SubscribeToShard)."""
    stream = await kinesis.active_stream()
    consumer = await kinesis.active_consumer(stream)
    await put(kinesis, stream, b"1", b"2")
    events = await kinesis.subscribe(consumer, SHARD, Type="TRIM_HORIZON")
    await put(kinesis, stream, b"3")
    taken = await collect(events, has_records(3))
    assert data_of(taken) == [b"1", b"2", b"3"]
    assert all(event["ContinuationSequenceNumber"] for event in taken)
    assert taken[-1]["MillisBehindLatest"] == 0


async def test_latest_delivers_only_new_records(kinesis: Any, collect: Any) -> None:
    """From LATEST: only what is put after the subscription (API_StartingPosition)."""
    stream = await kinesis.active_stream()
    consumer = await kinesis.active_consumer(stream)
    await put(kinesis, stream, b"old")
    events = await kinesis.subscribe(consumer, SHARD, Type="LATEST")
    await put(kinesis, stream, b"new")
    assert data_of(await collect(events, has_records(1))) == [b"new"]


async def test_idle_shard_sends_events_that_move_on(kinesis: Any, collect: Any) -> None:
    """Without data events still come, and their continuation shows progress (API_SubscribeToShardEvent)."""
    stream = await kinesis.active_stream()
    consumer = await kinesis.active_consumer(stream)
    events = await kinesis.subscribe(consumer, SHARD, Type="LATEST")
    taken = await collect(events, lambda taken: len(taken) == 2)
    first, second = (int(event["ContinuationSequenceNumber"]) for event in taken)
    assert data_of(taken) == []
    assert first < second


async def test_continuation_leaves_no_gap(kinesis: Any, endpoint: Any, collect: Any) -> None:
    """AFTER the last ContinuationSequenceNumber nothing is missed or repeated (API_SubscribeToShardEvent)."""
    stream = await kinesis.active_stream()
    consumer = await kinesis.active_consumer(stream)
    await put(kinesis, stream, b"1", b"2")
    first = await collect(await kinesis.subscribe(consumer, SHARD, Type="TRIM_HORIZON"), has_records(2))
    await put(kinesis, stream, b"3")
    await asyncio.sleep(endpoint.resubscribe_seconds + 0.1)
    continuation = first[-1]["ContinuationSequenceNumber"]
    events = await kinesis.subscribe(consumer, SHARD, Type="AFTER_SEQUENCE_NUMBER", SequenceNumber=continuation)
    assert data_of(await collect(events, has_records(1))) == [b"3"]


async def test_second_subscription_within_five_seconds_is_refused(kinesis: Any) -> None:
    """A repeat within 5 seconds of a successful call: ResourceInUseException (API_SubscribeToShard)."""
    stream = await kinesis.active_stream()
    consumer = await kinesis.active_consumer(stream)
    async with aclosing(await kinesis.subscribe(consumer, SHARD, Type="LATEST")):
        with pytest.raises(ClientError) as raised:
            await kinesis.subscribe(consumer, SHARD, Type="LATEST")
    assert code(raised) == "ResourceInUseException"


async def test_later_subscription_takes_over(kinesis: Any, endpoint: Any, collect: Any) -> None:
    """After 5 seconds the newer call takes over; the older ends or fails (API_SubscribeToShard)."""
    stream = await kinesis.active_stream()
    consumer = await kinesis.active_consumer(stream)
    older = await kinesis.subscribe(consumer, SHARD, Type="LATEST")
    await asyncio.sleep(endpoint.resubscribe_seconds + 0.1)
    newer = await kinesis.subscribe(consumer, SHARD, Type="LATEST")
    await put(kinesis, stream, b"1")
    assert data_of(await collect(newer, has_records(1))) == [b"1"]
    ending: list[str] = []
    try:
        left = data_of(await collect(older, lambda _: False))
    except ClientError as error:
        left, ending = [], [error.response["Error"]["Code"]]
    assert left == []
    assert ending in ([], ["ResourceInUseException"])


async def test_shard_end_gives_the_children_and_ends(kinesis: Any, collect: Any) -> None:
    """The last event of a drained closed shard has ChildShards, then the stream ends (API_SubscribeToShardEvent)."""
    stream = await kinesis.active_stream()
    consumer = await kinesis.active_consumer(stream)
    await put(kinesis, stream, b"1")
    events = await kinesis.subscribe(consumer, SHARD, Type="TRIM_HORIZON")
    await kinesis("split_shard", StreamName=stream, ShardToSplit=SHARD, NewStartingHashKey=str(2**127))
    taken = await collect(events, lambda _: False)
    assert data_of(taken) == [b"1"]
    assert all("ChildShards" not in event for event in taken[:-1])
    assert [child["ShardId"] for child in taken[-1]["ChildShards"]] == ["shardId-000000000001", "shardId-000000000002"]
    assert "ContinuationSequenceNumber" not in taken[-1]


async def test_two_consumers_read_apart(kinesis: Any, collect: Any) -> None:
    """Each registered consumer has its own subscription to a shard (API_RegisterStreamConsumer)."""
    stream = await kinesis.active_stream()
    consumers = [await kinesis.active_consumer(stream) for _ in range(2)]
    await put(kinesis, stream, b"1")
    for consumer in consumers:
        events = await kinesis.subscribe(consumer, SHARD, Type="TRIM_HORIZON")
        assert data_of(await collect(events, has_records(1))) == [b"1"]


async def test_unknown_consumers_and_shards(kinesis: Any) -> None:
    """ResourceNotFoundException: there is no such consumer, or no such shard (API_SubscribeToShard)."""
    stream = await kinesis.active_stream()
    consumer = await kinesis.active_consumer(stream)
    with pytest.raises(ClientError) as raised:
        await kinesis.subscribe(consumer, "shardId-000000000009", Type="LATEST")
    assert code(raised) == "ResourceNotFoundException"
    with pytest.raises(ClientError) as raised:
        await kinesis.subscribe(consumer[:-1] + "0000", SHARD, Type="LATEST")
    assert code(raised) == "ResourceNotFoundException"


async def test_consumers_are_listed_in_pages(kinesis: Any) -> None:
    """MaxResults bounds a page, NextToken leads to the next (API_ListStreamConsumers)."""
    stream = await kinesis.active_stream()
    stream_arn = await kinesis.stream_arn(stream)
    arns = {await kinesis.active_consumer(stream) for _ in range(3)}
    listed: list[str] = []
    page = await kinesis("list_stream_consumers", StreamARN=stream_arn, MaxResults=2)
    while True:
        listed += [consumer["ConsumerARN"] for consumer in page["Consumers"]]
        if "NextToken" not in page:
            break
        page = await kinesis("list_stream_consumers", StreamARN=stream_arn, MaxResults=2, NextToken=page["NextToken"])
    assert sorted(listed) == sorted(arns)


async def test_twenty_consumers_at_most(kinesis: Any) -> None:
    """A stream has up to 20 consumers, and the next: LimitExceededException (API_RegisterStreamConsumer)."""
    stream = await kinesis.active_stream()
    stream_arn = await kinesis.stream_arn(stream)
    for _ in range(20):
        await kinesis.active_consumer(stream)
    with pytest.raises(ClientError) as raised:
        await kinesis("register_stream_consumer", StreamARN=stream_arn, ConsumerName="one-too-many")
    assert code(raised) == "LimitExceededException"
