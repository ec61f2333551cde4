"""GetRecords as the other way to a shard: its iterators, its limits, its waiting."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import aclosing
from typing import Any

import pytest

from aws_wire import aggregation, kinesis
from shardline import AT_TIMESTAMP, LATEST, TRIM_HORIZON, Checkpoint, GroupSettings, SubscriptionFailed
from shardline.clock import LoopClock
from shardline.reading.cursor import Cursor, ShardEvent
from shardline.reading.pacing import FanOutHealth, PollBudget, PollBudgets, SubscribePace
from shardline.reading.reader import Reader
from shardline.testing import MemorySource, MemoryStream, run_in_virtual_time

SHARD = "shardId-000000000000"
POLLING = GroupSettings(reading="polling")


class Noting(MemorySource):
    """Notes each poll and each iterator; fails as told."""

    def __init__(self, stream: MemoryStream) -> None:
        super().__init__(stream)
        self.moments: list[float] = []
        self.asked: list[tuple[str, bool, float | None]] = []
        self.failures: list[Exception] = []

    async def shard_iterator(
        self, shard_id: str, position: Checkpoint, *, after: bool, timestamp: float | None = None
    ) -> str:
        self.asked.append((position.sequence_number, after, timestamp))
        return await super().shard_iterator(shard_id, position, after=after, timestamp=timestamp)

    async def get_records(self, iterator: str) -> kinesis.GetRecordsAnswer:
        self.moments.append(asyncio.get_running_loop().time())
        if self.failures:
            raise self.failures.pop(0)
        return await super().get_records(iterator)


def reader_of(source: MemorySource, settings: GroupSettings = POLLING, budgets: PollBudgets | None = None) -> Reader:
    return Reader(
        source,
        settings,
        LoopClock(),
        lambda: 0.5,
        wall=lambda: asyncio.get_running_loop().time(),
        poll_budgets=budgets or PollBudgets(),
    )


async def numbers_until(reading: AsyncIterator[ShardEvent], count: int) -> list[int]:
    got: list[int] = []
    async with aclosing(reading):  # type: ignore[type-var]
        async for event in reading:
            got += [int(record.sequence_number) for record in event.records]
            if len(got) >= count or event.shard_ended:
                break
    return got


def virtually(main: Callable[[], Awaitable[None]]) -> None:
    async def run() -> None:
        await main()

    run_in_virtual_time(run())


def filled(count: int) -> tuple[MemoryStream, list[int]]:
    stream = MemoryStream(1)
    return stream, [int(stream.put("key", b"x")) for _ in range(count)]


def test_a_shard_behind_is_polled_as_fast_as_it_answers_and_no_faster() -> None:
    """Five calls in any second, without an idle wait, and none refused: 300 records in small answers."""
    stream, put = filled(300)

    async def main() -> None:
        source = Noting(stream)
        assert await numbers_until(reader_of(source).events(SHARD, Checkpoint(TRIM_HORIZON)), 300) == put
        moments = source.moments
        assert all(later - moment >= 0.999999 for moment, later in zip(moments, moments[5:], strict=False))
        assert len(moments) / moments[-1] > 4.9

    virtually(main)


def test_who_reads_a_shard_in_a_process_shares_its_calls() -> None:
    """Two groups on one shard together stay below its five calls a second."""
    stream, put = filled(100)

    async def main() -> None:
        source, budgets = Noting(stream), PollBudgets()
        readings = [reader_of(source, budgets=budgets).events(SHARD, Checkpoint(TRIM_HORIZON)) for _ in range(2)]
        assert await asyncio.gather(*(numbers_until(reading, 100) for reading in readings)) == [put, put]
        moments = source.moments
        assert all(later - moment >= 0.999999 for moment, later in zip(moments, moments[5:], strict=False))

    virtually(main)


def test_two_that_believe_to_hold_a_shard_do_not_fight_for_ever() -> None:
    """They take it from each other a few times a minute, and it is over when one learns that it lost."""
    stream, _ = filled(0)

    async def main() -> None:
        source = MemorySource(stream)
        policy = GroupSettings(reading="fan_out", lease_duration_seconds=10)
        right, wrong = (
            asyncio.ensure_future(numbers_until(reader_of(source, policy).events(SHARD, Checkpoint(TRIM_HORIZON)), 200))
            for _ in range(2)
        )
        put = []
        for _ in range(100):
            put.append(int(stream.put("key", b"x")))
            await asyncio.sleep(0.6)
        fought = source.subscriptions
        assert fought <= 12
        wrong.cancel()
        for _ in range(100):
            put.append(int(stream.put("key", b"x")))
            await asyncio.sleep(0.6)
        assert source.subscriptions <= fought + 1
        assert await right == put

    virtually(main)


def test_a_quiet_shard_is_polled_less_and_less_up_to_the_longest_wait() -> None:
    """And from the next record on at once more often again."""
    stream, _ = filled(0)

    async def main() -> None:
        source = Noting(stream)
        reading = reader_of(source, GroupSettings(reading="polling", poll_idle_seconds=2.0)).events(
            SHARD, Checkpoint(TRIM_HORIZON)
        )
        waiting = asyncio.ensure_future(numbers_until(reading, 2))
        await asyncio.sleep(30)
        waits = [later - moment for moment, later in zip(source.moments, source.moments[1:], strict=False)]
        assert waits[:5] == pytest.approx([0.25, 0.5, 1.0, 2.0, 2.0])
        stream.put("key", b"1")
        stream.put("key", b"2")
        assert len(await waiting) == 2

    virtually(main)


def test_an_expired_iterator_is_replaced_at_the_same_place() -> None:
    """A processor that holds its shard for longer than five minutes misses and repeats nothing."""
    stream, put = filled(60)

    async def main() -> None:
        source, got = Noting(stream), []
        async with aclosing(reader_of(source).events(SHARD, Checkpoint(TRIM_HORIZON))) as reading:  # type: ignore[type-var]
            async for event in reading:
                got += [int(record.sequence_number) for record in event.records]
                await asyncio.sleep(400)
                if len(got) == 60:
                    break
        assert got == put
        assert source.asked[0] == (TRIM_HORIZON, False, None)
        assert source.asked[1][1]

    virtually(main)


def test_latest_stays_where_it_was_when_its_iterator_expires() -> None:
    """Before a first record there is no number: the moment of the last poll stands for it, with room for skew."""
    stream, _ = filled(10)

    async def main() -> None:
        await asyncio.sleep(1000)
        source = Noting(stream)
        reading = reader_of(source).events(SHARD, Checkpoint(LATEST))
        async with aclosing(reading):  # type: ignore[type-var]
            first = await anext(reading)
            assert (first.records, first.continuation) == ([], "")
            assert not first.shard_ended
            await asyncio.sleep(200)
            put = int(stream.put("key", b"while nobody polls"))
            await asyncio.sleep(200)
            assert await numbers_until(reading, 1) == [put]
        assert source.asked == [(LATEST, False, None), (LATEST, False, 940.0)]

    virtually(main)


def test_latest_is_polled_on_until_a_number_tells_the_place() -> None:
    """Fan-out comes back while the shard is quiet: subscribing at LATEST could miss what comes in between."""
    stream, _ = filled(10)

    async def main() -> None:
        source = Noting(stream)
        source.refuses_fan_out = True
        settings = GroupSettings(fan_out_retry_seconds=10)
        reading = reader_of(source, settings).events(SHARD, Checkpoint(LATEST))
        waiting = asyncio.ensure_future(numbers_until(reading, 3))
        await asyncio.sleep(5)
        source.refuses_fan_out = False
        await asyncio.sleep(60)
        assert source.subscriptions == 0
        put = [int(stream.put("key", b"1"))]
        await asyncio.sleep(60)
        assert source.subscriptions == 1
        put += [int(stream.put("key", b"x")) for _ in range(2)]
        assert await waiting == put

    virtually(main)


@pytest.mark.parametrize(
    "code", ["ProvisionedThroughputExceededException", "ExpiredIteratorException", "KMSThrottlingException", ""]
)
def test_failed_polls_are_tried_again_with_backoff(code: str) -> None:
    """From the same place, each time after a longer wait."""
    stream, put = filled(50)

    async def main() -> None:
        source = Noting(stream)
        source.failures = [SubscriptionFailed(code, code) for _ in range(4)]
        assert await numbers_until(reader_of(source).events(SHARD, Checkpoint(TRIM_HORIZON)), 50) == put
        waits = [later - moment for moment, later in zip(source.moments, source.moments[1:5], strict=False)]
        assert waits == pytest.approx([0.1, 0.2, 0.4, 0.8])

    virtually(main)


def test_every_starting_position_is_one_for_polling_too() -> None:
    """All five of them, and a place within an aggregate."""
    stream = MemoryStream(1)

    async def main() -> None:
        put = [int(stream.put("key", b"x")) for _ in range(3)]
        await asyncio.sleep(100)
        put += [int(stream.put("key", b"x")) for _ in range(3)]
        users = [aggregation.UserRecord("key", b"%d" % number, None) for number in range(4)]
        aggregate = stream.put("key", aggregation.encode(users))
        source = Noting(stream)
        source.initial_timestamp = 50.0

        async def first(start: Checkpoint) -> tuple[int, int]:
            reading = reader_of(source).events(SHARD, start)
            async with aclosing(reading):  # type: ignore[type-var]
                async for event in reading:
                    if event.records:
                        return int(event.records[0].sequence_number), event.records[0].sub_sequence_number
            raise AssertionError("the shard has no end")

        assert await first(Checkpoint(TRIM_HORIZON)) == (put[0], 0)
        assert await first(Checkpoint(AT_TIMESTAMP)) == (put[3], 0)
        assert await first(Checkpoint(str(put[1]), -1)) == (put[1], 0)
        assert await first(Checkpoint(str(put[1]))) == (put[2], 0)
        assert await first(Checkpoint(aggregate, 1)) == (int(aggregate), 2)
        latest = asyncio.ensure_future(first(Checkpoint(LATEST)))
        await asyncio.sleep(1)
        assert await asyncio.gather(latest, _later(stream)) == [(int(aggregate) + 1, 0), None]

    virtually(main)


async def _later(stream: MemoryStream) -> None:
    stream.put("key", b"x")


@pytest.mark.parametrize("told", [True, False])
def test_the_end_of_a_shard_names_its_children(told: bool) -> None:
    """By the answer, or by ListShards where the answer does not tell them."""

    class Terse(Noting):
        async def get_records(self, iterator: str) -> kinesis.GetRecordsAnswer:
            answer = await super().get_records(iterator)
            return answer if told else kinesis.GetRecordsAnswer(answer.records, answer.next_shard_iterator)

    stream, put = filled(30)
    stream.split(stream.open_shards()[0])

    async def main() -> None:
        events = [event async for event in reader_of(Terse(stream)).events(SHARD, Checkpoint(TRIM_HORIZON))]
        assert [int(record.sequence_number) for event in events for record in event.records] == put
        assert [child.shard_id for child in events[-1].child_shards] == ["shardId-000000000001", "shardId-000000000002"]
        assert all(child.parents == (SHARD,) for child in events[-1].child_shards)

    virtually(main)


def test_an_empty_answer_at_the_checkpoint_does_not_pass_its_record() -> None:
    """Kinesis may answer nothing though there is something: the rest of an aggregate is still to come."""
    cursor = Cursor(Checkpoint("10", 1))
    event = cursor.take_poll(kinesis.GetRecordsAnswer([], "next", 5))
    assert (event.continuation, cursor.position, cursor.after) == ("", Checkpoint("10", 1), False)
    users = [aggregation.UserRecord("key", b"%d" % number, None) for number in range(3)]
    told = kinesis.Record("10", "key", aggregation.encode(users))
    event = cursor.take_poll(kinesis.GetRecordsAnswer([told], "next", 0))
    assert [record.sub_sequence_number for record in event.records] == [2]
    assert cursor.take_poll(kinesis.GetRecordsAnswer([], "next", 0)).continuation == "10"


def test_ten_megabytes_at_once_leave_the_shard_alone_for_five_seconds() -> None:
    """Kinesis would refuse it for so long: 2 MB/s, of which one call may take five seconds' worth."""
    budget = PollBudget()
    budget.called(100.0)
    budget.read(10_000_000, 100.5)
    assert budget.wait(100.5) == pytest.approx(5.0)
    assert budget.wait(105.5) == 0.0


