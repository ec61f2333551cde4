"""Subscriptions that end and break, fan-out that is refused and comes back: one iterator all the same."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing
from typing import Any

import pytest

from aws_wire.kinesis import ChildShard, GetRecordsAnswer, SubscribeToShardEvent
from shardline import TRIM_HORIZON, Checkpoint, GroupSettings, Record, Shard, ShardGone, SubscriptionFailed
from shardline.clock import LoopClock
from shardline.errors import FanOutRefused
from shardline.reading.cursor import ShardEvent
from shardline.reading.loss import DataLoss
from shardline.reading.pacing import PollBudgets
from shardline.reading.reader import Reader
from shardline.testing import run_in_virtual_time

SILENCE = object()
CHILDREN = [ChildShard("child", ("shard",))]
END = SubscribeToShardEvent([], None, 0, CHILDREN)
HOUR = 3600.0


def records(*numbers: int) -> list[Record]:
    return [Record(str(number), "key", b"") for number in numbers]


def told(*numbers: int, continuation: int | None = None, behind: int = 0) -> SubscribeToShardEvent:
    return SubscribeToShardEvent(records(*numbers), str(continuation or numbers[-1]), behind)


def failure(code: str) -> SubscriptionFailed:
    return SubscriptionFailed(f"shard: {code}", code)


class Script:
    """A source whose subscriptions follow a script: events, failures, silence; polls follow another."""

    name = "script"

    def __init__(
        self, *lives: list[Any], polls: list[Any] | None = None, registrations: list[Any] | None = None
    ) -> None:
        self.lives = list(lives)
        self.answers = polls or []
        self.registrations = registrations or []
        self.calls: list[tuple[float, str, bool]] = []
        self.iterators: list[tuple[float, str, bool, float | None]] = []
        self.polled: list[float] = []
        self.closed = 0
        self.registered = 0
        self.shards = ["shard", "child"]
        self.oldest: int | None = None
        self.created: float | None = None

    async def list_shards(self) -> list[Shard]:
        return [Shard(shard_id) for shard_id in self.shards]

    async def register(self) -> None:
        self.registered += 1
        answer = self.registrations.pop(0) if self.registrations else None
        if answer is not None:
            raise answer

    async def retention_seconds(self) -> float:
        return 24 * HOUR

    async def created_seconds(self) -> float | None:
        return self.created

    async def aclose(self) -> None:
        return None

    async def subscribe(
        self, shard_id: str, position: Checkpoint, *, after: bool
    ) -> AsyncIterator[SubscribeToShardEvent]:
        now = asyncio.get_running_loop().time()
        self.calls.append((now, position.sequence_number, after))
        try:
            for step in self.lives.pop(0):
                if isinstance(step, Exception):
                    raise step
                if step is SILENCE:
                    await asyncio.sleep(1e6)
                elif isinstance(step, float):
                    await asyncio.sleep(step)
                else:
                    yield step
        finally:
            self.closed += 1

    async def shard_iterator(
        self, shard_id: str, position: Checkpoint, *, after: bool, timestamp: float | None = None
    ) -> str:
        now = asyncio.get_running_loop().time()
        if position.sequence_number == TRIM_HORIZON and self.oldest is not None:
            return "oldest"
        self.iterators.append((now, position.sequence_number, after, timestamp))
        return f"iterator {len(self.iterators)}"

    async def get_records(self, iterator: str) -> GetRecordsAnswer:
        if iterator == "oldest":
            return GetRecordsAnswer(records(self.oldest) if self.oldest else [], "next", 0)
        self.polled.append(asyncio.get_running_loop().time())
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        assert isinstance(answer, GetRecordsAnswer)
        return answer

    @property
    def moments(self) -> list[float]:
        return [moment for moment, *_ in self.calls]


def read(
    script: Script,
    start: Checkpoint | str = TRIM_HORIZON,
    *,
    pause: float = 0.0,
    losses: list[DataLoss] | None = None,
    fraction: float = 0.5,
    wall: float = 0.0,
    **settings: Any,
) -> list[ShardEvent]:
    """Read the shard to its end, with a pause between events; half of each backoff's ceiling is waited."""
    settings = {"stall_seconds": 30, "backoff_base_seconds": 0.2, "backoff_cap_seconds": 5, **settings}

    async def main() -> list[ShardEvent]:
        got = []
        reader = Reader(
            script,
            GroupSettings(**settings),
            LoopClock(),
            lambda: fraction,
            (losses if losses is not None else []).append,
            wall=lambda: wall + asyncio.get_running_loop().time(),
            poll_budgets=PollBudgets(),
        )
        async for event in reader.events("shard", start if isinstance(start, Checkpoint) else Checkpoint(start)):
            got.append(event)
            await asyncio.sleep(pause)
        return got

    return run_in_virtual_time(main())


