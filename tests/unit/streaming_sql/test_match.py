"""MATCH_RECOGNIZE by SQL: what users look for, what navigation and aggregates give, and what is refused."""

import json
from collections.abc import Sequence
from decimal import Decimal
from random import Random
from typing import Any

import pytest

from streaming_sql import Engine, SqlError, load_program
from streaming_sql.nodes import Scan
from streaming_sql.operators.match import MatchNode
from streaming_sql.script import run_script

TABLE = """CREATE TABLE events (k STRING, `time` BIGINT, x INT, amount DECIMAL(8, 2), payload ROW<page STRING>,
  arrived AS PROCTIME(), ts AS TO_TIMESTAMP_LTZ(`time`, 3), WATERMARK FOR ts AS ts - INTERVAL '1' SECOND)
WITH ('connector' = 'kinesis', 'stream' = 'enriched');
"""


def rows_of(clauses: str, events: Sequence[dict[str, Any]], columns: str, *, source: str = "events") -> list[list[Any]]:
    """The rows of `SELECT * FROM source MATCH_RECOGNIZE (clauses)` in a sink of the columns, in order of time."""
    script = f"""{TABLE}CREATE TABLE o ({columns}) WITH ('connector' = 'kinesis', 'stream' = 'aggregates');
INSERT INTO o SELECT * FROM {source} MATCH_RECOGNIZE ({clauses});"""
    records = [json.dumps({"k": "a", **event}).encode() for event in events]
    names = [column.split()[0] for column in columns.split(", ") if column[0].isalpha()]
    return [list(row.columns(names).values()) for row in run_script(script, {"enriched": records})["o"]]


def levels(*values: Any, step: int = 1000) -> list[dict[str, Any]]:
    """Events with these x, a step apart."""
    return [{"x": value, "time": step * place} for place, value in enumerate(values, 1)]


def test_a_flat_line_is_found() -> None:
    """Three or more equal readings in a row, told when another comes."""
    found = rows_of(
        """PARTITION BY k ORDER BY ts MEASURES FIRST(s.x) AS level, COUNT(s.x) AS n, s.ts AS till
        AFTER MATCH SKIP PAST LAST ROW PATTERN (s{3,} other)
        DEFINE s AS LAST(s.x, 1) IS NULL OR s.x = LAST(s.x, 1), other AS other.x <> LAST(s.x)""",
        levels(1, 2, 2, 2, 2, 3, 3, 1),
        "k STRING, level INT, n BIGINT, till TIMESTAMP_LTZ(3)",
    )
    assert found == [["a", 2, 4, 5000]]


def test_card_testing_is_found() -> None:
    """Many small payments, then a large one, within a minute."""
    events = [
        {"time": place * 9000, "amount": amount} for place, amount in enumerate([1, 2, 1.5, 400, 1, 900, 2, 3, 1])
    ]
    found = rows_of(
        """PARTITION BY k ORDER BY ts MEASURES COUNT(small.k) AS smalls, SUM(small.amount) AS total,
          large.amount AS amount
        ONE ROW PER MATCH AFTER MATCH SKIP PAST LAST ROW PATTERN (small{3,} large) WITHIN INTERVAL '1' MINUTE
        DEFINE small AS small.amount < 5, large AS large.amount > 100 * AVG(small.amount)""",
        events,
        "k STRING, smalls BIGINT, total DECIMAL(38, 2), amount DECIMAL(8, 2)",
    )
    assert found == [["a", 3, Decimal("4.50"), Decimal("400.00")]]


def test_a_v_shape_is_found() -> None:
    """The falling price of Flink's own documentation: from 25 down to 14 and up again."""
    found = rows_of(
        """PARTITION BY k ORDER BY ts MEASURES s.ts AS start_time, LAST(down.ts) AS bottom, LAST(up.ts) AS end_time
        ONE ROW PER MATCH AFTER MATCH SKIP TO LAST up PATTERN (s down+ up)
        DEFINE down AS (LAST(down.x, 1) IS NULL AND down.x < s.x) OR down.x < LAST(down.x, 1),
          up AS up.x > LAST(down.x, 1)""",
        levels(12, 17, 19, 21, 25, 18, 15, 14, 24, 25, 19),
        "k STRING, start_time TIMESTAMP_LTZ(3), bottom TIMESTAMP_LTZ(3), end_time TIMESTAMP_LTZ(3)",
    )
    assert found == [["a", 5000, 8000, 9000]]


