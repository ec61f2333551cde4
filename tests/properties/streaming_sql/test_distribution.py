"""One program over many tasks gives what one engine over all shards gives, whatever happens on the way."""

import json
import random
from typing import Any

import pytest
from distributed import Exchange, Inputs, Table, run_single
from hypothesis import given, settings
from hypothesis import strategies as st

from streaming_sql import Program, load_program

TABLES = """
CREATE TABLE pays (`id` STRING, `time` BIGINT, card STRING, shop STRING, amount INT, price DOUBLE,
  ts AS TO_TIMESTAMP_LTZ(`time`, 3), proc AS PROCTIME(), came_from STRING METADATA FROM 'shard-id',
  WATERMARK FOR ts AS ts - INTERVAL '2' SECOND)
WITH ('connector' = 'kinesis', 'stream' = 'events'{options});
CREATE TABLE logins (`id` STRING, `time` BIGINT, card STRING, shop STRING,
  ts AS TO_TIMESTAMP_LTZ(`time`, 3), WATERMARK FOR ts AS ts - INTERVAL '1' SECOND,
  PRIMARY KEY (card) NOT ENFORCED)
WITH ('connector' = 'kinesis', 'stream' = '{logins}'{options});
CREATE TABLE shops (shop STRING, city STRING, PRIMARY KEY (shop) NOT ENFORCED)
WITH ('connector' = 'filesystem', 'path' = 'shops', 'format' = 'json');
"""
SHOPS = b'{"shop": "a", "city": "Ulm"}\n{"shop": "b", "city": "Bonn"}\n'
FUNCTIONS = (
    "COUNT(*), COUNT(DISTINCT id), SUM(amount), SUM(price), AVG(price), MIN(amount), MAX(price), STDDEV_SAMP(price), "
    "APPROX_COUNT_DISTINCT(id), COUNT(*) FILTER (WHERE amount > 50), PERCENTILE(amount, 0.5)"
)
FUNCTION_COLUMNS = (
    "n BIGINT, d BIGINT, s INT, p DOUBLE, a DOUBLE, low INT, high DOUBLE, dev DOUBLE, ad BIGINT, f BIGINT, q DOUBLE"
)
BOUNDS = "window_start TIMESTAMP(3), window_end TIMESTAMP(3)"


def grouped(window: str, keys: str, *, functions: str = FUNCTIONS, columns: str = FUNCTION_COLUMNS) -> tuple[str, str]:
    names = "".join(f", {key}" for key in keys.split())
    declared = "".join(f", {key} STRING" for key in keys.split())
    return (
        f"{BOUNDS}{declared}, {columns}",
        f"SELECT window_start, window_end{names}, {functions} FROM TABLE({window}) "
        f"GROUP BY window_start, window_end{names}",
    )


