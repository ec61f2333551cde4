"""Window operators against a recomputation from the definition, over interleavings, batches, snapshots and restarts."""

import json
import random
from collections import defaultdict
from operator import itemgetter
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streaming_sql.aggregates import Aggregate
from streaming_sql.aggregates.counting import Count, Extreme
from streaming_sql.aggregates.ordered import ListAgg
from streaming_sql.aggregates.totals import Sum
from streaming_sql.expressions import Expression
from streaming_sql.operators.session_aggregate import SessionAggregateNode
from streaming_sql.operators.window_aggregate import WindowAggregateNode
from streaming_sql.relation import WindowSpec
from streaming_sql.types import BIGINT, STRING
from streaming_sql.watermark import NEVER

DELAY = 4
Event = tuple[str | None, int, int]
"""Key, time and value."""
AGGREGATES = (
    Aggregate(Count()),
    Aggregate(Sum(BIGINT), itemgetter(2)),
    Aggregate(Extreme(BIGINT, greatest=True), itemgetter(2), lambda row: row[2] % 2 == 0),
    Aggregate(ListAgg("-"), lambda row: str(row[2])),
)
PLAIN = AGGREGATES[:3]
_events = st.tuples(st.sampled_from(["a", "b", None]), st.integers(0, 60), st.integers(0, 9))
_shards = st.lists(st.lists(_events, max_size=15), min_size=1, max_size=3)
_seeds = st.integers(0, 2**32)
WINDOWS = {
    "TUMBLE": WindowSpec("TUMBLE", 10, 10),
    "TUMBLE with offset": WindowSpec("TUMBLE", 10, 10, 3),
    "HOP": WindowSpec("HOP", 12, 4),
    "HOP of many slices": WindowSpec("HOP", 30, 3),
    "HOP with offset": WindowSpec("HOP", 12, 4, 1),
    "CUMULATE": WindowSpec("CUMULATE", 12, 3),
    "CUMULATE with offset": WindowSpec("CUMULATE", 12, 3, 5),
}
every_window = pytest.mark.parametrize("spec", WINDOWS.values(), ids=list(WINDOWS))


def windows_of(spec: WindowSpec, time: int) -> list[tuple[int, int]]:
    """Every window [start, end) that holds the time, from the definition."""
    starts: list[tuple[int, int]] = []
    if spec.kind == "CUMULATE":
        start = (time - spec.offset) // spec.size * spec.size + spec.offset
        starts = [(start, start + length) for length in range(spec.slide, spec.size + 1, spec.slide)]
    else:
        last = (time - spec.offset) // spec.slide * spec.slide + spec.offset
        starts = [(start, start + spec.size) for start in range(last, last - spec.size, -spec.slide)]
    return [(start, end) for start, end in starts if start <= time < end]


def values(events: list[Event]) -> tuple[Any, ...]:
    """COUNT(*), SUM(value), MAX(value) FILTER (even)."""
    even = [value for _, _, value in events if value % 2 == 0]
    return len(events), sum(value for _, _, value in events), max(even, default=None)


def recompute(spec: WindowSpec, shards: list[list[Event]], lateness: int = 0) -> tuple[dict[Any, Any], int]:
    """Each window's row by (start, end, key), and how many rows were too late for a window of theirs."""
    groups: dict[Any, list[Event]] = defaultdict(list)
    late = 0
    for events in shards:
        watermark = NEVER
        for event in events:
            missed = False
            for start, end in windows_of(spec, event[1]):
                if end - 1 + lateness <= watermark:
                    missed = True
                else:
                    groups[start, end, event[0]].append(event)
            late += missed
            watermark = max(watermark, event[1] - DELAY)
    return {place: values(held) for place, held in groups.items()}, late


def plain(states: dict[str, Any]) -> dict[str, Any]:
    """States without the order of slices and the number of the last row."""
    return {key: [sorted(part, key=repr) for part in state[:-1]] for key, state in states.items()}


