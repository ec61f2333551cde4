"""Where reading starts, as the lowest sequence number to read."""

from local_aws.kinesis import sequence
from local_aws.kinesis.errors import InvalidArgument
from local_aws.kinesis.shards import Shard
from local_aws.kinesis.streams import Stream


def lowest_sequence(
    stream: Stream,
    shard: Shard,
    now: int,
    *,
    kind: str,
    number: str | None,
    timestamp: int | None,
    operation: str,
) -> int:
    """The lowest number to read for a position of that `kind`, `timestamp` in ms.

    Raises InvalidArgument if the number or the timestamp is missing or cannot be.
    """
    if kind == "TRIM_HORIZON":
        return 0
    if kind == "LATEST":
        return stream.tip(shard, now) + 1
    if kind == "AT_TIMESTAMP":
        return _from_timestamp(now, timestamp)
    if number is None:
        raise InvalidArgument(
            f"Must either specify {kind} with a StartingSequenceNumber or use another ShardIteratorType."
        )
    value = int(number)
    if not sequence.belongs_to(value, shard.index):
        raise InvalidArgument(
            f"StartingSequenceNumber {number} used in {operation} on shard {shard.name} in {stream.place} "
            "is invalid because it did not come from this stream."
        )
    return value if kind == "AT_SEQUENCE_NUMBER" else value + 1


def _from_timestamp(now: int, timestamp: int | None) -> int:
    if timestamp is None:
        raise InvalidArgument("Must specify timestampInMillis parameter for iterator of type AT_TIMESTAMP.")
    if timestamp > now:
        raise InvalidArgument(
            "The timestampInMillis parameter cannot be greater than the currentTimestampInMillis. "
            f"timestampInMillis: {timestamp}, currentTimestampInMillis: {now}"
        )
    return sequence.first_at(timestamp)
