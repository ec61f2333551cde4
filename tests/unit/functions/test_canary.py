"""The canary: what it sends, what counts as accepted, and what it tells."""

import io
import json
import urllib.error
from typing import Any

import pytest
from canary.handler import Canary, Settings
from canary.probe import Answer, api_key, event, judge, line
from emf import points

from event_contract import Event
from event_contract.native import parse_batch

NOON = 1_800_000_000_000
SETTINGS = Settings("https://ingest.example.com", "arn:secret", "StreamingETL/etl", 10.0)


class Api:
    """Answers what it is told to, and keeps what it was sent."""

    def __init__(self, *answers: tuple[int, bytes] | Exception) -> None:
        self.answers = list(answers)
        self.requests: list[Any] = []

    def __call__(self, request: Any, *, timeout: float) -> Any:
        self.requests.append(request)
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        status, body = answer
        if status >= 400:
            raise urllib.error.HTTPError(request.full_url, status, "no", {}, io.BytesIO(body))  # type: ignore[arg-type]
        response = io.BytesIO(body)
        response.status = status  # type: ignore[attr-defined]
        return response


ACCEPTED = (202, b'{"accepted":1,"rejected":0,"retry":0}')


def canary(api: Api, secrets: list[str] | None = None) -> Canary:
    kept = secrets or ["key"]
    times = iter(range(10_000))
    return Canary(
        SETTINGS,
        lambda _: kept.pop(0) if len(kept) > 1 else kept[0],
        open_url=api,
        clock=lambda: float(next(times)),
        now_ms=lambda: NOON,
    )


def told(text: str) -> dict[str, float]:
    return {point.name: point.value for point in points(text)}


def test_its_event_is_one_that_the_contract_takes() -> None:
    """Or every run would be rejected, whatever the API's health."""
    (parsed,) = parse_batch(
        event("run-1", NOON), "application/json", tenant="t", received_ms=NOON, nonce=b"0123456789abcdef"
    )
    assert isinstance(parsed, Event)
    assert (parsed.id, parsed.type, parsed.time) == ("canary-run-1", "canary", NOON)


def test_an_accepted_event_is_success() -> None:
    api = Api(ACCEPTED)
    verdict, text = canary(api).run("run-1")
    assert verdict.accepted
    assert told(text) == {"CanarySuccess": 1, "CanarySeconds": 1}
    (request,) = api.requests
    assert request.full_url == "https://ingest.example.com/v1/events"
    assert request.get_header("X-api-key") == "key"
    assert json.loads(request.data)["id"] == "canary-run-1"


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        ((200, b"<html>a proxy's page</html>"), "status 200"),
        ((202, b'{"accepted":0,"retry":1}'), "0 events accepted"),
        ((202, b"accepted"), "without the count"),
        ((202, b"[]"), "without the count"),
        ((429, b'{"error":"busy"}'), "status 429"),
        ((503, b""), "status 503"),
        (urllib.error.URLError("connection refused"), "connection refused"),
        (TimeoutError("timed out"), "timed out"),
    ],
)
def test_anything_else_is_failure_with_its_reason(answer: Any, reason: str) -> None:
    """No other 2xx means that Kinesis has the event; what fails is told by the metric, never raised."""
    verdict, text = canary(Api(answer)).run("run-1")
    assert not verdict.accepted
    assert reason in verdict.reason
    assert told(text)["CanarySuccess"] == 0
    assert reason in json.loads(text)["reason"]


def test_a_secret_that_cannot_be_read_is_failure_too() -> None:
    """The alarm must hear of it: a function that raises tells no metric."""

    def unreadable(_: str) -> str:
        raise PermissionError("AccessDeniedException")

    verdict, text = Canary(SETTINGS, unreadable, open_url=Api()).run("run-1")
    assert "AccessDeniedException" in verdict.reason
    assert told(text)["CanarySuccess"] == 0


def test_a_changed_key_is_read_again() -> None:
    """At once after a refusal, and every five minutes, not at each call: Secrets Manager bills calls."""
    api = Api(ACCEPTED, (403, b"{}"), ACCEPTED)
    sender = canary(api, ["old", "new"])
    for _ in range(3):
        sender.run("run")
    assert [request.get_header("X-api-key") for request in api.requests] == ["old", "old", "new"]


def test_settings_that_are_missing_are_all_named() -> None:
    with pytest.raises(ValueError, match="CANARY_INGEST_URL and CANARY_API_KEY_SECRET"):
        Settings.of({})
    with pytest.raises(ValueError, match="https://"):
        Settings.of({"CANARY_INGEST_URL": "ingest", "CANARY_API_KEY_SECRET": "x"})
    given = {"CANARY_INGEST_URL": "https://h/", "CANARY_API_KEY_SECRET": "x", "CANARY_METRIC_NAMESPACE": "N"}
    assert Settings.of(given) == Settings("https://h", "x", "N", 10.0)


@pytest.mark.parametrize(("secret", "key"), [("k\n", "k"), ('{"api_key": "k"}', "k")])
def test_the_secret_is_a_key_or_an_object_with_one(secret: str, key: str) -> None:
    assert api_key(secret) == key


@pytest.mark.parametrize("secret", ["", " \n", '{"key": "k"}', '{"api_key": 5}', "{"])
def test_a_secret_without_a_key_says_what_it_should_be(secret: str) -> None:
    with pytest.raises(ValueError, match=r"api_key|API key|Expecting"):
        api_key(secret)


def test_long_answers_are_cut_in_the_log() -> None:
    """A page of a proxy may be large, and a log line is billed by its size."""
    assert len(line(judge(Answer(500, b"x" * 100_000, 1.0)), "r", "N", NOON)) < 1000
