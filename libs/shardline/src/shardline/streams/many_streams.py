"""Many streams read by one group: which there are, and what is known of their shards."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterable
from typing import Any, Protocol

from shardline.clock import Clock
from shardline.errors import ShardGone, StreamUnavailable
from shardline.model import Shard
from shardline.reading.one_stream import OneStream
from shardline.reading.reader import Reader
from shardline.reading.stream import Source, Stream, translated
from shardline.reading.transport import Transport, transport_of
from shardline.settings import GroupSettings

ListStreams = Callable[[], Awaitable[Iterable[str]]]

_CALLS_AT_ONCE = 8
"""DescribeStreamSummary allows 20 calls a second in an account."""

_LOOKED_AFTER_AT_ONCE = 100
"""Of the streams being read, so many are asked at each refresh, by turns, whether they were made anew."""

_log = logging.getLogger(__name__)


def prefix_of(lease_key: str) -> str:
    """Return what comes before the shard's id, colon included: `account:stream:creation epoch:`; empty for none."""
    return lease_key[: lease_key.rfind(":") + 1]


class Sources(Protocol):
    """Where streams are found by name: Kinesis, or a model of it."""

    async def identify(self, stream: str) -> str:
        """Return `account:stream:creation epoch`, another one for a stream made anew under the name.

        Raises StreamUnavailable, or ShardGone when there is no such stream.
        """

    def source(self, stream: str) -> Source:
        """Return the stream's shards and records."""

    async def aclose(self) -> None:
        """Close the connections that this opened."""


class KinesisSources:
    """The streams of one account and region, on one transport. `kinesis` is an aiobotocore client."""

    def __init__(self, kinesis: Any, consumer_name: str, settings: GroupSettings, clock: Clock) -> None:
        self._kinesis = kinesis
        self._consumer_name = consumer_name
        self._settings = settings
        self._clock = clock
        self._transport: Transport | None = None

    async def identify(self, stream: str) -> str:
        """See Sources. It is by this name that KCL's multi-stream leases know a stream.

        Source: https://docs.aws.amazon.com/kinesis/latest/APIReference/API_DescribeStreamSummary.html
        """
        async with translated("DescribeStreamSummary"):
            answer = await self._kinesis.describe_stream_summary(StreamName=stream)
        summary = answer["StreamDescriptionSummary"]
        account = summary["StreamARN"].split(":")[4]
        return f"{account}:{stream}:{int(summary['StreamCreationTimestamp'].timestamp())}"

    def source(self, stream: str) -> Source:
        """See Sources."""
        if self._transport is None:
            self._transport = transport_of(self._kinesis, self._settings.transport)
        return Stream(
            self._kinesis,
            stream,
            self._consumer_name,
            self._clock,
            self._settings.initial_timestamp,
            self._transport,
        )

    async def aclose(self) -> None:
        """See Sources."""
        if self._transport is not None:
            transport, self._transport = self._transport, None
            await transport.aclose()


