"""Delivery to a Kinesis stream with PutRecords, in order per key."""

from collections.abc import Sequence
from dataclasses import dataclass
from random import Random
from typing import Any

from aws_wire import aggregation
from aws_wire.aggregation import AGGREGATE_OVERHEAD_BYTES, KEY_OVERHEAD_BYTES, RECORD_OVERHEAD_BYTES, UserRecord
from delivery.aws import answered, judge_records
from delivery.backoff import UNTIL_CANCELLED, RetryPolicy
from delivery.batch import Limits, Unit, pack
from delivery.dispatch import Dispatch, to_items
from delivery.gate import CallGate
from delivery.model import Item, Observer, Unobserved
from delivery.outcome import Outcome, Refused, Verdict, rejected

_KEY_CHARACTERS = 256
_PUT_RECORDS = Limits(units=500, size=10 * 1024 * 1024)


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

    With `aggregate`, items of one key that follow one another share a Kinesis record in the KPL's format; an item
    that is alone is put as it is. `rate_per_second` bounds calls, `parallel` those under way at once.
    """

    def __init__(
        self,
        client: Any,
        stream: str,
        retry: RetryPolicy = UNTIL_CANCELLED,
        rate_per_second: float | None = None,
        aggregate: bool = True,
        *,
        limits: KinesisLimits = KinesisLimits(),
        parallel: int = 4,
        observer: Observer | None = None,
    ) -> None:
        self._client = client
        self._stream = stream
        self._retry = retry
        self._aggregate = aggregate
        self._limits = limits
        self._parallel = parallel
        self._observer = observer or Unobserved()
        self._gate = CallGate(rate_per_second, parallel, self._observer)
        self._random = Random()  # noqa: S311  jitter is no secret

    async def deliver(self, items: Sequence[Item], /) -> list[Outcome]:
        """An outcome for each item, in order, once all have one.

        Rejected: an empty or too long key, data beyond the record limit, or what Kinesis calls invalid.
        """
        outcomes: list[Outcome | None] = [_refusal(item, self._limits.record) for item in items]
        units = pack_units(items, outcomes, self._limits, self._aggregate)
        dispatch = Dispatch(units, self._put, self._limits.request, self._retry, self._observer, self._random)
        return to_items(units, await dispatch.run(self._parallel), outcomes)

    async def _put(self, units: list[Unit]) -> list[Verdict] | Refused:
        records = [{"Data": unit.payload, "PartitionKey": unit.lane} for unit in units]
        async with self._gate.call(sum(len(unit.items) for unit in units), sum(unit.size for unit in units)):
            answer = await answered(
                lambda: self._client.put_records(StreamName=self._stream, Records=records), len(units)
            )
        return judge_records(answer.get("Records"), len(units)) if isinstance(answer, dict) else answer


def pack_units(
    items: Sequence[Item], outcomes: Sequence[Outcome | None], limits: KinesisLimits, aggregate: bool
) -> list[Unit]:
    """Kinesis records for the items that have no outcome yet: for each key in order, aggregated if asked."""
    by_key: dict[str, list[int]] = {}
    for position, (item, outcome) in enumerate(zip(items, outcomes, strict=True)):
        if outcome is None:
            by_key.setdefault(item.key, []).append(position)
    units: list[Unit] = []
    for key, positions in by_key.items():
        if not aggregate or len(positions) == 1:
            units.extend(_unit(items, key, [position], aggregate) for position in positions)
            continue
        key_size = len(key.encode())
        fixed = AGGREGATE_OVERHEAD_BYTES + KEY_OVERHEAD_BYTES + 2 * key_size
        sizes = [len(items[position].data) + RECORD_OVERHEAD_BYTES for position in positions]
        parts = pack(sizes, min(limits.aggregate, limits.record), fixed)
        units.extend(_unit(items, key, positions[part.start : part.stop], aggregate) for part in parts)
    return units


def _unit(items: Sequence[Item], key: str, positions: list[int], aggregate: bool) -> Unit:
    data = items[positions[0]].data
    # Data that looks like an aggregate itself would be taken apart by the consumer, so it is wrapped in one.
    if len(positions) > 1 or (aggregate and data.startswith(aggregation.MAGIC)):
        data = aggregation.encode([UserRecord(key, items[position].data) for position in positions])
    return Unit(key, data, len(data) + len(key.encode()), tuple(positions))


def _refusal(item: Item, record_limit: int) -> Outcome | None:
    if not 1 <= len(item.key) <= _KEY_CHARACTERS:
        return rejected("InvalidPartitionKey", f"The key has {len(item.key)} characters; 1 to 256 are allowed.")
    try:
        size = len(item.data) + len(item.key.encode())
    except UnicodeEncodeError:
        return rejected("InvalidPartitionKey", "The key cannot be written as UTF-8.")
    if size > record_limit:
        return rejected("RecordTooLarge", f"Data and key have {size} bytes; {record_limit} are allowed.")
    return None
