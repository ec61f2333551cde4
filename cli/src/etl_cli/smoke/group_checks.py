"""Checks of the consumer group: lease writes, epochs, a reshard in order, a clean stop, polling."""

from __future__ import annotations

import asyncio
import time
from collections import defaultdict
from typing import Any

from etl_cli.smoke.account import Account
from etl_cli.smoke.plan import CheckFailed, Names, disorder
from shardline import (
    Batch,
    Checkpoint,
    ConsumerGroup,
    DynamoDBLeaseTable,
    GroupSettings,
    Lease,
    LeaseLost,
    each_batch,
)

_KEYS = 8
_ROUNDS = 12
_TRIES = 20


class Delivered:
    """What a group was given, by key, of the records that this run numbered."""

    def __init__(self) -> None:
        self.numbers: dict[str, list[int]] = defaultdict(list)
        self.shards: set[str] = set()
        self.epochs: set[int] = set()
        self.arrived = asyncio.Event()

    async def note(self, batch: Batch) -> None:
        """A processor's work."""
        for record in batch.records:
            if record.partition_key.startswith("order-"):
                self.numbers[record.partition_key].append(int(record.data))
                self.shards.add(batch.lease.shard_id)
        self.epochs.add(batch.lease.epoch)
        self.arrived.set()

    @property
    def count(self) -> int:
        """Different records delivered."""
        return sum(len(set(numbers)) for numbers in self.numbers.values())

    @property
    def repeats(self) -> int:
        """Records delivered again."""
        return sum(len(numbers) - len(set(numbers)) for numbers in self.numbers.values())

    async def until(self, count: int) -> None:
        """Wait until so many different records came."""
        while self.count < count:
            self.arrived.clear()
            await self.arrived.wait()


