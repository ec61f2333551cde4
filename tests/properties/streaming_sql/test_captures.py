"""Captures as they are meant to be used: changes after a whole one, encoded later, whatever happened in between."""

import json
import random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sql_constructs import BY_EVENT_TIME, LATE, QUERIES, TABLES, Arrived, event, program, rows_of

from streaming_sql import Captured, Engine, Program, load_program, merged_state


def canonical(state: dict[str, Any]) -> dict[str, Any]:
    """Without what depends on the order in which keys and their slices came, and without the sign of zero in keys."""
    operators = {
        name: sorted(
            (json.dumps(key).replace("-0.0", "0.0"), json.dumps(_sorted(held))) for key, held in operator["keys"]
        )
        for name, operator in state["operators"].items()
    }
    return {**state, "operators": operators}


def _sorted(value: Any) -> Any:
    return sorted(map(_sorted, value), key=json.dumps) if isinstance(value, list) else value


def continued(made: Program, chain: list[Captured]) -> Engine:
    engine = Engine(made)
    assert engine.restore(merged_state([json.loads(part.encode()) for part in chain])) == []
    return engine


@pytest.mark.parametrize("name", QUERIES)
@settings(max_examples=12, deadline=None)
@given(st.integers(0, 2**32), st.integers(1, 3), st.booleans(), st.booleans(), st.sampled_from(["0 ms", "4 s"]))
def test_a_chain_of_captures_is_the_state(name: str, seed: int, count: int, local: bool, late: bool, ttl: str) -> None:
    """After every record changes are captured, none encoded before the end: the state is one that was never watched.

    From there on, both engines give the same rows for the same records.
    """
    rng = random.Random(seed)
    revises = late and name in LATE
    made = program(
        name, local=local, late=revises, ttl="0 ms" if name in BY_EVENT_TIME and not (local and count == 1) else ttl
    )
    watched, plain = Engine(made), Engine(made)
    shards = [f"{stream}-{number}" for stream in ("pays", "logins") for number in range(count)]
    shards = [shard for shard in shards if any(scan.stream == shard.split("-")[0] for scan in made.sources)]
    for engine in (watched, plain):
        for shard in shards:
            engine.open_shard(shard, shard.split("-")[0])
    chain = [watched.capture()]
    turns = rng.randrange(1, 60)

    def turn(number: int, *engines: Engine) -> None:
        data, shard, fires = event(number, rng), rng.choice(shards), rng.random() < 0.5
        for engine in engines:
            engine.apply(shard, [data], [Arrived(number)])
        if fires:
            first, *others = [rows_of(engine) for engine in engines]
            assert all(other == first for other in others), number

    for number in range(turns):
        turn(number, watched, plain)
        if rng.random() < 0.8:
            chain.append(watched.capture(changes=True))
    assert rows_of(watched) == rows_of(plain)
    chain.append(watched.capture(changes=True))
    for number in range(turns, turns + 5):
        turn(number, watched)
    restored, again = continued(made, chain), continued(made, [plain.capture()])
    assert canonical(restored.snapshot()) == canonical(again.snapshot())
    # A restart gives out at once what late rows revised, and plain waits for the watermark: other rows, one table.
    engines = (restored, again) if revises else (restored, again, plain)
    for number in range(turns, turns + 40):
        turn(number, *engines)
    while sum(engine.finish() for engine in engines):
        first, *others = [rows_of(engine) for engine in engines]
        assert all(other == first for other in others)


def test_keys_that_are_equal_are_one_in_a_chain() -> None:
    """0.0 and -0.0 are one key of an operator, so what a change says of either replaces what was known of both."""
    query = (
        "SELECT ratio, amount FROM (SELECT *, ROW_NUMBER() OVER (PARTITION BY ratio ORDER BY ts DESC) AS place "
        "FROM pays) WHERE place = 1"
    )
    text = TABLES.format(options="", columns="ratio DOUBLE, amount INT", ttl="0 ms")
    made = load_program({"q.sql": text + f"INSERT INTO found {query};"})
    engine = Engine(made)
    engine.open_shard("pays-0", "pays")
    chain = [engine.capture()]
    for number, ratio in enumerate(("0.0", "-0.0", "0.0")):
        engine.apply("pays-0", [f'{{"id":"a","time":{number},"ratio":{ratio},"amount":{number}}}'.encode()])
        chain.append(engine.capture(changes=True))
    assert canonical(continued(made, chain).snapshot()) == canonical(engine.snapshot())
