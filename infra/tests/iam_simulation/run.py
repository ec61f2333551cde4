"""A run of the real stack that shows every call of every service: start, load, failures, resharding, takeover, stop.

The services run as on AWS: their tables, consumers and topics are made for them, and they may not make any.
"""

from __future__ import annotations

import asyncio
import hashlib
import os
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import aiohttp
from aiobotocore.session import get_session

from etl_cli import keys
from etl_cli.layout import SERVICES, Layout, cache_folder
from etl_cli.resources import PLAN
from etl_cli.services import service_programs
from iam_simulation import functions
from iam_simulation.proxy import Recorder, recording
from local_aws.ports import free_base
from local_aws.programs import Program
from local_aws.provision import Plan, TablePlan
from local_aws.stack import LocalAws, LocalAwsSettings

BUCKET = "etl-pipelines"
_KINDS = ("enriched", "aggregates", "alerts", "late", "dead-letters")
_LOAD_SECONDS = 25.0
_REFERENCE = """
CREATE TABLE paid (`id` STRING, `type` STRING, payload ROW<merchant STRING>, proc AS PROCTIME())
WITH ('connector' = 'kinesis', 'stream' = 'enriched', 'format' = 'json');
CREATE TABLE merchants (merchant STRING, owner STRING)
WITH ('connector' = 'filesystem', 'path' = 's3://etl-pipelines/sql/merchants.jsonl', 'format' = 'json');
CREATE TABLE owned (`id` STRING, owner STRING)
WITH ('connector' = 'kinesis', 'stream' = 'aggregates', 'format' = 'json');
INSERT INTO owned SELECT p.id, m.owner FROM paid p JOIN merchants FOR SYSTEM_TIME AS OF p.proc AS m
ON p.payload.merchant = m.merchant WHERE p.`type` = 'transaction';
"""


@dataclass(frozen=True, slots=True)
class Variant:
    """One way to run the services: how they read, and how aggregators share their work."""

    name: str
    reading: str
    distribution: str

    def environment(self, topic: str, senders: str) -> dict[str, str]:
        """What the services are told beside the local stack's own."""
        told = {
            "INGEST_API_KEYS_SECRETS": senders,
            "OPENSEARCH_SIGN": "true",
            "AGGREGATOR_DISTRIBUTION": self.distribution,
            "AGGREGATOR_STATE_TABLE": f"aggregator-state-{self.name}",
            "AGGREGATOR_LEASE_TABLE": f"aggregator-leases-{self.name}",
            "AGGREGATOR_EXCHANGE_STREAM": "exchange",
            "AGGREGATOR_PIPELINES": f"s3://{BUCKET}/sql",
            "AGGREGATOR_CREATE_TABLES": "false",
            "AGGREGATOR_ALERT_SNS_TOPIC": topic,
            "ENRICHER_CREATE_LEASE_TABLE": "false",
            "INDEXER_CREATE_LEASE_TABLE": "false",
        }
        for service in ("ENRICHER", "AGGREGATOR", "INDEXER"):
            told[f"{service}_READING"] = self.reading
            told[f"{service}_DEAD_LETTER_BUCKET"] = "etl-archive"
        return told


VARIANTS = (Variant("alone", "polling", "single"), Variant("shared", "fan_out", "shards"))

_TABLES = [
    *(TablePlan(name, "leaseKey") for name in ("enricher-leases", "aggregator-alert-leases")),
    TablePlan("aggregator-exchange-leases", "leaseKey"),
    *(TablePlan(f"indexer-leases-{kind}", "leaseKey") for kind in _KINDS),
    *(TablePlan(f"aggregator-leases-{variant.name}", "leaseKey") for variant in VARIANTS),
    *(TablePlan(f"aggregator-state-{variant.name}", "application") for variant in VARIANTS),
]
_CONSUMERS = [
    ("raw", "enricher"),
    ("enriched", "aggregator"),
    ("exchange", "aggregator-exchange"),
    *((kind, "indexer") for kind in _KINDS),
]


