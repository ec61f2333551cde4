"""Streams' shards beside the leases of those who read them. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from shardline import Lease, Shard

_HASH_KEYS = 1 << 128


@dataclass(frozen=True, slots=True)
class Group:
    """A consumer group: which service reads which stream, and the table that holds its leases."""

    service: str
    stream: str
    table: str


@dataclass(frozen=True, slots=True)
class Reader:
    """One group's place in a shard. `lag` is seconds, None if no process reports it; no owner is the empty string."""

    group: str
    owner: str
    handing_to: str
    checkpoint: str
    sub_sequence_number: int
    ended: bool
    lag: float | None


@dataclass(frozen=True, slots=True)
class ShardRow:
    """One shard. `share` is its part of the hash key space, 0 to 1; None where Kinesis did not say."""

    id: str
    state: str
    share: float | None
    parents: tuple[str, ...]
    readers: tuple[Reader, ...]


@dataclass(frozen=True, slots=True)
class StreamShards:
    """One stream. `problems` says what could not be asked; the rows then hold what is known."""

    stream: str
    problems: tuple[str, ...]
    shards: tuple[ShardRow, ...]


@dataclass(frozen=True, slots=True)
class Answer:
    """What the backends said: shards by stream, leases by group, and an error for each that did not answer."""

    shards: Mapping[str, Sequence[Shard]] = field(default_factory=dict)
    leases: Mapping[Group, Sequence[Lease]] = field(default_factory=dict)
    stream_errors: Mapping[str, str] = field(default_factory=dict)
    lease_errors: Mapping[Group, str] = field(default_factory=dict)


def join(
    streams: Sequence[str],
    groups: Sequence[Group],
    answer: Answer,
    lags: Mapping[tuple[str, str, str], float],
) -> tuple[StreamShards, ...]:
    """Each stream with its shards, open ones first, and their readers. `lags` is by (service, stream, shard).

    A shard that only a lease knows is shown as `forgotten`, or as `unknown` if Kinesis did not answer.
    """
    return tuple(_stream(name, [group for group in groups if group.stream == name], answer, lags) for name in streams)


def _stream(
    name: str, groups: Sequence[Group], answer: Answer, lags: Mapping[tuple[str, str, str], float]
) -> StreamShards:
    listed = {shard.shard_id: shard for shard in answer.shards.get(name, ())}
    leases = {group: {lease.shard_id: lease for lease in answer.leases.get(group, ())} for group in groups}
    known = {*listed, *(shard_id for by_shard in leases.values() for shard_id in by_shard)}
    absent = "unknown" if name in answer.stream_errors else "forgotten"
    rows = []
    for shard_id in known:
        shard = listed.get(shard_id)
        state = absent if shard is None else "open" if shard.is_open else "closed"
        readers = [
            _reader(group, leases[group][shard_id], lags.get((group.service, name, shard_id)))
            for group in groups
            if shard_id in leases[group]
        ]
        parents = shard.parents if shard else ()
        rows.append(ShardRow(shard_id, state, share(shard), parents, tuple(readers)))
    problems = (
        [f"Kinesis: unreachable, retrying — {answer.stream_errors[name]}"] if name in answer.stream_errors else []
    )
    problems += [
        f"leases of {group.service}: unreachable, retrying — {answer.lease_errors[group]}"
        for group in groups
        if group in answer.lease_errors
    ]
    rows.sort(key=lambda row: (row.state != "open", row.id))
    return StreamShards(name, tuple(problems), tuple(rows))


def _reader(group: Group, lease: Lease, lag: float | None) -> Reader:
    handing_to = lease.owner if lease.checkpoint_owner else None
    return Reader(
        group=group.service,
        owner=lease.holder or "",
        handing_to=handing_to or "",
        checkpoint=lease.checkpoint.sequence_number,
        sub_sequence_number=lease.checkpoint.sub_sequence_number,
        ended=lease.is_ended,
        lag=None if lease.is_ended else lag,
    )


def share(shard: Shard | None) -> float | None:
    """The part of all partition keys that falls into a shard, 0 to 1."""
    if shard is None or shard.starting_hash_key is None or shard.ending_hash_key is None:
        return None
    return (shard.ending_hash_key - shard.starting_hash_key + 1) / _HASH_KEYS
