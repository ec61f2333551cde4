"""Streams in ON_DEMAND mode grow with what is written to them.

Such a stream "can handle up to double its previous peak write throughput" (Choose the data stream capacity mode,
https://docs.aws.amazon.com/streams/latest/dev/how-do-i-size-a-stream.html): once the rate measured over some time is
above half of what its shards take, it gets as many shards as take double that rate. It grows no more than to double
at once, and never shrinks here (AWS waits for days).
"""

from dataclasses import dataclass
from math import ceil

from local_aws.kinesis import transitions
from local_aws.kinesis.settings import KinesisSettings, milliseconds
from local_aws.kinesis.streams import Stream


@dataclass(slots=True)
class Demand:
    """What was offered to a stream, taken or refused, since `since`, ms."""

    since: int
    records: int = 0
    size: int = 0

    def add(self, records: int, size: int) -> None:
        """Count so many records of so many bytes together."""
        self.records += records
        self.size += size


def wanted_shards(demand: Demand, now: int, open_shards: int, settings: KinesisSettings) -> int:
    """How many shards the stream should have after so much demand up to `now`."""
    seconds = max(now - demand.since, 1) / 1000
    by_records = 2 * demand.records / seconds / settings.records_per_second
    by_bytes = 2 * demand.size / seconds / settings.write_bytes_per_second
    return min(max(ceil(max(by_records, by_bytes)), open_shards), 2 * open_shards)


def offered(stream: Stream, demand: Demand, now: int, settings: KinesisSettings, *, room: int) -> Demand:
    """Let the stream begin to grow if it should, by at most `room` shards; what to count the next demand in."""
    if stream.mode != "ON_DEMAND" or stream.status != "ACTIVE":
        return Demand(now)
    if now - demand.since < milliseconds(settings.on_demand_seconds):
        return demand
    current = len(stream.open_shards)
    wanted = min(wanted_shards(demand, now, current, settings), current + room)
    if wanted > current:
        transitions.begin(stream, "resize", now, settings.update_seconds, count=wanted)
    return Demand(now)
