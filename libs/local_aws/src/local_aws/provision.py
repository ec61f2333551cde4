"""Creates what a pipeline needs in an AWS, local or not, and waits until it is there; what exists is left as it is."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import Any

from aiobotocore.session import get_session
from botocore.exceptions import ClientError

from local_aws.failures import first_failure
from local_aws.progress import Progress, Silent

ACTIVE_SECONDS = 60.0
POLL_SECONDS = 0.1
ROLE = "arn:aws:iam::000000000000:role/delivery"
_EXISTS = {"ResourceInUseException", "BucketAlreadyOwnedByYou", "BucketAlreadyExists"}


class NotActive(Exception):
    """A resource did not become ACTIVE in its time. See the emulator's log."""


class Refused(Exception):
    """AWS refuses to create a resource; the message says which and why. Correct the plan."""


@dataclass(frozen=True, slots=True)
class StreamPlan:
    """A Kinesis stream and its number of shards."""

    name: str
    shards: int = 1


@dataclass(frozen=True, slots=True)
class TablePlan:
    """A DynamoDB table, paid per request, with string keys."""

    name: str
    partition_key: str
    sort_key: str | None = None


@dataclass(frozen=True, slots=True)
class DeliveryStreamPlan:
    """A Firehose delivery stream by direct put to a bucket: `size` in MiB, `interval` in seconds."""

    name: str
    bucket: str
    prefix: str = ""
    error_prefix: str = ""
    size: int = 5
    interval: int = 60
    compression: str = "GZIP"


@dataclass(frozen=True, slots=True)
class Plan:
    """All that is to be there."""

    streams: tuple[StreamPlan, ...] = ()
    tables: tuple[TablePlan, ...] = ()
    buckets: tuple[str, ...] = ()
    delivery_streams: tuple[DeliveryStreamPlan, ...] = ()

    def __len__(self) -> int:
        return len(self.streams) + len(self.tables) + len(self.buckets) + len(self.delivery_streams)


async def provision(plan: Plan, environment: Mapping[str, str], progress: Progress | None = None) -> None:
    """Create all of the plan at once; returns when all is ACTIVE. `environment` holds the AWS_* variables to use.

    Raises `NotActive`, `Refused`; botocore's connection errors if an endpoint does not answer.
    """
    progress = progress or Silent()
    done = 0

    async def counted(what: str, work: Awaitable[None]) -> None:
        nonlocal done
        try:
            await work
        except ClientError as problem:
            raise Refused(f"{what}: {problem}") from problem
        done += 1
        progress.updated("provision", f"{done} of {len(plan)} resources", done, len(plan))

    progress.started("provision", f"{len(plan)} resources")
    async with AsyncExitStack() as stack:
        names = ("kinesis", "dynamodb", "s3", "firehose")
        clients = {name: await stack.enter_async_context(_client(name, environment)) for name in names}
        works = [
            *((f"stream {stream.name}", _stream(clients["kinesis"], stream)) for stream in plan.streams),
            *((f"table {table.name}", _table(clients["dynamodb"], table)) for table in plan.tables),
            *((f"bucket {bucket}", _bucket(clients["s3"], bucket)) for bucket in plan.buckets),
            *((f"delivery stream {d.name}", _delivery_stream(clients["firehose"], d)) for d in plan.delivery_streams),
        ]
        try:
            async with asyncio.TaskGroup() as group:
                for what, work in works:
                    group.create_task(counted(what, work), name=what)
        except BaseExceptionGroup as failures:
            raise first_failure(failures) from None
    progress.done("provision", f"{len(plan)} resources are there")


def _client(service: str, environment: Mapping[str, str]) -> Any:
    specific = environment.get(f"AWS_ENDPOINT_URL_{service.upper()}")
    return get_session().create_client(
        service,
        endpoint_url=specific or environment.get("AWS_ENDPOINT_URL"),
        region_name=environment.get("AWS_REGION") or environment.get("AWS_DEFAULT_REGION"),
        aws_access_key_id=environment.get("AWS_ACCESS_KEY_ID"),
        aws_secret_access_key=environment.get("AWS_SECRET_ACCESS_KEY"),
        aws_session_token=environment.get("AWS_SESSION_TOKEN"),
    )


async def _stream(kinesis: Any, plan: StreamPlan) -> None:
    async def status() -> str:
        answer = await kinesis.describe_stream_summary(StreamName=plan.name)
        return str(answer["StreamDescriptionSummary"]["StreamStatus"])

    await _unless_there(kinesis.create_stream(StreamName=plan.name, ShardCount=plan.shards))
    await _until_active(f"stream {plan.name}", status)


async def _table(dynamodb: Any, plan: TablePlan) -> None:
    keys = {plan.partition_key: "HASH", **({plan.sort_key: "RANGE"} if plan.sort_key else {})}

    async def status() -> str:
        return str((await dynamodb.describe_table(TableName=plan.name))["Table"]["TableStatus"])

    await _unless_there(
        dynamodb.create_table(
            TableName=plan.name,
            AttributeDefinitions=[{"AttributeName": name, "AttributeType": "S"} for name in keys],
            KeySchema=[{"AttributeName": name, "KeyType": kind} for name, kind in keys.items()],
            BillingMode="PAY_PER_REQUEST",
        )
    )
    await _until_active(f"table {plan.name}", status)


async def _bucket(s3: Any, name: str) -> None:
    region = s3.meta.region_name
    elsewhere = {} if region == "us-east-1" else {"CreateBucketConfiguration": {"LocationConstraint": region}}
    await _unless_there(s3.create_bucket(Bucket=name, **elsewhere))


async def _delivery_stream(firehose: Any, plan: DeliveryStreamPlan) -> None:
    async def status() -> str:
        answer = await firehose.describe_delivery_stream(DeliveryStreamName=plan.name)
        return str(answer["DeliveryStreamDescription"]["DeliveryStreamStatus"])

    destination = {
        "RoleARN": ROLE,
        "BucketARN": f"arn:aws:s3:::{plan.bucket}",
        "Prefix": plan.prefix,
        "ErrorOutputPrefix": plan.error_prefix,
        "BufferingHints": {"SizeInMBs": plan.size, "IntervalInSeconds": plan.interval},
        "CompressionFormat": plan.compression,
    }
    await _unless_there(
        firehose.create_delivery_stream(
            DeliveryStreamName=plan.name,
            DeliveryStreamType="DirectPut",
            ExtendedS3DestinationConfiguration=destination,
        )
    )
    await _until_active(f"delivery stream {plan.name}", status)


async def _unless_there(creation: Awaitable[object]) -> None:
    try:
        await creation
    except ClientError as problem:
        if problem.response["Error"]["Code"] not in _EXISTS:
            raise


async def _until_active(what: str, status: Callable[[], Awaitable[str]]) -> None:
    last = ""
    try:
        async with asyncio.timeout(ACTIVE_SECONDS):
            while True:
                last = await status()
                if last == "ACTIVE":
                    return
                await asyncio.sleep(POLL_SECONDS)
    except TimeoutError:
        raise NotActive(f"{what} is {last} after {ACTIVE_SECONDS:g} s") from None