def test_a_missing_heartbeat_is_found_when_the_next_one_comes() -> None:
    """Two beats of one device more than 30 s apart; a stream of another device does not hide it."""
    events = [{"time": time} for time in (0, 10_000, 55_000, 60_000)] + [{"time": 30_000, "k": "b"}]
    found = rows_of(
        """PARTITION BY k ORDER BY ts MEASURES a.ts AS last_beat, b.ts AS back AFTER MATCH SKIP TO LAST b PATTERN (a b)
        DEFINE b AS b.ts > a.ts + INTERVAL '30' SECOND""",
        sorted(events, key=lambda event: int(event["time"])),
        "k STRING, last_beat TIMESTAMP_LTZ(3), back TIMESTAMP_LTZ(3)",
    )
    assert found == [["a", 10_000, 55_000]]


def test_navigation_and_aggregates_see_what_flink_sees() -> None:
    """Names without a variable mean all rows; FIRST and LAST count from either end; outside there is NULL."""
    found = rows_of(
        """PARTITION BY k ORDER BY ts MEASURES FIRST(x) AS f, LAST(x, 1) AS l1, FIRST(b.x, 1) AS b1,
          LAST(b.x, 5) AS none, LAST(b.x + 2 * b.x) AS calculated, x AS last_x, COUNT(*) AS n, COUNT(c.x) AS nc,
          SUM(c.x) AS sc, AVG(b.x) AS mean, MIN(x) AS least, LISTAGG(b.k, '/') AS ks, 1 + FINAL LAST(b.x) AS more
        AFTER MATCH SKIP PAST LAST ROW PATTERN (a b{2} c{0,2}? d) DEFINE d AS d.x > 3""",
        levels(1, 2, 3, 4),
        "k STRING, f INT, l1 INT, b1 INT, none INT, calculated INT, last_x INT, n BIGINT, nc BIGINT, sc INT, mean INT, "
        "least INT, ks STRING, more INT",
    )
    assert found == [["a", 1, 3, 3, None, 9, 4, 4, 0, None, 2, 1, "a/a", 4]]


def test_conditions_look_back() -> None:
    """PREV of an earlier variable or of all rows is LAST, as in Flink; NULL is no."""
    clauses = "ORDER BY ts MEASURES a.x AS ax, b.x AS bx PATTERN (a b) DEFINE b AS b.x < PREV({})"
    events = levels(3, 2, None, 1, 5)
    for previous in ("x", "a.x, 0"):
        assert rows_of(clauses.format(previous), events, "ax INT, bx INT") == [[3, 2]]


def test_rows_of_one_time_go_by_the_further_columns_of_order_by() -> None:
    """ORDER BY ts, x DESC: NULL last, as Flink orders it."""
    events = [{"time": 1000, "x": value} for value in (1, None, 3, 2)]
    clauses = "ORDER BY ts, x {} MEASURES FIRST(x) AS f, b.x AS bx, LAST(x) AS l PATTERN (a b{{2}} c) DEFINE a AS TRUE"
    assert rows_of(clauses.format("DESC"), events, "f INT, bx INT, l INT") == [[3, 1, None]]
    assert rows_of(clauses.format("ASC"), events, "f INT, bx INT, l INT") == [[None, 2, 3]]


def test_matches_of_one_key_and_time_are_told_apart() -> None:
    """Every row a match, three of one time: each has an identity of its own."""
    script = f"""{TABLE}CREATE TABLE o (k STRING, x INT) WITH ('connector' = 'kinesis', 'stream' = 'aggregates');
INSERT INTO o SELECT * FROM events MATCH_RECOGNIZE (PARTITION BY k ORDER BY ts MEASURES a.x AS x
  PATTERN (a) DEFINE a AS TRUE);"""
    records = [json.dumps({"k": "a", "time": 1, "x": place}).encode() for place in range(3)]
    rows = run_script(script, {"enriched": records})["o"]
    assert [row.values["x"] for row in rows] == [0, 1, 2]
    assert len({(tuple(row.key.items()), row.identity) for row in rows}) == 3


