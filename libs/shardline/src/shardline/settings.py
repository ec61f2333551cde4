"""How a consumer group behaves."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

from shardline.model import AT_TIMESTAMP, LATEST, TRIM_HORIZON, Checkpoint

Strategy = Literal["balanced", "single_owner"]
Reading = Literal["fan_out", "polling", "auto"]
TransportName = Literal["auto", "http2", "http1", "aiobotocore"]

_SHORTEST_HANDOFF_SECONDS = 30.0


@dataclass(frozen=True, slots=True)
class GroupSettings:
    """A group's policy. All times are seconds. Raises ValueError for values that cannot work."""

    consumer_name: str = ""
    """The enhanced fan-out consumer to register or find; empty takes the application's name."""
    initial_position: str = TRIM_HORIZON
    """TRIM_HORIZON, LATEST or AT_TIMESTAMP: where a group without leases starts."""
    initial_timestamp: float | None = None
    """Seconds since the epoch, for AT_TIMESTAMP."""
    assignment: Strategy = "balanced"
    """Shards shared out by count, or one owner of all while other workers stand by."""
    lease_duration_seconds: float = 10.0
    """A lease not renewed for this long may be taken. It is renewed after 40 % of it, then tried every second."""
    scan_interval_seconds: float = 2.0
    """How often a worker looks for leases to take. In calm times it looks less often; see shardline.leases.watch."""
    rebalance_seconds: float = 10.0
    """A lease is not moved for balance before it has been seen with its owner for this long."""
    shard_sync_interval_seconds: float = 60.0
    """How often the shards are listed, beside at each shard's end."""
    checkpoint_interval_seconds: float = 1.0
    """How often progress is written; a busy shard makes one write per interval. Above 40 % of the lease duration it
    acts as 40 %: the lease must be renewed then, and that write carries the progress at no further cost."""
    max_in_flight_records: int = 10_000
    """Undone records of a shard beyond which its reading stops."""
    max_in_flight_bytes: int = 32 * 1024 * 1024
    """Undone bytes of a shard beyond which its reading stops."""
    max_process_records: int = 200_000
    """Records read and undone of all shards together, beyond which reading stops. Half of it is guaranteed, in equal
    parts to all shards, so that slow shards do not starve others."""
    max_process_bytes: int = 512 * 1024 * 1024
    """Bytes likewise. Several groups of a process may share one Budget."""
    max_batch_records: int = 2_000
    """Records read ahead while the processor works; they make its next batch. One push of Kinesis may exceed it."""
    max_batch_bytes: int = 8 * 1024 * 1024
    """Bytes read ahead likewise."""
    drain_seconds: float = 20.0
    """How long a processor may finish its work when a shard is given up."""
    handoff_seconds: float | None = None
    """How long a worker waits for the owner of a lease that it asked for before it takes it outright: at least
    `drain_seconds`. None: half as long again as those, and not below 30."""
    reading: Reading = "auto"
    """By enhanced fan-out, by polling (GetRecords), or "auto": by fan-out, and by polling while that is refused."""
    transport: TransportName = "auto"
    """What carries records: HTTP/2 or HTTP/1.1 on connections of the group's own ("auto": HTTP/2 where the endpoint
    has it), or the connection pool of the given client ("aiobotocore")."""
    fan_out_retry_seconds: float = 300.0
    """While polling under "auto", fan-out is tried again after half to the whole of this time."""
    subscription_seconds: float = 285.0
    """A subscription is renewed after 90 to 100 % of this time, at random, so that a fleet's do not end at once.
    Kinesis itself ends it after five minutes."""
    resubscribe_seconds: float = 5.0
    """How long after a success Kinesis refuses to subscribe to the same shard again; a double may be set to less."""
    poll_idle_seconds: float = 1.0
    """The longest wait between two polls of a shard that has nothing new."""
    stall_seconds: float = 30.0
    """Silence after which a subscription is renewed, counted only while it is being read."""
    backoff_base_seconds: float = 0.2
    """The first retry waits a random time up to this; each further one up to twice as long."""
    backoff_cap_seconds: float = 5.0
    """No retry waits longer than this."""

    def __post_init__(self) -> None:
        """Refuse what cannot work."""
        if self.initial_position not in (TRIM_HORIZON, LATEST, AT_TIMESTAMP):
            raise ValueError(f"initial_position {self.initial_position!r}: TRIM_HORIZON, LATEST or AT_TIMESTAMP")
        if (self.initial_position == AT_TIMESTAMP) != (self.initial_timestamp is not None):
            raise ValueError("initial_timestamp goes with initial_position AT_TIMESTAMP, and only with it")
        if self.assignment not in ("balanced", "single_owner"):
            raise ValueError(f"assignment {self.assignment!r}: balanced or single_owner")
        if self.reading not in get_args(Reading):
            raise ValueError(f"reading {self.reading!r}: {', '.join(get_args(Reading))}")
        if self.transport not in get_args(TransportName):
            raise ValueError(f"transport {self.transport!r}: {', '.join(get_args(TransportName))}")
        if min(self.stall_seconds, self.subscription_seconds, self.fan_out_retry_seconds) <= 0:
            raise ValueError("stall_seconds, subscription_seconds and fan_out_retry_seconds must be positive")
        if self.handoff_seconds is not None and self.handoff_seconds < self.drain_seconds:
            raise ValueError(
                f"handoff_seconds {self.handoff_seconds:g} is below drain_seconds {self.drain_seconds:g}: a shard "
                "would be taken from an owner that still drains it, and its records would come twice. Raise "
                "handoff_seconds, or leave it out"
            )
        bounds = (
            *(self.max_in_flight_records, self.max_in_flight_bytes),
            *(self.max_process_records, self.max_process_bytes),
            *(self.max_batch_records, self.max_batch_bytes),
        )
        positive = (self.lease_duration_seconds, self.scan_interval_seconds, self.checkpoint_interval_seconds)
        if min(positive) <= 0 or min(bounds) < 1:
            raise ValueError("durations and bounds must be positive")

    @property
    def renew_interval_seconds(self) -> float:
        """How often a lease is renewed that no checkpoint renews."""
        return self.lease_duration_seconds * 0.4

    @property
    def write_interval_seconds(self) -> float:
        """How often a busy shard's progress is written."""
        return min(self.checkpoint_interval_seconds, self.renew_interval_seconds)

    @property
    def handoff_deadline_seconds(self) -> float:
        """How long a worker waits for a lease that it asked for."""
        if self.handoff_seconds is not None:
            return self.handoff_seconds
        return max(_SHORTEST_HANDOFF_SECONDS, 1.5 * self.drain_seconds)

    @property
    def initial_checkpoint(self) -> Checkpoint:
        """The checkpoint of a lease that nobody has worked on yet."""
        return Checkpoint(self.initial_position)
