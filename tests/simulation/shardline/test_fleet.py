"""A fleet of workers in virtual time: crashes, stops, reshards, faults of every part, from a seed."""

from __future__ import annotations

import asyncio
import random
from collections import Counter, defaultdict
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import TypeVar

import pytest

from shardline import Batch, Checkpoint, ConsumerGroup, GroupSettings, Lease, LeaseTableUnavailable, ShardLease
from shardline.testing import MemoryLeaseTable, MemorySource, MemoryStream, run_in_virtual_time

T = TypeVar("T")

# The processor below keeps up to three batches undone until a further one comes: the bound leaves room for it.
SETTINGS = GroupSettings(
    lease_duration_seconds=10,
    scan_interval_seconds=2,
    shard_sync_interval_seconds=20,
    max_in_flight_records=60,
    max_batch_records=10,
)


@dataclass
class Ledger:
    """What was put, what took effect and what was marked done, by key and number."""

    put: dict[str, list[int]] = field(default_factory=lambda: defaultdict(list))
    effects: dict[str, list[int]] = field(default_factory=lambda: defaultdict(list))
    done: set[int] = field(default_factory=set)
    shard_of: dict[int, str] = field(default_factory=dict)
    faults: Counter[str] = field(default_factory=Counter)

    def firsts(self, key: str) -> list[int]:
        return list(dict.fromkeys(self.effects[key]))


class FaultyTable(MemoryLeaseTable):
    """Answers late, not at all, or loses the answer after writing; audits every checkpoint."""

    def __init__(self, shared: MemoryLeaseTable, ledger: Ledger, rng: random.Random, rate: float) -> None:
        super().__init__()
        self.leases, self.shared = shared.leases, shared
        self.ledger, self.rng, self.rate, self.dead = ledger, rng, rate, False

    async def _faulty(self, call: Callable[[], Awaitable[T]]) -> T:
        await asyncio.sleep(self.rng.uniform(0.001, 0.05))
        if self.dead:
            await asyncio.sleep(1e9)
        luck = self.rng.random()
        if luck < self.rate / 2:
            self.ledger.faults["table throttled"] += 1
            raise LeaseTableUnavailable("throttled")
        answer = await call()
        if luck < self.rate:
            self.ledger.faults["answer lost"] += 1
            raise LeaseTableUnavailable("answer lost")
        return answer

    async def next_epoch(self) -> int:
        return await self._faulty(self.shared.next_epoch)

    async def list_leases(self) -> list[Lease]:
        return await self._faulty(super().list_leases)

    async def take(self, lease: Lease, owner: str, epoch: int) -> Lease | None:
        return await self._faulty(lambda: MemoryLeaseTable.take(self, lease, owner, epoch))

    async def ask_for(self, lease: Lease, owner: str) -> Lease | None:
        return await self._faulty(lambda: MemoryLeaseTable.ask_for(self, lease, owner))

    async def ring(self) -> None:
        await self._faulty(self.shared.ring)

    async def hear(self) -> int:
        return await self._faulty(self.shared.hear)

    async def renew(self, lease: Lease, throughput: float | None = None) -> Lease:
        return await self._faulty(lambda: MemoryLeaseTable.renew(self, lease, throughput))

    async def checkpoint(
        self, lease: Lease, checkpoint: Checkpoint, state: bytes | None = None, throughput: float | None = None
    ) -> Lease:
        passed = [
            number
            for number, shard_id in self.ledger.shard_of.items()
            if shard_id == lease.shard_id and Checkpoint(str(number)) <= checkpoint
        ]
        undone = [number for number in passed if number not in self.ledger.done]
        assert not undone, f"checkpoint {checkpoint} of {lease.shard_id} passes {undone[:3]}"
        return await self._faulty(lambda: MemoryLeaseTable.checkpoint(self, lease, checkpoint, state, throughput))

    async def release(self, lease: Lease) -> None:
        await self._faulty(lambda: MemoryLeaseTable.release(self, lease))


