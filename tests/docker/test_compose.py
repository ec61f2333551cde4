"""The stack in containers, as users start it: tasks of a service share its shards, and killing some loses nothing."""

import asyncio
import json
import time
from collections import defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import aiohttp
import pytest
from aiobotocore.session import get_session
from compose_project import ComposeProject, Container
from sending import Sent, send, write_ledger

from etl_cli.freshness import FreshnessSampler
from etl_cli.proof import Evidence
from etl_cli.report.reconcile import Report
from shardline.leases.dynamodb import DynamoDBLeaseTable

_Found = TypeVar("_Found")

# What this test's own traffic does not reach.
_NOT_FED = ("alerts is 0", "dead-lettered is 0", "no accepted event was ever seen")
_HEALTHY_SECONDS = 240.0
_SETTLE_SECONDS = 120.0
_LEASE_TABLES = {"enricher": "enricher-leases", "indexer": "indexer-leases-enriched"}


@dataclass(frozen=True, slots=True)
class Stack:
    """A stack that runs: its project, its API key, and the addresses of its stores as seen from here."""

    project: ComposeProject
    key: str
    environment: dict[str, str]

    @property
    def ingest(self) -> str:
        """The ingest API."""
        return f"http://127.0.0.1:{self.project.variables['INGEST_PORT']}"

    @property
    def console(self) -> str:
        """The console's page."""
        return f"http://127.0.0.1:{self.project.variables['CONSOLE_PORT']}"

    @property
    def opensearch(self) -> str:
        """OpenSearch."""
        return self.environment["OPENSEARCH_URL"]

    async def holders(self, service: str) -> dict[str, set[str]]:
        """Which shards each task of a service holds; a task's name begins with the id of its container."""
        session = get_session()
        client = session.create_client("dynamodb", endpoint_url=self.environment["AWS_ENDPOINT_URL"], **_CREDENTIALS)
        held: dict[str, set[str]] = defaultdict(set)
        async with client as dynamodb:
            table = DynamoDBLeaseTable(dynamodb=dynamodb, table=_LEASE_TABLES[service])
            for lease in await table.list_leases():
                held[lease.holder or ""].add(lease.shard_id)
        return held


_CREDENTIALS = {"region_name": "us-east-1", "aws_access_key_id": "local", "aws_secret_access_key": "local"}


@pytest.fixture(scope="module")
def stack(project: ComposeProject, images: str, request: pytest.FixtureRequest) -> Iterator[Stack]:
    failed_before, is_well = request.session.testsfailed, False
    try:
        started = time.monotonic()
        project.compose("up", "--detach", "--scale", "enricher=2", "--scale", "indexer=2", seconds=_HEALTHY_SECONDS)
        project.wait_until_well(_HEALTHY_SECONDS)
        is_well = True
        print(f"stack: {len(project.containers())} containers, healthy after {time.monotonic() - started:.0f} s")
        yield _opened(project)
    finally:
        if not is_well or request.session.testsfailed > failed_before:
            print(project.last_lines())
        project.down()


def _opened(project: ComposeProject) -> Stack:
    (ingest,) = project.containers("ingest-api")
    address = {name: f"http://127.0.0.1:{project.variables[name]}" for name in project.variables if "PORT" in name}
    environment = {
        "AWS_REGION": _CREDENTIALS["region_name"],
        "AWS_ACCESS_KEY_ID": _CREDENTIALS["aws_access_key_id"],
        "AWS_SECRET_ACCESS_KEY": _CREDENTIALS["aws_secret_access_key"],
        "AWS_ENDPOINT_URL": address["MINISTACK_PORT"],
        "AWS_ENDPOINT_URL_KINESIS": address["KINESIS_PORT"],
        "OPENSEARCH_URL": address["OPENSEARCH_PORT"],
    }
    return Stack(project, project.inside(ingest, "cat", "/setup/api-key"), environment)


def test_every_container_runs_as_an_ordinary_user(stack: Stack) -> None:
    """No container of the project's own images runs as root, and no key stands in its configuration."""
    secrets = {stack.key, stack.project.inside(stack.project.containers("enricher")[0], "cat", "/setup/mask-secret")}
    for container in stack.project.containers():
        if container.state == "running":
            assert stack.project.inside(container, "id", "-u") == "10001"
    configuration = stack.project.compose("config")
    assert not [secret for secret in secrets if secret in configuration]