@dataclass(slots=True)
class Recorded:
    """The calls of a run, and what each service was told in each variant."""

    recorder: Recorder
    environments: dict[str, list[Mapping[str, str]]]


class Stack:
    """The local AWS behind recording proxies, with an administrator's clients."""

    def __init__(self, root: Path, folder: Path) -> None:
        self.root = root
        self.layout = Layout(folder, free_base(27000, range(20)))
        settings = LocalAwsSettings(
            directory=folder / "aws",
            cache=cache_folder(os.environ),
            ministack_lock=root / "requirements" / "ministack.lock",
            port_base=self.layout.local_aws_port,
        )
        self.aws = LocalAws(settings, os.environ)
        self.recorded = Recorded(Recorder(), {})
        self._urls: dict[str, str] = {}

    @asynccontextmanager
    async def running(self) -> AsyncIterator[Stack]:
        """Everything but the services, provisioned."""
        for path in (self.layout.logs, self.layout.work):
            path.mkdir(parents=True, exist_ok=True)
        self.key = keys.make_key(self.layout.api_key, self.layout.api_keys)
        keys.make_secret(self.layout.mask_secret)
        async with (
            self.aws,
            recording(self.aws.endpoint, self.recorded.recorder) as rest,
            recording(self.aws.doubles_endpoint, self.recorded.recorder) as streams,
            recording(self.aws.opensearch_url, self.recorded.recorder) as search,
        ):
            self._urls = {
                "AWS_ENDPOINT_URL": rest,
                "AWS_ENDPOINT_URL_KINESIS": streams,
                "AWS_ENDPOINT_URL_FIREHOSE": streams,
                "OPENSEARCH_URL": search,
            }
            plan = Plan(PLAN.streams, tuple(_TABLES), (*PLAN.buckets, BUCKET), PLAN.delivery_streams)
            await self.aws.provision(plan)
            yield self

    def environment(self, who: str) -> dict[str, str]:
        """An environment in which `who` signs its requests by a key of that name, and is recorded."""
        own = {**os.environ, **self.aws.environment(), **self._urls}
        return {**own, "AWS_ACCESS_KEY_ID": who, "AWS_SECRET_ACCESS_KEY": who}

    def client(self, service: str) -> Any:
        """An administrator's client, which is not recorded."""
        own = self.aws.environment()
        return get_session().create_client(
            service,
            endpoint_url=own.get(f"AWS_ENDPOINT_URL_{service.upper()}", own["AWS_ENDPOINT_URL"]),
            region_name="us-east-1",
            aws_access_key_id="administrator",
            aws_secret_access_key="administrator",  # noqa: S106  of an emulator
        )

    def programs(self, told: Mapping[str, str]) -> list[Program]:
        """Each service with a key of its own; what it is told is kept."""
        programs = []
        for program in service_programs(self.layout, self.root, {}, None, told):
            own = dict(program.environment)
            self.recorded.environments.setdefault(program.name, []).append(own)
            programs.append(replace(program, environment={**self.environment(program.name), **own}))
        return programs


async def record(root: Path, folder: Path) -> Recorded:
    """Run the stack in both variants, then the functions; gives what was called."""
    async with Stack(root, folder).running() as stack:
        topic, senders = await _made(stack)
        for variant in VARIANTS:
            await _vary(stack, variant.environment(topic, senders))
        await functions.record(stack.recorded, stack.environment, stack.aws.endpoint, stack.layout.ingest_url)
    return stack.recorded


