"""GROUP BY of windows through SQL: what comes out, what is revised, and what is refused."""

import json
from typing import Any

import pytest

from streaming_sql import Engine, ResultRow, SqlError, plan_script, run_script

OPTIONS = "'connector' = 'kinesis', 'stream' = 'enriched'"
COLUMNS = (
    "`time` BIGINT, k STRING, s STRING, n INT, small SMALLINT, d DECIMAL(10, 2), x DOUBLE, "
    "ts AS TO_TIMESTAMP_LTZ(`time`, 3), WATERMARK FOR ts AS ts - INTERVAL '1' SECOND"
)
TABLE = f"CREATE TABLE events ({COLUMNS}) WITH ({OPTIONS});\n"
TUMBLE = "FROM TABLE(TUMBLE(TABLE events, DESCRIPTOR(ts), INTERVAL '10' SECOND))"
SESSION = "FROM TABLE(SESSION(TABLE events PARTITION BY k, DESCRIPTOR(ts), INTERVAL '5' SECOND))"
GROUP = "GROUP BY window_start, window_end"


def event(second: float, k: str = "a", **fields: Any) -> bytes:
    return json.dumps({"time": int(second * 1000), "k": k, **fields}).encode()


def script(select: str, columns: str, table: str = TABLE) -> str:
    return f"{table}CREATE TABLE out ({columns}) WITH ({OPTIONS});\nINSERT INTO out {select};"


def values(rows: list[ResultRow]) -> list[tuple[Any, ...]]:
    return [
        (row.window_start, row.window_end, *row.key.values(), *row.values.values())
        for row in sorted(rows, key=lambda row: (row.window_end or 0, row.window_start or 0, repr(row.key)))
    ]


def run(select: str, columns: str, events: list[bytes], table: str = TABLE) -> list[tuple[Any, ...]]:
    return values(run_script(script(select, columns, table), {"enriched": events})["out"])


def test_cumulate_counts_all_since_the_window_began() -> None:
    """Each step of a CUMULATE window holds the rows since its start; steps before a key's first row hold none."""
    select = (
        "SELECT window_start, window_end, k, COUNT(*) FROM TABLE(CUMULATE(TABLE events, DESCRIPTOR(ts), "
        "INTERVAL '10' SECOND, INTERVAL '30' SECOND)) GROUP BY window_start, window_end, k"
    )
    columns = "a TIMESTAMP(3), b TIMESTAMP(3), k STRING, n BIGINT"
    rows = run(select, columns, [event(1), event(12), event(13, "b"), event(31)])
    assert rows == [
        (0, 10_000, "a", 1),
        (0, 20_000, "a", 2),
        (0, 20_000, "b", 1),
        (0, 30_000, "a", 2),
        (0, 30_000, "b", 1),
        (30_000, 40_000, "a", 1),
        (30_000, 50_000, "a", 1),
        (30_000, 60_000, "a", 1),
    ]


def test_sessions_by_one_column_are_grouped_by_another() -> None:
    """PARTITION BY k makes the sessions; each s in one has a row with the session's bounds, as in Flink."""
    select = f"SELECT window_start, window_end, k, s, COUNT(*) {SESSION} {GROUP}, k, s"
    columns = "a TIMESTAMP(3), b TIMESTAMP(3), k STRING, s STRING, n BIGINT"
    events = [event(1, s="x"), event(2, "b", s="x"), event(4, s="y"), event(7, s="x"), event(20, s="x")]
    assert run(select, columns, events) == [
        (2_000, 7_000, "b", "x", 1),
        (1_000, 12_000, "a", "x", 2),
        (1_000, 12_000, "a", "y", 1),
        (20_000, 25_000, "a", "x", 1),
    ]


def test_a_window_of_windows_groups_by_the_bounds_that_rows_carry() -> None:
    """GROUP BY window_start, window_end over a view of windows adds up its rows window by window."""
    view = f"CREATE VIEW by_key AS SELECT window_start, window_end, k, SUM(n) AS total {TUMBLE} {GROUP}, k;\n"
    select = f"SELECT window_start, window_end, COUNT(*), MAX(total) FROM by_key {GROUP}"
    columns = "a TIMESTAMP(3), b TIMESTAMP(3), keys BIGINT, most INT"
    rows = run(select, columns, [event(1, n=1), event(2, "b", n=5), event(3, n=2), event(15, n=9)], TABLE + view)
    assert rows == [(0, 10_000, 2, 5), (10_000, 20_000, 1, 9)]


