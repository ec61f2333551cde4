"""OVER windows against Flink's rules told plainly, over any interleaving of shards, any batches and any restarts."""

import json
import random
from collections import defaultdict
from operator import itemgetter
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streaming_sql.aggregates.totals import Average, Sum
from streaming_sql.operators.growing_functions import First, Lag, RowNumber
from streaming_sql.operators.over import OverNode
from streaming_sql.operators.over_frame import Frame
from streaming_sql.operators.over_functions import (
    Accumulated,
    FrameFunction,
    Last,
    Merged,
    SlidingExtreme,
    SlidingFirst,
)
from streaming_sql.types import BOOLEAN, INT, STRING, SqlType

Event = tuple[str, int, int | None]
"""A key, a time, a value."""
DELAY = 4
FRAMES = {
    "rows": Frame(rows=True, preceding=2),
    "one row": Frame(rows=True, preceding=0),
    "range": Frame(rows=False, preceding=6),
    "peers": Frame(rows=False, preceding=0),
    "unbounded rows": Frame(rows=True),
    "unbounded range": Frame(rows=False),
}
BOUNDED = [name for name, frame in FRAMES.items() if frame.preceding is not None]


def functions(frame: Frame) -> tuple[FrameFunction, ...]:
    if frame.preceding is None:
        return First(INT), Last(INT), Lag(INT, 1, -1), RowNumber(), Accumulated(Sum(INT)), Accumulated(Average(INT))
    least, most = SlidingExtreme(INT, greatest=False), SlidingExtreme(INT, greatest=True)
    return SlidingFirst(INT), Last(INT), least, most, Merged(Sum(INT), INT), Merged(Average(INT), INT)


def argument(function: FrameFunction, value: int | None) -> Any:
    """What the planner gives a function: LAG takes NULLs in, ROW_NUMBER counts every row."""
    if isinstance(function, RowNumber):
        return True
    return (value,) if isinstance(function, Lag) else value


def argument_type(function: FrameFunction) -> SqlType:
    if isinstance(function, RowNumber):
        return BOOLEAN
    return SqlType("ROW", fields=(("value", INT),)) if isinstance(function, Lag) else INT


def results(frame: Frame, values: list[int | None]) -> tuple[Any, ...]:
    """Every function over the values of one frame, from the definitions."""
    known = [value for value in values if value is not None]
    first, last = (known[0], known[-1]) if known else (None, None)
    total = sum(known) if known else None
    mean = int(sum(known) / len(known)) if known else None
    if frame.preceding is None:
        return first, last, values[-2] if len(values) > 1 else -1, len(values), total, mean
    return first, last, min(known, default=None), max(known, default=None), total, mean


def node(frame: Frame, *, local: bool) -> OverNode:
    chosen = functions(frame)
    return OverNode(
        name="q/1:over",
        fingerprint="f",
        local=local,
        key=lambda row: (row[0],),
        key_types=(STRING,),
        columns=lambda row: row,
        column_types=(STRING, INT, INT),
        arguments=lambda row: tuple(argument(function, row[2]) for function in chosen),
        argument_types=tuple(argument_type(function) for function in chosen),
        functions=chosen,
        frame=frame,
    )


_events = st.tuples(st.sampled_from("ab"), st.integers(-2, 60), st.none() | st.integers(-9, 9))
_shards = st.lists(st.lists(_events, max_size=25), min_size=1, max_size=3)
_seeds = st.integers(0, 2**32)


class Flink:
    """One key of Flink's operator: what its sources do, with every list searched and every frame computed anew."""

    def __init__(self, frame: Frame) -> None:
        self.frame = frame
        self.rows: list[tuple[int, Event]] = []
        self.timers: set[int] = set()
        self.last = 0
        self.cleanup: int | None = None

    def element(self, event: Event, watermark: int) -> bool:
        time, reach = event[1], self.frame.preceding
        if (time <= watermark) if reach is None else (time <= self.last):
            return False
        self.rows.append((time, event))
        self.timers.add(time)
        if reach is not None and not self.frame.rows and (self.cleanup is None or self.cleanup < time + reach + 1):
            self.cleanup = time + int(reach * 1.5) + 1
            self.timers.add(self.cleanup)
        return True

    def watermark(self, to: int) -> list[tuple[Any, ...]]:
        out = []
        for timer in sorted(self.timers):
            if timer <= to:
                self.timers.discard(timer)
                out += self.timer(timer)
        return out

    def timer(self, time: int) -> list[tuple[Any, ...]]:
        if self.cleanup is not None and self.cleanup <= time:
            self.rows, self.last, self.cleanup = [], 0, None
            return []
        self.last, reach = time, self.frame.preceding
        known = sorted((row for row in self.rows if row[0] <= time), key=itemgetter(0))
        out = []
        for place, (at, event) in enumerate(known):
            if at != time:
                continue
            upto = known[: place + 1] if self.frame.rows else known
            if reach is not None:
                upto = upto[-reach - 1 :] if self.frame.rows else [row for row in upto if time - row[0] <= reach]
            out.append((*event, *results(self.frame, [row[1][2] for row in upto])))
        return out


