"""How often Kinesis may be asked, and when to try enhanced fan-out again. Pure: `now` is monotonic seconds."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from weakref import WeakValueDictionary

SUBSCRIBE_INTERVAL_SECONDS = 1.1
"""SubscribeToShard: one call a second for each consumer and shard, as Kinesis counts them when they arrive."""

POLLS_PER_SECOND = 5
"""GetRecords: calls a second that a shard answers, all its readers together."""

POLLED_BYTES_PER_SECOND = 2_000_000
"""GetRecords: bytes a second that a shard gives, all its readers together. One call may give five seconds' worth."""


class SubscribePace:
    """When one shard may be subscribed to again: each second, but for a while not after a success.

    `resubscribe_seconds` is how long Kinesis then answers ResourceInUseException. Source: https://docs.aws.amazon.com/kinesis/latest/APIReference/API_SubscribeToShard.html
    """

    def __init__(self, resubscribe_seconds: float) -> None:
        self._resubscribe_seconds = resubscribe_seconds
        self._earliest = 0.0

    def wait(self, now: float) -> float:
        """Return the seconds until the next call may be made; 0 for at once."""
        return max(0.0, self._earliest - now)

    def called(self, now: float) -> None:
        """Note a call."""
        self._earliest = max(self._earliest, now + SUBSCRIBE_INTERVAL_SECONDS)

    def succeeded(self, now: float) -> None:
        """Note that the call has been answered with a subscription, by `now` at the latest."""
        self._earliest = max(self._earliest, now + self._resubscribe_seconds)


class PollBudget:
    """When one shard may be polled again: no more than 5 calls in any second, and 2 MB/s on the whole.

    A burst spends what was left unused: five calls at once, or one answer of 10 MB, after which the shard is left
    alone for as long as Kinesis would refuse it. Source:
    https://docs.aws.amazon.com/kinesis/latest/APIReference/API_GetRecords.html
    """

    def __init__(self) -> None:
        self._calls: deque[float] = deque(maxlen=POLLS_PER_SECOND)
        self._bytes_free_at = 0.0

    def wait(self, now: float) -> float:
        """Return the seconds until the next call may be made; 0 for at once."""
        free_at = self._bytes_free_at
        if len(self._calls) == POLLS_PER_SECOND:
            free_at = max(free_at, self._calls[0] + 1.0)
        return max(0.0, free_at - now)

    def called(self, now: float) -> None:
        """Note a call."""
        self._calls.append(now)

    def read(self, size: int, now: float) -> None:
        """Note that the call gave `size` bytes."""
        self._bytes_free_at = max(self._bytes_free_at, now) + size / POLLED_BYTES_PER_SECOND


class PollBudgets:
    """The budget of each shard, for as long as somebody reads it: whoever reads it in a process shares it."""

    def __init__(self) -> None:
        self._budgets: WeakValueDictionary[tuple[str, str], PollBudget] = WeakValueDictionary()

    def of(self, stream: str, shard_id: str) -> PollBudget:
        """Return the shard's budget; `stream` tells streams of one name apart, so it is best an ARN."""
        key = (stream, shard_id)
        budget = self._budgets.get(key)
        if budget is None:
            budget = self._budgets[key] = PollBudget()
        return budget


class FanOutHealth:
    """Whether a stream's shards can be read by enhanced fan-out, as one of them found out for all.

    After a refusal nobody tries for a while, then one shard does; when it succeeds, all may. `fraction` gives
    random numbers in [0, 1).
    """

    def __init__(self, retry_seconds: float, fraction: Callable[[], float]) -> None:
        self._retry_seconds = retry_seconds
        self._fraction = fraction
        self._try_at: float | None = None

    @property
    def is_refused(self) -> bool:
        """Whether the last that was heard is a refusal."""
        return self._try_at is not None

    def may_try(self, now: float) -> bool:
        """Whether to subscribe now. Saying yes after a refusal defers everybody else's try."""
        if self._try_at is None:
            return True
        if now < self._try_at:
            return False
        self.refused(now)
        return True

    def worked(self) -> None:
        """Note a subscription."""
        self._try_at = None

    def refused(self, now: float) -> None:
        """Note a refusal: the next try comes after half to the whole of the retry time."""
        self._try_at = now + self._retry_seconds * (0.5 + self._fraction() / 2)
