"""What truly happened, and the invariants: each delivery and each write of the lease table is checked at once."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from fleet.world import World

from shardline.leases.dynamodb_rows import EPOCH_KEY, from_item, is_lease
from shardline.model import TRIM_HORIZON, Checkpoint, Lease

Position = tuple[int, int]

LEASE_SECONDS = 10.0
"""How long a lease of the fleet lasts."""


class InvariantBroken(AssertionError):
    """The fleet did what it must never do."""


class StaleEpoch(Exception):
    """A sink refused a write: another worker has written to this shard under a higher epoch."""


@dataclass(slots=True)
class ShardLedger:
    """One shard's records in order, and which of them are durable at the sink."""

    shard_id: str
    parents: tuple[str, ...]
    positions: list[Position] = field(default_factory=list)
    content: list[tuple[str, int]] = field(default_factory=list)
    durable: list[bool] = field(default_factory=list)
    safe: int = 0
    """How many records from the start are durable without a hole."""
    is_closed: bool = False
    children: set[str] = field(default_factory=set)
    fence: int = 0
    """The highest epoch that the sink has taken a write under."""
    next_in_epoch: int | None = None
    """Which record the fence's epoch delivers next."""
    checkpoint: int = -1
    renewed: float = 0.0
    """When its lease's counter last moved, virtual seconds."""
    highest_epoch: int = 0
    was_leased: bool = False
    has_ended: bool = False
    lease_deleted: bool = False

    @property
    def is_drained(self) -> bool:
        """Whether nothing of it is left to deliver, now or ever."""
        return self.is_closed and self.safe == len(self.positions)


