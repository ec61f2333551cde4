"""Sessions, OVER, joins, rankings and patterns, and their rows: what aggregators that are killed must get right."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from aggregator.alerts import result_row
from aggregator.rows import Stamp, late_row
from streaming_sql import Engine, Program, run_script

Event = dict[str, Any]
Table = dict[str, dict[str, Any]]

SOURCE_TABLE = """
CREATE TABLE events (`id` STRING, `time` BIGINT, `type` STRING, card STRING, amount INT,
  ts AS TO_TIMESTAMP_LTZ(`time`, 3), WATERMARK FOR ts AS ts - INTERVAL '2' SECOND)
WITH ('connector' = 'kinesis', 'stream' = 'enriched'{options});
"""
QUERIES = {
    "sessions": (
        "card STRING, n BIGINT, total INT, ids BIGINT",
        "SELECT card, COUNT(*), SUM(amount), COUNT(DISTINCT id) FROM TABLE(SESSION(TABLE events PARTITION BY card, "
        "DESCRIPTOR(ts), INTERVAL '4' SECOND)) GROUP BY window_start, window_end, card",
    ),
    "trailing": (
        "id STRING, n BIGINT, mean INT",
        "SELECT id, COUNT(*) OVER w, AVG(amount) OVER w FROM events WINDOW w AS (PARTITION BY card ORDER BY ts "
        "RANGE BETWEEN INTERVAL '8' SECOND PRECEDING AND CURRENT ROW)",
    ),
    "last_three": (
        "id STRING, total INT",
        "SELECT id, SUM(amount) OVER (PARTITION BY card ORDER BY ts ROWS BETWEEN 2 PRECEDING AND CURRENT ROW) "
        "FROM events",
    ),
    "paid_after_login": (
        "pay STRING, login STRING",
        "SELECT p.id, l.id FROM (SELECT * FROM events WHERE `type` = 'pay') p LEFT JOIN (SELECT * FROM events "
        "WHERE `type` = 'login') l ON p.card = l.card AND p.ts BETWEEN l.ts AND l.ts + INTERVAL '6' SECOND",
    ),
    "busiest": (
        "window_start TIMESTAMP(3), window_end TIMESTAMP(3), most BIGINT",
        "SELECT window_start, window_end, MAX(n) FROM (SELECT window_start, window_end, card, COUNT(*) AS n FROM "
        "TABLE(CUMULATE(TABLE events, DESCRIPTOR(ts), INTERVAL '5' SECOND, INTERVAL '15' SECOND)) "
        "GROUP BY window_start, window_end, card) GROUP BY window_start, window_end",
    ),
    "small_then_large": (
        "card STRING, first_id STRING, last_id STRING",
        "SELECT card, first_id, last_id FROM events MATCH_RECOGNIZE (PARTITION BY card ORDER BY ts "
        "MEASURES FIRST(S.id) AS first_id, B.id AS last_id AFTER MATCH SKIP PAST LAST ROW "
        "PATTERN (S+ B) WITHIN INTERVAL '25' SECOND DEFINE S AS S.amount < 50, B AS B.amount > 50)",
    ),
    "largest": (
        "window_start TIMESTAMP(3), window_end TIMESTAMP(3), id STRING, place BIGINT",
        "SELECT window_start, window_end, id, place FROM (SELECT *, ROW_NUMBER() OVER (PARTITION BY window_start, "
        "window_end ORDER BY amount DESC, id) AS place FROM TABLE(TUMBLE(TABLE events, DESCRIPTOR(ts), "
        "INTERVAL '10' SECOND))) WHERE place <= 2",
    ),
}
ALERTS = {
    "burst": (
        "card STRING, n BIGINT",
        "SELECT card, COUNT(*) FROM TABLE(HOP(TABLE events, DESCRIPTOR(ts), INTERVAL '5' SECOND, INTERVAL '15' SECOND"
        ")) GROUP BY window_start, window_end, card HAVING COUNT(*) >= 3",
    ),
}
_ALERT_SINK = (
    "CREATE TABLE {name} ({columns}) WITH ('connector' = 'kinesis', 'stream' = 'alerts', 'severity' = 'low', "
    "'alert.resolve-after' = '7 s', 'alert.dedup-window' = '20 s', 'alert.cool-down' = '3 s');\n"
)
_SINK = "CREATE TABLE {name} ({columns}) WITH ('connector' = 'kinesis', 'stream' = 'aggregates');\n"


def scripts_of(queries: dict[str, tuple[str, str]], options: str = "") -> dict[str, str]:
    """A script for each query of (columns, SELECT), over a table with these further options."""
    table = SOURCE_TABLE.format(options=options)
    return {
        f"{name}.sql": table
        + (_ALERT_SINK if name in ALERTS else _SINK).format(name=name, columns=columns)
        + f"INSERT INTO {name} {query};"
        for name, (columns, query) in queries.items()
    }


def undisturbed(scripts: dict[str, str], shards: dict[str, list[Event]]) -> Table:
    """Every row by its id, of all events in order of time in one shard of one engine, without a crash."""
    events = sorted((event for records in shards.values() for event in records), key=lambda event: event["time"])
    records = [json.dumps(event).encode() for event in events]
    rows: Table = {}
    for script in scripts.values():
        for results in run_script(script, {"enriched": records}).values():
            for result in results:
                identity, values = told(json.loads(result_row(result, Stamp(0, 0, 0)).data))
                rows[identity] = values
    return rows


def shard_by_shard(program: Program, shards: Mapping[str, tuple[Sequence[bytes], Sequence[str]]]) -> Table:
    """Every row by its id, late ones too, of one engine over (records, children) of each shard, parents first."""
    engine = Engine(program)
    for shard in shards:
        if not any(shard in children for _, children in shards.values()):
            engine.open_shard(shard)
    told_rows = []
    for shard, (records, children) in shards.items():
        applied = engine.apply(shard, records)
        told_rows += [late_row(late, records[late.place]) for late in applied.late]
        if children:
            engine.close_shard(shard, children)
    results = engine.advance()
    while engine.finish():
        results += engine.advance()
    told_rows += [result_row(result, Stamp(0, 0, 0)) for result in results]
    return dict(told(json.loads(row.data)) for row in told_rows)


def told(row: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    """What a delivered row is known by, and what it says, but for when and by whom it was delivered."""
    if "window_end" in row and "values" not in row:
        return f"late|{row['id']}", {name: row[name] for name in ("time", "window_end", "watermark", "shard")}
    if "status" not in row:
        return row["id"], row["values"]
    said = {name: row.get(name) for name in ("values", "count", "opened", "last", "resolved")}
    return f"{row['id']}|{row['status']}", said