def test_the_rowtime_of_a_match_can_be_windowed() -> None:
    """MATCH_ROWTIME() is an event time: windows over a view of matches."""
    script = f"""{TABLE}CREATE VIEW highs AS SELECT * FROM events MATCH_RECOGNIZE (
  PARTITION BY k ORDER BY ts MEASURES MATCH_ROWTIME() AS at PATTERN (a) DEFINE a AS a.x > 1);
CREATE TABLE o (n BIGINT, window_end TIMESTAMP(3)) WITH ('connector' = 'kinesis', 'stream' = 'aggregates');
INSERT INTO o SELECT COUNT(*), window_end FROM TABLE(TUMBLE(TABLE highs, DESCRIPTOR(at), INTERVAL '3' SECOND))
GROUP BY window_start, window_end;"""
    records = [json.dumps({"k": "a", **event}).encode() for event in levels(1, 2, 3, 4, 1, 2)]
    rows = run_script(script, {"enriched": records})["o"]
    assert [(row.window_end, row.values["n"]) for row in rows] == [(3000, 1), (6000, 2), (9000, 1)]


def test_a_view_is_filtered_before_rows_are_contiguous() -> None:
    """What a WHERE leaves out does not break a match; the WHERE beside MATCH_RECOGNIZE sees the matches."""
    clauses = "ORDER BY ts MEASURES a.x AS ax, b.x AS bx PATTERN (a b) DEFINE b AS b.x = a.x + 1"
    source = "(SELECT * FROM events WHERE x < 10)"
    assert rows_of(clauses, levels(1, 50, 2), "ax INT, bx INT", source=source) == [[1, 2]]
    assert rows_of(clauses, levels(1, 50, 2), "ax INT, bx INT") == []


def test_processing_time_is_the_arrival() -> None:
    """ORDER BY PROCTIME() takes rows as they arrived, whatever their event time says."""
    script = f"""{TABLE}CREATE TABLE o (ax INT, bx INT) WITH ('connector' = 'kinesis', 'stream' = 'aggregates');
INSERT INTO o SELECT ax, bx FROM events MATCH_RECOGNIZE (ORDER BY arrived MEASURES a.x AS ax, b.x AS bx,
  MATCH_PROCTIME() AS p AFTER MATCH SKIP PAST LAST ROW PATTERN (a b) DEFINE a AS a.x = 1, b AS b.x = 2);"""

    class Came:
        sequence_number, partition_key = "1", "k"

        def __init__(self, arrived: int) -> None:
            self.arrived = arrived

    engine = Engine(load_program({"p.sql": script}))
    engine.open_shard("0")
    records = [json.dumps({"time": time, "x": x}).encode() for time, x in ((9000, 1), (1000, 2))]
    assert engine.apply("0", records, [Came(100), Came(200)]).late == []
    engine.finish()
    assert [row.values for row in engine.advance()] == [{"ax": 1, "bx": 2}]


def test_a_late_row_is_told_and_left_out() -> None:
    """A row is late when its shard's watermark has reached its time."""
    script = f"""{TABLE}CREATE TABLE o (n BIGINT) WITH ('connector' = 'kinesis', 'stream' = 'aggregates');
INSERT INTO o SELECT * FROM events MATCH_RECOGNIZE (ORDER BY ts MEASURES COUNT(*) AS n
  AFTER MATCH SKIP PAST LAST ROW PATTERN (a+? b) DEFINE b AS b.x = 1);"""
    engine = Engine(load_program({"l.sql": script}))
    engine.open_shard("0")
    times = [(5000, 0), (4000, 0), (4001, 0), (6000, 1)]
    late = engine.apply("0", [json.dumps({"time": time, "x": x}).encode() for time, x in times]).late
    assert [(row.time, row.watermark, row.window_end) for row in late] == [(4000, 4000, 4001)]
    engine.finish()
    assert [row.values for row in engine.advance()] == [{"n": 3}]


def test_state_is_bounded_by_within_and_counted() -> None:
    """An attempt that no row ends is forgotten after WITHIN; without it the rows stay, and size tells."""
    clauses = "PARTITION BY k ORDER BY ts MEASURES a.x AS ax PATTERN (a b* c) {} DEFINE a AS a.x = 1, c AS c.x = 9"
    for within, held in (("WITHIN INTERVAL '5' SECOND", 0), ("", 100)):
        script = f"""{TABLE}CREATE TABLE o (k STRING, ax INT) WITH ('connector' = 'kinesis', 'stream' = 'aggregates');
INSERT INTO o SELECT * FROM events MATCH_RECOGNIZE ({clauses.format(within)});"""
        engine = Engine(load_program({"s.sql": script}))
        engine.open_shard("0")
        events = levels(1, *[0] * 99)
        engine.apply("0", [json.dumps({"k": "a", **event}).encode() for event in events])
        engine.advance()
        assert engine.group_count == max(held, 1)
        engine.finish()
        engine.advance()
        assert engine.group_count == held