class Ledger:
    """The records put, delivered and checkpointed. The first broken invariant is kept in `broken`."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.shards: dict[str, ShardLedger] = {}
        self.put_by_key: dict[str, int] = {}
        self.broken: str | None = None
        self.writer = ""
        """Which worker's call the lease table is carrying out."""
        self.loss_is_expected = False
        """Whether records expire unread: then nothing is said about what is missing."""
        self.records = 0
        self.delivered = 0
        self.reprocessed = 0
        self.fenced = 0
        self.handoffs = 0
        self.epochs: dict[int, tuple[str, str]] = {}
        self.counter = 0
        self._delivered_under: dict[int, tuple[str, str]] = {}
        self._begun: dict[tuple[str, int], int] = {}
        self._done: dict[tuple[str, int], dict[int, int]] = {}
        self._users: dict[tuple[str, int], int] = {}
        self._done_by_key: dict[str, int] = {}
        self._applied: set[tuple[str, int]] = set()

    def break_on(self, invariant: str, what: str) -> None:
        """Note that an invariant is broken, and raise."""
        if self.broken is None:
            self.broken = f"{invariant}: {what}"
            self.world.note(f"BROKEN {self.broken}")
        raise InvariantBroken(self.broken)

    # What the producers and the stream did.

    def shard_seen(self, shard_id: str, parents: Sequence[str]) -> None:
        """Note a shard of the stream."""
        if shard_id not in self.shards:
            self.shards[shard_id] = ShardLedger(shard_id, tuple(parents))
            for parent in parents:
                if parent in self.shards:
                    self.shards[parent].children.add(shard_id)

    def shard_closed(self, shard_id: str) -> None:
        """Note that a shard takes no more."""
        self.shards[shard_id].is_closed = True

    def put(self, shard_id: str, number: int, records: Sequence[tuple[str, int]]) -> None:
        """Note what was put as one Kinesis record, one user record or several."""
        shard = self.shards[shard_id]
        for sub, content in enumerate(records):
            shard.positions.append((number, sub))
            shard.content.append(content)
            shard.durable.append(False)
            self.put_by_key[content[0]] = content[1]
        self._users[shard_id, number] = len(records)
        self.records += len(records)

    def users_of(self, shard_id: str, number: int) -> int:
        """How many user records a Kinesis record holds."""
        return self._users.get((shard_id, number), 1)

    # What reached the sink.

    def deliver(self, worker: str, batch: int, shard_id: str, epoch: int, records: Sequence[Any]) -> None:
        """Take a batch at the sink, for good. Raises StaleEpoch; InvariantBroken."""
        owner = self._delivered_under.setdefault(epoch, (shard_id, worker))
        if owner != (shard_id, worker):
            self.break_on("one owner an epoch", f"{worker} delivers {shard_id} under epoch {epoch} of {owner}")
        shard = self.shards[shard_id]
        if (worker, batch) in self._applied:
            return
        if epoch < shard.fence:
            self.fenced += 1
            self.world.note(f"fenced {worker} {shard_id} epoch {epoch} < {shard.fence}")
            raise StaleEpoch(f"{shard_id}: {epoch} < {shard.fence}")
        self._applied.add((worker, batch))
        if not self.loss_is_expected:
            self._check_parents(shard)
        if epoch > shard.fence:
            shard.fence, shard.next_in_epoch = epoch, None
        for record in records:
            self._deliver_one(shard, epoch, record)
        if records:
            self.world.note(f"delivered {worker} {shard_id} e{epoch} {len(records)} to {shard.next_in_epoch}")

    def _deliver_one(self, shard: ShardLedger, epoch: int, record: Any) -> None:
        position = (int(record.sequence_number), record.sub_sequence_number)
        place = bisect_right(shard.positions, position) - 1
        key, number = shard.content[place] if place >= 0 else ("", -1)
        if place < 0 or shard.positions[place] != position or record.data != f"{key}:{number}".encode():
            self.break_on("only what was put", f"{shard.shard_id} delivers {record!r}")
        if self.loss_is_expected:
            self.delivered += not shard.durable[place]
            shard.durable[place] = True
            return
        if shard.next_in_epoch is None and place > shard.safe:
            self.break_on(
                "no record lost", f"{shard.shard_id} epoch {epoch} starts at {place}, {shard.safe} is undelivered"
            )
        if shard.next_in_epoch is not None and place != shard.next_in_epoch:
            self.break_on(
                "order in an epoch", f"{shard.shard_id} epoch {epoch} delivers {place}, not {shard.next_in_epoch}"
            )
        shard.next_in_epoch = place + 1
        if shard.durable[place]:
            self.reprocessed += 1
            return
        shard.durable[place] = True
        self.delivered += 1
        while shard.safe < len(shard.durable) and shard.durable[shard.safe]:
            shard.safe += 1
        self._check_key(shard, key, number)

    def _check_key(self, shard: ShardLedger, key: str, number: int) -> None:
        """First deliveries of a key come in the order of its puts, through every reshard."""
        if key.startswith("stray"):
            return
        expected = self._done_by_key.get(key, 0)
        if number != expected:
            self.break_on("order of a key", f"{key}: {number} comes before {expected}, in {shard.shard_id}")
        self._done_by_key[key] = number + 1

    def _check_parents(self, shard: ShardLedger) -> None:
        for parent in shard.parents:
            if not self.shards[parent].is_drained:
                self.break_on("parents before children", f"{shard.shard_id} delivers while {parent} is not drained")

    def place(self, shard_id: str) -> Checkpoint | None:
        """How far a shard is durable at the sink, to the user record; None when nothing of it is."""
        shard = self.shards[shard_id]
        if not shard.safe:
            return None
        number, sub = shard.positions[shard.safe - 1]
        return Checkpoint(str(number), sub)

    def acknowledge(self, shard_id: str, epoch: int, records: Sequence[Any]) -> None:
        """Note that the processor marked a batch done, with the lease in its hands."""
        shard = self.shards[shard_id]
        begins, ends = (
            bisect_right(shard.positions, (int(each.sequence_number), each.sub_sequence_number))
            for each in (records[0], records[-1])
        )
        self._done.setdefault((shard_id, epoch), {})[begins - 1] = ends

    def forget(self, shard_id: str, epoch: int) -> None:
        """Note that a worker lost a shard, or begins it anew: what it did without a checkpoint comes again."""
        self._done.pop((shard_id, epoch), None)
        self._begun.pop((shard_id, epoch), None)

    def begin(self, shard_id: str, epoch: int) -> None:
        """Note that a worker begins to read a shard, from its checkpoint."""
        self._begun[shard_id, epoch] = max(self.shards[shard_id].checkpoint, 0)

    def _check_release(self, shard: ShardLedger, before: Lease | None, after: Lease) -> None:
        """Whoever gives a lease up in good order has checkpointed what is done, so that nothing comes again.

        A lease that has expired is not given up in good order: whoever could not write for so long may let it go.
        """
        silent = self.world.now - shard.renewed
        if before is None or after.counter != before.counter:
            shard.renewed = self.world.now
        if (
            before is None
            or before.holder != self.writer
            or after.epoch != before.epoch
            or after.holder == before.holder
            or silent >= LEASE_SECONDS
        ):
            return
        done = self._begun.get((shard.shard_id, after.epoch), 0)
        batches = self._done.get((shard.shard_id, after.epoch), {})
        while done in batches:
            done = batches[done]
        if shard.checkpoint < done:
            self.break_on(
                "a release saves what is done", f"{shard.shard_id} at {shard.checkpoint}, {done} records are done"
            )

    # What the lease table was told.

    def table_written(self, table: str, former: Mapping[str, Any] | None, item: Mapping[str, Any] | None) -> None:
        """Check one write of the lease table; called by the table before anyone sees the answer."""
        before = from_item(former) if former and is_lease(former) else None
        after = from_item(item) if item and is_lease(item) else None
        if after is not None:
            self._check_lease(before, after)
        elif before is not None:
            self._check_deletion(before)
        elif item is not None and item["leaseKey"]["S"] == EPOCH_KEY and "epoch" in item:
            counter = int(item["epoch"]["N"])
            if counter < self.counter:
                self.break_on("epochs only grow", f"the counter falls from {self.counter} to {counter}")
            self.counter = counter

    def _check_lease(self, before: Lease | None, after: Lease) -> None:
        shard = self.shards[after.shard_id]
        self.world.note(
            f"lease {after.shard_id} {after.owner} ({after.checkpoint_owner}) c{after.counter} e{after.epoch} "
            f"{after.checkpoint.sequence_number}/{after.checkpoint.sub_sequence_number}"
        )
        if before is None:
            self._check_creation(shard, after)
        self._check_epoch(shard, before, after)
        if self.loss_is_expected:
            return
        self._check_checkpoint(shard, after)
        self._check_release(shard, before, after)

    def _check_creation(self, shard: ShardLedger, lease: Lease) -> None:
        if shard.lease_deleted:
            self.break_on("a lease is made once", f"{shard.shard_id} gets a lease again after it was cleaned up")
        if lease.checkpoint.sequence_number != TRIM_HORIZON:
            self.break_on("no record lost", f"{shard.shard_id} starts at {lease.checkpoint}")
        shard.was_leased = True

    def _check_epoch(self, shard: ShardLedger, before: Lease | None, after: Lease) -> None:
        if after.epoch < shard.highest_epoch:
            self.break_on("epochs only grow", f"{shard.shard_id}: {after.epoch} after {shard.highest_epoch}")
        former = before.holder if before else None
        if after.epoch > shard.highest_epoch:
            owner = self.epochs.setdefault(after.epoch, (shard.shard_id, after.holder or ""))
            if owner != (shard.shard_id, after.holder):
                self.break_on(
                    "an epoch is used once", f"{after.epoch} of {owner} by {after.holder} for {shard.shard_id}"
                )
            shard.highest_epoch = after.epoch
        if before and before.checkpoint_owner and after.owner == before.owner and not after.checkpoint_owner:
            self.handoffs += 1
        elif after.holder and after.holder != former and after.epoch == (before.epoch if before else 0):
            self.break_on(
                "a new holder, a new epoch", f"{shard.shard_id}: {former} to {after.holder} under {after.epoch}"
            )

    def _check_checkpoint(self, shard: ShardLedger, lease: Lease) -> None:
        if lease.is_ended:
            self._check_end(shard)
            return
        if shard.has_ended:
            self.break_on("a checkpoint never goes back", f"{shard.shard_id} leaves SHARD_END")
        passed = self.passed(shard, lease.checkpoint)
        if passed > shard.safe:
            self.break_on(
                "checkpoint never ahead of delivery",
                f"{shard.shard_id} is checkpointed past {passed} records, {shard.safe} are durable",
            )
        if passed < shard.checkpoint:
            self.break_on(
                "a checkpoint never goes back", f"{shard.shard_id}: {passed} after {shard.checkpoint} records"
            )
        shard.checkpoint = max(shard.checkpoint, passed)
        self._check_state(shard, lease, passed)

    def _check_state(self, shard: ShardLedger, lease: Lease, passed: int) -> None:
        """The processor's state is the count of records it stands for: it moves with the checkpoint or not at all."""
        state = getattr(lease, "state", None)
        if state is not None and int(state) != passed:
            self.break_on("state goes with the checkpoint", f"{shard.shard_id}: {state!r} at {passed} records")

    def _check_end(self, shard: ShardLedger) -> None:
        if shard.has_ended:
            return
        if not shard.is_drained:
            self.break_on(
                "checkpoint never ahead of delivery", f"{shard.shard_id} is SHARD_END with {shard.safe} durable"
            )
        shard.has_ended = True
        unleased = [child for child in sorted(shard.children) if not self._is_provided_for(child)]
        if unleased:
            self.break_on("children are leased before the end", f"{shard.shard_id} has ended, no lease for {unleased}")
        shard.checkpoint = len(shard.positions)

    def _is_provided_for(self, child: str) -> bool:
        """Whether a child has its lease, or has another parent whose end will see to it."""
        ledger = self.shards[child]
        return ledger.was_leased or any(not self.shards[parent].has_ended for parent in ledger.parents)

    def _check_deletion(self, lease: Lease) -> None:
        shard = self.shards[lease.shard_id]
        self.world.note(f"lease {lease.shard_id} deleted")
        if not self.loss_is_expected and not (lease.is_ended and shard.is_drained):
            self.break_on(
                "a lease outlives its shard's records", f"{shard.shard_id} is cleaned up at {lease.checkpoint}"
            )
        shard.lease_deleted = True

    @staticmethod
    def passed(shard: ShardLedger, checkpoint: Checkpoint) -> int:
        """How many of the shard's records a checkpoint says are delivered."""
        if checkpoint.is_sentinel:
            return len(shard.positions) if checkpoint.sequence_number == "SHARD_END" else 0
        return bisect_right(shard.positions, (int(checkpoint.sequence_number), checkpoint.sub_sequence_number))

    # At the end.

    @property
    def all_delivered(self) -> bool:
        """Whether everything put is durable."""
        return self.delivered == self.records
