"""Window joins and temporal joins against plain recomputation, over any interleaving of shards and any restarts."""

import json
import random
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streaming_sql.operators.join_side import JoinSide
from streaming_sql.operators.temporal_join import TemporalJoin
from streaming_sql.operators.window_join import Kind, WindowJoin
from streaming_sql.types import BIGINT, STRING
from streaming_sql.watermark import NEVER

DELAY = 2
SIZE = 6


@dataclass(frozen=True)
class Event:
    """A row of one side: `value` is unique, `watermark` is its shard's before it."""

    port: int
    key: str | None
    time: int
    value: int
    shard: str
    watermark: int

    @property
    def end(self) -> int:
        return self.time // SIZE * SIZE + SIZE


Shards = list[list[Event]]


@st.composite
def shards(draw: st.DrawFn, ordered: bool = False) -> Shards:
    result: Shards = []
    value = 0
    for number in range(draw(st.integers(1, 3))):
        drawn = draw(
            st.lists(st.tuples(st.integers(0, 1), st.sampled_from(["a", "b", None]), st.integers(0, 16)), max_size=12)
        )
        if ordered:
            drawn.sort(key=lambda event: event[2])
        events, watermark = [], NEVER
        for port, key, time in drawn:
            events.append(Event(port, key, time, value, f"s{number}", watermark))
            value += 1
            watermark = max(watermark, time - DELAY)
        result.append(events)
    return result


def sides(outer: tuple[bool, bool]) -> tuple[JoinSide, JoinSide]:
    left, right = (
        JoinSide(lambda row: (row[0],), lambda row: row[:2], (STRING,), (STRING, BIGINT), of) for of in outer
    )
    return left, right


def not_third(pair: Any) -> bool:
    return bool((pair[1] + pair[3]) % 3)


def run(make: Callable[[], Any], events: Shards, rng: random.Random, *, restarts: bool) -> list[tuple[Any, int, int]]:
    """(row, time, watermark) of what comes out under one random interleaving, in order."""
    emitted: list[tuple[Any, int, int]] = []

    def wired() -> Any:
        join = make()
        join.emit = lambda row, time, watermark, shard, change="+I": emitted.append((row, time, watermark))
        return join

    join = wired()
    left = {number: list(of_shard) for number, of_shard in enumerate(events)}
    watermarks = dict.fromkeys(left, NEVER)
    fired = NEVER
    while any(left.values()):
        number = rng.choice([number for number, rows in left.items() if rows])
        event = left[number].pop(0)
        join.receive(event.port, (event.key, event.value, event.end), event.time, event.watermark, event.shard)
        watermarks[number] = max(event.watermark, event.time - DELAY)
        least = min(watermarks.values())
        if least > fired and rng.random() < 0.5:
            join.advance(fired, least)
            fired = least
        if restarts and rng.random() < 0.3:
            state = json.loads(json.dumps(list(join.snapshot())))
            join = wired()
            join.restore(state)
            join.advance(fired, fired)
    flush = join.flush_time()
    if flush is not None:
        join.advance(fired, max(fired, flush))
    assert join.flush_time() is None
    return emitted


def window_join(kind: Kind, outer: tuple[bool, bool]) -> WindowJoin:
    window = lambda row: (row[2], row[2] - SIZE)  # noqa: E731 (one line says it)
    return WindowJoin(sides(outer), (window, window), kind, not_third)


def joined_windows(events: Shards, kind: Kind, outer: tuple[bool, bool]) -> Counter[Any]:
    """The rows of every window, from the definitions alone."""
    intime = [event for of_shard in events for event in of_shard if event.end - 1 > event.watermark]
    rows: Counter[Any] = Counter()
    met = set()
    for left in intime:
        for right in intime:
            if (left.port, right.port, left.end) == (0, 1, right.end) and left.key == right.key is not None:
                pair = (left.key, left.value, right.key, right.value)
                if not_third(pair):
                    met |= {left, right}
                    rows[(*pair, left.end - SIZE, left.end)] += kind == "JOIN"
    for event in intime:
        bounds = (event.end - SIZE, event.end)
        own = (event.key, event.value)
        if kind != "JOIN":
            rows[own + bounds] += event.port == 0 and (event in met) is (kind == "SEMI")
        elif outer[event.port] and event not in met:
            rows[((None, None, *own) if event.port else (*own, None, None)) + bounds] += 1
    return +rows


