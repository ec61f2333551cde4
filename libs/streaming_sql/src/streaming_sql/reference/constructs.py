"""Statements, clauses and window functions of the reference."""

from __future__ import annotations

from streaming_sql.planning.settings import SET_FORM
from streaming_sql.planning.windows import FORMS
from streaming_sql.reference.entry import Entry

STATEMENTS = (
    Entry(
        "CREATE TABLE that reads a stream",
        "CREATE TABLE name (\n"
        "  column TYPE [NOT NULL], ...,\n"
        "  column TYPE METADATA [FROM 'timestamp' | 'shard-id' | 'sequence-number' | 'partition-key'],\n"
        "  column AS expression,\n"
        "  column AS PROCTIME(),\n"
        "  WATERMARK FOR column AS column [- INTERVAL '5' SECOND]\n"
        ") WITH ('connector' = 'kinesis', 'stream' = '...' [, 'format' = 'json'] [, 'partition-key' = 'field'])",
        "JSON events. A missing field is NULL, one of the wrong type becomes NULL and is counted; what is no JSON "
        "object is malformed and left out. The WATERMARK names the event-time column and how late events may be: the "
        "watermark is the greatest event time of a shard less the interval. 'partition-key' says which field the "
        "records are partitioned by, so that keys which include it are known to come from one shard.",
    ),
    Entry(
        "CREATE TABLE that a query fills",
        "CREATE TABLE name (column TYPE, ... [, PRIMARY KEY (column, ...) NOT ENFORCED])\n"
        "WITH ('connector' = 'kinesis', 'stream' = 'aggregates' | 'alerts' [, 'severity' = '...'])",
        "Where rows go, and what their columns are called. A sink has no WATERMARK. A table of the stream `alerts` "
        "has a severity. The PRIMARY KEY tells rows apart where no grouping does.",
    ),
    Entry(
        "CREATE VIEW",
        "CREATE VIEW name [(column, ...)] AS SELECT ...",
        "A query by name. A view that only selects and filters costs nothing: it becomes part of what reads it.",
        example="SELECT user_id, seconds FROM slow",
        before="CREATE VIEW slow AS SELECT user_id, latency_ms / 1000 AS seconds FROM visits WHERE latency_ms > 300;",
    ),
    Entry(
        "INSERT INTO",
        "INSERT INTO sink [(column, ...)] SELECT ...",
        "Runs a query for ever and fills a table with its rows. Columns go by their order; types must fit. There is "
        "one INSERT for each sink.",
    ),
    Entry(
        "SET",
        SET_FORM,
        "Forgets what deduplication, top-N and OVER without a time frame keep of a key once nothing has come of it "
        "for so long. For the statements that follow.",
    ),
)

CLAUSES = (
    Entry(
        "SELECT and WHERE",
        "SELECT expression [AS name], ... FROM table | view | (SELECT ...) [AS name] [WHERE condition]",
        "Each event by itself. A condition that is NULL does not pass.",
        "at once",
        "SELECT user_id, UPPER(page) AS page, amount * 2 AS twice FROM visits WHERE amount >= 10",
    ),
    Entry(
        "WITH",
        "WITH name AS (SELECT ...), ... SELECT ... FROM name",
        "A view for one statement.",
        example="WITH carts AS (SELECT user_id, amount FROM visits WHERE page = '/cart') SELECT * FROM carts",
    ),
    Entry(
        "GROUP BY",
        "SELECT window_start, window_end, key, aggregate, ... FROM TABLE(WINDOW FUNCTION)\n"
        "GROUP BY window_start, window_end [, key, ...] [HAVING condition]",
        "Aggregates of each window. HAVING filters the groups.",
        "when the watermark reaches the window's end; a group is kept until then",
        "SELECT window_start, user_id, COUNT(*) AS hits FROM TABLE(TUMBLE(TABLE visits, DESCRIPTOR(ts), "
        "INTERVAL '10' SECOND)) GROUP BY window_start, window_end, user_id HAVING COUNT(*) > 1",
    ),
    Entry(
        "FILTER",
        "aggregate FILTER (WHERE condition)",
        "Aggregates only the rows for which the condition is true.",
        example="SELECT window_start, COUNT(*) AS hits, COUNT(*) FILTER (WHERE status = 'failed') AS failed "
        "FROM TABLE(TUMBLE(TABLE visits, DESCRIPTOR(ts), INTERVAL '1' MINUTE)) GROUP BY window_start, window_end",
    ),
)


def _window(kind: str, says: str, emits: str, call: str) -> Entry:
    columns = "window_start, window_end, user_id" if kind == "SESSION" else "window_start, window_end"
    example = f"SELECT {columns}, COUNT(*) AS hits FROM TABLE({call}) GROUP BY {columns}"  # noqa: S608 (an example)
    return Entry(kind, FORMS[kind], says, emits, example)


WINDOWS = (
    _window(
        "TUMBLE",
        "Windows of one size, one after the other, aligned to the epoch (and a third interval, the offset).",
        "each window once the watermark reaches its end",
        "TUMBLE(TABLE visits, DESCRIPTOR(ts), INTERVAL '10' SECOND)",
    ),
    _window(
        "HOP",
        "Windows of the second interval's size that begin every first interval, of which it is a multiple. An event is "
        "in several windows; it is counted once, in the slice that they share. A late event still counts in those of "
        "its windows that have not fired.",
        "each window once the watermark reaches its end",
        "HOP(TABLE visits, DESCRIPTOR(ts), INTERVAL '10' SECOND, INTERVAL '20' SECOND)",
    ),
    _window(
        "CUMULATE",
        "Windows that begin together and grow by the first interval up to the second: counters of the day so far.",
        "each step once the watermark reaches its end",
        "CUMULATE(TABLE visits, DESCRIPTOR(ts), INTERVAL '10' SECOND, INTERVAL '40' SECOND)",
    ),
    _window(
        "SESSION",
        "A window for each run of events of one key with no gap of the interval or more. It begins with its first "
        "event and ends the gap after its last one; an event between two sessions joins them.",
        "a session once the watermark reaches its end",
        "SESSION(TABLE visits PARTITION BY user_id, DESCRIPTOR(ts), INTERVAL '10' SECOND)",
    ),
)
