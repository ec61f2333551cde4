"""POST /v1/events: what each kind of request is answered, and what then is in the sink."""

from __future__ import annotations

import asyncio
import gzip
import hashlib
import zlib
from typing import Any

import aiohttp
import orjson
import pytest

from delivery import Item, Outcome
from delivery.testing import MemorySink
from event_contract import Event, Limits, decode
from ingest_api.admission import Capacity

NOW = 1_700_000_000_000
JSON = {"Content-Type": "application/json"}


async def post(service: Any, body: Any, headers: dict[str, str] | None = None, **options: Any) -> tuple[int, Any, Any]:
    data = body if isinstance(body, bytes) else orjson.dumps(body)
    async with service.http.post("/v1/events", data=data, headers=JSON | (headers or {}), **options) as response:
        return response.status, await response.json(), response.headers


def stored(service: Any) -> list[Event]:
    events = [decode(item.data) for item in service.sink.delivered]
    assert all(isinstance(event, Event) for event in events)
    return [event for event in events if isinstance(event, Event)]


async def test_one_event_is_accepted_and_in_the_sink(start: Any) -> None:
    async with start() as service:
        status, body, headers = await post(service, {"type": "t", "id": "a", "key": "k"}, {"X-Request-Id": "r-1"})
        assert status == 202
        assert body == {
            "accepted": 1,
            "rejected": 0,
            "retry": 0,
            "events": [{"index": 0, "id": "a", "status": "accepted"}],
        }
        assert headers["X-Request-Id"] == "r-1"
        [event] = stored(service)
        assert (event.id, event.tenant, event.source, event.received) == ("a", "acme", "shop", NOW)
        assert service.sink.delivered[0].key == "k"
        assert service.value("etl_events_out_total", sink="raw") == 1


async def test_a_mixed_batch_accepts_the_good_and_names_the_bad(start: Any) -> None:
    batch = [
        {"type": "a", "id": "1"},
        {"type": "b", "colour": 1},
        {"type": "c", "time": "noon"},
        {"type": "d", "id": "4"},
    ]
    async with start() as service:
        status, body, _ = await post(service, batch)
        assert status == 207
        assert [
            (entry["index"], entry["status"], entry.get("code"), entry.get("field")) for entry in body["events"]
        ] == [
            (0, "accepted", None, None),
            (1, "rejected", "unknown_field", "colour"),
            (2, "rejected", "invalid_time", "time"),
            (3, "accepted", None, None),
        ]
        assert [event.id for event in stored(service)] == ["1", "4"]
        assert service.value("etl_rejected_events_total", code="unknown_field") == 1


async def test_lines_are_events(start: Any) -> None:
    async with start() as service:
        status, body, _ = await post(
            service, b'{"type":"a"}\n{"type":\n{"type":"b"}\n', {"Content-Type": "application/x-ndjson"}
        )
        assert (status, body["accepted"], body["rejected"]) == (207, 2, 1)


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        (b"{", 400, "malformed_json"),
        (b"", 400, "empty_batch"),
        (b"[]", 400, "empty_batch"),
        (b"[1,", 400, "malformed_json"),
        (b'{"type":"\xff"}', 400, "invalid_utf8"),
        (b'{"type":"t","payload":NaN}', 400, "malformed_json"),
        (b'{"type":"t","payload":1e999}', 400, "number_out_of_range"),
        (b'{"type":"t","payload":' + b"[" * 1000 + b"]" * 1000 + b"}", 400, "too_deep"),
        (b"{}", 422, "missing_field"),
        (b'{"type":5}', 422, "wrong_type"),
        (b'{"type":"t","x":1}', 422, "unknown_field"),
        (b'{"type":"t","time":9999999999999}', 422, "time_in_future"),
        (b'{"type":"t","payload":"' + b"x" * 5000 + b'"}', 413, "event_too_large"),
        (b"[" + b",".join([b'{"type":"t"}'] * 51) + b"]", 413, "batch_too_large"),
        (b"x" * (1 << 19), 413, "body_too_large"),
    ],
)
async def test_nothing_good_is_a_4xx_and_nothing_is_sent(start: Any, body: bytes, status: int, code: str) -> None:
    async with start() as service:
        answered, content, _ = await post(service, body)
        assert answered == status
        assert content["accepted"] == 0
        found = content["error"] if "error" in content else content["events"][0]
        assert found["code"] == code
        assert found["message"]
        assert service.sink.delivered == []


@pytest.mark.parametrize(
    "content_type", ["text/xml", "application/x-www-form-urlencoded", "application/json; charset=latin-1"]
)
async def test_another_content_type_is_415(start: Any, content_type: str) -> None:
    async with start() as service:
        status, body, _ = await post(service, b'{"type":"t"}', {"Content-Type": content_type})
        assert (status, body["error"]["code"]) == (415, "unsupported_format")


