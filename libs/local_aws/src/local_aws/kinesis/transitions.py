"""What a stream becomes when an accepted change is due."""

from collections.abc import Callable

from local_aws.kinesis import lineage
from local_aws.kinesis.errors import ResourceInUse
from local_aws.kinesis.settings import KinesisSettings, milliseconds
from local_aws.kinesis.streams import Stream, Transition

DELETE = "delete"


def begin(stream: Stream, kind: str, now: int, delay_seconds: float, **arguments: str | int) -> None:
    """Accept a change: the stream is UPDATING (or DELETING) until it holds. Call `require_active` first."""
    stream.status = "DELETING" if kind == DELETE else "UPDATING"
    stream.transition = Transition(kind, now + milliseconds(delay_seconds), dict(arguments))


def require_active(stream: Stream) -> None:
    """Raise ResourceInUse unless the stream is ACTIVE."""
    if stream.status != "ACTIVE":
        raise ResourceInUse(
            f"Stream {stream.name} under account {stream.account_id} not ACTIVE, instead in state {stream.status}"
        )


def settle(stream: Stream, now: int, settings: KinesisSettings) -> bool:
    """Bring the stream to what holds at `now`; whether anything but its records changed."""
    changed = False
    transition = stream.transition
    if transition is not None and now >= transition.due and transition.kind != DELETE:
        _CHANGES[transition.kind](stream, transition, settings)
        stream.transition = None
        stream.status = "ACTIVE"
        stream.notify()
        changed = True
    for consumer in list(stream.consumers.values()):
        changed |= consumer.settle(now)
        if consumer.is_gone(now):
            del stream.consumers[consumer.name]
            changed = True
    # Last, because a longer retention that is due by now keeps what the old one would drop.
    return stream.forget_expired(now) or changed


def is_gone(stream: Stream, now: int) -> bool:
    """Whether the stream's deletion is complete."""
    transition = stream.transition
    return transition is not None and transition.kind == DELETE and now >= transition.due


def _create(stream: Stream, transition: Transition, settings: KinesisSettings) -> None:
    lineage.create(stream, int(transition.arguments["shards"]), transition.due, settings)


def _split(stream: Stream, transition: Transition, settings: KinesisSettings) -> None:
    shard = stream.shard(str(transition.arguments["shard"]))
    hash_key = int(transition.arguments["hash_key"])
    lineage.split(stream, shard, hash_key, transition.due, settings)


def _merge(stream: Stream, transition: Transition, settings: KinesisSettings) -> None:
    shard = stream.shard(str(transition.arguments["shard"]))
    adjacent = stream.shard(str(transition.arguments["adjacent"]))
    lineage.merge(stream, shard, adjacent, transition.due, settings)


def _resize(stream: Stream, transition: Transition, settings: KinesisSettings) -> None:
    lineage.resize(stream, int(transition.arguments["count"]), transition.due, settings)


def _retain(stream: Stream, transition: Transition, _: KinesisSettings) -> None:
    stream.retention_hours = int(transition.arguments["hours"])


def _change_mode(stream: Stream, transition: Transition, _: KinesisSettings) -> None:
    stream.mode = str(transition.arguments["mode"])


def _allow_record_size(stream: Stream, transition: Transition, _: KinesisSettings) -> None:
    stream.max_record_bytes = int(transition.arguments["bytes"])


_CHANGES: dict[str, Callable[[Stream, Transition, KinesisSettings], None]] = {
    "create": _create,
    "split": _split,
    "merge": _merge,
    "resize": _resize,
    "retain": _retain,
    "mode": _change_mode,
    "record_size": _allow_record_size,
}
