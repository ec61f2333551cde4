"""Where in a shard reading is, whichever way it is read. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from aws_wire import kinesis
from shardline.errors import SubscriptionFailed
from shardline.model import Checkpoint, ChildShard, Record
from shardline.reading.deaggregation import expand


@dataclass(frozen=True, slots=True)
class ShardEvent:
    """What Kinesis told of a shard at once. At the shard's end there is no continuation but there are children.

    `continuation` is the sequence number after which reading goes on; empty when Kinesis has not told one yet.
    `size` is the bytes of the records' data. `first` is the number of the first record that Kinesis sent, be it
    delivered before or not; empty when it sent none.
    """

    records: list[Record]
    continuation: str | None
    millis_behind_latest: int
    child_shards: tuple[ChildShard, ...] = ()
    size: int = 0
    first: str = ""

    @property
    def shard_ended(self) -> bool:
        """Whether the shard is closed and this was the last of it."""
        return self.continuation is None


class Cursor:
    """Where the next read starts, and what it must not deliver again.

    `position` is a sentinel, or a sequence number to start at, or with `after` the one following it.
    """

    def __init__(self, start: Checkpoint) -> None:
        self.position = start
        self.after = False
        self._delivered = None if start.is_sentinel else start
        self._has_delivered = False

    @property
    def is_numbered(self) -> bool:
        """Whether the position is a sequence number, which any way of reading can go on from."""
        return not self.position.is_sentinel

    def take(self, told: kinesis.SubscribeToShardEvent) -> ShardEvent:
        """Move on by what a subscription told, and return what of it is new.

        Raises SubscriptionFailed, without moving, for an event that makes no sense: one with both or neither of
        continuation and child shards, or with a record whose number is none.
        """
        continuation = told.continuation or None
        children = _children(told.child_shards or ())
        if (continuation is None) != bool(children):
            raise SubscriptionFailed("an event has both or neither of continuation and child shards")
        return self._moved(told.records, continuation, told.millis_behind_latest, children)

    def take_poll(self, told: kinesis.GetRecordsAnswer, children: tuple[ChildShard, ...] = ()) -> ShardEvent:
        """Move on by an answer to GetRecords likewise; `children` is for an end that names none itself."""
        if not told.next_shard_iterator:
            return self._moved(
                told.records, None, told.millis_behind_latest, _children(told.child_shards or ()) or children
            )
        if told.records:
            return self._moved(told.records, told.records[-1].sequence_number, told.millis_behind_latest, ())
        # An empty answer has not moved: the record at the position may be in the next one.
        known = self.position.sequence_number if self.after else ""
        return ShardEvent([], known, told.millis_behind_latest)

    def restart(self) -> None:
        """Read from the oldest record that is kept, without what was delivered here.

        A checkpoint to start from that Kinesis does not know is no measure of this shard's records.
        """
        if not self._has_delivered:
            self._delivered = None
        self.position, self.after = Checkpoint("TRIM_HORIZON"), False

    def _moved(
        self, told: list[Record], continuation: str | None, behind: int, children: tuple[ChildShard, ...]
    ) -> ShardEvent:
        try:
            records, size = expand(told, self._delivered)
        except ValueError as error:
            raise SubscriptionFailed(f"an unreadable record: {error}") from error
        first = told[0].sequence_number if told else ""
        if continuation:
            self.position, self.after = Checkpoint(continuation), True
        if records:
            last = records[-1]
            self._delivered = Checkpoint(last.sequence_number, last.sub_sequence_number)
            self._has_delivered = True
        return ShardEvent(records, continuation, behind, children, size, first)


def _children(told: Sequence[kinesis.ChildShard]) -> tuple[ChildShard, ...]:
    return tuple(
        ChildShard(
            shard_id=each.shard_id,
            parents=tuple(each.parent_shards),
            starting_hash_key=int(each.hash_key_range.starting_hash_key) if each.hash_key_range else None,
            ending_hash_key=int(each.hash_key_range.ending_hash_key) if each.hash_key_range else None,
        )
        for each in told
    )