async def test_json_with_a_charset_of_utf_8_is_json(start: Any) -> None:
    async with start() as service:
        assert (await post(service, {"type": "t"}, {"Content-Type": 'Application/JSON; charset="UTF-8"'}))[0] == 202


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"X-API-Key": ""}, 401),
        ({"X-API-Key": "wrong"}, 403),
        ({"X-API-Key": "", "Authorization": "Basic c2VjcmV0"}, 401),
        ({"X-API-Key": "", "Authorization": "Bearer wrong"}, 403),
        ({"X-API-Key": "", "Authorization": "bearer secret"}, 202),
        ({"X-API-Key": hashlib.sha256(b"secret").hexdigest()}, 403),
    ],
)
async def test_a_key_is_needed_and_its_hash_is_no_key(start: Any, headers: dict[str, str], status: int) -> None:
    async with start() as service:
        assert (await post(service, {"type": "t"}, headers))[0] == status
        assert len(service.sink.delivered) == (status == 202)


async def test_anonymous_service_takes_events_without_a_key(start: Any) -> None:
    async with start(anonymous=True) as service:
        assert (await post(service, {"type": "t"}, {"X-API-Key": ""}))[0] == 202
        assert stored(service)[0].tenant == "default"


async def test_cloud_events_in_every_mode(start: Any) -> None:
    sent = {"specversion": "1.0", "id": "1", "source": "/s", "type": "Made", "data": {"a": 1}}
    binary = {"ce-specversion": "1.0", "ce-id": "1", "ce-source": "/s", "ce-type": "Made"}
    async with start() as service:
        assert (await post(service, sent, {"Content-Type": "application/cloudevents+json"}))[0] == 202
        assert (await post(service, [sent], {"Content-Type": "application/cloudevents-batch+json; charset=utf-8"}))[
            0
        ] == 202
        assert (await post(service, b'{"a":1}', binary))[0] == 202
        assert {encoded.data for encoded in service.sink.delivered} == {service.sink.delivered[0].data}


async def test_debezium_by_content_type_or_parameter(start: Any) -> None:
    change = {"op": "c", "source": {"table": "orders", "lsn": 5}, "after": {"id": 1}}
    async with start() as service:
        assert (await post(service, change, {"Content-Type": "application/vnd.debezium+json"}))[0] == 202
        assert (await post(service, [change], params={"format": "debezium"}))[0] == 202
        assert {(event.type, event.key, event.id) for event in stored(service)} == {
            ("cdc.orders", "orders:1", stored(service)[0].id)
        }
        assert (await post(service, change, params={"format": "avro"}))[0] == 415


async def test_gzip_is_inflated(start: Any) -> None:
    async with start() as service:
        assert (await post(service, gzip.compress(b'{"type":"t"}'), {"Content-Encoding": "gzip"}))[0] == 202


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        (gzip.compress(b" " * (64 << 20), 9), 413, "body_too_large"),
        (b"not gzip", 400, "invalid_gzip"),
        (gzip.compress(b'{"type":"t"}')[:-3], 400, "invalid_gzip"),
        (gzip.compress(b"[") + gzip.compress(b"]"), 400, "invalid_gzip"),
        (zlib.compress(b'{"type":"t"}'), 400, "invalid_gzip"),
        (b"", 400, "invalid_gzip"),
    ],
)
async def test_a_gzip_bomb_or_broken_gzip_is_refused(start: Any, body: bytes, status: int, code: str) -> None:
    async with start() as service:
        answered, content, _ = await post(service, body, {"Content-Encoding": "gzip"})
        assert (answered, content["error"]["code"]) == (status, code)


async def test_other_encodings_are_415(start: Any) -> None:
    async with start() as service:
        assert (await post(service, b"x", {"Content-Encoding": "br"}))[0] == 415


async def test_undelivered_events_are_to_be_retried_with_their_ids(start: Any) -> None:
    late = Outcome("undelivered", "ProvisionedThroughputExceededException", "slow down")
    async with start(sink=MemorySink[Item](lambda _item: late)) as service:
        status, body, headers = await post(service, [{"type": "t", "id": "a"}, {"type": 5}])
        assert (status, headers["Retry-After"]) == (503, "3")
        assert [(entry["status"], entry.get("id")) for entry in body["events"]] == [("retry", "a"), ("rejected", None)]
        assert service.value("etl_retry_events_total", code="ProvisionedThroughputExceededException") == 1


async def test_a_partly_delivered_batch_is_207_with_retry_after(start: Any) -> None:
    def judge(item: Item) -> Outcome:
        return Outcome("undelivered" if item.key == "slow" else "delivered")

    async with start(sink=MemorySink[Item](judge)) as service:
        status, body, headers = await post(service, [{"type": "t", "key": "slow"}, {"type": "t", "key": "k"}])
        assert (status, headers["Retry-After"], body["accepted"], body["retry"]) == (207, "3", 1, 1)


