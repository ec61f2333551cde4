"""Alerts: one of a condition that holds now and then, resolved when it no longer does."""

import json
from typing import Any

import pytest

from streaming_sql import Engine, SqlError, load_program
from streaming_sql.alerts import AlertPolicy, parse_duration, read_policy

TABLE = """CREATE TABLE events (`id` STRING, `time` BIGINT, s STRING, x DECIMAL(8, 2),
  ts AS TO_TIMESTAMP_LTZ(`time`, 3),
  WATERMARK FOR ts AS ts - INTERVAL '1' SECOND) WITH ('connector' = 'kinesis', 'stream' = 'enriched');
"""
WINDOWED = """INSERT INTO rule SELECT s, COUNT(*), SUM(x)
FROM TABLE(TUMBLE(TABLE events, DESCRIPTOR(ts), INTERVAL '10' SECOND))
GROUP BY window_start, window_end, s HAVING COUNT(*) >= 2;"""
PLAIN = "INSERT INTO rule SELECT s, 1, x FROM events WHERE x > 100;"


def engine(options: str, query: str = WINDOWED, columns: str = "s STRING, n BIGINT, total DECIMAL(38, 2)") -> Engine:
    if query is PLAIN and "alert.key" not in options:
        options += ", 'alert.key' = 's'"
    sink = (
        f"CREATE TABLE rule ({columns}) "
        f"WITH ('connector' = 'kinesis', 'stream' = 'alerts', 'severity' = 'high'{options and ', ' + options});\n"
    )
    made = Engine(load_program({"rule.sql": TABLE + sink + query}))
    made.open_shard("0")
    return made


def put(to: Engine, *events: tuple[int, str] | tuple[int, str, int]) -> list[tuple[Any, ...]]:
    """Seconds, key and amount of each event; what comes out as (status, key, seconds opened, resolved, count)."""
    rows = [
        json.dumps({"id": "e", "time": at * 1000, "s": key, "x": rest[0] if rest else 1}).encode()
        for at, key, *rest in events
    ]
    to.apply("0", rows)
    return told(to)


def told(of: Engine) -> list[tuple[Any, ...]]:
    out = []
    for row in of.advance():
        assert row.alert is not None
        resolved = row.alert.resolved
        out.append(
            (
                row.alert.status,
                row.key.get("s"),
                row.alert.opened // 1000,
                resolved and resolved // 1000,
                row.alert.count,
            )
        )
    return out


def test_a_condition_that_goes_on_is_one_alert_and_ends_once() -> None:
    """Windows that follow one another hold on; the first without the condition lets it end, by default a window on."""
    rule = engine("'alert.dedup-window' = '0 s'")
    assert put(rule, (1, "a"), (2, "a"), (11, "b")) == [("open", "a", 10, None, 1)]
    assert put(rule, (12, "a"), (13, "a"), (21, "b")) == []
    assert put(rule, (30, "b")) == []
    assert put(rule, (31, "b")) == [("resolved", "a", 10, 30, 2)]
    assert rule.group_count == 1, "only the open window's group is left"


def test_opening_and_resolution_share_an_id_that_no_other_alert_has() -> None:
    """It follows from rule, key and the time of opening alone."""
    rule = engine("'alert.resolve-after' = '5 s'")
    rows = []
    for batch in ([(1, "a"), (2, "a"), (16, "c")], [(21, "a"), (22, "a"), (36, "c")]):
        rule.apply("0", [json.dumps({"id": "e", "time": at * 1000, "s": key, "x": 1}).encode() for at, key in batch])
        rows += rule.advance()
    assert [(row.alert.status, row.alert.id) for row in rows if row.alert] == [
        ("open", 'rule|{"s":"a"}|10000'),
        ("resolved", 'rule|{"s":"a"}|10000'),
        ("open", 'rule|{"s":"a"}|30000'),
        ("resolved", 'rule|{"s":"a"}|30000'),
    ]
    assert [row.change for row in rows] == ["+I", "+U", "+I", "+U"]


def test_the_row_tells_the_last_window_and_its_values() -> None:
    """What resolved an alert is silence, so that it shows what held last."""
    rule = engine("'alert.resolve-after' = '10 s'")
    put(rule, (1, "a", 5), (2, "a", 6), (11, "a", 7), (12, "a", 8), (13, "a", 9))
    rule.finish()
    rule.advance()
    rule.finish()
    (row,) = rule.advance()
    assert (row.window_start, row.window_end) == (10_000, 20_000)
    assert {name: str(value) for name, value in row.values.items()} == {"n": "3", "total": "24.00"}


