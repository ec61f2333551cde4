import json

import pytest

from streaming_sql import Engine, load_program
from streaming_sql.preview import preview

TABLES = """CREATE TABLE events (`key` STRING, `time` BIGINT, n BIGINT, ts AS TO_TIMESTAMP_LTZ(`time`, 3),
  WATERMARK FOR ts AS ts - INTERVAL '5' SECOND) WITH ('connector' = 'kinesis', 'stream' = 'enriched');
CREATE TABLE other (a STRING, b BIGINT) WITH ('connector' = 'kinesis', 'stream' = 'aggregates');
CREATE TABLE rows_out (a STRING, b BIGINT) WITH ('connector' = 'kinesis', 'stream' = 'aggregates');
INSERT INTO other SELECT `key`, n FROM events WHERE n > 100;
INSERT INTO rows_out """
QUERIES = {
    "hop": "SELECT `key`, SUM(n) FROM TABLE(HOP(TABLE events, DESCRIPTOR(ts), INTERVAL '5' SECOND, "
    "INTERVAL '20' SECOND)) GROUP BY window_start, window_end, `key`",
    "session": "SELECT `key`, COUNT(*) FROM TABLE(SESSION(TABLE events PARTITION BY `key`, DESCRIPTOR(ts), "
    "INTERVAL '7' SECOND)) GROUP BY window_start, window_end, `key`",
    "over": "SELECT `key`, SUM(n) OVER (PARTITION BY `key` ORDER BY ts ROWS BETWEEN 2 PRECEDING AND CURRENT ROW) "
    "FROM events",
    "join": "SELECT a.`key`, b.n FROM events AS a LEFT JOIN events AS b ON a.`key` = b.`key` AND b.ts > a.ts "
    "AND b.ts <= a.ts + INTERVAL '9' SECOND",
    "match": "SELECT `key`, total FROM events MATCH_RECOGNIZE (PARTITION BY `key` ORDER BY ts "
    "MEASURES SUM(A.n) AS total ONE ROW PER MATCH AFTER MATCH SKIP PAST LAST ROW PATTERN (A{2}) "
    "WITHIN INTERVAL '1' MINUTE DEFINE A AS A.n > 0)",
}


def running(query):
    """An engine with events counted in and fired up to their watermark."""
    engine = Engine(load_program({"a.sql": f"{TABLES}{QUERIES[query]};"}))
    engine.open_shard("0")
    events = [{"key": "ab"[place % 2], "time": 1_000 * place * 3, "n": place} for place in range(12)]
    engine.apply("0", [json.dumps(event).encode() for event in events])
    engine.advance()
    return engine


def ended(engine):
    """All rows that come of no more events."""
    rows = engine.advance()
    while engine.finish():
        rows += engine.advance()
    return sorted((row.time, row.change, str(row.columns(["a", "b"]))) for row in rows if row.query == "rows_out")


@pytest.mark.parametrize("query", QUERIES)
def test_a_preview_is_what_the_end_of_input_would_give(query):
    """Whatever keeps state: the rows of a copy that is ended are those of the engine when it is ended itself."""
    engine = running(query)
    seen = preview(engine, "rows_out")
    untouched = engine.snapshot()
    rows = sorted((row.time, row.change, str(row.columns(["a", "b"]))) for row in seen.rows())
    assert engine.snapshot() == untouched
    assert rows == ended(engine)
    assert rows


def test_a_preview_is_of_the_moment_that_it_was_taken():
    """Events that come between the look and its rows are not in them."""
    engine = running("session")
    before = sorted(row.values["b"] for row in preview(engine, "rows_out").rows())
    seen = preview(engine, "rows_out")
    engine.apply("0", [b'{"key": "a", "time": 33500, "n": 1}'])
    assert sorted(row.values["b"] for row in seen.rows()) == before


def test_an_unknown_query_is_no_empty_preview():
    """A name that no query has is an error."""
    with pytest.raises(KeyError):
        preview(running("hop"), "nothing")
