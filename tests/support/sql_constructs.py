"""Every construct that keeps state, as queries over payments and logins, and hostile events for them."""

import json
import random
from typing import Any

from streaming_sql import Engine, Program, load_program

TABLES = """
SET 'table.exec.state.ttl' = '{ttl}';
CREATE TABLE pays (`id` STRING, `time` BIGINT, card STRING, amount INT, price DECIMAL(10, 2), ratio DOUBLE,
  ts AS TO_TIMESTAMP_LTZ(`time`, 3), p AS PROCTIME(), WATERMARK FOR ts AS ts - INTERVAL '2' SECOND)
WITH ('connector' = 'kinesis', 'stream' = 'pays'{options});
CREATE TABLE logins (`id` STRING, `time` BIGINT, card STRING,
  ts AS TO_TIMESTAMP_LTZ(`time`, 3), WATERMARK FOR ts AS ts - INTERVAL '1' SECOND,
  PRIMARY KEY (card) NOT ENFORCED)
WITH ('connector' = 'kinesis', 'stream' = 'logins'{options});
CREATE TABLE found ({columns}) WITH ('connector' = 'kinesis', 'stream' = 'aggregates');
"""
AGGREGATES = {
    "n": ("BIGINT", "COUNT(*)"),
    "ids": ("BIGINT", "COUNT(DISTINCT amount)"),
    "total": ("DECIMAL(38, 2)", "SUM(price)"),
    "distinct_total": ("INT", "SUM(DISTINCT amount)"),
    "mean": ("DOUBLE", "AVG(ratio)"),
    "exact": ("DOUBLE", "SUM(ratio)"),
    "least": ("DOUBLE", "MIN(ratio)"),
    "most": ("DECIMAL(10, 2)", "MAX(price)"),
    "deviation": ("DOUBLE", "STDDEV_POP(ratio)"),
    "variance": ("INT", "VAR_SAMP(amount)"),
    "first_id": ("STRING", "FIRST_VALUE(id)"),
    "last_id": ("STRING", "LAST_VALUE(id)"),
    "listed": ("STRING", "LISTAGG(id, '-')"),
    "listed_once": ("STRING", "LISTAGG(DISTINCT card)"),
    "median": ("DOUBLE", "PERCENTILE(ratio, 0.5)"),
    "about": ("DOUBLE", "APPROX_PERCENTILE(ratio, 0.9)"),
    "cards": ("BIGINT", "APPROX_COUNT_DISTINCT(id)"),
    "some": ("BIGINT", "COUNT(DISTINCT card) FILTER (WHERE amount > 30)"),
}
VALUES = ", ".join(f"{name} {kind}" for name, (kind, _) in AGGREGATES.items())
CALLS = ", ".join(call for _, call in AGGREGATES.values())
OVER_CALLS = ", ".join(
    f"{call} OVER w"
    for call in (
        *("COUNT(*)", "SUM(amount)", "SUM(price)", "SUM(ratio)", "AVG(ratio)", "MAX(ratio)", "MIN(price)"),
        *("FIRST_VALUE(id)", "LAST_VALUE(id)", "COUNT(DISTINCT amount)"),
    )
)
OVER_VALUES = (
    "id STRING, a BIGINT, b INT, c DECIMAL(38, 2), d DOUBLE, e DOUBLE, f DOUBLE, g DECIMAL(10, 2), h STRING, i STRING, "
    "j BIGINT"
)
WINDOW = "window_start TIMESTAMP(3), window_end TIMESTAMP(3), "


def grouped(call: str) -> tuple[str, str]:
    select = "SELECT window_start, window_end, card, {} FROM TABLE({}) GROUP BY window_start, window_end, card"
    return WINDOW + "card STRING, " + VALUES, select.format(CALLS, call)


def over(frame: str) -> tuple[str, str]:
    return (
        OVER_VALUES,
        f"SELECT id, {OVER_CALLS} FROM pays WINDOW w AS (PARTITION BY card ORDER BY {frame})",
    )


def ranked(order: str, bound: str, columns: str = "id, card, amount, price, ratio") -> tuple[str, str]:
    names = "id STRING, card STRING, amount INT, price DECIMAL(10, 2), ratio DOUBLE"
    return (
        names + (", place BIGINT" if "place" in columns else ""),
        f"SELECT {columns} FROM (SELECT *, ROW_NUMBER() OVER (PARTITION BY card ORDER BY {order}) AS place "
        f"FROM pays) WHERE place {bound}",
    )


