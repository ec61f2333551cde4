"""OVER, top-N and deduplication by SQL. The answers are those that Flink 1.20.5 gave on these rows."""

import json
from collections import Counter
from typing import Any

import pytest

from streaming_sql import Engine, SqlError, plan_script
from streaming_sql.operators.sink import ResultRow

EVENTS = """CREATE TABLE e (k STRING, `time` BIGINT, v INT, place ROW<city STRING, level INT>,
  ts AS TO_TIMESTAMP_LTZ(`time`, 3), p AS PROCTIME(), WATERMARK FOR ts AS ts - INTERVAL '1' SECOND
) WITH ('connector' = 'kinesis', 'stream' = 's');
"""
ROWS: list[tuple[str, int, int | None]] = [
    ("a", 1000, 1),
    ("a", 1000, 2),
    ("a", 2000, 3),
    ("a", 2000, None),
    ("a", 3000, 3),
    ("b", 2500, 7),
    ("b", -5, 7),
    ("a", 9000, 5),
    ("a", 1500, 8),
    ("c", 1500, 9),
    ("c", 1600, 10),
    ("a", 12000, 6),
    ("c", 1400, 11),
]
LAST = "WINDOW w AS (PARTITION BY k ORDER BY ts RANGE BETWEEN INTERVAL '1' SECOND PRECEDING AND CURRENT ROW)"
PAIR = "WINDOW w AS (PARTITION BY k ORDER BY ts ROWS BETWEEN 1 PRECEDING AND CURRENT ROW)"
TUMBLE = "TABLE(TUMBLE(TABLE e, DESCRIPTOR(ts), INTERVAL '2' SECOND))"
Row = tuple[Any, ...]


def engine(select: str, columns: str, views: str = "") -> Engine:
    names = ", ".join(f"c{place} {kind}" for place, kind in enumerate(columns.split(", ")))
    sink = f"CREATE TABLE x ({names}) WITH ('connector' = 'kinesis', 'stream' = 'o');"
    made = Engine(plan_script(f"{EVENTS}{views}{sink} INSERT INTO x {select};", single_shard=True))
    made.open_shard("0")
    return made


def columns(row: ResultRow) -> Row:
    """The selected columns in their order."""
    return tuple(value for _, value in sorted({**row.key, **row.values}.items()))


def feed(made: Engine) -> None:
    for key, time, value in ROWS:
        row = {"k": key, "time": time, "v": value, "place": {"city": f"{key}-town", "level": value}}
        made.apply("0", [json.dumps(row).encode()])


def changes(made: Engine) -> list[tuple[str, Row]]:
    feed(made)
    made.finish()
    return [(row.change, columns(row)) for row in made.advance()]


def answers(select: str, columns: str, views: str = "") -> Counter[Row]:
    """The rows that came and did not go."""
    left: Counter[Row] = Counter()
    for change, row in changes(engine(select, columns, views)):
        assert change != "+U", "replaced rows have a key"
        left[row] += 1 if change == "+I" else -1
    return +left


def test_range_judges_lateness_by_key_and_forgets_keys() -> None:
    """(c, 1400) comes when the watermark is at 11000 and c was forgotten, so it counts; (a, 1500) is late for a."""
    got = answers(f"SELECT k, v, COUNT(DISTINCT v) OVER w FROM e {LAST}", "STRING, INT, BIGINT")
    expected = [("a", 1, 2), ("a", 2, 2), ("a", 3, 3), ("a", None, 3), ("b", 7, 1), ("a", 3, 1)]
    expected += [("c", 9, 1), ("c", 10, 2), ("a", 5, 1), ("c", 11, 1), ("a", 6, 1)]
    assert got == Counter(expected)


def test_rows_of_a_bounded_frame_leave_it() -> None:
    """FIRST_VALUE, LAST_VALUE and LISTAGG of two rows leave NULLs out; ROWS never forgets a key."""
    functions = "FIRST_VALUE(v) OVER w, LAST_VALUE(v) OVER w, LISTAGG(CAST(v AS STRING)) OVER w"
    got = answers(f"SELECT k, v, {functions} FROM e {PAIR}", "STRING, INT, INT, INT, STRING")
    expected = [("a", 1, 1, 1, "1"), ("a", 2, 1, 2, "1,2"), ("a", 3, 2, 3, "2,3"), ("a", None, 3, 3, "3")]
    expected += [("b", 7, 7, 7, "7"), ("a", 3, 3, 3, "3"), ("c", 9, 9, 9, "9"), ("c", 10, 9, 10, "9,10")]
    expected += [("a", 5, 3, 5, "3,5"), ("a", 6, 5, 6, "5,6")]
    assert got == Counter(expected)


