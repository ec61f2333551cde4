"""Splitting, merging and resizing: every hash key always has exactly one open shard."""

from local_aws.kinesis.errors import InvalidArgument
from local_aws.kinesis.hash_keys import MAX_HASH_KEY, even_starts
from local_aws.kinesis.settings import KinesisSettings
from local_aws.kinesis.shards import Shard
from local_aws.kinesis.streams import Stream


def create(stream: Stream, count: int, now: int, settings: KinesisSettings) -> None:
    """Give a new stream `count` shards of equal size."""
    starts = even_starts(count)
    for start, following in zip(starts, [*starts[1:], MAX_HASH_KEY + 1], strict=True):
        stream.open_shard(start, following - 1, now, settings)
    stream.reroute()


def check_split(stream: Stream, shard: Shard, hash_key: int) -> None:
    """Raise InvalidArgument unless the shard is open and the key divides it."""
    _check_open(stream, shard)
    if not shard.start < hash_key <= shard.end:
        raise InvalidArgument(
            f"NewStartingHashKey {hash_key} used in SplitShard() on shard {shard.name} in {stream.place} "
            f"is not both greater than one plus the shard's StartingHashKey {shard.start} and less than the "
            f"shard's EndingHashKey {shard.end - 1}."
        )


def check_merge(stream: Stream, shard: Shard, adjacent: Shard) -> None:
    """Raise InvalidArgument unless both are open and neighbours."""
    _check_open(stream, shard)
    _check_open(stream, adjacent)
    if shard.end + 1 != adjacent.start and adjacent.end + 1 != shard.start:
        raise InvalidArgument(
            f"Shards {shard.name} and {adjacent.name} in {stream.place} are not an adjacent pair of shards "
            "eligible for merging"
        )


def split(stream: Stream, shard: Shard, hash_key: int, now: int, settings: KinesisSettings) -> None:
    """Close the shard; two children divide its keys, the second starting at `hash_key`."""
    stream.close_shard(shard, now)
    stream.open_shard(shard.start, hash_key - 1, now, settings, (shard.name,))
    stream.open_shard(hash_key, shard.end, now, settings, (shard.name,))
    stream.reroute()


def merge(stream: Stream, shard: Shard, adjacent: Shard, now: int, settings: KinesisSettings) -> None:
    """Close both; one child takes the keys of the two."""
    stream.close_shard(shard, now)
    stream.close_shard(adjacent, now)
    stream.open_shard(
        min(shard.start, adjacent.start),
        max(shard.end, adjacent.end),
        now,
        settings,
        (shard.name, adjacent.name),
    )
    stream.reroute()


def resize(stream: Stream, count: int, now: int, settings: KinesisSettings) -> None:
    """Split and merge until the stream has `count` shards of equal size.

    Shards between the first and the last step open and close empty, as UpdateShardCount's page says: "temporary
    shards" (https://docs.aws.amazon.com/kinesis/latest/APIReference/API_UpdateShardCount.html).
    """
    starts = even_starts(count)
    for start in starts:
        shard = stream.route(start)
        if shard.start != start:
            split(stream, shard, start, now, settings)
    for start, following in zip(starts, [*starts[1:], MAX_HASH_KEY + 1], strict=True):
        while (shard := stream.route(start)).end + 1 != following:
            merge(stream, shard, stream.route(shard.end + 1), now, settings)


def _check_open(stream: Stream, shard: Shard) -> None:
    if not shard.is_open:
        raise InvalidArgument(
            f"Shard {shard.name} in {stream.place} has already been merged or split, and thus is not "
            "eligible for merging or splitting."
        )
