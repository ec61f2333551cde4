"""What a worker of a group is doing at the moment, for metrics and probes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from shardline.model import Checkpoint
from shardline.reading.loss import DataLoss
from shardline.work.worker import ShardWorker


@dataclass(frozen=True, slots=True)
class ShardState:
    """A shard that this worker reads. Counts are since it took the lease."""

    shard_id: str
    epoch: int
    checkpoint: Checkpoint
    millis_behind_latest: int | None
    """How far reading is behind the newest record; None before Kinesis has told it."""
    records_in_flight: int
    """Given to the processor and not done."""
    bytes_in_flight: int
    is_leaving: bool
    """Whether the shard is being drained, to be given up."""
    stream: str = ""
    reading: Literal["fan_out", "polling", ""] = ""
    """How the shard is read; empty before the first read."""
    throughput: float | None = None
    """Bytes of records read, in kB/s, averaged over about half a minute; None before it is measured."""
    records: int = 0
    """User records given to the processor, repeats included."""
    subscriptions: int = 0
    """Subscriptions asked for, renewals included."""
    failures: int = 0
    """Reads that failed or broke off and were tried again."""
    last_failure: str = ""
    restarts: int = 0
    """How often the processor failed and the shard started again from its checkpoint."""


@dataclass(frozen=True, slots=True)
class GroupSnapshot:
    """What a worker is doing at the moment, for metrics and probes."""

    worker_id: str
    stream: str
    shards: tuple[ShardState, ...]
    data_losses: int = 0
    """How often this worker found records lost that expired before they were read."""
    losses: tuple[DataLoss, ...] = ()
    """The last of them, newest last."""
    hash_range_holes: int = 0
    """Ranges of hash keys that no lease covers, as confirmed by this worker's last audits."""
    transport: str = ""
    """What carries records by the settings: "auto", "http2", "http1" or "aiobotocore"."""
    records_in_flight: int = 0
    """Read and not done, of all shards that share the budget; read ahead included."""
    bytes_in_flight: int = 0
    restarts: int = 0
    """How often, since this worker began, the processor failed and a shard started again from its checkpoint."""


def shard_state(worker: ShardWorker) -> ShardState:
    """Return what one shard's task is doing now."""
    tally, progress = worker.tally, worker.progress
    return ShardState(
        shard_id=worker.shard.shard_id,
        epoch=worker.held.lease.epoch,
        checkpoint=worker.held.lease.checkpoint,
        millis_behind_latest=worker.millis_behind_latest,
        records_in_flight=progress.records_in_flight,
        bytes_in_flight=progress.bytes_in_flight,
        is_leaving=worker.is_leaving,
        stream=worker.shard.stream,
        reading=tally.reading,
        throughput=worker.held.throughput.rate,
        records=tally.records,
        subscriptions=tally.subscriptions,
        failures=tally.failures,
        last_failure=tally.last_failure,
        restarts=tally.restarts,
    )
