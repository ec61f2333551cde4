"""The enricher as a process on the Kinesis double, with ministack's DynamoDB and S3 and a Firehose that can fail."""

import asyncio
import base64
import os
import signal
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, suppress
from pathlib import Path
from typing import Any

import aiohttp
import orjson
import pytest
import pytest_asyncio
from aiobotocore.session import get_session
from aiohttp import web

from aws_wire import aggregation

REFERENCE = Path(__file__).parents[3] / "services" / "enricher" / "reference"
CREDENTIALS = {"aws_access_key_id": "local", "aws_secret_access_key": "local"}
STREAMS = ("raw", "enriched", "dead-letters")


class Firehose:
    """PutRecordBatch over HTTP; while `throttled`, every other record of a request is refused."""

    def __init__(self) -> None:
        self.lines: dict[str, list[bytes]] = {}
        self.throttled = False
        self.refusals = 0

    async def put(self, request: web.Request) -> web.Response:
        body = orjson.loads(await request.read())
        answers: list[dict[str, str]] = []
        for place, record in enumerate(body["Records"]):
            if self.throttled and place % 2 == 0:
                answers.append({"ErrorCode": "ServiceUnavailableException", "ErrorMessage": "slow down"})
                continue
            lines = base64.b64decode(record["Data"]).splitlines(keepends=True)
            self.lines.setdefault(body["DeliveryStreamName"], []).extend(lines)
            answers.append({"RecordId": "r"})
        refused = sum("ErrorCode" in answer for answer in answers)
        self.refusals += refused
        return web.json_response(
            {"FailedPutCount": refused, "RequestResponses": answers}, content_type="application/x-amz-json-1.1"
        )


class Stack:
    """Everything around the enricher, and the enricher itself."""

    def __init__(self, kinesis: Any, firehose: Firehose, environment: dict[str, str], folder: Path) -> None:
        self.kinesis = kinesis
        self.firehose = firehose
        self.environment = environment
        self.folder = folder
        self.process: asyncio.subprocess.Process | None = None

    async def start(self) -> None:
        """Start the enricher; its log is in the test's folder."""
        with (self.folder / "enricher.log").open("ab") as log:
            self.process = await asyncio.create_subprocess_exec(
                sys.executable, "-m", "enricher", env=self.environment, stdout=log, stderr=log
            )

    async def kill(self) -> None:
        """End it without any warning."""
        assert self.process is not None
        self.process.kill()
        await self.process.wait()

    async def terminate(self) -> int:
        """The exit code after SIGTERM."""
        assert self.process is not None
        self.process.send_signal(signal.SIGTERM)
        return await asyncio.wait_for(self.process.wait(), 40)

    async def put(self, records: list[tuple[str, bytes]]) -> None:
        """Put records, key and data each, into `raw`."""
        for start in range(0, len(records), 500):
            entries = [{"PartitionKey": key, "Data": data} for key, data in records[start : start + 500]]
            answer = await self.kinesis.put_records(StreamName="raw", Records=entries)
            assert answer["FailedRecordCount"] == 0

    async def read(self, stream: str) -> list[dict[str, Any]]:
        """Every record of a stream, aggregates taken apart, shard by shard in order."""
        found = []
        for shard in (await self.kinesis.list_shards(StreamName=stream))["Shards"]:
            place = {"ShardId": shard["ShardId"], "ShardIteratorType": "TRIM_HORIZON"}
            iterator = (await self.kinesis.get_shard_iterator(StreamName=stream, **place))["ShardIterator"]
            while True:
                page = await self.kinesis.get_records(ShardIterator=iterator, Limit=10_000)
                for record in page["Records"]:
                    parts = aggregation.decode(record["Data"])
                    found += [orjson.loads(part.data) for part in parts] if parts else [orjson.loads(record["Data"])]
                if page["MillisBehindLatest"] == 0:
                    break
                iterator = page["NextShardIterator"]
        return found

    async def until(self, reached: Callable[[], Any], seconds: float = 60.0) -> None:
        """Look until an awaited condition holds; fails with the enricher's log."""
        try:
            async with asyncio.timeout(seconds):
                while not await reached():
                    await asyncio.sleep(0.25)
        except TimeoutError:
            log = await asyncio.to_thread((self.folder / "enricher.log").read_text)
            pytest.fail(f"not reached within {seconds:g} s; the log:\n{log[-4000:]}", pytrace=False)


@pytest_asyncio.fixture
async def stack(tmp_path: Path, fresh_ministack_url: str) -> AsyncIterator[Stack]:
    async with AsyncExitStack() as stack:
        limits = ("--no-read-limits", "--no-write-limits", "--state-seconds", "0")
        double = await _process(
            stack, sys.executable, "-m", "local_aws", "--port", "0", *limits, stdout=asyncio.subprocess.PIPE
        )
        assert double.stdout is not None
        kinesis_url = (await asyncio.wait_for(double.stdout.readline(), 30)).decode().strip()
        firehose = Firehose()
        environment = {
            "PATH": os.environ["PATH"],
            "AWS_REGION": "us-east-1",
            "AWS_ACCESS_KEY_ID": "local",
            "AWS_SECRET_ACCESS_KEY": "local",
            "AWS_ENDPOINT_URL": fresh_ministack_url,
            "AWS_ENDPOINT_URL_KINESIS": kinesis_url,
            "AWS_ENDPOINT_URL_FIREHOSE": await _serve(stack, firehose),
            "ENRICHER_LOG_FORMAT": "json",
            "ENRICHER_REFERENCE": f"merchant={REFERENCE}/merchant.csv",
            "ENRICHER_MASK": "transaction:card=hash",
            "ENRICHER_MASK_SECRET": "a secret of the tests",
        }
        kinesis = await stack.enter_async_context(
            get_session().create_client("kinesis", "us-east-1", endpoint_url=kinesis_url, **CREDENTIALS)
        )
        for name in STREAMS:
            await kinesis.create_stream(StreamName=name, ShardCount=2)
            await kinesis.get_waiter("stream_exists").wait(StreamName=name, WaiterConfig={"Delay": 1})
        made = Stack(kinesis, firehose, environment, tmp_path)
        stack.push_async_callback(_end_of, made)
        yield made


async def _process(
    stack: AsyncExitStack, *command: str, environment: dict[str, str] | None = None, stdout: int | None = None
) -> asyncio.subprocess.Process:
    process = await asyncio.create_subprocess_exec(
        *command,
        env=environment,
        stdout=asyncio.subprocess.DEVNULL if stdout is None else stdout,
        stderr=asyncio.subprocess.DEVNULL,
    )
    stack.push_async_callback(_end, process)
    return process


async def _serve(stack: AsyncExitStack, firehose: Firehose) -> str:
    app = web.Application(client_max_size=8 * 1024 * 1024)
    app.router.add_post("/", firehose.put)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    stack.push_async_callback(runner.cleanup)
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    return f"http://127.0.0.1:{runner.addresses[0][1]}"


async def _answers(url: str) -> None:
    async with aiohttp.ClientSession() as session, asyncio.timeout(30):
        while True:
            with suppress(aiohttp.ClientError):
                async with session.get(url):
                    return
            await asyncio.sleep(0.1)


async def _end_of(stack: Stack) -> None:
    if stack.process is not None:
        await _end(stack.process)


async def _end(process: asyncio.subprocess.Process) -> None:
    if process.returncode is None:
        with suppress(ProcessLookupError):
            process.kill()
    await process.communicate()
