"""Top-N, windows' top-N and deduplication against plain sorting: any interleaving, any batches, any restarts."""

import json
import random
from collections import defaultdict
from operator import itemgetter
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streaming_sql.nodes import Node
from streaming_sql.operators.deduplicate import DeduplicateNode
from streaming_sql.operators.first_rows import FirstRowsNode
from streaming_sql.operators.ordering import SortColumn, sort_key
from streaming_sql.operators.top_n import TopNNode
from streaming_sql.operators.window_top_n import WindowTopNNode
from streaming_sql.types import INT, STRING

Event = tuple[str, int, int | None, str]
"""A key, a time, a value, a text."""
DELAY = 4
SIZE = 10
_events = st.tuples(st.sampled_from("ab"), st.integers(0, 40), st.none() | st.integers(-3, 3), st.sampled_from("xyz"))
_shards = st.lists(st.lists(_events, max_size=25), min_size=1, max_size=3)
_seeds = st.integers(0, 2**32)
_order = st.lists(st.tuples(st.sampled_from([2, 3]), st.booleans(), st.booleans()), min_size=1, max_size=2)
Order = list[tuple[int, bool, bool]]
"""Of each column its place, whether descending, whether NULLs come last."""
SHARED: dict[str, Any] = {"name": "q/1:rank", "fingerprint": "f", "key": lambda row: (row[0],), "key_types": (STRING,)}
TYPED: dict[str, Any] = {**SHARED, "columns": lambda row: row, "column_types": (STRING, INT, INT, STRING)}


def sorted_rows(rows: list[Event], order: Order) -> list[Event]:
    """By the last column first, each time keeping the order of equal rows: what ORDER BY means."""
    for place, descending, nulls_last in reversed(order):
        known = sorted((row for row in rows if row[place] is not None), key=itemgetter(place), reverse=descending)
        nulls = [row for row in rows if row[place] is None]
        rows = known + nulls if nulls_last else nulls + known
    return rows


def sorting(order: Order) -> Any:
    return sort_key([SortColumn(itemgetter(place), descending, last) for place, descending, last in order])


def top_n(order: Order, first: int, last: int, *, ranked: bool) -> TopNNode:
    return TopNNode(**TYPED, order=sorting(order), first=first, last=last, ranked=ranked)


class Run:
    """An operator under one random interleaving, with random batches, firings and restarts."""

    def __init__(self, node: Node, seed: int, *, restarts: bool) -> None:
        self.node, self.rng, self.restarts = node, random.Random(seed), restarts
        self.changes: list[tuple[str, tuple[Any, ...]]] = []
        self.late = 0
        self.least = -(10**6)
        self.start()

    def start(self) -> None:
        self.operator = self.node.create()
        self.operator.emit = lambda row, time, watermark, shard, change="+I": self.changes.append((change, row))
        self.operator.late = self.count_late

    def count_late(self, time: int, watermark: int, bound: int) -> None:
        assert bound <= watermark + 1
        self.late += 1

    def over(self, shards: list[list[Event]]) -> "Run":
        left = {f"shard-{number}": list(events) for number, events in enumerate(shards)}
        marks = dict.fromkeys(left, -(10**6))
        while any(left.values()):
            name = self.rng.choice([name for name, events in left.items() if events])
            event = left[name].pop(0)
            self.operator.receive(0, event, event[1], marks[name], name)
            marks[name] = max(marks[name], event[1] - DELAY)
            if self.rng.random() < 0.3:
                self.advance(min(marks.values()))
            if self.restarts and self.rng.random() < 0.2:
                self.restart()
        flush = self.operator.flush_time()
        if flush is not None:
            self.advance(max(flush, self.least))
        return self

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

    def table(self, key: Any) -> dict[Any, Any]:
        """What is left of the changes, by the key under which they replace each other."""
        rows: dict[Any, Any] = {}
        for change, row in self.changes:
            assert (key(row) in rows) is (change != "+I"), "only what is there is replaced or taken away"
            if change == "-D":
                assert rows.pop(key(row)) == row
            else:
                rows[key(row)] = row
        return rows

    def rows(self) -> list[Any]:
        """What is left of rows that come and go."""
        rows: list[Any] = []
        for change, row in self.changes:
            assert change != "+U"
            rows.append(row) if change == "+I" else rows.remove(row)
        return sorted(rows, key=repr)


def by_key(shards: list[list[Event]]) -> dict[str, list[Event]]:
    """Each key's rows by shard and arrival."""
    rows: dict[str, list[Event]] = defaultdict(list)
    for events in shards:
        for event in events:
            rows[event[0]].append(event)
    return rows


@settings(max_examples=40, deadline=None)
@given(_shards, _order, st.integers(1, 3), st.integers(0, 3), _seeds, st.booleans())
def test_top_n_with_ranks(
    shards: list[list[Event]], order: Order, first: int, more: int, seed: int, restarts: bool
) -> None:
    """Each rank ends with the row that sorting gives it; ties go to the shard and then the row that came first."""
    run = Run(top_n(order, first, first + more, ranked=True), seed, restarts=restarts).over(shards)
    expected = {}
    for key, rows in by_key(shards).items():
        for rank, row in enumerate(sorted_rows(rows, order)[: first + more], 1):
            if rank >= first:
                expected[key, rank] = (*row, rank)
    assert run.table(lambda row: (row[0], row[4])) == expected


@settings(max_examples=40, deadline=None)
@given(_shards, _order, st.integers(1, 3), st.integers(1, 3), _seeds, st.booleans())
def test_top_n_without_ranks(
    shards: list[list[Event]], order: Order, first: int, more: int, seed: int, restarts: bool
) -> None:
    """What came and did not go is what sorting puts at the wanted ranks."""
    run = Run(top_n(order, first, first + more, ranked=False), seed, restarts=restarts).over(shards)
    expected = [row for rows in by_key(shards).values() for row in sorted_rows(rows, order)[first - 1 : first + more]]
    assert run.rows() == sorted(expected, key=repr)