def numbers(got: list[ShardEvent]) -> list[int]:
    return [int(record.sequence_number) for event in got for record in event.records]


def test_a_subscription_that_ends_is_followed_after_its_continuation() -> None:
    """The first starts where the checkpoint is, the next after what was received."""
    script = Script([told(1, 2), told(3, continuation=7), 20.0], [told(8), END])
    got = read(script)
    assert numbers(got) == [1, 2, 3, 8]
    assert script.calls == [(0.0, TRIM_HORIZON, False), (20.0, "7", True)]
    assert got[-1].shard_ended
    assert got[-1].child_shards[0].parents == ("shard",)


def test_the_first_subscription_starts_at_the_checkpoint_and_drops_what_it_covers() -> None:
    """AT, not AFTER: an aggregate may be delivered in part. Numbers compare as integers."""
    script = Script([told(9, 10, 11), END])
    assert numbers(read(script, "10")) == [11]
    assert script.calls == [(0.0, "10", False)]


def test_a_short_life_is_not_followed_within_five_seconds() -> None:
    """Kinesis would refuse it."""
    script = Script([told(1), 2.0], [END])
    read(script)
    assert script.moments == [0.0, 5.0]


def test_a_subscription_is_left_before_kinesis_ends_it_and_goes_on_after_what_came() -> None:
    """Between 90 and 100 % of the set time, by the random fraction, at the next event."""
    heartbeats: list[Any] = [step for _ in range(100) for step in (told(2, continuation=2), 5.0)]
    for fraction, expected in ((0.0, 260.0), (0.99, 285.0)):
        script = Script([told(1), *heartbeats], [told(3), END])
        assert numbers(read(script, fraction=fraction)) == [1, 2, 3]
        assert script.calls[1:] == [(expected, "2", True)]


def test_failures_in_a_row_wait_longer_and_a_second_at_least() -> None:
    """Half the ceiling of 0.2 to 5 s each, but never a second call within a second (SubscribeToShard's limit)."""
    broken = failure("InternalFailureException")
    script = Script(*[[broken]] * 7, [END])
    read(script)
    assert script.moments == pytest.approx([0.0, 1.1, 2.2, 3.3, 4.4, 6.0, 8.5, 11.0])


def test_a_failure_after_a_success_waits_until_kinesis_would_accept_it() -> None:
    """A second subscription within five seconds of a success would be refused, whatever became of the first."""
    script = Script([2.0, told(1), failure("reset")], [told(2), END])
    assert numbers(read(script)) == [1, 2]
    assert script.calls[1] == (7.0, "1", True)


def test_a_reading_that_starts_again_knows_of_the_last_success() -> None:
    """A processor that failed at once does not make its shard's reader break the rule of five seconds."""
    script = Script([told(1), SILENCE], [told(1, 2), END])

    async def main() -> None:
        reader = Reader(script, GroupSettings(), LoopClock(), lambda: 0.5, poll_budgets=PollBudgets())
        first = reader.events("shard", Checkpoint(TRIM_HORIZON))
        async with aclosing(first):  # type: ignore[type-var]
            await anext(first)
        assert [event async for event in reader.events("shard", Checkpoint("1"))][-1].shard_ended

    run_in_virtual_time(main())
    assert script.moments == [0.0, 5.0]


@pytest.mark.parametrize(
    "code",
    [
        "ResourceInUseException",
        "LimitExceededException",
        "ProvisionedThroughputExceededException",
        "InternalFailureException",
        "KMSThrottlingException",
        "KMSAccessDeniedException",
        "KMSDisabledException",
        "KMSInvalidStateException",
        "KMSNotFoundException",
        "KMSOptInRequired",
        "",
    ],
)
@pytest.mark.parametrize("midway", [False, True])
def test_every_failure_is_got_over_without_gap_or_duplicate(code: str, midway: bool) -> None:
    """Refused at the call or broken off in the middle: the next goes on after what came, within half a minute."""
    first: list[Any] = [told(1, 2), failure(code)] if midway else [failure(code)]
    script = Script(first, [told(2, 3), END] if midway else [told(1, 2, 3), END])
    assert numbers(read(script, reading="fan_out")) == [1, 2, 3]
    assert script.moments[1] < 30


