"""A stream: its shards, and the records that are routed to them."""

import hashlib
from bisect import bisect_right
from collections.abc import Callable, Container, Iterable
from dataclasses import dataclass, field

from local_aws.kinesis import sequence
from local_aws.kinesis.consumers import Consumer
from local_aws.kinesis.errors import ResourceNotFound
from local_aws.kinesis.log import Record
from local_aws.kinesis.settings import KinesisSettings
from local_aws.kinesis.shards import Shard, ShardRates

HOUR_MS = 3_600_000


@dataclass(frozen=True, slots=True)
class Transition:
    """A change of state that was accepted and holds from `due` (ms) on."""

    kind: str
    due: int
    arguments: dict[str, str | int] = field(default_factory=dict)


@dataclass(slots=True, kw_only=True)
class Stream:
    """One stream. Times are in ms; only `local_aws.kinesis.transitions` changes its status or its shards."""

    name: str
    arn: str
    account_id: str
    created: int
    mode: str
    retention_hours: int
    max_record_bytes: int
    status: str = "CREATING"
    tags: dict[str, str] = field(default_factory=dict)
    shards: dict[str, Shard] = field(default_factory=dict)
    consumers: dict[str, Consumer] = field(default_factory=dict)
    transition: Transition | None = None
    next_index: int = 0
    counter: int = 0
    latest: int = 0
    resizes: list[int] = field(default_factory=list)
    """When UpdateShardCount was accepted, ms; the last 24 hours count."""
    watchers: dict[Callable[[], None], str] = field(default_factory=dict)
    """Called after every change that a reader of the named shard may wait for."""
    _open: list[Shard] = field(default_factory=list)
    _starts: list[int] = field(default_factory=list)

    @property
    def open_shards(self) -> list[Shard]:
        """The shards that take records, in the order of their hash keys; together they hold every hash key."""
        return self._open

    @property
    def place(self) -> str:
        """The stream as AWS names it in messages."""
        return f"stream {self.name} under account {self.account_id}"

    @property
    def stream_id(self) -> str:
        """An identifier that a stream of the same name created again does not share."""
        digest = hashlib.sha256(f"{self.arn}:{self.created}".encode()).hexdigest()
        return f"{digest[:20]}-{digest[20:23]}"

    def shard(self, name: str) -> Shard:
        """The shard of that name. Raises ResourceNotFound."""
        found = self.shards.get(name)
        if found is None:
            raise ResourceNotFound(f"Could not find shard {name} in {self.place}.")
        return found

    def children_of(self, shard: Shard) -> list[Shard]:
        """The shards that took over its hash keys."""
        return [child for child in self.shards.values() if shard.name in child.parents]

    def route(self, hash_key: int) -> Shard:
        """The open shard that holds the hash key."""
        return self._open[bisect_right(self._starts, hash_key) - 1]

    def append(self, shard: Shard, now: int, *, partition_key: str, encoded: str, size: int) -> Record:
        """Store a record at the end of the shard, with a number above all that the stream has given."""
        self.counter += 1
        arrived = self.tick(now)
        record = Record(sequence.compose(arrived, self.counter, shard.index), arrived, partition_key, encoded, size)
        shard.log.append(record)
        return record

    def tip(self, shard: Shard, now: int) -> int:
        """A number above all in the shard so far and below all that will come."""
        return sequence.compose(self.tick(now), self.counter, shard.index)

    def tick(self, now: int) -> int:
        """`now`, or the latest time seen if the clock went back: arrivals never decrease."""
        if now > self.latest:
            self.latest = now
        return self.latest

    def horizon(self, now: int) -> int:
        """The time before which records are forgotten."""
        return now - self.retention_hours * HOUR_MS

    def open_shard(
        self, start: int, end: int, now: int, settings: KinesisSettings, parents: Iterable[str] = ()
    ) -> Shard:
        """Add an open shard; call `reroute` once the open shards are a partition of all hash keys again."""
        self.counter += 1
        index = self.next_index
        self.next_index += 1
        shard = Shard(
            index=index,
            start=start,
            end=end,
            created=self.tick(now),
            starting=sequence.compose(self.tick(now), self.counter, index),
            parents=tuple(parents),
            rates=ShardRates.of(settings),
        )
        self.shards[shard.name] = shard
        return shard

    def close_shard(self, shard: Shard, now: int) -> None:
        """Let the shard take no more; its records stay readable."""
        self.counter += 1
        shard.closed = self.tick(now)
        shard.ending = sequence.compose(self.tick(now), self.counter, shard.index)

    def reroute(self) -> None:
        """Take up the open shards as they are now."""
        self._open = sorted((s for s in self.shards.values() if s.is_open), key=lambda s: s.start)
        self._starts = [shard.start for shard in self._open]

    def forget_expired(self, now: int) -> bool:
        """Drop records and closed shards past the retention; whether a shard went."""
        before = self.horizon(now)
        for shard in self.shards.values():
            shard.log.trim(before)
        gone = [s.name for s in self.shards.values() if s.closed is not None and s.closed < before]
        for name in gone:
            del self.shards[name]
        return bool(gone)

    def notify(self, shard_names: Container[str] | None = None) -> None:
        """Tell the watchers of these shards, or all, that there may be something new."""
        for watcher, watched in tuple(self.watchers.items()):
            if shard_names is None or watched in shard_names:
                watcher()
