"""The real service on the Kinesis double: what it answers is true of the stream, whatever happens to it."""

from __future__ import annotations

import asyncio
import gzip
import socket
from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import urlsplit

import aiohttp
import orjson
import pytest
import pytest_asyncio

pytestmark = pytest.mark.integration

HEADERS = {"X-API-Key": "integration-key", "Content-Type": "application/json"}


@pytest_asyncio.fixture
async def http() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=30)) as session:
        yield session


async def post(
    http: aiohttp.ClientSession, url: str, body: Any, headers: dict[str, str] | None = None
) -> tuple[int, Any]:
    data = body if isinstance(body, bytes) else orjson.dumps(body)
    async with http.post(f"{url}/v1/events", data=data, headers=HEADERS | (headers or {})) as response:
        return response.status, await response.json()


BAD = [
    ("malformed JSON", b'{"type":', {}, 400, "malformed_json", None),
    ("not UTF-8", b'{"type":"t","payload":"\xff"}', {}, 400, "invalid_utf8", None),
    ("NaN", b'{"type":"t","payload":NaN}', {}, 400, "malformed_json", None),
    ("a huge number", b'{"type":"t","payload":1e999}', {}, 400, "number_out_of_range", None),
    ("a depth bomb", b"[" * 100_000, {}, 400, "too_deep", None),
    ("no event", b"[]", {}, 400, "empty_batch", None),
    ("too large an event", {"type": "t", "payload": "x" * 300_000}, {}, 413, "event_too_large", None),
    ("too many events", [{"type": "t"}] * 1001, {}, 413, "batch_too_large", None),
    ("too large a body", b" " * 900_000, {}, 413, "body_too_large", None),
    ("a gzip bomb", gzip.compress(b" " * 50_000_000), {"Content-Encoding": "gzip"}, 413, "body_too_large", None),
    ("an unknown field", {"type": "t", "colour": 1}, {}, 422, "unknown_field", "colour"),
    ("no type", {"payload": 1}, {}, 422, "missing_field", "type"),
    ("a wrong type", {"type": "t", "key": 5}, {}, 422, "wrong_type", "key"),
    ("a bad timestamp", {"type": "t", "time": "noon"}, {}, 422, "invalid_time", "time"),
    ("a future timestamp", {"type": "t", "time": "2999-01-01T00:00:00Z"}, {}, 422, "time_in_future", "time"),
    ("no key", {"type": "t"}, {"X-API-Key": ""}, 401, "key_missing", None),
    ("a bad key", {"type": "t"}, {"X-API-Key": "guess"}, 403, "key_unknown", None),
    ("another content type", {"type": "t"}, {"Content-Type": "text/plain"}, 415, "unsupported_format", "Content-Type"),
]


async def test_every_kind_of_bad_input_is_a_4xx_that_says_why_and_leaves_nothing(
    http: aiohttp.ClientSession, stream: Any, serve: Any
) -> None:
    async with serve(INGEST_MAX_BODY_BYTES="800000") as ingest:
        for name, body, headers, status, code, field in BAD:
            answered, content = await post(http, ingest.url, body, headers)
            found = content["error"] if "error" in content else content["events"][0]
            assert (name, answered, found["code"], found["field"]) == (name, status, code, field)
        good = {"type": "good", "id": "good", "payload": {"n": 1.0}}
        status, content = await post(http, ingest.url, [{"type": "t", "nope": 1}, good, 7])
        assert status == 207
        assert [(entry["index"], entry["status"]) for entry in content["events"]] == [
            (0, "rejected"),
            (1, "accepted"),
            (2, "rejected"),
        ]
        assert [event["id"] for event in await stream.events()] == ["good"]
        log = ingest.log.read_text()
        assert "integration-key" not in log
        assert "Traceback" not in log


async def test_kill_9_while_events_flow_loses_nothing_that_was_accepted(
    http: aiohttp.ClientSession, stream: Any, serve: Any
) -> None:
    accepted: set[str] = set()
    enough = asyncio.Event()

    async def send(url: str, sender: int) -> None:
        for number in range(10_000):
            batch = [{"type": "t", "id": f"{sender}-{number}-{n}", "key": f"k{n}"} for n in range(5)]
            try:
                status, body = await post(http, url, batch)
            except aiohttp.ClientError:
                return
            assert status == 202
            accepted.update(entry["id"] for entry in body["events"])
            if len(accepted) > 2000:
                enough.set()

    async with serve() as ingest, asyncio.TaskGroup() as group:
        for sender in range(8):
            group.create_task(send(ingest.url, sender))
        await asyncio.wait_for(enough.wait(), 60)
        ingest.kill()
    stored = {event["id"] for event in await stream.events()}
    assert len(accepted) > 2000
    assert accepted - stored == set()


