"""The Firehose and dead-letter sinks against the double, down to the objects in S3."""

import asyncio
import gzip
import json
import random
from typing import Any

import aiohttp
import orjson
import pytest

from delivery import (
    DeadLetter,
    DeadLetterSink,
    FirehoseSink,
    Item,
    KinesisSink,
    OriginalElsewhere,
    OriginalStore,
    RetryPolicy,
    decode_letter,
)

pytestmark = pytest.mark.integration

QUICK = RetryPolicy(base_seconds=0.01, cap_seconds=0.2, deadline_seconds=30.0)


async def create(firehose: Any, name: str) -> None:
    await firehose.create_delivery_stream(
        DeliveryStreamName=name,
        ExtendedS3DestinationConfiguration={
            "RoleARN": "arn:aws:iam::000000000000:role/firehose",
            "BucketARN": "arn:aws:s3:::archive",
            "Prefix": f"{name}/",
            "BufferingHints": {"SizeInMBs": 1, "IntervalInSeconds": 1},
            "CompressionFormat": "GZIP",
        },
    )
    while True:
        described = await firehose.describe_delivery_stream(DeliveryStreamName=name)
        if described["DeliveryStreamDescription"]["DeliveryStreamStatus"] == "ACTIVE":
            return
        await asyncio.sleep(0.02)


async def lines(objects: Any, name: str, count: int) -> list[bytes]:
    """The lines of a delivery stream's objects, once there are `count`."""
    async with asyncio.timeout(20):
        while True:
            stored = [
                gzip.decompress(body) for key, body in objects.objects.items() if key.startswith(f"archive/{name}/")
            ]
            found = b"".join(stored).splitlines()
            if len(found) >= count:
                return found
            await asyncio.sleep(0.1)


async def inject(endpoint: str, **faults: Any) -> None:
    async with (
        aiohttp.ClientSession() as session,
        session.post(f"{endpoint}/_local/firehose/faults", data=json.dumps(faults)) as response,
    ):
        assert response.status in (200, 201), await response.text()


async def test_every_line_is_archived_once_while_records_and_calls_are_throttled(
    firehose: Any, endpoint: str, objects: Any
):
    """Partial failures are sent again, alone: no line is missing or doubled."""
    await create(firehose, "enriched")
    await inject(endpoint, throttle_calls=2, throttle_records=150)
    items = [Item(orjson.dumps({"n": number})) for number in range(1200)]
    outcomes = await FirehoseSink(firehose, "enriched", QUICK).deliver(items)
    assert {outcome.status for outcome in outcomes} == {"delivered"}
    found = await lines(objects, "enriched", len(items))
    assert sorted(orjson.loads(line)["n"] for line in found) == list(range(1200))


async def test_a_dead_letter_is_in_the_stream_and_in_the_archive(kinesis: Any, firehose: Any, s3: Any, objects: Any):
    """Small originals travel in the letter; one that fits no record is an object that the letter refers to."""
    await create(firehose, "dead-letters")
    await kinesis.create_stream(StreamName="dead-letters", ShardCount=1)
    sink = DeadLetterSink(
        KinesisSink(kinesis, "dead-letters", QUICK, aggregate=False, transport="aiobotocore"),
        FirehoseSink(firehose, "dead-letters", QUICK),
        originals=OriginalStore(s3, "archive", retry=QUICK),
        letter_bytes=150_000,
    )
    originals = [b"\xff junk", b"again " * 100_000, random.Random(5).randbytes(400_000)]
    letters = [
        DeadLetter("enricher", "raw", "shardId-0", "7", at, "code", "why", None, None, original, 1)
        for at, original in enumerate(originals)
    ]
    await sink.deliver(letters)
    archived = sorted(
        await lines(objects, "dead-letters", 3), key=lambda line: orjson.loads(line)["sub_sequence_number"]
    )
    assert [decode_letter(line).original for line in archived[:2]] == originals[:2]
    with pytest.raises(OriginalElsewhere) as elsewhere:
        decode_letter(archived[2])
    assert objects.objects[f"{elsewhere.value.bucket}/{elsewhere.value.key}"] == originals[2]