TUMBLE = "TUMBLE(TABLE pays, DESCRIPTOR(ts), INTERVAL '10' SECOND)"
HOP = "HOP(TABLE pays, DESCRIPTOR(ts), INTERVAL '4' SECOND, INTERVAL '12' SECOND)"
CUMULATE = "CUMULATE(TABLE pays, DESCRIPTOR(ts), INTERVAL '3' SECOND, INTERVAL '12' SECOND)"
SESSION = "SESSION(TABLE pays PARTITION BY {0}, DESCRIPTOR(ts), INTERVAL '3' SECOND)"
COUNTED = {"functions": "COUNT(*), SUM(amount)", "columns": "n BIGINT, total INT"}
QUERIES: dict[str, tuple[str, str]] = {
    "tumble by card": grouped(TUMBLE, "card"),
    "tumble by shop": grouped(TUMBLE, "shop"),
    "tumble by both": grouped(TUMBLE, "card shop"),
    "tumble of all": grouped(TUMBLE, ""),
    "hop by shop": grouped(HOP, "shop"),
    "hop of all": grouped(HOP, "", **COUNTED),
    "cumulate by shop": grouped(CUMULATE, "shop"),
    "ordered functions": grouped(
        HOP, "shop", functions="FIRST_VALUE(id), LAST_VALUE(id), LISTAGG(id)", columns="a STRING, b STRING, c STRING"
    ),
    "session by shop": grouped(SESSION.format("shop"), "shop", **COUNTED),
    "session by card and shop": grouped(SESSION.format("card"), "card shop", **COUNTED),
    "grouping sets": (
        f"{BOUNDS}, card STRING, shop STRING, n BIGINT",
        f"SELECT window_start, window_end, card, shop, COUNT(*) FROM TABLE({TUMBLE}) "
        "GROUP BY window_start, window_end, GROUPING SETS ((card), (card, shop), ())",
    ),
    "windows of windows": (
        f"{BOUNDS}, n BIGINT, most INT",
        f"SELECT window_start, window_end, COUNT(*), MAX(total) FROM (SELECT window_start, window_end, shop, "
        f"SUM(amount) AS total FROM TABLE({TUMBLE}) GROUP BY window_start, window_end, shop) "
        "GROUP BY window_start, window_end",
    ),
    "windows of a key's windows": (
        f"{BOUNDS}, shop STRING, n BIGINT, most INT",
        f"SELECT window_start, window_end, shop, COUNT(*), MAX(total) FROM (SELECT window_start, window_end, shop, "
        f"card, SUM(amount) AS total FROM TABLE({TUMBLE}) GROUP BY window_start, window_end, shop, card) "
        "GROUP BY window_start, window_end, shop",
    ),
    "having and filter": (
        f"{BOUNDS}, shop STRING, n BIGINT",
        f"SELECT window_start, window_end, shop, COUNT(*) FROM TABLE({TUMBLE}) WHERE amount > 20 "
        "GROUP BY window_start, window_end, shop HAVING COUNT(*) > 1",
    ),
    "over by shop": (
        "id STRING, n BIGINT, total INT",
        "SELECT id, COUNT(*) OVER w, SUM(amount) OVER w FROM pays WINDOW w AS (PARTITION BY shop ORDER BY ts "
        "RANGE BETWEEN INTERVAL '5' SECOND PRECEDING AND CURRENT ROW)",
    ),
    "over by card": (
        "id STRING, total INT",
        "SELECT id, SUM(amount) OVER (PARTITION BY card ORDER BY ts ROWS BETWEEN 2 PRECEDING AND CURRENT ROW) "
        "FROM pays",
    ),
    "over of all": ("id STRING, before INT", "SELECT id, LAG(amount) OVER (ORDER BY ts) FROM pays"),
    "over an expression": (
        "id STRING, n BIGINT",
        "SELECT id, COUNT(*) OVER (PARTITION BY UPPER(shop) ORDER BY ts ROWS BETWEEN 3 PRECEDING AND CURRENT ROW) "
        "FROM pays",
    ),
    "top 2": (
        f"{BOUNDS}, shop STRING, id STRING, place BIGINT",
        "SELECT window_start, window_end, shop, id, place FROM (SELECT *, ROW_NUMBER() OVER (PARTITION BY "
        f"window_start, window_end, shop ORDER BY amount DESC, id) AS place FROM TABLE({TUMBLE})) WHERE place <= 2",
    ),
    "top of windows": (
        f"{BOUNDS}, shop STRING, n BIGINT",
        "SELECT window_start, window_end, shop, n FROM (SELECT *, ROW_NUMBER() OVER (PARTITION BY window_start, "
        "window_end ORDER BY n DESC, shop) AS place FROM (SELECT window_start, window_end, shop, COUNT(*) AS n FROM "
        f"TABLE({TUMBLE}) GROUP BY window_start, window_end, shop)) WHERE place = 1",
    ),
    "running top 2": (
        "shop STRING, id STRING, place BIGINT, PRIMARY KEY (shop, place) NOT ENFORCED",
        "SELECT shop, id, place FROM (SELECT *, ROW_NUMBER() OVER (PARTITION BY shop ORDER BY amount DESC, id) AS "
        "place FROM pays) WHERE place <= 2",
    ),
    "first of each": (
        "shop STRING, id STRING",
        "SELECT shop, id FROM (SELECT *, ROW_NUMBER() OVER (PARTITION BY shop ORDER BY ts) AS place FROM pays) "
        "WHERE place = 1",
    ),
    "last of each card": (
        "card STRING, id STRING",
        "SELECT card, id FROM (SELECT *, ROW_NUMBER() OVER (PARTITION BY card ORDER BY ts DESC) AS place FROM pays) "
        "WHERE place = 1",
    ),
    "interval join": (
        "id STRING, login STRING",
        "SELECT p.id, l.id FROM pays p LEFT JOIN logins l ON p.shop = l.shop "
        "AND p.ts BETWEEN l.ts AND l.ts + INTERVAL '6' SECOND",
    ),
    "interval join by card": (
        "id STRING, login STRING",
        "SELECT p.id, l.id FROM pays p JOIN logins l ON p.card = l.card "
        "AND l.ts BETWEEN p.ts - INTERVAL '3' SECOND AND p.ts + INTERVAL '2' SECOND",
    ),
    "interval join of different columns": (
        "id STRING, login STRING",
        "SELECT p.id, l.id FROM pays p FULL JOIN logins l ON p.shop = l.card "
        "AND l.ts BETWEEN p.ts - INTERVAL '3' SECOND AND p.ts + INTERVAL '2' SECOND",
    ),
    "join of a table with itself": (
        "id STRING, other STRING",
        "SELECT p.id, q.id FROM pays p JOIN pays q ON p.shop = q.shop AND p.amount > 50 "
        "AND q.ts BETWEEN p.ts AND p.ts + INTERVAL '4' SECOND",
    ),
    "windows of a join": (
        f"{BOUNDS}, shop STRING, n BIGINT",
        "WITH joined AS (SELECT p.shop AS shop, p.ts AS ts FROM pays p JOIN logins l ON p.shop = l.shop "
        "AND p.ts BETWEEN l.ts AND l.ts + INTERVAL '6' SECOND) SELECT window_start, window_end, shop, COUNT(*) "
        "FROM TABLE(TUMBLE(TABLE joined, DESCRIPTOR(ts), INTERVAL '5' SECOND)) GROUP BY window_start, window_end, shop",
    ),
    "window join of windows": (
        f"{BOUNDS}, shop STRING, pays BIGINT, logins BIGINT",
        f"SELECT p.window_start, p.window_end, p.shop, p.n, l.n FROM (SELECT window_start, window_end, shop, COUNT(*) "
        f"AS n FROM TABLE({TUMBLE}) GROUP BY window_start, window_end, shop) p LEFT JOIN (SELECT window_start, "
        "window_end, shop, COUNT(*) AS n FROM TABLE(TUMBLE(TABLE logins, DESCRIPTOR(ts), INTERVAL '10' SECOND)) "
        "GROUP BY window_start, window_end, shop) l ON p.shop = l.shop AND p.window_start = l.window_start "
        "AND p.window_end = l.window_end",
    ),
    "window anti join": (
        f"{BOUNDS}, id STRING",
        "SELECT window_start, window_end, id FROM (SELECT * FROM TABLE(HOP(TABLE pays, DESCRIPTOR(ts), "
        "INTERVAL '5' SECOND, INTERVAL '10' SECOND))) p WHERE NOT EXISTS (SELECT * FROM (SELECT * FROM "
        "TABLE(HOP(TABLE logins, DESCRIPTOR(ts), INTERVAL '5' SECOND, INTERVAL '10' SECOND))) l "
        "WHERE p.shop = l.shop AND p.window_start = l.window_start AND p.window_end = l.window_end)",
    ),
    "versions": (
        "id STRING, login STRING",
        "SELECT p.id, l.id FROM pays p LEFT JOIN logins FOR SYSTEM_TIME AS OF p.ts AS l ON p.card = l.card",
    ),
    "looked up": (
        f"{BOUNDS}, city STRING, n BIGINT",
        "WITH known AS (SELECT s.city AS city, p.ts AS ts FROM pays p LEFT JOIN shops FOR SYSTEM_TIME AS OF p.proc AS "
        "s ON p.shop = s.shop) SELECT window_start, window_end, city, COUNT(*) FROM TABLE(TUMBLE(TABLE known, "
        "DESCRIPTOR(ts), INTERVAL '10' SECOND)) GROUP BY window_start, window_end, city",
    ),
    "looked up after all": (
        "id STRING, city STRING, n BIGINT",
        "WITH counted AS (SELECT id, shop, proc, COUNT(*) OVER (PARTITION BY card, shop ORDER BY ts ROWS BETWEEN 2 "
        "PRECEDING AND CURRENT ROW) AS n FROM pays) SELECT p.id, s.city, p.n FROM counted p LEFT JOIN shops "
        "FOR SYSTEM_TIME AS OF p.proc AS s ON p.shop = s.shop",
    ),
    "match": (
        "shop STRING, first_id STRING, last_id STRING",
        "SELECT shop, first_id, last_id FROM pays MATCH_RECOGNIZE (PARTITION BY shop ORDER BY ts "
        "MEASURES FIRST(S.id) AS first_id, B.id AS last_id AFTER MATCH SKIP PAST LAST ROW "
        "PATTERN (S+ B) WITHIN INTERVAL '20' SECOND DEFINE S AS S.amount < 60, B AS B.amount > 40)",
    ),
    "union": (
        f"{BOUNDS}, shop STRING, n BIGINT",
        "WITH both_of_them AS (SELECT shop, ts FROM pays UNION ALL SELECT shop, ts FROM logins) SELECT window_start, "
        "window_end, shop, COUNT(*) FROM TABLE(TUMBLE(TABLE both_of_them, DESCRIPTOR(ts), INTERVAL '10' SECOND)) "
        "GROUP BY window_start, window_end, shop",
    ),
    "union of states and rows": (
        "id STRING, n BIGINT",
        "SELECT id, COUNT(*) OVER (PARTITION BY shop ORDER BY ts ROWS BETWEEN 2 PRECEDING AND CURRENT ROW) AS n "
        "FROM pays UNION ALL SELECT id, CAST(0 AS BIGINT) AS n FROM logins",
    ),
    "metadata": ("id STRING, came_from STRING", "SELECT id, came_from FROM pays WHERE amount > 10"),
    "rows by a primary key": (
        "shop STRING, id STRING, PRIMARY KEY (shop) NOT ENFORCED",
        "SELECT shop, id FROM pays WHERE shop IS NOT NULL",
    ),
    "metadata by shop": (
        "id STRING, came_from STRING, n BIGINT",
        "SELECT id, came_from, COUNT(*) OVER (PARTITION BY shop ORDER BY ts ROWS BETWEEN 2 PRECEDING AND CURRENT ROW) "
        "FROM pays",
    ),
}
NO_LATENESS = {"windows of windows", "windows of a key's windows", "top of windows", "window join of windows"}
"""Rows that are revised later cannot be grouped, ranked or joined."""


