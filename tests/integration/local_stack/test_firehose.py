"""Firehose to S3 through boto3: the double as a process, ministack as S3."""

import asyncio
import gzip
import itertools
import os
import sys
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import aiohttp
import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from local_aws.ports import free_ports
from local_aws.probes import answers
from local_aws.processes import Supervisor
from local_aws.programs import Program

pytestmark = pytest.mark.integration

FIREHOSE = "firehose"
Client = Callable[[str, str], Any]
_buckets = itertools.count()


@pytest.fixture
def client() -> Client:
    def make(service: str, url: str) -> Any:
        config = Config(retries={"total_max_attempts": 1}, s3={"addressing_style": "path"})
        keys = {"aws_access_key_id": "local", "aws_secret_access_key": "local"}
        return boto3.client(service, endpoint_url=url, region_name="us-east-1", config=config, **keys)

    return make


@pytest.fixture
def program(s3_url: str, tmp_path: Path) -> Program:
    port = free_ports(1)[0]
    script = Path(__file__).with_name("firehose_alone.py")
    return Program(
        FIREHOSE,
        [sys.executable, str(script), str(port), s3_url, str(tmp_path / "journal")],
        tmp_path / "firehose.log",
        dict(os.environ),
        ready=answers(f"http://127.0.0.1:{port}/_local/health"),
        stop_seconds=30,
    )


def url_of(program: Program) -> str:
    return f"http://127.0.0.1:{program.argv[2]}"


@pytest.fixture
async def firehose(supervisor: Supervisor, program: Program, client: Client) -> AsyncIterator[Any]:
    await supervisor.start([program])
    made = await asyncio.to_thread(client, "firehose", url_of(program))
    yield made
    made.close()


@pytest.fixture
async def bucket(s3_url: str, client: Client) -> AsyncIterator["Bucket"]:
    made = Bucket(await asyncio.to_thread(client, "s3", s3_url), f"archive-{next(_buckets)}")
    await asyncio.to_thread(made.s3.create_bucket, Bucket=made.name)
    yield made
    made.s3.close()


class Bucket:
    """A bucket and what is in it."""

    def __init__(self, s3: Any, name: str) -> None:
        self.s3 = s3
        self.name = name

    def objects(self) -> dict[str, bytes]:
        listed = self.s3.list_objects_v2(Bucket=self.name).get("Contents", [])
        return {one["Key"]: self.s3.get_object(Bucket=self.name, Key=one["Key"])["Body"].read() for one in listed}

    def lines(self) -> list[bytes]:
        """Every line of every object, decompressed."""
        bodies = (gzip.decompress(body) if key.endswith(".gz") else body for key, body in self.objects().items())
        return [line for body in bodies for line in body.splitlines()]

    async def until_lines(self, count: int) -> list[bytes]:
        async with asyncio.timeout(30):
            while True:
                lines = await asyncio.to_thread(self.lines)
                if len(lines) >= count:
                    return lines
                await asyncio.sleep(0.1)


def create(firehose: Any, bucket: Bucket, interval: int = 900, **more: object) -> None:
    destination = {
        "RoleARN": "arn:aws:iam::000000000000:role/delivery",
        "BucketARN": f"arn:aws:s3:::{bucket.name}",
        "BufferingHints": {"SizeInMBs": 1, "IntervalInSeconds": interval},
        **more,
    }
    firehose.create_delivery_stream(DeliveryStreamName="orders", ExtendedS3DestinationConfiguration=destination)


def put(firehose: Any, lines: list[bytes]) -> Any:
    records = [{"Data": line + b"\n"} for line in lines]
    return firehose.put_record_batch(DeliveryStreamName="orders", Records=records)


async def test_an_interval_delivers_gzip_under_the_prefix(firehose: Any, bucket: Bucket) -> None:
    """One object after the interval: its key by the prefix, its contents the records in order."""
    prefix = "enriched/!{timestamp:yyyy/MM/dd/HH}/"
    await asyncio.to_thread(
        lambda: create(
            firehose,
            bucket,
            interval=1,
            Prefix=prefix,
            ErrorOutputPrefix="errors/!{firehose:error-output-type}/",
            CompressionFormat="GZIP",
        )
    )
    lines = [b"%d" % number for number in range(100)]
    await asyncio.to_thread(put, firehose, lines)
    assert await bucket.until_lines(100) == lines
    (key,) = await asyncio.to_thread(bucket.objects)
    assert key.startswith("enriched/20")
    assert key.split("/")[-1].startswith("orders-1-20")
    assert key.endswith(".gz")


