"""The stream that consumers are measured on: filled fast, replayed by the double, then fed with stamped records."""

from __future__ import annotations

import asyncio
import json
import random
import string
import time
import urllib.request
from base64 import b64encode
from typing import Any

from aiobotocore.session import get_session
from kinesis_double import CREDENTIALS

from aws_wire.data_plane import DataPlane

BATCH = 500
_IN_FLIGHT = 4
_BODIES = 64


class BenchStream:
    """A stream on a running double."""

    def __init__(self, endpoint: str, name: str, record_bytes: int) -> None:
        self.endpoint, self.name = endpoint, name
        self._record_bytes = record_bytes
        self._rng = random.Random(5)

    async def fill(self, shards: int, records: int) -> None:
        """Make the stream and put records in batches of 500, then have the double replay them."""
        async with get_session().create_client("kinesis", endpoint_url=self.endpoint, **CREDENTIALS) as client:
            await client.create_stream(StreamName=self.name, ShardCount=shards)
            await client.get_waiter("stream_exists").wait(StreamName=self.name, WaiterConfig={"Delay": 1})
            bodies = [self._body(self._text) for _ in range(_BODIES)]
            async with DataPlane.of(client) as plane:
                waiting = iter(range(records // BATCH))

                async def put() -> None:
                    for number in waiting:
                        _check(await plane.call("PutRecords", bodies[number % _BODIES]))

                await asyncio.gather(*(put() for _ in range(_IN_FLIGHT)))
        self._replay()

    async def feed(self, seconds: float, *, puts_per_second: int = 20, records: int = 20) -> int:
        """Put stamped records steadily; returns how many."""
        count = 0
        async with (
            get_session().create_client("kinesis", endpoint_url=self.endpoint, **CREDENTIALS) as client,
            DataPlane.of(client) as plane,
        ):
            end = time.monotonic() + seconds
            while time.monotonic() < end:
                _check(await plane.call("PutRecords", self._body(self._stamped, records)))
                count += records
                await asyncio.sleep(1 / puts_per_second)
        return count

    def _replay(self) -> None:
        body = json.dumps({"stream": self.name, "records": BATCH}).encode()
        with urllib.request.urlopen(f"{self.endpoint}/_local/replay", data=body, timeout=300) as answer:
            print(f"replaying {json.load(answer)}", flush=True)

    def _body(self, text: Any, records: int = BATCH) -> bytes:
        entries = [
            {"Data": b64encode(text()).decode(), "PartitionKey": f"{self._rng.getrandbits(64):x}"}
            for _ in range(records)
        ]
        return json.dumps({"StreamName": self.name, "Records": entries}).encode()

    def _text(self) -> bytes:
        return "".join(self._rng.choices(string.ascii_letters, k=self._record_bytes)).encode()

    def _stamped(self) -> bytes:
        return b"@%d" % time.time_ns() + b"x" * (self._record_bytes - 20)


def _check(answer: bytes) -> None:
    failed = json.loads(answer)["FailedRecordCount"]
    if failed:
        raise RuntimeError(f"the double refused {failed} records: start it without write limits")
