"""Windows against a plain recomputation, over any interleaving of shards, any batches and any restarts."""

import json
import random
from collections import defaultdict
from decimal import ROUND_HALF_UP, Decimal
from fractions import Fraction
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from streaming_sql import Engine, load_program

SCRIPT = """
CREATE TABLE events (`id` STRING, `time` BIGINT, kind STRING, amount DECIMAL(8, 2), level DOUBLE, n INT,
  ts AS TO_TIMESTAMP_LTZ(`time`, 3), WATERMARK FOR ts AS ts - INTERVAL '2' SECOND)
WITH ('connector' = 'kinesis', 'stream' = 'enriched');
CREATE TABLE tumbling (kind STRING, rows_seen BIGINT, amounts BIGINT, total DECIMAL(38, 2), mean DECIMAL(38, 6),
  level_sum DOUBLE, level_mean DOUBLE, least DOUBLE, most INT, mean_n INT, kinds BIGINT, big BIGINT)
WITH ('connector' = 'kinesis', 'stream' = 'aggregates');
CREATE TABLE hopping (kind STRING, rows_seen BIGINT, total DECIMAL(38, 2), ids BIGINT)
WITH ('connector' = 'kinesis', 'stream' = 'aggregates');
INSERT INTO tumbling SELECT kind, COUNT(*), COUNT(amount), SUM(amount), AVG(amount), SUM(level), AVG(level), MIN(level),
  MAX(n), AVG(n), COUNT(DISTINCT amount), COUNT(*) FILTER (WHERE amount > 50 OR n IS NULL)
FROM TABLE(TUMBLE(TABLE events, DESCRIPTOR(ts), INTERVAL '10' SECOND)) WHERE kind <> 'noise'
GROUP BY window_start, window_end, kind;
INSERT INTO hopping SELECT kind, COUNT(*), SUM(amount), COUNT(DISTINCT id)
FROM TABLE(HOP(TABLE events, DESCRIPTOR(ts), INTERVAL '4' SECOND, INTERVAL '12' SECOND))
GROUP BY window_start, window_end, kind HAVING COUNT(*) > 1;
"""
PROGRAM = load_program({"windows.sql": SCRIPT})
Event = dict[str, Any]

_cents = st.integers(-99_999, 99_999).map(lambda cents: Decimal(cents).scaleb(-2))
_events = st.fixed_dictionaries(
    {
        "id": st.sampled_from("pqrst"),
        "time": st.integers(0, 45_000),
        "kind": st.sampled_from(["a", "b", "noise", None]),
        "amount": st.none() | _cents,
        "level": st.none() | st.floats(-1e12, 1e12),
        "n": st.none() | st.integers(-1000, 1000),
    }
)
_shards = st.lists(st.lists(_events, max_size=12), min_size=1, max_size=3)


def encode(event: Event) -> bytes:
    amount = event["amount"]
    text = json.dumps({**event, "amount": None if amount is None else "#"})
    return text.replace('"#"', str(amount)).encode()


def recompute(shards: list[list[Event]]) -> tuple[dict[Any, Any], set[tuple[str, str, int]]]:
    """Every window's row, and the late events, from the definitions alone."""
    groups: dict[Any, list[Event]] = defaultdict(list)
    late = set()
    for events in shards:
        watermark = -(10**9)
        for place, event in enumerate(events):
            for query, size, slide in (("tumbling", 10_000, 10_000), ("hopping", 12_000, 4_000)):
                if query == "tumbling" and event["kind"] in ("noise", None):
                    continue
                first = event["time"] // slide * slide + slide
                for end in range(first, first + size, slide):
                    if end - 1 <= watermark:
                        late.add((query, f"{id(events)}/{place}", 0))
                    else:
                        groups[query, end, event["kind"]].append(event)
            watermark = max(watermark, event["time"] - 2_000)
    rows = {}
    for (query, end, kind), events in groups.items():
        if query == "tumbling":
            rows[query, end, kind] = tumbling(events)
        elif len(events) > 1:
            amounts = [event["amount"] for event in events if event["amount"] is not None]
            total = sum(amounts, Decimal(0)) if amounts else None
            rows[query, end, kind] = (len(events), total, len({event["id"] for event in events}))
    return rows, late