def test_nothing_opens_again_within_the_dedup_window() -> None:
    """It is counted from the opening, though the first alert is resolved long before."""
    rule = engine("'alert.resolve-after' = '1 s', 'alert.dedup-window' = '60 s'", PLAIN)
    assert put(rule, (10, "a", 200), (20, "c")) == [("open", "a", 10, None, 1), ("resolved", "a", 10, 11, 1)]
    assert put(rule, (30, "a", 200), (69, "a", 200), (71, "c")) == []
    assert put(rule, (72, "a", 200), (80, "c")) == [("open", "a", 72, None, 1), ("resolved", "a", 72, 73, 1)]


def test_a_holding_at_the_very_end_of_the_quiet_opens_again() -> None:
    """Opened at 10 with a window of 60: 69 is quiet, 70 is not."""
    rule = engine("'alert.resolve-after' = '1 s', 'alert.dedup-window' = '60 s'", PLAIN)
    put(rule, (10, "a", 200), (20, "c"))
    assert put(rule, (70, "a", 200), (71, "c")) == [("open", "a", 70, None, 1)]


def test_nothing_opens_within_the_cool_down() -> None:
    """It is counted from the resolution."""
    rule = engine("'alert.resolve-after' = '5 s', 'alert.cool-down' = '20 s'", PLAIN)
    assert put(rule, (10, "a", 200), (14, "a", 200), (30, "c"))[-1] == ("resolved", "a", 10, 19, 2)
    assert put(rule, (38, "a", 200), (40, "c")) == []
    assert put(rule, (41, "a", 200), (43, "c")) == [("open", "a", 41, None, 1)]


def test_alerts_are_told_apart_by_the_columns_of_their_key() -> None:
    """A coarser key makes one alert of several groups; a value may be part of it."""
    by_total = engine("'alert.key' = 'total, s', 'alert.resolve-after' = '1 h'")
    put(by_total, (1, "a"), (2, "a"), (1, "b"), (2, "b"))
    by_total.finish()
    assert sorted(told(by_total)) == [("open", "a", 10, None, 1), ("open", "b", 10, None, 1)]
    of_all = engine("'alert.key' = 'n', 'alert.resolve-after' = '1 h'")
    put(of_all, (1, "a"), (2, "a"), (1, "b"), (2, "b"))
    assert put(of_all, (12, "c"), (4000, "c")) == [("open", None, 10, None, 1), ("resolved", None, 10, 3610, 2)]


def test_rows_without_a_window_are_taken_in_the_order_of_event_time() -> None:
    """Out of order within the watermark's delay changes nothing."""
    rule = engine("'alert.resolve-after' = '5 s'", PLAIN)
    rule.apply(
        "0",
        [json.dumps({"id": "e", "time": at, "s": "a", "x": 200}).encode() for at in (20_000, 19_500, 19_100)],
    )
    rule.finish()
    (opened, resolved) = rule.advance()
    assert opened.alert is not None
    assert resolved.alert is not None
    assert (opened.alert.opened, resolved.alert.last, resolved.alert.count) == (19_100, 20_000, 3)


def test_a_late_row_holds_as_of_its_shards_watermark() -> None:
    """It is not passed over, and does not reopen what is past."""
    rule = engine("'alert.resolve-after' = '5 s'", PLAIN)
    put(rule, (100, "c"))
    assert put(rule, (10, "a", 200), (120, "c")) == [("open", "a", 99, None, 1), ("resolved", "a", 99, 104, 1)]


def test_without_options_every_row_is_an_alert_by_itself() -> None:
    """A severity alone keeps no state."""
    rule = engine("")
    rule.apply("0", [b'{"id": "e", "time": %d, "s": "a", "x": 1}' % at for at in (1, 2, 10_001, 10_002)])
    rule.finish()
    assert [(row.window_end, row.alert) for row in rule.advance()] == [(10_000, None), (20_000, None)]


def test_rows_of_no_group_must_say_what_tells_alerts_apart() -> None:
    """One alert for all cards would hide all but the first; who wants that writes it."""
    sink = "CREATE TABLE rule (s STRING) WITH ('connector' = 'kinesis', 'stream' = 'alerts', {}'severity' = 'high');\n"
    query = "INSERT INTO rule SELECT s FROM events;"
    with pytest.raises(SqlError, match=r"'alert\.key' = 'column, …'"):
        load_program({"rule.sql": TABLE + sink.format("'alert.cool-down' = '1 s', ") + query})
    load_program({"rule.sql": TABLE + sink.format("'alert.key' = '', ") + query})
    keyed = sink.replace("s STRING", "s STRING, PRIMARY KEY (s) NOT ENFORCED")
    load_program({"rule.sql": TABLE + keyed.format("'alert.cool-down' = '1 s', ") + query})


