"""What is open in a running aggregator, as `etl sql watch` shows it."""

import asyncio
import json
import re
import time
from functools import partial
from typing import Any

import pytest
from click.testing import CliRunner

from etl_cli.__main__ import main

pytestmark = pytest.mark.integration


async def test_an_open_window_is_watched_while_it_grows(stack: Any) -> None:
    """The window that has not fired shows what was counted so far, through the page beside the probes."""
    now = time.time_ns() // 1_000_000
    events = [
        {
            "id": f"w{place}",
            "type": "transaction",
            "key": "card1",
            "time": now + 3_600_000,
            "payload": {"card": "card1", "amount": 2.5, "currency": "EUR"},
        }
        for place in range(20)
    ]
    process = await stack.start()
    await stack.until(lambda: stack.logged("probes"))
    log = await asyncio.to_thread((stack.folder / "aggregator.log").read_text)
    found = re.search(r"http://[\d.]+:\d+", log[log.index("probes") :])
    assert found, log
    await stack.put(events)
    rows: list[dict[str, Any]] = []

    async def counted() -> bool:
        command = ["sql", "watch", "revenue", "--json", "--url", found.group()]
        result = await asyncio.to_thread(partial(CliRunner().invoke, main, command))
        rows[:] = [json.loads(line) for line in result.stdout.splitlines()] if result.exit_code == 0 else []
        return bool(rows) and rows[0]["transactions"] == 20

    await stack.until(counted)
    assert rows[0]["currency"] == "EUR"
    assert rows[0]["revenue"] == "50.00"
    process.terminate()
    await process.wait()