def program(names: list[str], *, options: str = "", logins: str = "logins") -> Program:
    script = TABLES.format(options=options, logins=logins)
    for place, name in enumerate(names):
        columns, query = QUERIES[name]
        with_options = "'connector' = 'kinesis', 'stream' = 'aggregates'"
        script += f"CREATE TABLE found{place} ({columns}) WITH ({with_options});\nINSERT INTO found{place} {query};\n"
    return load_program({"q.sql": script})


def prepare(engine: Any) -> None:
    if "shops" in engine.references:
        engine.set_reference("shops", "1", SHOPS)


def events(prefix: str, rng: random.Random, count: int, disorder: int) -> list[dict[str, Any]]:
    made = []
    for number in range(count):
        made.append(
            {
                "id": f"{prefix}{number}",
                "time": max(0, number * 9_000 - rng.randrange(disorder * 10 + 1)) + rng.randrange(10),
                "card": rng.choice("xyz"),
                "shop": rng.choice(["a", "b", "c", "d", None]),
                "amount": rng.randrange(100),
                "price": rng.choice([0.1, 0.2, 1e9, 3.5, -7.25]),
            }
        )
        made[-1]["time"] //= 10
    return made


class Came:
    """How a record came."""

    def __init__(self, number: int) -> None:
        self.arrived = 1_000 + number
        self.sequence_number = str(number)
        self.partition_key = "k"