def test_a_shard_just_given_to_another_is_polled_until_it_is_free() -> None:
    """For five seconds after the former owner's success: no pause at a hand-over, and tries a second apart."""
    taken = failure("ResourceInUseException")
    polls = [GetRecordsAnswer(records(number), "next", 0) for number in range(1, 100)]
    script = Script([taken], [taken], [taken], [told(1000), END], polls=polls)
    got = numbers(read(script))
    assert got == [*range(1, got[-2] + 1), 1000]
    assert script.polled[0] < 0.1
    waits = [later - moment for moment, later in zip(script.moments, script.moments[1:], strict=False)]
    assert all(1.1 <= wait <= 1.6 for wait in waits)
    assert script.calls[-1][1:] == (str(got[-2]), True)


def test_polls_go_on_where_a_subscription_in_between_has_come_to() -> None:
    """Not where the last poll was: that would read everything in between again."""
    taken = failure("ResourceInUseException")
    polls = [GetRecordsAnswer(records(number), "next", 0) for number in (*range(1, 7), *range(1001, 1100))]
    ended = [told(1000), 10.0, failure("reset")]
    script = Script([taken], ended, [taken], [told(2000), END], polls=polls)
    got = numbers(read(script, fraction=0.0))
    assert got == sorted(set(got))
    assert [place for _, place, _, _ in script.iterators] == [TRIM_HORIZON, "1000"]


def test_a_shard_just_given_to_another_is_tried_again_soon_where_polls_are_refused() -> None:
    """A role that may only subscribe: within one and a half seconds of the shard's being free."""
    taken = failure("ResourceInUseException")
    script = Script([taken], [taken], [taken], [told(1), END], polls=[failure("AccessDeniedException")] * 2)
    assert numbers(read(script)) == [1]
    assert len(script.polled) == 1
    assert script.moments[-1] < 5.0


def test_who_is_taken_over_leaves_the_other_time_to_prove_right() -> None:
    """Longer than a renewal of the lease takes: of two that believe to hold it, the wrong one learns it and stops."""
    script = Script([told(1), 20.0, failure("ResourceInUseException")], [told(2), END])
    assert numbers(read(script, lease_duration_seconds=30)) == [1, 2]
    renewal = GroupSettings(lease_duration_seconds=30).renew_interval_seconds
    assert 20 + renewal < script.moments[1] < 20 + 2 * renewal + 1


def test_what_comes_twice_is_delivered_once() -> None:
    """Even if a subscription starts earlier than it was asked to."""
    script = Script([told(1, 2), SubscriptionFailed("reset")], [told(2, 3), END])
    assert numbers(read(script)) == [1, 2, 3]


def test_silence_renews_the_subscription() -> None:
    """After the stall time, from the same place."""
    script = Script([told(1), SILENCE], [told(2), END])
    assert numbers(read(script)) == [1, 2]
    assert script.moments == pytest.approx([0.0, 30.1])


def test_time_that_the_caller_takes_is_no_silence() -> None:
    """A slow processor does not cost a subscription."""
    script = Script([told(1), told(2), told(3), END])
    assert numbers(read(script, pause=100.0, subscription_seconds=1e6)) == [1, 2, 3]
    assert len(script.calls) == 1


def test_an_event_that_makes_no_sense_is_not_believed() -> None:
    """Neither continuation nor children, or both: read again from the last good place."""
    both = SubscribeToShardEvent([], "5", 0, CHILDREN)
    script = Script([told(1), SubscribeToShardEvent()], [both], [told(2), END])
    assert numbers(read(script)) == [1, 2]
    assert [place for _, place, _ in script.calls] == [TRIM_HORIZON, "1", "1"]


def test_every_subscription_is_closed() -> None:
    """However it ended: its connection goes back."""
    script = Script([told(1), SubscriptionFailed("reset")], [told(2), SILENCE], [END])
    read(script)
    assert script.closed == 3


