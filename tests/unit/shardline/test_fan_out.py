"""Subscriptions that end and break, seen as one iterator."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

from shardline import TRIM_HORIZON, Checkpoint, GroupSettings, Shard, ShardGone, SubscriptionFailed
from shardline.clock import LoopClock
from shardline.fan_out import ShardEvent, events
from shardline.testing import run_in_virtual_time

SILENCE = object()
SETTINGS = GroupSettings(stall_seconds=30, backoff_base_seconds=0.2, backoff_cap_seconds=5)


def told(*numbers: int, continuation: int | None = None) -> dict[str, Any]:
    records = [{"SequenceNumber": str(number), "PartitionKey": "key", "Data": b""} for number in numbers]
    return {"Records": records, "ContinuationSequenceNumber": str(continuation or numbers[-1])}


END = {"Records": [], "ChildShards": [{"ShardId": "child", "ParentShards": ["shard"]}]}


class Script:
    """A source whose subscriptions follow a script: events, failures, silence."""

    def __init__(self, *lives: list[Any]) -> None:
        self.lives = list(lives)
        self.calls: list[tuple[float, str, bool]] = []
        self.closed = 0

    async def list_shards(self) -> list[Shard]:
        return []

    async def register(self) -> None:
        return None

    async def subscribe(self, shard_id: str, position: Checkpoint, *, after: bool) -> AsyncIterator[dict[str, Any]]:
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


def read(script: Script, start: str = TRIM_HORIZON, *, pause: float = 0.0) -> list[ShardEvent]:
    """Read the shard to its end, with a pause between events; half of each backoff's ceiling is waited."""

    async def main() -> list[ShardEvent]:
        got = []
        reading = events(script, "shard", Checkpoint(start), settings=SETTINGS, clock=LoopClock(), fraction=lambda: 0.5)
        async for event in reading:
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
    assert [moment for moment, *_ in script.calls] == [0.0, 5.0]


def test_failures_in_a_row_wait_longer_and_progress_resets_the_wait() -> None:
    """Half the ceiling of 0.2, 0.4, 0.8 s each; after an event that moved the position 0.2 again."""
    failure = SubscriptionFailed("LimitExceededException")
    script = Script([failure], [failure], [failure], [told(1), failure], [END])
    assert numbers(read(script)) == [1]
    moments = [moment for moment, *_ in script.calls]
    assert moments == pytest.approx([0.0, 0.1, 0.3, 0.7, 0.8])
    assert script.calls[-1][1:] == ("1", True)


def test_what_comes_twice_is_delivered_once() -> None:
    """Even if a subscription starts earlier than it was asked to."""
    script = Script([told(1, 2), SubscriptionFailed("reset")], [told(2, 3), END])
    assert numbers(read(script)) == [1, 2, 3]


def test_silence_renews_the_subscription() -> None:
    """After the stall time, from the same place."""
    script = Script([told(1), SILENCE], [told(2), END])
    assert numbers(read(script)) == [1, 2]
    assert [moment for moment, *_ in script.calls] == pytest.approx([0.0, 30.1])


def test_time_that_the_caller_takes_is_no_silence() -> None:
    """A slow processor does not cost a subscription."""
    script = Script([told(1), told(2), told(3), END])
    assert numbers(read(script, pause=1000.0)) == [1, 2, 3]
    assert len(script.calls) == 1


def test_an_event_that_makes_no_sense_is_not_believed() -> None:
    """Neither continuation nor children, or both: read again from the last good place."""
    script = Script([told(1), {"Records": []}], [{**END, "ContinuationSequenceNumber": "5"}], [told(2), END])
    assert numbers(read(script)) == [1, 2]
    assert [place for _, place, _ in script.calls] == [TRIM_HORIZON, "1", "1"]


def test_every_subscription_is_closed() -> None:
    """However it ended: its connection goes back."""
    script = Script([told(1), SubscriptionFailed("reset")], [told(2), SILENCE], [END])
    read(script)
    assert script.closed == 3


def test_a_shard_that_kinesis_does_not_know_is_said_to_be_gone() -> None:
    """Retrying would not bring it back."""
    with pytest.raises(ShardGone):
        read(Script([ShardGone("shard")]))