def dealt(rng: random.Random, count: int, *, disorder: int, by_card: bool, one_stream: bool) -> Inputs:
    """Pays and logins over `count` shards of their streams, or of one."""
    records: dict[str, list[bytes]] = {}
    streams: dict[str, str] = {}
    for prefix, stream, many in (("p", "events", 40), ("l", "events" if one_stream else "logins", 20)):
        for number in range(count):
            streams[f"{stream}-{number}"] = stream
            records.setdefault(f"{stream}-{number}", [])
        for event in events(prefix, rng, many, disorder):
            number = "xyz".index(event["card"]) % count if by_card else rng.randrange(count)
            records[f"{stream}-{number}"].append(json.dumps(event).encode())
    arrivals = {shard: [Came(place) for place in range(len(of_it))] for shard, of_it in records.items()}
    return Inputs(records, streams, arrivals)


def only_read(made: Program, inputs: Inputs) -> Inputs:
    """Without shards of streams that no query reads."""
    read = {scan.stream for scan in made.sources}
    kept = [shard for shard, stream in inputs.streams.items() if stream in read]
    return Inputs(
        {shard: inputs.records[shard] for shard in kept},
        {shard: inputs.streams[shard] for shard in kept},
        {shard: inputs.arrivals[shard] for shard in kept},
        inputs.children,
    )


