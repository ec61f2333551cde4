"""What a subscription sends, and when."""

from functools import partial
from typing import Any

import pytest

from local_aws.kinesis.errors import LimitExceeded, ResourceInUse, ResourceNotFound
from local_aws.kinesis.subscriptions import End, Event, Wait

MEBIBYTE = 1024 * 1024


@pytest.fixture
def subscribed(simulate: Any) -> Any:
    """A simulation without write limits, and its subscription to the only shard."""

    def make(**settings: Any) -> Any:
        simulation = simulate(write_limits=False, **settings)
        simulation.active_stream()
        return simulation, simulation.subscribe(simulation.active_consumer())

    return make


def test_first_event_comes_at_once_and_idle_ones_every_five_seconds(subscribed: Any) -> None:
    """An idle subscription sends an empty event at its start and then every five seconds."""
    simulation, subscription = subscribed()
    started = simulation.now
    assert isinstance(simulation.step(subscription), Event)
    simulation.advance(0.02)
    assert simulation.step(subscription) == Wait(started + 5000)
    simulation.advance(4.98)
    event = simulation.step(subscription)
    assert isinstance(event, Event)
    assert event.records == ()
    assert event.millis_behind_latest == 0


def test_events_are_paced(subscribed: Any) -> None:
    """After an event of 1 MiB the next comes half a second later: 2 MiB a second."""
    simulation, subscription = subscribed()
    simulation.put("raw", *[b"x" * (MEBIBYTE // 4 - 1)] * 8)
    sent_at = []
    for _ in range(1000):
        step = simulation.step(subscription)
        if isinstance(step, Event) and step.records:
            sent_at.append(simulation.now)
        if len(sent_at) == 2:
            break
        simulation.advance(0.01)
    assert sent_at[1] - sent_at[0] == 500


def test_pacing_can_be_switched_off(subscribed: Any) -> None:
    """Without pacing only the least pause between two events is left."""
    simulation, subscription = subscribed(pacing=False)
    simulation.put("raw", *[b"x" * (MEBIBYTE // 4 - 1)] * 8)
    assert isinstance(simulation.step(subscription), Event)
    simulation.advance(0.02)
    second = simulation.step(subscription)
    assert isinstance(second, Event)
    assert len(second.records) == 4


def test_an_event_is_bounded_but_takes_a_large_record(subscribed: Any) -> None:
    """An event has at most its size in records, or a single record that is larger."""
    simulation, subscription = subscribed(event_bytes=100, event_interval_seconds=0, pacing=False)
    simulation.put("raw", b"a" * 59, b"b" * 59, b"c" * 199)
    sizes = [[record.size for record in simulation.step(subscription).records] for _ in range(3)]
    assert sizes == [[60], [60], [200]]


def test_lag_is_the_age_of_the_next_record(subscribed: Any) -> None:
    """MillisBehindLatest is how long the oldest unsent record has waited, and 0 once all are sent."""
    simulation, subscription = subscribed(event_bytes=10, event_interval_seconds=0, pacing=False)
    simulation.put("raw", b"first")
    simulation.put("raw", b"second")
    simulation.advance(3)
    lags = [simulation.step(subscription).millis_behind_latest for _ in range(2)]
    assert lags == [3000, 0]


def test_subscription_ends_after_five_minutes(subscribed: Any) -> None:
    """A subscription ends without an error 300 seconds after its start."""
    simulation, subscription = subscribed()
    simulation.advance(299.999)
    assert isinstance(simulation.step(subscription), Event)
    simulation.advance(0.001)
    assert simulation.step(subscription) == End()


def test_repeat_within_five_seconds_is_refused_even_after_a_disconnect(subscribed: Any) -> None:
    """The five seconds count from the start, whether the older subscription is still there or not."""
    simulation, subscription = subscribed()
    simulation.account.subscriptions.stop(subscription)
    simulation.advance(4.999)
    with pytest.raises(ResourceInUse, match="Another active subscription exists for this consumer"):
        simulation.subscribe(subscription.consumer_arn)
    simulation.advance(1)
    simulation.subscribe(subscription.consumer_arn)


def test_one_call_a_second(subscribed: Any) -> None:
    """A consumer asks for a shard once a second; what was refused counts (API_SubscribeToShard)."""
    simulation, subscription = subscribed(resubscribe_seconds=0)
    with pytest.raises(LimitExceeded):
        simulation.subscribe(subscription.consumer_arn)
    simulation.advance(0.999)
    with pytest.raises(LimitExceeded):
        simulation.subscribe(subscription.consumer_arn)
    simulation.advance(1)
    simulation.subscribe(subscription.consumer_arn)


def test_takeover_ends_the_older_with_resource_in_use(subscribed: Any) -> None:
    """After five seconds the newer subscription reads on, and the older one ends with ResourceInUse."""
    simulation, older = subscribed()
    simulation.advance(5)
    newer = simulation.subscribe(older.consumer_arn)
    simulation.put("raw", b"x")
    ended = simulation.step(older)
    assert isinstance(ended, End)
    assert isinstance(ended.error, ResourceInUse)
    assert simulation.data([simulation.step(newer)]) == [b"x"]


def test_refused_subscription_leaves_the_older_alone(subscribed: Any) -> None:
    """A repeat that is refused takes nothing over."""
    simulation, older = subscribed()
    with pytest.raises(ResourceInUse):
        simulation.subscribe(older.consumer_arn)
    simulation.put("raw", b"x")
    assert simulation.data([simulation.step(older)]) == [b"x"]


def test_deleted_stream_ends_its_subscriptions(subscribed: Any) -> None:
    """When the stream is gone its subscriptions end with ResourceNotFound."""
    simulation, subscription = subscribed()
    simulation.call("DeleteStream", StreamName="raw", EnforceConsumerDeletion=True)
    simulation.advance(1)
    ended = simulation.step(subscription)
    assert isinstance(ended, End)
    assert isinstance(ended.error, ResourceNotFound)


def test_deregistered_consumer_ends_its_subscriptions(subscribed: Any) -> None:
    """When its consumer is deregistered a subscription ends with ResourceNotFound."""
    simulation, subscription = subscribed()
    simulation.call("DeregisterStreamConsumer", ConsumerARN=subscription.consumer_arn)
    assert isinstance(simulation.step(subscription).error, ResourceNotFound)


def test_children_come_only_when_the_parent_is_drained(subscribed: Any) -> None:
    """While a closed shard has records left no event names its children; the one after the last does."""
    simulation, subscription = subscribed(event_bytes=10, event_interval_seconds=0, pacing=False, update_seconds=0)
    simulation.put("raw", b"first", b"second")
    simulation.call("SplitShard", StreamName="raw", ShardToSplit="shardId-000000000000", NewStartingHashKey=str(2**127))
    steps = [simulation.step(subscription) for _ in range(4)]
    assert simulation.data(steps) == [b"first", b"second"]
    assert [len(step.children) for step in steps[:3]] == [0, 0, 2]
    assert steps[2].continuation is None
    assert steps[3] == End()


def test_waiting_ends_when_a_reshard_is_due(subscribed: Any) -> None:
    """A waiting subscription looks again when the stream's change is due."""
    simulation, subscription = subscribed(update_seconds=1)
    simulation.step(subscription)
    simulation.advance(0.02)
    simulation.call("SplitShard", StreamName="raw", ShardToSplit="shardId-000000000000", NewStartingHashKey=str(2**127))
    assert simulation.step(subscription) == Wait(simulation.now + 1000)


def test_a_put_wakes_the_readers_of_its_shard(simulate: Any) -> None:
    """A put calls the `wake` of its shard's subscriptions, not of others, and no more once they are stopped."""
    simulation = simulate()
    simulation.active_stream(shards=2)
    consumer = simulation.active_consumer()
    woken: list[int] = []
    first, second = (
        simulation.subscribe(consumer, f"shardId-00000000000{number}", wake=partial(woken.append, number))
        for number in range(2)
    )
    simulation.put("raw", b"x", hash_key="0")
    assert woken == [0]
    simulation.put("raw", b"x", hash_key=str(2**127))
    assert woken == [0, 1]
    for subscription in (first, second):
        simulation.account.subscriptions.stop(subscription)
    woken.clear()
    simulation.put("raw", b"x", hash_key="0")
    assert woken == []


def test_a_reshard_wakes_every_reader(simulate: Any) -> None:
    """The end of a reshard calls the `wake` of all subscriptions of the stream."""
    simulation = simulate()
    simulation.active_stream(shards=2)
    consumer = simulation.active_consumer()
    woken: list[int] = []
    for number in range(2):
        simulation.subscribe(consumer, f"shardId-00000000000{number}", wake=partial(woken.append, number))
    pair = {"ShardToMerge": "shardId-000000000000", "AdjacentShardToMerge": "shardId-000000000001"}
    simulation.call("MergeShards", StreamName="raw", **pair)
    woken.clear()
    simulation.advance(1)
    simulation.call("DescribeStreamSummary", StreamName="raw")
    assert sorted(woken) == [0, 1]
