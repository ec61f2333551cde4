"""The proof at a demo's end waits for stores that are still being written, however long they take to read."""

import asyncio
from typing import Any

import pytest

from etl_cli import demo
from etl_cli.report.reconcile import Report
from etl_cli.screen import Screen


class SlowStores:
    """Each reading takes a minute of the clock; what was missing in the first is there in the second."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.readings = 0

    async def report(self, _freshness: Any) -> Report:
        self.now += 60.0
        self.readings += 1
        missing = 226 if self.readings == 1 else 0
        return Report({"missing in archive": missing}, ("226 events are not in the archive",) if missing else ())


async def test_what_is_not_there_yet_is_read_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """The time of a reading counts as neither steady nor spent: a late object is no lost event."""
    stores: Any = SlowStores()
    monkeypatch.setattr(demo.time, "monotonic", lambda: stores.now)
    monkeypatch.setattr(demo, "_PROVE_EVERY_SECONDS", 0)
    sampler: Any = None
    report = await demo._settled(stores, sampler, Screen(headless=True), asyncio.Event())
    assert report.ok
    assert stores.readings == 2
