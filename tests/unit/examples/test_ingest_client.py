from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self, cast

import aiohttp
import orjson
import pytest
from feeding import Pace
from ingest_client import DEBEZIUM, GivenUp, IngestClient, Ledger, NotAdmitted, read_reply, wait_seconds

Response = tuple[int, Mapping[str, str], bytes]


def event(number: int) -> bytes:
    return b'{"id": "e%d", "type":"t", "payload":{"n":1.50}}' % number


def listing(*statuses: str) -> bytes:
    entries = [{"index": n, "id": f"id{n}", "status": s, "code": f"code_{s}"} for n, s in enumerate(statuses)]
    return orjson.dumps({"events": entries})


class FakeIngest:
    """Stands in for aiohttp's session: answers what it was given, in turn, and keeps what it was sent."""

    def __init__(self, *answers: Response | Exception) -> None:
        self.answers = list(answers)
        self.requests: list[dict[str, Any]] = []

    def post(self, url: str, **request: Any) -> "FakeIngest.Exchange":
        self.requests.append({"url": url, **request})
        return FakeIngest.Exchange(self.answers.pop(0))

    @property
    def bodies(self) -> list[list[bytes]]:
        return [request["data"].splitlines() for request in self.requests]

    class Exchange:
        """One request under way."""

        def __init__(self, answer: Response | Exception) -> None:
            self.answer = answer

        async def __aenter__(self) -> Self:
            if isinstance(self.answer, Exception):
                raise self.answer
            self.status, self.headers, self.body = self.answer
            return self

        async def __aexit__(self, kind: type[BaseException] | None, error: object, at: TracebackType | None) -> None:
            return None

        async def read(self) -> bytes:
            return self.body


class Time:
    """A clock that only sleeping moves."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.slept: list[float] = []

    def clock(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds


Make = Callable[..., IngestClient]


@pytest.fixture
def time() -> Time:
    return Time()


@pytest.fixture
def ledger_file(tmp_path: Path) -> Path:
    return tmp_path / "ledger.jsonl"


@pytest.fixture
def make(time: Time, ledger_file: Path) -> Iterator[Make]:
    kept = Ledger(ledger_file)

    def client(ingest: FakeIngest, patience_seconds: float = 60.0) -> IngestClient:
        return IngestClient(
            cast(aiohttp.ClientSession, ingest),
            "http://ingest:8080/",
            "key",
            kept,
            patience_seconds=patience_seconds,
            clock=time.clock,
            sleep=time.sleep,
        )

    with kept:
        yield client


def lines(file: Path) -> Sequence[bytes]:
    return file.read_bytes().splitlines()


def ledger(file: Path) -> Sequence[Mapping[str, Any]]:
    return [orjson.loads(line) for line in lines(file)]


async def test_accepted_events_are_in_the_ledger_as_they_were_sent(make: Make, ledger_file: Path) -> None:
    """A line each, with the id of the answer, the times, and the very bytes of the event."""
    ingest = FakeIngest((202, {}, listing("accepted", "accepted")))
    client = make(ingest)
    await client.send([event(1), event(2)])
    assert ingest.requests[0]["url"] == "http://ingest:8080/v1/events"
    assert ingest.requests[0]["headers"] == {"Content-Type": "application/x-ndjson", "X-Api-Key": "key"}
    assert [line["id"] for line in ledger(ledger_file)] == ["id0", "id1"]
    assert ledger(ledger_file)[0]["sent_at"] == ledger(ledger_file)[0]["accepted_at"] == 1_000_000
    assert lines(ledger_file)[0].endswith(b'"event":' + event(1) + b"}")
    assert (client.totals.sent, client.totals.accepted) == (2, 2)


async def test_only_what_is_marked_retry_goes_again(make: Make, time: Time, ledger_file: Path) -> None:
    """Accepted and rejected events are settled at the first answer."""
    ingest = FakeIngest(
        (207, {"Retry-After": "2"}, listing("accepted", "retry", "rejected", "retry")),
        (202, {}, listing("accepted", "accepted")),
    )
    client = make(ingest)
    await client.send([event(n) for n in range(4)])
    assert ingest.bodies == [[event(0), event(1), event(2), event(3)], [event(1), event(3)]]
    assert 2.0 <= time.slept[0] <= 2.1
    assert len(ledger(ledger_file)) == 3
    totals = client.totals
    assert (totals.sent, totals.accepted, totals.rejected, totals.resent) == (4, 3, 1, 2)
    assert totals.reasons == {"code_retry": 2, "code_rejected": 1}


@pytest.mark.parametrize("status", [429, 500, 502, 503, 504])
async def test_a_busy_ingest_is_asked_again_after_what_it_says(make: Make, time: Time, status: int) -> None:
    """Retry-After is honoured, with a little added so that not all come back at once."""
    body = b'{"accepted":0,"error":{"code":"too_busy"}}'
    ingest = FakeIngest((status, {"Retry-After": "3"}, body), (202, {}, listing("accepted")))
    await make(ingest).send([event(1)])
    assert ingest.bodies == [[event(1)], [event(1)]]
    assert 3.0 <= time.slept[0] <= 3.1


async def test_no_answer_sends_the_same_events_again(make: Make, time: Time) -> None:
    """Whether they had arrived is unknown; they keep their ids."""
    ingest = FakeIngest(aiohttp.ServerDisconnectedError(), TimeoutError(), (202, {}, listing("accepted")))
    client = make(ingest)
    await client.send([event(1)])
    assert ingest.bodies == [[event(1)]] * 3
    assert len(time.slept) == 2
    assert client.totals.accepted == 1


async def test_patience_ends(make: Make, time: Time, ledger_file: Path) -> None:
    """After the limit the events count as given up, and are in no ledger."""
    ingest = FakeIngest(*[(503, {"Retry-After": "4"}, b"")] * 10)
    client = make(ingest, patience_seconds=10)
    with pytest.raises(GivenUp):
        await client.send([event(1)])
    assert time.now <= 1010
    assert client.totals.given_up == 1
    assert lines(ledger_file) == []


async def test_a_refused_body_is_rejected_for_good(make: Make, time: Time) -> None:
    """A 4xx for the whole body counts for each event, with its code."""
    client = make(FakeIngest((413, {}, b'{"accepted":0,"error":{"code":"body_too_large"}}')))
    await client.send([event(1), event(2)])
    assert client.totals.rejected == 2
    assert client.totals.reasons == {"body_too_large": 2}
    assert time.slept == []


@pytest.mark.parametrize("status", [401, 403])
async def test_an_unknown_key_ends_the_feeding(make: Make, status: int) -> None:
    """No retry makes a wrong key right."""
    with pytest.raises(NotAdmitted, match="key_unknown"):
        await make(FakeIngest((status, {}, b'{"error":{"code":"key_unknown"}}'))).send([event(1)])


async def test_changes_go_as_debezium(make: Make) -> None:
    """One change has Debezium's own content type, several are lines with the format named."""
    ingest = FakeIngest((202, {}, listing("accepted")), (202, {}, listing("accepted", "accepted")))
    client = make(ingest)
    await client.send([event(1)], DEBEZIUM)
    await client.send([event(1), event(2)], DEBEZIUM)
    assert [request["headers"]["Content-Type"] for request in ingest.requests] == [DEBEZIUM, "application/x-ndjson"]
    assert [request["params"] for request in ingest.requests] == [{"format": "debezium"}] * 2