class Run:
    """A node's operator fed by shards in a random interleaving, with random advances, snapshots and restarts."""

    def __init__(self, node: Any, rng: random.Random, *, restarts: bool = False, revises: bool = False) -> None:
        self.node, self.rng, self.restarts, self.revises = node, rng, restarts, revises
        self.rows: dict[Any, Any] = {}
        self.order: list[Any] = []
        self.late = 0
        self.fired = NEVER
        self.stored: dict[str, Any] = {}
        self.operator = self.made()

    def made(self) -> Any:
        operator = self.node.create()
        operator.emit = self.take
        operator.late = self.count
        return operator

    def take(self, row: Any, time: int, watermark: int, shard: str, change: str = "+I", /) -> None:
        place = row[: 2 + len(self.node.keys)]
        assert time == row[1] - 1
        if change == "-D":
            assert self.rows.pop(place) == row[len(place) :]
            return
        assert (place in self.rows) == (change == "+U")
        assert change == "+I" or self.revises
        self.rows[place] = row[len(place) :]
        self.order.append(place)

    def count(self, time: int, watermark: int, bound: int, /) -> None:
        assert bound - 1 <= watermark or self.node.lateness_ms or not self.node.local
        self.late += 1

    def advance(self, now: int) -> None:
        if now > self.fired:
            before, self.fired = self.fired, now
            self.operator.advance(before, now)

    def restart(self) -> None:
        """Store what changed since the last snapshot; rows go on before it is encoded; then begin anew from it."""
        dirty, self.operator.dirty = self.operator.dirty, set()
        for key, state in self.operator.snapshot(dirty):
            if state is None:
                self.stored.pop(json.dumps(key), None)
            else:
                self.stored[json.dumps(key)] = state
        whole = {json.dumps(key): state for key, state in self.operator.snapshot()}
        assert plain(whole) == plain(self.stored)
        self.operator = self.made()
        self.operator.restore((json.loads(key), state) for key, state in json.loads(json.dumps(self.stored)).items())
        self.operator.dirty = set()
        if self.fired != NEVER:
            self.operator.advance(self.fired, self.fired)

    def feed(self, shards: list[list[Event]]) -> None:
        left = {f"shard-{number}": list(events) for number, events in enumerate(shards)}
        marks = dict.fromkeys(left, NEVER)
        while any(left.values()):
            shard = self.rng.choice([name for name, events in left.items() if events])
            for _ in range(self.rng.randrange(1, 5)):
                if left[shard]:
                    row = left[shard].pop(0)
                    self.operator.receive(0, row, row[1], marks[shard], shard)
                    marks[shard] = max(marks[shard], row[1] - DELAY)
            if self.rng.random() < 0.5:
                self.advance(min(marks.values()))
            if self.restarts and self.rng.random() < 0.4:
                self.restart()
        while (end := self.operator.flush_time()) is not None and end > self.fired:
            self.advance(end)
        assert self.operator.size == 0


def window_node(spec: WindowSpec, aggregates: tuple[Aggregate, ...] = PLAIN, **given: Any) -> WindowAggregateNode:
    keys = (Expression(itemgetter(0), STRING),)
    return WindowAggregateNode(name="q/1:w", fingerprint="", window=spec, keys=keys, aggregates=aggregates, **given)


def session_node(gap: int, aggregates: tuple[Aggregate, ...] = PLAIN, **given: Any) -> SessionAggregateNode:
    keys = (Expression(itemgetter(0), STRING),)
    spec = WindowSpec("SESSION", gap, gap)
    return SessionAggregateNode(name="q/1:s", fingerprint="", window=spec, keys=keys, aggregates=aggregates, **given)


@every_window
@settings(max_examples=20, deadline=None)
@given(shards=_shards, seed=_seeds, restarts=st.booleans())
def test_windows_hold_what_the_definition_says(
    spec: WindowSpec, shards: list[list[Event]], seed: int, restarts: bool
) -> None:
    """Every interleaving, batch boundary and restart gives the recomputed rows, each once, and the late rows."""
    run = Run(window_node(spec), random.Random(seed), restarts=restarts)
    run.feed(shards)
    assert (run.rows, run.late) == recompute(spec, shards)


