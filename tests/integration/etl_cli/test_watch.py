"""`etl sql watch` on the page that the aggregator serves beside its probes."""

import asyncio
import json
from functools import partial

import pytest
from click.testing import CliRunner
from prometheus_client import CollectorRegistry

from aggregator.duplicates import SeenEvents
from aggregator.state import State
from aggregator.windows import Windows
from etl_cli.__main__ import main
from service_runtime.probes import ProbeServer
from streaming_sql import Engine, load_program

pytestmark = pytest.mark.integration

SCRIPT = """CREATE TABLE events (`id` STRING, `time` BIGINT, `key` STRING, ts AS TO_TIMESTAMP_LTZ(`time`, 3),
  WATERMARK FOR ts AS ts - INTERVAL '5' SECOND) WITH ('connector' = 'kinesis', 'stream' = 'enriched');
CREATE TABLE counts (window_start TIMESTAMP(3), `key` STRING, events BIGINT)
  WITH ('connector' = 'kinesis', 'stream' = 'aggregates');
INSERT INTO counts SELECT window_start, `key`, COUNT(*)
FROM TABLE(TUMBLE(TABLE events, DESCRIPTOR(ts), INTERVAL '10' SECOND)) GROUP BY window_start, window_end, `key`;
"""


async def watch(pages, *arguments):
    """The command's result against a server of the pages."""
    async with ProbeServer("127.0.0.1", 0, CollectorRegistry(), lambda: True, pages) as server:
        command = ["sql", "watch", *arguments, "--url", f"http://127.0.0.1:{server.port}"]
        return await asyncio.to_thread(partial(CliRunner().invoke, main, command))


@pytest.fixture
def pages():
    """The page of an engine with one open window of two groups."""
    engine = Engine(load_program({"a.sql": SCRIPT}))
    engine.open_shard("0")
    engine.apply("0", [json.dumps({"key": key, "time": 1_000}).encode() for key in "aab"])
    engine.advance()
    states = [State(engine, SeenEvents(0))]
    return {"windows": Windows(lambda: engine.program.queries, lambda: states).page}


async def test_open_windows_are_shown(pages):
    """The counts of a window that has not fired, with the watermark."""
    result = await watch(pages, "counts", "--json")
    assert result.exit_code == 0, result.output
    rows = [json.loads(line) for line in result.stdout.splitlines()]
    assert sorted((row["key"], row["events"]) for row in rows) == [("a", 2), ("b", 1)]
    plain = (await watch(pages, "counts")).stdout
    assert "counts · 2 rows open · watermark 1969-12-31 23:59:56Z" in plain


async def test_queries_are_named(pages):
    """Without a query the command lists them; with an unknown one it tells the known."""
    assert (await watch(pages)).stdout == "counts\n"
    result = await watch(pages, "nothing")
    assert result.exit_code == 1
    assert "there are: counts" in result.stderr


async def test_a_task_that_stands_by_says_so():
    """Where another task has the state there is nothing to show."""
    result = await watch({"windows": Windows(tuple, tuple).page}, "counts")
    assert result.exit_code == 1
    assert "stands by" in result.stderr


async def test_nobody_there_is_said_plainly():
    """An address that nothing answers at gives one line."""
    result = await asyncio.to_thread(
        partial(CliRunner().invoke, main, ["sql", "watch", "x", "--url", "http://127.0.0.1:9"])
    )
    assert result.exit_code == 1
    assert "no aggregator answers" in result.stderr
