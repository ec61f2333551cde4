"""Operators that hold few keys, the others on a shelf, give what operators give that hold all of them."""

import json
import random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from memory_shelf import MemoryShelf, memory_bound
from sql_constructs import BY_EVENT_TIME, LATE, QUERIES, Arrived, event, program, rows_of

from streaming_sql import Engine, Program, merged_state
from streaming_sql.operators.shelf import Bound, Evictable

STAY = {"over arrival", "over arrival range", "session of all", "window of windows"}
"""Those that stay in memory, and those that have too few keys to put any down."""


def keys_of(engine: Engine) -> dict[str, list[str]]:
    """The keys of each operator's state. What is kept of a key may differ: slices merged now or later, say.

    So may when an OVER window forgets a key: some time after the last row that matters.
    """
    operators = engine.snapshot()["operators"]
    return {
        name: sorted(json.dumps(key).replace("-0.0", "0.0") for key, _ in operator["keys"])
        for name, operator in operators.items()
        if not name.endswith(":over")
    }


def continued(made: Program, chain: list[dict[str, Any]], bound: Bound | None) -> Engine:
    engine = Engine(made, bound=bound)
    assert engine.restore(merged_state(chain)) == []
    return engine


@pytest.mark.parametrize("name", QUERIES)
@settings(max_examples=8, deadline=None)
@given(
    st.integers(0, 2**32),
    st.integers(1, 3),
    st.booleans(),
    st.booleans(),
    st.sampled_from(["0 ms", "4 s"]),
    st.integers(1, 5),
)
def test_the_rows_are_those_without_a_bound(
    name: str, seed: int, count: int, local: bool, late: bool, ttl: str, keys: int
) -> None:
    """At every advance, after a restart from a chain of changes, and when all that is open ends."""
    rng = random.Random(seed)
    ttl = "0 ms" if name in BY_EVENT_TIME and not (local and count == 1) else ttl
    made = program(name, local=local, late=late and name in LATE, ttl=ttl)
    plain, bounded = Engine(made), Engine(made, bound=memory_bound(keys))
    shards = [f"{stream}-{number}" for stream in ("pays", "logins") for number in range(count)]
    shards = [shard for shard in shards if any(scan.stream == shard.split("-")[0] for scan in made.sources)]
    for engine in (plain, bounded):
        for shard in shards:
            engine.open_shard(shard, shard.split("-")[0])
    chain = [bounded.snapshot()]
    turns = rng.randrange(20, 80)

    def turn(number: int, *engines: Engine) -> None:
        data, shard, fires = event(number, rng), rng.choice(shards), rng.random() < 0.5
        late_ones = [engine.apply(shard, [data], [Arrived(number)]).late for engine in engines]
        assert all(each == late_ones[0] for each in late_ones)
        if fires:
            first, *others = [rows_of(engine) for engine in engines]
            assert all(other == first for other in others), number

    for number in range(turns):
        turn(number, plain, bounded)
        if rng.random() < 0.3:
            chain.append(json.loads(bounded.capture(changes=True).encode()))
    assert rows_of(bounded) == rows_of(plain)
    chain.append(json.loads(bounded.capture(changes=True).encode()))
    assert keys_of(bounded) == keys_of(plain)
    again = [continued(made, chain, memory_bound(keys)), continued(made, chain, None)]
    assert keys_of(again[0]) == keys_of(again[1])
    engines = again if late and name in LATE else [*again, bounded, plain]
    for number in range(turns, turns + 40):
        turn(number, *engines)
    while ends := [engine.finish() for engine in engines]:
        assert all(end is ends[0] for end in ends)
        first, *others = [rows_of(engine) for engine in engines]
        assert all(other == first for other in others)
        if not ends[0]:
            break


@pytest.mark.parametrize("name", [name for name in QUERIES if name not in STAY])
def test_keys_are_put_down_and_come_back(name: str) -> None:
    """The bound holds: no more keys than it says are in the operators, and those on the shelf are used again."""
    rng = random.Random(3)
    made = program(name, local=True, late=False, ttl="0 ms")
    shelves: list[MemoryShelf] = []
    engine = Engine(made, bound=memory_bound(3, shelves))
    for scan in made.sources:
        engine.open_shard(f"{scan.stream}-0", scan.stream)
    for number in range(150):
        engine.apply(f"{rng.choice(made.sources).stream}-0", [event(number, rng)], [Arrived(number)])
        engine.advance()
    assert sum(shelf.put_down for shelf in shelves) > 20
    assert sum(shelf.taken_back for shelf in shelves) > 5
    assert any(map(len, shelves)) or name.startswith(("match", "over range", "temporal"))


def test_which_operators_stay_in_memory() -> None:
    """All that keep state by key can put it down, but for those told here."""
    stay = {
        type(node.create()).__name__
        for name in QUERIES
        for node in program(name, local=True, late=False, ttl="0 ms").nodes
        if node.key_origins and not isinstance(node.create(), Evictable)
    }
    assert stay == {"OverArrival"}
