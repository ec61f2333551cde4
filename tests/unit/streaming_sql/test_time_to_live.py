"""SET 'table.exec.state.ttl': what no window forgets is forgotten by event time."""

import json
from typing import Any

import pytest

from streaming_sql import Engine, SqlError, plan_script
from streaming_sql.operators.time_to_live import TimeToLive

TABLES = """CREATE TABLE e (k STRING, `time` BIGINT, v INT, ts AS TO_TIMESTAMP_LTZ(`time`, 3), p AS PROCTIME(),
  WATERMARK FOR ts AS ts) WITH ('connector' = 'kinesis', 'stream' = 's');
CREATE TABLE x (k STRING, v INT) WITH ('connector' = 'kinesis', 'stream' = 'o');
"""
RANKED = (
    "SELECT k, v FROM (SELECT *, ROW_NUMBER() OVER (PARTITION BY k ORDER BY {order}) AS rn FROM e) WHERE rn {bound}"
)
QUERIES = {
    "first by event time": RANKED.format(order="ts", bound="= 1"),
    "last by event time": RANKED.format(order="ts DESC", bound="= 1"),
    "first by arrival": RANKED.format(order="p", bound="= 1"),
    "top-n": RANKED.format(order="v", bound="<= 2"),
    "unbounded": "SELECT k, SUM(v) OVER (PARTITION BY k ORDER BY ts) FROM e",
    "rows": "SELECT k, SUM(v) OVER (PARTITION BY k ORDER BY ts ROWS BETWEEN 5 PRECEDING AND CURRENT ROW) FROM e",
}


def engine(query: str, setting: str = "SET 'table.exec.state.ttl' = '10 s';") -> Engine:
    made = Engine(plan_script(f"{setting}{TABLES}INSERT INTO x {query};", single_shard=True))
    made.open_shard("0")
    return made


def feed(made: Engine, *rows: tuple[str, int, int]) -> list[Any]:
    made.apply("0", [json.dumps({"k": key, "time": time, "v": value}).encode() for key, time, value in rows])
    return [(row.change, *{**row.key, **row.values}.values()) for row in made.advance()]


@pytest.mark.parametrize("name", QUERIES)
def test_old_keys_are_forgotten(name: str) -> None:
    """A hundred keys that fell silent leave nothing but the one that is alive."""
    made = engine(QUERIES[name])
    feed(made, *((f"key {number}", 1_000 + number, 1) for number in range(100)))
    assert made.group_count >= 100
    feed(made, ("alive", 100_000, 1))
    feed(made, ("alive", 100_001, 1))
    assert made.group_count <= 5


@pytest.mark.parametrize("name", QUERIES)
def test_without_a_time_to_live_nothing_is_forgotten(name: str) -> None:
    """Flink's default: state is kept for ever."""
    made = engine(QUERIES[name], "")
    feed(made, *((f"key {number}", 1_000 + number, 1) for number in range(100)))
    feed(made, ("alive", 100_000, 1), ("alive", 100_001, 1))
    assert made.group_count >= 100


@pytest.mark.parametrize("together", [True, False])
def test_a_forgotten_key_begins_anew(together: bool) -> None:
    """The row's own watermark decides, not whether the engine came to forget the key before; a restart neither."""
    made = engine(QUERIES["first by arrival"])
    rows = [("a", 1_000, 1), ("a", 5_000, 2), ("b", 11_000, 3), ("a", 11_001, 4)]
    got = feed(made, *rows[:2])
    state = json.loads(json.dumps(made.snapshot()))
    made = engine(QUERIES["first by arrival"])
    assert made.restore(state) == []
    batches = [rows[2:]] if together else [[row] for row in rows[2:]]
    for batch in batches:
        got += feed(made, *batch)
    assert got == [("+I", "a", 1), ("+I", "b", 3), ("+I", "a", 4)]


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ("SET 'table.exec.state.ttl' = 'soon';", "no duration"),
        ("SET 'parallelism.default' = '4';", "option 'parallelism.default' is not supported"),
        ("SET x = 1;", "both in quotes"),
    ],
)
def test_other_settings_are_refused(setting: str, message: str) -> None:
    """The error names the form that is supported."""
    with pytest.raises(SqlError, match=message) as caught:
        engine(QUERIES["top-n"], setting)
    assert "table.exec.state.ttl" in caught.value.nearest


def test_zero_keeps_state_for_ever() -> None:
    """'0 ms' is Flink's way to say that nothing is forgotten."""
    made = engine(QUERIES["top-n"], "SET 'table.exec.state.ttl' = '0 ms';")
    feed(made, ("a", 1_000, 1), ("b", 100_000, 1), ("b", 100_001, 1))
    assert made.group_count == 5


def test_a_key_that_comes_back_is_watched_once() -> None:
    """A key that dies by its own shard's watermark, while another shard lags, is not on the schedule each time."""
    lives = TimeToLive(10)
    for watermark in range(0, 2_200, 11):
        if lives.is_over(("k",), watermark):
            lives.forget(("k",))
        lives.write(("k",), watermark)
        assert list(lives.over(watermark - 15)) == []
    assert len(lives) == 1
    assert list(lives.over(3_000)) == [("k",)]
    assert len(lives) == 0


@pytest.mark.parametrize("advanced", [(), (0,), (1,), (0, 1), (2,), (0, 1, 2, 3)])
def test_an_unbounded_sum_begins_anew_whenever_time_was_advanced(advanced: tuple[int, ...]) -> None:
    """The key is over by its shard's watermark when the second row of it comes, looked at or not."""
    made = engine(QUERIES["unbounded"])
    rows = []
    for number, (key, time) in enumerate((("a", 1_000), ("b", 12_500), ("b", 20_000), ("a", 21_000), ("b", 30_000))):
        made.apply("0", [json.dumps({"k": key, "time": time, "v": 1}).encode()])
        if number in advanced:
            rows += made.advance()
    rows += made.advance()
    while made.finish():
        rows += made.advance()
    assert sorted(tuple({**row.key, **row.values}.values()) for row in rows)[:2] == [("a", 1), ("a", 1)]