async def test_a_full_buffer_is_delivered_before_its_interval(firehose: Any, bucket: Bucket) -> None:
    """1 MiB is an object at once; what does not fill the next stays buffered until a stop."""
    await asyncio.to_thread(create, firehose, bucket)
    lines = [b"%06d" % number + b"x" * 200_000 for number in range(8)]
    await asyncio.to_thread(put, firehose, lines)
    assert await bucket.until_lines(6) == lines[:6]


async def test_a_graceful_stop_flushes(supervisor: Supervisor, program: Program, firehose: Any, bucket: Bucket) -> None:
    """Everything acknowledged is in S3 once the process has ended, and nothing twice."""
    await asyncio.to_thread(create, firehose, bucket)
    await asyncio.to_thread(put, firehose, [b"a", b"b"])
    await supervisor.stop(FIREHOSE)
    assert await asyncio.to_thread(bucket.lines) == [b"a", b"b"]


async def test_kill_9_loses_nothing(supervisor: Supervisor, program: Program, firehose: Any, bucket: Bucket) -> None:
    """What was acknowledged before the kill is delivered by the next process, which knows the stream."""
    await asyncio.to_thread(create, firehose, bucket)
    acknowledged = [b"%d" % number for number in range(500)]
    await asyncio.to_thread(put, firehose, acknowledged)
    await supervisor.kill(FIREHOSE)
    assert await asyncio.to_thread(bucket.lines) == []
    await supervisor.start([program])
    assert await bucket.until_lines(500) == acknowledged
    more = await asyncio.to_thread(put, firehose, [b"after"])
    assert more["FailedPutCount"] == 0
    await supervisor.stop(FIREHOSE)
    assert await asyncio.to_thread(bucket.lines) == [*acknowledged, b"after"]


async def test_an_outage_of_s3_delays_and_loses_nothing(firehose: Any, program: Program, bucket: Bucket) -> None:
    """While S3 is out records are still taken; after it they arrive, once."""
    faults = f"{url_of(program)}/_local/firehose/faults"
    await asyncio.to_thread(create, firehose, bucket, 0)
    async with aiohttp.ClientSession() as http:
        await http.post(faults, json={"s3_outage": True})
        await asyncio.to_thread(put, firehose, [b"a", b"b"])
        await asyncio.sleep(0.5)
        assert await asyncio.to_thread(bucket.lines) == []
        await http.delete(faults)
        refused = await http.post(faults, json={"no_such": 1})
        assert refused.status == 400
    assert await bucket.until_lines(2) == [b"a", b"b"]


async def test_boto3_sees_awss_errors(firehose: Any, program: Program, bucket: Bucket) -> None:
    """Error classes, partial failures and codes are what an AWS client expects."""
    await asyncio.to_thread(create, firehose, bucket)
    with pytest.raises(firehose.exceptions.ResourceInUseException):
        await asyncio.to_thread(create, firehose, bucket)
    with pytest.raises(firehose.exceptions.ResourceNotFoundException, match="Firehose nope under account"):
        await asyncio.to_thread(firehose.describe_delivery_stream, DeliveryStreamName="nope")
    with pytest.raises(ClientError, match="less than or equal to 500"):
        await asyncio.to_thread(put, firehose, [b"a"] * 501)
    async with aiohttp.ClientSession() as http:
        await http.post(f"{url_of(program)}/_local/firehose/faults", json={"throttle_records": 1})
    answer = await asyncio.to_thread(put, firehose, [b"a", b"b"])
    assert answer["FailedPutCount"] == 1
    assert answer["RequestResponses"][0]["ErrorCode"] == "ServiceUnavailableException"
    assert answer["RequestResponses"][1]["RecordId"]
    described = await asyncio.to_thread(firehose.describe_delivery_stream, DeliveryStreamName="orders")
    assert described["DeliveryStreamDescription"]["DeliveryStreamStatus"] == "ACTIVE"
    listed = await asyncio.to_thread(firehose.list_delivery_streams)
    assert listed["DeliveryStreamNames"] == ["orders"]
    await asyncio.to_thread(firehose.delete_delivery_stream, DeliveryStreamName="orders")
    listed = await asyncio.to_thread(firehose.list_delivery_streams)
    assert listed["DeliveryStreamNames"] == []
