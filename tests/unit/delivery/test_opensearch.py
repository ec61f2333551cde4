"""The bulk API: every item judged, bodies spliced, whole-request failures understood."""

from typing import Any

import orjson
import pytest
from opensearchpy.exceptions import ConnectionError as OpenSearchConnectionError
from opensearchpy.exceptions import ConnectionTimeout, SerializationError, TransportError

from delivery import Document, OpenSearchSink
from delivery.opensearch import bulk_lines, judge_item
from delivery.outcome import Outcome, Retry


def documents_of(arguments: dict[str, Any]) -> list[str]:
    return [orjson.loads(line)["index"]["_id"] for line in arguments["body"].splitlines()[::2]]


def indexed(arguments: dict[str, Any]) -> dict[str, Any]:
    return {"errors": False, "items": [{"index": {"status": 201}} for _ in documents_of(arguments)]}


def document(identity: str, version: int | None = None) -> Document:
    return Document("events-x-2025.01.01", identity, b'{"a":1}', version)


def failure(status: int, kind: str, reason: str = "") -> dict[str, Any]:
    return {"status": status, "error": {"type": kind, "reason": reason}}


def test_the_body_is_spliced_in_byte_for_byte():
    """What JSON libraries would change (number spelling, spaces, key order) stays as it came."""
    lines = bulk_lines(Document("i", "1", b'{"n": 1.50, "b":1e2}'))
    assert lines == b'{"index":{"_index":"i","_id":"1"}}\n{"n": 1.50, "b":1e2}\n'


def test_a_version_is_external_and_greater_or_equal():
    """An updated document carries its version, so that an older one never replaces a newer."""
    action = orjson.loads(bulk_lines(document("1", 2**62)).splitlines()[0])["index"]
    assert (action["version"], action["version_type"]) == (2**62, "external_gte")


def test_line_ends_in_a_body_do_not_break_the_bulk():
    """Pretty-printed JSON stays one line of NDJSON."""
    assert bulk_lines(Document("i", "1", b'{\n "a": 1\n}')).count(b"\n") == 2


@pytest.mark.parametrize(
    ("answer", "versioned", "expected"),
    [
        ({"status": 200}, False, Outcome("delivered")),
        ({"status": 201}, True, Outcome("delivered")),
        (failure(409, "version_conflict_engine_exception"), True, "superseded"),
        (failure(400, "mapper_parsing_exception"), False, "rejected"),
        (
            failure(400, "illegal_argument_exception", "Limit of total fields [1000] exceeded"),
            False,
            "rejected",
        ),
        (failure(413, "too_large"), False, "rejected"),
        (failure(400, "validation_exception", "this cluster has [1000]/[1000] maximum shards open"), False, None),
        (failure(403, "cluster_block_exception", "index [x] blocked by: [FORBIDDEN/8/index write (api)]"), False, None),
        (failure(404, "index_not_found_exception"), False, None),
        (failure(409, "version_conflict_engine_exception"), False, None),
        (failure(429, "rejected_execution_exception"), False, None),
        (failure(429, "cluster_block_exception", "read-only-allow-delete block"), False, None),
        (failure(502, "bad_gateway"), False, None),
        (failure(503, "unavailable_shards_exception"), False, None),
        (failure(504, "timeout"), False, None),
        ({}, False, None),
    ],
)
def test_each_answer_has_its_meaning(answer: dict[str, Any], versioned: bool, expected: Any):
    """Delivered, superseded, rejected, or (None) retried without end."""
    verdict = judge_item(answer, versioned)
    if isinstance(expected, Outcome):
        assert verdict == expected
    elif expected is None:
        assert isinstance(verdict, Retry)
        assert verdict.limit is None
    else:
        assert isinstance(verdict, Outcome)
        assert expected in (verdict.status, verdict.code)


async def test_only_what_must_be_retried_is_sent_again(scripted, at_once, observer):
    """One bulk with a delivered, a rejected, a superseded and an overloaded item: the last alone goes again."""

    def mixed(arguments: dict[str, Any]) -> dict[str, Any]:
        answers = [
            {"status": 201},
            failure(400, "mapper_parsing_exception", "no"),
            failure(409, "version_conflict_engine_exception"),
            failure(429, "rejected_execution_exception"),
        ]
        return {"errors": True, "items": [{"index": answer} for answer in answers]}

    client = scripted(indexed, mixed)
    sink = OpenSearchSink(client, at_once, observer=observer)
    outcomes = await sink.deliver([document("1"), document("2"), document("3", 7), document("4")])
    assert [outcome.status for outcome in outcomes] == ["delivered", "rejected", "delivered", "delivered"]
    assert outcomes[1].code == "mapper_parsing_exception"
    assert documents_of(client.calls[1]) == ["4"]
    assert observer.retries == [(1, "rejected_execution_exception")]


async def test_a_document_that_breaks_the_node_is_rejected_in_the_end(scripted, at_once):
    """A 500 for one item is retried a few times only: poison does not stop a shard."""

    def poison(arguments: dict[str, Any]) -> dict[str, Any]:
        answers = [
            failure(500, "illegal_state_exception", "boom") if name == "bad" else {"status": 201}
            for name in documents_of(arguments)
        ]
        return {"errors": True, "items": [{"index": answer} for answer in answers]}

    client = scripted(poison)
    outcomes = await OpenSearchSink(client, at_once).deliver([document("bad"), document("good")])
    assert [outcome.status for outcome in outcomes] == ["rejected", "delivered"]
    assert len(client.calls) == 8


async def test_a_request_too_large_is_halved(scripted, at_once):
    """A 413 splits the bulk until it passes; a document that is alone and still too large is rejected."""

    def answer(arguments: dict[str, Any]) -> dict[str, Any]:
        names = documents_of(arguments)
        if len(names) > 2 or "huge" in names:
            raise TransportError(413, "too_large", {})
        return indexed(arguments)

    client = scripted(answer)
    names = ["a", "b", "huge", "c", "d"]
    outcomes = await OpenSearchSink(client, at_once).deliver([document(name) for name in names])
    assert [outcome.status for outcome in outcomes] == ["delivered"] * 2 + ["rejected"] + ["delivered"] * 2


@pytest.mark.parametrize(
    "error",
    [
        OpenSearchConnectionError("N/A", "refused", OSError("refused")),
        ConnectionTimeout("TIMEOUT", "slow", TimeoutError()),
        TransportError(429, "circuit_breaking_exception", {}),
        TransportError(503, "unavailable", {}),
        TransportError(403, "security_exception", {}),
        SerializationError("half an answer"),
    ],
    ids=lambda error: type(error).__name__,
)
async def test_a_failed_request_is_retried_whole(scripted, at_once, error):
    """OpenSearch down, overloaded or misconfigured keeps every document."""
    client = scripted(indexed, error)
    outcomes = await OpenSearchSink(client, at_once).deliver([document("1"), document("2")])
    assert [outcome.status for outcome in outcomes] == ["delivered"] * 2
    assert documents_of(client.calls[1]) == ["1", "2"]


async def test_an_answer_that_does_not_align_is_retried(scripted, at_once):
    """A 200 with fewer items than documents says nothing about any."""
    client = scripted(indexed, lambda _: {"errors": False, "items": []}, lambda _: "gateway page")
    outcomes = await OpenSearchSink(client, at_once).deliver([document("1")])
    assert outcomes[0].status == "delivered"
    assert len(client.calls) == 3
