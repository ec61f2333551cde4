"""The console's routes over HTTP, with real backends on loopback."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import Any

import aiohttp
import pytest
from aiohttp.test_utils import TestClient, TestServer
from prometheus_client import CollectorRegistry

from console import app, opensearch
from console.aws import AwsShardSource
from console.live import Live
from console.metrics import ConsoleMetrics
from console.opensearch import Archive
from console.settings import Settings
from service_runtime import load

pytestmark = pytest.mark.integration


@dataclass
class Served:
    """A console in this process: its client, its poll loop, its stop."""

    client: "TestClient[Any, Any]"
    live: Live
    stop: asyncio.Event

    async def events(self, count: int) -> list[tuple[str, Any]]:
        """The first events of the live stream, as (event, JSON)."""
        async with self.client.get("/api/stream", headers={"Last-Event-ID": "12345"}) as response:
            assert response.status == 200
            assert response.content_type == "text/event-stream"
            return await read_events(response, count)


async def read_events(response: aiohttp.ClientResponse, count: int) -> list[tuple[str, Any]]:
    found: list[tuple[str, Any]] = []
    event = ""
    while len(found) < count:
        line = (await asyncio.wait_for(response.content.readline(), 10)).decode().rstrip("\n")
        if line.startswith("event: "):
            event = line.removeprefix("event: ")
        if line.startswith("data: "):
            found.append((event, json.loads(line.removeprefix("data: "))))
    return found


@pytest.fixture
async def served(environment: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Served]:
    for name in ("AWS_ENDPOINT_URL", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, environment[name])
    settings = load(Settings, {**environment, "CONSOLE_MAX_CLIENTS": "2"})
    registry, stop = CollectorRegistry(), asyncio.Event()
    metrics = ConsoleMetrics(registry)
    async with AsyncExitStack() as stack:
        http = await stack.enter_async_context(aiohttp.ClientSession())
        shards = await stack.enter_async_context(AwsShardSource(settings))
        client = opensearch.connect(settings)
        stack.push_async_callback(client.close)
        archive = Archive(client)
        live = Live(settings, http, shards, archive, metrics)
        built = app.build(settings, live, archive, metrics, registry, stop, lambda: True)
        yield Served(await stack.enter_async_context(TestClient(TestServer(built))), live, stop)
        stop.set()
        live.fan_out.wake_all()


async def poll(served: Served) -> None:
    await served.live.poll_metrics()
    await served.live.poll_shards()
    await served.live.poll_views()


async def test_the_page_and_its_files_come_with_a_strict_policy(served: Served) -> None:
    """Nothing outside is loaded, nothing inline runs, no text can become markup."""
    for path in ("/", "/static/main.js", "/static/style.css", "/api/search", "/nowhere"):
        async with served.client.get(path) as response:
            policy = response.headers["Content-Security-Policy"]
            assert policy.startswith("default-src 'self';")
            assert "unsafe" not in policy
            assert "require-trusted-types-for 'script'" in policy
            assert response.headers["X-Content-Type-Options"] == "nosniff"


async def test_the_page_names_no_address_but_its_own(served: Served) -> None:
    async with served.client.get("/") as response:
        page = await response.text()
    assert "http://" not in page
    assert "https://" not in page
    assert "style=" not in page
    assert "onclick" not in page


async def test_the_stream_begins_with_everything_whatever_was_last_seen(served: Served) -> None:
    await poll(served)
    await asyncio.sleep(0.05)
    await served.live.poll_metrics()
    ((event, snapshot),) = await served.events(1)
    assert event == "snapshot"
    totals = snapshot["pulse"]["graph"]["totals"]
    assert totals["problems"] == []
    assert totals["accepted_rate"] > 0
    assert totals["indexed"]["p50"] > 0
    streams = {stream["stream"]: stream for stream in snapshot["shards"]["streams"]}
    assert [row["share"] for row in streams["raw"]["shards"]] == [0.5, 0.5]
    assert {reader["group"] for reader in streams["enriched"]["shards"][0]["readers"]} == {"aggregator", "indexer"}
    assert streams["enriched"]["shards"][0]["readers"][0]["lag"] > 0
    views = snapshot["views"]["views"]
    assert {chart["query"] for chart in views["charts"]} == {
        "log_levels", "page_views_by_country", "revenue", "sensors",
    }  # fmt: skip
    assert [alert["severity"] for alert in views["alerts"]] == ["critical", "warning", "info"]
    assert "original" not in views["dead_letters"][0]


async def test_each_poll_is_published_once_to_every_page(served: Served) -> None:
    async with served.client.get("/api/stream") as one, served.client.get("/api/stream") as other:
        for response in (one, other):
            assert [event for event, _ in await read_events(response, 1)] == ["snapshot"]
        await poll(served)
        for response in (one, other):
            assert [event for event, _ in await read_events(response, 3)] == ["pulse", "shards", "views"]


async def test_more_pages_than_allowed_are_told_to_wait(served: Served) -> None:
    ask = served.client.get
    async with ask("/api/stream"), ask("/api/stream"), ask("/api/stream") as refused:
        assert refused.status == 503
        assert "too many pages" in (await refused.json())["error"]


async def test_streams_end_when_the_console_stops(served: Served) -> None:
    async with served.client.get("/api/stream") as response:
        await read_events(response, 1)
        served.stop.set()
        served.live.fan_out.wake_all()
        assert await asyncio.wait_for(response.content.read(), 5) == b"\n"


async def test_with_every_backend_down_each_is_named_and_nothing_fails(served: Served, backends: Any) -> None:
    backends.down = {"ingest-api", "enricher", "aggregator", "indexer", "opensearch", "aws"}
    await poll(served)
    ((_, snapshot),) = await served.events(1)
    problems = snapshot["pulse"]["graph"]["totals"]["problems"]
    for name in ("ingest-api", "enricher", "aggregator", "indexer", "OpenSearch", "Kinesis (raw, enriched"):
        assert any(problem.startswith(name) and "unreachable, retrying" in problem for problem in problems), problems
    assert snapshot["views"]["views"]["error"]
    assert all(stream["problems"] for stream in snapshot["shards"]["streams"])
    for path in ("/api/search?q=x", "/api/dead-letters", "/api/dead-letters?id=d1"):
        async with served.client.get(path) as response:
            assert response.status == 503
            assert (await response.json())["error"].startswith("OpenSearch: unreachable, retrying")
    for path in ("/", "/livez", "/readyz", "/metrics"):
        async with served.client.get(path) as response:
            assert response.status == 200


async def test_what_comes_back_is_up_at_the_next_poll(served: Served, backends: Any) -> None:
    backends.down = {"enricher", "opensearch", "aws"}
    await poll(served)
    assert len(served.live.board.graph().totals.problems) > 2
    backends.down = set()
    await poll(served)
    assert served.live.board.graph().totals.problems == ()


async def test_a_backend_that_answers_nonsense_is_down_not_fatal(
    served: Served, backends: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(backends.pages, "enricher", "etl_x{{{\n")
    await served.live.poll_metrics()
    assert any("not Prometheus text" in problem for problem in served.live.board.graph().totals.problems)


async def test_a_search_finds_events_with_their_marks(served: Served) -> None:
    async with served.client.get("/api/search", params={"q": "timeout", "minutes": "60"}) as response:
        assert response.status == 200
        results = await response.json()
    assert results["total"] == 2
    assert results["found"][0]["snippets"] == [
        {"field": "payload.message", "parts": ["", "timeout", " while reading the fan speed"]}
    ]


async def test_hostile_content_travels_as_json_text_only(served: Served) -> None:
    async with served.client.get("/api/search", params={"q": "<img"}) as response:
        assert response.content_type == "application/json"
        results = await response.json()
    assert results["found"][0]["preview"].startswith("<img src=x")


@pytest.mark.parametrize("query", ["minutes=0", "size=9999", f"q={'x' * 301}"])
async def test_a_search_out_of_bounds_is_refused_with_the_reason(served: Served, query: str) -> None:
    async with served.client.get(f"/api/search?{query}") as response:
        assert response.status == 400
        assert (await response.json())["error"]


async def test_a_dead_letter_is_given_with_its_bytes_on_request(served: Served) -> None:
    async with served.client.get("/api/dead-letters") as response:
        listed = (await response.json())["dead_letters"]
    assert [letter["code"] for letter in listed] == ["invalid_json", "bad_type", "not_text"]
    async with served.client.get("/api/dead-letters", params={"id": listed[0]["id"]}) as response:
        assert (await response.json())["original"]["text"] == '{"type": "page_view", "u'
    async with served.client.get("/api/dead-letters", params={"id": "gone"}) as response:
        assert response.status == 404


async def test_another_host_name_is_refused_on_loopback(served: Served) -> None:
    """A page elsewhere cannot read this one by pointing its own name here."""
    for host, status in (("evil.example", 421), ("localhost:8090", 200), ("127.0.0.1", 200), ("[::1]:1", 200)):
        async with served.client.get("/livez", headers={"Host": host}) as response:
            assert response.status == status, host


async def test_its_own_metrics_say_who_is_unreachable(served: Served, backends: Any) -> None:
    backends.down = {"opensearch"}
    await poll(served)
    async with served.client.get("/metrics") as response:
        text = await response.text()
    assert 'etl_console_polls_total{backend="opensearch",outcome="unreachable"} 1.0' in text
    assert 'etl_console_polls_total{backend="enricher",outcome="answered"} 1.0' in text