def test_lag_and_rank_over_peers() -> None:
    """Rows of one time have one frame: LAG looks back from its last row, RANK counts it; late rows are left out."""
    window = "WINDOW w AS (PARTITION BY k ORDER BY ts)"
    got = answers(
        f"SELECT k, v, LAG(v) OVER w, RANK() OVER w, SUM(v) OVER w FROM e {window}", "STRING, INT, INT, BIGINT, INT"
    )
    expected = [("a", 1, 1, 2, 3), ("a", 2, 1, 2, 3), ("a", 3, 3, 4, 6), ("a", None, 3, 4, 6), ("a", 3, None, 5, 9)]
    expected += [("b", 7, None, 1, 7), ("a", 5, 3, 6, 14), ("a", 6, 5, 7, 20)]
    assert got == Counter(expected)


def test_row_number_counts_by_arrival() -> None:
    """ROW_NUMBER() tells rows of one time apart."""
    got = answers("SELECT k, v, ROW_NUMBER() OVER (PARTITION BY k ORDER BY ts) FROM e", "STRING, INT, BIGINT")
    expected = [
        ("a", 1, 1),
        ("a", 2, 2),
        ("a", 3, 3),
        ("a", None, 4),
        ("a", 3, 5),
        ("b", 7, 1),
        ("a", 5, 6),
        ("a", 6, 7),
    ]
    assert got == Counter(expected)


def test_results_are_part_of_expressions_and_rows_keep_fields() -> None:
    """A result is an operand like any other, and fields of a ROW are read from rows that waited."""
    select = "SELECT place.city, SUM(v) OVER (PARTITION BY place.city ORDER BY ts) * 10 + 1 FROM e WHERE k = 'b'"
    assert answers(select, "STRING, INT") == Counter([("b-town", 71)])


def test_by_arrival_every_row_counts() -> None:
    """ORDER BY a PROCTIME() column takes rows as they come, late or not."""
    got = answers("SELECT k, SUM(v) OVER (PARTITION BY k ORDER BY p) FROM e WHERE k <> 'a'", "STRING, INT")
    assert got == Counter([("b", 7), ("b", 14), ("c", 9), ("c", 19), ("c", 30)])


def test_top_n_with_ranks_replaces_rows_by_key_and_rank() -> None:
    """The table by (k, rn) is Flink's; the rank is part of a row's key."""
    select = (
        "SELECT * FROM (SELECT k, v, ROW_NUMBER() OVER (PARTITION BY k ORDER BY v DESC) AS rn FROM e) WHERE rn <= 2"
    )
    made = engine(select, "STRING, INT, BIGINT")
    feed(made)
    made.finish()
    table = {tuple(row.key.values()): tuple(row.values.values()) for row in made.advance()}
    assert table == {("a", 1): (8,), ("a", 2): (6,), ("b", 1): (7,), ("b", 2): (7,), ("c", 1): (11,), ("c", 2): (10,)}


def test_top_n_without_ranks_takes_rows_away() -> None:
    """A row that is no longer among the best goes, and then the new one comes."""
    inner = "SELECT *, ROW_NUMBER() OVER (PARTITION BY k ORDER BY v DESC) AS rn FROM e"
    got = changes(engine(f"SELECT k, v FROM ({inner}) WHERE rn <= 2", "STRING, INT"))
    assert got[:5] == [("+I", ("a", 1)), ("+I", ("a", 2)), ("-D", ("a", 1)), ("+I", ("a", 3)), ("-D", ("a", 2))]
    left = answers(f"SELECT k, v FROM ({inner}) WHERE rn <= 2", "STRING, INT")
    assert left == Counter([("a", 8), ("a", 6), ("b", 7), ("b", 7), ("c", 11), ("c", 10)])


