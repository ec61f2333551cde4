"""Joins and unions by SQL: what comes out, what is kept, and what is refused."""

import json
from typing import Any

import pytest

from streaming_sql import Engine, SqlError, load_program, plan_script, run_script
from streaming_sql.errors import UnknownReference

TABLES = """
CREATE TABLE orders (id STRING, amount DECIMAL(8, 2), payload ROW<city STRING, n INT>, `time` BIGINT,
  proc AS PROCTIME(), ts AS TO_TIMESTAMP_LTZ(`time`, 3), WATERMARK FOR ts AS ts - INTERVAL '2' SECOND)
WITH ('connector' = 'kinesis', 'stream' = 'orders');
CREATE TABLE shipments (id STRING, city STRING, weight INT, `time` BIGINT,
  ts AS TO_TIMESTAMP_LTZ(`time`, 3), WATERMARK FOR ts AS ts - INTERVAL '1' SECOND)
WITH ('connector' = 'kinesis', 'stream' = 'shipments');
CREATE TABLE rates (city STRING, rate DECIMAL(6, 3), `time` BIGINT, ts AS TO_TIMESTAMP_LTZ(`time`, 3),
  WATERMARK FOR ts AS ts, PRIMARY KEY (city) NOT ENFORCED) WITH ('connector' = 'kinesis', 'stream' = 'rates');
CREATE TABLE cities (city STRING, country STRING, rank_of INT, PRIMARY KEY (city) NOT ENFORCED)
WITH ('connector' = 'filesystem', 'path' = 's3://reference/cities', 'format' = 'csv', 'csv.null-literal' = '-');
"""
WINDOWED = "(SELECT * FROM TABLE(TUMBLE(TABLE {}, DESCRIPTOR(ts), INTERVAL '10' SECOND)))"
LEFT, RIGHT = WINDOWED.format("orders"), WINDOWED.format("shipments")
SAME_WINDOW = "l.window_start = r.window_start AND l.window_end = r.window_end"
Row = tuple[Any, ...]


def order(name: str | None, time: int, amount: float = 1, city: str = "x", n: int = 1) -> bytes:
    return json.dumps({"id": name, "amount": amount, "payload": {"city": city, "n": n}, "time": time}).encode()


def shipment(name: str | None, time: int, city: str = "x", weight: int = 1) -> bytes:
    return json.dumps({"id": name, "city": city, "weight": weight, "time": time}).encode()


def script(select: str, columns: str) -> str:
    return (
        f"{TABLES} CREATE TABLE o ({columns}) WITH ('connector' = 'kinesis', 'stream' = 's'); INSERT INTO o {select};"
    )


def rows(select: str, columns: str, **streams: list[bytes]) -> list[Row]:
    """The sink's rows as tuples of its columns, in order of what they hold."""
    names = [column.split()[0] for column in columns.split(", ")]
    found = run_script(script(select, columns), streams)["o"]
    return sorted((tuple(row.columns(names).values()) for row in found), key=str)


ORDERS = [order("a", 1_000), order("b", 2_000, 7), order(None, 3_000), order("a", 12_000, 3, "y", 2)]
SHIPMENTS = [shipment("a", 1_000), shipment("c", 4_000), shipment("a", 8_000, "y"), shipment(None, 9_000)]


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        ("JOIN", [("a", "a", 8_000), ("a", "a", 1_000)]),
        ("LEFT JOIN", [("a", "a", 1_000), ("a", "a", 8_000), ("b", None, None), ("a", None, None), (None, None, None)]),
        ("RIGHT JOIN", [("a", "a", 1_000), ("a", "a", 8_000), (None, "c", 4_000), (None, None, 9_000)]),
    ],
)
def test_rows_of_two_streams_are_joined_within_their_bounds(kind: str, expected: list[Row]) -> None:
    """BETWEEN includes both ends; rows of an outer side without a partner come out padded; NULL keys meet nothing."""
    select = f"""SELECT o.id, s.id, s.ts FROM orders AS o {kind} shipments s
    ON o.id = s.id AND s.ts BETWEEN o.ts AND o.ts + INTERVAL '7' SECOND"""
    assert rows(select, "l STRING, r STRING, t TIMESTAMP_LTZ(3)", orders=ORDERS, shipments=SHIPMENTS) == sorted(
        expected, key=str
    )