class ManyStreams:
    """The streams that `wanted` names; see Streams.

    A stream that cannot be found or listed does not hold up the others: it joins as soon as it can be. One
    that is no longer wanted, or no longer there, is gone with the next refresh; `after_refresh` follows each.
    One that was made anew is told by its creation, for its shards may have the ids of the old one's.
    """

    name = "*"

    def __init__(
        self,
        wanted: ListStreams,
        sources: Sources,
        reader: Callable[[str, Source], Reader],
        after_refresh: Callable[[], Awaitable[None]],
    ) -> None:
        self._wanted = wanted
        self._sources = sources
        self._reader = reader
        self._after_refresh = after_refresh
        self._names: list[str] = []
        self._streams: dict[str, OneStream] = {}
        self._known: dict[str, OneStream] = {}
        self._shards: dict[str, list[Shard]] = {}
        self._doubtful: set[str] = set()
        self._absent: set[str] = set()
        self._looked_after = 0
        self._calls = asyncio.Semaphore(_CALLS_AT_ONCE)

    def has(self, lease_key: str) -> bool:
        """Whether the lease is of a stream that is read now."""
        return prefix_of(lease_key) in self._shards

    def is_former(self, lease_key: str) -> bool:
        """Whether the lease's stream is unwanted or gone, as opposed to one that cannot be asked about just now."""
        name = prefix_of(lease_key).split(":")[-3]
        is_known = name not in self._names or name in self._streams or name in self._absent
        return is_known and not self.has(lease_key)

    def of(self, lease_key: str) -> OneStream:
        """See Streams."""
        return self._known[prefix_of(lease_key)]

    async def prepare(self) -> None:
        """See Streams. Each stream is prepared as it joins."""

    async def refresh(self) -> None:
        """See Streams. Raises StreamUnavailable when streams are wanted and none can be read."""
        names = await self._ask()
        for name in [name for name in self._streams if name not in names]:
            self._forget(name, "no longer wanted")
        await asyncio.gather(*(self._look_after(stream) for stream in self._next_looked_after()))
        missing = [name for name in names if name not in self._streams or name in self._doubtful]
        await asyncio.gather(*(self._join(name) for name in missing))
        await self._after_refresh()
        if names and not self._streams:
            raise StreamUnavailable(f"none of the {len(names)} streams can be read")

    async def list_shards(self) -> list[Shard]:
        """See Streams. Of a stream that cannot be listed, what the last listing told."""
        listings = await asyncio.gather(*(self._list(stream) for stream in list(self._streams.values())))
        return [shard for listing in listings for shard in listing]

    async def _ask(self) -> list[str]:
        """Return the streams wanted now; those of the last time when they cannot be found out."""
        try:
            self._names = list(dict.fromkeys(await self._wanted()))
        except Exception as error:
            if not self._names:
                raise StreamUnavailable(f"the streams to read are not known: {error}") from error
            _log.exception("the streams to read are not known; going on with the last ones")
        return self._names

    def _next_looked_after(self) -> list[OneStream]:
        streams = list(self._streams.values())
        start = self._looked_after % max(1, len(streams))
        self._looked_after = start + _LOOKED_AFTER_AT_ONCE
        return (streams[start:] + streams[:start])[:_LOOKED_AFTER_AT_ONCE]

    async def _look_after(self, stream: OneStream) -> None:
        """Doubt a stream that is no longer the one that is being read."""
        async with self._calls:
            try:
                if await self._sources.identify(stream.name) + ":" != stream.prefix:
                    self._doubtful.add(stream.name)
            except ShardGone:
                self._doubtful.add(stream.name)
            except StreamUnavailable as error:
                _log.debug("stream %s is taken for what it was: %s", stream.name, error)

    async def _join(self, name: str) -> None:
        async with self._calls:
            try:
                prefix = await self._sources.identify(name) + ":"
                joined = self._streams.get(name)
                if joined is not None and joined.prefix != prefix:
                    self._forget(name, "made anew")
                stream = self._known.get(prefix)
                if stream is None:
                    stream = OneStream(name, self._reader(prefix, self._sources.source(name)), prefix)
                shards = await stream.list_shards()
            except ShardGone as gone:
                self._absent.add(name)
                self._forget(name, str(gone))
            except StreamUnavailable as error:
                self._absent.discard(name)
                _log.warning("stream %s cannot be read yet: %s", name, error)
            else:
                await self._joined(stream, shards)

    async def _joined(self, stream: OneStream, shards: list[Shard]) -> None:
        try:
            await stream.prepare()
        except (StreamUnavailable, ShardGone) as error:
            _log.warning("stream %s is read later: %s", stream.name, error)
        if stream.name not in self._streams:
            _log.info("reading stream %s", stream.prefix[:-1])
        self._doubtful.discard(stream.name)
        self._absent.discard(stream.name)
        self._known[stream.prefix] = self._streams[stream.name] = stream
        self._shards[stream.prefix] = shards

    async def _list(self, stream: OneStream) -> list[Shard]:
        async with self._calls:
            try:
                shards = await stream.list_shards()
                if stream.prefix in self._shards:
                    self._shards[stream.prefix] = shards
            except ShardGone:
                self._doubtful.add(stream.name)
            except StreamUnavailable as error:
                _log.warning("stream %s cannot be listed: %s", stream.name, error)
            return self._shards.get(stream.prefix, [])

    def _forget(self, name: str, reason: str) -> None:
        _log.warning("stream %s is not read: %s", name, reason)
        self._doubtful.discard(name)
        stream = self._streams.pop(name, None)
        if stream is not None:
            del self._shards[stream.prefix]
