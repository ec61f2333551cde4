"""Delivery to an SNS topic with PublishBatch, standard or FIFO.

Source: "PublishBatch", https://docs.aws.amazon.com/sns/latest/api/API_PublishBatch.html
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from random import Random
from typing import Any

from delivery.aws import answered
from delivery.backoff import UNTIL_CANCELLED, RetryPolicy
from delivery.batch import Limits, Unit
from delivery.dispatch import Dispatch, to_items
from delivery.gate import CallGate
from delivery.model import Item, Observer, Unobserved
from delivery.outcome import DELIVERED, Outcome, Refused, Retry, Verdict, rejected

_PUBLISH_BATCH = Limits(units=10, size=256 * 1024)
_SUBJECT_CHARACTERS = 99
_MESSAGE_CHARACTERS = 500


@dataclass(frozen=True, slots=True)
class SnsMessage:
    """What goes with an item: `attributes` for filter policies (empty ones are left out), and a mail's `subject`.

    `deduplication_id`, for FIFO topics, makes a message that comes again within five minutes one message.
    """

    subject: str = ""
    attributes: Mapping[str, str] = field(default_factory=dict)
    deduplication_id: str = ""


class SnsSink:
    """Publishes each item's data, which must be UTF-8, as one message.

    Items of a key go one after another: on a FIFO topic (`….fifo`) the key is their message group, so that they also
    arrive so; a standard topic promises no order to its subscribers. A retry may publish twice what had arrived.
    `client` is an aiobotocore client of SNS.
    """

    def __init__(
        self,
        client: Any,
        topic_arn: str,
        describe: Callable[[Item], SnsMessage],
        retry: RetryPolicy = UNTIL_CANCELLED,
        rate_per_second: float | None = None,
        *,
        parallel: int = 2,
        observer: Observer | None = None,
    ) -> None:
        self._client = client
        self._topic_arn = topic_arn
        self._describe = describe
        self._retry = retry
        self._parallel = parallel
        self._observer = observer or Unobserved()
        self._gate = CallGate(rate_per_second, parallel, self._observer)
        self._random = Random()  # noqa: S311  jitter is no secret

    async def deliver(self, items: Sequence[Item], /) -> list[Outcome]:
        """An outcome for each item, in order, once all have one.

        Rejected: what has over 256 KiB, is no UTF-8, or is the sender's fault in the eyes of SNS.
        """
        outcomes: list[Outcome | None] = [None] * len(items)
        entries: dict[int, dict[str, Any]] = {}
        units: list[Unit] = []
        for position, item in enumerate(items):
            try:
                entry = _entry(item, self._describe(item), is_fifo=self._topic_arn.endswith(".fifo"))
            except UnicodeDecodeError as error:
                outcomes[position] = rejected("NoText", f"An SNS message is UTF-8 text: {error.reason}.")
                continue
            size = len(item.data) + _attributes_size(entry)
            if size > _PUBLISH_BATCH.size:
                message = f"The message has {size} bytes; {_PUBLISH_BATCH.size} are allowed."
                outcomes[position] = rejected("MessageTooLarge", message)
                continue
            entries[position] = entry
            units.append(Unit(item.key or None, item.data, size, (position,)))

        async def publish(taken: list[Unit]) -> list[Verdict] | Refused:
            return await self._publish(taken, [entries[unit.items[0]] for unit in taken])

        dispatch = Dispatch(units, publish, _PUBLISH_BATCH, self._retry, self._observer, self._random)
        return to_items(units, await dispatch.run(self._parallel), outcomes)

    async def _publish(self, units: list[Unit], entries: list[dict[str, Any]]) -> list[Verdict] | Refused:
        numbered = [{"Id": str(place), **entry} for place, entry in enumerate(entries)]
        async with self._gate.call(len(units), sum(unit.size for unit in units)):
            answer = await answered(
                lambda: self._client.publish_batch(TopicArn=self._topic_arn, PublishBatchRequestEntries=numbered),
                len(units),
            )
        return judge_entries(answer, len(units)) if isinstance(answer, dict) else answer


def judge_entries(answer: Mapping[str, Any], count: int) -> list[Verdict]:
    """What PublishBatch says of each of `count` entries, whose ids are their places.

    A sender's fault stays one however often it is sent; whatever else failed may succeed.
    """
    published = {told.get("Id") for told in answer.get("Successful") or ()}
    failed = {told.get("Id"): told for told in answer.get("Failed") or ()}
    return [_judge(str(place) in published, failed.get(str(place))) for place in range(count)]


def _judge(is_published: bool, failure: Mapping[str, Any] | None) -> Verdict:
    if failure is not None:
        code, message = str(failure.get("Code", "Unknown")), str(failure.get("Message", ""))[:_MESSAGE_CHARACTERS]
        return rejected(code, message) if failure.get("SenderFault") else Retry(code, message)
    return DELIVERED if is_published else Retry("MalformedResponse", "an entry was neither published nor refused")


def _entry(item: Item, message: SnsMessage, *, is_fifo: bool) -> dict[str, Any]:
    entry: dict[str, Any] = {
        "Message": item.data.decode(),
        "MessageAttributes": {
            name: {"DataType": "String", "StringValue": value} for name, value in message.attributes.items() if value
        },
    }
    subject = _subject(message.subject)
    if subject:
        entry["Subject"] = subject
    if is_fifo:
        entry["MessageGroupId"] = item.key or "-"
        entry["MessageDeduplicationId"] = message.deduplication_id
    return entry


def _subject(text: str) -> str:
    """As SNS takes one: ASCII without control characters, under 100 of them, beginning with a letter or digit."""
    plain = "".join(each if " " <= each <= "~" else "?" for each in text)
    return plain.lstrip("".join(chr(code) for code in range(32, 127) if not chr(code).isalnum()))[:_SUBJECT_CHARACTERS]


def _attributes_size(entry: Mapping[str, Any]) -> int:
    """Attributes count towards a message's size: name, type and value."""
    attributes = entry["MessageAttributes"].items()
    return sum(len(name) + len("String") + len(value["StringValue"].encode()) for name, value in attributes)
