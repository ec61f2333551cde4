"""The local AWS as a whole: doubles, ministack and a real OpenSearch."""

import asyncio
import gzip
import os
from collections.abc import Callable
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest
from aiobotocore.session import get_session

from local_aws.ports import PortTaken, free_base
from local_aws.probes import status_of
from local_aws.provision import DeliveryStreamPlan, Plan, Refused, StreamPlan, TablePlan
from local_aws.stack import DOUBLES, PORTS, LocalAws, LocalAwsSettings, OpenSearchUnreachable

pytestmark = pytest.mark.integration

PLAN = Plan(
    streams=(StreamPlan("raw", 2), StreamPlan("enriched", 1)),
    tables=(TablePlan("leases", "leaseKey"),),
    buckets=("etl-archive",),
    delivery_streams=(
        DeliveryStreamPlan(
            "enriched", "etl-archive", "enriched/!{timestamp:yyyy}/", "errors/!{firehose:error-output-type}/", 1, 900
        ),
    ),
)
Make = Callable[..., LocalAwsSettings]


@pytest.fixture
def make(tmp_path: Path, cache: Path, ministack_lock: Path, jars: list[Path], ministack_command: Path) -> Make:
    assert jars
    assert ministack_command.name == "ministack"
    base = free_base(21_000 + os.getpid() % 1000 * 10, range(PORTS), step=10)

    def settings(**more: Any) -> LocalAwsSettings:
        given = {"directory": tmp_path / "stack", "cache": cache, "ministack_lock": ministack_lock, "port_base": base}
        return LocalAwsSettings(**{**given, **more})

    return settings


async def clients(stack: AsyncExitStack, aws: LocalAws, *services: str) -> list[Any]:
    """Clients as a service makes them, by the stack's environment."""
    given = aws.environment()
    return [
        await stack.enter_async_context(
            get_session().create_client(
                service,
                endpoint_url=given.get(f"AWS_ENDPOINT_URL_{service.upper()}", given["AWS_ENDPOINT_URL"]),
                region_name=given["AWS_REGION"],
                aws_access_key_id=given["AWS_ACCESS_KEY_ID"],
                aws_secret_access_key=given["AWS_SECRET_ACCESS_KEY"],
            )
        )
        for service in services
    ]


async def archived(s3: Any) -> list[bytes]:
    listed = (await s3.list_objects_v2(Bucket="etl-archive")).get("Contents", [])
    bodies = [await (await s3.get_object(Bucket="etl-archive", Key=one["Key"]))["Body"].read() for one in listed]
    return [line for body in bodies for line in gzip.decompress(body).splitlines()]


async def test_it_starts_provisions_restarts_and_keeps_its_data(make: Make) -> None:
    """All parts serve; provisioning twice changes nothing; Firehose's buffer reaches S3 at the stop; all is kept."""
    async with AsyncExitStack() as stack, LocalAws(make(keep=True), os.environ) as aws:
        await aws.provision(PLAN)
        await aws.provision(PLAN)
        kinesis, firehose, dynamodb = await clients(stack, aws, "kinesis", "firehose", "dynamodb")
        assert len((await kinesis.list_shards(StreamName="raw"))["Shards"]) == 2
        assert (await dynamodb.describe_table(TableName="leases"))["Table"]["TableStatus"] == "ACTIVE"
        assert await status_of(f"{aws.opensearch_url}/_cluster/health") == 200
        await firehose.put_record(DeliveryStreamName="enriched", Record={"Data": b"one\n"})
        await aws.supervisor.kill(DOUBLES)
        await aws.restart(DOUBLES)
        await firehose.put_record(DeliveryStreamName="enriched", Record={"Data": b"two\n"})
        with pytest.raises(Refused, match="bucket NOT"):
            await aws.provision(Plan(buckets=("NOT",)))
        urls = [aws.endpoint, aws.doubles_endpoint, aws.opensearch_url]
    assert [await status_of(url) for url in urls] == [None, None, None]

    async with AsyncExitStack() as stack, LocalAws(make(keep=True), os.environ) as aws:
        kinesis, s3 = await clients(stack, aws, "kinesis", "s3")
        assert sorted(await archived(s3)) == [b"one", b"two"]
        assert len((await kinesis.list_shards(StreamName="raw"))["Shards"]) == 2


async def test_a_taken_port_stops_the_start_before_anything_runs(make: Make) -> None:
    """The error names the port and whose it would have been."""
    settings = make()
    server = await asyncio.start_server(lambda *_: None, "127.0.0.1", settings.ministack_port)
    async with server:
        with pytest.raises(PortTaken, match=f"{settings.ministack_port} \\(ministack\\)"):
            async with LocalAws(settings, os.environ):
                pass
    assert not settings.directory.exists()


async def test_an_opensearch_that_does_not_answer_is_told(make: Make) -> None:
    """A wrong OPENSEARCH_URL fails the start, and nothing is left running."""
    settings = make(opensearch_url="http://127.0.0.1:9")
    with pytest.raises(OpenSearchUnreachable, match="OPENSEARCH_URL"):
        async with LocalAws(settings, os.environ):
            pass
    assert await status_of(f"http://127.0.0.1:{settings.doubles_port}/_local/health") is None
