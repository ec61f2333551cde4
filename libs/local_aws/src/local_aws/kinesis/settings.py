"""How the double behaves: the limits of AWS by default, each of them movable."""

from dataclasses import dataclass

MEBIBYTE = 1024 * 1024
MAX_RECORD_BYTES = 10 * MEBIBYTE


@dataclass(frozen=True, slots=True, kw_only=True)
class KinesisSettings:
    """Limits and delays of one account.

    Source: "Quotas and limits", Kinesis developer guide
    (https://docs.aws.amazon.com/streams/latest/dev/service-sizes-and-limits.html). The delays of state changes, the
    size of an event and the pause between idle events are not documented by AWS.
    """

    region: str = "us-east-1"
    account_id: str = "000000000000"

    create_seconds: float = 0.5
    """How long a new stream stays CREATING."""
    update_seconds: float = 0.5
    """How long a stream stays UPDATING before a reshard, a new retention or a new mode holds."""
    delete_seconds: float = 0.2
    """How long a stream or a consumer stays DELETING."""
    consumer_seconds: float = 0.5
    """How long a new consumer stays CREATING."""

    write_limits: bool = True
    """Whether a shard refuses what is over its rate."""
    records_per_second: int = 1000
    write_bytes_per_second: int = MEBIBYTE
    read_limits: bool = True
    """Whether GetRecords refuses what is over five calls or 2 MiB a second and shard, GetShardIterator five calls."""
    read_calls_per_second: int = 5
    read_bytes_per_second: int = 2 * MEBIBYTE
    max_record_bytes: int = MEBIBYTE
    """Data and partition key of one record, for streams that do not state their own; up to 10 MiB."""

    pacing: bool = True
    """Whether a subscription delivers no more than `pacing_bytes_per_second`."""
    pacing_bytes_per_second: int = 2 * MEBIBYTE
    event_bytes: int = MEBIBYTE
    """Data in one event; a single larger record still goes out alone."""
    event_interval_seconds: float = 0.02
    """The least pause between two events of a subscription, so that small puts share an event."""
    idle_event_seconds: float = 5.0
    subscription_seconds: float = 300.0
    resubscribe_seconds: float = 5.0
    """How long after a successful SubscribeToShard another of the same consumer and shard is refused."""
    subscribe_interval_seconds: float = 1.0
    """The least time between two SubscribeToShard calls, successful or not, of a consumer to a shard."""

    max_consumers: int = 20
    max_creating_consumers: int = 5
    registrations_per_second: int = 5
    shard_limit: int = 500
    """Open shards of the whole account."""
    on_demand_shards: int = 4
    """Shards of a new on-demand stream."""
    on_demand_seconds: float = 60.0
    """Over how long the write rate of an on-demand stream is measured; AWS does not document its own time."""
    on_demand_stream_limit: int = 50
    retention_hours: int = 24
    iterator_seconds: float = 300.0
    token_seconds: float = 300.0


def milliseconds(seconds: float) -> int:
    """Seconds as whole milliseconds."""
    return round(seconds * 1000)