def by_flink(frame: Frame, events: list[Event]) -> tuple[list[Any], int]:
    """One source, a watermark after every record: the rows, and how many were late."""
    keys: dict[str, Flink] = defaultdict(lambda: Flink(frame))
    out, late, watermark = [], 0, -(10**6)
    for event in events:
        late += not keys[event[0]].element(event, watermark)
        if event[1] - DELAY > watermark:
            watermark = event[1] - DELAY
            for key in keys.values():
                out += key.watermark(watermark)
    for key in keys.values():
        out += key.watermark(10**6)
    return sorted(out, key=repr), late


def by_definition(frame: Frame, shards: list[list[Event]]) -> tuple[list[Any], int]:
    """Rows judged late by their own shard's watermark, the others in order of time, shard and arrival."""
    rows: dict[str, list[tuple[int, str, int, Event]]] = defaultdict(list)
    late = 0
    for name, events in enumerate(shards):
        watermark = -(10**6)
        for place, event in enumerate(events):
            if event[1] > watermark and (event[1] > 0 or frame.preceding is None):
                rows[event[0]].append((event[1], f"shard-{name}", place, event))
            else:
                late += 1
            watermark = max(watermark, event[1] - DELAY)
    out = []
    for known in rows.values():
        flink = Flink(frame)
        flink.rows = [(row[0], row[3]) for row in sorted(known, key=itemgetter(0, 1, 2))]
        for time in sorted({row[0] for row in known}):
            out += flink.timer(time)
    return sorted(out, key=repr), late


class Run:
    """An operator under one random interleaving, with random batches, firings and restarts."""

    def __init__(self, frame: Frame, rng: random.Random, *, local: bool, restarts: bool) -> None:
        self.rng, self.restarts, self.node = rng, restarts, node(frame, local=local)
        self.emitted: list[Any] = []
        self.late = 0
        self.least = -(10**6)
        self.start()

    def start(self) -> None:
        self.operator = self.node.create()
        self.operator.emit = lambda row, time, watermark, shard, change="+I": self.emitted.append((row, shard))
        self.operator.late = self.count_late

    def count_late(self, time: int, watermark: int, bound: int) -> None:
        assert time < bound
        self.late += 1

    def over(self, shards: list[list[Event]]) -> None:
        left = {f"shard-{number}": list(events) for number, events in enumerate(shards)}
        marks = dict.fromkeys(left, -(10**6))
        while any(left.values()):
            name = self.rng.choice([name for name, events in left.items() if events])
            for event in left[name][: self.rng.randrange(1, 6)]:
                left[name].pop(0)
                self.operator.receive(0, event, event[1], marks[name], name)
                marks[name] = max(marks[name], event[1] - DELAY)
            if self.rng.random() < 0.5:
                self.advance(min(marks.values()))
            if self.restarts and self.rng.random() < 0.3:
                self.restart()
        flush = self.operator.flush_time()
        if flush is not None:
            self.advance(max(flush, self.least))
        assert self.operator.flush_time() is None

    def advance(self, now: int) -> None:
        if now > self.least:
            self.operator.advance(self.least, now)
            self.least = now

    def restart(self) -> None:
        parts = json.loads(json.dumps(list(self.operator.snapshot())))
        size = self.operator.size
        self.start()
        self.operator.restore(parts)
        assert self.operator.size == size

    @property
    def rows(self) -> list[Any]:
        return sorted((row for row, _ in self.emitted), key=repr)