def matched(pattern: str, skip: str = "PAST LAST ROW") -> tuple[str, str]:
    return (
        "card STRING, first_id STRING, total INT, mean DOUBLE, n BIGINT, most DECIMAL(10, 2)",
        "SELECT card, first_id, total, mean, n, most FROM pays MATCH_RECOGNIZE (PARTITION BY card ORDER BY ts "
        "MEASURES FIRST(S.id) AS first_id, SUM(S.amount) AS total, AVG(S.ratio) AS mean, "
        f"COUNT(S.id) AS n, MAX(S.price) AS most AFTER MATCH SKIP {skip} PATTERN ({pattern}) "
        "WITHIN INTERVAL '20' SECOND DEFINE S AS S.amount < 60, B AS B.amount > 40 AND B.amount >= AVG(S.amount)"
        + (", C AS C.amount < 20)" if pattern.endswith("C") else ")"),
    )


TUMBLE_PAYS = "(SELECT * FROM TABLE(TUMBLE(TABLE pays, DESCRIPTOR(ts), INTERVAL '10' SECOND))) p"
TUMBLE_LOGINS = "(SELECT * FROM TABLE(TUMBLE(TABLE logins, DESCRIPTOR(ts), INTERVAL '10' SECOND))) l"
QUERIES = {
    "tumble": grouped("TUMBLE(TABLE pays, DESCRIPTOR(ts), INTERVAL '10' SECOND)"),
    "hop": (
        WINDOW + "card STRING, n BIGINT, listed STRING, mean DOUBLE, ids BIGINT, about DOUBLE, median DOUBLE, d DOUBLE",
        "SELECT window_start, window_end, card, COUNT(*), LISTAGG(id), AVG(ratio), COUNT(DISTINCT amount), "
        "APPROX_PERCENTILE(ratio, 0.9), PERCENTILE(ratio, 0.3), STDDEV_POP(ratio) FROM TABLE(HOP(TABLE pays, "
        "DESCRIPTOR(ts), INTERVAL '4' SECOND, INTERVAL '12' SECOND)) GROUP BY window_start, window_end, card",
    ),
    "cumulate": grouped("CUMULATE(TABLE pays, DESCRIPTOR(ts), INTERVAL '3' SECOND, INTERVAL '12' SECOND)"),
    "session": grouped("SESSION(TABLE pays PARTITION BY card, DESCRIPTOR(ts), INTERVAL '3' SECOND)"),
    "session of all": grouped("SESSION(TABLE pays, DESCRIPTOR(ts), INTERVAL '1' SECOND)"),
    "over range": over("ts RANGE BETWEEN INTERVAL '5' SECOND PRECEDING AND CURRENT ROW"),
    "over rows": over("ts ROWS BETWEEN 2 PRECEDING AND CURRENT ROW"),
    "over unbounded": over("ts"),
    "over unbounded rows": over("ts ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW"),
    "over arrival": over("p ROWS BETWEEN 3 PRECEDING AND CURRENT ROW"),
    "over arrival range": over("p RANGE BETWEEN INTERVAL '5' SECOND PRECEDING AND CURRENT ROW"),
    "lag": (
        "id STRING, before INT, n BIGINT",
        "SELECT id, LAG(amount, 2) OVER w, COUNT(*) OVER w FROM pays WINDOW w AS (PARTITION BY card ORDER BY ts)",
    ),
    "interval join": (
        "id STRING, login STRING, price DECIMAL(10, 2), ratio DOUBLE",
        "SELECT p.id, l.id, p.price, p.ratio FROM pays p FULL JOIN logins l ON p.card = l.card "
        "AND l.ts BETWEEN p.ts - INTERVAL '3' SECOND AND p.ts + INTERVAL '2' SECOND",
    ),
    "self join": (
        "id STRING, other STRING",
        "SELECT p.id, l.id FROM pays p JOIN pays l ON p.card = l.card "
        "AND l.ts BETWEEN p.ts - INTERVAL '3' SECOND AND p.ts + INTERVAL '2' SECOND",
    ),
    "temporal join": (
        "id STRING, login STRING, ratio DOUBLE",
        "SELECT p.id, l.id, p.ratio FROM pays AS p LEFT JOIN logins FOR SYSTEM_TIME AS OF p.ts AS l ON p.card = l.card",
    ),
    "window join": (
        WINDOW + "id STRING, login STRING, price DECIMAL(10, 2)",
        f"SELECT p.window_start, p.window_end, p.id, l.id, p.price FROM {TUMBLE_PAYS} FULL JOIN {TUMBLE_LOGINS} "
        "ON p.card = l.card AND p.window_start = l.window_start AND p.window_end = l.window_end",
    ),
    "match": matched("S{2,} B"),
    "match next": matched("S+ B", "TO NEXT ROW"),
    "match optional": matched("S+? B? C"),
    "first by time": ranked("ts", "= 1"),
    "last by time": ranked("ts DESC", "= 1"),
    "first by arrival": ranked("p", "<= 2"),
    "last by arrival": ranked("p DESC", "= 1"),
    "top 2": ranked("amount DESC", "<= 2"),
    "top 2 with ranks": ranked("amount DESC, ratio", "<= 2", "id, card, amount, price, ratio, place"),
    "window top 2": (
        WINDOW + "id STRING, ratio DOUBLE",
        "SELECT window_start, window_end, id, ratio FROM (SELECT *, ROW_NUMBER() OVER (PARTITION BY window_start, "
        f"window_end, card ORDER BY amount DESC) AS place FROM {TUMBLE_PAYS.removesuffix(' p')}) WHERE place <= 2",
    ),
    "window of windows": (
        WINDOW + "n BIGINT, total DOUBLE",
        "SELECT window_start, window_end, COUNT(*), SUM(total) FROM (SELECT window_start, window_end, card, "
        "SUM(ratio) AS total FROM TABLE(TUMBLE(TABLE pays, DESCRIPTOR(ts), INTERVAL '10' SECOND)) "
        "GROUP BY window_start, window_end, card) GROUP BY window_start, window_end",
    ),
    "by double and decimal": (
        WINDOW + "ratio DOUBLE, price DECIMAL(10, 2), n BIGINT",
        "SELECT window_start, window_end, ratio, price, COUNT(*) FROM TABLE(HOP(TABLE pays, DESCRIPTOR(ts), "
        "INTERVAL '5' SECOND, INTERVAL '10' SECOND)) GROUP BY window_start, window_end, ratio, price",
    ),
}
# Where shards share keys their time to live is told by when the watermark came to look: without one there.
BY_EVENT_TIME: set[str] = set()
LATE = {"tumble", "hop", "cumulate", "session", "session of all"}


