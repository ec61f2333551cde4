"""Records and batches made by hand, for unit tests of processors."""

from __future__ import annotations

from collections.abc import Sequence

from shardline.model import Batch, ChildShard, Record, ShardLease


def records(*data: bytes, partition_key: str = "key", first_sequence_number: int = 1, arrived: int = 0) -> list[Record]:
    """Return a record for each of `data`, their sequence numbers counting up from the first."""
    return [
        Record(str(first_sequence_number + place), partition_key, each, arrived / 1000)
        for place, each in enumerate(data)
    ]


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
) -> Batch:
    """Return a batch as a group would deliver it; `batch.is_done` tells whether it was marked done."""
    return Batch(
        ShardLease(stream, shard_id, parents, epoch),
        records,
        millis_behind_latest=millis_behind_latest,
        shard_ended=shard_ended,
        child_shards=child_shards,
    )
