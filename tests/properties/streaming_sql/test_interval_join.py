"""Interval joins against every pair there is, over any interleaving of shards, advances and restarts."""

import json
import random
from collections import Counter
from dataclasses import dataclass
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from streaming_sql.operators.interval_join import IntervalJoin
from streaming_sql.operators.join_side import JoinSide
from streaming_sql.types import BIGINT, STRING
from streaming_sql.watermark import NEVER

DELAY = 2


@dataclass(frozen=True)
class Event:
    """A row of one side: `value` is unique, `watermark` is its shard's before it."""

    port: int
    key: str | None
    time: int
    value: int
    shard: str
    place: int
    watermark: int


@dataclass(frozen=True)
class Case:
    shards: list[list[Event]]
    lower: int
    upper: int
    outer: tuple[bool, bool]
    condition: bool
    one_table: bool


@st.composite
def cases(draw: st.DrawFn, ordered: bool = False) -> Case:
    shards = []
    value = 0
    for number in range(draw(st.integers(1, 3))):
        drawn = draw(
            st.lists(st.tuples(st.integers(0, 1), st.sampled_from(["a", "b", None]), st.integers(0, 14)), max_size=12)
        )
        if ordered:
            drawn.sort(key=lambda event: event[2])
        events, watermark = [], NEVER
        for place, (port, key, time) in enumerate(drawn):
            events.append(Event(port, key, time, value, f"s{number}", place, watermark))
            value += 1
            watermark = max(watermark, time - DELAY)
        shards.append(events)
    lower = draw(st.integers(-5, 4))
    upper = lower + draw(st.integers(-2, 6))
    return Case(
        shards,
        lower,
        upper,
        draw(st.tuples(st.booleans(), st.booleans())),
        *draw(st.tuples(st.booleans(), st.booleans())),
    )


def meets(case: Case, left: Event, right: Event) -> bool:
    """Whether both are joined, from the definitions alone."""
    if left.key is None or left.key != right.key or not case.lower <= left.time - right.time <= case.upper:
        return False
    if case.condition and (left.value + right.value) % 3 == 0:
        return False
    last_left, last_right = left.time - case.lower, right.time + case.upper  # of the partners' times
    if left.shard != right.shard or not case.one_table:
        return left.watermark <= last_right and right.watermark <= last_left
    if left.place < right.place:
        return left.watermark < last_left and right.watermark <= last_left
    return right.watermark < last_right and left.watermark <= last_right


def expected(case: Case) -> Counter[Any]:
    events = [event for shard in case.shards for event in shard]
    sides = [[event for event in events if event.port == port] for port in (0, 1)]
    delay = max(-case.lower, case.upper, 0) + 1
    rows: Counter[Any] = Counter()
    joined = set()
    for left in sides[0]:
        for right in sides[1]:
            if meets(case, left, right):
                joined |= {left, right}
                watermark = max(left.watermark, right.watermark) - delay
                row = (left.key, left.value, right.key, right.value)
                rows[row, max(left.time, right.time), watermark, max(left.shard, right.shard)] += 1
    for event in events:
        if case.outer[event.port] and event not in joined:
            row = (None, None, event.key, event.value) if event.port else (event.key, event.value, None, None)
            rows[row, event.time, event.watermark - delay, event.shard] += 1
    return rows


def operator(case: Case, emitted: Counter[Any], late: Counter[Any]) -> IntervalJoin:
    sides = [
        JoinSide(lambda row: (row[0],), lambda row: row, (STRING,), (STRING, BIGINT), outer) for outer in case.outer
    ]
    condition = (lambda pair: (pair[1] + pair[3]) % 3 != 0 or None) if case.condition else None
    join = IntervalJoin((sides[0], sides[1]), case.lower, case.upper, condition, one_table=case.one_table)
    join.emit = lambda row, time, watermark, shard, change="+I": emitted.update([(row, time, watermark, shard)])
    join.late = lambda time, watermark, bound: late.update([(time, watermark, bound)])
    return join


def run(case: Case, rng: random.Random, *, restarts: bool = False) -> tuple[Counter[Any], Counter[Any]]:
    """What comes out under one random interleaving with random advances."""
    emitted: Counter[Any] = Counter()
    late: Counter[Any] = Counter()
    join = operator(case, emitted, late)
    left = {number: list(events) for number, events in enumerate(case.shards)}
    watermarks = dict.fromkeys(left, NEVER)
    fired = NEVER
    while any(left.values()):
        number = rng.choice([number for number, events in left.items() if events])
        event = left[number].pop(0)
        assert watermarks[number] == event.watermark
        join.receive(event.port, (event.key, event.value), event.time, event.watermark, event.shard)
        watermarks[number] = max(event.watermark, event.time - DELAY)
        least = min(watermarks.values())
        if least > fired and rng.random() < 0.5:
            join.advance(fired, least)
            fired = least
        if restarts and rng.random() < 0.3:
            state = json.loads(json.dumps(list(join.snapshot())))
            join = operator(case, emitted, late)
            join.restore(state)
            join.advance(fired, fired)
    flush = join.flush_time()
    if flush is not None:
        join.advance(fired, max(fired, flush))
    assert join.size == 0
    assert list(join.snapshot()) == []
    return emitted, late


@settings(max_examples=300, deadline=None)
@given(cases(), st.integers(0, 2**32))
def test_every_pair_meets_once_and_every_other_outer_row_comes_out_padded_once(case: Case, seed: int) -> None:
    """For a fixed assignment of rows to shards there is one result, late rows included, and nothing stays held."""
    rng = random.Random(seed)
    emitted, late = run(case, rng)
    assert emitted == expected(case)
    assert run(case, rng) == (emitted, late)


@settings(max_examples=150, deadline=None)
@given(cases(), st.integers(0, 2**32))
def test_restoring_any_snapshot_changes_nothing(case: Case, seed: int) -> None:
    """An operator restored from its snapshot, as often as may be, gives what one that never stopped gives."""
    assert run(case, random.Random(seed), restarts=True)[0] == expected(case)


@settings(max_examples=150, deadline=None)
@given(cases(ordered=True), st.integers(0, 2**32))
def test_without_late_rows_it_is_the_join_of_the_whole_tables(case: Case, seed: int) -> None:
    """Rows in order of time are joined by keys, bounds and condition alone, whatever shards they came from."""
    emitted, late = run(case, random.Random(seed))
    events = [event for shard in case.shards for event in shard]
    pairs = [
        (left, right)
        for left in events
        for right in events
        if (left.port, right.port) == (0, 1)
        and left.key == right.key is not None
        and case.lower <= left.time - right.time <= case.upper
        and not (case.condition and (left.value + right.value) % 3 == 0)
    ]
    rows = Counter((left.key, left.value, right.key, right.value) for left, right in pairs)
    joined = {event for pair in pairs for event in pair}
    for event in events:
        if case.outer[event.port] and event not in joined:
            rows[(None, None, event.key, event.value) if event.port else (event.key, event.value, None, None)] += 1
    assert Counter({row: count for (row, *_), count in emitted.items()}) == rows
    assert not late
    assert all(time > watermark for _, time, watermark, _ in emitted), "no row is late for what reads the join"
