"""A whole snapshot and the changes after it are the state, however the commits fall."""

import json
import random
from typing import Any

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from aggregator.duplicates import SeenEvents
from aggregator.pipelines import load_pipelines
from aggregator.state import Chain, State, decode_state
from shardline import Record, ShardLease
from streaming_sql import Engine

PROGRAM = load_pipelines(
    {
        "spend.sql": """
CREATE TABLE events (`id` STRING, `time` BIGINT, card STRING, amount DECIMAL(12, 2),
  ts AS TO_TIMESTAMP_LTZ(`time`, 3), WATERMARK FOR ts AS ts - INTERVAL '2' SECOND)
WITH ('connector' = 'kinesis', 'stream' = 'enriched');
CREATE TABLE spend (card STRING, n BIGINT, total DECIMAL(38, 2), ids BIGINT)
WITH ('connector' = 'kinesis', 'stream' = 'aggregates');
CREATE TABLE velocity (card STRING, n BIGINT)
WITH ('connector' = 'kinesis', 'stream' = 'alerts', 'severity' = 'high');
INSERT INTO spend SELECT card, COUNT(*), SUM(amount), COUNT(DISTINCT id)
FROM TABLE(TUMBLE(TABLE events, DESCRIPTOR(ts), INTERVAL '10' SECOND)) GROUP BY window_start, window_end, card;
INSERT INTO velocity SELECT card, COUNT(*)
FROM TABLE(HOP(TABLE events, DESCRIPTOR(ts), INTERVAL '5' SECOND, INTERVAL '15' SECOND))
GROUP BY window_start, window_end, card;"""
    }
)
LEASE = ShardLease("enriched", "0")


def record(number: int, rng: random.Random) -> Record:
    time = max(0, number * 700 - rng.choice((0, 300, 1_500, 9_000)))
    event = {"id": f"e{number}", "time": time, "card": rng.choice("xyz"), "amount": rng.randrange(1, 9_999) / 100}
    return Record(str(number + 1), "key", json.dumps(event).encode())


def whole(state: State) -> dict[str, Any]:
    """The state's content, whatever order its parts are in."""
    found = msgspec.json.decode(state.capture().encode())
    for operator in found["engine"]["operators"].values():
        operator["keys"] = _sorted(operator["keys"])
    return dict(found)


def _sorted(value: Any) -> Any:
    return sorted(map(_sorted, value), key=json.dumps) if isinstance(value, list) else value


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**32), st.integers(1, 40))
def test_a_chain_of_snapshots_restores_the_state(seed: int, commits: int) -> None:
    """Rows counted in between, windows fired between, encoded only after more rows: the restored state is equal."""
    rng = random.Random(seed)
    seen = SeenEvents(30_000)
    state = State(Engine(PROGRAM), seen)
    state.begin_shard(LEASE)
    chain: list[bytes] = []
    number = 0
    for commit in range(commits):
        for _ in range(rng.randrange(5)):
            state.apply(LEASE, [record(number, rng)])
            number += 1
        state.engine.advance()
        captured = state.capture(changes=bool(commit))
        expected = whole(State(*_copy(state))) if commit == commits - 1 else None
        state.apply(LEASE, [record(number, rng)])
        number += 1
        chain.append(captured.encode())
    restored, discarded = decode_state(chain, PROGRAM, SeenEvents(30_000))
    assert discarded == []
    assert whole(restored) == expected


def _copy(state: State) -> tuple[Any, ...]:
    """A state of its own that equals this one."""
    engine = Engine(PROGRAM)
    engine.restore(json.loads(json.dumps(state.engine.snapshot())))
    seen = SeenEvents(30_000)
    seen.restore(state.seen.capture())
    return engine, seen, dict(state.positions), set(state.ended), state.outbox


def test_a_chain_is_renewed_before_it_costs_more_than_the_state() -> None:
    """A restart reads at most the state, as much again in changes, and one commit more; and never over 61 objects."""
    chain = Chain()
    assert chain.wants_whole
    chain = chain.followed_by(1_000, whole=True)
    for _ in range(10):
        assert not chain.wants_whole
        chain = chain.followed_by(101, whole=False)
    assert chain.wants_whole
    chain = Chain(10**9)
    for _ in range(60):
        chain = chain.followed_by(1, whole=False)
    assert chain.wants_whole