def test_time_that_passes_in_silence_resolves_an_alert() -> None:
    """No window is open any more, yet the alert waits for its end."""
    rule = engine("'alert.resolve-after' = '30 s'", PLAIN)
    put(rule, (10, "a", 200))
    assert rule.let_time_pass(20_000)
    assert told(rule) == [("open", "a", 10, None, 1)]
    rule.let_time_pass(31_000)
    assert told(rule) == [("resolved", "a", 10, 40, 1)]
    assert not rule.let_time_pass(60_000), "nothing is left that waits for time"


@pytest.mark.parametrize("query", [WINDOWED, PLAIN])
def test_alerts_go_on_where_a_snapshot_was_taken(query: str) -> None:
    """Through JSON, with exact decimals, open and quiet ones and holdings that wait for their time."""
    options = "'alert.resolve-after' = '15 s', 'alert.dedup-window' = '40 s'"
    events = [(at, "ab"[at % 2], 150) for at in range(1, 90, 3)]
    whole, half = engine(options, query), engine(options, query)
    together, parted = [], []
    for event in events:
        together += put(whole, event)
        parted += put(half, event)
        kept = json.loads(json.dumps(half.snapshot()))
        half = engine(options, query)
        assert half.restore(kept) == []
    for each, out in ((whole, together), (half, parted)):
        for _ in range(2):
            each.finish()
            out += told(each)
    assert parted == together
    assert {status for status, *_ in parted} == {"open", "resolved"}


def test_an_open_alert_outlives_a_change_of_its_querys_condition() -> None:
    """Or it would never be resolved; columns and key are what its state is made of."""
    rule = engine("'alert.resolve-after' = '10 s'", PLAIN)
    put(rule, (10, "a", 200), (15, "c"))
    kept = rule.snapshot()
    options = "'alert.resolve-after' = '10 s', 'alert.key' = 's'"
    changed = engine(options, PLAIN.replace("100", "150"))
    assert changed.restore(kept) == []
    assert put(changed, (18, "a", 120), (30, "c")) == [("resolved", "a", 10, 20, 1)]


def test_changed_keys_are_told_and_gone_ones_have_no_state() -> None:
    """So that a commit writes what changed alone."""
    rule = engine("'alert.resolve-after' = '5 s'", PLAIN)
    (sink,) = [each for node, each in rule._graph.operators.items() if "sink" in node.name]
    put(rule, (10, "a", 200), (12, "c"))
    assert sink.dirty == {('{"s":"a"}',)}
    (key,) = sink.dirty
    sink.dirty.clear()
    ((_, state),) = sink.snapshot([key])
    assert state is not None
    put(rule, (20, "c"))
    assert sink.dirty == {key}
    assert list(sink.snapshot([key])) == [(key[0], None)]


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ("'alert.window' = '1 s'", "no option 'alert.window'; there are .*alert.dedup-window"),
        ("'alert.key' = 'card'", "names no column 'card'; there are s, n, total"),
        ("'alert.dedup-window' = '10 minuts'", "write '10 min'"),
        ("'alert.resolve-after' = '0 s'", "must not be 0"),
        ("'alert.link' = 'https://x/{card}'", r"has \{card\}; there are s, n, total, id, rule"),
    ],
)
def test_what_is_wrong_is_named_at_its_place(options: str, said: str) -> None:
    """With line, column, option and the way to write it."""
    with pytest.raises(SqlError, match=f"rule.sql:5:13: sink rule: .*{said}"):
        engine(options)


def test_a_key_must_be_filled_by_the_query() -> None:
    """A column that the INSERT leaves out would be no key."""
    query = WINDOWED.replace("INTO rule SELECT s, COUNT(*), SUM(x)", "INTO rule (s, n) SELECT s, COUNT(*)")
    engine("'alert.key' = 's'", query)
    with pytest.raises(SqlError, match="names total, which the query does not fill"):
        engine("'alert.key' = 's, total'", query)


@pytest.mark.parametrize(
    ("text", "milliseconds"),
    [
        ("10 min", 600_000),
        ("10min", 600_000),
        ("1 h", 3_600_000),
        ("2 days", 172_800_000),
        ("500", 500),
        ("3 S", 3_000),
    ],
)
def test_durations_are_written_as_in_flink(text: str, milliseconds: int) -> None:
    """A number and a unit; without one they are milliseconds."""
    assert parse_duration("alert.cool-down", text) == milliseconds


def test_the_policy_has_defaults() -> None:
    """None of them hides an alert."""
    assert read_policy({"severity": "high"}, ["s"]) is None
    assert read_policy({"alert.key": "s"}, ["s"]) == AlertPolicy(("s",))