@pytest.mark.parametrize(
    ("bounds", "times"),
    [
        ("s.ts > o.ts AND s.ts < o.ts + INTERVAL '7' SECOND", []),
        ("s.ts >= o.ts AND s.ts <= o.ts + INTERVAL '7' SECOND", [1_000, 8_000]),
        ("o.ts + INTERVAL '1' SECOND > s.ts AND s.ts + INTERVAL '1' SECOND > o.ts", [1_000]),
        ("o.ts = s.ts", [1_000]),
        ("o.ts = s.ts - INTERVAL '7' SECOND", [8_000]),
        ("INTERVAL '4' SECOND + s.ts <= o.ts AND (s.ts >= o.ts - INTERVAL '5' SECOND)", [8_000]),
    ],
)
def test_bounds_may_be_written_in_any_way(bounds: str, times: list[int]) -> None:
    """Strict and inclusive comparisons, either side first, intervals on either side, one equality."""
    select = f"SELECT s.ts FROM orders o, shipments s WHERE o.id = s.id AND {bounds}"
    assert rows(select, "t TIMESTAMP_LTZ(3)", orders=ORDERS, shipments=SHIPMENTS) == [(time,) for time in times]


def test_conditions_beside_keys_and_bounds_decide_what_is_joined() -> None:
    """ON decides on the padding of a LEFT JOIN, WHERE on the rows that are left of it; fields of ROWs are columns."""
    select = """SELECT o.id, o.payload.n, s.city FROM orders o LEFT JOIN shipments s
    ON o.id = s.id AND s.ts BETWEEN o.ts - INTERVAL '9' SECOND AND o.ts + INTERVAL '9' SECOND
    AND o.payload.city = s.city AND s.weight < 5 AND o.amount > 2 WHERE o.id IS NOT NULL"""
    found = rows(select, "l STRING, n INT, city STRING", orders=ORDERS, shipments=SHIPMENTS)
    assert found == [("a", 1, None), ("a", 2, "y"), ("b", 1, None)]


def test_a_table_joins_itself() -> None:
    """Every row meets itself and the later one of its key, once."""
    select = """SELECT a.ts, CAST(b.ts AS TIMESTAMP_LTZ(3)) FROM orders a JOIN orders b
    ON a.id = b.id AND b.ts BETWEEN a.ts AND a.ts + INTERVAL '1' MINUTE"""
    found = rows(select, "x TIMESTAMP_LTZ(3), y TIMESTAMP_LTZ(3)", orders=ORDERS)
    assert found == [(1_000, 1_000), (1_000, 12_000), (12_000, 12_000), (2_000, 2_000)]


