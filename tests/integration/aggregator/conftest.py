"""The aggregator as a process, on the Kinesis double, a Firehose that keeps lines, ministack's DynamoDB and S3."""

import asyncio
import base64
import json
import os
import sys
import urllib.request
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, suppress
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from aiobotocore.session import get_session
from aiohttp import web

from aws_wire import aggregation

ROOT = Path(__file__).parents[3]
CREDENTIALS = {"aws_access_key_id": "local", "aws_secret_access_key": "local", "region_name": "us-east-1"}


class Stack:
    """Everything around the aggregator, and its processes."""

    def __init__(self, clients: dict[str, Any], lines: list[dict[str, Any]], environment: dict[str, str], folder: Path):
        self.kinesis, self.s3, self.dynamodb = clients["kinesis"], clients["s3"], clients["dynamodb"]
        self.archived = lines
        self.environment = environment
        self.folder = folder
        self.processes: list[asyncio.subprocess.Process] = []

    async def start(self) -> asyncio.subprocess.Process:
        """One more aggregator; the log of all is in the test's folder."""
        with (self.folder / "aggregator.log").open("ab") as log:
            process = await asyncio.create_subprocess_exec(
                sys.executable, "-m", "aggregator", env=self.environment, stdout=log, stderr=log
            )
        self.processes.append(process)
        return process

    async def put(self, events: list[dict[str, Any]]) -> None:
        """Events into `enriched`, by their key."""
        for start in range(0, len(events), 500):
            entries = [
                {"PartitionKey": event["key"], "Data": json.dumps(event).encode()}
                for event in events[start : start + 500]
            ]
            answer = await self.kinesis.put_records(StreamName="enriched", Records=entries)
            assert answer["FailedRecordCount"] == 0

    async def read(self, stream: str) -> list[dict[str, Any]]:
        """Every record of a stream, aggregates taken apart."""
        found = []
        for shard in (await self.kinesis.list_shards(StreamName=stream))["Shards"]:
            place = {"ShardId": shard["ShardId"], "ShardIteratorType": "TRIM_HORIZON"}
            iterator = (await self.kinesis.get_shard_iterator(StreamName=stream, **place))["ShardIterator"]
            page = await self.kinesis.get_records(ShardIterator=iterator, Limit=10_000)
            for record in page["Records"]:
                parts = aggregation.decode(record["Data"])
                found += [json.loads(part.data) for part in parts] if parts else [json.loads(record["Data"])]
        return found

    async def generation(self) -> int:
        """How many states have been committed."""
        with suppress(self.dynamodb.exceptions.ResourceNotFoundException):
            key = {"application": {"S": "aggregator"}}
            item = (await self.dynamodb.get_item(TableName="aggregator-state", Key=key)).get("Item", {})
            return int(item.get("generation", {"N": "0"})["N"])
        return 0

    async def named_snapshots(self) -> set[str]:
        """The snapshots that the committed pointer names."""
        key = {"application": {"S": "aggregator"}}
        item = (await self.dynamodb.get_item(TableName="aggregator-state", Key=key))["Item"]
        return {one["S"] for name in ("chain", "former") for one in item[name]["L"]}

    async def logged(self, text: str) -> bool:
        """Whether the aggregators have logged a text."""
        return text in await asyncio.to_thread((self.folder / "aggregator.log").read_text)

    async def until(self, reached: Callable[[], Awaitable[bool]], seconds: float = 90.0) -> None:
        """Look until an awaited condition holds; fails with the aggregators' log."""
        try:
            async with asyncio.timeout(seconds):
                while not await reached():
                    await asyncio.sleep(0.2)
        except TimeoutError:
            log = await asyncio.to_thread((self.folder / "aggregator.log").read_text)
            pytest.fail(f"not reached within {seconds:g} s; the log:\n{log[-4000:]}", pytrace=False)


@pytest_asyncio.fixture
async def stack(tmp_path: Path, fresh_ministack_url: str) -> AsyncIterator[Stack]:
    """Streams of two shards each, a bucket, and no aggregator yet."""
    async with AsyncExitStack() as exits:
        options = ("--port", "0", "--no-read-limits", "--no-write-limits", "--state-seconds", "0")
        double = await _process(exits, sys.executable, "-m", "local_aws", *options, environment=dict(os.environ))
        assert double.stdout is not None
        kinesis_url = (await asyncio.wait_for(double.stdout.readline(), 30)).decode().strip()
        lines: list[dict[str, Any]] = []
        urls = {"kinesis": kinesis_url, "s3": fresh_ministack_url, "dynamodb": fresh_ministack_url}
        clients = {
            name: await exits.enter_async_context(get_session().create_client(name, endpoint_url=url, **CREDENTIALS))
            for name, url in urls.items()
        }
        for stream in ("enriched", "aggregates", "alerts", "late", "exchange", "dead-letters"):
            await clients["kinesis"].create_stream(StreamName=stream, ShardCount=2)
        await clients["s3"].create_bucket(Bucket="etl-state")
        environment = {
            "PATH": os.environ["PATH"],
            "AWS_REGION": "us-east-1",
            "AWS_ACCESS_KEY_ID": "local",
            "AWS_SECRET_ACCESS_KEY": "local",
            "AWS_ENDPOINT_URL": fresh_ministack_url,
            "AWS_ENDPOINT_URL_KINESIS": kinesis_url,
            "AWS_ENDPOINT_URL_FIREHOSE": await _firehose(exits, lines),
            "AGGREGATOR_PIPELINES": str(ROOT / "services" / "aggregator" / "pipelines"),
            "AGGREGATOR_COMMIT_SECONDS": "0.2",
            "AGGREGATOR_LOG_FORMAT": "json",
        }
        ready = Stack(clients, lines, environment, tmp_path)
        try:
            yield ready
        finally:
            for process in ready.processes:
                if process.returncode is None:
                    process.kill()
                    await process.wait()


async def _process(exits: AsyncExitStack, *command: str, environment: dict[str, str]) -> asyncio.subprocess.Process:
    process = await asyncio.create_subprocess_exec(
        *command, env=environment, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL
    )

    async def end() -> None:
        with suppress(ProcessLookupError):
            process.kill()
        await process.communicate()

    exits.push_async_callback(end)
    return process


async def _answers(url: str) -> None:
    for _ in range(600):
        with suppress(OSError):
            await asyncio.to_thread(lambda: urllib.request.urlopen(url, timeout=1).close())
            return
        await asyncio.sleep(0.1)
    raise TimeoutError(url)


async def _firehose(exits: AsyncExitStack, lines: list[dict[str, Any]]) -> str:
    async def put(request: web.Request) -> web.Response:
        records = json.loads(await request.read())["Records"]
        lines.extend(json.loads(line) for record in records for line in base64.b64decode(record["Data"]).splitlines())
        answers = {"FailedPutCount": 0, "RequestResponses": [{"RecordId": "r"}] * len(records)}
        return web.json_response(answers, content_type="application/x-amz-json-1.1")

    app = web.Application()
    app.router.add_post("/", put)
    runner = web.AppRunner(app)
    await runner.setup()
    exits.push_async_callback(runner.cleanup)
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    assert site._server is not None
    return f"http://127.0.0.1:{site._server.sockets[0].getsockname()[1]}"  # type: ignore[attr-defined]