class LateProcessor:
    """Marks batches done later and out of order; raises now and then; forgets what it lost."""

    def __init__(self, ledger: Ledger, rng: random.Random, failure_rate: float) -> None:
        self.ledger, self.rng, self.failure_rate, self.dead = ledger, rng, failure_rate, False
        self.pending: dict[str, list[Batch]] = defaultdict(list)

    async def start(self, lease: ShardLease) -> Checkpoint | None:
        assert not self.pending[lease.shard_id]
        return None

    async def process(self, batch: Batch) -> None:
        await asyncio.sleep(self.rng.uniform(0, 0.05))
        if self.dead:
            await asyncio.sleep(1e9)
        if self.rng.random() < self.failure_rate:
            self.ledger.faults["processor raised"] += 1
            raise RuntimeError("a fault of the processor")
        for record in batch.records:
            self.ledger.effects[record.partition_key].append(int(record.sequence_number))
        waiting = self.pending[batch.lease.shard_id]
        waiting.append(batch)
        while len(waiting) > 3 or (waiting and self.rng.random() < 0.7):
            self._done(waiting.pop(self.rng.randrange(len(waiting))))

    async def drain(self, lease: ShardLease) -> None:
        await asyncio.sleep(self.rng.uniform(0, 1))
        for batch in self.pending.pop(lease.shard_id, []):
            self._done(batch)

    async def lost(self, lease: ShardLease) -> None:
        self.pending.pop(lease.shard_id, None)

    def _done(self, batch: Batch) -> None:
        if not self.dead:
            self.ledger.done.update(int(record.sequence_number) for record in batch.records)
            batch.done()


class Worker:
    def __init__(self, fleet: Fleet, name: str) -> None:
        rng = random.Random(fleet.rng.random())
        self.stop = asyncio.Event()
        self.table = FaultyTable(fleet.table, fleet.ledger, rng, fleet.fault_rate)
        self.processor = LateProcessor(fleet.ledger, rng, fleet.fault_rate)
        self.group = ConsumerGroup(
            stream="stream",
            application="app",
            kinesis=None,
            lease_table=self.table,
            worker_id=name,
            settings=fleet.settings,
            rng=rng,
            source=fleet.source,
        )
        self.task = asyncio.ensure_future(self.group.run(self.processor, self.stop))

    async def kill(self) -> None:
        """End it as SIGKILL does: from now on nothing of it has any effect."""
        self.table.dead = self.processor.dead = True
        self.task.cancel()
        await asyncio.wait([self.task])


class Fleet:
    def __init__(self, seed: int, settings: GroupSettings = SETTINGS, fault_rate: float = 0.02) -> None:
        self.rng = random.Random(seed)
        self.settings, self.fault_rate = settings, fault_rate
        self.ledger, self.table = Ledger(), MemoryLeaseTable()
        self.stream = MemoryStream(4)
        self.source = MemorySource(
            self.stream, life_seconds=30, failure_rate=fault_rate, rng=random.Random(self.rng.random())
        )
        self.workers: list[Worker] = []
        self.started = 0

    def start(self) -> Worker:
        self.started += 1
        worker = Worker(self, f"worker-{self.started}")
        self.workers.append(worker)
        return worker

    async def put(self, count: int, seconds: float) -> None:
        for _ in range(count):
            key = f"key-{self.rng.randrange(40)}"
            number = int(self.stream.put(key, b"x"))
            self.ledger.put[key].append(number)
            self.ledger.shard_of[number] = next(
                shard.shard_id
                for shard in self.stream.open_shards()
                if shard.records and shard.records[-1].sequence_number == str(number)
            )
            await asyncio.sleep(seconds / count)

    def reshard(self) -> None:
        shards = sorted(self.stream.open_shards(), key=lambda shard: shard.low)
        if self.rng.random() < 0.6 or len(shards) < 2:
            self.stream.split(self.rng.choice(shards))
        else:
            place = self.rng.randrange(len(shards) - 1)
            self.stream.merge(shards[place], shards[place + 1])

    async def until(self, holds: Callable[[], bool], seconds: float, what: str) -> None:
        deadline = asyncio.get_running_loop().time() + seconds
        while not holds():
            assert asyncio.get_running_loop().time() < deadline, f"not within {seconds} s: {what}"
            for worker in self.workers:
                if worker.task.done():
                    worker.task.result()
            await asyncio.sleep(0.5)

    def all_done(self) -> bool:
        return len(self.ledger.done) == len(self.ledger.shard_of)

    def owned(self) -> Counter[str]:
        open_ids = {shard.shard_id for shard in self.stream.open_shards()}
        owners = [lease.owner for lease in self.table.leases.values() if lease.shard_id in open_ids]
        return Counter(owner for owner in owners if owner)

    def check_order(self) -> None:
        for key, numbers in self.ledger.put.items():
            assert self.ledger.firsts(key) == numbers, f"order of {key}"

    async def stop(self) -> None:
        for worker in self.workers:
            worker.stop.set()
        await asyncio.gather(*(worker.task for worker in self.workers))


MIXED = ("kill", "stop", "start", "reshard", "reshard")
RESHARDS = ("kill", "stop", "start", "reshard", "reshard", "reshard", "reshard", "reshard")


