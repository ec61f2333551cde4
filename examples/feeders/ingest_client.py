"""Sends events to an ingest address until each is accepted, refused for good, or given up.

Used by every feeder beside it. An event goes again only when the answer says so for that event, or when no answer came;
it keeps its id, so the pipeline stores it once.
"""

import asyncio
import random
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Literal, Self

import aiohttp
import orjson

NDJSON = "application/x-ndjson"
DEBEZIUM = "application/vnd.debezium+json"
EVENTS_PATH = "/v1/events"

_BUSY = frozenset({408, 429, 500, 502, 503, 504})
_FIRST_WAIT_SECONDS = 0.2
_LONGEST_WAIT_SECONDS = 10.0

Status = Literal["accepted", "rejected", "retry"]


@dataclass(frozen=True, slots=True)
class Answer:
    """What became of one event of a request; `id` is the one that ingest gave or kept."""

    status: Status
    id: str = ""
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Reply:
    """The answers to a whole request, in the order of its events, and how long to wait before the next (seconds)."""

    answers: Sequence[Answer]
    wait_seconds: float | None = None


@dataclass(slots=True)
class Totals:
    """What a feeder has done so far."""

    sent: int = 0
    accepted: int = 0
    rejected: int = 0
    resent: int = 0
    given_up: int = 0
    reasons: dict[str, int] = field(default_factory=dict)

    def count_reason(self, reason: str) -> None:
        """One more event was refused or delayed for this reason."""
        self.reasons[reason] = self.reasons.get(reason, 0) + 1

    def lines(self, name: str) -> str:
        """A line each, `name: number`, for people and for scripts."""
        numbers = {"sent": self.sent, "accepted": self.accepted, "rejected": self.rejected}
        numbers |= {"resent": self.resent, "given up": self.given_up}
        reasons = [f"{name} reason {reason}: {count}" for reason, count in sorted(self.reasons.items())]
        return "\n".join([f"{name} {what}: {number}" for what, number in numbers.items()] + reasons)


class Ledger:
    """A file with a JSON line for each accepted event, flushed at once: what the pipeline has promised to keep.

    A line is {"id", "sent_at", "accepted_at", "event"}; times are ms since the epoch, `event` is the very JSON sent.
    """

    def __init__(self, path: Path | None) -> None:
        """Append to the file; None keeps no ledger."""
        self._file: IO[bytes] | None = path.open("ab") if path is not None else None

    def write(self, event_id: str, sent_at: int, accepted_at: int, event: bytes) -> None:
        """One accepted event."""
        if self._file is None:
            return
        head = orjson.dumps({"id": event_id, "sent_at": sent_at, "accepted_at": accepted_at})
        self._file.write(head[:-1] + b',"event":' + event + b"}\n")
        self._file.flush()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        if self._file is not None:
            self._file.close()


class GivenUp(Exception):
    """Ingest did not take the events in time. Those not in the ledger may or may not have arrived: send them again."""


class NotAdmitted(Exception):
    """Ingest does not know the key. Give one that it knows with --key or ETL_API_KEY."""


