"""Workers that take batches from iterators, in whatever way they come and go: nothing is lost, order holds."""

from __future__ import annotations

import asyncio
import random
from collections import defaultdict

from hypothesis import given, settings
from hypothesis import strategies as st

from shardline import Batch, Batches, Checkpoint, ConsumerGroup, GroupSettings, Lease
from shardline.testing import MemoryLeaseTable, MemorySource, MemoryStream, run_in_virtual_time

SHARDS, RECORDS = 3, 240


class Table(MemoryLeaseTable):
    """Checks of each checkpoint that everything before it is done, and that its state is the right one."""

    def __init__(self, ledger: Ledger) -> None:
        super().__init__()
        self.ledger = ledger

    async def checkpoint(
        self, lease: Lease, checkpoint: Checkpoint, state: bytes | None = None, throughput: float | None = None
    ) -> Lease:
        await asyncio.sleep(0.02)
        if not checkpoint.is_sentinel:
            number = int(checkpoint.sequence_number)
            undone = [each for each in self.ledger.written(lease.shard_id) if each <= number]
            undone = [each for each in undone if each not in self.ledger.done]
            assert not undone, f"{checkpoint} of {lease.shard_id} passes {undone[:3]}"
            assert state == self.ledger.state_at[lease.shard_id, number]
        return await super().checkpoint(lease, checkpoint, state, throughput)


class Ledger:
    """What was written, given and done."""

    def __init__(self) -> None:
        self.stream = MemoryStream(SHARDS)
        self.table = Table(self)
        self.given: defaultdict[str, list[tuple[int, int]]] = defaultdict(list)
        self.done: set[int] = set()
        self.state_at: dict[tuple[str, int], bytes] = {}

    def written(self, shard_id: str) -> list[int]:
        return [int(record.sequence_number) for record in self.stream.shards[shard_id].records]

    def give(self, batch: Batch) -> None:
        shard_id = batch.lease.shard_id
        self.given[shard_id] += [(batch.lease.epoch, int(record.sequence_number)) for record in batch.records]

    def finish(self, batch: Batch) -> None:
        if batch.lease_lost:
            batch.done()
            assert not batch.is_done
            return
        last = int(batch.records[-1].sequence_number)
        self.done.update(int(record.sequence_number) for record in batch.records)
        self.state_at[batch.lease.shard_id, last] = b"%d" % last
        batch.done(b"%d" % last)

    @property
    def is_complete(self) -> bool:
        """Whether everything is checkpointed by one who is there; what is done by one who lost its lease may not be."""
        return all(
            lease.holder == "last" and lease.checkpoint == Checkpoint(str(self.written(shard_id)[-1]))
            for shard_id, lease in self.table.leases.items()
        )


class Worker:
    """One iterator, and as many tasks as take from it; leaves in one of the ways there are."""

    def __init__(self, ledger: Ledger, name: str, rng: random.Random, *, prompt: bool = False) -> None:
        self.ledger, self.rng, self.stop = ledger, rng, asyncio.Event()
        self.way = rng.choice(("stop", "break", "error", "cancel"))
        self.takers = rng.choice((1, 1, 3))
        self.is_prompt = prompt or self.takers > 1
        self.group = ConsumerGroup(
            stream="stream",
            application="app",
            kinesis=None,
            lease_table=ledger.table,
            worker_id=name,
            settings=GroupSettings(
                max_batch_records=rng.choice((5, 40)), max_in_flight_records=60, drain_seconds=3, rebalance_seconds=2
            ),
            rng=rng,
            source=MemorySource(ledger.stream, failure_rate=0.02, rng=random.Random(rng.random())),
        )
        self.leave = asyncio.Event()
        self.task = asyncio.create_task(self.work())

    async def work(self) -> None:
        async with self.group.batches(self.stop, in_turn=self.takers > 1) as batches, asyncio.TaskGroup() as tasks:
            for _ in range(self.takers):
                tasks.create_task(self.consume(batches))

    async def consume(self, batches: Batches) -> None:
        late: list[Batch] = []
        async for batch in batches:
            assert not batch.lease_lost
            self.ledger.give(batch)
            await asyncio.sleep(self.rng.choice((0, 0.01, 0.3)))
            late.append(batch)
            while late and (self.is_prompt or len(late) > 3 or self.rng.random() < 0.6):
                self.ledger.finish(late.pop(self.rng.randrange(len(late))))
            if self.leave.is_set():
                if self.way == "break":
                    return
                raise KeyError("the consumer fails")
        for batch in late:
            self.ledger.finish(batch)

    async def end(self, *, at_last: bool = False) -> None:
        if at_last or self.way == "stop":
            self.stop.set()
            await self.task
            return
        self.leave.set()
        await asyncio.sleep(2)
        self.task.cancel()
        await asyncio.wait([self.task])


async def history(seed: int) -> None:
    """Live through one history: workers come and go while records do, and one worker ends the work."""
    rng = random.Random(seed)
    ledger = Ledger()
    workers: list[Worker] = []
    for step in range(8):
        for _ in range(RECORDS // 8):
            ledger.stream.put(f"key-{rng.randrange(30)}", b"x")
        if len(workers) < 2 or rng.random() < 0.4:
            workers.append(Worker(ledger, f"worker-{step}", rng))
        elif rng.random() < 0.3:
            lease = rng.choice(list(ledger.table.leases.values()))
            await MemoryLeaseTable.take(ledger.table, lease, "thief", ledger.table.epoch + 1)
            ledger.table.epoch += 1
        else:
            await workers.pop(rng.randrange(len(workers))).end()
        await asyncio.sleep(rng.uniform(0.5, 6))
    for worker in workers:
        await worker.end()
    last = Worker(ledger, "last", rng, prompt=True)
    async with asyncio.timeout(120):
        while not ledger.is_complete:
            await asyncio.sleep(1)
    await last.end(at_last=True)
    for shard_id, told in ledger.given.items():
        epochs = [epoch for epoch, _ in told]
        for epoch in set(epochs):
            numbers = [number for each, number in told if each == epoch]
            assert numbers == sorted(set(numbers)), f"order of {shard_id} within epoch {epoch}"
        assert {number for _, number in told} == set(ledger.written(shard_id))
        lease = ledger.table.leases[shard_id]
        assert (lease.checkpoint, lease.holder) == (Checkpoint(str(ledger.written(shard_id)[-1])), None)
        assert lease.state == lease.checkpoint.sequence_number.encode()


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 2**32))
def test_nothing_is_lost_and_order_holds_within_an_epoch_however_iterators_are_left(seed: int) -> None:
    """By stop, break, error and cancellation, through stolen leases; checkpoints and states never run ahead."""
    run_in_virtual_time(history(seed))
