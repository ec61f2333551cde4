"""One stream of updates to many pages, each with a bounded queue."""

import asyncio
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Update:
    """One server-sent event; `data` is JSON on one line."""

    number: int
    event: str
    data: bytes

    def encode(self) -> bytes:
        """The event as it goes over the wire (https://html.spec.whatwg.org/multipage/server-sent-events.html)."""
        return b"id: %d\nevent: %s\ndata: %s\n\n" % (self.number, self.event.encode(), self.data)


class Subscriber:
    """One page's queue. When it is full the page is too slow: everything queued is dropped and `missed` is set."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._queue: deque[Update] = deque()
        self._arrived = asyncio.Event()
        self.missed = False

    def put(self, update: Update) -> bool:
        """Queues an update, never waits. False if the queue overflowed."""
        fits = len(self._queue) < self._limit
        if fits:
            self._queue.append(update)
        else:
            self._queue.clear()
            self.missed = True
        self._arrived.set()
        return fits

    async def next(self, timeout: float) -> Update | None:
        """The next update, or None: none came in `timeout` seconds, the queue overflowed (`missed`), or `wake`."""
        if not self._queue and not self.missed:
            self._arrived.clear()
            try:
                async with asyncio.timeout(timeout):
                    await self._arrived.wait()
            except TimeoutError:
                return None
        return None if self.missed or not self._queue else self._queue.popleft()

    def start_afresh(self) -> None:
        """Forgets what is queued: the page is about to be given everything as it is now."""
        self._queue.clear()
        self.missed = False

    def wake(self) -> None:
        """Makes a waiting `next` return."""
        self._arrived.set()


class FanOut:
    """Publishes to every subscriber. At most `max_subscribers`, each with `queue_limit` updates waiting."""

    def __init__(self, max_subscribers: int, queue_limit: int = 32) -> None:
        self._max_subscribers = max_subscribers
        self._queue_limit = queue_limit
        self._subscribers: set[Subscriber] = set()
        self.number = 0
        self.watched = asyncio.Event()

    def __len__(self) -> int:
        return len(self._subscribers)

    @property
    def is_full(self) -> bool:
        """Whether no more subscribers fit."""
        return len(self._subscribers) >= self._max_subscribers

    @contextmanager
    def subscribe(self) -> Iterator[Subscriber]:
        """A queue that receives every update from now on, until the block ends."""
        subscriber = Subscriber(self._queue_limit)
        self._subscribers.add(subscriber)
        self.watched.set()
        try:
            yield subscriber
        finally:
            self._subscribers.discard(subscriber)
            if not self._subscribers:
                self.watched.clear()

    def publish(self, event: str, data: bytes) -> int:
        """Gives an update to every subscriber and returns how many were too slow for it."""
        self.number += 1
        update = Update(self.number, event, data)
        return sum(not subscriber.put(update) for subscriber in self._subscribers)

    def wake_all(self) -> None:
        """Makes every waiting subscriber look around: the service is stopping."""
        for subscriber in self._subscribers:
            subscriber.wake()