class IngestClient:
    """Posts batches to one ingest address. `clock` is in seconds since the epoch, `patience_seconds` for one batch."""

    def __init__(
        self,
        session: aiohttp.ClientSession,
        url: str,
        key: str,
        ledger: Ledger,
        *,
        patience_seconds: float = 120.0,
        clock: Callable[[], float] = time.time,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._session = session
        self._url = url.rstrip("/") + EVENTS_PATH
        self._key = key
        self._ledger = ledger
        self._patience_seconds = patience_seconds
        self._clock = clock
        self._sleep = sleep
        self._random = random.Random()  # noqa: S311  jitter is no secret
        self.totals = Totals()

    async def send(self, events: Sequence[bytes], content_type: str = NDJSON) -> None:
        """Return once every event is accepted or refused for good; events are JSON texts, one line each.

        Raises GivenUp where some are neither after `patience_seconds`, and NotAdmitted.
        """
        self.totals.sent += len(events)
        started, waiting, failures = self._clock(), list(events), 0
        while waiting:
            sent_at = self._milliseconds()
            reply = await self._post(waiting, content_type)
            waiting = self._settle(waiting, reply, sent_at)
            if not waiting:
                return
            failures += 1
            wait = wait_seconds(reply.wait_seconds, failures, self._random.random())
            if self._clock() + wait - started > self._patience_seconds:
                self.totals.given_up += len(waiting)
                raise GivenUp(f"{self._url} did not take {len(waiting)} events within {self._patience_seconds:g} s")
            self.totals.resent += len(waiting)
            await self._sleep(wait)

    async def post_raw(self, body: bytes, content_type: str, headers: Mapping[str, str]) -> tuple[int, bytes]:
        """The status and body of one request as it is: no retry, no ledger. Raises aiohttp.ClientError."""
        async with self._session.post(
            self._url, data=body, headers={"Content-Type": content_type, **headers}
        ) as response:
            return response.status, await response.read()

    async def _post(self, events: Sequence[bytes], content_type: str) -> Reply:
        media_type = NDJSON if content_type == DEBEZIUM and len(events) > 1 else content_type
        headers = {"Content-Type": media_type, "X-Api-Key": self._key}
        params = {"format": "debezium"} if content_type == DEBEZIUM else {}
        try:
            async with self._session.post(
                self._url, data=b"\n".join(events) + b"\n", headers=headers, params=params
            ) as response:
                if response.status in (401, 403):
                    raise NotAdmitted(f"{self._url} answers {response.status}: {_reason(await response.read())}")
                return read_reply(response.status, response.headers, await response.read(), len(events))
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            return Reply([Answer("retry", reason=type(error).__name__)] * len(events))

    def _settle(self, events: Sequence[bytes], reply: Reply, sent_at: int) -> list[bytes]:
        """Count the answers and keep the ledger; the events to send again."""
        accepted_at, again = self._milliseconds(), []
        for event, answer in zip(events, reply.answers, strict=True):
            if answer.status == "accepted":
                self.totals.accepted += 1
                self._ledger.write(answer.id or own_id(event), sent_at, accepted_at, event)
                continue
            self.totals.count_reason(answer.reason)
            if answer.status == "rejected":
                self.totals.rejected += 1
            else:
                again.append(event)
        return again

    def _milliseconds(self) -> int:
        return round(self._clock() * 1000)


def own_id(event: bytes) -> str:
    """The id that the event states, or an empty text."""
    fields = orjson.loads(event)
    return str(fields.get("id", "")) if isinstance(fields, dict) else ""


def wait_seconds(asked: float | None, failures: int, chance: float) -> float:
    """How long to wait after so many failures: what was asked for and a little more, else a growing random time."""
    if asked is not None:
        return asked + 0.1 * chance
    return float(min(_LONGEST_WAIT_SECONDS, _FIRST_WAIT_SECONDS * 2 ** min(failures, 16)) * chance)


def read_reply(status: int, headers: Mapping[str, str], body: bytes, events: int) -> Reply:
    """What an HTTP answer means for each of the events of its request."""
    wait = _retry_after(headers)
    answers = _per_event(body, events)
    if answers is not None:
        return Reply(answers, wait)
    if status in _BUSY:
        return Reply([Answer("retry", reason=f"HTTP {status}")] * events, wait)
    if 200 <= status < 300:
        return Reply([Answer("accepted")] * events, wait)
    return Reply([Answer("rejected", reason=_reason(body) or f"HTTP {status}")] * events, wait)


def _retry_after(headers: Mapping[str, str]) -> float | None:
    text = headers.get("Retry-After", "")
    return float(text) if text.replace(".", "", 1).isdecimal() else None


def _per_event(body: bytes, events: int) -> list[Answer] | None:
    """The answers that the body lists, or None where it does not list one for each event."""
    try:
        document = orjson.loads(body)
    except orjson.JSONDecodeError:
        return None
    listed = document.get("events") if isinstance(document, dict) else None
    if not isinstance(listed, list) or len(listed) != events:
        return None
    by_index = sorted(listed, key=lambda entry: int(entry.get("index", 0)))
    return [_answer(entry) for entry in by_index]


def _answer(entry: Mapping[str, Any]) -> Answer:
    stated = str(entry.get("status", ""))
    status: Status = "accepted" if stated == "accepted" else "retry" if stated == "retry" else "rejected"
    return Answer(status, str(entry.get("id") or ""), str(entry.get("code") or stated))


def _reason(body: bytes) -> str:
    try:
        document = orjson.loads(body)
    except orjson.JSONDecodeError:
        return ""
    error = document.get("error", document) if isinstance(document, dict) else {}
    return str(error.get("code", "")) if isinstance(error, dict) else ""
