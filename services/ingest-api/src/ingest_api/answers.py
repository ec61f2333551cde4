"""From what became of each event to the answer's status and body."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from delivery import Outcome
from event_contract import Event, Rejected, errors

# The request as a whole, beside the codes of `event_contract.errors`.
KEY_MISSING: Final = "key_missing"
KEY_UNKNOWN: Final = "key_unknown"
BODY_TOO_LARGE: Final = "body_too_large"
BODY_INCOMPLETE: Final = "body_incomplete"
BODY_TOO_SLOW: Final = "body_too_slow"
INVALID_GZIP: Final = "invalid_gzip"
UNSUPPORTED_ENCODING: Final = "unsupported_encoding"
TOO_BUSY: Final = "too_busy"
INTERNAL: Final = "internal_error"

_STATUS_BY_CODE: Final = {
    errors.MALFORMED_JSON: 400,
    errors.INVALID_UTF8: 400,
    errors.NUMBER_OUT_OF_RANGE: 400,
    errors.TOO_DEEP: 400,
    errors.EMPTY_BATCH: 400,
    errors.BATCH_TOO_LARGE: 413,
    errors.EVENT_TOO_LARGE: 413,
    errors.UNSUPPORTED_FORMAT: 415,
}
_OTHERWISE: Final = 422


@dataclass(frozen=True, slots=True)
class Answer:
    """An HTTP answer. With `retry`, some or all of it is worth sending again after a while."""

    status: int
    body: dict[str, Any]
    retry: bool = False


def refusal(status: int, code: str, message: str, field: str | None = None) -> Answer:
    """The answer to a request of which no event was looked at, or none could be."""
    error = {"code": code, "message": message, "field": field}
    return Answer(status, {"accepted": 0, "error": error}, retry=status in (429, 503))


def whole_body(rejected: Rejected) -> Answer:
    """The answer to a body that could not be taken apart into events."""
    status = _STATUS_BY_CODE.get(rejected.code, _OTHERWISE)
    return refusal(status, rejected.code, rejected.message, rejected.field)


def judge(parsed: Sequence[Event | Rejected], outcomes: Sequence[Outcome]) -> Answer:
    """The answer for a batch. `outcomes` are those of the events in `parsed`, in order.

    202 all accepted · 207 some · 503 none, but some may be sent again · 400, 413, 422 all rejected.
    """
    remaining = iter(outcomes)
    entries = [
        _rejected(index, item.code, item.message, item.field)
        if isinstance(item, Rejected)
        else _delivered(index, item, next(remaining))
        for index, item in enumerate(parsed)
    ]
    count = dict.fromkeys(("accepted", "rejected", "retry"), 0)
    for entry in entries:
        count[entry["status"]] += 1
    return Answer(_status(count, entries), {**count, "events": entries}, retry=count["retry"] > 0)


def _status(count: dict[str, int], entries: list[dict[str, Any]]) -> int:
    if count["accepted"] == len(entries):
        return 202
    if count["accepted"]:
        return 207
    if count["retry"]:
        return 503
    statuses = {_STATUS_BY_CODE.get(entry["code"], _OTHERWISE) for entry in entries}
    return statuses.pop() if len(statuses) == 1 else 400


def _delivered(index: int, event: Event, outcome: Outcome) -> dict[str, Any]:
    if outcome.status == "delivered":
        return {"index": index, "id": event.id, "status": "accepted"}
    if outcome.status == "rejected":
        return _rejected(index, outcome.code, outcome.message, None)
    return {"index": index, "id": event.id, "status": "retry", "code": outcome.code, "message": outcome.message}


def _rejected(index: int, code: str, message: str, field: str | None) -> dict[str, Any]:
    return {"index": index, "status": "rejected", "code": code, "message": message, "field": field}