def test_views_may_be_bounded_by_their_reader() -> None:
    """A ranking in a view means what its reader makes of it; ranks from the second on need no first."""
    view = "CREATE VIEW r AS SELECT *, ROW_NUMBER() OVER (PARTITION BY k ORDER BY v) AS rn FROM e;"
    got = answers("SELECT k, v FROM r WHERE rn > 1 AND rn <= 3", "STRING, INT", view)
    assert got == Counter([("a", 1), ("a", 2), ("b", 7), ("c", 10), ("c", 11)])


@pytest.mark.parametrize(
    ("order", "expected"),
    [
        ("ts", {"a": 1, "b": 7, "c": 11}),
        ("ts DESC", {"a": 6, "b": 7, "c": 10}),
        ("p DESC", {"a": 6, "b": 7, "c": 11}),
        ("p", {"a": 1, "b": 7, "c": 9}),
    ],
)
def test_deduplication(order: str, expected: dict[str, int]) -> None:
    """The first or last row of each key, late rows included; only the first to arrive is never revised."""
    select = (
        f"SELECT k, v FROM (SELECT *, ROW_NUMBER() OVER (PARTITION BY k ORDER BY {order}) AS rn FROM e) WHERE rn = 1"
    )
    got = changes(engine(select, "STRING, INT"))
    assert dict(row for _, row in got) == expected
    assert ({change for change, _ in got} == {"+I"}) is (order == "p")


def test_window_top_n() -> None:
    """Each window gives its best rows once, late rows left out."""
    inner = (
        f"SELECT *, ROW_NUMBER() OVER (PARTITION BY window_start, window_end, k ORDER BY v DESC) AS rn FROM {TUMBLE}"
    )
    got = answers(f"SELECT k, v, rn FROM ({inner}) WHERE rn <= 2", "STRING, INT, BIGINT")
    expected = [("a", 2, 1), ("a", 1, 2), ("a", 3, 1), ("a", 3, 2), ("b", 7, 1), ("a", 5, 1), ("a", 6, 1)]
    assert got == Counter(expected)


def test_window_top_n_in_the_grouped_select() -> None:
    """ROW_NUMBER over the groups of one SELECT is that over a subquery which groups."""
    inner = (
        "SELECT window_start, window_end, k, COUNT(*) AS c, ROW_NUMBER() OVER (PARTITION BY window_start, window_end"
    )
    inner = f"{inner} ORDER BY COUNT(*) DESC) AS rn FROM {TUMBLE} GROUP BY window_start, window_end, k"
    got = answers(f"SELECT k, c, rn FROM ({inner}) WHERE rn <= 2", "STRING, BIGINT, BIGINT")
    assert got == Counter([("a", 2, 1), ("a", 3, 1), ("b", 1, 2), ("a", 1, 1), ("a", 1, 1)])


@pytest.mark.parametrize("last", ["ts", "ts DESC"])
def test_window_deduplication(last: str) -> None:
    """Of rows of one time the first is first and the last is last."""
    inner = f"SELECT *, ROW_NUMBER() OVER (PARTITION BY window_start, window_end ORDER BY {last}) AS rn FROM {TUMBLE}"
    got = answers(f"SELECT k, v FROM ({inner}) WHERE rn = 1", "STRING, INT")
    first, final = [("a", 1), ("a", 3), ("a", 5), ("a", 6)], [("a", 2), ("a", 3), ("a", 5), ("a", 6)]
    assert got == Counter(first if last == "ts" else final)


