"""Bugs to plant in shardline at run time, each of which the simulation must find. The product knows nothing of them."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any
from unittest.mock import patch

from shardline.errors import LeaseTableUnavailable
from shardline.leases import lineage
from shardline.leases.assignment import Sightings
from shardline.leases.dynamodb import DynamoDBLeaseTable
from shardline.model import LATEST, SHARD_END, Checkpoint, ChildShard, Lease, Record
from shardline.reading import deaggregation
from shardline.reading.cursor import Cursor
from shardline.reading.read_ahead import ReadAhead
from shardline.reading.reader import _Shard
from shardline.work.progress import Progress
from shardline.work.worker import ShardWorker

Patch = tuple[Any, str, Any]


@dataclass(frozen=True, slots=True)
class Mutation:
    """A bug: what is wrong, and how to plant it."""

    what: str
    patches: Callable[[], Sequence[Patch]]


def _checkpoint_before_delivery() -> Sequence[Patch]:
    add = Progress.add

    def add_as_done(self: Progress, ends_at: Checkpoint | None, records: int = 0, size: int = 0) -> Any:
        delivery = add(self, ends_at, records, size)
        self.done(delivery)
        return delivery

    return [(Progress, "add", add_as_done)]


def _string_compare() -> Sequence[Patch]:
    ranks = {"AT_TIMESTAMP": 0, "TRIM_HORIZON": 1, "LATEST": 2, "SHARD_END": 4}

    def order(self: Checkpoint) -> Any:
        return (ranks.get(self.sequence_number, 3), self.sequence_number, self.sub_sequence_number)

    return [(Checkpoint, "order", property(order))]


def _child_before_parent() -> Sequence[Patch]:
    return [(lineage, "is_ready", lambda lease, leases: not lease.is_ended)]


def _child_after_one_parent() -> Sequence[Patch]:
    def is_ready(lease: Lease, leases: Any) -> bool:
        if lease.is_ended:
            return False
        ended = [parent not in leases or leases[parent].is_ended for parent in lease.parents]
        return not ended or any(ended)

    return [(lineage, "is_ready", is_ready)]


def _no_new_epoch() -> Sequence[Patch]:
    take = DynamoDBLeaseTable.take

    async def take_on(self: DynamoDBLeaseTable, lease: Lease, owner: str, epoch: int) -> Lease | None:
        return await take(self, lease, owner, lease.epoch or epoch)

    return [(DynamoDBLeaseTable, "take", take_on)]


def _unconditional_writes() -> Sequence[Patch]:
    async def write(self: Any, lease: Lease, change: str, values: Any, also: str | None = None) -> Lease:
        bound = {**values, ":one": {"N": "1"}}
        key = self._key(lease.shard_id)
        written: Lease = self._lease(await self._table.update(key, change, "attribute_exists(leaseKey)", bound))
        return written

    return [(DynamoDBLeaseTable, "_write", write)]


def _resubscribe_at() -> Sequence[Patch]:
    moved = Cursor._moved

    def moved_and_forgetful(self: Any, *told: Any) -> Any:
        event = moved(self, *told)
        self.after, self._delivered = False, None
        return event

    return [(Cursor, "_moved", moved_and_forgetful)]


def _resubscribe_at_latest() -> Sequence[Patch]:
    recover = _Shard._recover

    async def recover_at_latest(self: Any, failure: Exception, **options: Any) -> None:
        await recover(self, failure, **options)
        self._cursor.position, self._cursor.after = Checkpoint(LATEST), False

    return [(_Shard, "_recover", recover_at_latest)]


def _undone_dropped() -> Sequence[Patch]:
    give_up = ShardWorker._give_up

    async def give_up_all(self: Any) -> None:
        for delivery in list(self.progress._open):
            self.progress.done(delivery)
        await give_up(self)

    return [(ShardWorker, "_give_up", give_up_all)]


def _no_last_checkpoint() -> Sequence[Patch]:
    async def give_up(self: Any) -> None:
        await self._persistently(self.held.release)

    return [(ShardWorker, "_give_up", give_up)]


def _failed_batch_skipped() -> Sequence[Patch]:
    async def hand_out(self: Any, event: Any) -> None:
        batch = self._deliveries.give(event, self._around.clock.monotonic())
        try:
            await self._around.processor.process(batch)
        except RuntimeError:
            batch.done()

    return [(ShardWorker, "_hand_out", hand_out)]


def _children_after_end() -> Sequence[Patch]:
    async def end(self: Any, children: tuple[ChildShard, ...]) -> None:
        await self.held.end(Checkpoint(SHARD_END))
        for child in children:
            await self._around.table.create(Lease(child.shard_id, Checkpoint("TRIM_HORIZON"), parents=child.parents))
        await self._around.table.set_children(self.held.lease.shard_id, children)
        self._around.siblings.wake()

    return [(ShardWorker, "_end", end)]


def _never_expires() -> Sequence[Patch]:
    return [(Sightings, "unrenewed_seconds", lambda self, lease: 0.0)]


def _early_cleanup() -> Sequence[Patch]:
    return [(lineage, "_is_finished_with", lambda lease, leased: lease.is_ended)]


def _sub_sequence_ignored() -> Sequence[Patch]:
    def following(records: list[Record], after: Checkpoint) -> Iterator[Record]:
        return (record for record in records if int(record.sequence_number) > int(after.sequence_number))

    return [(deaggregation, "_following", following)]


def _unbounded_read_ahead() -> Sequence[Patch]:
    def create(self: Any, events: AsyncIterator[Any], records: int, size: int, share: Any = None) -> None:
        init(self, events, 10**9, 10**12, share)

    init = ReadAhead.__init__
    return [(ReadAhead, "__init__", create)]


def _state_lags() -> Sequence[Patch]:
    checkpoint = DynamoDBLeaseTable.checkpoint
    held_back: dict[str, bytes | None] = {}

    async def write(self: Any, lease: Lease, place: Checkpoint, state: Any = None, throughput: Any = None) -> Lease:
        former = held_back.get(lease.shard_id)
        held_back[lease.shard_id] = state
        return await checkpoint(self, lease, place, former, throughput)

    return [(DynamoDBLeaseTable, "checkpoint", write)]


def _renewal_ignored() -> Sequence[Patch]:
    async def keep(self: Any) -> None:
        while not self.held.is_over:
            await self._around.clock.sleep(1.0)
            try:
                await self._save()
            except LeaseTableUnavailable:
                continue

    return [(ShardWorker, "_keep", keep)]


MUTATIONS: dict[str, Mutation] = {
    "checkpoint-before-delivery": Mutation("a batch counts as done when it is handed out", _checkpoint_before_delivery),
    "string-compare": Mutation("sequence numbers are compared as strings", _string_compare),
    "child-before-parent": Mutation("a child starts while its parent is read", _child_before_parent),
    "child-after-one-parent": Mutation("a merged child starts after one of its parents", _child_after_one_parent),
    "no-new-epoch": Mutation("a lease is taken under its old epoch", _no_new_epoch),
    "unconditional-writes": Mutation("leases are written whoever wrote them since", _unconditional_writes),
    "resubscribe-at": Mutation("a subscription goes on at the last record, not after it", _resubscribe_at),
    "resubscribe-at-latest": Mutation("a subscription goes on at the tip after a failure", _resubscribe_at_latest),
    "undone-dropped": Mutation("what is not done counts as done at a hand-off", _undone_dropped),
    "no-last-checkpoint": Mutation("a lease is released without its last checkpoint", _no_last_checkpoint),
    "failed-batch-skipped": Mutation("a batch that the processor fails on is skipped", _failed_batch_skipped),
    "children-after-end": Mutation("the children's leases are made after SHARD_END", _children_after_end),
    "never-expires": Mutation("a lease that is not renewed is never taken", _never_expires),
    "early-cleanup": Mutation("an ended lease is deleted before its children have begun", _early_cleanup),
    "sub-sequence-ignored": Mutation("a restart inside an aggregate skips the rest of it", _sub_sequence_ignored),
    "unbounded-read-ahead": Mutation("reading goes on however much waits", _unbounded_read_ahead),
    "state-lags": Mutation("the user's state is a checkpoint behind", _state_lags),
    "renewal-ignored": Mutation("a quiet lease is not renewed, a hand-off never noticed", _renewal_ignored),
}


@contextmanager
def planted(name: str) -> Iterator[None]:
    """Plant a bug while the body runs; an empty name plants none."""
    with ExitStack() as stack:
        if name:
            for target, attribute, replacement in MUTATIONS[name].patches():
                stack.enter_context(patch.object(target, attribute, replacement))
        yield
