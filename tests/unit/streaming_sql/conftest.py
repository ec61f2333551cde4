import json
from collections.abc import Callable
from typing import Any

import pytest

from streaming_sql import Engine, Program, load_program

TABLE = """CREATE TABLE events (
  `id` STRING, `time` BIGINT, s STRING, i INT, b BIGINT, d DOUBLE, x DECIMAL(8, 2), f BOOLEAN,
  payload ROW<page STRING, `value` DOUBLE, deep ROW<name STRING>>,
  ts AS TO_TIMESTAMP_LTZ(`time`, 3),
  WATERMARK FOR ts AS ts - INTERVAL '5' SECOND
) WITH ('connector' = 'kinesis', 'stream' = 'enriched');
"""


@pytest.fixture
def program() -> Callable[..., Program]:
    """A program of one query: `program(selected, sink columns)`, with window and clauses as wanted."""

    def make(
        selected: str,
        columns: str,
        *,
        window: str = "TUMBLE(TABLE events, DESCRIPTOR(ts), INTERVAL '10' SECOND)",
        where: str = "",
        group: str = "",
        having: str = "",
    ) -> Program:
        return load_program(
            {
                "test.sql": f"""{TABLE}
CREATE TABLE result ({columns}) WITH ('connector' = 'kinesis', 'stream' = 'aggregates');
INSERT INTO result SELECT {selected} FROM TABLE({window}) {where and f"WHERE {where}"}
GROUP BY window_start, window_end {group and f", {group}"} {having and f"HAVING {having}"};"""
            }
        )

    return make


@pytest.fixture
def evaluate(program: Callable[..., Program]) -> Callable[..., Any]:
    """The value of an expression over one row, read from JSON: `evaluate("i + 1", "INT", i=1)`."""

    def value(expression: str, kind: str, **row: Any) -> Any:
        engine = Engine(program(f"MAX({expression})", f"v {kind}"))
        engine.open_shard("0")
        engine.apply("0", [json.dumps({"time": 1, **row}).encode()])
        engine.finish()
        return engine.advance()[0].values["v"]

    return value
