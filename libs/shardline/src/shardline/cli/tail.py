"""`shardline tail`: print the records of a stream as they come, without touching any group's leases."""

from __future__ import annotations

import asyncio
import base64
import random
import sys
import uuid
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, Literal

from aws_wire.kinesis import Record
from shardline.cli.connection import DONE, MISUSED, CommandFailed, Connection, explained
from shardline.cli.following import Following
from shardline.cli.listing import list_shards
from shardline.cli.positions import Target
from shardline.cli.text import as_json, moment
from shardline.clock import LoopClock
from shardline.model import Checkpoint
from shardline.reading.reader import Reader
from shardline.reading.stream import Stream
from shardline.settings import GroupSettings

Form = Literal["auto", "text", "base64"]


@dataclass(frozen=True, slots=True)
class Request:
    """What was asked for on the command line. `count` 0 prints for ever."""

    stream: str
    target: Target
    only: Sequence[str]
    fan_out: bool
    count: int
    form: Form
    machine: bool


class _Enough(Exception):
    """As many records as asked for were printed."""


def payload(data: bytes, form: Form) -> tuple[str, bool]:
    """The data as printed, and whether it is base64: with `auto` what is no printable UTF-8."""
    if form != "base64":
        text = data.decode(errors="replace" if form == "text" else "surrogateescape")
        if form == "text" or all(each.isprintable() or each in "\t\n\r" for each in text):
            return text, False
    return base64.b64encode(data).decode(), True


def line(shard_id: str, record: Record, form: Form) -> str:
    """A record for people, on one line."""
    text, encoded = payload(record.data, form)
    shown = text if encoded else text.replace("\\", "\\\\").replace("\n", "\\n").replace("\r", "\\r")
    shown = f"base64:{shown}" if encoded else shown
    return f"{moment(record.arrived)}  {shard_id}  {record.partition_key}  {shown}"


def as_value(shard_id: str, record: Record, form: Form) -> dict[str, Any]:
    """A record for machines; the payload is `data` or `data_base64`."""
    text, encoded = payload(record.data, form)
    return {
        "shard_id": shard_id,
        "sequence_number": record.sequence_number,
        "sub_sequence_number": record.sub_sequence_number,
        "partition_key": record.partition_key,
        "arrived_ms": record.arrived,
        ("data_base64" if encoded else "data"): text,
    }


class _Printer:
    """Writes records until there are enough."""

    def __init__(self, request: Request) -> None:
        self._request = request
        self._left = request.count

    def show(self, shard_id: str, records: Sequence[Record]) -> None:
        """Print records. Raises _Enough."""
        request = self._request
        for record in records:
            if request.count and not self._left:
                raise _Enough  # another shard's records came to it
            if request.machine:
                print(as_json(as_value(shard_id, record, request.form), lines=True))
            else:
                print(line(shard_id, record, request.form))
            self._left -= 1
            if not self._left:
                sys.stdout.flush()
                raise _Enough
        sys.stdout.flush()


async def run(connection: Connection, request: Request) -> int:
    """Print until enough, until every shard asked for has ended, or until interrupted. Raises CommandFailed."""
    async with connection.clients("kinesis") as (kinesis,):
        shards = await list_shards(kinesis, request.stream)
        unknown = sorted(set(request.only) - {shard.shard_id for shard in shards})
        if unknown:
            raise CommandFailed(f"{request.stream} has no {', '.join(unknown)}: see `shardline shards`", MISUSED)
        following = Following(shards, request.target, request.only)
        printer = _Printer(request)
        async with _reading(kinesis, request) as reader:
            try:
                await _follow(reader, following, printer)
            except BaseExceptionGroup as failures:
                first = failures.exceptions[0]
                if not isinstance(first, _Enough):
                    raise first from None
    return DONE


async def _follow(reader: Reader, following: Following, printer: _Printer) -> None:
    """Read every shard in a task of its own, its children once it has ended. Raises a group of what ended it."""

    async def read(shard_id: str, start: Target) -> None:
        with explained(shard_id):
            async for event in reader.events(shard_id, Checkpoint(start.kind)):
                printer.show(shard_id, event.records)
                if event.shard_ended:
                    children = [(child.shard_id, child.parents) for child in event.child_shards]
                    begin(following.ended(shard_id, children))

    def begin(free: Sequence[tuple[str, Target]]) -> None:
        for shard_id, start in free:
            tasks.create_task(read(shard_id, start))

    async with asyncio.TaskGroup() as tasks:
        begin(following.start())


@asynccontextmanager
async def _reading(kinesis: Any, request: Request) -> AsyncIterator[Reader]:
    """A reader, and with fan-out a consumer of its own that is deregistered afterwards."""
    name = f"shardline-tail-{uuid.uuid4().hex[:8]}" if request.fan_out else ""
    settings = GroupSettings(reading="fan_out" if request.fan_out else "polling", consumer_name=name)
    clock = LoopClock()
    stream = Stream(kinesis, request.stream, name, clock, request.target.at)
    reader = Reader(stream, settings, clock, random.random)
    try:
        with explained(f"stream {request.stream}"):
            await reader.prepare()
        yield reader
    finally:
        await stream.aclose()
        if request.fan_out:
            await _deregister(kinesis, request.stream, name)


async def _deregister(kinesis: Any, stream: str, name: str) -> None:
    with explained(f"consumer {name} of {stream}"):
        summary = await kinesis.describe_stream_summary(StreamName=stream)
        arn = summary["StreamDescriptionSummary"]["StreamARN"]
        await kinesis.deregister_stream_consumer(StreamARN=arn, ConsumerName=name)