def test_a_shard_that_kinesis_does_not_know_is_said_to_be_gone() -> None:
    """Retrying would not bring back what is not listed any more."""
    script = Script([ShardGone("shard")])
    script.shards = ["other"]
    with pytest.raises(ShardGone):
        read(script)


def test_a_consumer_that_somebody_deleted_is_registered_again() -> None:
    """Its shards are still there: reading goes on where it was, and no batch is taken back."""
    script = Script([told(1), 20.0, ShardGone("consumer")], [told(2), END])
    assert numbers(read(script)) == [1, 2]
    assert script.registered == 2


def test_refused_polls_bring_fan_out_back_at_once() -> None:
    """A role that may subscribe but not poll: a passing limit of subscriptions does not stop the shard for minutes."""
    limits = [[failure("LimitExceededException")] for _ in range(5)]
    script = Script(*limits, [told(1), END], polls=[failure("AccessDeniedException")])
    assert numbers(read(script)) == [1]
    assert len(script.polled) == 1
    assert script.moments[-1] < 20


def test_polling_by_setting_never_subscribes() -> None:
    """Nor registers a consumer, which costs money."""
    polls = [GetRecordsAnswer(records(1, 2), "next", 0), GetRecordsAnswer(records(3), None, 0, CHILDREN)]
    script = Script(polls=polls, registrations=[AssertionError()])
    got = read(script, reading="polling")
    assert numbers(got) == [1, 2, 3]
    assert got[-1].child_shards[0].shard_id == "child"
    assert script.calls == []


@pytest.mark.parametrize("refused", [[failure("AccessDeniedException")], [failure("LimitExceededException")] * 5])
def test_refused_fan_out_is_polled_and_tried_again_later(refused: list[SubscriptionFailed]) -> None:
    """An access denied at once, a limit after five in a row; polls and subscriptions follow each other's numbers."""
    polls = [GetRecordsAnswer(records(number), "next", 0) for number in range(1, 400)]
    script = Script(*([each] for each in refused), [told(1000), END], polls=polls)
    got = numbers(read(script, fan_out_retry_seconds=40.0))
    last = got[-2]
    assert got == [*range(1, last + 1), 1000]
    assert last > 50
    assert script.calls[-1][1:] == (str(last), True)
    tried_again = script.moments[-1] - script.moments[-2]
    assert 30 <= tried_again <= 31
    assert script.iterators == [(script.polled[0], TRIM_HORIZON, False, None)]


def test_a_consumer_that_cannot_be_registered_is_registered_later() -> None:
    """The 21st consumer polls until one of the others is gone."""
    polls = [GetRecordsAnswer(records(number), "next", 0) for number in range(1, 400)]
    refused = FanOutRefused("20 consumers")
    script = Script([told(1000), END], polls=polls, registrations=[refused, refused, None])
    got = numbers(read(script, fan_out_retry_seconds=40.0))
    assert got == [*range(1, got[-2] + 1), 1000]
    assert script.moments == pytest.approx([60.0], abs=1.0)


def test_fan_out_by_setting_is_never_polled() -> None:
    """A refusal is retried for ever: the user said so."""
    script = Script(*[[failure("AccessDeniedException")]] * 20, [told(1), END])
    assert numbers(read(script, reading="fan_out")) == [1]
    assert script.polled == []


def test_a_refused_checkpoint_is_a_data_loss_and_all_that_is_kept_is_read() -> None:
    """It is not of this shard, say after the stream was made anew: so it covers none of its records."""
    losses: list[DataLoss] = []
    script = Script([failure("InvalidArgumentException")], [told(9, 10, 11), END])
    assert numbers(read(script, Checkpoint("10"), losses=losses)) == [9, 10, 11]
    assert script.calls[1][1:] == (TRIM_HORIZON, False)
    assert losses == [DataLoss("shard", "position_refused", Checkpoint("10"))]


def test_a_continuation_that_is_refused_later_repeats_nothing() -> None:
    """From the oldest record that is kept, without what was delivered."""
    losses: list[DataLoss] = []
    script = Script([told(9, 10)], [failure("InvalidArgumentException")], [told(9, 10, 11), END])
    assert numbers(read(script, losses=losses)) == [9, 10, 11]
    assert losses == [DataLoss("shard", "position_refused", Checkpoint("10"))]


