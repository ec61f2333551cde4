"""The words of a consumer group: records, shards, leases, checkpoints, losses, batches. Pure values."""

from __future__ import annotations

from collections.abc import Awaitable, Generator, Sequence
from dataclasses import dataclass
from functools import total_ordering
from typing import Literal, Protocol

from aws_wire.kinesis import Record as Record

AT_TIMESTAMP = "AT_TIMESTAMP"
TRIM_HORIZON = "TRIM_HORIZON"
LATEST = "LATEST"
SHARD_END = "SHARD_END"

MAX_STATE_BYTES = 16 * 1024
"""The largest state a batch may be done with. DynamoDB charges a write for each KB of the item."""

LossKind = Literal["position_expired", "position_refused", "shard_gone"]

_RANK = {AT_TIMESTAMP: 0, TRIM_HORIZON: 1, LATEST: 2, SHARD_END: 4}
_NUMBER_RANK = 3


@total_ordering
@dataclass(frozen=True, slots=True, eq=False)
class Checkpoint:
    """A position in a shard: everything up to and including it is delivered.

    `sequence_number` is a decimal number as Kinesis writes it, or one of the sentinels `AT_TIMESTAMP`,
    `TRIM_HORIZON`, `LATEST`, `SHARD_END`. Numbers compare as integers, never as strings, then by
    `sub_sequence_number` (the place within a KPL aggregate, from 0). The order is
    AT_TIMESTAMP < TRIM_HORIZON < LATEST < any number < SHARD_END, as the Kinesis Client Library has it.
    """

    sequence_number: str
    sub_sequence_number: int = 0

    @property
    def is_sentinel(self) -> bool:
        """Whether this names a place in the shard's life rather than a record."""
        return self.sequence_number in _RANK

    @property
    def order(self) -> tuple[int, int, int]:
        """The key that checkpoints sort by. Raises ValueError for what is neither number nor sentinel."""
        rank = _RANK.get(self.sequence_number)
        if rank is not None:
            return (rank, 0, 0)
        return (_NUMBER_RANK, int(self.sequence_number), self.sub_sequence_number)

    def __eq__(self, other: object) -> bool:
        """Whether both name the same place: "007" equals "7"."""
        return self.order == other.order if isinstance(other, Checkpoint) else NotImplemented

    def __lt__(self, other: Checkpoint) -> bool:
        """Whether this place comes before the other in every shard."""
        return self.order < other.order

    def __hash__(self) -> int:
        """Hash by place."""
        return hash(self.order)


@dataclass(frozen=True, slots=True)
class ShardLease:
    """What a processor knows of the shard it works on.

    `epoch` comes from one counter of the whole group that is raised at every acquisition and never
    reset: of two workers that believe they hold a shard, the one with the higher epoch does. `state` is
    what the last batch under the lease's checkpoint was done with, by this worker or a former one.
    """

    stream: str
    shard_id: str
    parents: tuple[str, ...] = ()
    epoch: int = 0
    state: bytes | None = None


@dataclass(frozen=True, slots=True)
class ChildShard:
    """A shard that continues an ended one. After a merge it has two parents."""

    shard_id: str
    parents: tuple[str, ...]
    starting_hash_key: int | None = None
    ending_hash_key: int | None = None


@dataclass(frozen=True, slots=True)
class Shard:
    """A shard as ListShards tells it. Hash keys are 128-bit integers, both ends included."""

    shard_id: str
    parents: tuple[str, ...] = ()
    is_open: bool = True
    starting_hash_key: int | None = None
    ending_hash_key: int | None = None


@dataclass(frozen=True, slots=True)
class Lease:
    """A row of the lease table: who reads a shard, and how far it is delivered.

    `counter` is raised by every write, so that a stale holder's write fails. `epoch` is that of the
    acquisition that the row stands for. While a hand-off is under way `owner` is the coming owner and
    `checkpoint_owner` the leaving one, who still holds the shard. `throughput` is what the shard delivers,
    in kB/s, as its holder measured it; `state` is what the user wrote with the checkpoint.
    """

    shard_id: str
    checkpoint: Checkpoint
    owner: str | None = None
    counter: int = 0
    epoch: int = 0
    parents: tuple[str, ...] = ()
    children: tuple[str, ...] = ()
    starting_hash_key: int | None = None
    ending_hash_key: int | None = None
    checkpoint_owner: str | None = None
    owner_switches: int = 0
    throughput: float | None = None
    state: bytes | None = None

    @property
    def holder(self) -> str | None:
        """Who may read the shard now: the leaving owner during a hand-off, else the owner."""
        return self.checkpoint_owner or self.owner

    @property
    def is_ended(self) -> bool:
        """Whether every record of the shard is delivered and the shard has no more to come."""
        return self.checkpoint.sequence_number == SHARD_END


