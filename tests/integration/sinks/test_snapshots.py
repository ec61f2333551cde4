"""Indices are restored from a snapshot by the command that the runbook names; what came since is indexed again."""

import asyncio
import os
import sys
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, suppress
from pathlib import Path
from typing import Any

import orjson
import pytest
import pytest_asyncio
from aiobotocore.session import get_session
from opensearchpy import AsyncOpenSearch

pytestmark = pytest.mark.integration

CREDENTIALS = {"aws_access_key_id": "local", "aws_secret_access_key": "local"}
INDICES = "events-restored-*"
NOW = 1_740_787_200_000


class Indexer:
    """The indexer as a process, on a Kinesis double and ministack."""

    def __init__(self, kinesis: Any, environment: dict[str, str], log: Path) -> None:
        self.kinesis = kinesis
        self.environment = environment
        self._log = log
        self._process: asyncio.subprocess.Process | None = None

    async def start(self) -> None:
        with self._log.open("ab") as log:
            self._process = await asyncio.create_subprocess_exec(
                sys.executable, "-m", "indexer", env=self.environment, stdout=log, stderr=log
            )

    async def stop(self) -> None:
        if self._process is not None and self._process.returncode is None:
            self._process.terminate()
            await asyncio.wait_for(self._process.wait(), 40)

    async def put(self, first: int, count: int) -> None:
        """Events into `enriched`, on 20 keys."""
        entries = [
            {"PartitionKey": f"k{number % 20}", "Data": _event(number)} for number in range(first, first + count)
        ]
        answer = await self.kinesis.put_records(StreamName="enriched", Records=entries)
        assert answer["FailedRecordCount"] == 0

    async def run(self, *command: str, expect: int = 0) -> str:
        """A command in the same environment; its output."""
        process = await asyncio.create_subprocess_exec(
            *command, env=self.environment, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
        )
        output, _ = await asyncio.wait_for(process.communicate(), 120)
        assert process.returncode == expect, output.decode()
        return output.decode()

    async def etl(self, *arguments: str, expect: int = 0) -> str:
        return await self.run(sys.executable, "-m", "etl_cli", "snapshots", *arguments, expect=expect)


def _event(number: int) -> bytes:
    fields = {"id": f"e{number}", "source": "s", "type": "restored", "key": f"k{number % 20}", "time": NOW}
    return orjson.dumps({**fields, "received": NOW, "tenant": "t", "payload": {"number": number}})


@pytest_asyncio.fixture
async def indexer(tmp_path: Path, fresh_ministack_url: str, opensearch_url: str) -> AsyncIterator[Indexer]:
    async with AsyncExitStack() as exits:
        options = ("--port", "0", "--no-read-limits", "--no-write-limits", "--state-seconds", "0")
        double = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "local_aws",
            *options,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
        )

        async def end() -> None:
            with suppress(ProcessLookupError):
                double.kill()
            await double.wait()

        exits.push_async_callback(end)
        assert double.stdout is not None
        url = (await asyncio.wait_for(double.stdout.readline(), 30)).decode().strip()
        client = await exits.enter_async_context(
            get_session().create_client("kinesis", "us-east-1", endpoint_url=url, **CREDENTIALS)
        )
        await client.create_stream(StreamName="enriched", ShardCount=2)
        environment = {
            "PATH": os.environ["PATH"],
            "AWS_REGION": "us-east-1",
            "AWS_ACCESS_KEY_ID": "local",
            "AWS_SECRET_ACCESS_KEY": "local",
            "AWS_ENDPOINT_URL": fresh_ministack_url,
            "AWS_ENDPOINT_URL_KINESIS": url,
            "OPENSEARCH_URL": opensearch_url,
            "INDEXER_STREAMS": "enriched",
            "INDEXER_LOG_FORMAT": "json",
        }
        made = Indexer(client, environment, tmp_path / "indexer.log")
        exits.push_async_callback(made.stop)
        yield made


async def numbers(search: AsyncOpenSearch) -> set[int]:
    """The events that can be found."""
    await search.indices.refresh(index=INDICES, params={"allow_no_indices": "true"})
    answer = await search.search(index=INDICES, body={"size": 5000}, params={"allow_no_indices": "true"})
    return {hit["_source"]["payload"]["number"] for hit in answer["hits"]["hits"]}


async def until(search: AsyncOpenSearch, expected: set[int]) -> None:
    async with asyncio.timeout(90):
        while await numbers(search) != expected:
            await asyncio.sleep(0.5)


async def test_deleted_indices_come_back_whole(indexer: Indexer, search: AsyncOpenSearch) -> None:
    """Snapshot, more events, everything deleted, restore, checkpoints reset to the snapshot's time: lost 0."""
    await indexer.etl("register", "test", "--folder", "etl-test")
    await indexer.start()
    await indexer.put(0, 400)
    await until(search, set(range(400)))
    taken = await indexer.etl("take", "test", "first", "--index", INDICES)
    assert "first: 1 indices" in taken
    await asyncio.sleep(1.1)  # resets are to the second
    moment = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    await indexer.put(400, 200)
    await until(search, set(range(600)))
    await indexer.stop()
    before = await search.search(index=INDICES, body={"size": 5000, "sort": ["_id"]})

    await search.indices.delete(index=INDICES)
    assert await numbers(search) == set()
    await indexer.etl("restore", "test", "first", "--index", INDICES)
    assert await numbers(search) == set(range(400))
    table = "indexer-leases-enriched"
    shardline = str(Path(sys.executable).parent / "shardline")
    await indexer.run(shardline, "reset", table, "--to", moment, "--yes", "--observe", "1", "--stream", "enriched")
    await indexer.start()
    await until(search, set(range(600)))
    after = await search.search(index=INDICES, body={"size": 5000, "sort": ["_id"]})
    assert [(hit["_id"], hit["_source"]) for hit in after["hits"]["hits"]] == [
        (hit["_id"], hit["_source"]) for hit in before["hits"]["hits"]
    ]
    assert await search.indices.exists_alias(name="events", index=INDICES), "the alias came back too"


async def test_indices_that_are_there_are_not_overwritten_unasked(indexer: Indexer, search: AsyncOpenSearch) -> None:
    """What was indexed since the snapshot would be gone."""
    await search.index(index="events-kept-2024.01.01", id="1", body={"n": 1}, params={"refresh": "true"})
    await indexer.etl("register", "test", "--folder", "etl-test")
    await indexer.etl("take", "test", "second", "--index", "events-kept-*")
    refused = await indexer.etl("restore", "test", "second", "--index", "events-kept-*", expect=1)
    assert "events-kept-2024.01.01 would be overwritten" in refused
    await search.index(index="events-kept-2024.01.01", id="2", body={"n": 2}, params={"refresh": "true"})
    await indexer.etl("restore", "test", "second", "--index", "events-kept-*", "--replace")
    assert (await search.count(index="events-kept-2024.01.01"))["count"] == 1
    shown = await indexer.etl("list", "test")
    assert "second\tSUCCESS\t1 indices" in shown
    await search.indices.delete(index="events-kept-2024.01.01")


async def test_what_is_not_there_is_said_with_what_is(indexer: Indexer) -> None:
    await indexer.etl("register", "test", "--folder", "etl-test")
    assert "has no snapshot nothing" in await indexer.etl("restore", "test", "nothing", expect=1)
    assert "name it first by etl snapshots register" in await indexer.etl("list", "nowhere", expect=1)