@pytest.mark.parametrize("name", FRAMES)
@settings(max_examples=40, deadline=None)
@given(st.lists(_events, max_size=40), _seeds, st.booleans())
def test_one_shard_gives_flinks_rows(name: str, events: list[Event], seed: int, restarts: bool) -> None:
    """Late and very late rows, forgotten keys, ties and NULLs included, whenever the watermark is told."""
    run = Run(FRAMES[name], random.Random(seed), local=True, restarts=restarts)
    run.over([events])
    assert (run.rows, run.late) == by_flink(FRAMES[name], events)


@pytest.mark.parametrize("name", FRAMES)
@settings(max_examples=25, deadline=None)
@given(_shards, _seeds, st.booleans())
def test_keys_of_one_shard_each_give_flinks_rows(
    name: str, shards: list[list[Event]], seed: int, restarts: bool
) -> None:
    """Where a key's rows come from one shard alone, each shard's rows are as if it ran alone."""
    apart = [[(f"{key}{number}", time, value) for key, time, value in events] for number, events in enumerate(shards)]
    run = Run(FRAMES[name], random.Random(seed), local=True, restarts=restarts)
    run.over(apart)
    alone = [by_flink(FRAMES[name], events) for events in apart]
    expected = sorted((row for rows, _ in alone for row in rows), key=repr)
    assert (run.rows, run.late) == (expected, sum(late for _, late in alone))


@pytest.mark.parametrize("name", FRAMES)
@settings(max_examples=25, deadline=None)
@given(_shards, _seeds, st.booleans())
def test_keys_of_several_shards_give_one_result(
    name: str, shards: list[list[Event]], seed: int, restarts: bool
) -> None:
    """Where a key's rows come from several shards, the rows follow from what each shard held alone."""
    run = Run(FRAMES[name], random.Random(seed), local=False, restarts=restarts)
    run.over(shards)
    assert (run.rows, run.late) == by_definition(FRAMES[name], shards)


@pytest.mark.parametrize("local", [True, False])
@pytest.mark.parametrize("name", FRAMES)
@settings(max_examples=10, deadline=None)
@given(_shards, _seeds, _seeds)
def test_rows_come_out_in_one_order(name: str, local: bool, shards: list[list[Event]], one: int, other: int) -> None:
    """Whatever the interleaving and the batches, what follows sees the same rows in the same order."""
    apart = [[(f"{key}{number}", time, value) for key, time, value in events] for number, events in enumerate(shards)]
    runs = [Run(FRAMES[name], random.Random(seed), local=local, restarts=False) for seed in (one, other)]
    for run in runs:
        run.over(apart if local else shards)
    assert runs[0].emitted == runs[1].emitted


@pytest.mark.parametrize("name", BOUNDED)
def test_what_is_held_is_bounded_by_the_frame(name: str) -> None:
    """A million rows would be held no better: after each the operator keeps one frame and what waits."""
    run = Run(FRAMES[name], random.Random(1), local=True, restarts=False)
    sizes = []
    for time in range(1, 2_000):
        run.operator.receive(0, ("a", time, 1), time, time - 1 - DELAY, "shard-0")
        run.advance(time - DELAY)
        sizes.append(run.operator.size)
    assert max(sizes) < 20


def test_a_range_forgets_keys() -> None:
    """One and a half ranges after its last row nothing of a key is left."""
    run = Run(FRAMES["range"], random.Random(1), local=True, restarts=False)
    for number in range(50):
        run.operator.receive(0, (f"key {number}", 10, 1), 10, 0, "shard-0")
    run.advance(19)
    assert run.operator.size == 100
    run.advance(20)
    assert run.operator.size == 0
    assert len(run.emitted) == 50


def test_a_range_forgets_keys_that_came_behind_the_watermark() -> None:
    """A key that begins long behind its shard's watermark goes as soon as that has moved, after a restart too."""
    run = Run(FRAMES["range"], random.Random(1), local=True, restarts=True)
    run.advance(1_000)
    run.operator.receive(0, ("a", 10, 1), 10, 1_005, "shard-0")
    run.restart()
    run.advance(1_005)
    assert run.operator.size == 2
    run.advance(1_010)
    assert [row for row, _ in run.emitted] == [("a", 10, 1, 1, 1, 1, 1, 1, 1)]
    assert run.operator.size == 0
