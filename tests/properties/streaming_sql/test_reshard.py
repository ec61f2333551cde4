"""A shard's state split and merged: what comes out is what one engine that never stopped gives."""

import json
import random
from collections import Counter
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from memory_shelf import memory_bound
from sql_constructs import QUERIES, TABLES, WINDOW, grouped, rows_of

from streaming_sql import Engine, HashRange, Program, ResultRow, StateError, hash_key, inherit, load_program
from streaming_sql.operators.shelf import Bound
from streaming_sql.partition import HASH_KEYS
from streaming_sql.reshard import partition_text

OVER_ALL = {"session of all", "window of windows", "by double and decimal"}
"""Their keys do not include the partition key."""
HOP = "TABLE(HOP(TABLE pays, DESCRIPTOR(ts), INTERVAL '4' SECOND, INTERVAL '12' SECOND))"
ALERTS = {
    "alerts of windows": (
        f"SELECT window_start, window_end, card, COUNT(*) FROM {HOP} GROUP BY window_start, window_end, card "
        "HAVING COUNT(*) > 1",
        WINDOW + "card STRING, n BIGINT",
    ),
    "alerts of rows": ("SELECT id, card, amount FROM pays WHERE amount > 20", "id STRING, card STRING, amount INT"),
}
MORE = {
    "windows of windows of a key": (
        WINDOW + "card STRING, n BIGINT, total DOUBLE",
        "SELECT window_start, window_end, card, COUNT(*), SUM(mean) FROM (SELECT window_start, window_end, card, "
        f"amount, AVG(ratio) AS mean FROM {HOP} GROUP BY window_start, window_end, card, amount) "
        "GROUP BY window_start, window_end, card",
    ),
    "over windows": (
        "card STRING, n BIGINT, most BIGINT",
        "SELECT card, n, MAX(n) OVER (PARTITION BY card ORDER BY t) FROM (SELECT window_time AS t, card, COUNT(*) "
        f"AS n FROM {HOP} GROUP BY window_start, window_end, window_time, card)",
    ),
    "session of parts": grouped("SESSION(TABLE pays PARTITION BY card, DESCRIPTOR(ts), INTERVAL '3' SECOND)"),
}
LOCAL = {**{name: query for name, query in QUERIES.items() if name not in OVER_ALL}, **MORE}


def program(name: str, *, late: bool = False, ttl: str = "0 ms") -> Program:
    """Both tables read one stream, which is partitioned by the card."""
    options = ", 'partition-key' = 'card'" + (", 'allowed-lateness' = '6 s'" if late else "")
    query, columns = ALERTS.get(name) or LOCAL[name][::-1]
    text = TABLES.format(options=options, columns=columns, ttl=ttl).replace("'stream' = 'logins'", "'stream' = 'pays'")
    if name in ALERTS:
        alert = (
            "'stream' = 'aggregates', 'alert.key' = 'card', 'alert.resolve-after' = '3 s', 'alert.dedup-window' = '5 s'"
        )
        text = text.replace("'stream' = 'aggregates'", alert)
    made = load_program({"q.sql": text + f"INSERT INTO found {query};"})
    assert all(node.partition_place is not None for node in made.nodes if node.key_origins)
    return made


class Record:
    """A record, and how it came."""

    def __init__(self, number: int, time: int, card: str | None, rng: random.Random) -> None:
        fields: dict[str, Any] = {"id": f"e{number}", "time": time, "card": card}
        fields["amount"] = rng.choice((None, *range(0, 100, 7)))
        fields["price"] = rng.choice((None, "1.50", 0, "0.10", "-3.25"))
        fields["ratio"] = rng.choice((None, 0.1, -0.0, 1e300, -1e300, 3, 0.30000000000000004))
        self.data = json.dumps(fields).encode()
        self.arrived = number * 700
        self.sequence_number = str(number)
        self.partition_key = partition_text(card)


def records(rng: random.Random, phases: int) -> list[list[Record]]:
    """Phases of records of which none is late, with silence between: whatever a shard sees of them, none is there.

    A phase begins with cards of its own, so that each shard's watermark knows that time has gone on before the cards
    of the phase before come again.
    """
    made: list[list[Record]] = []
    number, time = 0, 20_000
    for phase in range(phases):
        cards = [f"new-{phase}-{each}" for each in range(8)]
        cards += rng.choices(("x", "y", "z", None, f"n{phase}", *"abcdef"), k=rng.randrange(20, 60))
        made.append([])
        for card in cards:
            number, time = number + 1, time + rng.choice((0, 100, 350))
            made[-1].append(Record(number, time - rng.choice((0, 0, 300, 900)), card, rng))
        time += 100_000
    return made


def apply(engine: Engine, shard: str, wanted: list[Record], rng: random.Random, out: list[str]) -> None:
    """Some records at a time, now and then letting time fire what is due."""
    place = 0
    while place < len(wanted):
        some = wanted[place : place + rng.choice((1, 2, 7))]
        applied = engine.apply(shard, [record.data for record in some], some)
        assert not applied.malformed
        assert not applied.late, "the inputs are meant to have no late record"
        place += len(some)
        if rng.random() < 0.5:
            out += rows_of(engine)
    out += rows_of(engine)


