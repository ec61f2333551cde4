"""All streams of one account: found by name, brought up to date before anyone looks, journalled when they change."""

from collections.abc import Callable, Sequence
from typing import Protocol

from local_aws.kinesis import transitions
from local_aws.kinesis.consumers import Consumer, parse_consumer_arn
from local_aws.kinesis.errors import InvalidArgument, ResourceNotFound
from local_aws.kinesis.faults import Faults
from local_aws.kinesis.log import Record
from local_aws.kinesis.on_demand import Demand
from local_aws.kinesis.rates import Allowance
from local_aws.kinesis.replay import Replay
from local_aws.kinesis.settings import KinesisSettings
from local_aws.kinesis.shards import Shard
from local_aws.kinesis.streams import Stream
from local_aws.kinesis.subscriptions import Subscriptions

_COMPACTION_MS = 10_000


class Journal(Protocol):
    """Where changes go before they are answered. Every method returns once the change is kept, or raises OSError."""

    def stream_changed(self, stream: Stream) -> None:
        """Keep everything about the stream but its records."""

    def stream_deleted(self, stream: Stream) -> None:
        """Forget the stream."""

    def records_put(self, stream: Stream, records: Sequence[tuple[Shard, Record]]) -> None:
        """Keep the records."""

    def compact(self, streams: Sequence[Stream]) -> None:
        """Drop what nobody reads any more, if that is worth it; `streams` are all there are."""


class NoJournal:
    """Keeps nothing: the account lives in memory alone."""

    def stream_changed(self, stream: Stream) -> None:
        """Do nothing."""

    def stream_deleted(self, stream: Stream) -> None:
        """Do nothing."""

    def records_put(self, stream: Stream, records: Sequence[tuple[Shard, Record]]) -> None:
        """Do nothing."""

    def compact(self, streams: Sequence[Stream]) -> None:
        """Do nothing."""


class Account:
    """The streams of one account in one region.

    `clock` gives the time in ms since the epoch; where it goes back, time stands still here until it is ahead again.
    """

    def __init__(
        self,
        settings: KinesisSettings,
        *,
        clock: Callable[[], int],
        faults: Faults,
        journal: Journal | None = None,
    ) -> None:
        self.settings = settings
        self._clock = clock
        self._latest = 0
        self.faults = faults
        self.journal: Journal = journal or NoJournal()
        self.subscriptions = Subscriptions(settings)
        self.registrations = Allowance(settings.registrations_per_second)
        self.replays: dict[tuple[str, str], Replay] = {}
        """What is replayed, by the stream's name and the form of its frames."""
        self.demands: dict[str, Demand] = {}
        """What is offered to each on-demand stream, by its stream id."""
        self._streams: dict[str, Stream] = {}
        self._compacted = 0

    def now(self) -> int:
        """The present time, ms; read it once a call."""
        self._latest = max(self._latest, self._clock())
        return self._latest

    def arn(self, stream_name: str) -> str:
        """The ARN of a stream of that name here."""
        return f"arn:aws:kinesis:{self.settings.region}:{self.settings.account_id}:stream/{stream_name}"

    def add(self, stream: Stream) -> None:
        """Take up a new or restored stream."""
        self._streams[stream.name] = stream

    def streams(self, now: int) -> list[Stream]:
        """Every stream as it is at `now`, by name."""
        found = (self.find(name, now) for name in sorted(self._streams))
        return [stream for stream in found if stream is not None]

    def find(self, name: str, now: int) -> Stream | None:
        """The stream as it is at `now`, or None."""
        stream = self._streams.get(name)
        if stream is None:
            return None
        if transitions.is_gone(stream, now):
            del self._streams[name]
            self.journal.stream_deleted(stream)
            for subscription in self.subscriptions.of_stream(name):
                subscription.end(self.no_stream(name))
            self.subscriptions.forget(stream)
            self.replays = {key: replay for key, replay in self.replays.items() if replay.stream is not stream}
            self.demands.pop(stream.stream_id, None)
            self._compact(now)
            return None
        if transitions.settle(stream, now, self.settings):
            self.journal.stream_changed(stream)
        if now >= self._compacted + _COMPACTION_MS:
            self._compact(now)
        return stream

    def stream(self, name: str, now: int) -> Stream:
        """The stream as it is at `now`. Raises ResourceNotFound."""
        stream = self.find(name, now)
        if stream is None:
            raise self.no_stream(name)
        return stream

    def ready_stream(self, name: str, now: int) -> Stream:
        """The stream, if it takes and gives records. Raises ResourceNotFound, as AWS does before it is ACTIVE."""
        stream = self.stream(name, now)
        if stream.status not in {"ACTIVE", "UPDATING"}:
            raise self.no_stream(name)
        return stream

    def no_stream(self, name: str) -> ResourceNotFound:
        """The error for a stream that is not there."""
        return ResourceNotFound(f"Stream {name} under account {self.settings.account_id} not found.")

    def consumer(self, arn: str, now: int) -> tuple[Stream, Consumer]:
        """The consumer with that ARN and its stream. Raises ResourceNotFound, InvalidArgument."""
        try:
            stream_name, consumer_name = parse_consumer_arn(arn)
        except ValueError as error:
            raise InvalidArgument(f"ConsumerARN {arn} is invalid.") from error
        stream = self.stream(stream_name, now)
        consumer = stream.consumers.get(consumer_name)
        if consumer is None or consumer.arn != arn:
            raise ResourceNotFound(f"Consumer {arn} not found.")
        return stream, consumer

    def _compact(self, now: int) -> None:
        self._compacted = now
        self.journal.compact(list(self._streams.values()))

    def changed(self, stream: Stream) -> None:
        """Keep what changed, then wake who waits for it."""
        self.journal.stream_changed(stream)
        stream.notify()