def same(found: Table, expected: Table) -> None:
    assert found.rows == expected.rows
    assert found.late == expected.late
    assert found.missed == 0


def options_of(name: str, rng: random.Random, *, by_card: bool) -> str:
    """The tables' options: the partition key where records are dealt by it, and perhaps an allowed lateness."""
    options = ", 'partition-key' = 'card'" if by_card else ""
    return options + (", 'allowed-lateness' = '4 s'" if name not in NO_LATENESS and rng.random() < 0.5 else "")


@pytest.mark.parametrize("name", QUERIES)
@settings(max_examples=4, deadline=None)
@given(st.integers(0, 2**32), st.integers(1, 4), st.booleans(), st.booleans())
def test_many_tasks_give_what_one_engine_gives(
    name: str, seed: int, count: int, by_card: bool, one_stream: bool
) -> None:
    """Rows and late rows, whatever the commits, delays, repeats and restarts; revised rows in the end."""
    compare(name, seed, count, by_card=by_card, one_stream=one_stream)


@pytest.mark.long
@pytest.mark.parametrize("name", QUERIES)
@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**32), st.integers(1, 4), st.booleans(), st.booleans())
def test_many_tasks_give_what_one_engine_gives_at_length(
    name: str, seed: int, count: int, by_card: bool, one_stream: bool
) -> None:
    """The same, more often."""
    compare(name, seed, count, by_card=by_card, one_stream=one_stream)


def compare(name: str, seed: int, count: int, *, by_card: bool, one_stream: bool) -> None:
    rng = random.Random(seed)
    options = options_of(name, rng, by_card=by_card)
    made = program([name], options=options, logins="events" if one_stream else "logins")
    inputs = only_read(made, dealt(rng, count, disorder=12_000, by_card=by_card, one_stream=one_stream))
    same(Exchange(made, inputs, rng, prepare).run(), run_single(made, inputs, prepare))


