"""What can go wrong, and what to do about it."""

from __future__ import annotations


class ShardlineError(Exception):
    """Any error that this library raises."""


class LeaseLost(ShardlineError):
    """Another worker holds this shard. Stop reading; do not checkpoint."""


class LeaseTableUnavailable(ShardlineError):
    """The lease table did not answer, or throttled. Nothing is known of the write: retry, or read again."""


class LeaseTableMismatch(ShardlineError):
    """The lease table serves another application or stream. Give each pair a table of its own."""


class SubscriptionFailed(ShardlineError):
    """A read could not be made or broke off. Read again from the last continuation.

    `code` is the exception that Kinesis named, empty when the connection or an unreadable answer was to blame.
    """

    def __init__(self, message: str, code: str = "") -> None:
        super().__init__(message)
        self.code = code


class ShardGone(ShardlineError):
    """Kinesis does not know the shard, or the consumer. Register the consumer again and list the shards."""


class StreamUnavailable(ShardlineError):
    """A call about the stream (not its records) failed. Retry with backoff."""


class FanOutRefused(StreamUnavailable):
    """The stream has no room for one more consumer, or the role may not register one. Poll, and try again later."""
