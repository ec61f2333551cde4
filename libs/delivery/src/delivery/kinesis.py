"""Delivery to a Kinesis stream with PutRecords, in order per key."""

import asyncio
import logging
from collections.abc import Sequence
from dataclasses import dataclass, replace
from random import Random
from types import TracebackType
from typing import Any, Self

from delivery.backoff import UNTIL_CANCELLED, RetryPolicy, full_jitter
from delivery.batch import Limits, Unit
from delivery.dispatch import Dispatch, to_items
from delivery.gate import CallGate
from delivery.kinesis_calls import KinesisCalls, Transport, calls_of
from delivery.kinesis_units import Aggregation, misplaced, refusal, units_by_key, units_by_shard, were_moved
from delivery.model import Item, Observer, Unobserved
from delivery.outcome import Outcome, Refused, Retry, Verdict, undelivered
from delivery.shard_map import ShardMap

WRONG_SHARD = "WrongShard"
"""The reason of a retry, told to the observer: an aggregate was stored in a shard that is not its items' own."""

_PUT_RECORDS = Limits(units=500, size=10 * 1024 * 1024)
_MOST_MOVES = 10
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class KinesisLimits:
    """Sizes in bytes. Source: "PutRecords" and "Quotas and limits" in the Kinesis Data Streams documentation.

    - request: PutRecords takes 500 records and 10 MiB, partition keys included.
    - record: data and partition key together; raise it only where the stream's own maximum is raised.
    - aggregate: where an aggregate is closed. Small ones spread a shard's 1 MB/s; a large one fails as a whole.
    """

    request: Limits = _PUT_RECORDS
    record: int = 1024 * 1024
    aggregate: int = 50 * 1024


class KinesisSink:
    """Puts items into one stream.

    Order: within one `deliver` the items of a key arrive in order, through partial failures too, since no second
    record of a key is sent before the first is acknowledged. Two calls of `deliver` under way at once have no order
    between them. Retries may repeat a record that had arrived (a connection lost before the answer).

    `aggregate` says which items share a Kinesis record in the KPL's format; one that is alone is put as it is:

    - "key" (or True): those of one key that follow one another. Order per key holds through a reshard.
    - "shard": those that go to one shard, by the last ListShards, whatever their keys. It pays where keys are many and
      records small, since "key" then aggregates nothing. Where PutRecords answers another shard, the stream was
      resharded: the shards are listed again and what is not in its own shard is sent again, as the KPL does. Such
      items arrive twice (tell repeats by an id within the data), and order per key is not kept across that moment.
    - "off" (or False): none.

    `client` is an aiobotocore client or a `DataPlane`. From a client the sink makes a data plane of its own when it
    first delivers; `aclose` (or the context manager) closes that, for good. With the transport "aiobotocore", or with a
    stand-in for a client, the client's own methods are called. `rate_per_second` bounds calls, `parallel` those under
    way at once.
    """

    def __init__(
        self,
        client: Any,
        stream: str,
        retry: RetryPolicy = UNTIL_CANCELLED,
        rate_per_second: float | None = None,
        aggregate: bool | Aggregation = "key",
        *,
        limits: KinesisLimits = KinesisLimits(),
        parallel: int = 4,
        observer: Observer | None = None,
        transport: Transport = "auto",
    ) -> None:
        self._client = client
        self._transport = transport
        self._opened: KinesisCalls | None = None
        self._is_closed = False
        self._stream = stream
        self._retry = retry
        self._aggregation: Aggregation = ("key" if aggregate else "off") if isinstance(aggregate, bool) else aggregate
        self._limits = limits
        self._parallel = parallel
        self._observer = observer or Unobserved()
        self._gate = CallGate(rate_per_second, parallel, self._observer)
        self._random = Random()  # noqa: S311  jitter is no secret
        self._shards: ShardMap | None = None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """Close the connections that the sink opened; the client and a given data plane stay open.

        A `deliver` that is under way raises RuntimeError at its next call: end it before.
        """
        self._is_closed = True
        opened, self._opened = self._opened, None
        if opened is not None:
            await opened.aclose()

    async def deliver(self, items: Sequence[Item], /) -> list[Outcome]:
        """An outcome for each item, in order, once all have one.

        Rejected: an empty or too long key, an impossible hash key, data beyond the record limit, or what Kinesis
        calls invalid.
        """
        outcomes: list[Outcome | None] = [refusal(item, self._limits.record) for item in items]
        clock = asyncio.get_running_loop().time
        deadline = None if self._retry.deadline_seconds is None else clock() + self._retry.deadline_seconds
        for moves in range(_MOST_MOVES + 1):
            units = await self._packed(items, outcomes)
            left = (
                self._retry if deadline is None else replace(self._retry, deadline_seconds=max(0, deadline - clock()))
            )
            dispatch = Dispatch(units, self._put, self._limits.request, left, self._observer, self._random)
            told = await dispatch.run(self._parallel)
            complete = to_items(units, told, outcomes)
            again = await self._misplaced(items, units, told)
            if not again:
                return complete
            if moves == _MOST_MOVES:
                _log.warning("%d records stay in shards that are not their keys' own", len(again))
                return complete
            self._observer.on_retry(len(again), WRONG_SHARD)
            for position, shard in again.items():
                outcomes[position] = None
                complete[position] = undelivered(Retry(WRONG_SHARD, f"stored in {shard}, which is not its key's"))
            pause = full_jitter(self._retry, moves + 1, self._random.uniform)
            if deadline is not None and clock() + pause >= deadline:
                return complete
            await asyncio.sleep(pause)
        raise AssertionError("the last round returns")

    async def _packed(self, items: Sequence[Item], outcomes: Sequence[Outcome | None]) -> list[Unit]:
        positions = [position for position, outcome in enumerate(outcomes) if outcome is None]
        limit = min(self._limits.aggregate, self._limits.record)
        if self._aggregation == "shard" and positions:
            shards = self._shards or await self._listed()
            if shards is not None:
                return units_by_shard(items, positions, limit, shards)
        return units_by_key(items, positions, limit, aggregate=self._aggregation != "off")

    async def _misplaced(self, items: Sequence[Item], units: list[Unit], told: list[Outcome]) -> dict[int, str]:
        if self._aggregation != "shard" or not were_moved(units, told):
            return {}
        self._shards = None
        shards = await self._listed()
        return {} if shards is None else misplaced(items, units, told, shards)

    async def _listed(self) -> ShardMap | None:
        """The stream's shards now; None when they cannot be had, and items are then aggregated by key."""
        try:
            self._shards = ShardMap(await self._calls().shards(self._stream))
        except Exception as error:
            # Any failure of a client: nothing is lost without the map, so nothing may stop for it.
            _log.warning("cannot list the shards of %s: %s: %s", self._stream, type(error).__name__, error)
        return self._shards

    async def _put(self, units: list[Unit]) -> list[Verdict] | Refused:
        async with self._gate.call(sum(len(unit.items) for unit in units), sum(unit.size for unit in units)):
            return await self._calls().put(self._stream, units)

    def _calls(self) -> KinesisCalls:
        if self._is_closed:
            raise RuntimeError(
                f"the sink of {self._stream} is closed: end deliveries before, and make a new sink after"
            )
        if self._opened is None:
            self._opened = calls_of(self._client, self._transport)
        return self._opened