def test_an_answer_that_does_not_align_is_judged_by_its_status() -> None:
    """A proxy's page or a list of another length says nothing of single events."""
    assert [a.status for a in read_reply(503, {}, b"<html>", 2).answers] == ["retry", "retry"]
    assert [a.status for a in read_reply(202, {}, listing("accepted"), 2).answers] == ["accepted", "accepted"]
    assert [a.status for a in read_reply(400, {}, b"[]", 1).answers] == ["rejected"]


def test_entries_are_matched_by_index() -> None:
    """Their order in the answer does not matter."""
    body = b'{"events":[{"index":1,"status":"retry"},{"index":0,"status":"accepted","id":"a"}]}'
    assert [a.status for a in read_reply(207, {}, body, 2).answers] == ["accepted", "retry"]


def test_waiting_grows_and_is_bounded() -> None:
    """Without a word from ingest the wait doubles up to ten seconds, at random below."""
    assert wait_seconds(None, 1, 1.0) == pytest.approx(0.4)
    assert wait_seconds(None, 3, 1.0) == pytest.approx(1.6)
    assert wait_seconds(None, 500, 1.0) == 10.0
    assert wait_seconds(None, 500, 0.0) == 0.0
    assert wait_seconds(5, 1, 1.0) == pytest.approx(5.1)


def test_pace_spreads_events_and_forgets_lost_time() -> None:
    """Ten events at five a second take two seconds; a long pause is not followed by a flood."""
    now = [0.0]
    pace = Pace(5.0, lambda: now[0])
    assert pace.delay(10) == 0.0
    assert pace.delay(5) == pytest.approx(2.0)
    now[0] = 100.0
    assert pace.delay(5) == 0.0
    assert pace.delay(1) == pytest.approx(1.0)


def test_the_summary_is_a_line_each(make: Make) -> None:
    """Names and numbers, for people and for scripts."""
    client = make(FakeIngest())
    client.totals.sent = 3
    client.totals.count_reason("too_busy")
    assert client.totals.lines("web").splitlines()[0] == "web sent: 3"
    assert client.totals.lines("web").splitlines()[-1] == "web reason too_busy: 1"