class Group:
    """The checks of one run, in their order; each returns what was learnt, or raises CheckFailed."""

    def __init__(self, account: Account, names: Names) -> None:
        self._account = account
        self._names = names
        self._put = 0

    async def lease_writes(self) -> str:
        """Conditional writes: of two takers one wins, a stale holder's checkpoint is refused, state is kept."""
        table = self._table("scratch-")
        await table.open("smoke/scratch")
        await table.create(Lease("shard", Checkpoint("TRIM_HORIZON")))
        (lease,) = await table.list_leases()
        first, second = await asyncio.gather(table.take(lease, "one", 1), table.take(lease, "two", 2))
        if (first is None) == (second is None):
            raise CheckFailed("two takers of one lease both won, or neither")
        held = first or second
        assert held is not None
        written = await table.checkpoint(held, Checkpoint("17", 2), b"state")
        if (written.checkpoint, written.state) != (Checkpoint("17", 2), b"state"):
            raise CheckFailed(f"the checkpoint came back as {written.checkpoint}")
        taken = await table.take(written, "three", 3)
        try:
            await table.checkpoint(held, Checkpoint("18"))
        except LeaseLost:
            pass
        else:
            raise CheckFailed("a stale holder could write a checkpoint")
        if taken is not None:
            await table.delete(taken)
        return "one of two takers won; a stale holder was refused; state came back"

    async def epochs(self) -> str:
        """The epoch counter never gives a number twice, however many ask at once."""
        table = self._table("scratch-")
        given = await asyncio.gather(*(table.next_epoch() for _ in range(10)))
        if len(set(given)) != len(given):
            raise CheckFailed(f"an epoch was given twice: {sorted(given)}")
        return f"10 asked at once, {min(given)} to {max(given)}, each once"

    async def reshard(self) -> str:
        """A shard split while a group reads and records come: each key's come in order, none is lost."""
        delivered, stop = Delivered(), asyncio.Event()
        async with asyncio.TaskGroup() as tasks:
            running = tasks.create_task(self._run(delivered, stop))
            try:
                await self._put_rounds(_ROUNDS)
                began = time.monotonic()
                await self._account.kinesis.split_shard(
                    StreamName=self._names.stream,
                    ShardToSplit="shardId-000000000000",
                    NewStartingHashKey=str(1 << 127),
                )
                await self._put_rounds(_ROUNDS)
                await self._account.until_active(self._names.stream)
                split = time.monotonic() - began
                await self._put_rounds(_ROUNDS)
                await delivered.until(self._put)
                stopped = time.monotonic()
            finally:
                stop.set()
            await running
            stopped = time.monotonic() - stopped
        self._in_order(delivered)
        if len(delivered.shards) != 3:
            raise CheckFailed(f"records came from {sorted(delivered.shards)}, not from the parent and both children")
        return (
            f"split took {split:.1f} s; {delivered.count} records in order through it, {delivered.repeats} repeated; "
            f"stopped within {stopped:.1f} s"
        )

    async def clean_stop(self) -> str:
        """After the stop nobody owns a lease, and a new worker is given new records only."""
        owned = [lease.shard_id for lease in await self._table().list_leases() if lease.holder and not lease.is_ended]
        if owned:
            raise CheckFailed(f"still owned after the stop: {', '.join(owned)}")
        delivered, stop = Delivered(), asyncio.Event()
        before = self._put
        async with asyncio.TaskGroup() as tasks:
            running = tasks.create_task(self._run(delivered, stop))
            try:
                began = time.monotonic()
                await self._put_rounds(1)
                await delivered.until(self._put - before)
                first = time.monotonic() - began
            finally:
                stop.set()
            await running
        repeated = sum(number <= before // _KEYS for numbers in delivered.numbers.values() for number in numbers)
        if repeated:
            raise CheckFailed(f"{repeated} records were delivered again after a clean stop")
        return f"no lease owned; restarted, all new records within {first:.1f} s, none again"

    async def polling(self) -> str:
        """A group without a consumer: every record by GetRecords, in order, through the split."""
        delivered, stop = Delivered(), asyncio.Event()
        began = time.monotonic()
        async with asyncio.TaskGroup() as tasks:
            running = tasks.create_task(self._run(delivered, stop, prefix="polling-", reading="polling"))
            try:
                await delivered.until(self._put)
            finally:
                stop.set()
            seconds = time.monotonic() - began
            await running
        self._in_order(delivered)
        return f"{delivered.count} records in order within {seconds:.1f} s"

    async def _run(
        self, delivered: Delivered, stop: asyncio.Event, *, prefix: str = "main-", reading: Any = "auto"
    ) -> None:
        group = ConsumerGroup(
            stream=self._names.stream,
            application=f"{prefix}smoke",
            kinesis=self._account.kinesis,
            lease_table=self._table(prefix),
            settings=GroupSettings(reading=reading, transport="auto"),
        )
        await group.run(each_batch(delivered.note), stop)

    def _table(self, prefix: str = "main-") -> DynamoDBLeaseTable:
        return DynamoDBLeaseTable(dynamodb=self._account.dynamodb, table=self._names.table, key_prefix=prefix)

    async def _put_rounds(self, rounds: int) -> None:
        """One record of each key a round, in order: the next round is put once this one is stored."""
        for _ in range(rounds):
            number = self._put // _KEYS + 1
            left = [{"PartitionKey": f"order-{key}", "Data": str(number).encode()} for key in range(_KEYS)]
            for attempt in range(_TRIES):
                answer = await self._account.kinesis.put_records(StreamName=self._names.stream, Records=left)
                failed = zip(left, answer["Records"], strict=True)
                left = [record for record, result in failed if "ErrorCode" in result]
                if not left:
                    break
                await asyncio.sleep(0.2 * (attempt + 1))
            if left:
                raise CheckFailed(f"{len(left)} records were refused {_TRIES} times")
            self._put += _KEYS
            await asyncio.sleep(0.05)

    def _in_order(self, delivered: Delivered) -> None:
        for key, numbers in sorted(delivered.numbers.items()):
            problem = disorder(numbers)
            if problem:
                raise CheckFailed(f"{key}: {problem}")