async def test_an_event_is_enriched_searched_counted_and_shown(stack: Stack) -> None:
    """OpenSearch finds an event with its country and its window by country; the console shows every task."""
    event = {
        "id": "shown",
        "type": "page_view",
        "source": "test",
        "key": "u",
        "payload": {"page": "/", "ip": "8.8.8.8"},
    }
    async with aiohttp.ClientSession() as session:
        headers = {"X-API-Key": stack.key}
        async with session.post(f"{stack.ingest}/v1/events", json=event, headers=headers) as answer:
            assert answer.status == 202, await answer.text()
        found = await _eventually(lambda: _search(session, stack, "events", "id:shown"), "the event cannot be found")
        assert found["enrichment"]["geo"]["country"] == "US"
        assert found["payload"]["ip"] == "8.8.8.0"
        async with session.get(stack.console) as page:
            assert page.status == 200
        tasks = await _eventually(lambda: _services_up(session, stack), "the console misses a service")
        assert tasks == {"ingest-api": 1, "enricher": 2, "aggregator": 1, "indexer": 2}
        window = await _eventually(
            lambda: _search(session, stack, "aggregates", "query:page_views"), "the event's window cannot be found"
        )
        assert (window["key"], window["values"]["views"]) == ({"page": "/", "country": "US"}, 1)


async def test_killed_tasks_lose_nothing(stack: Stack, tmp_path: Path) -> None:
    """With one of two enrichers and one of two indexers killed while events flow, the others take over: lost 0."""
    for service in _LEASE_TABLES:
        await _eventually(partial(_shared_by_two, stack, service), f"two tasks of {service} share no shards")
    sent, killed = Sent(), []
    async with _traffic(stack, sent):
        await asyncio.sleep(8)
        for service in _LEASE_TABLES:
            container = stack.project.containers(service)[0]
            held = await stack.holders(service)
            mine = {shard for task, shards in held.items() if container.id.startswith(task[:12]) for shard in shards}
            stack.project.kill(container)
            killed.append(f"{service} {container.id[:12]} with {len(mine)} of 4 shards")
            assert mine
            before = len(sent.accepted)
            await _eventually(
                partial(_without, stack, service, container), f"nobody took over from {service} {container.id}"
            )
            assert len(sent.accepted) > before, "nothing was accepted while the shards changed hands"
        await asyncio.sleep(5)
    report = await _proof(stack, sent, tmp_path)
    figures = report.figures
    print(f"killed: {', '.join(killed)}")
    print(f"answers other than accepted: {sent.refusals}")
    print("\n".join(f"{name}: {value}" for name, value in figures.items()))
    assert len(sent.accepted) > 500
    assert figures["lost"] == 0
    assert figures["duplicated in OpenSearch"] == 0
    assert not _problems(report)


@asynccontextmanager
async def _traffic(stack: Stack, sent: Sent) -> AsyncIterator[None]:
    stop = asyncio.Event()
    async with asyncio.TaskGroup() as group:
        group.create_task(send(stack.ingest, stack.key, "compose", stop, sent))
        try:
            yield
        finally:
            stop.set()


async def _eventually(look: Callable[[], Awaitable[_Found | None]], otherwise: str, seconds: float = 60) -> _Found:
    """What `look` gives, once it gives something that is true. Fails with `otherwise` when time is up."""
    deadline = time.monotonic() + seconds
    while not (found := await look()):
        assert time.monotonic() < deadline, otherwise
        await asyncio.sleep(1)
    return found


async def _shared_by_two(stack: Stack, service: str) -> bool:
    """Whether each running task of the service holds a share of the four shards."""
    held = await stack.holders(service)
    return len(held) == 2 and "" not in held and sum(map(len, held.values())) == 4


async def _without(stack: Stack, service: str, dead: Container) -> bool:
    """Whether all four shards are held by tasks of other containers."""
    held = await stack.holders(service)
    return "" not in held and not [task for task in held if dead.id.startswith(task[:12])]


async def _search(session: aiohttp.ClientSession, stack: Stack, alias: str, query: str) -> dict[str, Any] | None:
    """The first document behind an alias that a query finds."""
    async with session.get(f"{stack.opensearch}/{alias}/_search", params={"q": query}) as answer:
        hits = (await answer.json()).get("hits", {}).get("hits", [])
    return hits[0]["_source"] if hits else None


async def _services_up(session: aiohttp.ClientSession, stack: Stack) -> dict[str, int] | None:
    """The services that the console's page shows and how many tasks of each answer, once none is missing."""
    async with session.get(f"{stack.console}/api/stream") as stream:
        async for line in stream.content:
            if line.startswith(b"data: "):
                nodes = json.loads(line.removeprefix(b"data: "))["pulse"]["graph"]["nodes"]
                services = [node for node in nodes if node["kind"] == "service"]
                are_up = all(node["state"] == "up" and node["reachable"] == node["processes"] for node in services)
                return {node["title"]: node["reachable"] for node in services} if are_up else None
    return None


def _problems(report: Report) -> list[str]:
    return [problem for problem in report.problems if not problem.startswith(_NOT_FED)]


async def _proof(stack: Stack, sent: Sent, folder: Path) -> Report:
    """The report over all that was accepted, once it is well or two minutes later."""
    write_ledger(folder, sent)
    deadline = time.monotonic() + _SETTLE_SECONDS
    async with Evidence(stack.environment, folder) as evidence:
        sampler = FreshnessSampler(evidence.opensearch, "events")
        while True:
            report = await evidence.report(sampler)
            if not _problems(report) or time.monotonic() > deadline:
                return report
            await asyncio.sleep(3)
