"""SubscribeToShard: who holds which shard's subscription, and what each one sends next.

Source: SubscribeToShard and SubscribeToShardEvent, API reference
(https://docs.aws.amazon.com/kinesis/latest/APIReference/API_SubscribeToShard.html).
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from local_aws.errors import ServiceError
from local_aws.kinesis.errors import LimitExceeded, ResourceInUse
from local_aws.kinesis.log import Record
from local_aws.kinesis.settings import KinesisSettings, milliseconds
from local_aws.kinesis.shards import Shard
from local_aws.kinesis.streams import Stream

_MAX_EVENT_RECORDS = 10_000


@dataclass(frozen=True, slots=True)
class Event:
    """Send this. At the shard's end `continuation` is None and `children` has the shards to read next."""

    records: Sequence[Record]
    continuation: int | None
    millis_behind_latest: int
    children: Sequence[Shard] = ()


@dataclass(frozen=True, slots=True)
class Wait:
    """Nothing to send before that time, ms, unless the stream changes."""

    until: int


@dataclass(frozen=True, slots=True)
class End:
    """The subscription is over; with an error, send that first."""

    error: ServiceError | None = None


@dataclass(slots=True, kw_only=True)
class Subscription:
    """One subscription, moved forward by `next_step`. Times are in ms."""

    stream: Stream
    shard: Shard
    consumer_arn: str
    position: int
    started: int
    settings: KinesisSettings
    wake: Callable[[], None]
    """Called when `next_step` may have something new."""
    _ended: End | None = None
    _send_after: int = field(init=False)
    _idle_at: int = field(init=False)

    def __post_init__(self) -> None:
        self._send_after = self.started
        self._idle_at = self.started

    @property
    def is_over(self) -> bool:
        """Whether the next step is the last."""
        return self._ended is not None

    def end(self, error: ServiceError | None = None) -> None:
        """Let the next step be the last."""
        if self._ended is None:
            self._ended = End(error)
        self.wake()

    def next_step(self, now: int) -> Event | Wait | End:
        """What to do at `now`; the stream must be settled. An event counts as sent."""
        if self._ended is not None:
            return self._ended
        expires = self.started + milliseconds(self.settings.subscription_seconds)
        if now >= expires:
            return self._over()
        if now < self._send_after:
            return Wait(min(self._send_after, expires))
        records, self.position = self.shard.log.read(
            self.position, max_records=_MAX_EVENT_RECORDS, max_bytes=self.settings.event_bytes
        )
        if records:
            return self._records_event(records, now)
        if not self.shard.is_open:
            self._ended = End()
            return Event((), None, 0, self.stream.children_of(self.shard))
        if now >= self._idle_at:
            self._pause(now, 0)
            return Event((), self.stream.tip(self.shard, now), 0)
        return Wait(self._wake_by(expires))

    def _over(self) -> End:
        self._ended = End()
        return self._ended

    def _records_event(self, records: Sequence[Record], now: int) -> Event:
        self._pause(now, sum(record.size for record in records))
        return Event(records, records[-1].sequence, millis_behind(self.shard, self.position, now))

    def _pause(self, now: int, size: int) -> None:
        pause = milliseconds(self.settings.event_interval_seconds)
        if self.settings.pacing:
            pause = max(pause, size * 1000 // self.settings.pacing_bytes_per_second)
        self._send_after = now + pause
        self._idle_at = now + milliseconds(self.settings.idle_event_seconds)

    def _wake_by(self, expires: int) -> int:
        transition = self.stream.transition
        due = expires if transition is None else transition.due
        return min(self._idle_at, expires, due)


def millis_behind(shard: Shard, position: int, now: int) -> int:
    """How old the next unread record is, at least 1; 0 if everything was read."""
    record = shard.log.at(position)
    return 0 if record is None else max(1, now - record.arrived)


class Subscriptions:
    """The newest subscription of every consumer and shard."""

    def __init__(self, settings: KinesisSettings) -> None:
        self._settings = settings
        self._newest: dict[tuple[str, str], Subscription] = {}
        self._called: dict[tuple[str, str], int] = {}
        """When each consumer last asked for each shard, ms."""

    def start(self, subscription: Subscription, now: int) -> None:
        """Let it take over from an older one, which ends with ResourceInUse.

        Raises ResourceInUse within five seconds of the last successful start for this consumer and shard, even if
        that one is over already; LimitExceeded within one second of the last call of any outcome.
        """
        key = (subscription.consumer_arn, subscription.shard.name)
        called, self._called[key] = self._called.get(key), now
        older = self._newest.get(key)
        message = (
            f"Another active subscription exists for this consumer: {subscription.stream.account_id}:"
            f"{subscription.stream.name}:{subscription.shard.name}:{subscription.consumer_arn}"
        )
        if older is not None and now < older.started + milliseconds(self._settings.resubscribe_seconds):
            raise ResourceInUse(message)
        if called is not None and now < called + milliseconds(self._settings.subscribe_interval_seconds):
            raise LimitExceeded(
                f"Rate exceeded for consumer {subscription.consumer_arn} and shard {subscription.shard.name}."
            )
        if older is not None:
            older.end(ResourceInUse(message))
        self._newest[key] = subscription
        subscription.stream.watchers[subscription.wake] = subscription.shard.name

    def stop(self, subscription: Subscription) -> None:
        """No more is sent on it. Its start still counts for the next five seconds."""
        subscription.stream.watchers.pop(subscription.wake, None)
        subscription.end()

    def of_stream(self, stream_name: str | None, shard_name: str | None = None) -> list[Subscription]:
        """The newest subscriptions of the stream, or of all of them; of one shard if it is named."""
        return [
            subscription
            for subscription in self._newest.values()
            if stream_name in (None, subscription.stream.name) and shard_name in (None, subscription.shard.name)
        ]

    def forget(self, stream: Stream) -> None:
        """Hold nothing more for a stream that is gone."""
        for key, subscription in list(self._newest.items()):
            if subscription.stream is stream:
                del self._newest[key]
        for key in [key for key in self._called if key[0].startswith(f"{stream.arn}/")]:
            del self._called[key]
