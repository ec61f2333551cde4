"""No body, content type or outcome makes the front fail: each ends as an answer that a client can act on."""

from __future__ import annotations

import asyncio
import json
import zlib
from collections.abc import AsyncIterator

from hypothesis import given
from hypothesis import strategies as st

from delivery import Outcome
from event_contract import Arrival, Event, Rejected, encode
from ingest_api import formats
from ingest_api.admission import Admission, Capacity, Ticket
from ingest_api.answers import Answer, judge, whole_body
from ingest_api.body import inflate, read_body

ARRIVAL = Arrival(received_ms=1_700_000_000_000, nonce=b"n")
kinds = st.sampled_from(sorted(frozenset().union(*formats.CONTENT_TYPES.values()))) | st.text(max_size=30)
texts = st.binary(max_size=80) | st.recursive(
    st.none() | st.integers() | st.text(max_size=5) | st.sampled_from(["t", "1.0"]),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(["type", "id", "payload", "time", "key", "op", "source", "specversion"]), inner
        )
    ),
).map(lambda value: json.dumps(value).encode())
outcomes = st.sampled_from([Outcome("delivered"), Outcome("rejected", "code"), Outcome("undelivered", "code")])


@given(texts, kinds, st.none() | st.sampled_from([*formats.CONTENT_TYPES, "x"]), st.data())
def test_every_request_has_an_answer_that_counts_right(
    body: bytes, kind: str, named: str | None, data: st.DataObject
) -> None:
    parsed = formats.parse(body, kind, named, {}, ARRIVAL)
    if isinstance(parsed, Rejected):
        answer = whole_body(parsed)
        assert 400 <= answer.status < 500
        assert not answer.retry
        return
    ends = [data.draw(outcomes) for item in parsed if isinstance(item, Event)]
    answer = judge(parsed, ends)
    assert answer.status in {202, 207, 400, 413, 415, 422, 503}
    assert (answer.status == 202) == (answer.body["accepted"] == len(parsed))
    assert [entry["index"] for entry in answer.body["events"]] == list(range(len(parsed)))
    accepted = [entry["id"] for entry in answer.body["events"] if entry["status"] == "accepted"]
    sent = [item for item in parsed if isinstance(item, Event)]
    assert accepted == [event.id for event, end in zip(sent, ends, strict=True) if end.status == "delivered"]
    assert all(encode(event) and 1 <= len(event.key) <= 256 for event in sent)


@given(st.lists(st.binary(max_size=40), max_size=6), st.integers(0, 100), st.sampled_from(["", "gzip", "identity"]))
def test_a_body_is_read_within_its_limit_and_its_room_is_given_back(
    chunks: list[bytes], limit: int, encoding: str
) -> None:
    async def arrive() -> AsyncIterator[bytes]:
        for chunk in chunks:
            yield chunk

    async def read(ticket: Ticket) -> bytes | Answer:
        with ticket:
            return await read_body(arrive(), declared=None, encoding=encoding, limit=limit, seconds=5, ticket=ticket)

    admission = Admission(Capacity(1, 1, 120))
    ticket = admission.admit()
    assert ticket is not None
    body = asyncio.run(read(ticket))
    if isinstance(body, bytes):
        assert len(body) <= limit
        assert encoding == "gzip" or body == b"".join(chunks)
    assert (admission.requests, admission.events, admission.size) == (0, 0, 0)


@given(st.binary(max_size=200), st.integers(0, 200), st.data())
def test_inflation_gives_the_content_or_a_refusal_but_never_more_than_the_limit(
    content: bytes, limit: int, data: st.DataObject
) -> None:
    deflater = zlib.compressobj(wbits=31)
    packed = bytearray(deflater.compress(content) + deflater.flush())
    ticket = Admission(Capacity(1, 1, 1000)).admit()
    assert ticket is not None
    inflated = inflate(bytes(packed), limit, ticket)
    assert inflated == content if len(content) <= limit else isinstance(inflated, Answer)
    packed[data.draw(st.integers(0, len(packed) - 1))] ^= data.draw(st.integers(1, 255))
    damaged = inflate(bytes(packed), limit, ticket)
    assert isinstance(damaged, Answer) or len(damaged) <= limit
