"""A shard: its place in the hash-key space, its parents, its records, and what it still takes this second."""

from dataclasses import dataclass, field

from local_aws.kinesis.log import Log
from local_aws.kinesis.rates import Allowance
from local_aws.kinesis.settings import KinesisSettings


def shard_name(index: int) -> str:
    """The identifier of a stream's shard."""
    return f"shardId-{index:012d}"


@dataclass(slots=True)
class ShardRates:
    """What one shard may still take and give this second."""

    records: Allowance
    written_bytes: Allowance
    iterator_calls: Allowance
    read_calls: Allowance
    read_bytes: Allowance

    @classmethod
    def of(cls, settings: KinesisSettings) -> "ShardRates":
        """Full allowances."""
        return cls(
            records=Allowance(settings.records_per_second),
            written_bytes=Allowance(settings.write_bytes_per_second),
            iterator_calls=Allowance(settings.read_calls_per_second),
            read_calls=Allowance(settings.read_calls_per_second),
            read_bytes=Allowance(settings.read_bytes_per_second),
        )


@dataclass(slots=True, kw_only=True)
class Shard:
    """One shard. `ending` and `closed` are None while it is open; times are in ms."""

    index: int
    start: int
    end: int
    created: int
    starting: int
    rates: ShardRates
    parents: tuple[str, ...] = ()
    closed: int | None = None
    ending: int | None = None
    log: Log = field(default_factory=Log)
    name: str = field(init=False)
    """The shard's identifier."""

    def __post_init__(self) -> None:
        self.name = shard_name(self.index)

    @property
    def is_open(self) -> bool:
        """Whether it takes records."""
        return self.closed is None

    def existed_at(self, time: int) -> bool:
        """Whether it was open at that time."""
        return self.created <= time and (self.closed is None or self.closed > time)

    def describe(self) -> dict[str, object]:
        """The shard as ListShards and DescribeStream give it."""
        sequences = {"StartingSequenceNumber": str(self.starting)}
        if self.ending is not None:
            sequences["EndingSequenceNumber"] = str(self.ending)
        shard: dict[str, object] = {
            "ShardId": self.name,
            "HashKeyRange": self.describe_range(),
            "SequenceNumberRange": sequences,
        }
        shard.update(zip(("ParentShardId", "AdjacentParentShardId"), self.parents, strict=False))
        return shard

    def describe_range(self) -> dict[str, str]:
        """The shard's hash keys, both ends included."""
        return {"StartingHashKey": str(self.start), "EndingHashKey": str(self.end)}
