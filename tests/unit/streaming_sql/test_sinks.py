"""What a sink makes of a query's columns."""

import json

import pytest

from streaming_sql import run_script

TABLE = """CREATE TABLE events (`time` BIGINT, card STRING, ts AS TO_TIMESTAMP_LTZ(`time`, 3),
  WATERMARK FOR ts AS ts) WITH ('connector' = 'kinesis', 'stream' = 'enriched');
"""
WINDOWS = (
    "FROM TABLE(TUMBLE(TABLE events, DESCRIPTOR(ts), INTERVAL '10' SECOND)) GROUP BY window_start, window_end, card"
)


@pytest.mark.parametrize(
    ("columns", "selected", "expected"),
    [
        ("ends TIMESTAMP(3), n BIGINT", "window_end, COUNT(*)", {"ends": 10_000, "n": 1}),
        ("e TIMESTAMP(3), s TIMESTAMP(3)", "window_end, window_start", {"e": 10_000, "s": 0}),
        ("a TIMESTAMP(3), b TIMESTAMP(3)", "window_start, window_start", {"a": 0, "b": 0}),
        ("n BIGINT", "COUNT(*)", {"n": 1}),
    ],
)
def test_a_row_gives_its_windows_bounds_under_the_names_that_the_sink_has_for_them(
    columns: str, selected: str, expected: dict[str, int]
) -> None:
    """Whichever of them are selected, in whatever order, once or twice."""
    sink = f"CREATE TABLE o ({columns}) WITH ('connector' = 'kinesis', 'stream' = 'aggregates');"
    records = [json.dumps({"time": 1, "card": "x"}).encode()]
    (row,) = run_script(f"{TABLE}{sink} INSERT INTO o SELECT {selected} {WINDOWS};", {"enriched": records})["o"]
    assert row.columns(expected) == expected
    assert (row.window_start, row.window_end) == (0, 10_000)


def test_rows_are_told_apart_by_what_is_grouped_and_not_selected() -> None:
    """The identity names them, so that one does not replace the other downstream."""
    sink = "CREATE TABLE o (n BIGINT) WITH ('connector' = 'kinesis', 'stream' = 'aggregates');"
    records = [json.dumps({"time": 1, "card": card}).encode() for card in "xy"]
    rows = run_script(f"{TABLE}{sink} INSERT INTO o SELECT COUNT(*) {WINDOWS};", {"enriched": records})["o"]
    assert sorted(row.identity for row in rows) == [("x",), ("y",)]