def test_grouping_sets_rollup_and_cube() -> None:
    """Each set has rows of its own; a key left out is NULL, and not the group of a key that is NULL."""
    columns = "a TIMESTAMP(3), b TIMESTAMP(3), k STRING, s STRING, n BIGINT"
    events = [event(1, s="x"), event(2, s=None), event(3, "b", s="x")]

    def counts(sets: str) -> list[tuple[Any, ...]]:
        select = f"SELECT window_start, window_end, k, s, COUNT(*) {TUMBLE} {GROUP}, {sets}"
        return sorted((row[2:] for row in run(select, columns, events)), key=repr)

    assert counts("GROUPING SETS ((k), (s), ())") == sorted(
        [("a", None, 2), ("b", None, 1), (None, "x", 2), (None, None, 1), (None, None, 3)], key=repr
    )
    by_both = [("a", "x", 1), ("a", None, 1), ("b", "x", 1)]
    assert counts("ROLLUP (k, s)") == sorted([*by_both, ("a", None, 2), ("b", None, 1), (None, None, 3)], key=repr)
    cube = [*by_both, ("a", None, 2), ("b", None, 1), (None, "x", 2), (None, None, 1), (None, None, 3)]
    assert counts("CUBE (k, s)") == sorted(cube, key=repr)
    program = plan_script(
        script(f"SELECT window_start, window_end, k, s, COUNT(*) {TUMBLE} {GROUP}, CUBE (k, s)", columns)
    )
    engine = Engine(program)
    engine.open_shard("s")
    engine.apply("s", events)
    engine.finish()
    identities = [(tuple(row.key.values()), row.identity) for row in engine.advance()]
    assert len(set(identities)) == len(identities) == 8


def test_a_negative_offset_moves_windows_back() -> None:
    """INTERVAL '-3' SECOND begins windows 3 seconds before the full ten."""
    select = (
        "SELECT window_start, window_end, COUNT(*) FROM TABLE(TUMBLE(TABLE events, DESCRIPTOR(ts), "
        f"INTERVAL '10' SECOND, INTERVAL '-3' SECOND)) {GROUP}"
    )
    rows = run(select, "a TIMESTAMP(3), b TIMESTAMP(3), n BIGINT", [event(6), event(7), event(16)])
    assert rows == [(-3_000, 7_000, 1), (7_000, 17_000, 2)]


def test_integers_average_and_deviate_as_in_flink() -> None:
    """Sums of a SMALLINT wrap, also for AVG; deviations of integers are computed in integers (Flink 1.20's answers)."""
    select = f"SELECT window_start, window_end, k, AVG(small), STDDEV_POP(n), VAR_SAMP(n) {TUMBLE} {GROUP}, k"
    columns = "a TIMESTAMP(3), b TIMESTAMP(3), k STRING, mean SMALLINT, deviation INT, variance INT"
    numbers = [7, 100_000, -5, 12, 2]
    events = [event(place, n=number, small=30_000) for place, number in enumerate(numbers)]
    assert run(select, columns, events) == [(0, 10_000, "a", 3_785, 15_016, 281_853_124)]


def test_calls_of_one_argument_read_it_once_and_right() -> None:
    """Conditions and other arguments between two calls of one argument leave each its own value."""
    select = (
        "SELECT window_start, window_end, SUM(n), COUNT(n) FILTER (WHERE s = 'x'), SUM(n) FILTER (WHERE s = 'y'), "
        "MAX(d), MIN(n), COUNT(DISTINCT JSON_VALUE(s, '$.a')), LISTAGG(JSON_VALUE(s, '$.a'), '+'), MAX(n) "
        f"{TUMBLE} {GROUP}"
    )
    columns = (
        "a TIMESTAMP(3), b TIMESTAMP(3), total INT, n BIGINT, of_y INT, d DECIMAL(10, 2), least INT, texts BIGINT, "
        "list STRING, most INT"
    )
    events = [
        event(1, n=3, s="x", d=1.5),
        event(2, n=None, s="x", d=9.25),
        event(3, n=5, s="y"),
        event(4, n=-2, s='{"a": "p"}'),
        event(5, n=4, s='{"a": "p"}'),
    ]
    (row,) = run(select, columns, events)
    assert [str(value) for value in row[2:]] == ["10", "1", "5", "9.25", "-2", "1", "p+p", "5"]


LATENESS = TABLE.replace("'stream' = 'enriched'", "'stream' = 'enriched', 'allowed-lateness' = '10 s'")


def started(select: str, columns: str) -> Engine:
    engine = Engine(plan_script(script(select, columns, LATENESS)))
    engine.open_shard("s")
    return engine


def changes(engine: Engine, *events: bytes) -> tuple[list[Any], int]:
    late = len(engine.apply("s", list(events)).late)
    return [(row.change, row.window_end, *row.key.values(), *row.values.values()) for row in engine.advance()], late