def program(name: str, *, local: bool, late: bool, ttl: str) -> Program:
    columns, query = QUERIES[name]
    options = (", 'partition-key' = 'card'" if local else "") + (", 'allowed-lateness' = '6 s'" if late else "")
    return load_program(
        {"q.sql": TABLES.format(options=options, columns=columns, ttl=ttl) + f"INSERT INTO found {query};"}
    )


class Arrived:
    """How a record came, in the order in which they are applied."""

    def __init__(self, number: int) -> None:
        self.arrived = number * 700
        self.sequence_number = str(number)
        self.partition_key = "k"


def event(number: int, rng: random.Random) -> bytes:
    late = rng.choice((0, 0, 300, 1_500, 4_000, 9_000))
    fields: dict[str, Any] = {
        "id": f"e{number}",
        "time": max(0, number * rng.choice((350, 351)) - late) // 100 * 100,
        "card": rng.choice(("x", "y", "z", None, f"n{number // 6}")),
        "amount": rng.choice((None, *range(0, 100, 7))),
        "price": rng.choice((None, "1.50", "1.5", 0, "0.10", "-3.25")),
        "ratio": rng.choice((None, 0.1, 0.2, -0.0, 0.0, 1e300, -1e300, 3, 0.30000000000000004)),
    }
    return json.dumps(fields).encode()


def rows_of(engine: Engine) -> list[str]:
    rows = [
        json.dumps([row.change, row.window_start, row.window_end, row.time, row.values], default=str)
        + json.dumps(row.key, default=str).replace("-0.0", "0.0")
        for row in engine.advance()
    ]
    return sorted(rows)
