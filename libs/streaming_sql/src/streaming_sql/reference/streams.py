"""OVER, ranking, joins and patterns of the reference."""
# ruff: noqa: S608 (SQL of constant parts, over the sample tables)

from __future__ import annotations

from streaming_sql.match_syntax import MATCH_FORM
from streaming_sql.planning.join_conditions import INTERVAL_FORM
from streaming_sql.planning.over import TOP_N_FORM
from streaming_sql.planning.over_specification import OVER_FORM
from streaming_sql.planning.semi_joins import SEMI_FORM
from streaming_sql.planning.temporal_joins import LOOKUP_FORM, REFERENCE_FORM, TEMPORAL_FORM
from streaming_sql.reference.entry import Entry

_TUMBLE = "TABLE(TUMBLE(TABLE visits, DESCRIPTOR(ts), INTERVAL '10' SECOND))"
_WAIT = "each row, once the watermark reaches its time; what a frame or a rank may still need is kept"

OVER = (
    Entry(
        "Aggregates OVER the rows before",
        f"{OVER_FORM}\nSELECT ..., aggregate OVER w FROM t\nWINDOW w AS (PARTITION BY key ORDER BY ts [frame])",
        "An aggregate of the rows of a key up to this one, by time (RANGE) or by their number (ROWS); without a frame, "
        "of all. Rows of the same time are one step of RANGE. All functions of one SELECT share one window.",
        _WAIT,
        "SELECT user_id, page, SUM(latency_ms) OVER w AS total, COUNT(*) OVER w AS n FROM visits "
        "WINDOW w AS (PARTITION BY user_id ORDER BY ts RANGE BETWEEN INTERVAL '10' SECOND PRECEDING AND CURRENT ROW)",
    ),
    Entry(
        "LAG, ROW_NUMBER, RANK, DENSE_RANK, FIRST_VALUE, LAST_VALUE",
        "LAG(x [, rows [, default]]) OVER (PARTITION BY key ORDER BY ts)\n"
        "ROW_NUMBER() OVER (PARTITION BY key ORDER BY ts)",
        "A value of an earlier row of the key, or the row's place among them.",
        _WAIT,
        "SELECT user_id, page, LAG(page) OVER (PARTITION BY user_id ORDER BY ts) AS page_before FROM visits",
    ),
    Entry(
        "Deduplication",
        "SELECT ... FROM (SELECT *, ROW_NUMBER() OVER (PARTITION BY key ORDER BY ts [ASC | DESC]) AS rn FROM t) "
        "WHERE rn = 1",
        "The first row of each key, or with DESC the last one so far.",
        "a revision whenever another row is the first or last one; by a PROCTIME() column the first row is final, and "
        "comes out at once. The keys seen are kept, see SET",
        "SELECT user_id, page FROM (SELECT *, ROW_NUMBER() OVER (PARTITION BY user_id ORDER BY ts DESC) AS rn "
        "FROM visits) WHERE rn = 1",
    ),
    Entry(
        "Top-N",
        TOP_N_FORM,
        "The N rows of each key that come first by any columns. The answer is revised as better rows come.",
        "a revision whenever the answer changes; its rows are kept",
        "SELECT user_id, page, latency_ms FROM (SELECT *, ROW_NUMBER() OVER (PARTITION BY user_id "
        "ORDER BY latency_ms DESC) AS rn FROM visits) WHERE rn <= 1",
    ),
    Entry(
        "Top-N of a window",
        "SELECT ... FROM (SELECT *, ROW_NUMBER() OVER (PARTITION BY window_start, window_end [, key] ORDER BY x DESC) "
        "AS rn FROM windowed) WHERE rn <= 10",
        "The N rows of each window, also of aggregates. Nothing is revised.",
        "when the watermark reaches the window's end",
        "SELECT window_start, page, n FROM (SELECT *, ROW_NUMBER() OVER (PARTITION BY window_start, window_end "
        "ORDER BY n DESC, page) AS rn FROM (SELECT window_start, window_end, page, COUNT(*) AS n FROM "
        f"{_TUMBLE} GROUP BY window_start, window_end, page)) WHERE rn <= 1",
    ),
)