async def test_sigterm_answers_what_is_in_flight_and_exits_0(
    http: aiohttp.ClientSession, stream: Any, serve: Any
) -> None:
    await stream.fault(kind="throttle_puts", count=None)
    async with serve() as ingest, asyncio.TaskGroup() as group:
        posts = [group.create_task(post(http, ingest.url, {"type": "t", "id": f"e{n}"})) for n in range(20)]
        await asyncio.sleep(0.5)  # the posts are being retried against the throttled stream by now
        assert not any(task.done() for task in posts)
        ended = group.create_task(ingest.terminate())
        await asyncio.sleep(0.3)
        await stream.clear_faults()
        assert await ended == 0
        assert [(await task)[0] for task in posts] == [202] * 20
    assert {event["id"] for event in await stream.events()} == {f"e{n}" for n in range(20)}


async def test_throttling_is_retried_and_an_outage_is_a_503_with_ids(
    http: aiohttp.ClientSession, stream: Any, serve: Any
) -> None:
    async with serve(INGEST_PUT_SECONDS="1.5") as ingest:
        await stream.fault(kind="throttle_puts", count=5)
        batch = [{"type": "t", "key": f"k{n}", "id": f"a{n}"} for n in range(20)]
        assert (await post(http, ingest.url, batch))[0] == 202
        await stream.fault(kind="fail_calls", operation="PutRecords", count=None)
        status, body = await post(http, ingest.url, {"type": "t", "id": "late"})
        assert (status, body["events"][0]["status"], body["events"][0]["id"]) == (503, "retry", "late")
        await stream.clear_faults()
        assert (await post(http, ingest.url, {"type": "t", "id": "late"}))[0] == 202
        assert {event["id"] for event in await stream.events()} == {f"a{n}" for n in range(20)} | {"late"}


async def test_order_per_key_is_that_of_the_batch_and_of_one_request_after_another(
    http: aiohttp.ClientSession, stream: Any, serve: Any
) -> None:
    async with serve() as ingest:
        await stream.fault(kind="throttle_puts", count=200, percent=30)
        for start in range(0, 300, 60):
            batch = [{"type": "t", "key": f"k{n % 7}", "payload": n} for n in range(start, start + 60)]
            assert (await post(http, ingest.url, batch))[0] == 202
    by_key: dict[str, list[int]] = {}
    for event in await stream.events():
        by_key.setdefault(event["key"], []).append(event["payload"])
    assert {key: sorted(numbers) for key, numbers in by_key.items()} == by_key
    assert sum(map(len, by_key.values())) == 300


async def test_a_connection_that_sends_no_request_is_closed(stream: Any, serve: Any) -> None:
    async with serve(INGEST_IDLE_SECONDS="0.5") as ingest:
        address = urlsplit(ingest.url)
        reader, writer = await asyncio.open_connection(address.hostname, address.port)
        writer.write(b"POST /v1/events HTTP/1.1\r\nHost: x\r\nX-Slow: ")
        await writer.drain()
        assert await asyncio.wait_for(reader.read(), 10) == b""
        writer.close()


async def test_headers_beyond_the_limit_are_refused(http: aiohttp.ClientSession, stream: Any, serve: Any) -> None:
    async with serve() as ingest:
        address = urlsplit(ingest.url)
        reader, writer = await asyncio.open_connection(address.hostname, address.port)
        writer.write(b"POST /v1/events HTTP/1.1\r\nHost: x\r\nX-Long: " + b"x" * 70_000 + b"\r\n\r\n")
        status = await asyncio.wait_for(reader.readline(), 10)
        writer.close()
        assert b" 400 " in status
        async with http.get(f"{ingest.url}/readyz") as response:
            assert response.status == 200


async def test_metrics_count_what_was_sent(http: aiohttp.ClientSession, stream: Any, serve: Any) -> None:
    async with serve() as ingest:
        await post(http, ingest.url, [{"type": "t"}, {"type": "t"}, {}])
        async with http.get(f"{ingest.url}/metrics") as response:
            text = await response.text()
    assert 'etl_events_in_total{stream="http"} 3.0' in text
    assert 'etl_events_out_total{sink="raw"} 2.0' in text
    assert 'etl_rejected_events_total{code="missing_field"} 1.0' in text
    assert 'etl_http_requests_total{route="/v1/events",status="207"} 1.0' in text


async def test_a_port_in_use_is_one_clear_line(stream: Any, serve: Any) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        with pytest.raises(AssertionError, match="ingest-api did not start") as raised:
            async with serve(INGEST_PORT=str(taken.getsockname()[1])):
                pass
    assert "INGEST_PORT" in str(raised.value)
    assert "Traceback" not in str(raised.value)
