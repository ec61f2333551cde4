"""Faults of a real OpenSearch trip the alarms on it: the metrics are read of the node as AWS derives them.

Source: https://docs.aws.amazon.com/opensearch-service/latest/developerguide/managedomains-cloudwatchmetrics.html
"""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from cloudwatch_alarms import Metrics, Watch, composites_in_alarm
from emf import Point, points
from opensearchpy import AsyncOpenSearch
from prometheus_client import CollectorRegistry

from delivery import Document, OpenSearchSink, RetryPolicy
from service_runtime.emf import Publisher
from service_runtime.metrics import StageMetrics

pytestmark = pytest.mark.integration

START = 1_700_000_100_000
MINUTE = 60_000
INDEX = "alarms-2024.01.01"
NAMES = {"$namespace": "StreamingETL", "$each": "indexer", "$domain": "local", "$account": "123456789012"}
ALARMS = ("search-red", "search-yellow", "search-writes-blocked", "sink-retries")


class Domain:
    """The node's indices of this test as a domain of AWS, with an indexer that writes to them; minutes are played."""

    def __init__(self, search: AsyncOpenSearch) -> None:
        self.search = search
        self.metrics = Metrics()
        self.watches = {name: Watch(name, self.metrics, NAMES) for name in ALARMS}
        self._now = START
        registry = CollectorRegistry()
        self._stage = StageMetrics(registry)
        self._publisher = Publisher(registry, "indexer", "StreamingETL")
        # It gives up after a moment: played minutes take no time.
        retry = RetryPolicy(base_seconds=0.01, cap_seconds=0.02, deadline_seconds=0.2)
        self._sink = OpenSearchSink(search, retry, observer=self._stage.observer("opensearch"))

    async def minutes(self, count: int) -> None:
        """So many minutes: documents are written, metrics read, alarms looked at."""
        for number in range(count):
            outcomes = await self._sink.deliver([Document(INDEX, f"d{number}", b'{"n":1}')])
            delivered = sum(outcome.status == "delivered" for outcome in outcomes)
            self._stage.events_out.labels("opensearch").inc(delivered)
            line = self._publisher.line(self._now)
            assert line is not None
            self.metrics.add(points(line))
            for name, value in (await self._read()).items():
                dimensions = frozenset({("DomainName", "local"), ("ClientId", "123456789012")})
                self.metrics.add([Point("AWS/ES", name, dimensions, self._now, value, "Count")])
            self._now += MINUTE
            for watch in self.watches.values():
                watch.look(self._now)

    @property
    def alarmed(self) -> set[str]:
        return {name for name, watch in self.watches.items() if watch.state == "ALARM"}

    async def _read(self) -> dict[str, float]:
        health = (await self.search.cluster.health(index="alarms-*"))["status"]
        settings = await self.search.indices.get_settings(index="alarms-*", flat_settings=True)  # type: ignore[call-arg]
        blocks = {"index.blocks.write", "index.blocks.read_only_allow_delete"}
        blocked = any(index["settings"].get(block) == "true" for index in settings.values() for block in blocks)
        return {
            "ClusterStatus.red": float(health == "red"),
            "ClusterStatus.yellow": float(health == "yellow"),
            "ClusterIndexWritesBlocked": float(blocked),
        }


@pytest_asyncio.fixture
async def domain(search: AsyncOpenSearch) -> AsyncIterator[Domain]:
    await search.indices.create(index=INDEX, body={"settings": {"number_of_replicas": 0}})
    try:
        yield Domain(search)
    finally:
        await search.indices.delete(index="alarms-*")


async def test_a_block_of_writes_is_told_by_the_domain_and_by_the_indexer(domain: Domain) -> None:
    """Flood-stage disk makes such a block; items are answered 429 and sent again until it ends."""
    await domain.minutes(8)
    assert domain.alarmed == set()
    block = "index.blocks.read_only_allow_delete"
    await domain.search.indices.put_settings(index=INDEX, body={block: True})
    await domain.minutes(7)
    assert domain.alarmed == {"search-writes-blocked", "sink-retries"}
    assert "indexer-held-by-search" in composites_in_alarm(domain.alarmed)
    await domain.search.indices.put_settings(index=INDEX, body={block: None})
    await domain.minutes(8)
    assert domain.alarmed == set()


async def test_a_primary_that_cannot_be_allocated_is_told(domain: Domain) -> None:
    """An index that no node may hold, as after the loss of the node that held it."""
    await domain.minutes(8)
    nowhere = {"index.routing.allocation.require.box": "nowhere", "number_of_replicas": 0}
    await domain.search.indices.create(
        index="alarms-lost", body={"settings": nowhere}, params={"wait_for_active_shards": "0"}
    )
    await domain.minutes(1)
    assert domain.alarmed == {"search-red"}
    await domain.search.indices.delete(index="alarms-lost")
    await domain.minutes(2)
    assert domain.alarmed == set()


async def test_replicas_that_cannot_be_allocated_are_told_after_half_an_hour(domain: Domain) -> None:
    """One node and one replica: the copy has no place of its own."""
    await domain.minutes(8)
    await domain.search.indices.put_settings(index=INDEX, body={"index.number_of_replicas": 1})
    await domain.minutes(25)
    assert domain.alarmed == set()
    await domain.minutes(10)
    assert domain.alarmed == {"search-yellow"}
    await domain.search.indices.put_settings(index=INDEX, body={"index.number_of_replicas": 0})
    await domain.minutes(10)
    assert domain.alarmed == set()
