"""Delivery to OpenSearch with the bulk API, every item judged by itself.

Source: "Bulk", https://docs.opensearch.org/latest/api-reference/document-apis/bulk/
"""

from collections.abc import Sequence
from dataclasses import dataclass
from random import Random
from typing import Any

import orjson
from opensearchpy import AsyncOpenSearch
from opensearchpy.exceptions import ConnectionError as OpenSearchConnectionError
from opensearchpy.exceptions import OpenSearchException, TransportError

from delivery.backoff import UNTIL_CANCELLED, RetryPolicy
from delivery.batch import Limits, Unit
from delivery.dispatch import Dispatch, to_items
from delivery.firehose import as_line
from delivery.gate import CallGate
from delivery.model import Document, Observer, Unobserved
from delivery.outcome import DELIVERED, Outcome, Refused, Retry, Verdict, rejected

SUPERSEDED = Outcome("delivered", "superseded", "A newer version of the document is there already.")

_BULK = Limits(units=2000, size=5 * 1024 * 1024)
_ITEM_500_ATTEMPTS = 8
_MESSAGE_CHARACTERS = 500


@dataclass(frozen=True, slots=True)
class BulkLimits:
    """Documents and bytes of one bulk request; `document` bounds one action with its document."""

    request: Limits = _BULK
    document: int = 5 * 1024 * 1024


class OpenSearchSink:
    """Indexes documents by id, so that a repeated delivery changes nothing.

    What is retried and what is rejected: see `judge_item`. Give it a client that makes no retries of its own
    (`max_retries=0`), so that each attempt is judged and counted here.
    """

    def __init__(
        self,
        client: AsyncOpenSearch,
        retry: RetryPolicy = UNTIL_CANCELLED,
        rate_per_second: float | None = None,
        *,
        limits: BulkLimits = BulkLimits(),
        parallel: int = 2,
        observer: Observer | None = None,
    ) -> None:
        self._client = client
        self._retry = retry
        self._limits = limits
        self._parallel = parallel
        self._observer = observer or Unobserved()
        self._gate = CallGate(rate_per_second, parallel, self._observer)
        self._random = Random()  # noqa: S311  jitter is no secret

    async def deliver(self, items: Sequence[Document], /) -> list[Outcome]:
        """An outcome for each document, in order, once all have one.

        A document whose version is older than the stored one counts as delivered, with the code "superseded".
        """
        outcomes: list[Outcome | None] = [None] * len(items)
        units: list[Unit] = []
        for position, document in enumerate(items):
            lines = bulk_lines(document)
            if len(lines) > self._limits.document:
                message = f"The document has {len(lines)} bytes; {self._limits.document} are allowed."
                outcomes[position] = rejected("DocumentTooLarge", message)
            else:
                units.append(Unit(None, lines, len(lines), (position,)))
        versioned = [document.version is not None for document in items]

        async def send(units: list[Unit]) -> list[Verdict] | Refused:
            return await self._bulk(units, [versioned[unit.items[0]] for unit in units])

        dispatch = Dispatch(units, send, self._limits.request, self._retry, self._observer, self._random)
        return to_items(units, await dispatch.run(self._parallel), outcomes)

    async def _bulk(self, units: list[Unit], versioned: list[bool]) -> list[Verdict] | Refused:
        body = b"".join([unit.payload for unit in units])
        async with self._gate.call(len(units), len(body)):
            try:
                response = await self._client.bulk(
                    body=body,
                    params={"filter_path": "errors,items.*.status,items.*.error.type,items.*.error.reason"},
                )
            except OpenSearchException as error:
                return judge_failure(error, len(units))
        return judge_bulk(response, versioned)


def bulk_lines(document: Document) -> bytes:
    """The two NDJSON lines of an index action; the body's bytes are spliced in, not encoded again."""
    action: dict[str, Any] = {"_index": document.index, "_id": document.id}
    if document.version is not None:
        action["version"] = document.version
        action["version_type"] = "external_gte"
    return orjson.dumps({"index": action}, option=orjson.OPT_APPEND_NEWLINE) + as_line(document.body)


def judge_bulk(response: Any, versioned: Sequence[bool]) -> list[Verdict]:
    """A verdict for each item of a bulk answer; an answer that does not align is no answer."""
    items = response.get("items", []) if isinstance(response, dict) else []
    if len(items) != len(versioned):
        retry = Retry("MalformedResponse", f"{len(items)} answers to {len(versioned)} documents")
        return [retry] * len(versioned)
    return [
        judge_item(next(iter(item.values())), with_version) for item, with_version in zip(items, versioned, strict=True)
    ]


def judge_item(item: dict[str, Any], versioned: bool) -> Verdict:
    """What OpenSearch's answer to one document means.

    - 2xx: delivered. 409 to a versioned document: delivered, since what is stored is newer.
    - 400 and 413: rejected, the document does not fit its mapping or the limits. But a full cluster ("maximum shards
      open") is retried: that is no fault of the document, and an operator can mend it.
    - 500: retried a few times, then rejected, since it may be the document that breaks the node.
    - all else is retried without end: overload (429, 502, 503, 504), a flood-stage disk (429), a write block (403
      cluster_block_exception), missing permissions and missing indices. An operator can lift each of them, and the
      lag shows until then.
    """
    status = int(item.get("status", 0))
    if 200 <= status < 300:
        return DELIVERED
    error = item.get("error") or {}
    code = str(error.get("type", f"status_{status}"))
    message = str(error.get("reason", ""))[:_MESSAGE_CHARACTERS]
    if status == 409 and versioned:
        return SUPERSEDED
    if status == 413 or (status == 400 and "shards open" not in message):
        return rejected(code, message)
    return Retry(code, message, _ITEM_500_ATTEMPTS if status == 500 else None)


def judge_failure(error: OpenSearchException, units: int) -> list[Verdict] | Refused:
    """What the failure of a whole bulk request means: 413 and 400 are its content's, all else is retried."""
    message = str(error)[:_MESSAGE_CHARACTERS]
    if isinstance(error, OpenSearchConnectionError) or not isinstance(error, TransportError):
        return [Retry(type(error).__name__, message)] * units
    if error.status_code in (400, 413):
        return Refused(str(error.error) or f"status_{error.status_code}", message)
    return [Retry(f"status_{error.status_code}", message)] * units