@every_window
@settings(max_examples=20, deadline=None)
@given(shards=_shards, seed=_seeds, restarts=st.booleans(), lateness=st.integers(1, 30))
def test_with_allowed_lateness_the_last_revision_holds_every_row_that_was_not_too_late(
    spec: WindowSpec, shards: list[list[Event]], seed: int, restarts: bool, lateness: int
) -> None:
    """Revisions end with what the definition gives when a window is late only `lateness` after its end."""
    run = Run(window_node(spec, lateness_ms=lateness), random.Random(seed), restarts=restarts, revises=True)
    run.feed(shards)
    assert (run.rows, run.late) == recompute(spec, shards, lateness)


@every_window
@settings(max_examples=15, deadline=None)
@given(shards=_shards, seeds=st.tuples(_seeds, _seeds))
def test_rows_come_in_one_order_and_lists_too(
    spec: WindowSpec, shards: list[list[Event]], seeds: tuple[int, int]
) -> None:
    """Two interleavings emit the same rows in the same order, LISTAGG among them."""
    runs = [Run(window_node(spec, AGGREGATES), random.Random(seed), restarts=True) for seed in seeds]
    for run in runs:
        run.feed(shards)
    assert runs[0].rows == runs[1].rows
    assert runs[0].order == runs[1].order
    assert [(end, start) for start, end, _ in runs[0].order] == sorted((end, start) for start, end, _ in runs[0].order)


