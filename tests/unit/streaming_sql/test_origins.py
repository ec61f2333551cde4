"""What the values of state's keys are in the scans' rows, and where among them the records' partition key stands."""

import pytest

from streaming_sql import Program, load_program
from streaming_sql.nodes import Node

TABLES = """
CREATE TABLE pays (id STRING, card {kind}, amount INT, payload ROW<card STRING>,
  pk STRING METADATA FROM 'partition-key', `time` BIGINT,
  ts AS TO_TIMESTAMP_LTZ(`time`, 3), WATERMARK FOR ts AS ts - INTERVAL '2' SECOND)
WITH ('connector' = 'kinesis', 'stream' = 'events', 'partition-key' = 'card');
CREATE TABLE logins (id STRING, card {kind}, `time` BIGINT, ts AS TO_TIMESTAMP_LTZ(`time`, 3),
  WATERMARK FOR ts AS ts - INTERVAL '1' SECOND)
WITH ('connector' = 'kinesis', 'stream' = 'events', 'partition-key' = 'card');
CREATE VIEW renamed AS SELECT id, card AS owner, UPPER(id) AS card, amount, ts FROM pays;
CREATE TABLE found (a STRING, n BIGINT) WITH ('connector' = 'kinesis', 'stream' = 'aggregates');
CREATE TABLE alarms (a STRING, n BIGINT)
WITH ('connector' = 'kinesis', 'stream' = 'alerts', 'alert.key' = 'a', 'alert.resolve-after' = '1 min');
"""
GROUPED = (
    "SELECT CAST({key} AS STRING) AS a, COUNT(*) AS n FROM TABLE(TUMBLE(TABLE {table}, DESCRIPTOR(ts), "
    "INTERVAL '10' SECOND)) GROUP BY {keys}"
)
WINDOW = "window_start, window_end"
BETWEEN = "l.ts BETWEEN p.ts - INTERVAL '3' SECOND AND p.ts"


def keyed(query: str, *, sink: str = "found", kind: str = "STRING") -> list[Node]:
    made: Program = load_program({"q.sql": TABLES.format(kind=kind) + f"INSERT INTO {sink} {query};"})
    return [node for node in made.nodes if node.key_origins]


def places(query: str, *, sink: str = "found", kind: str = "STRING") -> list[int | None]:
    return [node.partition_place for node in keyed(query, sink=sink, kind=kind)]


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        (GROUPED.format(key="card", table="pays", keys=f"{WINDOW}, card"), [0]),
        (GROUPED.format(key="card", table="pays", keys=f"{WINDOW}, amount, card"), [1]),
        (GROUPED.format(key="pk", table="pays", keys=f"{WINDOW}, pk"), [0]),
        (GROUPED.format(key="payload.card", table="pays", keys=f"{WINDOW}, payload.card"), [None]),
        (GROUPED.format(key="card", table="renamed", keys=f"{WINDOW}, card"), [None]),
        (GROUPED.format(key="owner", table="renamed", keys=f"{WINDOW}, owner"), [0]),
        ("SELECT card, COUNT(*) OVER (PARTITION BY card ORDER BY ts) FROM pays", [0]),
        ("SELECT owner, COUNT(*) OVER (PARTITION BY card ORDER BY ts) FROM renamed", [None]),
        (f"SELECT p.card, 1 FROM pays p JOIN logins l ON p.card = l.card AND {BETWEEN}", [0]),
        (f"SELECT p.card, 1 FROM pays p JOIN logins l ON p.card = l.id AND {BETWEEN}", [None]),
        (
            "SELECT a, COUNT(*) OVER (PARTITION BY a ORDER BY ts) FROM "
            f"(SELECT p.card AS a, p.ts AS ts FROM pays p LEFT JOIN logins l ON p.card = l.card AND {BETWEEN})",
            [0, 0],
        ),
        (
            "SELECT a, COUNT(*) OVER (PARTITION BY a ORDER BY ts) FROM "
            f"(SELECT l.card AS a, p.ts AS ts FROM pays p LEFT JOIN logins l ON p.card = l.card AND {BETWEEN})",
            [0, None],
        ),
        (
            "SELECT c, COUNT(*) OVER (PARTITION BY c ORDER BY ts) FROM "
            "(SELECT card AS c, ts FROM pays UNION ALL SELECT card, ts FROM logins)",
            [0],
        ),
        (
            "SELECT c, COUNT(*) OVER (PARTITION BY c ORDER BY ts) FROM "
            "(SELECT card AS c, ts FROM pays UNION ALL SELECT id, ts FROM logins)",
            [None],
        ),
        (
            f"SELECT card, COUNT(*) FROM TABLE(TUMBLE(TABLE pays, DESCRIPTOR(ts), INTERVAL '10' SECOND)) "
            f"GROUP BY {WINDOW}, GROUPING SETS ((card), ())",
            [0, None],
        ),
    ],
)
def test_where_the_partition_key_stands(query: str, expected: list[int | None]) -> None:
    """It is followed through views, windows, joins and unions by what a column is, not by what it is called."""
    assert places(query) == expected


def test_alerts_are_keyed_by_what_their_key_columns_are() -> None:
    """The alert of a key stays with the rows of the key."""
    query = GROUPED.format(key="card", table="pays", keys=f"{WINDOW}, card").replace("CAST(card AS STRING)", "card")
    assert places(query, sink="alarms") == [0, 0]
    assert places(query.replace("SELECT card AS a", "SELECT UPPER(card) AS a"), sink="alarms") == [0, None]


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        ("STRING", 0),
        ("VARCHAR(9)", 0),
        ("BIGINT", 0),
        ("INT", 0),
        ("DOUBLE", None),
        ("DECIMAL(9, 2)", None),
        ("BOOLEAN", None),
    ],
)
def test_only_a_type_that_gives_back_the_text_can_be_the_partition_key(kind: str, expected: int | None) -> None:
    """1.0 and 1 are one DOUBLE and two texts: rows of such a key may come from two shards."""
    (node,) = keyed(GROUPED.format(key="card", table="pays", keys=f"{WINDOW}, card"), kind=kind)
    assert node.partition_place == expected
    assert node.local is (expected is not None)


def test_what_is_computed_from_one_scan_is_known_by_its_text() -> None:
    """Two nodes that group by the same expression of the same rows have one origin, and its value can be computed."""
    (first, second) = (
        keyed(GROUPED.format(key=f"UPPER({name})", table="pays", keys=f"{WINDOW}, UPPER({name})"))[0].key_origins[0]
        for name in ("id", "card")
    )
    (view,) = keyed(GROUPED.format(key="card", table="renamed", keys=f"{WINDOW}, card"))[0].key_origins
    (again,) = keyed("SELECT id, COUNT(*) OVER (PARTITION BY UPPER(id) ORDER BY ts) FROM pays")[0].key_origins
    assert first == view == again != second
    (origin,) = first
    assert origin.evaluate(type("Row", (), {"c0": "x"})()) == "X"


def test_values_that_no_scan_gave_have_no_origin() -> None:
    """An aggregate is nobody's column."""
    query = (
        "SELECT CAST(n AS STRING), COUNT(*) FROM (SELECT window_start, window_end, card, COUNT(*) AS n FROM "
        f"TABLE(TUMBLE(TABLE pays, DESCRIPTOR(ts), INTERVAL '10' SECOND)) GROUP BY {WINDOW}, card) GROUP BY {WINDOW}, n"
    )
    assert [list(map(bool, node.key_origins)) for node in keyed(query)] == [[True], [False]]