def test_a_trimmed_position_is_a_data_loss() -> None:
    """Asked for 10, Kinesis begins with 20, and keeps nothing older: what was between expired unread."""
    losses: list[DataLoss] = []
    script = Script([told(20, 21), failure("reset")], [told(22), END])
    script.oldest = 20
    assert numbers(read(script, Checkpoint("10"), losses=losses)) == [20, 21, 22]
    assert losses == [DataLoss("shard", "position_expired", Checkpoint("10"), "20")]


def test_a_shard_whose_rest_expired_is_a_data_loss() -> None:
    """The position is not there, nor anything after it."""
    losses: list[DataLoss] = []
    script = Script([END])
    script.oldest = 0
    read(script, Checkpoint("10"), losses=losses)
    assert losses == [DataLoss("shard", "position_expired", Checkpoint("10"), "")]


@pytest.mark.parametrize("first", [10, 11])
def test_a_position_that_is_kept_or_has_nothing_before_it_is_no_loss(first: int) -> None:
    """The record itself comes; or the oldest record is older than the position, which was between two records."""
    losses: list[DataLoss] = []
    script = Script([told(first, 12), END])
    script.oldest = 5
    read(script, Checkpoint("10"), losses=losses)
    assert losses == []


def test_a_young_position_is_no_loss_whatever_the_oldest_record_is() -> None:
    """A quiet shard keeps nothing before the newest record; Kinesis' numbers tell how old the position is."""
    written = 1_700_000_000
    position = 2 << 184 | 1_600_000_000 << 148 | written << 36 | 2
    for age, expected in ((23 * HOUR, 0), (25 * HOUR, 1)):
        losses: list[DataLoss] = []
        script = Script([told(position + 100), END])
        script.oldest = position + 100
        read(script, Checkpoint(str(position)), losses=losses, wall=written + age)
        assert len(losses) == expected


def position_written(at: float) -> int:
    """A number as Kinesis gives them, whose layout tells its time."""
    return 2 << 184 | 1_600_000_000 << 148 | int(at) << 36 | 2


def test_a_position_is_no_older_than_its_stream() -> None:
    """A number that tells no time, as an emulator's, on a stream of an hour: nothing of it can have expired."""
    for age, expected in ((HOUR, 0), (25 * HOUR, 1)):
        losses: list[DataLoss] = []
        script = Script([told(20), END])
        script.oldest, script.created = 20, 1e9
        read(script, Checkpoint("10"), losses=losses, wall=1e9 + age)
        assert len(losses) == expected


def test_what_expired_is_reported_though_nothing_comes_after_it() -> None:
    """All of a quiet shard expired: the first heartbeat tells, since a renewal starts from its number, a young one."""
    losses: list[DataLoss] = []
    start = position_written(1_700_000_000)
    script = Script([told(continuation=start + 1000), 20.0], [told(continuation=start + 2000), END])
    script.oldest = 0
    read(script, Checkpoint(str(start)), losses=losses, wall=1_700_000_000 + 25 * HOUR)
    assert losses == [DataLoss("shard", "position_expired", Checkpoint(str(start)), "")]


def test_a_shard_polled_in_vain_for_longer_than_the_retention_lost_nothing() -> None:
    """The position is as old as it was when reading it began, however long nothing comes."""
    losses: list[DataLoss] = []
    start = position_written(1_700_000_000)
    idle = [GetRecordsAnswer([], "next", 0) for _ in range(30)]
    script = Script(polls=[*idle, GetRecordsAnswer(records(start + 1000), "next", 0), GetRecordsAnswer([], None, 0)])
    script.oldest = start + 1000
    read(
        script,
        Checkpoint(str(start)),
        pause=HOUR,
        losses=losses,
        wall=1_700_000_000 + HOUR,
        reading="polling",
    )
    assert losses == []


def test_reading_that_falls_behind_the_retention_is_a_data_loss() -> None:
    """A processor that holds its shard for a day and a half finds later records than the next ones."""
    losses: list[DataLoss] = []
    script = Script([told(1), 100_000.0, failure("reset")], [told(50), END])
    script.oldest = 50
    assert numbers(read(script, losses=losses, stall_seconds=1e6)) == [1, 50]
    assert losses == [DataLoss("shard", "position_expired", Checkpoint("1"), "50")]