@pytest.mark.parametrize(("time", "expected"), [("placed", [(0, 2), (10_000, 1)]), ("sent", [(0, 3)])])
def test_a_window_over_joined_rows_goes_by_the_event_time_that_it_names(time: str, expected: list[Row]) -> None:
    """A joined row has the event times of both sides, and nothing of it is late for the window."""
    text = f"""{TABLES} CREATE VIEW sent_orders AS
    SELECT o.id, o.ts AS placed, s.ts AS sent FROM orders o JOIN shipments s
    ON o.id = s.id AND s.ts BETWEEN o.ts - INTERVAL '9' SECOND AND o.ts + INTERVAL '9' SECOND;
    CREATE TABLE o (window_start TIMESTAMP(3), n BIGINT) WITH ('connector' = 'kinesis', 'stream' = 's');
    INSERT INTO o SELECT window_start, COUNT(*)
    FROM TABLE(TUMBLE(TABLE sent_orders, DESCRIPTOR({time}), INTERVAL '10' SECOND))
    GROUP BY window_start, window_end;"""
    found = run_script(text, {"orders": ORDERS, "shipments": SHIPMENTS})["o"]
    assert [(row.window_start, row.values["n"]) for row in found] == expected


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        ("JOIN", [("a", 1_000), ("a", 8_000)]),
        ("LEFT JOIN", [("a", 1_000), ("a", 8_000), ("a", None), ("b", None), (None, None)]),
        ("RIGHT JOIN", [("a", 1_000), ("a", 8_000), (None, 4_000), (None, 9_000)]),
        (
            "FULL JOIN",
            [("a", 1_000), ("a", 8_000), ("a", None), ("b", None), (None, None), (None, 4_000), (None, 9_000)],
        ),
    ],
)
def test_rows_of_the_same_window_are_joined(kind: str, expected: list[Row]) -> None:
    """Rows meet those of their own window and key alone."""
    select = f"SELECT l.id, r.ts FROM {LEFT} l {kind} {RIGHT} r ON l.id = r.id AND {SAME_WINDOW}"
    found = rows(select, "l STRING, t TIMESTAMP_LTZ(3)", orders=ORDERS, shipments=SHIPMENTS)
    assert found == sorted(expected, key=str)


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        (f"l.id IN (SELECT id FROM {RIGHT} r WHERE {SAME_WINDOW})", [("a", 1_000)]),
        (f"EXISTS (SELECT * FROM {RIGHT} r WHERE r.id = l.id AND {SAME_WINDOW})", [("a", 1_000)]),
        (
            f"NOT EXISTS (SELECT * FROM {RIGHT} r WHERE r.id = l.id AND {SAME_WINDOW})",
            [("a", 12_000), ("b", 2_000), (None, 3_000)],
        ),
        (f"l.id NOT IN (SELECT id FROM {RIGHT} r WHERE {SAME_WINDOW})", [("a", 12_000)]),
        (
            f"id NOT IN (SELECT id FROM {RIGHT} r WHERE {SAME_WINDOW} AND id IS NOT NULL) AND amount > 2",
            [("a", 12_000), ("b", 2_000)],
        ),
    ],
)
def test_subqueries_keep_or_leave_out_rows_of_their_window(condition: str, expected: list[Row]) -> None:
    """IN and EXISTS keep what met a row; NOT IN leaves out what a NULL leaves open, NOT EXISTS does not."""
    select = f"SELECT l.id, l.ts FROM {LEFT} l WHERE {condition}"
    found = rows(select, "l STRING, t TIMESTAMP_LTZ(3)", orders=ORDERS, shipments=SHIPMENTS)
    assert found == sorted(expected, key=str)


def test_rows_of_windows_can_be_told_apart_by_their_keys() -> None:
    """Joined groups keep their keys; of joined plain rows every column is part of the key."""
    grouped = "(SELECT window_start, window_end, id, COUNT(*) AS n FROM TABLE(TUMBLE(TABLE {}, DESCRIPTOR(ts), "
    grouped += "INTERVAL '10' SECOND)) GROUP BY window_start, window_end, id)"
    select = f"""SELECT l.window_start, l.id, l.n, r.n FROM {grouped.format("orders")} l
    JOIN {grouped.format("shipments")} r ON l.id = r.id AND {SAME_WINDOW}"""
    text = script(select, "window_start TIMESTAMP(3), id STRING, n BIGINT, m BIGINT")
    (row,) = run_script(text, {"orders": ORDERS, "shipments": SHIPMENTS})["o"]
    assert (row.window_start, row.key, row.values) == (0, {"id": "a"}, {"n": 1, "m": 2})
    text = script(
        f"SELECT l.id, r.city FROM {LEFT} l JOIN {RIGHT} r ON l.id = r.id AND {SAME_WINDOW}", "a STRING, b STRING"
    )
    keys = [row.key for row in run_script(text, {"orders": ORDERS, "shipments": SHIPMENTS})["o"]]
    assert keys == [{"a": "a", "b": "x"}, {"a": "a", "b": "y"}]


def test_the_window_of_a_side_without_a_row_is_null() -> None:
    """A padded row belongs to its window, the other side's window columns are NULL all the same."""
    select = f"""SELECT l.window_start, r.window_start, r.window_end FROM {LEFT} l LEFT JOIN {RIGHT} r
    ON l.id = r.id AND {SAME_WINDOW} WHERE r.id IS NULL AND l.id = 'b'"""
    columns = "a TIMESTAMP(3), b TIMESTAMP(3), c TIMESTAMP(3)"
    assert rows(select, columns, orders=ORDERS, shipments=SHIPMENTS) == [(0, None, None)]