@settings(max_examples=30, deadline=None)
@given(_shards, _order, st.integers(1, 3), _seeds)
def test_one_rank_is_replaced(shards: list[list[Event]], order: Order, rank: int, seed: int) -> None:
    """Of a single rank each key has one row, replaced when another takes the rank."""
    run = Run(top_n(order, rank, rank, ranked=False), seed, restarts=True).over(shards)
    expected = {key: sorted_rows(rows, order)[rank - 1] for key, rows in by_key(shards).items() if len(rows) >= rank}
    assert run.table(itemgetter(0)) == expected


@settings(max_examples=30, deadline=None)
@given(_shards, _order, st.integers(1, 3), _seeds)
def test_a_condition_takes_away_what_no_longer_fulfils_it(
    shards: list[list[Event]], order: Order, last: int, seed: int
) -> None:
    """With another condition the table is that of the ranks, filtered; what never fulfilled it never came."""
    node = TopNNode(
        **TYPED, order=sorting(order), first=1, last=last, ranked=True, condition=lambda row: (row[2] or 0) > 0
    )
    run = Run(node, seed, restarts=False).over(shards)
    expected = {
        (key, rank): (*row, rank)
        for key, rows in by_key(shards).items()
        for rank, row in enumerate(sorted_rows(rows, order)[:last], 1)
        if (row[2] or 0) > 0
    }
    assert run.table(lambda row: (row[0], row[4])) == expected


def windows(shards: list[list[Event]]) -> tuple[dict[tuple[str, int], list[Event]], int]:
    """The rows of each key and window by shard and arrival, and how many came too late."""
    rows: dict[tuple[str, int], list[Event]] = defaultdict(list)
    late = 0
    for events in shards:
        watermark = -(10**6)
        for event in events:
            end = event[1] // SIZE * SIZE + SIZE
            if end - 1 <= watermark:
                late += 1
            else:
                rows[event[0], end].append(event)
            watermark = max(watermark, event[1] - DELAY)
    return rows, late


def window_end(row: Event) -> int:
    return row[1] // SIZE * SIZE + SIZE


@settings(max_examples=40, deadline=None)
@given(_shards, _order, st.integers(1, 2), st.integers(0, 2), _seeds, st.booleans())
def test_top_n_of_windows(
    shards: list[list[Event]], order: Order, first: int, more: int, seed: int, restarts: bool
) -> None:
    """Every window gives its ranks once, from rows that were not late; nothing is held after the last."""
    node = WindowTopNNode(**TYPED, window_end=window_end, order=sorting(order), first=first, last=first + more)
    run = Run(node, seed, restarts=restarts).over(shards)
    rows, late = windows(shards)
    expected = [
        (*row, rank)
        for known in rows.values()
        for rank, row in enumerate(sorted_rows(known, order)[: first + more], 1)
        if rank >= first
    ]
    assert (run.rows(), run.late) == (sorted(expected, key=repr), late)
    assert run.operator.size == 0


@pytest.mark.parametrize("latest", [False, True])
@settings(max_examples=30, deadline=None)
@given(_shards, _seeds)
def test_deduplication_in_windows(latest: bool, shards: list[list[Event]], seed: int) -> None:
    """The first or last row by time; of rows of one time the first or last to come."""
    order = sort_key([SortColumn(itemgetter(1), latest)])
    node = WindowTopNNode(**TYPED, window_end=window_end, order=order, first=1, last=1, latest=latest)
    run = Run(node, seed, restarts=True).over(shards)
    expected = []
    for known in windows(shards)[0].values():
        by_time = sorted(known, key=itemgetter(1))
        expected.append((*by_time[-1 if latest else 0], 1))
    assert run.rows() == sorted(expected, key=repr)


@pytest.mark.parametrize("last", [False, True])
@settings(max_examples=30, deadline=None)
@given(_shards, _seeds, st.booleans())
def test_deduplication_by_event_time(last: bool, shards: list[list[Event]], seed: int, restarts: bool) -> None:
    """Late rows count; of rows of one time the first stays first and the last becomes last."""
    run = Run(DeduplicateNode(**TYPED, last=last, by_arrival=False), seed, restarts=restarts).over(shards)
    expected = {key: sorted(rows, key=itemgetter(1))[-1 if last else 0] for key, rows in by_key(shards).items()}
    assert run.table(itemgetter(0)) == expected


@settings(max_examples=30, deadline=None)
@given(st.lists(_events, max_size=30), st.integers(1, 2), st.integers(0, 2), _seeds)
def test_by_arrival(events: list[Event], first: int, more: int, seed: int) -> None:
    """The first rows to come are final, and the last row is the last to come."""
    rows = by_key([events])
    node = FirstRowsNode(**SHARED, columns=lambda row: row, first=first, last=first + more)
    expected = [
        (*row, rank) for known in rows.values() for rank, row in enumerate(known[: first + more], 1) if rank >= first
    ]
    assert Run(node, seed, restarts=True).over([events]).rows() == sorted(expected, key=repr)
    last = Run(DeduplicateNode(**TYPED, last=True, by_arrival=True), seed, restarts=True).over([events])
    assert last.table(itemgetter(0)) == {key: known[-1] for key, known in rows.items()}


def test_only_the_wanted_ranks_are_held() -> None:
    """However many rows a key has, n of them are kept."""
    operator = top_n([(2, True, False)], 1, 3, ranked=True).create()
    for number in range(1_000):
        operator.receive(0, ("a", number, number % 7, "x"), number, 0, "shard-0")
    assert operator.size == 1 + 3