@pytest.mark.parametrize("name", QUERIES)
@settings(max_examples=2, deadline=None)
@given(st.integers(0, 2**32), st.integers(1, 3))
def test_rows_come_out_when_one_engine_gives_them(name: str, seed: int, count: int) -> None:
    """Once all that was sent has arrived, what has come out is what one engine has given: nothing waits for more."""
    rng = random.Random(seed)
    made = program([name])
    inputs = only_read(made, dealt(rng, count, disorder=9_000, by_card=False, one_stream=False))
    found = Exchange(made, inputs, rng, prepare).run(finish=False)
    same(found, run_single(made, inputs, prepare, finish=False))


@pytest.mark.parametrize("name", QUERIES)
@settings(max_examples=2, deadline=None)
@given(st.integers(0, 2**32), st.booleans())
def test_keys_that_are_put_down_are_counted_all_the_same(name: str, seed: int, by_card: bool) -> None:
    """With one key an operator in memory at either side, the others on a shelf."""
    rng = random.Random(seed)
    made = program([name], options=options_of(name, rng, by_card=by_card))
    inputs = only_read(made, dealt(rng, 2, disorder=12_000, by_card=by_card, one_stream=False))
    same(Exchange(made, inputs, rng, prepare, keys=1).run(), run_single(made, inputs, prepare))


@settings(max_examples=12, deadline=None)
@given(st.integers(0, 2**32), st.lists(st.sampled_from(sorted(QUERIES)), min_size=2, max_size=5, unique=True))
def test_queries_share_the_exchange_and_nothing_else(seed: int, names: list[str]) -> None:
    """Several queries together, of parts of every kind, give what one engine gives for them together."""
    rng = random.Random(seed)
    made = program(names, options=", 'partition-key' = 'card'")
    inputs = only_read(made, dealt(rng, 2, disorder=9_000, by_card=True, one_stream=False))
    same(Exchange(made, inputs, rng, prepare).run(), run_single(made, inputs, prepare))


@pytest.mark.parametrize("name", ["tumble by shop", "hop of all", "session by shop", "over by shop", "interval join"])
@settings(max_examples=8, deadline=None)
@given(st.integers(0, 2**32))
def test_shards_that_end_are_followed_by_their_children(name: str, seed: int) -> None:
    """A shard that is split tells each key group of its children with its last rows; they begin where it stood."""
    rng = random.Random(seed)
    made = program([name], logins="events")
    whole = dealt(rng, 2, disorder=9_000, by_card=False, one_stream=True)
    records: dict[str, list[bytes]] = {}
    for shard, of_shard in whole.records.items():
        cut = rng.randrange(len(of_shard))
        records[shard] = list(of_shard[:cut])
        for place, record in enumerate(of_shard[cut:]):
            records.setdefault(f"{shard}.{place % 2}", []).append(record)
    children = {shard: [f"{shard}.0", f"{shard}.1"] for shard in whole.records}
    for names in children.values():
        for child in names:
            records.setdefault(child, [])
    streams = dict.fromkeys(records, "events")
    arrivals = {shard: [Came(place) for place in range(len(of_it))] for shard, of_it in records.items()}
    inputs = Inputs(records, streams, arrivals, children)
    same(Exchange(made, inputs, rng, prepare).run(), run_single(made, inputs, prepare))


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 2**32), st.integers(2, 4))
def test_rows_of_shards_that_sleep_and_wake_are_counted_once_or_reported(seed: int, count: int) -> None:
    """Each row is in its window, late, or among those missed; no window fires twice."""
    rng = random.Random(seed)
    made = program(["tumble by shop"])
    inputs = only_read(made, dealt(rng, count, disorder=9_000, by_card=False, one_stream=False))
    exchange = Exchange(made, inputs, rng, idle=0.3)
    table = exchange.run()
    counted = sum(json.loads(values)[0]["n"] for rows in table.held.values() for values in rows)
    assert counted + sum(table.late.values()) + table.missed == sum(map(len, inputs.records.values()))
    assert all(len(rows) == 1 for rows in table.held.values())