def test_a_reference_table_is_looked_up_as_it_stands() -> None:
    """Rows meet the version given last; a snapshot holds its name, and the rows are given again after a restore."""
    program = load_program(
        {
            "lookup.sql": script(
                """SELECT o.id, c.country FROM orders AS o LEFT JOIN cities FOR SYSTEM_TIME AS OF o.proc AS c
                ON o.payload.city = c.city AND c.rank_of IS NOT NULL""",
                "id STRING, country STRING",
            )
        }
    )
    engine = Engine(program)
    engine.open_shard("0")
    assert engine.references == {"cities": ""}
    engine.apply("0", [order("a", 1_000)])
    assert engine.set_reference("cities", "v1", b'x,"X, land",1\ny,Y,-\ntoo,few\nx,Other,2\n') == [3]
    engine.apply("0", [order("b", 2_000), order("c", 3_000, city="y")])
    found = [(row.values["id"], row.values["country"]) for row in engine.advance()]
    assert found == [("a", None), ("b", "X, land"), ("b", "Other"), ("c", None)]
    restored = Engine(program)
    restored.restore(json.loads(json.dumps(engine.snapshot())))
    assert restored.references == {"cities": "v1"}
    restored.set_reference("cities", "v2", b"x,New,1")
    restored.apply("0", [order("d", 4_000)])
    assert [row.values["country"] for row in restored.advance()] == ["New"]
    with pytest.raises(UnknownReference):
        engine.set_reference("orders", "v1", b"")


def test_a_versioned_table_is_met_as_it_was_at_the_rows_own_time() -> None:
    """Each row meets the last version before it, however late in the stream it comes."""
    select = """SELECT o.id, o.amount * r.rate FROM orders AS o JOIN rates FOR SYSTEM_TIME AS OF o.ts AS r
    ON o.payload.city = r.city"""
    rates = [{"city": "x", "rate": 1.5, "time": 900}, {"city": "x", "rate": 2, "time": 1_500}]
    rates += [{"city": "y", "rate": 3, "time": 12_001}, {"city": "x", "rate": 9, "time": 50_000}]
    found = rows(
        select, "id STRING, total DECIMAL(15,5)", orders=ORDERS, rates=[json.dumps(rate).encode() for rate in rates]
    )
    assert [(name, float(total)) for name, total in found] == [("a", 1.5), ("b", 14.0), (None, 2.0)]


def test_union_all_puts_rows_together_in_one_type() -> None:
    """Columns are called as in the first SELECT, types widen to hold both, and event time goes on."""
    text = f"""{TABLES} CREATE VIEW events AS SELECT id, 1 AS n, ts FROM orders
    UNION ALL SELECT id, CAST(weight AS BIGINT), ts FROM shipments UNION ALL SELECT 'z', 5, ts FROM shipments;
    CREATE TABLE o (window_start TIMESTAMP(3), n BIGINT) WITH ('connector' = 'kinesis', 'stream' = 's');
    INSERT INTO o SELECT window_start, SUM(n) FROM TABLE(TUMBLE(TABLE events, DESCRIPTOR(ts), INTERVAL '10' SECOND))
    GROUP BY window_start, window_end;"""
    found = run_script(text, {"orders": ORDERS, "shipments": SHIPMENTS})["o"]
    assert [(row.window_start, row.values["n"]) for row in found] == [(0, 3 + 4 + 20), (10_000, 1)]


def test_rows_of_a_window_function_carry_its_bounds() -> None:
    """Without GROUP BY a row comes out once for each of its windows."""
    select = """SELECT id, window_start, window_end FROM TABLE(HOP(TABLE shipments, DESCRIPTOR(ts), INTERVAL '5' SECOND,
    INTERVAL '10' SECOND)) WHERE city = 'y'"""
    found = run_script(script(select, "id STRING, s TIMESTAMP(3), e TIMESTAMP(3)"), {"shipments": SHIPMENTS})["o"]
    assert [(row.key, row.window_start, row.window_end) for row in found] == [
        ({"id": "a"}, 0, 10_000),
        ({"id": "a"}, 5_000, 15_000),
    ]