def opened(made: Program, shard: str) -> Engine:
    engine = Engine(made, of_one_shard=True)
    engine.open_shard(shard)
    return engine


def heir(
    made: Program, parents: list[Engine], shard: str, hashes: HashRange, out: list[str], bound: Bound | None = None
) -> Engine:
    """The engine of a child, made from what its parents' snapshots say."""
    taken = inherit(made, [json.loads(parent.capture().encode()) for parent in parents], shard, hashes)
    engine = Engine(made, of_one_shard=True, bound=bound)
    assert engine.restore(taken.state) == []
    assert engine.shards == {shard}
    out += [text(row) for row in taken.rows]
    return engine


def text(row: ResultRow) -> str:
    return json.dumps([row.change, row.window_start, row.window_end, row.time, row.values], default=str) + json.dumps(
        row.key, default=str
    ).replace("-0.0", "0.0")


def finished(engine: Engine, out: list[str]) -> None:
    while engine.finish():
        out += rows_of(engine)


@pytest.mark.parametrize("name", [*LOCAL, *ALERTS])
@settings(max_examples=8, deadline=None)
@given(st.integers(0, 2**32), st.sampled_from([False, True]), st.sampled_from(["0 ms", "30 s"]))
def test_a_shard_that_is_split_and_merged_gives_what_one_gives(name: str, seed: int, late: bool, ttl: str) -> None:
    """A parent is split at a random hash, its children go on with the records of their ranges, and are merged again.

    The parent's end may be known to its state or not, and either child may stand behind the other. All rows together,
    changes of revised results included, are those of one engine that read everything; also where children hold one key.
    """
    rng = random.Random(seed)
    bound = rng.choice((None, memory_bound(1)))
    made = program(name, late=late and name in {"tumble", "hop", "cumulate", "session"}, ttl=ttl)
    phases = records(rng, 3)
    apart = sorted(hash_key(f"new-1-{each}") for each in range(8))
    place = rng.randrange(apart[0] + 1, apart[-1] + 1)
    ranges = (HashRange(0, place - 1), HashRange(place, HASH_KEYS - 1))
    whole, parent = opened(made, "parent"), opened(made, "parent")
    expected: list[str] = []
    found: list[str] = []
    for phase in phases:
        apply(whole, "parent", phase, rng, expected)
    finished(whole, expected)

    cut = rng.randrange(len(phases[0]))
    apply(parent, "parent", phases[0][:cut], rng, found)
    if rng.random() < 0.5:
        parent.close_shard("parent", ["left", "right"])
    children = [
        heir(made, [parent], shard, hashes, found, bound)
        for shard, hashes in zip(("left", "right"), ranges, strict=True)
    ]
    joined = rng.randrange(9, len(phases[1]))
    for child, shard, hashes in zip(children, ("left", "right"), ranges, strict=True):
        mine = [record for record in (*phases[0][cut:], *phases[1][:joined]) if hashes.holds(record.partition_key)]
        apply(child, shard, mine, rng, found)
    merged = heir(made, rng.sample(children, 2), "merged", HashRange(), found, bound)
    apply(merged, "merged", [*phases[1][joined:], *phases[2]], rng, found)
    finished(merged, found)
    assert Counter(found) == Counter(expected)


@pytest.mark.parametrize("name", ["hop", "session", "match", "top 2", "interval join", "alerts of windows"])
def test_children_have_each_key_once(name: str) -> None:
    """Every key of the parent is in one child alone, and both together are the parent."""
    rng = random.Random(7)
    made = program(name)
    parent = opened(made, "parent")
    apply(parent, "parent", records(rng, 1)[0], rng, [])
    state = parent.snapshot()
    parts = [
        inherit(made, [state], "c", hashes).state for hashes in (HashRange(0, 1 << 127), HashRange((1 << 127) + 1))
    ]
    for operator, held in state["operators"].items():
        shares = [part["operators"].get(operator, {"keys": []})["keys"] for part in parts]
        assert sorted(map(json.dumps, held["keys"])) == sorted(map(json.dumps, [*shares[0], *shares[1]]))
        assert all(shares), "the hashes are meant to divide the keys"


def test_what_is_not_kept_by_the_partition_key_cannot_be_split() -> None:
    """A state of keys that come from anywhere is refused, not halved."""
    made = load_program(
        {
            "q.sql": TABLES.format(options="", columns=WINDOW + "n BIGINT", ttl="0 ms")
            + "INSERT INTO found SELECT window_start, window_end, COUNT(*) FROM TABLE(TUMBLE(TABLE pays, "
            "DESCRIPTOR(ts), INTERVAL '10' SECOND)) GROUP BY window_start, window_end;"
        }
    )
    engine = opened(made, "parent")
    engine.apply("parent", [b'{"id":"a","time":1000}'])
    with pytest.raises(StateError, match="without the partition key"):
        inherit(made, [engine.snapshot()], "child", HashRange())


def test_integers_are_hashed_by_their_digits() -> None:
    """A numeric column's text is what the producer wrote, if it wrote plain digits."""
    assert [partition_text(value) for value in (17, -3, "017", None)] == ["17", "-3", "017", ""]
    assert hash_key("1") == 0xC4CA4238A0B923820DCC509A6F75849B
