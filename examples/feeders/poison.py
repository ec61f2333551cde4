"""Sends what is malformed, to show that it is refused or set aside and stops nothing.

To the ingest address: bodies and events that are wrong in many ways, each answer printed. With --stream (and the AWS
endpoint and credentials in the environment): records that are no events straight into Kinesis, where the enricher
makes a dead letter of each. Prints how many there were of both.
"""

import argparse
import asyncio
import os
import sys
import time
from contextlib import AbstractAsyncContextManager, AsyncExitStack
from dataclasses import dataclass
from typing import Any

import aiohttp
import feeding
import orjson
from ingest_client import NDJSON, GivenUp, IngestClient, Ledger, NotAdmitted

JSON = "application/json"


@dataclass(frozen=True, slots=True)
class Bad:
    """A request that must not be accepted as a whole."""

    name: str
    body: bytes
    content_type: str = JSON
    headers: tuple[tuple[str, str], ...] = ()


def bad_requests(now_ms: int, has_key: bool) -> list[Bad]:
    """One request for each way of being wrong; `now_ms` is the time of their events (ms since the epoch).

    An ingest that asks for no key refuses none: without `has_key` no wrong one is tried.
    """

    def event(**changes: object) -> bytes:
        return orjson.dumps({"type": "poison", "key": "poison", "time": now_ms, "payload": {}, **changes})

    requests = [
        Bad("no JSON", b"not json at all"),
        Bad("cut off", b'{"type":"poison","payload":{'),
        Bad("no UTF-8", b'{"type":"poison","payload":"\xff\xfe"}'),
        Bad("empty body", b""),
        Bad("a number", b"17"),
        Bad("no type", b'{"payload":{}}'),
        Bad("type of the wrong type", event(type=7)),
        Bad("type with spaces", event(type="two words")),
        Bad("unknown field", event(colour="red")),
        Bad("key too long", event(key="k" * 300)),
        Bad("time in seconds", event(time=now_ms // 1000)),
        Bad("time in words", event(time="yesterday")),
        Bad("time of next year", event(time=now_ms + 366 * 86_400_000)),
        Bad("payload and data", event(data={})),
        Bad("nested too deep", b'{"type":"poison","payload":' + b"[" * 2000 + b"]" * 2000 + b"}"),
        Bad("too large", event(payload="x" * 300_000)),
        Bad("unknown content type", event(), "application/x-mystery"),
        Bad("wrong encoding", b"\x1f\x8b no gzip", headers=(("Content-Encoding", "gzip"),)),
    ]
    return (
        [*requests, Bad("wrong key", event(), headers=(("X-Api-Key", "nobody-has-this-key"),))] if has_key else requests
    )


def poison_records() -> list[bytes]:
    """Kinesis records that no format recognises, each for another reason."""
    return [
        b"not json at all",
        b"\x00\x01\x02\xff",
        b'{"id":"1","type":"poison"',
        b'"only a text"',
        b"[1,2,3]",
        b"{}",
        b'{"hello":"world"}',
        b'{"id":"x","source":"s","type":"Not A Type","key":"k","time":1,"received":1,"tenant":"t","payload":{}}',
        b'{"id":"x","source":"s","type":"poison","key":"k","time":"now","received":1,"tenant":"t","payload":{}}',
        b'{"id":"x","source":"s","type":"poison","key":"","time":1,"received":1,"tenant":"t","payload":{}}',
        b'{"specversion":"1.0","type":"poison"}',
        b'{"op":"z","source":{"table":"orders"},"after":{"id":1}}',
        b"\xf3\x89\x9a\xc2 an aggregate whose checksum is wrong",
        b'{"type":"poison","payload":' + b"[" * 5000 + b"]" * 5000 + b"}",
    ]


class Poisoner:
    """Sends one malformed thing after the other and counts what became of them."""

    def __init__(self, client: IngestClient, key: str) -> None:
        self._client = client
        self._key = key
        self.sent = 0
        self.refused = 0
        self.put = 0

    async def send_request(self, bad: Bad) -> None:
        """A malformed request; refused means a 4xx. An ingest out of reach is said and counts as neither."""
        headers = {"X-Api-Key": self._key, **dict(bad.headers)}
        try:
            status, body = await self._client.post_raw(bad.body, bad.content_type, headers)
        except aiohttp.ClientError as error:
            feeding.say(f"poison: {bad.name}: {error}")
            return
        if status in (429, 503):  # it did not look at the request: that is no answer to it
            return
        self.sent += 1
        self.refused += 400 <= status < 500
        feeding.say(f"poison: {bad.name}: {status} {body[:160].decode(errors='replace')}")

    async def send_mixed(self, run: str, number: int, now_ms: int) -> None:
        """A batch of good events around bad ones: the good ones are accepted, and in the ledger."""
        good = [_good(f"poison-{run}-{number}-{place}", now_ms) for place in range(3)]
        await self._client.send([good[0], b'{"type":7}', good[1], b"not json", good[2]], NDJSON)

    async def put_record(self, kinesis: Any, stream: str, data: bytes, key: str) -> None:
        """A poison record straight into the stream. Raises what botocore raises."""
        await kinesis.put_record(StreamName=stream, Data=data, PartitionKey=key)
        self.put += 1


async def poison(poisoner: Poisoner, kinesis: Any | None, options: argparse.Namespace, stop: asyncio.Event) -> None:
    """Rounds of everything malformed, at the given rate, until the end."""
    run, rounds, gap = feeding.new_run(), 0, 1 / options.rate
    while True:
        for bad in bad_requests(time.time_ns() // 1_000_000, options.has_key):
            await poisoner.send_request(bad)
            if await feeding.wait(stop, gap):
                return
        await poisoner.send_mixed(run, rounds, time.time_ns() // 1_000_000)
        for place, data in enumerate(poison_records() if kinesis is not None else ()):
            await poisoner.put_record(kinesis, options.stream, data, f"poison-{run}-{rounds}-{place}")
            if await feeding.wait(stop, gap):
                return
        rounds += 1
        if options.once:
            return


async def run(options: argparse.Namespace) -> int:
    """Poison until the end; 1 where a malformed request was not refused, or ingest did not take the good events."""
    stop, key, code = feeding.stop_at_the_end(options), feeding.api_key(options), 0
    options.has_key = bool(key)
    async with AsyncExitStack() as stack:
        session = await stack.enter_async_context(aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=30)))
        ledger = stack.enter_context(Ledger(options.ledger))
        client = IngestClient(session, options.url, key, ledger, patience_seconds=options.patience)
        kinesis = await stack.enter_async_context(_kinesis(options.region)) if options.stream else None
        poisoner = Poisoner(client, key)
        try:
            await poison(poisoner, kinesis, options, stop)
        except (GivenUp, NotAdmitted) as error:
            feeding.say(f"poison: {error}")
            code = 1
    numbers = {"requests sent": poisoner.sent, "requests refused": poisoner.refused, "records put": poisoner.put}
    print(
        "\n".join([client.totals.lines("poison"), *(f"poison {what}: {n}" for what, n in numbers.items())]), flush=True
    )
    return code or int(poisoner.refused != poisoner.sent)


def main() -> int:
    """Entry point."""
    parser = feeding.common_parser(__doc__ or "", rate=5.0)
    local = any(name in os.environ for name in ("AWS_ENDPOINT_URL_KINESIS", "AWS_ENDPOINT_URL"))
    parser.add_argument(
        "--stream",
        default="raw" if local else "",
        help="Kinesis stream that also gets poison records; by default raw where an AWS endpoint is set, else none",
    )
    parser.add_argument("--region", default="us-east-1", help="AWS region of the stream")
    parser.add_argument("--once", action="store_true", help="one round of everything, then end")
    return asyncio.run(run(parser.parse_args()))


def _good(event_id: str, now_ms: int) -> bytes:
    payload = {"level": "info", "message": "a good event between bad ones", "logger": "poison", "file": ""}
    event = {"id": event_id, "source": "poison", "type": "log", "key": "poison", "time": now_ms, "payload": payload}
    return orjson.dumps(event)


def _kinesis(region: str) -> AbstractAsyncContextManager[Any]:
    from aiobotocore.session import get_session

    client: AbstractAsyncContextManager[Any] = get_session().create_client("kinesis", region_name=region)
    return client


if __name__ == "__main__":
    sys.exit(main())