@pytest.mark.parametrize("restarts", [False, True])
@settings(max_examples=60, deadline=None)
@given(
    shards(), st.sampled_from(["JOIN", "SEMI", "ANTI"]), st.tuples(st.booleans(), st.booleans()), st.integers(0, 2**32)
)
def test_a_window_join_joins_the_rows_in_time_of_each_window(
    restarts: bool, events: Shards, kind: Kind, outer: tuple[bool, bool], seed: int
) -> None:
    """Every kind of join gives each window's rows once, in one order, for a fixed assignment of rows to shards."""
    outer = outer if kind == "JOIN" else (False, False)
    rng = random.Random(seed)
    emitted = run(lambda: window_join(kind, outer), events, rng, restarts=restarts)
    assert Counter(row for row, _, _ in emitted) == joined_windows(events, kind, outer)
    assert all(time == row[-1] - 1 > watermark for row, time, watermark in emitted)
    again = run(lambda: window_join(kind, outer), events, rng, restarts=restarts)
    assert [row for row, _, _ in again] == [row for row, _, _ in emitted]


def versions_met(events: Shards, outer: bool) -> Counter[Any]:
    """Each left row with its version, from the definitions alone."""
    every = [(event, (event.shard, place)) for of_shard in events for place, event in enumerate(of_shard)]
    rows: Counter[Any] = Counter()
    for left, _ in every:
        if left.port:
            continue
        due, limit = max(left.time, left.watermark + 1), max(left.time, left.watermark)
        known = [
            (right.time, place, right)
            for right, place in every
            if right.port and right.key == left.key is not None and right.time <= limit and right.watermark < due
        ]
        version = max(known)[2] if known else None
        pair = None if version is None else (left.key, left.value, version.key, version.value)
        if version is None or version.time > left.time or not not_third(pair):
            pair = (left.key, left.value, None, None) if outer else None
        if pair is not None:
            rows[pair] += 1
    return rows


@pytest.mark.parametrize("restarts", [False, True])
@settings(max_examples=80, deadline=None)
@given(shards(), st.booleans(), st.integers(0, 2**32))
def test_a_temporal_join_meets_the_version_in_force(restarts: bool, events: Shards, outer: bool, seed: int) -> None:
    """Every row meets the version that its own shard's watermark and time say, whatever the interleaving."""
    left, right = sides((outer, False))
    rng = random.Random(seed)
    emitted = run(lambda: TemporalJoin(left, right, not_third), events, rng, restarts=restarts)
    assert Counter(row for row, _, _ in emitted) == versions_met(events, outer)


@settings(max_examples=60, deadline=None)
@given(shards(ordered=True), st.integers(0, 2**32))
def test_a_temporal_join_without_late_rows_meets_the_last_version_before(events: Shards, seed: int) -> None:
    """Rows in order of time meet the newest version of a time up to theirs; old versions are forgotten."""
    left, right = sides((False, False))
    operators: list[TemporalJoin] = []

    def make() -> TemporalJoin:
        operators.append(TemporalJoin(left, right))
        return operators[-1]

    emitted = run(make, events, random.Random(seed), restarts=False)
    every = [(event, (event.shard, place)) for of_shard in events for place, event in enumerate(of_shard)]
    expected: Counter[Any] = Counter()
    for row, _ in every:
        known = [
            (other.time, place, other.value)
            for other, place in every
            if other.port and not row.port and other.key == row.key is not None and other.time <= row.time
        ]
        if known:
            expected[row.key, row.value, row.key, max(known)[2]] += 1
    assert Counter(row for row, _, _ in emitted) == expected
    operators[-1].advance(NEVER, 1_000)
    keys = {event.key for of_shard in events for event in of_shard if event.port} - {None}
    assert operators[-1].size == len(keys)