@dataclass(frozen=True, slots=True)
class DataLoss:
    """Records that Kinesis no longer had when they were due.

    `position_expired`: between `after` and `resumed_at`, or the shard's end if that is empty, records expired
    unread, if there were any. `position_refused`: Kinesis says that `after` is no position of this shard; it is
    read from the oldest record. `shard_gone`: the shard is not kept any more, and whatever came after `after`.
    """

    shard_id: str
    kind: LossKind
    after: Checkpoint
    resumed_at: str = ""

    def __str__(self) -> str:
        """The loss in a line for a log."""
        after = f"{self.after.sequence_number}/{self.after.sub_sequence_number}"
        if self.kind == "shard_gone":
            return f"{self.shard_id}: Kinesis no longer keeps it; what came after {after} and was unread is lost"
        if self.kind == "position_refused":
            return f"{self.shard_id}: {after} is no position of it any more; going on from the oldest record"
        return f"{self.shard_id}: what came after {after} expired unread, up to {self.resumed_at or 'its end'}"


class Receipt(Protocol):
    """How a batch tells the group that it is delivered."""

    @property
    def is_void(self) -> bool:
        """Whether the group no longer reads the shard as it did when it gave the batch."""

    @property
    def is_settled(self) -> bool:
        """Whether the batch is delivered or the receipt is void."""

    def done(self, state: bytes | None) -> None:
        """Count the batch as delivered, unless the receipt is void."""

    async def settled(self) -> None:
        """Return once the batch is delivered or the receipt is void."""

    async def committed(self) -> None:
        """Return once a checkpoint covers the batch. Raises LeaseLost when the receipt is void before."""


class _Nothing:
    """An awaitable that is ready."""

    __slots__ = ()

    def __await__(self) -> Generator[None, None, None]:
        yield from ()


_NOTHING = _Nothing()


class Batch:
    """Consecutive records of one shard, and the promise to say when they are delivered.

    A batch without records is a heartbeat (its `millis_behind_latest` is news) or, with `shard_ended`,
    the last batch of the shard. Each batch is followed by the next whether or not it is done.
    """

    __slots__ = (
        "_receipt",
        "child_shards",
        "is_done",
        "lease",
        "millis_behind_latest",
        "records",
        "shard_ended",
        "state",
    )

    def __init__(
        self,
        lease: ShardLease,
        records: Sequence[Record],
        *,
        millis_behind_latest: int = 0,
        shard_ended: bool = False,
        child_shards: tuple[ChildShard, ...] = (),
        receipt: Receipt | None = None,
    ) -> None:
        self.lease = lease
        self.records = records
        self.millis_behind_latest = millis_behind_latest
        self.shard_ended = shard_ended
        self.child_shards = child_shards
        self.is_done = False
        self.state: bytes | None = None
        """What `done` was given."""
        self._receipt = receipt

    @property
    def receipt(self) -> Receipt | None:
        """How the group hears of this batch, without its records; None for a heartbeat."""
        return self._receipt

    @property
    def lease_lost(self) -> bool:
        """Whether the shard is no longer read here as it was: `done` has no effect, the batch may come again."""
        return self._receipt is not None and self._receipt.is_void

    def done(self, state: bytes | None = None) -> Awaitable[None]:
        """Mark the whole batch delivered, for good: it is never delivered again once checkpointed.

        Call it from the event loop's thread, at any time, in any order among batches; a second call does
        nothing, nor does a call after the lease is lost. The checkpoint follows by itself, within the
        checkpoint interval, as soon as all earlier batches of the shard are done too.

        `state`, at most MAX_STATE_BYTES, is written with that checkpoint, in one write: whoever reads the
        shard next finds it in `lease.state`. Of several batches under one checkpoint the last that gave a
        state counts; None leaves what was written before. A heartbeat has no place in the shard, so that
        its state is not written.

        Nothing needs to be awaited; awaiting the answer returns at once. Use `committed` to wait for the
        checkpoint itself. Raises ValueError for a state that is too large.
        """
        if state is not None and len(state) > MAX_STATE_BYTES:
            raise ValueError(f"a state of {len(state)} bytes; at most {MAX_STATE_BYTES}: keep a pointer instead")
        if not (self.is_done or self.lease_lost):
            self.is_done = True
            self.state = state
            if self._receipt is not None:
                self._receipt.done(state)
        return _NOTHING

    async def settled(self) -> None:
        """Return once the batch is done or its lease lost."""
        if self._receipt is not None and not self.is_done:
            await self._receipt.settled()

    async def committed(self) -> None:
        """Return once a checkpoint covers the batch; it hastens nothing. A heartbeat has nothing to cover.

        Raises LeaseLost when the shard is lost, or given up, before that: the batch comes again.
        """
        if self._receipt is not None:
            await self._receipt.committed()

    def __repr__(self) -> str:
        """The batch's place and size, without its data."""
        return (
            f"Batch({self.lease.shard_id}, {len(self.records)} records, done={self.is_done}, ended={self.shard_ended})"
        )
