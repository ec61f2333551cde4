"""The README's fragments run as printed, on a stream in memory; its whole example runs in an integration test."""

from __future__ import annotations

import asyncio
import re
import textwrap
from pathlib import Path
from typing import Any

import pytest

import shardline
from shardline import ConsumerGroup, each_batch
from shardline.testing import MemoryLeaseTable, MemorySource, MemoryStream, run_in_virtual_time

README = Path(__file__).parents[3] / "libs" / "shardline" / "README.md"
BLOCKS = re.findall(r"```python\n(.*?)```", README.read_text(), re.DOTALL)


def fragment(marker: str) -> str:
    (found,) = [block for block in BLOCKS[1:] if marker in block]
    return str(found)


async def run(source: str, names: dict[str, Any]) -> dict[str, Any]:
    """Run a fragment as the body of an async function; returns its local names."""
    body = textwrap.indent(source, "    ")
    scope = {name: getattr(shardline, name) for name in shardline.__all__} | names
    exec(f"async def fragment():\n{body}\n    return dict(locals())", scope)
    answer: dict[str, Any] = await scope["fragment"]()
    return answer


class Setting:
    """A stream with three records, and a group on it that is stopped once they are done."""

    def __init__(self) -> None:
        stream = MemoryStream(1)
        for data in (b"one", b"two", b"three"):
            stream.put("who", data)
        self.table = MemoryLeaseTable()
        self.stop = asyncio.Event()
        self.group = ConsumerGroup(
            stream="orders",
            application="show",
            kinesis=None,
            lease_table=self.table,
            source=MemorySource(stream),
        )

    async def stopped(self) -> None:
        """Stop once the last record is checkpointed."""
        while not any(lease.checkpoint > shardline.Checkpoint("LATEST") for lease in await self.table.list_leases()):
            await asyncio.sleep(0.5)
        await asyncio.sleep(5)
        self.stop.set()

    async def run(self, source: str) -> dict[str, Any]:
        stopping = asyncio.ensure_future(self.stopped())
        answer = await run(source, {"group": self.group, "stop": self.stop})
        await stopping
        return answer


def test_the_callback_form_shows_each_record(capsys: pytest.CaptureFixture[str]) -> None:
    async def scenario() -> None:
        await Setting().run(fragment("each_batch(show)"))

    run_in_virtual_time(scenario())
    assert [line.split()[1:] for line in capsys.readouterr().out.splitlines()] == [
        ["who", "one"],
        ["who", "two"],
        ["who", "three"],
    ]


def test_the_state_form_commits_the_total_with_the_position() -> None:
    async def scenario() -> bytes | None:
        setting = Setting()
        await setting.run(fragment("batch.lease.state"))
        (lease,) = await setting.table.list_leases()
        return lease.state

    assert run_in_virtual_time(scenario()) == b"3"


async def test_the_many_stream_form_makes_a_group() -> None:
    made = await run(fragment("MultiStreamGroup("), {"kinesis": None, "dynamodb": None})
    assert isinstance(made["group"], shardline.MultiStreamGroup)


async def test_the_form_for_tests_marks_the_batch() -> None:
    seen: list[bytes] = []

    async def note(batch: shardline.Batch) -> None:
        seen.extend(record.data for record in batch.records)

    await run(fragment("make_batch("), {"processor": each_batch(note)})
    assert seen == [b"one", b"two"]


def test_every_fragment_is_run_here() -> None:
    """A new one needs a test."""
    assert len(BLOCKS) == 5


def test_every_setting_named_is_one() -> None:
    """With its default, for those whose default is a plain number or word."""
    table = re.findall(r"^\| `([a-z_]+)`[^|]*\| ([^|]+) \|", README.read_text(), re.MULTILINE)
    settings = shardline.GroupSettings()
    named = {name: default for name, default in table if hasattr(settings, name)}
    assert len(named) >= 10
    for name, told in named.items():
        first = told.split(",")[0] if not told[0].isdigit() else told.split(", ")[0].replace(",", "")
        value = getattr(settings, name)
        if name != "consumer_name":
            assert first.strip("`") == (f"{value:g}" if isinstance(value, (int, float)) else value), name