def test_only_columns_that_are_read_are_kept_and_nothing_is_kept_for_ever() -> None:
    """The state holds the columns that the query names, and none once all partners' time has passed."""
    select = "SELECT o.id, s.city FROM orders o JOIN shipments s ON o.id = s.id AND s.ts BETWEEN o.ts AND "
    select += "o.ts + INTERVAL '5' SECOND"
    engine = Engine(plan_script(script(select, "id STRING, city STRING")))
    engine.open_shard("0", "orders")
    engine.open_shard("1", "shipments")
    engine.apply("0", [order("a", 1_000, 12.5)])
    (held,) = engine.snapshot()["operators"].values()
    assert held["keys"] == [[["a"], [[[1_000, 0, "0", None, False, ["a"]]], []]]]
    engine.apply("0", [order("b", 100_000)])
    engine.apply("1", [shipment("c", 100_000)])
    engine.advance()
    assert engine.group_count == 2
    engine.finish()
    engine.advance()
    assert engine.group_count == 0


@pytest.mark.parametrize(
    ("select", "place", "message", "nearest"),
    [
        ("SELECT o.id FROM orders o JOIN shipments s ON o.id = s.id", "o.id = s.id", "bounds", "BETWEEN"),
        ("SELECT o.id FROM orders o, shipments s WHERE o.id = s.id", "shipments s WHERE", "bounds", "BETWEEN"),
        ("SELECT o.id FROM orders o JOIN shipments s ON o.id = s.id AND s.ts > o.ts", "s.ts >", "bounds", "BETWEEN"),
        (
            "SELECT o.id FROM orders o JOIN shipments s ON o.id = s.id AND s.ts > o.ts AND s.ts >= o.ts",
            "s.ts > o.ts AND",
            "both sides",
            "BETWEEN",
        ),
        ("SELECT o.id FROM orders o LEFT SEMI JOIN shipments s ON o.id = s.id", "shipments", "SEMI", "BETWEEN"),
        (
            "SELECT id FROM orders o JOIN shipments s ON o.id = s.id AND o.ts = s.ts",
            "id FROM",
            "ambiguous",
            "o.id or s.id",
        ),
        ("SELECT o.id FROM orders o JOIN shipments s ON o.id = s.no AND o.ts = s.ts", "s.no", "no column", "weight"),
        ("SELECT o.id FROM orders o JOIN shipments s ON o.payload = s.id AND o.ts = s.ts", "o.payload", "ROW", "CAST"),
        (
            "SELECT o.id FROM orders o JOIN shipments FOR SYSTEM_TIME AS OF o.proc AS s ON o.id = s.id",
            "shipments FOR",
            "no reference table",
            "filesystem",
        ),
        (
            "SELECT o.id FROM orders o JOIN cities FOR SYSTEM_TIME AS OF o.`time` AS c ON o.id = c.city",
            "o.`time`",
            "time attribute",
            "e.proc",
        ),
        (
            "SELECT o.id FROM orders o JOIN shipments FOR SYSTEM_TIME AS OF o.ts AS s ON o.id = s.id",
            "shipments FOR",
            "no versions",
            "PRIMARY KEY",
        ),
        (
            "SELECT o.id FROM orders o JOIN rates FOR SYSTEM_TIME AS OF o.ts AS r ON o.amount = r.rate",
            "rates FOR",
            "whole PRIMARY KEY",
            "FOR SYSTEM_TIME",
        ),
        (
            "SELECT a.ts, b.ts FROM orders a JOIN orders b ON a.id = b.id AND a.ts = b.ts",
            "a.ts",
            "event-time columns",
            "CAST(ts",
        ),
        ("SELECT id FROM orders UNION SELECT id FROM shipments", "id FROM shipments", "UNION without ALL", "UNION ALL"),
        ("SELECT id FROM orders UNION ALL SELECT weight FROM shipments", "weight", "do not go together", "CAST"),
        (
            "SELECT id FROM orders WHERE id IN (SELECT id FROM shipments)",
            "id IN",
            "bound to the window",
            "window_start",
        ),
    ],
)
def test_what_is_refused_is_told_with_the_nearest_form(select: str, place: str, message: str, nearest: str) -> None:
    """An error names where it is, what is wrong, and what to write instead."""
    text = script(select, "a TIMESTAMP_LTZ(3), b TIMESTAMP_LTZ(3)" if select.count(".ts, ") else "id STRING")
    with pytest.raises(SqlError) as refused:
        plan_script(text)
    error = refused.value
    assert message in error.message
    assert nearest in error.nearest
    line = text.splitlines()[error.line - 1]
    assert line[error.column - 1 :].startswith(place), line[error.column - 1 :]