def tumbling(events: list[Event]) -> tuple[Any, ...]:
    amounts = [event["amount"] for event in events if event["amount"] is not None]
    levels = [event["level"] for event in events if event["level"] is not None]
    numbers = [event["n"] for event in events if event["n"] is not None]
    exact = sum((Fraction(level) for level in levels), Fraction(0))
    mean = None
    if amounts:
        mean = (sum(amounts, Decimal(0)) / len(amounts)).quantize(Decimal("0.000001"), ROUND_HALF_UP)
    return (
        len(events),
        len(amounts),
        sum(amounts, Decimal(0)) if amounts else None,
        mean,
        float(exact) if levels else None,
        float(exact) / len(levels) if levels else None,  # as Flink divides: the sum is rounded first
        min(levels, default=None),
        max(numbers, default=None),
        int(Fraction(sum(numbers), len(numbers))) if numbers else None,
        len(set(amounts)),
        sum((event["amount"] is not None and event["amount"] > 50) or event["n"] is None for event in events),
    )


def run(shards: list[list[Event]], rng: random.Random, *, restarts: bool = False) -> tuple[dict[Any, Any], int]:
    """The engine's rows under one random interleaving, with random batches, firings and restarts."""
    engine = Engine(PROGRAM)
    names = [f"shard-{number}" for number in range(len(shards))]
    for name in names:
        engine.open_shard(name)
    left = {name: [encode(event) for event in events] for name, events in zip(names, shards, strict=True)}
    rows: dict[Any, Any] = {}
    late = 0
    while any(left.values()):
        name = rng.choice([name for name, records in left.items() if records])
        count = rng.randrange(1, 5)
        late += len(engine.apply(name, left[name][:count]).late)
        left[name] = left[name][count:]
        if rng.random() < 0.4:
            collect(engine, rows)
        if restarts and rng.random() < 0.3:
            snapshot = json.loads(json.dumps(engine.snapshot()))
            engine = Engine(PROGRAM)
            assert engine.restore(snapshot) == []
    engine.finish()
    collect(engine, rows)
    assert engine.group_count == 0
    return rows, late


def collect(engine: Engine, rows: dict[Any, Any]) -> None:
    for fired in engine.advance():
        place = (fired.query, fired.window_end, fired.key["kind"])
        assert place not in rows, "a window fires once"
        rows[place] = tuple(fired.values.values())


@settings(max_examples=150, deadline=None)
@given(_shards, st.integers(0, 2**32))
def test_any_interleaving_and_batches_give_the_recomputed_rows(shards: list[list[Event]], seed: int) -> None:
    """For a fixed assignment of records to shards there is one result, late records included, and it is exact."""
    expected, late = recompute(shards)
    assert run(shards, random.Random(seed)) == (expected, len(late))


@settings(max_examples=100, deadline=None)
@given(_shards, st.integers(0, 2**32))
def test_restoring_any_snapshot_changes_nothing(shards: list[list[Event]], seed: int) -> None:
    """An engine restored from its own snapshot, as often as may be, gives the rows of one that never stopped."""
    expected, late = recompute(shards)
    assert run(shards, random.Random(seed), restarts=True) == (expected, len(late))


@settings(max_examples=80, deadline=None)
@given(st.lists(_events, max_size=25), st.integers(1, 4), st.integers(0, 2**32))
def test_without_late_records_the_assignment_does_not_matter(events: list[Event], count: int, seed: int) -> None:
    """Records in order of time give the same rows on one shard as dealt out over any number of shards."""
    events.sort(key=lambda event: event["time"])
    rng = random.Random(seed)
    dealt: list[list[Event]] = [[] for _ in range(count)]
    for event in events:
        rng.choice(dealt).append(event)
    expected = recompute([events])
    assert expected[1] == set()
    assert run(dealt, rng) == (expected[0], 0)
