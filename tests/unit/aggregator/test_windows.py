import json

import pytest

from aggregator.duplicates import SeenEvents
from aggregator.state import State
from aggregator.windows import Windows
from streaming_sql import Engine, load_program

SCRIPT = """CREATE TABLE events (
  `id` STRING, `time` BIGINT, `key` STRING, amount DECIMAL(8, 2), ts AS TO_TIMESTAMP_LTZ(`time`, 3),
  WATERMARK FOR ts AS ts - INTERVAL '5' SECOND
) WITH ('connector' = 'kinesis', 'stream' = 'enriched');
CREATE TABLE sums (window_start TIMESTAMP(3), `key` STRING, events BIGINT, total DECIMAL(38, 2))
  WITH ('connector' = 'kinesis', 'stream' = 'aggregates');
INSERT INTO sums SELECT window_start, `key`, COUNT(*), SUM(amount)
FROM TABLE(TUMBLE(TABLE events, DESCRIPTOR(ts), INTERVAL '10' SECOND)) GROUP BY window_start, window_end, `key`;
"""


@pytest.fixture
def engine():
    """An engine that has fired one window and holds two groups of the next."""
    made = Engine(load_program({"a.sql": SCRIPT}))
    made.open_shard("0")
    rows = [("a", 1, 1), ("a", 12, 2.5), ("b", 13, 3), ("a", 16, 4)]
    made.apply(
        "0", [json.dumps({"key": key, "time": at * 1000, "amount": amount}).encode() for key, at, amount in rows]
    )
    made.advance()
    return made


def page_of(engine):
    """The page of a task that runs the engine."""
    return Windows(lambda: engine.program.queries, lambda: [State(engine, SeenEvents(0))]).page


async def test_the_page_shows_what_is_open_as_if_it_ended_now(engine):
    """Rows of windows that have not fired, with what was counted so far; decimals keep their digits."""
    answer = await page_of(engine)({"query": "sums"})
    assert answer["columns"][0] == ["window_start", "TIMESTAMP(3)"]
    assert sorted(answer["rows"]) == [
        ["1970-01-01 00:00:10", "a", 2, "6.50"],
        ["1970-01-01 00:00:10", "b", 1, "3.00"],
    ]
    assert (answer["total"], answer["watermark"]) == (2, 11_000)


async def test_a_look_changes_nothing(engine):
    """The engine goes on as if nobody had looked: same changes to commit, same rows in the end."""
    engine.capture()
    more = json.dumps({"key": "a", "time": 17_000, "amount": 1}).encode()
    engine.apply("0", [more])
    await page_of(engine)({"query": "sums"})
    changes = json.loads(engine.capture(changes=True).encode())["operators"]
    assert len(changes) == 1
    engine.finish()
    assert sorted((row.key["key"], row.values["events"]) for row in engine.advance()) == [("a", 3), ("b", 1)]


async def test_rows_are_limited_and_counted(engine):
    """At most `limit` rows come, with the number of all; what is no number is taken for the default."""
    page = page_of(engine)
    assert (len((await page({"query": "sums", "limit": "1"}))["rows"]), (await page({"query": "sums"}))["total"]) == (
        1,
        2,
    )
    assert len((await page({"query": "sums", "limit": "-1"}))["rows"]) == 2


async def test_queries_are_named_and_unknown_ones_are_none(engine):
    """Without a query the page names them all; an unknown one is not found; without the state it says so."""
    page = page_of(engine)
    assert await page({}) == {"queries": ["sums"], "standby": False}
    assert await page({"query": "nothing"}) is None
    assert await Windows(tuple, tuple).page({"query": "sums"}) == {"queries": [], "standby": True}