def test_what_explain_says() -> None:
    """The pattern, the key and what bounds the state."""
    script = f"""{TABLE}CREATE TABLE o (k STRING, ax INT) WITH ('connector' = 'kinesis', 'stream' = 'aggregates');
INSERT INTO o SELECT * FROM events MATCH_RECOGNIZE (PARTITION BY k ORDER BY ts MEASURES a.x AS ax
  PATTERN (a b*? c{{2,3}} d) WITHIN INTERVAL '5' SECOND DEFINE a AS a.x = 1);"""
    node = next(node for node in load_program({"e.sql": script}).nodes if isinstance(node, MatchNode))
    assert node.describe()[1:] == ["pattern: a b*? c{2,3} d", "partitioned by: k", "state: rows of 5000 ms"]


_DEFINE = "DEFINE a AS a.x > 1"
_HEAD = "PARTITION BY k ORDER BY ts MEASURES a.x AS ax"


@pytest.mark.parametrize(
    ("clauses", "message"),
    [
        (f"{_HEAD} PATTERN (a b+) {_DEFINE}", "b is greedy at the pattern's end"),
        (f"{_HEAD} PATTERN (a*? b?) {_DEFINE}", "a pattern that no row fulfils too"),
        (f"{_HEAD} PATTERN (a b a) {_DEFINE}", "variable a occurs twice"),
        (f"{_HEAD} PATTERN (a+ b? c) {_DEFINE}", "b may have no rows and follows a, which is greedy"),
        (f"{_HEAD} PATTERN (a?? b) {_DEFINE}", "a reluctant ? is not supported"),
        (f"{_HEAD} PATTERN (a{{,3}} b) {_DEFINE}", "a least number is needed"),
        (f"{_HEAD} PATTERN (a{{3,2}} b) {_DEFINE}", "the variable can take no row so often"),
        (f"{_HEAD} PATTERN ((a b)+ c) {_DEFINE}", "a group cannot be repeated"),
        (f"{_HEAD} PATTERN (a | b) {_DEFINE}", "alternatives are not supported"),
        (f"{_HEAD} PATTERN (^ a b) {_DEFINE}", "anchors are not supported"),
        (f"{_HEAD} PATTERN (PERMUTE(a, b)) {_DEFINE}", "PERMUTE is not supported"),
        (f"{_HEAD} PATTERN ({{- a -}} b) {_DEFINE}", "exclusion is not supported"),
        (f"{_HEAD} PATTERN (a ?) b) {_DEFINE}", "Expected DEFINE"),
        (f"{_HEAD} PATTERN () {_DEFINE}", "the pattern is empty"),
        (f"{_HEAD} ALL ROWS PER MATCH PATTERN (a b) {_DEFINE}", "ALL ROWS PER MATCH is not supported"),
        (f"{_HEAD} AFTER MATCH SKIP TO FIRST a PATTERN (a b) {_DEFINE}", "would find the same match for ever"),
        (f"{_HEAD} AFTER MATCH SKIP TO LAST z PATTERN (a b) {_DEFINE}", "variable z is not in the pattern"),
        (f"{_HEAD} PATTERN (a b) SUBSET s = (a, b) {_DEFINE}", "SUBSET is not supported"),
        (f"{_HEAD} PATTERN (a b) WITHIN INTERVAL '1' MONTH {_DEFINE}", "an interval of fixed length is needed"),
        (f"{_HEAD} PATTERN (a b) DEFINE z AS z.x > 1", "variable z is not in the pattern"),
        (f"{_HEAD} PATTERN (a b) DEFINE a AS a.x", "a condition is needed"),
        (f"{_HEAD} PATTERN (a b) DEFINE a AS a.y > 1", "no column y"),
        (f"{_HEAD} PATTERN (a b) DEFINE b AS b.x > PREV(b.x)", "PREV of rows outside the match"),
        (f"{_HEAD} PATTERN (a b) DEFINE b AS b.x > NEXT(a.x)", "NEXT of rows outside the match"),
        (f"{_HEAD} PATTERN (a b) DEFINE b AS LAST(a.x + b.x) > 1", "LAST needs columns of one variable"),
        (f"{_HEAD} PATTERN (a b) DEFINE b AS LAST(FIRST(a.x)) > 1", "FIRST needs columns of one variable"),
        (f"{_HEAD} PATTERN (a b) DEFINE b AS SUM(a.x + b.x) > 1", "an aggregate needs columns of one variable"),
        (f"{_HEAD} PATTERN (a b) DEFINE b AS COUNT(DISTINCT a.x) > 1", "COUNT is not supported so"),
        (f"{_HEAD}, MATCH_PROCTIME() AS p PATTERN (a b) {_DEFINE}", "MATCH_PROCTIME does not go with this ORDER BY"),
        (f"{_HEAD}, a.payload AS p PATTERN (a b) {_DEFINE}", "a ROW cannot be kept"),
        (f"{_HEAD}, a.x AS k PATTERN (a b) {_DEFINE}", "column k occurs twice"),
        (f"{_HEAD}, a.x PATTERN (a b) {_DEFINE}", "a measure needs a name"),
        (f"{_HEAD}, PREV(a.x) AS p PATTERN (a b) {_DEFINE}", "PREV is not supported in MEASURES"),
        (f"{_HEAD}, RUNNING LAST(a.x) AS p PATTERN (a b) {_DEFINE}", "RUNNING is not supported"),
        (f"PARTITION BY k ORDER BY ts PATTERN (a b) {_DEFINE}", "MEASURES is needed"),
        (f"PARTITION BY k || 'x' ORDER BY ts MEASURES a.x AS ax PATTERN (a b) {_DEFINE}", "PARTITION BY takes columns"),
        (f"ORDER BY x, ts MEASURES a.x AS ax PATTERN (a b) {_DEFINE}", "must be a time attribute"),
        (f"ORDER BY ts DESC MEASURES a.x AS ax PATTERN (a b) {_DEFINE}", "time must be ascending"),
        (f"MEASURES a.x AS ax PATTERN (a b) {_DEFINE}", "ORDER BY of an event-time column is needed"),
        (f"{_HEAD} PATTERN (a b)", "Expected DEFINE"),
        (f"{_HEAD} PATTERN (a b) {_DEFINE}) AS n (p, q", "the alias takes no column names"),
    ],
)
def test_what_flink_refuses_is_refused_at_its_place(clauses: str, message: str) -> None:
    """Each has its line, its column and the nearest supported form."""
    with pytest.raises(SqlError, match=r".") as raised:
        rows_of(clauses, [], "k STRING, ax INT")
    assert message in raised.value.message
    assert raised.value.line == 5
    assert raised.value.column > 1
    assert raised.value.nearest