@settings(max_examples=20, deadline=None)
@given(shards=_shards, seed=_seeds)
def test_windows_that_rows_carry_are_kept_apart(shards: list[list[Event]], seed: int) -> None:
    """Rows that say their window are grouped by it, overlapping or not, and fire at its end."""
    wide = [[(key, time, value) for key, time, value in events] for events in shards]
    bounds = (lambda row: row[1] // 5 * 5 - row[2], lambda row: row[1] // 5 * 5 + 5)
    run = Run(window_node(WindowSpec("ATTACHED", 0, 0), bounds=bounds), random.Random(seed), restarts=True)
    run.feed(wide)
    groups: dict[Any, list[Event]] = defaultdict(list)
    late = 0
    for events in wide:
        watermark = NEVER
        for event in events:
            start, end = bounds[0](event), bounds[1](event)
            if end - 1 <= watermark:
                late += 1
            else:
                groups[start, end, event[0]].append(event)
            watermark = max(watermark, event[1] - DELAY)
    assert (run.rows, run.late) == ({place: values(held) for place, held in groups.items()}, late)


def chain(events: list[Event], gap: int) -> dict[Any, Any]:
    """The sessions of rows that all count: runs of one key's rows at most `gap` apart."""
    rows: dict[Any, Any] = {}
    for key in {event[0] for event in events}:
        run: list[Event] = []
        for event in [*sorted((one for one in events if one[0] == key), key=itemgetter(1)), None]:
            if run and (event is None or event[1] > run[-1][1] + gap):
                rows[run[0][1], run[-1][1] + gap, key] = values(run)
                run = []
            if event is not None:
                run.append(event)
    return rows


@settings(max_examples=50, deadline=None)
@given(shards=_shards, seed=_seeds, gap=st.integers(1, 12), restarts=st.booleans(), lateness=st.sampled_from([0, 0, 9]))
def test_sessions_over_shards_are_the_runs_of_the_rows_in_time(
    shards: list[list[Event]], seed: int, gap: int, restarts: bool, lateness: int
) -> None:
    """Where shards share keys: rows that their own shard had not passed, and nothing of interleavings."""
    run = Run(session_node(gap, lateness_ms=lateness), random.Random(seed), restarts=restarts, revises=bool(lateness))
    run.feed(shards)
    counted, late = [], 0
    for events in shards:
        watermark = NEVER
        for event in events:
            if event[1] <= watermark - lateness:
                late += 1
            else:
                counted.append(event)
            watermark = max(watermark, event[1] - DELAY)
    assert (run.rows, run.late) == (chain(counted, gap), late)


def flink_sessions(shards: list[list[Event]], gap: int, lateness: int = 0) -> tuple[dict[Any, Any], int]:
    """Flink's MergingWindowSet for each key, its watermark moving on after every row of the one shard."""
    rows: dict[Any, Any] = {}
    late = 0
    for events in shards:
        watermark = NEVER
        held: dict[Any, list[tuple[int, int, list[Event]]]] = defaultdict(list)
        for event in events:
            start, end, members = event[1], event[1] + gap, [event]
            for other in [one for one in held[event[0]] if one[0] <= end and one[1] >= start]:
                held[event[0]].remove(other)
                start, end, members = min(start, other[0]), max(end, other[1]), other[2] + members
            if end - 1 + lateness <= watermark:
                late += 1
            else:
                held[event[0]].append((start, end, members))
            watermark = max(watermark, event[1] - DELAY)
            for key, sessions in held.items():
                for session in [one for one in sessions if one[1] - 1 + lateness <= watermark]:
                    sessions.remove(session)
                    rows[session[0], session[1], key] = values(session[2])
        for key, sessions in held.items():
            rows |= {(start, end, key): values(members) for start, end, members in sessions}
    return rows, late


def dealt(events: list[Event]) -> list[list[Event]]:
    """One shard a key."""
    return [[event for event in events if event[0] == key] for key in ("a", "b", None)]


@settings(max_examples=50, deadline=None)
@given(events=st.lists(_events, max_size=30), seed=_seeds, gap=st.integers(1, 12), restarts=st.booleans())
def test_sessions_of_keys_of_one_shard_follow_flink(events: list[Event], seed: int, gap: int, restarts: bool) -> None:
    """A late row is saved by the open session that it joins, and a session closes at its shard's watermark."""
    shards = dealt(events)
    run = Run(session_node(gap, local=True), random.Random(seed), restarts=restarts)
    run.feed(shards)
    assert (run.rows, run.late) == flink_sessions(shards, gap)


@settings(max_examples=30, deadline=None)
@given(events=st.lists(_events, max_size=30), seed=_seeds, gap=st.integers(1, 12), lateness=st.integers(1, 20))
def test_local_sessions_with_allowed_lateness_end_as_flink_would_without_firing(
    events: list[Event], seed: int, gap: int, lateness: int
) -> None:
    """The last revisions are the sessions of a watermark that lags by the allowed lateness."""
    shards = dealt(events)
    run = Run(session_node(gap, local=True, lateness_ms=lateness), random.Random(seed), restarts=True, revises=True)
    run.feed(shards)
    assert (run.rows, run.late) == flink_sessions(shards, gap, lateness)


@settings(max_examples=20, deadline=None)
@given(shards=_shards, seeds=st.tuples(_seeds, _seeds), gap=st.integers(1, 12))
def test_lists_of_sessions_do_not_depend_on_the_interleaving(
    shards: list[list[Event]], seeds: tuple[int, int], gap: int
) -> None:
    """LISTAGG over sessions that merge differs between no two interleavings, and rows come in one order."""
    runs = [Run(session_node(gap, AGGREGATES), random.Random(seed), restarts=True) for seed in seeds]
    for run in runs:
        run.feed(shards)
    assert runs[0].rows == runs[1].rows
    assert runs[0].order == runs[1].order


def test_a_key_with_thousands_of_open_sessions_costs_no_more_for_each_row() -> None:
    """Rows find their session by bisection: comparisons of one row do not grow with the key's open sessions."""
    looks = 0

    class Counted(int):
        def __lt__(self, other: int) -> bool:
            nonlocal looks
            looks += 1
            return int(self) < other

    operator = session_node(1).create()
    for number in range(5_000):
        operator.receive(0, ("a", number * 10, 1), number * 10, NEVER, "s")
    looks = 0
    operator.receive(0, ("a", 31_415, 1), Counted(31_415), NEVER, "s")
    assert operator.size == 5_001
    assert 0 < looks < 60
