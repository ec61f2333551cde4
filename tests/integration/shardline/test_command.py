"""The `shardline` command as a process, against the double, ministack and a running group."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import pytest
from aiobotocore.session import get_session

from aws_wire import aggregation
from shardline import DynamoDBLeaseTable, MultiStreamGroup

pytestmark = [pytest.mark.integration, pytest.mark.long]

CREDENTIALS = {"aws_access_key_id": "test", "aws_secret_access_key": "test", "region_name": "us-east-1"}


@dataclass
class Answer:
    """What a command printed, and how it ended."""

    status: int
    out: str
    err: str

    @property
    def value(self) -> Any:
        """The JSON that was printed."""
        return json.loads(self.out)


class Command:
    """Runs `shardline` with the environment of a local AWS."""

    def __init__(self, kinesis: str, dynamodb: str) -> None:
        self.environment = {
            **os.environ,
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",
            "AWS_DEFAULT_REGION": "us-east-1",
            "AWS_ENDPOINT_URL_KINESIS": kinesis,
            "AWS_ENDPOINT_URL_DYNAMODB": dynamodb,
        }

    async def start(self, *arguments: str) -> asyncio.subprocess.Process:
        """Start a command."""
        return await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "shardline", *arguments),
            env=self.environment,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )

    async def __call__(self, *arguments: str) -> Answer:
        """Run a command to its end."""
        process = await self.start(*arguments)
        out, err = await asyncio.wait_for(process.communicate(), 60)
        assert process.returncode is not None
        return Answer(process.returncode, out.decode(), err.decode())


@asynccontextmanager
async def dynamodb_at(endpoint: str) -> AsyncIterator[Any]:
    async with get_session().create_client("dynamodb", endpoint_url=endpoint, **CREDENTIALS) as client:
        yield client


async def made(client: Any, name: str, shards: int) -> None:
    await client.create_stream(StreamName=name, ShardCount=shards)
    await until_active(client, name)


async def until_active(client: Any, name: str) -> None:
    for _ in range(600):
        summary = await client.describe_stream_summary(StreamName=name)
        if summary["StreamDescriptionSummary"]["StreamStatus"] == "ACTIVE":
            return
        await asyncio.sleep(0.1)
    raise TimeoutError(name)


async def put(client: Any, name: str, *data: str) -> None:
    records = [{"PartitionKey": each, "Data": each.encode()} for each in data]
    answer = await client.put_records(StreamName=name, Records=records)
    assert answer["FailedRecordCount"] == 0


async def split(client: Any, name: str) -> None:
    await client.split_shard(StreamName=name, ShardToSplit="shardId-000000000000", NewStartingHashKey=str(1 << 127))
    await until_active(client, name)


async def until_given(workers: Any, count: int) -> None:
    for _ in range(900):
        if len(workers.records()) >= count:
            return
        await asyncio.sleep(0.1)
    raise TimeoutError(f"{len(workers.records())} of {count} records")


async def test_a_group_is_seen_stopped_reset_and_seen_again(
    double: Any, ministack_url: str, consumers: Any, kinesis_client: Callable[[str], Any]
) -> None:
    """While workers live, leases say so and reset refuses; once stopped, a reset delivers everything again."""
    with double("--state-seconds", "0.1") as kinesis:
        client, command = await kinesis_client(kinesis.endpoint), Command(kinesis.endpoint, ministack_url)
        await made(client, "orders", 2)
        await put(client, "orders", *(f"first-{number}" for number in range(20)))
        workers = consumers(kinesis.endpoint, "orders")
        workers.start("one")
        await until_given(workers, 20)

        table = "orders-leases"
        seen = await command("leases", table, "--json", "--observe", "2.5")
        assert seen.status == 0, seen.err
        assert seen.value["group"] == "reader/orders"
        assert {(lease["state"], lease["owner"]) for lease in seen.value["leases"]} == {("live", "one")}
        refused = await command("reset", table, "--to", "TRIM_HORIZON", "--observe", "2.5", "--yes")
        assert refused.status == 1
        assert "one renewed it" in refused.err
        assert "Stop every worker" in refused.err
        watched = await command("leases", table, "--watch", "--count", "2", "--observe", "0.5", "--json")
        assert [len(json.loads(line)["leases"]) for line in watched.out.splitlines()] == [2, 2]

        workers.stop()
        lag = await command("lag", "orders", table, "--json", "--max-ms", "0")
        assert (lag.status, lag.value["max_ms"]) == (0, 0), lag
        await put(client, "orders", "late")
        await asyncio.sleep(0.2)
        lag = await command("lag", "orders", table, "--max-ms", "100")
        assert lag.status == 1
        assert "1 behind" in lag.out
        ready = await command("migrate", table, "--to", "kcl", "--check", "--observe", "1")
        assert ready.status == 0, ready.out

        unasked = await command("reset", table, "--to", "TRIM_HORIZON", "--observe", "1")
        assert unasked.status == 1
        assert "add --yes" in unasked.err
        moved = await command("reset", table, "--to", "TRIM_HORIZON", "--observe", "1", "--yes")
        assert moved.status == 0, moved.err
        assert "2 checkpoints moved" in moved.out
        again = await command("reset", table, "--to", "TRIM_HORIZON", "--observe", "0", "--yes")
        assert "nothing to move" in again.out
        workers.start("two")
        await until_given(workers, 41)
        assert sum(name == "two" for name, *_ in workers.records()) == 21


async def test_a_reset_starts_exactly_at_the_record_named_and_at_the_time(
    double: Any, ministack_url: str, consumers: Any, kinesis_client: Callable[[str], Any]
) -> None:
    """The first record delivered is the one named, inside an aggregate too; a time begins with what came after it."""
    with double("--state-seconds", "0.1") as kinesis:
        client, command = await kinesis_client(kinesis.endpoint), Command(kinesis.endpoint, ministack_url)
        await made(client, "exact", 1)
        await put(client, "exact", "a", "b")
        await asyncio.sleep(1.1)
        await put(client, "exact", "c")
        users = [aggregation.UserRecord("k", each, None) for each in (b"d0", b"d1", b"d2")]
        await client.put_record(StreamName="exact", PartitionKey="k", Data=aggregation.encode(users))
        workers = consumers(kinesis.endpoint, "exact")
        workers.start("one")
        await until_given(workers, 6)
        workers.stop()
        printed = await command("tail", "exact", "--from", "TRIM_HORIZON", "--count", "6", "--json")
        told = {each["data"]: each for each in map(json.loads, printed.out.splitlines())}

        async def given_to(name: str, to: str) -> list[str]:
            moved = await command("reset", "exact-leases", "--to", to, "--observe", "0", "--force", "--yes")
            assert moved.status == 0, moved.err
            before = len(workers.records())
            workers.start(name)
            await until_given(workers, before + 1)
            await asyncio.sleep(0.5)
            workers.stop()
            return [data for worker, *_, data in workers.records() if worker == name]

        shard = "shardId-000000000000"
        assert await given_to("two", f"{shard}={told['b']['sequence_number']}") == ["b", "c", "d0", "d1", "d2"]
        assert await given_to("three", f"{shard}={told['d1']['sequence_number']}.1") == ["d1", "d2"]
        since = f"{(told['c']['arrived_ms'] - 500) / 1000:.3f}"
        assert await given_to("four", since) == ["c", "d0", "d1", "d2"]


async def test_tail_follows_a_split_and_unfolds_aggregates(
    double: Any, ministack_url: str, kinesis_client: Callable[[str], Any]
) -> None:
    """From the horizon: the parent's records, then its children's; it ends after as many as asked for."""
    with double("--state-seconds", "0.1") as kinesis:
        client, command = await kinesis_client(kinesis.endpoint), Command(kinesis.endpoint, ministack_url)
        await made(client, "tailed", 1)
        users = [aggregation.UserRecord("k", each, None) for each in (b"1", b"2")]
        await client.put_record(StreamName="tailed", PartitionKey="k", Data=aggregation.encode(users))
        for extra in ((), ("--fan-out",)):
            process = await command.start("tail", "tailed", "--from", "TRIM_HORIZON", "--count", "6", "--json", *extra)
            assert process.stdout is not None
            first = [json.loads(await asyncio.wait_for(process.stdout.readline(), 20)) for _ in range(2)]
            assert [(each["data"], each["sub_sequence_number"]) for each in first] == [("1", 0), ("2", 1)]
            if not extra:
                await split(client, "tailed")
                await put(client, "tailed", *"abcd")
            rest, _ = await asyncio.wait_for(process.communicate(), 40)
            records = [json.loads(each) for each in rest.splitlines()]
            assert sorted(each["data"] for each in records) == list("abcd")
            assert {each["shard_id"][-1] for each in records} <= {"1", "2"}
            assert process.returncode == 0
        arn = (await client.describe_stream_summary(StreamName="tailed"))["StreamDescriptionSummary"]["StreamARN"]
        await asyncio.sleep(0.3)
        assert (await client.list_stream_consumers(StreamARN=arn))["Consumers"] == []
        tree = await command("shards", "tailed")
        assert "1 closed" in tree.out
        assert "├─ shardId-000000000001" in tree.out
        shards = await command("shards", "tailed", "--json")
        assert [shard["parents"] for shard in shards.value] == [[], *[["shardId-000000000000"]] * 2]


async def test_tail_ends_well_on_interrupt_and_on_a_closed_pipe(
    double: Any, ministack_url: str, kinesis_client: Callable[[str], Any]
) -> None:
    with double("--state-seconds", "0.1") as kinesis:
        client, command = await kinesis_client(kinesis.endpoint), Command(kinesis.endpoint, ministack_url)
        await made(client, "ends", 1)
        await put(client, "ends", *(f"{number}" for number in range(300)))
        process = await command.start("tail", "ends", "--from", "1h")
        assert process.stdout is not None
        assert (await asyncio.wait_for(process.stdout.readline(), 20)).endswith(b"  0  0\n")
        process.send_signal(signal.SIGINT)
        _, err = await asyncio.wait_for(process.communicate(), 20)
        assert (process.returncode, err) == (0, b"")
        shell = await asyncio.create_subprocess_shell(
            f"{sys.executable} -m shardline tail ends --from TRIM_HORIZON | head -1; exit ${{PIPESTATUS[0]}}",
            executable="/bin/bash",
            env=command.environment,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        ended = asyncio.ensure_future(asyncio.wait_for(shell.communicate(), 30))
        while not ended.done():
            await put(client, "ends", "one more, so that the pipe is written to again")
            await asyncio.wait([ended], timeout=0.3)
        out, err = ended.result()
        assert (shell.returncode, out.count(b"\n"), err) == (0, 1, b"")


async def test_migrate_clears_what_a_stopped_kcl_fleet_left(
    double: Any, ministack_url: str, consumers: Any, kinesis_client: Callable[[str], Any]
) -> None:
    """A KCL 3.5 table whose workers are gone is told, cleared, then ready; a shardline group goes on from it."""
    with double("--state-seconds", "0.1") as kinesis:
        client, command = await kinesis_client(kinesis.endpoint), Command(kinesis.endpoint, ministack_url)
        await made(client, "moved", 1)
        await put(client, "moved", "a", "b")
        printed = await command("tail", "moved", "--from", "TRIM_HORIZON", "--count", "2", "--json")
        first = json.loads(printed.out.splitlines()[0])
        async with dynamodb_at(ministack_url) as dynamodb:
            await kcl_table(dynamodb, "moved-leases", first["sequence_number"])
        check = await command("migrate", "moved-leases", "--to", "shardline", "--check", "--observe", "1", "--json")
        assert check.status == 1
        assert sorted(step["key"] for step in check.value["steps"]) == ["Leader", "java-1", "shardId-000000000000"]
        done = await command("migrate", "moved-leases", "--to", "shardline", "--observe", "1", "--yes")
        assert done.status == 0, done.err
        ready = await command("migrate", "moved-leases", "--to", "shardline", "--observe", "1", "--json")
        assert ready.value["ready"] is True
        workers = consumers(kinesis.endpoint, "moved")
        workers.start("one")
        await until_given(workers, 1)
        assert [data for *_, data in workers.records()] == ["b"]


async def kcl_table(dynamodb: Any, name: str, sequence_number: str) -> None:
    """As a KCL 3.5 fleet leaves it that died in the middle of a hand-off."""
    await dynamodb.create_table(
        TableName=name,
        KeySchema=[{"AttributeName": "leaseKey", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "leaseKey", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
    )
    lease = {
        "leaseKey": {"S": "shardId-000000000000"},
        "entityType": {"S": "LEASE"},
        "leaseOwner": {"S": "java-2"},
        "checkpointOwner": {"S": "java-1"},
        "leaseCounter": {"N": "7"},
        "checkpoint": {"S": sequence_number},
        "checkpointSubSequenceNumber": {"N": "0"},
        "ownerSwitchesSinceCheckpoint": {"N": "0"},
        "startingHashKey": {"S": "0"},
        "endingHashKey": {"S": str((1 << 128) - 1)},
    }
    leader = {"leaseKey": {"S": "Leader"}, "entityType": {"S": "LEADER"}, "recordVersionNumber": {"S": "v"}}
    metrics = {"leaseKey": {"S": "java-1"}, "entityType": {"S": "WORKER_METRIC_STATS"}, "lut": {"N": "1700000000"}}
    for item in (lease, leader, metrics):
        await dynamodb.put_item(TableName=name, Item=item)


async def test_one_stream_of_many_in_a_table_is_measured_and_reset(
    double: Any, ministack_url: str, kinesis_client: Callable[[str], Any]
) -> None:
    """A group on two streams: the lag of each is its own, and a reset of one leaves the other."""
    with double("--state-seconds", "0.1") as kinesis:
        client, command = await kinesis_client(kinesis.endpoint), Command(kinesis.endpoint, ministack_url)
        for name in ("left", "right"):
            await made(client, name, 1)
            await put(client, name, "a", "b")

        async def read(count: int) -> list[str]:
            """Run a worker until it was given so many records; returns their streams."""
            given: list[str] = []
            stop = asyncio.Event()
            async with dynamodb_at(ministack_url) as dynamodb:
                table = DynamoDBLeaseTable(dynamodb=dynamodb, table="both", create_missing=True)
                group = MultiStreamGroup(
                    streams=["left", "right"], application="reader", kinesis=client, lease_table=table
                )
                async with asyncio.timeout(40), group.batches(stop) as batches:
                    async for batch in batches:
                        given += [batch.lease.stream] * len(batch.records)
                        batch.done()
                        if len(given) >= count:
                            stop.set()
            return given

        assert sorted(await read(4)) == ["left", "left", "right", "right"]
        await put(client, "left", "late")
        await asyncio.sleep(0.2)
        left, right = await asyncio.gather(
            command("lag", "left", "both", "--json"), command("lag", "right", "both", "--json")
        )
        assert (left.value["behind"], right.value["behind"]) == (1, 0)
        moved = await command("reset", "both", "--stream", "right", "--to", "1h", "--observe", "0", "--yes")
        assert "1 checkpoint moved" in moved.out, moved
        assert sorted(await read(3)) == ["left", "right", "right"]


async def test_what_is_not_there_is_named(double: Any, ministack_url: str) -> None:
    """A stream, a table and an endpoint that do not exist end with 3 and say which setting to check."""
    with double() as kinesis:
        command = Command(kinesis.endpoint, ministack_url)
        stream, table, silent = await asyncio.gather(
            command("shards", "nowhere"),
            command("leases", "nowhere"),
            command("shards", "nowhere", "--endpoint-url", "http://127.0.0.1:9"),
        )
    assert (stream.status, table.status, silent.status) == (3, 3, 3)
    assert "stream nowhere: not found" in stream.err
    assert "lease table nowhere: not found" in table.err
    assert "check --endpoint-url" in silent.err