def test_budgets_are_forgotten_with_their_readers() -> None:
    """A process that reads many shards in its life keeps none of them for ever."""
    budgets = PollBudgets()
    one = budgets.of("stream", SHARD)
    assert budgets.of("stream", SHARD) is one
    assert budgets.of("other", SHARD) is not one
    del one
    assert not budgets._budgets


def test_a_subscription_waits_a_second_after_a_call_and_five_after_a_success() -> None:
    """SubscribeToShard's two limits, from whenever the success was known."""
    pace = SubscribePace(5.0)
    assert pace.wait(10.0) == 0.0
    pace.called(10.0)
    assert pace.wait(10.25) == pytest.approx(0.85)
    pace.succeeded(12.0)
    assert pace.wait(12.5) == 4.5
    assert pace.wait(17.0) == 0.0


def test_after_a_refusal_one_shard_tries_for_all() -> None:
    """Half to the whole of the retry time later; only its success brings the others back."""
    health = FanOutHealth(100.0, lambda: 0.5)
    assert health.may_try(0.0)
    health.refused(0.0)
    assert not health.may_try(74.0)
    assert health.may_try(75.0)
    assert not health.may_try(75.0)
    health.worked()
    assert health.may_try(76.0)
    assert not health.is_refused


def settings_refused(**settings: Any) -> str:
    with pytest.raises(ValueError, match=r"must be|auto") as refused:
        GroupSettings(**settings)
    return str(refused.value)


def test_settings_that_cannot_work_are_refused() -> None:
    """With the values that can."""
    assert "http2" in settings_refused(transport="quic")
    assert "fan_out" in settings_refused(reading="guessing")
    assert "stall_seconds" in settings_refused(stall_seconds=0)


def test_latest_is_the_moment_of_the_first_iterator_though_no_poll_ever_succeeded() -> None:
    """Refused until the iterator expired: what came meanwhile came after LATEST, and is read."""
    stream, _ = filled(3)

    async def main() -> None:
        source = Noting(stream)
        await asyncio.sleep(1000)
        source.failures = [
            *(SubscriptionFailed("no", "ProvisionedThroughputExceededException") for _ in range(5)),
            SubscriptionFailed("too old", "ExpiredIteratorException"),
        ]
        reading = asyncio.ensure_future(numbers_until(reader_of(source).events(SHARD, Checkpoint(LATEST)), 2))
        await asyncio.sleep(0.1)
        assert source.moments
        assert len(source.failures) > 1
        put = [int(stream.put("key", b"x")) for _ in range(2)]
        assert await asyncio.wait_for(reading, 600) == put

    virtually(main)