def test_a_late_row_revises_its_window_for_as_long_as_the_table_allows() -> None:
    """A window that has fired gives out its key's row again, once an advance; a row beyond the lateness is late."""
    select = f"SELECT window_start, window_end, k, COUNT(*) {TUMBLE} {GROUP}, k"
    engine = started(select, "a TIMESTAMP(3), b TIMESTAMP(3), k STRING, n BIGINT")
    assert changes(engine, event(1), event(12)) == ([("+I", 10_000, "a", 1)], 0)
    assert changes(engine, event(2), event(3), event(4, "b"), event(13)) == (
        [("+U", 10_000, "a", 3), ("+I", 10_000, "b", 1)],
        0,
    )
    restored = started(select, "a TIMESTAMP(3), b TIMESTAMP(3), k STRING, n BIGINT")
    engine.apply("s", [event(5)])
    restored.restore(json.loads(json.dumps(engine.snapshot())))
    assert changes(restored, event(13.5)) == ([("+U", 10_000, "a", 4)], 0)
    assert changes(restored, event(21)) == ([("+I", 20_000, "a", 3)], 0)
    assert changes(restored, event(6)) == ([], 1)


def test_a_revised_row_that_having_drops_takes_the_old_one_away() -> None:
    """HAVING holds for what a window is after its late rows: the row that no longer passes is deleted."""
    select = f"SELECT window_start, window_end, k, COUNT(*) {TUMBLE} {GROUP}, k HAVING COUNT(*) < 2"
    engine = started(select, "a TIMESTAMP(3), b TIMESTAMP(3), k STRING, n BIGINT")
    assert changes(engine, event(1), event(12))[0] == [("+I", 10_000, "a", 1)]
    assert changes(engine, event(2), event(13))[0] == [("-D", 10_000, "a", 2)]


def test_a_late_row_joins_two_sessions_that_were_given_out() -> None:
    """Both rows are deleted, the session of both comes in their place."""
    select = f"SELECT window_start, window_end, k, COUNT(*) {SESSION} {GROUP}, k"
    engine = started(select, "a TIMESTAMP(3), b TIMESTAMP(3), k STRING, n BIGINT")
    given, _ = changes(engine, event(1), event(9), event(16))
    assert given == [("+I", 6_000, "a", 1), ("+I", 14_000, "a", 1)]
    given, late = changes(engine, event(5.5), event(16.5))
    assert given == [("-D", 6_000, "a", 1), ("-D", 14_000, "a", 1), ("+I", 14_000, "a", 3)]
    assert late == 0


@pytest.mark.parametrize(
    ("select", "message"),
    [
        (f"SELECT COUNT(*) {SESSION} {GROUP}", "partitioned by k, which is not grouped"),
        (f"SELECT COUNT(*) {TUMBLE} GROUP BY window_start, k", "must list window_start, window_end"),
        (f"SELECT COUNT(*) {TUMBLE} {GROUP}, 1", "by position"),
        (f"SELECT COUNT(DISTINCT k, s) {TUMBLE} {GROUP}", "COUNT with 2 arguments"),
        (f"SELECT LISTAGG(n) {TUMBLE} {GROUP}", "LISTAGG of INT"),
        (f"SELECT LISTAGG(k, s) {TUMBLE} {GROUP}", "a literal is needed"),
        (f"SELECT PERCENTILE(x, 2) {TUMBLE} {GROUP}", "from 0 to 1"),
        (f"SELECT PERCENTILE(x) {TUMBLE} {GROUP}", "PERCENTILE with 1 arguments"),
        (f"SELECT SUM(*) {TUMBLE} {GROUP}", "SUM"),
        (f"SELECT COLLECT(k) {TUMBLE} {GROUP}", "COLLECT"),
        ("SELECT COUNT(*) FROM events GROUP BY k", "windows of a window function"),
    ],
)
def test_what_is_outside_the_subset_is_refused_at_its_place(select: str, message: str) -> None:
    """The error says what is wrong, where, and the nearest supported form."""
    with pytest.raises(SqlError, match=message) as caught:
        plan_script(script(select, "n BIGINT"))
    assert (caught.value.line, bool(caught.value.nearest)) == (3, True)


def test_windows_that_are_revised_cannot_be_grouped_again() -> None:
    """Only a sink takes rows that change later."""
    view = f"CREATE VIEW by_key AS SELECT window_start, window_end, k, COUNT(*) AS n {TUMBLE} {GROUP}, k;\n"
    with pytest.raises(SqlError, match="revised later"):
        plan_script(script(f"SELECT COUNT(*) FROM by_key {GROUP}", "n BIGINT", LATENESS + view))