@pytest.mark.parametrize(
    ("select", "message"),
    [
        ("SELECT SUM(v) OVER (PARTITION BY k ORDER BY ts DESC) FROM e", "ascending time"),
        ("SELECT SUM(v) OVER (PARTITION BY k ORDER BY v) FROM e", "a time attribute"),
        ("SELECT SUM(v) OVER (PARTITION BY k) FROM e", "ordered by one time attribute"),
        ("SELECT LEAD(v) OVER (PARTITION BY k ORDER BY ts) FROM e", "LEAD"),
        ("SELECT NTILE(2) OVER (PARTITION BY k ORDER BY ts) FROM e", "NTILE"),
        ("SELECT SUM(v) FILTER (WHERE v > 1) OVER (PARTITION BY k ORDER BY ts) FROM e", "FILTER"),
        ("SELECT LAG(v) OVER (PARTITION BY k ORDER BY ts ROWS 3 PRECEDING) FROM e", "ROWS or RANGE is not allowed"),
        (
            "SELECT SUM(v) OVER w, SUM(v) OVER (ORDER BY ts) FROM e WINDOW w AS (PARTITION BY k ORDER BY ts)",
            "one window",
        ),
        ("SELECT SUM(v) OVER (ORDER BY ts ROWS BETWEEN 1 PRECEDING AND 1 FOLLOWING) FROM e", "ends with CURRENT ROW"),
        ("SELECT k FROM (SELECT k, RANK() OVER (PARTITION BY k ORDER BY v) AS r FROM e) WHERE r < 3", "RANK and DENSE"),
        (
            "SELECT k FROM (SELECT k, ROW_NUMBER() OVER (PARTITION BY k ORDER BY v) AS r FROM e) WHERE r > 2",
            "need an end",
        ),
        ("SELECT k FROM (SELECT k, ROW_NUMBER() OVER (PARTITION BY k ORDER BY v) AS r FROM e) WHERE r < 1", "no row"),
        ("SELECT k, ROW_NUMBER() OVER (PARTITION BY k ORDER BY v) FROM e", "a time attribute"),
    ],
)
def test_what_flink_refuses(select: str, message: str) -> None:
    """The error names the place and the nearest supported form."""
    with pytest.raises(SqlError, match=message) as caught:
        plan_script(
            f"{EVENTS}CREATE TABLE x (c INT) WITH ('connector' = 'kinesis', 'stream' = 'o'); INSERT INTO x {select};"
        )
    assert caught.value.line > 1
    assert caught.value.nearest


def test_a_restart_changes_nothing() -> None:
    """The engine restored after every row gives the rows of one that never stopped."""
    selects = [
        (f"SELECT k, v, SUM(v) OVER w, MAX(v) OVER w, COUNT(DISTINCT v) OVER w, AVG(v) OVER w FROM e {LAST}", 6),
        (
            f"SELECT k, v, SUM(v) OVER w, MIN(v) OVER w, FIRST_VALUE(place.city) OVER w, LAST_VALUE(v) OVER w "
            f"FROM e {PAIR}",
            6,
        ),
        (
            "SELECT k, place.city, v FROM "
            "(SELECT *, ROW_NUMBER() OVER (PARTITION BY k ORDER BY v) AS rn FROM e) WHERE rn < 3",
            3,
        ),
    ]
    for select, width in selects:
        kinds = ", ".join(
            ["STRING", *["STRING" if "city" in part else "BIGINT" for part in select.split(",")[1:width]]]
        )
        whole = changes(engine(select, kinds))
        made = engine(select, kinds)
        got = []
        for key, time, value in ROWS:
            row = {"k": key, "time": time, "v": value, "place": {"city": f"{key}-town", "level": value}}
            made.apply("0", [json.dumps(row).encode()])
            got += [(result.change, columns(result)) for result in made.advance()]
            state = json.loads(json.dumps(made.snapshot()))
            made = engine(select, kinds)
            assert made.restore(state) == []
        made.finish()
        got += [(result.change, columns(result)) for result in made.advance()]
        assert got == whole


def test_a_rank_may_be_bounded_further_out() -> None:
    """SELECTs of columns alone stand between a ranking and its bound; what they compute of the rank is right."""
    ranking = "SELECT *, ROW_NUMBER() OVER (PARTITION BY k ORDER BY v DESC) AS rn FROM e"
    views = f"CREATE VIEW r AS {ranking}; CREATE VIEW named (a, b, c) AS SELECT k, rn, rn * 10 FROM r;"
    made = engine("SELECT a, c FROM (SELECT a, b AS place, c FROM named) WHERE place <= 2", "STRING, BIGINT", views)
    feed(made)
    made.finish()
    assert {columns(row) for row in made.advance()} == {(key, place) for key in "abc" for place in (10, 20)}
    got = answers("SELECT k, n FROM (SELECT k, n FROM numbered)", "STRING, BIGINT", NUMBERED)
    assert got == Counter([*(("a", place) for place in range(1, 8)), ("b", 1)])


NUMBERED = "CREATE VIEW numbered AS SELECT k, ROW_NUMBER() OVER (PARTITION BY k ORDER BY ts) AS n FROM e;"