@pytest.mark.parametrize("seed", range(10))
@pytest.mark.parametrize(("happenings", "rounds", "records"), [(MIXED, 6, 150), (RESHARDS, 12, 60)])
def test_nothing_is_lost_and_order_holds_whatever_happens(
    seed: int, happenings: tuple[str, ...], rounds: int, records: int
) -> None:
    """Through crashes, stops, newcomers, reshards and faults each record is delivered, in order per key."""

    async def main() -> None:
        fleet = Fleet(seed)
        fleet.start()
        fleet.start()
        for _ in range(rounds):
            await fleet.put(records, records / 15)
            happening = fleet.rng.choice(happenings)
            if happening == "start" or len(fleet.workers) < 2:
                fleet.start()
            elif happening == "reshard":
                fleet.reshard()
            else:
                worker = fleet.workers.pop(fleet.rng.randrange(len(fleet.workers)))
                if happening == "kill":
                    await worker.kill()
                else:
                    worker.stop.set()
                    await worker.task
        await fleet.until(fleet.all_done, 240, "everything delivered")
        fleet.check_order()
        for worker in fleet.workers:
            worker.table.rate = 0.0
        await asyncio.sleep(15)
        await fleet.stop()
        assert sum(fleet.ledger.faults.values()) >= 5
        holders = [lease.holder for lease in fleet.table.leases.values() if not lease.is_ended]
        assert not any(holders), "every lease is released at stop"

    run_in_virtual_time(main())


def test_a_newcomer_gets_its_share_by_hand_over_without_a_duplicate() -> None:
    """Two workers end with two shards each, and what moved was drained first: nothing came twice."""

    async def main() -> None:
        fleet = Fleet(1, fault_rate=0.0)
        fleet.start()
        await fleet.put(100, 20)
        fleet.start()
        await fleet.put(300, 30)
        await fleet.until(lambda: sorted(fleet.owned().values()) == [2, 2], 30, "shares are even")
        await fleet.until(fleet.all_done, 60, "everything delivered")
        fleet.check_order()
        assert all(len(numbers) == len(set(numbers)) for numbers in fleet.ledger.effects.values())
        await fleet.stop()

    run_in_virtual_time(main())


def test_a_stopped_workers_shards_are_taken_within_one_scan_without_a_duplicate() -> None:
    """A release is seen at the next look at the table, not after the lease's duration."""

    async def main() -> None:
        fleet = Fleet(2, fault_rate=0.0)
        first = fleet.start()
        fleet.start()
        await fleet.put(200, 30)
        first.stop.set()
        await first.task
        fleet.workers.remove(first)
        await fleet.until(lambda: fleet.owned() == {"worker-2": 4}, 3, "the other has all")
        await fleet.put(50, 5)
        await fleet.until(fleet.all_done, 30, "everything delivered")
        assert all(len(numbers) == len(set(numbers)) for numbers in fleet.ledger.effects.values())
        await fleet.stop()

    run_in_virtual_time(main())


def test_a_killed_workers_shards_are_taken_after_the_leases_duration() -> None:
    """Nobody waits for a leader: the duration and one scan are enough."""

    async def main() -> None:
        fleet = Fleet(3, fault_rate=0.0)
        first = fleet.start()
        fleet.start()
        await fleet.put(200, 30)
        fleet.workers.remove(first)
        killing = asyncio.ensure_future(first.kill())
        await fleet.until(lambda: fleet.owned() == {"worker-2": 4}, 13, "the other has all")
        await killing
        await fleet.until(fleet.all_done, 30, "everything delivered")
        await fleet.stop()

    run_in_virtual_time(main())


@pytest.mark.parametrize("seed", range(4))
def test_a_single_owner_has_every_shard_and_a_standby_takes_over(seed: int) -> None:
    """Of three workers one owns all shards through reshards; when it is killed another owns all."""

    async def main() -> None:
        settings = GroupSettings(assignment="single_owner", lease_duration_seconds=10)
        fleet = Fleet(seed, settings, fault_rate=0.0)
        for _ in range(3):
            fleet.start()
        await fleet.put(100, 10)
        await fleet.until(lambda: list(fleet.owned().values()) == [4], 10, "one owns all")
        fleet.stream.split(fleet.stream.open_shards()[0])
        await fleet.put(100, 10)
        await fleet.until(lambda: list(fleet.owned().values()) == [5], 30, "one owns all after a split")
        (owner,) = fleet.owned()
        killed = next(worker for worker in fleet.workers if worker.group.worker_id == owner)
        fleet.workers.remove(killed)
        killing = asyncio.ensure_future(killed.kill())
        await fleet.until(
            lambda: list(fleet.owned().values()) == [5] and owner not in fleet.owned(), 20, "another owns all"
        )
        await killing
        await fleet.put(50, 5)
        await fleet.until(fleet.all_done, 60, "everything delivered")
        fleet.check_order()
        await fleet.stop()

    run_in_virtual_time(main())