JOINS = (
    Entry(
        "Interval join",
        INTERVAL_FORM,
        "Pairs of two streams with equal keys and times near one another: INNER, LEFT, RIGHT or FULL OUTER.",
        "each pair when the later of both comes, a row without partner when its interval is over",
        "SELECT v.user_id, v.page, v.amount, p.paid FROM visits AS v LEFT JOIN payments AS p ON v.user_id = p.user_id "
        "AND p.ts BETWEEN v.ts AND v.ts + INTERVAL '30' SECOND WHERE v.page = '/cart'",
    ),
    Entry(
        "Window join",
        "FROM (SELECT * FROM TABLE(TUMBLE(...))) a [LEFT | RIGHT | FULL] JOIN (SELECT * FROM TABLE(TUMBLE(...))) b\n"
        "ON a.id = b.id AND a.window_start = b.window_start AND a.window_end = b.window_end",
        "Pairs of the same window.",
        "when the watermark reaches the window's end",
        f"SELECT a.user_id, a.page, b.paid FROM (SELECT * FROM {_TUMBLE}) AS a JOIN (SELECT * FROM "
        "TABLE(TUMBLE(TABLE payments, DESCRIPTOR(ts), INTERVAL '10' SECOND))) AS b ON a.user_id = b.user_id "
        "AND a.window_start = b.window_start AND a.window_end = b.window_end",
    ),
    Entry(
        "Semi and anti join",
        SEMI_FORM,
        "Rows for which a subquery finds, or does not find, a partner in their window.",
        "when the watermark reaches the window's end",
        f"SELECT a.user_id, a.page FROM (SELECT * FROM {_TUMBLE}) AS a WHERE NOT EXISTS (SELECT * FROM (SELECT * FROM "
        "TABLE(TUMBLE(TABLE payments, DESCRIPTOR(ts), INTERVAL '10' SECOND))) AS b WHERE a.user_id = b.user_id "
        "AND a.window_start = b.window_start AND a.window_end = b.window_end)",
    ),
    Entry(
        "Lookup join",
        f"{REFERENCE_FORM}\n{LOOKUP_FORM}",
        "Columns of a reference table, a file of JSON lines or CSV, as it stands when the event is processed: `proc` "
        "is a column `proc AS PROCTIME()`.",
        "at once",
        "SELECT c.user_id, c.page, p.city FROM clicks AS c JOIN people FOR SYSTEM_TIME AS OF c.proc AS p "
        "ON c.user_id = p.user_id WHERE c.page = '/pay'",
        "CREATE TABLE clicks (user_id STRING, page STRING, proc AS PROCTIME()) "
        "WITH ('connector' = 'kinesis', 'stream' = 'visits');\n"
        "CREATE TABLE people (user_id STRING, city STRING, PRIMARY KEY (user_id) NOT ENFORCED) "
        "WITH ('connector' = 'filesystem', 'path' = 'people.jsonl', 'format' = 'json');",
    ),
    Entry(
        "Temporal join",
        TEMPORAL_FORM,
        "The version of a key that was valid at the event's time; `versions` is a stream with a PRIMARY KEY.",
        "once the watermarks of both reach the event's time; versions that may still be asked for are kept",
        "SELECT v.user_id, v.page, b.paid FROM visits AS v LEFT JOIN balances FOR SYSTEM_TIME AS OF v.ts AS b "
        "ON v.user_id = b.user_id WHERE v.page <> '/'",
        "CREATE TABLE balances (user_id STRING, `time` BIGINT, paid DECIMAL(8, 2), ts AS TO_TIMESTAMP_LTZ(`time`, 3),\n"
        "  WATERMARK FOR ts AS ts, PRIMARY KEY (user_id) NOT ENFORCED) "
        "WITH ('connector' = 'kinesis', 'stream' = 'payments');",
    ),
    Entry(
        "UNION ALL",
        "SELECT ... UNION ALL SELECT ...",
        "The rows of all. Columns go by their order.",
        "at once",
        "SELECT user_id, amount FROM visits WHERE page = '/pay' UNION ALL SELECT user_id, paid FROM payments",
    ),
)

PATTERNS = (
    Entry(
        "MATCH_RECOGNIZE",
        MATCH_FORM,
        "Runs of rows of a key that match a pattern, one right after the other: what should not stand between them is "
        "filtered out first. Quantifiers * + ? {n} {n,} {n,m} are greedy, with a further ? reluctant. WITHIN limits "
        "the time from the first to the last row. AFTER MATCH SKIP says where the next match may begin.",
        "when the watermark reaches a match's last row; rows of partial matches are kept, no longer than WITHIN",
        "SELECT user_id, cart_at, paid_at FROM visits MATCH_RECOGNIZE (PARTITION BY user_id ORDER BY ts "
        "MEASURES CART.ts AS cart_at, PAY.ts AS paid_at ONE ROW PER MATCH AFTER MATCH SKIP PAST LAST ROW "
        "PATTERN (CART PAY) WITHIN INTERVAL '1' MINUTE "
        "DEFINE CART AS CART.page = '/cart', PAY AS PAY.page = '/pay')",
    ),
)
