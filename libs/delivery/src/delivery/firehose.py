"""Delivery to a Firehose delivery stream with PutRecordBatch, as JSON lines."""

from collections.abc import Sequence
from dataclasses import dataclass
from random import Random
from typing import Any

from delivery.aws import answered, judge_records
from delivery.backoff import UNTIL_CANCELLED, RetryPolicy
from delivery.batch import Limits, Unit, pack
from delivery.dispatch import Dispatch, to_items
from delivery.gate import CallGate
from delivery.model import Item, Observer, Unobserved
from delivery.outcome import Outcome, Refused, Verdict, rejected

_PUT_RECORD_BATCH = Limits(units=500, size=4 * 1024 * 1024)


@dataclass(frozen=True, slots=True)
class FirehoseLimits:
    """Sizes in bytes. Source: "PutRecordBatch" in the Amazon Data Firehose API reference.

    500 records and 4 MiB a request, 1,000 KiB a record before base64, the line end included.
    """

    request: Limits = _PUT_RECORD_BATCH
    record: int = 1000 * 1024


class FirehoseSink:
    r"""Puts items into one delivery stream, a line each: it adds the "\n". Keys are not used; order is not kept.

    Line ends inside an item become spaces, which in JSON is the same value: between tokens they are white space, and
    within a string they are always escaped. Lines share a record up to `record_bytes`, 0 for none that do: Firehose
    bills every record by 5 KB begun, and converts each of several JSON texts in one by itself. A function or dynamic
    partitioning behind it would have to take records apart.
    https://docs.aws.amazon.com/firehose/latest/dev/record-format-conversion.html
    """

    def __init__(
        self,
        client: Any,
        delivery_stream: str,
        retry: RetryPolicy = UNTIL_CANCELLED,
        rate_per_second: float | None = None,
        *,
        limits: FirehoseLimits = FirehoseLimits(),
        record_bytes: int = 0,
        parallel: int = 4,
        observer: Observer | None = None,
    ) -> None:
        self._client = client
        self._delivery_stream = delivery_stream
        self._retry = retry
        self._limits = limits
        self._record_bytes = min(record_bytes, limits.record)
        self._parallel = parallel
        self._observer = observer or Unobserved()
        self._gate = CallGate(rate_per_second, parallel, self._observer)
        self._random = Random()  # noqa: S311  jitter is no secret

    async def deliver(self, items: Sequence[Item], /) -> list[Outcome]:
        """An outcome for each item, in order, once all have one. Rejected: too large, or invalid to Firehose."""
        outcomes: list[Outcome | None] = [None] * len(items)
        lines: list[tuple[int, bytes]] = []
        for position, item in enumerate(items):
            size = len(item.data) + 1
            if size > self._limits.record:
                message = f"The line has {size} bytes; {self._limits.record} are allowed."
                outcomes[position] = rejected("RecordTooLarge", message)
            else:
                lines.append((position, as_line(item.data)))
        units = [
            _unit(lines[part.start : part.stop]) for part in pack((len(line) for _, line in lines), self._record_bytes)
        ]
        dispatch = Dispatch(units, self._put, self._limits.request, self._retry, self._observer, self._random)
        return to_items(units, await dispatch.run(self._parallel), outcomes)

    async def _put(self, units: list[Unit]) -> list[Verdict] | Refused:
        records = [{"Data": unit.payload} for unit in units]
        async with self._gate.call(len(units), sum(unit.size for unit in units)):
            answer = await answered(
                lambda: self._client.put_record_batch(DeliveryStreamName=self._delivery_stream, Records=records),
                len(units),
            )
        return judge_records(answer.get("RequestResponses"), len(units)) if isinstance(answer, dict) else answer


def _unit(lines: Sequence[tuple[int, bytes]]) -> Unit:
    payload = b"".join([line for _, line in lines])
    return Unit(None, payload, len(payload), tuple([position for position, _ in lines]))


def as_line(data: bytes) -> bytes:
    """JSON text as one line with its line end; no byte is moved."""
    if b"\n" in data:
        data = data.replace(b"\n", b" ")
    return data + b"\n"
