"""Sends what is malformed, to show that it is refused or set aside and stops nothing.

To the ingest address: bodies and events that are wrong in many ways, each answer printed. With --stream (and the AWS
endpoint and credentials in the environment): records that are no events straight into Kinesis, where the enricher makes a
dead letter of each. Prints how many there were of both.
"""

import argparse
import asyncio
import sys
import time
from dataclasses import dataclass
from typing import Any

import aiohttp
import feeding
import orjson
from ingest_client import NDJSON, IngestClient, Ledger

JSON = "application/json"


@dataclass(frozen=True, slots=True)
class Bad:
    """A request that must not be accepted as a whole."""

    name: str
    body: bytes
    content_type: str = JSON
    headers: tuple[tuple[str, str], ...] = ()


def bad_requests(now_ms: int) -> list[Bad]:
    """One request for each way of being wrong; `now_ms` is the time of their events (ms since the epoch)."""

    def event(**changes: object) -> bytes:
        return orjson.dumps({"type": "poison", "key": "poison", "time": now_ms, "payload": {}, **changes})

    return [
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
        Bad("wrong key", event(), headers=(("X-Api-Key", "a-key-that-nobody-has"),)),
    ]


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


async def send_requests(client: IngestClient, key: str, now_ms: int) -> tuple[int, int]:
    """How many malformed requests were sent, and how many of them were refused with a 4xx."""
    sent = refused = 0
    for bad in bad_requests(now_ms):
        headers = {"X-Api-Key": key, **dict(bad.headers)}
        try:
            status, body = await client.post_raw(bad.body, bad.content_type, headers)
        except aiohttp.ClientError as error:
            feeding.say(f"poison: {bad.name}: {error}")
            continue
        sent += 1
        refused += 400 <= status < 500
        feeding.say(f"poison: {bad.name}: {status} {body[:160].decode(errors='replace')}")
    return sent, refused


async def put_records(kinesis: Any, stream: str, run: str) -> int:
    """Put the poison records into the stream; how many it took."""
    records = [{"Data": data, "PartitionKey": f"poison-{run}-{place}"} for place, data in enumerate(poison_records())]
    answer = await kinesis.put_records(StreamName=stream, Records=records)
    return len(records) - int(answer["FailedRecordCount"])


async def send_mixed(client: IngestClient, run: str, now_ms: int) -> None:
    """One batch of good events around bad ones: the good ones are accepted, and in the ledger."""
    good = [
        orjson.dumps(
            {
                "id": f"poison-{run}-{number}",
                "source": "poison",
                "type": "log",
                "key": "poison",
                "time": now_ms,
                "payload": {"level": "info", "message": f"between poison {number}", "logger": "poison", "file": ""},
            }
        )
        for number in range(3)
    ]
    await client.send([good[0], b'{"type":7}', good[1], b"not json", good[2]], NDJSON)


async def run(options: argparse.Namespace) -> int:
    """Send all of it; 1 where a malformed request was not refused or a record was not put."""
    now_ms, name = time.time_ns() // 1_000_000, feeding.new_run()
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=30)) as session:
        with Ledger(options.ledger) as ledger:
            client = IngestClient(session, options.url, options.key, ledger, patience_seconds=options.patience)
            sent, refused = await send_requests(client, options.key, now_ms)
            await send_mixed(client, name, now_ms)
    print(f"poison requests sent: {sent}\npoison requests refused: {refused}\n{client.totals.lines('poison')}")
    put, expected = 0, 0
    if options.stream:
        from aiobotocore.session import get_session

        expected = len(poison_records())
        async with get_session().create_client("kinesis", region_name=options.region) as kinesis:
            put = await put_records(kinesis, options.stream, name)
    print(f"poison records put: {put}", flush=True)
    return 0 if (refused, put) == (sent, expected) and sent else 1


def main() -> int:
    """Entry point."""
    parser = feeding.common_parser(__doc__ or "", rate=50.0)
    parser.add_argument("--stream", default="", help="Kinesis stream that also gets poison records; none: ingest alone")
    parser.add_argument("--region", default="us-east-1", help="AWS region of the stream")
    return asyncio.run(run(parser.parse_args()))


if __name__ == "__main__":
    sys.exit(main())