async def test_what_kinesis_rejects_is_rejected(start: Any) -> None:
    refused = Outcome("rejected", "RecordTooLarge", "too large")
    async with start(sink=MemorySink[Item](lambda _item: refused)) as service:
        status, body, _ = await post(service, {"type": "t"})
        assert (status, body["events"][0]["code"]) == (422, "RecordTooLarge")


async def test_a_failing_sink_is_a_503_not_a_lost_event(start: Any, caplog: pytest.LogCaptureFixture) -> None:
    sink = MemorySink[Item]()
    sink.failure = RuntimeError("broken")
    async with start(sink=sink) as service:
        assert (await post(service, {"type": "t"}))[0] == 503
    assert "sink failed" in caplog.text


class HeldSink:
    """Delivers only once released."""

    def __init__(self) -> None:
        self.release = asyncio.Event()
        self.entered = asyncio.Event()

    async def deliver(self, items: list[Item], /) -> list[Outcome]:
        self.entered.set()
        await self.release.wait()
        return [Outcome("delivered") for _ in items]


async def test_no_answer_before_kinesis_acknowledges(start: Any) -> None:
    sink = HeldSink()
    async with start(sink=sink) as service, asyncio.TaskGroup() as group:
        answer = group.create_task(post(service, {"type": "t"}))
        await sink.entered.wait()
        assert not answer.done()
        sink.release.set()
        assert (await answer)[0] == 202


@pytest.mark.parametrize(
    "capacity",
    [
        Capacity(requests=1, events=100, size=1 << 20),
        Capacity(requests=9, events=1, size=1 << 20),
        Capacity(requests=9, events=9, size=20),
    ],
)
async def test_beyond_capacity_is_429_and_room_comes_back(start: Any, capacity: Capacity) -> None:
    sink = HeldSink()
    async with start(sink=sink, capacity=capacity) as service, asyncio.TaskGroup() as group:
        first = group.create_task(post(service, {"type": "t"}))
        await sink.entered.wait()
        status, body, headers = await post(service, {"type": "other"})
        assert (status, body["error"]["code"], headers["Retry-After"]) == (429, "too_busy", "3")
        sink.release.set()
        assert (await first)[0] == 202
        assert (await post(service, {"type": "t"}))[0] == 202
        assert (service.admission.requests, service.admission.events, service.admission.size) == (0, 0, 0)


async def test_a_body_that_does_not_arrive_is_408(start: Any) -> None:
    async def trickle() -> Any:
        yield b'{"type":'
        await asyncio.sleep(30)
        yield b'"t"}'

    async with start(body_seconds=0.05) as service:
        async with service.http.post("/v1/events", data=trickle(), headers=JSON) as response:
            assert response.status == 408
            assert (await response.json())["error"]["code"] == "body_too_slow"
        assert service.admission.size == 0


async def test_a_chunked_body_beyond_the_limit_is_413(start: Any) -> None:
    async def flood() -> Any:
        for _ in range(40):
            yield b" " * 65536

    async with start() as service:
        try:
            async with service.http.post("/v1/events", data=flood(), headers=JSON) as response:
                assert response.status == 413
        except aiohttp.ClientConnectionError:  # the answer came while the flood was still being sent
            pass
        assert service.admission.size == 0
        assert service.value("etl_http_requests_total", route="/v1/events", status="413") == 1


async def test_a_declared_trace_reaches_the_event(start: Any) -> None:
    trace = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
    async with start() as service:
        await post(service, {"type": "t"}, {"traceparent": trace})
        await post(service, {"type": "t", "trace": "own"}, {"traceparent": trace})
        assert [event.trace for event in stored(service)] == [trace, "own"]


async def test_other_routes(start: Any) -> None:
    async with start() as service:
        for path, status in (("/livez", 200), ("/readyz", 200), ("/metrics", 200), ("/docs", 200), ("/nothing", 404)):
            async with service.http.get(path) as response:
                assert (path, response.status) == (path, status)
                assert response.headers["X-Request-Id"]
        async with service.http.get("/v1/events") as response:
            assert (response.status, response.headers["Allow"]) == (405, "POST")
            assert (await response.json())["error"]["code"] == "method_not_allowed"
        service.ready[0] = False
        async with service.http.get("/readyz") as response:
            assert response.status == 503


async def test_a_strange_request_id_is_replaced(start: Any) -> None:
    async with start() as service:
        _, _, headers = await post(service, {"type": "t"}, {"X-Request-Id": "a b\tc" * 100})
        assert len(headers["X-Request-Id"]) == 32


async def test_the_open_api_document_states_the_limits_in_force(start: Any) -> None:
    async with start(limits=Limits(max_batch_events=17)) as service:
        async with service.http.get("/openapi.json") as response:
            document = await response.json()
        assert document["openapi"].startswith("3.1")
        assert "17 events" in document["info"]["description"]
        assert set(document["paths"]) == {"/v1/events", "/livez", "/readyz", "/metrics"}
        async with service.http.get("/docs") as response:
            page = await response.text()
        assert "unknown_field" in page
        assert "//" not in page.replace("…/v1", "")
