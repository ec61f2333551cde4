"""What no load can make the decision do: break a quota of UpdateShardCount, leave its limits, or swing."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st
from reshard.decision import DAY_SECONDS, SHARD_BYTES_A_SECOND, SHARD_RECORDS_A_SECOND, Limits, Load, Minute, Resize
from reshard.decision import decide as decide_shards

_START = 1_800_000_000.0
_EVERY = 300.0
_RECORD = 2000.0


class Stream:
    """A stream in steps of a minute: takes what its shards can, refuses the rest, and keeps Amazon's quotas."""

    def __init__(self, shards: int, limits: Limits) -> None:
        self.shards = shards
        self.limits = limits
        self.minutes: list[Minute] = []
        self.ledger: list[Resize] = []

    def minute(self, now: float, demand: float) -> None:
        """Offer a minute of so many full shards' bytes."""
        offered = demand * SHARD_BYTES_A_SECOND * 60 / _RECORD
        taken = min(offered, self.shards * 60 * min(SHARD_BYTES_A_SECOND / _RECORD, SHARD_RECORDS_A_SECOND))
        self.minutes.append(Minute(now, taken * _RECORD, taken, offered - taken))

    def turn(self, now: float) -> None:
        """One run of the function; AWS's quotas are checked here, by other code than the decision's own."""
        load = Load(self.shards, True, self.minutes[-30:], 0.0)
        decision = decide_shards(load, [r for r in self.ledger if r.at > now - DAY_SECONDS - 300], self.limits, now)
        if not decision.changes:
            return
        assert decision.target <= 2 * self.shards
        assert 2 * decision.target >= self.shards
        assert sum(r.at > now - DAY_SECONDS for r in self.ledger) < 10
        assert self.limits.floor <= decision.target <= self.limits.cap
        self.ledger.append(Resize(now, self.shards, decision.target))
        self.shards = decision.target

    def live(self, demands: list[float], minutes_each: int) -> None:
        """Offer each demand so long, with a run every five minutes."""
        now = _START
        for demand in demands:
            for _ in range(minutes_each):
                self.minute(now, demand)
                now += 60
                if (now - _START) % _EVERY == 0:
                    self.turn(now)


demands = st.floats(0, 80, allow_nan=False)


@settings(max_examples=60, deadline=None)
@given(st.lists(demands, min_size=1, max_size=40), st.integers(1, 64), st.integers(1, 90))
def test_no_load_breaks_a_quota(loads: list[float], shards: int, minutes_each: int) -> None:
    """Whatever is offered, each change is within double, half and ten in 24 hours, and within floor and cap."""
    Stream(shards, Limits(1, 64)).live(loads, minutes_each)


@settings(max_examples=100, deadline=None)
@given(demands, st.integers(1, 64))
def test_a_steady_load_never_swings(demand: float, shards: int) -> None:
    """Under a steady load the count moves one way only, and comes to rest within twelve hours."""
    stream = Stream(shards, Limits(1, 64))
    stream.live([demand], 48 * 60)
    ups = [resize.shards_after > resize.shards_before for resize in stream.ledger]
    assert len(set(ups)) <= 1
    assert all(resize.at < _START + 12 * 3600 for resize in stream.ledger)
    if demand <= 0.74 * stream.limits.cap:
        assert stream.minutes[-1].throttled == 0


@settings(max_examples=60, deadline=None)
@given(st.floats(0.02, 40), st.integers(1, 64), st.lists(st.floats(0.9, 1.1), min_size=20, max_size=60))
def test_a_load_that_trembles_never_swings(demand: float, shards: int, tremble: list[float]) -> None:
    """Ten per cent of noise a minute: at most one turn of direction, whatever the number of shards at first."""
    stream = Stream(shards, Limits(1, 64))
    stream.live([demand * factor for factor in tremble] * 8, 1)
    ups = [resize.shards_after > resize.shards_before for resize in stream.ledger]
    assert sum(first != second for first, second in pairwise(ups)) <= 1


@settings(max_examples=40, deadline=None)
@given(st.floats(0.05, 0.7), st.integers(1, 16), st.floats(0.05, 0.9))
def test_a_hot_key_never_swings(utilisation: float, shards: int, refused: float) -> None:
    """One shard that refuses for ever, the others idle: splitting makes the mean smaller, and no merge undoes it."""
    stream = Stream(shards, Limits(1, 64))
    taken = utilisation * shards * 60 * SHARD_BYTES_A_SECOND / _RECORD
    now = _START
    for _ in range(24 * 60):
        stream.minutes.append(Minute(now, taken * _RECORD, taken, taken * refused / (1 - refused)))
        now += 60
        if (now - _START) % _EVERY == 0:
            stream.turn(now)
    assert all(resize.shards_after > resize.shards_before for resize in stream.ledger)