def test_changed_keys_alone_make_a_whole_snapshot_new() -> None:
    """A full snapshot with later snapshots of the changed keys laid over it is the state itself; None takes away."""
    script = f"""{TABLE}CREATE TABLE o (k STRING, n BIGINT) WITH ('connector' = 'kinesis', 'stream' = 'aggregates');
INSERT INTO o SELECT * FROM events MATCH_RECOGNIZE (PARTITION BY k ORDER BY ts MEASURES COUNT(*) AS n
  AFTER MATCH SKIP PAST LAST ROW PATTERN (a+ b) WITHIN INTERVAL '6' SECOND
  DEFINE a AS a.x > 0 AND SUM(a.x) < 9, b AS b.x = 0);"""
    node = next(node for node in load_program({"c.sql": script}).nodes if isinstance(node, MatchNode))
    scan = node.inputs[0].node
    assert isinstance(scan, Scan)
    operator, rng = node.create(), Random(5)
    kept: dict[str, Any] = {}
    gone = 0
    for step in range(60):
        row, _ = scan.decoder.decode(json.dumps({"k": rng.choice("abc"), "x": rng.randrange(4)}).encode())
        operator.receive(0, row, step * 1000 + 1, step * 1000 - 2000, "0")
        if step % 3 == 0:
            operator.advance(0, step * 1000 - 2000)
        if step % 4 == 0:
            changed, operator.dirty = operator.dirty, set()
            captured, now = operator.snapshot(changed), json.dumps(list(operator.snapshot(changed)))
            whole = {str(key): json.loads(json.dumps([key, state])) for key, state in operator.snapshot()}
            operator.receive(0, row, step * 1000 + 2, step * 1000 - 2000, "0")
            operator.advance(step * 1000 - 2000, step * 1000 + 5)
            pairs = list(captured)
            assert json.dumps(pairs) == now, "the state at the call, whatever comes after it"
            for key, state in pairs:
                gone += state is None
                kept[str(key)] = json.loads(json.dumps([key, state]))
            operator = node.create()
            operator.restore((key, state) for key, state in kept.values() if state is not None)
            assert {str(key): json.loads(json.dumps([key, state])) for key, state in operator.snapshot()} == whole
            assert {name: pair for name, pair in kept.items() if pair[1] is not None} == whole
            assert operator.dirty == set()
    assert gone > 0
    assert operator.size > 0
