"""Records and batches made by hand, for unit tests of processors."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from shardline.errors import LeaseLost
from shardline.model import Batch, ChildShard, Record, ShardLease


def records(*data: bytes, partition_key: str = "key", first_sequence_number: int = 1, arrived: int = 0) -> list[Record]:
    """Return a record for each of `data`, their sequence numbers counting up from the first."""
    return [
        Record(str(first_sequence_number + place), partition_key, each, arrived / 1000)
        for place, each in enumerate(data)
    ]


class HandReceipt:
    """What a group is to a batch, held by a test: `on_done` is called once, with nothing, when the batch is done."""

    def __init__(self, on_done: Callable[[], None] = lambda: None) -> None:
        self.is_void = False
        """Set it to have the lease lost."""
        self._on_done = on_done
        self._is_done = False

    @property
    def is_settled(self) -> bool:
        """See shardline.model.Receipt."""
        return self._is_done or self.is_void

    def done(self, state: bytes | None) -> None:
        """See shardline.model.Receipt."""
        self._is_done = True
        self._on_done()

    async def settled(self) -> None:
        """See shardline.model.Receipt; a batch that is neither done nor lost is an AssertionError."""
        assert self.is_settled, "the batch would never be done"

    async def committed(self) -> None:
        """See shardline.model.Receipt: what is done is committed at once."""
        if not self._is_done:
            raise LeaseLost("the batch is not done")


def make_batch(
    records: Sequence[Record] = (),
    *,
    shard_id: str = "shardId-000000000000",
    stream: str = "stream",
    parents: tuple[str, ...] = (),
    epoch: int = 1,
    millis_behind_latest: int = 0,
    shard_ended: bool = False,
    child_shards: tuple[ChildShard, ...] = (),
    state: bytes | None = None,
    receipt: HandReceipt | None = None,
) -> Batch:
    """Return a batch as a group would deliver it; `batch.is_done` and `batch.state` tell what it was done with.

    `state` is what the shard's lease came with. With a `receipt` the test hears of `done`, and may lose the lease.
    """
    return Batch(
        ShardLease(stream, shard_id, parents, epoch, state),
        records,
        millis_behind_latest=millis_behind_latest,
        shard_ended=shard_ended,
        child_shards=child_shards,
        receipt=receipt,
    )