async def _made(stack: Stack) -> tuple[str, str]:
    """What Terraform makes and the local plan has not; gives the ARNs of the topic and of the senders' secret."""
    async with stack.client("kinesis") as kinesis:
        for stream, consumer in _CONSUMERS:
            arn = (await kinesis.describe_stream_summary(StreamName=stream))["StreamDescriptionSummary"]["StreamARN"]
            await kinesis.register_stream_consumer(StreamARN=arn, ConsumerName=consumer)
    async with stack.client("s3") as s3:
        for script in sorted((stack.root / "services" / "aggregator" / "pipelines").glob("*.sql")):
            await s3.put_object(Bucket=BUCKET, Key=f"sql/{script.name}", Body=script.read_bytes())
        await s3.put_object(Bucket=BUCKET, Key="sql/owned.sql", Body=_REFERENCE.encode())
        await s3.put_object(Bucket=BUCKET, Key="sql/merchants.jsonl", Body=b'{"merchant":"m1","owner":"o1"}\n')
    async with stack.client("sns") as sns:
        topic: str = (await sns.create_topic(Name="alerts"))["TopicArn"]
    async with stack.client("secretsmanager") as secrets:
        text = f"rotated:default:{hashlib.sha256(b'another key').hexdigest()}"
        senders: str = (await secrets.create_secret(Name="etl/senders", SecretString=text))["ARN"]
    return topic, senders


async def _vary(stack: Stack, told: Mapping[str, str]) -> None:
    programs = stack.programs(told)
    await stack.aws.supervisor.start(programs)
    try:
        async with asyncio.TaskGroup() as group:
            stop = asyncio.Event()
            group.create_task(_watch(stack, stop))
            group.create_task(_load(stack, stop))
            await asyncio.sleep(_LOAD_SECONDS / 3)
            await _disturb(stack)
            for service in ("enricher", "aggregator", "indexer"):
                await stack.aws.supervisor.kill(service)
                await stack.aws.supervisor.start([program for program in programs if program.name == service])
            await asyncio.sleep(_LOAD_SECONDS)
            stop.set()
    finally:
        for service in SERVICES:
            await stack.aws.supervisor.stop(service)


async def _load(stack: Stack, stop: asyncio.Event) -> None:
    """Payments enough for alerts, some of them of an hour ago, and somebody who searches."""
    headers = {"X-API-Key": stack.key, "Content-Type": "application/x-ndjson"}
    number = 0
    async with aiohttp.ClientSession() as session:
        while not stop.is_set():
            lines = [_payment(number + at) for at in range(50)]
            number += 50
            try:
                async with session.post(
                    f"{stack.layout.ingest_url}/v1/events", data=b"\n".join(lines), headers=headers
                ) as answer:
                    await answer.read()
                async with session.get(f"{stack.layout.console_url}/api/search?q=m1") as answer:
                    await answer.read()
            except aiohttp.ClientError:
                pass
            await asyncio.sleep(0.1)


async def _watch(stack: Stack, stop: asyncio.Event) -> None:
    """A page of the console, open until `stop`."""
    timeout = aiohttp.ClientTimeout(total=None)
    async with (
        aiohttp.ClientSession(timeout=timeout) as session,
        session.get(f"{stack.layout.console_url}/api/stream") as answer,
    ):
        reading = asyncio.create_task(answer.read())
        await stop.wait()
        reading.cancel()


def _payment(number: int) -> bytes:
    now = time.time_ns() // 1_000_000 - (3_600_000 if number % 100 == 0 else 0)
    return (
        b'{"type":"transaction","key":"c%d","time":%d,"payload":'
        b'{"card":"c%d","amount":10.5,"currency":"EUR","merchant":"m1"}}' % (number % 10, now, number % 10)
    )


async def _disturb(stack: Stack) -> None:
    """Records that are no events, small and too large for a letter, into every stream; and a reshard."""
    async with stack.client("kinesis") as kinesis:
        for stream in ("raw", *_KINDS):
            for data in (b"no event", os.urandom(900_000)):
                await kinesis.put_record(StreamName=stream, PartitionKey="poison", Data=data)
        for stream in ("raw", "enriched", "exchange", "alerts"):
            summary = (await kinesis.describe_stream_summary(StreamName=stream))["StreamDescriptionSummary"]
            await kinesis.update_shard_count(
                StreamName=stream, TargetShardCount=2 * summary["OpenShardCount"], ScalingType="UNIFORM_SCALING"
            )
