"""What a stream holds, as event-stream frames made once, for consumers that should wait for nothing.

While a stream is replayed its subscriptions send these frames as fast as the client takes them, without pacing, until
they reach what was put after the replay was made; from there on they go on as ever. `MillisBehindLatest` is as it was
when the replay was made.
"""

from bisect import bisect_left
from collections.abc import Callable
from dataclasses import dataclass, field

from local_aws.kinesis.shards import Shard
from local_aws.kinesis.streams import Stream
from local_aws.kinesis.subscriptions import Event, millis_behind

Render = Callable[[Event], bytes]


@dataclass(slots=True)
class _Frames:
    """Frames of one shard; `ends` has the position after each."""

    start: int
    ends: list[int] = field(default_factory=list)
    frames: list[bytes] = field(default_factory=list)


class Replay:
    """The frames of a stream's shards, each of up to `records` records, made by `render` at `now` (ms)."""

    def __init__(self, stream: Stream, now: int, *, records: int, render: Render) -> None:
        self.stream = stream
        self._now = now
        self._records = records
        self._render = render
        self._shards = {shard.name: self._frames_of(shard) for shard in stream.shards.values()}

    def next(self, shard: Shard, position: int) -> tuple[bytes, int] | None:
        """The frame of the records from the position on, and the position after it; None where the replay ends.

        Within a frame the rest of it is rendered afresh, so that the one after it fits again.
        """
        held = self._shards.get(shard.name)
        if held is None:
            return None
        index = bisect_left(held.ends, position + 1)
        if index == len(held.ends):
            return None
        end = held.ends[index]
        if position == (held.ends[index - 1] if index else held.start):
            return held.frames[index], end
        frame, _ = self._frame(shard, position, max_records=end - max(position, shard.log.start))
        return frame, end

    def describe(self) -> dict[str, object]:
        """How much it holds."""
        return {
            "stream": self.stream.name,
            "frames": sum(len(held.frames) for held in self._shards.values()),
            "bytes": sum(len(frame) for held in self._shards.values() for frame in held.frames),
        }

    def _frames_of(self, shard: Shard) -> _Frames:
        position = shard.log.start
        held = _Frames(position)
        while position < shard.log.end:
            frame, position = self._frame(shard, position, max_records=self._records)
            held.frames.append(frame)
            held.ends.append(position)
        return held

    def _frame(self, shard: Shard, position: int, *, max_records: int) -> tuple[bytes, int]:
        limit = self.stream.max_record_bytes
        records, following = shard.log.read(position, max_records=max_records, max_bytes=max(limit, 1024 * 1024))
        event = Event(records, records[-1].sequence, millis_behind(shard, following, self._now))
        return self._render(event), following
