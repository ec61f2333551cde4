"""What is delivered, and to what kind of thing."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, TypeVar

from delivery.outcome import Outcome


@dataclass(frozen=True, slots=True)
class Item:
    """One record for a stream: its bytes, and the key within which order is kept (the Kinesis partition key).

    `hash_key`, for Kinesis alone, is a decimal number below 2**128 that takes the place of the key's MD5 in the choice
    of the shard. Items of one key with different hash keys may go to different shards, and then have no order.
    """

    data: bytes
    key: str = ""
    hash_key: str | None = None


@dataclass(frozen=True, slots=True)
class Document:
    """One OpenSearch document: `body` is a JSON object as UTF-8 bytes, sent as it is.

    With a `version`, a document replaces only what has the same or a smaller version; without, it always replaces.
    """

    index: str
    id: str
    body: bytes
    version: int | None = None


T_contra = TypeVar("T_contra", bound=Item | Document, contravariant=True)


class Sink(Protocol[T_contra]):
    """Anything that delivers a batch and says of each of its items what became of it, in the same order."""

    async def deliver(self, items: Sequence[T_contra], /) -> list[Outcome]:
        """Return once every item has an outcome; raise only when cancelled or when the program is wrong."""
        ...


class Observer(Protocol):
    """Told what a sink does, to count it. It must not block nor raise."""

    def on_call(self, seconds: float, items: int, size: int, /) -> None:
        """One request of `items` items and `size` bytes ended after `seconds`, whatever its answer."""

    def on_retry(self, count: int, reason: str, /) -> None:
        """`count` items are to be sent again because of `reason`, an error code."""


class Unobserved:
    """The observer of a sink that nobody watches."""

    def on_call(self, seconds: float, items: int, size: int, /) -> None:
        """Nothing is counted."""

    def on_retry(self, count: int, reason: str, /) -> None:
        """Nothing is counted."""
